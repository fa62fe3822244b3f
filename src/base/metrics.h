/*
 * metrics.h - counters, gauges and histograms in the OpenMetrics text form.
 *
 * Families are registered before threads start; after that counting is safe from any thread. A
 * family holds one series per set of label values; the number of series has a limit, because
 * label values could otherwise come from outside without end: what does not fit is counted under
 * the label value "other".
 */
#ifndef BASE_METRICS_H
#define BASE_METRICS_H

#include "base/buf.h"

enum {
    METRICS_MAX_FAMILIES = 64,
    METRICS_MAX_SERIES = 256, /* per family */
    METRICS_MAX_LABELS = 3,
    METRICS_MAX_BUCKETS = 16,
};

struct metrics;
struct metric;

struct metrics *metrics_new(void);
void metrics_free(struct metrics *metrics);
DEFINE_CLEANUP(struct metrics *, metrics_free)

/* Names without the suffix _total. labels: NULL-terminated names, or NULL. Strings are borrowed
 * and must be static. NULL when out of memory or past METRICS_MAX_FAMILIES. */
struct metric *metrics_counter(struct metrics *metrics, const char *name, const char *help,
                               const char *const *labels);
struct metric *metrics_gauge(struct metrics *metrics, const char *name, const char *help,
                             const char *const *labels);
/* bounds: ascending upper limits in seconds, n <= METRICS_MAX_BUCKETS; +Inf is added. */
struct metric *metrics_histogram(struct metrics *metrics, const char *name, const char *help,
                                 const char *const *labels, const double *bounds, size_t n);

/* values: as many as the family has labels; NULL without. A NULL metric is ignored. */
void metric_add(struct metric *metric, const char *const *values, uint64_t n);
void metric_set(struct metric *metric, const char *const *values, uint64_t value);
void metric_observe_us(struct metric *metric, const char *const *values, uint64_t microseconds);

/* The whole exposition, ending in "# EOF". */
void metrics_write(struct metrics *metrics, struct buf *out);

#endif
