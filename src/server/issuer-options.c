#include "server/issuer-options.h"

#include "base/text.h"

#include <string.h>

enum { ISSUER_NAME_MAX = 40 };

static const char unknown_key[] = "unknown key";

static const char *copy(struct arena *arena, const char *text)
{
    return (const char *)arena_dup(arena, span_str(text)).data;
}

/* ---- values: each returns NULL or what is wrong ---- */

static const char *set_switch(const char *value, bool *ret_is_off)
{
    if (text_equal_nocase(value, "yes") || text_equal_nocase(value, "no")) {
        *ret_is_off = text_equal_nocase(value, "no");
        return NULL;
    }
    return "must be yes or no";
}

static bool is_id(const char *text, size_t len)
{
    if (len == 0 || len > ACCESS_ID_MAX) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (text[i] <= ' ' || text[i] > '~' || strchr("/\"\\", text[i]) != NULL) {
            return false;
        }
    }
    return true;
}

static const char *add_owner(struct arena *arena, struct access_options *options, const char *value)
{
    const char *slash = strchr(value, '/'), *id = slash == NULL ? value : slash + 1;
    struct gate_owner *owner;

    if (!is_id(id, strlen(id)) || (slash != NULL && !is_id(value, (size_t)(slash - value)))) {
        return "must be of the form OBJECT-ID or TENANT/OBJECT-ID";
    }
    if (options->n_owners == GATE_MAX_OWNERS) {
        return arena_printf(arena, "more than %d owners", GATE_MAX_OWNERS);
    }
    owner = &options->owners[options->n_owners++];
    owner->tenant = slash == NULL ? NULL : arena_printf(arena, "%.*s", (int)(slash - value), value);
    owner->object_id = copy(arena, id);
    return NULL;
}

/* `iss` is compared byte for byte, so nothing is mended here; keys are fetched from below it. */
static const char *set_url(struct arena *arena, struct issuer_config *issuer, const char *value)
{
    size_t len = strlen(value);

    if (strncmp(value, "https://", 8) != 0 || len == 8 || value[8] == '/' ||
        strpbrk(value, " ?#\"'\\<>@") != NULL || len > ACCESS_URL_MAX) {
        return "must be of the form https://host[:port][/path], exactly as tokens say it";
    }
    issuer->url = copy(arena, value);
    return NULL;
}

static const char *set_tenant(struct arena *arena, struct issuer_config *issuer, const char *value)
{
    issuer->tenant = copy(arena, value);
    return is_id(value, strlen(value)) ? NULL : "must be an id";
}

static const char *add_audience(struct arena *arena, struct issuer_config *issuer,
                                enum access_plane plane, const char *value)
{
    size_t n = 0;

    while (n < ACCESS_MAX_AUDIENCES && issuer->audiences[plane][n] != NULL) {
        n++;
    }
    if (n == ACCESS_MAX_AUDIENCES) {
        return arena_printf(arena, "more than %d audiences", ACCESS_MAX_AUDIENCES);
    }
    if (value[0] == '\0' || strlen(value) > ACCESS_URL_MAX || strpbrk(value, " \"\\") != NULL) {
        return "must be a word, exactly as tokens say it";
    }
    issuer->audiences[plane][n] = copy(arena, value);
    return NULL;
}

static const char *set_file(struct arena *arena, const char **file, const char *value)
{
    *file = copy(arena, value);
    return value[0] == '\0' ? "must name a file" : NULL;
}

static const char *set_issuer(struct arena *arena, struct issuer_config *issuer, const char *key,
                              const char *value)
{
    if (strcmp(key, "url") == 0) {
        return set_url(arena, issuer, value);
    }
    if (strcmp(key, "tenant") == 0) {
        return set_tenant(arena, issuer, value);
    }
    if (strcmp(key, "audience") == 0) {
        return add_audience(arena, issuer, ACCESS_DATA, value);
    }
    if (strcmp(key, "management-audience") == 0) {
        return add_audience(arena, issuer, ACCESS_MANAGEMENT, value);
    }
    if (strcmp(key, "jwks-file") == 0) {
        return set_file(arena, &issuer->jwks_file, value);
    }
    if (strcmp(key, "ca-file") == 0) {
        return set_file(arena, &issuer->ca_file, value);
    }
    return unknown_key;
}

/* ---- sections ---- */

static const char *find_issuer(struct arena *arena, struct access_options *options,
                               const char *name, struct issuer_config **ret)
{
    if (name[0] == '\0' || strlen(name) > ISSUER_NAME_MAX) {
        return "an issuer's section needs a short name: [issuer NAME]";
    }
    for (size_t i = 0; i < options->n_issuers; i++) {
        if (strcmp(options->issuer_names[i], name) == 0) {
            *ret = &options->issuers[i];
            return NULL;
        }
    }
    if (options->n_issuers == ISSUERS_MAX) {
        return arena_printf(arena, "more than %d issuers", ISSUERS_MAX);
    }
    options->issuer_names[options->n_issuers] = copy(arena, name);
    *ret = &options->issuers[options->n_issuers++];
    return NULL;
}

bool access_option(struct arena *arena, struct access_options *options, const char *section,
                   const char *key, const char *value, const char **ret_fault)
{
    static const char prefix[] = "issuer ";
    struct issuer_config *issuer = NULL;
    const char *fault = unknown_key;

    if (strcmp(section, "identity") == 0) {
        if (strcmp(key, "built-in") == 0) {
            fault = set_switch(value, &options->has_no_provider);
        }
    } else if (strcmp(section, "access") == 0) {
        if (strcmp(key, "owner") == 0) {
            fault = add_owner(arena, options, value);
        }
    } else if (strncmp(section, prefix, strlen(prefix)) == 0) {
        fault = find_issuer(arena, options, section + strlen(prefix), &issuer);
        fault = fault != NULL ? fault : set_issuer(arena, issuer, key, value);
    } else {
        return false;
    }
    *ret_fault = fault == unknown_key ? arena_printf(arena,
                                                     "unknown key '%.60s' in section "
                                                     "[%.60s]",
                                                     key, section)
                 : fault != NULL      ? arena_printf(arena, "%s: %s", key, fault)
                                      : NULL;
    return true;
}

static const char *const usual[ACCESS_PLANES][5] = {
    [ACCESS_DATA] = {"https://attest.azure.net", "https://attest.azure.net/"},
    [ACCESS_MANAGEMENT] = {"https://management.azure.com", "https://management.azure.com/",
                           "https://management.core.windows.net",
                           "https://management.core.windows.net/"},
};

const char *access_options_finish(struct arena *arena, struct access_options *options)
{
    for (size_t i = 0; i < options->n_issuers; i++) {
        struct issuer_config *issuer = &options->issuers[i];

        if (issuer->url == NULL || issuer->tenant == NULL) {
            return arena_printf(arena, "[issuer %s] %s is missing", options->issuer_names[i],
                                issuer->url == NULL ? "url" : "tenant");
        }
        for (size_t plane = 0; plane < ACCESS_PLANES; plane++) {
            if (issuer->audiences[plane][0] == NULL) {
                memcpy(issuer->audiences[plane], usual[plane], sizeof(usual[plane]));
            }
        }
    }
    return NULL;
}
