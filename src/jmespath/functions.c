/*
 * functions.c - the table of functions: names, how many arguments of what kinds.
 */
#include "jmespath/functions.h"

#define KIND(kind) (1u << JMESPATH_##kind)
enum {
    ANY = KIND(NULL) | KIND(BOOLEAN) | KIND(NUMBER) | KIND(STRING) | KIND(ARRAY) | KIND(OBJECT),
    NUMBER = KIND(NUMBER),
    STRING = KIND(STRING),
    ARRAY = KIND(ARRAY),
    OBJECT = KIND(OBJECT),
    /* Arrays all of whose elements are of one kind. */
    NUMBERS = 1u << 6,
    STRINGS = 1u << 7,
    EXPRESSION = 1u << 8, /* &e */
};

enum { MAX_DECLARED = 2, UNLIMITED = 255 };

struct function {
    const char *name;
    uint8_t min, max; /* arguments */
    uint16_t accepts[MAX_DECLARED];
    function_fn *run;
};

/* clang-format off */
/* Sorted by name; what the second argument accepts holds for all that follow. */
#define FUNCTION_TABLE(X)                                                       \
    X(abs, 1, 1, NUMBER, NUMBER)                                                \
    X(avg, 1, 1, NUMBERS, NUMBERS)                                              \
    X(ceil, 1, 1, NUMBER, NUMBER)                                               \
    X(contains, 2, 2, ARRAY | STRING, ANY)                                      \
    X(ends_with, 2, 2, STRING, STRING)                                          \
    X(equals_ignore_case, 2, 2, ANY, ANY)                                       \
    X(floor, 1, 1, NUMBER, NUMBER)                                              \
    X(join, 2, 2, STRING, STRINGS)                                              \
    X(keys, 1, 1, OBJECT, OBJECT)                                               \
    X(length, 1, 1, STRING | ARRAY | OBJECT, STRING | ARRAY | OBJECT)           \
    X(map, 2, 2, EXPRESSION, ARRAY)                                             \
    X(max, 1, 1, NUMBERS | STRINGS, NUMBERS | STRINGS)                          \
    X(max_by, 2, 2, ARRAY, EXPRESSION)                                          \
    X(merge, 1, UNLIMITED, OBJECT, OBJECT)                                      \
    X(min, 1, 1, NUMBERS | STRINGS, NUMBERS | STRINGS)                          \
    X(min_by, 2, 2, ARRAY, EXPRESSION)                                          \
    X(not_null, 1, UNLIMITED, ANY, ANY)                                         \
    X(reverse, 1, 1, ARRAY | STRING, ARRAY | STRING)                            \
    X(sort, 1, 1, NUMBERS | STRINGS, NUMBERS | STRINGS)                         \
    X(sort_by, 2, 2, ARRAY, EXPRESSION)                                         \
    X(starts_with, 2, 2, STRING, STRING)                                        \
    X(sum, 1, 1, NUMBERS, NUMBERS)                                              \
    X(to_array, 1, 1, ANY, ANY)                                                 \
    X(to_number, 1, 1, ANY, ANY)                                                \
    X(to_string, 1, 1, ANY, ANY)                                                \
    X(type, 1, 1, ANY, ANY)                                                     \
    X(values, 1, 1, OBJECT, OBJECT)
/* clang-format on */

static const struct function functions[] = {
#define X(name, min, max, first, second) {#name, min, max, {first, second}, function_##name},
    FUNCTION_TABLE(X)
#undef X
};

const char *const *jmespath_functions(size_t *ret_n)
{
    static const char *const names[] = {
#define X(name, min, max, first, second) #name,
        FUNCTION_TABLE(X)
#undef X
    };

    *ret_n = ARRAY_LEN(names);
    return names;
}

const char *kind_name(enum jmespath_kind kind)
{
    static const char *const names[] = {"null", "boolean", "number", "string", "array", "object"};

    return names[kind];
}

static unsigned accepted(const struct function *function, size_t index)
{
    return function->accepts[index < MAX_DECLARED ? index : MAX_DECLARED - 1];
}

/* "an array of numbers or of strings" */
static const char *accepted_words(unsigned accepts)
{
    switch (accepts) {
    case NUMBER:
        return "a number";
    case STRING:
        return "a string";
    case ARRAY:
        return "an array";
    case OBJECT:
        return "an object";
    case NUMBERS:
        return "an array of numbers";
    case STRINGS:
        return "an array of strings";
    case NUMBERS | STRINGS:
        return "an array of numbers or of strings";
    case ARRAY | STRING:
        return "an array or a string";
    case STRING | ARRAY | OBJECT:
        return "a string, an array or an object";
    case EXPRESSION:
        return "an expression with &";
    default:
        return "a value";
    }
}

/* ---- before anything is evaluated ---- */

static const struct function *find(struct span name)
{
    for (size_t i = 0; i < ARRAY_LEN(functions); i++) {
        if (span_is(name, functions[i].name)) {
            return &functions[i];
        }
    }
    return NULL;
}

static err_t check_count(const struct function *f, const struct node *call, struct trail *trail)
{
    if (call->n_parts >= f->min && (call->n_parts <= f->max || f->max == UNLIMITED)) {
        return ERR_OK;
    }
    return trail_set_at(trail, ERR_USAGE, call->offset, "%s() takes %s%u argument%s, not %u",
                        f->name, f->max == UNLIMITED ? "at least " : "", (unsigned)f->min,
                        f->min == 1 ? "" : "s", (unsigned)call->n_parts);
}

err_t function_bind(struct node *call, struct span name, struct trail *trail)
{
    const struct function *f = find(name);
    size_t index = 0;
    err_t err;

    if (f == NULL) {
        return trail_set_at(trail, ERR_UNSUPPORTED, call->offset, "there is no function %.*s()",
                            name.len < 64 ? (int)name.len : 64, (const char *)name.data);
    }
    err = check_count(f, call, trail);
    for (const struct node *part = call->first; err == ERR_OK && part != NULL; part = part->next) {
        unsigned accepts = accepted(f, index++);

        if ((part->kind == NODE_EXPREF) != (accepts == EXPRESSION)) {
            err = trail_set_at(trail, ERR_JSON_TYPE, part->offset,
                               "argument %zu of %s() must be %s%s", index, f->name,
                               accepted_words(accepts),
                               part->kind == NODE_EXPREF ? ", not an expression with &" : "");
        }
    }
    call->function = f;
    return err;
}

/* ---- calls ---- */

/* The word for the first element that is of neither kind, or of another than the first. */
static const char *odd_element(struct jmespath_value array, unsigned accepts)
{
    for (size_t i = 0; i < array.n; i++) {
        enum jmespath_kind kind = (enum jmespath_kind)array.items[i].kind;
        bool is_accepted = (kind == JMESPATH_NUMBER && (accepts & NUMBERS) != 0) ||
                           (kind == JMESPATH_STRING && (accepts & STRINGS) != 0);

        if (!is_accepted || array.items[i].kind != array.items[0].kind) {
            return kind_name(kind);
        }
    }
    return NULL;
}

static err_t check_argument(struct eval *e, const struct node *call, size_t index,
                            struct jmespath_value value)
{
    unsigned accepts = accepted(call->function, index);
    const char *odd = NULL;
    err_t err = ERR_OK;

    if (value_is(value, JMESPATH_ARRAY) && (accepts & (NUMBERS | STRINGS)) != 0) {
        err = eval_steps(e, 1 + value.n / 4);
        odd = err ? NULL : odd_element(value, accepts);
        if (err || odd == NULL) {
            return err;
        }
    } else if ((accepts & (1u << value.kind)) != 0) {
        return ERR_OK;
    }
    return trail_set_at(e->trail, ERR_JSON_TYPE, call->offset,
                        "argument %zu of %s() must be %s, not %s%s%s", index + 1,
                        call->function->name, accepted_words(accepts),
                        kind_name((enum jmespath_kind)value.kind), odd != NULL ? " with " : "",
                        odd != NULL ? odd : "");
}

err_t function_call(struct eval *e, const struct node *node, struct jmespath_value current,
                    struct jmespath_value *ret)
{
    struct call call = {.eval = e, .node = node, .base = e->used};
    size_t index = 0;
    err_t err = ERR_OK;

    for (const struct node *part = node->first; err == ERR_OK && part != NULL; part = part->next) {
        struct jmespath_value value = value_null();

        if (part->kind == NODE_EXPREF) {
            call.expression = part->first;
        } else {
            err = eval_node(e, part, current, &value);
            err = err ? err : check_argument(e, node, index, value);
        }
        err = err ? err : eval_push(e, value);
        index++;
    }
    err = err ? err : node->function->run(&call, ret);
    e->used = call.base;
    return err;
}
