/*
 * facts/shim.c - shim: SBAT level, validation switch, MOK lists (SB-9, SB-15, SB-16).
 *
 * PCR 7 authority events carry their data under the digest; PCR 14 events carry the digest of a
 * variable's content and a name that nothing covers.
 *
 * Who may send these bytes: root of any guest.
 */
#include "facts/parts.h"

enum { MOK_CERTS_MAX = 8 };

/* Real ones have a hundred bytes; what is compared line by line must not be a book (L-15). */
enum { SBAT_MAX_BYTES = 4096 };

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
    if (r->content.len > SBAT_MAX_BYTES || !is_sbat_csv(r->content)) {
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

static bool is_mok_authority(const struct authority *authority)
{
    return (strcmp(authority->source, "MokList") == 0 ||
            strcmp(authority->source, "MokListRT") == 0) &&
           authority->certificate.len > 0;
}

/* Built into the shim of a distribution? */
static bool is_vendor(struct facts_ctx *ctx, struct span certificate)
{
    const struct reference_authority *known = NULL;
    uint8_t digest[SHA256_BYTES];

    if (ctx->err == ERR_OK) {
        ctx->err = hasher_once(ctx->hasher, HASH_SHA256, certificate, digest);
    }
    if (ctx->err == ERR_OK) {
        known = reference_authority(ctx->reference, digest);
    }
    return known != NULL && (known->roles & REFERENCE_SHIM) != 0;
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
    /* shim looks at no signature where the firmware does not either (github.com/rhboot/shim,
     * secure_mode). */
    if (state.disabled || facts->secure_boot == STATE_NO) {
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
