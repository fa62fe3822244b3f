/* The principal that a virtual machine is: there while its owner says so, and never again after. */
#include "unit/kinds/vms.h"

#include "base/codec.h"
#include "kinds/vm-identity.h"

#include <sqlite3.h>

static struct arena *arena;

static int begin(void **state)
{
    arena = test_arena();
    return vms_start(state);
}

static int end(void **state)
{
    arena_free(arena);
    return vms_stop(state);
}

#define SAYING(TYPE)                                                                               \
    "{\"location\":\"westus\",\"identity\":{\"type\":\"" TYPE "\"},\"properties\":{}}"

static bool is_there(const char *principal, struct vm_identity *ret)
{
    err_t err = vm_identity_find(store, arena, span_str(principal), ret);

    assert_true(err == ERR_OK || err == ERR_NOT_FOUND);
    return err == ERR_OK;
}

/* The digest of an address's secret; "" = it has none, "-" = it is none. */
static const char *address(const char *guid)
{
    char digest[2 * SHA256_BYTES + 1] = "";
    err_t err = vm_address_find(store, arena, span_str(guid), digest);

    assert_true(err == ERR_OK || err == ERR_NOT_FOUND);
    return err ? "-" : arena_printf(arena, "%s", digest);
}

/* What the answer says its principal is; NULL = none. */
static const char *principal(void)
{
    const char *text = json_text(member(&m, "identity.principalId"));

    return text == NULL ? NULL : arena_printf(arena, "%s", text);
}

static void it_is_there_while_the_owner_says_so(void **state)
{
    static const struct {
        const char *type;
        bool has_own;
        const char *shown;
    } cases[] = {
        {SAYING("SystemAssigned"), true, "SystemAssigned"},
        {SAYING("systemassigned"), true, "SystemAssigned"},
        {SAYING("SystemAssigned,UserAssigned"), true, "SystemAssigned, UserAssigned"},
        {"{\"location\":\"westus\",\"properties\":{}}", true, "SystemAssigned, UserAssigned"},
        {SAYING("UserAssigned"), false, "UserAssigned"},
        {SAYING("SystemAssigned, UserAssigned"), true, "SystemAssigned, UserAssigned"},
        {SAYING("None"), false, NULL},
        {SAYING("SystemAssigned"), true, "SystemAssigned"},
    };
    struct vm_identity found;
    const char *before = NULL;

    (void)state;
    refused(HTTP_PUT, VM, SAYING("System"), 400, "InvalidIdentityType");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *now, *shown;

        put_ok(VM, cases[i].type);
        now = principal();
        shown = json_text(member(&m, "identity.type"));
        assert_true(shown == cases[i].shown || strcmp(shown, cases[i].shown) == 0);
        assert_int_equal(now != NULL, cases[i].has_own);
        if (now != NULL) {
            /* It stays the same, until it is taken away; then it is another one. */
            assert_true(before == NULL || strcmp(before, now) == 0);
            assert_true(is_there(now, &found));
            assert_string_equal(found.principal_id, now);
            assert_string_equal(found.name, "vm");
            assert_string_equal(found.home, SUBSCRIPTION);
            assert_true(text_is_guid(span_str(found.client_id)));
            assert_string_equal(address(now), "");
        } else {
            assert_false(is_there(before, &found));
        }
        before = now;
    }
    assert_false(is_there("vm", &found));
    assert_false(is_there("99999999-9999-4999-8999-999999999999", &found));
}

static void it_goes_with_its_virtual_machine(void **state)
{
    struct vm_identity found;
    const char *one, *two;

    (void)state;
    put_ok(VM, SAYING("SystemAssigned"));
    one = principal();
    put_ok(VM2, SAYING("SystemAssigned"));
    two = principal();
    assert_string_not_equal(one, two);
    ask(&m, HTTP_DELETE, VM, NULL);
    assert_false(is_there(one, &found));
    assert_true(is_there(two, &found));
    put_ok(VM, SAYING("SystemAssigned")); /* the same name is not the same machine */
    assert_string_not_equal(principal(), one);
    assert_false(is_there(one, &found));
}

static void its_address_is_told_once_and_ends_the_one_before(void **state)
{
    const char *secrets[2], *own;
    struct vm_identity found;

    (void)state;
    put_ok(VM, SAYING("None"));
    refused(HTTP_POST, VM "/createIdentityAddress", NULL, 409, "OperationNotAllowed");
    put_ok(VM, SAYING("SystemAssigned"));
    own = principal();
    for (size_t i = 0; i < ARRAY_LEN(secrets); i++) {
        const char *path, *where;
        uint8_t digest[SHA256_BYTES];

        ask(&m, HTTP_POST, VM "/createIdentityAddress", NULL);
        assert_answer(&m, 200, NULL);
        assert_text(&m, "principalId", own);
        path = text_at(&m, "path");
        where = text_at(&m, "address");
        assert_string_equal(where + strlen(where) - strlen(path), path);
        assert_non_null(strstr(path, "/identity/oauth2/token"));
        secrets[i] = arena_printf(arena, "%.*s", 74, path + strlen("/metadata/"));
        assert_int_equal(strspn(secrets[i], "0123456789abcdef"), 74);
        assert_true(is_there(own, &found));
        assert_ok(hash_once(HASH_SHA256, span_str(secrets[i]), digest));
        assert_string_equal(address(own), hex_dup(arena, span_of(digest, sizeof(digest))));
        assert_false(is_in_store(secrets[i]));
    }
    assert_string_not_equal(secrets[0], secrets[1]);
    /* An update keeps it, another identity has another one. */
    put_ok(VM, "{\"location\":\"westus\",\"properties\":{}}");
    assert_true(is_there(own, &found));
    assert_string_not_equal(address(own), "");
    put_ok(VM, SAYING("None"));
    put_ok(VM, SAYING("SystemAssigned"));
    assert_true(is_there(principal(), &found));
    assert_string_equal(address(principal()), "");
    assert_string_equal(address(own), "-");
}

/* ---- rows ---- */

static size_t rows(const char **ret_subscription)
{
    const struct store_resource_query query = {
        .below = "/identities", .subscription = "", .type = "", .after = "", .max = 10};
    struct store_resource *list = NULL;
    size_t n = 0;

    assert_ok(store_resources(store, arena, &query, NULL, &list, &n));
    *ret_subscription = n == 0 ? "" : list[0].subscription;
    return n;
}

static void what_is_refused_leaves_no_row(void **state)
{
    static const char data[] = "Ym9vdHdhcmRlbi1qb2luLXRva2VuOiBBMWIyQTFiMkExYjJBMWIyQTFiMgo=";
    const char *subscription;

    (void)state;
    put_ok(VM, arena_printf(arena, VM_WITH("\"osProfile\":{\"customData\":\"%s\"}"), data));
    refused(HTTP_PUT, VM2,
            arena_printf(arena,
                         "{\"location\":\"westus\",\"identity\":{\"type\":\"SystemAssigned\"},"
                         "\"properties\":{\"osProfile\":{\"customData\":\"%s\"}}}",
                         data),
            409, "Conflict");
    assert_int_equal(rows(&subscription), 0);
    /* Nor does an update, which leaves the virtual machine as it was. */
    put_ok(VM2, SAYING("None"));
    refused(HTTP_PUT, VM2,
            arena_printf(arena,
                         "{\"location\":\"westus\",\"identity\":{\"type\":\"SystemAssigned\"},"
                         "\"properties\":{\"userData\":\"%s\"}}",
                         data),
            409, "Conflict");
    assert_int_equal(rows(&subscription), 0);
    put_ok(VM2, SAYING("SystemAssigned"));
    assert_int_equal(rows(&subscription), 1);
    assert_string_equal(subscription, SUBSCRIPTION);
}

/* Behind the server's back. */
static void run_sql(const char *sql)
{
    const char *path = arena_printf(arena, "%s/data.sqlite", w->folder);
    sqlite3 *db = NULL;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void fill_subscription(void)
{
    run_sql("WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < "
            "100000) INSERT INTO resources SELECT '/x/' || i, '', '" SUBSCRIPTION
            "', 'x', '', 'Succeeded', '{}', '{}', 1, 0, 0 FROM c");
}

/* No virtual machine shows an identity that cannot get a token. */
static void one_that_has_no_room_is_refused(void **state)
{
    (void)state;
    put_ok(VM, SAYING("None"));
    fill_subscription();
    refused(HTTP_PUT, VM, SAYING("SystemAssigned"), 409, "QuotaExceeded");
    ask(&m, HTTP_GET, VM, NULL);
    assert_null(principal());
}

static void rows_without_a_virtual_machine_are_swept(void **state)
{
    static const char *const parents[STORE_RESOURCE_PARENTS] = {NULL};
    const struct store_resource left = {
        .key = "/identities/99999999-9999-4999-8999-999999999999",
        .id = "/identities/99999999-9999-4999-8999-999999999999",
        .subscription = "",
        .type = "identities",
        .location = "",
        .state = "Succeeded",
        .tags = span_str("{}"),
        .body = span_str("{\"resource\":\"/subscriptions/s/gone\"}"),
    };
    enum store_resource_bar bar = STORE_RESOURCE_NO_BAR;
    struct vm_identity found;
    const char *subscription, *own;
    int64_t version;
    size_t parent;

    (void)state;
    put_ok(VM, SAYING("SystemAssigned"));
    own = principal();
    assert_ok(store_resource_put(store, &left, parents, NOW, NULL, &bar, &parent, &version));
    assert_int_equal(rows(&subscription), 2);
    assert_ok(vm_identities_sweep(store, NULL));
    assert_int_equal(rows(&subscription), 1);
    assert_true(is_there(own, &found));
}

#define IS_ROW "WHERE key LIKE '/identities/%'"
#define IS_VM "WHERE type = 'microsoft.compute/virtualmachines'"
#define KEEP_ROW "CREATE TABLE kept AS SELECT * FROM resources " IS_ROW
#define PUT_ROW_BACK "INSERT INTO resources SELECT * FROM kept"

/* Anybody may ask, as often as they like; a virtual machine may be long. */
static void who_asks_reads_no_virtual_machine(void **state)
{
    struct vm_identity found;
    const char *own;

    (void)state;
    put_ok(VM, SAYING("SystemAssigned"));
    own = principal();
    ask(&m, HTTP_POST, VM "/createIdentityAddress", NULL);
    assert_true(is_there(own, &found));
    run_sql("UPDATE resources SET body = 'cannot be read' " IS_VM);
    assert_true(is_there(own, &found));
    assert_string_equal(found.name, "vm");
    assert_string_equal(found.principal_id, own);
    assert_int_equal(strlen(address(own)), 2 * SHA256_BYTES);
    run_sql("UPDATE resources SET version = version + 100 " IS_VM);
    assert_int_not_equal(vm_identity_find(store, arena, span_str(own), &found), ERR_OK);
}

/* Nor when the subscription has no room: a row that says all is longer than one that is new. */
static void who_asks_in_a_full_subscription_reads_it_once(void **state)
{
    struct vm_identity found;
    const char *own;

    (void)state;
    put_ok(VM, SAYING("SystemAssigned"));
    own = principal();
    run_sql(arena_printf(arena, "UPDATE resource_bytes SET bytes = %d",
                         STORE_RESOURCES_SUBSCRIPTION_BYTES_MAX));
    assert_true(is_there(own, &found));
    run_sql("UPDATE resources SET body = 'cannot be read' " IS_VM);
    assert_true(is_there(own, &found));
}

/* What it says counts for the virtual machine that it was read from, and no other. */
static void a_row_that_is_left_over_says_nothing(void **state)
{
    struct vm_identity found;
    const char *own;

    (void)state;
    put_ok(VM, SAYING("SystemAssigned"));
    own = principal();
    assert_true(is_there(own, &found)); /* now the row knows all of it */
    run_sql(KEEP_ROW);
    put_ok(VM, SAYING("None"));
    run_sql(PUT_ROW_BACK);
    assert_false(is_there(own, &found));
    ask(&m, HTTP_DELETE, VM, NULL);
    assert_false(is_there(own, &found));
    put_ok(VM, SAYING("SystemAssigned"));
    assert_false(is_there(own, &found));
    assert_true(is_there(principal(), &found));
}

/* Rows of before said nothing else. */
static void a_row_that_names_its_virtual_machine_alone_is_filled(void **state)
{
    struct vm_identity found;
    const char *own;

    (void)state;
    put_ok(VM, SAYING("SystemAssigned"));
    own = principal();
    for (int i = 0; i < 2; i++) {
        run_sql("UPDATE resources SET body = json_object('resource', "
                "json_extract(body, '$.resource')) " IS_ROW);
        if (i == 0) {
            assert_true(is_there(own, &found));
        } else {
            assert_ok(vm_identities_sweep(store, NULL));
        }
        run_sql("CREATE TABLE long AS SELECT * FROM resources " IS_VM ";"
                "UPDATE resources SET body = 'cannot be read' " IS_VM);
        assert_true(is_there(own, &found));
        run_sql("UPDATE resources SET body = (SELECT body FROM long) " IS_VM "; DROP TABLE long");
    }
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(it_is_there_while_the_owner_says_so),
        TEST(it_goes_with_its_virtual_machine),
        TEST(its_address_is_told_once_and_ends_the_one_before),
        TEST(what_is_refused_leaves_no_row),
        TEST(one_that_has_no_room_is_refused),
        TEST(rows_without_a_virtual_machine_are_swept),
        TEST(who_asks_reads_no_virtual_machine),
        TEST(who_asks_in_a_full_subscription_reads_it_once),
        TEST(a_row_that_is_left_over_says_nothing),
        TEST(a_row_that_names_its_virtual_machine_alone_is_filled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
