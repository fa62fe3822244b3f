/*
 * Who can send these bytes: whoever may write the server's folder; callers choose names in scopes.
 * What is read must come back the same, and nothing in it may reach a shared provider.
 */
#include "access/rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(64u * 1024 * 1024);
    const struct span bytes = span_of(data, size);
    const struct access_caller caller = {.tenant = "t", .object_id = "ada"};
    struct access_rules *rules = NULL, *again = NULL;
    struct span text = {0};

    if (arena != NULL && access_rules_read(bytes, NULL, &rules) == ERR_OK) {
        if (access_rules_write(rules, arena, &text) != ERR_OK ||
            access_rules_read(text, NULL, &again) != ERR_OK ||
            access_rules_count(again) != access_rules_count(rules) ||
            access_may(rules, &caller, ACCESS_ATTESTATION_WRITE,
                       span_str(ACCESS_SHARED_SCOPE "x"))) {
            __builtin_trap();
        }
        (void)access_may(rules, &caller, ACCESS_PROVIDER_READ, span_str("/subscriptions/s"));
    }
    (void)access_scope_covers(span_str("/subscriptions/s"), bytes);
    (void)access_action_matches(bytes, span_str(ACCESS_PROVIDER_READ));
    access_rules_free(rules);
    access_rules_free(again);
    arena_free(arena);
    return 0;
}
