/*
 * trust.h - anchors named on the command line: --trust [ek=|ak=|db=]PATH, --enrolled-ak NAME.
 */
#ifndef CLI_TRUST_H
#define CLI_TRUST_H

#include "appraise/appraise.h"
#include "appraise/db-anchors.h"

enum { TRUST_MAX_AKS = 64 };

struct trust {
    struct cert_store *ek;
    struct cert_store *ak;
    struct tpm_name aks[TRUST_MAX_AKS];
    size_t n_aks;
    struct db_anchors db;
};

/* Zeroed memory is valid to trust_done. */
err_t trust_init(struct trust *trust) MUST_CHECK;
void trust_done(struct trust *trust);
DEFINE_CLEANUP_DONE(struct trust, trust_done)

/* "ek=PATH", "ak=PATH", "db=PATH" or PATH, whose role is then `standard` ("ek" or "ak"). PATH is a
 * certificate, a PEM bundle, a folder of both; for db also an EFI signature list or efivarfs file.
 */
err_t trust_add(struct trust *trust, struct arena *arena, const char *argument,
                const char *standard, struct trail *trail) MUST_CHECK;
/* A TPM name in hexadecimal: 000b and 64 digits. */
err_t trust_add_ak(struct trust *trust, const char *hex, struct trail *trail) MUST_CHECK;
/* Borrows from trust. */
struct appraise_trust trust_for_appraisal(const struct trust *trust);

#endif
