/* Who may send what is read here: whoever sits at the configured address, or on the way to it. */
#include "agent/remedy.h"
#include "agent/remote.h"
#include "base/timestamp.h"
#include "check/steps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIST_MAX = 512 };

static const char failed[] = "failed", too_late[] = "came too late";
static const char *const steps[] = {"address", "name", "proxy", "tcp", "tls", "http"};

const char *check_id(struct findings *list, const struct check_way *way, const char *step)
{
    const char *id = way->endpoint->prefix[0] == '\0'
                         ? step
                         : arena_printf(list->arena, "%s%s", way->endpoint->prefix, step);

    list->is_short |= id == NULL;
    return id == NULL ? step : id;
}

struct finding *check_at(struct findings *list, const struct check_way *way,
                         struct finding *finding)
{
    finding->host = arena_printf(list->arena, "%s", way->to.host);
    finding->port = way->to.port;
    if (way->proxy.kind != HTTP_PROXY_NONE) {
        finding->proxy = arena_printf(list->arena, "%s", way->proxy.at.text);
        list->is_short |= finding->proxy == NULL;
    }
    list->is_short |= finding->host == NULL;
    return finding;
}

void check_remedy(struct findings *list, const struct check_way *way, struct finding *finding,
                  const struct http_probe *probe)
{
    const struct remedy_way remedy = {.is_attest = way->endpoint->is_attest,
                                      .option = way->endpoint->option,
                                      .to = &way->to,
                                      .proxy = &way->proxy,
                                      .failure = &probe->failure};
    char text[REMEDY_MAX];

    remedy_write(&remedy, text);
    finding_remedy(list, finding, "%s", text);
}

/* Every step behind that one, which `failed`. */
static void skip_behind(struct findings *list, const struct check_way *way, const char *step,
                        const char *how)
{
    bool is_behind = false;

    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        if (is_behind) {
            check_at(list, way,
                     finding_skip(list, check_id(list, way, steps[i]), "%s%s %s",
                                  way->endpoint->prefix, step, how));
        }
        is_behind |= strcmp(steps[i], step) == 0;
    }
}

static const char *what_of(const struct check_way *way)
{
    return way->endpoint->is_attest ? "Attestation" : "Guest";
}

/* "10.0.2.2 (IPv4), fd00::2 (IPv6)" */
static const char *list_addresses(const char *const *addresses, size_t n, char *text)
{
    size_t len = 0;

    text[0] = '\0';
    for (size_t i = 0; i < n && len < LIST_MAX - 1; i++) {
        len += (size_t)snprintf(text + len, LIST_MAX - len, "%s%s (%s)", i > 0 ? ", " : "",
                                addresses[i], strchr(addresses[i], ':') != NULL ? "IPv6" : "IPv4");
    }
    return text;
}

/* ---- address ---- */

static bool check_address(struct findings *list, struct check_way *way)
{
    struct trail trail = {0};
    err_t err = http_address_read(way->endpoint->url, &trail, &way->to);
    const char *id = check_id(list, way, "address");

    if (err) {
        finding_remedy(list, finding_fail(list, id, EXIT_USAGE, "%s", trail.what),
                       "Write %s%s as https://host:port.", way->endpoint->option,
                       strcmp(way->endpoint->option, "--server") == 0 ? " (or BOOTWARDEN_ENDPOINT)"
                                                                      : "");
        return false;
    }
    check_at(list, way,
             finding_add(list, id, FINDING_OK, "%s endpoint %s", what_of(way), way->to.text));
    return true;
}

/* ---- name ---- */

static void fail_name(struct findings *list, const struct check_way *way, const char *id,
                      enum http_name_fault fault, const struct http_name *name)
{
    struct finding *finding = finding_fail(
        list, id, EXIT_SERVICE, "%s endpoint unreachable: %s. The name %s cannot be resolved: %s.",
        what_of(way), way->to.text, way->to.host, name->words);

    check_at(list, way, finding);
    if (fault == HTTP_NAME_UNKNOWN) {
        finding_remedy(list, finding,
                       "Check the name in %s; if it is right, the DNS of this machine does not "
                       "know it (/etc/resolv.conf): add it there or to /etc/hosts, or use a proxy "
                       "that knows it (--proxy).",
                       way->endpoint->option);
    } else {
        finding_remedy(list, finding,
                       "The DNS server of this machine does not answer: check /etc/resolv.conf, "
                       "and allow outbound 53 to it (UDP and TCP).");
    }
}

static bool check_name(struct findings *list, const struct check_way *way)
{
    const char *id = check_id(list, way, "name");
    enum http_name_fault fault;
    struct http_name name;
    char text[LIST_MAX];

    if (way->proxy.kind != HTTP_PROXY_NONE && way->proxy.looks_up_names) {
        check_at(list, way,
                 finding_skip(list, id, "the proxy %s looks the name up, not this machine",
                              way->proxy.at.text));
        return true;
    }
    fault = http_name_look_up(way->to.host, list->arena, &name);
    if (fault != HTTP_NAME_FOUND) {
        fail_name(list, way, id, fault, &name);
        return false;
    }
    list_addresses(name.addresses, name.n_addresses, text);
    check_at(list, way,
             name.is_numeric
                 ? finding_add(list, id, FINDING_OK, "%s is an address, nothing to resolve", text)
                 : finding_add(list, id, FINDING_OK, "%s is %s", way->to.host, text));
    return true;
}

/* ---- from here on: what the probe found ---- */

/* "Attestation endpoint unreachable: host:port. why" (decisions, section 10). */
static void fail_by_probe(struct findings *list, const struct check_way *way, const char *step,
                          const struct http_probe *probe)
{
    bool has_tried = probe->failure.stop == HTTP_STOP_TCP && probe->n_addresses > 0 &&
                     strcmp(probe->addresses[0], way->to.host) != 0;
    char text[LIST_MAX];
    struct finding *finding = finding_fail(
        list, check_id(list, way, step), EXIT_SERVICE, "%s endpoint %s: %s. %s%s%s.", what_of(way),
        probe->failure.stop == HTTP_STOP_CERTIFICATE ? "not trusted" : "unreachable", way->to.text,
        probe->words, has_tried ? "; tried " : "",
        has_tried ? list_addresses(probe->addresses, probe->n_addresses, text) : "");

    check_at(list, way, finding);
    check_remedy(list, way, finding, probe);
    finding->ms = probe->total_ms;
}

static const char *direct_words(const struct http_proxy *proxy)
{
    switch (proxy->direct) {
    case DIRECT_LOOPBACK:
        return "it is this machine itself, which needs no proxy";
    case DIRECT_LINK_LOCAL:
        return "link-local and metadata addresses never go by a proxy";
    case DIRECT_NOT:
        break;
    }
    return NULL;
}

/* Which proxy, if any, and who says so. */
static void tell_proxy(struct findings *list, const struct check_way *way)
{
    const struct http_proxy *proxy = &way->proxy;
    const char *id = check_id(list, way, "proxy");
    const char *direct = direct_words(proxy);
    struct finding *finding;

    if (proxy->kind != HTTP_PROXY_NONE) {
        finding = finding_add(list, id, FINDING_OK, "by the proxy %s, from %s%s", proxy->at.text,
                              proxy->from, proxy->user != NULL ? " with a user" : "");
    } else if (proxy->from == NULL) {
        finding = finding_add(list, id, FINDING_OK,
                              "none is set, in the settings or the "
                              "environment");
    } else if (direct != NULL) {
        finding = finding_add(list, id, FINDING_OK, "not used, although one is set in %s: %s",
                              proxy->from, direct);
    } else if (proxy->excluded_by != NULL) {
        finding = finding_add(list, id, FINDING_OK,
                              "not used, although one is set in %s: '%s' in %s excludes %s",
                              proxy->from, proxy->entry, proxy->excluded_by, way->to.host);
    } else {
        finding = finding_add(list, id, FINDING_OK, "none is set in %s", proxy->from);
    }
    check_at(list, way, finding);
    finding->ms = 0;
}

static bool is_proxy_fault(const struct http_probe *probe)
{
    const struct http_failure *f = &probe->failure;

    /* A proxy that says that it cannot get there is well itself. */
    return f->stop >= HTTP_STOP_PROXY_NAME && f->stop <= HTTP_STOP_PROXY_ANSWER &&
           f->connect_status < 500;
}

static void tell_tcp(struct findings *list, const struct check_way *way,
                     const struct http_probe *probe)
{
    const char *id = check_id(list, way, "tcp");
    const char *last = probe->n_addresses > 0 ? probe->addresses[probe->n_addresses - 1] : "";
    struct finding *finding;

    if (way->proxy.kind != HTTP_PROXY_NONE) {
        finding = finding_add(list, id, FINDING_OK, "the proxy %s connects to %s",
                              way->proxy.at.text, way->to.text);
    } else if (probe->n_addresses > 1) {
        /* With several addresses curl tries two families side by side. */
        finding = finding_add(list, id, FINDING_OK, "connected to %s, %zu addresses tried",
                              way->to.text, probe->n_addresses);
    } else {
        finding =
            finding_add(list, id, FINDING_OK, "connected to port %u of %s", way->to.port, last);
    }
    check_at(list, way, finding);
    finding->ms = probe->connect_ms;
}

static void tell_http(struct findings *list, const struct check_way *way,
                      const struct http_probe *probe)
{
    const char *id = check_id(list, way, "http");
    unsigned status = probe->reply.status;
    struct finding *finding;

    if (status >= 500 || status == 429 || status == 408) {
        finding = finding_fail(list, id, EXIT_SERVICE, "%s endpoint unavailable: %s answers %u.",
                               what_of(way), way->to.text, status);
        finding_remedy(list, finding,
                       "Try again later; if it lasts, the service's operator finds "
                       "the cause in its log.");
    } else {
        finding = finding_add(list, id, FINDING_OK, "%s answers (%u)", way->to.text, status);
    }
    check_at(list, way, finding);
    finding->ms = probe->total_ms > probe->tls_ms ? probe->total_ms - probe->tls_ms : 0;
}

void check_read_probe(struct findings *list, const struct check_way *way,
                      const struct http_probe *probe)
{
    enum http_stop stop = probe->failure.stop;

    if (is_proxy_fault(probe)) {
        fail_by_probe(list, way, "proxy", probe);
        skip_behind(list, way, "proxy", failed);
        return;
    }
    tell_proxy(list, way);
    if (stop != HTTP_STOP_NONE && stop < HTTP_STOP_TLS) {
        fail_by_probe(list, way, "tcp", probe);
        skip_behind(list, way, "tcp", failed);
        return;
    }
    tell_tcp(list, way, probe);
    if (stop == HTTP_STOP_TLS) {
        fail_by_probe(list, way, "tls", probe);
        skip_behind(list, way, "tls", failed);
        return;
    }
    check_read_tls(list, way, probe);
    if (stop == HTTP_STOP_CERTIFICATE) {
        skip_behind(list, way, "tls", failed);
    } else if (stop != HTTP_STOP_NONE) {
        fail_by_probe(list, way, "http", probe);
    } else {
        tell_http(list, way, probe);
    }
}

/* ---- the walk ---- */

/* What is wrong with this machine's own settings: nothing was tried. */
static void fail_setting(struct findings *list, const struct check_way *way, const char *step,
                         err_t err, const struct trail *trail, const char *remedy)
{
    struct finding *finding =
        finding_fail(list, check_id(list, way, step), err == ERR_USAGE ? EXIT_USAGE : EXIT_INTERNAL,
                     "%s", trail->what[0] != '\0' ? trail->what : err_text(err));

    check_at(list, way, finding);
    finding_remedy(list, finding, "%s", remedy);
}

/* For what comes next; 0: the time is over. */
static unsigned left_ms(const struct check_endpoint *endpoint)
{
    uint64_t now_us = timestamp_ticks_us();
    uint64_t left;

    if (endpoint->until_us == 0) {
        return HTTP_CLIENT_TIMEOUT_MS;
    }
    left = endpoint->until_us > now_us ? (endpoint->until_us - now_us) / 1000 : 0;
    return left < HTTP_CLIENT_TIMEOUT_MS ? (unsigned)left : (unsigned)HTTP_CLIENT_TIMEOUT_MS;
}

static bool probe_endpoint(struct findings *list, const struct agent_options *options,
                           const struct check_way *way, struct http_probe *ret)
{
    CLEANUP(http_client_free) struct http_client *client = NULL;
    struct http_client_options http = remote_http_options(options, way->endpoint->url);
    struct trail trail = {0};
    err_t err;

    http.timeout_ms = left_ms(way->endpoint);
    if (http.timeout_ms == 0) {
        skip_behind(list, way, "name", too_late);
        return false;
    }
    err = http_client_new(&http, &trail, &client);

    err = err ? err : http_client_probe(client, way->endpoint->path, list->arena, &trail, ret);
    if (err == ERR_OK) {
        return true;
    }
    for (size_t i = 2; i < 4; i++) {
        check_at(list, way,
                 finding_skip(list, check_id(list, way, steps[i]), "%stls cannot be set up",
                              way->endpoint->prefix));
    }
    fail_setting(list, way, "tls", err, &trail,
                 "Name a PEM file with the CA of the service in --ca (or BOOTWARDEN_CA, or put it "
                 "at " AGENT_CA_FILE ").");
    skip_behind(list, way, "tls", failed);
    return false;
}

bool check_network(struct findings *list, const struct agent_options *options,
                   const struct check_endpoint *endpoint, struct http_probe *ret)
{
    const struct http_proxy_settings settings = {.proxy = options->proxy,
                                                 .no_proxy = options->no_proxy};
    struct check_way way = {.endpoint = endpoint, .ca_file = options->ca_file};
    struct http_probe probe = {0};
    struct trail trail = {0};
    bool has_answer = false;
    err_t err;

    if (!check_address(list, &way)) {
        skip_behind(list, &way, "address", failed);
        return false;
    }
    if (left_ms(endpoint) == 0) {
        skip_behind(list, &way, "address", too_late);
        return false;
    }
    err = http_proxy_choose(&settings, getenv, way.to.host, &trail, &way.proxy);
    if (err) {
        check_at(list, &way,
                 finding_skip(list, check_id(list, &way, "name"), "%sproxy cannot be set up",
                              endpoint->prefix));
        fail_setting(list, &way, "proxy", err, &trail,
                     "Correct it, or leave the proxy out: --no-proxy.");
        skip_behind(list, &way, "proxy", failed);
    } else if (!check_name(list, &way)) {
        skip_behind(list, &way, "name", failed);
    } else if (probe_endpoint(list, options, &way, &probe)) {
        check_read_probe(list, &way, &probe);
        has_answer = probe.failure.stop == HTTP_STOP_NONE &&
                     !finding_has_failed(list, check_id(list, &way, "http"));
        *ret = probe;
    }
    http_proxy_done(&way.proxy);
    return has_answer;
}
