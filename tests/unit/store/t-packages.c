/*
 * Packages, and who gets them when: a fifth of a group at one time, whoever asks at the same
 * moment; the first that fails, or falls silent, stops it.
 */
#include "unit/store/folder.h"

#include "store/extensions.h"
#include "store/monitor.h"
#include "store/packages.h"

#include <pthread.h>

enum { PATIENCE = 60, GROUP = 100, THREADS = 8 };
#define PLATFORM "linux-x"

/* ---- a world ---- */

static bool set_platform(struct store_monitor *row, void *context)
{
    snprintf(row->platform, sizeof(row->platform), "%s", (const char *)context);
    return true;
}

static void add_machine(struct store *store, uint8_t number, const char *platform, bool upgrades)
{
    char name[16];
    struct store_machine m, got;
    struct store_extension extension = {
        .is_wanted = true, .version = "1.0", .upgrades = upgrades, .settings = span_str("{}")};
    char words[STORE_VERSION_SIZE];
    struct store_monitor_change change = {.apply = set_platform, .context = words, .now = NOW};
    int64_t sequence;

    snprintf(name, sizeof(name), "vm%u", number);
    snprintf(words, sizeof(words), "%s", platform);
    m = machine_of(number, number, name);
    assert_ok(store_machine_activate(store, &m, NULL, &got));
    assert_ok(store_monitor_apply(store, m.id, &change, NULL));
    assert_ok(store_extension_set(store, m.id, &extension, NULL, &sequence));
}

static struct store *world(unsigned n)
{
    struct store *store = open_store();

    for (unsigned i = 1; i <= n; i++) {
        add_machine(store, (uint8_t)i, PLATFORM, true);
    }
    return store;
}

static void publish(struct store *store, const char *version)
{
    struct store_package p = {.size = 9, .created = NOW};

    snprintf(p.platform, sizeof(p.platform), PLATFORM);
    snprintf(p.version, sizeof(p.version), "%s", version);
    snprintf(p.file, sizeof(p.file), "file-%s", version);
    snprintf(p.who, sizeof(p.who), "owner");
    memset(p.digest, version[strlen(version) - 1], sizeof(p.digest));
    assert_ok(store_package_add(store, &p, NULL));
}

static struct store_package package_of(struct store *store, const char *version)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct store_package *packages, none = {0};
    size_t n;

    assert_ok(store_packages(store, arena, "", NULL, &packages, &n));
    for (size_t i = 0; i < n; i++) {
        if (strcmp(packages[i].version, version) == 0) {
            return packages[i];
        }
    }
    return none;
}

/* ---- a machine ---- */

/* The last one that is not the version which runs; context: that version. */
static int choose(const struct store_package *packages, const bool *refused, size_t n,
                  void *context)
{
    for (size_t i = n; i-- > 0;) {
        if (packages[i].is_running && !refused[i] && strcmp(packages[i].version, context) > 0) {
            return (int)i;
        }
    }
    return -1;
}

static bool has_room(uint64_t group, uint64_t taken)
{
    return taken < (group / 5 > 0 ? group / 5 : 1);
}

struct machine {
    unsigned number;
    const char *runs;
    const char *failed;
    bool takes_none;
    int64_t now;
};

/* The version that it is offered, "" for none; *ret_stops: how many rollouts it stopped. */
static const char *asks(struct store *store, struct machine m, size_t *ret_stops)
{
    static _Thread_local struct store_contact contact;
    static _Thread_local char runs[32], id[STORE_ID_SIZE], name[16];

    snprintf(runs, sizeof(runs), "%s", m.runs == NULL ? "1.0.0" : m.runs);
    snprintf(name, sizeof(name), "vm%u", m.number);
    memcpy(id, machine_of((uint8_t)m.number, 1, "").id, sizeof(id));
    contact = (struct store_contact){.machine_id = id,
                                     .machine_name = name,
                                     .subscription = "",
                                     .platform = PLATFORM,
                                     .now = m.now == 0 ? NOW : m.now,
                                     .patience_s = PATIENCE,
                                     .runs = runs,
                                     .failed = m.failed,
                                     .failed_words = "it broke",
                                     .takes = !m.takes_none,
                                     .choose = choose,
                                     .has_room = has_room,
                                     .context = runs};
    assert_ok(store_rollout_contact(store, &contact, NULL));
    if (ret_stops != NULL) {
        *ret_stops = contact.stops.n;
    }
    return contact.has_offer ? contact.offer.version : "";
}

static err_t takes(struct store *store, unsigned number, const char *version, int64_t now)
{
    const struct store_machine m = machine_of((uint8_t)number, 1, "");
    struct store_package package;

    return store_rollout_take(store, m.id, version, now, PATIENCE, NULL, &package);
}

/* ---- what must not be ---- */

static void who_was_offered_nothing_gets_nothing(void **state)
{
    struct store *store = world(2);

    (void)state;
    publish(store, "1.0.1");
    assert_err(takes(store, 1, "1.0.1", NOW), ERR_NOT_FOUND);
    assert_string_equal(asks(store, (struct machine){.number = 1}, NULL), "1.0.1");
    assert_err(takes(store, 2, "1.0.1", NOW), ERR_NOT_FOUND);
    assert_err(takes(store, 1, "1.0.2", NOW), ERR_NOT_FOUND);
    assert_ok(store_package_set(store, package_of(store, "1.0.1").id, false, "no", NOW, NULL));
    assert_err(takes(store, 1, "1.0.1", NOW), ERR_NOT_FOUND);
    store_close(store);
}

static void who_was_not_offered_it_cannot_stop_it(void **state)
{
    struct store *store = world(2);
    char digest[2 * STORE_DIGEST_BYTES + 1];
    size_t n_stops;

    (void)state;
    memset(digest, '3', sizeof(digest) - 1); /* '1' is 0x31 */
    for (size_t i = 1; i < sizeof(digest) - 1; i += 2) {
        digest[i] = '1';
    }
    digest[sizeof(digest) - 1] = '\0';
    publish(store, "1.0.1");
    assert_string_equal(asks(store, (struct machine){.number = 1}, NULL), "1.0.1");
    asks(store, (struct machine){.number = 2, .failed = digest}, &n_stops);
    assert_int_equal(n_stops, 0);
    assert_true(package_of(store, "1.0.1").is_running);
    asks(store, (struct machine){.number = 1, .failed = digest}, &n_stops);
    assert_int_equal(n_stops, 1);
    assert_false(package_of(store, "1.0.1").is_running);
    assert_string_equal(package_of(store, "1.0.1").why, "machine vm1: it broke");
    /* Told again, it is no news; and the owner's going on holds. */
    assert_ok(store_package_set(store, package_of(store, "1.0.1").id, true, "", NOW, NULL));
    assert_string_equal(asks(store, (struct machine){.number = 1}, NULL), "");
    assert_string_equal(asks(store, (struct machine){.number = 2}, NULL), "1.0.1");
    store_close(store);
}

static void a_version_is_published_once(void **state)
{
    struct store *store = open_store();
    struct store_package p;

    (void)state;
    publish(store, "1.0.1");
    p = package_of(store, "1.0.1");
    snprintf(p.file, sizeof(p.file), "another");
    assert_err(store_package_add(store, &p, NULL), ERR_CONFLICT);
    snprintf(p.platform, sizeof(p.platform), "linux-y");
    assert_ok(store_package_add(store, &p, NULL));
    for (int i = 2; i < STORE_PACKAGES_MAX; i++) {
        snprintf(p.version, sizeof(p.version), "2.%d", i);
        snprintf(p.file, sizeof(p.file), "f%d", i);
        assert_ok(store_package_add(store, &p, NULL));
    }
    snprintf(p.version, sizeof(p.version), "3.0");
    snprintf(p.file, sizeof(p.file), "f");
    assert_err(store_package_add(store, &p, NULL), ERR_TOO_MANY);
    assert_true(store_package_has_file(store, "another"));
    assert_false(store_package_has_file(store, "f"));
    assert_err(store_package_remove(store, 4711, NULL), ERR_NOT_FOUND);
    store_close(store);
}

/* The owner has looked, and goes on: the machine that failed counts once, whatever it says again.
 */
static void one_that_failed_stops_a_rollout_once(void **state)
{
    struct store *store = world(10);
    struct store_stops stops;
    char digest[2 * STORE_DIGEST_BYTES + 1] = "";
    size_t n_stops;

    (void)state;
    for (size_t at = 0; at < STORE_DIGEST_BYTES; at++) {
        memcpy(digest + 2 * at, "31", 3);
    }
    publish(store, "1.0.1");
    assert_string_equal(asks(store, (struct machine){.number = 1}, NULL), "1.0.1");
    asks(store, (struct machine){.number = 1, .failed = digest}, &n_stops);
    assert_int_equal(n_stops, 1);
    assert_ok(store_package_set(store, package_of(store, "1.0.1").id, true, "", NOW, NULL));
    for (int again = 0; again < 3; again++) {
        asks(store, (struct machine){.number = 1, .failed = digest}, &n_stops);
        assert_int_equal(n_stops, 0);
        assert_true(package_of(store, "1.0.1").is_running);
        assert_string_equal(package_of(store, "1.0.1").why, "");
    }
    assert_int_equal(package_of(store, "1.0.1").n_failed, 1);
    /* One that fell silent says why: that explains its failure, and stops nothing either. */
    assert_string_equal(asks(store, (struct machine){.number = 2}, NULL), "1.0.1");
    assert_ok(takes(store, 2, "1.0.1", NOW));
    assert_ok(store_rollout_sweep(store, NOW + PATIENCE, NOW, NULL, &stops));
    assert_int_equal(stops.n, 1);
    asks(store, (struct machine){.number = 2, .failed = digest}, &n_stops);
    assert_int_equal(n_stops, 0);
    assert_string_equal(package_of(store, "1.0.1").why, "machine vm2: it broke");
    assert_ok(store_package_set(store, package_of(store, "1.0.1").id, true, "", NOW, NULL));
    asks(store, (struct machine){.number = 2, .failed = digest}, &n_stops);
    assert_true(package_of(store, "1.0.1").is_running);
    /* Another one stops it again. */
    assert_string_equal(asks(store, (struct machine){.number = 3}, NULL), "1.0.1");
    asks(store, (struct machine){.number = 3, .failed = digest}, &n_stops);
    assert_int_equal(n_stops, 1);
    assert_int_equal(package_of(store, "1.0.1").n_failed, 3);
    store_close(store);
}

static void check_gone(enum store_change change)
{
    struct store *store = world(5);
    struct store_stops stops;
    bool is_new;

    publish(store, "1.0.1");
    assert_string_equal(asks(store, (struct machine){.number = 1}, NULL), "1.0.1");
    assert_ok(takes(store, 1, "1.0.1", NOW));
    assert_ok(
        store_machine_change(store, machine_of(1, 1, "").id, change, "owner", NOW, NULL, &is_new));
    /* Nor by a contact that comes before the sweep. */
    asks(store, (struct machine){.number = 2, .now = NOW + PATIENCE}, NULL);
    assert_true(package_of(store, "1.0.1").is_running);
    assert_ok(store_rollout_sweep(store, NOW + PATIENCE, NOW, NULL, &stops));
    assert_int_equal(stops.n, 0);
    assert_true(package_of(store, "1.0.1").is_running);
    assert_int_equal(package_of(store, "1.0.1").n_taken, 0);
    /* Its place is another's. */
    assert_string_equal(asks(store, (struct machine){.number = 3}, NULL), "1.0.1");
    store_close(store);
}

static void one_that_was_disabled_stops_nothing(void **state)
{
    (void)state;
    check_gone(STORE_DISABLE);
}

static void one_that_was_replaced_stops_nothing(void **state)
{
    (void)state;
    check_gone(STORE_REPLACE);
}

static void versions_are_compared_as_numbers(void **state)
{
    struct store *store = world(2);
    struct store_package p;

    (void)state;
    publish(store, "1.0.1.0");
    p = package_of(store, "1.0.1.0");
    snprintf(p.version, sizeof(p.version), "1.0.1");
    snprintf(p.file, sizeof(p.file), "another");
    assert_err(store_package_add(store, &p, NULL), ERR_CONFLICT);
    assert_string_equal(asks(store, (struct machine){.number = 1}, NULL), "1.0.1.0");
    assert_ok(takes(store, 1, "1.0.1", NOW));
    asks(store, (struct machine){.number = 1, .runs = "1.0.1", .takes_none = true}, NULL);
    assert_int_equal(package_of(store, "1.0.1.0").n_confirmed, 1);
    store_close(store);
}

/* ---- time ---- */

static void an_offer_that_is_not_taken_lapses_and_another_gets_the_place(void **state)
{
    struct store *store = world(5);
    struct store_stops stops;

    (void)state;
    publish(store, "1.0.1");
    assert_string_equal(asks(store, (struct machine){.number = 1}, NULL), "1.0.1");
    assert_string_equal(asks(store, (struct machine){.number = 2}, NULL), "");
    /* Asking again buys no time. */
    assert_string_equal(asks(store, (struct machine){.number = 1, .now = NOW + PATIENCE - 1}, NULL),
                        "1.0.1");
    assert_ok(store_rollout_sweep(store, NOW + PATIENCE, NOW, NULL, &stops));
    assert_int_equal(stops.n, 0);
    assert_string_equal(asks(store, (struct machine){.number = 1, .now = NOW + PATIENCE}, NULL),
                        "");
    assert_string_equal(asks(store, (struct machine){.number = 2, .now = NOW + PATIENCE}, NULL),
                        "1.0.1");
    assert_true(package_of(store, "1.0.1").is_running);
    assert_string_equal(
        asks(store, (struct machine){.number = 2, .runs = "1.0.1", .now = NOW + PATIENCE}, NULL),
        "");
    /* Not for ever: it may have mended. */
    assert_string_equal(asks(store, (struct machine){.number = 1, .now = NOW + 6 * PATIENCE}, NULL),
                        "1.0.1");
    store_close(store);
}

static void one_that_took_it_and_falls_silent_stops_the_rollout(void **state)
{
    struct store *store = world(10);
    struct store_stops stops;
    struct store_rollout last;

    (void)state;
    publish(store, "1.0.1");
    assert_string_equal(asks(store, (struct machine){.number = 1}, NULL), "1.0.1");
    assert_string_equal(asks(store, (struct machine){.number = 2}, NULL), "1.0.1");
    assert_ok(takes(store, 1, "1.0.1", NOW + 10));
    assert_ok(takes(store, 1, "1.0.1", NOW + 40)); /* no more time by that */
    assert_ok(store_rollout_sweep(store, NOW + 10 + PATIENCE - 1, NOW, NULL, &stops));
    assert_int_equal(stops.n, 0);
    /* While the server was away nobody could be heard. */
    assert_ok(store_rollout_sweep(store, NOW + 10 + PATIENCE, NOW + 20, NULL, &stops));
    assert_int_equal(stops.n, 0);
    assert_ok(store_rollout_sweep(store, NOW + 10 + PATIENCE, NOW, NULL, &stops));
    assert_int_equal(stops.n, 1);
    assert_string_equal(stops.items[0].version, "1.0.1");
    assert_non_null(
        strstr(stops.items[0].why, "machine vm1: it took the package and did not confirm"));
    assert_false(package_of(store, "1.0.1").is_running);
    assert_int_equal(package_of(store, "1.0.1").n_offered, 0);
    assert_err(takes(store, 2, "1.0.1", NOW), ERR_NOT_FOUND);
    assert_ok(store_rollout_last(store, machine_of(1, 1, "").id, NULL, &last));
    assert_string_equal(last.state, "failed");
    /* It comes late, and well: that is what counts for it. */
    asks(store, (struct machine){.number = 1, .runs = "1.0.1", .now = NOW + 999}, NULL);
    assert_ok(store_rollout_last(store, machine_of(1, 1, "").id, NULL, &last));
    assert_string_equal(last.state, "confirmed");
    store_close(store);
}

/* ---- groups ---- */

static void a_group_is_of_one_platform_with_automatic_upgrade_on(void **state)
{
    struct store *store = world(10);

    (void)state;
    for (uint8_t i = 11; i <= 30; i++) {
        add_machine(store, i, i < 20 ? "linux-other" : PLATFORM, i < 20);
    }
    publish(store, "1.0.1");
    assert_string_equal(asks(store, (struct machine){.number = 1}, NULL), "1.0.1");
    assert_string_equal(asks(store, (struct machine){.number = 2}, NULL), "1.0.1");
    assert_string_equal(asks(store, (struct machine){.number = 3}, NULL), ""); /* two of ten */
    assert_string_equal(asks(store, (struct machine){.number = 2, .takes_none = true}, NULL), "");
    assert_string_equal(asks(store, (struct machine){.number = 3}, NULL), "1.0.1");
    store_close(store);
}

static void places_are_shared_by_all_packages(void **state)
{
    struct store *store = world(5);

    (void)state;
    publish(store, "1.0.1");
    assert_string_equal(asks(store, (struct machine){.number = 1}, NULL), "1.0.1");
    publish(store, "1.0.2");
    assert_string_equal(asks(store, (struct machine){.number = 2}, NULL), "");
    /* The one with a place gets the later version in it; one that is half way goes on. */
    assert_string_equal(asks(store, (struct machine){.number = 1}, NULL), "1.0.2");
    assert_ok(takes(store, 1, "1.0.2", NOW));
    publish(store, "1.0.3");
    assert_string_equal(asks(store, (struct machine){.number = 1}, NULL), "1.0.2");
    assert_string_equal(asks(store, (struct machine){.number = 1, .runs = "1.0.2"}, NULL), "1.0.3");
    /* It came to a later one by itself: what it had taken is no failure. */
    assert_ok(takes(store, 1, "1.0.3", NOW));
    assert_string_equal(asks(store, (struct machine){.number = 1, .runs = "1.0.9"}, NULL), "");
    assert_string_equal(asks(store, (struct machine){.number = 2, .now = NOW + 9 * PATIENCE}, NULL),
                        "1.0.3");
    store_close(store);
}

/* ---- many at once ---- */

struct crowd {
    struct store *store;
    unsigned first;
    unsigned breaks; /* this one fails; 0 = none */
    _Atomic unsigned *n_upgraded;
    _Atomic bool *is_over;
};

static void *live(void *data)
{
    struct crowd *crowd = data;
    bool is_done[GROUP + 1] = {false};

    for (int round = 0; round < 400 && !*crowd->is_over; round++) {
        for (unsigned i = crowd->first; i <= GROUP; i += THREADS) {
            const char *offer;

            if (is_done[i]) {
                continue;
            }
            offer = asks(crowd->store, (struct machine){.number = i}, NULL);
            if (offer[0] == '\0' || takes(crowd->store, i, "1.0.1", NOW) != ERR_OK) {
                continue;
            }
            if (i == crowd->breaks) {
                char digest[2 * STORE_DIGEST_BYTES + 1] = "";

                for (size_t at = 0; at < STORE_DIGEST_BYTES; at++) {
                    memcpy(digest + 2 * at, "31", 3);
                }
                asks(crowd->store, (struct machine){.number = i, .failed = digest}, NULL);
                *crowd->is_over = true;
                break;
            }
            asks(crowd->store, (struct machine){.number = i, .runs = "1.0.1"}, NULL);
            is_done[i] = true;
            ++*crowd->n_upgraded;
        }
    }
    return NULL;
}

static unsigned run_crowd(unsigned breaks, uint64_t *ret_most)
{
    struct store *store = world(GROUP);
    _Atomic unsigned n_upgraded = 0;
    _Atomic bool is_over = false;
    struct crowd crowds[THREADS];
    pthread_t threads[THREADS];
    uint64_t most = 0;

    publish(store, "1.0.1");
    for (unsigned i = 0; i < THREADS; i++) {
        crowds[i] = (struct crowd){store, i + 1, breaks, &n_upgraded, &is_over};
        assert_int_equal(pthread_create(&threads[i], NULL, live, &crowds[i]), 0);
    }
    while (n_upgraded < GROUP && !is_over) {
        const struct store_package p = package_of(store, "1.0.1");

        most = p.n_offered + p.n_taken > most ? p.n_offered + p.n_taken : most;
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    if (breaks != 0) {
        assert_false(package_of(store, "1.0.1").is_running);
        assert_int_equal(package_of(store, "1.0.1").n_failed, 1);
        for (unsigned i = 1; i <= GROUP; i++) {
            assert_string_equal(asks(store, (struct machine){.number = i}, NULL), "");
        }
    } else {
        assert_int_equal(package_of(store, "1.0.1").n_confirmed, GROUP);
    }
    *ret_most = most;
    store_close(store);
    return n_upgraded;
}

static void never_more_than_a_fifth_whoever_asks_at_once(void **state)
{
    uint64_t most = 0;

    (void)state;
    assert_int_equal(run_crowd(0, &most), GROUP);
    assert_in_range(most, 1, GROUP / 5);
}

static void a_wave_that_fails_reaches_nobody_else(void **state)
{
    uint64_t most = 0;

    (void)state;
    assert_in_range(run_crowd(37, &most), 0, GROUP - 1);
    assert_in_range(most, 0, GROUP / 5);
}

/* All ask, nobody takes: the places, and no more, are given. */
static void a_hundred_that_ask_get_twenty_places(void **state)
{
    struct store *store = world(GROUP);
    unsigned n = 0;

    (void)state;
    publish(store, "1.0.1");
    for (unsigned round = 0; round < 2; round++) {
        n = 0;
        for (unsigned i = 1; i <= GROUP; i++) {
            n += asks(store, (struct machine){.number = i}, NULL)[0] != '\0';
        }
        assert_int_equal(n, 20);
    }
    assert_int_equal(package_of(store, "1.0.1").n_offered, 20);
    store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(who_was_offered_nothing_gets_nothing),
        WITH_FOLDER(who_was_not_offered_it_cannot_stop_it),
        WITH_FOLDER(a_version_is_published_once),
        WITH_FOLDER(one_that_failed_stops_a_rollout_once),
        WITH_FOLDER(one_that_was_disabled_stops_nothing),
        WITH_FOLDER(one_that_was_replaced_stops_nothing),
        WITH_FOLDER(versions_are_compared_as_numbers),
        WITH_FOLDER(an_offer_that_is_not_taken_lapses_and_another_gets_the_place),
        WITH_FOLDER(one_that_took_it_and_falls_silent_stops_the_rollout),
        WITH_FOLDER(a_group_is_of_one_platform_with_automatic_upgrade_on),
        WITH_FOLDER(places_are_shared_by_all_packages),
        WITH_FOLDER(a_hundred_that_ask_get_twenty_places),
        WITH_FOLDER(never_more_than_a_fifth_whoever_asks_at_once),
        WITH_FOLDER(a_wave_that_fails_reaches_nobody_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
