#include "token/judge.h"
#include "unit/token/signer.h"

static struct judge_options options_of(const struct issuer *w)
{
    return (struct judge_options){.keys = w->keys, .iss = ISSUER, .now = NOW, .skew_s = 10};
}

static struct judgement judged(struct issuer *w, struct span text, const struct judge_options *o)
{
    struct judgement j = {0};

    assert_ok(token_judge(w->arena, text, o, &j));
    assert_int_equal(j.is_valid, j.fault == JUDGE_NO_FAULT);
    return j;
}

static const struct judge_finding *finding(const struct judgement *j, const char *check)
{
    for (size_t i = 0; i < j->n_findings; i++) {
        if (strcmp(j->findings[i].check, check) == 0) {
            return &j->findings[i];
        }
    }
    fail_msg("no finding '%s'", check);
    return &j->findings[0]; /* not reached */
}

/* J-1, J-3, J-4, J-5, J-8: what only an attacker sends, and nothing of it is read beyond that. */
static void a_token_that_is_not_the_issuers_is_not_read(void **state)
{
    static const struct {
        const char *header;
        const char *signature;
        enum judge_fault want;
    } cases[] = {
        {"{\"alg\":\"none\"}", "", JUDGE_UNSECURED},
        {"{\"alg\":\"None\"}", "", JUDGE_UNSECURED},
        {"{\"alg\":\"nOnE\",\"kid\":\"%s\"}", "", JUDGE_UNSECURED},
        {"{\"alg\":\"none\",\"kid\":\"%s\"}", "AAAA", JUDGE_UNSECURED},
        {"{\"alg\":\"\",\"kid\":\"%s\"}", "", JUDGE_ALGORITHM},
        {"{\"kid\":\"%s\"}", "", JUDGE_ALGORITHM},
        {"{\"alg\":\"HS256\",\"kid\":\"%s\"}", "AAAA", JUDGE_ALGORITHM},
        {"{\"alg\":\"RS256\",\"kid\":\"%s\"}", "AAAA", JUDGE_ALGORITHM},
        {"{\"alg\":[\"ES256\"],\"kid\":\"%s\"}", "AAAA", JUDGE_ALGORITHM},
        {"{\"alg\":\"ES256\"}", "AAAA", JUDGE_UNKNOWN_KEY},
        {"{\"alg\":\"ES256\",\"kid\":\"\"}", "AAAA", JUDGE_UNKNOWN_KEY},
        {"{\"alg\":\"ES256\",\"kid\":7}", "AAAA", JUDGE_UNKNOWN_KEY},
        {"{\"alg\":\"ES256\",\"kid\":\"../key\"}", "AAAA", JUDGE_UNKNOWN_KEY},
        {"{\"alg\":\"ES256\",\"kid\":\"%s\\u0000\"}", "AAAA", JUDGE_UNKNOWN_KEY},
        {"{\"alg\":\"ES256\",\"jwk\":{\"kty\":\"EC\"},\"kid\":\"x\"}", "AAAA", JUDGE_UNKNOWN_KEY},
        {"{\"alg\":\"ES256\",\"kid\":\"%s\"}", "", JUDGE_SIGNATURE},
        {"{\"alg\":\"ES256\",\"kid\":\"%s\"}", "AAAA", JUDGE_SIGNATURE},
        {"{\"alg\":\"ES256\",\"kid\":\"%s\",\"kid\":\"%s\"}", "AAAA", JUDGE_FORM},
        {"{\"alg\":\"ES256\",\"kid\":\"%s\",\"crit\":[\"b64\"]}", "AAAA", JUDGE_FORM},
        {"{\"alg\":\"ES256\",\"kid\":\"%s\",\"b64\":false}", "AAAA", JUDGE_FORM},
        {"[]", "AAAA", JUDGE_FORM},
        {"{", "AAAA", JUDGE_FORM},
    };
    CLEANUP(issuer_done) struct issuer w = issuer_of(SIGNKEY_P256);
    struct claim_demand demand = {0};
    struct judge_options o = options_of(&w);

    (void)state;
    assert_ok(claim_demand_read(w.arena, "secureboot=true", NULL, &demand));
    o.claims = &demand;
    o.n_claims = 1;
    o.nonce = "n";
    o.aud = "a";
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char header[512];
        const char *kid = token_key_kid(w.key);
        struct judgement j;

        snprintf(header, sizeof(header), "%s", cases[i].header);
        for (char *at; (at = strstr(header, "%s")) != NULL;) {
            char rest[512];

            snprintf(rest, sizeof(rest), "%s", at + 2);
            snprintf(at, sizeof(header) - (size_t)(at - header), "%s%s", kid, rest);
        }
        /* The payload is no JSON: whoever reads it stumbles. */
        j = judged(&w, forged(&w, header, span_str("{{{"), cases[i].signature), &o);
        if (j.fault != cases[i].want) {
            fail_msg("%s: %s, wanted %s", header, judge_fault_name(j.fault),
                     judge_fault_name(cases[i].want));
        }
        assert_false(j.is_valid);
        assert_null(j.payload);
        assert_int_equal(finding(&j, "issuer")->outcome, JUDGE_NOT_CHECKED);
        assert_int_equal(finding(&j, "time")->outcome, JUDGE_NOT_CHECKED);
        assert_int_equal(finding(&j, "nonce")->outcome, JUDGE_NOT_CHECKED);
        assert_int_equal(finding(&j, "audience")->outcome, JUDGE_NOT_CHECKED);
        assert_int_equal(finding(&j, "claim")->outcome, JUDGE_NOT_CHECKED);
        assert_string_equal(finding(&j, "claim")->detail, "secureboot");
    }
}

static void what_is_no_token_at_all_is_said_to_be_none(void **state)
{
    static const char *const cases[] = {"",
                                        ".",
                                        "..",
                                        "...",
                                        "a.b",
                                        "a.b.c",
                                        "e30.e30",
                                        "e30.e30.=",
                                        "e30.e30.e30.e30.e30",
                                        "\xff.\xff.\xff"};
    CLEANUP(issuer_done) struct issuer w = issuer_of(SIGNKEY_P256);
    const struct judge_options o = options_of(&w);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(judged(&w, span_str(cases[i]), &o).fault, JUDGE_FORM);
    }
}

/* J-7: well signed, and still not what it must be. */
static void what_the_issuer_signed_is_held_against_every_demand(void **state)
{
#define TIMES "\"exp\":1760028800,\"iat\":1760000000,\"nbf\":1760000000"
    static const struct {
        const char *header; /* NULL: the usual one */
        const char *claims;
        enum judge_fault want;
    } cases[] = {
        {NULL, "{" TIMES ",\"iss\":\"https://localhost:8444\"}", JUDGE_ISSUER},
        {NULL, "{" TIMES ",\"iss\":\"https://localhost:8443/\"}", JUDGE_ISSUER},
        {NULL, "{" TIMES ",\"iss\":\"HTTPS://localhost:8443\"}", JUDGE_ISSUER},
        {NULL, "{" TIMES ",\"iss\":[\"" ISSUER "\"]}", JUDGE_ISSUER},
        {NULL, "{" TIMES "}", JUDGE_ISSUER},
        {NULL, "{\"iss\":\"" ISSUER "\"}", JUDGE_TIMES},
        {NULL, "{\"iss\":\"" ISSUER "\",\"exp\":\"1760028800\"}", JUDGE_TIMES},
        {NULL, "{\"iss\":\"" ISSUER "\",\"exp\":1e300}", JUDGE_TIMES},
        {NULL, "{\"iss\":\"" ISSUER "\",\"exp\":-1}", JUDGE_TIMES},
        {NULL, "{\"iss\":\"" ISSUER "\",\"exp\":9223372036854775807}", JUDGE_TIMES},
        {NULL, "{\"iss\":\"" ISSUER "\",\"exp\":1759999990}", JUDGE_EXPIRED}, /* now - skew */
        {NULL, "{\"iss\":\"" ISSUER "\",\"exp\":0}", JUDGE_EXPIRED},
        {NULL, "{\"iss\":\"" ISSUER "\",\"exp\":1760028800,\"nbf\":1760000011}", JUDGE_NOT_YET},
        {NULL, "{\"iss\":\"" ISSUER "\",\"exp\":1760028800,\"iat\":1760000011}", JUDGE_NOT_YET},
        {NULL, "{" TIMES ",\"iss\":\"" ISSUER "\",\"aud\":\"me\"}", JUDGE_AUDIENCE},
        {NULL, "{" TIMES ",\"iss\":\"" ISSUER "\",\"aud\":null}", JUDGE_AUDIENCE},
        {NULL, "{" TIMES ",\"iss\":\"" ISSUER "\",\"iss\":\"" ISSUER "\"}",
         JUDGE_PAYLOAD}, /* J-5 */
        {NULL, "[]", JUDGE_PAYLOAD},
        {NULL, "", JUDGE_PAYLOAD},
        {NULL, "null", JUDGE_PAYLOAD},
        {"{\"alg\":\"ES256\",\"kid\":\"%s\"}", "{" TIMES ",\"iss\":\"" ISSUER "\"}", JUDGE_TYPE},
        {"{\"alg\":\"ES256\",\"kid\":\"%s\",\"typ\":\"at+jwt\"}",
         "{" TIMES ",\"iss\":\"" ISSUER "\"}", JUDGE_TYPE},
        {"{\"alg\":\"ES256\",\"kid\":\"%s\",\"typ\":\"JWT\",\"cty\":\"JWT\"}",
         "{" TIMES ",\"iss\":\"" ISSUER "\"}", JUDGE_TYPE},                    /* J-8 */
        {NULL, "{\"iss\":\"" ISSUER "\",\"exp\":1759999991}", JUDGE_NO_FAULT}, /* the skew */
        {NULL, "{\"iss\":\"" ISSUER "\",\"exp\":1760028800,\"nbf\":1760000010}", JUDGE_NO_FAULT},
        {NULL, "{" TIMES ",\"iss\":\"" ISSUER "\"}", JUDGE_NO_FAULT},
        {"{\"alg\":\"ES256\",\"kid\":\"%s\",\"typ\":\"jwt\"}", "{" TIMES ",\"iss\":\"" ISSUER "\"}",
         JUDGE_NO_FAULT},
        /* J-4: what a header points to is not looked at. */
        {"{\"alg\":\"ES256\",\"kid\":\"%s\",\"typ\":\"JWT\",\"jku\":\"https://evil.example\"}",
         "{" TIMES ",\"iss\":\"" ISSUER "\"}", JUDGE_NO_FAULT},
    };
#undef TIMES
    CLEANUP(issuer_done) struct issuer w = issuer_of(SIGNKEY_P256);
    const struct judge_options o = options_of(&w);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *header = cases[i].header != NULL
                                 ? cases[i].header
                                 : "{\"alg\":\"ES256\",\"kid\":\"%s\",\"typ\":\"JWT\"}";
        const char *kid_at = strstr(header, "%s");
        char *whole = arena_printf(w.arena, "%.*s%s%s", (int)(kid_at - header), header,
                                   token_key_kid(w.key), kid_at + 2);
        struct judgement j = judged(&w, signed_as(&w, whole, span_str(cases[i].claims)), &o);

        if (j.fault != cases[i].want) {
            fail_msg("%s: %s, wanted %s", cases[i].claims, judge_fault_name(j.fault),
                     judge_fault_name(cases[i].want));
        }
    }
}

static void every_fault_is_listed_not_only_the_first(void **state)
{
    CLEANUP(issuer_done) struct issuer w = issuer_of(SIGNKEY_P256);
    struct claim_demand demands[2] = {0};
    struct judge_options o = options_of(&w);
    struct judgement j;

    (void)state;
    assert_ok(claim_demand_read(w.arena, "secureboot=true", NULL, &demands[0]));
    assert_ok(claim_demand_read(w.arena, "x=1", NULL, &demands[1]));
    o.claims = demands;
    o.n_claims = 2;
    o.nonce = "n";
    o.aud = "me";
    j = judged(&w,
               token_of(&w, span_str("{\"exp\":1,\"iss\":\"other\",\"secureboot\":false,"
                                     "\"x\":1}")),
               &o);
    assert_int_equal(j.fault, JUDGE_ISSUER);
    assert_int_equal(finding(&j, "signature")->outcome, JUDGE_OK);
    assert_int_equal(finding(&j, "issuer")->fault, JUDGE_ISSUER);
    assert_int_equal(finding(&j, "time")->fault, JUDGE_EXPIRED);
    assert_int_equal(finding(&j, "audience")->fault, JUDGE_AUDIENCE);
    assert_int_equal(finding(&j, "nonce")->fault, JUDGE_NONCE);
    assert_int_equal(j.findings[j.n_findings - 2].fault, JUDGE_CLAIM);
    assert_int_equal(j.findings[j.n_findings - 1].outcome, JUDGE_OK);
}

static void a_good_token_is_valid_with_everything_demanded(void **state)
{
    static const enum signkey_kind kinds[] = {SIGNKEY_RSA2048, SIGNKEY_P256, SIGNKEY_P384};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        CLEANUP(issuer_done) struct issuer w = issuer_of(kinds[i]);
        struct claim_demand demands[JUDGE_MAX_CLAIMS] = {0};
        struct judge_options o = options_of(&w);
        struct judgement j;

        for (size_t n = 0; n < ARRAY_LEN(demands); n++) {
            assert_ok(claim_demand_read(w.arena, "secureboot=true", NULL, &demands[n]));
        }
        o.claims = demands;
        o.n_claims = ARRAY_LEN(demands);
        o.nonce = "fresh";
        o.aud = "me";
        j = judged(&w,
                   token_of(&w, claims_with(&w, ",\"aud\":[\"you\",\"me\"],\"secureboot\":true,"
                                                "\"nonce\":\"fresh\"")),
                   &o);
        assert_true(j.is_valid);
        assert_int_equal(j.n_findings, JUDGE_MAX_FINDINGS);
        assert_int_equal(j.expires_at, NOW + EIGHT_HOURS);
        assert_int_equal(j.issued_at, NOW);
        assert_string_equal(j.key->kid, token_key_kid(w.key));
    }
}

/* Nothing but the very token: one flipped bit anywhere makes it invalid. */
static void a_flipped_bit_is_never_valid(void **state)
{
    CLEANUP(issuer_done) struct issuer w = issuer_of(SIGNKEY_P256);
    const struct judge_options o = options_of(&w);
    struct span text = token_of(&w, claims_with(&w, ""));
    struct span copy = arena_dup(w.arena, text);
    uint8_t *bytes = (uint8_t *)(uintptr_t)copy.data;

    (void)state;
    assert_true(judged(&w, copy, &o).is_valid);
    for (size_t i = 0; i < copy.len; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            CLEANUP(arena_free) struct arena *arena = arena_new(1024 * 1024);
            struct judgement j = {0};

            bytes[i] ^= (uint8_t)(1u << bit);
            assert_ok(token_judge(arena, copy, &o, &j));
            assert_false(j.is_valid);
            bytes[i] ^= (uint8_t)(1u << bit);
        }
    }
}

static void a_caller_that_forgot_what_to_expect_gets_no_answer(void **state)
{
    CLEANUP(issuer_done) struct issuer w = issuer_of(SIGNKEY_P256);
    struct span text = token_of(&w, claims_with(&w, ""));
    struct judge_options cases[7];
    struct judgement j = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        cases[i] = options_of(&w);
    }
    cases[0].keys = NULL;
    cases[1].iss = NULL;
    cases[2].skew_s = -1;
    cases[3].skew_s = TOKEN_MAX_SKEW_S + 1;
    cases[4].now = -1;
    cases[5].now = INT64_MAX;
    cases[6].n_claims = JUDGE_MAX_CLAIMS + 1;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_err(token_judge(w.arena, text, &cases[i], &j), ERR_VALUE);
        assert_false(j.is_valid);
    }
}

static void too_little_memory_is_an_error_and_no_verdict(void **state)
{
    CLEANUP(issuer_done) struct issuer w = issuer_of(SIGNKEY_P256);
    const struct judge_options o = options_of(&w);
    struct span text = token_of(&w, claims_with(&w, ""));
    bool was_enough = false;

    (void)state;
    for (size_t max = 0; max < 65536 && !was_enough; max += 64) {
        CLEANUP(arena_free) struct arena *arena = arena_new(max);
        struct judgement j = {0};
        err_t err = token_judge(arena, text, &o, &j);

        assert_int_equal(j.is_valid, err == ERR_OK);
        was_enough = err == ERR_OK;
        if (err) {
            assert_int_equal(err, ERR_MEMORY);
        }
    }
    assert_true(was_enough);
}

static void times_are_said_in_words(void **state)
{
    static const struct {
        int64_t when;
        const char *words;
    } cases[] = {
        {NOW, "now"},
        {NOW + 1, "in 1 second"},
        {NOW - 59, "59 seconds ago"},
        {NOW + 3600, "in 1 hour"},
        {NOW - 7 * 86400, "7 days ago"},
        {NOW + 400 * 86400, "in 1 year"},
        {INT64_MIN, "292471208733 years ago"},
    };
    CLEANUP(arena_free) struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_string_equal(judge_when(arena, cases[i].when, NOW), cases[i].words);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_that_is_not_the_issuers_is_not_read),
        cmocka_unit_test(what_is_no_token_at_all_is_said_to_be_none),
        cmocka_unit_test(what_the_issuer_signed_is_held_against_every_demand),
        cmocka_unit_test(every_fault_is_listed_not_only_the_first),
        cmocka_unit_test(a_good_token_is_valid_with_everything_demanded),
        cmocka_unit_test(a_flipped_bit_is_never_valid),
        cmocka_unit_test(a_caller_that_forgot_what_to_expect_gets_no_answer),
        cmocka_unit_test(too_little_memory_is_an_error_and_no_verdict),
        cmocka_unit_test(times_are_said_in_words),
    };

    return RUN_TESTS(tests);
}
