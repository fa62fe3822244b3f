/*
 * Who can send these bytes: whoever may write rules or service tags, and who types a command.
 */
#include "network/address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds) {
        __builtin_trap();
    }
}

/* What is written reads back to the same range; a set with it has both ends. */
static void check(struct arena *arena, const struct address_range *range)
{
    struct address_range again;
    struct address_set set, rest;
    char text[ADDRESS_RANGE_TEXT_MAX];

    address_range_text(range, text);
    require(address_range_read(span_str(text), true, NULL, &again) == ERR_OK);
    require(address_compare(&range->first, &again.first) == 0);
    require(address_compare(&range->last, &again.last) == 0);
    require(address_set_make(arena, range, 1, &set) == ERR_OK);
    require(address_set_complement(arena, &set, &rest) == ERR_OK);
    require(address_set_has(&set, &range->first) && address_set_has(&set, &range->last));
    require(!address_set_has(&rest, &range->first) && !address_set_has(&rest, &range->last));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(1024u * 1024);
    struct span text = span_of(data, size);
    struct address_range range;
    struct address address;
    int port;

    if (arena != NULL && address_range_read(text, true, NULL, &range) == ERR_OK) {
        check(arena, &range);
    }
    if (address_port_read(text, NULL, &address, &port) == ERR_OK) {
        require(port >= -1 && port <= 65535 && address.family != ADDRESS_NONE);
    }
    return 0;
}
