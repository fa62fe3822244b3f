/*
 * Who can send these bytes: Azure's guest agent, which is root; who may deploy the extension, for
 * its settings; whoever answers in place of the metadata service. The first byte says what it is.
 */
#include "extension/region.h"
#include "extension/report.h"
#include "extension/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(32u * 1024 * 1024);
    struct span text = span_of(data + (size > 0), size - (size > 0));
    struct handler_environment environment = {0};
    struct handler_settings_file file = {0};
    struct handler_secrets secrets = {0};
    struct trail trail = {0};
    const char *url = NULL;

    switch (size > 0 ? data[0] : 0) {
    case 'e':
        if (handler_environment_parse(arena, text, &trail, &environment) == ERR_OK &&
            (environment.log_folder[0] != '/' || environment.status_folder[0] != '/')) {
            __builtin_trap();
        }
        break;
    case 's':
        if (handler_settings_parse(arena, text, &trail, &file) == ERR_OK &&
            (file.envelope.len > 0) != (file.thumbprint != NULL)) {
            __builtin_trap();
        }
        break;
    case 'p':
        (void)!handler_secrets_parse(arena, text, &trail, &secrets);
        break;
    case 'v':
        (void)handler_verdict_parse(arena, text);
        break;
    default:
        if (region_endpoint_parse(arena, text, &trail, &url) == ERR_OK &&
            !span_starts(span_str(url), "https://shared")) {
            __builtin_trap();
        }
    }
    arena_free(arena);
    return 0;
}
