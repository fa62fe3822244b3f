/*
 * changes.c - what is changed in a caller's name without a request of its own: steps of a
 * deployment, what a rule of the subscription adds, the end of a group. In the audit log each is a
 * change like others, and names the request that it comes from.
 */
#include "control/internal.h"

enum { RETRY_S = 5 };

bool change_begin(const struct control_call *call, struct control_change *change,
                  struct control_answer *ret)
{
    const struct control *control = call->control;
    err_t err;

    if (control->audit == NULL) {
        return true;
    }
    change->caller = call->caller;
    change->time = call->now;
    change->id = control_guid(call->arena);
    change->cause = call->request == NULL ? "" : call->request;
    change->method = http_method_name(call->method);
    change->detail = call->is_rule ? "by=rule" : NULL;
    err = change->id == NULL ? ERR_MEMORY
                             : control->audit(control->audit_context, CONTROL_AUDIT_BEGIN, change);
    if (err == ERR_OK) {
        return true;
    }
    if (err == ERR_TOO_MANY) {
        control_refuse(call, ret, 429, "TooManyRequests",
                       "This caller's deployments change too much in a short time; wait, and try "
                       "again.");
    } else {
        control_refuse(call, ret, 503, "ServiceUnavailable",
                       "The change cannot be recorded now, so it was not made; try again later.");
    }
    ret->retry_after_s = RETRY_S;
    return false;
}

void change_finish(const struct control_call *call, struct control_change *change,
                   const struct control_answer *answer)
{
    const struct control *control = call->control;

    if (control->audit == NULL) {
        return;
    }
    change->status = answer->status;
    change->reason = answer->code != NULL ? answer->code : "ok";
    if (answer->note != NULL) {
        change->detail = change->detail == NULL
                             ? answer->note
                             : arena_printf(call->arena, "%s %s", change->detail, answer->note);
    }
    (void)!control->audit(control->audit_context, CONTROL_AUDIT_FINISH, change);
}

void change_refused(const struct control_call *call, const struct control_target *target,
                    const char *path, unsigned status)
{
    const struct control *control = call->control;
    const struct control_change change = {.caller = call->caller,
                                          .time = call->now,
                                          .id = control_guid(call->arena),
                                          .cause = call->request == NULL ? "" : call->request,
                                          .method = http_method_name(call->method),
                                          .path = path,
                                          .action = target->action,
                                          .scope = target->scope,
                                          .status = status,
                                          .reason = access_reason_name(ACCESS_ROLE)};

    if (control->audit != NULL) {
        (void)!control->audit(control->audit_context, CONTROL_AUDIT_REFUSED, &change);
    }
}
