/*
 * timestamp.h - seconds since 1970-01-01T00:00:00Z as people write them (RFC 3339, UTC).
 */
#ifndef BASE_TIMESTAMP_H
#define BASE_TIMESTAMP_H

#include "base/err.h"

enum { TIMESTAMP_SIZE = 32 };

/* "2026-11-22T01:24:40Z"; "@SECONDS" outside the years 0000 to 9999. size at least
 * TIMESTAMP_SIZE. timestamp_parse reads both back. */
void timestamp_format(int64_t seconds, char *text, size_t size);
/* "2026-11-22T01:24:40Z", "2026-11-22" (midnight) or a plain count of seconds ("@" optional).
 * ERR_VALUE for anything else: other spellings, days that no calendar has. */
err_t timestamp_parse(const char *text, int64_t *ret) MUST_CHECK;
/* The clock of this machine. Only programs and the http room ask; judgement takes time as input. */
int64_t timestamp_now(void);
/* Monotonic microseconds, for durations. */
uint64_t timestamp_ticks_us(void);

#endif
