/* What no row of its own stands for, at the end of its group and when its caller may no more:
 * attestation providers, which are kept elsewhere, and members of others. */
#include "unit/kinds/vms.h"

#define PROVIDER GROUP "/providers/Microsoft.Attestation/attestationProviders/corp"
#define NETWORK GROUP "/providers/Microsoft.Network/"
#define VERSION "?api-version=2021-06-01"
#define BODY "{\"location\":\"eastus\",\"properties\":{}}"

static unsigned n_asked, n_allowed;

static bool may_some(const char *action, const char *scope)
{
    (void)action;
    (void)scope;
    return n_asked++ < n_allowed;
}

/* As at the beginning of its end, with its job yet to come. */
static void mark_group(const char *state)
{
    static const char *const no_parents[STORE_RESOURCE_PARENTS] = {0};
    CLEANUP(arena_free) struct arena *arena = arena_new(MANAGER_ARENA_BYTES);
    enum store_resource_bar bar;
    struct store_resource row;
    size_t which;

    assert_ok(store_resource_get(store, arena, SUB "/resourcegroups/g", NULL, &row));
    row.state = state;
    assert_ok(store_resource_put(store, &row, no_parents, NOW, NULL, &bar, &which, &row.version));
    assert_int_equal(bar, STORE_RESOURCE_NO_BAR);
}

/* When it is asked about the third time, which is when the provider was made. */
static bool may_until_the_group_goes(const char *action, const char *scope)
{
    (void)action;
    (void)scope;
    if (++n_asked == 3) {
        mark_group("Deleting");
    }
    return true;
}

static void ask_with(manager_may *may, enum http_method method, const char *target,
                     const char *body)
{
    n_asked = 0;
    m.may = may;
    ask(&m, method, target, body);
    m.may = NULL;
}

static bool provider_is_there(void)
{
    ask(&m, HTTP_GET, PROVIDER VERSION, NULL);
    return m.answer.status == 200;
}

static void a_misspelt_provider_is_refused(void **state)
{
    (void)state;
    refused(HTTP_PUT, PROVIDER VERSION, "{\"location\":\"eastus\",\"propertie\":{}}", 400,
            "InvalidRequestContent");
    assert_says(&m, "mean 'properties'");
    assert_false(provider_is_there());
    put_ok(PROVIDER VERSION, BODY);
    refused(HTTP_PATCH, PROVIDER VERSION, "{\"tag\":{}}", 400, "InvalidRequestContent");
}

static void nothing_comes_into_a_group_that_goes(void **state)
{
    (void)state;
    mark_group("Deleting");
    refused(HTTP_PUT, PROVIDER VERSION, BODY, 409, "ResourceGroupBeingDeleted");
    assert_false(provider_is_there());
    mark_group("Succeeded");
    put_ok(PROVIDER VERSION, BODY);
    mark_group("Deleting");
    refused(HTTP_PUT, PROVIDER VERSION, BODY, 409, "ResourceGroupBeingDeleted");
    refused(HTTP_PATCH, PROVIDER VERSION, "{\"tags\":{\"a\":\"b\"}}", 409,
            "ResourceGroupBeingDeleted");
    refused(HTTP_POST, PROVIDER "/rotateKey" VERSION, NULL, 409, "ResourceGroupBeingDeleted");
    ask(&m, HTTP_DELETE, PROVIDER VERSION, NULL);
    assert_answer(&m, 200, NULL);
}

/* Their parents are kept anew, and find the group. */
static void no_member_comes_into_it(void **state)
{
    static const char rule[] =
        "{\"properties\":{\"protocol\":\"Tcp\",\"direction\":\"Inbound\",\"access\":\"Allow\","
        "\"priority\":100,\"sourcePortRange\":\"*\",\"destinationPortRange\":\"22\","
        "\"sourceAddressPrefix\":\"*\",\"destinationAddressPrefix\":\"*\"}}";

    (void)state;
    put_ok(NETWORK "virtualNetworks/net",
           VM_WITH("\"addressSpace\":{\"addressPrefixes\":[\"10.0.0.0/16\"]}"));
    put_ok(NETWORK "networkSecurityGroups/g", VM_WITH(""));
    mark_group("Deleting");
    refused(HTTP_PUT, NETWORK "virtualNetworks/net/subnets/new",
            "{\"properties\":{\"addressPrefix\":\"10.0.0.0/24\"}}", 409,
            "ResourceGroupBeingDeleted");
    refused(HTTP_PUT, NETWORK "networkSecurityGroups/g/securityRules/new", rule, 409,
            "ResourceGroupBeingDeleted");
}

/* The end that began while its key was made has looked for providers already, or will not again. */
static void what_was_made_while_the_group_went_is_taken_away(void **state)
{
    (void)state;
    ask_with(may_until_the_group_goes, HTTP_PUT, PROVIDER VERSION, BODY);
    assert_answer(&m, 409, "ResourceGroupBeingDeleted");
    assert_int_equal(n_asked, 3);
    assert_false(provider_is_there());
    mark_group("Succeeded");
    put_ok(PROVIDER VERSION, BODY);
}

static void who_may_no_more_changes_nothing(void **state)
{
    static const struct {
        enum http_method method;
        const char *target, *body;
    } cases[] = {
        {HTTP_PUT, PROVIDER VERSION, "{\"location\":\"eastus\",\"tags\":{\"a\":\"b\"}}"},
        {HTTP_PATCH, PROVIDER VERSION, "{\"tags\":{\"a\":\"b\"}}"},
        {HTTP_POST, PROVIDER "/rotateKey" VERSION, NULL},
        {HTTP_DELETE, PROVIDER VERSION, NULL},
    };

    (void)state;
    for (n_allowed = 1; n_allowed <= 2; n_allowed++) { /* before it is made, and behind */
        ask_with(may_some, HTTP_PUT, PROVIDER VERSION, BODY);
        assert_answer(&m, 403, "AuthorizationFailed");
        assert_false(provider_is_there());
    }
    put_ok(PROVIDER VERSION, BODY);
    n_allowed = 1;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ask_with(may_some, cases[i].method, cases[i].target, cases[i].body);
        assert_answer(&m, 403, "AuthorizationFailed");
        assert_true(provider_is_there());
        assert_text(&m, "tags.a", "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_VMS(a_misspelt_provider_is_refused),
        WITH_VMS(nothing_comes_into_a_group_that_goes),
        WITH_VMS(no_member_comes_into_it),
        WITH_VMS(what_was_made_while_the_group_went_is_taken_away),
        WITH_VMS(who_may_no_more_changes_nothing),
    };

    return RUN_TESTS(tests);
}
