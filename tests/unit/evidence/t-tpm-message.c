/*
 * The messages of /attest/Tpm: what is refused and in which words, and what is taken apart.
 */
#include "support/fabricate-tpm.h"
#include "support/support.h"

#include "base/buf.h"
#include "base/codec.h"
#include "crypto/pubkey.h"
#include "evidence/tpm-message.h"

enum { NOW = 1800000000 };

struct made {
    struct arena *arena;
    struct fabricated *keys;
    struct signkey *request_key;
    struct tpm_pcrs pcrs;
    struct fabricate_tpm request;
};

static void made_begin(struct made *m)
{
    memset(m, 0, sizeof(*m));
    m->arena = test_arena();
    m->keys = fabricate_machine(m->arena, NOW);
    assert_ok(signkey_generate(SIGNKEY_RSA2048, &m->request_key));
    m->pcrs.have[HASH_SHA256] = 0xff;
    m->request = (struct fabricate_tpm){
        .challenge = span_str("0123456789abcdef"),
        .pcrs = &m->pcrs,
        .logs = {{"TCG", span_str("a log")}, {"IMA", span_str("a list")}},
        .n_logs = 2,
        .request_key = {.key = m->request_key},
        .rp_data = "AQID",
        .custom_claims = "[{\"name\":\"n\",\"value\":\"v\"}]",
    };
}

static void made_end(struct made *m)
{
    signkey_free(m->request_key);
    fabricated_free(m->keys);
    arena_free(m->arena);
}

/* ---- the envelope ---- */

static const struct {
    const char *message; /* inside data */
    err_t want;
    const char *where;
} envelopes[] = {
    {"", ERR_JSON_SYNTAX, "data"},
    {"[]", ERR_JSON_TYPE, "data"},
    {"{}", ERR_JSON_MISSING, "data"},
    {"{\"payload\":{}}", ERR_JSON_MISSING, "data.payload"},
    {"{\"payload\":[]}", ERR_JSON_TYPE, "data.payload"},
    {"{\"payload\":null}", ERR_JSON_TYPE, "data.payload"},
    {"{\"payload\":{\"type\":\"aikcert\"},\"payload\":{}}", ERR_JSON_DUPLICATE, "data.payload"},
    {"{\"payload\":{\"type\":1}}", ERR_JSON_TYPE, "data.payload.type"},
    {"{\"payload\":{\"type\":\"AikCert\"}}", ERR_UNSUPPORTED, "data.payload.type"},
    {"{\"payload\":{\"type\":\"aikcert\",\"request\":\"a.b.c\"}}", ERR_VALUE, "data.payload"},
    {"{\"payload\":{\"request\":{}}}", ERR_JSON_TYPE, "data.payload.request"},
};

static void a_message_that_is_none_is_refused_where_it_fails(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    static const char *const bodies[] = {"",
                                         "[]",
                                         "{}",
                                         "{\"data\":1}",
                                         "{\"data\":\"*\"}",
                                         "{\"data\":\"a\"}",
                                         "{\"data\":\"e30\",\"data\":\"e30\"}"};
    struct tpm_message message;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        struct trail trail = {0};

        assert_int_not_equal(tpm_message_parse(arena, span_str(bodies[i]), &trail, &message),
                             ERR_OK);
    }
    for (size_t i = 0; i < ARRAY_LEN(envelopes); i++) {
        struct trail trail = {0};
        struct span body = fabricate_tpm_body(arena, span_str(envelopes[i].message));

        assert_err(tpm_message_parse(arena, body, &trail, &message), envelopes[i].want);
        assert_string_equal(trail.where, envelopes[i].where);
    }
}

static void a_body_over_the_limit_is_refused(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    size_t len = EVIDENCE_MAX_BYTES + 1;
    char *body = arena_alloc(arena, len);
    struct tpm_message message;

    (void)state;
    memset(body, ' ', len);
    memcpy(body, "{\"data\":\"e30\"}", 14);
    assert_err(tpm_message_parse(arena, span_of(body, len), NULL, &message), ERR_TOO_LARGE);
}

static void both_messages_are_read_with_and_without_envelope(void **state)
{
    static const struct {
        const char *body;
        enum tpm_message_kind kind;
    } cases[] = {
        /* as the real service was asked */
        {"{\"data\":\"eyJwYXlsb2FkIjp7InR5cGUiOiJhaWtjZXJ0In19\"}", TPM_MESSAGE_INIT},
        /* {"type":"aikcert"}, padded */
        {"{\"data\":\"eyJ0eXBlIjoiYWlrY2VydCJ9\",\"more\":1}", TPM_MESSAGE_INIT},
        {"{\"data\":\"eyJ0eXBlIjoiYWlrY2VydCIgfQ==\"}", TPM_MESSAGE_INIT},
        {"{\"data\":\"eyJwYXlsb2FkIjp7InJlcXVlc3QiOiJhLmIuYyJ9LCJtZXRhZGF0YSI6eyJvc192ZXIiOiIx"
         "In19\"}",
         TPM_MESSAGE_REQUEST},
        {"{\"data\":\"eyJyZXF1ZXN0IjoiYS5iLmMifQ\"}", TPM_MESSAGE_REQUEST},
    };
    CLEANUP(arena_free) struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct tpm_message message = {0};

        assert_ok(tpm_message_parse(arena, span_str(cases[i].body), NULL, &message));
        assert_int_equal(message.kind, cases[i].kind);
        assert_true(message.kind == TPM_MESSAGE_INIT || span_is(message.request, "a.b.c"));
    }
}

static struct span inner(struct arena *arena, struct span body)
{
    yyjson_val *root = NULL;
    struct span text;

    assert_ok(json_read(arena, body, NULL, NULL, &root));
    assert_ok(json_need_base64(arena, root, "data", BASE64_URL, NULL, &text));
    return text;
}

static void answers_have_the_form_of_the_service(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct span body;

    (void)state;
    assert_ok(tpm_challenge_write(arena, span_of("\1\2\3", 3), span_str("ctx"), &body));
    assert_true(span_is(inner(arena, body),
                        "{\"payload\":{\"challenge\":\"AQID\",\"service_context\":\"Y3R4\"}}"));
    assert_ok(tpm_report_write(arena, span_str("h.p.s"), &body));
    assert_true(span_is(inner(arena, body), "{\"payload\":{\"report\":\"h.p.s\"}}"));
}

/* A recorded exchange: third-party data, read where it is. */
static void a_recorded_answer_is_written_byte_for_byte(void **state)
{
    test_needs_public_data();

    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct span file = test_public_file(arena, "attestation/tpm-attest-init-exchange.json");
    yyjson_val *root = NULL;
    yyjson_val *message = NULL;
    struct span data;
    struct span text;
    struct span challenge;
    struct span context;
    struct span body;

    (void)state;
    assert_ok(json_read(arena, file, NULL, NULL, &root));
    data = json_span(json_get(json_get(root, "response"), "data"));
    assert_ok(base64_decode(arena, BASE64_URL, data, &text));
    assert_ok(json_read(arena, text, NULL, NULL, &message));
    message = json_get(message, "payload");
    assert_ok(json_need_base64(arena, message, "challenge", BASE64_URL, NULL, &challenge));
    assert_ok(json_need_base64(arena, message, "service_context", BASE64_URL, NULL, &context));
    assert_int_equal(challenge.len, 16);
    assert_ok(tpm_challenge_write(arena, challenge, context, &body));
    assert_ok(json_read(arena, body, NULL, NULL, &root));
    assert_true(span_equal(json_span(json_get(root, "data")), data));
}

/* ---- the request ---- */

/* The payload with one text in it replaced, signed again. */
static err_t parse_edited(struct made *m, const char *from, const char *to, struct trail *trail)
{
    CLEANUP(buf_done) struct buf out = {0};
    struct span payload = fabricate_tpm_payload(m->arena, m->keys, &m->request);
    const uint8_t *at = memmem(payload.data, payload.len, from, strlen(from));
    struct evidence *evidence = NULL;
    size_t before;

    assert_non_null(at);
    before = (size_t)(at - payload.data);
    buf_init(&out, 8 * 1024 * 1024);
    buf_add(&out, span_cut(payload, 0, before));
    buf_add_str(&out, to);
    buf_add(&out, span_cut(payload, before + strlen(from), payload.len));
    return tpm_request_parse(m->arena, fabricate_tpm_sign(m->arena, &m->request, buf_span(&out)),
                             trail, &evidence);
}

static const struct {
    const char *from, *to;
    err_t want;
    const char *where; /* behind "request." */
} edits[] = {
    {"\"att_type\":\"basic\"", "\"att_type\":\"vbs\"", ERR_UNSUPPORTED, "att_type"},
    {"\"att_type\":\"basic\"", "\"att_type\":\"Basic\"", ERR_UNSUPPORTED, "att_type"},
    {"\"att_type\":\"basic\"", "\"Att_type\":\"basic\"", ERR_JSON_MISSING, "att_type"},
    {"\"att_type\":\"basic\"", "\"att_type\":1", ERR_JSON_TYPE, "att_type"},
    {"\"att_data\":", "\"att_dota\":", ERR_JSON_MISSING, "att_data"},
    {"\"rp_id\":\"https://relying.example\"", "\"rp_id\":7", ERR_JSON_TYPE, "att_data.rp_id"},
    {"\"rp_id\":\"https", "\"rp_id\":\"\\u0000", ERR_VALUE, "att_data.rp_id"},
    {"\"rp_data\":\"AQID\"", "\"rp_data\":\"A\"", ERR_ENCODING, "att_data.rp_data"},
    {"\"challenge\":\"", "\"challenge\":\"*", ERR_ENCODING, "att_data.challenge"},
    {"\"challenge\":", "\"Challenge\":", ERR_JSON_MISSING, "att_data.challenge"},
    {"\"service_context\":", "\"challenge\":", ERR_JSON_DUPLICATE, "att_data.challenge"},
    {"\"service_context\":", "\"x\":", ERR_JSON_MISSING, "att_data.service_context"},
    {"\"tpm_att_data\":", "\"x\":", ERR_JSON_MISSING, "att_data.tpm_att_data"},
    {"\"current_attestation\":", "\"x\":", ERR_JSON_MISSING,
     "att_data.tpm_att_data.current_attestation"},
    {"\"current_attestation\":", "\"boot_attestation\":[],\"current_attestation\":", ERR_JSON_TYPE,
     "att_data.tpm_att_data.boot_attestation"},
    {"\"current_attestation\":", "\"boot_attestation\":{},\"current_attestation\":",
     ERR_JSON_MISSING, "att_data.tpm_att_data.boot_attestation.logs"},
    {"\"logs\":[", "\"logs\":[1,", ERR_JSON_TYPE,
     "att_data.tpm_att_data.current_attestation.logs[0]"},
    {"\"type\":\"TCG\"", "\"type\":\"tcg\"", ERR_UNSUPPORTED,
     "att_data.tpm_att_data.current_attestation.logs[0].type"},
    {"\"quote\":\"", "\"quote\":\"\",\"x\":\"", ERR_JSON_MISSING,
     "att_data.tpm_att_data.current_attestation.quote"},
    {"\"aik_pub\":{", "\"aik_pub\":[],\"x\":{", ERR_JSON_TYPE,
     "att_data.tpm_att_data.current_attestation.aik_pub"},
    {"\"algorithm\":11", "\"algorithm\":\"11\"", ERR_JSON_TYPE,
     "att_data.tpm_att_data.current_attestation.pcrs[0].algorithm"},
    {"\"algorithm\":11", "\"algorithm\":4", ERR_VALUE,
     "att_data.tpm_att_data.current_attestation.pcrs[0].values[0].digest"},
    {"\"index\":1,", "\"index\":0,", ERR_VALUE,
     "att_data.tpm_att_data.current_attestation.pcrs[0].values[1].index"},
    {"\"index\":1,", "\"index\":24,", ERR_JSON_TYPE,
     "att_data.tpm_att_data.current_attestation.pcrs[0].values[1].index"},
    {"\"pcrs\":[", "\"pcrs\":[{\"algorithm\":11,\"values\":[]},", ERR_VALUE,
     "att_data.tpm_att_data.current_attestation.pcrs[1].algorithm"},
    {"\"pcrs\":[", "\"pcrs\":[1,2,3,4,5,6,7,8,", ERR_TOO_MANY,
     "att_data.tpm_att_data.current_attestation.pcrs"},
    {"\"request_key\":", "\"x\":", ERR_JSON_MISSING, "att_data.request_key"},
    {"\"request_key\":{\"jwk\":", "\"request_key\":{\"x\":", ERR_JSON_MISSING,
     "att_data.request_key.jwk"},
    {"{\"tpm_quote\":{", "{\"tpm_quote\":{\"x\":1},\"tpm_certify\":{", ERR_VALUE,
     "att_data.request_key.info"},
    {"{\"tpm_quote\":{", "{\"vbs_ncrypt\":{", ERR_UNSUPPORTED, "att_data.request_key.info"},
    {"\"hash_alg\":\"sha-256\"", "\"hash_alg\":\"sha-1\"", ERR_UNSUPPORTED,
     "att_data.request_key.info.tpm_quote.hash_alg"},
    {"\"other_keys\":[", "\"other_keys\":[{},{},{}", ERR_TOO_MANY, "att_data.other_keys"},
    {"\"other_keys\":[", "\"other_keys\":[{}", ERR_JSON_MISSING, "att_data.other_keys[0].jwk"},
    {"\"other_keys\":[", "\"other_keys\":[{\"jwk\":{},\"info\":{\"tpm_quote\":{}}}", ERR_VALUE,
     "att_data.other_keys[0].info.tpm_quote"},
    {"\"other_keys\":[", "\"other_keys\":[{\"jwk\":{},\"info\":{\"tpm_certify\":{}}}",
     ERR_JSON_MISSING, "att_data.other_keys[0].info.tpm_certify.public"},
    {"{\"name\":\"n\"", "{\"name\":\"\"", ERR_VALUE, "att_data.custom_claims[0].name"},
    {"{\"name\":\"n\"", "{\"x\":\"n\"", ERR_JSON_MISSING, "att_data.custom_claims[0].name"},
    {"\"value\":\"v\"", "\"value\":1", ERR_JSON_TYPE, "att_data.custom_claims[0].value"},
    {"\"value\":\"v\"", "\"value\":\"v\",\"value_type\":\"Integer\"", ERR_JSON_TYPE,
     "att_data.custom_claims[0].value"},
    {"\"value\":\"v\"", "\"value\":\"9223372036854775808\",\"value_type\":\"Integer\"",
     ERR_JSON_TYPE, "att_data.custom_claims[0].value"},
    {"\"value\":\"v\"", "\"value\":\"1 \",\"value_type\":\"Integer\"", ERR_JSON_TYPE,
     "att_data.custom_claims[0].value"},
    {"\"value\":\"v\"", "\"value\":\"yes\",\"value_type\":\"Boolean\"", ERR_JSON_TYPE,
     "att_data.custom_claims[0].value"},
    {"\"value\":\"v\"", "\"value\":\"v\",\"value_type\":\"Set\"", ERR_UNSUPPORTED,
     "att_data.custom_claims[0].value_type"},
};

static void a_request_is_refused_where_it_fails(void **state)
{
    struct made m;

    (void)state;
    made_begin(&m);
    for (size_t i = 0; i < ARRAY_LEN(edits); i++) {
        struct trail trail = {0};
        const char *where = arena_printf(m.arena, "request.%s", edits[i].where);
        err_t err = parse_edited(&m, edits[i].from, edits[i].to, &trail);

        if (err != edits[i].want || strcmp(trail.where, where) != 0) {
            fail_msg("%s: %s at %s: %s", edits[i].to, err_name(err), trail.where, trail.what);
        }
    }
    made_end(&m);
}

/* Refused in words of their own: whoever sends these has a client that works elsewhere. */
static void other_versions_and_enclaves_are_named(void **state)
{
    struct evidence *evidence = NULL;
    struct trail trail = {0};
    struct made m;

    (void)state;
    made_begin(&m);
    m.request.typ = "attReq";
    assert_err(tpm_request_parse(m.arena, fabricate_tpm_request(m.arena, m.keys, &m.request),
                                 &trail, &evidence),
               ERR_UNSUPPORTED);
    assert_string_equal(trail.where, "request.header.typ");
    assert_non_null(strstr(trail.what, "version 1"));
    m.request.typ = "JWT";
    assert_err(tpm_request_parse(m.arena, fabricate_tpm_request(m.arena, m.keys, &m.request), NULL,
                                 &evidence),
               ERR_UNSUPPORTED);
    m.request.typ = NULL;
    m.request.att_type = "vbs";
    trail = (struct trail){0};
    assert_err(tpm_request_parse(m.arena, fabricate_tpm_request(m.arena, m.keys, &m.request),
                                 &trail, &evidence),
               ERR_UNSUPPORTED);
    assert_non_null(strstr(trail.what, "VBS"));
    made_end(&m);
}

static void what_is_too_much_is_refused(void **state)
{
    struct evidence *evidence = NULL;
    struct trail trail = {0};
    struct made m;
    char *many;

    (void)state;
    made_begin(&m);
    m.request.n_logs = TPM_REQUEST_MAX_LOGS + 1;
    for (size_t i = 0; i < m.request.n_logs; i++) {
        m.request.logs[i] = (struct fabricate_log){"TCG", span_str("x")};
    }
    assert_err(tpm_request_parse(m.arena, fabricate_tpm_request(m.arena, m.keys, &m.request),
                                 &trail, &evidence),
               ERR_TOO_MANY);
    m.request.n_logs = EVIDENCE_MAX_LATER_LOGS + 2;
    assert_err(tpm_request_parse(m.arena, fabricate_tpm_request(m.arena, m.keys, &m.request), NULL,
                                 &evidence),
               ERR_TOO_MANY);
    m.request.n_logs = 0;
    many = arena_calloc(m.arena, 1, TPM_REQUEST_MAX_JWK + 64);
    memset(many, ' ', TPM_REQUEST_MAX_JWK + 2);
    many[0] = '{';
    many[TPM_REQUEST_MAX_JWK + 1] = '}';
    m.request.request_key.jwk = many;
    assert_err(tpm_request_parse(m.arena, fabricate_tpm_request(m.arena, m.keys, &m.request), NULL,
                                 &evidence),
               ERR_TOO_LARGE);
    m.request.request_key.jwk = NULL;
    many = arena_calloc(m.arena, 1, 512 * 1024);
    memset(many, '[', 1000);
    m.request.custom_claims = many;
    assert_err(tpm_request_parse(m.arena, fabricate_tpm_request(m.arena, m.keys, &m.request), NULL,
                                 &evidence),
               ERR_TOO_DEEP);
    made_end(&m);
}

static void a_request_is_taken_apart(void **state)
{
    struct evidence *evidence = NULL;
    const struct evidence_tpm *tpm;
    struct fabricate_tpm boot;
    struct made m;

    (void)state;
    made_begin(&m);
    boot = m.request;
    m.request.logs[2] = (struct fabricate_log){"TCG", span_str("a later log")};
    m.request.logs[3] = (struct fabricate_log){"IMA", span_str(", and more")};
    m.request.n_logs = 4;
    m.request.boot = &boot;
    m.request.n_other_keys = 1;
    m.request.other_keys[0] = (struct fabricate_key){.key = m.keys->enc_key};
    m.request.are_pcrs_unsorted = true;
    m.pcrs.value[HASH_SHA256][3][0] = 33;
    m.request.custom_claims = "[{\"name\":\"a\",\"value\":\"b\",\"value_type\":\"String\"},"
                              "{\"name\":\"i\",\"value\":\"-12\",\"value_type\":\"integer\"},"
                              "{\"name\":\"j\",\"value\":7,\"value_type\":\"Integer\"},"
                              "{\"name\":\"t\",\"value\":true,\"value_type\":\"Boolean\"},"
                              "{\"name\":\"f\",\"value\":\"False\",\"value_type\":\"Boolean\"}]";
    assert_ok(tpm_request_parse(m.arena, fabricate_tpm_request(m.arena, m.keys, &m.request), NULL,
                                &evidence));
    tpm = evidence->tpm;
    assert_int_equal(evidence->form, EVIDENCE_TPM);
    assert_true(span_is(evidence->log.bytes, "a log"));
    assert_int_equal(evidence->n_later_logs, 1);
    assert_true(span_is(evidence->later_logs[0].bytes, "a later log"));
    assert_true(span_is(evidence->ima.bytes, "a list, and more"));
    assert_string_equal(evidence->log.where, "current_attestation.logs[0]");
    assert_int_equal(evidence->pcrs.have[HASH_SHA256], 0xff);
    assert_int_equal(evidence->pcrs.value[HASH_SHA256][3][0], 33);
    assert_true(evidence->quotes[0].is_framed);
    assert_true(span_is(tpm->challenge, "0123456789abcdef"));
    assert_true(span_is(tpm->service_context, "opaque to clients"));
    assert_true(span_equal(tpm->rp_data, span_of("\1\2\3", 3)));
    assert_string_equal(tpm->rp_id, "https://relying.example");
    assert_int_equal(tpm->request_key.binding, KEY_QUOTED);
    assert_true(span_is(tpm->request_key.raw, fabricate_jwk(m.arena, m.request_key)));
    assert_int_equal(tpm->n_other_keys, 1);
    assert_int_equal(tpm->other_keys[0].binding, KEY_CERTIFIED);
    assert_true(span_is(tpm->other_keys[0].raw, fabricate_jwk(m.arena, m.keys->enc_key)));
    assert_int_equal(tpm->n_custom, 5);
    assert_string_equal(tpm->custom[0].string, "b");
    assert_int_equal(tpm->custom[1].integer, -12);
    assert_int_equal(tpm->custom[2].integer, 7);
    assert_true(tpm->custom[3].boolean);
    assert_false(tpm->custom[4].boolean);
    assert_int_equal(tpm->boot->form, EVIDENCE_TPM_BOOT);
    assert_null(tpm->boot->tpm);
    assert_true(span_is(tpm->boot->log.bytes, "a log"));
    made_end(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_that_is_none_is_refused_where_it_fails),
        cmocka_unit_test(a_body_over_the_limit_is_refused),
        cmocka_unit_test(a_request_is_refused_where_it_fails),
        cmocka_unit_test(other_versions_and_enclaves_are_named),
        cmocka_unit_test(what_is_too_much_is_refused),
        cmocka_unit_test(both_messages_are_read_with_and_without_envelope),
        cmocka_unit_test(answers_have_the_form_of_the_service),
        cmocka_unit_test(a_recorded_answer_is_written_byte_for_byte),
        cmocka_unit_test(a_request_is_taken_apart),
    };

    return RUN_TESTS(tests);
}
