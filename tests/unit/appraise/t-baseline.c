/*
 * Comparing boots: what a sender may write into its log to make a change look explained, every
 * event of a log moved, doubled, dropped and replaced, and the recorded boots.
 */
#include "unit/eventlog/logs.h"

#include "appraise/baseline.h"

#include <stdlib.h>

#define HEALTHY "a-secureboot-healthy"
#define UPDATED "f-kernel-update"
#define UKI "k-uki-healthy"
#define UKI_UPDATED "k-uki-update"

enum { ALL_PCRS = 0xffffff, LINE_MAX_BYTES = 12000 };

struct compared {
    struct change items[APPRAISE_MAX_CHANGES];
    size_t n;
};

static struct compared compare_with(struct arena *arena, const struct boot_facts *before,
                                    const struct boot_facts *after, uint32_t after_pcrs,
                                    bool is_shape_changed)
{
    const struct baseline_boot old = {before, ALL_PCRS};
    const struct baseline_boot new = {after, after_pcrs};
    struct compared changes = {0};

    assert_ok(baseline_compare(arena, &old, &new, is_shape_changed, changes.items, &changes.n));
    assert_true(changes.n <= APPRAISE_MAX_CHANGES);
    for (size_t i = 0; i < changes.n; i++) {
        assert_int_not_equal(changes.items[i].text[0], '\0');
        assert_int_not_equal(changes.items[i].explanation[0], '\0');
        assert_int_not_equal(changes.items[i].pcrs, 0);
    }
    return changes;
}

static struct compared compare(struct arena *arena, const struct boot_facts *before,
                               const struct boot_facts *after)
{
    return compare_with(arena, before, after, ALL_PCRS, false);
}

static const struct boot_facts *boot(struct arena *arena, const char *name)
{
    return logs_facts(arena, logs_boot(arena, name)).facts;
}

/* The change of this class; the test fails when there is none. */
static const struct change *find(const struct compared *changes, enum reason_code code)
{
    for (size_t i = 0; i < changes->n; i++) {
        if (changes->items[i].code == code) {
            return &changes->items[i];
        }
    }
    fail_msg("no %s among %zu changes", reason_name(code), changes->n);
    return &changes->items[0];
}

static void expect(const struct compared *changes, enum reason_code code, bool is_explained)
{
    const struct change *change = find(changes, code);

    if (change->is_explained != is_explained) {
        fail_msg("%s is%s explained: %s", reason_name(code), is_explained ? " not" : "",
                 change->explanation);
    }
}

static size_t unexplained(const struct compared *changes)
{
    size_t n = 0;

    for (size_t i = 0; i < changes->n; i++) {
        n += !changes->items[i].is_explained;
    }
    return n;
}

static size_t find_text(const struct logs_edit *edit, uint32_t pcr, const char *text)
{
    for (size_t i = 0; i < edit->n; i++) {
        if (edit->items[i].pcr == pcr && span_starts(edit->items[i].data, text)) {
            return i;
        }
    }
    fail_msg("no event '%s' in PCR %u", text, pcr);
    return 0;
}

static size_t find_last(const struct logs_edit *edit, uint32_t pcr, uint32_t type)
{
    for (size_t i = edit->n; i > 0; i--) {
        if (edit->items[i - 1].pcr == pcr && edit->items[i - 1].type == type) {
            return i - 1;
        }
    }
    fail_msg("no event of type %x in PCR %u", type, pcr);
    return 0;
}

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

/* Nor do such registers prove that nothing stood beside the signed image. */
static void an_image_explains_its_initrd_only_with_all_registers_attested(void **state)
{
    static const uint32_t needed[] = {8, 12, 13};
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct compared changes;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(needed); i++) {
        changes = compare_with(arena, boot(arena, UKI), boot(arena, UKI_UPDATED),
                               ALL_PCRS & ~(1u << needed[i]), false);
        expect(&changes, REASON_CHANGE_INITRD, false);
    }
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

/* ---- the kernel's command line ---- */

static struct compared with_cmdline(struct arena *arena, const char *before, const char *after,
                                    size_t after_len)
{
    struct logs_edit *old = logs_edit_boot(arena, HEALTHY);
    struct logs_edit *new = logs_edit_boot(arena, HEALTHY);
    size_t at = find_text(old, 8, "kernel_cmdline: ");
    char text[LINE_MAX_BYTES];

    snprintf(text, sizeof(text), "kernel_cmdline: %s", before);
    old->items[at].data = arena_dup(arena, span_of(text, strlen(text) + 1));
    logs_measure(old, at, span_str(before));
    memcpy(text + 16, after, after_len);
    text[16 + after_len] = '\0';
    new->items[at].data = arena_dup(arena, span_of(text, 16 + after_len + 1));
    logs_measure(new, at, span_of(after, after_len));
    return compare(arena, logs_edited_facts(old), logs_edited_facts(new));
}

/* The kernel ends a word at more than a space, and reads a quote over spaces. */
static void a_kernel_name_brings_no_parameters_along(void **state)
{
    static const struct {
        const char *text;
        bool is_explained;
    } cases[] = {
        {"/boot/vmlinuz-2\tinit=/bin/sh root=LABEL=root ro", false},
        {"/boot/vmlinuz-2\ninit=/bin/sh root=LABEL=root ro", false},
        {"/boot/vmlinuz-2\vinit=/bin/sh root=LABEL=root ro", false},
        {"/boot/vmlinuz-2\rinit=/bin/sh root=LABEL=root ro", false},
        {"/boot/vmlinuz-2\xa0init=/bin/sh root=LABEL=root ro", false},
        {"/boot/vm\"linuz-2 root=LABEL=root ro", false},
        {"/boot/vm'linuz-2 root=LABEL=root ro", false},
        {"/boot/vm\\linuz-2 root=LABEL=root ro", false},
        {"/boot/vmlinuz=2 root=LABEL=root ro", false},
        {" root=LABEL=root ro", false}, /* no name at all */
        {"/boot/vmlinuz-2  root=LABEL=root ro", false},
        {"/boot/vmlinuz-2 root=LABEL=root ro ", false},
        {"/boot/vmlinuz-2 root=LABEL=root", false},
        {"/boot/vmlinuz-2 root=LABEL=root ro init=/bin/sh", false},
        {"/boot/vmlinuz-2 root=LABEL=root\\nro", false},
        {"/boot/vmlinuz-2 root=LABEL=root ro", true},
        {"(hd0,gpt2)/vmlinuz-6.1.0+2~bpo root=LABEL=root ro", true},
    };
    CLEANUP(arena_free) struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct compared changes = with_cmdline(arena, "/boot/vmlinuz-1 root=LABEL=root ro",
                                               cases[i].text, strlen(cases[i].text));

        assert_int_equal(changes.n, 1);
        expect(&changes, REASON_CHANGE_CMDLINE, cases[i].is_explained);
    }
}

/* Texts for people are cut and escaped; what was measured is compared. */
static void parameters_are_compared_as_measured(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    char before[9001] = "/k1 ";
    char after[9001] = "/k2 ";
    struct compared changes;

    (void)state;
    memset(before + 4, 'x', 8996);
    memset(after + 4, 'x', 8996);
    changes = with_cmdline(arena, before, after, 9000);
    expect(&changes, REASON_CHANGE_CMDLINE, true);
    memcpy(after + 8990, " init=/evl", 10);
    changes = with_cmdline(arena, before, after, 9000);
    expect(&changes, REASON_CHANGE_CMDLINE, false);
    /* A line feed is shown as a backslash and an n; a NUL ends what the kernel sees. */
    changes = with_cmdline(arena, "/k1 a=\\n", "/k2 a=\n", 7);
    expect(&changes, REASON_CHANGE_CMDLINE, false);
    changes = with_cmdline(arena, "/k1 quiet", "/k2 quiet\0 init=/x", 18);
    expect(&changes, REASON_CHANGE_CMDLINE, false);
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
    expect(&changes, REASON_CHANGE_KERNEL, true);
    expect(&changes, REASON_CHANGE_UNKNOWN, false);
    assert_int_equal(find(&changes, REASON_CHANGE_UNKNOWN)->pcrs, 1u << 4);
}

/* ---- signed components ---- */

static void one_image_more_is_no_update(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = logs_edit_boot(arena, UPDATED);
    size_t at = logs_find(edit, 4, EV_EFI_BOOT_SERVICES_APPLICATION);
    struct compared changes;

    (void)state;
    logs_copy(edit, at, at);
    logs_measure(edit, at, span_str("an old signed loader with a hole"));
    changes = compare(arena, boot(arena, HEALTHY), logs_edited_facts(edit));
    expect(&changes, REASON_CHANGE_LOADER, false);
    expect(&changes, REASON_CHANGE_KERNEL, false);
}

/* The value of an authority event: owner and certificate. */
static void set_authority(struct logs_edit *edit, const char *name, const uint8_t guid[16],
                          struct span certificate)
{
    CLEANUP(buf_done) struct buf entry = {0};

    buf_init(&entry, 64 * 1024);
    buf_add(&entry, span_of(logs_shim, 16));
    buf_add(&entry, certificate);
    assert_ok(buf_err(&entry));
    for (size_t i = 0; i < edit->n; i++) {
        struct uefi_variable var;

        if (edit->items[i].pcr == 7 && edit->items[i].type == EV_EFI_VARIABLE_AUTHORITY &&
            uefi_variable_parse(edit->arena, edit->items[i].data, &var) == ERR_OK &&
            strcmp(var.name, name) == 0) {
            logs_set(edit, i, logs_variable(edit->arena, guid, name, buf_span(&entry)));
            return;
        }
    }
    fail_msg("no authority %s", name);
}

static void another_authority_explains_nothing(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct span other = test_vector(arena, "boots/" HEALTHY "/ek_rsa_cert.der");
    struct logs_edit *edit = logs_edit_boot(arena, UPDATED);
    struct compared changes;

    (void)state;
    set_authority(edit, "MokListRT", logs_shim, other);
    changes = compare(arena, boot(arena, HEALTHY), logs_edited_facts(edit));
    expect(&changes, REASON_CHANGE_MOK, false);
    expect(&changes, REASON_CHANGE_KERNEL, false);
    edit = logs_edit_boot(arena, UPDATED);
    set_authority(edit, "db", logs_security, other);
    changes = compare(arena, boot(arena, HEALTHY), logs_edited_facts(edit));
    expect(&changes, REASON_CHANGE_KEYS, false);
    expect(&changes, REASON_CHANGE_KERNEL, false);
}

/* Another image wherever this one was measured: shim and the firmware both may. */
static void replace_image(struct logs_edit *edit, size_t at, const char *content)
{
    struct logs_item old = edit->items[at];

    for (size_t i = 0; i < edit->n; i++) {
        if (edit->items[i].pcr == 4 &&
            memcmp(edit->items[i].digest, old.digest, sizeof(old.digest)) == 0) {
            logs_measure(edit, i, span_str(content));
        }
    }
}

/* Decisions section 1: the authorities are to be known. The key of an owner is on the machine as
 * often as not. */
static void an_owners_key_explains_nothing(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    const struct boot_facts *before = boot(arena, "g-mok-own-kernel");
    struct logs_edit *edit = logs_edit_boot(arena, "g-mok-own-kernel");
    struct compared changes;

    (void)state;
    assert_true(before->has_user_mok);
    replace_image(edit, find_last(edit, 4, EV_EFI_BOOT_SERVICES_APPLICATION), "signed at home");
    changes = compare(arena, before, logs_edited_facts(edit));
    assert_int_equal(changes.n, 1);
    expect(&changes, REASON_CHANGE_KERNEL, false);
    /* The same with a distribution's keys is an update. */
    edit = logs_edit_boot(arena, HEALTHY);
    replace_image(edit, find_last(edit, 4, EV_EFI_BOOT_SERVICES_APPLICATION), "signed by them");
    changes = compare(arena, boot(arena, HEALTHY), logs_edited_facts(edit));
    assert_int_equal(changes.n, 1);
    expect(&changes, REASON_CHANGE_KERNEL, true);
}

static void without_demanded_signatures_nothing_is_explained(void **state)
{
    static const char *const boots[] = {"b-secureboot-off", "m-shim-validation-disabled"};
    CLEANUP(arena_free) struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(boots); i++) {
        struct logs_edit *edit = logs_edit_boot(arena, boots[i]);
        struct compared changes;

        replace_image(edit, find_last(edit, 4, EV_EFI_BOOT_SERVICES_APPLICATION), "anything");
        changes = compare(arena, boot(arena, boots[i]), logs_edited_facts(edit));
        assert_true(changes.n > 0);
        assert_int_equal(unexplained(&changes), changes.n);
    }
}

/* ---- revocations ---- */

static void set_variable(struct logs_edit *edit, const char *name, const uint8_t guid[16],
                         struct span value)
{
    logs_set(edit, logs_find_variable(edit, name), logs_variable(edit->arena, guid, name, value));
}

static const struct boot_facts *with_dbx(struct arena *arena, struct span lists)
{
    struct logs_edit *edit = logs_edit_boot(arena, HEALTHY);

    set_variable(edit, "dbx", logs_security, lists);
    return logs_edited_facts(edit);
}

static void revocations_may_only_grow(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    uint8_t bytes[3][32] = {{1}, {2}, {3}};
    const struct span one[] = {span_of(bytes[0], 32)};
    const struct span two[] = {span_of(bytes[0], 32), span_of(bytes[1], 32)};
    const struct span other[] = {span_of(bytes[0], 32), span_of(bytes[2], 32)};
    const struct span turned[] = {span_of(bytes[2], 32), span_of(bytes[1], 32),
                                  span_of(bytes[0], 32)};
    struct span lists_two = logs_hash_list(arena, two, 2);
    struct span owner = arena_dup(arena, lists_two);
    struct span kind = arena_dup(arena, lists_two);
    struct span broken = span_cut(lists_two, 0, lists_two.len - 1);
    struct {
        struct span before, after;
        bool is_explained;
    } cases[] = {
        {lists_two, logs_hash_list(arena, one, 1), false},
        {lists_two, logs_hash_list(arena, other, 2), false},
        {lists_two, span_str(""), false},
        {lists_two, broken, false},
        {lists_two, kind, false},
        {span_str(""), broken, false},
        {logs_hash_list(arena, one, 1), lists_two, true},
        {lists_two, logs_hash_list(arena, turned, 3), true},
        {lists_two, owner, true}, /* who owns an entry changes nothing */
        {span_str(""), lists_two, true},
    };

    (void)state;
    ((uint8_t *)(uintptr_t)owner.data)[28] ^= 1;
    ((uint8_t *)(uintptr_t)kind.data)[0] ^= 1; /* entries of a kind that nobody knows */
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct compared changes =
            compare(arena, with_dbx(arena, cases[i].before), with_dbx(arena, cases[i].after));

        assert_int_equal(changes.n, 1);
        expect(&changes, REASON_CHANGE_DBX, cases[i].is_explained);
    }
}

/* Comparing took the product of the two lengths once. */
static void long_revocation_lists_are_compared(void **state)
{
    enum { MANY = 16000 };
    CLEANUP(arena_free) struct arena *arena = arena_new(256u * 1024 * 1024);
    struct span *digests = arena_calloc(arena, MANY, sizeof(*digests));
    const struct boot_facts *fewer;
    const struct boot_facts *more;
    struct compared changes;

    (void)state;
    for (size_t i = 0; i < MANY; i++) {
        uint8_t *digest = arena_calloc(arena, 1, 32);

        digest[0] = (uint8_t)i;
        digest[1] = (uint8_t)(i >> 8);
        digests[i] = span_of(digest, 32);
    }
    fewer = with_dbx(arena, logs_hash_list(arena, digests, MANY - 1));
    more = with_dbx(arena, logs_hash_list(arena, digests, MANY));
    changes = compare(arena, fewer, more);
    expect(&changes, REASON_CHANGE_DBX, true);
    changes = compare(arena, more, fewer);
    expect(&changes, REASON_CHANGE_DBX, false);
}

static void sbat_levels_may_only_rise(void **state)
{
    static const struct {
        const char *before, *after;
        bool is_explained;
    } cases[] = {
        {"sbat,1,2025\nshim,4\ngrub,5\n", "sbat,1,2025\nshim,3\ngrub,5\n", false},
        {"sbat,1,2025\nshim,4\ngrub,5\n", "sbat,1,2026\nshim,5\ngrub,4\n", false},
        {"sbat,1,2025\nshim,4\ngrub,5\n", "sbat,1,2026\nshim,4\n", false},
        {"sbat,1,2025\nshim,4\ngrub,5\n", "sbat,1,2026\nshim,4\ngrub.x,5\n", false},
        {"sbat,1,2025\nshim,4\ngrub,5\n", "sbat,1,2021030218\n", false},
        {"sbat,1,2025\nshim,4\n", "sbat,1,2025\nshim,-1\n", false},
        {"sbat,1,2025\nshim,4\n", "no sbat", false},
        {"sbat,1,2025\nshim,4\ngrub,5\n", "sbat,1,2026\nshim,4\ngrub,6\n", true},
        {"sbat,1,2025\nshim,9\n", "sbat,1,2026\nshim,10\nsystemd-boot,1\n", true},
        {"sbat,1,2021030218\n", "sbat,1,2025\nshim,4\ngrub,5\n", true},
    };
    CLEANUP(arena_free) struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct logs_edit *old = logs_edit_boot(arena, HEALTHY);
        struct logs_edit *new = logs_edit_boot(arena, HEALTHY);
        struct compared changes;

        set_variable(old, "SbatLevel", logs_shim, span_str(cases[i].before));
        set_variable(new, "SbatLevel", logs_shim, span_str(cases[i].after));
        changes = compare(arena, logs_edited_facts(old), logs_edited_facts(new));
        expect(&changes, REASON_CHANGE_DBX, cases[i].is_explained);
    }
}

/* A lowered level lets old signed software run again: its signature explains nothing then. */
static void a_lowered_level_takes_the_signatures_along(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = logs_edit_boot(arena, UPDATED);
    struct compared changes;

    (void)state;
    set_variable(edit, "SbatLevel", logs_shim, span_str("sbat,1,2021030218\n"));
    changes = compare(arena, boot(arena, HEALTHY), logs_edited_facts(edit));
    expect(&changes, REASON_CHANGE_DBX, false);
    expect(&changes, REASON_CHANGE_KERNEL, false);
}

/* A certificate in dbt can take a revocation back. */
static void timestamp_authorities_are_keys(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = logs_edit_boot(arena, "h-dbx-update");
    uint8_t bytes[32] = {9};
    const struct span entry[] = {span_of(bytes, 32)};
    struct compared changes;

    (void)state;
    logs_insert(edit, logs_find_variable(edit, "dbx") + 1, 7, EV_EFI_VARIABLE_DRIVER_CONFIG,
                logs_variable(arena, logs_security, "dbt", logs_hash_list(arena, entry, 1)));
    changes = compare(arena, boot(arena, HEALTHY), logs_edited_facts(edit));
    expect(&changes, REASON_CHANGE_KEYS, false);
}

/* ---- unified kernel images ---- */

static void an_image_explains_only_what_came_out_of_it(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    const struct boot_facts *before = boot(arena, UKI);
    struct logs_edit *edit = logs_edit_boot(arena, UKI_UPDATED);
    size_t initrd = find_last(edit, 9, EV_EVENT_TAG);
    struct compared changes;

    (void)state;
    /* An initramfs more than before. */
    logs_copy(edit, initrd, initrd);
    logs_measure(edit, initrd, span_str("another initramfs"));
    changes = compare(arena, before, logs_edited_facts(edit));
    expect(&changes, REASON_CHANGE_INITRD, false);
    /* GRUB was there and could have passed anything. */
    edit = logs_edit_boot(arena, UKI_UPDATED);
    logs_insert(edit, initrd, 8, EV_IPL, span_str("grub_cmd: initrd /x"));
    logs_measure(edit, initrd, span_str("initrd /x"));
    changes = compare(arena, before, logs_edited_facts(edit));
    expect(&changes, REASON_CHANGE_INITRD, false);
    /* The same image, another profile of it. */
    edit = logs_edit_boot(arena, UKI);
    logs_measure(edit, find_last(edit, 11, EV_IPL), span_str("another section"));
    logs_measure(edit, find_last(edit, 9, EV_EVENT_TAG), span_str("another initramfs"));
    changes = compare(arena, before, logs_edited_facts(edit));
    assert_int_equal(unexplained(&changes), changes.n);
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
        {UKI, UKI_UPDATED, {{REASON_CHANGE_UKI, true}, {REASON_CHANGE_INITRD, true}}, 2},
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
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(registers_that_are_not_attested_any_more_are_a_change),
        cmocka_unit_test(an_image_explains_its_initrd_only_with_all_registers_attested),
        cmocka_unit_test(logs_without_a_common_bank_are_not_equal),
        cmocka_unit_test(a_file_called_kernel_is_not_explained_by_a_signed_one),
        cmocka_unit_test(an_image_under_another_type_does_not_explain_an_initrd),
        cmocka_unit_test(a_boot_attempt_cannot_be_passed_off_as_an_image),
        cmocka_unit_test(a_kernel_name_brings_no_parameters_along),
        cmocka_unit_test(parameters_are_compared_as_measured),
        cmocka_unit_test(any_two_events_of_a_register_exchanged_are_a_change),
        cmocka_unit_test(no_event_can_be_doubled_dropped_or_replaced_in_silence),
        cmocka_unit_test(an_explained_change_hides_no_other),
        cmocka_unit_test(one_image_more_is_no_update),
        cmocka_unit_test(another_authority_explains_nothing),
        cmocka_unit_test(an_owners_key_explains_nothing),
        cmocka_unit_test(without_demanded_signatures_nothing_is_explained),
        cmocka_unit_test(revocations_may_only_grow),
        cmocka_unit_test(long_revocation_lists_are_compared),
        cmocka_unit_test(sbat_levels_may_only_rise),
        cmocka_unit_test(a_lowered_level_takes_the_signatures_along),
        cmocka_unit_test(timestamp_authorities_are_keys),
        cmocka_unit_test(an_image_explains_only_what_came_out_of_it),
        cmocka_unit_test(another_shape_explains_pcr_0_alone),
        cmocka_unit_test(another_type_for_the_same_digest_is_no_change),
        cmocka_unit_test(other_banks_beside_sha256_make_no_difference),
        cmocka_unit_test(recorded_boots_differ_in_what_was_done_to_them),
        cmocka_unit_test(every_boot_equals_itself),
    };

    return RUN_TESTS(tests);
}
