/*
 * Who can send these bytes: anybody who reaches the server's port. They are taken for a body, for a
 * signed request, and for what is signed in one, which no fuzzer would find behind base64.
 */
#include "base/codec.h"
#include "evidence/tpm-message.h"

static const char header[] = "eyJhbGciOiJQUzI1NiIsInR5cCI6ImF0dFJlcVYyIn0"; /* PS256, attReqV2 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parse_request(struct arena *arena, struct span request)
{
    struct evidence *evidence = NULL;
    struct trail trail = {0};
    err_t err = tpm_request_parse(arena, request, &trail, &evidence);

    if ((err == ERR_OK) != (evidence != NULL) ||
        (err == ERR_OK && (evidence->tpm->request_key.raw.len < 2 ||
                           evidence->tpm->request_key.raw.data[0] != '{'))) {
        __builtin_trap();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(64u * 1024 * 1024);
    struct span bytes = span_of(data, size);
    struct tpm_message message;
    const char *payload = base64_dup(arena, BASE64_URL, bytes);

    if (crypto_init() == ERR_OK && payload != NULL) {
        const char *jws = arena_printf(arena, "%s.%s.AA", header, payload);

        (void)!tpm_message_parse(arena, bytes, NULL, &message);
        parse_request(arena, bytes);
        parse_request(arena, span_str(jws));
    }
    arena_free(arena);
    return 0;
}
