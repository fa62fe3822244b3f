/*
 * Who can send these bytes: whoever starts a boot program of his own that measures them. All events
 * are genuine here, for a fuzzer finds no digest: pairs of a length and the data of an event, in
 * PCR 12, 13, 14 and again, then Windows' separators.
 */
#include "base/reader.h"
#include "facts/windows.h"

enum { EVENTS = 9, CAPS = 3 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(256u * 1024 * 1024);
    struct hasher *hasher = crypto_init() == ERR_OK ? hasher_new() : NULL;
    struct event events[EVENTS + CAPS] = {0};
    uint8_t digests[EVENTS + CAPS][SHA256_BYTES];
    struct eventlog log = {.format = EVENTLOG_AGILE, .n_banks = 1, .events = events};
    struct readings *readings = NULL;
    struct boot_facts *facts = NULL;
    struct reader in = reader_on(span_of(data, size));
    err_t err = arena == NULL || hasher == NULL ? ERR_MEMORY : ERR_OK;

    log.banks[0] = (struct eventlog_bank){TPM_SHA256, SHA256_BYTES, HASH_SHA256};
    while (err == ERR_OK && log.n_events < EVENTS + CAPS) {
        size_t i = log.n_events++;
        uint16_t len = 0;

        events[i] = (struct event){.index = (uint32_t)i, .pcr = 12 + i % 3, .type = EV_EVENT_TAG};
        events[i].digest[0] = span_of(digests[i], SHA256_BYTES);
        events[i].data = span_str("WBCL");
        if (i < EVENTS && reader_u16le(&in, &len) == ERR_OK) {
            (void)!reader_take(&in, len < reader_left(&in) ? len : reader_left(&in),
                               &events[i].data);
        }
        err = hasher_once(hasher, HASH_SHA256, events[i].data, digests[i]);
    }
    err = err ? err : readings_make(arena, &log, hasher, &readings);
    err = err ? err : boot_facts_make(arena, readings, NULL, hasher, &facts);
    if (err == ERR_OK && facts->windows != NULL) {
        yyjson_mut_doc *doc = json_new(arena);

        (void)json_write(arena, doc, windows_facts_json(arena, doc, facts->windows), false);
    }
    hasher_free(hasher);
    arena_free(arena);
    return 0;
}
