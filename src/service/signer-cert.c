#include "service/signer-cert.h"

enum {
    CERT_DAYS = 5 * 365,
    CERT_LEFT_DAYS = 30,
    DAY = 86400,
    COMMON_NAME_MAX = 64, /* RFC 5280, ub-common-name */
};

/* The subject is the attestUri where that fits. */
static const char *subject_of(const struct signer_options *options)
{
    return strlen(options->issuer) <= COMMON_NAME_MAX ? options->issuer : "Bootwarden attestation";
}

static bool is_ending(const struct signer_options *options, const struct cert *cert)
{
    int64_t not_before = 0, not_after = 0;

    cert_validity(cert, &not_before, &not_after);
    return not_after - options->folder->now <= (int64_t)CERT_LEFT_DAYS * DAY;
}

/* Of one that this server made. */
static bool is_still_good(const struct signer_options *options, const struct cert *cert)
{
    int64_t not_before = 0, not_after = 0;

    cert_validity(cert, &not_before, &not_after);
    return options->folder->now >= not_before && !is_ending(options, cert) &&
           strcmp(cert_common_name(cert, options->folder->arena), subject_of(options)) == 0;
}

static err_t make_cert(const struct signer_options *options, const struct signkey *key,
                       const char *key_path, const char *path, struct trail *trail,
                       struct cert **ret)
{
    const struct cert_request request = {
        .profile = CERT_TOKEN,
        .common_name = subject_of(options),
        .not_before = options->folder->now - DAY,
        .not_after = options->folder->now + (int64_t)CERT_DAYS * DAY,
    };
    CLEANUP(cert_free) struct cert *cert = NULL;
    char cause[SIGNKEY_CAUSE_SIZE];
    err_t err = cert_issue(&request, signkey_public(key), NULL, key, &cert);

    if (err == ERR_SIGNING_KEY) {
        signkey_cause(key, cause);
        trail_set(trail, err,
                  "cannot sign its own certificate (%s): may the key sign SHA-256 or SHA-384 "
                  "digests, is its module or TPM there?",
                  cause);
    }
    if (err) {
        return trail_in(trail, err, key_path);
    }
    err = folder_make_cert(options->folder, path, "token-certificate", cert, trail);
    if (err) {
        return err;
    }
    *ret = TAKE(cert);
    return ERR_OK;
}

static err_t keep_foreign(const struct signer_options *options, const struct signkey *key,
                          const char *key_path, const char *path, const struct cert *cert,
                          struct trail *trail)
{
    if (cert_key(cert) == NULL || !pubkey_equal(cert_key(cert), signkey_public(key))) {
        trail_set(trail, ERR_MISMATCH,
                  "is of another key than %s, and was not made by this server: put that key's "
                  "certificate here, or remove this one for one to be made",
                  key_path);
        return trail_in(trail, ERR_MISMATCH, path);
    }
    if (is_ending(options, cert)) {
        /* Clients that look at it refuse tokens then; most do not: no reason not to start. */
        folder_warn_of_end("token-certificate", path, cert,
                           "not made by this server: renew it yourself, with the same key; or "
                           "remove it for one that the server makes and renews");
    }
    return ERR_OK;
}

err_t signer_cert_open(const struct signer_options *options, const struct signkey *key,
                       const char *stem, struct trail *trail, struct cert **ret)
{
    CLEANUP(cert_free) struct cert *cert = NULL;
    const char *key_path = arena_printf(options->folder->arena, "%s.key", stem);
    const char *path = arena_printf(options->folder->arena, "%s.pem", stem);
    bool is_own, is_of_key;
    err_t err = key_path == NULL || path == NULL ? ERR_MEMORY : ERR_OK;

    err = err ? err : folder_cert(options->folder, path, trail, &cert);
    if (err == ERR_NOT_FOUND) {
        return make_cert(options, key, key_path, path, trail, ret);
    }
    if (err) {
        return err;
    }
    is_own = cert_is_made_here(cert);
    is_of_key = cert_key(cert) != NULL && pubkey_equal(cert_key(cert), signkey_public(key));
    if (is_own && !(is_of_key && is_still_good(options, cert))) {
        return make_cert(options, key, key_path, path, trail, ret);
    }
    err = is_own ? ERR_OK : keep_foreign(options, key, key_path, path, cert, trail);
    if (err == ERR_OK) {
        *ret = TAKE(cert);
    }
    return err;
}
