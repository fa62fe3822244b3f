/*
 * facts/gpt.c - partitions, where the digest covers the table (B-6).
 *
 * Who may send these bytes: root of any guest, and whoever may write to its disk.
 */
#include "facts/parts.h"

void facts_gpt(struct facts_ctx *ctx)
{
    struct boot_facts *facts = ctx->facts;

    facts->disks = facts_alloc(ctx, ctx->n_by_role[ROLE_PARTITION_TABLE], sizeof(*facts->disks));
    for (size_t i = 0; i < ctx->readings->n && ctx->err == ERR_OK; i++) {
        const struct reading *r = &ctx->readings->items[i];
        struct boot_disk *disk;
        err_t err;

        /* Of EV_EFI_GPT_EVENT2 another form is hashed: without GUIDs, which then are hints only. */
        if (r->role != ROLE_PARTITION_TABLE || r->match != READING_MATCHES ||
            r->event->type != EV_EFI_GPT_EVENT) {
            continue;
        }
        disk = &facts->disks[facts->n_disks];
        err = gpt_read(ctx->arena, r->content, &disk->table);
        if (err == ERR_MEMORY) {
            ctx->err = err;
        } else if (err) {
            facts_find(ctx, FINDING_PARTITION_TABLE, WEIGHT_NOTE, "B-6", r->event,
                       "event %u: the partition table is malformed (%s)", r->event->index,
                       err_name(err));
        } else {
            disk->event = r->event;
            facts->n_disks++;
        }
    }
}
