/*
 * form.c - bodies of forms. Who may send these bytes: anybody.
 */
#include "identity/form.h"

#include "base/codec.h"
#include "base/text.h"
#include "crypto/secret.h"

err_t form_decode(struct arena *arena, struct span text, struct span *ret)
{
    return percent_decode(arena, text, true, ret);
}

static err_t add(struct arena *arena, struct span pair, struct trail *trail, struct form *form)
{
    const uint8_t *equal = memchr(pair.data, '=', pair.len);
    size_t name_len = equal == NULL ? pair.len : (size_t)(equal - pair.data);
    struct span name = {0}, value = {0};
    err_t err;

    if (form->n == FORM_MAX_FIELDS) {
        return trail_set(trail, ERR_TOO_MANY, "more than %d fields", FORM_MAX_FIELDS);
    }
    err = form_decode(arena, span_cut(pair, 0, name_len), &name);
    err = err ? err : form_decode(arena, span_cut(pair, name_len + 1, pair.len), &value);
    if (err) {
        return err == ERR_MALFORMED ? trail_set(trail, err, "has a broken escape") : err;
    }
    for (size_t i = 0; i < form->n; i++) {
        if (span_equal(form->fields[i].name, name)) {
            char shown[64];

            text_escape(name, shown, sizeof(shown));
            return trail_set(trail, ERR_CONFLICT, "%s", shown);
        }
    }
    form->fields[form->n].name = name;
    form->fields[form->n++].value = value;
    return ERR_OK;
}

err_t form_read(struct arena *arena, struct span body, struct trail *trail, struct form *ret)
{
    struct form form = {0};
    size_t at = 0;

    if (body.len > FORM_MAX_BYTES) {
        return trail_set(trail, ERR_TOO_LARGE, "is larger than %d bytes", FORM_MAX_BYTES);
    }
    while (at < body.len) {
        const uint8_t *end = memchr(body.data + at, '&', body.len - at);
        size_t to = end == NULL ? body.len : (size_t)(end - body.data);

        if (to > at) {
            err_t err = add(arena, span_of(body.data + at, to - at), trail, &form);

            if (err) {
                return err;
            }
        }
        at = to + 1;
    }
    *ret = form;
    return ERR_OK;
}

struct span form_get(const struct form *form, const char *name)
{
    for (size_t i = 0; i < form->n; i++) {
        if (span_is(form->fields[i].name, name)) {
            return form->fields[i].value.len > 0 ? form->fields[i].value : (struct span){0};
        }
    }
    return (struct span){0};
}

void form_wipe(struct form *form)
{
    for (size_t i = 0; i < form->n; i++) {
        secret_wipe(form->fields[i].value);
    }
    *form = (struct form){0};
}
