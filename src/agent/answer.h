/*
 * answer.h - what the service answered, and the reasons of a refusal one by one.
 */
#ifndef AGENT_ANSWER_H
#define AGENT_ANSWER_H

#include "base/arena.h"
#include "base/span.h"
#include "json/json.h"

enum { ANSWER_MAX_REASONS = 64 };

/* One of the reasons why a proof was refused; all printable. */
struct answer_reason {
    const char *code;   /* "secure-boot-off"; "" when the words came without one */
    const char *text;   /* without the code */
    const char *remedy; /* what to do about it, in our words; never empty */
};

struct answer {
    unsigned status;
    unsigned retry_after_s; /* 0 = not asked for */
    struct span bytes;
    yyjson_val *body; /* of 200: an object */
    /* Of others, printable; "" where the answer says none. */
    const char *code, *message;
    const char *verdict; /* of a refused proof: "unhealthy", "not-verified", ... */
    struct answer_reason reasons[ANSWER_MAX_REASONS]; /* or one: the whole message */
    size_t n_reasons;
};

/* Fill code, message, verdict and reasons from the bytes: {"error":{"code","message"}}, the message
 * of a refused proof being "verdict: reason-code: words; reason-code: words". Whatever the bytes
 * are, nothing fails: what cannot be read is "". */
void answer_read_error(struct arena *arena, struct answer *answer);

#endif
