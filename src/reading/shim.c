/*
 * reading/shim.c - shim's EV_IPL events in PCR 14: the digest is of a MOK variable's content, the
 * data is its name, which nothing covers (github.com/rhboot/shim, mok.c).
 *
 * Who may send these bytes: root of any guest.
 */
#include "reading/readers.h"

void read_shim_ipl(struct reading_ctx *ctx, struct reading *r)
{
    struct span name = show_until_nul(r->event->data);

    r->rule = "H(content of the variable)";
    r->name = ctx_show(ctx, name);
    r->name_is_hint = true;
    if (span_is(name, "MokList") || span_is(name, "MokListX") || span_is(name, "MokListRT") ||
        span_is(name, "MokListXRT")) {
        r->role = ROLE_MOK_LIST;
    } else if (span_starts(name, "Mok") || span_is(name, "HSIStatus")) {
        r->role = ROLE_MOK_STATE;
    }
    reading_say(ctx, r, "shim's ", r->name);
}
