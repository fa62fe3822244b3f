/*
 * Who can send these bytes: whoever writes policies, the expression; guests, the document, and what
 * a policy splices into an expression. The expression, a line feed, the document.
 */
#include "jmespath/jmespath.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds) {
        __builtin_trap();
    }
}

/* What is written reads back equal, unless it is too deep or too much to be a document. */
static void check_text(struct arena *arena, const struct jmespath_value *value)
{
    for (enum jmespath_form form = JMESPATH_COMPACT; form <= JMESPATH_INDENTED; form++) {
        struct jmespath_budget budget = {JMESPATH_MAX_STEPS};
        const struct jmespath_value *again = NULL;
        struct span text;
        bool is_equal = false;

        if (jmespath_to_text(arena, value, form, &budget, NULL, &text) == ERR_OK) {
            err_t err = jmespath_read(arena, text, NULL, &again);

            require(err == ERR_OK || jmespath_fault(err) == JMESPATH_LIMIT);
            require(err || jmespath_equal(value, again, &budget, NULL, &is_equal) || is_equal);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(64u * 1024 * 1024);
    const uint8_t *end = size > 0 ? memchr(data, '\n', size) : NULL;
    struct span expression = span_of(data, end != NULL ? (size_t)(end - data) : size);
    struct jmespath_budget budget = {100000};
    const struct jmespath_value *root = NULL;
    const struct jmespath_value *result = NULL;
    struct jmespath *query = NULL;
    struct trail trail = {0};
    err_t err;

    require(arena != NULL);
    err = jmespath_compile(arena, expression, &trail, &query);
    require(err == ERR_OK || (jmespath_fault(err) != JMESPATH_OTHER && trail.what[0] != '\0'));
    require(!trail.has_offset || trail.offset <= expression.len);
    if (end != NULL && jmespath_read(arena, span_cut(span_of(data, size), expression.len + 1, size),
                                     NULL, &root) == ERR_OK) {
        check_text(arena, root);
        if (err == ERR_OK) {
            err = jmespath_search(query, arena, root, &budget, &trail, &result);
            require(err == ERR_OK || (jmespath_fault(err) != JMESPATH_OTHER &&
                                      jmespath_fault(err) != JMESPATH_SYNTAX));
            require((err == ERR_OK) == (result != NULL));
        }
        if (result != NULL) {
            check_text(arena, result);
        }
    }
    arena_free(arena);
    return 0;
}
