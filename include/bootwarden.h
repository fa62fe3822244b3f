/*
 * bootwarden.h - libbootwarden: for programs that rely on what machines proved.
 *
 * A machine proves to an attestation service how it booted, and gets a signed token. A program that
 * is to trust the machine takes the token from it and asks here: is it the service's, valid now,
 * does it answer my nonce, and what does it claim?
 *
 *     struct bootwarden_keys *keys;        the service's key set, once
 *     struct bootwarden_token *token;      each token, judged
 *     bootwarden_token_boolean(...)        what it claims
 *
 * There is nothing to read in a token that is not valid: the functions that judge hand out a token
 * only when everything holds that was demanded.
 *
 * Memory      What a function hands out through `ret` belongs to the caller, who frees it with the
 *             function that is named there; texts that are borrowed say so. Freeing NULL does
 *             nothing. On failure `*ret` is not touched.
 * Threads     Every function may be called from any thread at any time. Key sets and tokens do not
 *             change after they were made and may be shared; freeing one must be the last use of
 * it. Files       None are read, nor the network, the clock or the environment. Time is an input.
 * Texts       UTF-8 with a NUL behind. NULL where it is not allowed is BOOTWARDEN_E_USAGE, no
 * crash. Versions    Codes keep their numbers and meanings; new ones may come. Treat those that you
 * do not know as refusals. Of structures only the end grows: set `size`.
 *
 * Link with -lbootwarden (pkg-config bootwarden). Written for C11 and C++11.
 */
#ifndef BOOTWARDEN_H
#define BOOTWARDEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define BOOTWARDEN_API __attribute__((visibility("default")))
#define BOOTWARDEN_MUST_CHECK __attribute__((warn_unused_result))
#else
#define BOOTWARDEN_API
#define BOOTWARDEN_MUST_CHECK
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- what came of a call ---- */

/*
 * 0 is good, everything else is not. 1-19: the call, the program or the machine; 20-39: the token
 * is not to be trusted; 40-49: the token is, but has no such claim.
 */
enum bootwarden_status {
    BOOTWARDEN_OK = 0,
    BOOTWARDEN_E_USAGE = 1,    /* an argument is missing or out of bounds: a fault of the program */
    BOOTWARDEN_E_MEMORY = 2,   /* the machine has none left */
    BOOTWARDEN_E_INTERNAL = 3, /* the cryptographic library does not work */
    BOOTWARDEN_E_LIMIT = 4,    /* larger, deeper or more than a limit below */
    BOOTWARDEN_E_KEYS = 5,     /* this is no key set, or a key identifier occurs twice in it */

    BOOTWARDEN_E_FORM = 20,        /* no signed token in compact form */
    BOOTWARDEN_E_UNSECURED = 21,   /* alg none: anybody can have written it */
    BOOTWARDEN_E_UNKNOWN_KEY = 22, /* kid is not in the key set: keys rotate, fetch them again */
    BOOTWARDEN_E_ALGORITHM = 23,   /* not the algorithm of its key */
    BOOTWARDEN_E_SIGNATURE = 24,   /* altered, or made with another key */
    BOOTWARDEN_E_TYPE = 25,        /* not of type JWT */
    BOOTWARDEN_E_PAYLOAD = 26,     /* well signed, but no claims */
    BOOTWARDEN_E_ISSUER = 27,      /* of another issuer */
    BOOTWARDEN_E_EXPIRED = 28,
    BOOTWARDEN_E_NOT_YET = 29,  /* valid, or issued, in the future */
    BOOTWARDEN_E_TIMES = 30,    /* does not say when it expires */
    BOOTWARDEN_E_AUDIENCE = 31, /* meant for somebody else */
    BOOTWARDEN_E_NONCE = 32,    /* carries another nonce, or none */

    BOOTWARDEN_E_NO_CLAIM = 40, /* the token has no claim of that name */
    BOOTWARDEN_E_CLAIM_KIND =
        41, /* it has, of another kind: a text where a Boolean was asked for */
};

/* Why a call failed. For people: `words` are printable, on one line, and may change; decide by
 * `status`. Every function that takes one accepts NULL. Untouched by success. */
struct bootwarden_fault {
    enum bootwarden_status status;
    char words[512];
};

/* Stable names and sentences of codes: "unknown-key", "the signature does not hold". Borrowed for
 * ever; never NULL, also for numbers that are no code. */
BOOTWARDEN_API const char *bootwarden_status_name(enum bootwarden_status status);
BOOTWARDEN_API const char *bootwarden_status_text(enum bootwarden_status status);

/* "0.1.0": of the library that runs, not of this header. Borrowed for ever. */
BOOTWARDEN_API const char *bootwarden_version(void);

/* ---- limits ---- */

enum {
    BOOTWARDEN_KEY_SET_MAX_BYTES = 1048576,
    BOOTWARDEN_KEYS_MAX = 64, /* that count, in a key set */
    BOOTWARDEN_TOKEN_MAX_BYTES = 1048576,
    BOOTWARDEN_JSON_MAX_DEPTH = 32,
    BOOTWARDEN_SKEW_MAX_S = 300,
    BOOTWARDEN_CLAIM_NAME_MAX_BYTES = 512,
};

/* ---- key sets ---- */

/* The keys of one issuer. */
struct bootwarden_keys;

/*
 * From the text of a JSON Web Key Set, as the issuer serves it at its `jwks_uri`: fetch it over TLS
 * from the issuer itself, since whoever writes it signs what you trust. Nothing is kept of `jwks`.
 * Keys without kid and of kinds that are not accepted (RSA below 2048 bits, secrets, encryption)
 * are left out. Certificates in it carry keys; neither their chain nor their dates are looked at.
 *
 * E_KEYS, E_LIMIT, E_USAGE, E_MEMORY, E_INTERNAL. Free with bootwarden_keys_free.
 */
BOOTWARDEN_API enum bootwarden_status bootwarden_keys_new(
    const char *jwks, size_t jwks_len, struct bootwarden_keys **ret,
    struct bootwarden_fault *fault) BOOTWARDEN_MUST_CHECK;
BOOTWARDEN_API void bootwarden_keys_free(struct bootwarden_keys *keys);

/* How many keys can verify a token, and how many were left out. 0 for NULL. */
BOOTWARDEN_API size_t bootwarden_keys_count(const struct bootwarden_keys *keys);
BOOTWARDEN_API size_t bootwarden_keys_left_out(const struct bootwarden_keys *keys);

/* ---- tokens ---- */

/*
 * What a token must be. Clear it, set `size`, then the rest:
 *
 *     struct bootwarden_demands demands = {0};
 *     demands.size = sizeof(demands);
 *
 * Members that a later header adds are 0 or NULL when they demand nothing. A library that is older
 * than the header refuses (E_USAGE) what it does not know, rather than to overlook it.
 */
struct bootwarden_demands {
    size_t size;
    const char *issuer;   /* must be there: the token's `iss`, exactly */
    int64_t now;          /* must be there: seconds since 1970, time(NULL) */
    int64_t skew_s;       /* how far clocks may differ, 0 to BOOTWARDEN_SKEW_MAX_S */
    const char *audience; /* must be among the token's `aud`; NULL: the token must have none */
    const char *nonce;    /* NULL: not asked for, so the token may be a copy. Else the claim `nonce`
                             must be this, or x-ms-runtime.client-payload.nonce its base64 */
};

/* A token that is valid. */
struct bootwarden_token;

/*
 * Judge a token in compact form (three parts of base64url; blanks around it are ignored). The
 * algorithm belongs to the key and is never taken from the token; `none` is refused. The key is
 * found by `kid` in `keys` and nowhere else. Nothing of `text` is kept.
 *
 * E_FORM to E_NONCE, E_LIMIT, E_USAGE, E_MEMORY, E_INTERNAL. Free with bootwarden_token_free.
 */
BOOTWARDEN_API enum bootwarden_status bootwarden_token_verify(
    const struct bootwarden_keys *keys, const char *text, size_t text_len,
    const struct bootwarden_demands *demands, struct bootwarden_token **ret,
    struct bootwarden_fault *fault) BOOTWARDEN_MUST_CHECK;
BOOTWARDEN_API void bootwarden_token_free(struct bootwarden_token *token);

/* Seconds since 1970; issued_at is 0 when the token does not say. 0 for NULL. */
BOOTWARDEN_API int64_t bootwarden_token_expires_at(const struct bootwarden_token *token);
BOOTWARDEN_API int64_t bootwarden_token_issued_at(const struct bootwarden_token *token);
/* The identifier of its key. Borrowed: lives as long as the token. "" for NULL. */
BOOTWARDEN_API const char *bootwarden_token_kid(const struct bootwarden_token *token);

/*
 * Claims by name. A claim of that very name is found first; only where there is none, a dot leads
 * into an object: "x-ms-runtime.client-payload.nonce". Kinds are never converted: the text "true"
 * is no Boolean, 1.0 no integer.
 *
 * E_NO_CLAIM, E_CLAIM_KIND, E_USAGE; json also E_MEMORY.
 */
BOOTWARDEN_API enum bootwarden_status bootwarden_token_boolean(const struct bootwarden_token *token,
                                                               const char *name,
                                                               bool *ret) BOOTWARDEN_MUST_CHECK;
/* Whole numbers that fit into int64_t; others are E_CLAIM_KIND. */
BOOTWARDEN_API enum bootwarden_status bootwarden_token_integer(const struct bootwarden_token *token,
                                                               const char *name,
                                                               int64_t *ret) BOOTWARDEN_MUST_CHECK;
/* Borrowed: lives as long as the token. A text with a NUL inside is E_CLAIM_KIND unless `ret_len`,
 * which may be NULL, takes its length. It is the issuer's text: escape it before you show it. */
BOOTWARDEN_API enum bootwarden_status bootwarden_token_text(const struct bootwarden_token *token,
                                                            const char *name, const char **ret,
                                                            size_t *ret_len) BOOTWARDEN_MUST_CHECK;
/* Any claim as JSON text; name NULL is all claims as one object. Free with bootwarden_text_free. */
BOOTWARDEN_API enum bootwarden_status bootwarden_token_json(const struct bootwarden_token *token,
                                                            const char *name,
                                                            char **ret) BOOTWARDEN_MUST_CHECK;
BOOTWARDEN_API void bootwarden_text_free(char *text);

/* Room for what comes: bootwarden_evidence_* will judge the evidence of a boot itself. */

#ifdef __cplusplus
}
#endif

#endif
