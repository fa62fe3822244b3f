/*
 * names.c - types, names and ids of resources.
 */
#include "template/internal.h"

#include "base/buf.h"
#include "base/text.h"

/* The part at *at, and *at behind it; empty at the end. Slashes count once, wherever. */
static struct span next_part(struct span text, size_t *at)
{
    size_t from;

    while (*at < text.len && text.data[*at] == '/') {
        (*at)++;
    }
    from = *at;
    while (*at < text.len && text.data[*at] != '/') {
        (*at)++;
    }
    return span_cut(text, from, *at - from);
}

size_t arm_name_parts(struct span text)
{
    size_t at = 0;
    size_t n = 0;

    while (next_part(text, &at).len > 0) {
        n++;
    }
    return n;
}

static bool is_tidy(struct span text)
{
    return text.len > 0 && text.data[text.len - 1] != '/' &&
           memmem(text.data, text.len, "//", 2) == NULL;
}

enum { END_BYTES = 4 };

/* Do both end in parts that are long enough to look at, and different? Names of a loop differ at
 * their ends. */
static bool ends_differ(struct span a, struct span b)
{
    struct span x = span_cut(a, a.len < END_BYTES ? 0 : a.len - END_BYTES, END_BYTES);
    struct span y = span_cut(b, b.len < END_BYTES ? 0 : b.len - END_BYTES, END_BYTES);

    return x.len == END_BYTES && y.len == END_BYTES && memchr(x.data, '/', x.len) == NULL &&
           memchr(y.data, '/', y.len) == NULL && !text_spans_equal_nocase(x, y);
}

bool arm_name_same(struct work *w, struct span a, struct span b)
{
    size_t i = 0;
    size_t k = 0;

    if (ends_differ(a, b)) {
        return false;
    }
    arm_work_use(w, (a.len + b.len) / 32);
    /* Most are written alike, or are others: this is asked of each pair of many. */
    if (text_spans_equal_nocase(a, b)) {
        return true;
    }
    if (a.len == b.len && is_tidy(a) && is_tidy(b)) {
        return false;
    }

    for (;;) {
        struct span x = next_part(a, &i);
        struct span y = next_part(b, &k);

        if (!text_spans_equal_nocase(x, y)) {
            return false;
        }
        if (x.len == 0) {
            return true;
        }
    }
}

err_t arm_name_id(struct work *w, const char *base, struct span type, struct span name,
                  const char **ret)
{
    CLEANUP(buf_done) struct buf id = {0};
    struct value copy = value_null();
    size_t in_type = 0;
    size_t in_name = 0;
    struct span part = next_part(type, &in_type);
    err_t err;

    buf_init(&id, TEMPLATE_MAX_ID);
    buf_add_str(&id, base);
    if (text_span_equal_nocase(type, "Microsoft.Resources/resourceGroups")) {
        /* These are no provider's: they are the path itself. */
        buf_add_str(&id, "/resourceGroups/");
        buf_add(&id, next_part(name, &in_name));
    } else {
        buf_add_str(&id, "/providers/");
        buf_add(&id, part);
        for (part = next_part(type, &in_type); part.len > 0; part = next_part(type, &in_type)) {
            buf_add_char(&id, '/');
            buf_add(&id, part);
            buf_add_char(&id, '/');
            buf_add(&id, next_part(name, &in_name));
        }
    }
    err = buf_err(&id);
    if (err == ERR_TOO_LARGE) {
        return arm_work_fail(w, err, "an id of more than %d bytes would be made", TEMPLATE_MAX_ID);
    }
    err = err ? err : arm_work_copy(w, buf_span(&id), &copy);
    if (err == ERR_OK) {
        *ret = (const char *)copy.bytes;
    }
    return err;
}

bool arm_name_split(struct span text, struct span *ret_type, struct span *ret_name)
{
    size_t n = arm_name_parts(text);
    size_t at = 0;

    /* The namespace, k types, k names. */
    if (n < 3 || n % 2 != 1) {
        return false;
    }
    for (size_t i = 0; i < 1 + (n - 1) / 2; i++) {
        (void)next_part(text, &at);
    }
    *ret_type = span_cut(text, 0, at);
    *ret_name = span_cut(text, at + 1, text.len);
    return ret_type->data != NULL && memchr(ret_type->data, '.', ret_type->len) != NULL;
}

err_t arm_scope_id(struct work *w, const struct template_scope *scope, const char **ret)
{
    struct value id = value_null();
    err_t err = scope->group_name != NULL
                    ? arm_work_printf(w, &id, "/subscriptions/%s/resourceGroups/%s",
                                      scope->subscription_id, scope->group_name)
                    : arm_work_printf(w, &id, "/subscriptions/%s", scope->subscription_id);

    if (err == ERR_OK) {
        *ret = (const char *)id.bytes;
    }
    return err;
}

/* ---- finding resources ---- */

/* "vm[3]" is the third of the loop or symbol "vm". */
static bool split_index(struct span text, struct span *ret_name, uint32_t *ret_index)
{
    const uint8_t *open = text.len > 2 ? memrchr(text.data, '[', text.len) : NULL;
    uint32_t index = 0;

    if (open == NULL || text.data[text.len - 1] != ']' || open + 1 == text.data + text.len - 1) {
        return false;
    }
    for (const uint8_t *p = open + 1; p < text.data + text.len - 1; p++) {
        if (*p < '0' || *p > '9' || index > TEMPLATE_MAX_RESOURCES) {
            return false;
        }
        index = index * 10 + (*p - '0');
    }
    *ret_name = span_of(text.data, (size_t)(open - text.data));
    *ret_index = index;
    return true;
}

static bool has_symbol(const struct row *row, struct span name)
{
    return row->shown.symbolic_name != NULL &&
           text_span_equal_nocase(name, row->shown.symbolic_name);
}

uint32_t arm_resource_find_all(const struct template *t, struct span name, uint8_t *found)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < t->n_rows; i++) {
        const struct row *row = &t->rows[i];

        if (has_symbol(row, name) ||
            (row->loop_name.len > 0 && text_spans_equal_nocase(row->loop_name, name))) {
            n += found[i] == 0 ? 1 : 0;
            found[i] = 1;
        }
    }
    return n;
}

/* By symbol, which a loop's copies share. */
static uint32_t find_symbol(const struct template *t, struct span name)
{
    struct span base = name;
    uint32_t index = 0;
    bool has_index = split_index(name, &base, &index);

    for (uint32_t i = 0; i < t->n_rows; i++) {
        if (has_symbol(&t->rows[i], name) ||
            (has_index && t->rows[i].shown.copy_index == index && has_symbol(&t->rows[i], base))) {
            return i;
        }
    }
    return t->n_rows;
}

uint32_t arm_resource_find(struct eval *e, struct span name_or_id, bool is_id)
{
    const struct template *t = e->t;
    uint32_t found = is_id ? t->n_rows : find_symbol(t, name_or_id);
    struct span type = {0};
    struct span name = name_or_id;
    bool has_type = !is_id && arm_name_split(name_or_id, &type, &name);

    if (found < t->n_rows) {
        return found;
    }
    for (uint32_t i = 0; i < t->n_rows; i++) {
        const struct template_resource *r = &t->rows[i].shown;
        bool is_it = is_id ? arm_name_same(&e->w, span_str(r->id), name_or_id)
                           : arm_name_same(&e->w, span_str(r->name), name_or_id) ||
                                 (has_type && arm_name_same(&e->w, span_str(r->type), type) &&
                                  arm_name_same(&e->w, span_str(r->name), name));

        /* Of two with one id, of which a condition takes one, that one. */
        if (is_it && (found == t->n_rows || t->rows[found].shown.is_skipped)) {
            found = i;
        }
    }
    return found;
}
