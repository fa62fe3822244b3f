/*
 * What explains a change, class by class: each explanation with what would make it a lie.
 */
#include "unit/appraise/compare.h"

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

/* A bare kernel that the same key signed, with an initramfs of somebody's choice: the system that
 * it starts extends PCR 11 to look like any image. */
static void a_look_alike_of_an_image_explains_no_initramfs(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    const struct boot_facts *before = boot(arena, UKI);
    struct logs_edit *edit = logs_edit_boot(arena, UKI);
    struct compared changes;

    (void)state;
    logs_measure(edit, find_last(edit, 4, EV_EFI_BOOT_SERVICES_APPLICATION),
                 span_str("a bare kernel"));
    logs_measure(edit, find_last(edit, 9, EV_EVENT_TAG), span_str("another initramfs"));
    changes = compare(arena, before, logs_edited_facts(edit));
    expect(&changes, REASON_CHANGE_INITRD, false);
    /* And the sections of an image that has it. */
    logs_measure(edit, find_last(edit, 11, EV_IPL), span_str("another initramfs"));
    changes = compare(arena, before, logs_edited_facts(edit));
    expect(&changes, REASON_CHANGE_INITRD, false);
    assert_non_null(strstr(find(&changes, REASON_CHANGE_INITRD)->explanation, "PCR 11"));
    /* As the update of a real image cannot be told from it. */
    changes = compare(arena, before, boot(arena, UKI_UPDATED));
    expect(&changes, REASON_CHANGE_UKI, true);
    expect(&changes, REASON_CHANGE_INITRD, false);
}

static void another_profile_of_the_same_image_is_not_explained(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = logs_edit_boot(arena, UKI);
    struct compared changes;

    (void)state;
    logs_measure(edit, find_last(edit, 11, EV_IPL), span_str("another section"));
    logs_measure(edit, find_last(edit, 9, EV_EVENT_TAG), span_str("another initramfs"));
    changes = compare(arena, boot(arena, UKI), logs_edited_facts(edit));
    assert_int_equal(unexplained(&changes), changes.n);
}

/* ---- GRUB's commands after a kernel update ---- */

static const char *grub_words(struct arena *arena, const struct logs_edit *after)
{
    struct compared changes = compare(arena, boot(arena, HEALTHY), logs_edited_facts(after));

    expect(&changes, REASON_CHANGE_GRUB_CONFIG, false);
    return find(&changes, REASON_CHANGE_GRUB_CONFIG)->explanation;
}

/* One command that says something else beside the version, one more, one less: nothing is said of
 * an update. */
static void a_menu_is_called_updated_only_when_nothing_else_changed(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = logs_edit_boot(arena, UPDATED);
    static const char evil[] = "grub_cmd: initrd /boot/initrd.img-6.1.0-56-cloud-amd64 /evil.img";
    size_t at = find_text(edit, 8, "grub_cmd: initrd ");

    (void)state;
    assert_non_null(strstr(grub_words(arena, edit), "6.1.0-55-cloud-amd64 \xe2\x86\x92 "
                                                    "6.1.0-56-cloud-amd64"));
    assert_non_null(strstr(grub_words(arena, edit), "only an announcement or an approval"));
    edit->items[at].data = span_of((const uint8_t *)evil, sizeof(evil));
    logs_measure(edit, at, span_str(evil + 10));
    assert_null(strstr(grub_words(arena, edit), "kernel update"));
    edit = logs_edit_boot(arena, UPDATED);
    logs_insert(edit, at, 8, EV_IPL, span_of("grub_cmd: insmod evil", 22));
    logs_measure(edit, at, span_str("insmod evil"));
    assert_null(strstr(grub_words(arena, edit), "kernel update"));
    edit = logs_edit_boot(arena, UPDATED);
    logs_drop(edit, at);
    assert_null(strstr(grub_words(arena, edit), "kernel update"));
    /* The text is authentic or counts for nothing. */
    edit = logs_edit_boot(arena, "c-cmdline-changed");
    assert_null(strstr(grub_words(arena, edit), "kernel update"));
}

/* B-7: newer kernels measure their load options themselves when GRUB starts them through their EFI
 * stub: the same line once more, in PCR 9. */
static struct logs_edit *with_stub(struct arena *arena, const char *name)
{
    static const uint8_t tagged[] = {0xed, 0x22, 0x3b, 0x8f, 4, 0, 0, 0, 'L', 'O', 'A', 'D'};
    struct logs_edit *edit = logs_edit_boot(arena, name);

    logs_insert(edit, edit->n - 2, 9, EV_EVENT_TAG, span_of(tagged, sizeof(tagged)));
    logs_measure(edit, edit->n - 3, span_str(name)); /* the options: others in each boot */
    return edit;
}

static void a_command_line_measured_twice_is_neither_ambiguous_nor_a_change(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    const struct boot_facts *plain = boot(arena, HEALTHY);
    const struct boot_facts *before = logs_edited_facts(with_stub(arena, HEALTHY));
    const struct boot_facts *after = logs_edited_facts(with_stub(arena, UPDATED));
    struct compared changes = compare(arena, before, before);

    (void)state;
    logs_expect_clean(before);
    assert_int_equal(logs_count(before, FINDING_CMDLINE_CONFLICT, WEIGHT_NOTE), 0);
    assert_string_equal(before->cmdline, plain->cmdline);
    assert_string_equal(before->kernel_path, plain->kernel_path);
    assert_string_equal(before->boot_software, plain->boot_software);
    assert_int_equal(before->n_images, plain->n_images);
    assert_int_equal(changes.n, 0);
    /* What stands in PCR 9 is not looked into: an update asks (docs/baseline.md). */
    changes = compare(arena, before, after);
    expect(&changes, REASON_CHANGE_CMDLINE, false);
    expect(&changes, REASON_CHANGE_KERNEL, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_kernel_name_brings_no_parameters_along),
        cmocka_unit_test(parameters_are_compared_as_measured),
        cmocka_unit_test(one_image_more_is_no_update),
        cmocka_unit_test(another_authority_explains_nothing),
        cmocka_unit_test(an_owners_key_explains_nothing),
        cmocka_unit_test(without_demanded_signatures_nothing_is_explained),
        cmocka_unit_test(revocations_may_only_grow),
        cmocka_unit_test(long_revocation_lists_are_compared),
        cmocka_unit_test(sbat_levels_may_only_rise),
        cmocka_unit_test(a_lowered_level_takes_the_signatures_along),
        cmocka_unit_test(timestamp_authorities_are_keys),
        cmocka_unit_test(a_look_alike_of_an_image_explains_no_initramfs),
        cmocka_unit_test(another_profile_of_the_same_image_is_not_explained),
        cmocka_unit_test(a_menu_is_called_updated_only_when_nothing_else_changed),
        cmocka_unit_test(a_command_line_measured_twice_is_neither_ambiguous_nor_a_change),
    };

    return RUN_TESTS(tests);
}
