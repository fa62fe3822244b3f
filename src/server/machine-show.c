/*
 * The list of machines and one machine, for people and as JSON. What the database holds is escaped
 * (rule D-5): some of it came from guests.
 */
#include "server/machine.h"

#include "base/codec.h"
#include "base/text.h"
#include "base/timestamp.h"
#include "json/json.h"

#include <string.h>

enum {
    PAGE = 200, /* machines read at a time */
    SHOWN_ATTESTATIONS = 20,
    SHOWN_COPIES = 5,
    SHOWN_CHANGES = 50,
    ARENA_BYTES = 64 * 1024 * 1024, /* for a page, or for one machine */
    MAX_CODES = 64,
};

static const char *state_of(const struct store_machine *machine)
{
    return !machine->is_active ? "disabled" : machine->ak_name_len == 0 ? "replaced" : "active";
}

/* "" for never */
static const char *time_text(struct arena *arena, int64_t seconds)
{
    char text[TIMESTAMP_SIZE] = "";

    if (seconds != 0) {
        timestamp_format(seconds, text, sizeof(text));
    }
    return (const char *)arena_dup(arena, span_str(text)).data;
}

static void add_time(struct arena *arena, yyjson_mut_doc *doc, yyjson_mut_val *object,
                     const char *name, int64_t seconds)
{
    json_add_text(doc, object, name, seconds == 0 ? NULL : time_text(arena, seconds));
}

/* What its records say of a machine. */
struct standing {
    char verdict[STORE_VERDICT_SIZE];
    uint64_t refused_copies; /* no word about the machine: anybody who kept a request can send it */
    int64_t last_refused;
};

static err_t read_standing(struct store *store, const struct store_machine *machine,
                           struct trail *trail, struct standing *ret)
{
    struct standing standing = {0};
    err_t err = store_last_verdict(store, machine->id, trail, standing.verdict);

    if (err == ERR_OK && machine->ak_name_len > 0) {
        err = store_refused_copies(store, span_of(machine->ak_name, machine->ak_name_len), trail,
                                   &standing.refused_copies, &standing.last_refused);
    }
    if (err) {
        return err;
    }
    *ret = standing;
    return ERR_OK;
}

/* "" without any */
static const char *refused_text(struct arena *arena, const struct standing *standing)
{
    return standing->refused_copies == 0
               ? ""
               : arena_printf(arena, "refused copies: %llu, last %s",
                              (unsigned long long)standing->refused_copies,
                              time_text(arena, standing->last_refused));
}

static void add_machine(struct arena *arena, yyjson_mut_doc *doc, yyjson_mut_val *object,
                        const struct store_machine *machine, const struct standing *standing)
{
    json_add_text(doc, object, "id", machine->id);
    json_add_text(doc, object, "name", machine->name);
    json_add_text(doc, object, "state", state_of(machine));
    add_time(arena, doc, object, "created", machine->created);
    add_time(arena, doc, object, "lastSeen", machine->last_seen);
    json_add_text(doc, object, "lastVerdict",
                  standing->verdict[0] == '\0' ? NULL : standing->verdict);
    json_add_uint(doc, object, "refusedCopies", standing->refused_copies);
    add_time(arena, doc, object, "lastRefusedCopy", standing->last_refused);
}

static err_t print_json(struct arena *arena, yyjson_mut_doc *doc, yyjson_mut_val *value)
{
    struct span text = json_write(arena, doc, value, true);

    if (text.data == NULL) {
        return ERR_MEMORY;
    }
    puts((const char *)text.data);
    return ERR_OK;
}

/* ---- the list ---- */

static err_t list_page(struct store *store, struct arena *arena, struct store_machine *machines,
                       size_t n, bool is_json, bool is_first, struct trail *trail)
{
    for (size_t i = 0; i < n; i++) {
        const struct store_machine *machine = &machines[i];
        struct standing standing;
        yyjson_mut_doc *doc = is_json ? json_new(arena) : NULL;
        yyjson_mut_val *object = doc == NULL ? NULL : yyjson_mut_obj(doc);
        const char *seen = time_text(arena, machine->last_seen);
        struct span text = {0};
        const char *refused;
        err_t err = read_standing(store, machine, trail, &standing);

        if (err) {
            return err;
        }
        if (is_json) {
            add_machine(arena, doc, object, machine, &standing);
            text = json_write(arena, doc, object, false);
            if (text.data == NULL) {
                return ERR_MEMORY;
            }
            printf("%s\n    %s", is_first && i == 0 ? "" : ",", (const char *)text.data);
            continue;
        }
        refused = refused_text(arena, &standing);
        printf("%-36s  %-20s  %-8s  %-20s  %-20s  %s%s%s%s\n", machine->id,
               text_escape_dup(arena, span_str(machine->name), STORE_NAME_MAX), state_of(machine),
               time_text(arena, machine->created), seen == NULL || seen[0] == '\0' ? "never" : seen,
               standing.verdict[0] == '\0' ? "-" : standing.verdict,
               refused == NULL || refused[0] == '\0' ? "" : " (", refused == NULL ? "" : refused,
               refused == NULL || refused[0] == '\0' ? "" : ")");
    }
    return ERR_OK;
}

err_t machine_list(struct store *store, bool is_json, struct trail *trail)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(ARENA_BYTES);
    char after[STORE_NAME_MAX + 1] = "";
    bool is_first = true;
    size_t n = PAGE;
    err_t err = arena == NULL ? ERR_MEMORY : ERR_OK;

    if (is_json) {
        printf("{\n  \"machines\": [");
    } else {
        printf("%-36s  %-20s  %-8s  %-20s  %-20s  %s\n", "ID", "NAME", "STATE", "CREATED",
               "LAST SEEN", "LAST VERDICT");
    }
    while (err == ERR_OK && n == PAGE) {
        struct store_machine *machines = NULL;

        arena_reset(arena);
        err = store_machines(store, arena, after, PAGE, trail, &machines, &n);
        err = err ? err : list_page(store, arena, machines, n, is_json, is_first, trail);
        if (err == ERR_OK && n > 0) {
            snprintf(after, sizeof(after), "%s", machines[n - 1].name);
            is_first = false;
        }
    }
    if (err == ERR_OK && is_json) {
        puts(is_first ? "]\n}" : "\n  ]\n}");
    }
    return err;
}

/* ---- one machine ---- */

/* What is shown, read at one go. */
struct view {
    const struct store_machine *machine;
    struct standing standing;
    bool has_clock;
    struct tpm_clock clock;
    struct store_attestation *attestations; /* fresh ones */
    size_t n_attestations;
    struct store_attestation *copies;
    size_t n_copies;
    struct store_audit *changes;
    size_t n_changes;
};

static err_t read_view(struct store *store, struct arena *arena,
                       const struct store_machine *machine, struct trail *trail, struct view *ret)
{
    struct view view = {.machine = machine};
    err_t err = read_standing(store, machine, trail, &view.standing);

    err = err ? err
              : store_proofs_ever(store, arena, machine->id, SHOWN_ATTESTATIONS, trail,
                                  &view.attestations, &view.n_attestations);
    err = err ? err
              : store_proofs(store, arena, machine->id, false, SHOWN_COPIES, trail, &view.copies,
                             &view.n_copies);
    err = err ? err
              : store_audits(store, arena, machine, SHOWN_CHANGES, trail, &view.changes,
                             &view.n_changes);
    if (err == ERR_OK && machine->ak_name_len > 0) {
        err = store_clock_get(store, span_of(machine->ak_name, machine->ak_name_len), trail,
                              &view.clock);
        view.has_clock = err == ERR_OK;
        err = err == ERR_NOT_FOUND ? ERR_OK : err;
    }
    if (err) {
        return err;
    }
    *ret = view;
    return ERR_OK;
}

/* The codes of the reasons that a record holds. */
static size_t reason_codes(struct arena *arena, const struct store_attestation *a,
                           const char *codes[MAX_CODES])
{
    yyjson_val *root = NULL, *item;
    size_t i, max, n = 0;

    if (json_read(arena, a->reasons, NULL, NULL, &root) != ERR_OK) {
        return 0;
    }
    yyjson_arr_foreach(root, i, max, item)
    {
        struct span code = json_span(json_get(item, "code"));

        if (n < MAX_CODES && code.data != NULL) {
            codes[n++] = text_escape_dup(arena, code, 64);
        }
    }
    return n;
}

static void add_attestation(struct arena *arena, yyjson_mut_doc *doc, yyjson_mut_val *list,
                            const struct store_attestation *a)
{
    yyjson_mut_val *object = yyjson_mut_arr_add_obj(doc, list), *reasons;
    const char *codes[MAX_CODES];
    size_t n = reason_codes(arena, a, codes);

    add_time(arena, doc, object, "time", a->time);
    json_add_text(doc, object, "verdict", a->verdict);
    json_add_text(doc, object, "freshness", store_freshness_name(a->freshness));
    json_add_uint(doc, object, "repeats", a->repeats);
    add_time(arena, doc, object, "lastRepeat", a->last_repeat);
    json_add_text(doc, object, "tokenId", a->token_id);
    reasons = json_add_array(doc, object, "reasons");
    for (size_t i = 0; i < n; i++) {
        yyjson_mut_arr_add_strcpy(doc, reasons, codes[i]);
    }
}

static err_t show_json(struct arena *arena, const struct view *v)
{
    const struct store_machine *machine = v->machine;
    yyjson_mut_doc *doc = json_new(arena);
    yyjson_mut_val *root = doc == NULL ? NULL : yyjson_mut_obj(doc), *list;

    add_machine(arena, doc, root, machine, &v->standing);
    json_add_hex(arena, doc, root, "ekDigest",
                 span_of(machine->ek_digest, sizeof(machine->ek_digest)));
    if (machine->ak_name_len > 0) {
        json_add_hex(arena, doc, root, "akName", span_of(machine->ak_name, machine->ak_name_len));
    } else {
        json_add_text(doc, root, "akName", NULL);
    }
    if (machine->has_successor) {
        json_add_hex(arena, doc, root, "successorEkDigest",
                     span_of(machine->successor_ek, sizeof(machine->successor_ek)));
    } else {
        json_add_text(doc, root, "successorEkDigest", NULL);
    }
    if (v->has_clock) {
        yyjson_mut_val *clock = json_add_object(doc, root, "clock");

        json_add_uint(doc, clock, "resetCount", v->clock.reset_count);
        json_add_uint(doc, clock, "restartCount", v->clock.restart_count);
        json_add_uint(doc, clock, "clockMs", v->clock.clock_ms);
    } else {
        json_add_text(doc, root, "clock", NULL);
    }
    list = json_add_array(doc, root, "attestations");
    for (size_t i = 0; i < v->n_attestations; i++) {
        add_attestation(arena, doc, list, &v->attestations[i]);
    }
    list = json_add_array(doc, root, "copies");
    for (size_t i = 0; i < v->n_copies; i++) {
        add_attestation(arena, doc, list, &v->copies[i]);
    }
    list = json_add_array(doc, root, "changes");
    for (size_t i = 0; i < v->n_changes; i++) {
        yyjson_mut_val *object = yyjson_mut_arr_add_obj(doc, list);

        add_time(arena, doc, object, "time", v->changes[i].time);
        json_add_text(doc, object, "who", v->changes[i].who);
        json_add_text(doc, object, "what", v->changes[i].what);
        json_add_text(doc, object, "id", v->changes[i].machine_id);
    }
    return print_json(arena, doc, root);
}

static void print_attestation(struct arena *arena, const struct store_attestation *a)
{
    const char *codes[MAX_CODES];
    size_t n = reason_codes(arena, a, codes);

    printf("  %s  %-12s  %-9s ", time_text(arena, a->time),
           text_escape_dup(arena, span_str(a->verdict), STORE_VERDICT_SIZE),
           store_freshness_name(a->freshness));
    for (size_t i = 0; i < n; i++) {
        printf("%s%s", i > 0 ? "," : " ", codes[i]);
    }
    if (a->repeats > 0) {
        printf(" (sent again %llu times, last %s)", (unsigned long long)a->repeats,
               time_text(arena, a->last_repeat));
    }
    putchar('\n');
}

static void show_table(struct arena *arena, const struct view *v)
{
    const struct store_machine *machine = v->machine;

    printf("name             %s\n", text_escape_dup(arena, span_str(machine->name), 256));
    printf("id               %s\n", machine->id);
    printf("state            %s\n", state_of(machine));
    printf("created          %s\n", time_text(arena, machine->created));
    printf("last seen        %s\n",
           machine->last_seen == 0 ? "never" : time_text(arena, machine->last_seen));
    printf("last verdict     %s\n", v->standing.verdict[0] == '\0' ? "-" : v->standing.verdict);
    if (v->standing.refused_copies > 0) {
        printf("not fresh        %s\n", refused_text(arena, &v->standing));
    }
    printf("endorsement key  %s\n",
           hex_dup(arena, span_of(machine->ek_digest, sizeof(machine->ek_digest))));
    printf("attestation key  %s\n",
           machine->ak_name_len == 0
               ? "none: replaced, waits for a join"
               : hex_dup(arena, span_of(machine->ak_name, machine->ak_name_len)));
    if (machine->has_successor) {
        printf("waits only for   endorsement key %s\n",
               hex_dup(arena, span_of(machine->successor_ek, sizeof(machine->successor_ek))));
    }
    if (v->has_clock) {
        printf("clock            reset %u, restart %u, %llu ms\n", v->clock.reset_count,
               v->clock.restart_count, (unsigned long long)v->clock.clock_ms);
    }
    printf("\nLast attestations:%s\n", v->n_attestations == 0 ? " none" : "");
    for (size_t i = 0; i < v->n_attestations; i++) {
        print_attestation(arena, &v->attestations[i]);
    }
    printf("%s", v->n_copies == 0 ? "" : "\nLast copies, and what came late (not fresh):\n");
    for (size_t i = 0; i < v->n_copies; i++) {
        print_attestation(arena, &v->copies[i]);
    }
    printf("\nChanges:%s\n", v->n_changes == 0 ? " none" : "");
    for (size_t i = 0; i < v->n_changes; i++) {
        const struct store_audit *change = &v->changes[i];
        bool is_other = strcmp(change->machine_id, machine->id) != 0;

        printf("  %s  %-16s  %s%s%s\n", time_text(arena, change->time),
               text_escape_dup(arena, span_str(change->who), STORE_WHO_MAX),
               text_escape_dup(arena, span_str(change->what), 64),
               is_other ? " of an earlier machine of this name, " : "",
               is_other ? change->machine_id : "");
    }
}

err_t machine_show(struct store *store, const struct store_machine *machine, bool is_json,
                   struct trail *trail)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(ARENA_BYTES);
    struct view view = {0};
    err_t err = arena == NULL ? ERR_MEMORY : read_view(store, arena, machine, trail, &view);

    if (err) {
        return err;
    }
    if (is_json) {
        return show_json(arena, &view);
    }
    show_table(arena, &view);
    return ERR_OK;
}
