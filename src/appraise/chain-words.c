/*
 * chain-words.c - what to do about a certificate that leads to no anchor.
 *
 * Words for people alone. Names in certificates are what their makers wrote: they say which
 * CA to ask for, and nobody should trust one because it stands here.
 */
#include "appraise/internal.h"

#include "base/show.h"
#include "base/timestamp.h"

/* Words are not worth reading a store of a thousand: this happens before any quote has verified
 * (ORD-1). */
enum { CHAIN_SEARCH_MAX = 64, CERT_NAME_SHOWN = 160 };

static const char *cert_name(const struct job *job, const char *name)
{
    return show_cut(job->arena, name, CERT_NAME_SHOWN);
}

/* Where the anchors of a role are put. */
static const char *place(enum cert_role role)
{
    return role == CERT_ROLE_EK ? "(verify: --trust ek=FILE; server: the folder trust/ek)"
                                : "(verify: --trust ak=FILE; server: the folder trust/ak)";
}

/* Did this one sign the other? Time is no matter here. */
static err_t is_issuer(const struct job *job, struct cert *issuer, const struct cert *child,
                       bool *ret)
{
    CLEANUP(cert_store_free) struct cert_store *store = cert_store_new();
    err_t err = store == NULL ? ERR_MEMORY : cert_store_add(store, issuer);

    err = err ? err : cert_verify(child, NULL, store, CERT_ROLE_ANY, job->options->now, true, NULL);
    *ret = err == ERR_OK || err == ERR_EXPIRED;
    return err != ERR_OK && err_category(err) == ERR_CAT_INTERNAL ? err : ERR_OK;
}

/* The issuer of `child` in the store; *ret_namesake: one has its name, but did not sign. */
static err_t find_issuer(const struct job *job, const struct cert_store *store,
                         const struct cert *child, const struct cert **ret, bool *ret_namesake)
{
    const char *name = cert_issuer(child, job->arena);
    size_t n = store == NULL ? 0 : cert_store_count(store);

    n = n > CHAIN_SEARCH_MAX ? 0 : n;

    for (size_t i = 0; *ret == NULL && i < n; i++) {
        const struct cert *candidate = cert_store_at(store, i);
        CLEANUP(cert_free) struct cert *issuer = NULL;
        bool signed_it = false;
        err_t err;

        if (strcmp(cert_subject(candidate, job->arena), name) != 0) {
            continue;
        }
        err = cert_new_der(cert_der(candidate), NULL, &issuer);
        err = err ? err : is_issuer(job, issuer, child, &signed_it);
        if (err && err_category(err) == ERR_CAT_INTERNAL) {
            return err;
        }
        *ret = signed_it ? candidate : NULL;
        *ret_namesake = *ret_namesake || !signed_it;
    }
    return ERR_OK;
}

/* The last certificate of the path that can be followed, its issuer being unknown. */
static err_t follow(const struct job *job, const struct cert *leaf,
                    const struct cert_store *intermediates, const struct cert_store *anchors,
                    const struct cert **ret_top, bool *ret_namesake)
{
    const struct cert *top = leaf;

    for (size_t i = 0; i < CERT_MAX_INTERMEDIATES && !cert_is_self_issued(top); i++) {
        const struct cert *issuer = NULL;
        bool namesake = false;
        err_t err = find_issuer(job, intermediates, top, &issuer, &namesake);

        err = err ? err : find_issuer(job, anchors, top, &issuer, &namesake);
        if (err) {
            return err;
        }
        *ret_namesake = namesake && issuer == NULL;
        if (issuer == NULL) {
            break;
        }
        top = issuer;
    }
    *ret_top = top;
    return ERR_OK;
}

static const char *missing_issuer(const struct job *job, const struct cert *top, bool namesake,
                                  enum cert_role role)
{
    const char *maker = role == CERT_ROLE_EK ? "the maker of the TPM or whoever runs the hypervisor"
                                             : "whoever runs that CA";

    return arena_printf(
        job->arena,
        "The certificate that is missing is that of the CA '%s'%s. If its TPMs are yours to "
        "trust, get it from %s, not from the evidence, and put it among the anchors %s.",
        cert_name(job, cert_issuer(top, job->arena)),
        namesake ? "; one of that name is there, but has another key or may not issue this one"
                 : "",
        maker, place(role));
}

/* Not valid yet, or no longer: of the path, the one that is. */
static const char *wrong_time(const struct job *job, const struct cert *leaf,
                              const struct cert_store *intermediates,
                              const struct cert_store *anchors, bool ignore_expiry)
{
    const struct cert_store *const stores[] = {NULL, intermediates, anchors};
    char now[TIMESTAMP_SIZE];
    char bound[TIMESTAMP_SIZE];

    timestamp_format(job->options->now, now, sizeof(now));
    for (size_t s = 0; s < ARRAY_LEN(stores); s++) {
        size_t n = s == 0 ? 1 : stores[s] == NULL ? 0 : cert_store_count(stores[s]);

        for (size_t i = 0; i < n; i++) {
            const struct cert *cert = s == 0 ? leaf : cert_store_at(stores[s], i);
            int64_t from;
            int64_t to;

            cert_validity(cert, &from, &to);
            if (job->options->now < from) {
                timestamp_format(from, bound, sizeof(bound));
                return arena_printf(job->arena,
                                    "'%s' is valid from %s on, and it was judged at %s: set the "
                                    "clock of the machine that judges, or name the right time "
                                    "(verify: --time).",
                                    cert_name(job, cert_subject(cert, job->arena)), bound, now);
            }
            if (job->options->now > to && !ignore_expiry) {
                timestamp_format(to, bound, sizeof(bound));
                return arena_printf(job->arena,
                                    "'%s' expired at %s, and it was judged at %s: renew it, or "
                                    "judge old evidence at its time (verify: --time).",
                                    cert_name(job, cert_subject(cert, job->arena)), bound, now);
            }
        }
    }
    return NULL;
}

err_t chain_remedy(struct job *job, const struct cert *leaf, const struct cert_store *intermediates,
                   const struct cert_store *anchors, enum cert_role role, err_t fault,
                   const char **ret)
{
    const struct cert *top = leaf;
    bool namesake = false;
    err_t err = ERR_OK;

    *ret = NULL;
    if (leaf == NULL) {
        *ret = "Read the certificate from the TPM again and send it whole, with nothing in front.";
    } else if (fault == ERR_UNTRUSTED) {
        err = follow(job, leaf, intermediates, anchors, &top, &namesake);
        if (err == ERR_OK) {
            *ret = missing_issuer(job, top, namesake, role);
        }
    } else if (fault == ERR_EXPIRED) {
        *ret = wrong_time(job, leaf, intermediates, anchors, role == CERT_ROLE_EK);
    } else if (fault == ERR_MISMATCH) {
        *ret = role == CERT_ROLE_EK
                   ? "Read EK certificate and EK of the same TPM again: this certificate is for "
                     "another key or another purpose. If the TPM itself holds such a pair, enrol "
                     "it only after finding out why."
                   : "Read certificate and key of the same TPM again: this certificate is for "
                     "another key or another purpose.";
    }
    return err;
}
