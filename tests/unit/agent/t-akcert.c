/* Which certificate may take the place of which. */
#include "agent/akcert.h"

#include "support/fabricate.h"
#include "support/support.h"

#include <string.h>

enum { NOW = 1800000000, DAY = AKCERT_DAY_S };

static struct arena *arena;
static struct fabricated *machine, *other;

static struct cert *issue(const struct signkey *key, enum cert_profile profile, const char *subject,
                          int64_t from_days, int64_t days)
{
    struct cert_request request = {.profile = profile,
                                   .common_name = subject,
                                   .not_before = NOW + from_days * DAY,
                                   .not_after = NOW + days * DAY};
    struct cert *cert = NULL;

    assert_ok(cert_issue(&request, signkey_public(key), machine->ca, machine->ca_key, &cert));
    return cert;
}

static struct span pem_of(struct cert *cert)
{
    struct span pem = {0};

    assert_ok(cert_pem(cert, arena, &pem));
    cert_free(cert);
    return pem;
}

static err_t succeeds(struct span pem, struct trail *trail)
{
    CLEANUP(cert_free) struct cert *old = issue(machine->ak_key, CERT_AK, "a", -300, 60);
    CLEANUP(cert_free) struct cert *cert = NULL;

    return akcert_read_successor(pem, old, machine->ak_public, NOW, arena, trail, &cert);
}

static void what_is_no_certificate_succeeds_nothing(void **state)
{
    struct span good = pem_of(issue(machine->ak_key, CERT_AK, "a", -1, 300));
    uint8_t *large = arena_calloc(arena, 1, 2 * CERT_MAX_BYTES + good.len);
    const struct span texts[] = {
        span_str(""),
        span_str("sorry"),
        span_str("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
        span_cut(good, 0, good.len / 2),
        span_of(large, 2 * CERT_MAX_BYTES + good.len),
    };

    (void)state;
    memset(large, '\n', 2 * CERT_MAX_BYTES);
    memcpy(large + 2 * CERT_MAX_BYTES, good.data, good.len);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct trail trail = {0};

        assert_true(succeeds(texts[i], &trail) != ERR_OK);
        assert_string_equal(trail.what, "the answer holds no certificate in PEM");
    }
}

static void only_a_later_one_for_the_same_key_succeeds(void **state)
{
    static const struct {
        bool is_other_key;
        enum cert_profile profile;
        const char *subject;
        int64_t from_days, days;
        err_t want;
        const char *words;
    } cases[] = {
        {true, CERT_AK, "a", -1, 300, ERR_MISMATCH, "not for the key of this TPM"},
        {false, CERT_CA, "a", -1, 300, ERR_MISMATCH, "not one for attestation keys"},
        {false, CERT_AK, "a", -1, 60, ERR_EXPIRED, "no later than the one in the TPM"},
        {false, CERT_AK, "a", -1, 59, ERR_EXPIRED, "no later than the one in the TPM"},
        {false, CERT_AK, "a", -10, -1, ERR_EXPIRED, "ended on 2027-01-1"},
        {false, CERT_AK, "a", 1, 300, ERR_EXPIRED, "valid from 2027-01-16T08:00:00Z on only"},
        {false, CERT_AK, "another name", -1, 61, ERR_OK, ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct fabricated *of = cases[i].is_other_key ? other : machine;
        struct trail trail = {0};

        assert_err(succeeds(pem_of(issue(of->ak_key, cases[i].profile, cases[i].subject,
                                         cases[i].from_days, cases[i].days)),
                            &trail),
                   cases[i].want);
        if (strstr(trail.what, cases[i].words) == NULL) {
            fail_msg("case %zu: %s", i, trail.what);
        }
    }
}

static void a_stopgap_is_known_by_its_issuer_and_succeeds_nothing(void **state)
{
    CLEANUP(cert_free) struct cert *ca = NULL, *cert = NULL;
    CLEANUP(cert_free) struct cert *real = issue(machine->ak_key, CERT_AK, "a", -1, 300);
    struct cert_request request = {.profile = CERT_CA,
                                   .common_name = "MICROSOFT AZURE TRUSTED VM RSA 4096",
                                   .not_before = NOW - DAY,
                                   .not_after = NOW + 400 * DAY};
    struct trail trail = {0};

    (void)state;
    assert_ok(cert_issue(&request, signkey_public(machine->ca_key), NULL, machine->ca_key, &ca));
    request.profile = CERT_AK;
    request.common_name = "a";
    assert_ok(cert_issue(&request, signkey_public(machine->ak_key), ca, machine->ca_key, &cert));
    assert_true(akcert_is_provisional(cert, arena));
    assert_false(akcert_is_provisional(real, arena));
    assert_err(succeeds(pem_of(cert_ref(cert)), &trail), ERR_CONFLICT);
    assert_non_null(strstr(trail.what, "not provisioned"));
}

static void what_our_service_issued_is_no_clouds(void **state)
{
    static const struct {
        const char *subject;
        bool is_clouds;
    } cases[] = {
        {"0b5ad5f4-1f7e-4a51-9e4c-6c1cf24d2d10.TrustedVM", false},
        {"0b5ad5f4-1f7e-4a51-9e4c-6c1cf24d2d10.TrustedVM.Azure.windows.net", true},
        {"2098098a126b.TrustedVM.Azure.Microsoft", true},
        {"0b5ad5f4-1f7e-4a51-9e4c-6c1cf24d2d10", true},
        {"x", true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(cert_free)
        struct cert *cert = issue(machine->ak_key, CERT_AK, cases[i].subject, -1, 300);

        assert_int_equal(akcert_is_clouds(cert, arena), cases[i].is_clouds);
    }
}

static void seconds_that_are_left_are_counted_past_the_end(void **state)
{
    CLEANUP(cert_free) struct cert *cert = issue(machine->ak_key, CERT_AK, "a", -10, 2);

    (void)state;
    assert_int_equal(akcert_left_s(cert, NOW), 2 * DAY);
    assert_int_equal(akcert_left_s(cert, NOW + 3 * DAY), -DAY);
    assert_true(akcert_is_valid(cert, NOW, 2 * DAY - 1));
    assert_false(akcert_is_valid(cert, NOW, 2 * DAY));
    assert_false(akcert_is_valid(cert, NOW - 11 * DAY, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_certificate_succeeds_nothing),
        cmocka_unit_test(only_a_later_one_for_the_same_key_succeeds),
        cmocka_unit_test(a_stopgap_is_known_by_its_issuer_and_succeeds_nothing),
        cmocka_unit_test(what_our_service_issued_is_no_clouds),
        cmocka_unit_test(seconds_that_are_left_are_counted_past_the_end),
    };
    int failed;

    arena = test_arena();
    machine = fabricate_machine(arena, NOW);
    other = fabricate_machine(arena, NOW);
    failed = RUN_TESTS(tests);
    fabricated_free(machine);
    fabricated_free(other);
    arena_free(arena);
    return failed;
}
