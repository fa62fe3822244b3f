/*
 * ticket.h - what the server hands out and forgets: challenges, half-finished joins, sessions.
 *
 * A ticket carries its contents under authenticated encryption, so that issuing one costs no
 * write (no anonymous caller can fill the store). Each has a random 16-byte id and a key of its
 * own, derived from the server's secret, the purpose and the id: no purpose opens another's, and
 * no key sees two messages. Single use is the store's business, by the id.
 */
#ifndef SERVICE_TICKET_H
#define SERVICE_TICKET_H

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"

enum ticket_purpose { TICKET_ATTEST, TICKET_JOIN, TICKET_SESSION, TICKET_TPM };

enum {
    TICKET_SECRET_BYTES = 32,
    TICKET_ID_BYTES = 16,
    TICKET_PAYLOAD_MAX = 8 * 1024,
};

struct ticket {
    uint8_t id[TICKET_ID_BYTES];
    int64_t expires; /* the caller compares */
    struct span payload;
};

err_t ticket_seal(struct arena *arena, struct span secret, enum ticket_purpose purpose,
                  int64_t expires, struct span payload, struct span *ret) MUST_CHECK;
/* ERR_SIGNATURE when this server did not make it, or not for this purpose. */
err_t ticket_open(struct arena *arena, struct span secret, enum ticket_purpose purpose,
                  struct span sealed, struct ticket *ret) MUST_CHECK;

#endif
