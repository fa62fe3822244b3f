/*
 * fault.h - why a run of the agent did not end with a token: the words for people, the exit
 * status, and whether the same again may succeed.
 */
#ifndef AGENT_FAULT_H
#define AGENT_FAULT_H

#include "agent/options.h"
#include "base/defs.h"
#include "base/err.h"

enum { FAULT_TEXT_MAX = 4096 };

/* {0} is no fault. */
struct fault {
    err_t err;
    enum agent_exit exit;
    bool is_temporary;
    bool is_tpm;            /* of EXIT_INTERNAL: the TPM, or what should be in it */
    unsigned retry_after_s; /* asked for by the service; 0 = not */
    char text[FAULT_TEXT_MAX];
    size_t remedy_at; /* where in the text it says what to do; 0 = it does not */
};

/* Record and return err. The words are printable ASCII or UTF-8 already. */
err_t fault_set(struct fault *fault, enum agent_exit exit, err_t err, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
/* Put what to do behind the words, as a sentence of its own. */
void fault_add_remedy(struct fault *fault, const char *remedy);
/* What a room below said. Busy TPMs and networks are temporary; ERR_USAGE always means
 * EXIT_USAGE. */
err_t fault_from(struct fault *fault, enum agent_exit exit, err_t err, const struct trail *trail);
/* The same of what room tpmdev said, with EXIT_INTERNAL and is_tpm, unless memory is out. */
err_t fault_from_tpm(struct fault *fault, err_t err, const struct trail *trail);

#endif
