/* Replay: L-6 to L-9, L-11, and every recorded boot against its registers. */
#include "unit/facts/logs.h"

#include "base/codec.h"
#include "base/file.h"
#include "json/json.h"

#include <stdlib.h>

static err_t replay(const struct eventlog *log, enum hash_alg bank, struct eventlog_registers *ret)
{
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();

    assert_non_null(hasher);
    return eventlog_replay(log, bank, hasher, NULL, ret);
}

static void refuses_a_bank_that_the_log_lacks(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct eventlog *log = logs_read(arena, logs_boot(arena, "l-sha256-only-bank"));
    struct eventlog_registers regs;

    (void)state;
    assert_err(replay(log, HASH_SHA1, &regs), ERR_NOT_FOUND);
    assert_err(replay(log, HASH_SHA512, &regs), ERR_NOT_FOUND);
    assert_ok(replay(log, HASH_SHA256, &regs));
}

static void refuses_events_of_drtm_registers_L_9(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct eventlog_registers regs;

    (void)state;
    for (uint32_t pcr = 15; pcr < 24; pcr++) {
        struct logs_edit *edit = logs_edit_boot(arena, "a-secureboot-healthy");
        bool drtm = pcr >= 17 && pcr <= 22;

        logs_insert(edit, edit->n, pcr, EV_ACTION, span_str("x"));
        assert_err(replay(logs_read(arena, logs_bytes(edit)), HASH_SHA256, &regs),
                   drtm ? ERR_VALUE : ERR_OK);
        /* As information it may stand there. */
        edit->items[edit->n - 1].type = EV_NO_ACTION;
        assert_ok(replay(logs_read(arena, logs_bytes(edit)), HASH_SHA256, &regs));
        assert_int_equal(regs.value[pcr][0], drtm ? 0xff : 0);
        assert_int_equal(regs.value[pcr][31], drtm ? 0xff : 0);
    }
}

static void never_extends_no_action_events_L_6(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = logs_edit_boot(arena, "a-secureboot-healthy");
    struct eventlog_registers before;
    struct eventlog_registers after;

    (void)state;
    assert_ok(replay(logs_read(arena, logs_bytes(edit)), HASH_SHA256, &before));
    logs_insert(edit, 3, 0, EV_NO_ACTION, span_str("SP800-155 Event3"));
    logs_insert(edit, 9, 7, EV_NO_ACTION, span_str("with digests that are not zero"));
    assert_ok(replay(logs_read(arena, logs_bytes(edit)), HASH_SHA256, &after));
    assert_memory_equal(before.value, after.value, sizeof(before.value));
    assert_int_equal(before.extended, after.extended);
}

static void starts_pcr0_at_the_locality_in_every_bank_L_7_L_8(void **state)
{
    static const struct {
        uint8_t locality;
        bool hcrtm;
        uint8_t want;
    } cases[] = {{0, false, 0}, {3, false, 3}, {4, false, 4}, {4, true, 4}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(arena_free) struct arena *arena = test_arena();
        struct logs_edit *edit = logs_edit_boot(arena, "a-secureboot-healthy");
        uint8_t data[17] = "StartupLocality";
        struct eventlog *log;

        data[16] = cases[i].locality;
        logs_insert(edit, 0, 0, EV_NO_ACTION, span_of(data, 17));
        if (cases[i].hcrtm) {
            logs_insert(edit, 1, 0, EV_EFI_HCRTM_EVENT, span_str("HCRTM"));
        }
        log = logs_read(arena, logs_bytes(edit));
        for (size_t bank = 0; bank < log->n_banks; bank++) {
            struct eventlog_registers regs;
            uint8_t want[HASH_MAX_BYTES] = {0};
            size_t size = log->banks[bank].size;
            CLEANUP(hasher_free) struct hasher *hasher = hasher_new();

            want[size - 1] = cases[i].want;
            for (size_t j = 1; j < log->n_events; j++) {
                if (log->events[j].pcr == 0 && log->events[j].type != EV_NO_ACTION) {
                    assert_ok(hasher_extend(hasher, log->banks[bank].hash, span_of(want, size),
                                            log->events[j].digest[bank], want));
                }
            }
            assert_ok(replay(log, log->banks[bank].hash, &regs));
            assert_memory_equal(regs.value[0], want, size);
        }
    }
}

static void a_locality_without_extends_is_still_the_value_L_7(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    CLEANUP(buf_done) struct buf out = {0};
    struct eventlog_registers regs;

    (void)state;
    buf_init(&out, 256);
    logs_u32(&out, 0);
    logs_u32(&out, EV_NO_ACTION);
    buf_add(&out, span_of((uint8_t[20]){0}, 20));
    logs_u32(&out, 17);
    buf_add(&out, span_of("StartupLocality\0\3", 17));
    assert_ok(replay(logs_read(arena, buf_span(&out)), HASH_SHA1, &regs));
    assert_int_equal(regs.extended, 0);
    assert_int_equal(regs.value[0][19], 3);
    assert_int_equal(regs.value[0][0], 0);
}

/* Each bank is replayed from its own digests alone. */
static void one_bank_does_not_speak_for_another_L_11(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = logs_edit_boot(arena, "a-secureboot-healthy");
    struct eventlog_registers good;
    struct eventlog_registers other;

    (void)state;
    assert_ok(replay(logs_read(arena, logs_bytes(edit)), HASH_SHA1, &good));
    assert_ok(replay(logs_read(arena, logs_bytes(edit)), HASH_SHA256, &other));
    edit->items[3].digest[0][0] ^= 1;
    {
        struct eventlog_registers sha1;
        struct eventlog_registers sha256;

        assert_ok(replay(logs_read(arena, logs_bytes(edit)), HASH_SHA1, &sha1));
        assert_ok(replay(logs_read(arena, logs_bytes(edit)), HASH_SHA256, &sha256));
        assert_memory_not_equal(good.value, sha1.value, sizeof(good.value));
        assert_memory_equal(other.value, sha256.value, sizeof(other.value));
    }
}

/* ---- recorded boots ---- */

/* PCR 7 is no golden value for a boot: another kernel, another initrd by the same signer or by
 * none leave it as it was. */
static void pcr_7_alone_sees_no_other_kernel_SB_17(void **state)
{
    static const char *const others[] = {"f-kernel-update", "d-initrd-tampered",
                                         "c-cmdline-changed"};
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct eventlog_registers healthy;

    (void)state;
    assert_ok(
        replay(logs_read(arena, logs_boot(arena, "a-secureboot-healthy")), HASH_SHA256, &healthy));
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        struct eventlog_registers other;

        assert_ok(replay(logs_read(arena, logs_boot(arena, others[i])), HASH_SHA256, &other));
        assert_memory_equal(healthy.value[7], other.value[7], SHA256_BYTES);
        assert_memory_not_equal(healthy.value[9], other.value[9], SHA256_BYTES);
    }
}

static bool is_listed(yyjson_val *list, const char *bank, unsigned pcr)
{
    char want[32];
    size_t i, n;
    yyjson_val *item;

    snprintf(want, sizeof(want), "%s:%u", bank, pcr);
    yyjson_arr_foreach(list, i, n, item)
    {
        if (strcmp(yyjson_get_str(item), want) == 0) {
            return true;
        }
    }
    return false;
}

/* PCR 10 is IMA's. Every other register must be the manifest's, save those it lists as wrong. */
static void check_bank(struct arena *arena, const char *name, const struct eventlog *log,
                       enum hash_alg bank, yyjson_val *manifest)
{
    yyjson_val *values = json_get(json_get(manifest, "pcrs"), hash_name(bank));
    yyjson_val *wrong = json_get(json_get(manifest, "reference_checks"), "replay_mismatch");
    struct eventlog_registers regs;

    assert_non_null(values);
    assert_ok(replay(log, bank, &regs));
    for (unsigned pcr = 0; pcr < EVENTLOG_REGISTERS; pcr++) {
        struct span want =
            test_hex(arena, json_text(json_get(values, arena_printf(arena, "%u", pcr))));
        bool same = span_equal(want, span_of(regs.value[pcr], hash_size(bank)));

        if (pcr != 10 && same == is_listed(wrong, hash_name(bank), pcr)) {
            fail_msg("%s: %s PCR %u %s", name, hash_name(bank), pcr,
                     same ? "replays and should not" : "does not replay");
        }
    }
}

static void every_recorded_boot_replays_in_every_bank_L_11(void **state)
{
    CLEANUP(arena_free) struct arena *names_arena = test_arena();
    const char **names = NULL;
    unsigned banks = 0;

    (void)state;
    assert_ok(file_list(names_arena, test_vector_path(names_arena, "boots"), NULL, &names));
    for (; *names != NULL; names++) {
        CLEANUP(arena_free) struct arena *arena = test_arena();
        struct eventlog *log;
        yyjson_val *manifest = NULL;

        /* Its log is that of g-mok-unused, its manifest speaks of the machine whose key it names.
         */
        const char *values = strcmp(*names, "j-quote-from-other-ak") == 0 ? "g-mok-unused" : *names;

        if (!logs_has_boot(arena, *names)) {
            continue;
        }
        log = logs_read(arena, logs_boot(arena, *names));
        assert_ok(json_read(
            arena, test_vector(arena, arena_printf(arena, "boots/%s/manifest.json", values)), NULL,
            NULL, &manifest));
        for (size_t i = 0; i < log->n_banks; i++) {
            check_bank(arena, *names, log, log->banks[i].hash, manifest);
            banks++;
        }
    }
    assert_true(banks >= 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_a_bank_that_the_log_lacks),
        cmocka_unit_test(refuses_events_of_drtm_registers_L_9),
        cmocka_unit_test(never_extends_no_action_events_L_6),
        cmocka_unit_test(starts_pcr0_at_the_locality_in_every_bank_L_7_L_8),
        cmocka_unit_test(a_locality_without_extends_is_still_the_value_L_7),
        cmocka_unit_test(one_bank_does_not_speak_for_another_L_11),
        cmocka_unit_test(pcr_7_alone_sees_no_other_kernel_SB_17),
        cmocka_unit_test(every_recorded_boot_replays_in_every_bank_L_11),
    };

    return RUN_TESTS(tests);
}
