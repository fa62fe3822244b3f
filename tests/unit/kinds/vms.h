/*
 * vms.h - for tests of virtual machines: a manager with all types on a service of its own, and
 * guests that join it.
 */
#ifndef TESTS_KINDS_VMS_H
#define TESTS_KINDS_VMS_H

#include "unit/control/manager.h"
#include "unit/service/world.h"

#include "base/text.h"
#include "kinds/kinds.h"
#include "kinds/vm.h"
#include "store/joins.h"
#include "store/monitor.h"

#define COMPUTE GROUP "/providers/Microsoft.Compute/"
#define VM COMPUTE "virtualMachines/vm"
#define VM2 COMPUTE "virtualMachines/vm2"
#define EXTENSION VM "/extensions/GuestAttestation"
#define TRUSTED                                                                                    \
    "\"securityProfile\":{\"securityType\":\"TrustedLaunch\",\"uefiSettings\":{"                   \
    "\"secureBootEnabled\":true,\"vTpmEnabled\":true}}"
#define VM_WITH(PROPERTIES) "{\"location\":\"westus\",\"properties\":{" PROPERTIES "}}"
#define LINUX_EXTENSION                                                                            \
    "{\"location\":\"westus\",\"properties\":{\"publisher\":"                                      \
    "\"Microsoft.Azure.Security.LinuxAttestation\",\"type\":\"GuestAttestation\","                 \
    "\"typeHandlerVersion\":\"1.0\",\"autoUpgradeMinorVersion\":true}}"

static struct manager m;
static struct world *w;
static struct store *store;

static inline int vms_start(void **state)
{
    (void)state;
    w = world_new();
    assert_ok(service_set_subscription(w->service, SUBSCRIPTION));
    store = service_store(w->service);
    manager_open(&m, store, w->service, kinds_all, kinds_rows);
    m.now = NOW;
    ask(&m, HTTP_PUT, GROUP, "{\"location\":\"westus\"}");
    assert_answer(&m, 201, NULL);
    return 0;
}

static inline int vms_stop(void **state)
{
    (void)state;
    manager_close(&m);
    world_free(w);
    return 0;
}

#define WITH_VMS(test) cmocka_unit_test_setup_teardown(test, vms_start, vms_stop)

static inline void put_ok(const char *target, const char *body)
{
    ask(&m, HTTP_PUT, target, body);
    if (m.answer.status != 200 && m.answer.status != 201) {
        fail_msg("%s: %u %s", target, m.answer.status, m.answer.message);
    }
}

static inline void refused(enum http_method method, const char *target, const char *body,
                           unsigned status, const char *code)
{
    ask(&m, method, target, body);
    assert_answer(&m, status, code);
}

/* ---- guests ---- */

/* Joins by the token's text, or (NULL) by its EK alone; ERR_OK with how it came out. */
static inline enum store_join guest_joins(uint8_t ek, const char *token, struct store_machine *ret)
{
    struct store_machine wanted = {.created = NOW, .ak_name_len = 34};
    uint8_t digest[HASH_MAX_BYTES];
    struct store_joining joining = {.wanted = &wanted, .wish = "", .maker = ""};
    enum store_join outcome = STORE_JOIN_FULL;

    snprintf(wanted.id, sizeof(wanted.id), "00000000-0000-4000-8000-0000000000%02x", ek);
    memset(wanted.ek_digest, ek, sizeof(wanted.ek_digest));
    memset(wanted.ak_name, ek, wanted.ak_name_len);
    if (token != NULL) {
        assert_ok(hasher_once(m.hasher, HASH_SHA256, span_str(token), digest));
        joining.token_digest = span_of(digest, STORE_DIGEST_BYTES);
    }
    assert_ok(store_join(store, &joining, NULL, &outcome, ret));
    return outcome;
}

struct heard {
    const char *state, *trouble;
    int64_t contact, proof;
};

static bool hear(struct store_monitor *row, void *context)
{
    const struct heard *heard = context;

    snprintf(row->state, sizeof(row->state), "%s", heard->state);
    snprintf(row->trouble_why, sizeof(row->trouble_why), "%s", heard->trouble);
    row->contact = heard->contact;
    row->proof_time = heard->proof;
    return true;
}

/* status: a status file's element, or NULL. */
static inline void guest_says(const char *machine, struct heard heard, const char *status)
{
    struct store_monitor_change change = {.apply = hear, .context = &heard, .now = m.now};

    if (heard.trouble == NULL) {
        heard.trouble = "";
    }
    change.status = status == NULL ? (struct span){0} : span_str(status);
    assert_ok(store_monitor_apply(store, machine, &change, NULL));
}

static inline bool machine_is_there(const char *id)
{
    struct store_machine machine;
    err_t err = store_machine_by_id(store, id, NULL, &machine);

    assert_true(err == ERR_OK || err == ERR_NOT_FOUND);
    return err == ERR_OK;
}

static inline bool is_announced(const char *vm_id)
{
    struct store_announced announced;

    return store_announced_by_machine(store, vm_id, NULL, &announced) == ERR_OK;
}

static inline const char *vm_id(const char *target)
{
    ask(&m, HTTP_GET, target, NULL);
    assert_answer(&m, 200, NULL);
    return kept(text_at(&m, "properties.vmId"));
}

/* Is this anywhere in the database, in whatever table? */
static inline bool is_in_store(const char *needle)
{
    static const char *const ends[] = {"", "-wal"};
    CLEANUP(arena_free) struct arena *arena = arena_new(256 * 1024 * 1024);

    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        const char *path = arena_printf(arena, "%s/data.sqlite%s", w->folder, ends[i]);
        struct span bytes = {0};
        size_t len = strlen(needle);

        if (file_read(arena, path, 100 * 1024 * 1024, NULL, &bytes) != ERR_OK) {
            assert_int_equal(i, 1); /* the database itself must be there */
            continue;
        }
        for (size_t at = 0; bytes.len >= len && at <= bytes.len - len; at++) {
            if (memcmp(bytes.data + at, needle, len) == 0) {
                return true;
            }
        }
    }
    return false;
}

#endif
