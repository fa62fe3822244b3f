/*
 * expand.h - templates in, what they become out; and single expressions the same way.
 */
#ifndef TESTS_TEMPLATE_EXPAND_H
#define TESTS_TEMPLATE_EXPAND_H

#include "support/support.h"

#include "base/buf.h"
#include "template/template.h"

#include <string.h>

#define SUBSCRIPTION "11111111-1111-1111-1111-111111111111"
#define GROUP_ID "/subscriptions/" SUBSCRIPTION "/resourceGroups/rg1"
#define HEAD                                                                                       \
    "{\"$schema\":\"https://schema.management.azure.com/schemas/2019-04-01/"                       \
    "deploymentTemplate.json#\",\"contentVersion\":\"1.0.0.0\","

/* What came of opening one template. */
struct expanded {
    struct arena *arena;
    struct template *t;
    struct trail trail;
    struct template_fault fault;
    char words[640]; /* "where: what" */
    err_t err;
};

static inline struct arena *big_arena(void)
{
    struct arena *arena = test_arena();

    arena_free(arena); /* crypto_init has run */
    arena = arena_new(TEMPLATE_ARENA_BYTES);
    assert_non_null(arena);
    return arena;
}

static inline struct template_scope test_scope(void)
{
    return (struct template_scope){
        .tenant_id = "22222222-2222-2222-2222-222222222222",
        .subscription_id = SUBSCRIPTION,
        .subscription_name = "Sub One",
        .group_name = "rg1",
        .group_location = "westus",
        .deployment_name = "dep1",
        .mode = "Incremental",
        .now = 1700000000, /* 2023-11-14T22:13:20Z */
        .random = {1, 2, 3},
    };
}

/* parameters NULL: none. A text that cannot be read is a fault like others. */
static inline void expand(struct arena *arena, struct span text, const char *parameters,
                          struct expanded *ret)
{
    struct template_scope scope = test_scope();
    yyjson_val *document = NULL;
    yyjson_val *values = NULL;

    *ret = (struct expanded){.arena = arena};
    ret->err = template_read(arena, text, &ret->trail, &ret->fault, &document);
    if (parameters != NULL) {
        assert_ok(json_read(arena, span_str(parameters), NULL, NULL, &values));
    }
    if (ret->err == ERR_OK) {
        scope.text = text;
        scope.text_root = document;
        ret->err =
            template_open(arena, document, values, &scope, &ret->trail, &ret->fault, &ret->t);
    }
    trail_format(&ret->trail, ret->err, ret->words, sizeof(ret->words));
    assert_true((ret->err == ERR_OK) == (ret->t != NULL));
    assert_true(ret->err == ERR_OK || ret->fault.code != NULL);
    assert_true(ret->err == ERR_OK || ret->trail.what[0] != '\0');
}

/* The body of a resource as text, with nothing known of what is made unless there is a reference.
 */
static inline const char *body_with(struct expanded *x, size_t index, template_reference *reference,
                                    void *context)
{
    yyjson_mut_doc *doc = json_new(x->arena);
    yyjson_mut_val *body = NULL;

    assert_true(index < template_n_resources(x->t));
    assert_ok(
        template_body(x->t, index, reference, context, x->arena, doc, &x->trail, &x->fault, &body));
    return (const char *)json_write(x->arena, doc, body, false).data;
}

static inline const char *body(struct expanded *x, size_t index)
{
    return body_with(x, index, NULL, NULL);
}

static inline const char *outputs(struct expanded *x, template_reference *reference, void *context)
{
    yyjson_mut_doc *doc = json_new(x->arena);
    yyjson_mut_val *all = NULL;

    x->err = template_outputs(x->t, reference, context, x->arena, doc, &x->trail, &x->fault, &all);
    trail_format(&x->trail, x->err, x->words, sizeof(x->words));
    return x->err ? arena_printf(x->arena, "%s", x->words)
                  : (const char *)json_write(x->arena, doc, all, false).data;
}

/* ---- expressions ---- */

/* Rows of "expression", "wanted": JSON text, or "!" and a part of the words of the fault. */
struct expression_case {
    const char *expression, *wanted;
};

static inline void add_escaped(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\') {
            buf_add_char(out, '\\');
        }
        if (*text == '\n') {
            buf_add_str(out, "\\n");
        } else {
            buf_add_char(out, *text);
        }
    }
}

/* `rest`: more members of the template, with a comma at their end. */
static inline const char *evaluate_in(struct arena *arena, const char *rest, const char *expression)
{
    CLEANUP(buf_done) struct buf text;
    struct span copy = {0};
    struct expanded x;
    const char *got;
    char *end;

    buf_init(&text, TEMPLATE_MAX_BYTES);
    buf_add_str(&text, HEAD);
    buf_add_str(&text, rest);
    buf_add_str(&text, "\"resources\":[],\"outputs\":{\"o\":{\"type\":\"object\",\"value\":{\"r\":"
                       "\"[");
    add_escaped(&text, expression);
    buf_add_str(&text, "]\"}}}}");
    assert_ok(buf_copy(&text, arena, &copy));
    expand(arena, copy, NULL, &x);
    if (x.err) {
        return arena_printf(arena, "!%s", x.trail.what);
    }
    got = outputs(&x, NULL, NULL);
    assert_ok(x.err);
    got = strstr(got, "{\"r\":") + 5;
    end = (char *)(uintptr_t)got + strlen(got) - 3;
    *end = '\0';
    return got;
}

static inline void check_cases(const char *rest, const struct expression_case *cases, size_t n)
{
    size_t faults = 0;

    for (size_t i = 0; i < n; i++) {
        CLEANUP(arena_free) struct arena *arena = big_arena();
        const char *got = evaluate_in(arena, rest, cases[i].expression);
        const char *wanted = cases[i].wanted;

        if (wanted[0] == '!' ? got[0] != '!' || strstr(got, wanted + 1) == NULL
                             : strcmp(got, wanted) != 0) {
            print_message("%s: got %s, wanted %s\n", cases[i].expression, got, wanted);
            faults++;
        }
    }
    assert_int_equal(faults, 0);
    print_message("%zu cases\n", n);
}

#endif
