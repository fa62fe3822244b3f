#include "bench.h"

#include <stdlib.h>
#include <time.h>

enum { MAX_SAMPLES = 20000, WARM_UP_US = 50000, ENOUGH_US = 400000 };

static double now_us(clockid_t clock)
{
    struct timespec ts;

    clock_gettime(clock, &ts);
    return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

double bench_thread_us(void)
{
    return now_us(CLOCK_THREAD_CPUTIME_ID);
}

double bench_wall_us(void)
{
    return now_us(CLOCK_MONOTONIC);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

struct cost bench_summary(double *values, size_t n)
{
    if (n == 0) {
        return (struct cost){0};
    }
    qsort(values, n, sizeof(*values), compare);
    return (struct cost){values[n / 2], values[n - 1 - n / 20], n};
}

/* What reading the clock takes. */
static double clock_us(clockid_t clock)
{
    double from = now_us(clock);

    for (int i = 0; i < 1000; i++) {
        now_us(clock);
    }
    return (now_us(clock) - from) / 1000;
}

struct cost bench_cpu(void (*run)(void *arg), void *arg)
{
    static double samples[MAX_SAMPLES];
    double overhead = clock_us(CLOCK_THREAD_CPUTIME_ID);
    double from = bench_thread_us();
    size_t runs = 0;
    size_t batch;
    size_t n = 0;
    double spent = 0;
    struct cost cost;

    while (runs < 10 || bench_thread_us() - from < WARM_UP_US) {
        run(arg);
        runs++;
    }
    batch = (size_t)(BENCH_SAMPLE_US / ((bench_thread_us() - from) / (double)runs)) + 1;
    runs = 0;
    while (n < MAX_SAMPLES && (runs < BENCH_MIN_RUNS || n < BENCH_MIN_RUNS || spent < ENOUGH_US)) {
        double used;

        from = bench_thread_us();
        for (size_t i = 0; i < batch; i++) {
            run(arg);
        }
        used = bench_thread_us() - from - overhead;
        spent += used;
        samples[n++] = used / (double)batch;
        runs += batch;
    }
    cost = bench_summary(samples, n);
    cost.runs = runs;
    return cost;
}

struct cost bench_process_cpu(void (*prepare)(void *arg), void (*run)(void *arg), void *arg)
{
    static double samples[BENCH_MIN_RUNS];
    double overhead = clock_us(CLOCK_PROCESS_CPUTIME_ID);
    struct cost cost;

    for (size_t n = 0; n < BENCH_WARM_UP_RUNS + BENCH_MIN_RUNS; n++) {
        double from;

        prepare(arg);
        from = now_us(CLOCK_PROCESS_CPUTIME_ID);
        run(arg);
        if (n >= BENCH_WARM_UP_RUNS) {
            samples[n - BENCH_WARM_UP_RUNS] = now_us(CLOCK_PROCESS_CPUTIME_ID) - from - overhead;
        }
    }
    cost = bench_summary(samples, BENCH_MIN_RUNS);
    cost.runs = BENCH_MIN_RUNS;
    return cost;
}
