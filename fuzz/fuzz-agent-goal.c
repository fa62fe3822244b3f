/*
 * Who can send these bytes: the service that the agent was told to ask, and through it the owner of
 * the machine; with Azure's guest agent, whoever may set extensions of the machine.
 */
#include "agent/goal.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(16u * 1024 * 1024);
    struct attestation_config config;
    struct trail trail = {0};
    struct goal goal;
    yyjson_val *root = NULL;

    if (json_read(arena, span_of(data, size), NULL, &trail, &root) == ERR_OK) {
        if (goal_read(arena, root, &trail, &goal) == ERR_OK && goal.attest_url != NULL &&
            strncmp(goal.attest_url, "https://", 8) != 0) {
            __builtin_trap();
        }
        if (attestation_config_read(arena, root, &trail, &config) == ERR_OK &&
            config.frequency_minutes != 0 &&
            (config.frequency_minutes < ATTESTATION_FREQUENCY_MIN ||
             config.frequency_minutes > ATTESTATION_FREQUENCY_MAX)) {
            __builtin_trap();
        }
    }
    arena_free(arena);
    return 0;
}
