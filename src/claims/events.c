/*
 * events.c - the logs as the document that policies query (policy-language 12).
 *
 * A replay proves registers and digests. What an event says is told only where its digest was
 * computed from it: the attacker's events are anybody's text. The type of an event is outside its
 * digest, too, so the variables of Secure Boot are decoded in PCR 7 alone, whose types and order
 * the appraisal holds against the rules: the same bytes in a register that the running system can
 * extend are no statement of the firmware's.
 */
#include "claims/parts.h"

#include "base/reader.h"
#include "base/text.h"
#include "uefi/variable.h"

#include <stdio.h>

enum { GUID_TEXT = 40, PCR_SECURE_BOOT = 7, LAST_FIRMWARE_PCR = 7 };

struct writing {
    struct text *text;
    const struct eventlog *log;
    struct hasher *hasher;
    struct trail *trail;
};

/* Names of the banks in documents. */
static const char *const bank_names[HASH_COUNT] = {[HASH_SHA1] = "SHA1",
                                                   [HASH_SHA256] = "SHA256",
                                                   [HASH_SHA384] = "SHA384",
                                                   [HASH_SHA512] = "SHA512"};

/* Is the digest that of the event's own data, in every bank (D-1)? */
static err_t is_of_data(const struct writing *w, const struct event *event, bool *ret)
{
    uint8_t digest[HASH_MAX_BYTES];
    bool any = false;

    *ret = false;
    for (size_t i = 0; i < w->log->n_banks; i++) {
        enum hash_alg hash = w->log->banks[i].hash;
        err_t err;

        if (hash == HASH_NONE) {
            continue;
        }
        err = hasher_once(w->hasher, hash, event->data, digest);
        if (err) {
            return err;
        }
        if (!span_equal(event->digest[i], span_of(digest, hash_size(hash)))) {
            return ERR_OK;
        }
        any = true;
    }
    *ret = any;
    return ERR_OK;
}

static void write_guid(struct text *text, const uint8_t guid[16])
{
    static const char digits[] = "ABCDEF";
    char upper[GUID_TEXT];

    uefi_guid_format(guid, upper, sizeof(upper));
    for (char *c = upper; *c != '\0'; c++) {
        if (*c >= 'a' && *c <= 'f') {
            *c = digits[*c - 'a'];
        }
    }
    text_name(text, "VariableGuid");
    text_string(text, span_str(upper));
}

/* A NUL inside would make one name look like another. */
static bool has_nul(struct span utf16)
{
    for (size_t i = 0; i + 1 < utf16.len; i += 2) {
        if (utf16.data[i] == 0 && utf16.data[i + 1] == 0) {
            return true;
        }
    }
    return false;
}

/* May an event of this type and register say what this variable is? */
static bool is_at_home(const struct event *event, const struct uefi_variable *variable)
{
    if (uefi_variable_is_secure_boot(variable) || event->type == EV_EFI_VARIABLE_AUTHORITY) {
        return event->pcr == PCR_SECURE_BOOT;
    }
    return event->pcr <= LAST_FIRMWARE_PCR;
}

static err_t write_variable(struct text *text, const struct event *event)
{
    struct uefi_variable variable = {0};
    struct span rest = {0};
    struct span name;

    if (uefi_variable_split(event->data, &variable, &rest) != ERR_OK ||
        has_nul(variable.name_utf16) || !is_at_home(event, &variable)) {
        return ERR_OK;
    }
    name = text_from_utf16le(text->arena, variable.name_utf16);
    if (name.data == NULL && variable.name_utf16.len > 0) {
        return ERR_MEMORY;
    }
    write_guid(text, variable.guid);
    text_name(text, "UnicodeName");
    text_string(text, name);
    text_name(text, "VariableData");
    text_base64url(text, variable.value);
    return ERR_OK;
}

/* Windows' ids have a class in bits 16 to 23 (wbcl.h); Linux' stub and systemd use others. */
static bool holds_windows_records(const struct event *event)
{
    struct reader in = reader_on(event->data);
    uint32_t id = 0;
    bool is_register =
        (event->pcr >= 11 && event->pcr <= 14) || (event->pcr >= 17 && event->pcr <= 22);

    return is_register && reader_u32le(&in, &id) == ERR_OK && (id & 0x3f000000u) == 0 &&
           (id >> 16 & 0xff) >= 1 && (id >> 16 & 0xff) <= 0x0c;
}

/* Opens and closes the object. */
static err_t write_processed(const struct writing *w, const struct reading *reading, bool is_whole)
{
    const struct event *event = reading->event;
    bool is_matched = reading->match == READING_MATCHES;
    err_t err = ERR_OK;

    text_name(w->text, "ProcessedData");
    if (event->type == EV_EVENT_TAG && is_whole && holds_windows_records(event)) {
        return write_windows_records(w->text, event->data, w->trail);
    }
    text_open(w->text, '{');
    switch (event->type) {
    case EV_EFI_VARIABLE_AUTHORITY: /* old shims leave the last byte out (L-14) */
        err = is_whole || is_matched ? write_variable(w->text, event) : ERR_OK;
        break;
    case EV_EFI_VARIABLE_DRIVER_CONFIG:
    case EV_EFI_SPDM_DEVICE_POLICY:
    case EV_EFI_SPDM_DEVICE_AUTHORITY:
        err = is_whole ? write_variable(w->text, event) : ERR_OK;
        break;
    case EV_EFI_VARIABLE_BOOT:
    case EV_EFI_VARIABLE_BOOT2:
        if (is_whole) {
            err = write_variable(w->text, event);
        } else if (is_matched && event->pcr <= LAST_FIRMWARE_PCR) {
            /* The digest is of the value alone: whose value it is, anybody could have written. */
            text_name(w->text, "VariableData");
            text_base64url(w->text, reading->content.len > 0 ? reading->content : (struct span){0});
        }
        break;
    default:
        break;
    }
    text_close(w->text, '}');
    return err;
}

static void write_type(struct text *text, uint32_t type)
{
    const char *known = eventlog_type_known(type);
    char unknown[32];

    text_name(text, "EventType");
    text_uint(text, type);
    text_name(text, "EventTypeString");
    snprintf(unknown, sizeof(unknown), "EV_UNKNOWN_0x%08X", type);
    text_string(text, span_str(known != NULL ? known : unknown));
}

static void write_digests(const struct writing *w, const struct event *event)
{
    text_name(w->text, "Digests");
    text_open(w->text, '{');
    for (size_t i = 0; i < w->log->n_banks; i++) {
        if (w->log->banks[i].hash != HASH_NONE && event->digest[i].len > 0) {
            text_name(w->text, bank_names[w->log->banks[i].hash]);
            text_hex(w->text, event->digest[i]);
        }
    }
    text_close(w->text, '}');
}

static err_t write_event(const struct writing *w, const struct reading *reading)
{
    const struct event *event = reading->event;
    bool is_whole = false;
    err_t err = event->type == EV_NO_ACTION ? ERR_OK : is_of_data(w, event, &is_whole);

    if (err) {
        return err;
    }
    text_open(w->text, '{');
    text_name(w->text, "EventSeq");
    text_uint(w->text, event->index);
    text_name(w->text, "PcrIndex");
    text_uint(w->text, event->pcr);
    write_type(w->text, event->type);
    write_digests(w, event);
    if (is_whole) {
        text_name(w->text, "RawData");
        text_base64url(w->text, event->data);
    }
    err = write_processed(w, reading, is_whole);
    text_close(w->text, '}');
    if (err) {
        char name[32];

        snprintf(name, sizeof(name), "event %u", event->index);
        return trail_in(w->trail, err, name);
    }
    return buf_err(&w->text->buf);
}

static err_t write_log(const struct writing *w, const struct readings *readings, uint32_t *ret_next)
{
    err_t err = ERR_OK;

    for (size_t i = 0; err == ERR_OK && i < readings->n; i++) {
        err = write_event(w, &readings->items[i]);
        *ret_next = readings->items[i].event->index + 1;
    }
    return err;
}

err_t claims_events(struct arena *arena, struct hasher *hasher, const struct appraisal *appraisal,
                    const struct evidence *evidence, struct trail *trail, struct span *ret_json)
{
    CLEANUP(text_done) struct text text;
    struct writing w = {&text, appraisal->log, hasher, trail};
    uint32_t next = 0;
    err_t err = ERR_OK;

    text_begin(&text, arena, CLAIMS_DOCUMENT_MAX);
    text_open(&text, '{');
    text_name(&text, "Events");
    text_open(&text, '[');
    if (appraisal->is_log_proven && appraisal->facts != NULL) {
        err = write_log(&w, appraisal->facts->readings, &next);
        err = err ? err
                  : write_ima_events(&text, evidence->ima.bytes, appraisal->n_ima_records, next,
                                     hasher, trail);
    }
    text_close(&text, ']');
    text_close(&text, '}');
    err = err ? err : buf_err(&text.buf);
    if (err == ERR_TOO_LARGE) {
        return trail_set(trail, err, "the events of the log are more than %d MiB as a document",
                         CLAIMS_DOCUMENT_MAX / (1024 * 1024));
    }
    return err ? err : text_end(&text, ret_json);
}
