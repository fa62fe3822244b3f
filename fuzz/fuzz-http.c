/* Who may send these bytes: anybody who reaches the server's port, before authentication. */
#include "http/message.h"
#include "http/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_body(const struct http_head *head, struct span rest)
{
    CLEANUP(buf_done) struct buf body = {0};
    struct http_chunked chunked = {0};
    size_t used = 0;
    bool is_done = false;

    buf_init(&body, 4096);
    if (head->is_chunked && http_chunked_feed(&chunked, rest, &body, &used, &is_done) == ERR_OK &&
        used > rest.len) {
        __builtin_trap();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span bytes = span_of(data, size);
    struct arena *arena = arena_new(1 << 20);
    struct http_head head;
    struct http_path path;
    size_t scanned = 0, len = 0;

    if (arena != NULL && http_head_end(bytes, &scanned, &len) == ERR_OK && len > 0 &&
        http_head_parse(span_cut(bytes, 0, len), NULL, &head) == 0) {
        const struct http_request request = {.head = &head, .arena = arena};

        (void)!http_path_parse(arena, head.path, &path);
        (void)http_request_query(&request, "api-version");
        read_body(&head, span_cut(bytes, len, bytes.len));
    }
    arena_free(arena);
    return 0;
}
