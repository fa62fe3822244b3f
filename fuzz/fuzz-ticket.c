/*
 * Who can send these bytes: anybody; a challenge, a half-finished join and a session come back from
 * guests. The bytes are tried as a ticket, and as the contents of one that was sealed here.
 */
#include "crypto/hash.h"
#include "service/ticket.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t secret[TICKET_SECRET_BYTES];
    const struct span key = span_of(secret, sizeof(secret)), bytes = span_of(data, size);
    struct arena *arena = arena_new(1024 * 1024);
    struct ticket ticket;
    struct span sealed;

    if (arena != NULL && crypto_init() == ERR_OK) {
        (void)(ticket_open(arena, key, TICKET_ATTEST, bytes, &ticket) == ERR_OK);
        if (ticket_seal(arena, key, TICKET_JOIN, 1, bytes, &sealed) == ERR_OK &&
            (ticket_open(arena, key, TICKET_JOIN, sealed, &ticket) != ERR_OK ||
             !span_equal(ticket.payload, bytes) ||
             ticket_open(arena, key, TICKET_ATTEST, sealed, &ticket) == ERR_OK)) {
            __builtin_trap();
        }
    }
    arena_free(arena);
    return 0;
}
