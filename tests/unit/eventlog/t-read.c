/* Reading logs: L-1 to L-5, L-7, L-8, L-10, L-15. */
#include "unit/facts/logs.h"

#include "base/codec.h"

/* A header of two banks, then whatever the test adds. */
struct raw {
    struct buf out;
};

static void raw_begin(struct raw *raw)
{
    buf_init(&raw->out, 8 * 1024 * 1024);
    logs_u32(&raw->out, 0);
    logs_u32(&raw->out, EV_NO_ACTION);
    buf_add(&raw->out, span_of((uint8_t[20]){0}, 20));
    logs_u32(&raw->out, 37);
    buf_add(&raw->out, span_of("Spec ID Event03\0\0\0\0\0\0\2\0\2\2\0\0\0\4\0\24\0\v\0 \0\0", 37));
}

static void raw_event(struct raw *raw, uint32_t pcr, uint32_t type, struct span data)
{
    uint8_t digest[64] = {0};

    logs_u32(&raw->out, pcr);
    logs_u32(&raw->out, type);
    logs_u32(&raw->out, 2);
    logs_u16(&raw->out, TPM_SHA1);
    assert_ok(hash_once(HASH_SHA1, data, digest));
    buf_add(&raw->out, span_of(digest, 20));
    logs_u16(&raw->out, TPM_SHA256);
    assert_ok(hash_once(HASH_SHA256, data, digest));
    buf_add(&raw->out, span_of(digest, 32));
    logs_u32(&raw->out, (uint32_t)data.len);
    buf_add(&raw->out, data);
}

static void raw_sha1(struct raw *raw, uint32_t pcr, uint32_t type, struct span data)
{
    uint8_t digest[20];

    logs_u32(&raw->out, pcr);
    logs_u32(&raw->out, type);
    assert_ok(hash_once(HASH_SHA1, data, digest));
    buf_add(&raw->out, span_of(digest, 20));
    logs_u32(&raw->out, (uint32_t)data.len);
    buf_add(&raw->out, data);
}

/* Read what was built; the arena and buffer are freed. */
static err_t raw_read(struct raw *raw, struct eventlog *ret_copy)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct eventlog *log = NULL;
    struct trail trail = {0};
    err_t err;

    assert_ok(buf_err(&raw->out));
    err = eventlog_read(arena, arena_dup(arena, buf_span(&raw->out)), &trail, &log);
    if (err == ERR_OK && ret_copy != NULL) {
        *ret_copy = *log;
    }
    if (err) {
        assert_null(log);
        assert_true(trail.what[0] != '\0');
    }
    buf_done(&raw->out);
    return err;
}

static const struct span locality3 = {(const uint8_t *)"StartupLocality\0\3", 17};

static void refuses_nothing_and_zeros_as_no_log_L_5(void **state)
{
    static const uint8_t zeros[65536];
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct eventlog *log = NULL;

    (void)state;
    assert_err(eventlog_read(arena, (struct span){0}, NULL, &log), ERR_NOT_FOUND);
    assert_err(eventlog_read(arena, span_of(zeros, 1), NULL, &log), ERR_NOT_FOUND);
    assert_err(eventlog_read(arena, span_of(zeros, sizeof(zeros)), NULL, &log), ERR_NOT_FOUND);
    assert_null(log);
}

static void refuses_a_log_over_the_limits_L_15(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct eventlog *log = NULL;
    struct raw raw;
    uint8_t *large = arena_alloc(arena, EVENTLOG_MAX_BYTES + 1);

    (void)state;
    assert_non_null(large);
    memset(large, 1, EVENTLOG_MAX_BYTES + 1);
    assert_err(eventlog_read(arena, span_of(large, EVENTLOG_MAX_BYTES + 1), NULL, &log),
               ERR_TOO_LARGE);
    raw_begin(&raw);
    for (int i = 1; i < EVENTLOG_MAX_EVENTS; i++) {
        raw_event(&raw, 1, EV_ACTION, (struct span){0});
    }
    assert_ok(raw_read(&raw, NULL));
    raw_begin(&raw);
    for (int i = 1; i <= EVENTLOG_MAX_EVENTS; i++) {
        raw_event(&raw, 1, EV_ACTION, (struct span){0});
    }
    assert_err(raw_read(&raw, NULL), ERR_TOO_MANY);
}

/* Every cut inside the log must be an error with a place, except between two records. */
static void refuses_a_log_cut_at_any_byte_L_4(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct span bytes = logs_boot(arena, "k-uki-healthy");
    struct eventlog *whole = logs_read(arena, bytes);
    size_t next = 1;

    (void)state;
    for (size_t len = 1; len < bytes.len; len++) {
        CLEANUP(arena_free) struct arena *cut = arena_new(1024 * 1024);
        struct eventlog *log = NULL;
        struct trail trail = {0};
        err_t err = eventlog_read(cut, arena_dup(cut, span_cut(bytes, 0, len)), &trail, &log);

        if (next < whole->n_events && len == whole->events[next].offset) {
            assert_ok(err);
            assert_int_equal(log->n_events, next);
            next++;
            continue;
        }
        assert_true(err != ERR_OK);
        assert_true(len < 32 || trail.has_offset || err == ERR_NOT_FOUND);
    }
    assert_int_equal(next, whole->n_events);
}

static void refuses_padding_after_the_last_event_L_4(void **state)
{
    struct raw raw;

    (void)state;
    for (int filler = 0; filler < 2; filler++) {
        for (int n = 1; n <= 64; n += 9) {
            raw_begin(&raw);
            raw_event(&raw, 0, EV_SEPARATOR, span_of("\0\0\0\0", 4));
            for (int i = 0; i < n; i++) {
                buf_u8(&raw.out, filler == 0 ? 0 : 0xff);
            }
            assert_err(raw_read(&raw, NULL), ERR_TRAILING);
            buf_init(&raw.out, 4096);
            raw_sha1(&raw, 0, EV_SEPARATOR, span_of("\0\0\0\0", 4));
            for (int i = 0; i < n; i++) {
                buf_u8(&raw.out, filler == 0 ? 0 : 0xff);
            }
            assert_err(raw_read(&raw, NULL), ERR_TRAILING);
        }
    }
}

/* A record of zeros in a SHA-1 log is unused memory, not an extend of PCR 0. */
static void refuses_a_blank_record_in_the_middle_L_4(void **state)
{
    struct raw raw;

    (void)state;
    buf_init(&raw.out, 4096);
    raw_sha1(&raw, 0, EV_SEPARATOR, span_of("\0\0\0\0", 4));
    buf_add(&raw.out, span_of((uint8_t[32]){0}, 32));
    raw_sha1(&raw, 1, EV_SEPARATOR, span_of("\0\0\0\0", 4));
    assert_err(raw_read(&raw, NULL), ERR_MALFORMED);
}

static void refuses_an_event_size_beyond_the_log_L_3(void **state)
{
    static const uint32_t claims[] = {1, 0x7fffffff, 0x80000000, 0xb0000000, 0xffffffff};
    struct raw raw;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(claims); i++) {
        raw_begin(&raw);
        raw_event(&raw, 0, EV_SEPARATOR, (struct span){0});
        memcpy(raw.out.data + raw.out.len - 4, &claims[i], 4);
        assert_err(raw_read(&raw, NULL), ERR_SHORT);
        buf_init(&raw.out, 4096);
        raw_sha1(&raw, 4, EV_IPL, (struct span){0});
        memcpy(raw.out.data + raw.out.len - 4, &claims[i], 4);
        assert_err(raw_read(&raw, NULL), ERR_SHORT);
    }
}

static void refuses_digests_other_than_the_banks_L_3(void **state)
{
    static const struct {
        size_t at; /* from the record's start */
        uint8_t value;
    } edits[] = {
        {8, 0},   /* no digests */
        {8, 1},   /* one of two, in the second record */
        {8, 3},   /* more than the header has */
        {11, 1},  /* 16777218 */
        {12, 11}, /* SHA-256 twice */
        {34, 4},  /* SHA-1 twice */
        {34, 12}, /* SHA-384, which the header does not name */
    };
    struct raw raw;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(edits); i++) {
        size_t record;

        raw_begin(&raw);
        raw_event(&raw, 0, EV_SEPARATOR, span_of("\0\0\0\0", 4));
        record = raw.out.len;
        raw_event(&raw, 1, EV_SEPARATOR, span_of("\0\0\0\0", 4));
        raw.out.data[record + edits[i].at] = edits[i].value;
        assert_err(raw_read(&raw, NULL), ERR_MALFORMED);
    }
}

/* Observed: firmware that names every algorithm of the TPM and measures into some. */
static void banks_are_those_that_events_have_ALG_2(void **state)
{
    struct eventlog log;
    struct raw raw;

    (void)state;
    raw_begin(&raw);
    for (int i = 0; i < 2; i++) {
        uint8_t digest[32] = {1};

        logs_u32(&raw.out, 0);
        logs_u32(&raw.out, EV_SEPARATOR);
        logs_u32(&raw.out, 1);
        logs_u16(&raw.out, TPM_SHA256);
        buf_add(&raw.out, span_of(digest, 32));
        logs_u32(&raw.out, 0);
    }
    assert_ok(raw_read(&raw, &log));
    assert_int_equal(log.n_banks, 1);
    assert_int_equal(eventlog_bank(&log, HASH_SHA256), 0);
    assert_int_equal(eventlog_bank(&log, HASH_SHA1), -1);
    assert_int_equal(log.n_unused, 1);
    assert_int_equal(log.unused[0].hash, HASH_SHA1);
}

static void refuses_headers_that_cannot_be_L_2(void **state)
{
    static const struct {
        size_t at; /* in the specification id's data */
        uint8_t value;
    } edits[] = {
        {24, 0},  /* no algorithms */
        {24, 17}, /* too many */
        {27, 1},  /* 16777218 */
        {24, 3},  /* more than are there */
        {30, 21}, /* SHA-1 of 21 bytes */
        {34, 20}, /* SHA-256 of 20 */
        {32, 4},  /* SHA-1 twice */
        {24, 1},  /* bytes left over */
    };
    struct raw raw;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(edits); i++) {
        raw_begin(&raw);
        raw.out.data[32 + edits[i].at] = edits[i].value;
        raw_event(&raw, 0, EV_SEPARATOR, span_of("\0\0\0\0", 4));
        if (raw_read(&raw, NULL) == ERR_OK) {
            fail_msg("edit %zu was accepted", i);
        }
    }
}

static void takes_an_unknown_bank_by_the_size_of_the_header_L_2_ALG_6(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct eventlog log;
    struct raw raw;

    (void)state;
    raw_begin(&raw);
    raw.out.data[32 + 28] = 0x77; /* instead of SHA-1: an algorithm that nobody knows */
    logs_u32(&raw.out, 2);
    logs_u32(&raw.out, EV_SEPARATOR);
    logs_u32(&raw.out, 2);
    logs_u16(&raw.out, TPM_SHA256);
    buf_add(&raw.out, span_of((uint8_t[32]){0}, 32));
    logs_u16(&raw.out, 0x77);
    buf_add(&raw.out, span_of((uint8_t[20]){0}, 20));
    logs_u32(&raw.out, 0);
    assert_ok(raw_read(&raw, &log));
    assert_int_equal(log.banks[0].hash, HASH_NONE);
    assert_string_equal(eventlog_bank_name(arena, &log.banks[0]), "0x0077");
    assert_int_equal(eventlog_bank(&log, HASH_NONE), -1);
    assert_int_equal(eventlog_bank(&log, HASH_SHA256), 1);
}

static void skips_vendor_information_by_its_own_length_L_2(void **state)
{
    struct eventlog log;
    struct raw raw;

    (void)state;
    raw_begin(&raw); /* inside the event */
    raw.out.data[28] = 40;
    raw.out.data[32 + 36] = 3;
    buf_add_str(&raw.out, "abc");
    raw_event(&raw, 0, EV_SEPARATOR, span_of("\0\0\0\0", 4));
    assert_ok(raw_read(&raw, &log));
    assert_int_equal(log.n_events, 2);
    raw_begin(&raw); /* left out of the event's size, as seen in the field */
    raw.out.data[32 + 36] = 3;
    buf_add_str(&raw.out, "abc");
    raw_event(&raw, 0, EV_SEPARATOR, span_of("\0\0\0\0", 4));
    assert_ok(raw_read(&raw, &log));
    assert_int_equal(log.n_events, 2);
    raw_begin(&raw); /* longer than what is left */
    raw.out.data[32 + 36] = 200;
    assert_err(raw_read(&raw, NULL), ERR_SHORT);
}

/* The signature has 16 bytes; all of them count (L-1). */
static void tells_the_formats_apart_by_the_whole_signature_L_1(void **state)
{
    struct eventlog log;
    struct raw raw;

    (void)state;
    raw_begin(&raw);
    raw_event(&raw, 0, EV_SEPARATOR, span_of("\0\0\0\0", 4));
    assert_ok(raw_read(&raw, &log));
    assert_int_equal(log.format, EVENTLOG_AGILE);
    for (size_t i = 0; i < 16; i++) {
        buf_init(&raw.out, 4096);
        raw_begin(&raw);
        raw.out.data[32 + i] ^= 0x20;
        assert_ok(raw_read(&raw, &log));
        assert_int_equal(log.format, EVENTLOG_SHA1);
        assert_int_equal(log.n_events, 1);
    }
    raw_begin(&raw); /* the right words in an event that extends */
    raw.out.data[4] = EV_ACTION;
    assert_err(raw_read(&raw, NULL), ERR_MALFORMED);
}

static void refuses_registers_that_do_not_exist_L_10(void **state)
{
    static const struct {
        uint32_t pcr, type;
        err_t want;
    } cases[] = {
        {23, EV_ACTION, ERR_OK},
        {24, EV_ACTION, ERR_MALFORMED},
        {24, EV_NO_ACTION, ERR_MALFORMED},
        {0xffffffff, EV_NO_ACTION, ERR_OK}, /* Windows' trust point */
        {0xffffffff, EV_ACTION, ERR_MALFORMED},
        {0xfffffffe, EV_NO_ACTION, ERR_MALFORMED},
    };
    struct raw raw;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        raw_begin(&raw);
        raw_event(&raw, cases[i].pcr, cases[i].type, (struct span){0});
        assert_err(raw_read(&raw, NULL), cases[i].want);
    }
}

static void takes_the_start_locality_once_and_early_L_7(void **state)
{
    struct eventlog log;
    struct raw raw;

    (void)state;
    raw_begin(&raw);
    raw_event(&raw, 0, EV_NO_ACTION, locality3);
    assert_ok(raw_read(&raw, &log));
    assert_int_equal(log.startup_locality, 3);
    raw_begin(&raw); /* twice */
    raw_event(&raw, 0, EV_NO_ACTION, locality3);
    raw_event(&raw, 0, EV_NO_ACTION, locality3);
    assert_err(raw_read(&raw, NULL), ERR_MALFORMED);
    raw_begin(&raw); /* late */
    raw_event(&raw, 0, EV_SEPARATOR, span_of("\0\0\0\0", 4));
    raw_event(&raw, 0, EV_NO_ACTION, locality3);
    assert_err(raw_read(&raw, NULL), ERR_MALFORMED);
    raw_begin(&raw); /* after another register's extend: early enough */
    raw_event(&raw, 7, EV_SEPARATOR, span_of("\0\0\0\0", 4));
    raw_event(&raw, 0, EV_NO_ACTION, locality3);
    assert_ok(raw_read(&raw, &log));
    raw_begin(&raw); /* of another register */
    raw_event(&raw, 1, EV_NO_ACTION, locality3);
    assert_err(raw_read(&raw, NULL), ERR_MALFORMED);
    raw_begin(&raw); /* too short, too long, no such locality */
    raw_event(&raw, 0, EV_NO_ACTION, span_cut(locality3, 0, 16));
    assert_err(raw_read(&raw, NULL), ERR_MALFORMED);
    raw_begin(&raw);
    raw_event(&raw, 0, EV_NO_ACTION, span_of("StartupLocality\0\3\0", 18));
    assert_err(raw_read(&raw, NULL), ERR_MALFORMED);
    raw_begin(&raw);
    raw_event(&raw, 0, EV_NO_ACTION, span_of("StartupLocality\0\1", 17));
    assert_err(raw_read(&raw, NULL), ERR_MALFORMED);
    raw_begin(&raw); /* extended: then it is only an event of that text */
    raw_event(&raw, 0, EV_ACTION, locality3);
    assert_ok(raw_read(&raw, &log));
    assert_int_equal(log.startup_locality, 0);
}

static void an_hcrtm_event_means_locality_4_L_8(void **state)
{
    struct eventlog log;
    struct raw raw;

    (void)state;
    raw_begin(&raw);
    raw_event(&raw, 0, EV_EFI_HCRTM_EVENT, span_str("HCRTM"));
    raw_event(&raw, 0, EV_EFI_HCRTM_EVENT, span_str("HCRTM"));
    assert_ok(raw_read(&raw, &log));
    assert_true(log.has_hcrtm);
    assert_int_equal(log.startup_locality, 4);
    raw_begin(&raw); /* late */
    raw_event(&raw, 0, EV_S_CRTM_VERSION, span_str("1"));
    raw_event(&raw, 0, EV_EFI_HCRTM_EVENT, span_str("HCRTM"));
    assert_err(raw_read(&raw, NULL), ERR_MALFORMED);
    raw_begin(&raw); /* another locality is claimed */
    raw_event(&raw, 0, EV_NO_ACTION, locality3);
    raw_event(&raw, 0, EV_EFI_HCRTM_EVENT, span_str("HCRTM"));
    assert_err(raw_read(&raw, NULL), ERR_MALFORMED);
    raw_begin(&raw); /* elsewhere it means nothing */
    raw_event(&raw, 2, EV_EFI_HCRTM_EVENT, span_str("HCRTM"));
    assert_ok(raw_read(&raw, &log));
    assert_int_equal(log.startup_locality, 0);
}

static void takes_events_without_data_L_4(void **state)
{
    struct eventlog log;
    struct raw raw;

    (void)state;
    buf_init(&raw.out, 4096);
    raw_sha1(&raw, 4, EV_IPL, (struct span){0});
    assert_ok(raw_read(&raw, &log));
    assert_int_equal(log.format, EVENTLOG_SHA1);
    assert_int_equal(log.n_events, 1);
}

static void keeps_digests_in_the_order_of_the_header(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct eventlog *log;
    struct raw raw;

    (void)state;
    raw_begin(&raw);
    logs_u32(&raw.out, 2);
    logs_u32(&raw.out, EV_SEPARATOR);
    logs_u32(&raw.out, 2);
    logs_u16(&raw.out, TPM_SHA256);
    buf_add(&raw.out, span_of((uint8_t[32]){0xbb}, 32));
    logs_u16(&raw.out, TPM_SHA1);
    buf_add(&raw.out, span_of((uint8_t[20]){0xaa}, 20));
    logs_u32(&raw.out, 0);
    log = logs_read(arena, buf_span(&raw.out));
    assert_int_equal(log->events[1].digest[0].len, 20);
    assert_int_equal(log->events[1].digest[0].data[0], 0xaa);
    assert_int_equal(log->events[1].digest[1].len, 32);
    assert_int_equal(log->events[1].index, 1);
    assert_int_equal(log->events[1].offset, 69);
    buf_done(&raw.out);
}

static void names_types_and_banks(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct eventlog_bank sm3 = {.alg = TPM_SM3_256, .size = 32, .hash = HASH_NONE};

    (void)state;
    assert_string_equal(eventlog_type_name(arena, EV_EFI_VARIABLE_AUTHORITY),
                        "EV_EFI_VARIABLE_AUTHORITY");
    assert_string_equal(eventlog_type_name(arena, 0x40e), "0x0000040e");
    assert_string_equal(eventlog_bank_name(arena, &sm3), "sm3_256");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_nothing_and_zeros_as_no_log_L_5),
        cmocka_unit_test(refuses_a_log_over_the_limits_L_15),
        cmocka_unit_test(refuses_a_log_cut_at_any_byte_L_4),
        cmocka_unit_test(refuses_padding_after_the_last_event_L_4),
        cmocka_unit_test(refuses_a_blank_record_in_the_middle_L_4),
        cmocka_unit_test(refuses_an_event_size_beyond_the_log_L_3),
        cmocka_unit_test(refuses_digests_other_than_the_banks_L_3),
        cmocka_unit_test(banks_are_those_that_events_have_ALG_2),
        cmocka_unit_test(refuses_headers_that_cannot_be_L_2),
        cmocka_unit_test(takes_an_unknown_bank_by_the_size_of_the_header_L_2_ALG_6),
        cmocka_unit_test(skips_vendor_information_by_its_own_length_L_2),
        cmocka_unit_test(tells_the_formats_apart_by_the_whole_signature_L_1),
        cmocka_unit_test(refuses_registers_that_do_not_exist_L_10),
        cmocka_unit_test(takes_the_start_locality_once_and_early_L_7),
        cmocka_unit_test(an_hcrtm_event_means_locality_4_L_8),
        cmocka_unit_test(takes_events_without_data_L_4),
        cmocka_unit_test(keeps_digests_in_the_order_of_the_header),
        cmocka_unit_test(names_types_and_banks),
    };

    return RUN_TESTS(tests);
}
