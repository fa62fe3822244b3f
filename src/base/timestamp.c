#include "base/timestamp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void timestamp_format(int64_t seconds, char *text, size_t size)
{
    time_t when = (time_t)seconds;
    struct tm tm;

    if (gmtime_r(&when, &tm) == NULL || strftime(text, size, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0) {
        snprintf(text, size, "@%lld", (long long)seconds);
    }
}

err_t timestamp_parse(const char *text, int64_t *ret)
{
    struct tm tm = {0};
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    char *rest = NULL;
    long long seconds;

    if (end == NULL) {
        tm = (struct tm){0};
        end = strptime(text, "%Y-%m-%d", &tm);
    }
    if (end != NULL && *end == '\0') {
        *ret = (int64_t)timegm(&tm);
        return ERR_OK;
    }
    text += *text == '@';
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
