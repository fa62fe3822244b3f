/*
 * functions-date.c - times: ISO 8601 in, ISO 8601 or a .NET custom format out, always UTC.
 */
#include "template/functions.h"
#include "template/internal.h"

#include "base/buf.h"
#include "base/timestamp.h"

#include <stdio.h>
#include <time.h>

static const int64_t first_second = -62135596800; /* year 1 */
static const int64_t last_second = 253402300799;  /* year 9999 */

static err_t check_range(struct call *call, int64_t seconds)
{
    return seconds < first_second || seconds > last_second
               ? arm_call_fail(call, "the time is outside the years 1 to 9999")
               : ERR_OK;
}

/* ---- in ---- */

static bool read_digits(struct span text, size_t *at, size_t n, int *ret)
{
    int value = 0;

    for (size_t i = 0; i < n; i++, (*at)++) {
        if (*at >= text.len || text.data[*at] < '0' || text.data[*at] > '9') {
            return false;
        }
        value = value * 10 + (text.data[*at] - '0');
    }
    *ret = value;
    return true;
}

static void skip_one(struct span text, size_t *at, const char *any)
{
    if (*at < text.len && strchr(any, text.data[*at]) != NULL) {
        (*at)++;
    }
}

/* ".123", which is dropped, then "Z", "+01:00" or nothing, which is UTC. */
static bool read_zone(struct span text, size_t *at, int64_t *ret_offset)
{
    int hours = 0, minutes = 0;
    int sign;

    if (*at < text.len && text.data[*at] == '.') {
        for ((*at)++; *at < text.len && text.data[*at] >= '0' && text.data[*at] <= '9';) {
            (*at)++;
        }
    }
    *ret_offset = 0;
    if (*at == text.len) {
        return true;
    }
    if (text.data[*at] == 'Z' || text.data[*at] == 'z') {
        return ++(*at) == text.len;
    }
    if (text.data[*at] != '+' && text.data[*at] != '-') {
        return false;
    }
    sign = text.data[(*at)++] == '-' ? -1 : 1;
    if (!read_digits(text, at, 2, &hours)) {
        return false;
    }
    skip_one(text, at, ":");
    if (!read_digits(text, at, 2, &minutes) || hours > 14 || minutes > 59) {
        return false;
    }
    *ret_offset = (int64_t)sign * (hours * 3600 + minutes * 60);
    return *at == text.len;
}

/* "2020-04-07T14:53:14Z", "2020-04-07 14:53:14Z", "20200407T145314Z", "2020-04-07" */
static bool read_time(struct span text, int64_t *ret)
{
    int y = 0, mo = 0, d = 0, h = 0, mi = 0, s = 0;
    char canonical[80];
    int64_t offset = 0;
    size_t at = 0;
    bool is_good = read_digits(text, &at, 4, &y);

    skip_one(text, &at, "-");
    is_good = is_good && read_digits(text, &at, 2, &mo);
    skip_one(text, &at, "-");
    is_good = is_good && read_digits(text, &at, 2, &d);
    if (is_good && at < text.len) {
        skip_one(text, &at, "Tt ");
        is_good = read_digits(text, &at, 2, &h);
        skip_one(text, &at, ":");
        is_good = is_good && read_digits(text, &at, 2, &mi);
        skip_one(text, &at, ":");
        is_good = is_good && read_digits(text, &at, 2, &s) && read_zone(text, &at, &offset);
    }
    if (!is_good) {
        return false;
    }
    snprintf(canonical, sizeof(canonical), "%04d-%02d-%02dT%02d:%02d:%02dZ", y, mo, d, h, mi, s);
    if (timestamp_parse(canonical, ret) != ERR_OK) {
        return false;
    }
    *ret -= offset;
    return true;
}

enum {
    TIME_STEPS = 40, /* reading a time, or writing one */
    PART_STEPS = 4   /* each byte of a format */
};

static err_t need_time(struct call *call, int64_t *ret)
{
    arm_work_use(call->w, TIME_STEPS);
    if (!read_time(call_text(call, 0), ret)) {
        return arm_call_fail(call, "argument 1 is not a time as 2020-04-07T14:53:14Z");
    }
    return check_range(call, *ret);
}

struct duration {
    int64_t months, seconds;
};

/* "P3Y6M4DT12H30M5S", "-PT1H", "P1W" */
static bool read_duration(struct span text, struct duration *ret)
{
    static const struct {
        uint8_t letter;
        bool is_time;
        int64_t months, seconds;
    } units[] = {
        {'Y', false, 12, 0},  {'M', false, 1, 0}, {'W', false, 0, 604800}, {'D', false, 0, 86400},
        {'H', true, 0, 3600}, {'M', true, 0, 60}, {'S', true, 0, 1},
    };
    struct duration sum = {0};
    size_t at = 0;
    bool is_time = false;
    int64_t sign = 1;
    size_t n = 0;

    if (at < text.len && (text.data[at] == '-' || text.data[at] == '+')) {
        sign = text.data[at++] == '-' ? -1 : 1;
    }
    if (at >= text.len || text.data[at++] != 'P') {
        return false;
    }
    while (at < text.len) {
        int64_t value = 0;
        size_t from = at;
        size_t unit = 0;

        if (text.data[at] == 'T' && !is_time) {
            is_time = true;
            at++;
            from = at;
        }
        for (; at < text.len && text.data[at] >= '0' && text.data[at] <= '9'; at++) {
            value = value * 10 + (text.data[at] - '0');
            if (at - from > 9) {
                return false;
            }
        }
        while (unit < ARRAY_LEN(units) && !(at < text.len && units[unit].letter == text.data[at] &&
                                            units[unit].is_time == is_time)) {
            unit++;
        }
        if (at == from || unit == ARRAY_LEN(units) || ++n > ARRAY_LEN(units)) {
            return false;
        }
        at++;
        sum.months += sign * value * units[unit].months;
        sum.seconds += sign * value * units[unit].seconds;
    }
    *ret = sum;
    return n > 0;
}

/* ---- out ---- */

static void add_number(struct buf *out, int value, size_t width)
{
    buf_addf(out, "%0*d", (int)width, value);
}

static bool add_date_part(struct buf *out, const struct tm *tm, uint8_t letter, size_t n)
{
    static const char *const days[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                       "Thursday", "Friday", "Saturday"};
    static const char *const months[] = {"January",   "February", "March",    "April",
                                         "May",       "June",     "July",     "August",
                                         "September", "October",  "November", "December"};
    const char *name = letter == 'd' ? days[tm->tm_wday] : months[tm->tm_mon];
    int hour = tm->tm_hour % 12 == 0 ? 12 : tm->tm_hour % 12;

    if ((letter == 'd' || letter == 'M') && n >= 3) {
        buf_add(out, span_cut(span_str(name), 0, n == 3 ? 3 : strlen(name)));
        return true;
    }
    switch (letter) {
    case 'y':
        add_number(out, n <= 2 ? (tm->tm_year + 1900) % 100 : tm->tm_year + 1900, n);
        return true;
    case 'M':
        add_number(out, tm->tm_mon + 1, n);
        return true;
    case 'd':
        add_number(out, tm->tm_mday, n);
        return true;
    case 'H':
        add_number(out, tm->tm_hour, n);
        return true;
    case 'h':
        add_number(out, hour, n);
        return true;
    case 'm':
        add_number(out, tm->tm_min, n);
        return true;
    case 's':
        add_number(out, tm->tm_sec, n);
        return true;
    case 'f':
    case 'F':
        for (; letter == 'f' && n > 0; n--) {
            buf_add_char(out, '0'); /* this clock has whole seconds */
        }
        return true;
    case 't':
        buf_add_str(out, n == 1 ? (tm->tm_hour < 12 ? "A" : "P") : tm->tm_hour < 12 ? "AM" : "PM");
        return true;
    case 'z':
        buf_add_str(out, n == 1 ? "+0" : n == 2 ? "+00" : "+00:00");
        return true;
    case 'K':
        buf_add_char(out, 'Z');
        return true;
    default:
        return false;
    }
}

/* One letter stands for a whole format. */
static struct span standard_format(struct span format)
{
    static const struct {
        char letter;
        const char *format;
    } all[] = {
        {'d', "MM/dd/yyyy"},
        {'D', "dddd, dd MMMM yyyy"},
        {'s', "yyyy-MM-ddTHH:mm:ss"},
        {'u', "yyyy-MM-dd HH:mm:ssZ"},
        {'o', "yyyy-MM-ddTHH:mm:ss.fffffffK"},
        {'O', "yyyy-MM-ddTHH:mm:ss.fffffffK"},
        {'R', "ddd, dd MMM yyyy HH:mm:ss 'GMT'"},
        {'r', "ddd, dd MMM yyyy HH:mm:ss 'GMT'"},
        {'t', "HH:mm"},
        {'T', "HH:mm:ss"},
        {'g', "MM/dd/yyyy HH:mm"},
        {'G', "MM/dd/yyyy HH:mm:ss"},
        {'f', "dddd, dd MMMM yyyy HH:mm"},
        {'F', "dddd, dd MMMM yyyy HH:mm:ss"},
    };

    for (size_t i = 0; format.len == 1 && i < ARRAY_LEN(all); i++) {
        if (format.data[0] == (uint8_t)all[i].letter) {
            return span_str(all[i].format);
        }
    }
    return format;
}

err_t arm_format_date(struct call *call, struct span format, int64_t seconds, struct value *ret)
{
    CLEANUP(buf_done) struct buf out = {0};
    time_t when = (time_t)seconds;
    struct tm tm;
    err_t err = check_range(call, seconds);

    if (err || gmtime_r(&when, &tm) == NULL) {
        return err ? err : ERR_INTERNAL;
    }
    format = standard_format(format);
    if (format.len > 256) {
        return arm_call_fail(call, "the format of a time has at most 256 bytes");
    }
    arm_work_use(call->w, TIME_STEPS + format.len * PART_STEPS);
    buf_init(&out, TEMPLATE_MAX_ID);
    for (size_t i = 0; i < format.len;) {
        uint8_t c = format.data[i];
        size_t n = 1;

        if (c == '\'' || c == '"') {
            for (i++; i < format.len && format.data[i] != c; i++) {
                buf_add_char(&out, (char)format.data[i]);
            }
            i++;
            continue;
        }
        if (c == '\\' || c == '%') {
            i++;
            if (c == '\\' && i < format.len) {
                buf_add_char(&out, (char)format.data[i++]);
            }
            continue;
        }
        while (i + n < format.len && format.data[i + n] == c && n < 7) {
            n++;
        }
        if (!add_date_part(&out, &tm, c, n)) {
            buf_add(&out, span_cut(format, i, n));
        }
        i += n;
    }
    err = buf_err(&out);
    return err ? err : arm_work_copy(call->w, buf_span(&out), ret);
}

/* ---- the functions ---- */

static const char iso_format[] = "yyyy-MM-ddTHH:mm:ssZ";

err_t arm_utcnow(struct call *call, struct value *ret)
{
    struct span format = call->n > 0 ? call_text(call, 0) : span_str("yyyyMMddTHHmmssZ");

    return arm_format_date(call, format, call->eval->t->scope.now, ret);
}

err_t arm_datetimefromepoch(struct call *call, struct value *ret)
{
    return arm_format_date(call, span_str(iso_format), call->arguments[0].integer, ret);
}

err_t arm_datetimetoepoch(struct call *call, struct value *ret)
{
    int64_t seconds = 0;
    err_t err = need_time(call, &seconds);

    *ret = value_int(seconds);
    return err;
}

/* Months first, cut to the days that the month has; then what has a fixed length. */
static int64_t add_duration(int64_t seconds, struct duration duration)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    time_t when = (time_t)seconds;
    int64_t month;
    struct tm tm;
    int64_t year;
    int length;

    if (gmtime_r(&when, &tm) == NULL) {
        return INT64_MAX;
    }
    month = ((int64_t)tm.tm_year + 1900) * 12 + tm.tm_mon + duration.months;
    year = month / 12;
    if (month < 12 || year > 9999) {
        return INT64_MAX;
    }
    tm.tm_year = (int)(year - 1900);
    tm.tm_mon = (int)(month % 12);
    length = lengths[tm.tm_mon] +
             (tm.tm_mon == 1 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 1 : 0);
    tm.tm_mday = tm.tm_mday < length ? tm.tm_mday : length;
    return (int64_t)timegm(&tm) + duration.seconds;
}

err_t arm_datetimeadd(struct call *call, struct value *ret)
{
    struct span format = call->n > 2 ? call_text(call, 2) : span_str(iso_format);
    struct duration duration = {0};
    int64_t seconds = 0;
    err_t err = need_time(call, &seconds);

    if (err == ERR_OK && !read_duration(call_text(call, 1), &duration)) {
        err = arm_call_fail(call, "argument 2 is not a duration as P3Y6M4DT12H30M5S");
    }
    return err ? err : arm_format_date(call, format, add_duration(seconds, duration), ret);
}
