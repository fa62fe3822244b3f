#include "guest/kernel-text.h"

#include "base/text.h"

#include <stdlib.h>

enum { NAME_ESCAPED_MAX = KERNEL_MODULE_NAME_MAX * 4 }; /* each byte as an escape */

struct span kernel_text_until(struct span *rest, char end)
{
    const uint8_t *at = rest->len == 0 ? NULL : memchr(rest->data, end, rest->len);
    size_t len = at == NULL ? rest->len : (size_t)(at - rest->data);
    struct span head = span_cut(*rest, 0, len);

    *rest = span_cut(*rest, at == NULL ? len : len + 1, rest->len);
    return head;
}

struct span kernel_text_trim(struct span text)
{
    while (text.len > 0 && (text.data[text.len - 1] == '\n' || text.data[text.len - 1] == ' ')) {
        text.len--;
    }
    return text;
}

err_t kernel_number(struct span text, uint64_t *ret)
{
    struct span digits = kernel_text_trim(text);
    uint64_t value = 0;

    for (size_t i = 0; i < digits.len; i++) {
        unsigned digit = (unsigned)digits.data[i] - '0';

        if (digit > 9 || value > (UINT64_MAX - digit) / 10) {
            return ERR_MALFORMED;
        }
        value = value * 10 + digit;
    }
    if (digits.len == 0) {
        return ERR_MALFORMED;
    }
    *ret = value;
    return ERR_OK;
}

err_t kernel_yes_no(struct span text, bool *ret)
{
    struct span word = kernel_text_trim(text);

    if (!span_is(word, "Y") && !span_is(word, "N") && !span_is(word, "1") && !span_is(word, "0")) {
        return ERR_MALFORMED;
    }
    *ret = word.data[0] == 'Y' || word.data[0] == '1';
    return ERR_OK;
}

static bool is_lower(struct span word)
{
    for (size_t i = 0; i < word.len; i++) {
        if (word.data[i] < 'a' || word.data[i] > 'z') {
            return false;
        }
    }
    return word.len > 0;
}

err_t kernel_chosen(struct span text, struct span *ret)
{
    struct span rest = kernel_text_trim(text), chosen = {0};

    while (rest.len > 0) {
        struct span word = kernel_text_until(&rest, ' ');
        bool is_chosen = word.len > 2 && word.data[0] == '[' && word.data[word.len - 1] == ']';

        if (is_chosen && chosen.data != NULL) {
            return ERR_MALFORMED;
        }
        word = is_chosen ? span_cut(word, 1, word.len - 2) : word;
        if (!is_lower(word)) {
            return ERR_MALFORMED;
        }
        chosen = is_chosen ? word : chosen;
    }
    if (chosen.data == NULL) {
        return ERR_MALFORMED;
    }
    *ret = chosen;
    return ERR_OK;
}

const char *kernel_taint_name(unsigned bit)
{
    static const char *const names[] = {
        "PROPRIETARY_MODULE",    /* P */
        "FORCED_MODULE",         /* F */
        "CPU_OUT_OF_SPEC",       /* S */
        "FORCED_RMMOD",          /* R */
        "MACHINE_CHECK",         /* M */
        "BAD_PAGE",              /* B */
        "USER",                  /* U */
        "DIE",                   /* D */
        "OVERRIDDEN_ACPI_TABLE", /* A */
        "WARN",                  /* W */
        "CRAP",                  /* C */
        "FIRMWARE_WORKAROUND",   /* I */
        "OOT_MODULE",            /* O */
        "UNSIGNED_MODULE",       /* E */
        "SOFTLOCKUP",            /* L */
        "LIVEPATCH",             /* K */
        "AUX",                   /* X */
        "RANDSTRUCT",            /* T */
        "TEST",                  /* N */
        "FWCTL",                 /* J */
    };

    return bit < ARRAY_LEN(names) ? names[bit] : NULL;
}

/* ---- /proc/modules ---- */

static bool is_plain(struct span name)
{
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.data[i];

        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
            c != '_' && c != '-') {
            return false;
        }
    }
    return true;
}

/* "(OE)", with + while it loads and - while it goes. */
static err_t read_taints(struct span word, struct kernel_module *module)
{
    size_t n = 0;

    if (word.len == 0) {
        return ERR_OK;
    }
    if (word.len < 2 || word.data[0] != '(' || word.data[word.len - 1] != ')') {
        return ERR_MALFORMED;
    }
    for (size_t i = 1; i < word.len - 1; i++) {
        uint8_t c = word.data[i];

        if (c == '+' || c == '-') {
            continue;
        }
        if (c < 'A' || c > 'Z' || n == KERNEL_MODULE_TAINTS_MAX) {
            return ERR_MALFORMED;
        }
        module->taints[n++] = (char)c;
    }
    return ERR_OK;
}

/* name size references dependants state address [taints] */
static err_t read_module(struct arena *arena, struct span line, struct kernel_module *module)
{
    struct span rest = line;
    struct span name = kernel_text_until(&rest, ' ');
    struct span size = kernel_text_until(&rest, ' ');
    struct span references = kernel_text_until(&rest, ' ');
    struct span dependants = kernel_text_until(&rest, ' ');
    struct span state = kernel_text_until(&rest, ' ');
    struct span address = kernel_text_until(&rest, ' ');

    if (name.len == 0 || name.len > KERNEL_MODULE_NAME_MAX || references.len == 0 ||
        dependants.len == 0 || !span_starts(address, "0x") ||
        (!span_is(state, "Live") && !span_is(state, "Loading") && !span_is(state, "Unloading")) ||
        kernel_number(size, &module->size) != ERR_OK) {
        return ERR_MALFORMED;
    }
    module->is_plain = is_plain(name);
    module->name = text_escape_dup(arena, name, NAME_ESCAPED_MAX);
    return module->name[0] == '\0' ? ERR_MEMORY : read_taints(kernel_text_trim(rest), module);
}

static int compare_modules(const void *a, const void *b)
{
    const struct kernel_module *x = a, *y = b;

    return strcmp(x->name, y->name);
}

static size_t count_lines(struct span text)
{
    size_t n = text.len > 0 && text.data[text.len - 1] != '\n' ? 1 : 0;

    for (size_t i = 0; i < text.len; i++) {
        n += text.data[i] == '\n' ? 1 : 0;
    }
    return n;
}

err_t kernel_modules(struct arena *arena, struct span text, struct trail *trail,
                     struct kernel_module **ret, size_t *ret_n)
{
    size_t n = count_lines(text);
    struct kernel_module *modules;

    if (n > KERNEL_MODULES_LISTED_MAX) {
        return trail_set(trail, ERR_TOO_MANY, "more than %d modules", KERNEL_MODULES_LISTED_MAX);
    }
    modules = arena_calloc(arena, n + 1, sizeof(*modules));
    if (modules == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < n; i++) {
        err_t err = read_module(arena, kernel_text_until(&text, '\n'), &modules[i]);

        if (err) {
            return trail_set(trail, err, "line %zu is no module", i + 1);
        }
    }
    qsort(modules, n, sizeof(*modules), compare_modules);
    *ret = modules;
    *ret_n = n;
    return ERR_OK;
}
