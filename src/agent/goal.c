/* Who may send these bytes: the service, and through it who owns the machine. */
#include "agent/goal.h"

#include "base/text.h"

#include <string.h>

static err_t fault(struct trail *trail, const char *member, const char *words)
{
    trail_set(trail, ERR_VALUE, "%s", words);
    return trail_in(trail, ERR_VALUE, member);
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
    err_t err = attestation_config_object(body, "package", trail, &offer);

    if (err || offer == NULL) {
        return err;
    }
    err = attestation_config_leaf(arena, offer, "version", trail, &package.version);
    err = err ? err : attestation_config_leaf(arena, offer, "path", trail, &package.path);
    err = err ? err : attestation_config_leaf(arena, offer, "sha256", trail, &package.digest);
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
    err = attestation_config_url(arena, body, "attestEndpoint", trail, &goal.attest_url);
    err = err ? err : attestation_config_leaf(arena, body, "state", trail, &state);
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
