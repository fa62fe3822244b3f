/*
 * region.h - regions, and what the addresses of their providers are made of.
 *
 * A region has a name ("eastus"), a name for people ("East US") and a short one that stands in host
 * names ("eus"). Its shared provider is "shared" and the short name. Source: attestation-api
 * section 9, regions as of 2025.
 */
#ifndef PROVIDER_REGION_H
#define PROVIDER_REGION_H

#include "base/arena.h"
#include "base/span.h"

struct region {
    const char *name;
    const char *display;
    const char *short_name;
    bool is_government;
};

size_t region_count(void);
const struct region *region_at(size_t index);
/* "eastus", "East US", "EAST US": case and blanks do not matter, as resource managers compare
 * locations. NULL when there is none. */
const struct region *region_find(struct span name);
/* By the short name, case ignored. Two government regions share one: the first. */
const struct region *region_by_short(struct span short_name);
/* "sharedeus" in the arena; NULL at its limit. */
const char *region_shared_provider(struct arena *arena, const struct region *region);

#endif
