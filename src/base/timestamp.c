#include "base/timestamp.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* RFC 3339 has four digits for the year. */
static const int64_t first_second = -62167219200; /* 0000-01-01T00:00:00Z */
static const int64_t last_second = 253402300799;  /* 9999-12-31T23:59:59Z */

void timestamp_format(int64_t seconds, char *text, size_t size)
{
    time_t when = (time_t)seconds;
    struct tm tm;

    if (seconds < first_second || seconds > last_second || gmtime_r(&when, &tm) == NULL) {
        snprintf(text, size, "@%lld", (long long)seconds);
        return;
    }
    snprintf(text, size, "%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900, tm.tm_mon + 1,
             tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* Does text have the form of `shape`, where 0 stands for a digit? */
static bool has_shape(const char *text, const char *shape)
{
    for (; *shape != '\0'; text++, shape++) {
        bool fits = *shape == '0' ? *text >= '0' && *text <= '9' : *text == *shape;

        if (!fits) {
            return false;
        }
    }
    return *text == '\0';
}

static int number(const char *digits, int n)
{
    int value = 0;

    for (int i = 0; i < n; i++) {
        value = value * 10 + (digits[i] - '0');
    }
    return value;
}

static err_t civil_time(const char *text, bool has_time, int64_t *ret)
{
    struct tm tm = {.tm_year = number(text, 4) - 1900,
                    .tm_mon = number(text + 5, 2) - 1,
                    .tm_mday = number(text + 8, 2),
                    .tm_hour = has_time ? number(text + 11, 2) : 0,
                    .tm_min = has_time ? number(text + 14, 2) : 0,
                    .tm_sec = has_time ? number(text + 17, 2) : 0};
    const struct tm wanted = tm;
    /* A leap second is the first of the next minute: this clock has none. */
    bool is_leap = tm.tm_hour == 23 && tm.tm_min == 59 && tm.tm_sec == 60;
    int64_t seconds;

    tm.tm_sec -= is_leap;
    seconds = (int64_t)timegm(&tm);
    /* timegm turns February 30 into March: what it changed did not exist. */
    if (tm.tm_mon != wanted.tm_mon || tm.tm_mday != wanted.tm_mday ||
        tm.tm_hour != wanted.tm_hour || tm.tm_min != wanted.tm_min ||
        tm.tm_sec + is_leap != wanted.tm_sec) {
        return ERR_VALUE;
    }
    *ret = seconds + is_leap;
    return ERR_OK;
}

err_t timestamp_parse(const char *text, int64_t *ret)
{
    char *rest = NULL;
    long long seconds;

    if (has_shape(text, "0000-00-00T00:00:00Z")) {
        return civil_time(text, true, ret);
    }
    if (has_shape(text, "0000-00-00")) {
        return civil_time(text, false, ret);
    }
    text += *text == '@';
    /* strtoll would take spaces and a plus in front. */
    if (*text != '-' && (*text < '0' || *text > '9')) {
        return ERR_VALUE;
    }
    errno = 0;
    seconds = strtoll(text, &rest, 10);
    if (rest == text || *rest != '\0' || errno != 0) {
        return ERR_VALUE;
    }
    *ret = seconds;
    return ERR_OK;
}

int64_t timestamp_now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    return ts.tv_sec;
}

uint64_t timestamp_ticks_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000u + (uint64_t)ts.tv_nsec / 1000u;
}
