/* Who may send what is read here: whoever sits at the configured address, or on the way to it. */
#include "base/buf.h"
#include "base/text.h"
#include "httpclient/handle.h"

#include <string.h>

/* What OpenSSL calls them; curl passes its results on (CURLINFO_SSL_VERIFYRESULT). */
enum {
    VERIFY_OK = 0,
    VERIFY_NOT_TOLD = 1, /* curl has not asked OpenSSL yet */
    VERIFY_NO_ISSUER = 2,
    VERIFY_EARLY = 9,
    VERIFY_ENDED = 10,
    VERIFY_SELF_SIGNED = 18,
    VERIFY_SELF_SIGNED_IN_CHAIN = 19,
    VERIFY_NO_LOCAL_ISSUER = 20,
    VERIFY_NO_LEAF_SIGNATURE = 21,
};

static long info_long(CURL *curl, CURLINFO what)
{
    long value = 0;

    return curl_easy_getinfo(curl, what, &value) == CURLE_OK ? value : 0;
}

static bool has_passed(CURL *curl, CURLINFO time)
{
    curl_off_t us = 0;

    return curl_easy_getinfo(curl, time, &us) == CURLE_OK && us > 0;
}

/* The address of the peer is known when TCP stands; the time of the connection only when all of it
 * does, TLS included. */
static bool is_connected(CURL *curl)
{
    const char *peer = NULL;

    return (curl_easy_getinfo(curl, CURLINFO_PRIMARY_IP, &peer) == CURLE_OK && peer != NULL &&
            peer[0] != '\0') ||
           has_passed(curl, CURLINFO_CONNECT_TIME_T);
}

/* Where a call ended whose code does not say so itself. */
static enum http_stop stop_by_progress(CURL *curl, const struct http_proxy *proxy,
                                       unsigned connect_status)
{
    bool is_reused = info_long(curl, CURLINFO_NUM_CONNECTS) == 0;
    bool needs_tunnel = (proxy->kind == HTTP_PROXY_HTTP || proxy->kind == HTTP_PROXY_HTTPS) &&
                        connect_status != 200 && !is_reused;

    if (has_passed(curl, CURLINFO_APPCONNECT_TIME_T) && !needs_tunnel) {
        return HTTP_STOP_ANSWER;
    }
    if (!has_passed(curl, CURLINFO_NAMELOOKUP_TIME_T)) {
        return proxy->kind != HTTP_PROXY_NONE ? HTTP_STOP_PROXY_NAME : HTTP_STOP_NAME;
    }
    if (!is_connected(curl)) {
        return proxy->kind != HTTP_PROXY_NONE ? HTTP_STOP_PROXY_TCP : HTTP_STOP_TCP;
    }
    return needs_tunnel ? HTTP_STOP_PROXY_ANSWER : HTTP_STOP_TLS;
}

static enum http_stop stop_of(CURL *curl, CURLcode code, const struct http_proxy *proxy,
                              unsigned connect_status)
{
    bool is_before_proxy = proxy->kind == HTTP_PROXY_HTTPS && connect_status == 0;

    switch ((int)code) { /* the enum has a hundred members and grows */
    case CURLE_COULDNT_RESOLVE_PROXY:
        return HTTP_STOP_PROXY_NAME;
    case CURLE_COULDNT_RESOLVE_HOST:
        return HTTP_STOP_NAME;
    case CURLE_COULDNT_CONNECT:
        return proxy->kind != HTTP_PROXY_NONE ? HTTP_STOP_PROXY_TCP : HTTP_STOP_TCP;
    case CURLE_PROXY: /* of SOCKS alone */
        return HTTP_STOP_PROXY_ANSWER;
    case CURLE_PEER_FAILED_VERIFICATION:
        return is_before_proxy ? HTTP_STOP_PROXY_TLS : HTTP_STOP_CERTIFICATE;
    case CURLE_SSL_CONNECT_ERROR:
        return is_before_proxy ? HTTP_STOP_PROXY_TLS : HTTP_STOP_TLS;
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL: /* an answer of HTTP/0.9 */
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
        return stop_by_progress(curl, proxy, connect_status);
    default:
        return HTTP_STOP_OWN;
    }
}

static enum http_certificate_fault certificate_fault(long result)
{
    switch (result) {
    case VERIFY_OK: /* the chain holds, so it was curl's own look at the names */
    case VERIFY_NOT_TOLD:
        return HTTP_CERTIFICATE_NAME;
    case VERIFY_EARLY:
        return HTTP_CERTIFICATE_EARLY;
    case VERIFY_ENDED:
        return HTTP_CERTIFICATE_ENDED;
    case VERIFY_NO_ISSUER:
    case VERIFY_SELF_SIGNED:
    case VERIFY_SELF_SIGNED_IN_CHAIN:
    case VERIFY_NO_LOCAL_ISSUER:
    case VERIFY_NO_LEAF_SIGNATURE:
        return HTTP_CERTIFICATE_ISSUER;
    default:
        return HTTP_CERTIFICATE_OTHER;
    }
}

static unsigned offers_of(long methods)
{
    unsigned offers = 0;

    offers |= (methods & (long)CURLAUTH_BASIC) != 0 ? HTTP_OFFERS_BASIC : 0u;
    offers |= (methods & (long)CURLAUTH_DIGEST) != 0 ? HTTP_OFFERS_DIGEST : 0u;
    offers |= (methods & (long)CURLAUTH_NEGOTIATE) != 0 ? HTTP_OFFERS_NEGOTIATE : 0u;
    offers |= (methods & (long)CURLAUTH_NTLM) != 0 ? HTTP_OFFERS_NTLM : 0u;
    return offers;
}

static void read_failure(CURL *curl, CURLcode code, const struct http_proxy *proxy,
                         struct http_failure *f)
{
    f->connect_status = (unsigned)info_long(curl, CURLINFO_HTTP_CONNECTCODE);
    f->stop = stop_of(curl, code, proxy, f->connect_status);
    f->is_timeout = code == CURLE_OPERATION_TIMEDOUT;
    if (f->stop == HTTP_STOP_TCP || f->stop == HTTP_STOP_PROXY_TCP) {
        f->os_error = (int)info_long(curl, CURLINFO_OS_ERRNO);
    }
    if (f->connect_status == 407) {
        f->proxy_offers = offers_of(info_long(curl, CURLINFO_PROXYAUTH_AVAIL));
    }
    if (code == CURLE_PEER_FAILED_VERIFICATION) {
        f->certificate = certificate_fault(info_long(curl, f->stop == HTTP_STOP_PROXY_TLS
                                                               ? CURLINFO_PROXY_SSL_VERIFYRESULT
                                                               : CURLINFO_SSL_VERIFYRESULT));
    }
}

static const char *refused_user(const struct http_proxy *proxy, unsigned offers)
{
    if (offers == HTTP_OFFERS_NTLM) {
        return "wants NTLM, which is not spoken here";
    }
    if (offers != 0 && (offers & (HTTP_OFFERS_BASIC | HTTP_OFFERS_DIGEST)) == 0) {
        return "wants a Kerberos ticket, and this machine has none that it takes";
    }
    return proxy->user == NULL ? "wants a user and a password, and none are set"
                               : "refuses the user or the password that are set";
}

/* HTTP_STOP_PROXY_ANSWER */
static void say_proxy_answer(const struct http_client *client, const char *curl_words, err_t err,
                             struct trail *trail)
{
    const struct http_failure *f = &client->failure;
    const char *proxy = client->proxy.at.text, *host = client->address.text;

    if (f->connect_status == 407) {
        trail_set(trail, err, "the proxy %s %s (407)", proxy,
                  refused_user(&client->proxy, f->proxy_offers));
    } else if (f->connect_status == 403) {
        trail_set(trail, err, "the rules of the proxy %s forbid the way to %s (403)", proxy, host);
    } else if (f->connect_status >= 500) {
        trail_set(trail, err, "the proxy %s cannot reach %s (%u%s%s)", proxy, host,
                  f->connect_status, f->proxy_words[0] != '\0' ? ", " : "", f->proxy_words);
    } else if (f->connect_status != 0) {
        trail_set(trail, err, "the proxy %s does not open the way to %s (%u)", proxy, host,
                  f->connect_status);
    } else if (f->is_timeout) {
        trail_set(trail, err, "the proxy %s did not open the way to %s in time", proxy, host);
    } else {
        trail_set(trail, err, "the proxy %s does not open the way to %s: %s", proxy, host,
                  curl_words);
    }
}

static void say_tcp(const struct http_client *client, const char *curl_words, err_t err,
                    struct trail *trail)
{
    const struct http_failure *f = &client->failure;
    bool is_proxy = f->stop == HTTP_STOP_PROXY_TCP;
    /* "Connection refused", "No route to host": what to look for. curl's words lack it. */
    const char *why = f->is_timeout      ? "Connection timed out"
                      : f->os_error != 0 ? strerror(f->os_error)
                                         : curl_words;

    if (is_proxy) {
        trail_set(trail, err, "no connection to the proxy %s: %s", client->proxy.at.text, why);
    } else {
        trail_set(trail, err, "%s", why);
    }
}

static void say(const struct http_client *client, CURLcode code, err_t err, struct trail *trail)
{
    const struct http_failure *f = &client->failure;
    const char *words = client->words[0] != '\0' ? client->words : curl_easy_strerror(code);
    const char *proxy = client->proxy.at.text;

    switch (f->stop) {
    case HTTP_STOP_PROXY_NAME:
        trail_set(trail, err, "the name of the proxy %s cannot be resolved", proxy);
        break;
    case HTTP_STOP_PROXY_TCP:
    case HTTP_STOP_TCP:
        say_tcp(client, words, err, trail);
        break;
    case HTTP_STOP_PROXY_TLS:
        trail_set(trail, err, "%s the proxy %s%s: %s",
                  f->certificate != HTTP_CERTIFICATE_GOOD ? "the certificate of" : "TLS with",
                  proxy, f->certificate != HTTP_CERTIFICATE_GOOD ? " is refused" : " failed",
                  words);
        break;
    case HTTP_STOP_PROXY_ANSWER:
        say_proxy_answer(client, words, err, trail);
        break;
    case HTTP_STOP_NAME:
        trail_set(trail, err, "the name cannot be resolved: %s", words);
        break;
    case HTTP_STOP_TLS:
        if (f->is_timeout) {
            trail_set(trail, err, "connected, but TLS timed out");
        } else {
            trail_set(trail, err, "TLS failed: %s", words);
        }
        break;
    case HTTP_STOP_CERTIFICATE:
        trail_set(trail, err, "the server's certificate is refused: %s", words);
        break;
    case HTTP_STOP_ANSWER:
        if (f->is_timeout) {
            trail_set(trail, err, "connected, but the answer did not come in time");
        } else if (code == CURLE_GOT_NOTHING) {
            trail_set(trail, err, "the server closed the connection without an answer");
        } else {
            trail_set(trail, err, "the connection broke: %s", words);
        }
        break;
    case HTTP_STOP_NONE:
    case HTTP_STOP_OWN:
        trail_set(trail, err, "%s", words);
        break;
    }
}

err_t failure_read(struct http_client *client, CURL *curl, CURLcode code, const struct buf *body,
                   struct trail *trail)
{
    struct http_failure *f = &client->failure;
    err_t err = ERR_NETWORK;

    read_failure(curl, code, &client->proxy, f);
    if (body != NULL && body->err != ERR_OK) {
        f->stop = HTTP_STOP_OWN;
        err = body->err == ERR_TOO_LARGE
                  ? trail_set(trail, ERR_TOO_LARGE, "the answer is larger than %zu bytes",
                              client->body_max_bytes)
                  : body->err;
    } else if (code == CURLE_SSL_CACERT_BADFILE) {
        err = trail_set(trail, ERR_USAGE, "the CA file '%.200s' holds no certificate in PEM form",
                        client->ca_file != NULL ? client->ca_file : "of the system");
    } else if (code == CURLE_OUT_OF_MEMORY) {
        err = ERR_MEMORY;
    } else {
        err = f->is_timeout                             ? ERR_TIMEOUT
              : f->certificate != HTTP_CERTIFICATE_GOOD ? ERR_UNTRUSTED
                                                        : ERR_NETWORK;
        say(client, code, err, trail);
    }
    return trail_in(trail, err, client->address.text);
}

size_t failure_take_header(char *bytes, size_t size, size_t count, void *context)
{
    static const char name[] = "X-Squid-Error:";
    struct http_client *client = context;
    struct span line = span_of(bytes, size * count);
    size_t len = sizeof(name) - 1;

    if (line.len > len && text_span_equal_nocase(span_cut(line, 0, len), name)) {
        while (len < line.len && line.data[len] == ' ') {
            len++;
        }
        while (line.len > len &&
               (line.data[line.len - 1] == '\n' || line.data[line.len - 1] == '\r')) {
            line.len--;
        }
        text_escape(span_cut(line, len, line.len), client->failure.proxy_words,
                    sizeof(client->failure.proxy_words));
    }
    return size * count;
}
