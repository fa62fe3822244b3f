/*
 * reading.c - give every event its one reading (verification-rules section 4; D-1, D-3).
 *
 * Who may send these bytes: root of any guest.
 */
#include "eventlog/rtmr.h"
#include "reading/readers.h"

bool reading_digest_is(struct reading_ctx *ctx, const struct event *event, struct span content)
{
    uint8_t digest[HASH_MAX_BYTES];

    for (size_t i = 0; i < ctx->log->n_banks && ctx->err == ERR_OK; i++) {
        enum hash_alg hash = ctx->log->banks[i].hash;

        if (hash == HASH_NONE) {
            continue;
        }
        ctx->err = hasher_once(ctx->hasher, hash, content, digest);
        /* ALG-7: the whole digest; its length was checked against the bank when it was read. */
        if (ctx->err != ERR_OK || !span_equal(span_of(digest, hash_size(hash)), event->digest[i])) {
            return false;
        }
    }
    return ctx->err == ERR_OK && ctx->has_bank;
}

void reading_match(struct reading_ctx *ctx, struct reading *r, struct span content,
                   const char *rule, enum reading_match otherwise)
{
    r->rule = rule;
    r->match = reading_digest_is(ctx, r->event, content) ? READING_MATCHES : otherwise;
    /* With no bank that we can compute nothing was compared, so nothing differs (ALG-6). */
    if (!ctx->has_bank) {
        r->match = READING_NOT_COVERED;
    }
    r->content = r->match == READING_MATCHES ? content : (struct span){0};
}

static const char *kept(struct reading_ctx *ctx, const char *text)
{
    if (text == NULL) {
        ctx->err = ERR_MEMORY;
        return "";
    }
    return text;
}

const char *ctx_show(struct reading_ctx *ctx, struct span bytes)
{
    return kept(ctx, show_text(ctx->arena, bytes));
}

const char *ctx_bytes(struct reading_ctx *ctx, struct span bytes)
{
    return kept(ctx, show_bytes(ctx->arena, bytes));
}

const char *ctx_show16(struct reading_ctx *ctx, struct span utf16)
{
    return kept(ctx, show_utf16(ctx->arena, utf16));
}

const char *ctx_join(struct reading_ctx *ctx, const char *a, const char *b, const char *c)
{
    return kept(ctx, show_join(ctx->arena, a, b, c));
}

void reading_say(struct reading_ctx *ctx, struct reading *r, const char *what, const char *name)
{
    const char *mark = "";

    if (r->match == READING_DIFFERS) {
        mark = " [digest is not of this text]";
    } else if (name[0] != '\0' && r->name_is_hint) {
        mark = " [name not measured]";
    }
    r->text = name[0] == '\0' && mark[0] == '\0' ? what : ctx_join(ctx, what, name, mark);
}

/* The specification id, start localities, references: nothing that was measured. */
static void read_no_action(struct reading_ctx *ctx, struct reading *r)
{
    r->role = ROLE_NONE;
    r->rule = "never extended";
    r->text = "informational, not measured";
    if (r->event->index == 0 && ctx->log->format == EVENTLOG_AGILE) {
        r->text = "log header";
    } else if (span_starts(r->event->data, "StartupLocality")) {
        r->text = "start locality of PCR 0";
    } else if (span_starts(r->event->data, "SP800-155 Event")) {
        r->text = "reference to the firmware's measurements, not measured";
    } else if (r->event->pcr == UINT32_MAX) {
        read_windows_trust_point(ctx, r);
    }
}

void read_unruled(struct reading_ctx *ctx, struct reading *r)
{
    const char *type = eventlog_type_known(r->event->type);

    reading_match(ctx, r, r->event->data, "H(data), if it matches", READING_NOT_COVERED);
    r->text = type != NULL ? type : "unknown event type";
}

static void read_ipl(struct reading_ctx *ctx, struct reading *r)
{
    switch (r->event->home) {
    case 8:
        read_grub_text(ctx, r);
        break;
    case 9:
        read_grub_file(ctx, r);
        break;
    case 11:
    case 12:
    case 13:
        read_systemd_ipl(ctx, r);
        break;
    case 14:
        read_shim_ipl(ctx, r);
        break;
    default:
        read_unruled(ctx, r);
        break;
    }
}

static void read_by_type(struct reading_ctx *ctx, struct reading *r)
{
    switch (r->event->type) {
    case EV_SEPARATOR:
        read_separator(ctx, r);
        break;
    case EV_EFI_ACTION:
    case EV_ACTION:
        read_action(ctx, r);
        break;
    case EV_EFI_VARIABLE_DRIVER_CONFIG:
    case EV_EFI_SPDM_DEVICE_POLICY:
    case EV_EFI_SPDM_DEVICE_AUTHORITY:
        read_variable_config(ctx, r);
        break;
    case EV_EFI_VARIABLE_BOOT:
    case EV_EFI_VARIABLE_BOOT2:
        read_variable_boot(ctx, r);
        break;
    case EV_EFI_VARIABLE_AUTHORITY:
        read_variable_authority(ctx, r);
        break;
    case EV_EFI_BOOT_SERVICES_APPLICATION:
    case EV_EFI_BOOT_SERVICES_DRIVER:
    case EV_EFI_RUNTIME_SERVICES_DRIVER:
        read_image(ctx, r);
        break;
    case EV_EFI_GPT_EVENT:
    case EV_EFI_GPT_EVENT2:
    case EV_IPL_PARTITION_DATA:
        read_gpt(ctx, r);
        break;
    case EV_IPL:
        read_ipl(ctx, r);
        break;
    case EV_EVENT_TAG:
        read_tagged(ctx, r);
        break;
    case EV_EFI_SPDM_FIRMWARE_BLOB:
    case EV_EFI_SPDM_FIRMWARE_CONFIG:
        read_device(ctx, r);
        break;
    case EV_COMPACT_HASH:
        read_windows_compact(ctx, r);
        break;
    case EV_POST_CODE:
    case EV_POST_CODE2:
    case EV_S_CRTM_CONTENTS:
    case EV_S_CRTM_VERSION:
    case EV_CPU_MICROCODE:
    case EV_TABLE_OF_DEVICES:
    case EV_EFI_PLATFORM_FIRMWARE_BLOB:
    case EV_EFI_PLATFORM_FIRMWARE_BLOB2:
    case EV_EFI_HANDOFF_TABLES:
    case EV_EFI_HANDOFF_TABLES2:
    case EV_EFI_HCRTM_EVENT:
        read_firmware(ctx, r);
        break;
    default:
        read_unruled(ctx, r);
        break;
    }
}

/* What an event without a better word is, by its register (PFP 1.06, 3.3.4). */
static enum event_role role_of_register(uint32_t pcr)
{
    switch (pcr) {
    case 0:
        return ROLE_FIRMWARE;
    case 1:
    case 3:
    case 6:
        return ROLE_FIRMWARE_CONFIG;
    case 2:
        return ROLE_DRIVER;
    default:
        return ROLE_OTHER;
    }
}

/* D-2: where registers are shared by many types, the line that the firmware drew must not be hidden
 * by calling it something else. */
static bool is_hidden_separator(const struct eventlog *log, const struct event *event)
{
    return log->kind == EVENTLOG_RTMRS && event->type != EV_SEPARATOR &&
           (event->pcr == RTMR_0 || event->pcr == RTMR_1) && rtmr_is_separator(log, event);
}

err_t readings_make(struct arena *arena, const struct eventlog *log, struct hasher *hasher,
                    struct readings **ret)
{
    struct reading_ctx ctx = {.arena = arena, .log = log, .hasher = hasher};
    struct readings *readings = arena_calloc(arena, 1, sizeof(*readings));

    if (readings == NULL) {
        return ERR_MEMORY;
    }
    readings->log = log;
    readings->n = log->n_events;
    readings->items = arena_calloc(arena, log->n_events, sizeof(*readings->items));
    if (readings->items == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < log->n_banks; i++) {
        ctx.has_bank = ctx.has_bank || log->banks[i].hash != HASH_NONE;
    }
    for (size_t i = 0; i < log->n_events; i++) {
        struct reading *r = &readings->items[i];

        *r = (struct reading){.event = &log->events[i],
                              .role = role_of_register(log->events[i].home),
                              .match = READING_NOT_COVERED,
                              .rule = "",
                              .name = "",
                              .text = ""};
        if (r->event->type == EV_NO_ACTION) {
            read_no_action(&ctx, r);
        } else if (is_hidden_separator(log, r->event)) {
            r->role = ROLE_SEPARATOR;
            r->match = READING_DIFFERS;
            r->rule = "H(data)";
            r->text = "separator under another type";
        } else {
            read_by_type(&ctx, r);
        }
        if (ctx.err) {
            return ctx.err;
        }
    }
    *ret = readings;
    return ERR_OK;
}
