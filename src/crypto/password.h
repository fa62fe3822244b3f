/*
 * password.h - secrets that people or programs sign in with, kept as salted slow hashes.
 *
 * scrypt (RFC 7914) with N=16384, r=8, p=1: 16 MiB and some 50 ms for each guess. The text names
 * its parameters, and no others are taken: nobody can write a cheaper or an endless one into a
 * file. Any thread.
 */
#ifndef CRYPTO_PASSWORD_H
#define CRYPTO_PASSWORD_H

#include "base/err.h"
#include "base/span.h"

enum { PASSWORD_TEXT_SIZE = 128, PASSWORD_MAX_BYTES = 1024 };

/* "$scrypt$ln=14,r=8,p=1$SALT$HASH" in hexadecimal, with a fresh salt. */
err_t password_hash(struct span secret, char text[PASSWORD_TEXT_SIZE]) MUST_CHECK;
/* Is it of that form? */
bool password_is_hash(const char *text);
/* ERR_DENIED when the secret is another one; the time does not depend on it. text NULL: the same
 * work, always denied, for a name that nobody has. */
err_t password_check(const char *text, struct span secret) MUST_CHECK;

#endif
