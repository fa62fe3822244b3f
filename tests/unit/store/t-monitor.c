/*
 * States of machines, as the store keeps them: changes seen by all, history, baselines.
 */
#include "unit/store/folder.h"

#include "store/extensions.h"
#include "store/monitor.h"

static bool set_state(struct store_monitor *row, void *context)
{
    snprintf(row->state, sizeof(row->state), "%s", (const char *)context);
    snprintf(row->proof, sizeof(row->proof), "%s", (const char *)context);
    snprintf(row->why, sizeof(row->why), "because");
    row->due = NOW + 10;
    row->contact = NOW;
    return true;
}

static bool touch_nothing(struct store_monitor *row, void *context)
{
    (void)context;
    snprintf(row->state, sizeof(row->state), "forged");
    return false;
}

static struct store_monitor_change to(const char *name, int64_t now)
{
    return (struct store_monitor_change){
        .apply = set_state, .context = (void *)(uintptr_t)name, .now = now};
}

static struct store *with_machine(struct store_machine *ret)
{
    struct store *store = open_store();
    const struct store_machine m = machine_of(1, 1, "web");

    assert_ok(store_machine_activate(store, &m, NULL, ret));
    return store;
}

static void a_new_machine_never_reported(void **state)
{
    struct store_machine m;
    struct store *store = with_machine(&m);
    struct store_monitor row;

    (void)state;
    assert_ok(store_monitor_get(store, m.id, NULL, &row));
    assert_string_equal(row.state, "never-reported");
    assert_int_equal(row.due, 0);
    assert_err(store_monitor_get(store, "nobody", NULL, &row), ERR_NOT_FOUND);
    store_close(store);
}

static void a_change_is_kept_with_its_history(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct store_machine m;
    struct store *store = with_machine(&m);
    struct store_monitor_change first = to("healthy", NOW + 1), same = to("healthy", NOW + 2),
                                second = to("silent", NOW + 3);
    struct store_state_change *history;
    struct store_monitor row;
    size_t n;

    (void)state;
    first.status = span_str("{\"status\":1}");
    assert_ok(store_monitor_apply(store, m.id, &first, NULL));
    assert_string_equal(first.before, "never-reported");
    assert_string_equal(first.after.state, "healthy");
    assert_ok(store_monitor_apply(store, m.id, &same, NULL));
    assert_ok(store_monitor_apply(store, m.id, &second, NULL));
    assert_ok(store_monitor_get(store, m.id, NULL, &row));
    assert_string_equal(row.state, "silent");
    assert_int_equal(row.since, NOW + 3);
    assert_ok(store_state_changes(store, arena, m.id, 10, NULL, &history, &n));
    assert_int_equal(n, 2);
    assert_string_equal(history[0].before, "healthy");
    assert_string_equal(history[0].after, "silent");
    assert_string_equal(history[1].before, "never-reported");
    store_close(store);
}

static void what_is_not_to_be_written_is_not(void **state)
{
    struct store_machine m;
    struct store *store = with_machine(&m);
    struct store_monitor_change none = {.apply = touch_nothing, .now = NOW};
    struct store_monitor row;

    (void)state;
    assert_ok(store_monitor_apply(store, m.id, &none, NULL));
    assert_ok(store_monitor_get(store, m.id, NULL, &row));
    assert_string_equal(row.state, "never-reported");
    store_close(store);
}

static void machines_are_due_in_time(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct store_machine m;
    struct store *store = with_machine(&m);
    struct store_monitor_change change = to("healthy", NOW);
    const char **ids;
    size_t n;

    (void)state;
    assert_ok(store_monitor_apply(store, m.id, &change, NULL));
    assert_ok(store_monitor_due(store, arena, NOW + 9, 10, NULL, &ids, &n));
    assert_int_equal(n, 0);
    assert_ok(store_monitor_due(store, arena, NOW + 10, 10, NULL, &ids, &n));
    assert_int_equal(n, 1);
    assert_string_equal(ids[0], m.id);
    store_close(store);
}

static void a_candidate_becomes_the_baseline_when_approved(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct store_machine m;
    struct store *store = with_machine(&m);
    struct store_monitor_change learned = to("healthy", NOW), changed = to("changed", NOW + 1),
                                approved = to("healthy", NOW + 2), again = to("healthy", NOW + 3);
    struct store_baseline b;

    (void)state;
    assert_err(store_baseline_approve(store, m.id, span_str("of two"), &approved, NULL),
               ERR_NOT_FOUND);
    learned.baseline = span_str("one");
    learned.baseline_digest = span_str("digest");
    assert_ok(store_monitor_apply(store, m.id, &learned, NULL));
    changed.candidate = span_str("two");
    changed.candidate_digest = span_str("of two");
    assert_ok(store_monitor_apply(store, m.id, &changed, NULL));
    assert_ok(store_baseline_get(store, arena, m.id, NULL, &b));
    assert_true(span_is(b.document, "one"));
    assert_true(span_is(b.candidate, "two"));
    assert_true(span_is(b.candidate_digest, "of two"));
    /* What was shown is what is approved. */
    assert_err(store_baseline_approve(store, m.id, span_str("of one"), &approved, NULL),
               ERR_NOT_FOUND);
    assert_ok(store_baseline_approve(store, m.id, span_str("of two"), &approved, NULL));
    assert_ok(store_baseline_get(store, arena, m.id, NULL, &b));
    assert_true(span_is(b.document, "two"));
    assert_null(b.candidate.data);
    assert_true(span_is(b.digest, "of two"));
    assert_err(store_baseline_approve(store, m.id, span_str("of two"), &again, NULL),
               ERR_NOT_FOUND);
    assert_ok(store_baseline_forget(store, m.id, NULL));
    assert_ok(store_baseline_get(store, arena, m.id, NULL, &b));
    assert_null(b.document.data);
    store_close(store);
}

/* Another TPM in the same place has a boot of its own. */
static void a_replaced_machine_begins_anew(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct store_machine m, taken;
    const struct store_machine successor = machine_of(2, 2, "web");
    struct store *store = with_machine(&m);
    struct store_monitor_change learned = to("healthy", NOW);
    struct store_monitor row;
    struct store_baseline b;
    bool is_new;

    (void)state;
    learned.baseline = span_str("one");
    learned.baseline_digest = span_str("digest");
    assert_ok(store_monitor_apply(store, m.id, &learned, NULL));
    assert_ok(store_machine_change(store, m.id, STORE_REPLACE, "me", NOW, NULL, &is_new));
    assert_ok(store_machine_activate(store, &successor, NULL, &taken));
    assert_string_equal(taken.id, m.id);
    assert_ok(store_monitor_get(store, m.id, NULL, &row));
    assert_string_equal(row.state, "never-reported");
    assert_ok(store_baseline_get(store, arena, m.id, NULL, &b));
    assert_null(b.document.data);
    store_close(store);
}

/* At once, not when a successor comes: no state is left of a key that is bound to nothing. */
static void a_replaced_machine_is_as_if_it_had_never_reported(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct store_machine m, taken;
    const struct store_machine successor = machine_of(2, 2, "web");
    struct store *store = with_machine(&m);
    struct store_monitor_change healthy = to("healthy", NOW);
    struct store_state_change *history;
    struct store_monitor row;
    const char **ids;
    size_t n;

    (void)state;
    assert_ok(store_monitor_apply(store, m.id, &healthy, NULL));
    change(store, m.id, STORE_REPLACE, true);
    assert_ok(store_monitor_get(store, m.id, NULL, &row));
    assert_string_equal(row.state, "never-reported");
    assert_int_equal(row.since, NOW + 5);
    assert_int_equal(row.contact, 0);
    /* The server is told, which logs it. */
    assert_ok(store_monitor_due(store, arena, NOW + 5, 10, NULL, &ids, &n));
    assert_int_equal(n, 1);
    change(store, m.id, STORE_REPLACE, false);
    assert_ok(store_machine_activate(store, &successor, NULL, &taken));
    assert_ok(store_state_changes(store, arena, m.id, 10, NULL, &history, &n));
    assert_int_equal(n, 2);
    assert_string_equal(history[0].before, "healthy");
    assert_string_equal(history[0].after, "never-reported");
    assert_non_null(strstr(history[0].why, "replaced"));
    store_close(store);
}

static void a_disabled_machine_that_is_replaced_stays_disabled(void **state)
{
    struct store_machine m;
    struct store *store = with_machine(&m);
    struct store_monitor_change off = to("not-applicable", NOW);
    struct store_monitor row;

    (void)state;
    change(store, m.id, STORE_DISABLE, true);
    assert_ok(store_monitor_apply(store, m.id, &off, NULL));
    change(store, m.id, STORE_REPLACE, true);
    assert_ok(store_monitor_get(store, m.id, NULL, &row));
    assert_string_equal(row.state, "not-applicable");
    assert_int_equal(row.since, NOW);
    assert_int_equal(row.contact, 0);
    store_close(store);
}

static void what_was_removed_takes_its_rows_along(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct store_machine m;
    struct store *store = with_machine(&m);
    struct store_monitor_change change = to("healthy", NOW);
    struct store_monitored *all;
    struct store_monitor row;
    size_t n;
    bool is_new;

    (void)state;
    change.baseline = span_str("one");
    change.baseline_digest = span_str("digest");
    assert_ok(store_monitor_apply(store, m.id, &change, NULL));
    assert_ok(store_monitored(store, arena, "", "", 10, NULL, &all, &n));
    assert_int_equal(n, 1);
    assert_string_equal(all[0].machine.name, "web");
    assert_string_equal(all[0].monitor.state, "healthy");
    assert_ok(store_monitored(store, arena, "another", "", 10, NULL, &all, &n));
    assert_int_equal(n, 0);
    assert_ok(store_machine_change(store, m.id, STORE_REMOVE, "me", NOW, NULL, &is_new));
    assert_err(store_monitor_get(store, m.id, NULL, &row), ERR_NOT_FOUND);
    assert_ok(store_monitored(store, arena, "", "", 10, NULL, &all, &n));
    assert_int_equal(n, 0);
    store_close(store);
}

static void settings_have_a_sequence_that_rises(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct store_machine m;
    struct store *store = with_machine(&m);
    struct store_extension e;
    int64_t sequence;

    (void)state;
    assert_ok(store_extension_get(store, arena, m.id, NULL, &e));
    assert_true(e.is_wanted);
    assert_int_equal(e.sequence, 0);
    e.settings = span_str("{\"a\":1}");
    assert_ok(store_extension_set(store, m.id, &e, NULL, &sequence));
    assert_int_equal(sequence, 1);
    assert_ok(store_extension_set(store, m.id, &e, NULL, &sequence));
    assert_int_equal(sequence, 2);
    assert_ok(store_extension_get(store, arena, m.id, NULL, &e));
    assert_true(span_is(e.settings, "{\"a\":1}"));
    e.settings.len = STORE_EXTENSION_SETTINGS_MAX + 1;
    assert_err(store_extension_set(store, m.id, &e, NULL, &sequence), ERR_TOO_LARGE);
    store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(a_new_machine_never_reported),
        WITH_FOLDER(a_change_is_kept_with_its_history),
        WITH_FOLDER(what_is_not_to_be_written_is_not),
        WITH_FOLDER(machines_are_due_in_time),
        WITH_FOLDER(a_candidate_becomes_the_baseline_when_approved),
        WITH_FOLDER(a_replaced_machine_begins_anew),
        WITH_FOLDER(a_replaced_machine_is_as_if_it_had_never_reported),
        WITH_FOLDER(a_disabled_machine_that_is_replaced_stays_disabled),
        WITH_FOLDER(what_was_removed_takes_its_rows_along),
        WITH_FOLDER(settings_have_a_sequence_that_rises),
    };

    return RUN_TESTS(tests);
}
