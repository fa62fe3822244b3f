#include "http/worker.h"

#include "base/file.h"

#include <openssl/err.h>

static const unsigned char protocol[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};

/* ALPN (RFC 7301): clients that offer h2 as well learn what is spoken here. */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                           const unsigned char *in, unsigned in_len, void *context)
{
    unsigned char *chosen = NULL;

    (void)ssl;
    (void)context;
    if (SSL_select_next_proto(&chosen, out_len, protocol, sizeof(protocol), in, in_len) !=
        OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_NOACK;
    }
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static err_t tls_error(struct trail *trail, err_t err, const char *path, const char *what)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;

    trail_set(trail, err, "%s%s%s", what, reason != NULL ? ": " : "", reason != NULL ? reason : "");
    ERR_clear_error();
    return trail_in(trail, err, path);
}

static bool set_options(SSL_CTX *tls)
{
    static const unsigned char session_context[] = "bootwarden";

    SSL_CTX_set_options(tls, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(tls, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    /* Tickets instead of a cache: workers share the ticket key, not a locked table. */
    SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_alpn_select_cb(tls, choose_protocol, NULL);
    return SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_session_id_context(tls, session_context, sizeof(session_context) - 1) == 1;
}

err_t tls_context_new(const char *certificate_file, const char *key_file, struct trail *trail,
                      SSL_CTX **ret)
{
    SSL_CTX *tls;
    err_t err = file_check_private(key_file, trail);

    if (err) {
        return err;
    }
    ERR_clear_error();
    tls = SSL_CTX_new(TLS_server_method());
    if (tls == NULL || !set_options(tls)) {
        err = tls_error(trail, ERR_CRYPTO, certificate_file, "TLS does not start");
    } else if (SSL_CTX_use_certificate_chain_file(tls, certificate_file) != 1) {
        err = tls_error(trail, ERR_VALUE, certificate_file, "is no usable certificate");
    } else if (SSL_CTX_use_PrivateKey_file(tls, key_file, SSL_FILETYPE_PEM) != 1 ||
               SSL_CTX_check_private_key(tls) != 1) {
        err = tls_error(trail, ERR_VALUE, key_file, "is not the key of the certificate");
    }
    if (err) {
        SSL_CTX_free(tls);
        return err;
    }
    *ret = tls;
    return ERR_OK;
}
