/*
 * facts/signer.c - which key allowed which image, as far as the log shows it.
 *
 * Firmware and shim measure a key (PCR 7) when it first allows something, and the image (PCR 4)
 * right after. So a key that stands between two images in the log belongs to the second. The order
 * between two registers is the log's word: this is a hint, for people, and no rule looks at it. An
 * image without a key of its own was allowed by one that was measured before.
 *
 * Who may send these bytes: root of any guest.
 */
#include "facts/parts.h"

void facts_signers(struct facts_ctx *ctx)
{
    struct boot_facts *facts = ctx->facts;
    size_t next = 0;

    for (size_t i = 0; i < facts->n_images; i++) {
        struct boot_image *image = &facts->images[i];

        while (next < facts->n_authorities &&
               facts->authorities[next].event->index < image->event->index) {
            image->signer_hint = &facts->authorities[next++];
        }
    }
}
