#include "guest/modules.h"

#include "root.h"

#define SIGNER "Bootwarden test signer"
#define KEY_ID "66f54e1566a0"

enum { BIG = 720 * 1024 }; /* more than half of what xz may cost in one collection */

static struct modules *memory;

static int begin(void **state)
{
    root_begin(state);
    memory = modules_new();
    assert_non_null(memory);
    root_module_files();
    return 0;
}

static int end(void **state)
{
    modules_free(memory);
    return root_end(state);
}

static struct kernel_module named(const char *name)
{
    return (struct kernel_module){.name = name, .is_plain = true, .size = 4096};
}

static struct module_signature *collect(struct modules *of, const char *boot_id,
                                        const struct kernel_module *list, size_t n, bool *complete)
{
    struct module_signature *found = NULL;

    assert_ok(
        modules_signatures(of, arena, root, boot_id, ROOT_RELEASE, list, n, complete, &found));
    return found;
}

/* One of them, by a memory of its own. */
static struct module_signature signature_of(const char *name)
{
    struct kernel_module module = named(name);
    CLEANUP(modules_free) struct modules *fresh = modules_new();
    bool is_complete = false;

    return collect(fresh, "boot", &module, 1, &is_complete)[0];
}

static void expect(const char *name, enum module_unread unread, const char *signer,
                   const char *hash, const char *key_id)
{
    struct module_signature got = signature_of(name);

    if (got.unread != unread || strcmp(got.signer, signer) != 0 || strcmp(got.hash, hash) != 0 ||
        strcmp(got.key_id, key_id) != 0) {
        fail_msg("%s: %d '%s' '%s' '%s'", name, got.unread, got.signer, got.hash, got.key_id);
    }
}

static void modules_without_a_file_are_unread(void **state)
{
    (void)state;
    expect("nowhere", MODULE_NO_FILE, "", "", "");
    expect("bw_damaged", MODULE_NO_FILE, "", "", ""); /* listed, but gone */
    root_text(ROOT_KERNEL "/bw_damaged.ko", "this is no module, whatever depmod saw here");
    expect("bw_damaged", MODULE_DAMAGED, "", "", "");
    root_remove("/lib/modules/" ROOT_RELEASE "/modules.dep.bin");
    expect("bw_good", MODULE_NO_FILE, "", "", "");
}

static void names_that_are_no_file_names_touch_no_file(void **state)
{
    struct kernel_module module = {.name = "../bw_good", .is_plain = false};
    bool is_complete = false;
    struct module_signature *found = collect(memory, "boot", &module, 1, &is_complete);

    (void)state;
    assert_int_equal(found[0].unread, MODULE_NO_FILE);
    assert_true(is_complete);
}

static void files_without_permission_are_told_apart(void **state)
{
    (void)state;
    assert_int_equal(chmod(root_path(ROOT_KERNEL "/bw_good.ko"), 0), 0);
    if (!root_step_down()) {
        return;
    }
    expect("bw_good", MODULE_NO_PERMISSION, "", "", "");
    root_step_up();
}

static void packed_files_past_the_limit_are_left_alone(void **state)
{
    (void)state;
    root_text(ROOT_KERNEL "/bw_big_a.ko.xz", "");
    assert_int_equal(truncate(root_path(ROOT_KERNEL "/bw_big_a.ko.xz"), MODULES_FILE_MAX + 1), 0);
    expect("bw_big_a", MODULE_TOO_LARGE, "", "", "");
}

static void signers_are_read_from_plain_and_packed_files(void **state)
{
    (void)state;
    expect("bw_good", MODULE_READ, SIGNER, "sha256", KEY_ID);
    expect("bw_packed", MODULE_READ, SIGNER, "sha256", KEY_ID);
    expect("bw_squeezed", MODULE_READ, SIGNER, "sha256", KEY_ID);
    expect("bw_unsigned", MODULE_READ, "", "", "");
}

/* .modinfo is as good as who wrote it. */
static void file_without_a_signature_names_no_signer(void **state)
{
    (void)state;
    expect("bw_lies", MODULE_READ, "", "", "");
}

static void signers_are_printable_and_cut(void **state)
{
    struct module_signature got = signature_of("bw_odd");

    (void)state;
    assert_true(strlen(got.signer) < sizeof(got.signer));
    assert_non_null(strstr(got.signer, "line\\x1b[31m"));
    assert_null(strchr(got.signer, '\x1b'));
}

static void file_of_another_build_says_nothing(void **state)
{
    (void)state;
    root_text("/sys/module/bw_good/srcversion", "0123456789ABCDEF0123456\n");
    expect("bw_good", MODULE_READ, SIGNER, "sha256", KEY_ID);
    root_text("/sys/module/bw_good/srcversion", "F0123456789ABCDEF012345\n");
    expect("bw_good", MODULE_OTHER_BUILD, "", "", "");
    root_text("/sys/module/bw_packed/srcversion", "0123456789ABCDEF0123456\n"); /* file: none */
    expect("bw_packed", MODULE_READ, SIGNER, "sha256", KEY_ID);
}

static void second_collection_reads_new_modules_only(void **state)
{
    struct kernel_module list[] = {named("bw_good"), named("bw_packed"), named("bw_squeezed")};
    bool is_complete = false;
    struct module_signature *found = collect(memory, "boot", list, 2, &is_complete);

    (void)state;
    assert_string_equal(found[0].signer, SIGNER);
    root_text(ROOT_KERNEL "/bw_good.ko", "nobody looks into this again");
    root_remove(ROOT_KERNEL "/bw_packed.ko.xz");
    found = collect(memory, "boot", list, 3, &is_complete);
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(found[i].signer, SIGNER);
    }
    /* Loaded anew from another file, or by another kernel. */
    list[0].size++;
    found = collect(memory, "boot", list, 3, &is_complete);
    assert_int_equal(found[0].unread, MODULE_DAMAGED);
    assert_string_equal(found[1].signer, SIGNER);
    snprintf(list[1].taints, sizeof(list[1].taints), "OE");
    found = collect(memory, "boot", list, 3, &is_complete);
    assert_int_equal(found[1].unread, MODULE_NO_FILE);
    assert_string_equal(found[2].signer, SIGNER);
    root_remove(ROOT_KERNEL "/bw_squeezed.ko.zst");
    found = collect(memory, "next boot", list, 3, &is_complete);
    assert_int_equal(found[2].unread, MODULE_NO_FILE);
}

static void missing_files_are_looked_for_again(void **state)
{
    struct kernel_module module = named("bw_good");
    bool is_complete = false;

    (void)state;
    root_remove(ROOT_KERNEL "/bw_good.ko");
    assert_int_equal(collect(memory, "boot", &module, 1, &is_complete)[0].unread, MODULE_NO_FILE);
    root_module("bw_good.ko");
    assert_string_equal(collect(memory, "boot", &module, 1, &is_complete)[0].signer, SIGNER);
}

static void modules_that_are_gone_are_forgotten(void **state)
{
    struct kernel_module list[] = {named("bw_good"), named("bw_packed")};
    bool is_complete = false;

    (void)state;
    collect(memory, "boot", list, 2, &is_complete);
    collect(memory, "boot", list + 1, 1, &is_complete);
    root_remove(ROOT_KERNEL "/bw_good.ko");
    assert_int_equal(collect(memory, "boot", list, 2, &is_complete)[0].unread, MODULE_NO_FILE);
}

static size_t left_for_later(const struct module_signature *found, size_t n)
{
    size_t later = 0;

    for (size_t i = 0; i < n; i++) {
        later += found[i].unread == MODULE_LATER ? 1 : 0;
    }
    return later;
}

/* What is costly comes bit by bit, and does not keep the rest away. */
static void what_costs_too_much_is_left_for_later_collections(void **state)
{
    static const char *const files[] = {"/bw_big_a.ko.xz", "/bw_big_b.ko.xz", "/bw_big_c.ko.xz"};
    struct kernel_module list[] = {named("bw_big_a"), named("bw_big_b"), named("bw_big_c"),
                                   named("nowhere")};
    struct module_signature *found;
    bool is_complete = true;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        const char *path = arena_printf(arena, ROOT_KERNEL "%s", files[i]);

        root_text(path, "");
        assert_int_equal(truncate(root_path(path), BIG), 0);
    }
    for (size_t round = 0; round < 3; round++) {
        found = collect(memory, "boot", list, ARRAY_LEN(list), &is_complete);
        assert_int_equal(left_for_later(found, ARRAY_LEN(list)), 2 - round);
        assert_int_equal(is_complete, round == 2);
        assert_int_equal(found[round].unread, MODULE_DAMAGED);
        assert_int_equal(found[3].unread, MODULE_NO_FILE);
    }
    /* Without a later, all at once. */
    found = collect(NULL, "boot", list, ARRAY_LEN(list), &is_complete);
    assert_int_equal(left_for_later(found, ARRAY_LEN(list)), 0);
    assert_true(is_complete);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(modules_without_a_file_are_unread, begin, end),
        cmocka_unit_test_setup_teardown(names_that_are_no_file_names_touch_no_file, begin, end),
        cmocka_unit_test_setup_teardown(files_without_permission_are_told_apart, begin, end),
        cmocka_unit_test_setup_teardown(packed_files_past_the_limit_are_left_alone, begin, end),
        cmocka_unit_test_setup_teardown(signers_are_read_from_plain_and_packed_files, begin, end),
        cmocka_unit_test_setup_teardown(file_without_a_signature_names_no_signer, begin, end),
        cmocka_unit_test_setup_teardown(signers_are_printable_and_cut, begin, end),
        cmocka_unit_test_setup_teardown(file_of_another_build_says_nothing, begin, end),
        cmocka_unit_test_setup_teardown(second_collection_reads_new_modules_only, begin, end),
        cmocka_unit_test_setup_teardown(missing_files_are_looked_for_again, begin, end),
        cmocka_unit_test_setup_teardown(modules_that_are_gone_are_forgotten, begin, end),
        cmocka_unit_test_setup_teardown(what_costs_too_much_is_left_for_later_collections, begin,
                                        end),
    };

    return RUN_TESTS(tests);
}
