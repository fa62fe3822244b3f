/*
 * A comparison in one sentence, and the state of the new boot: bad and forged ones first.
 */
#include "unit/appraise/compare.h"

#include "appraise/summary.h"

#include <string.h>

static struct summary summarise(struct arena *arena, const char *before, const char *after)
{
    const struct boot_facts *old = boot(arena, before);
    const struct boot_facts *new = boot(arena, after);
    struct compared changes = compare(arena, old, new);
    struct summary summary = {0};

    assert_ok(baseline_summary(arena, old, new, changes.items, changes.n, &summary));
    assert_int_equal(summary.n_unexplained, unexplained(&changes));
    for (size_t i = 0; i < summary.n_unchanged; i++) {
        for (size_t k = 0; k < changes.n; k++) {
            assert_string_not_equal(summary.unchanged[i],
                                    change_class_words(changes.items[k].code));
        }
    }
    return summary;
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bad_or_forged_boot_is_never_healthy),
        cmocka_unit_test(sentences_name_what_an_owner_asks_for),
    };

    return RUN_TESTS(tests);
}
