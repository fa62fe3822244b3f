/*
 * pem.c - textual encodings (RFC 7468).
 */
#include "base/codec.h"
#include "crypto/internal.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>

DEFINE_CLEANUP(BIO *, BIO_free_all)

err_t pem_next(struct span pem, size_t *from, const char *name, uint8_t **ret, size_t *ret_len)
{
    struct span rest = span_cut(pem, *from, pem.len);
    CLEANUP(BIO_free_all) BIO *bio = NULL;
    bool found = false;

    if (rest.len == 0 || rest.len > INT_MAX) {
        return ERR_NOT_FOUND;
    }
    bio = BIO_new_mem_buf(rest.data, (int)rest.len);
    if (bio == NULL) {
        return ERR_MEMORY;
    }
    while (!found) {
        char *word = NULL;
        char *header = NULL;
        unsigned char *data = NULL;
        long len = 0;

        if (PEM_read_bio(bio, &word, &header, &data, &len) != 1) {
            bool is_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;

            return openssl_failed(is_end ? ERR_NOT_FOUND : ERR_MALFORMED);
        }
        /* A header would mean encryption. */
        found = strcmp(word, name) == 0 && header[0] == '\0' && len > 0;
        if (found) {
            *ret = data;
            *ret_len = (size_t)len;
        } else {
            OPENSSL_clear_free(data, (size_t)len);
        }
        OPENSSL_free(word);
        OPENSSL_free(header);
    }
    *from = pem.len - (size_t)BIO_pending(bio);
    return ERR_OK;
}

void pem_put(struct buf *out, const char *name, struct span der)
{
    buf_addf(out, "-----BEGIN %s-----\n", name);
    for (size_t at = 0; at < der.len; at += 48) {
        base64_encode(out, BASE64_STANDARD, span_cut(der, at, 48));
        buf_add_char(out, '\n');
    }
    buf_addf(out, "-----END %s-----\n", name);
}
