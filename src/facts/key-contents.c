/*
 * key-contents.c - one walk over a signature database.
 *
 * Who may send these bytes: whoever sends the log they stand in; root of any guest.
 */
#include "facts/key-contents.h"

#include "uefi/subject.h"

enum { SVN_FORM = 1, SVN_GUID_AT = 1, SVN_MINOR_AT = 17, SVN_MAJOR_AT = 19, SVN_END = 21 };

static bool has_test_name(const char *subject)
{
    return strcasestr(subject, "DO NOT TRUST") != NULL ||
           strcasestr(subject, "DO NOT SHIP") != NULL || strcasestr(subject, "snakeoil") != NULL;
}

/* A digest of this form would end in eleven zero bytes: nobody finds one. */
bool key_svn_read(const struct siglist_entry *entry, struct key_svn *ret_svn)
{
    const uint8_t *at = entry->data.data;

    if (entry->kind != SIGLIST_SHA256 || at[0] != SVN_FORM ||
        !span_all(span_cut(entry->data, SVN_END, SHA256_BYTES), 0)) {
        return false;
    }
    *ret_svn = (struct key_svn){
        .minor = (uint16_t)(at[SVN_MINOR_AT] | at[SVN_MINOR_AT + 1] << 8),
        .major = (uint16_t)(at[SVN_MAJOR_AT] | at[SVN_MAJOR_AT + 1] << 8),
    };
    memcpy(ret_svn->guid, at + SVN_GUID_AT, sizeof(ret_svn->guid));
    return true;
}

struct walk {
    struct arena *arena;
    const struct reference *reference;
    struct hasher *hasher;
    struct key_contents *into;
    struct key_certificate *certificates;
    struct key_svn *svns;
};

static err_t add_certificate(struct walk *walk, struct span der)
{
    struct key_certificate *added = &walk->certificates[walk->into->n_certificates];
    err_t err = subject_of(walk->arena, der, &added->subject);

    if (err == ERR_MEMORY) {
        return err;
    }
    if (err) {
        added->subject = NULL;
        walk->into->n_unreadable++;
    }
    added->der = der;
    err = hasher_once(walk->hasher, HASH_SHA256, der, added->sha256);
    if (err) {
        return err;
    }
    added->known = reference_authority(walk->reference, added->sha256);
    added->is_test_key = (added->known != NULL && added->known->is_test_key) ||
                         (added->subject != NULL && has_test_name(added->subject));
    walk->into->n_certificates++;
    return ERR_OK;
}

static void add_svn(struct walk *walk, const struct siglist_entry *entry)
{
    struct key_svn svn;

    if (walk->into->n_svns < KEY_SVNS_MAX && key_svn_read(entry, &svn)) {
        svn.known = reference_svn(walk->reference, svn.guid);
        walk->svns[walk->into->n_svns++] = svn;
    }
}

static err_t add_entry(struct walk *walk, const struct siglist_entry *entry)
{
    struct key_contents *into = walk->into;

    switch (entry->kind) {
    case SIGLIST_X509:
        into->n_x509++;
        return into->n_certificates < KEY_CERTIFICATES_MAX ? add_certificate(walk, entry->data)
                                                           : ERR_OK;
    case SIGLIST_SHA256:
        add_svn(walk, entry);
        into->n_hashes++;
        return ERR_OK;
    case SIGLIST_SHA1:
    case SIGLIST_SHA384:
    case SIGLIST_SHA512:
        into->n_hashes++;
        return ERR_OK;
    case SIGLIST_OTHER:
        into->n_unknown++;
        into->n_other++;
        return ERR_OK;
    case SIGLIST_X509_SHA256:
    case SIGLIST_X509_SHA384:
    case SIGLIST_X509_SHA512:
    case SIGLIST_RSA2048:
    default:
        into->n_other++;
        return ERR_OK;
    }
}

/* How many there will be to list, so that the memory fits. */
static void count(struct span lists, size_t *ret_certificates, size_t *ret_svns)
{
    struct siglist_iter iter;
    struct siglist_entry entry = {0};
    struct key_svn svn;

    siglist_begin(&iter, lists);
    while (siglist_next(&iter, &entry) == ERR_OK) {
        *ret_certificates += entry.kind == SIGLIST_X509;
        *ret_svns += key_svn_read(&entry, &svn);
    }
    *ret_certificates =
        *ret_certificates < KEY_CERTIFICATES_MAX ? *ret_certificates : KEY_CERTIFICATES_MAX;
    *ret_svns = *ret_svns < KEY_SVNS_MAX ? *ret_svns : KEY_SVNS_MAX;
}

err_t key_contents_read(struct arena *arena, struct span lists, const struct reference *reference,
                        struct hasher *hasher, struct key_contents *ret)
{
    struct key_contents contents = {0};
    struct walk walk = {
        .arena = arena, .reference = reference, .hasher = hasher, .into = &contents};
    struct siglist_iter iter;
    struct siglist_entry entry = {0};
    size_t n_certificates = 0;
    size_t n_svns = 0;
    err_t err;

    count(lists, &n_certificates, &n_svns);
    walk.certificates = arena_calloc(arena, n_certificates + 1, sizeof(*walk.certificates));
    walk.svns = arena_calloc(arena, n_svns + 1, sizeof(*walk.svns));
    if (walk.certificates == NULL || walk.svns == NULL) {
        return ERR_MEMORY;
    }
    siglist_begin(&iter, lists);
    while ((err = siglist_next(&iter, &entry)) == ERR_OK) {
        err = add_entry(&walk, &entry);
        if (err) {
            return err;
        }
    }
    contents.is_malformed = err != ERR_END;
    contents.certificates = walk.certificates;
    contents.svns = walk.svns;
    *ret = contents;
    return ERR_OK;
}
