/*
 * Who can send these bytes: whoever may write the server's folder. What is read comes back the
 * same, and nobody in it signs in without a secret.
 */
#include "identity/principals.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(32 * 1024 * 1024);
    struct principals *read = NULL, *again = NULL;
    struct span text = {0}, twice = {0};

    if (crypto_init() == ERR_OK && arena != NULL &&
        principals_read(span_of(data, size), NULL, &read) == ERR_OK) {
        if (principals_write(read, arena, &text) != ERR_OK ||
            principals_read(text, NULL, &again) != ERR_OK ||
            principals_write(again, arena, &twice) != ERR_OK || !span_equal(text, twice) ||
            principals_user_count(read) != principals_user_count(again) ||
            principals_cert_count(read) != principals_cert_count(again)) {
            __builtin_trap();
        }
        for (size_t i = 0; i < principals_user_count(read); i++) {
            if (!user_name_is(span_str(principals_user_at(read, i)->upn)) ||
                !password_is_hash(principals_user_at(read, i)->password)) {
                __builtin_trap();
            }
        }
    }
    principals_free(read);
    principals_free(again);
    arena_free(arena);
    return 0;
}
