/*
 * security.c - Microsoft.Security: assessments that others put at resources, as they are. Alerts:
 * none are raised here yet.
 */
#include "kinds/parts.h"

/* PUT by scanners at any resource (control-plane-api 12). */
const struct kind kind_assessment = {
    .type = "Microsoft.Security/assessments",
    .versions = "2021-06-01 2020-01-01",
    .flags = KIND_NO_PATCH | KIND_EXTENDS,
    .name_max = 64,
};

static void handle_alerts(struct control_call *call, struct control_answer *ret)
{
    control_answer_list(call, yyjson_mut_arr(call->doc), NULL, ret);
}

#define READ "Microsoft.Security/alerts/read"

const struct control_row security_rows[] = {
    {HTTP_GET, CONTROL_SUBSCRIPTION, "providers/Microsoft.Security/alerts", READ, handle_alerts, 0,
     NULL},
    {HTTP_GET, CONTROL_GROUP, "providers/Microsoft.Security/alerts", READ, handle_alerts, 0, NULL},
    {0, CONTROL_TENANT, "", NULL, NULL, 0, NULL},
};
