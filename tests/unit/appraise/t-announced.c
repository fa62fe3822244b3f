/*
 * Announced changes: what cannot be announced, what an announcement does not reach, and the
 * recorded updates with the announcement that would have been sent before them.
 */
#include "unit/appraise/compare.h"

#include "base/codec.h"

#include <string.h>

static struct announced *read_announced(struct arena *arena, const char *json)
{
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
    struct announced *announced = NULL;
    struct trail trail = {0};
    err_t err = announced_read(arena, span_str(json), hasher, &trail, &announced);

    if (err) {
        fail_msg("%s: %s: %s", err_name(err), trail.where, trail.what);
    }
    return announced;
}

static struct compared compare_announced(struct arena *arena, const struct boot_facts *before,
                                         const struct boot_facts *after,
                                         const struct announced *announced)
{
    const struct baseline_boot old = {before, ALL_PCRS};
    const struct baseline_boot new = {after, ALL_PCRS};
    const struct baseline_known known = {.announced = announced};
    struct compared changes = {0};

    assert_ok(baseline_compare(arena, &old, &new, &known, changes.items, &changes.n));
    return changes;
}

static const char *sha256_of(struct arena *arena, const struct boot_facts *facts,
                             const struct event *event)
{
    return hex_dup(arena, event->digest[eventlog_bank(facts->log, HASH_SHA256)]);
}

/* One item for each file and image of a class, as an agent that knows the files would write. */
static const char *announce(struct arena *arena, const struct boot_facts *facts, bool kernel,
                            bool initrd)
{
    const char *items = "";

    for (size_t i = 0; i < facts->n_files; i++) {
        if (facts->files[i].role == ROLE_GRUB_CONFIG) {
            items = arena_printf(arena, "%s{\"class\":\"grub-config\",\"sha256\":\"%s\"},", items,
                                 sha256_of(arena, facts, facts->files[i].event));
        }
    }

    for (size_t i = 0; kernel && i < facts->n_images; i++) {
        if (facts->images[i].part == IMAGE_KERNEL) {
            items = arena_printf(arena, "%s{\"class\":\"kernel\",\"sha256\":\"%s\"},", items,
                                 sha256_of(arena, facts, facts->images[i].event));
        }
    }
    for (size_t i = 0; i < facts->n_files; i++) {
        bool is_kernel = kernel && facts->files[i].role == ROLE_KERNEL_FILE;
        bool is_initrd = initrd && facts->files[i].role == ROLE_INITRD;

        if (is_kernel || is_initrd) {
            items = arena_printf(arena, "%s{\"class\":\"%s\",\"sha256\":\"%s\"},", items,
                                 is_kernel ? "kernel" : "initrd",
                                 sha256_of(arena, facts, facts->files[i].event));
        }
    }
    return arena_printf(arena, "{\"schema\":\"bootwarden-announcement/1\",\"expect\":[%.*s]}",
                        (int)(strlen(items) - 1), items);
}

#define SCHEMA "{\"schema\":\"bootwarden-announcement/1\",\"expect\":"
#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

static void refuses_what_cannot_be_announced(void **state)
{
    static const struct {
        const char *json;
        err_t err;
        const char *where;
    } cases[] = {
        {"", ERR_JSON_SYNTAX, ""},
        {"[]", ERR_JSON_MISSING, "schema"},
        {"{}", ERR_JSON_MISSING, "schema"},
        {"{\"schema\":\"bootwarden-announcement/2\",\"expect\":[]}", ERR_UNSUPPORTED, "schema"},
        {"{\"schema\":\"bootwarden-announcement/1\"}", ERR_JSON_MISSING, "expect"},
        {SCHEMA "{}}", ERR_JSON_TYPE, "expect"},
        {SCHEMA "[1]}", ERR_JSON_TYPE, "expect[0]"},
        {SCHEMA "[{}]}", ERR_JSON_MISSING, "expect[0].class"},
        {SCHEMA "[{\"class\":\"keys\",\"sha256\":\"" ZEROS "\"}]}", ERR_VALUE, "expect[0].class"},
        {SCHEMA "[{\"class\":\"firmware\",\"sha256\":\"" ZEROS "\"}]}", ERR_VALUE,
         "expect[0].class"},
        {SCHEMA "[{\"class\":\"mok\",\"sha256\":\"" ZEROS "\"}]}", ERR_VALUE, "expect[0].class"},
        {SCHEMA "[{\"class\":\"kernel\"}]}", ERR_VALUE, "expect[0]"},
        {SCHEMA "[{\"class\":\"kernel\",\"sha256\":\"" ZEROS "\",\"more\":1}]}", ERR_VALUE,
         "expect[0]"},
        {SCHEMA "[{\"class\":\"kernel\",\"sha256\":\"00\"}]}", ERR_VALUE, "expect[0].sha256"},
        {SCHEMA "[{\"class\":\"kernel\",\"sha256\":7}]}", ERR_VALUE, "expect[0].sha256"},
        {SCHEMA "[{\"class\":\"kernel\",\"text\":\"quiet\"}]}", ERR_VALUE, "expect[0].text"},
        {SCHEMA "[{\"class\":\"cmdline\",\"text\":\"\"}]}", ERR_VALUE, "expect[0].text"},
        {SCHEMA "[{\"class\":\"cmdline\",\"text\":\"a\\nb\"}]}", ERR_VALUE, "expect[0].text"},
        {SCHEMA "[{\"class\":\"cmdline\",\"text\":\"a\",\"text\":\"b\"}]}", ERR_JSON_DUPLICATE, ""},
    };
    CLEANUP(arena_free) struct arena *arena = test_arena();
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct announced *announced = NULL;
        struct trail trail = {0};
        err_t err = announced_read(arena, span_str(cases[i].json), hasher, &trail, &announced);

        if (err != cases[i].err ||
            (cases[i].where[0] != '\0' && strcmp(trail.where, cases[i].where) != 0)) {
            fail_msg("%s: %s at '%s': %s", cases[i].json, err_name(err), trail.where, trail.what);
        }
        assert_null(announced);
    }
}

static void refuses_more_than_its_limits(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
    CLEANUP(buf_done) struct buf out = {0};
    struct announced *announced = NULL;
    uint8_t *large = arena_calloc(arena, ANNOUNCED_MAX_BYTES + 1, 1);

    (void)state;
    buf_init(&out, ANNOUNCED_MAX_BYTES);
    buf_add(&out, span_str(SCHEMA "["));
    for (int i = 0; i <= ANNOUNCED_MAX_ITEMS; i++) {
        buf_add(&out, span_str(i == 0 ? "{}" : ",{}"));
    }
    buf_add(&out, span_str("]}"));
    assert_ok(buf_err(&out));
    assert_err(announced_read(arena, buf_span(&out), hasher, NULL, &announced), ERR_TOO_MANY);
    memset(large, ' ', ANNOUNCED_MAX_BYTES + 1);
    assert_err(
        announced_read(arena, span_of(large, ANNOUNCED_MAX_BYTES + 1), hasher, NULL, &announced),
        ERR_TOO_LARGE);
}

static void another_initramfs_than_the_announced_one_stays_unexplained(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    const struct boot_facts *updated = boot(arena, UPDATED);
    struct announced *announced = read_announced(arena, announce(arena, updated, true, true));
    struct logs_edit *edit = logs_edit_boot(arena, UPDATED);
    struct compared changes;

    (void)state;
    logs_measure(edit, find_last(edit, 9, EV_IPL), span_str("an initramfs of somebody else"));
    changes = compare_announced(arena, boot(arena, HEALTHY), logs_edited_facts(edit), announced);
    expect(&changes, REASON_CHANGE_INITRD, false);
    /* The menu is that of the update no more: what it starts is not what was announced. */
    expect(&changes, REASON_CHANGE_GRUB_CONFIG, false);
}

static void a_second_initramfs_beside_the_announced_one_stays_unexplained(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    const struct boot_facts *updated = boot(arena, UPDATED);
    struct announced *announced = read_announced(arena, announce(arena, updated, true, true));
    struct logs_edit *edit = logs_edit_boot(arena, UPDATED);
    size_t at = find_last(edit, 9, EV_IPL);
    struct compared changes;

    (void)state;
    logs_insert(edit, at + 1, 9, EV_IPL, edit->items[at].data);
    logs_measure(edit, at + 1, span_str("an initramfs of somebody else"));
    changes = compare_announced(arena, boot(arena, HEALTHY), logs_edited_facts(edit), announced);
    expect(&changes, REASON_CHANGE_INITRD, false);
}

static void a_digest_is_announced_for_its_class_alone(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    const struct boot_facts *updated = boot(arena, UPDATED);
    const char *initrd = announce(arena, updated, false, true);
    struct announced *announced;
    struct compared changes;
    char *json = arena_printf(arena, "%s", initrd);

    (void)state;
    memcpy(strstr(json, "initrd"), "kernel", 6);
    announced = read_announced(arena, json);
    changes = compare_announced(arena, boot(arena, HEALTHY), updated, announced);
    expect(&changes, REASON_CHANGE_INITRD, false);
}

/* What is to be missing cannot be announced. */
static void what_is_gone_is_not_explained_by_an_announcement(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    const struct boot_facts *healthy = boot(arena, HEALTHY);
    struct announced *announced = read_announced(arena, announce(arena, healthy, true, true));
    struct logs_edit *edit = logs_edit_boot(arena, HEALTHY);
    struct compared changes;

    (void)state;
    logs_drop(edit, find_last(edit, 9, EV_IPL));
    changes = compare_announced(arena, healthy, logs_edited_facts(edit), announced);
    expect(&changes, REASON_CHANGE_INITRD, false);
}

static void commands_beyond_the_version_stay_unexplained(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    const struct boot_facts *updated = boot(arena, UPDATED);
    struct announced *announced = read_announced(arena, announce(arena, updated, true, true));
    struct logs_edit *edit = logs_edit_boot(arena, UPDATED);
    struct compared changes;

    (void)state;
    logs_insert(edit, find_text(edit, 8, "grub_cmd: linux"), 8, EV_IPL,
                span_str("grub_cmd: insmod evil"));
    logs_measure(edit, find_text(edit, 8, "grub_cmd: insmod evil"), span_str("insmod evil"));
    changes = compare_announced(arena, boot(arena, HEALTHY), logs_edited_facts(edit), announced);
    expect(&changes, REASON_CHANGE_GRUB_CONFIG, false);
    expect(&changes, REASON_CHANGE_INITRD, true);
}

static size_t find_file(const struct logs_edit *edit, const char *part)
{
    for (size_t i = 0; i < edit->n; i++) {
        const struct logs_item *item = &edit->items[i];

        if (item->pcr == 9 && item->type == EV_IPL &&
            memmem(item->data.data, item->data.len, part, strlen(part)) != NULL) {
            return i;
        }
    }
    fail_msg("no file %s", part);
    return 0;
}

/* Any file that is new could be the initramfs that was really loaded: root can extend PCR 9 with
 * the announced one later. */
static void one_file_that_was_not_announced_is_enough(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    const struct boot_facts *updated = boot(arena, UPDATED);
    struct announced *announced = read_announced(arena, announce(arena, updated, true, true));
    struct logs_edit *edit = logs_edit_boot(arena, UPDATED);
    struct compared changes;

    (void)state;
    logs_measure(edit, find_file(edit, "grub.cfg"), span_str("an initramfs of somebody else"));
    changes = compare_announced(arena, boot(arena, HEALTHY), logs_edited_facts(edit), announced);
    expect(&changes, REASON_CHANGE_GRUB_CONFIG, false);
}

/* An announced file more than before: that it was read is no part of the update. */
static void more_files_than_before_stay_unexplained(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    const struct boot_facts *updated = boot(arena, UPDATED);
    struct announced *announced = read_announced(arena, announce(arena, updated, true, true));
    struct logs_edit *before = logs_edit_boot(arena, HEALTHY);
    struct compared changes;

    (void)state;
    logs_drop(before, find_file(before, "grub.cfg"));
    changes = compare_announced(arena, logs_edited_facts(before), updated, announced);
    expect(&changes, REASON_CHANGE_GRUB_CONFIG, false);
}

/* Two initramfs before, the announced one after: what is gone was not announced. */
static void more_gone_than_came_stays_unexplained(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    const struct boot_facts *updated = boot(arena, UPDATED);
    struct announced *announced = read_announced(arena, announce(arena, updated, true, true));
    struct logs_edit *before = logs_edit_boot(arena, HEALTHY);
    size_t at = find_last(before, 9, EV_IPL);
    struct compared changes;

    (void)state;
    logs_insert(before, at + 1, 9, EV_IPL, before->items[at].data);
    logs_measure(before, at + 1, span_str("microcode"));
    changes = compare_announced(arena, logs_edited_facts(before), updated, announced);
    expect(&changes, REASON_CHANGE_INITRD, false);
}

static void an_announced_update_is_explained_and_nothing_is_left(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    const struct boot_facts *updated = boot(arena, UPDATED);
    struct announced *announced = read_announced(arena, announce(arena, updated, true, true));
    struct compared changes = compare_announced(arena, boot(arena, HEALTHY), updated, announced);

    (void)state;
    expect(&changes, REASON_CHANGE_KERNEL, true);
    expect(&changes, REASON_CHANGE_INITRD, true);
    expect(&changes, REASON_CHANGE_CMDLINE, true);
    expect(&changes, REASON_CHANGE_GRUB_CONFIG, true);
    assert_int_equal(unexplained(&changes), 0);
    /* Signed components need no announcement. */
    announced = read_announced(arena, announce(arena, updated, false, true));
    changes = compare_announced(arena, boot(arena, HEALTHY), updated, announced);
    assert_int_equal(unexplained(&changes), 0);
}

/* GRUB measures the kernel's name in front of it: the announcement need not know that name. */
static void a_command_line_is_announced_as_text(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    const struct boot_facts *after = boot(arena, "c-cmdline-changed");
    const char *json =
        arena_printf(arena, SCHEMA "[{\"class\":\"cmdline\",\"text\":\"%s\"}]}", after->cmdline);
    struct compared changes =
        compare_announced(arena, boot(arena, HEALTHY), after, read_announced(arena, json));

    (void)state;
    expect(&changes, REASON_CHANGE_CMDLINE, true);
    json =
        arena_printf(arena, SCHEMA "[{\"class\":\"cmdline\",\"text\":\"%s x\"}]}", after->cmdline);
    changes = compare_announced(arena, boot(arena, HEALTHY), after, read_announced(arena, json));
    expect(&changes, REASON_CHANGE_CMDLINE, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_cannot_be_announced),
        cmocka_unit_test(refuses_more_than_its_limits),
        cmocka_unit_test(another_initramfs_than_the_announced_one_stays_unexplained),
        cmocka_unit_test(a_second_initramfs_beside_the_announced_one_stays_unexplained),
        cmocka_unit_test(a_digest_is_announced_for_its_class_alone),
        cmocka_unit_test(what_is_gone_is_not_explained_by_an_announcement),
        cmocka_unit_test(commands_beyond_the_version_stay_unexplained),
        cmocka_unit_test(one_file_that_was_not_announced_is_enough),
        cmocka_unit_test(more_files_than_before_stay_unexplained),
        cmocka_unit_test(more_gone_than_came_stays_unexplained),
        cmocka_unit_test(an_announced_update_is_explained_and_nothing_is_left),
        cmocka_unit_test(a_command_line_is_announced_as_text),
    };

    return RUN_TESTS(tests);
}
