/*
 * off.h - why a machine is not monitored although nobody disabled it, in words for its owner: a
 * machine that is said to be stopped and one without the extension are helped in different ways.
 *
 * The words of a change are kept as the machine's `why`. A machine that was off before it joined
 * has none of its own.
 */
#ifndef SERVICE_OFF_H
#define SERVICE_OFF_H

enum off_reason {
    OFF_SWITCHED,     /* `wanted` of its extension */
    OFF_STOPPED,      /* its virtual machine, by what the owner says */
    OFF_NO_EXTENSION, /* of its virtual machine */
    OFF_UNKNOWN,
    OFF_REASONS,
};

/* Static. */
const char *off_why(enum off_reason reason);
/* Which of them these words are; OFF_UNKNOWN of others. */
enum off_reason off_of(const char *why);
/* What an owner does about it. Static. */
const char *off_advice(enum off_reason reason);

#endif
