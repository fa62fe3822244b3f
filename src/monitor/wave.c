#include "monitor/wave.h"

uint64_t wave_places(uint64_t group)
{
    uint64_t places = group / 100 * WAVE_PERCENT + group % 100 * WAVE_PERCENT / 100;

    return places > 0 ? places : 1;
}

bool wave_has_room(uint64_t group, uint64_t taken)
{
    return taken < wave_places(group);
}

static bool fits(const struct wave_machine *machine, const struct wave_package *package)
{
    return package->is_running && !package->has_failed_there &&
           version_is_upgrade(&machine->version, &package->version, machine->takes_minor) &&
           (!package->has_minimum || version_compare(&package->minimum, &machine->version) <= 0);
}

int wave_choose(const struct wave_machine *machine, const struct wave_package *packages, size_t n)
{
    int best = -1;

    for (size_t i = 0; i < n; i++) {
        if (fits(machine, &packages[i]) &&
            (best < 0 || version_compare(&packages[best].version, &packages[i].version) < 0)) {
            best = (int)i;
        }
    }
    return best;
}
