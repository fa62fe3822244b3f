/* Who may send what is read here: whoever sits at the configured address, or on the way to it. */
#include "httpclient/probe.h"

#include "base/text.h"
#include "httpclient/handle.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>

enum { CERTIFICATE_PEM_MAX = 32 * 1024 };

/* ---- addresses ---- */

struct tried {
    struct arena *arena;
    struct http_probe *probe;
};

static const char *numeric_text(struct arena *arena, const struct sockaddr *address)
{
    char text[INET6_ADDRSTRLEN] = "";
    struct sockaddr_in6 in6;
    struct sockaddr_in in;

    if (address->sa_family == AF_INET6) {
        memcpy(&in6, address, sizeof(in6));
        inet_ntop(AF_INET6, &in6.sin6_addr, text, sizeof(text));
    } else if (address->sa_family == AF_INET) {
        memcpy(&in, address, sizeof(in));
        inet_ntop(AF_INET, &in.sin_addr, text, sizeof(text));
    }
    return arena_printf(arena, "%s", text);
}

/* curl shows each address here before it connects, and nowhere else. */
static curl_socket_t note_address(void *context, curlsocktype purpose, struct curl_sockaddr *to)
{
    struct tried *tried = context;
    struct http_probe *probe = tried->probe;
    const char *text = numeric_text(tried->arena, &to->addr);

    (void)purpose;
    if (text != NULL && text[0] != '\0' && probe->n_addresses < HTTP_PROBE_ADDRESSES) {
        probe->addresses[probe->n_addresses++] = text;
    }
    return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

static void add_name(struct arena *arena, const struct addrinfo *found, struct http_name *name)
{
    const char *text = numeric_text(arena, found->ai_addr);

    name->has_ipv4 |= found->ai_family == AF_INET;
    name->has_ipv6 |= found->ai_family == AF_INET6;
    if (text != NULL && text[0] != '\0' && name->n_addresses < HTTP_PROBE_ADDRESSES) {
        name->addresses[name->n_addresses++] = text;
    }
}

static enum http_name_fault name_fault(int code)
{
    switch (code) {
    case 0:
        return HTTP_NAME_FOUND;
    case EAI_NONAME:
    case EAI_NODATA:
        return HTTP_NAME_UNKNOWN;
    case EAI_AGAIN:
    case EAI_FAIL:
        return HTTP_NAME_NO_ANSWER;
    default:
        return HTTP_NAME_OTHER;
    }
}

enum http_name_fault http_name_look_up(const char *host, struct arena *arena, struct http_name *ret)
{
    const struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_IDN};
    struct http_name name = {.words = ""};
    struct addrinfo *found = NULL;
    struct in6_addr address;
    int code;

    name.is_numeric =
        inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;
    code = getaddrinfo(host, NULL, &hints, &found);
    for (const struct addrinfo *one = found; code == 0 && one != NULL; one = one->ai_next) {
        add_name(arena, one, &name);
    }
    if (code == 0) {
        freeaddrinfo(found);
    } else {
        name.words = gai_strerror(code);
    }
    *ret = name;
    return name_fault(code);
}

/* ---- the walk ---- */

static uint32_t time_ms(CURL *curl, CURLINFO what)
{
    curl_off_t us = 0;

    if (curl_easy_getinfo(curl, what, &us) != CURLE_OK || us <= 0) {
        return 0;
    }
    return us < 1000 ? 1 : (uint32_t)(us / 1000);
}

/* "Name:value" lines of the first certificate: the server's own. */
static err_t take_certificate(CURL *curl, struct arena *arena, struct http_probe *probe)
{
    static const char names[] = "X509v3 Subject Alternative Name:";
    static const char pem[] = "Cert:";
    struct curl_certinfo *info = NULL;

    if (curl_easy_getinfo(curl, CURLINFO_CERTINFO, &info) != CURLE_OK || info == NULL ||
        info->num_of_certs < 1) {
        return ERR_OK;
    }
    for (const struct curl_slist *line = info->certinfo[0]; line != NULL; line = line->next) {
        struct span text = span_str(line->data);

        if (span_starts(text, names)) {
            probe->certificate_names = text_escape_dup(
                arena, span_cut(text, sizeof(names) - 1, text.len), HTTP_PROBE_NAMES_MAX);
        } else if (span_starts(text, pem) && text.len <= CERTIFICATE_PEM_MAX) {
            probe->certificate = arena_dup(arena, span_cut(text, sizeof(pem) - 1, text.len));
            if (probe->certificate.data == NULL) {
                return ERR_MEMORY;
            }
        }
    }
    return ERR_OK;
}

static CURLcode set_up(struct http_client *client, CURL *curl, const char *url, struct buf *answer)
{
    CURLcode code = handle_set_fixed(client, curl);

    code = code ? code : handle_set_call(curl, "GET", url, (struct span){0}, NULL, answer);
    return code ? code : curl_easy_setopt(curl, CURLOPT_CERTINFO, 1L);
}

/* The certificate that was refused. The connection ends behind the handshake: whoever is there gets
 * nothing from us. */
static err_t inspect(struct http_client *client, const char *url, struct arena *arena,
                     struct http_probe *probe)
{
    CLEANUP(buf_done) struct buf answer = {0};
    const struct http_failure failure = client->failure;
    CURL *curl = curl_easy_init();
    CURLcode code;
    err_t err = ERR_OK;

    if (curl == NULL) {
        return ERR_MEMORY;
    }
    buf_init(&answer, client->body_max_bytes);
    code = set_up(client, curl, url, &answer);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
    if (code == CURLE_OK && curl_easy_perform(curl) == CURLE_OK) {
        err = take_certificate(curl, arena, probe);
    }
    curl_easy_cleanup(curl);
    client->failure = failure;
    return err;
}

static err_t read_result(struct http_client *client, CURL *curl, CURLcode code, struct buf *answer,
                         struct arena *arena, struct trail *trail, struct http_probe *probe)
{
    struct trail inner = {0};
    err_t err = ERR_OK;

    probe->connect_ms = time_ms(curl, CURLINFO_CONNECT_TIME_T);
    probe->tls_ms = time_ms(curl, CURLINFO_APPCONNECT_TIME_T);
    probe->total_ms = time_ms(curl, CURLINFO_TOTAL_TIME_T);
    if (code == CURLE_OK) {
        err = handle_read_reply(curl, answer, arena, &probe->reply);
    } else {
        err = failure_read(client, curl, code, answer, &inner);
        if (err == ERR_USAGE || err_category(err) == ERR_CAT_INTERNAL) {
            return trail_set(trail, err, "%s", inner.what);
        }
        err = ERR_OK;
    }
    probe->failure = client->failure;
    probe->words = text_escape_dup(arena, span_str(inner.what), TRAIL_WHAT_MAX);
    return err ? err : take_certificate(curl, arena, probe);
}

err_t http_client_probe(struct http_client *client, const char *path, struct arena *arena,
                        struct trail *trail, struct http_probe *ret)
{
    CLEANUP(buf_done) struct buf answer = {0};
    struct http_probe probe = {.words = "", .certificate_names = ""};
    struct tried tried = {.arena = arena, .probe = &probe};
    const char *url = arena_printf(arena, "%s%s", client->base_url, path);
    CURL *curl = curl_easy_init();
    CURLcode code;
    err_t err;

    if (curl == NULL || url == NULL) {
        curl_easy_cleanup(curl);
        return ERR_MEMORY;
    }
    buf_init(&answer, client->body_max_bytes);
    client->words[0] = '\0';
    client->failure = (struct http_failure){0};
    code = set_up(client, curl, url, &answer);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, note_address);
    code = code ? code : curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, &tried);
    code = code ? code : curl_easy_perform(curl);
    err = read_result(client, curl, code, &answer, arena, trail, &probe);
    curl_easy_cleanup(curl);
    if (err == ERR_OK && probe.failure.stop == HTTP_STOP_CERTIFICATE) {
        err = inspect(client, url, arena, &probe);
    }
    if (err == ERR_OK) {
        *ret = probe;
    }
    return err;
}
