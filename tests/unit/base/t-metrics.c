#include "support/support.h"

#include "base/metrics.h"

#include <pthread.h>
#include <string.h>

static const char *const labels[] = {"route", "status", NULL};

static void expect_line(struct metrics *metrics, const char *line)
{
    CLEANUP(buf_done) struct buf text = {0};

    buf_init(&text, 1u << 20);
    metrics_write(metrics, &text);
    if (strstr(buf_cstr(&text), line) == NULL) {
        fail_msg("no '%s' in:\n%.2000s", line, buf_cstr(&text));
    }
    /* OpenMetrics 1.0: the last line, and nothing behind it. */
    assert_string_equal(buf_cstr(&text) + text.len - 6, "# EOF\n");
}

static void escapes_label_values(void **state)
{
    CLEANUP(metrics_free) struct metrics *metrics = metrics_new();
    struct metric *m = metrics_counter(metrics, "a", "An a.", labels);
    const char *values[] = {"q\"b\\n\n", "200"};

    (void)state;
    metric_add(m, values, 3);
    expect_line(metrics, "a_total{route=\"q\\\"b\\\\n\\n\",status=\"200\"} 3\n");
}

static void bounds_the_number_of_series(void **state)
{
    CLEANUP(metrics_free) struct metrics *metrics = metrics_new();
    struct metric *m = metrics_counter(metrics, "a", "An a.", labels);

    (void)state;
    for (int i = 0; i < METRICS_MAX_SERIES + 50; i++) {
        char name[16];
        const char *values[] = {name, "200"};

        snprintf(name, sizeof(name), "r%d", i);
        metric_add(m, values, 1);
    }
    expect_line(metrics, "a_total{route=\"other\",status=\"other\"} 50\n");
    metric_add(NULL, NULL, 1); /* no memory at registration: not counted, not fatal */
}

static void adds_buckets_up(void **state)
{
    static const double bounds[] = {0.001, 0.01};
    CLEANUP(metrics_free) struct metrics *metrics = metrics_new();
    struct metric *m = metrics_histogram(metrics, "d", "A d.", NULL, bounds, 2);

    (void)state;
    metric_observe_us(m, NULL, 500);
    metric_observe_us(m, NULL, 1000);
    metric_observe_us(m, NULL, 5000);
    metric_observe_us(m, NULL, 1000000);
    expect_line(metrics, "d_bucket{le=\"0.001\"} 2\nd_bucket{le=\"0.01\"} 3\n"
                         "d_bucket{le=\"+Inf\"} 4\nd_count 4\nd_sum 1.006500\n");
}

static void sets_gauges(void **state)
{
    CLEANUP(metrics_free) struct metrics *metrics = metrics_new();
    struct metric *m = metrics_gauge(metrics, "g", "A g.", NULL);

    (void)state;
    metric_set(m, NULL, 7);
    metric_set(m, NULL, 5);
    expect_line(metrics, "# TYPE g gauge\n# HELP g A g.\ng 5\n");
}

static void *count(void *context)
{
    for (int i = 0; i < 1000; i++) {
        char status[8];
        const char *values[] = {"r", status};

        snprintf(status, sizeof(status), "%d", i % 10);
        metric_add(context, values, 1);
    }
    return NULL;
}

static void counts_from_many_threads(void **state)
{
    CLEANUP(metrics_free) struct metrics *metrics = metrics_new();
    struct metric *m = metrics_counter(metrics, "a", "An a.", labels);
    pthread_t threads[4];

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, count, m), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    expect_line(metrics, "a_total{route=\"r\",status=\"7\"} 400\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escapes_label_values),     cmocka_unit_test(bounds_the_number_of_series),
        cmocka_unit_test(adds_buckets_up),          cmocka_unit_test(sets_gauges),
        cmocka_unit_test(counts_from_many_threads),
    };

    return RUN_TESTS(tests);
}
