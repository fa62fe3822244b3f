/*
 * answer.c - answers in the shape of a resource manager (control-plane-api 5).
 */
#include "control/internal.h"
#include "control/known.h"

#include "base/buf.h"
#include "base/codec.h"
#include "base/log.h"
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>

enum {
    MESSAGE_MAX = 8 * 1024,
    REFUSAL_BYTES = 128 * 1024, /* for its words here, and for its form further up */
    JSON_DEPTH = 64,            /* of bodies of resources: deployments hold templates */
    JSON_VALUES = 40000,
    RETRY_S = 5,
};

void control_refuse(const struct control_call *call, struct control_answer *ret, unsigned status,
                    const char *code, const char *fmt, ...)
{
    char *raw;
    va_list args;

    arena_extend(call->arena, REFUSAL_BYTES);
    raw = arena_alloc(call->arena, MESSAGE_MAX);
    *ret = (struct control_answer){.status = status, .code = code, .message = "out of memory"};
    if (raw != NULL) {
        va_start(args, fmt);
        vsnprintf(raw, MESSAGE_MAX, fmt, args);
        va_end(args);
        ret->message = text_escape_lines_dup(call->arena, span_str(raw), MESSAGE_MAX);
    }
}

/* "Microsoft.Compute/virtualMachines/vm/extensions/e" of an id, as Azure writes it in messages. */
static const char *short_name(struct arena *arena, const struct resource_path *path)
{
    const char *name = arena_printf(arena, "%.*s", (int)path->ns.len, (const char *)path->ns.data);

    for (size_t i = 0; name != NULL && i < path->n; i++) {
        name = arena_printf(arena, "%s/%.*s", name, (int)path->pieces[i].len,
                            (const char *)path->pieces[i].data);
    }
    return name == NULL ? "" : name;
}

void control_not_found(const struct control_call *call, const char *id, struct control_answer *ret)
{
    struct resource_path path;

    if (resource_id_read(call->arena, span_str(id), NULL, &path) != ERR_OK) {
        control_refuse(call, ret, 404, "ResourceNotFound", "The Resource '%s' was not found.", id);
        return;
    }
    if (path.ns.data == NULL) {
        control_refuse(call, ret, 404, "ResourceGroupNotFound",
                       "Resource group '%.*s' could not be found.", (int)path.group.len,
                       (const char *)path.group.data);
        return;
    }
    control_refuse(call, ret, 404, "ResourceNotFound",
                   "The Resource '%s' under resource group '%.*s' was not found. For more details "
                   "please go to https://aka.ms/ARMResourceNotFoundFix",
                   short_name(call->arena, &path), (int)path.group.len,
                   path.group.data == NULL ? "" : (const char *)path.group.data);
}

void control_fail(const struct control_call *call, err_t err, const struct trail *trail,
                  struct control_answer *ret)
{
    char words[TRAIL_WHERE_MAX + TRAIL_WHAT_MAX + 48];
    struct log_line line;

    trail_format(trail, err, words, sizeof(words));
    if (err == ERR_MEMORY && arena_is_exhausted(call->arena)) {
        control_refuse(call, ret, 413, "RequestTooLarge",
                       "this request takes more memory than one request may use; ask for less at "
                       "a time");
        ret->note = "limit=request-memory";
        return;
    }
    switch (err_category(err)) {
    case ERR_CAT_INPUT:
    case ERR_CAT_LIMIT:
    case ERR_CAT_AUTH:
        control_refuse(call, ret, 400, "InvalidRequestContent",
                       "The request content was invalid and could not be deserialized: '%s'.",
                       words);
        return;
    case ERR_CAT_NOT_FOUND:
        control_refuse(call, ret, 404, "NotFound", "%s", words);
        return;
    case ERR_CAT_CONFLICT:
        control_refuse(call, ret, 409, "Conflict", "%s", words);
        return;
    case ERR_CAT_UNAVAILABLE:
    case ERR_CAT_INTERNAL:
    case ERR_CAT_NONE:
    default:
        break;
    }
    if (err == ERR_STORE || err_category(err) == ERR_CAT_UNAVAILABLE) {
        control_refuse(call, ret, 503, "ServiceUnavailable",
                       "records cannot be read or written now; try again later");
        ret->retry_after_s = RETRY_S;
    } else {
        control_refuse(call, ret, 500, "InternalServerError", "internal fault");
    }
    ret->note = arena_printf(call->arena, "fault=%s", err_name(err));
    log_begin(&line, LOG_ERROR, "control.failed");
    log_text(&line, "cause", words);
    log_end(&line);
}

void control_log_lost(const char *what, const char *id, err_t err, const struct trail *trail)
{
    char words[TRAIL_WHERE_MAX + TRAIL_WHAT_MAX + 48];
    struct log_line line;

    if (err == ERR_OK) {
        return;
    }
    trail_format(trail, err, words, sizeof(words));
    log_begin(&line, LOG_ERROR, "control.lost");
    log_text(&line, "what", what);
    log_text(&line, "resource", id);
    log_text(&line, "cause", words);
    log_end(&line);
}

void control_answer_value(const struct control_call *call, unsigned status, yyjson_mut_val *value,
                          struct control_answer *ret)
{
    struct span body = json_write(call->arena, call->doc, value, false);

    if (body.data == NULL) {
        control_fail(call, ERR_MEMORY, NULL, ret);
        return;
    }
    ret->status = status;
    ret->body = body;
}

static const char *encoded(const struct control_call *call, struct span text)
{
    CLEANUP(buf_done) struct buf buf = {0};

    buf_init(&buf, 3 * text.len + 1);
    percent_encode(&buf, text);
    return buf_err(&buf) != ERR_OK ? NULL
                                   : (const char *)arena_dup(call->arena, buf_span(&buf)).data;
}

const char *control_link(const struct control_call *call, const char *path)
{
    CLEANUP(buf_done) struct buf buf = {0};
    struct span rest = span_str(path);

    buf_init(&buf, strlen(call->base) + 3 * rest.len + 1);
    buf_add_str(&buf, call->base);
    while (rest.len > 0) {
        const uint8_t *slash = memchr(rest.data + 1, '/', rest.len - 1);
        size_t len = slash == NULL ? rest.len : (size_t)(slash - rest.data);

        buf_add_char(&buf, '/');
        percent_encode(&buf, span_cut(rest, 1, len - 1));
        rest = span_cut(rest, len, rest.len);
    }
    return buf_err(&buf) != ERR_OK ? NULL
                                   : (const char *)arena_dup(call->arena, buf_span(&buf)).data;
}

/* The same request again, but for the token: what a client follows as it is. */
static const char *next_link(const struct control_call *call, const char *after)
{
    static const char *const names[] = {"$filter", "$top", "$expand", "$orderby"};
    const struct span values[] = {call->filter, call->top, call->expand, call->order_by};
    const char *link = arena_printf(call->arena, "%s", call->path.scope);

    if (link != NULL && call->path.ns.data != NULL) {
        link = arena_printf(call->arena, "%s/providers/%.*s", link, (int)call->path.ns.len,
                            (const char *)call->path.ns.data);
    }
    for (size_t i = 0; link != NULL && i < call->path.n; i++) {
        link = arena_printf(call->arena, "%s/%.*s", link, (int)call->path.pieces[i].len,
                            (const char *)call->path.pieces[i].data);
    }
    link = link == NULL ? NULL : control_link(call, link);
    if (link != NULL) {
        link = arena_printf(call->arena, "%s?api-version=%.*s&%%24skiptoken=%s", link,
                            (int)call->api_version.len, (const char *)call->api_version.data,
                            base64_dup(call->arena, BASE64_URL, span_str(after)));
    }
    for (size_t i = 0; link != NULL && i < ARRAY_LEN(names); i++) {
        if (values[i].data != NULL) {
            link = arena_printf(call->arena, "%s&%s=%s", link, names[i], encoded(call, values[i]));
        }
    }
    return link;
}

void control_answer_list(const struct control_call *call, yyjson_mut_val *array, const char *after,
                         struct control_answer *ret)
{
    yyjson_mut_val *root = yyjson_mut_obj(call->doc);

    json_add_value(call->doc, root, "value", array);
    if (after != NULL) {
        json_add_text(call->doc, root, "nextLink", next_link(call, after));
    }
    control_answer_value(call, 200, root, ret);
}

yyjson_mut_val *control_error_value(const struct control_call *call,
                                    const struct control_answer *answer)
{
    yyjson_mut_val *error = yyjson_mut_obj(call->doc);

    json_add_text(call->doc, error, "code", answer->code);
    json_add_text(call->doc, error, "message", answer->message);
    if (answer->target != NULL) {
        json_add_text(call->doc, error, "target", answer->target);
    }
    if (answer->details != NULL) {
        json_add_value(call->doc, error, "details", answer->details);
    }
    return error;
}

const struct known_object control_top_members = {
    "", "ResourceDefinition", KNOWN_SOME,
    KNOWN("properties", "location", "tags", "identity", "etag")}; /* an etag is near to tags */

yyjson_mut_val *control_read_body(const struct control_call *call, struct control_answer *ret)
{
    static const struct json_limits limits = {.max_depth = JSON_DEPTH, .max_values = JSON_VALUES};
    struct trail trail = {0};
    yyjson_val *root = NULL;
    yyjson_mut_val *value = NULL;
    err_t err = ERR_OK;

    if (call->body.len == 0) {
        value = yyjson_mut_obj(call->doc);
    } else {
        err = json_read(call->arena, call->body, &limits, &trail, &root);
        value = err ? NULL : yyjson_val_mut_copy(call->doc, root);
    }
    if (err == ERR_OK && value == NULL) {
        err = ERR_MEMORY;
    }
    if (err == ERR_OK && !yyjson_mut_is_obj(value)) {
        err = trail_set(&trail, ERR_JSON_TYPE, "the body is not a JSON object");
    }
    err = err ? err : body_check(value, &trail);
    if (err) {
        control_fail(call, err, &trail, ret);
        return NULL;
    }
    body_clean(value);
    if ((call->method == HTTP_PUT || call->method == HTTP_PATCH) &&
        !known_members(call, value, &control_top_members, 1, ret)) {
        return NULL;
    }
    return value;
}
