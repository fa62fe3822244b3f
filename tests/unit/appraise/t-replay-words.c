/*
 * L-12, Q-19: a log that does not lead to the quote is one reason, however many registers and banks
 * differ, and it says what can be known about why.
 */
#include "unit/appraise/requoted.h"
#include "unit/facts/logs.h"

#include <stdlib.h>

#define HEALTHY "a-secureboot-healthy"

static const struct appraise_options now = {.now = NOW};

/* Judges and holds the one log-replay reason against what it must say. */
static void expect(struct requoted *r, const char *where, const char *text, const char *remedy)
{
    struct appraisal *a = requoted_judge(r, &now);
    const struct reason *reason = requoted_reason(a, REASON_LOG_REPLAY);

    assert_int_equal(a->verdict, VERDICT_NOT_VERIFIED);
    assert_false(a->is_log_proven);
    if (strstr(reason->where, where) == NULL || strstr(reason->text, text) == NULL ||
        strstr(reason->remedy, remedy) == NULL) {
        fail_msg("wanted '%s' at '%s', do '%s'; got '%s' at '%s', do '%s'", text, where, remedy,
                 reason->text, reason->where, reason->remedy);
    }
    assert_string_equal(reason->rule, "L-12");
    appraisal_done(a);
}

static void the_log_of_another_boot_is_one_reason(void **state)
{
    struct requoted r;

    (void)state;
    requoted_begin(&r, "f-kernel-update");
    r.machine.request.log = logs_boot(r.machine.arena, HEALTHY);
    expect(&r, "TcgLogs, PCRs 4, 8, 9",
           "PCRs 4, 8, 9 (sha1, sha256, sha384): firmware and keys fit",
           "Read the log in the boot that is quoted");
    requoted_end(&r);
    /* other firmware settings, other keys, other loader */
    requoted_begin(&r, HEALTHY);
    r.machine.request.log = logs_boot(r.machine.arena, "k-uki-healthy");
    expect(&r, "PCRs 4, 7, 9, 11", "other firmware or keys", "altered");
    requoted_end(&r);
}

static void the_log_of_another_machine_fits_nowhere(void **state)
{
    struct requoted r;

    (void)state;
    requoted_begin(&r, HEALTHY);
    for (unsigned pcr = 0; pcr < 16; pcr++) {
        requoted_extend(&r, pcr, span_str("another machine"));
    }
    expect(&r, "PCRs 0-9, 14", "no register fits", "of the machine and the boot");
    requoted_end(&r);
}

static void cut_log(struct requoted *r, size_t n)
{
    struct logs_edit *edit = logs_edit_boot(r->machine.arena, HEALTHY);

    edit->n -= n;
    r->machine.request.log = logs_bytes(edit);
}

static void a_cut_log_is_called_cut(void **state)
{
    struct requoted r;
    struct logs_edit *edit;

    (void)state;
    for (size_t n = 1; n <= 2; n++) {
        requoted_begin(&r, HEALTHY);
        cut_log(&r, n);
        expect(&r, "PCR 5", "the log is cut: PCR 5", "Send the log whole");
        requoted_end(&r);
    }
    /* Before a separator of the firmware's registers. */
    requoted_begin(&r, HEALTHY);
    for (int bank = 0; bank < HASH_COUNT; bank++) {
        memset(r.pcrs.value[bank][2], 0, HASH_MAX_BYTES);
    }
    requoted_extend(&r, 2, span_str("a driver"));
    requoted_extend(&r, 2, span_of((const uint8_t[4]){0}, 4));
    edit = logs_edit_boot(r.machine.arena, HEALTHY);
    edit->n = logs_find(edit, 2, EV_SEPARATOR);
    logs_insert(edit, edit->n, 2, EV_EFI_BOOT_SERVICES_DRIVER, span_str("a driver"));
    r.machine.request.log = logs_bytes(edit);
    expect(&r, "PCRs ", "the log is cut: PCR ", "Send the log whole");
    requoted_end(&r);
}

/* The quote was made before these events, or they were only written into the log. */
static void a_log_that_goes_on_says_from_where(void **state)
{
    struct requoted r;
    struct logs_edit *edit;

    (void)state;
    requoted_begin(&r, HEALTHY);
    edit = logs_edit_boot(r.machine.arena, HEALTHY);
    logs_insert(edit, edit->n, 8, EV_IPL, span_str("grub_cmd: true"));
    logs_insert(edit, edit->n, 9, EV_IPL, span_str("x"));
    r.machine.request.log = logs_bytes(edit);
    expect(&r, "PCRs 8, 9",
           "goes on behind what the quote attests, with 2 events, from event 49 on", "Quote again");
    /* In one register among several it goes on, in another it is something else. */
    requoted_extend(&r, 4, span_str("x"));
    expect(&r, "PCRs 4, 8, 9", "firmware and keys fit", "Read the log");
    requoted_end(&r);
    /* Not reached at the same place in all banks. */
    requoted_begin(&r, HEALTHY);
    edit = logs_edit_boot(r.machine.arena, HEALTHY);
    logs_insert(edit, edit->n, 8, EV_IPL, span_str("grub_cmd: true"));
    logs_insert(edit, edit->n, 9, EV_IPL, span_str("x"));
    r.machine.request.log = logs_bytes(edit);
    requoted_extend_bank(&r, HASH_SHA1, 8, span_str("x"));
    expect(&r, "PCRs 8, 9", "can be extended by the running system", "Send the log of this very");
    requoted_end(&r);
}

static void digests_of_one_bank_are_blamed_on_that_bank(void **state)
{
    struct requoted r;
    struct logs_edit *edit;

    (void)state;
    requoted_begin(&r, HEALTHY);
    edit = logs_edit_boot(r.machine.arena, HEALTHY);
    for (size_t bank = 0; bank < edit->n_banks; bank++) {
        if (edit->banks[bank].hash == HASH_SHA1) {
            edit->items[logs_find(edit, 4, EV_SEPARATOR)].digest[bank][0] ^= 1;
        }
    }
    r.machine.request.log = logs_bytes(edit);
    expect(&r, "PCR 4", "PCR 4 (sha1): the same events lead to the attested values in sha256",
           "digests of this bank");
    requoted_end(&r);
}

/* B-10: what the running system extended. */
static void registers_of_the_running_system_are_named(void **state)
{
    struct requoted r;
    struct appraisal *a;
    const struct reason *reason;

    (void)state;
    requoted_begin(&r, HEALTHY);
    requoted_extend(&r, 9, span_str("x"));
    expect(&r, "TcgLogs, PCR 9", "PCR 9 can be extended by the running system", "very boot");
    requoted_end(&r);
    requoted_begin(&r, HEALTHY);
    requoted_extend_bank(&r, HASH_SHA256, 12, span_str("x"));
    requoted_extend(&r, 13, span_str("x"));
    a = requoted_judge(&r, &now);
    reason = requoted_reason(a, REASON_LOG_UNEXPLAINED_PCR);
    assert_string_equal(reason->where, "PCRs 12, 13");
    assert_string_equal(reason->text, "PCR 13 (sha1, sha384) and PCRs 12, 13 (sha256) were "
                                      "extended, but no log says by what");
    appraisal_done(a);
    requoted_end(&r);
    requoted_begin(&r, HEALTHY);
    for (int bank = 0; bank < HASH_COUNT; bank++) {
        r.pcrs.have[bank] |= r.pcrs.have[bank] != 0 ? 1u << 15 : 0;
    }
    requoted_extend(&r, 15, span_str("machine-id:0123"));
    a = requoted_judge(&r, &now);
    reason = requoted_reason(a, REASON_LOG_UNEXPLAINED_PCR);
    assert_non_null(strstr(reason->remedy, "leave PCR 15 out of the quote"));
    appraisal_done(a);
    requoted_end(&r);
}

/* What stands in JSON and in text is the remedy of the case. */
static void the_remedy_of_the_case_reaches_the_json(void **state)
{
    struct requoted r;
    struct appraisal *a;
    yyjson_mut_doc *doc;
    yyjson_mut_val *item;

    (void)state;
    requoted_begin(&r, HEALTHY);
    cut_log(&r, 2);
    a = requoted_judge(&r, &now);
    doc = json_new(r.machine.arena);
    item = yyjson_mut_arr_get_first(appraisal_reasons_json(doc, a));
    assert_string_equal(yyjson_mut_get_str(yyjson_mut_obj_get(item, "code")), "log-replay");
    assert_non_null(
        strstr(yyjson_mut_get_str(yyjson_mut_obj_get(item, "remedy")), "Send the log whole"));
    assert_int_equal(yyjson_mut_obj_size(item), 5);
    appraisal_done(a);
    requoted_end(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_log_of_another_boot_is_one_reason),
        cmocka_unit_test(the_log_of_another_machine_fits_nowhere),
        cmocka_unit_test(a_cut_log_is_called_cut),
        cmocka_unit_test(a_log_that_goes_on_says_from_where),
        cmocka_unit_test(digests_of_one_bank_are_blamed_on_that_bank),
        cmocka_unit_test(registers_of_the_running_system_are_named),
        cmocka_unit_test(the_remedy_of_the_case_reaches_the_json),
    };

    return RUN_TESTS(tests);
}
