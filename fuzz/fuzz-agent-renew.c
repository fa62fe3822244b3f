/*
 * Who can send these bytes: the host of the machine, or whoever answers in place of its metadata
 * service. The first byte says at which step.
 */
#include "agent/akcert.h"
#include "agent/renew-plan.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(16u * 1024 * 1024);
    struct renew_plan plan = {.step = size > 0 ? RENEW_VM + data[0] % 4u : RENEW_VM};
    const struct metadata_reply reply = {.status = 200,
                                         .body = span_of(data + (size > 0), size - (size > 0))};
    CLEANUP(cert_free) struct cert *cert = NULL, *next = NULL;
    struct trail trail = {0};
    struct span pem = {0};

    if (renew_plan_answer(&plan, 0, ERR_OK, &reply, arena, &trail, &pem) == RENEW_HAS_CERTIFICATE &&
        cert_new_pem(pem, NULL, &cert) == ERR_OK) {
        (void)akcert_is_clouds(cert, arena);
        (void)akcert_is_provisional(cert, arena);
        /* It is for no key of ours. */
        if (akcert_read_successor(pem, cert, (struct span){0}, 0, arena, &trail, &next) == ERR_OK) {
            __builtin_trap();
        }
    }
    if (strcspn(plan.vm_id, "/?&#% \r\n") != strlen(plan.vm_id) ||
        strcspn(plan.order, "/?&#% \r\n") != strlen(plan.order)) {
        __builtin_trap();
    }
    arena_free(arena);
    return 0;
}
