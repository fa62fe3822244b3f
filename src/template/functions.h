/*
 * functions.h - the functions of the language. For this room alone.
 *
 * Each is a line of the table in functions.c: how many arguments of what kinds, and where it may be
 * called. What it gets has those kinds; with an argument that is not known yet its result is not
 * known either, and it is not called.
 */
#ifndef TEMPLATE_FUNCTIONS_H
#define TEMPLATE_FUNCTIONS_H

#include "template/eval.h"

/* The function of a call's name into it; the number of arguments is checked. */
err_t arm_bind(struct work *w, struct node *call) MUST_CHECK;
/* The value of a call whose function is bound. */
err_t arm_call(struct eval *e, const struct node *node, struct value *ret) MUST_CHECK;

/* ---- for the files that implement them ---- */

struct call {
    struct eval *eval;
    struct work *w; /* of eval */
    const struct node *node;
    const char *name; /* of the function, as documented */
    const struct value *arguments;
    uint32_t n;
};

typedef err_t function_fn(struct call *call, struct value *ret);

static inline struct span call_text(const struct call *call, uint32_t index)
{
    return value_span(call->arguments[index]);
}

/* A fault of the arguments: "'substring': ..." */
err_t arm_call_fail(struct call *call, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Characters of UTF-8, and the byte at which the n-th begins (the length when there are fewer). */
size_t arm_text_characters(struct span text);
size_t arm_text_offset(struct span text, size_t character);
/* Before memmem, whose time grows with what is looked for. */
err_t arm_call_count_search(struct call *call, struct span text, struct span wanted) MUST_CHECK;
/* An array of strings, or a fault that says which argument is none. */
err_t arm_call_need_strings(struct call *call, struct value array, uint32_t argument) MUST_CHECK;
/* A value as the text that concat(), join() and format() make of it: True, 5, abc, {"a":1}. */
err_t arm_call_show(struct call *call, struct value value, struct span *ret) MUST_CHECK;
/* function-format.c: whole numbers as .NET writes them. */
err_t arm_format_integer(struct call *call, struct span format, int64_t integer,
                         struct buf *out) MUST_CHECK;
/* function-date.c: seconds as a .NET custom format says. */
err_t arm_format_date(struct call *call, struct span format, int64_t seconds,
                      struct value *ret) MUST_CHECK;

/* functions-array.c: of arrays, and of strings or objects alike */
function_fn arm_array, arm_concat, arm_contains, arm_createarray, arm_empty, arm_first, arm_flatten,
    arm_indexfromend, arm_indexof, arm_last, arm_lastindexof, arm_length, arm_max, arm_min,
    arm_range, arm_skip, arm_take, arm_tryget, arm_tryindexfromend;
/* functions-object.c */
function_fn arm_createobject, arm_intersection, arm_items, arm_json, arm_objectkeys,
    arm_shallowmerge, arm_union;
/* functions-logic.c: comparisons, logic, numbers */
function_fn arm_add, arm_and, arm_bool, arm_coalesce, arm_div, arm_equals, arm_false, arm_float,
    arm_greater, arm_greaterorequals, arm_if, arm_int, arm_less, arm_lessorequals, arm_mod, arm_mul,
    arm_not, arm_null, arm_or, arm_sub, arm_true;
/* functions-text.c */
function_fn arm_endswith, arm_join, arm_padleft, arm_replace, arm_split, arm_startswith, arm_string,
    arm_substring, arm_tolower, arm_toupper, arm_trim;
/* functions-format.c */
function_fn arm_format;
/* functions-code.c: encodings, hashes, addresses */
function_fn arm_base64, arm_base64tojson, arm_base64tostring, arm_datauri, arm_datauritostring,
    arm_guid, arm_newguid, arm_uniquestring, arm_uri, arm_uricomponent, arm_uricomponenttostring;
/* functions-date.c */
function_fn arm_datetimeadd, arm_datetimefromepoch, arm_datetimetoepoch, arm_utcnow;
/* functions-scope.c: where the template is deployed, and what is in it */
function_fn arm_copyindex, arm_deployer, arm_deployment, arm_environment, arm_managementgroup,
    arm_parameters, arm_pickzones, arm_providers, arm_resourcegroup, arm_subscription, arm_tenant,
    arm_variables;
/* functions-resource.c */
function_fn arm_extensionresourceid, arm_list, arm_reference, arm_references, arm_resourceid,
    arm_resourceinfo, arm_subscriptionresourceid, arm_tenantresourceid;
/* functions-lambda.c */
function_fn arm_filter, arm_groupby, arm_lambda, arm_lambdavariables, arm_map, arm_mapvalues,
    arm_reduce, arm_sort, arm_toobject;

#endif
