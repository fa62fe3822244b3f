#include "base/file.h"

#include "support/support.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct place {
    struct arena *arena;
    char folder[64];
};

static int make_place(void **state)
{
    struct place *place = calloc(1, sizeof(*place));

    assert_non_null(place);
    place->arena = test_arena();
    snprintf(place->folder, sizeof(place->folder), "/tmp/bootwarden-t-file.XXXXXX");
    assert_non_null(mkdtemp(place->folder));
    *state = place;
    return 0;
}

static void remove_all(struct place *place, const char *path)
{
    const char **names = NULL;

    if (file_is_folder(path)) {
        assert_ok(file_list(place->arena, path, NULL, &names));
        for (; *names != NULL; names++) {
            remove_all(place, arena_printf(place->arena, "%s/%s", path, *names));
        }
    }
    assert_int_equal(remove(path), 0);
}

static int remove_place(void **state)
{
    struct place *place = *state;

    remove_all(place, place->folder);
    arena_free(place->arena);
    free(place);
    return 0;
}

static const char *in(struct place *place, const char *name)
{
    return arena_printf(place->arena, "%s/%s", place->folder, name);
}

static void put(struct place *place, const char *name, const char *text, unsigned mode)
{
    assert_ok(file_write(in(place, name), span_str(text), mode, NULL));
}

static size_t count(struct place *place)
{
    const char **names = NULL;
    size_t n = 0;

    assert_ok(file_list(place->arena, place->folder, NULL, &names));
    while (names[n] != NULL) {
        n++;
    }
    return n;
}

static void says_what_cannot_be_read(void **state)
{
    struct place *place = *state;
    struct span bytes = span_str("untouched");
    struct trail trail = {0};
    const char **names = NULL;

    assert_err(file_read(place->arena, in(place, "none"), 10, &trail, &bytes), ERR_NOT_FOUND);
    assert_string_equal(trail.what, "cannot open: No such file or directory");
    assert_string_equal(trail.where, in(place, "none"));
    assert_err(file_read(place->arena, place->folder, 10, NULL, &bytes), ERR_IO);
    put(place, "file", "text", 0600);
    assert_err(file_read(place->arena, in(place, "file/none"), 10, NULL, &bytes), ERR_NOT_FOUND);
    assert_err(file_list(place->arena, in(place, "none"), NULL, &names), ERR_NOT_FOUND);
    assert_err(file_list(place->arena, in(place, "file"), NULL, &names), ERR_NOT_FOUND);
    assert_err(file_check_private(in(place, "none"), NULL), ERR_NOT_FOUND);
    assert_true(span_is(bytes, "untouched"));
    assert_null(names);
}

static void never_reads_more_than_allowed(void **state)
{
    static const size_t sizes[] = {0, 1, 99, 100, 65535, 65536, 65537, 300000};
    struct place *place = *state;
    uint8_t *bytes = arena_calloc(place->arena, 300000, 1);

    for (size_t i = 0; i < 300000; i++) {
        bytes[i] = (uint8_t)(i * 31 >> 3);
    }
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        struct span out = span_str("untouched");
        struct trail trail = {0};

        assert_ok(file_write(in(place, "file"), span_of(bytes, sizes[i]), 0600, NULL));
        if (sizes[i] > 0) {
            assert_err(file_read(place->arena, in(place, "file"), sizes[i] - 1, &trail, &out),
                       ERR_TOO_LARGE);
            assert_true(span_is(out, "untouched"));
        }
        assert_ok(file_read(place->arena, in(place, "file"), sizes[i], NULL, &out));
        assert_true(span_equal(out, span_of(bytes, sizes[i])));
        assert_ok(file_read(place->arena, in(place, "file"), sizes[i] + 1, NULL, &out));
        assert_true(span_equal(out, span_of(bytes, sizes[i])));
        assert_ok(file_read(place->arena, in(place, "file"), 1 << 20, NULL, &out));
        assert_true(span_equal(out, span_of(bytes, sizes[i])));
    }
}

static void a_full_arena_is_an_error_and_no_empty_file(void **state)
{
    struct place *place = *state;
    struct arena *small = arena_new(64);
    struct span out = span_str("untouched");
    const char **names = NULL;

    put(place, "file", "a text of more than sixty-four characters, which is not very long yet",
        0600);
    assert_err(file_read(small, in(place, "file"), 1000, NULL, &out), ERR_MEMORY);
    assert_true(span_is(out, "untouched"));
    arena_reset(small);
    for (int i = 0; i < 9; i++) {
        put(place, arena_printf(place->arena, "name%d", i), "", 0600);
    }
    assert_err(file_list(small, place->folder, NULL, &names), ERR_MEMORY);
    assert_null(names);
    arena_free(small);
}

static void a_failed_write_leaves_the_old_file_and_no_other(void **state)
{
    struct place *place = *state;
    struct span out;
    struct trail trail = {0};

    assert_err(file_write(in(place, "none/file"), span_str("new"), 0600, &trail), ERR_NOT_FOUND);
    put(place, "file", "old", 0600);
    assert_ok(file_make_folder(in(place, "folder"), 0700, NULL));
    /* A folder cannot be replaced by a file. */
    assert_err(file_write(in(place, "folder"), span_str("new"), 0600, NULL), ERR_IO);
    assert_int_equal(count(place), 2);
    assert_err(file_write("/dev/full/x", span_str("new"), 0600, NULL), ERR_NOT_FOUND);
    assert_ok(file_read(place->arena, in(place, "file"), 10, NULL, &out));
    assert_true(span_is(out, "old"));
}

static void a_file_is_not_created_over_another(void **state)
{
    struct place *place = *state;
    struct span out;
    struct trail trail = {0};

    put(place, "file", "old", 0600);
    assert_err(file_create(in(place, "file"), span_str("new"), 0600, &trail), ERR_CONFLICT);
    assert_non_null(strstr(trail.where, "file"));
    assert_int_equal(symlink("nowhere", in(place, "link")), 0);
    assert_err(file_create(in(place, "link"), span_str("new"), 0600, NULL), ERR_CONFLICT);
    assert_err(file_create(in(place, "none/file"), span_str("new"), 0600, NULL), ERR_NOT_FOUND);
    assert_ok(file_create(in(place, "other"), span_str("new"), 0640, NULL));
    assert_int_equal(count(place), 3);
    assert_ok(file_read(place->arena, in(place, "file"), 10, NULL, &out));
    assert_true(span_is(out, "old"));
    assert_ok(file_read(place->arena, in(place, "other"), 10, NULL, &out));
    assert_true(span_is(out, "new"));
}

static void a_file_gets_its_mode_whatever_the_umask(void **state)
{
    static const unsigned modes[] = {0600, 0640, 0644, 0400};
    struct place *place = *state;
    mode_t umask_before = umask(0277);

    for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
        struct stat st;

        put(place, "file", "text", modes[i]);
        assert_int_equal(stat(in(place, "file"), &st), 0);
        assert_int_equal(st.st_mode & 07777, modes[i]);
    }
    umask(umask_before);
    assert_int_equal(count(place), 1); /* replaced, no temporary file left */
}

/* S-8: private keys have mode 0600. */
static void loose_modes_of_private_files_are_refused(void **state)
{
    static const struct {
        unsigned mode;
        err_t want;
    } cases[] = {{0644, ERR_DENIED}, {0640, ERR_DENIED}, {0604, ERR_DENIED}, {0601, ERR_DENIED},
                 {0620, ERR_DENIED}, {0600, ERR_OK},     {0400, ERR_OK},     {0700, ERR_OK}};
    struct place *place = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct trail trail = {0};

        put(place, "key.pem", "secret", cases[i].mode);
        assert_err(file_check_private(in(place, "key.pem"), &trail), cases[i].want);
        assert_int_equal(cases[i].want != ERR_OK, strstr(trail.what, "chmod 600") != NULL);
    }
}

static void a_private_file_of_somebody_else_is_refused(void **state)
{
    struct place *place = *state;
    struct trail trail = {0};

    if (geteuid() != 0) {
        print_message("skipped: only root can give a file away\n");
        skip();
    }
    put(place, "key.pem", "secret", 0600);
    assert_int_equal(chown(in(place, "key.pem"), 12345, 0), 0);
    assert_err(file_check_private(in(place, "key.pem"), &trail), ERR_DENIED);
    assert_non_null(strstr(trail.what, "12345"));
}

static void what_others_can_write_is_not_guarded(void **state)
{
    static const struct {
        unsigned mode;
        const char *whose; /* NULL: good */
    } cases[] = {
        {0600, NULL},        {0644, NULL},        {0755, NULL},        {0444, NULL},
        {0620, "its group"}, {0664, "its group"}, {0602, "everybody"}, {0666, "everybody"},
    };
    struct place *place = *state;
    struct span text;

    assert_err(file_check_guarded(in(place, "none"), NULL), ERR_NOT_FOUND);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct trail trail = {0};

        put(place, "ca.pem", "text", cases[i].mode);
        assert_err(file_check_guarded(in(place, "ca.pem"), &trail),
                   cases[i].whose == NULL ? ERR_OK : ERR_DENIED);
        if (cases[i].whose != NULL) {
            assert_non_null(strstr(trail.what, cases[i].whose));
            assert_non_null(strstr(trail.what, "chmod go-w "));
            assert_string_equal(trail.where, in(place, "ca.pem"));
        }
        assert_err(file_read_guarded(place->arena, in(place, "ca.pem"), 100, NULL, &text),
                   cases[i].whose == NULL ? ERR_OK : ERR_DENIED);
        assert_err(file_check_closed(in(place, "ca.pem"), NULL),
                   (cases[i].mode & 077) == 0 ? ERR_OK : ERR_DENIED);
    }
    if (geteuid() == 0) {
        put(place, "ca.pem", "text", 0600);
        assert_int_equal(chown(in(place, "ca.pem"), 65534, 65534), 0);
        assert_err(file_check_guarded(in(place, "ca.pem"), NULL), ERR_DENIED);
        assert_err(file_read_guarded(place->arena, in(place, "ca.pem"), 100, NULL, &text),
                   ERR_DENIED);
        assert_err(file_read_private(place->arena, in(place, "ca.pem"), 100, NULL, &text),
                   ERR_DENIED);
    }
}

static void makes_folders_on_the_way(void **state)
{
    struct place *place = *state;
    struct trail trail = {0};

    assert_err(file_make_folder("", 0700, NULL), ERR_NOT_FOUND);
    put(place, "file", "text", 0600);
    assert_err(file_make_folder(in(place, "file"), 0700, &trail), ERR_CONFLICT);
    assert_int_not_equal(trail.what[0], '\0');
    assert_err(file_make_folder(in(place, "file/below"), 0700, NULL), ERR_CONFLICT);
    assert_ok(file_make_folder(in(place, "a/b//c/"), 0750, NULL));
    assert_true(file_is_folder(in(place, "a/b/c")));
    assert_ok(file_make_folder(in(place, "a/b//c/"), 0750, NULL));
    assert_ok(file_make_folder("/", 0700, NULL));
    assert_true(file_exists(in(place, "file")));
    assert_false(file_is_folder(in(place, "file")));
    assert_false(file_exists(in(place, "none")));
    assert_false(file_is_folder(in(place, "none")));
}

static void lists_names_in_byte_order(void **state)
{
    static const char *const given[] = {"b", "a.pem", "B", "a", ".hidden", "a-b"};
    static const char *const want[] = {".hidden", "B", "a", "a-b", "a.pem", "b"};
    struct place *place = *state;
    const char **names = NULL;

    assert_ok(file_list(place->arena, place->folder, NULL, &names));
    assert_null(names[0]);
    for (size_t i = 0; i < ARRAY_LEN(given); i++) {
        put(place, given[i], "", 0600);
    }
    assert_ok(file_list(place->arena, place->folder, NULL, &names));
    for (size_t i = 0; i < ARRAY_LEN(want); i++) {
        assert_string_equal(names[i], want[i]);
    }
    assert_null(names[ARRAY_LEN(want)]);
}

static void lists_more_than_a_few(void **state)
{
    struct place *place = *state;

    for (int i = 0; i < 5000; i++) {
        int fd = open(in(place, arena_printf(place->arena, "%05d", i)), O_CREAT | O_WRONLY, 0600);

        assert_true(fd >= 0);
        close(fd);
    }
    assert_int_equal(count(place), 5000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_place, remove_place)

/* Opening one for reading waits for a writer, who may never come. */
static void refuses_a_named_pipe(void **state)
{
    struct place *place = *state;
    struct trail trail = {0};
    struct span bytes = span_str("untouched");

    assert_int_equal(mkfifo(in(place, "pipe"), 0600), 0);
    assert_err(file_read(place->arena, in(place, "pipe"), 10, &trail, &bytes), ERR_IO);
    assert_non_null(strstr(trail.what, "is a named pipe"));
    assert_string_equal(trail.where, in(place, "pipe"));
    assert_string_equal((const char *)bytes.data, "untouched");
}

/* What a shell makes of <(command): it ends when its writer does. */
static void reads_a_pipe_without_a_name(void **state)
{
    struct place *place = *state;
    struct span bytes = {0};
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "words", 5), 5);
    assert_int_equal(close(ends[1]), 0);
    assert_ok(file_read(place->arena, arena_printf(place->arena, "/dev/fd/%d", ends[0]), 10, NULL,
                        &bytes));
    assert_int_equal(bytes.len, 5);
    assert_memory_equal(bytes.data, "words", 5);
    close(ends[0]);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(says_what_cannot_be_read),
        TEST(never_reads_more_than_allowed),
        TEST(refuses_a_named_pipe),
        TEST(reads_a_pipe_without_a_name),
        TEST(a_full_arena_is_an_error_and_no_empty_file),
        TEST(a_failed_write_leaves_the_old_file_and_no_other),
        TEST(a_file_is_not_created_over_another),
        TEST(a_file_gets_its_mode_whatever_the_umask),
        TEST(loose_modes_of_private_files_are_refused),
        TEST(a_private_file_of_somebody_else_is_refused),
        TEST(what_others_can_write_is_not_guarded),
        TEST(makes_folders_on_the_way),
        TEST(lists_names_in_byte_order),
        TEST(lists_more_than_a_few),
    };

    return RUN_TESTS(tests);
}
