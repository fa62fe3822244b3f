/*
 * Comparing boots: what is there to compare, every event of a log moved, doubled, dropped and
 * replaced, what its sender may write into it, and the recorded boots.
 */
#include "unit/appraise/compare.h"

#include <stdlib.h>

/* ---- what is not there to compare ---- */

/* A guest chooses what it quotes: silence about credentials is no absence of credentials. */
static void registers_that_are_not_attested_any_more_are_a_change(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = logs_edit_boot(arena, "k-uki-creds-sysext");
    const struct boot_facts *before = boot(arena, UKI);
    struct compared changes;

    (void)state;
    for (size_t i = edit->n; i > 0; i--) {
        if (edit->items[i - 1].pcr == 12 || edit->items[i - 1].pcr == 13) {
            logs_drop(edit, i - 1); /* as an appraisal leaves out what no quote covers */
        }
    }
    changes = compare_with(arena, before, logs_edited_facts(edit), ALL_PCRS & ~(3u << 12), false);
    expect(&changes, REASON_CHANGE_UNKNOWN, false);
    assert_int_equal(find(&changes, REASON_CHANGE_UNKNOWN)->pcrs, 3u << 12);
    changes = compare_with(arena, before, before, ALL_PCRS & ~(1u << 14), false);
    assert_int_equal(changes.n, 1);
    expect(&changes, REASON_CHANGE_UNKNOWN, false);
}

static void keep_bank(struct logs_edit *edit, enum hash_alg hash)
{
    for (size_t bank = 0; bank < edit->n_banks; bank++) {
        if (edit->banks[bank].hash == hash) {
            edit->banks[0] = edit->banks[bank];
            for (size_t i = 0; i < edit->n; i++) {
                memcpy(edit->items[i].digest[0], edit->items[i].digest[bank], HASH_MAX_BYTES);
            }
            edit->n_banks = 1;
            return;
        }
    }
    fail_msg("no such bank");
}

static void logs_without_a_common_bank_are_not_equal(void **state)
{
    static const enum hash_alg others[] = {HASH_SHA1, HASH_SHA384};
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct compared changes;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        struct logs_edit *edit = logs_edit_boot(arena, HEALTHY);

        keep_bank(edit, others[i]);
        changes = compare(arena, logs_edited_facts(edit), boot(arena, "l-sha256-only-bank"));
        assert_int_equal(changes.n, 1);
        expect(&changes, REASON_CHANGE_UNKNOWN, false);
        /* SHA-1 alone is no comparison either. */
        changes = compare(arena, logs_edited_facts(edit), logs_edited_facts(edit));
        assert_int_equal(unexplained(&changes), 1);
    }
}

/* Each side was sorted by its own banks once, and everything differed. */
static void other_banks_beside_sha256_make_no_difference(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    const struct boot_facts *three = boot(arena, HEALTHY);
    struct logs_edit *edit = logs_edit_boot(arena, HEALTHY);
    struct compared changes;

    (void)state;
    assert_int_equal(three->log->n_banks, 3);
    keep_bank(edit, HASH_SHA256);
    changes = compare(arena, three, logs_edited_facts(edit));
    assert_int_equal(changes.n, 0);
    changes = compare(arena, logs_edited_facts(edit), three);
    assert_int_equal(changes.n, 0);
}

/* ---- what a log's sender may write ---- */

/* D-3: the name of a file that GRUB read is not under the digest. */
static void a_file_called_kernel_is_not_explained_by_a_signed_one(void **state)
{
    static const char *const names[] = {"/boot/vmlinuz-6.1.0-56-cloud-amd64", "/vmlinuz", "vmlinux",
                                        "/bzImage"};
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct compared changes;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct logs_edit *edit = logs_edit_boot(arena, UPDATED);
        size_t at = find_last(edit, 9, EV_IPL);

        logs_insert(edit, at + 1, 9, EV_IPL, span_str(names[i]));
        logs_measure(edit, at + 1, span_str("an initramfs of somebody else"));
        changes = compare(arena, boot(arena, HEALTHY), logs_edited_facts(edit));
        expect(&changes, REASON_CHANGE_KERNEL, false);
    }
}

/* D-2: types are not proven. Where only they differ, the registers are the same. */
static void another_type_for_the_same_digest_is_no_change(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = logs_edit_boot(arena, UKI);
    struct compared changes;

    (void)state;
    edit->items[find_last(edit, 4, EV_EFI_BOOT_SERVICES_APPLICATION)].type =
        EV_EFI_BOOT_SERVICES_DRIVER;
    changes = compare(arena, boot(arena, UKI), logs_edited_facts(edit));
    assert_int_equal(changes.n, 0);
}

static void an_image_under_another_type_does_not_explain_an_initrd(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = logs_edit_boot(arena, UKI);
    struct compared changes;

    (void)state;
    edit->items[find_last(edit, 4, EV_EFI_BOOT_SERVICES_APPLICATION)].type =
        EV_EFI_BOOT_SERVICES_DRIVER;
    logs_measure(edit, find_last(edit, 9, EV_EVENT_TAG), span_str("another initramfs"));
    changes = compare(arena, boot(arena, UKI), logs_edited_facts(edit));
    assert_int_equal(changes.n, 1);
    assert_int_equal(unexplained(&changes), 1);
}

/* D-2, B-3: a refused boot attempt passed off as one more signed image. */
static void a_boot_attempt_cannot_be_passed_off_as_an_image(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = logs_edit_boot(arena, "e-refused-then-fallback");
    const struct boot_facts *facts;
    struct compared changes;
    size_t n = 0;

    (void)state;
    for (size_t i = 0; i < edit->n; i++) {
        if (edit->items[i].pcr == 4 && edit->items[i].type == EV_EFI_ACTION && n++ > 0) {
            edit->items[i].type = EV_EFI_BOOT_SERVICES_APPLICATION;
        }
    }
    assert_int_equal(n, 3);
    facts = logs_edited_facts(edit);
    logs_expect(facts, FINDING_EVENT_TYPE, WEIGHT_FAULT, "D-2");
    assert_int_equal(logs_count(facts, FINDING_EVENT_TYPE, WEIGHT_FAULT), 2);
    changes = compare(arena, boot(arena, HEALTHY), facts);
    expect(&changes, REASON_CHANGE_LOADER, false);
}

/* ---- every event of a log ---- */

static void any_two_events_of_a_register_exchanged_are_a_change(void **state)
{
    static const char *const boots[] = {HEALTHY, UKI, "n-systemd-boot"};
    CLEANUP(arena_free) struct arena *arena = test_arena();

    (void)state;
    for (size_t b = 0; b < ARRAY_LEN(boots); b++) {
        size_t n = logs_edit_boot(arena, boots[b])->n;

        for (size_t i = 0; i < n; i++) {
            CLEANUP(arena_free) struct arena *own = test_arena();
            struct logs_edit *edit = logs_edit_boot(own, boots[b]);
            struct logs_item item = edit->items[i];
            struct compared changes;
            size_t j = i + 1;

            while (j < n &&
                   (edit->items[j].pcr != item.pcr ||
                    memcmp(edit->items[j].digest, item.digest, sizeof(item.digest)) == 0)) {
                j++;
            }
            if (j == n || item.type == EV_NO_ACTION) {
                continue;
            }
            edit->items[i] = edit->items[j];
            edit->items[j] = item;
            changes = compare(own, boot(own, boots[b]), logs_edited_facts(edit));
            assert_int_equal(changes.n, 1);
            assert_int_equal(changes.items[0].code, REASON_CHANGE_UNKNOWN);
            assert_int_equal(changes.items[0].pcrs, 1u << item.pcr);
            assert_false(changes.items[0].is_explained);
        }
    }
}

enum edit_kind { DOUBLED, DROPPED, REPLACED };

/* One event edited: is anything of it left unexplained? */
static void edit_each(const char *name, enum edit_kind kind)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    size_t n = logs_edit_boot(arena, name)->n;

    for (size_t i = 0; i < n; i++) {
        CLEANUP(arena_free) struct arena *own = test_arena();
        struct logs_edit *edit = logs_edit_boot(own, name);
        struct logs_item item = edit->items[i];
        /* A signed image in the place of one is what an update looks like. */
        bool may_explain =
            kind == REPLACED && item.pcr == 4 && item.type == EV_EFI_BOOT_SERVICES_APPLICATION;
        struct compared changes;

        if (item.type == EV_NO_ACTION) {
            continue;
        }
        if (kind == DOUBLED) {
            logs_copy(edit, i, i + 1);
        } else if (kind == DROPPED) {
            logs_drop(edit, i);
        } else {
            logs_measure(edit, i, span_str("something else"));
        }
        changes = compare(own, boot(own, name), logs_edited_facts(edit));
        assert_true(changes.n >= 1);
        if (unexplained(&changes) == 0 && !may_explain) {
            fail_msg("%s: event %zu (PCR %u, type %x), edit %d: %s", name, i, item.pcr, item.type,
                     (int)kind, changes.items[0].explanation);
        }
    }
}

static void no_event_can_be_doubled_dropped_or_replaced_in_silence(void **state)
{
    static const char *const boots[] = {HEALTHY, UKI, "n-systemd-boot", "g-mok-own-kernel"};

    (void)state;
    for (size_t b = 0; b < ARRAY_LEN(boots); b++) {
        for (int kind = DOUBLED; kind <= REPLACED; kind++) {
            edit_each(boots[b], (enum edit_kind)kind);
        }
    }
}

/* An explained change in a register hides no other order in it. */
static void an_explained_change_hides_no_other(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = logs_edit_boot(arena, UPDATED);
    size_t first = logs_find(edit, 4, EV_EFI_BOOT_SERVICES_APPLICATION);
    size_t second = first + 1;
    struct logs_item item = edit->items[first];
    struct compared changes;

    (void)state;
    while (edit->items[second].pcr != 4 ||
           edit->items[second].type != EV_EFI_BOOT_SERVICES_APPLICATION) {
        second++;
    }
    edit->items[first] = edit->items[second];
    edit->items[second] = item;
    changes = compare(arena, boot(arena, HEALTHY), logs_edited_facts(edit));
    expect(&changes, REASON_CHANGE_KERNEL, false);
    expect(&changes, REASON_CHANGE_UNKNOWN, false);
    assert_int_equal(find(&changes, REASON_CHANGE_UNKNOWN)->pcrs, 1u << 4);
}

/* PCR 4 proves the order: a kernel that was started before GRUB is no update of the one behind it,
 * though GRUB's digest was measured afterwards. */
static void an_image_in_another_place_is_no_update(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = logs_edit_boot(arena, UPDATED);
    size_t places[4];
    size_t n = 0;
    struct logs_item grub;
    struct compared changes;

    (void)state;
    for (size_t i = 0; i < edit->n && n < 4; i++) {
        if (edit->items[i].pcr == 4 && edit->items[i].type == EV_EFI_BOOT_SERVICES_APPLICATION) {
            places[n++] = i;
        }
    }
    assert_int_equal(n, 4); /* shim, GRUB, the kernel twice */
    grub = edit->items[places[1]];
    edit->items[places[1]] = edit->items[places[2]];
    edit->items[places[2]] = grub;
    changes = compare(arena, boot(arena, HEALTHY), logs_edited_facts(edit));
    assert_true(unexplained(&changes) > 0);
    for (size_t i = 0; i < changes.n; i++) {
        assert_true(!changes.items[i].is_explained || (changes.items[i].pcrs & 1u << 4) == 0);
    }
}

/* ---- firmware ---- */

static void another_shape_explains_pcr_0_alone(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    const struct boot_facts *before = boot(arena, "p-one-vcpu");
    struct logs_edit *edit = logs_edit_boot(arena, "p-two-vcpus");
    struct compared changes = compare(arena, before, boot(arena, "p-two-vcpus"));

    (void)state;
    expect(&changes, REASON_CHANGE_FIRMWARE, false); /* nobody said so */
    changes = compare_with(arena, before, boot(arena, "p-two-vcpus"), ALL_PCRS, true);
    assert_int_equal(changes.n, 1);
    expect(&changes, REASON_CHANGE_SHAPE, true);
    /* Anything else at the same time. */
    logs_measure(edit, find_last(edit, 9, EV_IPL), span_str("another initramfs"));
    changes = compare_with(arena, before, logs_edited_facts(edit), ALL_PCRS, true);
    expect(&changes, REASON_CHANGE_FIRMWARE, false);
    /* One region more, another version. */
    edit = logs_edit_boot(arena, "p-two-vcpus");
    logs_copy(edit, logs_find(edit, 0, EV_EFI_PLATFORM_FIRMWARE_BLOB), 1);
    logs_measure(edit, 1, span_str("a region more"));
    changes = compare_with(arena, before, logs_edited_facts(edit), ALL_PCRS, true);
    expect(&changes, REASON_CHANGE_FIRMWARE, false);
    edit = logs_edit_boot(arena, "p-two-vcpus");
    logs_set(edit, logs_find(edit, 0, EV_S_CRTM_VERSION), span_of("2\0\0\0", 4));
    changes = compare_with(arena, before, logs_edited_facts(edit), ALL_PCRS, true);
    expect(&changes, REASON_CHANGE_FIRMWARE, false);
}

/* ---- the recorded boots ---- */

static void recorded_boots_differ_in_what_was_done_to_them(void **state)
{
    static const struct {
        const char *before, *after;
        struct {
            enum reason_code code;
            bool is_explained;
        } want[6];
        size_t n;
    } pairs[] = {
        {HEALTHY, "i-powercycle", {{0}}, 0},
        {HEALTHY, "i-warm-reboot-before", {{0}}, 0},
        {HEALTHY, "i-warm-reboot", {{0}}, 0},
        {HEALTHY, "l-sha256-only-bank", {{0}}, 0},
        {"p-two-vcpus", "p-two-vcpus-again", {{0}}, 0},
        {HEALTHY, "d-initrd-tampered", {{REASON_CHANGE_INITRD, false}}, 1},
        {HEALTHY,
         "c-cmdline-changed",
         {{REASON_CHANGE_CMDLINE, false}, {REASON_CHANGE_GRUB_CONFIG, false}},
         2},
        {HEALTHY,
         "e-refused-then-fallback",
         {{REASON_CHANGE_BOOT_PATH, false}, {REASON_CHANGE_GRUB_CONFIG, false}},
         2},
        {HEALTHY,
         UPDATED,
         {{REASON_CHANGE_KERNEL, true},
          {REASON_CHANGE_CMDLINE, true},
          {REASON_CHANGE_INITRD, false},
          {REASON_CHANGE_GRUB_CONFIG, false}},
         4},
        {HEALTHY,
         "g-mok-own-kernel",
         {{REASON_CHANGE_MOK, false}, {REASON_CHANGE_KERNEL, false}},
         2},
        {HEALTHY, "g-mok-unused", {{REASON_CHANGE_MOK, false}}, 1},
        {HEALTHY, "h-dbx-update", {{REASON_CHANGE_DBX, true}}, 1},
        {"h-dbx-update", HEALTHY, {{REASON_CHANGE_DBX, false}}, 1},
        {HEALTHY,
         "b-secureboot-off",
         {{REASON_CHANGE_KEYS, false},
          {REASON_CHANGE_DBX, false},
          {REASON_CHANGE_KERNEL, false},
          {REASON_CHANGE_GRUB_CONFIG, false},
          {REASON_CHANGE_MOK, false}},
         5},
        {"b-secureboot-off", "d-kernel-tampered-sboff", {{REASON_CHANGE_KERNEL, false}}, 1},
        {"b-secureboot-off", "d-grub-tampered-sboff", {{REASON_CHANGE_LOADER, false}}, 1},
        {UKI, UKI_UPDATED, {{REASON_CHANGE_UKI, true}, {REASON_CHANGE_INITRD, false}}, 2},
        {UKI,
         "k-uki-creds-sysext",
         {{REASON_CHANGE_INITRD, false},
          {REASON_CHANGE_CREDENTIALS, false},
          {REASON_CHANGE_SYSEXT, false}},
         3},
        {UKI,
         "n-systemd-boot",
         {{REASON_CHANGE_LOADER, false},
          {REASON_CHANGE_KERNEL, false},
          {REASON_CHANGE_CMDLINE, false},
          {REASON_CHANGE_UKI, false}},
         4},
        {"p-one-vcpu", "p-two-vcpus", {{REASON_CHANGE_FIRMWARE, false}}, 1},
    };
    CLEANUP(arena_free) struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        struct compared changes =
            compare(arena, boot(arena, pairs[i].before), boot(arena, pairs[i].after));

        if (changes.n != pairs[i].n) {
            fail_msg("%s and %s: %zu changes", pairs[i].before, pairs[i].after, changes.n);
        }
        for (size_t k = 0; k < pairs[i].n; k++) {
            expect(&changes, pairs[i].want[k].code, pairs[i].want[k].is_explained);
        }
    }
}

static void every_boot_equals_itself(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    const char **names = NULL;

    (void)state;
    assert_ok(file_list(arena, test_vector_path(arena, "boots"), NULL, &names));
    for (; *names != NULL; names++) {
        if (logs_has_boot(arena, *names)) {
            const struct boot_facts *facts = boot(arena, *names);
            struct compared changes = compare(arena, facts, facts);

            assert_int_equal(changes.n, 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(registers_that_are_not_attested_any_more_are_a_change),
        cmocka_unit_test(logs_without_a_common_bank_are_not_equal),
        cmocka_unit_test(a_file_called_kernel_is_not_explained_by_a_signed_one),
        cmocka_unit_test(an_image_under_another_type_does_not_explain_an_initrd),
        cmocka_unit_test(a_boot_attempt_cannot_be_passed_off_as_an_image),
        cmocka_unit_test(any_two_events_of_a_register_exchanged_are_a_change),
        cmocka_unit_test(no_event_can_be_doubled_dropped_or_replaced_in_silence),
        cmocka_unit_test(an_explained_change_hides_no_other),
        cmocka_unit_test(an_image_in_another_place_is_no_update),
        cmocka_unit_test(another_shape_explains_pcr_0_alone),
        cmocka_unit_test(another_type_for_the_same_digest_is_no_change),
        cmocka_unit_test(other_banks_beside_sha256_make_no_difference),
        cmocka_unit_test(recorded_boots_differ_in_what_was_done_to_them),
        cmocka_unit_test(every_boot_equals_itself),
    };

    return RUN_TESTS(tests);
}
