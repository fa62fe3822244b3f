#include "extension/words.h"

#include "base/buf.h"

#include <string.h>

enum { WORDS_MAX = 4096 };

/* Longer ones first. azure: of which setting, when attestation is all there is. */
static const struct {
    const char *option, *setting, *azure;
} options_and_settings[] = {
    {"--server (or BOOTWARDEN_ENDPOINT)", "ascReportingEndpoint", "maaEndpoint"},
    {"--ca (or BOOTWARDEN_CA)", "ca in /etc/bootwarden/agent.conf", NULL},
    {"--proxy (or https_proxy)", "proxyUrl of the protected settings", NULL},
    {"--attest-server", "maaEndpoint", NULL},
    {"--server", "ascReportingEndpoint", "maaEndpoint"},
    {"--ca", "ca in /etc/bootwarden/agent.conf", NULL},
    {"--proxy", "proxyUrl of the protected settings", NULL},
    {"https_proxy", "proxyUrl of the protected settings", NULL},
    {"--tcti", "tcti in /etc/bootwarden/agent.conf", NULL},
    {"--event-log", "event-log in /etc/bootwarden/agent.conf", NULL},
    {"--ima-log", "ima-log in /etc/bootwarden/agent.conf", NULL},
    {"--name", "name in /etc/bootwarden/agent.conf", NULL},
};

const char *extension_words(struct arena *arena, const char *text, bool is_azure)
{
    CLEANUP(buf_done) struct buf out = {0};
    struct span copy = {0};
    const char *whole = text;

    buf_init(&out, WORDS_MAX);
    while (*text != '\0') {
        size_t i = 0;

        while (i < ARRAY_LEN(options_and_settings) &&
               !span_starts(span_str(text), options_and_settings[i].option)) {
            i++;
        }
        if (i == ARRAY_LEN(options_and_settings)) {
            buf_add_char(&out, *text++);
            continue;
        }
        buf_add_str(&out, is_azure && options_and_settings[i].azure != NULL
                              ? options_and_settings[i].azure
                              : options_and_settings[i].setting);
        text += strlen(options_and_settings[i].option);
    }
    return buf_copy(&out, arena, &copy) == ERR_OK ? (const char *)copy.data : whole;
}
