/*
 * learned.c - baselines to keep.
 *
 * Who may send these bytes: the operator, from a file or a store that others may have written.
 */
#include "appraise/learned.h"

#include "base/codec.h"
#include "base/timestamp.h"
#include "json/json.h"

#include <string.h>

static const char schema[] = "bootwarden-baseline/1";

static err_t may_learn(const struct appraisal *a, bool is_approved, struct trail *trail)
{
    if (a->verdict != VERDICT_HEALTHY && !(a->verdict == VERDICT_CHANGED && is_approved)) {
        return trail_set(trail, ERR_DENIED, "the verdict is %s: %s", verdict_name(a->verdict),
                         a->verdict == VERDICT_CHANGED ? "somebody has to approve of the changes"
                                                       : "this boot is no measure for others");
    }
    if (a->facts == NULL || a->log == NULL || !a->is_log_proven) {
        return trail_set(trail, ERR_DENIED, "no proven log stands behind the verdict");
    }
    return ERR_OK;
}

err_t baseline_learn(struct arena *arena, const struct appraisal *appraisal, bool is_approved,
                     int64_t now, struct trail *trail, struct span *ret_json)
{
    /* IMA's register and those behind 14 are no part of a boot: a later quote without them hides
     * nothing of it. */
    uint32_t pcrs = appraisal->attested.have[HASH_SHA256] & APPRAISE_BASELINE_PCRS;
    yyjson_mut_doc *doc = json_new(arena);
    yyjson_mut_val *root = doc == NULL ? NULL : yyjson_mut_obj(doc), *list;
    char time[TIMESTAMP_SIZE];
    const char *log;
    struct span text;
    err_t err = may_learn(appraisal, is_approved, trail);

    if (err || root == NULL) {
        return err ? err : ERR_MEMORY;
    }
    timestamp_format(now, time, sizeof(time));
    json_add_text(doc, root, "schema", schema);
    json_add_text(doc, root, "time", time);
    json_add_hex(arena, doc, root, "ak", tpm_name_span(&appraisal->aks[appraisal->main_ak].name));
    list = json_add_array(doc, root, "pcrs");
    for (unsigned pcr = 0; pcr < EVENTLOG_REGISTERS; pcr++) {
        if ((pcrs & 1u << pcr) != 0) {
            yyjson_mut_arr_add_uint(doc, list, pcr);
        }
    }
    log = base64_dup(arena, BASE64_STANDARD, appraisal->log->bytes);
    if (log == NULL) {
        return ERR_MEMORY;
    }
    json_add_text(doc, root, "log", log);
    text = json_write(arena, doc, root, true);
    if (text.data == NULL) {
        return ERR_MEMORY;
    }
    *ret_json = text;
    return ERR_OK;
}

bool learned_is(struct span json)
{
    return json.len > 0 && json.data[0] == '{' &&
           memmem(json.data, json.len < 256 ? json.len : 256, schema, strlen(schema)) != NULL;
}

static err_t read_pcrs(yyjson_val *root, struct trail *trail, uint32_t *ret)
{
    yyjson_val *list = NULL, *value;
    size_t i, n;
    uint32_t pcrs = 0;
    err_t err = json_need_array(root, "pcrs", trail, &list);

    if (err) {
        return err;
    }
    yyjson_arr_foreach(list, i, n, value)
    {
        if (!yyjson_is_uint(value) || yyjson_get_uint(value) >= EVENTLOG_REGISTERS ||
            (pcrs & 1u << yyjson_get_uint(value)) != 0) {
            trail_set(trail, ERR_VALUE, "must be different numbers from 0 to %d",
                      EVENTLOG_REGISTERS - 1);
            return trail_in(trail, ERR_VALUE, "pcrs");
        }
        pcrs |= 1u << yyjson_get_uint(value);
    }
    *ret = pcrs;
    return ERR_OK;
}

static err_t read_head(struct arena *arena, yyjson_val *root, struct trail *trail,
                       struct learned *ret, struct span *ret_log)
{
    struct span name = {0}, time = {0}, ak = {0};
    err_t err = json_need_string(root, "schema", trail, &name);

    if (err == ERR_OK && !span_equal(name, span_str(schema))) {
        trail_set(trail, ERR_UNSUPPORTED, "is not %s", schema);
        err = trail_in(trail, ERR_UNSUPPORTED, "schema");
    }
    err = err ? err : json_need_string(root, "time", trail, &time);
    if (err == ERR_OK && timestamp_parse((const char *)time.data, &ret->time) != ERR_OK) {
        trail_set(trail, ERR_VALUE, "must be a time such as 2026-12-31T23:59:59Z");
        err = trail_in(trail, ERR_VALUE, "time");
    }
    err = err ? err : json_need_string(root, "ak", trail, &ak);
    err = err ? err : read_pcrs(root, trail, &ret->pcrs);
    err = err ? err : json_need_base64(arena, root, "log", BASE64_STANDARD, trail, ret_log);
    if (err == ERR_OK) {
        ret->ak_name = (const char *)arena_dup(arena, ak).data;
        err = ret->ak_name == NULL ? ERR_MEMORY : ERR_OK;
    }
    return err;
}

err_t learned_read(struct arena *arena, struct span json, const struct reference *reference,
                   struct hasher *hasher, struct trail *trail, struct learned *ret)
{
    struct learned learned = {0};
    struct span bytes = {0};
    struct eventlog *log = NULL, *attested = NULL;
    struct readings *readings = NULL;
    struct boot_facts *facts = NULL;
    yyjson_val *root = NULL;
    err_t err = json.len > LEARNED_MAX_BYTES
                    ? trail_set(trail, ERR_TOO_LARGE, "baseline of %zu bytes, %d are allowed",
                                json.len, LEARNED_MAX_BYTES)
                    : json_read(arena, json, NULL, trail, &root);

    err = err ? err : read_head(arena, root, trail, &learned, &bytes);
    if (err) {
        return err;
    }
    err = eventlog_read(arena, bytes, trail, &log);
    if (err) {
        return trail_in(trail, err, "log");
    }
    /* What no quote covered was no part of what was judged good. */
    err = eventlog_keep(arena, log, learned.pcrs, EVENTLOG_ALL_BANKS, &attested);
    err = err ? err : readings_make(arena, attested, hasher, &readings);
    err = err ? err : boot_facts_make(arena, readings, reference, hasher, &facts);
    if (err == ERR_OK) {
        learned.facts = facts;
        *ret = learned;
    }
    return err;
}
