/*
 * functions.c - the table of functions: how many arguments of what kinds, and where.
 */
#include "template/functions.h"

#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define KIND(kind) (1u << VALUE_##kind)
enum {
    NUL = KIND(NULL),
    BOO = KIND(BOOL),
    INT = KIND(INT),
    NUM = KIND(INT) | KIND(REAL),
    STR = KIND(STRING),
    ARR = KIND(ARRAY),
    OBJ = KIND(OBJECT),
    PLAIN = KIND(STRING) | KIND(INT) | KIND(REAL) | KIND(BOOL),
    ANY = KIND(NULL) | KIND(BOOL) | KIND(INT) | KIND(REAL) | KIND(STRING) | KIND(ARRAY) |
          KIND(OBJECT),
};

enum {
    LAZY = 1,     /* evaluates its arguments itself */
    RUN = 2,      /* asks what is made */
    DEFAULT = 4,  /* in defaults of parameters only */
    OWN = 8,      /* allowed in functions of the template, though it asks the template */
    TEMPLATE = 16 /* asks the template or where it is deployed */
};

enum { MANY = 255, SMALL = 8, SEARCH_BYTES = 256 };

struct function {
    const char *name;
    function_fn *run;
    uint8_t min, max;
    uint8_t flags;
    unsigned first, rest; /* kinds of the first argument and of those behind it */
};

/* clang-format off */
/* Sorted by name, in lower case. */
#define FUNCTION_TABLE(X)                                                          \
    X(add, 2, 2, 0, INT, INT)                                                      \
    X(and, 2, MANY, LAZY, ANY, ANY)                                                \
    X(array, 1, 1, 0, ANY, ANY)                                                    \
    X(base64, 1, 1, 0, STR, STR)                                                   \
    X(base64ToJson, 1, 1, 0, STR, STR)                                             \
    X(base64ToString, 1, 1, 0, STR, STR)                                           \
    X(bool, 1, 1, 0, STR | INT | BOO, 0)                                           \
    X(coalesce, 1, MANY, LAZY, ANY, ANY)                                           \
    X(concat, 1, MANY, 0, PLAIN | ARR, PLAIN | ARR)                                \
    X(contains, 2, 2, 0, STR | ARR | OBJ, ANY)                                     \
    X(copyIndex, 0, 2, TEMPLATE, STR | INT, INT)                                   \
    X(createArray, 0, MANY, 0, ANY, ANY)                                           \
    X(createObject, 0, MANY, 0, ANY, ANY)                                          \
    X(dataUri, 1, 1, 0, STR, STR)                                                  \
    X(dataUriToString, 1, 1, 0, STR, STR)                                          \
    X(dateTimeAdd, 2, 3, 0, STR, STR)                                              \
    X(dateTimeFromEpoch, 1, 1, 0, INT, INT)                                        \
    X(dateTimeToEpoch, 1, 1, 0, STR, STR)                                          \
    X(deployer, 0, 0, TEMPLATE, 0, 0)                                              \
    X(deployment, 0, 0, TEMPLATE, 0, 0)                                            \
    X(div, 2, 2, 0, INT, INT)                                                      \
    X(empty, 1, 1, 0, STR | ARR | OBJ | NUL, 0)                                    \
    X(endsWith, 2, 2, 0, STR, STR)                                                 \
    X(environment, 0, 0, TEMPLATE, 0, 0)                                           \
    X(equals, 2, 2, 0, ANY, ANY)                                                   \
    X(extensionResourceId, 3, MANY, TEMPLATE, STR, STR)                            \
    X(false, 0, 0, 0, 0, 0)                                                        \
    X(filter, 2, 2, LAZY, ANY, ANY)                                                \
    X(first, 1, 1, 0, STR | ARR, 0)                                                \
    X(flatten, 1, 1, 0, ARR, 0)                                                    \
    X(float, 1, 1, 0, STR | NUM, 0)                                                \
    X(format, 1, MANY, 0, STR, ANY)                                                \
    X(greater, 2, 2, 0, NUM | STR, NUM | STR)                                      \
    X(greaterOrEquals, 2, 2, 0, NUM | STR, NUM | STR)                              \
    X(groupBy, 2, 2, LAZY, ANY, ANY)                                               \
    X(guid, 1, MANY, 0, STR, STR)                                                  \
    X(if, 3, 3, LAZY, ANY, ANY)                                                    \
    X(indexFromEnd, 2, 2, 0, ARR, INT)                                             \
    X(indexOf, 2, 2, 0, STR | ARR, ANY)                                            \
    X(int, 1, 1, 0, STR | NUM, 0)                                                  \
    X(intersection, 2, MANY, 0, ARR | OBJ, ARR | OBJ)                              \
    X(items, 1, 1, 0, OBJ, 0)                                                      \
    X(join, 2, 2, 0, ARR, STR)                                                     \
    X(json, 1, 1, 0, STR, 0)                                                       \
    X(lambda, 1, MANY, LAZY, ANY, ANY)                                             \
    X(lambdaVariables, 1, 1, 0, STR, 0)                                            \
    X(last, 1, 1, 0, STR | ARR, 0)                                                 \
    X(lastIndexOf, 2, 2, 0, STR | ARR, ANY)                                        \
    X(length, 1, 1, 0, STR | ARR | OBJ, 0)                                         \
    X(less, 2, 2, 0, NUM | STR, NUM | STR)                                         \
    X(lessOrEquals, 2, 2, 0, NUM | STR, NUM | STR)                                 \
    X(managementGroup, 0, 0, TEMPLATE, 0, 0)                                       \
    X(map, 2, 2, LAZY, ANY, ANY)                                                   \
    X(mapValues, 2, 2, LAZY, ANY, ANY)                                             \
    X(max, 1, MANY, 0, INT | ARR, INT)                                             \
    X(min, 1, MANY, 0, INT | ARR, INT)                                             \
    X(mod, 2, 2, 0, INT, INT)                                                      \
    X(mul, 2, 2, 0, INT, INT)                                                      \
    X(newGuid, 0, 0, DEFAULT, 0, 0)                                                \
    X(not, 1, 1, 0, BOO, 0)                                                        \
    X(null, 0, 0, 0, 0, 0)                                                         \
    X(objectKeys, 1, 1, 0, OBJ, 0)                                                 \
    X(or, 2, MANY, LAZY, ANY, ANY)                                                 \
    X(padLeft, 2, 3, 0, STR | INT, STR | INT)                                      \
    X(parameters, 1, 1, TEMPLATE | OWN, STR, 0)                                    \
    X(pickZones, 3, 5, TEMPLATE, STR, STR | INT)                                   \
    X(providers, 1, 2, TEMPLATE, STR, STR)                                         \
    X(range, 2, 2, 0, INT, INT)                                                    \
    X(reduce, 3, 3, LAZY, ANY, ANY)                                                \
    X(reference, 1, 3, RUN | TEMPLATE, STR, STR)                                   \
    X(references, 1, 2, RUN | TEMPLATE, STR, STR)                                  \
    X(replace, 3, 3, 0, STR, STR)                                                  \
    X(resourceGroup, 0, 0, TEMPLATE, 0, 0)                                         \
    X(resourceId, 2, MANY, TEMPLATE, STR, STR)                                     \
    X(resourceInfo, 1, 1, TEMPLATE, STR, 0)                                        \
    X(shallowMerge, 1, 1, 0, ARR, 0)                                               \
    X(skip, 2, 2, 0, STR | ARR, INT)                                               \
    X(sort, 2, 2, LAZY, ANY, ANY)                                                  \
    X(split, 2, 2, 0, STR, STR | ARR)                                              \
    X(startsWith, 2, 2, 0, STR, STR)                                               \
    X(string, 1, 1, 0, ANY, 0)                                                     \
    X(sub, 2, 2, 0, INT, INT)                                                      \
    X(subscription, 0, 0, TEMPLATE, 0, 0)                                          \
    X(subscriptionResourceId, 2, MANY, TEMPLATE, STR, STR)                         \
    X(substring, 2, 3, 0, STR, INT)                                                \
    X(take, 2, 2, 0, STR | ARR, INT)                                               \
    X(tenant, 0, 0, TEMPLATE, 0, 0)                                                \
    X(tenantResourceId, 2, MANY, TEMPLATE, STR, STR)                               \
    X(toLower, 1, 1, 0, STR, 0)                                                    \
    X(toObject, 2, 3, LAZY, ANY, ANY)                                              \
    X(toUpper, 1, 1, 0, STR, 0)                                                    \
    X(trim, 1, 1, 0, STR, 0)                                                       \
    X(true, 0, 0, 0, 0, 0)                                                         \
    X(tryGet, 2, MANY, 0, ANY, STR | INT)                                          \
    X(tryIndexFromEnd, 2, 2, 0, ARR | NUL, INT)                                    \
    X(union, 2, MANY, 0, ARR | OBJ, ARR | OBJ)                                     \
    X(uniqueString, 1, MANY, 0, STR, STR)                                          \
    X(uri, 2, 2, 0, STR, STR)                                                      \
    X(uriComponent, 1, 1, 0, STR, 0)                                               \
    X(uriComponentToString, 1, 1, 0, STR, 0)                                       \
    X(utcNow, 0, 1, DEFAULT, STR, 0)                                               \
    X(variables, 1, 1, TEMPLATE, STR, 0)

/* The C names are in lower case. */
#define arm_base64ToJson arm_base64tojson
#define arm_base64ToString arm_base64tostring
#define arm_copyIndex arm_copyindex
#define arm_createArray arm_createarray
#define arm_createObject arm_createobject
#define arm_dataUri arm_datauri
#define arm_dataUriToString arm_datauritostring
#define arm_dateTimeAdd arm_datetimeadd
#define arm_dateTimeFromEpoch arm_datetimefromepoch
#define arm_dateTimeToEpoch arm_datetimetoepoch
#define arm_endsWith arm_endswith
#define arm_extensionResourceId arm_extensionresourceid
#define arm_greaterOrEquals arm_greaterorequals
#define arm_groupBy arm_groupby
#define arm_indexFromEnd arm_indexfromend
#define arm_indexOf arm_indexof
#define arm_lambdaVariables arm_lambdavariables
#define arm_lastIndexOf arm_lastindexof
#define arm_lessOrEquals arm_lessorequals
#define arm_managementGroup arm_managementgroup
#define arm_mapValues arm_mapvalues
#define arm_newGuid arm_newguid
#define arm_objectKeys arm_objectkeys
#define arm_padLeft arm_padleft
#define arm_pickZones arm_pickzones
#define arm_resourceGroup arm_resourcegroup
#define arm_resourceId arm_resourceid
#define arm_resourceInfo arm_resourceinfo
#define arm_shallowMerge arm_shallowmerge
#define arm_startsWith arm_startswith
#define arm_subscriptionResourceId arm_subscriptionresourceid
#define arm_tenantResourceId arm_tenantresourceid
#define arm_toLower arm_tolower
#define arm_toObject arm_toobject
#define arm_toUpper arm_toupper
#define arm_tryGet arm_tryget
#define arm_tryIndexFromEnd arm_tryindexfromend
#define arm_uniqueString arm_uniquestring
#define arm_uriComponent arm_uricomponent
#define arm_uriComponentToString arm_uricomponenttostring
#define arm_utcNow arm_utcnow
/* clang-format on */

static const struct function functions[] = {
#define X(name, min, max, flags, first, rest) {#name, arm_##name, min, max, flags, first, rest},
    FUNCTION_TABLE(X)
#undef X
};

/* listKeys(), listAccountSas(), ...: whatever a provider has. Refused, but known. */
static const struct function list_function = {"list*", arm_list, 1, 4, RUN | TEMPLATE, STR, ANY};

const char *const *template_functions(size_t *ret_n)
{
    static const char *const names[] = {
#define X(name, min, max, flags, first, rest) #name,
        FUNCTION_TABLE(X)
#undef X
    };

    *ret_n = ARRAY_LEN(names);
    return names;
}

/* ---- binding ---- */

static int compare_names(const void *name, const void *function)
{
    return strcasecmp(name, ((const struct function *)function)->name);
}

err_t arm_bind(struct work *w, struct node *call)
{
    char name[32];
    const struct function *f = NULL;

    if (call->text.len < sizeof(name)) {
        memcpy(name, call->text.data, call->text.len);
        name[call->text.len] = '\0';
        f = bsearch(name, functions, ARRAY_LEN(functions), sizeof(functions[0]), compare_names);
    }
    if (f == NULL && call->text.len > 4 &&
        strncasecmp((const char *)call->text.data, "list", 4) == 0) {
        f = &list_function;
    }
    if (f == NULL) {
        return arm_work_fail(w, ERR_UNSUPPORTED,
                             "The template function '%.*s' is not valid: there is "
                             "none of that name",
                             call->text.len < 64 ? (int)call->text.len : 64,
                             (const char *)call->text.data);
    }
    if (call->n_arguments < f->min || (call->n_arguments > f->max && f->max != MANY)) {
        const char *how = f->max == MANY ? "at least " : f->max > f->min ? "from " : "";
        char upto[16] = "";

        if (f->max != MANY && f->max > f->min) {
            snprintf(upto, sizeof(upto), " to %u", f->max);
        }
        return arm_work_fail(
            w, ERR_USAGE,
            "Unable to evaluate the template language function '%s': it takes %s%u%s "
            "argument%s, not %zu",
            f->name, how, f->min, upto, f->min == 1 && f->max == 1 ? "" : "s", call->n_arguments);
    }
    call->function = f;
    return ERR_OK;
}

/* ---- calling ---- */

err_t arm_call_fail(struct call *call, const char *fmt, ...)
{
    char words[200];
    va_list args;

    va_start(args, fmt);
    vsnprintf(words, sizeof(words), fmt, args);
    va_end(args);
    return arm_work_fail(call->w, ERR_VALUE,
                         "Unable to evaluate the template language function '%s': %s", call->name,
                         words);
}

static err_t check_stage(struct eval *e, const struct function *f)
{
    const char *why = NULL;

    if ((f->flags & DEFAULT) != 0 && e->stage != STAGE_DEFAULT) {
        why = "it may only be used in default values of parameters";
    } else if (e->stage == STAGE_MEMBER && (f->flags & TEMPLATE) != 0 && (f->flags & OWN) == 0) {
        why = "functions of a template see nothing but their own parameters";
    } else if ((f->flags & RUN) != 0 && e->stage != STAGE_RUN) {
        why = "what it asks for is not made yet; it may be used in properties and outputs";
    } else if (f->run == arm_variables && e->stage == STAGE_DEFAULT) {
        why = "variables are not known yet in default values of parameters";
    }
    if (why == NULL) {
        return ERR_OK;
    }
    return arm_work_fail(&e->w, ERR_DENIED,
                         "The template function '%s' is not expected at this location: %s", f->name,
                         why);
}

static const char *kinds_words(unsigned kinds, char *text, size_t size)
{
    static const char *const names[] = {"null",     "a boolean", "an integer", "a number",
                                        "a string", "an array",  "an object"};
    size_t used = 0;

    text[0] = '\0';
    for (unsigned kind = 0; kind < ARRAY_LEN(names) && used < size; kind++) {
        if ((kinds & (1u << kind)) != 0) {
            used += (size_t)snprintf(text + used, size - used, "%s%s", used > 0 ? " or " : "",
                                     names[kind]);
        }
    }
    return text;
}

static err_t check_kinds(struct call *call, const struct function *f)
{
    char words[96];

    for (uint32_t i = 0; i < call->n; i++) {
        unsigned accepted = i == 0 ? f->first : f->rest;

        if ((accepted & (1u << call->arguments[i].kind)) == 0) {
            return arm_call_fail(call, "argument %u must be %s, it is %s", i + 1,
                                 kinds_words(accepted, words, sizeof(words)),
                                 arm_value_kind_words(call->arguments[i]));
        }
    }
    return ERR_OK;
}

/* All arguments into `values`. */
static err_t evaluate(struct eval *e, const struct node *node, struct value *values,
                      bool *ret_is_known)
{
    uint32_t i = 0;
    err_t err = ERR_OK;

    *ret_is_known = true;
    for (const struct node *a = node->arguments; err == ERR_OK && a != NULL; a = a->next) {
        err = arm_eval_node(e, a, &values[i]);
        *ret_is_known &= err == ERR_OK && !value_is(values[i], VALUE_UNKNOWN);
        i++;
    }
    return err;
}

/* Each function may read each string that it is given once; what takes longer counts itself. */
static err_t count_strings(const struct call *call)
{
    uint64_t bytes = 0;

    for (uint32_t i = 0; i < call->n; i++) {
        bytes += value_is(call->arguments[i], VALUE_STRING) ? call->arguments[i].n : 0;
    }
    return arm_work_steps(call->w, bytes / 64);
}

err_t arm_call(struct eval *e, const struct node *node, struct value *ret)
{
    const struct function *f = node->function;
    struct value small[SMALL] = {{0}};
    struct value *values = small;
    struct call call = {.eval = e, .w = &e->w, .node = node, .name = f->name};
    bool is_known = true;
    err_t err = check_stage(e, f);

    if (err) {
        return err;
    }
    if ((f->flags & LAZY) != 0) {
        return f->run(&call, ret);
    }
    if (node->n_arguments > SMALL) {
        void *room = NULL;

        err = arm_work_room(&e->w, node->n_arguments * sizeof(*values), &room);
        values = room;
    }
    err = err ? err : evaluate(e, node, values, &is_known);
    if (err) {
        return err;
    }
    if (!is_known) {
        *ret = value_unknown(e->expression);
        return ERR_OK;
    }
    call.arguments = values;
    call.n = (uint32_t)node->n_arguments;
    if (f == &list_function) {
        call.name = "list";
    }
    err = check_kinds(&call, f);
    err = err ? err : count_strings(&call);
    return err ? err : f->run(&call, ret);
}

/* ---- for several files ---- */

size_t arm_text_offset(struct span text, size_t character)
{
    size_t at = 0;

    while (at < text.len && character > 0) {
        at++;
        while (at < text.len && (text.data[at] & 0xc0) == 0x80) {
            at++;
        }
        character--;
    }
    return at;
}

size_t arm_text_characters(struct span text)
{
    size_t n = 0;

    for (size_t i = 0; i < text.len; i++) {
        n += (text.data[i] & 0xc0) != 0x80;
    }
    return n;
}

err_t arm_call_count_search(struct call *call, struct span text, struct span wanted)
{
    size_t tried = wanted.len < SEARCH_BYTES ? wanted.len : SEARCH_BYTES;

    return arm_work_steps(call->w, 1 + (uint64_t)text.len * (1 + tried / 32) / 16);
}

err_t arm_call_need_strings(struct call *call, struct value array, uint32_t argument)
{
    for (uint32_t i = 0; i < array.n; i++) {
        if (!value_is(array.items[i], VALUE_STRING)) {
            return arm_call_fail(call, "argument %u must be an array of strings, element %u is %s",
                                 argument + 1, i, arm_value_kind_words(array.items[i]));
        }
    }
    return arm_work_steps(call->w, 1 + array.n / 8);
}

err_t arm_call_show(struct call *call, struct value value, struct span *ret)
{
    struct value text = value_null();
    err_t err;

    switch ((enum value_kind)value.kind) {
    case VALUE_STRING:
        *ret = value_span(value);
        return ERR_OK;
    case VALUE_NULL:
        *ret = span_str("");
        return ERR_OK;
    case VALUE_BOOL:
        *ret = span_str(value.boolean ? "True" : "False");
        return ERR_OK;
    case VALUE_INT:
        err = arm_work_printf(call->w, &text, "%lld", (long long)value.integer);
        break;
    default:
        return arm_value_to_text(call->w, value, ret);
    }
    *ret = value_span(text);
    return err;
}
