/*
 * helper-token.c - tokens for a script.
 *
 * helper-token sign KIND DIR     key of KIND (rsa, p256, p384): DIR/token, DIR/jwks.json,
 *                                DIR/cert.pem, DIR/key.pem
 * helper-token mint DIR CLAIMS   the claims of a file, signed with that key; to standard output
 * helper-token verify JWKS TOKEN ISSUER NOW
 */
#include "base/file.h"
#include "base/timestamp.h"
#include "token/token.h"

#include <stdio.h>

static const char iss[] = "https://localhost:8443";

static err_t put(struct arena *arena, const char *folder, const char *name, struct span bytes,
                 struct trail *trail)
{
    return file_write(arena_printf(arena, "%s/%s", folder, name), bytes, 0600, trail);
}

static err_t get(struct arena *arena, const char *folder, const char *name, struct trail *trail,
                 struct span *ret)
{
    return file_read(arena, arena_printf(arena, "%s/%s", folder, name), TOKEN_MAX_BYTES, trail,
                     ret);
}

static err_t sign(struct arena *arena, const char *kind, const char *folder, struct trail *trail)
{
    CLEANUP(signkey_free) struct signkey *key = NULL;
    CLEANUP(cert_free) struct cert *cert = NULL;
    CLEANUP(token_key_free) struct token_key *signer = NULL;
    CLEANUP(token_keys_free) struct token_keys *keys = token_keys_new();
    int64_t now = timestamp_now();
    const struct cert_request request = {.profile = CERT_TOKEN,
                                         .common_name = iss,
                                         .not_before = now - 60,
                                         .not_after = now + 86400};
    yyjson_mut_doc *doc = json_new(arena);
    struct span token = {0};
    struct span jwks = {0};
    struct span pem = {0};
    struct span secret = {0};
    err_t err = signkey_generate(strcmp(kind, "rsa") == 0    ? SIGNKEY_RSA2048
                                 : strcmp(kind, "p256") == 0 ? SIGNKEY_P256
                                                             : SIGNKEY_P384,
                                 &key);

    err = err ? err : cert_issue(&request, signkey_public(key), NULL, key, &cert);
    err = err ? err : token_key_new(key, &cert, 1, &signer);
    err = err ? err : token_keys_add_own(keys, signer);
    err = err ? err : jwks_write(arena, keys, &jwks);
    err = err ? err : cert_pem(cert, arena, &pem);
    err = err ? err : signkey_pem(key, arena, &secret);
    err = err ? err
              : token_issue(signer, arena, "https://localhost:8443/certs", doc,
                            token_claims(doc, iss, now, 28800), &token);
    err = err ? err : put(arena, folder, "token", token, trail);
    err = err ? err : put(arena, folder, "jwks.json", jwks, trail);
    err = err ? err : put(arena, folder, "key.pem", secret, trail);
    return err ? err : put(arena, folder, "cert.pem", pem, trail);
}

static err_t mint(struct arena *arena, const char *folder, const char *path, struct trail *trail)
{
    CLEANUP(signkey_free) struct signkey *key = NULL;
    CLEANUP(cert_free) struct cert *cert = NULL;
    CLEANUP(token_key_free) struct token_key *signer = NULL;
    struct span bytes = {0};
    struct span token = {0};
    err_t err = get(arena, folder, "key.pem", trail, &bytes);

    err = err ? err : signkey_new_pem(bytes, &key);
    err = err ? err : get(arena, folder, "cert.pem", trail, &bytes);
    err = err ? err : cert_new_pem(bytes, trail, &cert);
    err = err ? err : token_key_new(key, &cert, 1, &signer);
    err = err ? err : file_read(arena, path, TOKEN_MAX_BYTES, trail, &bytes);
    err = err ? err : token_sign(signer, arena, NULL, bytes, &token);
    if (err == ERR_OK) {
        fwrite(token.data, 1, token.len, stdout);
    }
    return err;
}

static err_t verify(struct arena *arena, char **argv, struct trail *trail)
{
    CLEANUP(token_keys_free) struct token_keys *keys = NULL;
    struct token_verify_options options = {.iss = argv[4], .typ_may_be_absent = true, .skew_s = 60};
    struct token token = {0};
    struct span jwks = {0};
    struct span text = {0};
    size_t left_out = 0;
    err_t err = file_read(arena, argv[2], TOKEN_MAX_BYTES, trail, &jwks);

    err = err ? err : file_read(arena, argv[3], TOKEN_MAX_BYTES, trail, &text);
    err = err ? err : jwks_read(arena, jwks, trail, &keys, &left_out);
    err = err ? err : timestamp_parse(argv[5], &options.now);
    while (text.len > 0 && text.data[text.len - 1] == '\n') {
        text.len--;
    }
    options.keys = keys;
    return err ? err : token_verify(arena, text, &options, trail, &token);
}

int main(int argc, char **argv)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(4u * 1024 * 1024);
    struct trail trail = {0};
    char text[512];
    err_t err = arena == NULL ? ERR_MEMORY : crypto_init();

    if (err == ERR_OK && argc == 4 && strcmp(argv[1], "sign") == 0) {
        err = sign(arena, argv[2], argv[3], &trail);
    } else if (err == ERR_OK && argc == 4 && strcmp(argv[1], "mint") == 0) {
        err = mint(arena, argv[2], argv[3], &trail);
    } else if (err == ERR_OK && argc == 6 && strcmp(argv[1], "verify") == 0) {
        err = verify(arena, argv, &trail);
    } else if (err == ERR_OK) {
        err = ERR_USAGE;
    }
    if (err) {
        trail_format(&trail, err, text, sizeof(text));
        fprintf(stderr, "helper-token: %s\n", text);
    }
    return err ? 1 : 0;
}
