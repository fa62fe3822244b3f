/*
 * Who can send these bytes: root of a guest, whose log is compared with that of an earlier boot.
 * Both logs are the fuzzer's: four bytes say how long the first is.
 */
#include "appraise/baseline.h"
#include "base/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool read_boot(struct arena *arena, struct hasher *hasher, struct span bytes,
                      struct eventlog_registers *ret_registers, struct boot_facts **ret)
{
    struct eventlog *log = NULL;
    struct readings *readings = NULL;

    return eventlog_read(arena, bytes, NULL, &log) == ERR_OK &&
           eventlog_replay(log, HASH_SHA256, hasher, NULL, ret_registers) == ERR_OK &&
           readings_make(arena, log, hasher, &readings) == ERR_OK &&
           boot_facts_make(arena, readings, NULL, hasher, ret) == ERR_OK;
}

static size_t count_changes(struct arena *arena, const struct boot_facts *before,
                            const struct boot_facts *after)
{
    enum { ALL_PCRS = 0xffffff };
    struct change changes[APPRAISE_MAX_CHANGES];
    size_t n = 0;
    err_t err = baseline_compare(arena, &(struct baseline_boot){before, ALL_PCRS},
                                 &(struct baseline_boot){after, ALL_PCRS},
                                 &(struct baseline_known){0}, changes, &n);

    return err == ERR_OK ? n : SIZE_MAX;
}

/* Of two boots of Windows, counters and addresses in these registers are no change. */
static void leave_out_windows(struct boot_facts *const facts[2],
                              struct eventlog_registers registers[2])
{
    for (int i = 0; i < 2 && facts[0]->windows != NULL && facts[1]->windows != NULL; i++) {
        memset(registers[i].value[12], 0, 3 * sizeof(registers[i].value[12]));
        registers[i].extended &= ~(7u << 12);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(256u * 1024 * 1024);
    struct hasher *hasher = crypto_init() == ERR_OK ? hasher_new() : NULL;
    struct reader r = reader_on(span_of(data, size));
    struct span first = {0}, second = {0};
    struct eventlog_registers registers[2] = {0};
    struct boot_facts *facts[2];
    uint32_t len = 0;

    if (arena != NULL && hasher != NULL && reader_u32le(&r, &len) == ERR_OK &&
        reader_take(&r, len, &first) == ERR_OK &&
        reader_take(&r, reader_left(&r), &second) == ERR_OK &&
        read_boot(arena, hasher, first, &registers[0], &facts[0]) &&
        read_boot(arena, hasher, second, &registers[1], &facts[1])) {
        bool are_same;

        leave_out_windows(facts, registers);
        are_same = memcmp(&registers[0], &registers[1], sizeof(registers[0])) == 0;

        /* Boots that differ in a register differ in words; a boot does not differ from itself. */
        if ((!are_same && count_changes(arena, facts[0], facts[1]) == 0) ||
            count_changes(arena, facts[1], facts[1]) != 0) {
            __builtin_trap();
        }
    }
    hasher_free(hasher);
    arena_free(arena);
    return 0;
}
