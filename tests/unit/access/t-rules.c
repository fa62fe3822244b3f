/* Who may do what where: attacks on scopes and actions first, then what must be allowed. */
#include "support/support.h"

#include "access/rules.h"

#include <string.h>

#define S1 "/subscriptions/s1"
#define G1 S1 "/resourceGroups/g1"
#define P1 G1 "/providers/Microsoft.Attestation/attestationProviders/p1"
#define SHARED ACCESS_SHARED_SCOPE "sharedeus"
#define T "11111111-1111-1111-1111-111111111111"
#define T2 "22222222-2222-2222-2222-222222222222"
#define CUSTOM "aaaaaaaa-0000-0000-0000-000000000001"

static const struct access_caller ada = {.tenant = T, .object_id = "ada"};

static struct access_rules *one(const char *role, const char *scope)
{
    const struct access_assignment assignment = {"ada", T, role, scope, NULL};
    struct access_rules *rules = NULL;

    assert_ok(access_rules_with(NULL, &assignment, 1, NULL, &rules));
    return rules;
}

static void assert_decision(const struct access_rules *rules, const char *action, const char *scope,
                            enum access_reason wanted)
{
    enum access_reason got = access_decide(rules, &ada, action, span_str(scope));

    if (got != wanted) {
        fail_msg("%s at %s: got %s, wanted %s", action, scope, access_reason_name(got),
                 access_reason_name(wanted));
    }
    assert_int_equal(access_may(rules, &ada, action, span_str(scope)), wanted == ACCESS_OK);
}

static void inherits_by_segments_and_never_by_prefix(void **state)
{
    static const struct {
        const char *assigned, *asked;
        bool is_allowed;
    } cases[] = {
        {S1, "/subscriptions/s12", false},
        {S1, "/subscriptions/s", false},
        {"/subscriptions/s12", S1, false},
        {G1, S1 "/resourceGroups/g12", false},
        {G1, S1, false},
        {G1, "/", false},
        {S1, "/", false},
        {G1, "/subscriptions/s2/resourceGroups/g1", false},
        {P1, G1, false},
        {P1, P1 "1", false},
        {P1, G1 "/providers/Microsoft.Attestation/attestationProviders/P2", false},
        {S1, S1 "/../s2", false},
        {S1, S1 "/resourceGroups/%67", false},
        {S1, S1 "/resourceGroups/../../s2", false},
        {S1, S1 "/", false},
        {S1, S1 "//resourceGroups/g1", false},
        {S1, "subscriptions/s1", false},
        {S1, "", false},
        {S1, S1 "/resourceGroups", false},
        {S1, S1 "\\x", false},
        {S1, S1, true},
        {S1, "/SUBSCRIPTIONS/S1", true},
        {S1, G1, true},
        {S1, P1, true},
        {S1, S1 "/providers/Microsoft.Attestation/locations/eastus", true},
        {G1, P1, true},
        {G1, "/subscriptions/S1/ResourceGroups/G1", true},
        {P1, P1, true},
        {P1, P1 "/privateEndpointConnections/c", true},
        {"/", "/", true},
        {"/", S1, true},
        {"/", P1, true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(access_rules_free)
        struct access_rules *rules = one(ACCESS_ROLE_OWNER, cases[i].assigned);

        assert_decision(rules, ACCESS_PROVIDER_WRITE, cases[i].asked,
                        cases[i].is_allowed ? ACCESS_OK : ACCESS_ROLE);
        assert_int_equal(access_scope_covers(span_str(cases[i].assigned), span_str(cases[i].asked)),
                         cases[i].is_allowed);
    }
}

static void nobody_changes_a_shared_provider_not_even_an_owner(void **state)
{
    static const char *const roles[] = {ACCESS_ROLE_OWNER, ACCESS_ROLE_CONTRIBUTOR,
                                        ACCESS_ROLE_ATTESTATION_CONTRIBUTOR};
    static const char *const changes[] = {
        ACCESS_ATTESTATION_WRITE,
        ACCESS_ATTESTATION_DELETE,
        ACCESS_PROVIDER_WRITE,
        ACCESS_PROVIDER_DELETE,
        "Microsoft.Authorization/roleAssignments/write",
        "Microsoft.Attestation/attestationProviders/privateEndpointConnections/read",
    };
    static const char *const scopes[] = {
        SHARED,
        "/PROVIDERS/microsoft.attestation/ATTESTATIONPROVIDERS/SharedEus",
        SHARED "/privateEndpointConnections/c",
        "/providers/Other.Thing/things/x",
    };

    (void)state;
    for (size_t r = 0; r < ARRAY_LEN(roles); r++) {
        CLEANUP(access_rules_free) struct access_rules *rules = one(roles[r], "/");

        for (size_t c = 0; c < ARRAY_LEN(changes); c++) {
            for (size_t s = 0; s < ARRAY_LEN(scopes); s++) {
                assert_decision(rules, changes[c], scopes[s], ACCESS_SHARED);
            }
        }
    }
}

static void whoever_is_signed_in_reads_and_attests_at_a_shared_provider(void **state)
{
    CLEANUP(access_rules_free) struct access_rules *none = NULL;
    const struct access_caller nobody = {0};

    (void)state;
    assert_ok(access_rules_with(NULL, NULL, 0, NULL, &none));
    assert_decision(none, ACCESS_ATTESTATION_READ, SHARED, ACCESS_OK);
    assert_decision(none, ACCESS_PROVIDER_READ, SHARED, ACCESS_OK);
    assert_decision(none, ACCESS_ATTESTATION_READ, P1, ACCESS_ROLE);
    assert_false(access_may(none, &nobody, ACCESS_ATTESTATION_READ, span_str(SHARED)));
}

static void nobody_can_be_given_a_role_at_a_shared_provider(void **state)
{
    const struct access_assignment assignment = {"ada", T, ACCESS_ROLE_OWNER, SHARED, NULL};
    struct access_rules *rules = NULL;

    (void)state;
    assert_err(access_rules_with(NULL, &assignment, 1, NULL, &rules), ERR_VALUE);
    assert_null(rules);
}

static void the_same_object_id_in_another_tenant_is_somebody_else(void **state)
{
    CLEANUP(access_rules_free) struct access_rules *rules = one(ACCESS_ROLE_OWNER, "/");
    const struct access_caller other = {.tenant = T2, .object_id = "ada"};
    const struct access_caller longer = {.tenant = T, .object_id = "ada2"};
    const struct access_caller shorter = {.tenant = T, .object_id = "ad"};
    const struct access_caller shouting = {.tenant = T, .object_id = "ADA"};

    (void)state;
    assert_false(access_may(rules, &other, ACCESS_PROVIDER_READ, span_str(S1)));
    assert_false(access_may(rules, &longer, ACCESS_PROVIDER_READ, span_str(S1)));
    assert_false(access_may(rules, &shorter, ACCESS_PROVIDER_READ, span_str(S1)));
    assert_true(access_may(rules, &shouting, ACCESS_PROVIDER_READ, span_str(S1)));
}

static void each_role_allows_what_azure_says(void **state)
{
    static const struct {
        const char *role, *action;
        bool is_allowed;
    } cases[] = {
        {ACCESS_ROLE_OWNER, ACCESS_ATTESTATION_WRITE, true},
        {ACCESS_ROLE_OWNER, "Microsoft.Authorization/roleAssignments/write", true},
        {ACCESS_ROLE_CONTRIBUTOR, ACCESS_ATTESTATION_WRITE, true},
        {ACCESS_ROLE_CONTRIBUTOR, ACCESS_PROVIDER_DELETE, true},
        {ACCESS_ROLE_CONTRIBUTOR, "Microsoft.Authorization/roleAssignments/read", true},
        {ACCESS_ROLE_CONTRIBUTOR, "Microsoft.Authorization/roleAssignments/write", false},
        {ACCESS_ROLE_CONTRIBUTOR, "microsoft.authorization/ROLEASSIGNMENTS/DELETE", false},
        {ACCESS_ROLE_CONTRIBUTOR, "Microsoft.Authorization/elevateAccess/action", false},
        {ACCESS_ROLE_READER, ACCESS_PROVIDER_READ, true},
        {ACCESS_ROLE_READER, ACCESS_ATTESTATION_READ, true},
        {ACCESS_ROLE_READER, ACCESS_ATTESTATION_WRITE, false},
        {ACCESS_ROLE_READER, "Microsoft.Attestation/read/write", false},
        {ACCESS_ROLE_READER, "Microsoft.Attestation/attestationProviders/unread", false},
        /* What a resource may be joined to by who manages the one and not the other. */
        {ACCESS_ROLE_CONTRIBUTOR, "Microsoft.Network/virtualNetworks/subnets/join/action", true},
        {ACCESS_ROLE_CONTRIBUTOR, "Microsoft.Compute/disks/write", true},
        {ACCESS_ROLE_CONTRIBUTOR, "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action",
         true},
        {ACCESS_ROLE_VM_CONTRIBUTOR, "Microsoft.Network/networkInterfaces/join/action", true},
        {ACCESS_ROLE_VM_CONTRIBUTOR, "Microsoft.Network/virtualNetworks/subnets/join/action", true},
        {ACCESS_ROLE_VM_CONTRIBUTOR, "Microsoft.Network/networkSecurityGroups/join/action", true},
        {ACCESS_ROLE_VM_CONTRIBUTOR, "Microsoft.Network/publicIPAddresses/join/action", true},
        {ACCESS_ROLE_VM_CONTRIBUTOR, "Microsoft.Compute/disks/write", true},
        {ACCESS_ROLE_VM_CONTRIBUTOR, "Microsoft.Network/virtualNetworks/peer/action", false},
        {ACCESS_ROLE_VM_CONTRIBUTOR,
         "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action", false},
        {ACCESS_ROLE_NETWORK_CONTRIBUTOR, "Microsoft.Network/networkInterfaces/join/action", true},
        {ACCESS_ROLE_NETWORK_CONTRIBUTOR, "Microsoft.Network/virtualNetworks/peer/action", true},
        {ACCESS_ROLE_NETWORK_CONTRIBUTOR,
         "Microsoft.Network/applicationSecurityGroups/joinIpConfiguration/action", true},
        {ACCESS_ROLE_NETWORK_CONTRIBUTOR, "Microsoft.Compute/disks/write", false},
        {ACCESS_ROLE_READER, "Microsoft.Network/networkInterfaces/join/action", false},
        {ACCESS_ROLE_ATTESTATION_READER, ACCESS_ATTESTATION_READ, true},
        {ACCESS_ROLE_ATTESTATION_READER,
         "MICROSOFT.attestation/AttestationProviders/attestation/READ", true},
        {ACCESS_ROLE_ATTESTATION_READER, ACCESS_ATTESTATION_WRITE, false},
        {ACCESS_ROLE_ATTESTATION_READER, ACCESS_PROVIDER_WRITE, false},
        {ACCESS_ROLE_ATTESTATION_CONTRIBUTOR, ACCESS_ATTESTATION_READ, true},
        {ACCESS_ROLE_ATTESTATION_CONTRIBUTOR, ACCESS_ATTESTATION_WRITE, true},
        {ACCESS_ROLE_ATTESTATION_CONTRIBUTOR, ACCESS_ATTESTATION_DELETE, true},
        {ACCESS_ROLE_ATTESTATION_CONTRIBUTOR, ACCESS_PROVIDER_DELETE, false},
        /* Questions that are none. */
        {ACCESS_ROLE_OWNER, "*", false},
        {ACCESS_ROLE_OWNER, "", false},
        {ACCESS_ROLE_OWNER, "Microsoft.Attestation/*/read", false},
        {ACCESS_ROLE_OWNER, "a b", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(access_rules_free) struct access_rules *rules = one(cases[i].role, S1);

        assert_decision(rules, cases[i].action, P1, cases[i].is_allowed ? ACCESS_OK : ACCESS_ROLE);
        assert_decision(rules, cases[i].action, "/subscriptions/s12", ACCESS_ROLE);
    }
}

static void matches_patterns_as_azure_does(void **state)
{
    static const struct {
        const char *pattern, *action;
        bool matches;
    } cases[] = {
        {"*", "a", true},
        {"*", "a/b/c", true},
        {"*/read", "a/read", true},
        {"*/read", "a/b/read", true},
        {"*/read", "read", false},
        {"*/read", "a/read/write", false},
        {"*/read", "a/reads", false},
        {"a/*", "a/b", true},
        {"a/*", "a/b/c", true},
        {"a/*", "ab/c", false},
        {"a/*", "a", false},
        {"a*c", "abc", true},
        {"a*c", "ac", true},
        {"a*c", "acb", false},
        {"a*b*c", "a.b.b.c", true},
        {"a**c", "ac", true},
        {"A/B", "a/b", true},
        {"", "a", false},
        {"a", "", false},
        {"*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        if (access_action_matches(span_str(cases[i].pattern), span_str(cases[i].action)) !=
            cases[i].matches) {
            fail_msg("%s against %s", cases[i].pattern, cases[i].action);
        }
    }
}

static const char document[] =
    "{\"roleDefinitions\":[{\"id\":\"AAAAAAAA-0000-0000-0000-000000000001\",\"name\":\"Most\","
    "\"description\":\"all but the last word\","
    "\"actions\":[\"Microsoft.Attestation/*\"],\"notActions\":[\"*/delete\"]}],"
    "\"roleAssignments\":["
    "{\"principalId\":\"ada\",\"tenantId\":\"" T "\",\"roleDefinitionId\":\"" CUSTOM
    "\",\"scope\":\"" S1 "\"},"
    "{\"principalId\":\"ada\",\"tenantId\":\"" T
    "\",\"roleDefinitionId\":\"" ACCESS_ROLE_ATTESTATION_CONTRIBUTOR "\",\"scope\":\"" P1
    "\",\"description\":\"till May\"}]}";

/* What one role does not give, another may. */
static void not_actions_take_from_their_own_role_alone(void **state)
{
    CLEANUP(access_rules_free) struct access_rules *rules = NULL;

    (void)state;
    assert_ok(access_rules_read(span_str(document), NULL, &rules));
    assert_decision(rules, ACCESS_PROVIDER_WRITE, G1, ACCESS_OK);
    assert_decision(rules, ACCESS_PROVIDER_DELETE, G1, ACCESS_ROLE);
    assert_decision(rules, ACCESS_ATTESTATION_DELETE, G1, ACCESS_ROLE);
    assert_decision(rules, ACCESS_ATTESTATION_DELETE, P1, ACCESS_OK);
    assert_decision(rules, "Microsoft.Compute/virtualMachines/read", G1, ACCESS_ROLE);
}

static void what_is_written_reads_back_the_same(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    CLEANUP(access_rules_free) struct access_rules *rules = NULL;
    CLEANUP(access_rules_free) struct access_rules *again = NULL;
    CLEANUP(access_rules_free) struct access_rules *more = NULL;
    const struct access_assignment known = {"ADA", T, ACCESS_ROLE_ATTESTATION_CONTRIBUTOR, P1,
                                            NULL};
    struct span first = {0}, second = {0};

    (void)state;
    assert_ok(access_rules_read(span_str(document), NULL, &rules));
    assert_ok(access_rules_write(rules, arena, &first));
    assert_ok(access_rules_read(first, NULL, &again));
    assert_ok(access_rules_write(again, arena, &second));
    assert_true(span_equal(first, second));
    assert_int_equal(access_rules_count(again), 2);
    assert_non_null(strstr((const char *)second.data, "till May"));
    assert_non_null(strstr((const char *)second.data, "all but the last word"));
    assert_string_equal(access_rules_at(again, 0)->role, CUSTOM);
    assert_null(access_rules_at(again, 2));
    /* What is there already is not added, in whatever case. */
    assert_ok(access_rules_with(again, &known, 1, NULL, &more));
    assert_int_equal(access_rules_count(more), 2);
    assert_non_null(access_rules_role(more, span_str(CUSTOM)));
}

#define ASSIGN(principal, tenant, role, scope)                                                     \
    "{\"roleAssignments\":[{\"principalId\":" principal ",\"tenantId\":" tenant                    \
    ",\"roleDefinitionId\":" role ",\"scope\":" scope "}]}"
#define DEFINE(id, name, actions)                                                                  \
    "{\"roleDefinitions\":[{\"id\":" id ",\"name\":" name ",\"actions\":" actions "}]}"
#define Q(text) "\"" text "\""

static void refuses_documents_that_say_something_else(void **state)
{
    static const struct {
        const char *text;
        err_t err;
    } cases[] = {
        {"", ERR_JSON_SYNTAX},
        {"[]", ERR_JSON_TYPE},
        {"{\"roleAssignment\":[]}", ERR_VALUE}, /* misspelt: it would be no rule at all */
        {"{\"roleAssignments\":[],\"roleAssignments\":[]}", ERR_JSON_DUPLICATE},
        {"{\"roleAssignments\":{}}", ERR_JSON_TYPE},
        {"{\"roleAssignments\":[7]}", ERR_JSON_TYPE},
        {"{\"roleAssignments\":[{}]}", ERR_JSON_MISSING},
        {ASSIGN(Q("a"), Q("t"), Q("Owner"), Q("/")), ERR_VALUE}, /* names are no ids */
        {ASSIGN(Q("a"), Q("t"), Q(ACCESS_ROLE_OWNER "0"), Q("/")), ERR_VALUE},
        {ASSIGN(Q(""), Q("t"), Q(ACCESS_ROLE_OWNER), Q("/")), ERR_VALUE},
        {ASSIGN(Q("a b"), Q("t"), Q(ACCESS_ROLE_OWNER), Q("/")), ERR_VALUE},
        {ASSIGN(Q("a"), Q(""), Q(ACCESS_ROLE_OWNER), Q("/")), ERR_VALUE},
        {ASSIGN("7", Q("t"), Q(ACCESS_ROLE_OWNER), Q("/")), ERR_JSON_TYPE},
        {ASSIGN(Q("a\\u0000b"), Q("t"), Q(ACCESS_ROLE_OWNER), Q("/")), ERR_JSON_TYPE},
        {ASSIGN(Q("a"), Q("t"), Q(ACCESS_ROLE_OWNER), Q("")), ERR_VALUE},
        {ASSIGN(Q("a"), Q("t"), Q(ACCESS_ROLE_OWNER), Q("/subscriptions")), ERR_VALUE},
        {ASSIGN(Q("a"), Q("t"), Q(ACCESS_ROLE_OWNER), Q("/subscriptions/*")), ERR_VALUE},
        {ASSIGN(Q("a"), Q("t"), Q(ACCESS_ROLE_OWNER), Q(SHARED)), ERR_VALUE},
        {DEFINE(Q("x"), Q("n"), "[\"*\"]"), ERR_VALUE},
        {DEFINE(Q(ACCESS_ROLE_READER), Q("n"), "[\"*\"]"), ERR_CONFLICT}, /* not to be redefined */
        {DEFINE(Q(CUSTOM), Q(""), "[\"*\"]"), ERR_VALUE},
        {DEFINE(Q(CUSTOM), Q("n"), "[]"), ERR_VALUE},
        {DEFINE(Q(CUSTOM), Q("n"), "[\"a b\"]"), ERR_VALUE},
        {DEFINE(Q(CUSTOM), Q("n"), "[7]"), ERR_JSON_TYPE},
        {DEFINE(Q(CUSTOM), Q("n"), "\"*\""), ERR_JSON_TYPE},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct access_rules *rules = NULL;
        err_t err = access_rules_read(span_str(cases[i].text), NULL, &rules);

        if (err != cases[i].err) {
            fail_msg("%s: got %s", cases[i].text, err_name(err));
        }
        assert_null(rules);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inherits_by_segments_and_never_by_prefix),
        cmocka_unit_test(nobody_changes_a_shared_provider_not_even_an_owner),
        cmocka_unit_test(whoever_is_signed_in_reads_and_attests_at_a_shared_provider),
        cmocka_unit_test(nobody_can_be_given_a_role_at_a_shared_provider),
        cmocka_unit_test(the_same_object_id_in_another_tenant_is_somebody_else),
        cmocka_unit_test(each_role_allows_what_azure_says),
        cmocka_unit_test(matches_patterns_as_azure_does),
        cmocka_unit_test(not_actions_take_from_their_own_role_alone),
        cmocka_unit_test(what_is_written_reads_back_the_same),
        cmocka_unit_test(refuses_documents_that_say_something_else),
    };

    return RUN_TESTS(tests);
}
