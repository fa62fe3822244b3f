/*
 * Damaged files of the public corpora: cut at every byte, each byte flipped, through all that reads
 * them (L-3, L-4, L-15); files over 8 KiB in a fixed sample. Nothing crashes, nothing leaks (ASan,
 * UBSan and valgrind watch in their runs), every refusal has its reason, and no damage turns
 * "Secure Boot is on" on.
 */
#include "unit/facts/damage.h"

#include "eventlog/cel.h"
#include "eventlog/file-kind.h"
#include "eventlog/ima.h"

enum { SMALL_FILE = 8192, LARGE_SAMPLES = 60, SMALL_SAMPLES = SMALL_FILE };

struct totals {
    unsigned files, cuts, flips;
};

typedef void look_fn(struct hasher *hasher, struct span bytes, const struct damage_outcome *whole);

static void look_at_log(struct hasher *hasher, struct span bytes,
                        const struct damage_outcome *whole)
{
    struct damage_outcome out = damage_look(hasher, bytes);

    assert_false(out.secure_boot == STATE_YES && whole->secure_boot != STATE_YES);
}

/* The other readers, whatever the file is. */
static void look_at_other(struct hasher *hasher, struct span bytes,
                          const struct damage_outcome *whole)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(8u * 1024 * 1024);
    uint8_t *copy = malloc(bytes.len == 0 ? 1 : bytes.len);
    struct span exact = span_of(copy, bytes.len);
    struct ima_summary sum = {0};
    struct siglist_iter iter;
    struct siglist_entry entry = {0};
    struct acpi_ccel ccel = {0};
    struct cel *cel = NULL;
    struct trail trail = {0};
    bool covered = false;

    (void)whole;
    assert_non_null(arena);
    assert_non_null(copy);
    memcpy(copy, bytes.data, bytes.len);
    if (cel_read(arena, exact, &trail, &cel) == ERR_OK) {
        for (size_t i = 0; i < cel->n; i++) {
            assert_ok(cel_is_covered(&cel->records[i], hasher, &covered));
        }
    } else {
        assert_true(trail.what[0] != '\0');
    }
    (void)!ima_replay(exact, HASH_SHA256, IMA_EXTEND_HASH, hasher, NULL, &sum);
    (void)!acpi_ccel_read(exact, &ccel);
    (void)file_kind_words(arena, exact);
    siglist_begin(&iter, exact);
    while (siglist_next(&iter, &entry) == ERR_OK) {
        assert_true(entry.data.len <= bytes.len);
    }
    free(copy);
}

/* Where the events of a padded log end: damage to padding is all the same. */
static size_t interesting(struct span bytes)
{
    size_t n = bytes.len;

    while (n > 0 && bytes.data[n - 1] == bytes.data[bytes.len - 1]) {
        n--;
    }
    return n + 16 < bytes.len ? n + 16 : bytes.len;
}

static void damage(struct hasher *hasher, const char *file, struct span bytes, look_fn *look,
                   struct totals *totals)
{
    struct damage_outcome whole = damage_look(hasher, bytes);
    size_t n = interesting(bytes);
    size_t samples = damage_samples(n > SMALL_FILE ? LARGE_SAMPLES : SMALL_SAMPLES);
    size_t step = damage_step(n, samples);
    uint8_t *copy = malloc(bytes.len);

    assert_non_null(copy);
    memcpy(copy, bytes.data, bytes.len);
    look(hasher, bytes, &whole);
    for (size_t len = 0; len<n; len += n> SMALL_FILE ? step : 1) {
        look(hasher, span_of(copy, len), &whole);
        totals->cuts++;
    }
    for (size_t at = file[strlen(file) - 5] % step; at < n; at += step) {
        uint8_t flip = step == 1 ? 0xff : (uint8_t)(1u << at % 8);

        copy[at] ^= flip;
        look(hasher, span_of(copy, bytes.len), &whole);
        copy[at] ^= flip;
        totals->flips++;
    }
    free(copy);
    totals->files++;
}

static void no_damage_to_a_public_file_is_taken_for_good_L_4(void **state)
{
    test_needs_public_data();

    CLEANUP(arena_free) struct arena *arena = test_arena();
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
    struct totals totals = {0};
    yyjson_val *root = NULL;
    yyjson_val *entry;
    size_t i, n;

    (void)state;
    assert_non_null(hasher);
    assert_ok(json_read(arena, test_public_file(arena, "eventlogs/index.json"), NULL, NULL, &root));
    yyjson_arr_foreach(json_get(root, "entries"), i, n, entry)
    {
        CLEANUP(arena_free) struct arena *own = test_arena();
        const char *kind = json_text(json_get(entry, "kind"));
        const char *file = json_text(json_get(entry, "file"));
        bool is_log = strcmp(kind, "eventlog") == 0;
        bool is_other = strcmp(kind, "ima") == 0 || strcmp(kind, "cel") == 0 ||
                        strcmp(kind, "acpi") == 0 || strstr(file, ".siglist") != NULL;

        if (is_log || is_other) {
            struct span bytes = test_public_file(own, arena_printf(own, "eventlogs/%s", file));

            damage(hasher, file, bytes, is_log ? look_at_log : look_at_other, &totals);
        }
    }
    print_message("%u files: %u cuts, %u flips\n", totals.files, totals.cuts, totals.flips);
    assert_true(totals.files >= 61);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_damage_to_a_public_file_is_taken_for_good_L_4),
    };

    return RUN_TESTS(tests);
}
