/*
 * answer.c - what became of a call, as status, code and words (decisions section 1).
 */
#include "service/internal.h"

#include "base/log.h"
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>

enum {
    MESSAGE_MAX = 8 * 1024,
    REFUSAL_BYTES = 128 * 1024, /* for its words here, and for its form further up */
};

void answer_refuse(const struct service_call *call, struct service_answer *ret, unsigned status,
                   const char *code, const char *fmt, ...)
{
    char *raw;
    va_list args;

    /* A refusal has room, whatever the request took. */
    arena_extend(call->arena, REFUSAL_BYTES);
    raw = arena_alloc(call->arena, MESSAGE_MAX);
    ret->status = status;
    ret->code = code;
    ret->message = "out of memory";
    if (raw != NULL) {
        va_start(args, fmt);
        vsnprintf(raw, MESSAGE_MAX, fmt, args);
        va_end(args);
        ret->message = text_escape_lines_dup(call->arena, span_str(raw), MESSAGE_MAX);
    }
}

void answer_error(const struct service_call *call, struct service_answer *ret, err_t err,
                  const struct trail *trail)
{
    char words[TRAIL_WHERE_MAX + TRAIL_WHAT_MAX + 48];

    trail_format(trail, err, words, sizeof(words));
    /* The sender's doing, unlike a machine without memory. */
    if (err == ERR_MEMORY && arena_is_exhausted(call->arena)) {
        answer_refuse(call, ret, 413, "RequestTooLarge",
                      "judging this request takes more memory than one request may use; send a "
                      "smaller event log or less beside it");
        ret->note = "limit=request-memory";
        return;
    }
    switch (err_category(err)) {
    case ERR_CAT_INPUT:
    case ERR_CAT_LIMIT:
    case ERR_CAT_AUTH:
        answer_refuse(call, ret, 400, "InvalidParameter", "%s", words);
        break;
    case ERR_CAT_NOT_FOUND:
        answer_refuse(call, ret, 404, "NotFound", "%s", words);
        break;
    case ERR_CAT_CONFLICT:
        answer_refuse(call, ret, 409, "Conflict", "%s", words);
        break;
    case ERR_CAT_UNAVAILABLE:
    case ERR_CAT_INTERNAL:
    case ERR_CAT_NONE:
    default:
        /* The store's words are for the operator's log: to a caller it is just not possible now. */
        if (err == ERR_SIGNING_KEY) {
            answer_refuse(call, ret, 503, "SigningKeyUnavailable",
                          "the key that signs cannot be used now; try again later");
            ret->retry_after_s = 5;
        } else if (err == ERR_UNAVAILABLE && trail != NULL && trail->what[0] != '\0') {
            answer_refuse(call, ret, 503, "ServiceUnavailable", "%s", trail->what);
            ret->retry_after_s = 5;
        } else if (err == ERR_STORE || err_category(err) == ERR_CAT_UNAVAILABLE) {
            answer_refuse(call, ret, 503, "ServiceUnavailable",
                          "the result cannot be recorded now; try again later");
            ret->retry_after_s = 5;
        } else {
            answer_refuse(call, ret, 500, "InternalError", "internal fault");
        }
        ret->note = arena_printf(call->arena, "fault=%s", err_name(err));
        if (err == ERR_STORE) {
            struct log_line line;

            log_begin(&line, LOG_ERROR, "store.failed");
            log_text(&line, "cause", words);
            log_end(&line);
        }
        break;
    }
}

bool answer_damaged_policy(const struct service_call *call, const struct provider *provider,
                           enum attestation_type type, struct service_answer *ret)
{
    if (!provider->policies[type].is_damaged) {
        return false;
    }
    answer_refuse(call, ret, 503, "PolicyUnavailable",
                  "the policy of %s for %s cannot be used any more: its owner has to set it again; "
                  "the server's log says why (provider.damaged)",
                  provider->name, attestation_type_name(type));
    return true;
}

void answer_busy_policy(const struct service_call *call, const struct provider *provider,
                        struct service_answer *ret)
{
    answer_refuse(
        call, ret, 503, "PolicyBusy",
        "the policy of %s cannot be evaluated now: as many evaluations of owners' policies "
        "run as may at once, or it takes long and one of it does; try again",
        provider->name);
    ret->retry_after_s = 1;
    ret->note = "limit=slow-policies";
}

void answer_json(const struct service_call *call, struct service_answer *ret, yyjson_mut_doc *doc,
                 yyjson_mut_val *value)
{
    struct span body = json_write(call->arena, doc, value, false);

    if (body.data == NULL) {
        answer_error(call, ret, ERR_MEMORY, NULL);
        return;
    }
    ret->status = 200;
    ret->body = body;
}

void answer_reasons(const struct service_call *call, const struct appraisal *appraisal,
                    const char *code,
                    const char *(*more)(const void *context, const struct reason *reason),
                    const void *context, struct service_answer *ret)
{
    const char *text = "";

    for (size_t i = 0; i < appraisal->n_reasons && text != NULL; i++) {
        const struct reason *reason = &appraisal->reasons[i];

        text = arena_printf(call->arena, "%s%s%s: %s%s%s%s%s", text, i > 0 ? "; " : "",
                            reason_name(reason->code), reason->text,
                            more == NULL ? "" : more(context, reason),
                            reason->where[0] != '\0' ? " (" : "", reason->where,
                            reason->where[0] != '\0' ? ")" : "");
    }
    if (text == NULL) {
        answer_error(call, ret, ERR_MEMORY, NULL);
        return;
    }
    answer_refuse(call, ret, 400, code, "%s: %s", verdict_name(appraisal->verdict), text);
}
