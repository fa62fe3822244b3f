/*
 * Who can send these bytes: whoever sits at the address that is checked, or on the way to it. The
 * first byte says how far the call came; the rest is certificate, names and answer at once.
 */
#include "check/steps.h"

#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct check_endpoint endpoint = {.prefix = "", .option = "--server"};
    static const struct agent_options options = {.server = "https://a"};
    struct arena *arena = arena_new(32u * 1024 * 1024);
    struct check_way way = {.endpoint = &endpoint, .to = {.host = "a", .port = 1, .text = "a:1"}};
    struct span bytes = arena_dup(arena, span_cut(span_of(data, size), 1, size));
    struct http_probe probe = {.words = "", .certificate = bytes, .reply = {200, 0, bytes}};
    bool is_refused = size > 0 && data[0] % 2 == 1;
    struct findings list;

    probe.certificate_names = text_escape_dup(arena, bytes, 100);
    probe.failure.stop = is_refused ? HTTP_STOP_CERTIFICATE : HTTP_STOP_NONE;
    probe.failure.certificate = (enum http_certificate_fault)(size > 0 ? data[0] / 2 % 6 : 0);
    findings_init(&list, arena);
    check_read_probe(&list, &way, &probe);
    check_provider(&list, &options, &probe.reply);
    for (size_t i = 0; i < list.n; i++) {
        if (!text_is_utf8(span_str(list.items[i].message)) ||
            strpbrk(list.items[i].message, "\n\x1b") != NULL) {
            __builtin_trap();
        }
    }
    if (findings_are_ok(&list) && is_refused) {
        __builtin_trap();
    }
    arena_free(arena);
    return 0;
}
