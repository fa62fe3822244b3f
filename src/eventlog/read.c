/*
 * read.c - the bytes of a log into an array of events.
 *
 * Who may send these bytes: root of any guest. Two passes by one and the same reader: the first
 * finds every length and the number of events, the second fills an array of exactly that size, so
 * that no allocation follows a number from the log (L-3).
 */
#include "eventlog/eventlog.h"

#include "base/reader.h"
#include "eventlog/rtmr.h"

enum { SHA1_RECORD_MIN = 4 + 4 + SHA1_BYTES + 4 };

static const char spec_id[16] = "Spec ID Event03";
static const char startup_locality[16] = "StartupLocality";

/* Digest sizes that an algorithm id must come with (TPM 2.0 Part 2, 6.3; L-2, ALG-7). 0: unknown.
 */
static uint16_t known_size(uint16_t alg)
{
    enum hash_alg hash = hash_by_tpm_id(alg);

    if (hash != HASH_NONE) {
        return (uint16_t)hash_size(hash);
    }
    switch (alg) {
    case TPM_SM3_256:
    case 0x0027: /* SHA3-256 */
        return 32;
    case 0x0028: /* SHA3-384 */
        return 48;
    case 0x0029: /* SHA3-512 */
        return 64;
    default:
        return 0;
    }
}

static err_t add_bank(struct eventlog *log, uint16_t alg, uint16_t size, struct trail *trail)
{
    uint16_t known = known_size(alg);

    for (size_t i = 0; i < log->n_banks; i++) {
        if (log->banks[i].alg == alg) {
            return trail_set(trail, ERR_MALFORMED, "header names algorithm 0x%04x twice", alg);
        }
    }
    if (known != 0 && size != known) {
        return trail_set(trail, ERR_MALFORMED,
                         "header gives algorithm 0x%04x digests of %u bytes instead of %u", alg,
                         size, known);
    }
    if (size == 0 || size > HASH_MAX_BYTES) {
        return trail_set(trail, ERR_UNSUPPORTED,
                         "header gives algorithm 0x%04x digests of %u bytes", alg, size);
    }
    log->banks[log->n_banks++] =
        (struct eventlog_bank){.alg = alg, .size = size, .hash = hash_by_tpm_id(alg)};
    return ERR_OK;
}

/* TCG_EfiSpecIDEvent (PFP 1.05, 10.4.5.1), behind the signature. */
static err_t read_spec_id(struct eventlog *log, struct span data, struct reader *after,
                          struct trail *trail)
{
    struct reader in = reader_on(data);
    struct trail inner = {0};
    uint32_t platform_class = 0;
    uint32_t n = 0;
    uint8_t vendor_len = 0;
    err_t err = reader_skip(&in, sizeof(spec_id));

    err = err ? err : reader_u32le(&in, &platform_class);
    err = err ? err : reader_skip(&in, 4); /* minor, major, errata, size of UINTN */
    err = err ? err : reader_u32le(&in, &n);
    if (err == ERR_OK && (n == 0 || n > EVENTLOG_MAX_BANKS)) {
        err = trail_set(&inner, n == 0 ? ERR_MALFORMED : ERR_TOO_MANY,
                        "header names %u digest algorithms", n);
    }
    for (uint32_t i = 0; err == ERR_OK && i < n; i++) {
        uint16_t alg = 0;
        uint16_t size = 0;

        err = reader_u16le(&in, &alg);
        err = err ? err : reader_u16le(&in, &size);
        err = err ? err : add_bank(log, alg, size, &inner);
    }
    err = err ? err : reader_u8(&in, &vendor_len);
    if (err == ERR_OK && reader_left(&in) == 0) {
        /* Seen in the field: the event's size leaves the vendor information out. */
        err = reader_skip(after, vendor_len);
    } else {
        err = err ? err : reader_skip(&in, vendor_len);
        err = err ? err : reader_end(&in);
    }
    if (err) {
        return trail_set_at(trail, err, 32 + in.offset, "%s",
                            inner.what[0] != '\0' ? inner.what : "specification id is malformed");
    }
    return ERR_OK;
}

static err_t read_digest_sha1(struct reader *in, struct event *event)
{
    return reader_take(in, SHA1_BYTES, &event->digest[0]);
}

/* One digest of each bank, in any order (L-3). */
static err_t read_digests(struct reader *in, const struct eventlog *log, struct event *event,
                          struct trail *trail)
{
    uint32_t count = 0;
    err_t err = reader_u32le(in, &count);

    if (err) {
        return err;
    }
    if (count != log->n_banks) {
        return trail_set(trail, ERR_MALFORMED, "%u digests instead of %zu", count, log->n_banks);
    }
    for (size_t i = 0; i < log->n_banks; i++) {
        uint16_t alg = 0;
        size_t bank = 0;

        err = reader_u16le(in, &alg);
        if (err) {
            return err;
        }
        while (bank < log->n_banks && log->banks[bank].alg != alg) {
            bank++;
        }
        if (bank == log->n_banks || event->digest[bank].data != NULL) {
            return trail_set(trail, ERR_MALFORMED, "digest of algorithm 0x%04x %s", alg,
                             bank == log->n_banks ? "is not expected" : "is there twice");
        }
        err = reader_take(in, log->banks[bank].size, &event->digest[bank]);
        if (err) {
            return err;
        }
    }
    return ERR_OK;
}

/* One record. The event's digests must be empty on entry. */
static err_t read_record(struct reader *in, const struct eventlog *log, struct event *event,
                         struct trail *trail)
{
    uint32_t data_len = 0;
    err_t err;

    event->offset = in->offset;
    err = reader_u32le(in, &event->pcr);
    err = err ? err : reader_u32le(in, &event->type);
    if (err) {
        return err;
    }
    /* L-10: the one exception is Windows' trust point, which extends nothing. */
    if (log->kind == EVENTLOG_RTMRS
            ? event->pcr >= RTMR_REGISTERS
            : event->pcr >= EVENTLOG_REGISTERS &&
                  !(event->pcr == UINT32_MAX && event->type == EV_NO_ACTION)) {
        return trail_set(trail, ERR_MALFORMED, "register %u does not exist", event->pcr);
    }
    if (log->format == EVENTLOG_SHA1) {
        err = read_digest_sha1(in, event);
    } else {
        err = read_digests(in, log, event, trail);
    }
    err = err ? err : reader_u32le(in, &data_len);
    if (err) {
        return err;
    }
    if (data_len > reader_left(in)) {
        return trail_set(trail, ERR_SHORT, "data of %u bytes where %zu are left", data_len,
                         reader_left(in));
    }
    return reader_take(in, data_len, &event->data);
}

/* What is left may be the unused end of a buffer. A partial record is never "end of log" (L-4). */
static err_t explain_tail(struct reader *in, size_t offset, err_t err, struct trail *trail)
{
    struct span rest = span_cut(in->bytes, offset, in->bytes.len);

    if (span_all(rest, 0x00) || span_all(rest, 0xff)) {
        return trail_set_at(trail, ERR_TRAILING, offset,
                            "%zu bytes of padding follow the last event", rest.len);
    }
    return err;
}

static err_t record_fault(struct reader *in, uint32_t index, size_t offset, err_t err,
                          const struct trail *inner, struct trail *trail)
{
    if (index > 0) {
        err_t tail = explain_tail(in, offset, err, trail);

        if (tail != err) {
            return tail;
        }
    }
    return trail_set_at(trail, err, in->offset, "event %u (at %zu): %s", index, offset,
                        inner->what[0] != '\0' ? inner->what : "ends before its fields do");
}

/* L-4: the log of a confidential VM is handed over with the whole of its buffer. */
static bool is_padding(const struct eventlog *log, const struct reader *in, size_t offset)
{
    struct span rest = span_cut(in->bytes, offset, in->bytes.len);

    return log->kind == EVENTLOG_RTMRS && (span_all(rest, 0x00) || span_all(rest, 0xff));
}

/* A record of nothing but zeros is what unused memory looks like in a SHA-1 log; it would replay
 * as an extend of PCR 0. */
static bool is_blank(const struct eventlog *log, const struct event *event)
{
    return log->format == EVENTLOG_SHA1 && event->pcr == 0 && event->type == EV_PREBOOT_CERT &&
           event->data.len == 0 && span_all(event->digest[0], 0);
}

static err_t count_records(struct eventlog *log, struct reader in, uint32_t first,
                           struct trail *trail)
{
    struct event scratch;
    uint32_t n = first;

    while (reader_left(&in) > 0) {
        struct trail inner = {0};
        size_t offset = in.offset;
        err_t err = ERR_OK;

        if (n == EVENTLOG_MAX_EVENTS) {
            return trail_set_at(trail, ERR_TOO_MANY, offset, "more than %d events",
                                EVENTLOG_MAX_EVENTS);
        }
        for (size_t i = 0; i < log->n_banks; i++) {
            scratch.digest[i] = (struct span){0};
        }
        err = read_record(&in, log, &scratch, &inner);
        if (err == ERR_OK && is_blank(log, &scratch)) {
            err = trail_set(&inner, ERR_MALFORMED, "nothing but zeros");
        }
        if (err && is_padding(log, &in, offset)) {
            log->padding = in.bytes.len - offset;
            break;
        }
        if (err) {
            return record_fault(&in, n, offset, err, &inner, trail);
        }
        n++;
    }
    log->n_events = n;
    return ERR_OK;
}

/* L-7: StartupLocality stands before anything extends PCR 0, once, with a value that exists. */
static err_t note_locality(struct eventlog *log, const struct event *event, bool *seen,
                           bool pcr0_extended, struct trail *trail)
{
    uint8_t value;

    if (event->data.len < sizeof(startup_locality) ||
        memcmp(event->data.data, startup_locality, sizeof(startup_locality)) != 0) {
        return ERR_OK;
    }
    if (event->data.len != sizeof(startup_locality) + 1 || event->pcr != 0) {
        return trail_set_at(trail, ERR_MALFORMED, event->offset,
                            "event %u: malformed StartupLocality", event->index);
    }
    value = event->data.data[sizeof(startup_locality)];
    if (value != 0 && value != 3 && value != 4) {
        return trail_set_at(trail, ERR_MALFORMED, event->offset,
                            "event %u: StartupLocality %u does not exist", event->index, value);
    }
    if (*seen || pcr0_extended) {
        return trail_set_at(trail, ERR_MALFORMED, event->offset, "event %u: StartupLocality %s",
                            event->index,
                            *seen ? "for the second time" : "after PCR 0 was extended");
    }
    *seen = true;
    log->startup_locality = value;
    return ERR_OK;
}

/* L-8: an H-CRTM event is the first extend of PCR 0 and means that it started at 4. */
static err_t note_hcrtm(struct eventlog *log, const struct event *event, bool locality_seen,
                        bool pcr0_extended, struct trail *trail)
{
    if (log->has_hcrtm) {
        return ERR_OK;
    }
    if (pcr0_extended || (locality_seen && log->startup_locality != 4)) {
        return trail_set_at(
            trail, ERR_MALFORMED, event->offset, "event %u: H-CRTM event %s", event->index,
            pcr0_extended ? "after PCR 0 was extended" : "contradicts StartupLocality");
    }
    log->has_hcrtm = true;
    log->startup_locality = 4;
    return ERR_OK;
}

static err_t find_start(struct eventlog *log, struct trail *trail)
{
    bool locality_seen = false;
    bool pcr0_extended = false;

    for (size_t i = 0; i < log->n_events; i++) {
        const struct event *event = &log->events[i];
        err_t err = ERR_OK;

        if (event->type == EV_NO_ACTION) {
            err = note_locality(log, event, &locality_seen, pcr0_extended, trail);
        } else if (event->pcr == 0) {
            if (event->type == EV_EFI_HCRTM_EVENT) {
                err = note_hcrtm(log, event, locality_seen, pcr0_extended, trail);
            }
            pcr0_extended = true;
        }
        if (err) {
            return err;
        }
    }
    return ERR_OK;
}

/*
 * The first record has the SHA-1 shape in both formats (L-1). In a crypto-agile log it is the
 * specification id, which is handed out and passed over; in a SHA-1 log it is an event like all
 * others and `in` stays before it.
 */
static err_t read_header(struct eventlog *log, struct reader *in, struct event *ret_header,
                         bool *ret_agile, struct trail *trail)
{
    struct reader ahead = *in;
    struct trail inner = {0};
    struct event header = {0};
    err_t err;

    log->format = EVENTLOG_SHA1;
    log->n_banks = 1;
    log->banks[0] = (struct eventlog_bank){.alg = TPM_SHA1, .size = SHA1_BYTES, .hash = HASH_SHA1};
    err = read_record(&ahead, log, &header, &inner);
    if (err) {
        return record_fault(&ahead, 0, 0, err, &inner, trail);
    }
    *ret_agile = header.data.len >= sizeof(spec_id) &&
                 memcmp(header.data.data, spec_id, sizeof(spec_id)) == 0;
    if (!*ret_agile) {
        return ERR_OK;
    }
    if (header.type != EV_NO_ACTION || header.pcr > 1) {
        return trail_set_at(trail, ERR_MALFORMED, 0, "specification id in register %u, type 0x%x",
                            header.pcr, header.type);
    }
    log->kind = header.pcr == 1 ? EVENTLOG_RTMRS : EVENTLOG_PCRS;
    log->format = EVENTLOG_AGILE;
    log->n_banks = 0;
    err = read_spec_id(log, header.data, &ahead, trail);
    if (err) {
        return err;
    }
    header.digest[0] = (struct span){0};
    *ret_header = header;
    *in = ahead;
    return ERR_OK;
}

/*
 * Some firmware names all algorithms of the TPM in the header and measures into the active banks
 * alone. The banks of the first event are then the banks of the log: every event must have
 * exactly these (ALG-4), and the others count as not there (ALG-2).
 */
static void drop_unused_banks(struct eventlog *log, struct reader in)
{
    struct eventlog_bank named[EVENTLOG_MAX_BANKS];
    bool used[EVENTLOG_MAX_BANKS] = {false};
    size_t n = log->n_banks;
    uint32_t count = 0;

    memcpy(named, log->banks, sizeof(named));
    if (reader_skip(&in, 8) || reader_u32le(&in, &count) || count == 0 || count >= n) {
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint16_t alg = 0;
        size_t bank = 0;

        if (reader_u16le(&in, &alg)) {
            return;
        }
        while (bank < n && named[bank].alg != alg) {
            bank++;
        }
        if (bank == n || used[bank] || reader_skip(&in, named[bank].size)) {
            return; /* read_record says what is wrong */
        }
        used[bank] = true;
    }
    log->n_banks = 0;
    for (size_t i = 0; i < n; i++) {
        if (used[i]) {
            log->banks[log->n_banks++] = named[i];
        } else {
            log->unused[log->n_unused++] = named[i];
        }
    }
}

static err_t fill_events(struct arena *arena, struct eventlog *log, struct reader in,
                         const struct event *header, struct trail *trail)
{
    size_t first = log->format == EVENTLOG_AGILE ? 1 : 0;

    log->events = arena_calloc(arena, log->n_events, sizeof(*log->events));
    if (log->events == NULL) {
        return trail_set(trail, ERR_MEMORY, "event log");
    }
    if (first == 1) {
        log->events[0] = *header;
    }
    for (size_t i = first; i < log->n_events; i++) {
        err_t err = read_record(&in, log, &log->events[i], trail);

        if (err) {
            return err;
        }
        log->events[i].index = (uint32_t)i;
        log->events[i].home = log->events[i].pcr;
    }
    return log->kind == EVENTLOG_RTMRS ? rtmr_find_homes(log, trail) : find_start(log, trail);
}

err_t eventlog_read(struct arena *arena, struct span bytes, struct trail *trail,
                    struct eventlog **ret)
{
    struct eventlog *log;
    struct reader in = reader_on(bytes);
    struct event header = {0};
    bool agile = false;
    err_t err;

    /* L-5: some guests hand out a zero-length file or a zeroed area. */
    if (span_all(bytes, 0)) {
        return trail_set(trail, ERR_NOT_FOUND, "there is no event log: %s",
                         bytes.len == 0 ? "it is empty" : "nothing but zeros");
    }
    if (bytes.len > EVENTLOG_MAX_BYTES) {
        return trail_set(trail, ERR_TOO_LARGE, "event log of %zu bytes, %d are allowed", bytes.len,
                         EVENTLOG_MAX_BYTES);
    }
    if (bytes.len < SHA1_RECORD_MIN) {
        return trail_set_at(trail, ERR_SHORT, bytes.len, "ends inside the first event");
    }
    log = arena_calloc(arena, 1, sizeof(*log));
    if (log == NULL) {
        return trail_set(trail, ERR_MEMORY, "event log");
    }
    log->bytes = bytes;
    err = read_header(log, &in, &header, &agile, trail);
    if (err == ERR_OK && agile) {
        drop_unused_banks(log, in);
    }
    err = err ? err : count_records(log, in, agile ? 1 : 0, trail);
    err = err ? err : fill_events(arena, log, in, &header, trail);
    if (err) {
        return err;
    }
    *ret = log;
    return ERR_OK;
}

int eventlog_bank(const struct eventlog *log, enum hash_alg hash)
{
    for (size_t i = 0; hash != HASH_NONE && i < log->n_banks; i++) {
        if (log->banks[i].hash == hash) {
            return (int)i;
        }
    }
    return -1;
}
