/*
 * facts-shim.c - shim: SBAT level, validation switch, MOK lists (SB-9, SB-15, SB-16).
 *
 * PCR 7 authority events carry their data under the digest; PCR 14 events carry the digest of a
 * variable's content and a name that nothing covers.
 *
 * Who may send these bytes: root of any guest.
 */
#include "eventlog/facts-parts.h"

enum { MOK_CERTS_MAX = 8 };

static const uint8_t zero[1] = {0};
static const uint8_t one[1] = {1};

/* ---- SbatLevel ---- */

/* Lines "component,generation[,...]", the first "sbat,1[,date]". */
static bool is_sbat_csv(struct span text)
{
    if (!span_starts(text, "sbat,")) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if ((text.data[i] < 0x20 || text.data[i] >= 0x7f) && text.data[i] != '\n') {
            return false;
        }
    }
    return true;
}

static void read_sbat_level(struct facts_ctx *ctx, const struct reading *r, bool *conflict)
{
    struct boot_facts *facts = ctx->facts;
    struct span copy;

    if (r->match != READING_MATCHES) {
        *conflict = true;
        return;
    }
    if (!is_sbat_csv(r->content)) {
        *conflict = true;
        facts_find(ctx, FINDING_OTHER, WEIGHT_NOTE, "SB-9", r->event,
                   "event %u: SbatLevel is not of its form", r->event->index);
        return;
    }
    if (facts->sbat_level != NULL) {
        /* shim may run twice; two levels in one boot are none. */
        if (!span_is(r->content, facts->sbat_level)) {
            *conflict = true;
            facts_find(ctx, FINDING_OTHER, WEIGHT_NOTE, "SB-16", r->event,
                       "event %u: SbatLevel was measured with another value before",
                       r->event->index);
        }
        return;
    }
    copy = arena_dup(ctx->arena, r->content);
    if (copy.data == NULL) {
        ctx->err = ERR_MEMORY;
        return;
    }
    facts->sbat_level = (const char *)copy.data;
}

/* ---- validation switch ---- */

struct mok_state {
    bool disabled;
    bool unclear;
    bool seen_trusted;
};

/* PCR 7: MokSBState is measured when it is set; its data is under the digest. */
static void read_state_pcr7(struct mok_state *state, const struct reading *r)
{
    if (r->match != READING_MATCHES) {
        state->unclear = true;
    } else if (strncmp(r->name, "MokSBState", 10) == 0 &&
               !(r->content.len == 1 && r->content.data[0] == 0)) {
        state->disabled = true;
    }
}

/*
 * PCR 14: the content is 00 or 01, so its digest tells which. The name does not bind: an event
 * that says 01 and is not the one MokListTrusted may be MokSBState under another name.
 */
static void read_state_pcr14(struct facts_ctx *ctx, struct mok_state *state,
                             const struct reading *r)
{
    bool is_sb_state = strncmp(r->name, "MokSBState", 10) == 0;
    bool is_trusted = strncmp(r->name, "MokListTrusted", 14) == 0;

    if (is_sb_state) {
        if (facts_digest_is(ctx, r->event, span_of(zero, 1))) {
            return;
        }
        if (facts_digest_is(ctx, r->event, span_of(one, 1))) {
            state->disabled = true;
        } else {
            state->unclear = true;
        }
        return;
    }
    if (is_trusted && !state->seen_trusted) {
        state->seen_trusted = true;
        return;
    }
    if (facts_digest_is(ctx, r->event, span_of(one, 1))) {
        state->unclear = true;
    }
}

static void set_digest(const struct facts_ctx *ctx, const struct event *event, struct span *digest)
{
    int bank = facts_bank(ctx);

    if (bank >= 0 && digest->len == 0) {
        *digest = event->digest[bank];
    }
}

static void read_pcr14(struct facts_ctx *ctx, struct mok_state *state, const struct reading *r)
{
    struct boot_facts *facts = ctx->facts;

    if (strcmp(r->name, "MokList") == 0 || strcmp(r->name, "MokListRT") == 0) {
        set_digest(ctx, r->event, &facts->mok_list);
    } else if (strcmp(r->name, "MokListX") == 0 || strcmp(r->name, "MokListXRT") == 0) {
        set_digest(ctx, r->event, &facts->mok_list_x);
    } else if (strncmp(r->name, "MokListTrusted", 14) == 0) {
        set_digest(ctx, r->event, &facts->mok_list_trusted);
    }
    read_state_pcr14(ctx, state, r);
}

/* ---- whose certificate is it? ---- */

/* SHA-256 of the certificates built into the shims of distributions (computed from public logs). */
static const uint8_t vendors[][SHA256_BYTES] = {
    /* Debian Secure Boot CA */
    {0x07, 0x96, 0x46, 0x97, 0x4b, 0xce, 0x09, 0xb1, 0xf0, 0x4d, 0xa6,
     0x7b, 0xd7, 0x22, 0xd1, 0xfb, 0x09, 0x47, 0xae, 0x4c, 0x40, 0x10,
     0xbc, 0xcd, 0xbb, 0xa5, 0x2d, 0x5b, 0x23, 0xcb, 0xf1, 0xa2},
    /* Canonical Ltd. Master Certificate Authority */
    {0xed, 0x1f, 0xe7, 0x2c, 0xb9, 0xca, 0x31, 0xc9, 0xaf, 0x5b, 0x75,
     0x7a, 0xfc, 0xd7, 0x33, 0x32, 0x3d, 0x67, 0x58, 0x25, 0x03, 0x2e,
     0x6c, 0xed, 0x7f, 0xe1, 0xae, 0x9e, 0xb7, 0x67, 0x99, 0x8c},
    /* Red Hat Secure Boot (CA key 1) */
    {0x99, 0x96, 0xc7, 0x36, 0x16, 0xee, 0x42, 0xf1, 0x33, 0x96, 0xc9,
     0xab, 0xfb, 0x4b, 0x64, 0x6b, 0x53, 0x8c, 0x3c, 0x80, 0x94, 0x04,
     0x74, 0xb7, 0x10, 0xaf, 0xdb, 0xe5, 0x3b, 0xf1, 0x7d, 0x32},
    /* Red Hat Secure Boot CA 5 */
    {0x40, 0x17, 0x5d, 0x4c, 0x7c, 0x5a, 0xb4, 0xbd, 0x75, 0x3a, 0x49,
     0x3f, 0x47, 0x95, 0x2f, 0x1d, 0x8d, 0xcf, 0x1c, 0x21, 0x9b, 0x83,
     0x69, 0x68, 0xa6, 0x93, 0xe4, 0x8b, 0xd4, 0x76, 0x61, 0x35},
    /* CentOS Secure Boot CA 2 */
    {0xf1, 0xfd, 0xf7, 0xae, 0x39, 0x24, 0xa1, 0x87, 0xe0, 0xf3, 0x0a,
     0x50, 0x22, 0x71, 0xcb, 0x83, 0x69, 0xf5, 0xf2, 0x6b, 0x80, 0x32,
     0xf0, 0x26, 0xae, 0xf6, 0xfc, 0xe7, 0xa1, 0x13, 0xd1, 0xc4},
};

static bool is_mok_authority(const struct authority *authority)
{
    return (strcmp(authority->source, "MokList") == 0 ||
            strcmp(authority->source, "MokListRT") == 0) &&
           authority->certificate.len > 0;
}

static bool is_vendor(struct facts_ctx *ctx, struct span certificate)
{
    uint8_t digest[SHA256_BYTES];

    if (ctx->err == ERR_OK) {
        ctx->err = hasher_once(ctx->hasher, HASH_SHA256, certificate, digest);
    }
    for (size_t i = 0; ctx->err == ERR_OK && i < ARRAY_LEN(vendors); i++) {
        if (memcmp(vendors[i], digest, sizeof(digest)) == 0) {
            return true;
        }
    }
    return false;
}

/*
 * Is the measured MokList just this certificate? shim mirrors its own into MokListRT as a
 * signature list of one entry that it owns itself, before whatever the owner enrolled.
 */
static bool is_whole_list(struct facts_ctx *ctx, const struct event *list, struct span certificate)
{
    uint8_t header[44] = {0xa1, 0x59, 0xc0, 0xa5, 0xe4, 0x94, 0xa7, 0x4a,
                          0x87, 0xb5, 0xab, 0x15, 0x5c, 0x2b, 0xf0, 0x72};
    uint32_t sizes[3] = {(uint32_t)certificate.len + 44, 0, (uint32_t)certificate.len + 16};
    uint8_t digest[HASH_MAX_BYTES];
    int bank = facts_bank(ctx);

    if (bank < 0 || ctx->err) {
        return false;
    }
    for (size_t i = 0; i < 12; i++) {
        header[16 + i] = (uint8_t)(sizes[i / 4] >> (i % 4 * 8));
    }
    memcpy(header + 28, guid_shim_lock, 16);
    ctx->err = hasher_extend(ctx->hasher, ctx->log->banks[bank].hash,
                             span_of(header, sizeof(header)), certificate, digest);
    return ctx->err == ERR_OK &&
           span_equal(span_of(digest, ctx->log->banks[bank].size), list->digest[bank]);
}

static const struct event *mok_list_event(const struct facts_ctx *ctx)
{
    for (size_t i = 0; i < ctx->readings->n; i++) {
        const struct reading *r = &ctx->readings->items[i];

        if (r->role == ROLE_MOK_LIST && r->event->home == 14 &&
            (strcmp(r->name, "MokList") == 0 || strcmp(r->name, "MokListRT") == 0)) {
            return r->event;
        }
    }
    return NULL;
}

/*
 * shim's own certificate stands first in MokListRT, and alone when the owner enrolled nothing
 * (older shims call it "Shim", and what comes from "MokList" is the owner's). A certificate that
 * is neither alone there nor known as a distribution's counts as the owner's.
 */
static void read_mok_authorities(struct facts_ctx *ctx)
{
    struct boot_facts *facts = ctx->facts;
    const struct event *list = mok_list_event(ctx);
    size_t n = 0;

    for (size_t i = 0; i < facts->n_authorities && n < MOK_CERTS_MAX && ctx->err == ERR_OK; i++) {
        const struct authority *authority = &facts->authorities[i];

        if (!is_mok_authority(authority)) {
            continue;
        }
        n++;
        if (list != NULL && strcmp(authority->source, "MokListRT") == 0 &&
            is_whole_list(ctx, list, authority->certificate)) {
            if (facts->mok_enrolled == STATE_UNKNOWN) {
                facts->mok_enrolled = STATE_NO;
            }
            continue;
        }
        facts->mok_enrolled = list != NULL ? STATE_YES : facts->mok_enrolled;
        if (!is_vendor(ctx, authority->certificate)) {
            facts->has_user_mok = true;
        }
    }
}

void facts_shim(struct facts_ctx *ctx)
{
    struct boot_facts *facts = ctx->facts;
    struct mok_state state = {0};
    bool sbat_conflict = false;

    for (size_t i = 0; i < ctx->readings->n && ctx->err == ERR_OK; i++) {
        const struct reading *r = &ctx->readings->items[i];

        facts->has_shim = facts->has_shim || r->rule == rule_old_shim;
        if (r->role == ROLE_SBAT_LEVEL) {
            facts->has_shim = true;
            read_sbat_level(ctx, r, &sbat_conflict);
        } else if (r->role == ROLE_MOK_STATE && r->event->home == 7) {
            facts->has_shim = true;
            read_state_pcr7(&state, r);
        } else if (r->role == ROLE_MOK_LIST || r->role == ROLE_MOK_STATE) {
            facts->has_shim = true;
            read_pcr14(ctx, &state, r);
        } else if (r->event->home == 14 && r->event->type == EV_IPL) {
            read_state_pcr14(ctx, &state, r);
        }
    }
    for (size_t i = 0; i < facts->n_authorities; i++) {
        facts->has_shim = facts->has_shim || strcmp(facts->authorities[i].source, "Shim") == 0 ||
                          is_mok_authority(&facts->authorities[i]);
    }
    if (sbat_conflict) {
        facts->sbat_level = NULL;
    }
    if (!facts->has_shim) {
        return;
    }
    if (state.disabled) {
        facts->shim_validation = STATE_NO;
    } else if (!state.unclear && facts_bank(ctx) >= 0) {
        facts->shim_validation = STATE_YES;
    }
    read_mok_authorities(ctx);
    if (facts->sbat_level == NULL && !sbat_conflict) {
        facts_find(ctx, FINDING_OTHER, WEIGHT_NOTE, "SB-16", NULL,
                   "shim ran and measured no SBAT level");
    }
}
