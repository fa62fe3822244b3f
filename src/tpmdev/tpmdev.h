/*
 * tpmdev.h - the local TPM 2.0 in the layout of an Azure guest, through tpm2-tss.
 *
 * What lives where (azure-guest-protocol, section 1): the attestation key (AK) is persistent at
 * 0x81000003, a primary of the endorsement hierarchy; its certificate is in NV index 0x01C101D0;
 * endorsement key (EK) certificates are where the TCG EK Credential Profile puts them.
 *
 * A device belongs to one thread; open it before other threads start. Everything that a function
 * loads into the TPM (keys, sessions) is flushed again on every way out; only tpmdev_enckey keeps
 * a key loaded until tpmdev_enckey_done. Hierarchies and keys are used with the empty password.
 *
 * Errors: ERR_TPM with what was tried and the TPM's answer in words, except ERR_NOT_FOUND (no
 * such TPM, key or index), ERR_DENIED (no permission to the device, or a password is set),
 * ERR_UNAVAILABLE (busy, lockout: later), ERR_CONFLICT (the handle holds something else). Bytes
 * that come back are in the caller's arena.
 */
#ifndef TPMDEV_TPMDEV_H
#define TPMDEV_TPMDEV_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "tpm/tpm.h"

#define TPMDEV_DEFAULT_TCTI "device:/dev/tpmrm0"
#define TPMDEV_AK_HANDLE 0x81000003u
#define TPMDEV_AK_CERT_INDEX 0x01c101d0u

enum {
    TPMDEV_NV_MAX_BYTES = 16 * 1024, /* of one index; certificates are 1 to 3 KB */
    TPMDEV_CHAIN_MAX = 8,            /* CA certificates beside the EK's */
    TPMDEV_EXTRA_DATA_MAX = 32,      /* every TPM takes this much qualifying data */
};

struct tpmdev;

/* tcti as tpm2-tss reads it ("device:/dev/tpmrm0", "swtpm:path=/run/tpm.sock"); NULL = the
 * default. Unless is_verbose, tpm2-tss is told to log nothing (environment variable TSS2_LOG,
 * left alone when it is set). The words of an error name the remedy. */
err_t tpmdev_open(const char *tcti, bool is_verbose, struct trail *trail,
                  struct tpmdev **ret) MUST_CHECK;
/* Is there a TCTI of that name? ERR_USAGE with words. The TPM is not asked. */
err_t tpmdev_tcti_check(const char *tcti, bool is_verbose, struct trail *trail) MUST_CHECK;
void tpmdev_free(struct tpmdev *dev);
DEFINE_CLEANUP(struct tpmdev *, tpmdev_free)

/* What may keep the TPM from being used as it is meant to. */
struct tpmdev_state {
    bool is_locked_out;          /* after wrong passwords: what has one is refused */
    uint32_t lockout_interval_s; /* after which one wrong password is forgiven */
    bool has_owner_password, has_endorsement_password;
};
err_t tpmdev_state_read(struct tpmdev *dev, struct trail *trail,
                        struct tpmdev_state *ret) MUST_CHECK;

/* ---- NV indexes ---- */

/* The whole index, as it is. ERR_NOT_FOUND when it is not defined or was never written. */
err_t tpmdev_nv_read(struct tpmdev *dev, uint32_t index, struct arena *arena, struct trail *trail,
                     struct span *ret) MUST_CHECK;
/* Replace the index: exactly bytes.len large, readable and writable by owner and by its own
 * (empty) password. A crash in the middle leaves an index that is missing or not written. */
err_t tpmdev_nv_replace(struct tpmdev *dev, uint32_t index, struct span bytes,
                        struct trail *trail) MUST_CHECK;

/* ---- endorsement key ---- */

struct tpmdev_ek {
    uint32_t cert_index;       /* NV index of the certificate; 0 = it has none */
    struct span certificate;   /* DER, padding cut off; empty = none */
    struct span public_area;   /* TPM2B_PUBLIC */
    uint32_t handle;           /* persistent handle; 0 when the key is made anew for each use */
    struct span template_area; /* TPM2B_PUBLIC to make it from; empty with a persistent handle */
    struct span chain[TPMDEV_CHAIN_MAX]; /* DER, CA certificates from NV 0x01C00100 on */
    size_t n_chain;
};

/* The first EK certificate whose key this TPM really has: among the persistent keys, else made
 * from the template in NV or the TCG's default one. ERR_NOT_FOUND without any certificate,
 * ERR_MISMATCH when there are certificates and none belongs to a key of this TPM. */
err_t tpmdev_ek_find(struct tpmdev *dev, struct arena *arena, struct trail *trail,
                     struct tpmdev_ek *ret) MUST_CHECK;

/* The RSA-2048 key of the default template (or of the one in NV), made anew for each use: of a TPM
 * without a certificate, where somebody has to know the key by its digest. */
err_t tpmdev_ek_uncertified(struct tpmdev *dev, struct arena *arena, struct trail *trail,
                            struct tpmdev_ek *ret) MUST_CHECK;

/* TPM2_ActivateCredential with the AK: blob and encrypted_secret are TPM2B_ID_OBJECT and
 * TPM2B_ENCRYPTED_SECRET. ret_secret was made by buf_init_secret. ERR_SIGNATURE when the
 * credential is for another EK or AK. */
err_t tpmdev_ek_activate(struct tpmdev *dev, const struct tpmdev_ek *ek, struct span blob,
                         struct span encrypted_secret, struct trail *trail,
                         struct buf *ret_secret) MUST_CHECK;

/* ---- attestation key ---- */

struct tpmdev_ak {
    struct span public_area; /* TPM2B_PUBLIC */
    struct tpm_name name;
    struct span certificate; /* DER from NV, padding cut off; empty when there is none */
};

/* What is there. ERR_NOT_FOUND without an AK; ERR_CONFLICT when the handle holds another kind of
 * key. Bytes in the certificate's index that are no certificate count as none. */
err_t tpmdev_ak_read(struct tpmdev *dev, struct arena *arena, struct trail *trail,
                     struct tpmdev_ak *ret) MUST_CHECK;
/* The same, and make the AK when there is none. The TPM's endorsement seed decides the key: after
 * losing the handle the same AK comes back. */
err_t tpmdev_ak_need(struct tpmdev *dev, struct arena *arena, struct trail *trail,
                     struct tpmdev_ak *ret) MUST_CHECK;
/* Replaces it, reads it back and compares. When that fails the one that was there before is put
 * back; the error says whether that failed, too. A crash in the middle may leave none. */
err_t tpmdev_ak_store_certificate(struct tpmdev *dev, struct span der,
                                  struct trail *trail) MUST_CHECK;

/* ---- evidence ---- */

/* SHA-256 values of the PCRs in mask (bit n = PCR n), all from one moment: reading is repeated
 * when a PCR was extended in between. ERR_UNSUPPORTED without a SHA-256 bank. */
err_t tpmdev_pcr_read(struct tpmdev *dev, uint32_t mask, struct trail *trail,
                      struct tpm_pcrs *ret) MUST_CHECK;

struct tpmdev_quote {
    struct span attest;    /* TPMS_ATTEST */
    struct span signature; /* raw RSASSA bytes */
    uint32_t pcr_mask;
    struct tpm_pcrs pcrs; /* the values that were quoted: checked against the quote's digest */
};

/* Quote by the AK over the SHA-256 PCRs of mask; extra_data at most TPMDEV_EXTRA_DATA_MAX. */
err_t tpmdev_quote(struct tpmdev *dev, uint32_t mask, struct span extra_data, struct arena *arena,
                   struct trail *trail, struct tpmdev_quote *ret) MUST_CHECK;

struct tpmdev_clock {
    uint64_t clock_ms;
    uint32_t reset_count;
    uint32_t restart_count;
    bool is_safe;
};
err_t tpmdev_clock_read(struct tpmdev *dev, struct trail *trail,
                        struct tpmdev_clock *ret) MUST_CHECK;

/*
 * The encryption key of azure-guest-protocol 3.3: an RSA-2048 primary of the NULL hierarchy whose
 * policy is the quoted PCR values (PCR 10 left out), certified by the AK. What is encrypted to it
 * can be read only by this TPM, before its next reset, while those PCRs have those values. Stays
 * loaded until tpmdev_enckey_done (making it again takes seconds on some TPMs).
 */
struct tpmdev_enckey {
    struct span public_area;       /* TPM2B_PUBLIC */
    struct span certify;           /* TPMS_ATTEST */
    struct span certify_signature; /* raw RSASSA bytes */
    struct tpmdev *dev;            /* not owned */
    uint32_t object;               /* loaded key, for this room alone */
    uint32_t pcr_mask;
};
err_t tpmdev_enckey_make(struct tpmdev *dev, const struct tpmdev_quote *quote, struct arena *arena,
                         struct trail *trail, struct tpmdev_enckey *ret) MUST_CHECK;
void tpmdev_enckey_done(struct tpmdev_enckey *key);
DEFINE_CLEANUP_DONE(struct tpmdev_enckey, tpmdev_enckey_done)
/* RSAES decryption under the policy. ERR_MISMATCH when the PCRs are no longer the quoted ones,
 * ERR_SIGNATURE when the bytes were not encrypted to this key. ret_plain was made by
 * buf_init_secret. */
err_t tpmdev_enckey_decrypt(struct tpmdev_enckey *key, struct span cipher, struct trail *trail,
                            struct buf *ret_plain) MUST_CHECK;

#endif
