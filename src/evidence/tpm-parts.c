/*
 * tpm-parts.c - what the readers of a /attest/Tpm request share.
 */
#include "evidence/tpm-parts.h"

#include "base/codec.h"

#include <stdio.h>

err_t tpm_fault(struct trail *trail, err_t err, const char *name, const char *words)
{
    trail_set(trail, err, "%s", words);
    return trail_in(trail, err, name);
}

err_t tpm_in_list(struct trail *trail, err_t err, const char *list, size_t index)
{
    char name[48];

    snprintf(name, sizeof(name), "%s[%zu]", list, index);
    return trail_in(trail, err, name);
}

err_t tpm_need_bytes(struct arena *arena, yyjson_val *object, const char *name, size_t max,
                     struct trail *trail, struct span *ret)
{
    err_t err = json_need_base64(arena, object, name, BASE64_URL_LENIENT, trail, ret);

    if (err == ERR_OK && ret->len == 0) {
        return tpm_fault(trail, ERR_JSON_MISSING, name, "is empty");
    }
    if (err == ERR_OK && ret->len > max) {
        trail_set(trail, ERR_TOO_LARGE, "is longer than %zu bytes", max);
        return trail_in(trail, ERR_TOO_LARGE, name);
    }
    return err;
}

err_t tpm_need_blob(struct arena *arena, yyjson_val *object, const char *of, const char *name,
                    struct trail *trail, struct evidence_blob *ret)
{
    err_t err = tpm_need_bytes(arena, object, name, EVIDENCE_MAX_BYTES, trail, &ret->bytes);

    if (err == ERR_OK) {
        ret->where = arena_printf(arena, "%s.%s", of, name);
        err = ret->where == NULL ? ERR_MEMORY : ERR_OK;
    }
    return err;
}
