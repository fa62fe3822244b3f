/*
 * Facts of all recorded boots against their ground truth: what was on, what started, and every
 * finding that is not a note. Genuine benign boots have none.
 */
#include "unit/facts/logs.h"

#include "base/codec.h"
#include "base/file.h"
#include "json/json.h"

static const struct {
    const char *boot;
    enum tristate secure_boot;
    enum tristate shim_validation;
    enum tristate mok_enrolled;
    bool user_mok;
    bool test_key;
    size_t images;
    const char *software;
    const char *findings; /* "code event", in order */
} boots[] = {
    {"a-secureboot-healthy", STATE_YES, STATE_YES, STATE_NO, false, false, 4, "shim + GRUB", ""},
    {"b-secureboot-off", STATE_NO, STATE_NO, STATE_UNKNOWN, false, false, 2, "shim + GRUB", ""},
    {"b-setup-mode", STATE_NO, STATE_NO, STATE_UNKNOWN, false, false, 2, "shim + GRUB", "other 8;"},
    {"c-cmdline-changed", STATE_YES, STATE_YES, STATE_NO, false, false, 4, "shim + GRUB", ""},
    {"d-extra-bootloader-sboff", STATE_NO, STATE_NO, STATE_UNKNOWN, false, false, 3, "shim + GRUB",
     ""},
    {"d-grub-tampered-sboff", STATE_NO, STATE_NO, STATE_UNKNOWN, false, false, 2, "shim + GRUB",
     ""},
    {"d-initrd-tampered", STATE_YES, STATE_YES, STATE_NO, false, false, 4, "shim + GRUB", ""},
    {"d-kernel-tampered-sboff", STATE_NO, STATE_NO, STATE_UNKNOWN, false, false, 2, "shim + GRUB",
     ""},
    {"e-refused-then-fallback", STATE_YES, STATE_YES, STATE_NO, false, false, 4, "shim + GRUB", ""},
    {"f-kernel-update", STATE_YES, STATE_YES, STATE_NO, false, false, 4, "shim + GRUB", ""},
    {"g-mok-own-kernel", STATE_YES, STATE_YES, STATE_YES, true, false, 4, "shim + GRUB", ""},
    {"g-mok-unused", STATE_YES, STATE_YES, STATE_YES, false, false, 4, "shim + GRUB", ""},
    {"h-dbx-revokes-loader-sboff", STATE_NO, STATE_NO, STATE_UNKNOWN, false, false, 2,
     "shim + GRUB", "image-in-dbx 23;"},
    {"h-dbx-update", STATE_YES, STATE_YES, STATE_NO, false, false, 4, "shim + GRUB", ""},
    {"i-powercycle", STATE_YES, STATE_YES, STATE_NO, false, false, 4, "shim + GRUB", ""},
    {"i-warm-reboot", STATE_YES, STATE_YES, STATE_NO, false, false, 4, "shim + GRUB", ""},
    {"i-warm-reboot-before", STATE_YES, STATE_YES, STATE_NO, false, false, 4, "shim + GRUB", ""},
    {"j-attest-wrong-magic", STATE_YES, STATE_YES, STATE_NO, false, false, 4, "shim + GRUB", ""},
    {"j-ek-foreign-ca", STATE_YES, STATE_YES, STATE_NO, false, false, 4, "shim + GRUB", ""},
    {"j-log-cmdline-text-forged", STATE_YES, STATE_YES, STATE_NO, false, false, 4, "shim + GRUB",
     "event-digest 38;event-digest 40;event-digest 44;"},
    {"j-log-secureboot-text-forged", STATE_UNKNOWN, STATE_YES, STATE_UNKNOWN, false, false, 2,
     "shim + GRUB", "event-digest 4;"},
    {"j-log-sha1-digests-forged", STATE_YES, STATE_YES, STATE_NO, false, false, 4, "shim + GRUB",
     ""},
    {"j-log-truncated", STATE_YES, STATE_YES, STATE_NO, false, false, 2, "shim + GRUB",
     "no-exit-boot-services -1;"},
    {"j-old-log-new-quote", STATE_YES, STATE_YES, STATE_NO, false, false, 4, "shim + GRUB", ""},
    {"j-quote-from-other-ak", STATE_YES, STATE_YES, STATE_YES, false, false, 4, "shim + GRUB", ""},
    {"j-quote-replayed", STATE_YES, STATE_YES, STATE_NO, false, false, 4, "shim + GRUB", ""},
    {"j-quote-without-pcr7", STATE_YES, STATE_YES, STATE_NO, false, false, 4, "shim + GRUB", ""},
    {"j-software-ak", STATE_YES, STATE_YES, STATE_NO, false, false, 4, "shim + GRUB", ""},
    {"k-uki-creds-sysext", STATE_YES, STATE_UNKNOWN, STATE_UNKNOWN, false, true, 1, "UKI", ""},
    {"k-uki-healthy", STATE_YES, STATE_UNKNOWN, STATE_UNKNOWN, false, true, 1, "UKI", ""},
    {"k-uki-update", STATE_YES, STATE_UNKNOWN, STATE_UNKNOWN, false, true, 1, "UKI", ""},
    {"l-sha256-only-bank", STATE_YES, STATE_YES, STATE_NO, false, false, 4, "shim + GRUB", ""},
    {"m-shim-validation-disabled", STATE_YES, STATE_NO, STATE_UNKNOWN, false, false, 2,
     "shim + GRUB", ""},
    {"n-systemd-boot", STATE_YES, STATE_UNKNOWN, STATE_UNKNOWN, false, true, 2, "systemd-boot", ""},
    {"p-one-vcpu", STATE_YES, STATE_YES, STATE_NO, false, false, 4, "shim + GRUB", ""},
    {"p-two-vcpus", STATE_YES, STATE_YES, STATE_NO, false, false, 4, "shim + GRUB", ""},
    {"p-two-vcpus-again", STATE_YES, STATE_YES, STATE_NO, false, false, 4, "shim + GRUB", ""},
};

static const char *list_findings(struct arena *arena, const struct boot_facts *facts)
{
    const char *text = "";

    for (size_t i = 0; i < facts->n_findings; i++) {
        text = arena_printf(arena, "%s%s %d;", text, finding_code_name(facts->findings[i].code),
                            (int)facts->findings[i].event);
    }
    return text;
}

static void every_recorded_boot_has_its_facts_SB_5_SB_14_SB_15(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(boots); i++) {
        CLEANUP(arena_free) struct arena *arena = test_arena();
        const struct boot_facts *f = logs_facts(arena, logs_boot(arena, boots[i].boot)).facts;
        bool test_key = f->db.has_test_key || f->kek.has_test_key || f->pk.has_test_key;

        if (f->secure_boot != boots[i].secure_boot ||
            f->shim_validation != boots[i].shim_validation ||
            f->mok_enrolled != boots[i].mok_enrolled || f->has_user_mok != boots[i].user_mok ||
            test_key != boots[i].test_key || f->n_images != boots[i].images ||
            strcmp(f->boot_software, boots[i].software) != 0) {
            fail_msg("%s: Secure Boot %d, shim %d, MOK %d %d, test key %d, %zu images, %s",
                     boots[i].boot, f->secure_boot, f->shim_validation, f->mok_enrolled,
                     f->has_user_mok, test_key, f->n_images, f->boot_software);
        }
        if (strcmp(list_findings(arena, f), boots[i].findings) != 0) {
            fail_msg("%s: %s", boots[i].boot, list_findings(arena, f));
        }
    }
}

static void the_table_names_every_recorded_boot(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    const char **names = NULL;
    size_t n = 0;

    (void)state;
    assert_ok(file_list(arena, test_vector_path(arena, "boots"), NULL, &names));
    for (; *names != NULL; names++) {
        const char *log = arena_printf(arena, "boots/%s/eventlog.bin", *names);

        n += file_exists(test_vector_path(arena, log)) ? 1 : 0;
    }
    assert_int_equal(n, ARRAY_LEN(boots));
}

/* ---- against the manifests ---- */

static bool has_image(const struct boot_facts *facts, struct span digest)
{
    for (size_t i = 0; i < facts->n_images; i++) {
        if (span_equal(facts->images[i].digest[HASH_SHA256], digest)) {
            return true;
        }
    }
    return false;
}

static bool has_file(const struct boot_facts *facts, enum event_role role, struct span digest)
{
    for (size_t i = 0; i < facts->n_files; i++) {
        if (facts->files[i].role == role &&
            span_equal(facts->files[i].digest[HASH_SHA256], digest)) {
            return true;
        }
    }
    return false;
}

static void check_component(struct arena *arena, const char *boot, const struct boot_facts *facts,
                            const char *path, yyjson_val *component)
{
    struct span file = test_hex(arena, json_text(json_get(component, "sha256")));
    const char *authenticode = json_text(json_get(component, "authenticode_sha256"));
    enum event_role role = strstr(path, "vmlinuz") != NULL    ? ROLE_KERNEL_FILE
                           : strstr(path, "initrd") != NULL   ? ROLE_INITRD
                           : strstr(path, "grub.cfg") != NULL ? ROLE_GRUB_CONFIG
                                                              : ROLE_NONE;

    if (role != ROLE_NONE && !has_file(facts, role, file)) {
        fail_msg("%s: %s is no %s", boot, path, event_role_name(role));
    }
    /* The extra loader's length is no multiple of 8: the tool that wrote the manifest pads. */
    if (yyjson_get_uint(json_get(component, "size")) % 8 != 0) {
        return;
    }
    if (authenticode != NULL && strstr(path, "mmx64") == NULL &&
        (role != ROLE_KERNEL_FILE || facts->secure_boot == STATE_YES) &&
        facts->shim_validation != STATE_NO && !has_image(facts, test_hex(arena, authenticode))) {
        fail_msg("%s: %s did not start", boot, path);
    }
}

/* Boots by shim and GRUB whose log is the one of the manifest: components and command line. */
static void components_are_those_on_the_disk_B_3_B_7_B_8(void **state)
{
    unsigned n = 0;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(boots); i++) {
        CLEANUP(arena_free) struct arena *arena = test_arena();
        const char *boot = boots[i].boot;
        yyjson_val *manifest = NULL;
        const struct boot_facts *facts;
        yyjson_val *components, *key, *value;
        size_t j, m;

        if (boot[0] == 'j' || boot[0] == 'k' || boot[0] == 'n' || boot[0] == 'm' ||
            boot[0] == 'e' || boot[0] == 'h') {
            continue;
        }
        facts = logs_facts(arena, logs_boot(arena, boot)).facts;
        assert_ok(json_read(arena,
                            test_vector(arena, arena_printf(arena, "boots/%s/manifest.json", boot)),
                            NULL, NULL, &manifest));
        assert_string_equal(facts->cmdline, json_text(json_get(manifest, "kernel_cmdline")));
        assert_true(strstr(facts->kernel_path, json_text(json_get(manifest, "kernel_release"))) !=
                    NULL);
        components = json_get(manifest, "boot_components");
        yyjson_obj_foreach(components, j, m, key, value)
        {
            check_component(arena, boot, facts, yyjson_get_str(key), value);
        }
        n++;
    }
    assert_true(n >= 15);
}

static void tells_the_parts_of_the_chain_apart_B_3(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    const struct boot_facts *grub =
        logs_facts(arena, logs_boot(arena, "a-secureboot-healthy")).facts;
    const struct boot_facts *uki = logs_facts(arena, logs_boot(arena, "k-uki-healthy")).facts;
    const struct boot_facts *systemd = logs_facts(arena, logs_boot(arena, "n-systemd-boot")).facts;

    (void)state;
    assert_int_equal(grub->images[0].part, IMAGE_LOADER);
    assert_string_equal(grub->images[0].path_hint, "\\EFI\\BOOT\\BOOTX64.EFI");
    assert_int_equal(grub->images[1].part, IMAGE_LOADER);
    assert_int_equal(grub->images[2].part, IMAGE_KERNEL);
    assert_false(grub->images[2].is_repeat);
    assert_int_equal(grub->images[3].part, IMAGE_KERNEL);
    assert_true(grub->images[3].is_repeat);
    assert_int_equal(uki->images[0].part, IMAGE_UKI);
    assert_int_equal(systemd->images[0].part, IMAGE_LOADER);
    assert_int_equal(systemd->images[1].part, IMAGE_KERNEL);
}

static void reads_what_a_uki_is_made_of_B_9(void **state)
{
    static const char *const names[] = {".linux", ".osrel", ".cmdline", ".initrd"};
    CLEANUP(arena_free) struct arena *arena = test_arena();
    const struct boot_facts *facts =
        logs_facts(arena, logs_boot(arena, "k-uki-creds-sysext")).facts;

    (void)state;
    assert_int_equal(facts->n_uki, ARRAY_LEN(names));
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        assert_string_equal(facts->uki[i].name, names[i]);
        assert_int_equal(facts->uki[i].digest[HASH_SHA384].len, 48);
    }
    assert_int_equal(facts->n_files, 3);
    assert_int_equal(facts->files[0].role, ROLE_CREDENTIALS);
    assert_int_equal(facts->files[1].role, ROLE_SYSEXT);
    assert_int_equal(facts->files[2].role, ROLE_INITRD);
    assert_null(facts->cmdline);
}

static void reads_the_command_line_of_systemd_boot_B_7(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    const struct boot_facts *facts = logs_facts(arena, logs_boot(arena, "n-systemd-boot")).facts;

    (void)state;
    assert_string_equal(facts->cmdline, "initrd=\\initrd root=LABEL=root ro console=ttyS0 quiet");
    assert_int_equal(facts->cmdline_event->pcr, 12);
    assert_null(facts->kernel_path);
}

static void counts_boot_attempts(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    const struct boot_facts *facts =
        logs_facts(arena, logs_boot(arena, "e-refused-then-fallback")).facts;

    (void)state;
    assert_int_equal(facts->n_boot_attempts, 2);
    assert_int_equal(facts->n_boot_returns, 1);
    assert_true(facts->has_exit_boot_services);
}

static void names_authorities_SB_9_SB_16(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    const struct boot_facts *facts = logs_facts(arena, logs_boot(arena, "g-mok-own-kernel")).facts;

    (void)state;
    assert_int_equal(facts->n_authorities, 3);
    assert_string_equal(facts->authorities[0].source, "db");
    assert_string_equal(facts->authorities[0].subject,
                        "CN=Microsoft Corporation UEFI CA 2011, O=Microsoft Corporation, "
                        "L=Redmond, ST=Washington, C=US");
    assert_false(facts->authorities[0].before_separator);
    assert_string_equal(facts->authorities[1].source, "MokListRT");
    assert_string_equal(facts->authorities[1].subject, "CN=Debian Secure Boot CA");
    assert_string_equal(facts->authorities[2].subject, "CN=Example mok signing key");
    assert_string_equal(facts->sbat_level, "sbat,1,2025021800\nshim,4\ngrub,5\n");
}

static void test_keys_are_named_SB_14(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    const struct boot_facts *facts = logs_facts(arena, logs_boot(arena, "k-uki-healthy")).facts;

    (void)state;
    assert_true(facts->db.has_test_key);
    assert_string_equal(facts->db.test_key, "O=SnakeOil, L=Fort Collins, ST=Colorado, C=US");
    assert_int_equal(facts->db.keys.n_x509, 1);
    assert_int_equal(facts->setup_mode, STATE_NO);
}

static void setup_mode_is_an_empty_pk_SB_6(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    const struct boot_facts *facts = logs_facts(arena, logs_boot(arena, "b-setup-mode")).facts;

    (void)state;
    assert_int_equal(facts->setup_mode, STATE_YES);
    assert_true(facts->pk.present);
    assert_int_equal(facts->pk.lists.len, 0);
}

/* ---- properties ---- */

/* Every event has exactly one role, and nothing that extends a register is "none". */
static void every_event_has_a_role(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(boots); i++) {
        CLEANUP(arena_free) struct arena *arena = test_arena();
        struct logs_made made = logs_facts(arena, logs_boot(arena, boots[i].boot));

        assert_int_equal(made.readings->n, made.log->n_events);
        for (size_t j = 0; j < made.readings->n; j++) {
            const struct reading *r = &made.readings->items[j];

            assert_ptr_equal(r->event, &made.log->events[j]);
            assert_true((r->role == ROLE_NONE) == (r->event->type == EV_NO_ACTION));
            assert_true(r->role < ROLE_COUNT && r->role != ROLE_OTHER);
            assert_true(r->text[0] != '\0' && r->rule[0] != '\0');
            assert_true(r->content.len == 0 || r->match == READING_MATCHES);
        }
    }
}

static void facts_have_their_json_form(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(boots); i++) {
        CLEANUP(arena_free) struct arena *arena = test_arena();
        const struct boot_facts *facts = logs_facts(arena, logs_boot(arena, boots[i].boot)).facts;
        yyjson_mut_doc *doc = json_new(arena);
        struct span text = json_write(arena, doc, boot_facts_json(arena, doc, facts), false);
        struct span findings = json_write(arena, doc, boot_findings_json(doc, facts), false);
        yyjson_val *root = NULL;
        yyjson_val *list = NULL;
        const char *want = boots[i].secure_boot == STATE_YES  ? "enabled"
                           : boots[i].secure_boot == STATE_NO ? "disabled"
                                                              : "unknown";

        assert_non_null(text.data);
        assert_ok(json_read(arena, text, NULL, NULL, &root));
        assert_ok(json_read(arena, findings, NULL, NULL, &list));
        assert_string_equal(json_text(json_get(json_get(root, "secure_boot"), "state")), want);
        assert_int_equal(yyjson_arr_size(json_get(root, "images")), boots[i].images);
        assert_int_equal(yyjson_arr_size(list), facts->n_findings);
    }
}

/* Running out of memory is an error, never a fact that is silently missing. */
static void a_full_arena_is_an_error(void **state)
{
    CLEANUP(arena_free) struct arena *names = test_arena();
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
    struct span bytes = logs_boot(names, "g-mok-own-kernel");
    bool done = false;

    (void)state;
    for (size_t max = 0; !done; max += 97) {
        CLEANUP(arena_free) struct arena *arena = arena_new(max);
        struct eventlog *log = NULL;
        struct readings *readings = NULL;
        struct boot_facts *facts = NULL;
        err_t err = eventlog_read(arena, bytes, NULL, &log);

        err = err ? err : readings_make(arena, log, hasher, &readings);
        err = err ? err : boot_facts_make(arena, readings, test_reference(), hasher, &facts);
        if (err) {
            assert_err(err, ERR_MEMORY);
            assert_null(facts);
            continue;
        }
        assert_int_equal(facts->secure_boot, STATE_YES);
        assert_string_equal(facts->cmdline, "root=LABEL=root ro console=ttyS0 quiet");
        assert_int_equal(facts->n_authorities, 3);
        done = true;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_recorded_boot_has_its_facts_SB_5_SB_14_SB_15),
        cmocka_unit_test(the_table_names_every_recorded_boot),
        cmocka_unit_test(components_are_those_on_the_disk_B_3_B_7_B_8),
        cmocka_unit_test(tells_the_parts_of_the_chain_apart_B_3),
        cmocka_unit_test(reads_what_a_uki_is_made_of_B_9),
        cmocka_unit_test(reads_the_command_line_of_systemd_boot_B_7),
        cmocka_unit_test(counts_boot_attempts),
        cmocka_unit_test(names_authorities_SB_9_SB_16),
        cmocka_unit_test(test_keys_are_named_SB_14),
        cmocka_unit_test(setup_mode_is_an_empty_pk_SB_6),
        cmocka_unit_test(every_event_has_a_role),
        cmocka_unit_test(facts_have_their_json_form),
        cmocka_unit_test(a_full_arena_is_an_error),
    };

    return RUN_TESTS(tests);
}
