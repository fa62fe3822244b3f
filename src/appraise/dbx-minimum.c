/*
 * dbx-minimum.c - a revocation list as a demand.
 *
 * Who may send these bytes: the operator (the minimum), root of any guest (the lists it is held
 * against).
 */
#include "appraise/dbx-minimum.h"

#include <stdlib.h>

enum { EFIVARFS_ATTRIBUTES = 4, EFI_TIME_BYTES = 16, WIN_CERTIFICATE_HEADER = 8 };

static int compare(const void *left, const void *right)
{
    const struct siglist_entry *a = left;
    const struct siglist_entry *b = right;

    if (a->kind != b->kind) {
        return a->kind < b->kind ? -1 : 1;
    }
    if (a->kind == SIGLIST_OTHER) {
        int order = memcmp(a->type_guid, b->type_guid, sizeof(a->type_guid));

        if (order != 0) {
            return order;
        }
    }
    if (a->data.len != b->data.len) {
        return a->data.len < b->data.len ? -1 : 1;
    }
    return a->data.len == 0 ? 0 : memcmp(a->data.data, b->data.data, a->data.len);
}

/* Whole and well formed? Its entries are counted then. */
static bool is_siglist(struct span lists, size_t *ret_n)
{
    struct siglist_iter iter;
    struct siglist_entry entry;
    size_t n = 0;
    err_t err;

    siglist_begin(&iter, lists);
    while ((err = siglist_next(&iter, &entry)) == ERR_OK) {
        n++;
    }
    *ret_n = n;
    return err == ERR_END && n > 0;
}

/* UEFI 2.10, 8.2.2: EFI_TIME, then WIN_CERTIFICATE_UEFI_GUID, which knows its length. */
static struct span behind_signature(struct span bytes)
{
    static const uint8_t form[4] = {0x00, 0x02, 0xf1, 0x0e}; /* revision 0x0200, type 0x0EF1 */
    struct reader in = reader_on(bytes);
    struct span head = {0};
    uint32_t length = 0;

    if (reader_skip(&in, EFI_TIME_BYTES) || reader_u32le(&in, &length) ||
        reader_take(&in, sizeof(form), &head) || !span_equal(head, span_of(form, sizeof(form))) ||
        length < WIN_CERTIFICATE_HEADER || reader_skip(&in, length - WIN_CERTIFICATE_HEADER)) {
        return (struct span){0};
    }
    return span_cut(bytes, bytes.len - reader_left(&in), bytes.len);
}

err_t dbx_minimum_read(struct arena *arena, struct span bytes, struct trail *trail,
                       struct dbx_minimum *ret)
{
    const struct span forms[] = {bytes, span_cut(bytes, EFIVARFS_ATTRIBUTES, bytes.len),
                                 behind_signature(bytes)};
    struct siglist_entry *entries;
    struct siglist_iter iter;
    struct span lists = {0};
    size_t n = 0;
    size_t kept = 0;

    /* None of the forms can be read as another: a list begins with a GUID. */
    for (size_t i = 0; lists.len == 0 && i < ARRAY_LEN(forms); i++) {
        lists = is_siglist(forms[i], &n) ? arena_dup(arena, forms[i]) : lists;
    }
    if (n == 0 || lists.len == 0) {
        return trail_set(trail, ERR_MALFORMED,
                         "is no EFI signature list, no efivarfs file of one and no signed update "
                         "such as DBXUpdate.bin");
    }
    entries = arena_calloc(arena, n, sizeof(*entries));
    if (lists.data == NULL || entries == NULL) {
        return ERR_MEMORY;
    }
    siglist_begin(&iter, lists);
    for (size_t i = 0; i < n; i++) {
        err_t err = siglist_next(&iter, &entries[i]);

        if (err) {
            return err;
        }
    }
    qsort(entries, n, sizeof(*entries), compare);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || compare(&entries[kept - 1], &entries[i]) != 0) {
            entries[kept++] = entries[i];
        }
    }
    *ret = (struct dbx_minimum){.entries = entries, .n = kept};
    return ERR_OK;
}

/* The same component at the same or a later version. */
static bool has_svn(const struct key_contents *contents, const struct siglist_entry *wanted)
{
    struct key_svn svn;

    if (!key_svn_read(wanted, &svn)) {
        return false;
    }
    for (size_t i = 0; i < contents->n_svns; i++) {
        const struct key_svn *has = &contents->svns[i];

        if (memcmp(has->guid, svn.guid, sizeof(svn.guid)) == 0 &&
            (has->major > svn.major || (has->major == svn.major && has->minor >= svn.minor))) {
            return true;
        }
    }
    return false;
}

err_t dbx_minimum_missing(const struct dbx_minimum *minimum, struct arena *arena, struct span lists,
                          const struct key_contents *contents, size_t *ret_missing)
{
    struct siglist_iter iter;
    struct siglist_entry entry = {0};
    size_t missing = 0;
    bool *found = arena_calloc(arena, minimum->n + 1, sizeof(*found));

    if (found == NULL) {
        return ERR_MEMORY;
    }
    siglist_begin(&iter, lists);
    while (!contents->is_malformed && siglist_next(&iter, &entry) == ERR_OK) {
        const struct siglist_entry *at =
            bsearch(&entry, minimum->entries, minimum->n, sizeof(entry), compare);

        if (at != NULL) {
            found[at - minimum->entries] = true;
        }
    }
    for (size_t i = 0; i < minimum->n; i++) {
        missing +=
            !found[i] && (contents->is_malformed || !has_svn(contents, &minimum->entries[i]));
    }
    *ret_missing = missing;
    return ERR_OK;
}
