/*
 * B-13: two real Windows machines, third-party data, read where it is.
 */
#include "unit/facts/windows.h"

#include <stdlib.h>

struct machine_of {
    const char *file;
    size_t modules, authorities;
    const char *elam;
    uint64_t boot_counter;
    enum tristate vsm;
    uint64_t hypervisor;
    bool is_trust_point_malformed;
};

static const struct machine_of machines[] = {
    {"eventlogs/logs/python3-uefi-eventlog-ideapad1.bin", 92, 5, "Symantec", 117, STATE_UNKNOWN, 0,
     false},
    {"eventlogs/logs/go-attestation-option_rom_eventlog", 109, 7, "Windows Defender", 0, STATE_YES,
     1, true},
};

static void real_windows_boots_are_read_B_13_L_10(void **state)
{
    test_needs_public_data();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(machines); i++) {
        CLEANUP(arena_free) struct arena *arena = test_arena();
        const struct machine_of *m = &machines[i];
        const struct boot_facts *facts = logs_facts(arena, test_public_file(arena, m->file)).facts;
        const struct windows_facts *w = facts->windows;

        logs_expect_clean(facts);
        assert_true(w->is_whole && w->are_authorities_whole);
        for (size_t k = 0; k < ARRAY_LEN(windows_needed); k++) {
            assert_int_equal(w->flag[windows_needed[k]], windows_good(windows_needed[k]));
        }
        assert_int_equal(windows_hypervisor_debugging(w), STATE_NO);
        assert_int_equal(w->resumed, STATE_NO);
        assert_int_equal(w->n_modules, m->modules);
        for (size_t k = 0; k < w->n_modules; k++) {
            assert_non_null(w->modules[k].path);
            assert_non_null(w->modules[k].loaded);
            assert_int_equal(w->modules[k].validated, STATE_YES);
        }
        assert_int_equal(w->n_authorities, m->authorities);
        assert_int_equal(w->n_elam, 1);
        assert_string_equal(w->elam[0].name, m->elam);
        assert_int_equal(w->value[WINDOWS_BOOT_COUNTER].value[0], m->boot_counter);
        assert_int_equal(w->value[WINDOWS_HYPERVISOR_LAUNCH].value[0], m->hypervisor);
        assert_int_equal(w->flag[WINDOWS_VBS_VSM], m->vsm);
        assert_int_equal(w->boot_revocations.digest.len, 32);
        assert_int_equal(w->os_revocations.digest.len, 32);
        assert_int_equal(w->n_unknown, 0);
        /* Measured nowhere: shown, never believed. */
        assert_non_null(w->trust_point.event);
        assert_int_equal(w->trust_point.is_malformed, m->is_trust_point_malformed);
    }
}

/* Each byte of the measured events flipped: the registers differ, or nothing good is left, or the
 * byte is of what no digest covers (the event's type aside, that is nothing of PCR 12 and 13). */
static void no_byte_of_a_real_windows_boot_is_free_B_13(void **state)
{
    test_needs_public_data();

    CLEANUP(arena_free) struct arena *outer = test_arena();
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
    struct span bytes = test_public_file(outer, machines[0].file);
    struct eventlog *log = logs_read(outer, bytes);
    struct eventlog_registers whole;
    uint8_t *copy = malloc(bytes.len);
    size_t n = 0;

    (void)state;
    assert_non_null(copy);
    memcpy(copy, bytes.data, bytes.len);
    assert_ok(eventlog_replay(log, HASH_SHA256, hasher, NULL, &whole));
    for (size_t i = 0; i < log->n_events; i++) {
        size_t end = i + 1 < log->n_events ? log->events[i + 1].offset : bytes.len;

        for (size_t at = log->events[i].offset;
             (log->events[i].pcr == 12 || log->events[i].pcr == 13) && at<end; at += end - at> 2000
                 ? 211
                 : 7) {
            CLEANUP(arena_free) struct arena *arena = test_arena();
            struct eventlog *damaged = NULL;
            struct readings *readings = NULL;
            struct boot_facts *facts = NULL;
            struct eventlog_registers registers;

            copy[at] ^= 1u << at % 8;
            if (eventlog_read(arena, span_of(copy, bytes.len), NULL, &damaged) == ERR_OK) {
                assert_ok(readings_make(arena, damaged, hasher, &readings));
                assert_ok(boot_facts_make(arena, readings, test_reference(), hasher, &facts));
                if (eventlog_replay(damaged, HASH_SHA256, hasher, NULL, &registers) == ERR_OK &&
                    memcmp(registers.value, whole.value, sizeof(whole.value)) == 0 &&
                    facts->windows->is_whole) {
                    /* only the separator's own type and text, which its digest tells */
                    assert_int_equal(log->events[i].type, EV_SEPARATOR);
                }
            }
            copy[at] ^= 1u << at % 8;
            n++;
        }
    }
    assert_true(n > 300);
    free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_windows_boots_are_read_B_13_L_10),
        cmocka_unit_test(no_byte_of_a_real_windows_boot_is_free_B_13),
    };

    return RUN_TESTS(tests);
}
