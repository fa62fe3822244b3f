/*
 * rtmr.h - the registers of a confidential VM, and what their events stand for. Not for other
 * rooms.
 *
 * A CCEL (Intel TDX guest-host communication interface 4.3.3; Hygon CSV in the same form) counts
 * its registers so:
 *
 *     0 MRTD    measured by the TDX module before the guest runs: a log never extends it
 *     1 RTMR0   what goes into PCR 1 and 7 of a TPM (and PCR 0, which MRTD replaces)
 *     2 RTMR1   PCR 2 to 6
 *     3 RTMR2   PCR 8 to 15
 *     4 RTMR3   left to the guest's owner
 *
 * The rules of readings and facts are those of PCRs. Here each event is given the PCR by whose
 * rules it is read (`home`), from its register, type and data. All three but the register may have
 * been chosen by somebody else than the firmware: facts/rtmr.c says what that leaves of the facts.
 */
#ifndef EVENTLOG_RTMR_H
#define EVENTLOG_RTMR_H

#include "eventlog/eventlog.h"

enum {
    RTMR_MRTD,
    RTMR_0,
    RTMR_1,
    RTMR_2,
    RTMR_3,
    RTMR_REGISTERS,
    RTMR_NO_HOME = EVENTLOG_REGISTERS, /* of no PCR: RTMR3, and what is nowhere extended */
};

/* Set the home of each event. ERR_MALFORMED for an event that extends MRTD (L-10). */
err_t rtmr_find_homes(struct eventlog *log, struct trail *trail) MUST_CHECK;

/* Is the event a separator, whatever its type says: was 00000000 or FFFFFFFF measured, in every
 * bank that we can compute? False where there is none. */
bool rtmr_is_separator(const struct eventlog *log, const struct event *event);

#endif
