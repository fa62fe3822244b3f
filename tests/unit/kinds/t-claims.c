/* What only one may have: of two that want it at the same moment one gets it. */
#include "unit/kinds/vms.h"

#include <pthread.h>

#define NETWORK GROUP "/providers/Microsoft.Network/"
#define ADDRESSES NETWORK "publicIPAddresses/"
#define NICS NETWORK "networkInterfaces/"
#define NET NETWORK "virtualNetworks/net"
#define SUBNET NET "/subnets/inner"
#define NET_BODY                                                                                   \
    "{\"location\":\"westus\",\"properties\":{\"addressSpace\":{\"addressPrefixes\":["             \
    "\"10.0.0.0/16\"]},\"subnets\":[{\"name\":\"inner\",\"properties\":{\"addressPrefix\":"        \
    "\"10.0.0.0/24\"}}]}}"
#define NIC_WITH(MORE, PROPERTIES)                                                                 \
    "{\"location\":\"westus\"" MORE ",\"properties\":{\"ipConfigurations\":[{\"name\":\"c\","      \
    "\"properties\":{\"subnet\":{\"id\":\"" SUBNET "\"}" PROPERTIES "}}]}}"
#define NIC_BODY NIC_WITH("", "")
#define NAMED_NIC NIC_WITH(",\"tags\":{\"bootwarden-interface\":\"vnet0\"}", "")
#define ADDRESS_BODY "{\"location\":\"westus\",\"properties\":{\"ipAddress\":\"203.0.113.7\"}}"
#define NIC_VM VM_WITH("\"networkProfile\":{\"networkInterfaces\":[{\"id\":\"" NICS "shared\"}]}")

enum { ROUNDS = 20 };

struct wish {
    enum http_method method;
    const char *target, *body;
};

/* One of two who ask at the same moment, each in a manager of its own on the same control. */
struct racer {
    struct manager own;
    const struct wish *wish;
    pthread_barrier_t *start;
};

static void *run(void *data)
{
    struct racer *racer = data;

    pthread_barrier_wait(racer->start);
    ask(&racer->own, racer->wish->method, racer->wish->target, racer->wish->body);
    return NULL;
}

/* How many of the two got what they wanted. */
static unsigned race(const struct wish wishes[2])
{
    struct racer racers[2];
    pthread_barrier_t start;
    pthread_t threads[2];
    unsigned n = 0;

    pthread_barrier_init(&start, NULL, 2);
    for (size_t i = 0; i < 2; i++) {
        racers[i] = (struct racer){.own = m, .wish = &wishes[i], .start = &start};
        racers[i].own.arena = arena_new(MANAGER_ARENA_BYTES);
        racers[i].own.hasher = hasher_new();
        assert_int_equal(pthread_create(&threads[i], NULL, run, &racers[i]), 0);
    }
    for (size_t i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        n += racers[i].own.answer.code == NULL;
        hasher_free(racers[i].own.hasher);
        arena_free(racers[i].own.arena);
    }
    pthread_barrier_destroy(&start);
    return n;
}

static void clear(const struct wish wishes[2])
{
    for (size_t i = 0; i < 2; i++) {
        ask(&m, HTTP_DELETE, wishes[i].target, NULL);
        assert_null(m.answer.code);
    }
}

static void one_of_two_gets_it(const struct wish wishes[2])
{
    for (int i = 0; i < ROUNDS; i++) {
        assert_int_equal(race(wishes), 1);
        clear(wishes);
    }
}

static void a_public_address(void **state)
{
    static const struct wish wishes[2] = {{HTTP_PUT, ADDRESSES "one", ADDRESS_BODY},
                                          {HTTP_PUT, ADDRESSES "two", ADDRESS_BODY}};

    (void)state;
    one_of_two_gets_it(wishes);
}

static void a_name_on_the_host(void **state)
{
    static const struct wish wishes[2] = {{HTTP_PUT, NICS "one", NAMED_NIC},
                                          {HTTP_PUT, NICS "two", NAMED_NIC}};

    (void)state;
    put_ok(NET, NET_BODY);
    one_of_two_gets_it(wishes);
}

static void a_network_interface(void **state)
{
    static const struct wish wishes[2] = {{HTTP_PUT, VM, NIC_VM}, {HTTP_PUT, VM2, NIC_VM}};

    (void)state;
    put_ok(NET, NET_BODY);
    put_ok(NICS "shared", NIC_BODY);
    one_of_two_gets_it(wishes);
}

static void a_place_among_the_extensions(void **state)
{
    static const struct wish wishes[2] = {{HTTP_PUT, VM "/extensions/one", LINUX_EXTENSION},
                                          {HTTP_PUT, VM "/extensions/two", LINUX_EXTENSION}};

    (void)state;
    put_ok(VM, VM_WITH(TRUSTED));
    one_of_two_gets_it(wishes);
}

/* Both get one, and not the same. */
static void a_private_address(void **state)
{
    static const struct wish wishes[2] = {{HTTP_PUT, NICS "one", NIC_BODY},
                                          {HTTP_PUT, NICS "two", NIC_BODY}};
    static const char member[] = "properties.ipConfigurations.0.properties.privateIPAddress";

    (void)state;
    put_ok(NET, NET_BODY);
    for (int i = 0; i < ROUNDS; i++) {
        const char *first;

        assert_int_equal(race(wishes), 2);
        ask(&m, HTTP_GET, wishes[0].target, NULL);
        first = kept(text_at(&m, member));
        ask(&m, HTTP_GET, wishes[1].target, NULL);
        assert_string_not_equal(first, text_at(&m, member));
        clear(wishes);
    }
}

/* ---- nobody gets into what goes ---- */

static void a_subnet_that_goes(void **state)
{
    static const struct wish wishes[2] = {{HTTP_PUT, NICS "one", NIC_BODY},
                                          {HTTP_DELETE, SUBNET, NULL}};

    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        put_ok(NET, NET_BODY);
        assert_int_equal(race(wishes), 1);
        ask(&m, HTTP_DELETE, NICS "one", NULL);
        assert_null(m.answer.code);
    }
}

static void a_public_address_that_goes(void **state)
{
    static const struct wish wishes[2] = {
        {HTTP_PUT, NICS "one", NIC_WITH("", ",\"publicIPAddress\":{\"id\":\"" ADDRESSES "one\"}")},
        {HTTP_DELETE, ADDRESSES "one", NULL}};

    (void)state;
    put_ok(NET, NET_BODY);
    for (int i = 0; i < ROUNDS; i++) {
        put_ok(ADDRESSES "one", ADDRESS_BODY);
        assert_int_equal(race(wishes), 1);
        ask(&m, HTTP_DELETE, NICS "one", NULL);
        assert_null(m.answer.code);
    }
}

static void an_interface_that_goes(void **state)
{
    static const struct wish wishes[2] = {{HTTP_PUT, VM, NIC_VM},
                                          {HTTP_DELETE, NICS "shared", NULL}};

    (void)state;
    put_ok(NET, NET_BODY);
    for (int i = 0; i < ROUNDS; i++) {
        put_ok(NICS "shared", NIC_BODY);
        assert_int_equal(race(wishes), 1);
        clear(wishes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_VMS(a_public_address),           WITH_VMS(a_name_on_the_host),
        WITH_VMS(a_network_interface),        WITH_VMS(a_place_among_the_extensions),
        WITH_VMS(a_private_address),          WITH_VMS(a_subnet_that_goes),
        WITH_VMS(a_public_address_that_goes), WITH_VMS(an_interface_that_goes),
    };

    return RUN_TESTS(tests);
}
