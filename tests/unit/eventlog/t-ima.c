/* IMA lists: real ones against PCR 10, and what must be refused. */
#include "unit/facts/logs.h"

#include "base/codec.h"
#include "base/file.h"
#include "eventlog/ima.h"
#include "json/json.h"

static void add_record(struct buf *out, uint32_t pcr, const char *template, struct span data,
                       bool violation)
{
    uint8_t digest[20] = {0};

    logs_u32(out, pcr);
    if (!violation) {
        assert_ok(hash_once(HASH_SHA1, data, digest));
    }
    buf_add(out, span_of(digest, 20));
    logs_u32(out, (uint32_t)strlen(template));
    buf_add_str(out, template);
    logs_u32(out, (uint32_t)data.len);
    buf_add(out, data);
}

static err_t replay(struct span bytes, enum hash_alg bank, enum ima_extend how,
                    struct ima_summary *ret)
{
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();

    assert_non_null(hasher);
    return ima_replay(bytes, bank, how, hasher, NULL, ret);
}

static void refuses_what_is_not_for_pcr_10(void **state)
{
    CLEANUP(buf_done) struct buf out = {0};
    struct ima_summary sum;

    (void)state;
    assert_ok(crypto_init());
    buf_init(&out, 4096);
    add_record(&out, 10, "ima-ng", span_str("data"), false);
    add_record(&out, 11, "ima-ng", span_str("data"), false);
    assert_err(replay(buf_span(&out), HASH_SHA256, IMA_EXTEND_HASH, &sum), ERR_MALFORMED);
}

static bool is_template_name(struct span bytes, size_t at)
{
    for (size_t from = at >= 6 ? at - 6 : 0; from <= at; from++) {
        if (span_starts(span_cut(bytes, from, bytes.len), "ima-ng") ||
            span_starts(span_cut(bytes, from, bytes.len), "ima-sig")) {
            return true;
        }
    }
    return false;
}

static void refuses_a_digest_that_is_not_of_its_data(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct span bytes = test_vector(arena, "boots/a-secureboot-healthy/ima.bin");
    struct ima_summary sum;

    (void)state;
    for (size_t i = 0; i < bytes.len; i += 7) {
        uint8_t *copy = arena_alloc(arena, bytes.len);
        err_t err;

        memcpy(copy, bytes.data, bytes.len);
        /* The template's name is the one thing that no digest covers. */
        if (is_template_name(bytes, i)) {
            continue;
        }
        copy[i] ^= 0x10;
        err = replay(span_of(copy, bytes.len), HASH_SHA256, IMA_EXTEND_HASH, &sum);
        if (err != ERR_SHORT && err != ERR_MALFORMED && err != ERR_MISMATCH) {
            fail_msg("byte %zu changed: %s", i, err_name(err));
        }
    }
}

static void refuses_a_list_cut_inside_a_record(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct span bytes = test_vector(arena, "boots/a-secureboot-healthy/ima.bin");
    struct ima_summary whole;
    unsigned accepted = 0;

    (void)state;
    assert_ok(replay(bytes, HASH_SHA256, IMA_EXTEND_HASH, &whole));
    for (size_t len = 0; len < bytes.len; len++) {
        struct ima_summary sum;
        err_t err = replay(span_cut(bytes, 0, len), HASH_SHA256, IMA_EXTEND_HASH, &sum);

        if (err == ERR_OK) {
            assert_int_equal(sum.records, accepted);
            accepted++;
        } else {
            assert_err(err, ERR_SHORT);
        }
    }
    assert_int_equal(accepted, whole.records);
}

static void refuses_what_is_over_the_limits_L_15(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    CLEANUP(buf_done) struct buf out = {0};
    uint8_t *large = arena_calloc(arena, 1, IMA_MAX_BYTES + 1);
    struct ima_summary sum;

    (void)state;
    assert_err(replay(span_of(large, IMA_MAX_BYTES + 1), HASH_SHA1, IMA_EXTEND_HASH, &sum),
               ERR_TOO_LARGE);
    buf_init(&out, IMA_MAX_BYTES);
    for (int i = 0; i <= IMA_MAX_RECORDS; i++) {
        add_record(&out, 10, "x", span_str("d"), false);
    }
    assert_ok(buf_err(&out));
    assert_err(replay(buf_span(&out), HASH_SHA1, IMA_EXTEND_HASH, &sum), ERR_TOO_MANY);
    buf_reset(&out);
    add_record(&out, 10, "", span_str("d"), false);
    assert_err(replay(buf_span(&out), HASH_SHA1, IMA_EXTEND_HASH, &sum), ERR_MALFORMED);
    buf_reset(&out);
    add_record(&out, 10, "ima-ng", span_of(large, IMA_DATA_MAX + 1), false);
    assert_err(replay(buf_span(&out), HASH_SHA1, IMA_EXTEND_HASH, &sum), ERR_MALFORMED);
}

static void an_empty_list_is_a_zero_register(void **state)
{
    struct ima_summary sum;

    (void)state;
    assert_ok(replay((struct span){0}, HASH_SHA256, IMA_EXTEND_HASH, &sum));
    assert_int_equal(sum.records, 0);
    assert_true(span_all(span_of(sum.value, sizeof(sum.value)), 0));
}

static void a_violation_extends_as_all_ones(void **state)
{
    static const enum ima_extend ways[] = {IMA_EXTEND_HASH, IMA_EXTEND_SHA1_PADDED};

    (void)state;
    assert_ok(crypto_init());
    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        CLEANUP(buf_done) struct buf out = {0};
        struct ima_summary sum;
        uint8_t message[96] = {0};
        uint8_t want[48];

        buf_init(&out, 4096);
        add_record(&out, 10, "ima-ng", span_str("data"), true);
        assert_ok(replay(buf_span(&out), HASH_SHA384, ways[i], &sum));
        memset(message + 48, 0xff, 48);
        assert_ok(hash_once(HASH_SHA384, span_of(message, 96), want));
        assert_memory_equal(sum.value, want, 48);
        assert_int_equal(sum.violations, 1);
        assert_int_equal(sum.records, 1);
    }
}

/* ---- a list that was read after the quote ---- */

struct grown {
    struct arena *arena;
    struct span genuine;
    struct span wanted; /* PCR 10 as quoted */
    struct buf bytes;
};

static void grown_begin(struct grown *g)
{
    struct ima_summary sum;

    g->arena = test_arena();
    g->genuine = test_vector(g->arena, "boots/a-secureboot-healthy/ima.bin");
    assert_ok(replay(g->genuine, HASH_SHA256, IMA_EXTEND_HASH, &sum));
    g->wanted = arena_dup(g->arena, span_of(sum.value, SHA256_BYTES));
    assert_true(sum.records > 4);
    g->bytes = (struct buf){0};
    buf_init(&g->bytes, IMA_MAX_BYTES);
    buf_add(&g->bytes, g->genuine);
}

static void grown_end(struct grown *g)
{
    buf_done(&g->bytes);
    arena_free(g->arena);
}

static err_t reach(const struct grown *g, struct span bytes, struct ima_summary *ret)
{
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();

    return ima_replay_until(bytes, HASH_SHA256, IMA_EXTEND_HASH, g->wanted, hasher, NULL, ret);
}

/* Where the record begins, for all records and the end. */
static size_t record_starts(const struct grown *g, size_t *starts, size_t max)
{
    size_t n = 0;

    for (size_t len = 0; len <= g->genuine.len; len++) {
        struct ima_summary sum;

        if (replay(span_cut(g->genuine, 0, len), HASH_SHA256, IMA_EXTEND_HASH, &sum) == ERR_OK) {
            assert_true(n < max);
            starts[n++] = len;
        }
    }
    return n;
}

static void a_list_that_ends_before_the_quote_is_refused_L_12(void **state)
{
    struct grown g;
    size_t starts[64];
    size_t n;

    (void)state;
    grown_begin(&g);
    n = record_starts(&g, starts, ARRAY_LEN(starts));
    for (size_t i = 0; i < n; i++) {
        struct ima_summary sum;
        err_t err = reach(&g, span_cut(g.genuine, 0, starts[i]), &sum);

        assert_err(err, starts[i] == g.genuine.len ? ERR_OK : ERR_END);
    }
    grown_end(&g);
}

/* The value is between two records of the list, or behind one that is missing or another. */
static void a_quote_at_no_boundary_of_the_list_is_refused_L_12(void **state)
{
    struct grown g;
    size_t starts[64];
    size_t n;

    (void)state;
    grown_begin(&g);
    n = record_starts(&g, starts, ARRAY_LEN(starts));
    for (size_t i = 0; i + 1 < n; i++) {
        CLEANUP(buf_done) struct buf without = {0};
        struct ima_summary sum;

        buf_init(&without, IMA_MAX_BYTES);
        buf_add(&without, span_cut(g.genuine, 0, starts[i]));
        buf_add(&without, span_cut(g.genuine, starts[i + 1], g.genuine.len));
        add_record(&without, 10, "ima-ng", span_str("measured after the quote"), false);
        assert_err(reach(&g, buf_span(&without), &sum), ERR_END);
        buf_reset(&without);
        buf_add(&without, span_cut(g.genuine, 0, starts[i]));
        add_record(&without, 10, "ima-ng", span_str("one more in between"), false);
        buf_add(&without, span_cut(g.genuine, starts[i], g.genuine.len));
        assert_err(reach(&g, buf_span(&without), &sum), ERR_END);
    }
    grown_end(&g);
}

/* What stands behind the quote proves nothing, but damage there is still damage. */
static void damage_behind_the_quote_is_found(void **state)
{
    struct grown g;
    struct ima_summary sum;
    size_t len;

    (void)state;
    grown_begin(&g);
    len = g.bytes.len;
    add_record(&g.bytes, 10, "ima-ng", span_str("measured after the quote"), false);
    for (size_t cut = len + 1; cut < g.bytes.len; cut++) {
        assert_err(reach(&g, span_cut(buf_span(&g.bytes), 0, cut), &sum), ERR_SHORT);
    }
    add_record(&g.bytes, 11, "ima-ng", span_str("for another register"), false);
    assert_err(reach(&g, buf_span(&g.bytes), &sum), ERR_MALFORMED);
    grown_end(&g);
}

/* The kernel goes on measuring between the quote and the reading of the list. */
static void a_longer_genuine_list_is_accepted_L_12(void **state)
{
    struct grown g;
    struct ima_summary whole;
    struct ima_summary sum;

    (void)state;
    grown_begin(&g);
    assert_ok(replay(g.genuine, HASH_SHA256, IMA_EXTEND_HASH, &whole));
    for (unsigned more = 0; more < 20; more++) {
        assert_ok(reach(&g, buf_span(&g.bytes), &sum));
        assert_int_equal(sum.records, whole.records); /* the rest is not counted */
        assert_int_equal(sum.violations, whole.violations);
        assert_memory_equal(sum.value, g.wanted.data, SHA256_BYTES);
        add_record(&g.bytes, 10, more % 2 == 0 ? "ima-ng" : "ima-sig",
                   span_str(arena_printf(g.arena, "measured after the quote: %u", more)),
                   more % 7 == 6);
    }
    grown_end(&g);
}

/*
 * SHA-1 and SHA-256 hash the template data; in SHA-384 these kernels (6.1) extended the SHA-1
 * digest padded with zeros. Boots of a log-less guest have IMA lists too.
 */
static void recorded_lists_explain_pcr_10(void **state)
{
    CLEANUP(arena_free) struct arena *names_arena = test_arena();
    const char **names = NULL;
    unsigned lists = 0;

    (void)state;
    assert_ok(file_list(names_arena, test_vector_path(names_arena, "boots"), NULL, &names));
    for (; *names != NULL; names++) {
        CLEANUP(arena_free) struct arena *arena = test_arena();
        const char *path = arena_printf(arena, "boots/%s/ima.bin", *names);
        yyjson_val *manifest = NULL;
        yyjson_val *pcrs;
        size_t i, n;
        yyjson_val *key, *values;

        if (!file_exists(test_vector_path(arena, path))) {
            continue;
        }
        assert_ok(json_read(
            arena, test_vector(arena, arena_printf(arena, "boots/%s/manifest.json", *names)), NULL,
            NULL, &manifest));
        pcrs = json_get(manifest, "pcrs");
        yyjson_obj_foreach(pcrs, i, n, key, values)
        {
            enum hash_alg bank = hash_by_name(yyjson_get_str(key));
            struct span want = test_hex(arena, json_text(json_get(values, "10")));
            struct ima_summary sum;
            enum ima_extend how = bank == HASH_SHA384 ? IMA_EXTEND_SHA1_PADDED : IMA_EXTEND_HASH;

            if (span_all(want, 0)) {
                continue; /* a bank that is not there */
            }
            assert_ok(replay(test_vector(arena, path), bank, how, &sum));
            if (!span_equal(want, span_of(sum.value, hash_size(bank)))) {
                fail_msg("%s: %s PCR 10", *names, hash_name(bank));
            }
            lists++;
        }
    }
    assert_true(lists > 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_is_not_for_pcr_10),
        cmocka_unit_test(refuses_a_digest_that_is_not_of_its_data),
        cmocka_unit_test(refuses_a_list_cut_inside_a_record),
        cmocka_unit_test(refuses_what_is_over_the_limits_L_15),
        cmocka_unit_test(an_empty_list_is_a_zero_register),
        cmocka_unit_test(a_violation_extends_as_all_ones),
        cmocka_unit_test(a_list_that_ends_before_the_quote_is_refused_L_12),
        cmocka_unit_test(a_quote_at_no_boundary_of_the_list_is_refused_L_12),
        cmocka_unit_test(damage_behind_the_quote_is_found),
        cmocka_unit_test(a_longer_genuine_list_is_accepted_L_12),
        cmocka_unit_test(recorded_lists_explain_pcr_10),
    };

    return RUN_TESTS(tests);
}
