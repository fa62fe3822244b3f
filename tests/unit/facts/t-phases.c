/*
 * B-9: which boot phases lead from a log to a quote. Failures first: wrong order, unknown words,
 * a word that is not at the end, banks that disagree.
 */
#include "unit/facts/logs.h"

#include "facts/phases.h"

#include <string.h>

enum { WORDS_MAX = 8 };

static const uint8_t start[HASH_MAX_BYTES] =
    "where the sections of the image end, whatever they are";

/* As systemd does it: H(word) without NUL, into one bank. */
static struct phase_register reached(struct arena *arena, enum hash_alg bank,
                                     const char *const *words, size_t n)
{
    size_t size = hash_size(bank);
    uint8_t *value = arena_alloc(arena, HASH_MAX_BYTES);

    assert_non_null(value);
    memcpy(value, start, size);
    for (size_t i = 0; i < n; i++) {
        uint8_t both[2 * HASH_MAX_BYTES];

        memcpy(both, value, size);
        assert_ok(hash_once(bank, span_str(words[i]), both + size));
        assert_ok(hash_once(bank, span_of(both, 2 * size), value));
    }
    return (struct phase_register){bank, span_of(start, size), span_of(value, size)};
}

static err_t find(const struct phase_register *registers, size_t n, struct boot_phases *ret)
{
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();

    assert_non_null(hasher);
    return boot_phases_find(registers, n, hasher, ret);
}

static size_t count(const char *const *words)
{
    size_t n = 0;

    while (n < WORDS_MAX && words[n] != NULL) {
        n++;
    }
    return n;
}

static void refuses_what_systemd_does_not_extend(void **state)
{
    static const char *const lies[][WORDS_MAX] = {
        {"leave-initrd"},
        {"ready"},
        {"shutdown"},
        {"final"},
        {"enter-initrd", "sysinit"},
        {"enter-initrd", "ready"},
        {"leave-initrd", "enter-initrd"},
        {"enter-initrd", "leave-initrd", "ready", "sysinit"},
        {"enter-initrd", "leave-initrd", "sysinit", "shutdown"},
        {"enter-initrd", "leave-initrd", "sysinit", "sysinit"},
        {"enter-initrd", "enter-initrd"},
        /* kexec: another kernel than the measured one runs now */
        {"enter-initrd", "leave-initrd", "sysinit", "ready", "shutdown", "final", "enter-initrd"},
        {"enter-initrd", "leave-initrd", "sysinit", "ready", "enter-initrd"},
        /* a word of one's own, at the end, before it, and in front of all */
        {"enter-initrd", "leave-initrd", "sysinit", "ready", "storage-target-mode"},
        {"enter-initrd", "leave-initrd", "anything", "sysinit", "ready"},
        {".linux", "enter-initrd", "leave-initrd"},
        {"Enter-initrd"},
        {"enter-initrd\n"},
        {""},
    };
    CLEANUP(arena_free) struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lies); i++) {
        struct phase_register reg = reached(arena, HASH_SHA256, lies[i], count(lies[i]));
        struct boot_phases phases;

        if (find(&reg, 1, &phases) != ERR_END) {
            fail_msg("case %zu is taken for boot phases", i);
        }
    }
}

/* systemd leaves the NUL out; with it, it is something else. */
static void a_word_with_its_nul_is_another_word(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct phase_register reg = reached(arena, HASH_SHA256, NULL, 0);
    uint8_t both[2 * SHA256_BYTES];
    uint8_t value[SHA256_BYTES];
    struct boot_phases phases;

    (void)state;
    memcpy(both, start, SHA256_BYTES);
    assert_ok(hash_once(HASH_SHA256, span_of((const uint8_t *)"enter-initrd", 13), both + 32));
    assert_ok(hash_once(HASH_SHA256, span_of(both, sizeof(both)), value));
    reg.attested = span_of(value, sizeof(value));
    assert_err(find(&reg, 1, &phases), ERR_END);
}

static const char *const regular[] = {"enter-initrd", "leave-initrd", "sysinit",
                                      "ready",        "shutdown",     "final"};

static void all_banks_tell_the_same_phases_or_none(void **state)
{
    static const enum hash_alg others[] = {HASH_SHA1, HASH_SHA384, HASH_SHA512};
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct boot_phases phases;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        for (size_t n = 0; n <= ARRAY_LEN(regular); n++) {
            for (size_t other = 0; other <= ARRAY_LEN(regular); other++) {
                const struct phase_register registers[] = {
                    reached(arena, HASH_SHA256, regular, n),
                    reached(arena, others[i], regular, other)};
                const struct phase_register swapped[] = {registers[1], registers[0]};

                assert_err(find(registers, 2, &phases), n == other ? ERR_OK : ERR_END);
                assert_err(find(swapped, 2, &phases), n == other ? ERR_OK : ERR_END);
            }
        }
    }
    assert_err(find(NULL, 0, &phases), ERR_END);
}

/* Each beginning of each order that exists. */
static void known_orders_are_found(void **state)
{
    static const struct {
        const char *words[WORDS_MAX];
        const char *text;
    } orders[] = {
        {{NULL}, "none yet"},
        {{"enter-initrd"}, "enter-initrd"},
        {{"enter-initrd", "leave-initrd"}, "enter-initrd leave-initrd"},
        {{"enter-initrd", "leave-initrd", "sysinit"}, "enter-initrd leave-initrd sysinit"},
        {{"enter-initrd", "leave-initrd", "sysinit", "ready"},
         "enter-initrd leave-initrd sysinit ready"},
        {{"enter-initrd", "leave-initrd", "sysinit", "ready", "shutdown"},
         "enter-initrd leave-initrd sysinit ready shutdown"},
        {{"enter-initrd", "leave-initrd", "sysinit", "ready", "shutdown", "final"},
         "enter-initrd leave-initrd sysinit ready shutdown final"},
        /* an initrd without systemd: Debian's initramfs-tools */
        {{"sysinit", "ready"}, "sysinit ready"},
        /* before 252 */
        {{"enter-initrd", "leave-initrd", "ready"}, "enter-initrd leave-initrd ready"},
        {{"sysinit", "ready", "shutdown", "final", "sysinit", "ready"},
         "sysinit ready, after 1 soft reboot"},
        {{"enter-initrd", "leave-initrd", "sysinit", "ready", "shutdown", "final", "sysinit"},
         "sysinit, after 1 soft reboot"},
    };
    CLEANUP(arena_free) struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
        size_t n = count(orders[i].words);
        const struct phase_register registers[] = {reached(arena, HASH_SHA256, orders[i].words, n),
                                                   reached(arena, HASH_SHA1, orders[i].words, n),
                                                   reached(arena, HASH_SHA512, orders[i].words, n)};
        struct boot_phases phases;

        assert_ok(find(registers, 3, &phases));
        assert_int_equal(phases.n, n);
        for (size_t k = 0; k < n; k++) {
            assert_string_equal(phases.word[k], orders[i].words[k]);
        }
        assert_string_equal(boot_phases_text(arena, &phases), orders[i].text);
    }
}

/* L-15: a machine may soft-reboot often, and a quote may not make the search endless. */
static void soft_reboots_are_counted_up_to_a_limit(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    const char *words[BOOT_PHASES_MAX + 1] = {"enter-initrd", "leave-initrd"};
    struct phase_register reg;
    struct boot_phases phases;

    (void)state;
    for (size_t i = 2; i < ARRAY_LEN(words); i++) {
        words[i] = regular[2 + (i - 2) % BOOT_PHASES_ROUND];
    }
    reg = reached(arena, HASH_SHA256, words, BOOT_PHASES_MAX);
    assert_ok(find(&reg, 1, &phases));
    assert_int_equal(phases.n, BOOT_PHASES_MAX);
    assert_int_equal(phases.n_soft_reboots, BOOT_PHASES_SOFT_REBOOTS);
    assert_string_equal(boot_phases_text(arena, &phases),
                        "sysinit ready shutdown final, after 64 soft reboots");
    reg = reached(arena, HASH_SHA256, words, BOOT_PHASES_MAX + 1);
    assert_err(find(&reg, 1, &phases), ERR_END);
}

/* B-9: phases come from userspace. One inside a firmware log was put there, and so was what stands
 * behind it: sections that no stub measured. */
static void a_phase_inside_the_firmware_log_is_a_fault(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(regular); i++) {
        struct logs_edit *edit = logs_edit_boot(arena, "k-uki-healthy");
        size_t last = logs_find(edit, 11, EV_IPL);
        const struct boot_facts *facts;

        logs_expect_clean(logs_edited_facts(edit));
        while (last < edit->n && edit->items[last].pcr == 11) {
            last++;
        }
        logs_copy(edit, last - 2, last); /* a pair of a section behind the word */
        logs_copy(edit, last - 1, last + 1);
        logs_insert(edit, last, 11, EV_IPL, span_str(regular[i]));
        facts = logs_edited_facts(edit);
        logs_expect(facts, FINDING_EVENT_ORDER, WEIGHT_FAULT, "B-9");
        /* Also under the label of a section's content, which no digest covers. */
        edit->items[last].data = edit->items[last - 1].data;
        logs_expect(logs_edited_facts(edit), FINDING_EVENT_ORDER, WEIGHT_FAULT, "B-9");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_systemd_does_not_extend),
        cmocka_unit_test(a_word_with_its_nul_is_another_word),
        cmocka_unit_test(all_banks_tell_the_same_phases_or_none),
        cmocka_unit_test(known_orders_are_found),
        cmocka_unit_test(soft_reboots_are_counted_up_to_a_limit),
        cmocka_unit_test(a_phase_inside_the_firmware_log_is_a_fault),
    };

    return RUN_TESTS(tests);
}
