/*
 * guest.h - what the agent reads about its own machine, apart from the TPM.
 *
 * Nothing here is proven by being sent: names of the OS are hints, the event log is checked
 * against the quote, GuestFacts are covered by the quote's extraData as this guest's own word.
 */
#ifndef GUEST_GUEST_H
#define GUEST_GUEST_H

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"

#define GUEST_EVENT_LOG "/sys/kernel/security/tpm0/binary_bios_measurements"
#define GUEST_IMA_LOG "/sys/kernel/security/ima/binary_runtime_measurements"

enum {
    GUEST_EVENT_LOG_MAX = 512 * 1024,
    GUEST_IMA_LOG_MAX = 344 * 1024, /* more does not fit beside the rest into an attest body */
};

struct guest_os {
    const char *distro;
    const char *pretty_name, *version; /* PRETTY_NAME and VERSION_ID; NULL where they are missing */
    unsigned version_major, version_minor;
};

struct guest_facts {
    const char *agent_version;
    const char *boot_id; /* "" when the kernel tells none */
    const char *kernel_release;
};

/* os-release(5) text: NAME, and VERSION_ID split at its dot; Linux 1.0 where they are missing. */
void guest_os_parse(struct arena *arena, struct span os_release, struct guest_os *ret);
/* Of this machine: /etc/os-release, else /usr/lib/os-release. */
void guest_os_read(struct arena *arena, struct guest_os *ret);
err_t guest_facts_read(struct arena *arena, struct guest_facts *ret) MUST_CHECK;

/* The log at path, NULL = the kernel's. A kernel without one gives the empty span and ERR_OK: the
 * service decides what that means. ERR_USAGE when a path was given and cannot be read. */
err_t guest_event_log(struct arena *arena, const char *path, struct trail *trail,
                      struct span *ret) MUST_CHECK;
/* The same for the IMA log; one that is too large to send gives the empty span and sets
 * *ret_is_too_large. */
err_t guest_ima_log(struct arena *arena, const char *path, struct trail *trail, struct span *ret,
                    bool *ret_is_too_large) MUST_CHECK;

#endif
