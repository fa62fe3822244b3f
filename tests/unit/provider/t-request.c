/*
 * What owners send: forged, unsigned and foreign requests first.
 */
#include "base/codec.h"
#include "provider/request.h"
#include "support/support.h"

#include <string.h>

enum { NOW = 1800000000, DAY = 86400 };

/* A key with a certificate, made once: RSA keys are slow to make. */
struct person {
    struct signkey *key;
    struct cert *cert;
};

static struct person root, leaf_of_root, alone, namesake, ec;

static struct person person(enum signkey_kind kind, enum cert_profile profile, const char *name,
                            const struct person *issuer)
{
    const struct cert_request request = {
        .profile = profile, .common_name = name, .not_before = NOW - DAY, .not_after = NOW + DAY};
    struct person made = {0};

    assert_ok(signkey_generate(kind, &made.key));
    assert_ok(cert_issue(&request, signkey_public(made.key), issuer == NULL ? NULL : issuer->cert,
                         issuer == NULL ? made.key : issuer->key, &made.cert));
    return made;
}

static int make_people(void **state)
{
    (void)state;
    assert_ok(crypto_init());
    root = person(SIGNKEY_P256, CERT_CA, "Root", NULL);
    leaf_of_root = person(SIGNKEY_P256, CERT_AK, "Leaf", &root);
    alone = person(SIGNKEY_RSA2048, CERT_TOKEN, "Alone", NULL);
    namesake = person(SIGNKEY_RSA2048, CERT_TOKEN, "Alone", NULL);
    ec = person(SIGNKEY_P384, CERT_TOKEN, "Curve", NULL);
    return 0;
}

static int forget_people(void **state)
{
    struct person *all[] = {&root, &leaf_of_root, &alone, &namesake, &ec};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        signkey_free(all[i]->key);
        cert_free(all[i]->cert);
    }
    return 0;
}

static struct span signed_by(struct arena *arena, const struct person *person, const char *payload)
{
    const struct token_header header = {.typ = "JWT", .cert = TOKEN_X5C};
    CLEANUP(token_key_free) struct token_key *key = NULL;
    struct span text = {0};

    assert_ok(token_key_new(person->key, &person->cert, 1, &key));
    assert_ok(token_sign_with(key, arena, &header, span_str(payload), &text));
    return text;
}

static struct span unsecured(struct arena *arena, const char *payload)
{
    struct span text = {0};

    assert_ok(jws_unsecured(arena, span_str(payload), &text));
    return text;
}

static const char policy[] = "{\"AttestationPolicy\":\"dmVyc2lvbj0xLjA7\"}"; /* version=1.0; */

static void a_signature_that_is_not_the_headers_key_is_refused(void **state)
{
    struct arena *arena = test_arena();
    CLEANUP(owner_request_done) struct owner_request request = {0};
    struct span genuine = signed_by(arena, &alone, policy);
    struct span other = signed_by(arena, &namesake, policy);
    const char *dot = strrchr((const char *)other.data, '.');
    const char *end = strrchr((const char *)genuine.data, '.');
    char *mixed =
        arena_printf(arena, "%.*s%s", (int)(end - (const char *)genuine.data), genuine.data, dot);

    (void)state;
    assert_err(owner_request_read(arena, span_str(mixed), NULL, &request), ERR_SIGNATURE);
    arena_free(arena);
}

static void a_header_chooses_no_algorithm_for_a_key(void **state)
{
    static const char *const headers[] = {
        "{\"alg\":\"RS512\",\"x5c\":[\"%s\"]}",
        "{\"alg\":\"HS256\",\"x5c\":[\"%s\"]}",
        "{\"alg\":\"none\",\"x5c\":[\"%s\"]}",
        "{\"x5c\":[\"%s\"]}",
        "{\"alg\":\"RS256\",\"x5c\":[]}",
        "{\"alg\":\"RS256\",\"x5c\":\"%s\"}",
        "{\"alg\":\"RS256\"}",
        "{\"alg\":\"none\"}",
    };
    struct arena *arena = test_arena();
    const char *x5c = base64_dup(arena, BASE64_STANDARD, cert_der(alone.cert));

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
        CLEANUP(owner_request_done) struct owner_request request = {0};
        CLEANUP(buf_done) struct buf header = {0};
        const char *at = strstr(headers[i], "%s");
        char *text;

        buf_init(&header, 65536);
        buf_add(&header,
                span_of(headers[i], at == NULL ? strlen(headers[i]) : (size_t)(at - headers[i])));
        if (at != NULL) {
            buf_add(&header, span_str(x5c));
            buf_add(&header, span_str(at + 2));
        }
        text = arena_printf(arena, "%s.e30.AAAA", base64_dup(arena, BASE64_URL, buf_span(&header)));
        assert_int_not_equal(owner_request_read(arena, span_str(text), NULL, &request), ERR_OK);
    }
    arena_free(arena);
}

static void isolated_providers_believe_their_signers_alone(void **state)
{
    struct arena *arena = test_arena();
    struct signers signers = {0};
    const struct {
        struct span jws;
        err_t want;
    } cases[] = {
        {unsecured(arena, policy), ERR_VALUE},
        {signed_by(arena, &namesake, policy), ERR_UNTRUSTED},
        {signed_by(arena, &ec, policy), ERR_UNTRUSTED},
        {signed_by(arena, &alone, policy), ERR_OK},
        {signed_by(arena, &leaf_of_root, policy), ERR_OK},
        {signed_by(arena, &root, policy), ERR_OK},
    };

    (void)state;
    assert_ok(signers_add(&signers, alone.cert));
    assert_ok(signers_add(&signers, root.cert));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(owner_request_done) struct owner_request request = {0};
        struct trail trail = {0};

        assert_ok(owner_request_read(arena, cases[i].jws, NULL, &request));
        assert_err(owner_request_authorize(arena, &request, &signers, NOW, &trail), cases[i].want);
        assert_true(cases[i].want == ERR_OK || strlen(trail.what) > 0);
    }
    {
        CLEANUP(owner_request_done) struct owner_request request = {0};

        /* A path has its time, a registered certificate is a key. */
        assert_ok(
            owner_request_read(arena, signed_by(arena, &leaf_of_root, policy), NULL, &request));
        assert_err(owner_request_authorize(arena, &request, &signers, NOW + 2 * DAY, NULL),
                   ERR_EXPIRED);
        owner_request_done(&request);
        assert_ok(owner_request_read(arena, signed_by(arena, &alone, policy), NULL, &request));
        assert_ok(owner_request_authorize(arena, &request, &signers, NOW + 2 * DAY, NULL));
    }
    signers_done(&signers);
    arena_free(arena);
}

/* A leaf that a registered leaf signed: no CA, so no path. */
static void a_signer_that_is_no_authority_vouches_for_nobody(void **state)
{
    struct arena *arena = test_arena();
    struct signers signers = {0};
    struct person child = person(SIGNKEY_P256, CERT_AK, "Child", &alone);
    CLEANUP(owner_request_done) struct owner_request request = {0};

    (void)state;
    assert_ok(signers_add(&signers, alone.cert));
    assert_ok(owner_request_read(arena, signed_by(arena, &child, policy), NULL, &request));
    assert_int_not_equal(owner_request_authorize(arena, &request, &signers, NOW, NULL), ERR_OK);
    signkey_free(child.key);
    cert_free(child.cert);
    signers_done(&signers);
    arena_free(arena);
}

/* Issued under a registered authority, for another purpose: the key usage of a CA here, as that of
 * a server would be. */
static void a_certificate_that_is_not_for_signing_signs_no_policy(void **state)
{
    struct arena *arena = test_arena();
    CLEANUP(signers_done) struct signers signers = {0};
    struct person below = person(SIGNKEY_P256, CERT_CA, "Below", &root);
    CLEANUP(owner_request_done) struct owner_request request = {0};
    struct trail trail = {0};

    (void)state;
    assert_false(cert_may_sign(below.cert));
    assert_true(cert_may_sign(leaf_of_root.cert));
    assert_true(cert_may_sign(alone.cert)); /* no key usage */
    assert_ok(signers_add(&signers, root.cert));
    assert_ok(owner_request_read(arena, signed_by(arena, &below, policy), NULL, &request));
    assert_err(owner_request_authorize(arena, &request, &signers, NOW, &trail), ERR_MISMATCH);
    assert_non_null(strstr(trail.what, "digitalSignature"));
    /* Registered itself, it counts as a key. */
    assert_ok(signers_add(&signers, below.cert));
    assert_ok(owner_request_authorize(arena, &request, &signers, NOW, NULL));
    signkey_free(below.key);
    cert_free(below.cert);
    arena_free(arena);
}

static void bodies_that_are_no_requests_are_refused_with_words(void **state)
{
    static const struct {
        const char *body;
        err_t want;
    } cases[] = {
        {"", ERR_ENCODING},
        {"no periods", ERR_ENCODING},
        {"{}", ERR_VALUE},
        {"{\"policyCertificateToAdd\":1}", ERR_VALUE},
        {"\"unfinished", ERR_JSON_SYNTAX},
        {"eyJhbGciOiJub25lIn0.W10.", ERR_VALUE}, /* [] */
        {"eyJhbGciOiJub25lIn0.eyJhIjoxLCJhIjoyfQ.", ERR_JSON_DUPLICATE},
    };
    struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(owner_request_done) struct owner_request request = {0};
        struct trail trail = {0};
        err_t err = owner_request_read(arena, span_str(cases[i].body), &trail, &request);

        if (err == ERR_OK || (cases[i].want != ERR_ENCODING && err != cases[i].want)) {
            fail_msg("%s: %s", cases[i].body, err_name(err));
        }
        assert_true(strlen(trail.what) > 0);
    }
    arena_free(arena);
}

/* What was meant to be removed must not be added. */
static void bodies_of_the_other_operation_are_refused(void **state)
{
    static const struct {
        const char *body;
        enum owner_operation operation;
    } cases[] = {
        {"{\"policyCertificateToRemove\":\"a.b.\"}", OWNER_ADDS_SIGNER},
        {"{\"policyCertificateToAdd\":\"a.b.\"}", OWNER_REMOVES_SIGNER},
        {"{\"policyCertificateToAdd\":\"a.b.\",\"policyCertificateToRemove\":\"a.b.\"}",
         OWNER_ADDS_SIGNER},
        {"{\"policyCertificateToAdd\":\"a.b.\",\"policyCertificateToRemove\":\"a.b.\"}",
         OWNER_REMOVES_SIGNER},
        {"{\"policyCertificateToAdd\":1}", OWNER_ADDS_SIGNER},
        {"{}", OWNER_ADDS_SIGNER},
        {"{", OWNER_ADDS_SIGNER},
        {" {\"jws\":\"a.b.\"}", OWNER_REMOVES_SIGNER},
    };
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct span text = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct trail trail = {0};

        if (owner_request_unwrap(arena, span_str(cases[i].body), cases[i].operation, &trail,
                                 &text) == ERR_OK) {
            fail_msg("%s", cases[i].body);
        }
        assert_true(strlen(trail.what) > 0);
    }
    assert_ok(owner_request_unwrap(arena, span_str("{\"policyCertificateToAdd\":\"a.b.\"}"),
                                   OWNER_ADDS_SIGNER, NULL, &text));
    assert_true(span_is(text, "a.b."));
    assert_ok(owner_request_unwrap(arena, span_str(" {\"policyCertificateToRemove\":\"a.b.\"}\n"),
                                   OWNER_REMOVES_SIGNER, NULL, &text));
    assert_true(span_is(text, "a.b."));
    assert_ok(owner_request_unwrap(arena, span_str("\"a.b.\""), OWNER_ADDS_SIGNER, NULL, &text));
    assert_true(span_is(text, "\"a.b.\""));
    assert_ok(owner_request_unwrap(arena, span_str(""), OWNER_ADDS_SIGNER, NULL, &text));
}

static void policies_that_are_missing_or_no_base64url_are_refused(void **state)
{
    static const char *const payloads[] = {
        "{}",
        "{\"AttestationPolicy\":1}",
        "{\"AttestationPolicy\":\"a+b/\"}",
        "{\"text\":\"aa\"}",
    };
    struct arena *arena = test_arena();
    struct span text;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(payloads); i++) {
        CLEANUP(owner_request_done) struct owner_request request = {0};

        assert_ok(owner_request_read(arena, unsecured(arena, payloads[i]), NULL, &request));
        assert_int_not_equal(owner_request_policy(arena, &request, NULL, &text), ERR_OK);
    }
    {
        CLEANUP(owner_request_done) struct owner_request request = {0};

        assert_ok(owner_request_read(arena, span_str(owner_request_empty), NULL, &request));
        assert_null(request.payload);
        assert_int_not_equal(owner_request_policy(arena, &request, NULL, &text), ERR_OK);
    }
    arena_free(arena);
}

static void requests_are_read_in_every_form_that_clients_send(void **state)
{
    struct arena *arena = test_arena();
    struct span jws = signed_by(arena, &ec, policy);
    const char *forms[] = {
        arena_printf(arena, "%.*s", (int)jws.len, jws.data),
        arena_printf(arena, "\"%.*s\"", (int)jws.len, jws.data),
        arena_printf(arena, " \"%.*s\"\r\n", (int)jws.len, jws.data),
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        CLEANUP(owner_request_done) struct owner_request request = {0};
        yyjson_mut_doc *doc = json_new(arena);
        struct span text = {0};
        struct span shown;

        assert_ok(owner_request_read(arena, span_str(forms[i]), NULL, &request));
        assert_true(span_equal(request.jws, jws));
        assert_true(request.is_signed);
        assert_int_equal(request.alg, TOKEN_ES384);
        assert_ok(owner_request_policy(arena, &request, NULL, &text));
        assert_true(span_is(text, "version=1.0;"));
        shown = json_write(arena, doc, owner_request_signer(arena, doc, &request), false);
        assert_non_null(strstr((const char *)shown.data, "\"x5c\""));
    }
    arena_free(arena);
}

/* The exchange that was recorded from the real service. */
static void the_recorded_policy_is_read(void **state)
{
    test_needs_public_data();

    struct arena *arena = test_arena();
    CLEANUP(owner_request_done) struct owner_request request = {0};
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
    uint8_t digest[HASH_MAX_BYTES];
    yyjson_val *exchange = NULL;
    struct span text = {0}, again = {0};

    (void)state;
    assert_ok(json_read(arena, test_public_file(arena, "attestation/policy-set-exchange.json"),
                        NULL, NULL, &exchange));
    assert_ok(
        owner_request_read(arena, json_span(json_get(exchange, "request_body")), NULL, &request));
    assert_false(request.is_signed);
    assert_ok(owner_request_policy(arena, &request, NULL, &text));
    assert_true(span_is(text, "version=1.0; authorizationrules{=> permit();}; issuancerules{};"));
    assert_ok(hasher_once(hasher, HASH_SHA256, request.jws, digest));
    assert_string_equal(base64_dup(arena, BASE64_URL, span_of(digest, 32)),
                        "c6sEJQItV50OeP9IrP_bzywAMOVvj5uDPbklA_bwdYQ");
    assert_ok(owner_request_of_policy(arena, text, &again));
    assert_true(span_equal(again, request.jws));
    arena_free(arena);
}

static void certificates_are_found_under_each_of_their_names(void **state)
{
    static const char *const names[] = {"policyCertificate", "maa-policyCertificate",
                                        "x-ms-policyCertificate", "aas-policyCertificate"};
    struct arena *arena = test_arena();
    const char *x5c = base64_dup(arena, BASE64_STANDARD, cert_der(alone.cert));

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        CLEANUP(owner_request_done) struct owner_request request = {0};
        CLEANUP(cert_free) struct cert *cert = NULL;

        assert_ok(owner_request_read(
            arena,
            unsecured(arena, arena_printf(arena, "{\"%s\":{\"kty\":\"RSA\",\"x5c\":[\"%s\"]}}",
                                          names[i], x5c)),
            NULL, &request));
        assert_ok(owner_request_certificate(arena, &request, NULL, &cert));
        assert_true(span_equal(cert_der(cert), cert_der(alone.cert)));
    }
    arena_free(arena);
}

static void lists_of_signers_keep_one_of_each_and_never_none(void **state)
{
    struct arena *arena = test_arena();
    CLEANUP(signers_done) struct signers signers = {0};
    CLEANUP(signers_done) struct signers again = {0};
    yyjson_mut_doc *doc = json_new(arena);
    yyjson_val *root_value = NULL;
    struct span text;

    (void)state;
    assert_ok(signers_add(&signers, alone.cert));
    assert_ok(signers_add(&signers, alone.cert));
    assert_int_equal(signers.n, 1);
    assert_err(signers_remove(&signers, alone.cert), ERR_CONFLICT);
    assert_ok(signers_remove(&signers, ec.cert));
    assert_ok(signers_add(&signers, ec.cert));
    text = json_write(arena, doc, signers_value(arena, doc, &signers), false);
    assert_ok(json_read(arena, text, NULL, NULL, &root_value));
    assert_ok(signers_read(arena, root_value, NULL, &again));
    assert_int_equal(again.n, 2);
    assert_true(signers_have(&again, ec.cert));
    assert_ok(signers_remove(&signers, alone.cert));
    assert_int_equal(signers.n, 1);
    assert_false(signers_have(&signers, alone.cert));
    assert_int_equal(strlen(signers_thumbprint(arena, ec.cert)), 40);
    arena_free(arena);
}

static void keys_without_a_certificate_are_no_signers(void **state)
{
    static const struct {
        const char *json, *words;
    } cases[] = {
        {"{}", ""},
        {"{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}",
         "not an X509 security key"},
        {"{\"keys\":[{\"kty\":\"RSA\",\"x5c\":[]}]}", "not an X509 security key"},
        {"{\"keys\":[{\"kty\":\"RSA\",\"x5c\":[\"%\"]}]}", "base64"},
        {"{\"keys\":[{\"kty\":\"RSA\",\"x5c\":[\"AAAA\"]}]}", ""},
        {"{\"keys\":[1]}", "not an X509 security key"},
    };
    struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(signers_done) struct signers signers = {0};
        struct trail trail = {0};
        yyjson_val *value = NULL;

        assert_ok(json_read(arena, span_str(cases[i].json), NULL, NULL, &value));
        assert_int_not_equal(signers_read(arena, value, &trail, &signers), ERR_OK);
        assert_non_null(strstr(trail.what, cases[i].words));
    }
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signature_that_is_not_the_headers_key_is_refused),
        cmocka_unit_test(a_header_chooses_no_algorithm_for_a_key),
        cmocka_unit_test(isolated_providers_believe_their_signers_alone),
        cmocka_unit_test(a_signer_that_is_no_authority_vouches_for_nobody),
        cmocka_unit_test(a_certificate_that_is_not_for_signing_signs_no_policy),
        cmocka_unit_test(bodies_that_are_no_requests_are_refused_with_words),
        cmocka_unit_test(bodies_of_the_other_operation_are_refused),
        cmocka_unit_test(policies_that_are_missing_or_no_base64url_are_refused),
        cmocka_unit_test(requests_are_read_in_every_form_that_clients_send),
        cmocka_unit_test(the_recorded_policy_is_read),
        cmocka_unit_test(certificates_are_found_under_each_of_their_names),
        cmocka_unit_test(lists_of_signers_keep_one_of_each_and_never_none),
        cmocka_unit_test(keys_without_a_certificate_are_no_signers),
    };

    return cmocka_run_group_tests(tests, make_people, forget_people);
}
