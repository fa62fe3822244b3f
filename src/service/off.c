#include "service/off.h"

#include <string.h>

static const struct {
    const char *why, *advice;
} reasons[OFF_REASONS] = {
    [OFF_SWITCHED] = {"its owner switched monitoring off",
                      "Switch it on again: bootwarden vm extension set NAME --wanted on"},
    [OFF_STOPPED] = {"its owner says that its virtual machine is stopped",
                     "When it runs: az vm start -g GROUP -n VM"},
    [OFF_NO_EXTENSION] = {"its virtual machine has no extension GuestAttestation",
                          "Switch monitoring on: az vm extension set, with the extension "
                          "GuestAttestation"},
    [OFF_UNKNOWN] = {"monitoring is not on, or its owner says that it is stopped",
                     "When its virtual machine is stopped: az vm start. When that has no extension "
                     "GuestAttestation: az vm extension set. Of a machine that is no resource: "
                     "bootwarden vm extension set NAME --wanted on"},
};

const char *off_why(enum off_reason reason)
{
    return reasons[reason].why;
}

enum off_reason off_of(const char *why)
{
    for (int i = 0; i < OFF_UNKNOWN; i++) {
        if (strcmp(why, reasons[i].why) == 0) {
            return (enum off_reason)i;
        }
    }
    return OFF_UNKNOWN;
}

const char *off_advice(enum off_reason reason)
{
    return reasons[reason].advice;
}
