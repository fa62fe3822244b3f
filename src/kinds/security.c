/*
 * security.c - Microsoft.Security: assessments that others put at resources, as they are. Alerts:
 * none are raised here yet.
 */
#include "kinds/parts.h"

#include "base/text.h"

/* The server's own word about boots (security-reports section 2): nobody else says these things. */
static const char *const own_names[] = {
    "69ad830b-d98c-b1cf-2158-9d69d38c7093", /* Secure Boot, Windows */
    "861bbc73-0a55-8d1d-efc6-e92d9e1176e0", /* vTPM */
    "874b14bd-b49e-495a-88c6-46acb89b0a33", /* extension, Windows */
    "e94a7421-fc27-7a4d-e9ba-2ba01384cacd", /* extension, Linux */
    "02e8ca50-0e7e-cc34-0b91-215af2904248", /* extension, Windows scale sets */
    "a9a53f4f-26b6-3d68-33f3-2ec1f2452b5d", /* extension, Linux scale sets */
    "b7604066-ed76-45f9-a5c1-c97e4812dc55", /* attestation status */
    "0396b18c-41aa-489c-affd-4ee5d1714a59", /* Secure Boot, Linux */
    "e2f798b8-621a-4d46-99d7-1310e09eba26", /* signed kernel modules */
    "ad50b498-f90c-451f-886f-d0a169cc5002", /* trusted boot components */
};

static bool prepare(struct control_call *call, const struct resource *before,
                    struct resource *wanted, struct control_answer *ret)
{
    (void)before;
    for (size_t i = 0; i < ARRAY_LEN(own_names); i++) {
        if (text_equal_nocase(wanted->name, own_names[i])) {
            control_refuse(call, ret, 409, "OperationNotAllowed",
                           "The assessment '%s' is built in: this server alone says it. Put one of "
                           "your own under another name.",
                           own_names[i]);
            return false;
        }
    }
    return true;
}

/* PUT by scanners at any resource (control-plane-api 12). */
const struct kind kind_assessment = {
    .type = "Microsoft.Security/assessments",
    .versions = "2021-06-01 2020-01-01",
    .flags = KIND_NO_PATCH | KIND_EXTENDS,
    .name_max = 64,
    .prepare = prepare,
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
