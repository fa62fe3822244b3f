/*
 * Who can send these bytes: whoever may make a virtual machine, as customData or userData. A token
 * that is found is a word inside the data, behind its mark.
 */
#include "resource/join-token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const size_t mark = sizeof(JOIN_TOKEN_MARK) - 1;
    struct span token = join_token_find(span_of(data, size));

    if (token.data == NULL) {
        return 0;
    }
    /* The mark, at least a colon or an equals sign, and then the word. */
    if (token.len == 0 || token.data <= data + mark || token.data + token.len > data + size) {
        __builtin_trap();
    }
    for (size_t i = 0; i < token.len; i++) {
        if (token.data[i] <= ' ' || token.data[i] > '~') {
            __builtin_trap();
        }
    }
    return 0;
}
