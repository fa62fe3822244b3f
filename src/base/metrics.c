#include "base/metrics.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind { COUNTER, GAUGE, HISTOGRAM };

struct series {
    char *values[METRICS_MAX_LABELS];
    _Atomic uint64_t value; /* of a histogram: the sum, in microseconds */
    _Atomic uint64_t count;
    _Atomic uint64_t buckets[METRICS_MAX_BUCKETS]; /* not cumulative */
};

struct metric {
    enum kind kind;
    const char *name, *help;
    const char *labels[METRICS_MAX_LABELS];
    size_t n_labels;
    double bounds[METRICS_MAX_BUCKETS];
    size_t n_bounds;
    /* Appended under the lock, never moved or removed: n_series is the publication. */
    struct series *series[METRICS_MAX_SERIES + 1]; /* the last one is "other" */
    _Atomic size_t n_series;
    pthread_mutex_t lock;
};

struct metrics {
    struct metric *families[METRICS_MAX_FAMILIES];
    size_t n;
};

struct metrics *metrics_new(void)
{
    return calloc(1, sizeof(struct metrics));
}

void metrics_free(struct metrics *metrics)
{
    for (size_t i = 0; metrics != NULL && i < metrics->n; i++) {
        struct metric *metric = metrics->families[i];

        for (size_t s = 0; s < metric->n_series; s++) {
            for (size_t l = 0; l < METRICS_MAX_LABELS; l++) {
                free(metric->series[s]->values[l]);
            }
            free(metric->series[s]);
        }
        pthread_mutex_destroy(&metric->lock);
        free(metric);
    }
    free(metrics);
}

static struct metric *add_family(struct metrics *metrics, enum kind kind, const char *name,
                                 const char *help, const char *const *labels)
{
    struct metric *metric;

    if (metrics == NULL || metrics->n == METRICS_MAX_FAMILIES) {
        return NULL;
    }
    metric = calloc(1, sizeof(*metric));
    if (metric == NULL) {
        return NULL;
    }
    metric->kind = kind;
    metric->name = name;
    metric->help = help;
    while (labels != NULL && labels[metric->n_labels] != NULL &&
           metric->n_labels < METRICS_MAX_LABELS) {
        metric->labels[metric->n_labels] = labels[metric->n_labels];
        metric->n_labels++;
    }
    pthread_mutex_init(&metric->lock, NULL);
    metrics->families[metrics->n++] = metric;
    return metric;
}

struct metric *metrics_counter(struct metrics *metrics, const char *name, const char *help,
                               const char *const *labels)
{
    return add_family(metrics, COUNTER, name, help, labels);
}

struct metric *metrics_gauge(struct metrics *metrics, const char *name, const char *help,
                             const char *const *labels)
{
    return add_family(metrics, GAUGE, name, help, labels);
}

struct metric *metrics_histogram(struct metrics *metrics, const char *name, const char *help,
                                 const char *const *labels, const double *bounds, size_t n)
{
    struct metric *metric = add_family(metrics, HISTOGRAM, name, help, labels);

    for (size_t i = 0; metric != NULL && i < n && i < METRICS_MAX_BUCKETS; i++) {
        metric->bounds[metric->n_bounds++] = bounds[i];
    }
    return metric;
}

static bool is_series(const struct metric *metric, const struct series *series,
                      const char *const *values)
{
    for (size_t i = 0; i < metric->n_labels && i < METRICS_MAX_LABELS; i++) {
        if (strcmp(series->values[i], values[i]) != 0) {
            return false;
        }
    }
    return true;
}

static struct series *search(struct metric *metric, const char *const *values)
{
    size_t n = atomic_load_explicit(&metric->n_series, memory_order_acquire);

    for (size_t i = 0; i < n; i++) {
        if (is_series(metric, metric->series[i], values)) {
            return metric->series[i];
        }
    }
    return NULL;
}

/* Called under the lock. */
static struct series *append(struct metric *metric, const char *const *values)
{
    struct series *series = calloc(1, sizeof(*series));
    size_t n = metric->n_series;
    bool is_good = series != NULL;

    for (size_t i = 0; is_good && i < metric->n_labels && i < METRICS_MAX_LABELS; i++) {
        series->values[i] = strdup(values[i]);
        is_good = series->values[i] != NULL;
    }
    if (!is_good) {
        for (size_t i = 0; series != NULL && i < METRICS_MAX_LABELS; i++) {
            free(series->values[i]);
        }
        free(series);
        return NULL;
    }
    metric->series[n] = series;
    atomic_store_explicit(&metric->n_series, n + 1, memory_order_release);
    return series;
}

static struct series *find(struct metric *metric, const char *const *values)
{
    static const char *const other[METRICS_MAX_LABELS] = {"other", "other", "other"};
    struct series *series = search(metric, values);

    if (series != NULL) {
        return series;
    }
    pthread_mutex_lock(&metric->lock);
    if (metric->n_series >= METRICS_MAX_SERIES) {
        values = other;
    }
    series = search(metric, values);
    if (series == NULL) {
        series = append(metric, values);
    }
    pthread_mutex_unlock(&metric->lock);
    return series;
}

void metric_add(struct metric *metric, const char *const *values, uint64_t n)
{
    struct series *series = metric == NULL ? NULL : find(metric, values);

    if (series != NULL) {
        atomic_fetch_add_explicit(&series->value, n, memory_order_relaxed);
    }
}

void metric_set(struct metric *metric, const char *const *values, uint64_t value)
{
    struct series *series = metric == NULL ? NULL : find(metric, values);

    if (series != NULL) {
        atomic_store_explicit(&series->value, value, memory_order_relaxed);
    }
}

void metric_observe_us(struct metric *metric, const char *const *values, uint64_t microseconds)
{
    struct series *series = metric == NULL ? NULL : find(metric, values);
    double seconds = (double)microseconds / 1e6;

    if (series == NULL) {
        return;
    }
    for (size_t i = 0; i < metric->n_bounds; i++) {
        if (seconds <= metric->bounds[i]) {
            atomic_fetch_add_explicit(&series->buckets[i], 1, memory_order_relaxed);
            break;
        }
    }
    atomic_fetch_add_explicit(&series->value, microseconds, memory_order_relaxed);
    atomic_fetch_add_explicit(&series->count, 1, memory_order_relaxed);
}

/* Label values: backslash, quote and line feed escaped (OpenMetrics 1.0, ABNF escaped-string). */
static void write_labels(struct buf *out, const struct metric *metric, const struct series *series,
                         const char *le)
{
    const char *separator = "{";

    for (size_t i = 0; i < metric->n_labels; i++) {
        buf_addf(out, "%s%s=\"", separator, metric->labels[i]);
        for (const char *c = series->values[i]; *c != '\0'; c++) {
            if (*c == '\n') {
                buf_add_str(out, "\\n");
            } else {
                if (*c == '"' || *c == '\\') {
                    buf_add_char(out, '\\');
                }
                buf_add_char(out, *c);
            }
        }
        buf_add_char(out, '"');
        separator = ",";
    }
    if (le != NULL) {
        buf_addf(out, "%sle=\"%s\"", separator, le);
        separator = ",";
    }
    if (*separator == ',') {
        buf_add_char(out, '}');
    }
}

static void write_histogram(struct buf *out, const struct metric *metric,
                            const struct series *series)
{
    uint64_t below = 0;
    uint64_t count = atomic_load_explicit(&series->count, memory_order_relaxed);
    uint64_t sum = atomic_load_explicit(&series->value, memory_order_relaxed);
    char le[32];

    for (size_t i = 0; i < metric->n_bounds; i++) {
        below += atomic_load_explicit(&series->buckets[i], memory_order_relaxed);
        snprintf(le, sizeof(le), "%g", metric->bounds[i]);
        buf_addf(out, "%s_bucket", metric->name);
        write_labels(out, metric, series, le);
        buf_addf(out, " %" PRIu64 "\n", below);
    }
    /* Counted a moment later than the buckets: never less than they are. */
    count = count < below ? below : count;
    buf_addf(out, "%s_bucket", metric->name);
    write_labels(out, metric, series, "+Inf");
    buf_addf(out, " %" PRIu64 "\n%s_count", count, metric->name);
    write_labels(out, metric, series, NULL);
    buf_addf(out, " %" PRIu64 "\n%s_sum", count, metric->name);
    write_labels(out, metric, series, NULL);
    buf_addf(out, " %.6f\n", (double)sum / 1e6);
}

static void write_family(struct buf *out, struct metric *metric)
{
    static const char *const types[] = {"counter", "gauge", "histogram"};
    size_t n = atomic_load_explicit(&metric->n_series, memory_order_acquire);

    buf_addf(out, "# TYPE %s %s\n# HELP %s %s\n", metric->name, types[metric->kind], metric->name,
             metric->help);
    for (size_t i = 0; i < n; i++) {
        const struct series *series = metric->series[i];

        if (metric->kind == HISTOGRAM) {
            write_histogram(out, metric, series);
            continue;
        }
        buf_addf(out, "%s%s", metric->name, metric->kind == COUNTER ? "_total" : "");
        write_labels(out, metric, series, NULL);
        buf_addf(out, " %" PRIu64 "\n", atomic_load_explicit(&series->value, memory_order_relaxed));
    }
}

void metrics_write(struct metrics *metrics, struct buf *out)
{
    for (size_t i = 0; i < metrics->n; i++) {
        write_family(out, metrics->families[i]);
    }
    buf_add_str(out, "# EOF\n");
}
