/*
 * facts/revoked.c - authorities and images against the measured db and dbx (SB-10, SB-12).
 *
 * Who may send these bytes: root of any guest, who also chooses how long both sides are: what is
 * looked for is sorted once and each list walked once, so that the time stays near linear (L-15).
 */
#include "facts/parts.h"

#include "uefi/subject.h"

#include <stdlib.h>

struct needle {
    enum siglist_kind kind;
    struct span data;
    size_t leader;                     /* the first of all equal ones, which carries the marks */
    const struct authority *authority; /* of one of the two */
    const struct boot_image *image;
    bool in_db;
    bool in_dbx;
    bool in_dbx_from_time;
};

struct haystack {
    struct needle *items;
    size_t n;
};

static enum siglist_kind kind_of_hash(enum hash_alg alg)
{
    switch (alg) {
    case HASH_SHA1:
        return SIGLIST_SHA1;
    case HASH_SHA384:
        return SIGLIST_SHA384;
    case HASH_SHA512:
        return SIGLIST_SHA512;
    case HASH_SHA256:
    case HASH_COUNT:
    case HASH_NONE:
    default:
        return SIGLIST_SHA256;
    }
}

/* The hash of a revocation by TBS hash; HASH_NONE for other kinds. */
static enum hash_alg tbs_hash(enum siglist_kind kind)
{
    switch (kind) {
    case SIGLIST_X509_SHA256:
        return HASH_SHA256;
    case SIGLIST_X509_SHA384:
        return HASH_SHA384;
    case SIGLIST_X509_SHA512:
        return HASH_SHA512;
    case SIGLIST_X509:
    case SIGLIST_SHA1:
    case SIGLIST_SHA256:
    case SIGLIST_SHA384:
    case SIGLIST_SHA512:
    case SIGLIST_RSA2048:
    case SIGLIST_OTHER:
    default:
        return HASH_NONE;
    }
}

static int compare(const void *left, const void *right)
{
    const struct needle *a = left;
    const struct needle *b = right;

    if (a->kind != b->kind) {
        return a->kind < b->kind ? -1 : 1;
    }
    if (a->data.len != b->data.len) {
        return a->data.len < b->data.len ? -1 : 1;
    }
    return a->data.len == 0 ? 0 : memcmp(a->data.data, b->data.data, a->data.len);
}

static void add(struct haystack *stack, enum siglist_kind kind, struct span data,
                const struct authority *authority, const struct boot_image *image)
{
    stack->items[stack->n++] =
        (struct needle){.kind = kind, .data = data, .authority = authority, .image = image};
}

static void add_authority(struct haystack *stack, const struct authority *authority)
{
    if (authority->certificate.len > 0) {
        add(stack, SIGLIST_X509, authority->certificate, authority, NULL);
        return;
    }
    for (int alg = 0; alg < HASH_COUNT; alg++) {
        if (authority->digest.len == hash_size((enum hash_alg)alg)) {
            add(stack, kind_of_hash((enum hash_alg)alg), authority->digest, authority, NULL);
            return;
        }
    }
    add(stack, SIGLIST_OTHER, (struct span){0}, authority, NULL);
}

/* Only when dbx revokes by TBS hash: three hashes a certificate. */
static void add_tbs(struct facts_ctx *ctx, struct haystack *stack,
                    const struct authority *authority)
{
    static const enum siglist_kind kinds[] = {SIGLIST_X509_SHA256, SIGLIST_X509_SHA384,
                                              SIGLIST_X509_SHA512};
    struct span tbs = {0};

    if (authority->certificate.len == 0 || subject_tbs(authority->certificate, &tbs) != ERR_OK) {
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(kinds) && ctx->err == ERR_OK; i++) {
        enum hash_alg alg = tbs_hash(kinds[i]);
        uint8_t *digest = facts_alloc(ctx, hash_size(alg), 1);

        if (digest != NULL) {
            ctx->err = hasher_once(ctx->hasher, alg, tbs, digest);
            add(stack, kinds[i], span_of(digest, hash_size(alg)), authority, NULL);
        }
    }
}

static bool has_tbs_entries(const struct key_database *db)
{
    struct siglist_iter iter;
    struct siglist_entry entry = {0};

    if (db->keys.n_other == 0) {
        return false;
    }
    siglist_begin(&iter, db->lists);
    while (siglist_next(&iter, &entry) == ERR_OK) {
        if (tbs_hash(entry.kind) != HASH_NONE) {
            return true;
        }
    }
    return false;
}

static void collect(struct facts_ctx *ctx, struct haystack *stack)
{
    const struct boot_facts *facts = ctx->facts;
    bool tbs = has_tbs_entries(&facts->dbx);

    stack->items = facts_alloc(ctx, facts->n_authorities * 4 + facts->n_images * HASH_COUNT,
                               sizeof(*stack->items));
    if (stack->items == NULL) {
        return;
    }
    for (size_t i = 0; i < facts->n_authorities; i++) {
        add_authority(stack, &facts->authorities[i]);
        if (tbs) {
            add_tbs(ctx, stack, &facts->authorities[i]);
        }
    }
    for (size_t i = 0; i < facts->n_images; i++) {
        for (int alg = 0; alg < HASH_COUNT; alg++) {
            if (facts->images[i].digest[alg].len > 0) {
                add(stack, kind_of_hash((enum hash_alg)alg), facts->images[i].digest[alg], NULL,
                    &facts->images[i]);
            }
        }
    }
    qsort(stack->items, stack->n, sizeof(*stack->items), compare);
    for (size_t i = 1; i < stack->n; i++) {
        stack->items[i].leader =
            compare(&stack->items[i - 1], &stack->items[i]) == 0 ? stack->items[i - 1].leader : i;
    }
}

static void mark(struct haystack *stack, const struct siglist_entry *entry, bool is_dbx)
{
    enum hash_alg tbs = tbs_hash(entry->kind);
    struct needle key = {.kind = entry->kind, .data = entry->data};
    struct needle *found;

    if (entry->kind == SIGLIST_OTHER || entry->kind == SIGLIST_RSA2048) {
        return;
    }
    if (tbs != HASH_NONE) {
        key.data = span_cut(entry->data, 0, hash_size(tbs));
    }
    found = bsearch(&key, stack->items, stack->n, sizeof(*stack->items), compare);
    if (found == NULL) {
        return;
    }
    found = &stack->items[found->leader];
    if (!is_dbx) {
        found->in_db = true;
    } else if (tbs != HASH_NONE && !span_all(span_cut(entry->data, key.data.len, 16), 0)) {
        found->in_dbx_from_time = true;
    } else {
        found->in_dbx = true;
    }
}

static void walk(struct haystack *stack, const struct key_database *db, bool is_dbx)
{
    struct siglist_iter iter;
    struct siglist_entry entry = {0};

    if (!db->present || db->keys.is_malformed) {
        return;
    }
    siglist_begin(&iter, db->lists);
    while (siglist_next(&iter, &entry) == ERR_OK) {
        mark(stack, &entry, is_dbx);
    }
}

static void report_authority(struct facts_ctx *ctx, const struct needle *needle,
                             const struct needle *leader)
{
    const struct authority *authority = needle->authority;
    unsigned event = authority->event->index;
    bool is_tbs = tbs_hash(needle->kind) != HASH_NONE;

    if (!is_tbs && !leader->in_db && ctx->facts->db.present &&
        strcmp(authority->source, "db") == 0) {
        facts_find(ctx, FINDING_AUTHORITY_NOT_IN_DB, WEIGHT_BAD, "SB-10", authority->event,
                   "event %u: the entry that allowed a load is not in db: %s", event,
                   authority->subject);
    }
    if (leader->in_dbx) {
        facts_find(ctx, FINDING_AUTHORITY_IN_DBX, WEIGHT_BAD, "SB-10", authority->event,
                   "event %u: the entry that allowed a load is revoked by dbx: %s", event,
                   authority->subject);
    } else if (leader->in_dbx_from_time) {
        facts_find(ctx, FINDING_AUTHORITY_IN_DBX, WEIGHT_NOTE, "SB-10", authority->event,
                   "event %u: dbx revokes from a certain time on: %s", event, authority->subject);
    }
}

void facts_revoked(struct facts_ctx *ctx)
{
    struct haystack stack = {0};

    collect(ctx, &stack);
    if (stack.items == NULL || ctx->err) {
        return;
    }
    walk(&stack, &ctx->facts->db, false);
    walk(&stack, &ctx->facts->dbx, true);
    for (size_t i = 0; i < stack.n; i++) {
        const struct needle *needle = &stack.items[i];
        const struct needle *leader = &stack.items[needle->leader];

        if (needle->authority != NULL) {
            report_authority(ctx, needle, leader);
        } else if (leader->in_dbx) {
            facts_find(ctx, FINDING_IMAGE_IN_DBX, WEIGHT_BAD, "B-4", needle->image->event,
                       "event %u: the image is revoked by the measured dbx [%s]",
                       needle->image->event->index, needle->image->path_hint);
        }
    }
}
