/*
 * status.h - the status of the Guest Attestation extension: the element of a status file of Azure's
 * guest agent (extension-handler section 8), which is also what is reported to our own service and
 * what `bootwarden-agent status` shows.
 */
#ifndef AGENT_STATUS_H
#define AGENT_STATUS_H

#include "agent/options.h"
#include "base/arena.h"
#include "json/json.h"

#define STATUS_NAME "Microsoft.Azure.Security.LinuxAttestation.GuestAttestation"
#define STATUS_FILE "status.json"                          /* in the state folder */
#define STATUS_FAILED STATUS_NAME " provisioning failed. " /* decisions, section 10 */

enum status_word { STATUS_TRANSITIONING, STATUS_WARNING, STATUS_ERROR, STATUS_SUCCESS };

/* Codes of errors: extension-handler sections 7 and 12. */
enum status_code {
    STATUS_OK = 0,
    STATUS_GENERAL = 1,
    STATUS_UNSUPPORTED_OS = 51,
    STATUS_MISSING = 52, /* no vTPM, or no permission to use it */
    STATUS_SETTINGS = 53,
    STATUS_UNREACHABLE = 1100,
    STATUS_NOT_ADMITTED = 1101, /* an owner has not let it in */
    STATUS_REFUSED = 1102,      /* the service refuses for another reason than the evidence */
};

enum {
    STATUS_PERIODS_MAX = 3,
    STATUS_MAX_SUBS = 36,      /* findings and what is beside them */
    STATUS_MESSAGE_MAX = 1000, /* past 1024 characters Azure's agent cuts, and a portal before */
    STATUS_FILE_MAX = 120 * 1024,
};

struct substatus {
    const char *name;
    enum status_word status;
    int code;
    const char *message;
};

struct status {
    const char *operation; /* "Enable" */
    enum status_word status;
    int code;
    const char *message;
    int64_t time;    /* of this status */
    int64_t applied; /* when these settings were taken up; 0 = time */
    struct substatus subs[STATUS_MAX_SUBS];
    size_t n_subs;
};

/* Past STATUS_MAX_SUBS it is dropped. Texts are borrowed. */
void status_add(struct status *status, const char *name, enum status_word word, int code,
                const char *message);
/* The element; texts are cut at STATUS_MESSAGE_MAX. NULL at the arena's limit. */
yyjson_mut_val *status_value(struct arena *arena, yyjson_mut_doc *doc, const struct status *status);
/* [element]: what stands in a status file. data NULL at the arena's limit. */
struct span status_text(struct arena *arena, const struct status *status);

/* What of a round the status of Azure's contract does not say. */
struct status_origin {
    const char *outcome; /* round_outcome_name */
    unsigned period_s;
};
/* [element] with the members outcome, periodSeconds and bootId besides, for status_show. */
err_t status_keep(const char *path, struct arena *arena, const struct status *status,
                  const struct status_origin *origin, struct trail *trail) MUST_CHECK;

/* The command: what `run` wrote last, its outcome first. EXIT_NO unless that is "attested" or
 * "idle"; and when it says nothing of now, because no agent runs, it is of another boot, or older
 * than STATUS_PERIODS_MAX periods: then its first word is "stale". */
enum agent_exit status_show(const struct agent_options *options, struct arena *arena);

#endif
