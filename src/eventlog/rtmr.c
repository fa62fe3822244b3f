/*
 * rtmr.c - the PCR that each event of a confidential VM's log stands for.
 *
 * Who may send these bytes: root of any guest.
 */
#include "eventlog/rtmr.h"

#include "base/reader.h"
#include "base/show.h"
#include "eventlog/marks.h"
#include "uefi/variable.h"

static bool is_digest_of(const struct eventlog *log, const struct event *event, struct span content)
{
    uint8_t digest[HASH_MAX_BYTES];
    bool compared = false;

    for (size_t i = 0; i < log->n_banks; i++) {
        enum hash_alg hash = log->banks[i].hash;

        if (hash == HASH_NONE) {
            continue;
        }
        compared = true;
        if (hash_once(hash, content, digest) != ERR_OK ||
            !span_equal(span_of(digest, hash_size(hash)), event->digest[i])) {
            return false;
        }
    }
    return compared;
}

bool rtmr_is_separator(const struct eventlog *log, const struct event *event)
{
    static const uint8_t ordinary[4] = {0};
    static const uint8_t other[4] = {0xff, 0xff, 0xff, 0xff};

    return is_digest_of(log, event, span_of(ordinary, 4)) ||
           is_digest_of(log, event, span_of(other, 4));
}

static bool is_separator(const struct eventlog *log, const struct event *event)
{
    return event->type == EV_SEPARATOR || rtmr_is_separator(log, event);
}

/* RTMR0: PCR 7 for what speaks of Secure Boot, else PCR 1. */
static uint32_t home_in_rtmr0(const struct eventlog *log, const struct event *event)
{
    struct uefi_variable var = {0};
    struct span rest = {0};

    if (is_separator(log, event)) {
        return 7;
    }
    switch (event->type) {
    case EV_EFI_VARIABLE_DRIVER_CONFIG:
        /* Others than Secure Boot's belong to PCR 1, and may come late there. A malformed one is
         * for the stricter rules. */
        return uefi_variable_split(event->data, &var, &rest) == ERR_OK && rest.len == 0 &&
                       !uefi_variable_is_secure_boot(&var)
                   ? 1
                   : 7;
    case EV_EFI_VARIABLE_AUTHORITY:
    case EV_EFI_SPDM_DEVICE_POLICY:
    case EV_EFI_SPDM_DEVICE_AUTHORITY:
    case EV_EFI_ACTION:
        return 7;
    default:
        return 1;
    }
}

static uint32_t home_in_rtmr1(const struct eventlog *log, const struct event *event)
{
    if (is_separator(log, event)) {
        return 4;
    }
    switch (event->type) {
    case EV_EFI_BOOT_SERVICES_APPLICATION:
        return 4;
    case EV_EFI_ACTION:
        return span_starts(event->data, "Exit Boot Services") ? 5 : 4;
    case EV_EFI_GPT_EVENT:
    case EV_EFI_GPT_EVENT2:
    case EV_IPL_PARTITION_DATA:
    case EV_EVENT_TAG:
    case EV_EFI_VARIABLE_BOOT:
    case EV_EFI_VARIABLE_BOOT2:
    case EV_EFI_VARIABLE_DRIVER_CONFIG:
        return 5;
    case EV_COMPACT_HASH:
        return 6;
    case EV_EFI_BOOT_SERVICES_DRIVER:
    case EV_EFI_RUNTIME_SERVICES_DRIVER:
    case EV_EFI_PLATFORM_FIRMWARE_BLOB:
    case EV_EFI_PLATFORM_FIRMWARE_BLOB2:
    case EV_EFI_SPDM_FIRMWARE_BLOB:
        return 2;
    default:
        return 3;
    }
}

/* RTMR2: whose record it is shows in its text. */
/* Of an unknown tag: where Linux puts what its boot is given. */
static uint32_t home_of_tag(struct span tagged)
{
    struct reader in = reader_on(tagged);
    uint32_t id = 0;
    uint32_t pcr = reader_u32le(&in, &id) == ERR_OK ? tag_register(id) : UINT32_MAX;

    return pcr == UINT32_MAX ? 9 : pcr;
}

static uint32_t home_in_rtmr2(const struct event *event)
{
    struct span data = event->data;
    bool wide = data.len >= 2 && data.len % 2 == 0 && data.data[0] != 0 && data.data[1] == 0;

    if (event->type == EV_EVENT_TAG) {
        return home_of_tag(data);
    }
    if (event->type != EV_IPL) {
        return 15;
    }
    if (grub_is_text(data)) {
        return 8;
    }
    if (wide) {
        return data.data[0] == '.' ? 11 : 12;
    }
    return span_starts(data, "Mok") || span_is(show_until_nul(data), "HSIStatus") ? 14 : 9;
}

static uint32_t home_of(const struct eventlog *log, const struct event *event)
{
    switch (event->pcr) {
    case RTMR_0:
        return home_in_rtmr0(log, event);
    case RTMR_1:
        return home_in_rtmr1(log, event);
    case RTMR_2:
        return home_in_rtmr2(event);
    default:
        return RTMR_NO_HOME;
    }
}

err_t rtmr_find_homes(struct eventlog *log, struct trail *trail)
{
    for (size_t i = 0; i < log->n_events; i++) {
        struct event *event = &log->events[i];

        if (event->type == EV_NO_ACTION) {
            event->home = RTMR_NO_HOME;
            continue;
        }
        if (event->pcr == RTMR_MRTD) {
            return trail_set_at(trail, ERR_MALFORMED, event->offset,
                                "event %u extends register 0, which is MRTD: no log extends it",
                                event->index);
        }
        event->home = home_of(log, event);
    }
    return ERR_OK;
}
