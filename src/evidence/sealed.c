/*
 * sealed.c - the reply that only the attested TPM can read (azure-guest-protocol section 6).
 */
#include "evidence/azureguest.h"

#include "base/codec.h"
#include "crypto/seal.h"
#include "crypto/secret.h"

/* Beside the token in the inner document: a wrapped key of RSA-4096 and constants. */
enum { INNER_KEY_BYTES = 32, INNER_REST_BYTES = 4096 };

static const char transport_aad[] = "Transport Key";

static struct span aad(void)
{
    return span_of(transport_aad, sizeof(transport_aad) - 1);
}

static err_t write_sealed(struct arena *arena, const struct azureguest_sealed *sealed,
                          struct span *ret)
{
    CLEANUP(buf_done) struct buf inner = {0};
    CLEANUP(buf_done) struct buf outer = {0};
    size_t inner_max = sealed->jwt_cipher.len * 2 + INNER_REST_BYTES;
    err_t err;

    buf_init(&inner, inner_max);
    buf_init(&outer, inner_max * 2);
    /* Member order and spelling of the captured reply; all values are base64 or constants. */
    buf_add_str(&inner, "{\"Jwt\":\"");
    base64_encode(&inner, BASE64_STANDARD, sealed->jwt_cipher);
    buf_add_str(&inner, "\",\"EncryptedInnerKey\":\"");
    base64_encode(&inner, BASE64_STANDARD, sealed->wrapped_key);
    buf_add_str(
        &inner,
        "\",\"EncryptionParams\":{\"BlockMode\":\"ChainingModeGCM\",\"BlockPadding\":\"PKCS7\","
        "\"Cipher\":\"AES\",\"KeySizeInBits\":256,\"Iv\":\"");
    base64_encode(&inner, BASE64_STANDARD, sealed->iv);
    buf_add_str(&inner, "\"},\"AuthenticationData\":\"");
    base64_encode(&inner, BASE64_STANDARD, sealed->tag);
    buf_add_str(&inner, "\"}");
    err = buf_err(&inner);
    if (err) {
        return err;
    }
    buf_add_str(&outer, "{\"token\":\"");
    base64_encode(&outer, BASE64_URL, buf_span(&inner));
    buf_add_str(&outer, "\"}");
    return buf_copy(&outer, arena, ret);
}

err_t azureguest_seal_reply(struct arena *arena, struct span jwt, const struct pubkey *enc_key,
                            struct span *ret_body)
{
    uint8_t key[INNER_KEY_BYTES] = {0};
    uint8_t iv[GCM_IV_BYTES] = {0};
    uint8_t tag[GCM_TAG_BYTES] = {0};
    struct azureguest_sealed sealed = {.iv = span_of(iv, sizeof(iv)),
                                       .tag = span_of(tag, sizeof(tag))};
    err_t err = random_bytes(key, sizeof(key));

    err = err ? err : random_bytes(iv, sizeof(iv));
    err = err ? err
              : gcm_seal(arena, span_of(key, sizeof(key)), sealed.iv, aad(), jwt,
                         &sealed.jwt_cipher, tag);
    err =
        err ? err
            : pubkey_encrypt_pkcs1(enc_key, arena, span_of(key, sizeof(key)), &sealed.wrapped_key);
    explicit_bzero(key, sizeof(key));
    return err ? err : write_sealed(arena, &sealed, ret_body);
}

static err_t need_word(yyjson_val *object, const char *name, const char *wanted,
                       struct trail *trail)
{
    struct span text;
    err_t err = json_need_string(object, name, trail, &text);

    if (err == ERR_OK && !span_is(text, wanted)) {
        trail_set(trail, ERR_UNSUPPORTED, "must be %s", wanted);
        err = trail_in(trail, ERR_UNSUPPORTED, name);
    }
    return err;
}

static err_t parse_inner(struct arena *arena, struct span inner, struct trail *trail,
                         struct azureguest_sealed *ret)
{
    struct azureguest_sealed sealed = {0};
    yyjson_val *root = NULL;
    yyjson_val *params = NULL;
    err_t err = json_read(arena, inner, NULL, trail, &root);

    err = err ? err
              : json_need_base64(arena, root, "Jwt", BASE64_STANDARD, trail, &sealed.jwt_cipher);
    err = err ? err
              : json_need_base64(arena, root, "EncryptedInnerKey", BASE64_STANDARD, trail,
                                 &sealed.wrapped_key);
    err = err ? err
              : json_need_base64(arena, root, "AuthenticationData", BASE64_STANDARD, trail,
                                 &sealed.tag);
    err = err ? err : json_need_object(root, "EncryptionParams", trail, &params);
    err = err ? err : need_word(params, "BlockMode", "ChainingModeGCM", trail);
    err = err ? err : need_word(params, "BlockPadding", "PKCS7", trail);
    err = err ? err : need_word(params, "Cipher", "AES", trail);
    err = err ? err : json_need_base64(arena, params, "Iv", BASE64_STANDARD, trail, &sealed.iv);
    if (err == ERR_OK && (sealed.iv.len != GCM_IV_BYTES || sealed.tag.len != GCM_TAG_BYTES)) {
        err = trail_set(trail, ERR_VALUE, "the reply's IV or tag has the wrong length");
    }
    if (err == ERR_OK) {
        *ret = sealed;
    }
    return err;
}

err_t azureguest_parse_reply(struct arena *arena, struct span body, struct trail *trail,
                             struct azureguest_sealed *ret)
{
    yyjson_val *root = NULL;
    struct span inner = {0};
    err_t err = json_read(arena, body, NULL, trail, &root);

    err = err ? err : json_need_base64(arena, root, "token", BASE64_URL_LENIENT, trail, &inner);
    if (err) {
        return err;
    }
    err = parse_inner(arena, inner, trail, ret);
    return err ? trail_in(trail, err, "token") : ERR_OK;
}

err_t azureguest_open_reply(struct arena *arena, const struct azureguest_sealed *sealed,
                            struct span key, struct span *ret_jwt)
{
    if (key.len != 16 && key.len != 24 && key.len != 32) {
        return ERR_SIGNATURE;
    }
    return gcm_open(arena, key, sealed->iv, aad(), sealed->jwt_cipher, sealed->tag, ret_jwt);
}
