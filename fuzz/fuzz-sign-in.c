/*
 * Who can send these bytes: anybody, to the token endpoint, for a code, on the page of codes, and
 * at the address of a managed identity. Nobody is registered, so none of them may be let in.
 */
#include "sign-in.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct idp *provider = NULL;
    struct arena *arena = arena_new(8 * 1024 * 1024);
    struct idp_call call = {.arena = arena, .now = 1800000000, .tenant = span_str("adfs")};
    const struct span body = span_of(data, size);
    struct idp_entered entered;
    struct idp_answer answer;

    provider = provider == NULL ? sign_in_provider() : provider;
    idp_token(provider, &call, body, &answer);
    if (answer.status == 200) {
        __builtin_trap();
    }
    idp_device_code(provider, &call, body, &answer);
    idp_device_enter(provider, &call, body, &entered);
    if (entered.entry == IDP_ENTRY_ALLOWED) {
        __builtin_trap();
    }
    idp_managed(provider, &call, body, true, body, &answer);
    if (answer.status == 200) {
        __builtin_trap();
    }
    (void)!idp_cloud(provider, &call, body, &answer);
    arena_free(arena);
    return 0;
}
