/*
 * failure.h - how far a call came and what stopped it, for whoever has to say what to do about it.
 */
#ifndef HTTPCLIENT_FAILURE_H
#define HTTPCLIENT_FAILURE_H

#include "base/err.h"

/* In the order in which a call passes them. */
enum http_stop {
    HTTP_STOP_NONE,
    HTTP_STOP_PROXY_NAME,   /* the proxy's name cannot be resolved */
    HTTP_STOP_PROXY_TCP,    /* no connection to the proxy */
    HTTP_STOP_PROXY_TLS,    /* TLS with the proxy itself; its certificate included */
    HTTP_STOP_PROXY_ANSWER, /* it does not open the way: see connect_status */
    HTTP_STOP_NAME,         /* the host's name cannot be resolved */
    HTTP_STOP_TCP,          /* no connection to the host */
    HTTP_STOP_TLS,          /* connected, but no TLS */
    HTTP_STOP_CERTIFICATE,  /* TLS, but the certificate is refused */
    HTTP_STOP_ANSWER,       /* TLS stands, but no whole answer of HTTP came */
    HTTP_STOP_OWN,          /* nobody else's doing: a file, memory, a limit */
};

enum http_certificate_fault {
    HTTP_CERTIFICATE_GOOD,
    HTTP_CERTIFICATE_ENDED,
    HTTP_CERTIFICATE_EARLY,  /* its validity has not begun */
    HTTP_CERTIFICATE_NAME,   /* it is for other names */
    HTTP_CERTIFICATE_ISSUER, /* it does not lead to a CA that is trusted */
    HTTP_CERTIFICATE_OTHER,
};

/* Ways of signing in that a proxy offers; bits. */
enum http_proxy_offer {
    HTTP_OFFERS_BASIC = 1,
    HTTP_OFFERS_DIGEST = 2,
    HTTP_OFFERS_NEGOTIATE = 4,
    HTTP_OFFERS_NTLM = 8,
};

enum { HTTP_PROXY_WORDS_MAX = 80 };

struct http_failure {
    enum http_stop stop;
    bool is_timeout;
    int os_error;                           /* of HTTP_STOP_TCP and _PROXY_TCP; 0 = not known */
    unsigned connect_status;                /* what the proxy answered to CONNECT; 0 = nothing */
    unsigned proxy_offers;                  /* of connect_status 407 */
    char proxy_words[HTTP_PROXY_WORDS_MAX]; /* its X-Squid-Error; printable, "" without one */
    enum http_certificate_fault certificate;
};

#endif
