/* User-assigned identities: principals of their own, and whose guests get tokens of them. */
#include "unit/kinds/vms.h"

#include "kinds/parts.h"
#include "kinds/vm-identity.h"

static struct arena *arena;

static bool may_name; /* identities */

static bool may(const char *action, const char *scope)
{
    (void)scope;
    return may_name || strcmp(action, LINK_IDENTITY) != 0;
}

static int begin(void **state)
{
    arena = test_arena();
    may_name = true;
    vms_start(state);
    m.may = may;
    return 0;
}

static int end(void **state)
{
    arena_free(arena);
    return vms_stop(state);
}

#define IDENTITIES GROUP "/providers/Microsoft.ManagedIdentity/userAssignedIdentities/"
#define ONE IDENTITIES "one"
#define TWO IDENTITIES "two"
#define PLAIN "{\"location\":\"westus\"}"
#define NAMING(TYPE, LIST)                                                                         \
    "{\"location\":\"westus\",\"identity\":{\"type\":\"" TYPE                                      \
    "\",\"userAssignedIdentities\":{" LIST "}},\"properties\":{}}"
#define NAMED(ID) "\"" ID "\":{}"

static bool is_there(const char *principal)
{
    struct vm_identity found;
    err_t err = vm_identity_find(store, arena, span_str(principal), &found);

    assert_true(err == ERR_OK || err == ERR_NOT_FOUND);
    assert_true(err != ERR_OK || strcmp(found.home, SUBSCRIPTION) == 0);
    return err == ERR_OK;
}

/* Its principal. */
static const char *make(const char *id)
{
    put_ok(id, PLAIN);
    return arena_printf(arena, "%s", text_at(&m, "properties.principalId"));
}

/* What its address begins with. */
static const char *address_of(const char *vm)
{
    const char *path;

    ask(&m, HTTP_POST, arena_printf(arena, "%s/createIdentityAddress", vm), NULL);
    assert_answer(&m, 200, NULL);
    path = text_at(&m, "path") + strlen("/metadata/");
    return arena_printf(arena, "%.8s-%.4s-%.4s-%.4s-%.12s", path, path + 8, path + 12, path + 16,
                        path + 20);
}

/* "one two", those whose tokens the address gives, by the end of their ids; "own" for the virtual
 * machine's. "-" = it is none. */
static const char *held(const char *address)
{
    struct vm_held *list = NULL;
    const char *text = "";
    size_t n = 0;
    err_t err = vm_address_held(store, arena, span_str(address), &list, &n);

    assert_true(err == ERR_OK || err == ERR_NOT_FOUND);
    for (size_t i = 0; i < n; i++) {
        const char *slash = strrchr(list[i].resource, '/');

        text = arena_printf(arena, "%s%s%s", text, i == 0 ? "" : " ",
                            slash == NULL ? "own" : slash + 1);
    }
    return err ? "-" : text;
}

static void it_is_a_principal_while_it_is_there(void **state)
{
    const char *one, *again;

    (void)state;
    one = make(ONE);
    assert_true(is_there(one));
    assert_string_equal(make(ONE), one); /* an update changes nobody */
    assert_true(is_there(one));
    ask(&m, HTTP_DELETE, ONE, NULL);
    assert_false(is_there(one));
    again = make(ONE);
    assert_string_not_equal(again, one);
    assert_false(is_there(one));
    assert_true(is_there(again));
}

static void a_virtual_machine_shows_whom_it_names(void **state)
{
    const char *one = make(ONE);
    yyjson_val *users, *entry;

    (void)state;
    put_ok(VM, NAMING("UserAssigned", NAMED(ONE) "," NAMED(TWO)));
    users = member(&m, "identity.userAssignedIdentities");
    entry = json_get(users, ONE);
    assert_string_equal(json_text(json_get(entry, "principalId")), one);
    assert_true(text_is_guid(span_str(json_text(json_get(entry, "clientId")))));
    assert_int_equal(yyjson_obj_size(json_get(users, TWO)), 0); /* which is not there */
    /* What was shown may be sent again, and says nothing. */
    put_ok(VM, NAMING("UserAssigned", "\"" ONE "\":{\"principalId\":\"x\",\"clientId\":\"y\"}"));
    entry = json_get(member(&m, "identity.userAssignedIdentities"), ONE);
    assert_string_equal(json_text(json_get(entry, "principalId")), one);
    put_ok(VM, NAMING("SystemAssigned", NAMED(ONE)));
    assert_null(member(&m, "identity.userAssignedIdentities"));
}

static void an_address_gives_tokens_of_whom_the_virtual_machine_names_now(void **state)
{
    const char *address, *other;

    (void)state;
    (void)make(ONE);
    (void)make(TWO);
    put_ok(VM, NAMING("UserAssigned", ""));
    refused(HTTP_POST, VM "/createIdentityAddress", NULL, 409, "OperationNotAllowed");
    put_ok(VM, NAMING("UserAssigned", NAMED(ONE) "," NAMED(TWO)));
    address = address_of(VM);
    assert_false(is_there(address)); /* it is no principal */
    assert_string_equal(held(address), "one two");
    put_ok(VM, NAMING("UserAssigned", NAMED(TWO)));
    assert_string_equal(held(address), "two");
    ask(&m, HTTP_PATCH, VM,
        "{\"identity\":{\"type\":\"SystemAssigned, UserAssigned\",\"userAssignedIdentities\":{"
        "\"" ONE "\":{}}}}");
    assert_answer(&m, 200, NULL);
    assert_string_equal(held(address), "own two one");
    assert_string_equal(address_of(VM), address); /* another secret alone */
    assert_ok(vm_identities_sweep(store, NULL));
    assert_string_equal(held(address), "own two one");
    ask(&m, HTTP_DELETE, TWO, NULL);
    assert_string_equal(held(address), "own one");
    /* With its own identity its address ends, whatever is left. */
    put_ok(VM, NAMING("UserAssigned", NAMED(ONE)));
    assert_string_equal(held(address), "-");
    other = address_of(VM);
    assert_string_not_equal(other, address);
    assert_string_equal(held(other), "one");
    put_ok(VM, NAMING("None", ""));
    assert_string_equal(held(other), "-");
    put_ok(VM, NAMING("UserAssigned", NAMED(ONE)));
    assert_string_equal(held(other), "-");
    other = address_of(VM);
    ask(&m, HTTP_DELETE, VM, NULL);
    assert_string_equal(held(other), "-");
}

/* Who made it anew may have given it more than the owner of the virtual machine may have. */
static void one_that_was_made_anew_is_another(void **state)
{
    const char *address, *old = make(ONE), *anew;

    (void)state;
    put_ok(VM, NAMING("UserAssigned", NAMED(ONE)));
    address = address_of(VM);
    ask(&m, HTTP_DELETE, ONE, NULL);
    anew = make(ONE);
    assert_string_not_equal(anew, old);
    assert_string_equal(held(address), "");
    may_name = false;
    ask(&m, HTTP_PATCH, VM, "{\"tags\":{\"a\":\"b\"}}");
    assert_answer(&m, 200, NULL);
    assert_string_equal(held(address), "");
    may_name = true;
    ask(&m, HTTP_PATCH, VM, "{\"tags\":{\"a\":\"c\"}}");
    assert_answer(&m, 200, NULL);
    assert_string_equal(held(address), "one");
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(it_is_a_principal_while_it_is_there),
        TEST(a_virtual_machine_shows_whom_it_names),
        TEST(an_address_gives_tokens_of_whom_the_virtual_machine_names_now),
        TEST(one_that_was_made_anew_is_another),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
