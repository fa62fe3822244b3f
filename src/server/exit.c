#include "server/exit.h"

#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>

enum server_exit server_exit_of(err_t err)
{
    switch (err_category(err)) {
    case ERR_CAT_INPUT:
    case ERR_CAT_LIMIT:
    case ERR_CAT_AUTH:
    case ERR_CAT_NOT_FOUND:
    case ERR_CAT_CONFLICT:
        return SERVER_USAGE;
    case ERR_CAT_NONE:
    case ERR_CAT_UNAVAILABLE:
    case ERR_CAT_INTERNAL:
    default:
        return SERVER_FAILED;
    }
}

int server_complain(enum server_exit code, const char *fmt, ...)
{
    char text[1024], shown[1024];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    text_escape(span_str(text), shown, sizeof(shown));
    fprintf(stderr, "bootwarden-server: %s\n", shown);
    return code;
}

int server_fail_with(enum server_exit code, err_t err, const struct trail *trail)
{
    char words[TRAIL_WHERE_MAX + TRAIL_WHAT_MAX + 48];

    trail_format(trail, err, words, sizeof(words));
    return server_complain(code, "%s", words);
}

int server_fail(err_t err, const struct trail *trail)
{
    return server_fail_with(server_exit_of(err), err, trail);
}
