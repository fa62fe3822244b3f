/*
 * claims.h - claims about a machine: what a policy decides on, and what a token says.
 *
 * A claim has a type (its name), a value (String, Integer or Boolean) and an issuer, as in the
 * policy language of Azure Attestation (bootwarden-policy(7)). Several claims of one type are one
 * claim with several values. A claim of kind CLAIM_JSON is for the token alone: a policy never sees
 * it, and in the token it stands for all claims of its type.
 *
 * A set grows in the arena that it was made with and belongs to one thread; handed out as const it
 * may be read by several. Types and strings are borrowed.
 */
#ifndef POLICY_CLAIMS_H
#define POLICY_CLAIMS_H

#include "base/arena.h"
#include "base/err.h"
#include "json/json.h"

enum { CLAIMS_MAX = 20000 }; /* in one set */

enum claim_kind { CLAIM_STRING, CLAIM_INT, CLAIM_BOOL, CLAIM_JSON };

enum claim_issuer {
    CLAIM_CUSTOM,  /* "CustomClaim": sent by the client, about which nothing is proven */
    CLAIM_SERVICE, /* "AttestationService": made from verified evidence */
    CLAIM_POLICY,  /* "AttestationPolicy": made by a rule */
};

struct claim {
    struct span type;
    enum claim_kind kind;
    enum claim_issuer issuer;
    bool is_read_only; /* may be tested, may not be issued: "pcrs" */
    bool boolean;
    int64_t integer;
    struct span string;   /* UTF-8; a NUL character is possible */
    yyjson_mut_val *json; /* CLAIM_JSON: arrays and objects, kept as they are */
};

struct claims {
    struct arena *arena;
    struct claim *items;
    size_t n, size;
};

/* Empty, in the arena; NULL at its limit. */
struct claims *claims_new(struct arena *arena);
void claims_init(struct claims *claims, struct arena *arena);

/* ERR_TOO_MANY past CLAIMS_MAX, ERR_MEMORY at the arena's limit. */
err_t claims_add(struct claims *claims, const struct claim *claim) MUST_CHECK;
/* Of the service. */
err_t claims_add_bool(struct claims *claims, const char *type, bool value) MUST_CHECK;
err_t claims_add_int(struct claims *claims, const char *type, int64_t value) MUST_CHECK;
err_t claims_add_string(struct claims *claims, const char *type, const char *value) MUST_CHECK;
err_t claims_add_text(struct claims *claims, const char *type, struct span value) MUST_CHECK;
/* A string that may be tested but not issued. */
err_t claims_add_read_only(struct claims *claims, const char *type, struct span value) MUST_CHECK;
/* For the token alone. */
err_t claims_add_json(struct claims *claims, const char *type, yyjson_mut_val *value) MUST_CHECK;

/* The first claim of the type, or NULL. */
const struct claim *claims_find(const struct claims *claims, const char *type);
/* Same kind and content; there is no conversion: 1, true, "1" and "true" all differ. */
bool claim_values_equal(const struct claim *a, const struct claim *b);
/* "CustomClaim", "AttestationService", "AttestationPolicy"; "String", "Integer", "Boolean". */
const char *claim_issuer_name(enum claim_issuer issuer);
const char *claim_kind_name(enum claim_kind kind);

/* All claims as members of object (policy-language section 10), in order of first appearance:
 * several distinct values become an array, one a scalar. Names that object has already are left
 * alone: what the service wrote wins over what a policy issued. Failures stick to doc, as of
 * json_add_*. */
void claims_to_json(yyjson_mut_doc *doc, const struct claims *claims, yyjson_mut_val *object);

#endif
