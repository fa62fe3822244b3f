/*
 * Who can send these bytes: whoever may write network security groups. What they become is given to
 * nft with all rights: nothing but what the generator means may be in it.
 */
#include "network/nft.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Quotes stand around comments, interfaces and prefixes of log lines, and those are names. */
static bool is_harmless(struct span text)
{
    static const char known[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                " \t\n._-:/@!={},#;\"`()";

    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '\0' || strchr(known, text.data[i]) == NULL) {
            return false;
        }
    }
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(64u * 1024 * 1024);
    const struct nft_options options = {.has_log = true};
    struct nft_nic nic = {.interface = "tap0"};
    struct address_range own = {0};
    const struct address_set none = {0};
    struct span text = {0};
    yyjson_val *json = NULL;

    if (arena != NULL && json_read(arena, span_of(data, size), &nsg_json, NULL, &json) == ERR_OK &&
        nsg_read_resource(arena, json, NULL, NULL, &nic.nic) == ERR_OK &&
        address_range_read(span_str("10.0.0.0/8"), false, NULL, &own) == ERR_OK &&
        address_set_make(arena, &own, 1, &nic.addresses) == ERR_OK &&
        world_new(arena, &nic.addresses, &none, NULL, NULL, 0, &nic.world) == ERR_OK &&
        nft_ruleset(arena, &nic, 1, &options, NULL, &text) == ERR_OK && !is_harmless(text)) {
        __builtin_trap();
    }
    return 0;
}
