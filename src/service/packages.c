/*
 * packages.c - packages of the agent for their owners: publishing, and how a rollout goes.
 *
 * Who may send these bytes: callers who may change packages of the subscription. What is published
 * runs in guests only when it was signed by a key that they know: this server does not decide that.
 */
#include "store/packages.h"
#include "base/codec.h"
#include "base/file.h"
#include "base/text.h"
#include "crypto/secret.h"
#include "package/package.h"
#include "package/program.h"
#include "service/machines-internal.h"
#include "service/rollout.h"

#include <stdio.h>
#include <unistd.h>

enum { FILE_NAME_BYTES = 16, SWEEP_ARENA_BYTES = 16 * 1024 * 1024 };

static void add_package(const struct service_call *call, yyjson_mut_doc *doc, yyjson_mut_val *to,
                        const struct store_package *p)
{
    json_add_text(doc, to, "version", p->version);
    json_add_text(doc, to, "platform", p->platform);
    json_add_text(doc, to, "minimum", p->minimum[0] != '\0' ? p->minimum : NULL);
    json_add_uint(doc, to, "size", p->size);
    json_add_hex(call->arena, doc, to, "sha256", span_of(p->digest, sizeof(p->digest)));
    json_add_text(doc, to, "state", p->is_running ? "running" : "stopped");
    json_add_text(doc, to, "why", p->why);
    machines_add_time(call->arena, doc, to, "published", p->created);
    machines_add_time(call->arena, doc, to, "changed", p->changed);
    json_add_text(doc, to, "by", p->who);
    json_add_uint(doc, to, "offered", p->n_offered);
    json_add_uint(doc, to, "taken", p->n_taken);
    json_add_uint(doc, to, "confirmed", p->n_confirmed);
    json_add_uint(doc, to, "failed", p->n_failed);
}

/* ---- publishing ---- */

/* Form, size and digest of the payload. Whose signature it is, agents ask. */
static err_t check(const struct service_call *call, struct span body, struct trail *trail,
                   struct store_package *ret)
{
    struct package package;
    struct span payload;
    uint8_t digest[SHA256_BYTES];
    err_t err = package_read(call->arena, body, trail, &package);

    if (err) {
        return err;
    }
    if (!program_is_platform(span_str(package.platform))) {
        return trail_set(trail, ERR_VALUE, "there are no agents for platform '%s'",
                         package.platform);
    }
    payload = span_cut(body, package.header_bytes, body.len);
    if (payload.len != package.size) {
        return trail_set(trail, ERR_MISMATCH,
                         "the payload has %zu bytes, its manifest says %llu: the file is not whole",
                         payload.len, (unsigned long long)package.size);
    }
    err = hasher_once(call->hasher, HASH_SHA256, payload, digest);
    if (err == ERR_OK &&
        !span_equal(span_of(digest, sizeof(digest)), span_of(package.sha256, sizeof(digest)))) {
        err = trail_set(trail, ERR_MISMATCH,
                        "the payload is not the one that its manifest names: the file is damaged");
    }
    err = err ? err : hasher_once(call->hasher, HASH_SHA256, body, ret->digest);
    if (err == ERR_OK) {
        snprintf(ret->version, sizeof(ret->version), "%s", package.version_text);
        snprintf(ret->platform, sizeof(ret->platform), "%s", package.platform);
        snprintf(ret->minimum, sizeof(ret->minimum), "%s", package.minimum_text);
        ret->size = body.len;
    }
    return err;
}

/* Under a name of its own, so that withdrawing one never removes another's file. */
static err_t keep(struct service *service, const struct service_call *call, struct span body,
                  struct trail *trail, struct store_package *package)
{
    const char *folder = rollout_path(service, call->arena, ""), *path;
    uint8_t name[FILE_NAME_BYTES];
    struct trail inner = {0};
    err_t err = folder == NULL ? ERR_MEMORY : random_bytes(name, sizeof(name));

    if (err) {
        return err;
    }
    hex_encode(span_of(name, sizeof(name)), package->file, sizeof(package->file));
    path = rollout_path(service, call->arena, package->file);
    err = path == NULL ? ERR_MEMORY : file_make_folder(folder, 0700, &inner);
    err = err ? err : file_create(path, body, 0600, &inner);
    if (err) {
        return trail_set(trail, ERR_STORE, "the package cannot be kept: %s", inner.what);
    }
    err = store_package_add(service->store, package, trail);
    if (err) {
        unlink(path);
    }
    return err;
}

void service_package_publish(struct service *service, const struct service_call *call,
                             const struct machine_path *path, struct span body,
                             struct service_answer *ret)
{
    struct store_package package = {.is_running = true, .created = call->now};
    struct trail trail = {0};
    yyjson_mut_doc *doc = json_new(call->arena);
    yyjson_mut_val *root = doc == NULL ? NULL : yyjson_mut_obj(doc);
    err_t err = root == NULL ? ERR_MEMORY
                             : machines_subscription(service, path->subscription, &trail,
                                                     package.subscription);

    err = err ? err : check(call, body, &trail, &package);
    package.changed = call->now;
    snprintf(package.who, sizeof(package.who), "%s", path->who);
    err = err ? err : keep(service, call, body, &trail, &package);
    if (err) {
        machines_fail(call, err, &trail, ret);
        return;
    }
    add_package(call, doc, root, &package);
    answer_json(call, ret, doc, root);
    ret->note = arena_printf(call->arena, "version=%s platform=%s sha256=%s", package.version,
                             package.platform,
                             hex_dup(call->arena, span_of(package.digest, sizeof(package.digest))));
}

/* A crash between file and record leaves a file that nobody will ask for. */
void packages_sweep(struct service *service)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(SWEEP_ARENA_BYTES);
    const char *folder = arena == NULL ? NULL : rollout_path(service, arena, "");
    struct trail ignored = {0};
    const char **names = NULL;

    if (folder == NULL || file_list(arena, folder, &ignored, &names) != ERR_OK) {
        return;
    }
    for (size_t i = 0; names[i] != NULL; i++) {
        const char *path = rollout_path(service, arena, names[i]);

        if (path != NULL && !store_package_has_file(service->store, names[i])) {
            unlink(path);
        }
    }
}

/* ---- all ---- */

static err_t list(struct service *service, const struct service_call *call,
                  const struct machine_path *path, struct trail *trail, struct service_answer *ret)
{
    yyjson_mut_doc *doc = json_new(call->arena);
    yyjson_mut_val *root = doc == NULL ? NULL : yyjson_mut_obj(doc), *values;
    struct store_package *packages = NULL;
    char subscription[STORE_ID_SIZE];
    size_t n = 0;
    err_t err = root == NULL
                    ? ERR_MEMORY
                    : machines_subscription(service, path->subscription, trail, subscription);

    err =
        err ? err : store_packages(service->store, call->arena, subscription, trail, &packages, &n);
    if (err) {
        return err;
    }
    values = json_add_array(doc, root, "value");
    for (size_t i = 0; i < n; i++) {
        add_package(call, doc, yyjson_mut_arr_add_obj(doc, values), &packages[i]);
    }
    answer_json(call, ret, doc, root);
    return ERR_OK;
}

void service_package_list(struct service *service, const struct service_call *call,
                          const struct machine_path *path, struct span body,
                          struct service_answer *ret)
{
    struct trail trail = {0};
    err_t err = list(service, call, path, &trail, ret);

    (void)body;
    if (err) {
        machines_fail(call, err, &trail, ret);
    }
}

/* ---- changing one ---- */

typedef err_t change_fn(struct service *service, const struct service_call *call,
                        const struct machine_path *path, const struct store_package *package,
                        struct trail *trail);

/* Of every platform, or of the one that the query names. */
static err_t change_all(struct service *service, const struct service_call *call,
                        const struct machine_path *path, struct span platform, change_fn *change,
                        struct trail *trail)
{
    struct store_package *packages = NULL;
    char subscription[STORE_ID_SIZE];
    size_t n = 0, found = 0;
    err_t err = machines_subscription(service, path->subscription, trail, subscription);

    err =
        err ? err : store_packages(service->store, call->arena, subscription, trail, &packages, &n);
    for (size_t i = 0; err == ERR_OK && i < n; i++) {
        if (version_text_equal(path->machine, span_str(packages[i].version)) &&
            (platform.len == 0 || span_is(platform, packages[i].platform))) {
            err = change(service, call, path, &packages[i], trail);
            found++;
        }
    }
    if (err == ERR_OK && found == 0) {
        return trail_set(trail, ERR_NOT_FOUND, "there is no package of version '%s'%s",
                         text_escape_dup(call->arena, path->machine, STORE_PACKAGE_VERSION_SIZE),
                         platform.len == 0 ? "" : " for this platform");
    }
    return err;
}

static void change(struct service *service, const struct service_call *call,
                   const struct machine_path *path, struct span platform, change_fn *run,
                   struct service_answer *ret)
{
    struct trail trail = {0};
    err_t err = change_all(service, call, path, platform, run, &trail);

    err = err ? err : list(service, call, path, &trail, ret);
    if (err) {
        machines_fail(call, err, &trail, ret);
    }
}

static err_t stop(struct service *service, const struct service_call *call,
                  const struct machine_path *path, const struct store_package *package,
                  struct trail *trail)
{
    const char *why = arena_printf(call->arena, "stopped by %s", path->who);

    return why == NULL
               ? ERR_MEMORY
               : store_package_set(service->store, package->id, false, why, call->now, trail);
}

void service_package_stop(struct service *service, const struct service_call *call,
                          const struct machine_path *path, struct span platform,
                          struct service_answer *ret)
{
    change(service, call, path, platform, stop, ret);
}

static err_t resume(struct service *service, const struct service_call *call,
                    const struct machine_path *path, const struct store_package *package,
                    struct trail *trail)
{
    (void)path;
    return store_package_set(service->store, package->id, true, "", call->now, trail);
}

void service_package_resume(struct service *service, const struct service_call *call,
                            const struct machine_path *path, struct span platform,
                            struct service_answer *ret)
{
    change(service, call, path, platform, resume, ret);
}

static err_t withdraw(struct service *service, const struct service_call *call,
                      const struct machine_path *path, const struct store_package *package,
                      struct trail *trail)
{
    const char *file = rollout_path(service, call->arena, package->file);
    err_t err =
        file == NULL ? ERR_MEMORY : store_package_remove(service->store, package->id, trail);

    (void)path;
    if (err == ERR_OK) {
        unlink(file);
    }
    return err;
}

void service_package_withdraw(struct service *service, const struct service_call *call,
                              const struct machine_path *path, struct span platform,
                              struct service_answer *ret)
{
    change(service, call, path, platform, withdraw, ret);
}
