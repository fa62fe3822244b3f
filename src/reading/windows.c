/*
 * reading/windows.c - what Windows' events say, in a line.
 *
 * Windows records its boot in tagged events of PCR 11 to 14 (tcg-reference 9; Windows SDK
 * wbcl.h), which hold records: see sipa.h. Linux uses tagged events too: see reading/systemd.c.
 * The facts are made in facts/windows.c; here is the text for people.
 *
 * Who may send these bytes: root of any guest.
 */
#include "reading/readers.h"
#include "reading/sipa.h"
#include "reading/windows-settings.h"

#include "base/codec.h"

enum { TEXT_MAX = 320 };

/* How many of a kind an event holds, and the first few in words. */
struct summary {
    struct reading_ctx *ctx;
    const char *text;
    bool is_cut;
    size_t n_modules, n_keys;
    const char *path; /* of the only module, and its digest */
    const char *algorithm;
    struct span digest;
};

void read_windows_compact(struct reading_ctx *ctx, struct reading *r)
{
    static const uint8_t opened[] = {0x10, 0, 0, 0};
    static const uint8_t closed[] = {0xff, 0xff, 0, 0};
    struct span data = r->event->data;

    reading_match(ctx, r, data, "H(data), if it matches", READING_NOT_COVERED);
    if (r->event->pcr == 11) {
        r->role = ROLE_WINDOWS;
        r->text = "BitLocker access control";
        if (r->match == READING_MATCHES && span_equal(data, span_of(opened, sizeof(opened)))) {
            r->text = "BitLocker: keys may be had from here on";
        } else if (r->match == READING_MATCHES &&
                   span_equal(data, span_of(closed, sizeof(closed)))) {
            r->text = "BitLocker: no key may be had any more";
        }
        return;
    }
    r->name = r->event->pcr == 6 ? ctx_show(ctx, data) : "";
    r->name_is_hint = r->match != READING_MATCHES;
    reading_say(ctx, r, "vendor measurement ", r->name);
}

static void say(struct summary *s, const char *what, const char *value)
{
    const char *separator = s->text[0] == '\0' ? "" : ", ";

    if (s->ctx->err || s->is_cut) {
        return;
    }
    if (strlen(s->text) > TEXT_MAX) {
        s->is_cut = true;
        what = "...";
        value = "";
    }
    s->text = ctx_join(s->ctx, s->text, separator, what);
    s->text = value[0] == '\0' ? s->text : ctx_join(s->ctx, s->text, ": ", value);
}

static void say_text(struct summary *s, const struct sipa_record *record)
{
    say(s, sipa_name(record->id), ctx_show16(s->ctx, record->payload));
}

static void say_setting(struct summary *s, const struct sipa_record *record)
{
    enum windows_setting setting = windows_setting_of(record->id);
    uint64_t number = 0;

    if (setting != WINDOWS_SETTING_COUNT && sipa_uint(record->payload, &number)) {
        const char *words = windows_value_words(s->ctx->arena, setting, number);

        s->ctx->err = words == NULL ? ERR_MEMORY : s->ctx->err;
        say(s, sipa_name(record->id), words == NULL ? "" : words);
    } else if (sipa_name(record->id) != NULL) {
        say(s, sipa_name(record->id), "");
    }
}

static void note_record(struct summary *s, const struct sipa_record *record)
{
    uint64_t number = 0;

    switch (record->id) {
    case SIPA_TRUST_BOUNDARY:
    case SIPA_ELAM:
    case SIPA_EVENT_COUNTER:
    case SIPA_COUNTER_ID:
        break;
    case SIPA_MODULE:
        s->n_modules++;
        break;
    case SIPA_AUTHORITY_KEY:
        s->n_keys++;
        break;
    case SIPA_FILE_PATH:
        s->path = s->n_modules <= 1 ? ctx_show16(s->ctx, record->payload) : s->path;
        break;
    case SIPA_HASH_ALGORITHM:
        s->algorithm = sipa_uint(record->payload, &number) ? sipa_hash_name(number) : NULL;
        break;
    case SIPA_AUTHENTICODE_HASH:
        s->digest = record->payload;
        break;
    case SIPA_SYSTEM_ROOT:
    case SIPA_ELAM_NAME:
        say_text(s, record);
        break;
    default:
        /* Of modules path and digest are enough, of ELAM drivers the name. */
        if (record->id >> 16 != 7 && record->id >> 16 != 9) {
            say_setting(s, record);
        }
        break;
    }
}

static const char *module_words(struct summary *s)
{
    struct reading_ctx *ctx = s->ctx;
    const char *hex = hex_dup(ctx->arena, span_cut(s->digest, 0, 32));
    const char *text;

    if (s->n_modules > 1) {
        text = arena_printf(ctx->arena, "%zu loaded modules", s->n_modules);
    } else {
        text = arena_printf(ctx->arena, "loaded module %s%s%s %.12s...", s->path,
                            s->path[0] == '\0' ? "" : ", ",
                            s->algorithm == NULL ? "digest" : s->algorithm, hex == NULL ? "" : hex);
    }
    ctx->err = hex == NULL || text == NULL ? ERR_MEMORY : ctx->err;
    return text == NULL ? "" : text;
}

/* What was loaded and who signed it first: the settings are many. */
static const char *whole_text(struct summary *s, const char *none)
{
    struct summary all = {.ctx = s->ctx, .text = ""};

    if (s->n_modules > 0) {
        say(&all, module_words(s), "");
    }
    if (s->n_keys > 0) {
        const char *keys = arena_printf(s->ctx->arena, "%zu key%s that signed modules", s->n_keys,
                                        s->n_keys == 1 ? "" : "s");

        s->ctx->err = keys == NULL ? ERR_MEMORY : s->ctx->err;
        say(&all, keys == NULL ? "" : keys, "");
    }
    if (s->text[0] != '\0') {
        say(&all, s->text, "");
    }
    return all.text[0] == '\0' ? none : all.text;
}

void read_windows_records(struct reading_ctx *ctx, struct reading *r)
{
    struct summary s = {.ctx = ctx, .text = "", .path = ""};
    struct sipa_iter iter;
    struct sipa_record record;
    err_t err;

    sipa_begin(&iter, r->content);
    while ((err = sipa_next(&iter, &record)) == ERR_OK && ctx->err == ERR_OK) {
        note_record(&s, &record);
    }
    if (err != ERR_END) {
        r->text = "Windows boot, malformed";
        return;
    }
    r->text = whole_text(&s, r->text);
}

void read_windows_trust_point(struct reading_ctx *ctx, struct reading *r)
{
    struct windows_trust_point point;
    err_t err = windows_trust_point_read(ctx->arena, r->event, &point);

    if (err) {
        ctx->err = err;
        return;
    }
    r->text = point.is_malformed ? "Windows trust point, malformed, not measured, not checked"
              : point.aik_id[0] == '\0' ? "Windows trust point, not measured, not checked"
                                        : ctx_join(ctx, "Windows trust point by key ", point.aik_id,
                                                   ", not measured, not checked");
}
