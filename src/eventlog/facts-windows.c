/*
 * facts-windows.c - facts from the records that Windows' boot programs measure (B-13, L-15).
 *
 * Two walks over the same events: the first counts and finds what is malformed, the second keeps.
 * An event that is malformed anywhere says nothing at all.
 *
 * Who may send these bytes: root of any guest.
 */
#include "eventlog/facts-windows.h"

#include "base/reader.h"
#include "eventlog/facts-parts.h"
#include "eventlog/sipa.h"

#include <stdlib.h>

enum { PCR_SETTINGS = 12, PCR_DETAILS = 13, PCR_AUTHORITIES = 14, MEASURED_PCRS = 3 };

static const struct {
    uint32_t id;
    const char *json;
    enum windows_bad bad;
} settings[WINDOWS_SETTING_COUNT] = {
#define X(name, id, bad, json) [WINDOWS_##name] = {id, json, bad},
    WINDOWS_FLAG_TABLE(X)
#undef X
#define X(name, id, json) [WINDOWS_##name] = {id, json, BAD_NEVER},
        WINDOWS_NUMBER_TABLE(X)
#undef X
};

enum windows_setting windows_setting_of(uint32_t id)
{
    int setting = 0;

    switch (id >> 16) {
    case 2:
    case 4:
    case 5:
    case 0x0a:
    case 0x0c:
        break;
    default: /* most records are of modules */
        return WINDOWS_SETTING_COUNT;
    }
    while (setting < WINDOWS_SETTING_COUNT && settings[setting].id != id) {
        setting++;
    }
    return (enum windows_setting)setting;
}

const char *windows_setting_name(enum windows_setting setting)
{
    return settings[setting].json;
}

/* One of the registers 12 to 14. */
struct side {
    bool is_closed;  /* by Windows' separator */
    bool is_broken;  /* something before it was not read */
    bool has_late;   /* reported */
    size_t n_events; /* that were read */
    struct windows_value value[WINDOWS_SETTING_COUNT];
};

struct windows_walk {
    struct facts_ctx *ctx;
    struct windows_facts *facts;
    uint8_t cap[HASH_MAX_BYTES]; /* H("WBCL"): whatever type the event claims (D-2) */
    int bank;
    bool is_counting;
    size_t n_modules, n_loaded, n_authorities, n_elam; /* counted; then the room there is */
    struct windows_module *loaded;                     /* digests of PCR 12 */
    size_t n_loaded_kept;
    struct side side[MEASURED_PCRS];
    const char *root[MEASURED_PCRS];
    bool has_counter;
    uint64_t counter;
    /* within one event */
    const struct event *event;
    struct side *at;
    struct windows_module *module; /* the container that is open; NULL */
    struct windows_elam *elam;
    unsigned container_depth;
    uint8_t seen[WINDOWS_FLAG_COUNT]; /* 1: no, 2: yes */
    bool has_contradiction, has_bad_module, has_unknown;
};

/* ---- values ---- */

static void add_event(struct windows_value *value, uint32_t event)
{
    if ((value->n_events == 0 || value->event[value->n_events - 1] != event) &&
        value->n_events < WINDOWS_EVENTS) {
        value->event[value->n_events++] = event;
    }
}

static bool has_value(const struct windows_value *value, uint64_t number)
{
    for (size_t i = 0; i < value->n; i++) {
        if (value->value[i] == number) {
            return true;
        }
    }
    return false;
}

static void add_value(struct windows_value *value, uint64_t number)
{
    if (has_value(value, number)) {
        return;
    }
    if (value->n == WINDOWS_VALUES) {
        value->has_more = true;
    } else {
        value->value[value->n++] = number;
    }
}

static bool same_values(const struct windows_value *a, const struct windows_value *b)
{
    bool same = a->n == b->n && a->has_more == b->has_more;

    for (size_t i = 0; same && i < a->n; i++) {
        same = has_value(b, a->value[i]);
    }
    return same;
}

/* A boot counter only grows, also where one log tells of a boot and a resume. */
static void check_counter(struct windows_walk *w, uint64_t number)
{
    if (w->has_counter && number <= w->counter) {
        facts_find(w->ctx, FINDING_EVENT_ORDER, WEIGHT_FAULT, "B-13", w->event,
                   "event %u: Windows' boot counter does not grow", w->event->index);
    }
    w->has_counter = true;
    w->counter = number;
}

static void note_setting(struct windows_walk *w, enum windows_setting setting, uint64_t number)
{
    if (setting < WINDOWS_FLAG_COUNT) {
        uint8_t seen = number == 0 ? 1 : 2;

        if (w->seen[setting] != 0 && w->seen[setting] != seen && !w->has_contradiction) {
            w->has_contradiction = true;
            facts_find(w->ctx, FINDING_WINDOWS_CONTRADICTION, WEIGHT_FAULT, "B-13", w->event,
                       "event %u measures two values of: %s", w->event->index,
                       sipa_name(settings[setting].id));
        }
        w->seen[setting] = seen;
    } else if (setting == WINDOWS_BOOT_COUNTER) {
        check_counter(w, number);
    }
    add_value(&w->at->value[setting], number);
    add_event(&w->at->value[setting], w->event->index);
}

static const char *kept(struct windows_walk *w, const char *text)
{
    if (text == NULL) {
        w->ctx->err = ERR_MEMORY;
        return "";
    }
    return text;
}

static void note_root(struct windows_walk *w, struct span utf16)
{
    const char *text = kept(w, show_utf16(w->ctx->arena, utf16));
    const char **root = &w->root[w->event->pcr - PCR_SETTINGS];

    if (*root != NULL && strcmp(*root, text) != 0 && !w->has_contradiction) {
        w->has_contradiction = true;
        facts_find(w->ctx, FINDING_WINDOWS_CONTRADICTION, WEIGHT_FAULT, "B-13", w->event,
                   "event %u measures another system root than before", w->event->index);
    }
    *root = text;
}

/* ---- structures ---- */

/* When it was made (FILETIME), digest length, algorithm, digest: as seen in real logs. */
static void note_revocations(struct windows_walk *w, struct windows_revocations *revocations,
                             struct span payload)
{
    struct reader in = reader_on(payload);
    struct windows_revocations found = {.event = w->event};
    uint32_t len = 0;
    uint16_t algorithm = 0;
    err_t err = reader_u64le(&in, &found.created);

    err = err ? err : reader_u32le(&in, &len);
    err = err ? err : reader_u16le(&in, &algorithm);
    err = err ? err : reader_take(&in, len, &found.digest);
    if (err == ERR_OK && reader_end(&in) == ERR_OK) {
        *revocations = found;
    }
}

static void note_module_record(struct windows_walk *w, const struct sipa_record *record)
{
    struct windows_module *module = w->module;
    uint64_t number = 0;
    bool is_number = sipa_uint(record->payload, &number);
    struct arena *arena = w->ctx->arena;

    switch (record->id) {
    case SIPA_FILE_PATH:
        module->path = kept(w, show_utf16(arena, record->payload));
        break;
    case SIPA_IMAGE_SIZE:
        module->image_size = number;
        break;
    case SIPA_HASH_ALGORITHM:
        module->algorithm = sipa_hash_name(number) == NULL ? "" : sipa_hash_name(number);
        break;
    case SIPA_AUTHENTICODE_HASH:
        module->digest = record->payload;
        break;
    case SIPA_AUTHORITY_ISSUER:
        module->issuer = kept(w, show_utf16(arena, record->payload));
        break;
    case SIPA_AUTHORITY_PUBLISHER:
        module->publisher = kept(w, show_utf16(arena, record->payload));
        break;
    case SIPA_AUTHORITY_SERIAL:
        module->serial = record->payload;
        break;
    case SIPA_AUTHORITY_THUMBPRINT:
        module->thumbprint = record->payload;
        break;
    case SIPA_IMAGE_VALIDATED:
        module->validated = !is_number ? STATE_UNKNOWN : number == 0 ? STATE_NO : STATE_YES;
        break;
    case SIPA_MODULE_SVN:
        module->has_svn = is_number;
        module->svn = number;
        break;
    default:
        break;
    }
}

static void note_elam_record(struct windows_walk *w, const struct sipa_record *record)
{
    switch (record->id) {
    case SIPA_ELAM_NAME:
        w->elam->name = kept(w, show_utf16(w->ctx->arena, record->payload));
        break;
    case SIPA_ELAM_CONFIGURATION:
        w->elam->configuration = record->payload;
        break;
    case SIPA_ELAM_POLICY:
        w->elam->policy = record->payload;
        break;
    case SIPA_ELAM_MEASURED:
        w->elam->measured = record->payload;
        break;
    default:
        break;
    }
}

static void close_container(struct windows_walk *w)
{
    const struct windows_module *module = w->module;

    if (module != NULL && module->validated == STATE_NO && !w->has_bad_module) {
        w->has_bad_module = true;
        facts_find(w->ctx, FINDING_WINDOWS_MODULE, WEIGHT_NOTE, "B-13", w->event,
                   "event %u: %s was loaded without being validated", w->event->index,
                   module->path == NULL ? "an image" : module->path);
    }
    w->module = NULL;
    w->elam = NULL;
}

static void open_container(struct windows_walk *w, const struct sipa_record *record)
{
    struct windows_facts *facts = w->facts;
    bool is_loaded = w->event->pcr == PCR_SETTINGS;

    w->container_depth = record->depth;
    if (record->id == SIPA_MODULE) {
        size_t *n = is_loaded ? &w->n_loaded_kept : &facts->n_modules;

        if (*n < (is_loaded ? w->n_loaded : w->n_modules)) {
            w->module = is_loaded ? &w->loaded[*n] : &facts->modules[*n];
            (*n)++;
            *w->module = (struct windows_module){.algorithm = "", .issuer = "", .publisher = ""};
            *(is_loaded ? &w->module->loaded : &w->module->event) = w->event;
        }
    } else if (record->id == SIPA_ELAM && facts->n_elam < w->n_elam) {
        w->elam = &facts->elam[facts->n_elam++];
        *w->elam = (struct windows_elam){.event = w->event, .name = ""};
    }
}

static void note_failure(struct windows_walk *w, uint32_t id)
{
    w->facts->n_failures++;
    facts_find(w->ctx, FINDING_WINDOWS_FAILURE, WEIGHT_BAD, "B-13", w->event,
               "event %u: Windows' boot recorded a %s", w->event->index, sipa_name(id));
}

static void note_authority(struct windows_walk *w, struct span key)
{
    struct windows_facts *facts = w->facts;

    if (w->event->pcr == PCR_AUTHORITIES && facts->n_authorities < w->n_authorities) {
        facts->authority_events[facts->n_authorities] = w->event;
        facts->authorities[facts->n_authorities++] = key;
    }
}

/* ---- records ---- */

static void count_record(struct windows_walk *w, const struct sipa_record *record)
{
    w->n_modules += record->id == SIPA_MODULE && w->event->pcr == PCR_DETAILS;
    w->n_loaded += record->id == SIPA_MODULE && w->event->pcr == PCR_SETTINGS;
    w->n_elam += record->id == SIPA_ELAM;
    w->n_authorities += record->id == SIPA_AUTHORITY_KEY;
}

static void keep_record(struct windows_walk *w, const struct sipa_record *record)
{
    enum windows_setting setting = windows_setting_of(record->id);
    uint64_t number = 0;

    if ((w->module != NULL || w->elam != NULL) && record->depth <= w->container_depth) {
        close_container(w);
    }
    if (setting < WINDOWS_SETTING_COUNT) {
        /* The first walk refused what is no integer. */
        if (w->event->pcr != PCR_AUTHORITIES && sipa_uint(record->payload, &number)) {
            note_setting(w, setting, number);
        }
    } else if ((record->id & SIPA_CONTAINER) != 0) {
        close_container(w);
        open_container(w, record);
    } else if (w->module != NULL) {
        note_module_record(w, record);
    } else if (w->elam != NULL) {
        note_elam_record(w, record);
    } else if (record->id == SIPA_SYSTEM_ROOT && w->event->pcr != PCR_AUTHORITIES) {
        note_root(w, record->payload);
    } else if (record->id == SIPA_BOOT_REVOCATIONS) {
        note_revocations(w, &w->facts->boot_revocations, record->payload);
    } else if (record->id == SIPA_OS_REVOCATIONS) {
        note_revocations(w, &w->facts->os_revocations, record->payload);
    } else if (record->id == SIPA_AUTHORITY_KEY) {
        note_authority(w, record->payload);
    } else if (record->id == SIPA_FIRMWARE_FAILURE || record->id == SIPA_TPM_FAILURE ||
               record->id == SIPA_INTERNAL_FAILURE) {
        note_failure(w, record->id);
    }
    w->facts->n_unknown += sipa_name(record->id) == NULL;
}

static err_t check_record(const struct sipa_record *record)
{
    uint64_t number = 0;

    return windows_setting_of(record->id) < WINDOWS_SETTING_COUNT &&
                   !sipa_uint(record->payload, &number)
               ? ERR_MALFORMED
               : ERR_OK;
}

static err_t walk_records(struct windows_walk *w, const struct event *event, bool is_checking)
{
    struct sipa_iter iter;
    struct sipa_record record;
    err_t err;

    sipa_begin(&iter, event->data);
    while ((err = sipa_next(&iter, &record)) == ERR_OK && w->ctx->err == ERR_OK) {
        if (is_checking) {
            err_t fault = check_record(&record);

            if (fault) {
                return fault;
            }
        } else if (w->is_counting) {
            count_record(w, &record);
        } else {
            keep_record(w, &record);
        }
    }
    return err == ERR_END ? ERR_OK : err;
}

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
    memset(w->seen, 0, sizeof(w->seen));
    err = walk_records(w, event, true);
    if (err) {
        w->at->is_broken = true;
        if (w->is_counting) {
            facts_find(w->ctx, FINDING_WINDOWS_RECORD, WEIGHT_FAULT, "B-13", event,
                       "event %u: a record in it %s", event->index, err_text(err));
        }
        return;
    }
    err = walk_records(w, event, false);
    w->ctx->err = w->ctx->err ? w->ctx->err : err;
    close_container(w);
    w->at->n_events++;
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

/* ---- what follows from all of them ---- */

static int compare_digests(const void *a, const void *b)
{
    const struct windows_module *x = a;
    const struct windows_module *y = b;
    int order = (x->digest.len > y->digest.len) - (x->digest.len < y->digest.len);

    return order != 0 || x->digest.len == 0 ? order
                                            : memcmp(x->digest.data, y->digest.data, x->digest.len);
}

/* The digests of PCR 12 beside the descriptions of PCR 13; those without one stand behind. */
static void join_modules(struct windows_walk *w)
{
    struct windows_facts *facts = w->facts;
    size_t n = facts->n_modules;
    struct windows_module *sorted = facts_alloc(w->ctx, n + 1, sizeof(*sorted));

    if (w->n_loaded_kept == 0 || sorted == NULL) {
        return;
    }
    qsort(w->loaded, w->n_loaded_kept, sizeof(*w->loaded), compare_digests);
    for (size_t i = 0; i < n; i++) {
        const struct windows_module *found = bsearch(
            &facts->modules[i], w->loaded, w->n_loaded_kept, sizeof(*w->loaded), compare_digests);

        facts->modules[i].loaded = found == NULL ? NULL : found->loaded;
        sorted[i] = facts->modules[i];
    }
    qsort(sorted, n, sizeof(*sorted), compare_digests);
    for (size_t i = 0; i < w->n_loaded_kept; i++) {
        if (bsearch(&w->loaded[i], sorted, n, sizeof(*sorted), compare_digests) == NULL) {
            facts->modules[facts->n_modules++] = w->loaded[i];
        }
    }
}

static const char *register_doubt(const struct side *side)
{
    return side->is_broken       ? "it holds something that was not read"
           : side->n_events == 0 ? "it holds no record of Windows"
           : !side->is_closed ? "Windows' separator is missing, so the system may have extended it"
                              : NULL;
}

static void merge_values(struct windows_walk *w)
{
    const struct side *sides = w->side;

    for (int i = 0; i < WINDOWS_SETTING_COUNT; i++) {
        const struct windows_value *one = &sides[0].value[i];
        const struct windows_value *other = &sides[1].value[i];
        struct windows_value *all = &w->facts->value[i];

        *all = *one;
        for (size_t k = 0; k < other->n; k++) {
            add_value(all, other->value[k]);
        }
        all->has_more = all->has_more || other->has_more;
        for (size_t k = 0; k < other->n_events; k++) {
            add_event(all, other->event[k]);
        }
        /* The same program measures it into both. */
        if (one->n > 0 && other->n > 0 && !same_values(one, other)) {
            facts_find(w->ctx, FINDING_WINDOWS_CONTRADICTION, WEIGHT_FAULT, "B-13", NULL,
                       "PCR 12 and 13 tell different values of: %s", sipa_name(settings[i].id));
        }
    }
    if (w->root[0] != NULL && w->root[1] != NULL && strcmp(w->root[0], w->root[1]) != 0) {
        facts_find(w->ctx, FINDING_WINDOWS_CONTRADICTION, WEIGHT_FAULT, "B-13", NULL,
                   "PCR 12 and 13 tell different system roots");
    }
    w->facts->system_root = w->root[0] != NULL ? w->root[0] : w->root[1];
}

/* Any bad value counts, whichever program measured it. The good one only when nothing was missed.
 */
static enum tristate flag_state(const struct windows_facts *facts, int setting)
{
    const struct windows_value *value = &facts->value[setting];
    bool has_no = has_value(value, 0);
    bool has_yes = value->n > (has_no ? 1u : 0u) || value->has_more;
    bool is_mixed = has_no && has_yes;

    switch (settings[setting].bad) {
    case BAD_IF_YES:
        return has_yes ? STATE_YES : has_no && facts->is_whole ? STATE_NO : STATE_UNKNOWN;
    case BAD_IF_NO:
        return has_no ? STATE_NO : has_yes && facts->is_whole ? STATE_YES : STATE_UNKNOWN;
    case BAD_NEVER:
    default:
        return !facts->is_whole || is_mixed ? STATE_UNKNOWN
               : has_yes                    ? STATE_YES
               : has_no                     ? STATE_NO
                                            : STATE_UNKNOWN;
    }
}

static void set_states(struct windows_walk *w)
{
    struct windows_facts *facts = w->facts;
    const struct windows_value *transfer = &facts->value[WINDOWS_TRANSFER_CONTROL];

    for (int i = 0; i < WINDOWS_FLAG_COUNT; i++) {
        facts->flag[i] = flag_state(facts, i);
        /* Programs of one boot may differ in it: the boot manager has its own debugger. */
        if (has_value(&facts->value[i], 0) && facts->value[i].n > 1) {
            facts_find(w->ctx, FINDING_WINDOWS_CONTRADICTION, WEIGHT_NOTE, "B-13", NULL,
                       "Windows' boot programs measured different values of: %s",
                       sipa_name(settings[i].id));
        }
    }
    facts->resumed = has_value(transfer, 2)                   ? STATE_YES
                     : transfer->n > 0 && !transfer->has_more ? STATE_NO
                                                              : STATE_UNKNOWN;
    for (int i = WINDOWS_FLAG_COUNT; !facts->is_whole && i < WINDOWS_SETTING_COUNT; i++) {
        facts->value[i] = (struct windows_value){0};
    }
}

static void find_bad(struct facts_ctx *ctx, const struct windows_facts *facts,
                     enum windows_setting setting, enum finding_code code, const char *text)
{
    if (facts->flag[setting] == (settings[setting].bad == BAD_IF_YES ? STATE_YES : STATE_NO)) {
        size_t event = facts->value[setting].event[0];
        const struct event *at = NULL;

        for (size_t i = 0; at == NULL && i < ctx->log->n_events; i++) {
            at = ctx->log->events[i].index == event ? &ctx->log->events[i] : NULL;
        }
        facts_find(ctx, code, WEIGHT_BAD, "B-13", at, "%s", text);
    }
}

static void find_states(struct facts_ctx *ctx, const struct windows_facts *facts)
{
    find_bad(ctx, facts, WINDOWS_BOOT_DEBUGGING, FINDING_WINDOWS_DEBUGGING,
             "Windows' boot programs ran with a debugger allowed");
    find_bad(ctx, facts, WINDOWS_KERNEL_DEBUGGING, FINDING_WINDOWS_DEBUGGING,
             "Windows' kernel ran with a debugger allowed");
    find_bad(ctx, facts, WINDOWS_HYPERVISOR_DEBUGGING, FINDING_WINDOWS_DEBUGGING,
             "Windows' hypervisor ran with a debugger allowed");
    find_bad(ctx, facts, WINDOWS_TEST_SIGNING, FINDING_WINDOWS_TEST_SIGNING,
             "Windows allowed drivers that anybody signed for tests");
    find_bad(ctx, facts, WINDOWS_CODE_INTEGRITY, FINDING_WINDOWS_CODE_INTEGRITY,
             "Windows' code integrity was off: drivers needed no signature");
    find_bad(ctx, facts, WINDOWS_SAFE_MODE, FINDING_WINDOWS_SAFE_MODE,
             "Windows was started in safe mode");
    find_bad(ctx, facts, WINDOWS_WINPE, FINDING_WINDOWS_PE,
             "Windows PE was started, for installation or recovery, not the installed system");
    if (facts->n_unknown > 0) {
        facts_find(ctx, FINDING_WINDOWS_RECORD, WEIGHT_NOTE, "B-13", NULL,
                   "%u records of Windows' boot are of unknown meaning", facts->n_unknown);
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

    w->n_modules = room(w, w->n_modules, WINDOWS_MODULES, "modules");
    w->n_loaded = room(w, w->n_loaded, WINDOWS_MODULES, "modules");
    w->n_elam = room(w, w->n_elam, WINDOWS_ELAM, "ELAM drivers");
    w->n_authorities = room(w, w->n_authorities, WINDOWS_AUTHORITIES, "authorities");
    facts->modules = facts_alloc(ctx, w->n_modules + w->n_loaded, sizeof(*facts->modules));
    w->loaded = facts_alloc(ctx, w->n_loaded, sizeof(*w->loaded));
    facts->elam = facts_alloc(ctx, w->n_elam, sizeof(*facts->elam));
    facts->authorities = facts_alloc(ctx, w->n_authorities, sizeof(*facts->authorities));
    facts->authority_events = facts_alloc(ctx, w->n_authorities, sizeof(*facts->authority_events));
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
    facts->is_whole = register_doubt(&w->side[0]) == NULL && register_doubt(&w->side[1]) == NULL;
    facts->are_authorities_whole = register_doubt(&w->side[2]) == NULL;
    for (size_t i = 0; i < 2; i++) {
        if (register_doubt(&w->side[i]) != NULL) {
            facts_find(ctx, FINDING_WINDOWS_RECORD, WEIGHT_NOTE, "B-13", NULL,
                       "PCR %u does not tell all of Windows' boot: %s",
                       (unsigned)(PCR_SETTINGS + i), register_doubt(&w->side[i]));
        }
    }
    merge_values(w);
    set_states(w);
    join_modules(w);
    find_states(ctx, facts);
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
