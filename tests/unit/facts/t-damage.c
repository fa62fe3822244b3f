/*
 * Damaged logs: every recorded log cut at every byte, and one bit of it flipped in samples. Nothing
 * crashes (AddressSanitizer watches in its build), and no flipped bit leaves both the registers
 * and the facts as they were, except where neither covers the bit.
 */
#include "unit/facts/damage.h"

#include "base/file.h"

static void for_each_boot(void (*check)(struct hasher *hasher, const char *name, struct span bytes))
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
    const char **names = NULL;

    assert_non_null(hasher);
    assert_ok(file_list(arena, test_vector_path(arena, "boots"), NULL, &names));
    for (; *names != NULL; names++) {
        if (logs_has_boot(arena, *names)) {
            check(hasher, *names, logs_boot(arena, *names));
        }
    }
}

static void cut_one(struct hasher *hasher, const char *name, struct span bytes)
{
    size_t last = 0;
    bool is_sampled = damage_samples(SIZE_MAX) != SIZE_MAX;

    (void)name;
    for (size_t len = 0; len < bytes.len; len += damage_step(bytes.len, damage_samples(SIZE_MAX))) {
        /* Facts of each prefix that is a log, errors of all others. */
        struct damage_outcome out = {0};
        CLEANUP(arena_free) struct arena *arena = arena_new(1024 * 1024);
        struct eventlog *log = NULL;
        uint8_t *copy = malloc(len == 0 ? 1 : len);

        memcpy(copy, bytes.data, len);
        out.err = eventlog_read(arena, span_of(copy, len), NULL, &log);
        free(copy);
        if (out.err == ERR_OK) {
            out = damage_look(hasher, span_cut(bytes, 0, len));
            assert_ok(out.err);
            assert_true(out.n_events > last && (out.n_events == last + 1 || is_sampled));
            last = out.n_events;
        }
    }
    assert_true(last > 20 || is_sampled);
}

static void logs_cut_at_every_byte_never_crash_L_4(void **state)
{
    (void)state;
    for_each_boot(cut_one);
}

static void flip_one(struct hasher *hasher, const char *name, struct span bytes)
{
    uint8_t *copy = malloc(bytes.len);
    /* Another sample of bits for each boot. */
    size_t seed = name[0] * 31u + name[strlen(name) - 1];
    size_t sampled = damage_step(bytes.len, damage_samples(bytes.len / 13));
    size_t step = sampled > 13 ? sampled : 13;
    struct damage_outcome whole = damage_look(hasher, bytes);

    assert_non_null(copy);
    assert_ok(whole.err);
    memcpy(copy, bytes.data, bytes.len);
    for (size_t i = seed % 13; i < bytes.len; i += step) {
        uint8_t bit = (uint8_t)(1u << ((i + seed) % 8));
        struct damage_outcome out;

        copy[i] ^= bit;
        out = damage_look(hasher, span_of(copy, bytes.len));
        copy[i] ^= bit;
        /* "On" must never come from a flipped bit. */
        if (out.err == ERR_OK && out.secure_boot == STATE_YES && whole.secure_boot != STATE_YES) {
            fail_msg("%s: bit %u of byte %zu", name, bit, i);
        }
    }
    free(copy);
}

static void flipped_bits_never_crash_nor_turn_secure_boot_on(void **state)
{
    (void)state;
    for_each_boot(flip_one);
}

/* PCR 7 of a healthy boot: a flipped bit is seen in the registers or takes the state "on" away. */
static void no_bit_of_the_secure_boot_variables_is_free_D_1(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
    struct span bytes = logs_boot(arena, "l-sha256-only-bank");
    struct eventlog *log = logs_read(arena, bytes);
    struct damage_outcome whole = damage_look(hasher, bytes);
    bool is_sampled = damage_samples(SIZE_MAX) != SIZE_MAX;
    uint8_t *copy = malloc(bytes.len);

    (void)state;
    assert_int_equal(whole.secure_boot, STATE_YES);
    memcpy(copy, bytes.data, bytes.len);
    for (size_t i = 0; i < log->n_events; i++) {
        const struct event *event = &log->events[i];
        size_t end = i + 1 < log->n_events ? log->events[i + 1].offset : bytes.len;
        bool is_big = event->data.len > 200;

        if (event->pcr != 7) {
            continue;
        }
        for (size_t at = event->offset; at < end; at += is_big || is_sampled ? 37 : 1) {
            struct damage_outcome out;

            copy[at] ^= 1u << (at % 8);
            out = damage_look(hasher, span_of(copy, bytes.len));
            copy[at] ^= 1u << (at % 8);
            if (out.err == ERR_OK && out.secure_boot == STATE_YES &&
                memcmp(&out.registers, &whole.registers, sizeof(out.registers)) == 0) {
                fail_msg("event %zu, byte %zu", i, at - event->offset);
            }
        }
    }
    free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logs_cut_at_every_byte_never_crash_L_4),
        cmocka_unit_test(flipped_bits_never_crash_nor_turn_secure_boot_on),
        cmocka_unit_test(no_bit_of_the_secure_boot_variables_is_free_D_1),
    };

    return RUN_TESTS(tests);
}
