/*
 * Policies and their signers: who is refused first, then what is answered.
 */
#include "owner.h"

static const char permit[] = "version=1.0; authorizationrules{=> permit();}; issuancerules{};";
static const char deny[] = "version=1.0; authorizationrules{=> deny();}; issuancerules{};";

static void nobody_changes_a_shared_provider(void **state)
{
    struct world *w = world_new();
    struct person somebody = person_new("Somebody");
    struct service_answer answer = {0};
    const char *before = policy_of(w, "sharedeus", "AzureGuest");

    (void)state;
    answer = set_policy(w, w->home, "AzureGuest", policy_by(w, NULL, permit));
    expect_refusal(&answer, 401, "Unauthorized", "nobody changes it");
    answer = set_policy(w, w->home, "Tpm", policy_by(w, &somebody, permit));
    expect_refusal(&answer, 401, "Unauthorized", "nobody changes it");
    answer = reset_policy(w, w->home, "AzureGuest", span_str(owner_request_empty));
    expect_refusal(&answer, 401, "Unauthorized", "nobody changes it");
    service_signers_add(
        w->service, w->home, &w->call,
        jws_by(w, &somebody,
               arena_printf(w->arena, "{\"policyCertificate\":%s}", jwk_of(w, &somebody))),
        &answer);
    expect_refusal(&answer, 401, "Unauthorized", "nobody changes it");
    assert_string_equal(policy_of(w, "sharedeus", "AzureGuest"), before);
    assert_null(policy_of(w, "sharedeus", "Tpm"));
    person_done(&somebody);
    world_free(w);
}

static void an_isolated_provider_takes_only_what_its_signers_sign(void **state)
{
    struct world *w = world_new();
    struct person owner = person_new("Owner");
    struct person other = person_new("Owner"); /* a namesake */
    CLEANUP(provider_unref) struct provider *own = own_provider(w, "own", &owner);
    struct service_answer answer;

    (void)state;
    assert_true(own->is_isolated);
    answer = set_policy(w, own, "Tpm", policy_by(w, NULL, permit));
    expect_refusal(&answer, 400, "InvalidOperation", "not signed");
    answer = set_policy(w, own, "Tpm", policy_by(w, &other, permit));
    expect_refusal(&answer, 400, "InvalidParameter", "none of the provider's");
    answer = reset_policy(w, own, "Tpm", span_str(owner_request_empty));
    expect_refusal(&answer, 400, "InvalidOperation", "not signed");
    assert_null(policy_of(w, "own", "Tpm"));
    answer = set_policy(w, own, "Tpm", policy_by(w, &owner, permit));
    expect_success(&answer);
    assert_string_equal(policy_of(w, "own", "Tpm"), permit);
    answer = reset_policy(w, own, "Tpm", jws_by(w, &owner, ""));
    expect_success(&answer);
    assert_null(policy_of(w, "own", "Tpm"));
    person_done(&owner);
    person_done(&other);
    world_free(w);
}

static void a_bad_policy_is_told_and_the_old_one_stays(void **state)
{
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"", "Policy Parser Exception Thrown"},
        {"version=1.0; authorizationrules{=> permit()}; issuancerules{};", "Line: '1'"},
        {"version=9.9; authorizationrules{=> permit();}; issuancerules{};", ""},
        {"\xff", ""},
    };
    struct world *w = world_new();
    CLEANUP(provider_unref) struct provider *own = own_provider(w, "own", NULL);
    struct service_answer answer = set_policy(w, own, "AzureGuest", policy_by(w, NULL, deny));

    (void)state;
    expect_success(&answer);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        answer = set_policy(w, own, "AzureGuest", policy_by(w, NULL, cases[i].text));
        expect_refusal(&answer, 400, "PolicyParsingError", cases[i].words);
        assert_string_equal(policy_of(w, "own", "AzureGuest"), deny);
    }
    world_free(w);
}

static void a_policy_over_its_limit_is_refused_and_one_at_it_is_not(void **state)
{
    struct world *w = world_new();
    CLEANUP(provider_unref) struct provider *own = own_provider(w, "own", NULL);
    char *text = arena_calloc(w->arena, 1, POLICY_MAX_BYTES + 2);
    struct service_answer answer;

    (void)state;
    memset(text, ' ', POLICY_MAX_BYTES);
    memcpy(text, permit, sizeof(permit) - 1);
    answer = set_policy(w, own, "Tpm", policy_by(w, NULL, text));
    expect_success(&answer);
    text[POLICY_MAX_BYTES] = ' ';
    answer = set_policy(w, own, "Tpm", policy_by(w, NULL, text));
    expect_refusal(&answer, 400, "PolicyParsingError", "");
    assert_int_equal(strlen(policy_of(w, "own", "Tpm")), POLICY_MAX_BYTES);
    world_free(w);
}

static void bodies_that_are_no_jws_are_invalid_operations(void **state)
{
    static const char *const bodies[] = {"",   "policy", "{}",
                                         "\"", "a.b",    "eyJhbGciOiJub25lIn0.e30"};
    struct world *w = world_new();
    CLEANUP(provider_unref) struct provider *own = own_provider(w, "own", NULL);
    struct service_answer answer;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        answer = set_policy(w, own, "Tpm", span_str(bodies[i]));
        expect_refusal(&answer, 400, "InvalidOperation", "JWS is not accepted: ");
    }
    answer = set_policy(w, own, "Nonsense", policy_by(w, NULL, permit));
    expect_refusal(&answer, 400, "InvalidParameter", "no attestation type");
    /* Each of the two calls has a form of its own. */
    answer = set_policy(w, own, "Tpm", span_str(owner_request_empty));
    expect_refusal(&answer, 400, "InvalidOperation", "no payload");
    answer = reset_policy(w, own, "Tpm", policy_by(w, NULL, permit));
    expect_refusal(&answer, 400, "InvalidOperation", "without a payload");
    world_free(w);
}

static void the_result_names_the_request_and_its_signer(void **state)
{
    struct world *w = world_new();
    struct person owner = person_new("Owner");
    CLEANUP(provider_unref) struct provider *own = own_provider(w, "own", NULL);
    struct span jws = policy_by(w, &owner, permit);
    struct service_answer answer = set_policy(w, own, "Tpm", jws);
    yyjson_val *claims = result_of(w, own, &answer);
    uint8_t digest[HASH_MAX_BYTES];

    (void)state;
    assert_string_equal(json_text(json_get(claims, "x-ms-policy-result")), "Updated");
    assert_ok(hasher_once(w->hasher, HASH_SHA256, jws, digest));
    assert_string_equal(json_text(json_get(claims, "x-ms-policy-token-hash")),
                        base64_dup(w->arena, BASE64_URL, span_of(digest, 32)));
    assert_string_equal(json_text(json_get(json_get(claims, "x-ms-policy-signer"), "kty")), "EC");
    answer = reset_policy(w, own, "Tpm", span_str(owner_request_empty));
    claims = result_of(w, own, &answer);
    assert_string_equal(json_text(json_get(claims, "x-ms-policy-result")), "Removed");
    assert_null(json_get(claims, "x-ms-policy-token-hash"));
    assert_null(json_get(claims, "x-ms-policy-signer"));
    person_done(&owner);
    world_free(w);
}

static void defaults_are_shown_as_if_somebody_had_set_them(void **state)
{
    struct world *w = world_new();
    struct provider *own = own_provider(w, "own", NULL);

    (void)state;
    assert_non_null(strstr(policy_of(w, "own", "AzureGuest"), "secureboot"));
    assert_null(policy_of(w, "own", "Tpm"));
    assert_null(policy_of(w, "own", "SgxEnclave"));
    provider_unref(own);
    world_free(w);
}

static void policies_are_there_after_a_restart(void **state)
{
    struct world *w = world_new();
    struct person owner = person_new("Owner");
    struct provider *own = own_provider(w, "Own", &owner);
    struct service_answer answer = set_policy(w, own, "tpm", policy_by(w, &owner, permit));

    (void)state;
    expect_success(&answer);
    provider_unref(own);
    assert_ok(world_reopen(w, NULL));
    assert_string_equal(policy_of(w, "own", "Tpm"), permit);
    own = service_provider(w->service, span_str("OWN"));
    assert_true(own->is_isolated);
    assert_int_equal(own->signers.n, 1);
    answer = set_policy(w, own, "Tpm", policy_by(w, NULL, deny));
    expect_refusal(&answer, 400, "InvalidOperation", "not signed");
    provider_unref(own);
    person_done(&owner);
    world_free(w);
}

static struct service_answer change_signer(struct world *w, const struct provider *provider,
                                           bool is_added, const struct person *by,
                                           const struct person *whom)
{
    struct service_answer answer = {0};
    struct span body =
        jws_by(w, by, arena_printf(w->arena, "{\"policyCertificate\":%s}", jwk_of(w, whom)));

    if (is_added) {
        service_signers_add(w->service, provider, &w->call, body, &answer);
    } else {
        service_signers_remove(w->service, provider, &w->call, body, &answer);
    }
    return answer;
}

static size_t count_signers(struct world *w, const char *name)
{
    CLEANUP(provider_unref)
    struct provider *provider = service_provider(w->service, span_str(name));
    struct service_answer answer = {0};

    service_signers_get(w->service, provider, &w->call, &answer);
    return yyjson_arr_size(
        json_get(json_get(result_of(w, provider, &answer), "x-ms-policy-certificates"), "keys"));
}

static void signers_are_changed_by_signers_alone(void **state)
{
    struct world *w = world_new();
    struct person one = person_new("One"), two = person_new("Two"), three = person_new("Three");
    CLEANUP(provider_unref) struct provider *own = own_provider(w, "own", &one);
    CLEANUP(provider_unref) struct provider *open = own_provider(w, "open", NULL);
    struct service_answer answer;
    yyjson_val *claims;

    (void)state;
    answer = change_signer(w, own, true, NULL, &two);
    expect_refusal(&answer, 400, "InvalidOperation", "not signed");
    answer = change_signer(w, own, true, &two, &two);
    expect_refusal(&answer, 400, "InvalidParameter", "none of the provider's");
    answer = change_signer(w, open, true, &two, &two);
    expect_refusal(&answer, 400, "InvalidOperation", "trust model AAD");
    assert_int_equal(count_signers(w, "open"), 0);
    answer = change_signer(w, own, false, &one, &one);
    expect_refusal(&answer, 400, "InvalidOperation", "last policy signing certificate");
    assert_int_equal(count_signers(w, "own"), 1);

    answer = change_signer(w, own, true, &one, &two);
    claims = result_of(w, own, &answer);
    assert_string_equal(json_text(json_get(claims, "x-ms-policycertificates-result")), "IsPresent");
    assert_string_equal(json_text(json_get(claims, "x-ms-certificate-thumbprint")),
                        signers_thumbprint(w->arena, two.cert));
    answer = change_signer(w, own, true, &one, &two);
    expect_success(&answer);
    assert_int_equal(count_signers(w, "own"), 2);
    /* One who was removed signs no more, though the caller still holds the provider of before. */
    answer = change_signer(w, own, false, &two, &one);
    claims = result_of(w, own, &answer);
    assert_string_equal(json_text(json_get(claims, "x-ms-policycertificates-result")), "IsAbsent");
    answer = set_policy(w, own, "Tpm", policy_by(w, &one, permit));
    expect_refusal(&answer, 400, "InvalidParameter", "none of the provider's");
    answer = set_policy(w, own, "Tpm", policy_by(w, &two, permit));
    expect_success(&answer);
    person_done(&one);
    person_done(&two);
    person_done(&three);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_changes_a_shared_provider),
        cmocka_unit_test(an_isolated_provider_takes_only_what_its_signers_sign),
        cmocka_unit_test(a_bad_policy_is_told_and_the_old_one_stays),
        cmocka_unit_test(a_policy_over_its_limit_is_refused_and_one_at_it_is_not),
        cmocka_unit_test(bodies_that_are_no_jws_are_invalid_operations),
        cmocka_unit_test(the_result_names_the_request_and_its_signer),
        cmocka_unit_test(defaults_are_shown_as_if_somebody_had_set_them),
        cmocka_unit_test(policies_are_there_after_a_restart),
        cmocka_unit_test(signers_are_changed_by_signers_alone),
    };

    return RUN_TESTS(tests);
}
