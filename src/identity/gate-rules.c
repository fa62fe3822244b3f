/*
 * gate-rules.c - which roles are in force: what the operator wrote, what the configuration says,
 * and what was given while the server runs.
 */
#include "identity/gate-internal.h"

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "base/timestamp.h"
#include "identity/files.h"

#include <unistd.h>

enum { HELD_UP_US = 10 * 1000 * 1000 };

/* What is wrong with the file, and what to do about it. */
static err_t explain(const char *path, err_t err, const struct trail *fault, const char *what_then,
                     struct trail *trail)
{
    char words[TRAIL_WHERE_MAX + TRAIL_WHAT_MAX];

    trail_format(fault, err, words, sizeof(words));
    trail_set(trail, err,
              "%.200s; correct it (docs/formats/access.md), or move it away and only %s", words,
              what_then);
    return trail_in(trail, err, path);
}

static err_t read_configured(struct gate *gate, struct arena *arena, struct trail *trail,
                             struct access_rules **ret)
{
    CLEANUP(access_rules_free) struct access_rules *own = NULL;
    struct trail fault = {0};
    struct span json = {0};
    err_t err = ERR_OK;

    if (file_exists(gate->rules_path)) {
        err = file_read_guarded(arena, gate->rules_path, ACCESS_RULES_MAX_BYTES, trail, &json);
        if (err) {
            return err;
        }
        err = access_rules_read(json, &fault, &own);
        err = err ? explain(gate->rules_path, err, &fault,
                            "the owners that the configuration names have roles", trail)
                  : ERR_OK;
    }
    return err ? err : access_rules_with(own, gate->extra, gate->n_extra, trail, ret);
}

static err_t read_assignments(struct gate *gate, struct arena *arena, struct trail *trail,
                              struct assignments **ret)
{
    struct trail fault = {0};
    struct span json = {0};
    err_t err;

    if (!file_exists(gate->assignments_path)) {
        *ret = assignments_new();
        return *ret == NULL ? ERR_MEMORY : ERR_OK;
    }
    err = file_read_private(arena, gate->assignments_path, ASSIGNMENTS_MAX_BYTES, trail, &json);
    if (err) {
        return err;
    }
    err = assignments_read(json, &fault, ret);
    return err ? explain(gate->assignments_path, err, &fault, "roles of access.json are left",
                         trail)
               : ERR_OK;
}

/* A role of the operator's that is no more gives nothing; the rest counts. */
static err_t combine(const struct access_rules *configured, const struct assignments *set,
                     struct arena *arena, struct trail *trail, struct access_rules **ret)
{
    size_t n = assignments_count(set), n_more = 0;
    struct access_assignment *more = arena_calloc(arena, n + 1, sizeof(*more));

    if (more == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < n; i++) {
        const struct access_assignment *rule = &assignments_at(set, i)->rule;

        if (access_rules_role(configured, span_str(rule->role)) != NULL) {
            more[n_more++] = *rule;
        }
    }
    return access_rules_with(configured, more, n_more, trail, ret);
}

/* Takes all three. */
static void put_in_force(struct gate *gate, struct access_rules *configured,
                         struct assignments *set, struct access_rules *rules)
{
    struct access_rules *before_configured, *before_rules;
    struct assignments *before_set;
    struct log_line line;

    log_begin(&line, LOG_INFO, "access.loaded");
    log_uint(&line, "assignments", access_rules_count(rules));
    log_end(&line);
    pthread_mutex_lock(&gate->lock);
    before_configured = gate->configured;
    before_set = gate->assignments;
    before_rules = gate->rules;
    gate->configured = configured;
    gate->assignments = set;
    gate->rules = rules;
    pthread_mutex_unlock(&gate->lock);
    access_rules_free(before_configured);
    assignments_free(before_set);
    access_rules_free(before_rules);
}

bool gate_rules_changed(struct gate *gate)
{
    bool has_changed;

    pthread_mutex_lock(&gate->change);
    has_changed = files_stamp(gate->rules_path) != gate->rules_stamp ||
                  files_stamp(gate->assignments_path) != gate->assignments_stamp;
    pthread_mutex_unlock(&gate->change);
    return has_changed;
}

static err_t load(struct gate *gate, struct trail *trail)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(GATE_ARENA_BYTES);
    CLEANUP(access_rules_free) struct access_rules *configured = NULL;
    CLEANUP(assignments_free) struct assignments *set = NULL;
    struct access_rules *rules = NULL;
    err_t err = arena == NULL ? ERR_MEMORY : ERR_OK;

    gate->rules_stamp = files_stamp(gate->rules_path);
    gate->assignments_stamp = files_stamp(gate->assignments_path);
    err = err ? err : read_configured(gate, arena, trail, &configured);
    err = err ? err : read_assignments(gate, arena, trail, &set);
    err = err ? err : combine(configured, set, arena, trail, &rules);
    if (err == ERR_OK) {
        put_in_force(gate, TAKE(configured), TAKE(set), rules);
    }
    return err;
}

err_t gate_load_rules(struct gate *gate, struct trail *trail)
{
    err_t err;

    pthread_mutex_lock(&gate->change);
    err = load(gate, trail);
    pthread_mutex_unlock(&gate->change);
    return err;
}

struct access_rules *gate_rules(struct gate *gate)
{
    struct access_rules *rules;

    pthread_mutex_lock(&gate->lock);
    rules = access_rules_ref(gate->rules);
    pthread_mutex_unlock(&gate->lock);
    return rules;
}

struct access_rules *gate_configured(struct gate *gate)
{
    struct access_rules *rules;

    pthread_mutex_lock(&gate->lock);
    rules = access_rules_ref(gate->configured);
    pthread_mutex_unlock(&gate->lock);
    return rules;
}

struct assignments *gate_assignments(struct gate *gate)
{
    struct assignments *set;

    pthread_mutex_lock(&gate->lock);
    set = assignments_ref(gate->assignments);
    pthread_mutex_unlock(&gate->lock);
    return set;
}

/* ---- changes ---- */

/* Who came meanwhile has waited already: one waits, and for a while nobody does. */
static err_t lock_against_commands(struct gate *gate, struct trail *trail)
{
    uint64_t now = timestamp_ticks_us();
    bool waits = gate->held_up_us == 0 || now > gate->held_up_us + HELD_UP_US;
    struct trail fault = {0};
    err_t err = files_lock_assignments(gate->folder, waits ? now + FILES_LOCK_WAIT_US : now, &fault,
                                       &gate->lock_fd);
    struct log_line line;

    if (err == ERR_UNAVAILABLE && waits) {
        gate->held_up_us = timestamp_ticks_us();
        log_begin(&line, LOG_ERROR, "roles.locked");
        log_text(&line, "folder", fault.where);
        log_text(&line, "cause", fault.what);
        log_text(&line, "effect", "no role is given or taken away meanwhile");
        log_end(&line);
    } else if (err == ERR_OK) {
        gate->held_up_us = 0;
    }
    if (trail != NULL) {
        *trail = err ? fault : *trail;
    }
    return err;
}

/* Takes `change`, and the lock that commands take. What bootwarden-server machine remove took away
 * meanwhile does not come back, and what is given here it does not write over. */
static err_t begin_change(struct gate *gate, struct trail *trail)
{
    err_t err;

    pthread_mutex_lock(&gate->change);
    err = lock_against_commands(gate, trail);
    return err || files_stamp(gate->assignments_path) == gate->assignments_stamp
               ? err
               : load(gate, trail);
}

static void end_change(struct gate *gate)
{
    if (gate->lock_fd >= 0) {
        close(gate->lock_fd);
    }
    gate->lock_fd = -1;
    pthread_mutex_unlock(&gate->change);
}

/* Under change. On the disk first: what was given must not be gone after a restart, and what was
 * taken must not come back. */
static err_t install(struct gate *gate, struct assignments *set, struct trail *trail)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(GATE_ARENA_BYTES);
    CLEANUP(access_rules_free) struct access_rules *configured = gate_configured(gate);
    struct access_rules *rules = NULL;
    struct span json = {0};
    err_t err = arena == NULL ? ERR_MEMORY : combine(configured, set, arena, trail, &rules);

    err = err ? err : assignments_write(set, arena, &json);
    if (err == ERR_OK && json.len > ASSIGNMENTS_MAX_BYTES) {
        err = trail_set(trail, ERR_TOO_MANY, "the document would be larger than %d bytes",
                        ASSIGNMENTS_MAX_BYTES);
    }
    err = err ? err : file_write(gate->assignments_path, json, 0600, trail);
    if (err) {
        access_rules_free(rules);
        return err;
    }
    gate->assignments_stamp = files_stamp(gate->assignments_path);
    put_in_force(gate, TAKE(configured), assignments_ref(set), rules);
    return ERR_OK;
}

static bool is_same(const struct access_assignment *a, const struct access_assignment *b)
{
    return text_equal_nocase(a->principal, b->principal) &&
           text_equal_nocase(a->tenant, b->tenant) && text_equal_nocase(a->role, b->role) &&
           access_scope_covers(span_str(a->scope), span_str(b->scope)) &&
           access_scope_covers(span_str(b->scope), span_str(a->scope));
}

static bool is_there(struct gate *gate, const struct access_assignment *rule)
{
    CLEANUP(access_rules_free) struct access_rules *rules = gate_rules(gate);

    for (size_t i = 0; i < access_rules_count(rules); i++) {
        if (is_same(access_rules_at(rules, i), rule)) {
            return true;
        }
    }
    return false;
}

err_t gate_assign(struct gate *gate, const struct assignment *one, struct trail *trail)
{
    CLEANUP(assignments_free) struct assignments *before = NULL;
    CLEANUP(assignments_free) struct assignments *after = NULL;
    err_t err = begin_change(gate, trail);

    before = gate_assignments(gate);
    if (err == ERR_OK) {
        err = is_there(gate, &one->rule)
                  ? trail_set(trail, ERR_CONFLICT, "the principal has this role there already")
                  : assignments_with(before, one, trail, &after);
    }
    err = err ? err : install(gate, after, trail);
    end_change(gate);
    return err;
}

err_t gate_forget_scope(struct gate *gate, struct span scope, struct trail *trail, size_t *ret_n)
{
    CLEANUP(assignments_free) struct assignments *before = NULL;
    CLEANUP(assignments_free) struct assignments *after = NULL;
    err_t err = begin_change(gate, trail);

    before = gate_assignments(gate);
    err = err ? err : assignments_without_scope(before, scope, &after);
    if (err == ERR_OK) {
        err = after == NULL ? ERR_OK : install(gate, after, trail);
    }
    end_change(gate);
    *ret_n = err || after == NULL ? 0 : assignments_count(before) - assignments_count(after);
    return err;
}

err_t gate_unassign(struct gate *gate, struct span name, struct trail *trail)
{
    CLEANUP(assignments_free) struct assignments *before = NULL;
    CLEANUP(assignments_free) struct assignments *after = NULL;
    err_t err = begin_change(gate, trail);

    before = gate_assignments(gate);
    err = err ? err : assignments_without(before, name, &after);
    err = err ? err : install(gate, after, trail);
    end_change(gate);
    return err;
}
