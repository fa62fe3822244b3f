#include "appraise/cmdline.h"

#include <string.h>

static bool is_plain_path(struct span path)
{
    for (size_t i = 0; i < path.len; i++) {
        uint8_t c = path.data[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

        if (!is_letter && (c == 0 || strchr("/._+~-@:,()", c) == NULL)) {
            return false;
        }
    }
    return path.len > 0;
}

bool cmdline_split(struct span measured, struct span *ret_parameters)
{
    const uint8_t *space = measured.len > 0 ? memchr(measured.data, ' ', measured.len) : NULL;
    size_t at = space != NULL ? (size_t)(space - measured.data) : measured.len;

    *ret_parameters = span_cut(measured, at, measured.len);
    return is_plain_path(span_cut(measured, 0, at));
}
