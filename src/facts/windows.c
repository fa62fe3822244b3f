/*
 * facts/windows.c - which events of a Windows boot are read, and what is public about its facts
 * (B-13, L-15).
 *
 * Who may send these bytes: root of any guest.
 */
#include "facts/windows-parts.h"

/* ---- events ---- */

static bool is_cap(const struct windows_walk *w, const struct event *event)
{
    return span_equal(event->digest[w->bank], span_of(w->cap, w->ctx->log->banks[w->bank].size));
}

/* B-13, D-1, D-2: what cannot be read could be the record that says otherwise. PCR 14 is shim's,
 * too. */
static void report_unread(struct windows_walk *w, const struct reading *r)
{
    const struct event *event = r->event;

    w->at->is_broken = true;
    if (!w->is_counting || event->pcr == PCR_AUTHORITIES) {
        return;
    }
    if (event->type == EV_EVENT_TAG) {
        facts_find(w->ctx, FINDING_EVENT_DIGEST, WEIGHT_FAULT, "D-1", event,
                   "event %u in PCR %u: what it says of Windows' boot is not what was measured",
                   event->index, event->pcr);
    } else {
        facts_find(w->ctx, FINDING_EVENT_TYPE, WEIGHT_FAULT, "D-2", event,
                   "event %u does not belong into PCR %u, among the records of Windows' boot",
                   event->index, event->pcr);
    }
}

static void report_late(struct windows_walk *w, const struct event *event)
{
    if (!w->at->has_late && w->is_counting) {
        w->at->has_late = true;
        facts_find(w->ctx, FINDING_WINDOWS_LATE, WEIGHT_NOTE, "B-13", event,
                   "event %u extends PCR %u behind Windows' separator: the running system may have "
                   "done that, and it is not looked at",
                   event->index, event->pcr);
    }
}

static void walk_event(struct windows_walk *w, const struct reading *r)
{
    const struct event *event = r->event;
    err_t err;

    w->event = event;
    w->at = &w->side[event->pcr - PCR_SETTINGS];
    if (w->at->is_closed) {
        report_late(w, event);
        return;
    }
    if (is_cap(w, event)) {
        w->at->is_closed = true;
        w->facts->closed_at[event->pcr - PCR_SETTINGS] = event->index;
        return;
    }
    if (event->type != EV_EVENT_TAG || r->match != READING_MATCHES) {
        report_unread(w, r);
        return;
    }
    w->at->n_events++;
    if (!w->is_counting) {
        if (!w->is_malformed[r - w->ctx->readings->items]) {
            windows_keep_event(w, event);
        }
        return;
    }
    err = windows_count_event(w, event);
    if (err) {
        w->is_malformed[r - w->ctx->readings->items] = true;
        w->at->is_broken = true;
        facts_find(w->ctx, FINDING_WINDOWS_RECORD, WEIGHT_FAULT, "B-13", event,
                   "event %u: a record in it %s", event->index, err_text(err));
    }
}

static void walk_events(struct windows_walk *w, bool is_counting)
{
    w->is_counting = is_counting;
    for (size_t i = 0; i < MEASURED_PCRS; i++) {
        w->side[i].is_closed = false;
        w->side[i].n_events = 0;
    }
    for (size_t i = 0; i < w->ctx->readings->n && w->ctx->err == ERR_OK; i++) {
        const struct reading *r = &w->ctx->readings->items[i];

        if (r->event->type != EV_NO_ACTION && r->event->pcr >= PCR_SETTINGS &&
            r->event->pcr <= PCR_AUTHORITIES) {
            walk_event(w, r);
        }
    }
}

static bool has_windows(const struct facts_ctx *ctx)
{
    for (size_t i = 0; i < ctx->readings->n; i++) {
        const struct reading *r = &ctx->readings->items[i];

        if (r->role == ROLE_WINDOWS && r->event->type == EV_EVENT_TAG) {
            return true;
        }
    }
    return false;
}

static size_t room(struct windows_walk *w, size_t wanted, size_t most, const char *what)
{
    if (wanted > most) {
        facts_find(w->ctx, FINDING_WINDOWS_RECORD, WEIGHT_FAULT, "L-15", NULL,
                   "more %s than are read", what);
        w->side[0].is_broken = true;
        return most;
    }
    return wanted;
}

static void make_room(struct windows_walk *w)
{
    struct windows_facts *facts = w->facts;
    struct facts_ctx *ctx = w->ctx;

    w->counts.modules = room(w, w->counts.modules, WINDOWS_MODULES, "modules");
    w->counts.loaded = room(w, w->counts.loaded, WINDOWS_MODULES, "modules");
    w->counts.elam = room(w, w->counts.elam, WINDOWS_ELAM, "ELAM drivers");
    w->counts.authorities = room(w, w->counts.authorities, WINDOWS_AUTHORITIES, "authorities");
    facts->modules =
        facts_alloc(ctx, w->counts.modules + w->counts.loaded, sizeof(*facts->modules));
    w->loaded = facts_alloc(ctx, w->counts.loaded, sizeof(*w->loaded));
    facts->elam = facts_alloc(ctx, w->counts.elam, sizeof(*facts->elam));
    facts->authorities = facts_alloc(ctx, w->counts.authorities, sizeof(*facts->authorities));
    facts->authority_events = facts_alloc(ctx, w->counts.authorities, sizeof(const struct event *));
}

static void find_trust_point(struct facts_ctx *ctx, struct windows_facts *facts)
{
    for (size_t i = 0; i < ctx->log->n_events && ctx->err == ERR_OK; i++) {
        const struct event *event = &ctx->log->events[i];

        if (event->type == EV_NO_ACTION && event->pcr == UINT32_MAX) {
            ctx->err = windows_trust_point_read(ctx->arena, event, &facts->trust_point);
        }
    }
}

void facts_windows(struct facts_ctx *ctx)
{
    struct windows_facts *facts;
    struct windows_walk *w;
    int bank = facts_bank(ctx);

    if (ctx->err || bank < 0 || !has_windows(ctx)) {
        return;
    }
    facts = facts_alloc(ctx, 1, sizeof(*facts));
    w = facts_alloc(ctx, 1, sizeof(*w));
    if (facts == NULL || w == NULL) {
        return;
    }
    w->is_malformed = facts_alloc(ctx, ctx->readings->n, sizeof(*w->is_malformed));
    if (w->is_malformed == NULL) {
        return;
    }
    w->ctx = ctx;
    w->facts = facts;
    w->bank = bank;
    ctx->err = hasher_once(ctx->hasher, ctx->log->banks[bank].hash, span_str("WBCL"), w->cap);
    walk_events(w, true);
    make_room(w);
    walk_events(w, false);
    if (ctx->err) {
        return;
    }
    facts->is_whole =
        windows_register_doubt(&w->side[0]) == NULL && windows_register_doubt(&w->side[1]) == NULL;
    facts->are_authorities_whole = windows_register_doubt(&w->side[2]) == NULL;
    for (size_t i = 0; i < 2; i++) {
        if (windows_register_doubt(&w->side[i]) != NULL) {
            facts_find(ctx, FINDING_WINDOWS_RECORD, WEIGHT_NOTE, "B-13", NULL,
                       "PCR %u does not tell all of Windows' boot: %s",
                       (unsigned)(PCR_SETTINGS + i), windows_register_doubt(&w->side[i]));
        }
    }
    windows_conclude(w);
    find_trust_point(ctx, facts);
    ctx->facts->windows = facts;
}

bool windows_is_measured(const struct windows_facts *windows, const struct event *event)
{
    return event->type == EV_EVENT_TAG && event->pcr >= PCR_SETTINGS &&
           event->pcr <= PCR_AUTHORITIES &&
           event->index < windows->closed_at[event->pcr - PCR_SETTINGS];
}

enum tristate windows_hypervisor_debugging(const struct windows_facts *windows)
{
    const struct windows_value *launch = &windows->value[WINDOWS_HYPERVISOR_LAUNCH];
    enum tristate state = windows->flag[WINDOWS_HYPERVISOR_DEBUGGING];

    /* Without a hypervisor nothing is measured about its debugger. */
    return state == STATE_UNKNOWN && windows->value[WINDOWS_HYPERVISOR_DEBUGGING].n == 0 &&
                   windows->is_whole && launch->n == 1 && launch->value[0] == 0
               ? STATE_NO
               : state;
}
