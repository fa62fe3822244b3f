/*
 * provider-request.c - requests of owners: signed where somebody signs, and answers believed once
 * they verify. Who may send the answers read here: whoever sits at the provider's address.
 */
#include "cli/provider.h"

#include "base/file.h"
#include "base/timestamp.h"
#include "crypto/secret.h"
#include "provider/request.h"

#include <string.h>

#define VERSION "2025-06-01"

enum {
    KEY_FILE_MAX_BYTES = 64 * 1024,
    CERT_FILE_MAX_BYTES = 256 * 1024,
    RESULT_MAX_BYTES = 1024 * 1024, /* a policy of 256 KiB, in base64url three times */
    CLOCK_SKEW_S = 300,
};

/* ---- signing ---- */

void provider_signing_done(struct provider_signing *signing)
{
    token_key_free(signing->key);
    signing->key = NULL;
}

int provider_read_cert(const struct online *online, const char *path, struct cert **ret)
{
    struct span bytes = {0};
    struct trail trail = {0};
    err_t err = file_read(online->arena, path, CERT_FILE_MAX_BYTES, &trail, &bytes);

    if (err == ERR_OK) {
        err = cert_new_pem(bytes, &trail, ret);
        err = err ? trail_set(&trail, err, "holds no certificate in PEM form") : ERR_OK;
    }
    if (err == ERR_OK && cert_key(*ret) == NULL) {
        err = trail_set(&trail, ERR_UNSUPPORTED,
                        "the key of this certificate is of a kind that is not accepted; take RSA "
                        "of 2048 bits or more, P-256, P-384 or P-521");
    }
    return err ? cli_fail(online->command, path, err, &trail) : EXIT_YES;
}

static bool holds(struct span text, const char *words)
{
    return text.len > 0 && memmem(text.data, text.len, words, strlen(words)) != NULL;
}

/* For words alone: what is used is never read twice. */
static bool is_certificate(const struct online *online, const char *path)
{
    static const char begin[] = "-----BEGIN CERTIFICATE-----";
    struct span pem = {0};
    bool is_one = file_read(online->arena, path, KEY_FILE_MAX_BYTES, NULL, &pem) == ERR_OK &&
                  !holds(pem, "PRIVATE KEY-----") && holds(pem, begin);

    secret_wipe(pem);
    return is_one;
}

static err_t read_key(const struct online *online, const char *path, struct trail *trail,
                      struct signkey **ret)
{
    struct span pem = {0};
    struct trail inner = {0};
    err_t err = file_read_private(online->arena, path, KEY_FILE_MAX_BYTES, &inner, &pem);

    if (err == ERR_OK) {
        err = signkey_new_pem(pem, ret);
        secret_wipe(pem);
        if (err == ERR_OK) {
            return ERR_OK;
        }
        trail_set(&inner, err,
                  "holds no private key in PKCS#8 PEM form without a passphrase; 'openssl pkey -in "
                  "OLD -out NEW' writes one");
    }
    if (is_certificate(online, path)) { /* whatever its mode */
        return trail_set(trail, ERR_VALUE,
                         "holds a certificate and no private key; it belongs to --sign-cert, its "
                         "key to --sign-key");
    }
    *trail = inner;
    return err;
}

/* All of the file, in its order: the leaf, and what is above it. */
static err_t read_chain(const struct online *online, const char *path, struct trail *trail,
                        struct cert *chain[TOKEN_MAX_CHAIN], size_t *ret_n)
{
    CLEANUP(cert_store_free) struct cert_store *store = cert_store_new();
    struct span bytes = {0};
    err_t err = store == NULL ? ERR_MEMORY
                              : file_read(online->arena, path, CERT_FILE_MAX_BYTES, trail, &bytes);

    err = err ? err : cert_store_add_file(store, bytes, trail);
    if (err == ERR_OK && cert_store_count(store) > TOKEN_MAX_CHAIN) {
        err = trail_set(trail, ERR_TOO_MANY, "holds more than %d certificates", TOKEN_MAX_CHAIN);
    }
    for (size_t i = 0; err == ERR_OK && i < cert_store_count(store); i++) {
        err = cert_new_der(cert_der(cert_store_at(store, i)), trail, &chain[i]);
        *ret_n = err ? *ret_n : i + 1;
    }
    return err;
}

int provider_signing_load(const struct online *online, struct provider_signing *signing)
{
    CLEANUP(signkey_free) struct signkey *key = NULL;
    struct cert *chain[TOKEN_MAX_CHAIN] = {NULL};
    struct trail trail = {0};
    const char *at = signing->key_path;
    size_t n = 0;
    err_t err;

    if (signing->key_path == NULL && signing->cert_path == NULL) {
        return EXIT_YES;
    }
    if (signing->key_path == NULL || signing->cert_path == NULL) {
        cli_complain(online->command, "--sign-key and --sign-cert belong together: write both");
        return EXIT_USAGE;
    }
    err = read_key(online, at, &trail, &key);
    if (err == ERR_OK) {
        at = signing->cert_path;
        err = read_chain(online, at, &trail, chain, &n);
    }
    if (err == ERR_OK) {
        err = token_key_new(key, chain, n, &signing->key);
        if (err == ERR_MISMATCH) {
            trail_set(&trail, err, "its first certificate is not of the key in --sign-key");
        }
    }
    for (size_t i = 0; i < n; i++) {
        cert_free(chain[i]);
    }
    return err ? cli_fail(online->command, at, err, &trail) : EXIT_YES;
}

int provider_jws(const struct online *online, const struct provider_signing *signing,
                 struct span payload, struct span *ret)
{
    const struct token_header header = {.cert = TOKEN_X5C};
    err_t err = ERR_OK;

    if (signing->key != NULL) {
        err = token_sign_with(signing->key, online->arena, &header, payload, ret);
    } else if (payload.len == 0) {
        *ret = span_str(owner_request_empty);
    } else {
        err = jws_unsecured(online->arena, payload, ret);
    }
    return err ? cli_fail(online->command, "signing", err, NULL) : EXIT_YES;
}

/* ---- results ---- */

static int read_keys(const struct online *online, const struct provider_target *target,
                     const struct online_answer *answer, struct token_keys **ret)
{
    struct trail trail = {0};
    size_t left_out = 0;
    err_t err = jwks_read(online->arena, answer->body, &trail, ret, &left_out);

    return err ? online_distrust(online,
                                 arena_printf(online->arena, "%s: its keys (/certs)", target->name),
                                 err, &trail)
               : EXIT_YES;
}

int provider_keys(struct online *online, const struct provider_target *target,
                  struct token_keys **ret)
{
    const struct online_request request = {.base = target->uri, .method = "GET", .path = "/certs"};
    struct online_answer answer = {0};
    int code = online_call(online, &request, &answer);

    if (code != EXIT_YES || answer.status != 200) {
        return code;
    }
    return read_keys(online, target, &answer, ret);
}

static int verify(struct online *online, const struct provider_call *call, struct span text,
                  yyjson_val **ret)
{
    CLEANUP(token_keys_free) struct token_keys *keys = NULL;
    struct token_verify_options options = {
        .iss = call->target->uri,
        .now = timestamp_now(),
        .skew_s = CLOCK_SKEW_S,
        .max_bytes = RESULT_MAX_BYTES,
    };
    struct token token = {0};
    struct trail trail = {0};
    err_t err;
    int code = provider_keys(online, call->target, &keys);

    if (code != EXIT_YES) {
        return code;
    }
    if (keys == NULL) {
        return online_distrust(online,
                               arena_printf(online->arena,
                                            "%s: its keys (/certs) cannot be read, so its answer "
                                            "cannot be verified",
                                            call->what),
                               ERR_OK, NULL);
    }
    options.keys = keys;
    err = token_verify(online->arena, text, &options, &trail, &token);
    if (err) {
        return online_distrust(online, call->what, err, &trail);
    }
    *ret = token.payload;
    return EXIT_YES;
}

int provider_result(struct online *online, const struct provider_call *call, yyjson_val **ret)
{
    const struct online_request request = {
        .audience = ONLINE_ATTESTATION,
        .base = call->target->uri,
        .method = call->method,
        .path = arena_printf(online->arena, "%s?api-version=" VERSION, call->path),
        .body = call->body,
        .content_type = call->content_type,
        .look_with = call->look_with,
    };
    struct online_answer answer = {0};
    struct span text;
    int code = online_call(online, &request, &answer);

    if (code != EXIT_YES) {
        return code;
    }
    if (answer.status != 200) {
        return online_refused(
            online, call->what, &answer,
            strcmp(online_error_code(&answer), "InvalidOperation") == 0 ? call->remedy : NULL);
    }
    text = json_span(json_get(answer.json, "token"));
    if (text.data == NULL) {
        return online_distrust(
            online, arena_printf(online->arena, "%s: the answer has no token", call->what), ERR_OK,
            NULL);
    }
    return verify(online, call, text, ret);
}
