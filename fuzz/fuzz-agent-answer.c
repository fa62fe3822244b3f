/*
 * Who can send these bytes: the service that the agent was told to ask, or whoever holds its
 * certificate.
 */
#include "agent/answer.h"

#include "base/text.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(32u * 1024 * 1024);
    struct answer answer = {.status = 400, .bytes = span_of(data, size)};

    answer_read_error(arena, &answer);
    for (size_t i = 0; i < answer.n_reasons; i++) {
        const char *words[] = {answer.reasons[i].code, answer.reasons[i].text};

        for (size_t k = 0; k < ARRAY_LEN(words); k++) {
            if (!text_is_utf8(span_str(words[k])) || strpbrk(words[k], "\n\x1b") != NULL) {
                __builtin_trap();
            }
        }
        if (answer.reasons[i].remedy[0] == '\0') {
            __builtin_trap();
        }
    }
    if (answer.n_reasons > ANSWER_MAX_REASONS ||
        (answer.message[0] != '\0' && answer.n_reasons == 0)) {
        __builtin_trap();
    }
    arena_free(arena);
    return 0;
}
