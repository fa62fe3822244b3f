#include "access/reason.h"

#include "base/defs.h"
#include "base/text.h"

enum { PATH_SHOWN_MAX = 256 };

static const struct {
    const char *name, *text;
} reasons[] = {
#define X(code, word, sentence) [ACCESS_##code] = {word, sentence},
    ACCESS_REASONS(X)
#undef X
};

const char *access_reason_name(enum access_reason reason)
{
    return (unsigned)reason < ARRAY_LEN(reasons) ? reasons[reason].name : "fault";
}

const char *access_reason_text(enum access_reason reason)
{
    return (unsigned)reason < ARRAY_LEN(reasons) ? reasons[reason].text : "unknown";
}

bool access_reason_is_temporary(enum access_reason reason)
{
    return reason == ACCESS_NO_KEYS || reason == ACCESS_FAULT;
}

const char *access_message(struct arena *arena, struct span path)
{
    const char *shown = text_escape_dup(arena, path, PATH_SHOWN_MAX);
    const char *text = arena_printf(arena, "Access to %s requires a valid JWT bearer token", shown);

    return text == NULL ? "" : text;
}

const char *access_challenge(struct arena *arena, const char *authority, enum access_reason reason)
{
    return arena_printf(arena, "Bearer authorization_uri=\"%s\"%s", authority,
                        reason == ACCESS_NO_TOKEN ? "" : ", error=\"invalid_token\"");
}
