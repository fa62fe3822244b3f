/* Who may send these bytes: the service, and through it who owns the machine. */
#include "agent/goal.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

static err_t fault(struct trail *trail, const char *member, const char *words)
{
    trail_set(trail, ERR_VALUE, "%s", words);
    return trail_in(trail, ERR_VALUE, member);
}

/* A leaf: a string, empty for the default. */
static err_t read_leaf(struct arena *arena, yyjson_val *object, const char *name,
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
    if (strlen(text) > GOAL_URL_MAX) {
        return fault(trail, name, "is too long");
    }
    *ret = (const char *)arena_dup(arena, span_str(text)).data;
    return *ret == NULL ? ERR_MEMORY : ERR_OK;
}

static err_t read_url(struct arena *arena, yyjson_val *object, const char *name,
                      struct trail *trail, const char **ret)
{
    err_t err = read_leaf(arena, object, name, trail, ret);

    if (err == ERR_OK && *ret != NULL && strncmp(*ret, "https://", 8) != 0) {
        err = fault(trail, name, "must begin with https://, or be empty for the default");
    }
    return err;
}

static err_t read_switch(struct arena *arena, yyjson_val *object, const char *name,
                         struct trail *trail, bool *ret)
{
    const char *text = NULL;
    err_t err = read_leaf(arena, object, name, trail, &text);

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
    err_t err = read_leaf(arena, object, "ascReportingFrequency", trail, &text);

    if (err || text == NULL) {
        return err;
    }
    number = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || number < GOAL_FREQUENCY_MIN ||
        number > GOAL_FREQUENCY_MAX) {
        return fault(trail, "ascReportingFrequency", "must be minutes from \"5\" to \"1440\"");
    }
    *ret = (unsigned)number;
    return ERR_OK;
}

static err_t need_object_or_none(yyjson_val *parent, const char *name, struct trail *trail,
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
    err = need_object_or_none(settings, "AttestationConfig", trail, &root);
    err = err ? err : need_object_or_none(settings, "AttestationEndpointCfg", trail, &older);
    err = err ? err : need_object_or_none(root, "MaaSettings", trail, &maa);
    err = err ? err : need_object_or_none(root, "AscSettings", trail, &asc);
    if (root == NULL && older != NULL) {
        root = maa = asc = older;
    }
    err = err ? err : read_url(arena, maa, "maaEndpoint", trail, &config.attest_url);
    err = err ? err : read_leaf(arena, maa, "maaTenantName", trail, &config.tenant);
    err = err ? err : read_url(arena, asc, "ascReportingEndpoint", trail, &config.report_url);
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

const char *goal_attest_url(const struct goal *goal)
{
    return goal->config.attest_url != NULL ? goal->config.attest_url : goal->attest_url;
}

#define PACKAGE_PATH "/guest/v1/package/"

static bool is_only(const char *text, const char *allowed)
{
    return text[0] != '\0' && text[strspn(text, allowed)] == '\0';
}

/* One that is not of the form is an error: it would never be fetched, and nobody would know why. */
static err_t read_package(struct arena *arena, yyjson_val *body, struct trail *trail,
                          struct goal_package *ret)
{
    struct goal_package package = {0};
    struct version version;
    yyjson_val *offer = NULL;
    err_t err = need_object_or_none(body, "package", trail, &offer);

    if (err || offer == NULL) {
        return err;
    }
    err = read_leaf(arena, offer, "version", trail, &package.version);
    err = err ? err : read_leaf(arena, offer, "path", trail, &package.path);
    err = err ? err : read_leaf(arena, offer, "sha256", trail, &package.digest);
    err = err ? err : json_need_uint(offer, "size", PACKAGE_FILE_MAX, trail, &package.size);
    if (err) {
        return err;
    }
    if (package.version == NULL || version_read(span_str(package.version), &version) != ERR_OK) {
        return fault(trail, "version", "must be a version such as 1.2.3");
    }
    if (package.digest == NULL || strlen(package.digest) != (size_t)2 * PACKAGE_SHA256_BYTES ||
        !is_only(package.digest, "0123456789abcdef")) {
        return fault(trail, "sha256", "must be 64 hexadecimal digits in lower case");
    }
    if (package.path == NULL || strncmp(package.path, PACKAGE_PATH, strlen(PACKAGE_PATH)) != 0 ||
        !is_only(package.path + strlen(PACKAGE_PATH), "0123456789.")) {
        return fault(trail, "path", "must be " PACKAGE_PATH " and a version");
    }
    *ret = package;
    return ERR_OK;
}

int64_t goal_sequence(yyjson_val *body)
{
    yyjson_val *value = json_get(json_get(body, "extension"), "sequence");

    return yyjson_is_int(value) ? yyjson_get_sint(value) : 0;
}

err_t goal_read(struct arena *arena, yyjson_val *body, struct trail *trail, struct goal *ret)
{
    struct goal goal = {.is_wanted = true, .state = ""};
    yyjson_val *extension = NULL, *value;
    const char *state = NULL;
    err_t err = json_need_object(body, "extension", trail, &extension);

    if (err) {
        return err;
    }
    value = json_get(extension, "wanted");
    goal.is_wanted = value == NULL || yyjson_is_true(value);
    goal.upgrades = yyjson_is_true(json_get(extension, "enableAutomaticUpgrade"));
    value = json_get(body, "periodSeconds");
    goal.period_s = yyjson_is_uint(value) && yyjson_get_uint(value) <= 86400
                        ? (unsigned)yyjson_get_uint(value)
                        : 0;
    goal.wants_proof = yyjson_is_true(json_get(body, "attestNow"));
    err = read_url(arena, body, "attestEndpoint", trail, &goal.attest_url);
    err = err ? err : read_leaf(arena, body, "state", trail, &state);
    err =
        err ? err
            : attestation_config_read(arena, json_get(extension, "settings"), trail, &goal.config);
    err = err ? err : read_package(arena, body, trail, &goal.package);
    if (err == ERR_OK) {
        goal.state = state == NULL ? "" : state;
        *ret = goal;
    }
    return err;
}
