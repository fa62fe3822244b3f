/*
 * bench.h - what each step of an attestation costs, beside what OpenSSL alone takes for it here.
 *
 * A figure is CPU time of this thread: the median and the 95th percentile of at least
 * BENCH_MIN_RUNS runs after warming up. Runs shorter than BENCH_SAMPLE_US are timed several at a
 * time. Every figure of ours names the primitives it cannot do without, measured in the same
 * process a moment before, and is printed with its ratio to their sum: the ratio says how well we
 * do, on any machine. Budgets are printed beside; nothing is asserted.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include "appraise/appraise.h"
#include "support/fabricate.h"

enum { BENCH_MIN_RUNS = 1000, BENCH_WARM_UP_RUNS = 50, BENCH_SAMPLE_US = 20, BENCH_MAX_PARTS = 12 };

struct cost {
    double median_us, p95_us;
    size_t runs;
};

/* run(arg), again and again. */
struct cost bench_cpu(void (*run)(void *arg), void *arg);
/* The same with the CPU time of all threads: for what hands work over. prepare(arg) comes before
 * each run and is not in the figure. */
struct cost bench_process_cpu(void (*prepare)(void *arg), void (*run)(void *arg), void *arg);
/* Median and 95th percentile of values, which are sorted. */
struct cost bench_summary(double *values, size_t n);
/* CPU time of this thread / wall clock, in microseconds. */
double bench_thread_us(void);
double bench_wall_us(void);

/* ---- primitives.c: OpenSSL and nothing else, with everything that can be prepared prepared ----
 */

enum primitive {
    PRIMITIVE_SHA256_64, /* two blocks: an extend */
    PRIMITIVE_SHA256_16K,
    PRIMITIVE_RSA2048_VERIFY,
    PRIMITIVE_RSA3072_VERIFY,
    PRIMITIVE_RSA2048_SIGN,
    PRIMITIVE_P256_SIGN,
    PRIMITIVE_RSA2048_ENCRYPT,
    PRIMITIVE_AES_GCM_4K,
    PRIMITIVE_TLS_HANDSHAKE, /* TLS 1.3, the server's half, P-256 certificate */
    PRIMITIVE_COUNT
};
const char *primitive_name(enum primitive primitive);
struct cost primitive_measure(enum primitive primitive);
/* Hash each of the spans once, in one bank. */
double primitive_hash_us(enum hash_alg bank, const struct span *spans, size_t n);

/* ---- inputs.c: one recorded boot, and the request that its guest would send ---- */

struct inputs {
    struct arena *arena;
    int64_t now; /* the server's clock is not ours to set */
    struct fabricated *guest;
    struct span log, pcrs;
    struct eventlog *parsed;
    struct readings *readings;
    struct evidence *folder; /* of the boot, with its one RSA quote */
    struct tpm_name folder_ak;
    struct cert_store *ek_roots; /* of the folder */
    struct cert_store *ak_roots; /* of the guest */
    struct span inner, body;     /* the request */
    uint64_t clock_ms;           /* of the TPM, at its last quote */
    struct span *covered;        /* data that digest rules cover, as each bank hashes it */
    size_t n_covered, covered_bytes;
};
struct inputs *inputs_make(void);
/* The body of a further request: its TPM's clock has moved on, so that it is no copy. */
struct span inputs_next(struct inputs *in, struct arena *arena);
void inputs_free(struct inputs *in);
/* A folder of ours with all that is in it. */
void bench_remove(struct arena *arena, const char *path);

/* ---- figures ---- */

struct part {
    enum primitive primitive; /* PRIMITIVE_COUNT: us is given */
    double count;
    double us;
    const char *text; /* "117 x sha256(64 B)" */
};
struct figure {
    const char *name;
    struct cost cost;
    struct part parts[BENCH_MAX_PARTS];
    size_t n_parts;
    const char *budget; /* "" */
};
enum { BENCH_MAX_FIGURES = 64 };
struct figures {
    struct cost primitives[PRIMITIVE_COUNT];
    struct figure items[BENCH_MAX_FIGURES];
    size_t n;
};
struct figure *figures_add(struct figures *all, const char *name, struct cost cost,
                           const char *budget);
/* The sum of its parts. */
double figure_needed_us(const struct figures *all, const struct figure *figure);
double figures_needed_us(const struct figures *all, const char *name);
/* "" or ", over", as its first number says; a budget is that of the reference machine. */
const char *budget_state(const char *budget, double us);
void figure_part(struct figure *figure, enum primitive primitive, double count);
void figure_hash(struct inputs *in, struct figure *figure, enum hash_alg bank,
                 const struct span *spans, size_t n, const char *what);

/* verify.c: from the quote to the verdict, in process. */
void bench_verify(struct inputs *in, struct figures *all);
/* logs.c: logs of the public corpora, where they are. Prints what memory they take. */
void bench_logs(struct inputs *in, struct figures *all);
/* policies.c: compiling and evaluating. */
void bench_policies(struct inputs *in, struct figures *all);
/* templates.c: reading, opening and all bodies. */
void bench_templates(struct inputs *in, struct figures *all);
/* request.c: from the body to the sealed reply, in process, without and with the service. */
void bench_request(struct inputs *in, struct figures *all);
/* served.c: the same through the server, over TLS. Prints its own lines. */
void bench_served(struct inputs *in, const struct figures *all, const char *server);

#endif
