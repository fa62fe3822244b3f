/*
 * wave.h - which machine gets a package now: upgrades go out in waves. Pure.
 *
 * A group is all machines of a subscription and platform with automatic upgrade on. A machine that
 * was offered a package has a place until it confirmed, failed, or let the offer lapse.
 */
#ifndef MONITOR_WAVE_H
#define MONITOR_WAVE_H

#include "package/version.h"

enum {
    WAVE_PERCENT = 20,
    WAVE_PERIODS = 3, /* of the machine: for taking an offer, and for confirming */
};

/* How many of a group may have a place at one time: 20 %, at least one. */
uint64_t wave_places(uint64_t group);
/* May one more? */
bool wave_has_room(uint64_t group, uint64_t taken);

struct wave_machine {
    struct version version; /* that runs on it */
    bool takes_minor;
};
struct wave_package {
    struct version version;
    bool has_minimum;
    struct version minimum;
    bool is_running;       /* its rollout is */
    bool has_failed_there; /* on this machine */
};
/* The package that this machine is to get, an index; -1 = none. */
int wave_choose(const struct wave_machine *machine, const struct wave_package *packages, size_t n);

#endif
