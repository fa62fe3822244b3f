/*
 * rollout.c - what machines say of packages, and which they get.
 *
 * Who may send these bytes: guests in their sessions. A machine can fail what it was offered, and
 * so stop a rollout; it cannot get more than its turn.
 */
#include "service/rollout.h"

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "monitor/monitor.h"
#include "monitor/wave.h"
#include "package/package.h"
#include "service/guest.h"
#include "service/machines-internal.h"
#include "store/packages.h"

#include <stdio.h>

const char *rollout_path(const struct service *service, struct arena *arena, const char *file)
{
    return arena_printf(arena, "%s/packages/%s", service->folder, file);
}

/* ---- what a guest says ---- */

static err_t fault(struct trail *trail, const char *member, const char *words)
{
    trail_set(trail, ERR_VALUE, "%s", words);
    return trail_in(trail, ERR_VALUE, member);
}

static err_t read_text(const struct service_call *call, yyjson_val *object, const char *name,
                       size_t max, struct trail *trail, const char **ret)
{
    yyjson_val *value = json_get(object, name);

    if (value == NULL || yyjson_is_null(value)) {
        return ERR_OK;
    }
    if (!yyjson_is_str(value)) {
        return fault(trail, name, "must be a string");
    }
    *ret = text_escape_dup(call->arena, json_span(value), max);
    return *ret == NULL ? ERR_MEMORY : ERR_OK;
}

err_t rollout_read(const struct service_call *call, yyjson_val *root, struct trail *trail,
                   struct rollout_said *ret)
{
    yyjson_val *takes = json_get(root, "takesPackages"), *upgrade = json_get(root, "upgrade");
    struct rollout_said said = {.words = NULL};
    err_t err = ERR_OK;

    if (takes != NULL && !yyjson_is_bool(takes)) {
        return fault(trail, "takesPackages", "must be true or false");
    }
    if (upgrade != NULL && !yyjson_is_obj(upgrade)) {
        return fault(trail, "upgrade", "must be an object");
    }
    said.takes = yyjson_is_true(takes);
    err = read_text(call, upgrade, "runs", STORE_PACKAGE_VERSION_SIZE - 1, trail, &said.runs);
    err = err ? err
              : read_text(call, upgrade, "failed", (size_t)2 * STORE_DIGEST_BYTES, trail,
                          &said.failed);
    err = err ? err
              : read_text(call, upgrade, "message", STORE_PACKAGE_WHY_SIZE / 2, trail, &said.words);
    if (said.words == NULL || said.words[0] == '\0') {
        said.words = "it does not say why";
    }
    if (err == ERR_OK) {
        *ret = said;
    }
    return err;
}

/* ---- what it gets ---- */

struct choosing {
    struct wave_machine machine;
    bool has_version;
};

static bool read_package(const struct store_package *from, bool is_refused,
                         struct wave_package *ret)
{
    struct wave_package package = {.is_running = from->is_running,
                                   .has_failed_there = is_refused,
                                   .has_minimum = from->minimum[0] != '\0'};

    if (version_read(span_str(from->version), &package.version) != ERR_OK ||
        (package.has_minimum &&
         version_read(span_str(from->minimum), &package.minimum) != ERR_OK)) {
        return false;
    }
    *ret = package;
    return true;
}

static int choose(const struct store_package *packages, const bool *refused, size_t n,
                  void *context)
{
    const struct choosing *choosing = context;
    struct wave_package readable[STORE_PACKAGES_MAX] = {0}; /* as {0}: its rollout does not run */

    for (size_t i = 0; i < n; i++) {
        (void)read_package(&packages[i], refused[i], &readable[i]);
    }
    return choosing->has_version ? wave_choose(&choosing->machine, readable, n) : -1;
}

static void log_stops(const struct store_stops *stops)
{
    struct log_line line;

    for (size_t i = 0; i < stops->n; i++) {
        log_begin(&line, LOG_WARN, "rollout.stopped");
        log_text(&line, "version", stops->items[i].version);
        log_text(&line, "platform", stops->items[i].platform);
        log_text(&line, "machine", stops->items[i].machine);
        log_text(&line, "why", stops->items[i].why);
        log_end(&line);
    }
}

static int64_t patience(const struct service *service, const struct store_monitor *row)
{
    return WAVE_PERIODS * (row->period_s > 0 ? row->period_s : service->period_s);
}

static void add_offer(const struct service_call *call, const struct store_package *offer,
                      yyjson_mut_doc *doc, yyjson_mut_val *root)
{
    yyjson_mut_val *to = json_add_object(doc, root, "package");

    json_add_text(doc, to, "version", offer->version);
    json_add_text(doc, to, "platform", offer->platform);
    json_add_uint(doc, to, "size", offer->size);
    json_add_hex(call->arena, doc, to, "sha256", span_of(offer->digest, sizeof(offer->digest)));
    json_add_text(doc, to, "path",
                  arena_printf(call->arena, "/guest/v1/package/%s", offer->version));
}

err_t rollout_goal(struct service *service, const struct service_call *call,
                   const struct store_machine *machine, const struct store_monitor *row,
                   const struct store_extension *extension, const struct rollout_said *said,
                   yyjson_mut_doc *doc, yyjson_mut_val *root, struct trail *trail)
{
    struct choosing choosing = {.machine.takes_minor = extension->upgrades_minor};
    struct store_contact *contact = arena_calloc(call->arena, 1, sizeof(*contact));
    err_t err;

    if (contact == NULL) {
        return ERR_MEMORY;
    }
    choosing.has_version =
        version_read(span_str(row->agent_version), &choosing.machine.version) == ERR_OK;
    *contact = (struct store_contact){
        .machine_id = machine->id,
        .machine_name = machine->name,
        .subscription = machine->subscription,
        .platform = row->platform,
        .now = call->now,
        .listening_since = atomic_load(&service->listening_since),
        .patience_s = patience(service, row),
        .runs = said->runs,
        .failed = said->failed,
        .failed_words = said->words,
        .takes = said->takes && extension->upgrades && extension->is_wanted && machine->is_active,
        .choose = choose,
        .has_room = wave_has_room,
        .context = &choosing,
    };
    err = store_rollout_contact(service->store, contact, trail);
    if (err == ERR_OK) {
        log_stops(&contact->stops);
    }
    if (err == ERR_OK && contact->has_offer) {
        add_offer(call, &contact->offer, doc, root);
    }
    return err;
}

err_t rollout_show(struct service *service, const struct service_call *call,
                   const struct store_machine *machine, yyjson_mut_doc *doc, yyjson_mut_val *root,
                   struct trail *trail)
{
    struct store_rollout last;
    yyjson_mut_val *to;
    err_t err = store_rollout_last(service->store, machine->id, trail, &last);

    if (err || last.state[0] == '\0') {
        json_add_text(doc, root, "upgrade", NULL);
        return err;
    }
    to = json_add_object(doc, root, "upgrade");
    json_add_text(doc, to, "version", last.version);
    json_add_text(doc, to, "state", last.state);
    machines_add_time(call->arena, doc, to, "since", last.time);
    json_add_text(doc, to, "why", last.why);
    return ERR_OK;
}

void rollout_tick(struct service *service, int64_t now)
{
    struct store_stops stops = {.n = 0};
    struct trail trail = {0};

    if (store_rollout_sweep(service->store, now, atomic_load(&service->listening_since), &trail,
                            &stops) == ERR_OK) {
        log_stops(&stops);
    }
}

/* ---- the package itself ---- */

static err_t fetch(struct service *service, const struct service_call *call, struct span bearer,
                   struct span version, struct trail *trail, struct service_answer *ret)
{
    const char *text = text_escape_dup(call->arena, version, STORE_PACKAGE_VERSION_SIZE - 1);
    struct store_package package = {0};
    struct store_machine machine;
    struct store_monitor row;
    struct trail inner = {0};
    const char *path;
    err_t err = text == NULL ? ERR_MEMORY : guest_session(service, call, bearer, trail, &machine);

    if (err) {
        return err;
    }
    err = store_monitor_get(service->store, machine.id, trail, &row);
    err = err ? err
              : store_rollout_take(service->store, machine.id, text, call->now,
                                   patience(service, &row), &inner, &package);
    if (err == ERR_NOT_FOUND || err == ERR_DENIED) {
        answer_refuse(call, ret, err == ERR_DENIED ? 403 : 404,
                      err == ERR_DENIED ? "RolloutStopped" : "NotFound", "%s", inner.what);
        return ERR_OK;
    }
    path = err ? NULL : rollout_path(service, call->arena, package.file);
    if (err || path == NULL) {
        return err ? err : ERR_MEMORY;
    }
    err = file_read(call->arena, path, PACKAGE_FILE_MAX, &inner, &ret->body);
    if (err) {
        return trail_set(trail, ERR_STORE, "the file of the package cannot be read: %s",
                         inner.what);
    }
    ret->status = 200;
    ret->note = arena_printf(call->arena, "machine=%s package=%s", machine.id, package.version);
    return ERR_OK;
}

void service_guest_package(struct service *service, const struct service_call *call,
                           struct span bearer, struct span version, struct service_answer *ret)
{
    struct trail trail = {0};
    err_t err = fetch(service, call, bearer, version, &trail, ret);

    if (err == ERR_DENIED) {
        answer_refuse(call, ret, 401, "Unauthorized", "%s", trail.what);
    } else if (err) {
        answer_error(call, ret, err, &trail);
    }
}
