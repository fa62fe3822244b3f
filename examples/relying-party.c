/*
 * relying-party.c - let a machine in, or not: an example for libbootwarden.
 *
 *     relying-party KEYS.json TOKEN ISSUER NONCE
 *
 * KEYS.json is what ISSUER serves at /certs, fetched over TLS beforehand. NONCE is what this
 * program handed out to the machine for this very occasion; TOKEN is the file with the token that
 * came back. Exit status: 0 let in, 1 not, 2 wrong use.
 */
#include <bootwarden.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* The whole file, or NULL; the caller frees it. */
static char *read_file(const char *path, size_t *ret_len)
{
    const size_t max = BOOTWARDEN_TOKEN_MAX_BYTES + 1; /* one more: the library refuses it */
    FILE *file = fopen(path, "rb");
    char *text = file == NULL ? NULL : malloc(max);

    if (text == NULL) {
        perror(path);
    } else {
        *ret_len = fread(text, 1, max, file);
    }
    if (file != NULL) {
        fclose(file);
    }
    return text;
}

static int deny(const char *why)
{
    printf("denied: %s\n", why);
    return 1;
}

/* The token holds: does the machine? */
static int decide(const struct bootwarden_token *token)
{
    bool secure_boot = false;
    const char *machine = "unnamed";
    enum bootwarden_status status = bootwarden_token_boolean(token, "secureboot", &secure_boot);

    if (status != BOOTWARDEN_OK) {
        return deny(bootwarden_status_text(status));
    }
    if (!secure_boot) {
        return deny("the machine booted without Secure Boot");
    }
    if (bootwarden_token_text(token, "x-ms-azurevm-vmid", &machine, NULL) != BOOTWARDEN_OK) {
        return deny("the token does not say which machine it is");
    }
    printf("welcome, %s\n", machine);
    return 0;
}

int main(int argc, char **argv)
{
    struct bootwarden_demands demands = {.size = sizeof(demands), .skew_s = 60};
    struct bootwarden_fault fault = {.status = BOOTWARDEN_OK};
    struct bootwarden_keys *keys = NULL;
    struct bootwarden_token *token = NULL;
    char *jwks = NULL, *text = NULL;
    size_t jwks_len = 0, text_len = 0;
    int code = 2;

    if (argc != 5) {
        fprintf(stderr, "usage: relying-party KEYS.json TOKEN ISSUER NONCE\n");
        return 2;
    }
    jwks = read_file(argv[1], &jwks_len);
    text = read_file(argv[2], &text_len);
    demands.issuer = argv[3];
    demands.nonce = argv[4];
    demands.now = (int64_t)time(NULL);
    if (jwks != NULL && text != NULL) {
        if (bootwarden_keys_new(jwks, jwks_len, &keys, &fault) != BOOTWARDEN_OK ||
            bootwarden_token_verify(keys, text, text_len, &demands, &token, &fault) !=
                BOOTWARDEN_OK) {
            code = deny(fault.words);
        } else {
            code = decide(token);
        }
    }
    bootwarden_token_free(token);
    bootwarden_keys_free(keys);
    free(jwks);
    free(text);
    return code;
}
