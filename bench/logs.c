/*
 * logs.c - real logs of the public corpora: what reading, replay and facts cost, and how much
 * memory they take for each byte of log.
 */
#include "bench.h"

#include "base/file.h"
#include "facts/facts.h"
#include "support/reference.h"
#include "support/support.h"

#include <stdio.h>

enum { ARENA_BYTES = 64 * 1024 * 1024 };

static const struct {
    const char *name, *file;
} logs[] = {
    {"Ubuntu 24.04, 117 events", "go-tpm-tools-ubuntu-2404-amd-sevsnp.bin"},
    {"a server, 204 events", "tpm2-tss-binary_measurements_hcrtm.bin"},
    {"the largest, 153 events", "keylime-perf-tests-uefi_log.bin"},
};

struct log_run {
    struct arena *arena;
    struct hasher *hasher;
    struct span bytes;
    struct eventlog *parsed;
    enum hash_alg bank;
};

static void run_read(void *arg)
{
    struct log_run *l = arg;
    struct eventlog *log;

    arena_reset(l->arena);
    assert_ok(eventlog_read(l->arena, l->bytes, NULL, &log));
}

static void run_replay(void *arg)
{
    struct log_run *l = arg;
    struct eventlog_registers registers;

    assert_ok(eventlog_replay(l->parsed, l->bank, l->hasher, NULL, &registers));
}

/* As an appraisal does: banks that the quote does not cover are dropped first. */
static void run_all(void *arg)
{
    struct log_run *l = arg;
    struct eventlog_registers registers;
    struct eventlog *whole, *log;
    struct readings *readings;
    struct boot_facts *facts;

    arena_reset(l->arena);
    assert_ok(eventlog_read(l->arena, l->bytes, NULL, &whole));
    assert_ok(eventlog_keep(l->arena, whole, UINT32_MAX, 1u << l->bank, &log));
    assert_ok(eventlog_replay(log, l->bank, l->hasher, NULL, &registers));
    assert_ok(readings_make(l->arena, log, l->hasher, &readings));
    assert_ok(boot_facts_make(l->arena, readings, test_reference(), l->hasher, &facts));
}

static const char *say(struct inputs *in, const char *what, const char *log)
{
    char *text = arena_printf(in->arena, "%s: %s", log, what);

    assert_non_null(text);
    return text;
}

/* What the digest rules look at must be hashed once. */
static void add_parts(struct inputs *in, struct figure *figure, struct log_run *l)
{
    struct readings *readings;
    struct span *covered;
    size_t n = 0;
    size_t extends = 0;

    assert_ok(readings_make(in->arena, l->parsed, l->hasher, &readings));
    covered = arena_calloc(in->arena, readings->n, sizeof(*covered));
    assert_non_null(covered);
    for (size_t i = 0; i < readings->n; i++) {
        extends += readings->items[i].role != ROLE_NONE;
        if (readings->items[i].role != ROLE_NONE && readings->items[i].match == READING_MATCHES) {
            covered[n++] = readings->items[i].event->data;
        }
    }
    figure_part(figure, PRIMITIVE_SHA256_64, (double)extends);
    figure_hash(in, figure, l->bank, covered, n, "events");
}

static void bench_log(struct inputs *in, struct figures *all, struct log_run *l, const char *name)
{
    size_t used;

    figures_add(all, say(in, "parse", name), bench_cpu(run_read, l), "");
    figures_add(all, say(in, "replay SHA-256, no allocation", name), bench_cpu(run_replay, l), "");
    add_parts(in,
              figures_add(all, say(in, "parse, replay, readings, facts of one bank", name),
                          bench_cpu(run_all, l), ""),
              l);
    used = arena_used(l->arena);
    printf("%s: log of %zu B, %zu B of memory for all of it (%.1f for each byte)\n", name,
           l->bytes.len, used, (double)used / (double)l->bytes.len);
}

void bench_logs(struct inputs *in, struct figures *all)
{
    if (test_public_data() == NULL) {
        printf("no public corpora: their logs are not measured\n");
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(logs); i++) {
        struct log_run l = {.arena = arena_new(ARENA_BYTES), .hasher = hasher_new()};

        assert_non_null(l.arena);
        assert_non_null(l.hasher);
        l.bytes =
            test_public_file(in->arena, arena_printf(in->arena, "eventlogs/logs/%s", logs[i].file));
        assert_ok(eventlog_read(in->arena, l.bytes, NULL, &l.parsed));
        l.bank = eventlog_bank(l.parsed, HASH_SHA256) >= 0 ? HASH_SHA256 : HASH_SHA1;
        bench_log(in, all, &l, logs[i].name);
        hasher_free(l.hasher);
        arena_free(l.arena);
    }
    printf("\n");
}
