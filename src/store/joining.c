/*
 * joining.c - the one write that makes a machine of a guest, or lets it wait (AK-6, AK-7).
 */
#include "store/joins.h"
#include "store/queue.h"
#include "store/rows.h"

#include <stdio.h>

struct join {
    struct store_joining *asked;
    struct store_machine wanted; /* with the name and the owner that were announced for it */
    int64_t announced;           /* id of the row that permits it; 0 = none */
    unsigned uses;               /* of that row */
    bool is_named;               /* by its EK in that row */
    char place[STORE_ID_SIZE];   /* the id of the only machine that the row is for; "" = any */
    bool waits_already;
    char who[STORE_WHO_MAX]; /* announced it */
    enum store_join outcome;
    struct store_machine machine;
};

/* ---- machines ---- */

static err_t add_machine(struct sqlite *db, const struct store_machine *machine,
                         struct trail *trail)
{
    sqlite3_stmt *row = NULL;
    bool has_row;
    err_t err = sqlite_use(db, STATEMENT_MACHINE_ADD, trail, &row);

    if (err) {
        return err;
    }
    sqlite_bind_text(row, 1, span_str(machine->id));
    sqlite_bind_text(row, 2, span_str(machine->name));
    sqlite_bind_span(row, 3, span_of(machine->ek_digest, sizeof(machine->ek_digest)));
    sqlite_bind_span(row, 4, span_of(machine->ak_name, machine->ak_name_len));
    sqlite3_bind_int(row, 5, 1);
    sqlite3_bind_int64(row, 6, machine->created);
    sqlite3_bind_int64(row, 7, 0);
    sqlite_bind_span(row, 8, span_of(machine->ek_public, machine->ek_public_len));
    sqlite_bind_text(row, 9, span_str(machine->subscription));
    err = sqlite_step(db, row, trail, &has_row);
    sqlite_release(row);
    return err ? err : write_monitor_begin(db, machine, machine->created, "", trail);
}

/* A replaced machine gets new keys and keeps everything else, except for when it was seen: what
 * another key proved is no sign of this one. */
static err_t bind_machine(struct sqlite *db, const struct store_machine *replaced,
                          const struct store_machine *wanted, struct trail *trail,
                          struct store_machine *ret)
{
    sqlite3_stmt *row = NULL;
    bool has_row;
    err_t err = sqlite_use(db, STATEMENT_MACHINE_BIND, trail, &row);

    if (err) {
        return err;
    }
    sqlite_bind_text(row, 1, span_str(replaced->id));
    sqlite_bind_span(row, 2, span_of(wanted->ek_digest, sizeof(wanted->ek_digest)));
    sqlite_bind_span(row, 3, span_of(wanted->ak_name, wanted->ak_name_len));
    sqlite_bind_span(row, 4, span_of(wanted->ek_public, wanted->ek_public_len));
    err = sqlite_step(db, row, trail, &has_row);
    sqlite_release(row);
    err = err ? err : write_audit(db, replaced, "-", "joined again", wanted->created, trail);
    err =
        err ? err
            : write_monitor_begin(db, replaced, wanted->created, "another key joined as it", trail);
    return err ? err
               : query_machine(db, STATEMENT_MACHINE_BY_ID, span_str(replaced->id), true, trail,
                               ret);
}

static bool has_ak(const struct store_machine *machine, const struct store_machine *wanted)
{
    return span_equal(span_of(machine->ak_name, machine->ak_name_len),
                      span_of(wanted->ak_name, wanted->ak_name_len));
}

static bool is_successor(const struct store_machine *replaced, const struct store_machine *wanted)
{
    return replaced->has_successor &&
           memcmp(replaced->successor_ek, wanted->ek_digest, STORE_DIGEST_BYTES) == 0;
}

/* What one owner permits reaches no machine of another, live or replaced: names are the whole
 * server's, and any guest may wish for any. */
static err_t check_owner(struct join *join, const struct store_machine *found, struct trail *trail)
{
    if (join->announced == 0 || strcmp(found->subscription, join->wanted.subscription) == 0) {
        return ERR_OK;
    }
    join->asked->kept = STORE_KEPT_OWNER;
    return trail_set(trail, ERR_CONFLICT, "machine %s is of another subscription", found->id);
}

/* What was announced for one machine takes up no other's place. Else an owner who announces a name
 * would get whatever machine of that name was just replaced, with its history and its roles. */
static err_t check_place(struct join *join, const struct store_machine *found, struct trail *trail)
{
    if (join->place[0] == '\0' || strcmp(found->id, join->place) == 0 ||
        strcmp(found->id, join->wanted.id) == 0) {
        return ERR_OK;
    }
    join->asked->kept = STORE_KEPT_PLACE;
    return trail_set(trail, ERR_CONFLICT, "machine %s is not the one that was announced",
                     found->id);
}

struct found {
    struct store_machine machine;
    bool is_there;
    bool is_own; /* by its EK or id, not by the name that was wished for */
};

/* The machine of the EK; else that of the id, which of a cloud's machine is the cloud's (AK-11) and
 * stays when its key does not; else that of the name. */
static err_t find_machine(struct sqlite *db, const struct store_machine *wanted,
                          struct trail *trail, struct found *ret)
{
    struct span ek = span_of(wanted->ek_digest, sizeof(wanted->ek_digest));
    err_t err = query_machine_if_any(db, STATEMENT_MACHINE_BY_EK, ek, false, trail, &ret->machine,
                                     &ret->is_own);

    if (err == ERR_OK && !ret->is_own) {
        err = query_machine_if_any(db, STATEMENT_MACHINE_BY_ID, span_str(wanted->id), true, trail,
                                   &ret->machine, &ret->is_own);
    }
    ret->is_there = ret->is_own;
    if (err == ERR_OK && !ret->is_own) {
        err = query_machine_if_any(db, STATEMENT_MACHINE_BY_NAME, span_str(wanted->name), true,
                                   trail, &ret->machine, &ret->is_there);
    }
    return err;
}

/* The machine that was found must be this pair's, or replaced. */
static err_t check_found(struct join *join, const struct found *found, struct trail *trail)
{
    const struct store_machine *wanted = &join->wanted, *machine = &found->machine;
    bool is_pair = found->is_own && has_ak(machine, wanted);
    err_t err = is_pair ? ERR_OK : check_owner(join, machine, trail);

    err = err || is_pair ? err : check_place(join, machine, trail);
    if (err) {
        return err;
    }
    if (!found->is_own && machine->ak_name_len > 0) {
        return trail_set(trail, ERR_CONFLICT,
                         "the name '%s' belongs to a machine with another endorsement key",
                         wanted->name);
    }
    if (machine->ak_name_len > 0 && !is_pair) {
        return trail_set(trail, ERR_CONFLICT, "machine %s has another attestation key",
                         machine->id);
    }
    if (!machine->is_active) {
        return trail_set(trail, ERR_CONFLICT, "machine %s was disabled by an operator",
                         machine->id);
    }
    if (machine->ak_name_len == 0 && machine->has_successor && !is_successor(machine, wanted)) {
        return trail_set(trail, ERR_CONFLICT,
                         "the place of machine %s is kept for another endorsement key",
                         machine->id);
    }
    return ERR_OK;
}

/* ---- permission ---- */

/* Is the announced place for this guest? The token was compared by its digest: that is what the
 * index looks for. */
static bool is_for(const struct store_announced *announced, const struct join *join)
{
    const struct store_machine *wanted = join->asked->wanted;
    bool is_ek = !announced->has_ek ||
                 memcmp(announced->ek_digest, wanted->ek_digest, STORE_DIGEST_BYTES) == 0;
    bool is_ak = announced->ak_name_len == 0 ||
                 span_equal(span_of(announced->ak_name, announced->ak_name_len),
                            span_of(wanted->ak_name, wanted->ak_name_len));

    return is_ek && is_ak && announced->uses > 0 && wanted->created < announced->expires;
}

static void permit(struct join *join, const struct store_announced *announced)
{
    join->announced = announced->id;
    join->uses = announced->uses;
    join->is_named = announced->has_ek;
    snprintf(join->who, sizeof(join->who), "%s", announced->who);
    snprintf(join->wanted.subscription, sizeof(join->wanted.subscription), "%s",
             announced->subscription);
    snprintf(join->place, sizeof(join->place), "%s", announced->machine);
    if (announced->machine[0] != '\0' && !join->asked->has_own_id) {
        snprintf(join->wanted.id, sizeof(join->wanted.id), "%s", announced->machine);
    }
    if (announced->name[0] != '\0') {
        snprintf(join->wanted.name, sizeof(join->wanted.name), "%s", announced->name);
    }
}

/* Anybody may know an EK. So of several owners who announced one the server's own decides, and
 * where it did not announce it nobody does: the guest waits for a person, or shows a token. */
static err_t find_permission_by_ek(struct sqlite *db, struct join *join, struct trail *trail)
{
    struct store_announced found[STORE_ANNOUNCED_FOR_EK_MAX] = {0};
    size_t n = 0;
    err_t err = query_announced_for_ek(db, span_of(join->wanted.ek_digest, STORE_DIGEST_BYTES),
                                       join->wanted.created, trail, found, &n);

    if (err) {
        return err;
    }
    if (n > 1 && found[0].subscription[0] != '\0') {
        join->asked->is_disputed = true;
    } else if (n > 0 && is_for(&found[0], join)) {
        permit(join, &found[0]);
    }
    return ERR_OK;
}

/* A token must be good when one is shown. Without one, the EK may have been announced alone. */
static err_t find_permission(struct sqlite *db, struct join *join, struct trail *trail)
{
    struct span token = join->asked->token_digest;
    struct store_announced announced = {0};
    err_t err;

    if (token.data == NULL) {
        return find_permission_by_ek(db, join, trail);
    }
    err = query_announced(db, STATEMENT_ANNOUNCED_BY_TOKEN, token, false, trail, &announced);
    if (err == ERR_OK && is_for(&announced, join)) {
        permit(join, &announced);
    } else if (err == ERR_OK || err == ERR_NOT_FOUND) {
        join->outcome = STORE_JOIN_TOKEN;
        err = ERR_OK;
    }
    return err;
}

static err_t use_permission(struct sqlite *db, const struct join *join, struct trail *trail)
{
    return join->announced == 0
               ? ERR_OK
               : run_bound(db,
                           join->uses > 1 ? STATEMENT_ANNOUNCED_USE : STATEMENT_ANNOUNCED_REMOVE,
                           bound_number(join->announced), (struct bound){0}, trail);
}

/* ---- waiting ---- */

static err_t put_waiting(struct sqlite *db, const struct join *join, struct trail *trail)
{
    const struct store_machine *wanted = join->asked->wanted;
    sqlite3_stmt *row = NULL;
    bool has_row;
    err_t err = sqlite_use(db, STATEMENT_WAITING_PUT, trail, &row);

    if (err) {
        return err;
    }
    sqlite_bind_span(row, 1, span_of(wanted->ek_digest, STORE_DIGEST_BYTES));
    sqlite_bind_span(row, 2, span_of(wanted->ak_name, wanted->ak_name_len));
    sqlite_bind_text(row, 3, span_str(join->asked->wish));
    sqlite_bind_text(row, 4, span_str(join->asked->maker));
    sqlite3_bind_int64(row, 5, wanted->created);
    err = sqlite_step(db, row, trail, &has_row);
    sqlite_release(row);
    return err;
}

/* Who waits already is not pushed out by who comes: anybody can ask without a certificate. */
static err_t wait(struct sqlite *db, struct join *join, struct trail *trail)
{
    bool is_vouched = join->asked->maker[0] != '\0';
    size_t n = 0;
    err_t err = ERR_OK;

    if (!join->waits_already) {
        err = query_waiting_count(db, !is_vouched, trail, &n);
    }
    if (err == ERR_OK && n >= (is_vouched ? STORE_WAITING_MAX : STORE_WAITING_UNVOUCHED_MAX)) {
        join->outcome = STORE_JOIN_FULL;
        return ERR_OK;
    }
    join->outcome = STORE_JOIN_WAITS;
    return err ? err : put_waiting(db, join, trail);
}

/* A person's no stands until a person names this very endorsement key: by announcing or admitting
 * it, or as a machine's successor. A token is for whoever has it, and a certificate is no person.
 * It is forgotten as who waits is: when it is asked for no longer. */
static err_t check_rejected(struct sqlite *db, struct join *join, const struct found *found,
                            struct trail *trail)
{
    bool is_named =
        join->is_named || (found->is_there && is_successor(&found->machine, &join->wanted));
    struct store_waiting before;
    err_t err = query_waiting(db, join->wanted.ek_digest, trail, &before);

    if (err) {
        return err == ERR_NOT_FOUND ? ERR_OK : err;
    }
    join->waits_already = true;
    if (!before.is_rejected || is_named) {
        return ERR_OK;
    }
    join->outcome = STORE_JOIN_REJECTED;
    return put_waiting(db, join, trail);
}

static err_t forget_waiting(struct sqlite *db, const struct join *join, struct trail *trail)
{
    struct span ek = span_of(join->wanted.ek_digest, STORE_DIGEST_BYTES);

    return run_bound(db, STATEMENT_WAITING_REMOVE, bound_blob(ek), (struct bound){0}, trail);
}

/* ---- the write ---- */

/* Whether the guest may be what it asks for. A replaced machine waits for somebody: an operator
 * said so, and perhaps for whom. */
static bool may_join(const struct join *join, const struct store_machine *replaced)
{
    bool is_vouched = join->asked->maker[0] != '\0';

    if (join->announced != 0) {
        return true;
    }
    return replaced != NULL ? is_vouched || replaced->has_successor
                            : is_vouched && join->asked->is_open;
}

static err_t check_ak(struct sqlite *db, const struct join *join, struct trail *trail)
{
    struct store_machine other;
    bool is_taken = false;
    err_t err = query_machine_if_any(db, STATEMENT_MACHINE_BY_AK,
                                     span_of(join->wanted.ak_name, join->wanted.ak_name_len), false,
                                     trail, &other, &is_taken);

    if (err == ERR_OK && is_taken) {
        err = trail_set(trail, ERR_CONFLICT,
                        "this attestation key belongs to a machine with another endorsement key");
    }
    return err;
}

/* A name that was announced is kept for the guest that it was announced for. `replaced`: whose
 * place is taken up, NULL for a new one. */
static err_t check_kept(struct sqlite *db, struct join *join, const struct store_machine *replaced,
                        struct trail *trail)
{
    const char *name = replaced != NULL ? replaced->name : join->wanted.name;
    struct store_announced other;
    err_t err =
        query_announced(db, STATEMENT_ANNOUNCED_BY_NAME, span_str(name), true, trail, &other);

    if (err == ERR_OK && other.id != join->announced && join->wanted.created < other.expires) {
        join->asked->kept = STORE_KEPT_ANNOUNCED;
        return trail_set(trail, ERR_CONFLICT, "the name '%s' is announced for another guest", name);
    }
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

/* It is let in: as the machine whose place it takes up, or as a new one. */
static err_t let_in(struct sqlite *db, struct join *join, const struct found *found,
                    struct trail *trail)
{
    err_t err = check_kept(db, join, found->is_there ? &found->machine : NULL, trail);

    err = err ? err : use_permission(db, join, trail);
    err = err ? err : forget_waiting(db, join, trail);
    if (err == ERR_OK && found->is_there) {
        err = bind_machine(db, &found->machine, &join->wanted, trail, &join->machine);
    } else if (err == ERR_OK) {
        err = add_machine(db, &join->wanted, trail);
        join->machine = join->wanted;
        join->machine.is_active = true;
        join->machine.last_seen = 0;
    }
    snprintf(join->asked->who, sizeof(join->asked->who), "%s", join->who);
    join->outcome = STORE_JOINED;
    return err;
}

/* AK-7: nothing that is there is overwritten, unless an operator replaced it. */
static err_t run_join(struct sqlite *db, void *data, struct trail *trail)
{
    struct join *join = data;
    struct found found = {0};
    err_t err = find_permission(db, join, trail);

    err = err ? err : find_machine(db, &join->wanted, trail, &found);
    err = err ? err : check_rejected(db, join, &found, trail);
    if (err || join->outcome == STORE_JOIN_REJECTED) {
        return err;
    }
    err = found.is_there ? check_found(join, &found, trail) : ERR_OK;
    if (err == ERR_OK && found.is_there && found.machine.ak_name_len > 0) {
        join->outcome = STORE_JOINED;
        join->machine = found.machine;
        join->asked->is_token_unused =
            join->announced != 0 && join->asked->token_digest.data != NULL;
        return ERR_OK;
    }
    err = err ? err : check_ak(db, join, trail);
    if (err || join->outcome == STORE_JOIN_TOKEN) {
        return err;
    }
    return may_join(join, found.is_there ? &found.machine : NULL) ? let_in(db, join, &found, trail)
                                                                  : wait(db, join, trail);
}

err_t store_join(struct store *store, struct store_joining *joining, struct trail *trail,
                 enum store_join *ret_outcome, struct store_machine *ret)
{
    struct join join = {.asked = joining, .wanted = *joining->wanted};
    struct op op = {.kind = OP_CALL, .call = run_join, .data = &join};
    err_t err = store_wait_for(store, &op, trail);

    if (err) {
        return err;
    }
    *ret_outcome = join.outcome;
    *ret = join.machine;
    return ERR_OK;
}

err_t store_machine_activate(struct store *store, const struct store_machine *wanted,
                             struct trail *trail, struct store_machine *ret)
{
    struct store_joining joining = {
        .wanted = wanted, .wish = wanted->name, .maker = "-", .is_open = true};
    enum store_join outcome;

    return store_join(store, &joining, trail, &outcome, ret);
}
