/*
 * reading-windows.c - tagged and compact-hash events.
 *
 * Windows records its boot in tagged events of PCR 11 to 14 (tcg-reference 9; Windows SDK
 * wbcl.h). Here they get a role and a name; what they hold is read elsewhere. Linux uses tagged
 * events too: see reading-systemd.c.
 *
 * Who may send these bytes: root of any guest.
 */
#include "eventlog/readers.h"

void read_windows_compact(struct reading_ctx *ctx, struct reading *r)
{
    reading_match(ctx, r, r->event->data, "H(data), if it matches", READING_NOT_COVERED);
    if (r->event->pcr == 11) {
        r->role = ROLE_WINDOWS;
        r->text = "BitLocker access control";
        return;
    }
    r->name = r->event->pcr == 6 ? ctx_show(ctx, r->event->data) : "";
    r->name_is_hint = r->match != READING_MATCHES;
    reading_say(ctx, r, "vendor measurement ", r->name);
}
