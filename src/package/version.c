/* Who may send these texts: owners of packages, guests, a server. */
#include "package/version.h"

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* A number of up to six digits at *at, without leading zeros. */
static bool take_number(struct span text, size_t *at, uint32_t *ret)
{
    size_t from = *at;
    uint32_t number = 0;

    while (*at < text.len && is_digit(text.data[*at])) {
        number = number * 10 + (uint32_t)(text.data[*at] - '0');
        if (number > VERSION_PART_MAX) {
            return false;
        }
        ++*at;
    }
    *ret = number;
    return *at > from && (*at - from == 1 || text.data[from] != '0');
}

err_t version_read(struct span text, struct version *ret)
{
    struct version version = {0};
    size_t at = 0, n = 0;

    do {
        if (n == VERSION_MAX_PARTS || (n > 0 && text.data[at++] != '.') ||
            !take_number(text, &at, &version.parts[n])) {
            return ERR_VALUE;
        }
        n++;
    } while (at < text.len);
    if (n < VERSION_MIN_PARTS) {
        return ERR_VALUE;
    }
    *ret = version;
    return ERR_OK;
}

int version_compare(const struct version *a, const struct version *b)
{
    for (size_t i = 0; i < VERSION_MAX_PARTS; i++) {
        if (a->parts[i] != b->parts[i]) {
            return a->parts[i] < b->parts[i] ? -1 : 1;
        }
    }
    return 0;
}

bool version_text_equal(struct span a, struct span b)
{
    struct version left, right;

    return version_read(a, &left) == ERR_OK && version_read(b, &right) == ERR_OK &&
           version_compare(&left, &right) == 0;
}

bool version_is_upgrade(const struct version *from, const struct version *to, bool takes_minor)
{
    return version_compare(from, to) < 0 && from->parts[0] == to->parts[0] &&
           (takes_minor || from->parts[1] == to->parts[1]);
}
