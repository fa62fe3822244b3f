/*
 * claims.h - what a policy of the TPM attestation type is told: claims, and documents about logs,
 * registers and keys (docs/formats/tpm-attestation.md).
 *
 * Made from an appraisal alone: attested registers, a log that leads to them, keys that the TPM
 * vouches for. Data of an event is decoded only where its digest was computed from that data; the
 * rest of the event (register, type, digests) is told, its data is not. What is not proven has the
 * worse value of its claim. Documents are JSON texts, NUL-terminated, in the arena; building is
 * linear in the logs and bounded by CLAIMS_DOCUMENT_MAX.
 */
#ifndef CLAIMS_CLAIMS_H
#define CLAIMS_CLAIMS_H

#include "appraise/appraise.h"

enum { CLAIMS_DOCUMENT_MAX = 16 * 1024 * 1024 };

/* In front of every name that the client chose: a policy that asks for a type alone, and for no
 * issuer, must never be answered by the client. */
#define CLAIMS_CLIENT_PREFIX "urn:bootwarden:custom-claim:"

/*
 * {"Events":[...]} of the TCG logs and the IMA list. Empty while the log is not proven.
 * ERR_MALFORMED with the event's number when a record of Windows is shorter than its form: then the
 * evidence is to be refused. ERR_TOO_LARGE past the limit.
 */
err_t claims_events(struct arena *arena, struct hasher *hasher, const struct appraisal *appraisal,
                    const struct evidence *evidence, struct trail *trail,
                    struct span *ret_json) MUST_CHECK;
/* {"PCRs":[...]}: what verified quotes cover, and nothing else. */
err_t claims_pcrs(struct arena *arena, const struct appraisal *appraisal,
                  struct span *ret_json) MUST_CHECK;
/* The policy key object of the request key, and the array of those of the other keys. */
err_t claims_request_key(struct arena *arena, const struct appraisal *appraisal,
                         struct span *ret_json) MUST_CHECK;
err_t claims_other_keys(struct arena *arena, const struct appraisal *appraisal,
                        struct span *ret_json) MUST_CHECK;

/*
 * All incoming claims of a Tpm request. ERR_DENIED unless appraisal_is_proven: there is nothing to
 * tell. A malformed record adds the reason log-malformed to the appraisal, whose verdict is
 * not-verified then, and ends in ERR_DENIED as well. On any error nothing was added.
 */
err_t claims_tpm(struct arena *arena, struct hasher *hasher, struct appraisal *appraisal,
                 const struct evidence *evidence, struct trail *trail,
                 struct claims *ret) MUST_CHECK;

#endif
