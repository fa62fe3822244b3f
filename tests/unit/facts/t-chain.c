/* The chain of a boot: B-2, B-3, B-7, B-8, B-9. */
#include "unit/facts/logs.h"

#include "base/codec.h"

static void add_text(struct logs_edit *edit, const char *prefix, const char *text)
{
    logs_insert(edit, edit->n, 8, EV_IPL,
                span_str(arena_printf(edit->arena, "%s%s", prefix, text)));
    logs_measure(edit, edit->n - 1, span_str(text));
}

static struct span utf16(struct arena *arena, const char *text)
{
    size_t n = strlen(text) + 1;
    uint8_t *bytes = arena_calloc(arena, n, 2);

    for (size_t i = 0; i < n; i++) {
        bytes[2 * i] = (uint8_t)text[i];
    }
    return span_of(bytes, 2 * n);
}

static void two_command_lines_are_none_B_7(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = logs_edit_boot(arena, "a-secureboot-healthy");
    const struct boot_facts *facts;

    (void)state;
    add_text(edit, "kernel_cmdline: ", "/boot/vmlinuz-6.1.0-55-cloud-amd64 init=/bin/sh");
    facts = logs_edited_facts(edit);
    logs_expect(facts, FINDING_CMDLINE_CONFLICT, WEIGHT_FAULT, "B-7");
    assert_null(facts->cmdline);
    assert_null(facts->cmdline_event);
}

static void the_same_command_line_twice_is_one_B_7(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = logs_edit_boot(arena, "a-secureboot-healthy");
    const struct boot_facts *facts;

    (void)state;
    add_text(edit, "kernel_cmdline: ",
             "/boot/vmlinuz-6.1.0-55-cloud-amd64 root=LABEL=root ro console=ttyS0 quiet");
    facts = logs_edited_facts(edit);
    logs_expect_clean(facts);
    assert_string_equal(facts->cmdline, "root=LABEL=root ro console=ttyS0 quiet");
}

/* Two sources: it is not known which one the kernel got. */
static void grub_and_systemd_together_are_not_judged_B_7(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = logs_edit_boot(arena, "a-secureboot-healthy");
    const struct boot_facts *facts;

    (void)state;
    logs_insert(edit, edit->n, 12, EV_IPL, utf16(arena, "init=/bin/sh"));
    facts = logs_edited_facts(edit);
    logs_expect(facts, FINDING_CMDLINE_CONFLICT, WEIGHT_NOTE, "B-7");
    assert_null(facts->cmdline);
}

static void additions_of_pcr_12_are_joined_B_7(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = logs_edit_boot(arena, "n-systemd-boot");
    const struct boot_facts *facts;

    (void)state;
    logs_insert(edit, edit->n, 12, EV_IPL, utf16(arena, "init=/bin/sh"));
    facts = logs_edited_facts(edit);
    assert_string_equal(facts->cmdline,
                        "initrd=\\initrd root=LABEL=root ro console=ttyS0 quiet init=/bin/sh");
    logs_expect_clean(facts);
}

static void a_forged_text_in_pcr_12_is_no_command_line_B_7(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = logs_edit_boot(arena, "n-systemd-boot");
    const struct boot_facts *facts;

    (void)state;
    edit->items[logs_find(edit, 12, EV_IPL)].data = utf16(arena, "quiet");
    facts = logs_edited_facts(edit);
    assert_null(facts->cmdline);
    logs_expect(facts, FINDING_EVENT_DIGEST, WEIGHT_NOTE, "D-1");
}

/* A compromised OS can append to PCR 8, and choose labels and types, but it cannot unsay what was
 * measured: the evil text is still there, under whatever label. */
static void a_relabelled_command_line_is_not_replaced_B_7_B_10(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    const char *good = "/boot/vmlinuz-6.1.0-55-cloud-amd64 root=LABEL=root ro console=ttyS0 quiet";

    (void)state;
    for (int how = 0; how < 3; how++) {
        struct logs_edit *edit = logs_edit_boot(arena, "c-cmdline-changed");
        size_t at = 0;
        const struct boot_facts *facts;

        while (!span_starts(edit->items[at].data, "kernel_cmdline: ")) {
            at++;
        }
        if (how == 0) { /* as a command */
            edit->items[at].data = span_str(
                arena_printf(arena, "grub_cmd: %s", (const char *)edit->items[at].data.data + 16));
            edit->items[at].data.len++;
        } else if (how == 1) { /* as something else */
            edit->items[at].type = EV_ACTION;
        } else { /* with its text gone */
            edit->items[at].data = span_str("nothing to see");
        }
        add_text(edit, "kernel_cmdline: ", good);
        facts = logs_edited_facts(edit);
        assert_null(facts->cmdline);
        logs_expect(facts, FINDING_CMDLINE_CONFLICT, WEIGHT_NOTE, "B-7");
        add_text(edit, "grub_cmd: ", arena_printf(arena, "linux %s", good));
        assert_null(logs_edited_facts(edit)->cmdline);
    }
}

/* D-2: whatever type hides the genuine command line and the command that set it. */
static void no_type_hides_a_command_line_B_7_D_2(void **state)
{
    static const char good[] = "/boot/vmlinuz-6.1.0-55-cloud-amd64 root=LABEL=root ro quiet";
    static const uint32_t more[] = {0x8401,     0x40e,      0x80000010, 0x800000e0, 0x800000e1,
                                    0x800000e2, 0x800000e3, 0x800000e4, 0x7fffffff};

    (void)state;
    for (uint32_t i = 1; i < 0x20 + ARRAY_LEN(more); i++) {
        CLEANUP(arena_free) struct arena *arena = test_arena();
        struct logs_edit *edit = logs_edit_boot(arena, "c-cmdline-changed");
        uint32_t type = i < 0x10 ? i : i < 0x20 ? 0x80000000u + i - 0x10 : more[i - 0x20];

        if (type == EV_NO_ACTION || type == EV_IPL) {
            continue; /* that one is not measured, and this is what it was */
        }
        for (size_t k = 0; k < edit->n; k++) {
            if (edit->items[k].pcr == 8 && (span_starts(edit->items[k].data, "kernel_cmdline: ") ||
                                            span_starts(edit->items[k].data, "grub_cmd: linux"))) {
                edit->items[k].type = type;
            }
        }
        add_text(edit, "grub_cmd: ", arena_printf(arena, "linux %s", good));
        add_text(edit, "kernel_cmdline: ", good);
        if (logs_edited_facts(edit)->cmdline != NULL) {
            fail_msg("type %x: %s", type, logs_edited_facts(edit)->cmdline);
        }
    }
}

/* The kernel reads quotes over spaces: the same letters, and another command line. */
static void a_quoted_command_line_does_not_replace_the_measured_one_B_7(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = logs_edit_boot(arena, "c-cmdline-changed");
    size_t at = 0;
    const char *text;

    (void)state;
    while (!span_starts(edit->items[at].data, "kernel_cmdline: ")) {
        at++;
    }
    text = arena_printf(arena, "%.*s", (int)edit->items[at].data.len - 16,
                        (const char *)edit->items[at].data.data + 16);
    edit->items[at].data = span_str(arena_printf(arena, "grub_cmd: %s", text));
    add_text(
        edit, "kernel_cmdline: ",
        arena_printf(arena, "%.*s \"%s\"", (int)strcspn(text, " "), text, strchr(text, ' ') + 1));
    assert_null(logs_edited_facts(edit)->cmdline);
}

/* PCR 12: what is told by its name alone may be a command line. */
static void a_name_does_not_hide_a_command_line_B_7(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = logs_edit_boot(arena, "n-systemd-boot");
    size_t at = edit->n;

    (void)state;
    logs_insert(edit, at, 12, EV_IPL, utf16(arena, "Credentials initrd"));
    logs_measure(edit, at, utf16(arena, "init=/bin/sh"));
    assert_null(logs_edited_facts(edit)->cmdline);
}

static void an_unknown_event_beside_a_command_line_is_a_doubt_B_7(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = logs_edit_boot(arena, "n-systemd-boot");
    const struct boot_facts *facts;

    (void)state;
    logs_insert(edit, edit->n, 12, EV_ACTION, span_str("x"));
    facts = logs_edited_facts(edit);
    assert_null(facts->cmdline);
    logs_expect(facts, FINDING_CMDLINE_CONFLICT, WEIGHT_NOTE, "B-7");
}

static void a_command_line_without_arguments_is_empty(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = logs_edit_boot(arena, "k-uki-healthy");
    const struct boot_facts *facts;

    (void)state;
    add_text(edit, "kernel_cmdline: ", "/vmlinuz");
    facts = logs_edited_facts(edit);
    assert_string_equal(facts->cmdline, "");
    assert_string_equal(facts->kernel_path, "/vmlinuz");
}

/* ---- B-9 ---- */

static size_t first_section(const struct logs_edit *edit)
{
    return logs_find(edit, 11, EV_IPL);
}

static void a_section_without_content_is_a_fault_B_9(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = logs_edit_boot(arena, "k-uki-healthy");
    const struct boot_facts *facts;

    (void)state;
    /* The name of .osrel, and .cmdline's at once. */
    logs_drop(edit, first_section(edit) + 3);
    facts = logs_edited_facts(edit);
    logs_expect(facts, FINDING_UKI_INCOMPLETE, WEIGHT_FAULT, "B-9");
    assert_int_equal(facts->n_uki, 3);
    /* The very last content. */
    edit = logs_edit_boot(arena, "k-uki-healthy");
    logs_drop(edit, first_section(edit) + 7);
    logs_expect(logs_edited_facts(edit), FINDING_UKI_INCOMPLETE, WEIGHT_FAULT, "B-9");
    /* Something between name and content. */
    edit = logs_edit_boot(arena, "k-uki-healthy");
    logs_insert(edit, first_section(edit) + 1, 11, EV_IPL, span_str("enter-initrd"));
    logs_expect(logs_edited_facts(edit), FINDING_UKI_INCOMPLETE, WEIGHT_FAULT, "B-9");
}

static void a_content_without_its_name_is_a_fault_B_9(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = logs_edit_boot(arena, "k-uki-healthy");

    (void)state;
    logs_drop(edit, first_section(edit) + 4); /* the name of .cmdline */
    logs_expect(logs_edited_facts(edit), FINDING_EVENT_DIGEST, WEIGHT_FAULT, "D-1");
}

/* Swapping the texts of two sections would give .cmdline the digest of .osrel. */
static void names_of_sections_cannot_be_swapped_B_9_D_1(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = logs_edit_boot(arena, "k-uki-healthy");
    size_t at = first_section(edit);
    struct span osrel = edit->items[at + 2].data;
    struct span cmdline = edit->items[at + 4].data;

    (void)state;
    for (int i = 0; i < 2; i++) {
        edit->items[at + 2 + i].data = cmdline;
        edit->items[at + 4 + i].data = osrel;
    }
    logs_expect(logs_edited_facts(edit), FINDING_EVENT_DIGEST, WEIGHT_FAULT, "D-1");
}

static void another_order_of_sections_is_noted_B_9(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = logs_edit_boot(arena, "k-uki-healthy");
    size_t at = first_section(edit);
    const struct boot_facts *facts;

    (void)state;
    logs_copy(edit, at + 7, at); /* .initrd's pair first */
    logs_copy(edit, at + 7, at);
    logs_drop(edit, at + 9);
    logs_drop(edit, at + 8);
    facts = logs_edited_facts(edit);
    logs_expect(facts, FINDING_UKI_INCOMPLETE, WEIGHT_NOTE, "B-9");
    logs_expect_clean(facts);
    assert_int_equal(facts->n_uki, 4);
    assert_string_equal(facts->uki[0].name, ".initrd");
}

static void the_kernel_inside_a_uki_is_the_kernel_B_3(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = logs_edit_boot(arena, "k-uki-healthy");
    const struct boot_facts *facts;

    (void)state;
    logs_insert(edit, first_section(edit) + 8, 4, EV_EFI_BOOT_SERVICES_APPLICATION,
                (struct span){0});
    facts = logs_edited_facts(edit);
    assert_int_equal(facts->images[0].part, IMAGE_UKI);
    assert_int_equal(facts->images[1].part, IMAGE_KERNEL);
}

/* ---- B-1, B-2 ---- */

static void images_before_the_separator_are_the_firmwares_B_1(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = logs_edit_boot(arena, "a-secureboot-healthy");
    const struct boot_facts *facts;

    (void)state;
    logs_insert(edit, 2, 4, EV_EFI_BOOT_SERVICES_APPLICATION, (struct span){0});
    facts = logs_edited_facts(edit);
    assert_true(facts->images[0].before_separator);
    assert_int_equal(facts->images[0].part, IMAGE_UNKNOWN);
    assert_false(facts->images[1].before_separator);
    assert_int_equal(facts->images[1].part, IMAGE_LOADER);
    assert_int_equal(facts->n_images, 5);
}

static void a_log_without_its_end_says_so_B_2(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = logs_edit_boot(arena, "a-secureboot-healthy");
    const struct boot_facts *facts;

    (void)state;
    edit->n -= 2;
    facts = logs_edited_facts(edit);
    assert_false(facts->has_exit_boot_services);
    logs_expect(facts, FINDING_NO_EXIT_BOOT, WEIGHT_NOTE, "B-2");
    /* The words alone do not do: their digest must be theirs. */
    logs_insert(edit, edit->n, 5, EV_EFI_ACTION,
                span_str("Exit Boot Services Returned with Success"));
    logs_measure(edit, edit->n - 1, span_str("else"));
    assert_false(logs_edited_facts(edit)->has_exit_boot_services);
    /* And in PCR 5. */
    edit->n--;
    logs_insert(edit, edit->n, 4, EV_EFI_ACTION,
                span_str("Exit Boot Services Returned with Success"));
    assert_false(logs_edited_facts(edit)->has_exit_boot_services);
}

/* What the OS appends to PCR 4 or 7 must not read like the firmware's; elsewhere it is a note. */
static void what_comes_after_the_firmware_is_found_B_2(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = logs_edit_boot(arena, "a-secureboot-healthy");
    const struct boot_facts *facts;

    (void)state;
    logs_insert(edit, edit->n, 4, EV_EFI_BOOT_SERVICES_APPLICATION, (struct span){0});
    facts = logs_edited_facts(edit);
    logs_expect(facts, FINDING_EVENT_ORDER, WEIGHT_FAULT, "B-2");
    edit = logs_edit_boot(arena, "a-secureboot-healthy");
    logs_insert(edit, edit->n, 1, EV_PLATFORM_CONFIG_FLAGS, (struct span){0});
    logs_expect(logs_edited_facts(edit), FINDING_EVENT_ORDER, WEIGHT_NOTE, "B-2");
    assert_int_equal(facts->n_images, 5); /* B-3: it is listed all the same */
}

static void without_grub_there_are_no_claims_of_it_B_8(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = logs_edit_boot(arena, "a-secureboot-healthy");
    const struct boot_facts *facts;

    (void)state;
    for (size_t i = edit->n; i > 0; i--) {
        if (edit->items[i - 1].pcr == 8 || edit->items[i - 1].pcr == 9) {
            logs_drop(edit, i - 1);
        }
    }
    facts = logs_edited_facts(edit);
    assert_string_equal(facts->boot_software, "shim");
    assert_int_equal(facts->n_files, 0);
    assert_null(facts->cmdline);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_command_lines_are_none_B_7),
        cmocka_unit_test(the_same_command_line_twice_is_one_B_7),
        cmocka_unit_test(grub_and_systemd_together_are_not_judged_B_7),
        cmocka_unit_test(additions_of_pcr_12_are_joined_B_7),
        cmocka_unit_test(a_forged_text_in_pcr_12_is_no_command_line_B_7),
        cmocka_unit_test(a_relabelled_command_line_is_not_replaced_B_7_B_10),
        cmocka_unit_test(no_type_hides_a_command_line_B_7_D_2),
        cmocka_unit_test(a_quoted_command_line_does_not_replace_the_measured_one_B_7),
        cmocka_unit_test(a_name_does_not_hide_a_command_line_B_7),
        cmocka_unit_test(an_unknown_event_beside_a_command_line_is_a_doubt_B_7),
        cmocka_unit_test(a_command_line_without_arguments_is_empty),
        cmocka_unit_test(a_section_without_content_is_a_fault_B_9),
        cmocka_unit_test(a_content_without_its_name_is_a_fault_B_9),
        cmocka_unit_test(names_of_sections_cannot_be_swapped_B_9_D_1),
        cmocka_unit_test(another_order_of_sections_is_noted_B_9),
        cmocka_unit_test(the_kernel_inside_a_uki_is_the_kernel_B_3),
        cmocka_unit_test(images_before_the_separator_are_the_firmwares_B_1),
        cmocka_unit_test(a_log_without_its_end_says_so_B_2),
        cmocka_unit_test(what_comes_after_the_firmware_is_found_B_2),
        cmocka_unit_test(without_grub_there_are_no_claims_of_it_B_8),
    };

    return RUN_TESTS(tests);
}
