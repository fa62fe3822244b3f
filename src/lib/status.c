/*
 * status.c - the codes of libbootwarden: names, sentences, and what ours become.
 */
#include "lib/internal.h"

#include "base/text.h"

#include <stdio.h>

static const struct {
    enum bootwarden_status status;
    const char *name;
    const char *text;
} table[] = {
    {BOOTWARDEN_OK, "ok", "done"},
    {BOOTWARDEN_E_USAGE, "usage", "an argument is missing or out of bounds"},
    {BOOTWARDEN_E_MEMORY, "memory", "out of memory"},
    {BOOTWARDEN_E_INTERNAL, "internal", "the cryptographic library does not work"},
    {BOOTWARDEN_E_LIMIT, "limit", "larger, deeper or more than allowed"},
    {BOOTWARDEN_E_KEYS, "keys", "this is no key set"},
    {BOOTWARDEN_E_FORM, "form", "this is no signed token in compact form"},
    {BOOTWARDEN_E_UNSECURED, "unsecured", "nobody signed the token"},
    {BOOTWARDEN_E_UNKNOWN_KEY, "unknown-key", "the token's key is not in the key set"},
    {BOOTWARDEN_E_ALGORITHM, "algorithm", "the algorithm is not the key's"},
    {BOOTWARDEN_E_SIGNATURE, "signature", "the signature does not hold"},
    {BOOTWARDEN_E_TYPE, "type", "the token is of another type"},
    {BOOTWARDEN_E_PAYLOAD, "payload", "the token holds no claims"},
    {BOOTWARDEN_E_ISSUER, "issuer", "the token is of another issuer"},
    {BOOTWARDEN_E_EXPIRED, "expired", "the token has expired"},
    {BOOTWARDEN_E_NOT_YET, "not-yet-valid", "the token is not valid yet"},
    {BOOTWARDEN_E_TIMES, "times", "the token does not say when it expires"},
    {BOOTWARDEN_E_AUDIENCE, "audience", "the token is meant for somebody else"},
    {BOOTWARDEN_E_NONCE, "nonce", "the token does not carry the nonce"},
    {BOOTWARDEN_E_NO_CLAIM, "no-claim", "the token has no such claim"},
    {BOOTWARDEN_E_CLAIM_KIND, "claim-kind", "the claim is of another kind"},
};

const char *bootwarden_status_name(enum bootwarden_status status)
{
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        if (table[i].status == status) {
            return table[i].name;
        }
    }
    return "unknown";
}

const char *bootwarden_status_text(enum bootwarden_status status)
{
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        if (table[i].status == status) {
            return table[i].text;
        }
    }
    return "a code that this version does not know";
}

const char *bootwarden_version(void)
{
    return BOOTWARDEN_VERSION;
}

enum bootwarden_status lib_fail(struct bootwarden_fault *fault, enum bootwarden_status status,
                                const char *words)
{
    if (fault != NULL) {
        fault->status = status;
        text_escape(span_str(words != NULL ? words : bootwarden_status_text(status)), fault->words,
                    sizeof(fault->words));
    }
    return status;
}

enum bootwarden_status lib_status(err_t err, const struct arena *arena,
                                  enum bootwarden_status refusal)
{
    switch (err_category(err)) {
    case ERR_CAT_NONE:
        return BOOTWARDEN_OK;
    case ERR_CAT_LIMIT:
        return BOOTWARDEN_E_LIMIT;
    case ERR_CAT_INTERNAL:
        /* The arena's limit can be reached by what was handed in, the machine's cannot. */
        if (err == ERR_MEMORY) {
            return arena != NULL && arena_is_exhausted(arena) ? BOOTWARDEN_E_LIMIT
                                                              : BOOTWARDEN_E_MEMORY;
        }
        return BOOTWARDEN_E_INTERNAL;
    case ERR_CAT_INPUT:
    case ERR_CAT_AUTH:
    case ERR_CAT_NOT_FOUND:
    case ERR_CAT_CONFLICT:
    case ERR_CAT_UNAVAILABLE:
    default:
        return refusal;
    }
}

enum bootwarden_status lib_refusal(enum judge_fault fault)
{
    static const enum bootwarden_status statuses[JUDGE_FAULT_COUNT] = {
        [JUDGE_NO_FAULT] = BOOTWARDEN_E_INTERNAL, /* not valid without a fault: cannot be */
        [JUDGE_FORM] = BOOTWARDEN_E_FORM,
        [JUDGE_UNSECURED] = BOOTWARDEN_E_UNSECURED,
        [JUDGE_UNKNOWN_KEY] = BOOTWARDEN_E_UNKNOWN_KEY,
        [JUDGE_ALGORITHM] = BOOTWARDEN_E_ALGORITHM,
        [JUDGE_SIGNATURE] = BOOTWARDEN_E_SIGNATURE,
        [JUDGE_TYPE] = BOOTWARDEN_E_TYPE,
        [JUDGE_PAYLOAD] = BOOTWARDEN_E_PAYLOAD,
        [JUDGE_ISSUER] = BOOTWARDEN_E_ISSUER,
        [JUDGE_EXPIRED] = BOOTWARDEN_E_EXPIRED,
        [JUDGE_NOT_YET] = BOOTWARDEN_E_NOT_YET,
        [JUDGE_TIMES] = BOOTWARDEN_E_TIMES,
        [JUDGE_AUDIENCE] = BOOTWARDEN_E_AUDIENCE,
        [JUDGE_NONCE] = BOOTWARDEN_E_NONCE,
        [JUDGE_CLAIM] = BOOTWARDEN_E_INTERNAL, /* never demanded here */
    };

    return (unsigned)fault < JUDGE_FAULT_COUNT ? statuses[fault] : BOOTWARDEN_E_INTERNAL;
}
