#include "facts/phases.h"

enum { HEAD = 2, WORDS = BOOT_PHASES_WORDS };

static const char *const words[WORDS] = {"enter-initrd", "leave-initrd", "sysinit",
                                         "ready",        "shutdown",     "final"};

/* A known order: how much of the head it has, and where in the round it goes on. */
struct order {
    size_t head;
    size_t skip;
};

static size_t word_at(const struct order *order, size_t i)
{
    return i < order->head ? i : HEAD + (i - order->head + order->skip) % BOOT_PHASES_ROUND;
}

err_t phase_digests_make(enum hash_alg bank, struct hasher *hasher, struct phase_digests *ret)
{
    err_t err = ERR_OK;

    ret->size = hash_size(bank);
    for (size_t i = 0; err == ERR_OK && i < WORDS; i++) {
        err = hasher_once(hasher, bank, span_str(words[i]), ret->digest[i]);
    }
    return err;
}

const char *phase_digests_name(const struct phase_digests *digests, struct span digest)
{
    for (size_t i = 0; i < WORDS; i++) {
        if (span_equal(span_of(digests->digest[i], digests->size), digest)) {
            return words[i];
        }
    }
    return NULL;
}

/* How many words of this order lead to the attested value in one bank; *ret_found false: none do.
 */
static err_t count_words(const struct phase_register *reg, const struct order *order, size_t limit,
                         const struct phase_digests *digests, struct hasher *hasher, size_t *ret_n,
                         bool *ret_found)
{
    uint8_t value[HASH_MAX_BYTES];
    size_t size = digests->size;

    memcpy(value, reg->logged.data, size);
    *ret_found = false;
    for (size_t i = 0;; i++) {
        err_t err;

        if (span_equal(span_of(value, size), reg->attested)) {
            *ret_n = i;
            *ret_found = true;
            return ERR_OK;
        }
        if (i == limit) {
            return ERR_OK;
        }
        err = hasher_extend(hasher, reg->bank, span_of(value, size),
                            span_of(digests->digest[word_at(order, i)], size), value);
        if (err) {
            return err;
        }
    }
}

static void name_words(const struct order *order, size_t n, struct boot_phases *ret)
{
    ret->n = ret->n_current = n;
    ret->n_soft_reboots = 0;
    for (size_t i = 0; i < n; i++) {
        ret->word[i] = words[word_at(order, i)];
        if (i > 0 && word_at(order, i - 1) == WORDS - 1) {
            ret->n_soft_reboots++;
            ret->n_current = n - i;
        }
    }
}

err_t boot_phases_find(const struct phase_register *registers, size_t n, struct hasher *hasher,
                       struct boot_phases *ret)
{
    static const struct order orders[] = {{HEAD, 0}, {0, 0}, {HEAD, 1}};

    for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
        size_t n_words = 0;
        bool found = n > 0;

        for (size_t bank = 0; found && bank < n; bank++) {
            struct phase_digests digests;
            size_t here = 0;
            err_t err = phase_digests_make(registers[bank].bank, hasher, &digests);

            /* The first bank says how many; the others must agree. */
            err = err ? err
                      : count_words(&registers[bank], &orders[i],
                                    bank == 0 ? BOOT_PHASES_MAX : n_words, &digests, hasher, &here,
                                    &found);
            if (err) {
                return err;
            }
            found = found && (bank == 0 || here == n_words);
            n_words = here;
        }
        if (found) {
            name_words(&orders[i], n_words, ret);
            return ERR_OK;
        }
    }
    return ERR_END;
}

const char *boot_phases_text(struct arena *arena, const struct boot_phases *phases)
{
    const char *text = phases->n == 0 ? "none yet" : "";

    for (size_t i = phases->n - phases->n_current; i < phases->n && text != NULL; i++) {
        text = arena_printf(arena, "%s%s%s", text, text[0] == '\0' ? "" : " ", phases->word[i]);
    }
    if (text != NULL && phases->n_soft_reboots > 0) {
        text = arena_printf(arena, "%s, after %zu soft reboot%s", text, phases->n_soft_reboots,
                            phases->n_soft_reboots == 1 ? "" : "s");
    }
    return text == NULL ? "" : text;
}
