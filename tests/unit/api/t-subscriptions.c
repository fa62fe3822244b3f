/* Which subscriptions a caller is told: each once, its own server's first, others' never. */
#include "support/support.h"

#include "api/internal.h"
#include "base/buf.h"
#include "base/file.h"
#include "identity/gate.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READER_ROLE ACCESS_ROLE_READER
#define SUB(N) "/subscriptions/0000000" N "-0000-4000-8000-000000000000"

enum { MANY = 300 };

static char folder[64];
static struct arena *arena;
static struct gate *gate;

static void add_rule(struct buf *text, const char *principal, const char *scope)
{
    buf_addf(text,
             "%s{\"principalId\":\"%s\",\"tenantId\":\"t\",\"roleDefinitionId\":\"" READER_ROLE
             "\",\"scope\":\"%s\"}",
             text->len == 0 ? "{\"roleAssignments\":[" : ",", principal, scope);
}

static int start(void **state)
{
    struct gate_options options = {
        .endpoint = "https://localhost:8443", .has_provider = true, .is_dev = true};
    CLEANUP(buf_done) struct buf text = {0};
    char scope[ACCESS_SCOPE_MAX_BYTES];

    (void)state;
    arena = test_arena();
    snprintf(folder, sizeof(folder), "/tmp/bootwarden-subs-XXXXXX");
    assert_non_null(mkdtemp(folder));
    options.folder = folder;
    buf_init(&text, ACCESS_RULES_MAX_BYTES);
    add_rule(&text, "ada", SUB("b"));
    add_rule(&text, "ada", SUB("a") "/resourceGroups/g");
    add_rule(&text, "ada", "/SUBSCRIPTIONS/0000000A-0000-4000-8000-000000000000");
    add_rule(&text, "boss", "/");
    for (unsigned i = 0; i < MANY; i++) {
        snprintf(scope, sizeof(scope), SUB("c") "/resourceGroups/g%u", i);
        add_rule(&text, "eve", scope);
        snprintf(scope, sizeof(scope), "/subscriptions/%08x-0000-4000-8000-000000000001", i);
        add_rule(&text, "eve", scope);
    }
    buf_add_str(&text, "]}");
    assert_ok(buf_err(&text));
    assert_ok(
        file_write(arena_printf(arena, "%s/access.json", folder), buf_span(&text), 0600, NULL));
    assert_ok(gate_open(&options, NULL, &gate));
    return 0;
}

static int stop(void **state)
{
    (void)state;
    gate_close(gate);
    if (fork() == 0) {
        execlp("rm", "rm", "-rf", folder, NULL);
        _exit(1);
    }
    arena_free(arena);
    return 0;
}

static size_t list(const char *tenant, const char *id, const char ***ret)
{
    const struct access_caller caller = {
        .issuer = "i", .tenant = tenant, .object_id = id, .name = "", .client_id = ""};
    size_t n = 0;

    assert_ok(api_subscriptions(gate, &caller, arena, ret, &n));
    return n;
}

static void each_is_told_once_to_who_has_a_role_in_it(void **state)
{
    const char **ids = NULL;

    (void)state;
    assert_int_equal(list("t", "ada", &ids), 2);
    assert_string_equal(ids[0], &SUB("a")[strlen("/subscriptions/")]);
    assert_string_equal(ids[1], &SUB("b")[strlen("/subscriptions/")]);
    assert_int_equal(list("t", "eve", &ids), MANY + 1);
    assert_int_equal(list("another", "ada", &ids), 0);
    assert_int_equal(list("t", "nobody", &ids), 0);
}

static void who_has_a_role_everywhere_is_told_all_the_servers_own_first(void **state)
{
    const char **ids = NULL;

    (void)state;
    assert_int_equal(list("t", "boss", &ids), MANY + 4);
    assert_string_equal(ids[0], gate_subscription(gate));
    for (size_t i = 2; i < MANY + 4; i++) {
        assert_true(strcmp(ids[i - 1], ids[i]) < 0);
    }
    assert_int_equal(list(gate_dev(gate)->tenant, gate_dev(gate)->object_id, &ids), 1);
    assert_string_equal(ids[0], gate_subscription(gate));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_told_once_to_who_has_a_role_in_it),
        cmocka_unit_test(who_has_a_role_everywhere_is_told_all_the_servers_own_first),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
