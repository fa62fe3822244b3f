/*
 * template.h - ARM templates: from a document to resources, in an order in which they can be made.
 *
 * template_read takes text as deployment tools send it, template_open checks a template, gives its
 * parameters their values, expands loops and orders the resources. template_body is what would be
 * PUT for one of them, template_outputs what the deployment answers. What functions there are, and
 * where this differs from Azure: docs/formats/template.md.
 *
 * Who sends these bytes: everybody who may deploy, and whoever wrote the files they deploy. All
 * work is counted: a template gets no more steps and bytes than the limits below, whatever its
 * loops, variables and functions multiply to.
 *
 * Pure: "now" and random bytes come with the scope. Results borrow from the documents, the scope
 * and the arena, which must outlive them. A template is immutable once opened; threads that share
 * one bring their own arenas and documents.
 */
#ifndef TEMPLATE_TEMPLATE_H
#define TEMPLATE_TEMPLATE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"
#include "json/json.h"

enum {
    TEMPLATE_MAX_BYTES = 4 * 1024 * 1024, /* of a text */
    TEMPLATE_MAX_DEPTH = 96,              /* of the text, and of every value made from it */
    TEMPLATE_MAX_VALUES = 262144,         /* in a text */
    TEMPLATE_MAX_PARAMETERS = 256,
    TEMPLATE_MAX_VARIABLES = 256,
    TEMPLATE_MAX_RESOURCES = 800, /* copies included; also the count of any loop */
    TEMPLATE_MAX_OUTPUTS = 64,
    TEMPLATE_MAX_EXPRESSION = 24576,          /* bytes of one expression */
    TEMPLATE_MAX_NESTING = 64,                /* of calls and brackets in one */
    TEMPLATE_MAX_EVALUATION = 1024,           /* calls inside calls, through variables too */
    TEMPLATE_MAX_RANGE = 10000,               /* elements that range() makes */
    TEMPLATE_MAX_STRING = 1024 * 1024,        /* bytes of a string that a function makes */
    TEMPLATE_MAX_MADE = 48 * 1024 * 1024,     /* bytes that one call below makes */
    TEMPLATE_MAX_STEPS = 20 * 1000 * 1000,    /* what opening may take, or one body */
    TEMPLATE_MAX_ID = 4096,                   /* of a resource's name or id */
    TEMPLATE_ARENA_BYTES = 256 * 1024 * 1024, /* enough for every template within the limits */
    TEMPLATE_RANDOM_BYTES = 16,
    TEMPLATE_TARGET_MAX = 256,
};

/* What went wrong, beside the trail's words. `{0}` is empty. */
struct template_fault {
    const char *code; /* "InvalidTemplate"; static. NULL: what template_reference answered */
    char target[TEMPLATE_TARGET_MAX]; /* a resource, a parameter, an output; may be "" */
    unsigned line, column;            /* in the text, from 1; 0 when not known */
};

/* ---- text ---- */

/* JSON, and also: names of members without quotes, comments, line breaks and tabs inside strings, a
 * byte-order mark in front. Strings stay as they are. Offsets and lines are those of `text`.
 * Fault: InvalidRequestContent, or RequestTooLarge with ERR_TOO_LARGE. */
err_t template_read(struct arena *arena, struct span text, struct trail *trail,
                    struct template_fault *fault, yyjson_val **ret) MUST_CHECK;
/* Where a value of that document begins in its text. False when it is not of it. */
bool template_where(struct span text, yyjson_val *root, yyjson_val *value, unsigned *ret_line,
                    unsigned *ret_column);

/* ---- opening ---- */

/* Where and when a template is deployed. Texts may not be NULL but where said. */
struct template_scope {
    const char *tenant_id;
    const char *subscription_id, *subscription_name;
    const char *group_name; /* NULL: into the subscription itself */
    const char *group_location;
    yyjson_val *group_tags; /* or NULL */
    const char *deployment_name;
    const char *mode; /* "Incremental" or "Complete" */
    int64_t now;
    uint8_t random[TEMPLATE_RANDOM_BYTES]; /* for newGuid() */
    /* The text that the template was read from and its root, for lines in faults; or empty. */
    struct span text;
    yyjson_val *text_root;
};

struct template_resource {
    const char *id, *type, *name, *api_version;
    const char *place;         /* in the document: "resources[3]", "resources.vm" */
    const char *symbolic_name; /* NULL: none */
    bool is_existing;          /* only read, nothing is to be made */
    bool is_skipped;           /* its condition is false */
    const uint16_t *depends;   /* of others' indices, all below its own; skipped ones left out */
    size_t n_depends;
    const char *copy_name; /* of its loop; NULL: none */
    uint32_t copy_index;
    uint32_t copy_batch; /* this many at a time, 0 = all. `depends` has what follows from it */
};

struct template;

/* `parameters` is {"name":{"value":..}} or NULL. Everything is checked that can be known before
 * anything is made: also bodies and outputs, as far as they do not ask what is made. ERR_MEMORY and
 * ERR_CRYPTO are faults of the machine; all others are the template's, and say where. */
err_t template_open(struct arena *arena, yyjson_val *document, yyjson_val *parameters,
                    const struct template_scope *scope, struct trail *trail,
                    struct template_fault *fault, struct template **ret) MUST_CHECK;

/* In an order in which each comes after all that it depends on, otherwise as written. */
size_t template_n_resources(const struct template *t);
const struct template_resource *template_resource(const struct template *t, size_t index);
/* The resource with this id, in any case; NULL when there is none. */
const struct template_resource *template_find(const struct template *t, const char *id);

/* ---- results ---- */

/* What reference() asks: the properties of the resource, or with is_full the whole without id and
 * name. api_version is NULL when none was given. A result of NULL with ERR_OK means not known yet:
 * the expression stays in the result as {"$unknown":"[expression]"}. The value must live as long as
 * the arena. */
typedef err_t template_reference(void *context, struct arena *arena, const char *id,
                                 const char *api_version, bool is_full, struct trail *trail,
                                 yyjson_val **ret);

/* What is PUT for a resource: all members but type, name, apiVersion, dependsOn, condition, copy,
 * comments, resources and what else only says where and when. Loops are done, members whose value
 * is null are gone. In a deployment the nested template is as that deployment must get it. doc is
 * of json_new with the same arena. reference NULL: nothing is known yet. */
err_t template_body(const struct template *t, size_t index, template_reference *reference,
                    void *context, struct arena *arena, yyjson_mut_doc *doc, struct trail *trail,
                    struct template_fault *fault, yyjson_mut_val **ret) MUST_CHECK;
/* {"name":{"type":"String","value":..}}; secure ones without value. */
err_t template_outputs(const struct template *t, template_reference *reference, void *context,
                       struct arena *arena, yyjson_mut_doc *doc, struct trail *trail,
                       struct template_fault *fault, yyjson_mut_val **ret) MUST_CHECK;
/* The same of the parameters, as a deployment echoes them. */
err_t template_parameters(const struct template *t, struct arena *arena, yyjson_mut_doc *doc,
                          struct trail *trail, struct template_fault *fault,
                          yyjson_mut_val **ret) MUST_CHECK;
/* A number for the document, whatever its spaces and comments, as decimal text. */
const char *template_hash(const struct template *t);

/* Names of all functions, sorted ignoring case, for "did you mean" and tests. */
const char *const *template_functions(size_t *ret_n);

#endif
