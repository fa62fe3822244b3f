/*
 * form.h - application/x-www-form-urlencoded bodies (RFC 6749, appendix B), strictly.
 *
 * A name may be there once: two readers could disagree about the second (RFC 6749, 3.2). Everything
 * lives in the arena and is gone with it; a secret among the values is wiped by form_wipe.
 */
#ifndef IDENTITY_FORM_H
#define IDENTITY_FORM_H

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"

enum { FORM_MAX_FIELDS = 32, FORM_MAX_BYTES = 16 * 1024 };

struct form {
    struct {
        struct span name, value; /* decoded */
    } fields[FORM_MAX_FIELDS];
    size_t n;
};

/* ERR_CONFLICT for a name that is there twice, which *trail names; ERR_MALFORMED for a broken
 * escape or a NUL, ERR_TOO_MANY, ERR_TOO_LARGE. */
err_t form_read(struct arena *arena, struct span body, struct trail *trail,
                struct form *ret) MUST_CHECK;
/* data NULL when it is not there; an empty value counts as not there (RFC 6749, 3.2). */
struct span form_get(const struct form *form, const char *name);
/* One text of a form, decoded: "+" and %XX. ERR_MALFORMED as above. */
err_t form_decode(struct arena *arena, struct span text, struct span *ret) MUST_CHECK;
/* Overwrite all values. */
void form_wipe(struct form *form);

#endif
