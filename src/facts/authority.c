/*
 * facts/authority.c - which keys let something start (SB-7, SB-9). Membership in db and dbx:
 * facts/revoked.c.
 *
 * Who may send these bytes: root of any guest.
 */
#include "facts/parts.h"

#include "uefi/subject.h"

enum { OWNER_BYTES = 16 };

/*
 * EFI_SIGNATURE_DATA (owner, then a certificate or a digest) from firmware and current shims, a
 * bare certificate from old ones. Whichever it is must still be found in db.
 */
static void split_entry(struct authority *authority, struct span value)
{
    struct span behind_owner = span_cut(value, OWNER_BYTES, value.len);

    if (subject_is_sequence(behind_owner)) {
        authority->certificate = behind_owner;
    } else if (subject_is_sequence(value)) {
        authority->certificate = value;
    } else if (behind_owner.len == SHA1_BYTES || behind_owner.len == SHA256_BYTES ||
               behind_owner.len == SHA384_BYTES || behind_owner.len == SHA512_BYTES) {
        authority->digest = behind_owner;
    }
}

static void check_unknown(struct facts_ctx *ctx, const struct authority *authority)
{
    static const struct {
        const uint8_t *guid;
        const char *name;
    } known[] = {
        {guid_image_security, "db"},   {guid_image_security, "vendor_db"},
        {guid_shim_lock, "Shim"},      {guid_shim_lock, "MokList"},
        {guid_shim_lock, "MokListRT"}, {guid_shim_lock, "vendor_db"},
    };
    struct uefi_variable var = {0};
    struct span rest = {0};

    if (uefi_variable_split(authority->event->data, &var, &rest) == ERR_OK) {
        for (size_t i = 0; i < ARRAY_LEN(known); i++) {
            if (uefi_variable_is(&var, known[i].guid, known[i].name)) {
                return;
            }
        }
    }
    facts_find(ctx, FINDING_AUTHORITY_UNKNOWN, WEIGHT_BAD, "SB-10", authority->event,
               "event %u: a load was allowed by the unknown variable %s", authority->event->index,
               authority->source);
}

/* Is this all of a database, and not an entry of one? */
static bool is_whole_database(struct span value)
{
    struct siglist_iter iter;
    struct siglist_entry entry;
    size_t n = 0;
    err_t err;

    siglist_begin(&iter, value);
    while ((err = siglist_next(&iter, &entry)) == ERR_OK) {
        n++;
    }
    return value.len == 0 || (err == ERR_END && n > 0);
}

/* D-2, D-4: an event that calls itself an authority and is a Secure Boot variable. Else whoever
 * relabels all genuine ones could append others that say what he likes. */
static bool is_relabelled(struct facts_ctx *ctx, const struct reading *r)
{
    struct uefi_variable var = {0};
    struct span rest = {0};

    if (uefi_variable_split(r->event->data, &var, &rest) != ERR_OK || r->name[0] == '\0') {
        facts_find(ctx, FINDING_EVENT_TYPE, WEIGHT_FAULT, "D-2", r->event,
                   "event %u calls itself what allowed a load, and is malformed", r->event->index);
        return true;
    }
    if (!uefi_variable_is_secure_boot(&var) ||
        (uefi_variable_is(&var, guid_image_security, "db") && !is_whole_database(var.value))) {
        return false;
    }
    facts_find(ctx, FINDING_EVENT_TYPE, WEIGHT_FAULT, "D-2", r->event,
               "event %u calls itself what allowed a load, but what was measured is the variable "
               "%s itself",
               r->event->index, r->name);
    return true;
}

static void add_authority(struct facts_ctx *ctx, const struct reading *r, bool before_separator)
{
    struct authority *authority = &ctx->facts->authorities[ctx->facts->n_authorities++];
    const char *subject = "";

    authority->event = r->event;
    authority->source = r->name;
    authority->before_separator = before_separator;
    authority->subject = "";
    split_entry(authority, r->content);
    if (authority->certificate.len > 0) {
        err_t err = subject_of(ctx->arena, authority->certificate, &subject);

        if (err == ERR_OK) {
            authority->subject = subject;
        } else if (err == ERR_MEMORY) {
            ctx->err = err;
        }
    }
    check_unknown(ctx, authority);
}

void facts_authorities(struct facts_ctx *ctx)
{
    bool before_separator = true;

    ctx->facts->authorities =
        facts_alloc(ctx, ctx->n_by_role[ROLE_AUTHORITY], sizeof(*ctx->facts->authorities));
    for (size_t i = 0; i < ctx->readings->n && ctx->err == ERR_OK; i++) {
        const struct reading *r = &ctx->readings->items[i];

        if (r->event->home == 7 && r->role == ROLE_SEPARATOR) {
            before_separator = false;
        } else if (r->role == ROLE_AUTHORITY && r->match == READING_MATCHES) {
            if (!is_relabelled(ctx, r)) {
                add_authority(ctx, r, before_separator);
            }
        }
    }
}
