/*
 * The AzureGuest request: what is refused, in which words, and what the reference clients may vary.
 */
#include "support/fabricate.h"
#include "support/published.h"
#include "support/support.h"

#include "base/codec.h"
#include "evidence/azureguest.h"

#include <stdlib.h>

static struct span request_text(struct arena *arena, const struct fabricate_request *given)
{
    struct fabricated *f = fabricate_machine(arena, 1800000000);
    struct fabricate_request request = *given;
    struct span inner;

    request.pcrs_sha256 = test_vector(arena, "boots/a-secureboot-healthy/pcrs_sha256.bin");
    request.log = test_vector(arena, "boots/a-secureboot-healthy/eventlog.bin");
    inner = fabricate_inner(arena, f, &request);
    fabricated_free(f);
    return inner;
}

/* Replace the first `from` in text by `to`. */
static struct span replaced(struct arena *arena, struct span text, const char *from, const char *to)
{
    const char *at = strstr((const char *)text.data, from);
    CLEANUP(buf_done) struct buf out = {0};

    assert_non_null(at);
    buf_init(&out, 1 << 20);
    buf_add(&out, span_of(text.data, (size_t)(at - (const char *)text.data)));
    buf_add_str(&out, to);
    buf_add_str(&out, at + strlen(from));
    assert_ok(buf_err(&out));
    return arena_dup(arena, buf_span(&out));
}

static void names_the_member_at_fault(void **state)
{
    static const struct {
        const char *from, *to;
        err_t want;
        const char *where;
    } cases[] = {
        {"\"AttestationProtocolVersion\":\"2.0\"", "\"AttestationProtocolVersion\":\"3.0\"",
         ERR_UNSUPPORTED, "AttestationProtocolVersion"},
        {"\"AttestationProtocolVersion\":\"2.0\"", "\"AttestationProtocolVersion\":2",
         ERR_JSON_TYPE, "AttestationProtocolVersion"},
        {"\"TrustedLaunch\"", "\"SevSnp\"", ERR_UNSUPPORTED, "IsolationInfo.Type"},
        {"\"TrustedLaunch\"", "\"Undefined\"", ERR_UNSUPPORTED, "IsolationInfo.Type"},
        {"\"IsolationInfo\"", "\"isolation\"", ERR_JSON_MISSING, "IsolationInfo"},
        {"\"OSVersionMajor\":12", "\"OSVersionMajor\":-1", ERR_JSON_TYPE, "OSVersionMajor"},
        {"\"OSVersionMajor\":12", "\"OSVersionMajor\":\"12a\"", ERR_JSON_TYPE, "OSVersionMajor"},
        {"\"OSVersionMajor\":12", "\"OSVersionMajor\":\"\"", ERR_JSON_TYPE, "OSVersionMajor"},
        {"\"ClientPayload\":{}", "\"ClientPayload\":[]", ERR_JSON_TYPE, "ClientPayload"},
        {"\"OSType\":\"", "\"OSType\":\"*", ERR_ENCODING, "OSType"},
        {"\"TcgLogs\":\"", "\"TcgLogs\":\"=", ERR_ENCODING, "TcgLogs"},
        {"\"TpmInfo\":{", "\"TpmInfo\":{\"AikPub\":\"\",", ERR_JSON_DUPLICATE, "TpmInfo.AikPub"},
        {"\"AikCert\":", "\"AikCer\":", ERR_JSON_MISSING, "TpmInfo.AikCert"},
        {"\"PcrSet\":[0,", "\"PcrSet\":[24,", ERR_JSON_TYPE, "TpmInfo.PcrSet[0]"},
        {"\"PcrSet\":[0,", "\"PcrSet\":[1,", ERR_VALUE, "TpmInfo.PcrSet[1]"},
        {"{\"Index\":0,", "{\"Index\":1,", ERR_VALUE, "TpmInfo.PCRs[1]"},
        {"{\"Index\":0,", "{\"Index\":99,", ERR_JSON_TYPE, "TpmInfo.PCRs[0].Index"},
        {"\"Digest\":\"", "\"Digest\":\"AAAA", ERR_VALUE, "TpmInfo.PCRs[0]"},
    };
    struct arena *arena = test_arena();
    struct span good = request_text(arena, &(struct fabricate_request){0});

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct span bad = replaced(arena, good, cases[i].from, cases[i].to);
        struct evidence *evidence = NULL;
        struct trail trail = {0};

        assert_err(azureguest_parse_inner(arena, bad, &trail, &evidence), cases[i].want);
        assert_null(evidence);
        if (strcmp(trail.where, cases[i].where) != 0) {
            fail_msg("case %zu: at '%s', wanted '%s'", i, trail.where, cases[i].where);
        }
        assert_true(trail.what[0] != '\0');
    }
    arena_free(arena);
}

static void refuses_bodies_that_are_no_request(void **state)
{
    static const struct {
        const char *body;
        err_t want;
    } cases[] = {
        {"", ERR_JSON_SYNTAX},
        {"null", ERR_JSON_TYPE},
        {"[]", ERR_JSON_TYPE},
        {"{}", ERR_JSON_MISSING},
        {"{\"AttestationInfo\":1}", ERR_JSON_TYPE},
        {"{\"AttestationInfo\":\"a\"}", ERR_ENCODING},
        {"{\"AttestationInfo\":\"e30+\"}", ERR_ENCODING}, /* one alphabet per value */
        {"{\"AttestationInfo\":\"e30\"}", ERR_JSON_MISSING},
        {"{\"AttestationInfo\":\"bnVsbA\"}", ERR_JSON_TYPE},
        {"{\"AttestationInfo\":\"e30\",\"attestationInfo\":\"e30\"}", ERR_JSON_DUPLICATE},
        {"{\"AttestationInfo\":\"e30\",\"AttestationInfo\":\"e30\"}", ERR_JSON_DUPLICATE},
    };
    struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct evidence *evidence = NULL;
        struct trail trail = {0};

        assert_err(azureguest_parse(arena, span_str(cases[i].body), &trail, &evidence),
                   cases[i].want);
        assert_true(trail.what[0] != '\0');
    }
    arena_free(arena);
}

static void refuses_nesting_and_oversized_members(void **state)
{
    struct arena *arena = test_arena();
    struct span good = request_text(arena, &(struct fabricate_request){.has_bootwarden = true});
    struct evidence *evidence = NULL;
    struct trail trail = {0};
    char *deep = calloc(1, 4096);
    char *wide = calloc(1, 4096);

    (void)state;
    memcpy(deep, "\"ClientPayload\":", 16);
    memset(deep + 16, '[', 100);
    assert_err(azureguest_parse_inner(arena, replaced(arena, good, "\"ClientPayload\":{}", deep),
                                      &trail, &evidence),
               ERR_TOO_DEEP);
    assert_true(trail.has_offset);
    trail = (struct trail){0};
    memcpy(wide, "\"Context\":\"", 11);
    memset(wide + 11, 'A', 1000);
    assert_err(azureguest_parse_inner(arena, replaced(arena, good, "\"Context\":\"", wide), &trail,
                                      &evidence),
               ERR_TOO_LARGE);
    assert_string_equal(trail.where, "Bootwarden.Context");
    free(deep);
    free(wide);
    arena_free(arena);
}

static void refuses_every_truncation(void **state)
{
    struct arena *arena = test_arena();
    struct span good = request_text(arena, &(struct fabricate_request){0});

    (void)state;
    for (size_t len = 0; len < good.len; len += len < 600 ? 1 : 61) {
        struct arena *scratch = arena_new(8u * 1024 * 1024);
        struct evidence *evidence = NULL;

        assert_true(azureguest_parse_inner(scratch, span_of(good.data, len), NULL, &evidence) !=
                    ERR_OK);
        arena_free(scratch);
    }
    arena_free(arena);
}

static void takes_what_the_reference_clients_send(void **state)
{
    static const struct {
        const char *from, *to;
        uint64_t major;
    } cases[] = {
        {"\"OSVersionMajor\":12", "\"OSVersionMajor\":22", 22},
        {"\"OSVersionMajor\":12", "\"OSVersionMajor\":\"04\"", 4}, /* Python client */
        {"\"ClientPayload\":{}", "\"ClientPayload\":null", 12},
        {"\"AttestationProtocolVersion\":\"2.0\"", "\n\t\"AttestationProtocolVersion\" : \"1.0\"",
         12},
        {"\"ClientPayload\":{}", "\"Unknown\":[1,2],\"ClientPayload\":{}", 12},
    };
    struct arena *arena = test_arena();
    struct span good = request_text(arena, &(struct fabricate_request){0});

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct evidence *evidence = NULL;
        struct trail trail = {0};

        assert_ok(azureguest_parse_inner(arena, replaced(arena, good, cases[i].from, cases[i].to),
                                         &trail, &evidence));
        assert_int_equal(evidence->azure.os_version_major, cases[i].major);
        assert_string_equal(evidence->azure.os_distro, "Debian GNU/Linux");
        assert_null(evidence->azure.client_payload);
        assert_false(evidence->azure.has_bootwarden);
        assert_int_equal(evidence->pcr_set, 0xff);
        assert_int_equal(evidence->pcrs.have[HASH_SHA256], 0xff);
    }
    arena_free(arena);
}

static void reads_the_outer_body_in_either_spelling_and_with_padding(void **state)
{
    struct arena *arena = test_arena();
    struct span inner = request_text(
        arena, &(struct fabricate_request){.client_payload = "{\"ArmID\":\"L3N1YnM=\"}"});
    CLEANUP(buf_done) struct buf out = {0};
    struct evidence *evidence = NULL;

    (void)state;
    buf_init(&out, 1 << 20);
    buf_add_str(&out, "{\"attestationInfo\":\"");
    base64_encode(&out, BASE64_URL, inner);
    while ((buf_span(&out).len - strlen("{\"attestationInfo\":\"")) % 4 != 0) {
        buf_add_char(&out, '=');
    }
    buf_add_str(&out, "\"}");
    assert_ok(azureguest_parse(arena, buf_span(&out), NULL, &evidence));
    assert_non_null(evidence->azure.client_payload);
    evidence = NULL;
    assert_ok(azureguest_parse_any(arena, buf_span(&out), NULL, &evidence));
    evidence = NULL;
    assert_ok(azureguest_parse_any(arena, inner, NULL, &evidence));
    arena_free(arena);
}

/* An empty log is "no log", never a log that verified (L-5). */
static void an_empty_log_is_no_log(void **state)
{
    struct arena *arena = test_arena();
    struct span good = request_text(arena, &(struct fabricate_request){0});
    const char *at = strstr((const char *)good.data, "\"TcgLogs\":\"") + strlen("\"TcgLogs\":\"");
    CLEANUP(buf_done) struct buf out = {0};
    struct evidence *evidence = NULL;

    (void)state;
    buf_init(&out, 1 << 20);
    buf_add(&out, span_of(good.data, (size_t)(at - (const char *)good.data)));
    buf_add_str(&out, strchr(at, '"'));
    assert_ok(azureguest_parse_inner(arena, buf_span(&out), NULL, &evidence));
    assert_null(evidence->log.bytes.data);
    arena_free(arena);
}

/* what must be fresh is hashed with the challenge; facts are canonical, so order is no
 * matter. */
static void binds_context_and_facts_into_the_nonce(void **state)
{
    struct arena *arena = test_arena();
    struct fabricate_request request = {.has_bootwarden = true,
                                        .context = span_str("challenge"),
                                        .guest_facts = "{\"b\":\"2\",\"a\":\"1\"}"};
    struct fabricate_request other = request;
    struct evidence *one = NULL;
    struct evidence *two = NULL;
    uint8_t digest[SHA256_BYTES];
    uint8_t again[SHA256_BYTES];

    (void)state;
    other.guest_facts = "{ \"a\": \"1\", \"b\": \"2\" }";
    assert_ok(azureguest_parse_inner(arena, request_text(arena, &request), NULL, &one));
    assert_ok(azureguest_parse_inner(arena, request_text(arena, &other), NULL, &two));
    assert_true(span_is(one->azure.guest_facts_canonical, "{\"a\":\"1\",\"b\":\"2\"}"));
    assert_true(span_equal(one->azure.guest_facts_canonical, two->azure.guest_facts_canonical));
    assert_ok(
        azureguest_expected_nonce(one->azure.context, one->azure.guest_facts_canonical, digest));
    assert_ok(
        azureguest_expected_nonce(span_str("challengf"), one->azure.guest_facts_canonical, again));
    assert_memory_not_equal(digest, again, sizeof(digest));
    assert_ok(azureguest_expected_nonce(one->azure.context, (struct span){0}, again));
    assert_memory_not_equal(digest, again, sizeof(digest));
    arena_free(arena);
}

/* Sizes are those of the canonical form, which is what is kept. */
static void facts_have_a_limit(void **state)
{
    struct arena *arena = test_arena();
    size_t padding = AZUREGUEST_FACTS_MAX - strlen("{\"a\":\"\"}");
    char *text = arena_calloc(arena, 1, AZUREGUEST_FACTS_MAX + 1);
    struct fabricate_request request = {.has_bootwarden = true, .context = span_str("challenge")};
    struct evidence *evidence = NULL;
    struct trail trail = {0};

    (void)state;
    assert_non_null(text);
    memset(text, 'x', padding);
    request.guest_facts = arena_printf(arena, "{ \"a\": \"%s\" }", text);
    assert_ok(azureguest_parse_inner(arena, request_text(arena, &request), NULL, &evidence));
    assert_int_equal(evidence->azure.guest_facts_canonical.len, AZUREGUEST_FACTS_MAX);
    text[padding] = 'x';
    request.guest_facts = arena_printf(arena, "{\"a\":\"%s\"}", text);
    assert_err(azureguest_parse_inner(arena, request_text(arena, &request), &trail, &evidence),
               ERR_TOO_LARGE);
    assert_string_equal(trail.where, "Bootwarden.GuestFacts");
    arena_free(arena);
}

static void reads_the_published_evidence(void **state)
{
    test_needs_public_data();

    struct arena *arena = test_arena();
    struct evidence *evidence = NULL;

    (void)state;
    assert_ok(azureguest_parse_inner(arena, published_inner(arena), NULL, &evidence));
    assert_int_equal(evidence->pcr_set, 0x78ff);
    assert_string_equal(evidence->azure.os_type, "Windows");
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_the_member_at_fault),
        cmocka_unit_test(refuses_bodies_that_are_no_request),
        cmocka_unit_test(refuses_nesting_and_oversized_members),
        cmocka_unit_test(refuses_every_truncation),
        cmocka_unit_test(takes_what_the_reference_clients_send),
        cmocka_unit_test(reads_the_outer_body_in_either_spelling_and_with_padding),
        cmocka_unit_test(an_empty_log_is_no_log),
        cmocka_unit_test(binds_context_and_facts_into_the_nonce),
        cmocka_unit_test(facts_have_a_limit),
        cmocka_unit_test(reads_the_published_evidence),
    };

    return RUN_TESTS(tests);
}
