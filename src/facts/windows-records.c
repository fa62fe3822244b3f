/*
 * facts/windows-records.c - the records of one event of Windows' become values, modules, keys.
 *
 * Who may send these bytes: root of any guest.
 */
#include "facts/windows-parts.h"

#include "base/reader.h"

/* ---- values ---- */

void windows_add_value_event(struct windows_value *value, uint32_t event)
{
    if ((value->n_events == 0 || value->event[value->n_events - 1] != event) &&
        value->n_events < WINDOWS_EVENTS) {
        value->event[value->n_events++] = event;
    }
}

bool windows_has_value(const struct windows_value *value, uint64_t number)
{
    for (size_t i = 0; i < value->n; i++) {
        if (value->value[i] == number) {
            return true;
        }
    }
    return false;
}

void windows_add_value(struct windows_value *value, uint64_t number)
{
    if (windows_has_value(value, number)) {
        return;
    }
    if (value->n == WINDOWS_VALUES) {
        value->has_more = true;
    } else {
        value->value[value->n++] = number;
    }
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

        number = number != 0;
        if (w->seen[setting] != 0 && w->seen[setting] != seen && !w->has_contradiction) {
            w->has_contradiction = true;
            facts_find(w->ctx, FINDING_WINDOWS_CONTRADICTION, WEIGHT_FAULT, "B-13", w->event,
                       "event %u measures two values of: %s", w->event->index,
                       sipa_name(windows_settings[setting].id));
        }
        w->seen[setting] = seen;
    } else if (setting == WINDOWS_BOOT_COUNTER) {
        check_counter(w, number);
    }
    windows_add_value(&w->at->value[setting], number);
    windows_add_value_event(&w->at->value[setting], w->event->index);
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

    if (*root != NULL && strcmp(*root, text) != 0) {
        facts_find(w->ctx, FINDING_WINDOWS_CONTRADICTION, WEIGHT_NOTE, "B-13", w->event,
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

        if (*n < (is_loaded ? w->counts.loaded : w->counts.modules)) {
            w->module = is_loaded ? &w->loaded[*n] : &facts->modules[*n];
            (*n)++;
            *w->module = (struct windows_module){.algorithm = "", .issuer = "", .publisher = ""};
            *(is_loaded ? &w->module->loaded : &w->module->event) = w->event;
        }
    } else if (record->id == SIPA_ELAM && facts->n_elam < w->counts.elam) {
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

    if (w->event->pcr == PCR_AUTHORITIES && facts->n_authorities < w->counts.authorities) {
        facts->authority_events[facts->n_authorities] = w->event;
        facts->authorities[facts->n_authorities++] = key;
    }
}

/* ---- records ---- */

static void count_record(struct windows_walk *w, const struct sipa_record *record)
{
    switch (record->id) {
    case SIPA_MODULE:
        w->counts.modules += w->event->pcr == PCR_DETAILS;
        w->counts.loaded += w->event->pcr == PCR_SETTINGS;
        break;
    case SIPA_ELAM:
        w->counts.elam++;
        break;
    case SIPA_AUTHORITY_KEY:
        w->counts.authorities++;
        break;
    default:
        break;
    }
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

err_t windows_count_event(struct windows_walk *w, const struct event *event)
{
    const struct windows_counts before = w->counts;
    struct sipa_iter iter;
    struct sipa_record record;
    err_t fault = ERR_OK;
    err_t err;

    sipa_begin(&iter, event->data);
    while (fault == ERR_OK && (err = sipa_next(&iter, &record)) != ERR_END) {
        fault = err ? err : check_record(&record);
        if (fault == ERR_OK) {
            count_record(w, &record);
        }
    }
    if (fault) {
        w->counts = before;
    }
    return fault;
}

void windows_keep_event(struct windows_walk *w, const struct event *event)
{
    struct sipa_iter iter;
    struct sipa_record record;

    memset(w->seen, 0, sizeof(w->seen));
    sipa_begin(&iter, event->data);
    while (w->ctx->err == ERR_OK && sipa_next(&iter, &record) == ERR_OK) {
        keep_record(w, &record);
    }
    close_container(w);
}
