/*
 * facts/reference.c - facts held against the reference data: what has a name, and what is known to
 * be revoked whatever the machine's own dbx says (B-4, SB-13; verification-rules section 8).
 *
 * Who may send these bytes: root of any guest.
 */
#include "facts/parts.h"

#include <stdio.h>

static void name_authority(struct facts_ctx *ctx, struct authority *authority)
{
    if (authority->certificate.len == 0 || ctx->err) {
        return;
    }
    ctx->err = hasher_once(ctx->hasher, HASH_SHA256, authority->certificate, authority->sha256);
    if (ctx->err) {
        return;
    }
    authority->known = reference_authority(ctx->reference, authority->sha256);
    if (authority->known != NULL && authority->known->revoked != NULL) {
        facts_find(ctx, FINDING_AUTHORITY_REVOKED, WEIGHT_BAD, "B-4", authority->event,
                   "event %u: the key that allowed a load is known to be revoked since %s: %s",
                   authority->event->index, authority->known->revoked, authority->known->name);
    }
}

/* "CVE-2020-10713, CVE-2020-14308 and more" */
static const char *cve_words(const struct reference_image *image, struct arena *arena)
{
    const char *const *cves = image->cves;
    const char *words = NULL;

    if (cves != NULL && cves[0] != NULL) {
        words = arena_printf(arena, " (%s%s)", cves[0], cves[1] != NULL ? " and more" : "");
    } else if (image->remark != NULL) {
        words = arena_printf(arena, " (%s)", image->remark);
    }
    return words != NULL ? words : "";
}

static void find_revoked(struct facts_ctx *ctx, const struct event *event,
                         const struct reference_image *revoked, const char *path_hint)
{
    facts_find(ctx, FINDING_IMAGE_REVOKED, WEIGHT_BAD, "B-4", event,
               "event %u: the image is on the revocation list of %s: %s%s%s%s [%s]", event->index,
               revoked->date, revoked->owner != NULL ? revoked->owner : "",
               revoked->owner != NULL ? ", " : "", revoked->name, cve_words(revoked, ctx->arena),
               path_hint);
}

/*
 * Firmware measures what it starts in PCR 2 and 4, and what it holds in PCR 0. An event's type is a
 * claim of whoever wrote the log (D-2): a revoked loader that is called a driver, or anything else,
 * has the same digest.
 */
static bool measures_code(const struct event *event)
{
    return (event->home == 0 || event->home == 2 || event->home == 4) &&
           event->type != EV_NO_ACTION;
}

void facts_reference(struct facts_ctx *ctx)
{
    int bank = eventlog_bank(ctx->log, HASH_SHA256);
    size_t next = 0; /* image; they stand in the order of their events */

    for (size_t i = 0; i < ctx->facts->n_authorities; i++) {
        name_authority(ctx, &ctx->facts->authorities[i]);
    }
    for (size_t i = 0; bank >= 0 && ctx->reference != NULL && i < ctx->log->n_events; i++) {
        const struct event *event = &ctx->log->events[i];
        const struct reference_image *revoked =
            measures_code(event) ? reference_revoked(ctx->reference, event->digest[bank]) : NULL;
        const char *hint = "";

        if (next < ctx->facts->n_images && ctx->facts->images[next].event == event) {
            struct boot_image *image = &ctx->facts->images[next++];

            image->known = reference_known(ctx->reference, event->digest[bank]);
            image->revoked = revoked;
            hint = image->path_hint;
        }
        if (revoked != NULL) {
            find_revoked(ctx, event, revoked, hint);
        }
    }
}

/* ---- JSON ---- */

static yyjson_mut_val *image_json(yyjson_mut_doc *doc, const struct reference_image *image)
{
    yyjson_mut_val *value;

    if (image == NULL) {
        return yyjson_mut_null(doc);
    }
    value = yyjson_mut_obj(doc);
    json_add_text(doc, value, "name", image->name);
    json_add_text(doc, value, "version", image->version);
    json_add_text(doc, value, "owner", image->owner);
    if (image->date != NULL) {
        yyjson_mut_val *cves;

        json_add_text(doc, value, "date", image->date);
        cves = json_add_array(doc, value, "cves");
        for (size_t i = 0; image->cves != NULL && image->cves[i] != NULL; i++) {
            yyjson_mut_arr_add_strcpy(doc, cves, image->cves[i]);
        }
    }
    return value;
}

void facts_add_image_names(yyjson_mut_doc *doc, yyjson_mut_val *value,
                           const struct boot_image *image)
{
    json_add_value(doc, value, "known", image_json(doc, image->known));
    json_add_value(doc, value, "revoked", image_json(doc, image->revoked));
}

void facts_add_authority_names(struct arena *arena, yyjson_mut_doc *doc, yyjson_mut_val *value,
                               const struct authority *authority)
{
    if (authority->certificate.len > 0) {
        json_add_hex(arena, doc, value, "sha256",
                     span_of(authority->sha256, sizeof(authority->sha256)));
    }
    json_add_text(doc, value, "known", authority->known != NULL ? authority->known->name : NULL);
}

static void add_svns(yyjson_mut_doc *doc, yyjson_mut_val *value, const struct key_contents *keys)
{
    yyjson_mut_val *array = json_add_array(doc, value, "svn");

    for (size_t i = 0; i < keys->n_svns; i++) {
        const struct key_svn *svn = &keys->svns[i];
        yyjson_mut_val *item = yyjson_mut_arr_add_obj(doc, array);
        char text[37];

        reference_guid_show(svn->guid, text);
        json_add_text(doc, item, "guid", text);
        json_add_text(doc, item, "known", svn->known != NULL ? svn->known->name : NULL);
        snprintf(text, sizeof(text), "%u.%u", svn->major, svn->minor);
        json_add_text(doc, item, "version", text);
    }
}

void facts_add_database_names(struct arena *arena, yyjson_mut_doc *doc, yyjson_mut_val *value,
                              const struct key_database *db)
{
    yyjson_mut_val *array = json_add_array(doc, value, "certificate_list");

    for (size_t i = 0; i < db->keys.n_certificates; i++) {
        const struct key_certificate *certificate = &db->keys.certificates[i];
        yyjson_mut_val *item = yyjson_mut_arr_add_obj(doc, array);

        json_add_text(doc, item, "subject", certificate->subject);
        json_add_hex(arena, doc, item, "sha256",
                     span_of(certificate->sha256, sizeof(certificate->sha256)));
        json_add_text(doc, item, "known",
                      certificate->known != NULL ? certificate->known->name : NULL);
        json_add_bool(doc, item, "test_key", certificate->is_test_key);
    }
    add_svns(doc, value, &db->keys);
}
