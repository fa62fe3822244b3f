/*
 * judge.h - a token judged for a relying party: every check, and how each came out.
 *
 * token_verify answers yes or no with the first fault, for services. This answers with a list, for
 * people: what was checked, what failed and why, what could not be checked any more. Each check is
 * made by the same functions. Nothing of the payload is read before the signature holds (J-1 to
 * J-8), so after a fault in form, key, algorithm or signature the rest is "not checked". A token is
 * valid when every check that was asked for was made and came out well. Pure; time is an input.
 */
#ifndef TOKEN_JUDGE_H
#define TOKEN_JUDGE_H

#include "token/claim.h"
#include "token/token.h"

enum {
    JUDGE_MAX_BYTES = 1024 * 1024, /* of a token: some carry whole event logs as claims */
    JUDGE_MAX_CLAIMS = 64,
};
/* The end of the year 9999: times beyond it are mistakes, and sums with them could overflow. */
#define JUDGE_LATEST_TIME INT64_C(253402300799)

/* What is wrong with a token, most basic first. Stable: the library's codes follow it. */
enum judge_fault {
    JUDGE_NO_FAULT,
    JUDGE_FORM,        /* no signed token of three parts, or one that asks for what nobody may */
    JUDGE_UNSECURED,   /* alg none: anybody could have written it */
    JUDGE_UNKNOWN_KEY, /* its key (kid) is not in the set, or it names none */
    JUDGE_ALGORITHM,   /* not the one that belongs to the key */
    JUDGE_SIGNATURE,
    JUDGE_TYPE,
    JUDGE_PAYLOAD, /* well signed, but no claims */
    JUDGE_ISSUER,
    JUDGE_EXPIRED,
    JUDGE_NOT_YET, /* valid, or issued, in the future */
    JUDGE_TIMES,   /* has no exp, or times that are none */
    JUDGE_AUDIENCE,
    JUDGE_NONCE,
    JUDGE_CLAIM,
    JUDGE_FAULT_COUNT,
};
/* "unknown-key"; "" for JUDGE_NO_FAULT. */
const char *judge_fault_name(enum judge_fault fault);

enum judge_outcome { JUDGE_NOT_CHECKED, JUDGE_OK, JUDGE_NOT_OK };

struct judge_finding {
    const char *check;  /* "signature", "issuer", "claim" */
    const char *detail; /* which claim; "" */
    enum judge_outcome outcome;
    enum judge_fault fault; /* of JUDGE_NOT_OK */
    const char *words;      /* printable */
};

enum { JUDGE_MAX_FINDINGS = 9 + JUDGE_MAX_CLAIMS };

struct judge_options {
    const struct token_keys *keys;
    const char *iss; /* must be equal */
    const char *aud; /* NULL: the token must have none */
    const char *nonce;
    const struct claim_demand *claims;
    size_t n_claims; /* at most JUDGE_MAX_CLAIMS */
    int64_t now;     /* 0 to JUDGE_LATEST_TIME */
    int64_t skew_s;  /* 0 to TOKEN_MAX_SKEW_S */
};

struct judgement {
    struct judge_finding findings[JUDGE_MAX_FINDINGS];
    size_t n_findings;
    bool is_valid;
    enum judge_fault fault; /* the first; JUDGE_NO_FAULT when valid */
    yyjson_val *header;     /* NULL when the form is wrong */
    yyjson_val *payload;    /* NULL unless the signature held */
    const struct jwk *key;  /* of the key set; NULL when unknown */
    int64_t issued_at;      /* 0 when it does not say */
    int64_t expires_at;
};

/* An error is ours: ERR_VALUE for options without keys or issuer or with time or skew out of
 * bounds, ERR_MEMORY, ERR_CRYPTO. What is wrong with the token is in the judgement. */
err_t token_judge(struct arena *arena, struct span text, const struct judge_options *options,
                  struct judgement *ret) MUST_CHECK;

/* Without the blanks around it, which files and people add. */
struct span token_trim(struct span text);

/* "3 minutes ago", "in 2 days", "now": a time as seen from another. */
const char *judge_when(struct arena *arena, int64_t when, int64_t now);

#endif
