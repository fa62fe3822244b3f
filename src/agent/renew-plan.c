/* Who may send these bytes: the host of this machine, or whoever answers in its place. */
#include "agent/renew-plan.h"

#include "base/buf.h"
#include "base/codec.h"
#include "base/text.h"
#include "json/json.h"

#include <stdio.h>
#include <string.h>

enum { FORM_MAX = 64 * 1024 };

const char *renew_step_name(enum renew_step step)
{
    static const char *const names[] = {[RENEW_IDLE] = "idle",
                                        [RENEW_VM] = "vm",
                                        [RENEW_RENEW] = "renew",
                                        [RENEW_ORDER] = "order",
                                        [RENEW_QUERY] = "query"};

    return names[step];
}

/* ---- what the answers hold ---- */

err_t renew_read_guid(struct span body, struct trail *trail, char ret[GUID_SIZE])
{
    if (!text_is_guid(body)) {
        return trail_set(trail, ERR_VALUE, "the answer is no GUID");
    }
    memcpy(ret, body.data, body.len);
    ret[body.len] = '\0';
    return ERR_OK;
}

err_t renew_read_certificate(struct arena *arena, struct span body, struct trail *trail,
                             struct span *ret_pem)
{
    char words[TRAIL_WHERE_MAX + TRAIL_WHAT_MAX];
    struct trail inner = {0};
    struct span pem = {0};
    yyjson_val *root = NULL;
    err_t err;

    if (span_starts(body, "-----BEGIN ")) {
        *ret_pem = body;
        return ERR_OK;
    }
    err = json_read(arena, body, NULL, &inner, &root);
    err = err ? err : json_need_string(root, "AkCertPem", &inner, &pem);
    if (err == ERR_OK && pem.len == 0) {
        err = trail_set(&inner, ERR_VALUE, "AkCertPem is empty");
    }
    if (err) {
        trail_format(&inner, err, words, sizeof(words));
        return trail_set(trail, err, "the answer holds no certificate: %s", words);
    }
    *ret_pem = pem;
    return ERR_OK;
}

/* ---- calls ---- */

static void enter(struct renew_plan *plan, enum renew_step step, uint64_t due_ms)
{
    plan->step = step;
    plan->due_ms = due_ms;
    plan->retry = (struct retry){.left = RENEW_RETRIES, .wait_ms = RENEW_RETRY_WAIT_MS};
}

bool renew_plan_begin(struct renew_plan *plan, uint64_t now_ms)
{
    if (plan->step != RENEW_IDLE || now_ms < plan->not_before_ms) {
        return false;
    }
    plan->not_before_ms = now_ms + RENEW_DAY_MS;
    enter(plan, RENEW_VM, now_ms);
    return true;
}

static const char *url_of(const struct renew_plan *plan, const char *address, const char *id,
                          struct arena *arena)
{
    static const char tvm[] = "/metadata/THIM/tvm/certificate/";

    switch (plan->step) {
    case RENEW_VM:
        return arena_printf(
            arena, "%s/metadata/instance/compute/vmId?api-version=2019-03-11&format=text", address);
    case RENEW_QUERY:
        return arena_printf(arena, "%s%squery?api-version=2021-12-01&vmId=%s&requestId=%s&guid=%s",
                            address, tvm, plan->vm_id, id, plan->order);
    default:
        return arena_printf(arena, "%s%srenew?api-version=%s&vmId=%s&requestId=%s", address, tvm,
                            plan->step == RENEW_RENEW ? "2023-07-01" : "2021-12-01", plan->vm_id,
                            id);
    }
}

static err_t form_of(struct span certificate, struct arena *arena, struct span *ret)
{
    CLEANUP(buf_done) struct buf form = {0};

    buf_init(&form, FORM_MAX);
    percent_encode(&form, certificate);
    return buf_copy(&form, arena, ret);
}

err_t renew_plan_request(const struct renew_plan *plan, const char *address,
                         struct span certificate, const char *request_id, struct arena *arena,
                         struct metadata_request *ret)
{
    struct metadata_request request = {.url = url_of(plan, address, request_id, arena),
                                       .timeout_ms = RENEW_TIMEOUT_MS};
    err_t err = request.url == NULL ? ERR_MEMORY : ERR_OK;

    if (err == ERR_OK && (plan->step == RENEW_RENEW || plan->step == RENEW_ORDER)) {
        err = form_of(certificate, arena, &request.form);
    }
    if (err == ERR_OK) {
        *ret = request;
    }
    return err;
}

/* ---- answers ---- */

static bool is_passing(err_t call_err, unsigned status)
{
    if (call_err) {
        return call_err == ERR_NETWORK || call_err == ERR_TIMEOUT;
    }
    return status == 404 || status == 429 || status >= 500;
}

/* Once more; else by the older form, when the newer one was asked; else that was it. */
static enum renew_result fall_back(struct renew_plan *plan, uint64_t now_ms, bool may_repeat)
{
    uint64_t wait_ms = 0;

    if (may_repeat && retry_next(&plan->retry, 0, UINT64_MAX, 0, &wait_ms)) {
        plan->due_ms = now_ms + wait_ms;
        return RENEW_GOES_ON;
    }
    if (plan->step == RENEW_RENEW) {
        enter(plan, RENEW_ORDER, now_ms);
        return RENEW_GOES_ON;
    }
    plan->step = RENEW_IDLE;
    return RENEW_HAS_FAILED;
}

enum renew_result renew_plan_answer(struct renew_plan *plan, uint64_t now_ms, err_t call_err,
                                    const struct metadata_reply *reply, struct arena *arena,
                                    struct trail *trail, struct span *ret_pem)
{
    err_t err = call_err;

    if (err == ERR_OK && reply->status != 200) {
        err = trail_set(trail, ERR_REFUSED, "it answered %u", reply->status);
    }
    if (err) {
        return fall_back(plan, now_ms, is_passing(call_err, reply->status));
    }
    switch (plan->step) {
    case RENEW_VM:
        err = renew_read_guid(reply->body, trail, plan->vm_id);
        if (err == ERR_OK) {
            enter(plan, RENEW_RENEW, now_ms);
        }
        break;
    case RENEW_ORDER:
        err = renew_read_guid(reply->body, trail, plan->order);
        if (err == ERR_OK) {
            enter(plan, RENEW_QUERY, now_ms + RENEW_QUERY_WAIT_MS);
        }
        break;
    default:
        err = renew_read_certificate(arena, reply->body, trail, ret_pem);
        if (err == ERR_OK) {
            plan->step = RENEW_IDLE;
            return RENEW_HAS_CERTIFICATE;
        }
    }
    return err ? fall_back(plan, now_ms, false) : RENEW_GOES_ON;
}
