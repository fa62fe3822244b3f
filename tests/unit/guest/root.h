/*
 * root.h - for tests: a folder that stands for the root of a machine, with what its kernel would
 * show, and the modules of tests/vectors/modules.
 */
#ifndef TESTS_AGENT_ROOT_H
#define TESTS_AGENT_ROOT_H

#include "base/file.h"
#include "support/support.h"

#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROOT_RELEASE "6.1.0-test"
#define ROOT_KERNEL "/lib/modules/" ROOT_RELEASE "/kernel"
#define ROOT_EFIVARS "/sys/firmware/efi/efivars/"
#define ROOT_GLOBAL "-8be4df61-93ca-11d2-aa0d-00e098032b8c"
#define ROOT_SHIM "-605dab50-e046-4300-abb6-3dd810dd8b23"

static char root[64];
static struct arena *arena;

static inline const char *root_path(const char *path)
{
    const char *whole = arena_printf(arena, "%s%s", root, path);

    assert_non_null(whole);
    return whole;
}

static inline void root_put(const char *path, struct span bytes)
{
    char *folder = arena_printf(arena, "%s%s", root, path);

    assert_non_null(folder);
    *strrchr(folder, '/') = '\0';
    assert_ok(file_make_folder(folder, 0755, NULL));
    assert_ok(file_write(root_path(path), bytes, 0644, NULL));
}

static inline void root_text(const char *path, const char *text)
{
    root_put(path, span_str(text));
}

/* With attributes of four bytes before the data. */
static inline void root_variable(const char *name, struct span data)
{
    uint8_t *bytes = arena_calloc(arena, 1, 4 + data.len);

    assert_non_null(bytes);
    bytes[0] = 6;
    if (data.len > 0) {
        memcpy(bytes + 4, data.data, data.len);
    }
    root_put(arena_printf(arena, ROOT_EFIVARS "%s", name), span_of(bytes, 4 + data.len));
}

static inline void root_remove(const char *path)
{
    assert_int_equal(unlink(root_path(path)), 0);
}

/* A file of tests/vectors/modules where depmod found it. */
static inline void root_module(const char *file)
{
    root_put(arena_printf(arena, ROOT_KERNEL "/%s", file),
             test_vector(arena, arena_printf(arena, "modules/%s", file)));
}

static inline void root_module_files(void)
{
    static const char *const files[] = {
        "bw_good.ko",      "bw_lies.ko",         "bw_odd.ko",
        "bw_packed.ko.xz", "bw_squeezed.ko.zst", "bw_unsigned.ko",
    };

    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        root_module(files[i]);
    }
    root_put("/lib/modules/" ROOT_RELEASE "/modules.dep.bin",
             test_vector(arena, "modules/modules.dep.bin"));
}

/* Does what a user without rights can. False when this process cannot become one. */
static inline bool root_step_down(void)
{
    return geteuid() != 0 || seteuid(65534) == 0;
}

static inline void root_step_up(void)
{
    assert_true(getuid() != 0 || seteuid(0) == 0);
}

static inline int root_begin(void **state)
{
    (void)state;
    arena = test_arena();
    snprintf(root, sizeof(root), "%s", "/tmp/bootwarden-root.XXXXXX");
    assert_non_null(mkdtemp(root));
    assert_int_equal(chmod(root, 0755), 0);
    return 0;
}

static inline int root_drop(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

static inline int root_end(void **state)
{
    (void)state;
    assert_int_equal(nftw(root, root_drop, 16, FTW_DEPTH | FTW_PHYS), 0);
    arena_free(arena);
    return 0;
}

#endif
