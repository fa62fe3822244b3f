/*
 * helper-credential.c - MakeCredential for a script: EK public area and name in, blob and
 * encrypted secret out, in the file form of tpm2_activatecredential.
 *
 * helper-credential EK.pub AK.name SECRET OUT
 */
#include "base/buf.h"
#include "base/file.h"
#include "tpm/tpm.h"

#include <stdio.h>

static err_t run(struct arena *arena, char **argv, struct trail *trail)
{
    CLEANUP(pubkey_free) struct pubkey *key = NULL;
    CLEANUP(buf_done) struct buf out = {0};
    struct tpm_public ek;
    struct tpm_name name = {0};
    struct span bytes = {0};
    struct span secret = {0};
    struct span blob = {0};
    struct span encrypted = {0};
    err_t err = file_read(arena, argv[1], TPM_PUBLIC_MAX_BYTES, trail, &bytes);

    err = err ? err : tpm2b_public_parse(bytes, false, trail, &ek);
    err = err ? err : tpm_public_key(&ek, trail, &key);
    err = err ? err : file_read(arena, argv[2], TPM_NAME_MAX_BYTES, trail, &bytes);
    err = err ? err : file_read(arena, argv[3], HASH_MAX_BYTES, trail, &secret);
    if (err) {
        return err;
    }
    memcpy(name.bytes, bytes.data, bytes.len);
    name.len = bytes.len;
    err = tpm_make_credential(arena, &ek, key, &name, secret, &blob, &encrypted);
    if (err) {
        return err;
    }
    buf_init(&out, 4096);
    buf_u32be(&out, 0xbadcc0de); /* tpm2-tools' magic and version */
    buf_u32be(&out, 1);
    buf_add(&out, blob);
    buf_add(&out, encrypted);
    err = buf_err(&out);
    return err ? err : file_write(argv[4], buf_span(&out), 0600, trail);
}

int main(int argc, char **argv)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(1024 * 1024);
    struct trail trail = {0};
    char text[512];
    err_t err = argc != 5 ? ERR_USAGE : arena == NULL ? ERR_MEMORY : crypto_init();

    err = err ? err : run(arena, argv, &trail);
    if (err) {
        trail_format(&trail, err, text, sizeof(text));
        fprintf(stderr, "helper-credential: %s\n", text);
    }
    return err ? 1 : 0;
}
