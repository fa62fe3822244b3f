#include "provider/attestation-config.h"

#include "base/text.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

static err_t fault(struct trail *trail, const char *member, const char *words)
{
    trail_set(trail, ERR_VALUE, "%s", words);
    return trail_in(trail, ERR_VALUE, member);
}

err_t attestation_config_leaf(struct arena *arena, yyjson_val *object, const char *name,
                              struct trail *trail, const char **ret)
{
    yyjson_val *value = json_get(object, name);
    const char *text = value == NULL || yyjson_is_null(value) ? "" : json_text(value);

    *ret = NULL;
    if (text == NULL) {
        return fault(trail, name, "must be a string; empty means the default");
    }
    if (text[0] == '\0') {
        return ERR_OK;
    }
    if (strlen(text) > ATTESTATION_LEAF_MAX) {
        return fault(trail, name, "is too long");
    }
    *ret = (const char *)arena_dup(arena, span_str(text)).data;
    return *ret == NULL ? ERR_MEMORY : ERR_OK;
}

/* ---- addresses ---- */

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

/* "[::1]" or a name; *ret_end is what stands behind it. */
static bool is_host(const char *text, const char **ret_end)
{
    char address[INET6_ADDRSTRLEN];
    struct in6_addr ignored;
    size_t len;

    if (text[0] == '[') {
        len = strspn(text + 1, DIGITS "abcdefABCDEF:.");
        if (len >= sizeof(address) || text[len + 1] != ']') {
            return false;
        }
        memcpy(address, text + 1, len);
        address[len] = '\0';
        *ret_end = text + len + 2;
        return inet_pton(AF_INET6, address, &ignored) == 1;
    }
    len = strspn(text, LETTERS DIGITS "-._");
    *ret_end = text + len;
    return len > 0 && len <= ATTESTATION_HOST_MAX;
}

/* ":443", or nothing; *text moves behind it. */
static bool is_port(const char **text)
{
    size_t len;

    if (**text != ':') {
        return true;
    }
    ++*text;
    len = strspn(*text, DIGITS);
    if (len == 0 || len > 5 || **text == '0' || strtoul(*text, NULL, 10) > UINT16_MAX) {
        return false;
    }
    *text += len;
    return true;
}

/* What is wrong with it; NULL = nothing. Stricter than those who will use it, so that what is taken
 * here is an address to all of them. */
static const char *url_fault(const char *url)
{
    static const char form[] =
        "must be https://host, https://host:port or one of these with a path";
    const char *rest = url + 8;

    if (strncmp(url, "https://", 8) != 0) {
        return "must begin with https://, or be empty for the default";
    }
    if (strpbrk(rest, "@?#") != NULL) {
        return "must hold no user, no query and no fragment";
    }
    if (!is_host(rest, &rest) || !is_port(&rest) || (*rest != '\0' && *rest != '/') ||
        rest[strspn(rest, LETTERS DIGITS "-._~%!$&'()*+,;=:/")] != '\0') {
        return form;
    }
    return NULL;
}

err_t attestation_config_url(struct arena *arena, yyjson_val *object, const char *name,
                             struct trail *trail, const char **ret)
{
    err_t err = attestation_config_leaf(arena, object, name, trail, ret);
    const char *words = err || *ret == NULL ? NULL : url_fault(*ret);

    if (words != NULL) {
        *ret = NULL;
        return fault(trail, name, words);
    }
    return err;
}

/* ---- settings ---- */

static err_t read_switch(struct arena *arena, yyjson_val *object, const char *name,
                         struct trail *trail, bool *ret)
{
    const char *text = NULL;
    err_t err = attestation_config_leaf(arena, object, name, trail, &text);

    if (err || text == NULL) {
        return err;
    }
    if (text_equal_nocase(text, "true") || text_equal_nocase(text, "false")) {
        *ret = text_equal_nocase(text, "true");
        return ERR_OK;
    }
    return fault(trail, name, "must be \"true\" or \"false\"");
}

static err_t read_frequency(struct arena *arena, yyjson_val *object, struct trail *trail,
                            unsigned *ret)
{
    const char *text = NULL;
    char *end = NULL;
    unsigned long number;
    err_t err = attestation_config_leaf(arena, object, "ascReportingFrequency", trail, &text);

    if (err || text == NULL) {
        return err;
    }
    number = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || number < ATTESTATION_FREQUENCY_MIN ||
        number > ATTESTATION_FREQUENCY_MAX) {
        return fault(trail, "ascReportingFrequency", "must be minutes from \"5\" to \"1440\"");
    }
    *ret = (unsigned)number;
    return ERR_OK;
}

err_t attestation_config_object(yyjson_val *parent, const char *name, struct trail *trail,
                                yyjson_val **ret)
{
    *ret = json_get(parent, name);
    if (*ret != NULL && !yyjson_is_obj(*ret)) {
        return fault(trail, name, "must be an object");
    }
    return ERR_OK;
}

err_t attestation_config_read(struct arena *arena, yyjson_val *settings, struct trail *trail,
                              struct attestation_config *ret)
{
    struct attestation_config config = {0};
    yyjson_val *root = NULL, *older = NULL, *maa = NULL, *asc = NULL;
    err_t err = ERR_OK;

    if (settings == NULL || yyjson_is_null(settings)) {
        *ret = config;
        return ERR_OK;
    }
    if (!yyjson_is_obj(settings)) {
        return fault(trail, "settings", "must be an object");
    }
    err = attestation_config_object(settings, "AttestationConfig", trail, &root);
    err = err ? err : attestation_config_object(settings, "AttestationEndpointCfg", trail, &older);
    err = err ? err : attestation_config_object(root, "MaaSettings", trail, &maa);
    err = err ? err : attestation_config_object(root, "AscSettings", trail, &asc);
    if (root == NULL && older != NULL) {
        root = maa = asc = older;
    }
    err = err ? err : attestation_config_url(arena, maa, "maaEndpoint", trail, &config.attest_url);
    err = err ? err : attestation_config_leaf(arena, maa, "maaTenantName", trail, &config.tenant);
    err =
        err ? err
            : attestation_config_url(arena, asc, "ascReportingEndpoint", trail, &config.report_url);
    err = err ? err : read_frequency(arena, asc, trail, &config.frequency_minutes);
    err = err ? err : read_switch(arena, root, "useCustomToken", trail, &config.uses_custom_token);
    err = err ? err
              : read_switch(arena, older, "useAlternateToken", trail, &config.uses_custom_token);
    err = err ? err : read_switch(arena, root, "disableAlerts", trail, &config.disables_alerts);
    if (err == ERR_OK) {
        *ret = config;
    }
    return err;
}
