#include "appraise/db-anchors.h"

#include "crypto/cert.h"
#include "uefi/siglist.h"

enum { EFIVARFS_ATTRIBUTES = 4 };

static err_t add_one(struct db_anchors *anchors, struct arena *arena, struct span der)
{
    struct span copy;

    if (anchors->n == DB_ANCHORS_MAX) {
        return ERR_TOO_MANY;
    }
    copy = arena_dup(arena, der);
    if (copy.data == NULL) {
        return ERR_MEMORY;
    }
    anchors->der[anchors->n++] = copy;
    return ERR_OK;
}

/* Whole and well formed, with at least one certificate? Nothing is added before that is known. */
static bool is_siglist(struct span lists)
{
    struct siglist_iter iter;
    struct siglist_entry entry;
    size_t certificates = 0;
    err_t err;

    siglist_begin(&iter, lists);
    while ((err = siglist_next(&iter, &entry)) == ERR_OK) {
        certificates += entry.kind == SIGLIST_X509;
    }
    return err == ERR_END && certificates > 0;
}

static err_t add_siglist(struct db_anchors *anchors, struct arena *arena, struct span lists)
{
    struct siglist_iter iter;
    struct siglist_entry entry;
    err_t err;

    siglist_begin(&iter, lists);
    while ((err = siglist_next(&iter, &entry)) == ERR_OK) {
        err = entry.kind == SIGLIST_X509 ? add_one(anchors, arena, entry.data) : ERR_OK;
        if (err) {
            return err;
        }
    }
    return err == ERR_END ? ERR_OK : err;
}

err_t db_anchors_add(struct db_anchors *anchors, struct arena *arena, struct span bytes,
                     struct trail *trail)
{
    CLEANUP(cert_store_free) struct cert_store *store = NULL;
    struct span behind = span_cut(bytes, EFIVARFS_ATTRIBUTES, bytes.len);
    err_t err;

    /* None of the forms can be read as another: a list begins with a GUID that is no DER. */
    if (is_siglist(bytes)) {
        return add_siglist(anchors, arena, bytes);
    }
    if (is_siglist(behind)) {
        return add_siglist(anchors, arena, behind);
    }
    store = cert_store_new();
    err = store == NULL ? ERR_MEMORY : cert_store_add_file(store, bytes, trail);
    for (size_t i = 0; err == ERR_OK && i < cert_store_count(store); i++) {
        err = add_one(anchors, arena, cert_der(cert_store_at(store, i)));
    }
    return err;
}
