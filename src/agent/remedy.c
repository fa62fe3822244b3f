#include "agent/remedy.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

PRINTF_LIKE(2, 3)
static void say(char *text, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, REMEDY_MAX, fmt, args);
    va_end(args);
}

/* decisions, section 10: rules name the service's tag, or the host. */
static void allow_outbound(const struct remedy_way *way, const char *who, char *text)
{
    if (way->is_attest) {
        say(text,
            "Allow %soutbound %u to service tag AzureAttestation, or to %.200s (TCP), in network "
            "security groups and firewalls.",
            who, way->to->port, way->to->host);
    } else {
        say(text, "Allow %soutbound %u to %.200s (TCP), in network security groups and firewalls.",
            who, way->to->port, way->to->host);
    }
}

static void remedy_tcp(const struct remedy_way *way, char *text)
{
    bool is_v6 = strchr(way->to->host, ':') != NULL;

    switch (way->failure->os_error) {
    case ENETUNREACH:
        say(text,
            "This machine has no route to %.200s: check its network interface and its default "
            "route%s.",
            way->to->host, is_v6 ? " for IPv6" : "");
        break;
    case EPERM:
    case EACCES:
        say(text, "A firewall of this machine itself forbids it: look at its rules for outgoing "
                  "traffic (nft list ruleset).");
        break;
    case EHOSTUNREACH:
        say(text,
            "Check that %.200s is the right address and that a route leads there; when a firewall "
            "answers so, allow outbound %u to it (TCP).",
            way->to->host, way->to->port);
        break;
    default:
        if (way->failure->is_timeout) {
            allow_outbound(way, "", text);
        } else {
            say(text, "Check that the service runs and that firewalls and network rules let this "
                      "machine reach that port.");
        }
        break;
    }
}

static void remedy_certificate(const struct remedy_way *way, char *text)
{
    switch (way->failure->certificate) {
    case HTTP_CERTIFICATE_ENDED:
    case HTTP_CERTIFICATE_EARLY:
        say(text, "Check the clock of this machine; when it is right, the service's operator "
                  "renews the certificate.");
        break;
    case HTTP_CERTIFICATE_NAME:
        say(text,
            "Write %s with a name that stands in the service's certificate; when a proxy or "
            "firewall inspects TLS, it needs a bypass rule for %.200s.",
            way->option, way->to->text);
        break;
    case HTTP_CERTIFICATE_GOOD:
    case HTTP_CERTIFICATE_ISSUER:
    case HTTP_CERTIFICATE_OTHER:
        say(text,
            "Name the CA of the service with --ca; a bootwarden-server keeps it in DIR/tls/ca.pem. "
            "When a proxy or firewall inspects TLS, it needs a bypass rule for %.200s.",
            way->to->text);
        break;
    }
}

static void remedy_proxy_answer(const struct remedy_way *way, char *text)
{
    const unsigned passwords = HTTP_OFFERS_BASIC | HTTP_OFFERS_DIGEST;
    const struct http_failure *f = way->failure;
    const char *proxy = way->proxy->at.text, *to = way->to->text;

    if (f->connect_status == 407 && f->proxy_offers != 0 && (f->proxy_offers & passwords) == 0) {
        say(text,
            "Have the proxy offer Basic or Digest%s, or let this machine reach %.200s without "
            "signing in.",
            (f->proxy_offers & HTTP_OFFERS_NEGOTIATE) != 0
                ? ", get a ticket (kinit) and write the proxy as http://:@HOST:PORT"
                : "",
            to);
    } else if (f->connect_status == 407 && way->proxy->user == NULL) {
        say(text,
            "Write the proxy as http://USER:PASSWORD@%.200s (signs but letters and digits as "
            "%%XX) in %s, or have it let this machine reach %.200s without signing in.",
            proxy, way->proxy->from, to);
    } else if (f->connect_status == 407) {
        say(text, "Correct user and password of the proxy in %s.", way->proxy->from);
    } else if (f->connect_status == 403) {
        say(text,
            "Have the proxy's rules allow CONNECT to %.200s, or reach it without the proxy: "
            "--no-proxy %.200s.",
            to, way->to->host);
    } else if (f->connect_status >= 500 || f->is_timeout) {
        allow_outbound(way, "the proxy ", text);
        if (strlen(text) < REMEDY_MAX - 1) {
            size_t len = strlen(text);

            snprintf(text + len, REMEDY_MAX - len, " Its DNS must know the name.");
        }
    } else {
        say(text, "Check that %.200s, from %s, is a proxy for https (CONNECT).", proxy,
            way->proxy->from);
    }
}

static void remedy_proxy_tcp(const struct remedy_way *way, char *text)
{
    const struct http_proxy *proxy = way->proxy;

    if (way->failure->is_timeout) {
        say(text,
            "Allow outbound %u to the proxy %.200s (TCP), or correct the proxy in %s; --no-proxy "
            "leaves it out.",
            proxy->at.port, proxy->at.host, proxy->from);
    } else {
        say(text,
            "Check that the proxy runs there and that the right one is set in %s; --no-proxy "
            "leaves it out.",
            proxy->from);
    }
}

void remedy_write(const struct remedy_way *way, char *text)
{
    switch (way->failure->stop) {
    case HTTP_STOP_PROXY_NAME:
        say(text,
            "Check https_proxy or --proxy (it was taken from %s) and the DNS of this machine, or "
            "leave the proxy out with --no-proxy.",
            way->proxy->from);
        break;
    case HTTP_STOP_PROXY_TCP:
        remedy_proxy_tcp(way, text);
        break;
    case HTTP_STOP_PROXY_TLS:
        say(text,
            way->failure->certificate != HTTP_CERTIFICATE_GOOD
                ? "Put the CA of the proxy into the system's certificates, and name the proxy "
                  "as its certificate does."
                : "Check that the proxy speaks TLS on that port: most have an address that "
                  "begins with http://.");
        break;
    case HTTP_STOP_PROXY_ANSWER:
        remedy_proxy_answer(way, text);
        break;
    case HTTP_STOP_NAME:
        say(text, "Check the name in %s and the DNS of this machine.", way->option);
        break;
    case HTTP_STOP_TCP:
        remedy_tcp(way, text);
        break;
    case HTTP_STOP_TLS:
        say(text,
            "Check that an https service listens on that port; a firewall that filters names needs "
            "an application rule that allows https to %.200s:%u, and must not inspect it.",
            way->to->host, way->to->port);
        break;
    case HTTP_STOP_CERTIFICATE:
        remedy_certificate(way, text);
        break;
    case HTTP_STOP_NONE:
    case HTTP_STOP_ANSWER:
    case HTTP_STOP_OWN:
        say(text, "Try again later; if it lasts, the service's operator finds the cause in its "
                  "log.");
        break;
    }
}
