/* Who may send these certificates: whoever sits at the configured address, or on the way to it. */
#include "base/file.h"
#include "base/text.h"
#include "base/timestamp.h"
#include "check/steps.h"
#include "crypto/cert.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { DAY_S = 24 * 3600, SOON_DAYS = 14, CA_FILE_MAX = 512 * 1024, NAME_MAX_CHARS = 200 };

/* Whose certificates Azure's attestation endpoints have (network-rules, section 4). */
static const char *const azure_suffixes[] = {".attest.azure.net", ".attest.azure.us",
                                             ".attest.azure.cn"};
static const char *const azure_issuers[] = {"Microsoft", "DigiCert"};

struct shown {
    const char *subject, *issuer;
    int64_t not_before, not_after;
    bool is_known;
};

static struct shown read_certificate(struct findings *list, const struct http_probe *probe)
{
    CLEANUP(cert_free) struct cert *cert = NULL;
    struct shown shown = {.subject = "", .issuer = ""};

    if (probe->certificate.len > 0 && cert_new_pem(probe->certificate, NULL, &cert) == ERR_OK) {
        shown.subject =
            text_escape_dup(list->arena, span_str(cert_subject(cert, list->arena)), NAME_MAX_CHARS);
        shown.issuer =
            text_escape_dup(list->arena, span_str(cert_issuer(cert, list->arena)), NAME_MAX_CHARS);
        cert_validity(cert, &shown.not_before, &shown.not_after);
        shown.is_known = true;
    }
    return shown;
}

/* The subject of the first CA in the file that is trusted; "" without one. */
static const char *expected_issuer(struct findings *list, const char *ca_file)
{
    CLEANUP(cert_free) struct cert *cert = NULL;
    struct span pem = {0};

    if (ca_file == NULL || file_read(list->arena, ca_file, CA_FILE_MAX, NULL, &pem) != ERR_OK ||
        cert_new_pem(pem, NULL, &cert) != ERR_OK) {
        return "";
    }
    return text_escape_dup(list->arena, span_str(cert_subject(cert, list->arena)), NAME_MAX_CHARS);
}

/* ---- refused ---- */

/* " It shows a certificate for ..., issued by ...", "" when none was seen. */
static const char *describe(struct findings *list, const struct http_probe *probe,
                            const struct shown *shown, const char *expected)
{
    char from[TIMESTAMP_SIZE], until[TIMESTAMP_SIZE], now[TIMESTAMP_SIZE];
    bool is_other = probe->failure.certificate == HTTP_CERTIFICATE_ISSUER && expected[0] != '\0';
    const char *words;

    if (!shown->is_known) {
        return "";
    }
    timestamp_format(shown->not_before, from, sizeof(from));
    timestamp_format(shown->not_after, until, sizeof(until));
    timestamp_format(timestamp_now(), now, sizeof(now));
    words = arena_printf(
        list->arena,
        " It shows a certificate for %s, issued by '%s', valid from %s to %s (the "
        "clock of this machine: %s)%s%s%s.",
        probe->certificate_names[0] != '\0' ? probe->certificate_names : shown->subject,
        shown->issuer, from, until, now, is_other ? "; the CA that is trusted is '" : "",
        is_other ? expected : "", is_other ? "'" : "");
    list->is_short |= words == NULL;
    return words == NULL ? "" : words;
}

static void fail_certificate(struct findings *list, const struct check_way *way,
                             const struct http_probe *probe)
{
    const struct shown shown = read_certificate(list, probe);
    const char *expected = expected_issuer(list, way->ca_file);
    struct finding *finding = finding_fail(
        list, check_id(list, way, "tls"), EXIT_SERVICE, "%s endpoint not trusted: %s. %s.%s",
        way->endpoint->is_attest ? "Attestation" : "Guest", way->to.text, probe->words,
        describe(list, probe, &shown, expected));

    check_at(list, way, finding);
    finding->ms = probe->total_ms;
    if (probe->failure.certificate == HTTP_CERTIFICATE_ISSUER && shown.is_known) {
        finding_remedy(
            list, finding,
            "If '%s' belongs to a proxy or firewall that inspects TLS: have it leave out "
            "%s (a bypass rule), for attestation must not be inspected. If it is the CA "
            "of the service: name its file with --ca; a bootwarden-server keeps it in "
            "DIR/tls/ca.pem.",
            shown.issuer, way->to.text);
    } else {
        check_remedy(list, way, finding, probe);
    }
}

/* ---- trusted ---- */

/* A certificate of Azure's attestation that neither Microsoft nor its CA issued: a proxy whose CA
 * is among the system's looks into the connection. */
static bool is_suspicious(const struct check_way *way, const struct shown *shown)
{
    struct span host = span_str(way->to.host);
    bool is_azure = false;

    for (size_t i = 0; i < ARRAY_LEN(azure_suffixes); i++) {
        size_t len = strlen(azure_suffixes[i]);

        is_azure |= host.len > len &&
                    text_span_equal_nocase(span_cut(host, host.len - len, len), azure_suffixes[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(azure_issuers) && is_azure; i++) {
        is_azure = strstr(shown->issuer, azure_issuers[i]) == NULL;
    }
    return is_azure;
}

void check_read_tls(struct findings *list, const struct check_way *way,
                    const struct http_probe *probe)
{
    const char *id = check_id(list, way, "tls");
    struct finding *finding;
    char until[TIMESTAMP_SIZE];
    struct shown shown;
    int64_t days;

    if (probe->failure.stop == HTTP_STOP_CERTIFICATE) {
        fail_certificate(list, way, probe);
        return;
    }
    shown = read_certificate(list, probe);
    days = (shown.not_after - timestamp_now()) / DAY_S;
    timestamp_format(shown.not_after, until, sizeof(until));
    if (!shown.is_known) {
        finding =
            finding_add(list, id, FINDING_OK, "the certificate of %s is trusted", way->to.text);
    } else if (is_suspicious(way, &shown)) {
        finding = finding_add(list, id, FINDING_WARNING,
                              "the certificate of %s is trusted, but issued by '%s', not by "
                              "Microsoft: a proxy or firewall seems to inspect TLS",
                              way->to.text, shown.issuer);
        finding_remedy(list, finding,
                       "Have it leave out %s (a bypass rule): attestation must not be inspected.",
                       way->to.text);
    } else if (days < SOON_DAYS) {
        finding = finding_add(list, id, FINDING_WARNING,
                              "the certificate of %s is trusted, but ends on %s (%" PRId64
                              " days left); issued by '%s'",
                              way->to.text, until, days, shown.issuer);
        finding_remedy(list, finding, "Have the service's operator renew it.");
    } else {
        finding = finding_add(list, id, FINDING_OK,
                              "the certificate of %s is trusted: for %s, issued by '%s', until %s "
                              "(%" PRId64 " days left)",
                              way->to.text,
                              probe->certificate_names[0] != '\0' ? probe->certificate_names
                                                                  : shown.subject,
                              shown.issuer, until, days);
    }
    check_at(list, way, finding);
    finding->ms = probe->tls_ms > probe->connect_ms ? probe->tls_ms - probe->connect_ms : 0;
}
