#include "support/support.h"

#include "base/codec.h"
#include "base/file.h"
#include "crypto/hash.h"

#include <stdlib.h>

enum { FILE_MAX = 16 * 1024 * 1024 };

struct arena *test_arena(void)
{
    struct arena *arena = arena_new(64u * 1024 * 1024);

    assert_non_null(arena);
    assert_ok(crypto_init());
    return arena;
}

const char *test_vector_path(struct arena *arena, const char *relative)
{
    const char *path = arena_printf(arena, "%s/%s", TESTS_VECTORS, relative);

    assert_non_null(path);
    return path;
}

struct span test_vector(struct arena *arena, const char *relative)
{
    struct span bytes = {0};
    struct trail trail = {0};
    err_t err = file_read(arena, test_vector_path(arena, relative), FILE_MAX, &trail, &bytes);

    if (err) {
        fail_msg("vector %s: %s", relative, trail.what);
    }
    return bytes;
}

const char *test_public_data(void)
{
    const char *named = getenv("BOOTWARDEN_DATA");
    const char *path = named != NULL ? named : TESTS_SHARED_DATA;

    return file_is_folder(path) ? path : NULL;
}

void test_needs_public_data(void)
{
    if (test_public_data() == NULL) {
        print_message("skipped: no public corpora\n");
        skip();
    }
}

struct span test_public_file(struct arena *arena, const char *relative)
{
    const char *folder = test_public_data();
    struct span bytes = {0};
    struct trail trail = {0};

    if (folder == NULL) {
        fail_msg("public file %s: the test did not ask for the public corpora first", relative);
    }
    if (file_read(arena, arena_printf(arena, "%s/%s", folder, relative), FILE_MAX, &trail,
                  &bytes)) {
        fail_msg("public file %s: %s", relative, trail.what);
    }
    return bytes;
}

struct span test_hex(struct arena *arena, const char *hex)
{
    struct span bytes = {0};

    assert_ok(hex_decode(arena, span_str(hex), &bytes));
    return bytes;
}
