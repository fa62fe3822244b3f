/*
 * audit.h - DIR/audit.log: who was refused, and who changed what. One JSON object a line.
 *
 * The file is only appended to (mode 0600), a line in one write. What callers chose in a line is
 * escaped and cut, so that a line is always one line, below AUDIT_LINE_MAX_BYTES, in printable
 * characters.
 *
 * The contract: nothing changes unaudited.
 *
 *     audit_begin    before a change. The line is on the disk (fdatasync) when it returns ERR_OK.
 *                    Anything else: the caller refuses the call, 503, and changes nothing.
 *     audit_finish   after it, whatever came of it, before the answer: the same id, the status. It
 *                    cannot fail the call, since the change is made and its begin is on the disk;
 *                    when it cannot be written that is logged and counted. A begin without a finish
 *                    is a change whose outcome is not known.
 *     audit_refuse   of a call that was refused: not synced by itself, and no reason to answer
 *                    otherwise when it cannot be written, which is logged and counted.
 *
 * Anybody can cause refusals, with a token or without. So that they cannot fill the disk and
 * thereby stop all changes, of those without a caller AUDIT_ANONYMOUS_BURST are written at once and
 * AUDIT_ANONYMOUS_RATE a second after that, of those of one caller AUDIT_CALLER_BURST and
 * AUDIT_CALLER_RATE; how many were left out stands in the next line ("omitted"). No change is ever
 * left out: who asks for more than AUDIT_CHANGE_BURST at once and AUDIT_CHANGE_RATE a second after
 * that gets none of them, 429. Parts of a change, such as the steps of a deployment, have a purse
 * of their own for each caller, AUDIT_PART_BURST and AUDIT_PART_RATE. Identities that are resources
 * are made by whoever likes to have more purses: all of one subscription have one of each kind.
 *
 * Any thread.
 */
#ifndef SERVICE_AUDIT_H
#define SERVICE_AUDIT_H

#include "base/err.h"
#include "base/metrics.h"
#include "base/span.h"

enum {
    AUDIT_LINE_MAX_BYTES = 8192, /* all fields at their longest, every character escaped */
    AUDIT_FIELD_MAX = 256,       /* of a field, and AUDIT_PATH_MAX of path and scope */
    AUDIT_PATH_MAX = 512,
    AUDIT_ANONYMOUS_BURST = 1000,
    AUDIT_ANONYMOUS_RATE = 10, /* a second */
    AUDIT_CALLER_BURST = 200,
    AUDIT_CALLER_RATE = 1,
    AUDIT_CHANGE_BURST = 1000,
    AUDIT_CHANGE_RATE = 1,
    AUDIT_PART_BURST = 20000, /* 25 of the largest deployments */
    AUDIT_PART_RATE = 20,
};

struct audit;

/* Makes the file when there is none. ERR_DENIED when others can read or write it. Its metrics are
 * bootwarden_audit_lines and bootwarden_audit_failures; metrics may be NULL. */
err_t audit_open(const char *path, struct metrics *metrics, struct trail *trail,
                 struct audit **ret) MUST_CHECK;
void audit_close(struct audit *audit);
DEFINE_CLEANUP(struct audit *, audit_close)
/* Open the path again: it was renamed to rotate it. On error the old file stays in use. */
err_t audit_reopen(struct audit *audit, struct trail *trail) MUST_CHECK;

/* Texts may be NULL, which leaves the member out. Everything is borrowed during the call. */
struct audit_entry {
    int64_t time;
    const char *id;     /* of the request: x-ms-request-id */
    const char *issuer; /* of the caller, with the two below; NULL = nobody known */
    const char *object_id;
    const char *name;
    const char *home; /* whose purse is spent instead of the caller's: not in the line; or NULL */
    const char *peer;
    const char *cause;  /* of a part: the request that it comes from; "" = not known any more */
    const char *method; /* "PUT" */
    struct span path;   /* as it came */
    const char *action; /* "Microsoft.Attestation/attestationProviders/attestation/write" */
    const char *scope;
    unsigned status;    /* 0 = not yet */
    const char *reason; /* a stable word: access_reason_name, or an error code */
    const char *detail; /* what came of a change: "type=Tpm policy=HASH" */
};

/* ERR_TOO_MANY: the caller changes too much; nothing was written. */
err_t audit_begin(struct audit *audit, const struct audit_entry *entry,
                  struct trail *trail) MUST_CHECK;
void audit_finish(struct audit *audit, const struct audit_entry *entry);
void audit_refuse(struct audit *audit, const struct audit_entry *entry);

#endif
