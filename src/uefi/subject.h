/*
 * subject.h - the subject of a certificate, for words and for test-key names only.
 *
 * Not for other rooms. No trust rests on this: paths and keys are the crypto room's. A log names
 * up to a dozen certificates in every proof; parsing each of them whole costs more than the proof
 * (OpenSSL 3.0 decodes the key at once), so this reads the one field, in bounded steps.
 */
#ifndef UEFI_SUBJECT_H
#define UEFI_SUBJECT_H

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"

/* "CN=..., O=..., C=..": most specific first (RFC 4514), escaped, in the arena. ERR_MALFORMED,
 * ERR_SHORT when these bytes are no certificate, ERR_MEMORY at the arena's limit. */
err_t subject_of(struct arena *arena, struct span der, const char **ret) MUST_CHECK;
/* tbsCertificate with its tag, which revocations by hash cover. */
err_t subject_tbs(struct span der, struct span *ret) MUST_CHECK;
/* True when the bytes are one DER SEQUENCE and nothing behind it. */
bool subject_is_sequence(struct span der);

#endif
