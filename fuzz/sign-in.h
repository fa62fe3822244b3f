/*
 * sign-in.h - an identity provider that nobody is registered at, for fuzz-sign-in.c.
 */
#ifndef FUZZ_SIGN_IN_H
#define FUZZ_SIGN_IN_H

#include "identity/idp.h"

#include <stdlib.h>

static inline struct idp *sign_in_provider(void)
{
    const struct cert_request request = {
        .profile = CERT_TOKEN, .common_name = "x", .not_after = 99};
    struct idp_options options = {.endpoint = "https://localhost", .n_keys = 1};
    struct token_key *token = NULL;
    struct signkey *key = NULL;
    struct cert *cert = NULL;
    struct idp *provider = NULL;

    if (crypto_init() != ERR_OK || signkey_generate(SIGNKEY_P256, &key) != ERR_OK ||
        cert_issue(&request, signkey_public(key), NULL, key, &cert) != ERR_OK ||
        token_key_new(key, &cert, 1, &token) != ERR_OK ||
        principals_new(&options.principals) != ERR_OK) {
        abort();
    }
    options.keys = &token;
    if (idp_new(&options, &provider) != ERR_OK) {
        abort();
    }
    token_key_free(token);
    cert_free(cert);
    signkey_free(key);
    principals_free(options.principals);
    return provider;
}

#endif
