/*
 * tpm-parts.h - for the files that read a /attest/Tpm request alone.
 */
#ifndef EVIDENCE_TPM_PARTS_H
#define EVIDENCE_TPM_PARTS_H

#include "evidence/tpm-message.h"

/* err at member `name`, in these words. */
err_t tpm_fault(struct trail *trail, err_t err, const char *name, const char *words);
/* err at list[index]. */
err_t tpm_in_list(struct trail *trail, err_t err, const char *list, size_t index);
/* A member in base64url that is not empty and has at most max bytes. */
err_t tpm_need_bytes(struct arena *arena, yyjson_val *object, const char *name, size_t max,
                     struct trail *trail, struct span *ret) MUST_CHECK;
/* The same with where it came from, for reasons: "current_attestation" + ".quote". */
err_t tpm_need_blob(struct arena *arena, yyjson_val *object, const char *of, const char *name,
                    struct trail *trail, struct evidence_blob *ret) MUST_CHECK;

/* Members of att_data; raw is its text. */
err_t tpm_read_request_key(struct arena *arena, yyjson_val *data, struct span raw,
                           struct trail *trail, struct evidence_tpm *tpm) MUST_CHECK;
err_t tpm_read_other_keys(struct arena *arena, yyjson_val *data, struct span raw,
                          struct trail *trail, struct evidence_tpm *tpm) MUST_CHECK;
err_t tpm_read_custom_claims(yyjson_val *data, struct trail *trail,
                             struct evidence_tpm *tpm) MUST_CHECK;

#endif
