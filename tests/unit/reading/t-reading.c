/* What the data of an event may be believed to say: D-1, D-3, D-4, D-5, L-14. */
#include "unit/facts/logs.h"

#include "base/codec.h"

static const struct reading *reading_of(const struct logs_made *made, uint32_t pcr, uint32_t type)
{
    for (size_t i = made->readings->n; i > 0; i--) {
        const struct reading *r = &made->readings->items[i - 1];

        if (r->event->pcr == pcr && r->event->type == type) {
            return r;
        }
    }
    fail_msg("no event of type %x in PCR %u", type, pcr);
    return NULL;
}

/* One more event at the end of a healthy log, which hashes `hashed`. */
static const struct reading *read_one(struct arena *arena, uint32_t pcr, uint32_t type,
                                      struct span data, struct span hashed)
{
    struct logs_edit *edit = logs_edit_boot(arena, "a-secureboot-healthy");
    struct logs_made made;

    logs_insert(edit, edit->n, pcr, type, data);
    logs_measure(edit, edit->n - 1, hashed);
    made = logs_facts(arena, logs_bytes(edit));
    return reading_of(&made, pcr, type);
}

/*
 * Change one byte of the data of every event in turn, digests kept. Where the rule says that the
 * digest covers it, the reading must say so; where it is a hint, no fact may come from it.
 */
static void a_changed_byte_of_data_is_seen_D_1(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = logs_edit_boot(arena, "a-secureboot-healthy");
    struct logs_made made = logs_facts(arena, logs_bytes(edit));
    unsigned covered = 0;

    (void)state;
    for (size_t i = 0; i < edit->n; i++) {
        const struct reading *was = &made.readings->items[i + 1];
        struct span data = edit->items[i].data;
        CLEANUP(arena_free) struct arena *one = test_arena();
        struct logs_made now;
        uint8_t *copy;

        if (was->match != READING_MATCHES || was->role == ROLE_BOOT_VARIABLE) {
            continue; /* of boot variables the digest covers the value alone: next test */
        }
        copy = arena_alloc(one, data.len);
        memcpy(copy, data.data, data.len);
        copy[data.len - (data.data[data.len - 1] == 0 && data.len > 4 ? 2 : 1)] ^= 1;
        edit->items[i].data = span_of(copy, data.len);
        now = logs_facts(one, logs_bytes(edit));
        if (now.readings->items[i + 1].match == READING_MATCHES ||
            now.readings->items[i + 1].content.len != 0) {
            fail_msg("event %zu: change unseen", i + 1);
        }
        edit->items[i].data = data;
        covered++;
    }
    assert_true(covered >= 30);
}

static void a_boot_variable_is_its_value_alone_D_1(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct span value = span_of("\1\0\0\0\4\0d\0\0\0path", 14);
    struct span data = logs_variable(arena, logs_global, "Boot0007", value);
    const struct reading *r = read_one(arena, 1, EV_EFI_VARIABLE_BOOT, data, value);

    (void)state;
    assert_int_equal(r->match, READING_MATCHES);
    assert_true(r->name_is_hint);
    assert_true(span_equal(r->content, value));
    r = read_one(arena, 1, EV_EFI_VARIABLE_BOOT, data, data); /* the older form */
    assert_int_equal(r->match, READING_MATCHES);
    assert_false(r->name_is_hint);
    assert_true(span_equal(r->content, value));
    r = read_one(arena, 1, EV_EFI_VARIABLE_BOOT, data, span_str("else"));
    assert_int_equal(r->match, READING_DIFFERS);
    assert_int_equal(r->content.len, 0);
    assert_int_equal(r->role, ROLE_BOOT_VARIABLE);
}

/* Types that hash something else in the field are believed after a match, and never called forged.
 */
static void types_without_a_firm_rule_are_never_a_fault_D_1(void **state)
{
    static const struct {
        uint32_t pcr, type;
    } cases[] = {
        {1, EV_PLATFORM_CONFIG_FLAGS},
        {1, EV_ACTION},
        {0, EV_S_CRTM_VERSION},
        {6, EV_COMPACT_HASH},
        {1, EV_EVENT_TAG},
        {9, EV_EVENT_TAG},
        {0, EV_NONHOST_INFO},
        {0, EV_S_CRTM_CONTENTS},
        {1, EV_TABLE_OF_DEVICES},
        {2, 0x8401},
        {5, EV_EFI_GPT_EVENT2},
        {1, EV_EFI_VARIABLE_BOOT},
        {9, EV_IPL},
        {14, EV_IPL},
        {13, EV_IPL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(arena_free) struct arena *arena = test_arena();
        struct logs_edit *edit = logs_edit_boot(arena, "a-secureboot-healthy");

        logs_insert(edit, edit->n, cases[i].pcr, cases[i].type, span_str("some words"));
        logs_measure(edit, edit->n - 1, span_str("something else"));
        logs_expect_clean(logs_edited_facts(edit));
    }
}

static void types_with_a_firm_rule_are_a_fault_D_1(void **state)
{
    static const struct {
        uint32_t pcr, type;
        const char *data;
    } cases[] = {
        {5, EV_EFI_ACTION, "Exit Boot Services Invocation"},
        {5, EV_EFI_GPT_EVENT, "EFI PART"}, /* B-6 */
        {8, EV_IPL, "grub_cmd: set x=1"},
        {8, EV_IPL, "kernel_cmdline: /vmlinuz x"},
        {8, EV_IPL, "module_cmdline: /xen x"},
        {8, EV_IPL, "grub_cmd set x=1"},
        {8, EV_IPL, "grub_kernel_cmdline /vmlinuz x"},
        {15, EV_SEPARATOR, "\1"},
        {1, EV_EFI_VARIABLE_DRIVER_CONFIG, "no variable at all"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(arena_free) struct arena *arena = test_arena();
        struct logs_edit *edit = logs_edit_boot(arena, "a-secureboot-healthy");

        logs_insert(edit, edit->n, cases[i].pcr, cases[i].type, span_str(cases[i].data));
        logs_measure(edit, edit->n - 1, span_str("something else"));
        logs_expect(logs_edited_facts(edit), FINDING_EVENT_DIGEST, WEIGHT_FAULT, "D-1");
    }
}

/* A match in one bank is no match: the digest of every bank counts (D-1, ALG-4). */
static void the_match_must_hold_in_every_bank_D_1_ALG_4(void **state)
{
    (void)state;
    for (size_t bank = 0; bank < 3; bank++) {
        CLEANUP(arena_free) struct arena *arena = test_arena();
        struct logs_edit *edit = logs_edit_boot(arena, "a-secureboot-healthy");
        size_t at = logs_find_variable(edit, "SecureBoot");
        struct logs_made made;

        memset(edit->items[at].digest[bank], 0, HASH_MAX_BYTES);
        made = logs_facts(arena, logs_bytes(edit));
        assert_int_equal(made.readings->items[at + 1].match, READING_DIFFERS);
        assert_int_equal(made.facts->secure_boot, STATE_UNKNOWN);
        assert_false(made.facts->has_secure_boot_variable);
    }
}

/* ALG-7: SM3 digests have 32 bytes too. A bank that we cannot compute vouches for nothing. */
static void an_unknown_bank_alone_proves_nothing_ALG_6_ALG_7(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = logs_edit_boot(arena, "l-sha256-only-bank");
    struct logs_made made;

    (void)state;
    edit->banks[0].alg = TPM_SM3_256;
    made = logs_facts(arena, logs_bytes(edit));
    for (size_t i = 0; i < made.readings->n; i++) {
        assert_int_equal(made.readings->items[i].match, READING_NOT_COVERED);
    }
    assert_int_equal(made.facts->secure_boot, STATE_UNKNOWN);
    assert_int_equal(made.facts->shim_validation, STATE_UNKNOWN);
    assert_null(made.facts->cmdline);
    logs_expect(made.facts, FINDING_UNKNOWN_BANK, WEIGHT_NOTE, "ALG-6");
}

/* One prefix, one rule: the other rule's digest does not make a text authentic. */
static void each_grub_prefix_has_one_rule_D_3(void **state)
{
    static const struct {
        const char *prefix;
        bool with_nul;
        enum event_role role;
    } cases[] = {
        {"grub_cmd: ", false, ROLE_GRUB_COMMAND},
        {"kernel_cmdline: ", false, ROLE_CMDLINE},
        {"module_cmdline: ", false, ROLE_GRUB_COMMAND},
        {"grub_kernel_cmdline ", false, ROLE_CMDLINE},
        {"grub_cmd ", true, ROLE_GRUB_COMMAND},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(arena_free) struct arena *arena = test_arena();
        const char *text = "/vmlinuz a=b";
        struct span data = span_str(arena_printf(arena, "%s%s", cases[i].prefix, text));
        const struct reading *r;

        data.len++; /* the NUL */
        r = read_one(arena, 8, EV_IPL, data, span_of(text, strlen(text) + cases[i].with_nul));
        assert_int_equal(r->match, READING_MATCHES);
        assert_int_equal(r->role, cases[i].role);
        assert_true(span_is(r->content, text));
        r = read_one(arena, 8, EV_IPL, data, span_of(text, strlen(text) + !cases[i].with_nul));
        assert_int_equal(r->match, READING_DIFFERS);
        r = read_one(arena, 8, EV_IPL, data, data);
        assert_int_equal(r->match, READING_DIFFERS);
    }
}

/* D-4: the same digest under another type or in another register is another thing. */
static void roles_belong_to_their_registers_D_4(void **state)
{
    static const struct {
        uint32_t pcr, type;
        enum event_role role;
    } cases[] = {
        {7, EV_EFI_VARIABLE_DRIVER_CONFIG, ROLE_SB_VARIABLE},
        {1, EV_EFI_VARIABLE_DRIVER_CONFIG, ROLE_FIRMWARE_CONFIG},
        {15, EV_EFI_VARIABLE_DRIVER_CONFIG, ROLE_OTHER},
        {7, EV_EFI_VARIABLE_AUTHORITY, ROLE_AUTHORITY},
        {15, EV_EFI_VARIABLE_AUTHORITY, ROLE_OTHER},
        {7, EV_IPL, ROLE_OTHER},
        {7, EV_EFI_VARIABLE_BOOT, ROLE_OTHER},
        {7, EV_EFI_BOOT_SERVICES_APPLICATION, ROLE_OTHER},
        {4, EV_EFI_BOOT_SERVICES_APPLICATION, ROLE_IMAGE},
        {15, EV_EFI_BOOT_SERVICES_APPLICATION, ROLE_OTHER},
        {4, EV_EFI_BOOT_SERVICES_DRIVER, ROLE_IMAGE},
        {2, EV_EFI_BOOT_SERVICES_DRIVER, ROLE_DRIVER},
        {7, EV_EFI_ACTION, ROLE_DEBUG_ACTION},
        {4, EV_EFI_ACTION, ROLE_BOOT_ACTION},
        {15, EV_EFI_ACTION, ROLE_OTHER},
        {12, EV_EFI_GPT_EVENT, ROLE_OTHER},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(arena_free) struct arena *arena = test_arena();
        struct span data = logs_variable(arena, logs_global, "SecureBoot", span_of("\1", 1));
        const struct reading *r = read_one(arena, cases[i].pcr, cases[i].type, data, data);

        if (r->role != cases[i].role) {
            fail_msg("type %x in PCR %u is %s", cases[i].type, cases[i].pcr,
                     event_role_name(r->role));
        }
    }
}

/* The GUID counts, not just the name (SB-2). */
static void a_variable_of_the_same_name_elsewhere_is_another_SB_2(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    static const struct {
        const uint8_t *guid;
        const char *name;
        enum event_role role;
    } cases[] = {
        {logs_global, "SecureBoot", ROLE_SB_VARIABLE},
        {logs_security, "SecureBoot", ROLE_OTHER},
        {logs_global, "db", ROLE_OTHER},
        {logs_security, "dbx", ROLE_DBX},
        {logs_security, "dbt", ROLE_DBT},
        {logs_shim, "dbx", ROLE_OTHER},
        {logs_global, "SecureBoo", ROLE_OTHER},
        {logs_global, "SecureBootX", ROLE_OTHER},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct span data = logs_variable(arena, cases[i].guid, cases[i].name, span_of("\1", 1));

        assert_int_equal(read_one(arena, 7, EV_EFI_VARIABLE_DRIVER_CONFIG, data, data)->role,
                         cases[i].role);
    }
    {
        struct span here = logs_variable(arena, logs_shim, "SbatLevel", span_str("sbat,1\n"));
        struct span there = logs_variable(arena, logs_global, "SbatLevel", span_str("sbat,1\n"));

        assert_int_equal(read_one(arena, 7, EV_EFI_VARIABLE_AUTHORITY, here, here)->role,
                         ROLE_SBAT_LEVEL);
        assert_int_equal(read_one(arena, 7, EV_EFI_VARIABLE_AUTHORITY, there, there)->role,
                         ROLE_AUTHORITY);
    }
}

/* Shims before 15.3: six bytes too many, of which the digest takes five (L-14). */
static void an_old_shims_authority_is_accepted_by_name_L_14(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct span good = logs_variable(arena, logs_shim, "Shim", span_str("certificate"));
    uint8_t *slack = arena_calloc(arena, 1, good.len + 8);
    struct logs_edit *edit = logs_edit_boot(arena, "a-secureboot-healthy");
    const struct reading *r;

    (void)state;
    memcpy(slack, good.data, good.len);
    r = read_one(arena, 7, EV_EFI_VARIABLE_AUTHORITY, span_of(slack, good.len + 6),
                 span_of(slack, good.len + 5));
    assert_int_equal(r->match, READING_MATCHES);
    assert_true(span_is(r->content, "certificate"));
    logs_insert(edit, edit->n, 7, EV_EFI_VARIABLE_AUTHORITY, span_of(slack, good.len + 6));
    logs_measure(edit, edit->n - 1, span_of(slack, good.len + 5));
    logs_expect(logs_edited_facts(edit), FINDING_OLD_SHIM_AUTHORITY, WEIGHT_NOTE, "L-14");
    /* Narrow: no other slack, no other register, no other type, and the digest must fit. */
    r = read_one(arena, 7, EV_EFI_VARIABLE_AUTHORITY, span_of(slack, good.len + 7),
                 span_of(slack, good.len + 6));
    assert_int_equal(r->match, READING_DIFFERS);
    r = read_one(arena, 7, EV_EFI_VARIABLE_AUTHORITY, span_of(slack, good.len + 6),
                 span_of(slack, good.len + 6));
    assert_int_equal(r->match, READING_DIFFERS);
    r = read_one(arena, 7, EV_EFI_VARIABLE_AUTHORITY, good, span_cut(good, 0, good.len - 1));
    assert_int_equal(r->match, READING_DIFFERS);
    r = read_one(arena, 15, EV_EFI_VARIABLE_AUTHORITY, span_of(slack, good.len + 6),
                 span_of(slack, good.len + 5));
    assert_int_equal(r->match, READING_DIFFERS);
    r = read_one(arena, 7, EV_EFI_VARIABLE_DRIVER_CONFIG, span_of(slack, good.len + 6),
                 span_of(slack, good.len + 5));
    assert_int_equal(r->match, READING_DIFFERS);
}

/* CVE-2022-23949: nothing from a log reaches a terminal raw. */
static void texts_are_escaped_D_5(void **state)
{
    static const struct {
        uint32_t pcr, type;
        const char *data;
    } cases[] = {
        {8, EV_IPL, "grub_cmd: a\nb\033[2Jc\xff\xe2\x80\xae"},
        {8, EV_IPL, "kernel_cmdline: a\nb\033[2Jc\xff\xe2\x80\xae"},
        {9, EV_IPL, "a\nb\033[2Jc\xff\xe2\x80\xae"},
        {14, EV_IPL, "a\nb\033[2Jc\xff\xe2\x80\xae"},
        {12, EV_IPL, "a\0\n\0\033\0[\0\x2e\x20"},
        {13, EV_IPL, "a\0\n\0\033\0[\0\x2e\x20"},
        {4, EV_EFI_ACTION, "a\nb\033[2Jc\xff\xe2\x80\xae"},
        {6, EV_COMPACT_HASH, "a\nb\033[2Jc\xff\xe2\x80\xae"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(arena_free) struct arena *arena = test_arena();
        struct span data = cases[i].pcr == 12 || cases[i].pcr == 13 ? span_of(cases[i].data, 10)
                                                                    : span_str(cases[i].data);
        const struct reading *r =
            read_one(arena, cases[i].pcr, cases[i].type, data, span_str("else"));

        for (const char *c = r->text; *c != '\0'; c++) {
            if ((unsigned char)*c < 0x20 || (unsigned char)*c >= 0x7f) {
                fail_msg("case %zu: byte %02x in '%s'", i, (unsigned char)*c, r->text);
            }
        }
        assert_true(strstr(r->text, "\\n") != NULL);
    }
}

/* A NUL inside would show people one command and run another. */
static void a_nul_inside_a_command_is_shown_D_5(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct span data = span_of("kernel_cmdline: /k ro\0init=/x", 30);
    const struct reading *r = read_one(arena, 8, EV_IPL, data, span_of("/k ro\0init=/x", 13));

    (void)state;
    assert_int_equal(r->match, READING_MATCHES);
    assert_true(strstr(r->text, "ro\\x00init=/x") != NULL);
}

static void files_are_what_the_command_before_says(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = logs_edit_boot(arena, "b-setup-mode");
    static const struct {
        const char *text; /* with a space in front: a command */
        enum event_role role;
    } steps[] = {
        {"/EFI/BOOT/grub.cfg", ROLE_GRUB_CONFIG},
        {"(hd0,gpt1)/x86_64-efi/linux.mod", ROLE_GRUB_MODULE},
        {" linux ($root)/custom/image root=x", ROLE_GRUB_COMMAND},
        {"(hd0,gpt1)/custom/image", ROLE_KERNEL_FILE},
        {"/custom/image", ROLE_BOOT_FILE}, /* once */
        {" initrd /a.img /b.img", ROLE_GRUB_COMMAND},
        {"/a.img", ROLE_INITRD},
        {"(hd0)/b.img", ROLE_INITRD},
        {"/c.img", ROLE_BOOT_FILE},
        {" source /more.txt", ROLE_GRUB_COMMAND},
        {"/more.txt", ROLE_GRUB_CONFIG},
        {" echo hello", ROLE_GRUB_COMMAND},
        {"/vmlinuz-6.1", ROLE_KERNEL_FILE},
        {"/initrd.img-6.1", ROLE_INITRD},
        {"/fonts/unicode.pf2", ROLE_BOOT_FILE},
    };
    size_t first = edit->n;
    struct logs_made made;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        if (steps[i].text[0] == ' ') {
            logs_insert(edit, edit->n, 8, EV_IPL,
                        span_str(arena_printf(arena, "grub_cmd:%s", steps[i].text)));
            logs_measure(edit, edit->n - 1, span_str(steps[i].text + 1));
        } else {
            logs_insert(edit, edit->n, 9, EV_IPL, span_str(steps[i].text));
        }
    }
    made = logs_facts(arena, logs_bytes(edit));
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        const struct reading *r = &made.readings->items[first + 1 + i];

        if (r->role != steps[i].role) {
            fail_msg("'%s' is %s", steps[i].text, event_role_name(r->role));
        }
        assert_true(r->event->pcr != 9 || (r->name_is_hint && r->match == READING_NOT_COVERED));
    }
}

/* UEFI_IMAGE_LOAD_EVENT with a device path of these bytes. */
static struct span image_event(struct arena *arena, struct span path, uint64_t claimed)
{
    CLEANUP(buf_done) struct buf out = {0};
    struct span copy;

    buf_init(&out, 4096);
    logs_u64(&out, 0x1000);
    logs_u64(&out, 0x2000);
    logs_u64(&out, 0);
    logs_u64(&out, claimed);
    buf_add(&out, path);
    copy = arena_dup(arena, buf_span(&out));
    assert_non_null(copy.data);
    return copy;
}

/* An image or driver is its digest; the path is a hint, and may lie about its lengths. */
static void images_are_their_digests_B_4_B_5(void **state)
{
    static const struct {
        const char *path;
        size_t len;
        uint64_t claimed;
        const char *name;
    } cases[] = {
        {"\4\4\12\0a\0b\0\0\0\x7f\xff\4\0", 14, 14, "ab"},
        {"\4\4\12\0a\0b\0\0\0", 10, 10, "ab"},     /* no end */
        {"\2\1\4\0\4\4\10\0c\0\0\0", 12, 12, "c"}, /* a node before */
        {"\4\4\3\0a\0b\0\0\0", 10, 10, ""},        /* shorter than a node */
        {"\4\4\377\377a\0", 6, 6, ""},             /* longer than the path */
        {"\4\4\12\0a\0b\0\0\0", 10, 11, ""},       /* longer than the event */
        {"\4\4\12\0a\0b\0\0\0", 10, 0xffffffffffffffff, ""},
        {"", 0, 0, ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(arena_free) struct arena *arena = test_arena();
        struct span data =
            image_event(arena, span_of(cases[i].path, cases[i].len), cases[i].claimed);
        const struct reading *driver =
            read_one(arena, 2, EV_EFI_BOOT_SERVICES_DRIVER, data, span_str("code"));
        const struct reading *image =
            read_one(arena, 4, EV_EFI_BOOT_SERVICES_APPLICATION, data, span_str("code"));

        assert_string_equal(driver->name, cases[i].name);
        assert_string_equal(image->name, cases[i].name);
        assert_true(driver->name_is_hint && image->name_is_hint);
        assert_int_equal(driver->match, READING_NOT_COVERED);
        assert_int_equal(driver->role, ROLE_DRIVER);
        assert_int_equal(image->role, ROLE_IMAGE);
    }
}

/* Lengths inside a partition table are bounded, and it is a fact only when its digest fits. */
static void partition_tables_are_bounded_and_matched_B_6(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = logs_edit_boot(arena, "a-secureboot-healthy");
    struct span good = edit->items[logs_find(edit, 5, EV_EFI_GPT_EVENT)].data;
    static const struct {
        size_t at;
        uint8_t value;
    } edits[] = {
        {0, 'X'},   /* no signature */
        {84, 0},    /* entries of no size */
        {87, 0xff}, /* of four thousand million */
        {92, 2},    /* one entry too many */
        {99, 0xff}, /* a count near 2^64 */
    };

    (void)state;
    assert_string_equal(read_one(arena, 5, EV_EFI_GPT_EVENT, good, good)->text,
                        "partition table, 1 partition");
    assert_int_equal(read_one(arena, 5, EV_EFI_GPT_EVENT, good, span_str("x"))->match,
                     READING_DIFFERS);
    for (size_t i = 0; i < ARRAY_LEN(edits); i++) {
        struct span copy = arena_dup(arena, good);

        ((uint8_t *)(uintptr_t)copy.data)[edits[i].at] = edits[i].value;
        assert_string_equal(read_one(arena, 5, EV_EFI_GPT_EVENT, copy, copy)->text,
                            "partition table");
    }
    for (size_t len = 0; len < good.len; len++) {
        struct span cut = arena_dup(arena, span_cut(good, 0, len));
        CLEANUP(arena_free) struct arena *one = test_arena();

        assert_string_equal(read_one(one, 5, EV_EFI_GPT_EVENT, cut, cut)->text, "partition table");
    }
}

static void tagged_events_go_by_their_tag(void **state)
{
    static const struct {
        uint32_t pcr;
        uint8_t tag[4];
        enum event_role role;
    } cases[] = {
        {9, {0xed, 0x22, 0x3b, 0x8f}, ROLE_CMDLINE},
        {9, {0xec, 0x22, 0x3b, 0x8f}, ROLE_INITRD},
        {12, {0xec, 0x22, 0x3b, 0x8f}, ROLE_OTHER},
        {5, {0x2a, 0x58, 0xbc, 0xf5}, ROLE_BOOT_FILE},
        {12, {0x01, 0x00, 0x01, 0x40}, ROLE_WINDOWS},
        {14, {0x02, 0x00, 0x06, 0x00}, ROLE_WINDOWS},
        {9, {0x01, 0x00, 0x01, 0x40}, ROLE_OTHER},
        {12, {0x01, 0x02, 0x03, 0x04}, ROLE_OTHER},
        {1, {0xbc, 0x7c, 0xcb, 0xd5}, ROLE_FIRMWARE_CONFIG},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(arena_free) struct arena *arena = test_arena();
        struct span data = span_of(cases[i].tag, 4);

        assert_int_equal(read_one(arena, cases[i].pcr, EV_EVENT_TAG, data, data)->role,
                         cases[i].role);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_changed_byte_of_data_is_seen_D_1),
        cmocka_unit_test(a_boot_variable_is_its_value_alone_D_1),
        cmocka_unit_test(types_without_a_firm_rule_are_never_a_fault_D_1),
        cmocka_unit_test(types_with_a_firm_rule_are_a_fault_D_1),
        cmocka_unit_test(the_match_must_hold_in_every_bank_D_1_ALG_4),
        cmocka_unit_test(an_unknown_bank_alone_proves_nothing_ALG_6_ALG_7),
        cmocka_unit_test(each_grub_prefix_has_one_rule_D_3),
        cmocka_unit_test(roles_belong_to_their_registers_D_4),
        cmocka_unit_test(a_variable_of_the_same_name_elsewhere_is_another_SB_2),
        cmocka_unit_test(an_old_shims_authority_is_accepted_by_name_L_14),
        cmocka_unit_test(texts_are_escaped_D_5),
        cmocka_unit_test(a_nul_inside_a_command_is_shown_D_5),
        cmocka_unit_test(files_are_what_the_command_before_says),
        cmocka_unit_test(images_are_their_digests_B_4_B_5),
        cmocka_unit_test(partition_tables_are_bounded_and_matched_B_6),
        cmocka_unit_test(tagged_events_go_by_their_tag),
    };

    return RUN_TESTS(tests);
}
