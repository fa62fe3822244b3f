#include "server/options.h"

#include "api/api.h"
#include "base/file.h"
#include "base/text.h"
#include "network/address.h"
#include "provider/attestation-config.h"
#include "service/service.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MIN_WORKERS = 4, WORD_MAX = 320 };

static const char usage[] =
    "usage: bootwarden-server --dev [--data DIR] [--listen [ROLES=]ADDR:PORT]...\n"
    "       bootwarden-server --config FILE\n"
    "       bootwarden-server machine COMMAND ... (see bootwarden-server machine --help)\n"
    "       bootwarden-server principal COMMAND ... (see bootwarden-server principal --help)\n"
    "       bootwarden-server user COMMAND ... (see bootwarden-server user --help)\n"
    "\n"
    "Verifies boot evidence of virtual machines and signs the result.\n"
    "\n"
    "  --dev                no configuration: own CA, own keys, https://localhost:PORT\n"
    "  --config FILE        configuration; see bootwarden-server(8)\n"
    "  --data DIR           keys, database, trust anchors (default with --dev: ./bootwarden-data)\n"
    "  --listen [ROLES=]ADDR:PORT\n"
    "                       address to serve on, repeatable; port 0 = any, and the same again at\n"
    "                       the next start (default with --dev: localhost:0); roles, with commas:\n"
    "                       attest, guest, manage, portal, metrics (default: all)\n"
    "  --endpoint URL       public address, which becomes the tokens' issuer\n"
    "  --region NAME        region whose shared provider is served, repeatable; the first is home\n"
    "                       (default: eastus)\n"
    "  --host-suffix NAME   providers are at PROVIDER.REGION.NAME instead of /providers/PROVIDER\n"
    "  --name NAME          further DNS name or IP address for the TLS certificate, repeatable\n"
    "  --attest-addresses LIST\n"
    "                       addresses of the attestation endpoint for network rules, with commas\n"
    "                       (default: what its name resolves to)\n"
    "  --reference DIR      reference data (default: what came with the program)\n"
    "  --join open|approval who may join: any TPM with a trusted EK certificate, or those that an\n"
    "                       owner announces or admits (default: approval; with --dev: open)\n"
    "  --period MINUTES     the longest between two proofs of a machine (default: 60)\n"
    "  --workers N          threads that serve (default: two per processor, 4 at least)\n"
    "  --signing-algorithm RS256|ES256|ES384\n"
    "  --openssl-provider NAME\n"
    "                       OpenSSL provider that holds signing keys, repeatable\n"
    "  --version, --help\n";

/* Where values come from, for messages: "--listen" or "FILE:3: listen". */
struct reading {
    struct arena *arena;
    struct server_options *options;
    const char *file;
    const char *config_fault; /* of the first bad line */
};

/* ---- values: each returns NULL or what is wrong ---- */

static const char *copy(struct reading *r, const char *text)
{
    return (const char *)arena_dup(r->arena, span_str(text)).data;
}

static const char *read_roles(struct reading *r, const char *text, size_t len, unsigned *ret)
{
    unsigned roles = 0;

    while (len > 0) {
        size_t n = strcspn(text, ",=");
        unsigned role = api_role_by_name(span_of(text, n));

        if (role == 0) {
            return arena_printf(r->arena,
                                "'%.*s' is no role; there are attest, guest, manage, portal, "
                                "metrics",
                                (int)(n < 40 ? n : 40), text);
        }
        roles |= role;
        len -= n < len ? n + 1 : n;
        text += n + 1;
    }
    *ret = roles;
    return NULL;
}

static bool is_wildcard_of(const char *wildcard, const char *host)
{
    bool is_v6 = strchr(host, ':') != NULL;

    return strcmp(wildcard, is_v6 ? "::" : "0.0.0.0") == 0;
}

/* Port 0 is the remembered port: with it two addresses can be one as well. */
static bool is_same_listen(const struct http_listen *a, const char *host, uint16_t port)
{
    return a->port == port && (strcmp(a->host, host) == 0 || is_wildcard_of(a->host, host) ||
                               is_wildcard_of(host, a->host));
}

static const char *add_listen(struct reading *r, const char *host, uint16_t port, unsigned roles,
                              bool is_optional)
{
    struct server_options *o = r->options;

    if (o->n_listen == HTTP_MAX_LISTEN) {
        return arena_printf(r->arena, "more than %d addresses", HTTP_MAX_LISTEN);
    }
    for (size_t i = 0; i < o->n_listen; i++) {
        if (is_same_listen(&o->listen[i], host, port)) {
            return port == 0
                       ? "port 0 is one port, and an address before has it on this host: give "
                         "this one a port of its own, or name its roles in one --listen"
                       : "an address before is the same: name its roles in one --listen, "
                         "separated by commas";
        }
    }
    o->listen[o->n_listen++] = (struct http_listen){
        .host = copy(r, host), .port = port, .roles = roles, .is_optional = is_optional};
    return NULL;
}

/* [ROLES=]ADDR:PORT, with [::1]:PORT for IPv6 and localhost for both loopbacks. */
static const char *set_listen(struct reading *r, const char *value)
{
    const char *equal = strchr(value, '='), *address = equal == NULL ? value : equal + 1;
    const char *colon = strrchr(address, ':');
    char host[INET6_ADDRSTRLEN + 2], *end = NULL;
    uint8_t bytes[16];
    unsigned roles = 0;
    unsigned long port;
    const char *fault =
        equal == NULL ? NULL : read_roles(r, value, (size_t)(equal - value), &roles);
    size_t len = colon == NULL ? 0 : (size_t)(colon - address);

    if (fault != NULL) {
        return fault;
    }
    if (colon == NULL || len == 0 || len >= sizeof(host) || colon[1] < '0' || colon[1] > '9') {
        return "must be of the form ADDR:PORT, such as 127.0.0.1:8443 or [::1]:8443";
    }
    errno = 0;
    port = strtoul(colon + 1, &end, 10);
    if (errno != 0 || *end != '\0' || port > 65535) {
        return "the port must be 0 to 65535";
    }
    snprintf(host, sizeof(host), "%.*s", (int)len, address);
    if (text_equal_nocase(host, "localhost")) {
        fault = add_listen(r, "127.0.0.1", (uint16_t)port, roles, false);
        return fault != NULL ? fault : add_listen(r, "::1", (uint16_t)port, roles, true);
    }
    if (host[0] == '[' && host[len - 1] == ']') {
        host[len - 1] = '\0';
        memmove(host, host + 1, len - 1);
    }
    if (inet_pton(AF_INET, host, bytes) != 1 && inet_pton(AF_INET6, host, bytes) != 1) {
        return "the address must be numeric, or localhost";
    }
    return add_listen(r, host, (uint16_t)port, roles, false);
}

static const char *set_workers(struct reading *r, const char *value)
{
    char *end = NULL;
    unsigned long n = strtoul(value, &end, 10);

    if (value[0] < '0' || value[0] > '9' || *end != '\0' || n == 0 || n > HTTP_MAX_WORKERS) {
        return arena_printf(r->arena, "must be 1 to %d", HTTP_MAX_WORKERS);
    }
    r->options->workers = (unsigned)n;
    return NULL;
}

static const char *set_algorithm(struct reading *r, const char *value)
{
    static const struct {
        const char *name;
        enum signkey_kind kind;
    } algorithms[] = {{"RS256", SIGNKEY_RSA2048}, {"ES256", SIGNKEY_P256}, {"ES384", SIGNKEY_P384}};

    for (size_t i = 0; i < ARRAY_LEN(algorithms); i++) {
        if (strcmp(value, algorithms[i].name) == 0) {
            r->options->signing = algorithms[i].kind;
            return NULL;
        }
    }
    return "must be RS256, ES256 or ES384";
}

/* The issuer of tokens is compared byte for byte, so its spelling is checked here. */
static const char *set_endpoint(struct reading *r, const char *value)
{
    size_t len = strlen(value);

    if (strncmp(value, "https://", 8) != 0 || len == 8 || value[8] == '/' ||
        strpbrk(value, " ?#\"'\\") != NULL || len > 200) {
        return "must be of the form https://host[:port][/path]";
    }
    while (value[len - 1] == '/') {
        len--;
    }
    r->options->endpoint = arena_printf(r->arena, "%.*s", (int)len, value);
    return NULL;
}

static const char *add_name(struct reading *r, const char *value)
{
    struct server_options *o = r->options;

    if (o->n_names == SERVER_MAX_NAMES) {
        return arena_printf(r->arena, "more than %d names", SERVER_MAX_NAMES);
    }
    if (value[0] == '\0' || strlen(value) > 253 ||
        value[strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-:")] !=
            '\0') {
        return "is no DNS name and no IP address";
    }
    o->names[o->n_names++] = copy(r, value);
    return NULL;
}

static const char *add_region(struct reading *r, const char *value)
{
    struct server_options *o = r->options;
    const struct region *region = region_find(span_str(value));

    if (region == NULL) {
        return "is no region; 'eastus' and 'West Europe' are";
    }
    if (o->n_regions == PROVIDERS_MAX_REGIONS) {
        return arena_printf(r->arena, "more than %d regions", PROVIDERS_MAX_REGIONS);
    }
    for (size_t i = 0; i < o->n_regions; i++) {
        if (strcmp(o->regions[i]->short_name, region->short_name) == 0) {
            return "names the same shared provider as another one";
        }
    }
    o->regions[o->n_regions++] = region;
    return NULL;
}

/* Part of the tokens' issuer, and of names in certificates. */
static const char *set_host_suffix(struct reading *r, const char *value)
{
    size_t len = strlen(value);

    if (len == 0 || len > 150 || value[0] == '.' || value[len - 1] == '.' ||
        strstr(value, "..") != NULL || strchr(value, '.') == NULL ||
        value[strspn(value, "abcdefghijklmnopqrstuvwxyz0123456789.-")] != '\0') {
        return "must be a domain in lower case, such as attest.example.net";
    }
    r->options->host_suffix = copy(r, value);
    return NULL;
}

static const char *set_data(struct reading *r, const char *value)
{
    r->options->data = copy(r, value);
    return value[0] == '\0' ? "must name a folder" : NULL;
}

static const char *set_certificate(struct reading *r, const char *value)
{
    r->options->tls_certificate = copy(r, value);
    return NULL;
}

static const char *set_key(struct reading *r, const char *value)
{
    r->options->tls_key = copy(r, value);
    return NULL;
}

static const char *set_reference(struct reading *r, const char *value)
{
    r->options->reference = copy(r, value);
    return value[0] == '\0' ? "must name a folder" : NULL;
}

static const char *set_sbat_minimum(struct reading *r, const char *value)
{
    r->options->sbat_minimum = copy(r, value);
    return strlen(value) == 10 && strspn(value, "0123456789") == 10
               ? NULL
               : "must be an SBAT level, such as 2024040900";
}

static const char *set_dbx_minimum(struct reading *r, const char *value)
{
    r->options->dbx_minimum = copy(r, value);
    return value[0] == '\0' ? "must name a file" : NULL;
}

static const char *add_openssl_provider(struct reading *r, const char *value)
{
    struct server_options *o = r->options;

    if (o->n_openssl_providers == SERVER_MAX_OPENSSL_PROVIDERS) {
        return arena_printf(r->arena, "more than %d providers", SERVER_MAX_OPENSSL_PROVIDERS);
    }
    if (value[0] == '\0' || strchr(value, '/') != NULL) {
        return "must be the name of an OpenSSL provider, such as pkcs11 or tpm2";
    }
    o->openssl_providers[o->n_openssl_providers++] = copy(r, value);
    return NULL;
}

static const char *set_join(struct reading *r, const char *value)
{
    bool is_open = strcmp(value, "open") == 0;

    if (!is_open && strcmp(value, "approval") != 0) {
        return "must be open (a trusted EK certificate is enough) or approval (an owner announces "
               "or admits each machine)";
    }
    r->options->join = is_open ? SERVER_JOIN_OPEN : SERVER_JOIN_APPROVAL;
    return NULL;
}

static const char *set_period(struct reading *r, const char *value)
{
    char *end = NULL;
    unsigned long minutes = strtoul(value, &end, 10);

    if (value[0] < '0' || value[0] > '9' || *end != '\0' || minutes < ATTESTATION_FREQUENCY_MIN ||
        minutes > ATTESTATION_FREQUENCY_MAX) {
        return arena_printf(r->arena, "must be minutes from %d to %d", ATTESTATION_FREQUENCY_MIN,
                            ATTESTATION_FREQUENCY_MAX);
    }
    r->options->period_minutes = (unsigned)minutes;
    return NULL;
}

static const char *set_subscription(struct reading *r, const char *value)
{
    size_t len = strlen(value);

    if (len != 36 || strspn(value, "0123456789abcdefABCDEF-") != len) {
        return "must be a UUID";
    }
    r->options->subscription = copy(r, value);
    return NULL;
}

/* Addresses and prefixes, with spaces or commas between them; in several lines as well. */
static const char *add_attest_addresses(struct reading *r, const char *value)
{
    static const char between[] = ", \t";
    struct server_options *o = r->options;

    for (const char *at = value + strspn(value, between); *at != '\0'; at += strspn(at, between)) {
        size_t len = strcspn(at, between);
        struct address_range range;
        struct trail trail = {0};
        const char *text = (const char *)arena_dup(r->arena, span_of(at, len)).data;

        if (o->n_attest_addresses == SERVER_MAX_ATTEST_ADDRESSES) {
            return arena_printf(r->arena, "more than %d addresses", SERVER_MAX_ATTEST_ADDRESSES);
        }
        if (text == NULL || address_range_read(span_str(text), false, &trail, &range) != ERR_OK) {
            return arena_printf(r->arena, "%.60s", trail.what);
        }
        o->attest_addresses[o->n_attest_addresses++] = text;
        at += len;
    }
    return NULL;
}

/* One table for command line and file. */
static const struct setting {
    const char *section, *key; /* of the file */
    const char *option;        /* NULL: in the file alone */
    const char *(*set)(struct reading *, const char *value);
} settings[] = {
    {"server", "data", "data", set_data},
    {"server", "listen", "listen", set_listen},
    {"server", "endpoint", "endpoint", set_endpoint},
    {"server", "name", "name", add_name},
    {"server", "attest-addresses", "attest-addresses", add_attest_addresses},
    {"providers", "region", "region", add_region},
    {"providers", "host-suffix", "host-suffix", set_host_suffix},
    {"guests", "join", "join", set_join},
    {"guests", "period", "period", set_period},
    {"guests", "subscription", NULL, set_subscription},
    {"server", "workers", "workers", set_workers},
    {"server", "tls-certificate", NULL, set_certificate},
    {"server", "tls-key", NULL, set_key},
    {"judgement", "reference", "reference", set_reference},
    {"judgement", "sbat-minimum", NULL, set_sbat_minimum},
    {"judgement", "dbx-minimum", NULL, set_dbx_minimum},
    {"signing", "algorithm", "signing-algorithm", set_algorithm},
    {"signing", "openssl-provider", "openssl-provider", add_openssl_provider},
};

/* ---- the file ---- */

static int on_entry(void *context, const char *section, const char *key, const char *value)
{
    struct reading *r = context;
    const char *fault = NULL;

    if (r->config_fault != NULL) {
        return 1; /* the first fault is the one reported */
    }
    for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
        if (strcmp(section, settings[i].section) == 0 && strcmp(key, settings[i].key) == 0) {
            fault = settings[i].set(r, value);
            if (fault != NULL) {
                r->config_fault = arena_printf(r->arena, "%s: %s", settings[i].key, fault);
            }
            return fault == NULL;
        }
    }
    if (access_option(r->arena, &r->options->access, section, key, value, &r->config_fault)) {
        return r->config_fault == NULL;
    }
    r->config_fault =
        arena_printf(r->arena, "unknown key '%.60s' in section [%.60s]", key, section);
    return 0;
}

static bool read_file(struct reading *r)
{
    int line;

    /* A folder would read as an empty file, a pipe would wait for a writer. */
    if (file_exists(r->file) && !file_is_regular(r->file)) {
        server_complain(SERVER_USAGE, "%s: is %s, not a file", r->file,
                        file_is_folder(r->file) ? "a folder" : "a device or a pipe");
        return false;
    }
    line = ini_parse(r->file, on_entry, r);
    if (line == 0) {
        return true;
    }
    if (line < 0) {
        server_complain(SERVER_USAGE, "%s: cannot be read: %s", r->file, strerror(errno));
    } else {
        server_complain(SERVER_USAGE, "%s:%d: %s", r->file, line,
                        r->config_fault != NULL ? r->config_fault
                                                : "is not of the form key = value");
    }
    return false;
}

/* ---- the command line ---- */

enum { OPTION_DEV = 1000, OPTION_CONFIG, OPTION_HELP, OPTION_VERSION };

static const struct option *long_options(void)
{
    static struct option options[ARRAY_LEN(settings) + 5];
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
        if (settings[i].option != NULL) {
            options[n++] =
                (struct option){settings[i].option, required_argument, NULL, 100 + (int)i};
        }
    }
    options[n++] = (struct option){"dev", no_argument, NULL, OPTION_DEV};
    options[n++] = (struct option){"config", required_argument, NULL, OPTION_CONFIG};
    options[n++] = (struct option){"help", no_argument, NULL, OPTION_HELP};
    options[n++] = (struct option){"version", no_argument, NULL, OPTION_VERSION};
    options[n] = (struct option){0};
    return options;
}

/* False ends the program with *ret_exit. */
static bool read_command_line(struct reading *r, int argc, char **argv, int *ret_exit)
{
    int which;

    while ((which = getopt_long(argc, argv, "", long_options(), NULL)) != -1) {
        const char *fault = NULL;

        switch (which) {
        case OPTION_DEV:
            r->options->is_dev = true;
            break;
        case OPTION_CONFIG:
            r->file = optarg;
            break;
        case OPTION_HELP:
            fputs(usage, stdout);
            *ret_exit = SERVER_DONE;
            return false;
        case OPTION_VERSION:
            puts("bootwarden-server " BOOTWARDEN_VERSION);
            *ret_exit = SERVER_DONE;
            return false;
        case '?':
            server_complain(SERVER_USAGE, "see bootwarden-server --help");
            return false;
        default:
            fault = settings[which - 100].set(r, optarg);
            if (fault != NULL) {
                server_complain(SERVER_USAGE, "--%s %.100s: %s", settings[which - 100].option,
                                optarg, fault);
                return false;
            }
        }
    }
    if (optind < argc) {
        server_complain(SERVER_USAGE, "'%.100s' is not expected; see bootwarden-server --help",
                        argv[optind]);
        return false;
    }
    return true;
}

static unsigned usual_workers(void)
{
    long n = 2 * sysconf(_SC_NPROCESSORS_ONLN);

    return n < MIN_WORKERS ? MIN_WORKERS : n > HTTP_MAX_WORKERS ? HTTP_MAX_WORKERS : (unsigned)n;
}

static bool fill_rest(struct reading *r)
{
    struct server_options *o = r->options;
    const char *missing;

    if (o->is_dev == (r->file != NULL)) {
        server_complain(SERVER_USAGE,
                        o->is_dev ? "--dev and --config cannot both be given: --dev needs no file; "
                                    "see bootwarden-server --help"
                                  : "either --dev or --config FILE is needed; see "
                                    "bootwarden-server --help");
        return false;
    }
    if (r->file != NULL && !read_file(r)) {
        return false;
    }
    missing = access_options_finish(r->arena, &o->access);
    if (missing != NULL) {
        server_complain(SERVER_USAGE, "%s: %s", r->file, missing);
        return false;
    }
    if (o->data == NULL && !o->is_dev) {
        server_complain(SERVER_USAGE,
                        "%s: [server] data is missing: the folder for keys and database", r->file);
        return false;
    }
    if ((o->tls_certificate == NULL) != (o->tls_key == NULL)) {
        server_complain(SERVER_USAGE, "%s: tls-certificate and tls-key go together", r->file);
        return false;
    }
    o->data = o->data == NULL ? "bootwarden-data" : o->data;
    if (o->n_listen == 0) {
        (void)!set_listen(r, o->is_dev ? "localhost:0" : "localhost:8443");
    }
    if (o->n_regions == 0) {
        o->regions[o->n_regions++] = region_find(span_str(SERVICE_HOME_REGION));
    }
    o->workers = o->workers == 0 ? usual_workers() : o->workers;
    return true;
}

bool server_options_read(struct arena *arena, int argc, char **argv, struct server_options *ret,
                         int *ret_exit)
{
    struct reading r = {.arena = arena, .options = ret};

    *ret = (struct server_options){.signing = SIGNKEY_RSA2048};
    *ret_exit = SERVER_USAGE;
    return read_command_line(&r, argc, argv, ret_exit) && fill_rest(&r);
}
