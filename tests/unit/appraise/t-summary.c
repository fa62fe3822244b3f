/*
 * A comparison in one sentence, and the state of the new boot: bad and forged ones first.
 */
#include "unit/appraise/compare.h"

#include "appraise/summary.h"

#include <string.h>

static struct summary summarise_facts(struct arena *arena, const struct boot_facts *old,
                                      const struct boot_facts *new,
                                      const struct appraise_trust *trust)
{
    const struct baseline_boot before = {old, ALL_PCRS};
    const struct baseline_boot after = {new, ALL_PCRS};
    const struct baseline_known known = {.are_logs_alone = true};
    struct compared changes = {0};
    struct summary summary = {0};

    assert_ok(baseline_compare(arena, &before, &after, &known, changes.items, &changes.n));
    assert_ok(baseline_summary(arena, old, new, changes.items, changes.n, trust, &summary));
    assert_int_equal(summary.n_unexplained, unexplained(&changes));
    for (size_t i = 0; i < summary.n_unchanged; i++) {
        for (size_t k = 0; k < changes.n; k++) {
            assert_string_not_equal(summary.unchanged[i],
                                    change_class_words(changes.items[k].code));
        }
    }
    return summary;
}

static struct summary summarise(struct arena *arena, const char *before, const char *after)
{
    const struct appraise_trust none = {0};

    return summarise_facts(arena, boot(arena, before), boot(arena, after), &none);
}

static void a_bad_or_forged_boot_is_never_healthy(void **state)
{
    static const struct {
        const char *boot;
        enum verdict state;
        const char *why;
    } cases[] = {
        {"b-secureboot-off", VERDICT_UNHEALTHY, "Secure Boot was off"},
        {"b-setup-mode", VERDICT_UNHEALTHY, "Secure Boot was off"},
        {"m-shim-validation-disabled", VERDICT_UNHEALTHY, "shim's validation was switched off"},
        {"h-dbx-revokes-loader-sboff", VERDICT_UNHEALTHY, "Secure Boot was off"},
        {"k-uki-healthy", VERDICT_UNHEALTHY, "test key"},
        {"j-log-secureboot-text-forged", VERDICT_NOT_VERIFIED, "not what was measured"},
        {"j-log-cmdline-text-forged", VERDICT_NOT_VERIFIED, "not what was measured"},
        {"d-initrd-tampered", VERDICT_CHANGED, "a person decides"},
        {"c-cmdline-changed", VERDICT_CHANGED, "a person decides"},
        {"g-mok-unused", VERDICT_CHANGED, "a person decides"},
    };
    CLEANUP(arena_free) struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        /* Also held against itself: what was bad before is no excuse. */
        struct summary itself = summarise(arena, cases[i].boot, cases[i].boot);
        struct summary s = summarise(arena, HEALTHY, cases[i].boot);

        if (s.state != cases[i].state || strstr(s.why, cases[i].why) == NULL) {
            fail_msg("%s: %s: %s", cases[i].boot, verdict_name(s.state), s.why);
        }
        assert_true(cases[i].state == VERDICT_CHANGED || itself.state == cases[i].state);
    }
}

static void sentences_name_what_an_owner_asks_for(void **state)
{
    static const struct {
        const char *before, *after, *sentence;
    } cases[] = {
        {HEALTHY, HEALTHY, "nothing that was measured is different"},
        {HEALTHY, "i-powercycle", "nothing that was measured is different"},
        {HEALTHY, UPDATED,
         "kernel 6.1.0-55-cloud-amd64 \xe2\x86\x92 6.1.0-56-cloud-amd64, both validated by Debian "
         "Secure Boot CA through shim; kernel parameters unchanged; initramfs changed; GRUB "
         "configuration changed"},
        {UPDATED, HEALTHY,
         "kernel 6.1.0-56-cloud-amd64 \xe2\x86\x92 6.1.0-55-cloud-amd64, an OLDER one; kernel "
         "parameters unchanged; initramfs changed; GRUB configuration changed"},
        {HEALTHY, UKI,
         "unified kernel image measured, which was not before; kernel not measured any more; "
         "kernel "
         "command line changed; initramfs unchanged; Secure Boot keys changed; revocations "
         "changed; "
         "boot loader changed; GRUB configuration changed; machine owner keys changed"},
        {HEALTHY, "d-initrd-tampered",
         "kernel unchanged; kernel command line unchanged; initramfs changed"},
        {HEALTHY, "h-dbx-update",
         "kernel unchanged; kernel command line unchanged; initramfs unchanged; revocations "
         "changed (explained)"},
    };
    CLEANUP(arena_free) struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_string_equal(summarise(arena, cases[i].before, cases[i].after).sentence,
                            cases[i].sentence);
    }
}

/* SHA-1 tells people what is different; it proves nobody that nothing is. */
static void logs_of_sha1_alone_are_compared_but_never_healthy(void **state)
{
    test_needs_public_data();

    CLEANUP(arena_free) struct arena *arena = test_arena();
    const struct appraise_trust none = {0};
    const struct boot_facts *old =
        logs_facts(arena, test_public_file(arena, "eventlogs/logs/go-tpm-tools-debian-10.bin"))
            .facts;
    const struct boot_facts *other =
        logs_facts(arena, test_public_file(
                              arena, "eventlogs/logs/go-attestation-short_no_action_eventlog"))
            .facts;
    struct summary s = summarise_facts(arena, old, old, &none);

    (void)state;
    assert_int_equal(s.state, VERDICT_NOT_VERIFIED);
    assert_non_null(strstr(s.why, "SHA-1"));
    assert_string_equal(s.sentence, "nothing that was measured is different");
    s = summarise_facts(arena, old, other, &none);
    assert_int_not_equal(s.state, VERDICT_HEALTHY);
    assert_non_null(strstr(s.sentence, "changed"));
    s = summarise_facts(arena, old, boot(arena, HEALTHY), &none);
    assert_int_not_equal(s.state, VERDICT_HEALTHY);
}

static void test_keys_are_bad_unless_they_are_named(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    const struct boot_facts *uki = boot(arena, UKI);
    const struct key_contents *keys = &uki->db.keys;
    struct span own[8];
    struct appraise_trust trust = {.db_certificates = own};

    (void)state;
    assert_in_range(keys->n_certificates, 1, ARRAY_LEN(own));
    for (size_t i = 0; i < keys->n_certificates; i++) {
        assert_int_equal(summarise_facts(arena, uki, uki, &trust).state, VERDICT_UNHEALTHY);
        own[trust.n_db_certificates++] = keys->certificates[i].der;
    }
    assert_int_equal(summarise_facts(arena, uki, uki, &trust).state, VERDICT_HEALTHY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bad_or_forged_boot_is_never_healthy),
        cmocka_unit_test(sentences_name_what_an_owner_asks_for),
        cmocka_unit_test(logs_of_sha1_alone_are_compared_but_never_healthy),
        cmocka_unit_test(test_keys_are_bad_unless_they_are_named),
    };

    return RUN_TESTS(tests);
}
