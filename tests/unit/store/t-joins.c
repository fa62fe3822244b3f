/*
 * Who may become a machine: announced places, tokens, waiting; in one write, whoever comes first.
 */
#include "unit/store/joining.h"

#include <pthread.h>

static void who_was_not_announced_waits_and_is_no_machine(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct store *store = open_store();
    const struct store_machine m = machine_of(1, 1, "web");
    struct store_machine got;
    struct store_waiting *w;
    size_t n;

    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(join(store, &m, false, "maker", &got), STORE_JOIN_WAITS);
    }
    assert_err(store_machine_by_name(store, "web", NULL, &got), ERR_NOT_FOUND);
    assert_err(store_machine_by_ak(store, span_of(m.ak_name, m.ak_name_len), NULL, &got),
               ERR_NOT_FOUND);
    assert_ok(store_waiting_list(store, arena, 10, NULL, &w, &n));
    assert_int_equal(n, 1);
    assert_string_equal(w[0].maker, "maker");
    store_close(store);
}

static void a_token_is_good_once_and_in_time(void **state)
{
    struct store *store = open_store();
    struct store_machine one = machine_of(1, 1, "one"), two = machine_of(2, 2, "two"), got;
    const struct store_announced a = with_token(place("web"));

    (void)state;
    assert_int_equal(join(store, &one, true, "", &got), STORE_JOIN_TOKEN);
    assert_ok(store_announce(store, &a, NULL));
    one.created = NOW + DAY; /* when it ends */
    assert_int_equal(join(store, &one, true, "", &got), STORE_JOIN_TOKEN);
    one.created = NOW;
    assert_int_equal(join(store, &one, true, "", &got), STORE_JOINED);
    assert_string_equal(got.name, "web");
    assert_int_equal(join(store, &two, true, "maker", &got), STORE_JOIN_TOKEN);
    /* The machine is known by its keys from then on, whatever it shows. */
    assert_int_equal(join(store, &one, true, "", &got), STORE_JOINED);
    store_close(store);
}

/* Both are needed when both were named: neither the token nor the TPM alone. */
static void a_place_for_one_tpm_with_a_token_needs_both(void **state)
{
    struct store *store = open_store();
    const struct store_machine right = machine_of(1, 1, "x"), wrong = machine_of(2, 2, "y");
    const struct store_announced a = with_token(with_ek(place("web"), 1));
    struct store_machine got;

    (void)state;
    assert_ok(store_announce(store, &a, NULL));
    assert_int_equal(join(store, &wrong, true, "maker", &got), STORE_JOIN_TOKEN);
    assert_int_equal(join(store, &right, false, "maker", &got), STORE_JOIN_WAITS);
    assert_int_equal(join(store, &right, true, "", &got), STORE_JOINED);
    store_close(store);
}

static struct store_waiting waiting_of(struct store *store, uint8_t ek)
{
    const struct store_machine m = machine_of(ek, ek, "");
    struct store_waiting w;

    assert_ok(store_waiting_by_ek(store, m.ek_digest, NULL, &w));
    return w;
}

static void an_approval_is_for_the_pair_that_asked(void **state)
{
    struct store *store = open_store();
    const struct store_machine asked = machine_of(1, 1, "web"), other = machine_of(1, 2, "web");
    const struct store_announced a = place("web");
    struct store_waiting w = {0};
    struct store_machine got;

    (void)state;
    assert_err(store_waiting_approve(store, &w, &a, NULL), ERR_NOT_FOUND);
    assert_int_equal(join(store, &asked, false, "maker", &got), STORE_JOIN_WAITS);
    w = waiting_of(store, 1);
    assert_ok(store_waiting_approve(store, &w, &a, NULL));
    assert_int_equal(join(store, &other, false, "maker", &got), STORE_JOIN_WAITS);
    assert_int_equal(join(store, &asked, false, "maker", &got), STORE_JOINED);
    store_close(store);
}

/* Whatever changed between the look and the word. */
static void an_approval_is_for_what_was_shown(void **state)
{
    struct store *store = open_store();
    const struct store_machine asked = machine_of(1, 1, "web"), other_ak = machine_of(1, 2, "web");
    const struct store_announced a = place("web");
    struct store_waiting shown, changed;
    struct store_machine got;

    (void)state;
    assert_int_equal(join(store, &asked, false, "maker", &got), STORE_JOIN_WAITS);
    shown = waiting_of(store, 1);
    changed = shown;
    changed.name[0] = 'x';
    assert_err(store_waiting_approve(store, &changed, &a, NULL), ERR_MISMATCH);
    assert_int_equal(join(store, &other_ak, false, "maker", &got), STORE_JOIN_WAITS);
    assert_err(store_waiting_approve(store, &shown, &a, NULL), ERR_MISMATCH);
    assert_int_equal(join(store, &asked, false, "", &got), STORE_JOIN_WAITS);
    assert_err(store_waiting_approve(store, &shown, &a, NULL), ERR_MISMATCH);
    assert_int_equal(join(store, &asked, false, "maker", &got), STORE_JOIN_WAITS);
    assert_ok(store_waiting_approve(store, &shown, &a, NULL));
    store_close(store);
}

/* Nobody who is looked at becomes another one by asking again. */
static void who_waits_keeps_the_name_that_it_asked_for_first(void **state)
{
    struct store *store = open_store();
    const struct store_machine first = machine_of(1, 1, "build-7"), then = machine_of(1, 1, "db1");
    struct store_machine got;

    (void)state;
    assert_int_equal(join(store, &first, false, "maker", &got), STORE_JOIN_WAITS);
    assert_int_equal(join(store, &then, false, "maker", &got), STORE_JOIN_WAITS);
    assert_string_equal(waiting_of(store, 1).name, "build-7");
    store_close(store);
}

static void who_was_rejected_stays_out_until_admitted(void **state)
{
    struct store *store = open_store();
    const struct store_machine m = machine_of(1, 1, "web");
    const struct store_announced a = place("web");
    struct store_waiting w;
    struct store_machine got;

    (void)state;
    assert_err(store_waiting_reject(store, m.ek_digest, NULL), ERR_NOT_FOUND);
    assert_int_equal(join(store, &m, false, "maker", &got), STORE_JOIN_WAITS);
    assert_ok(store_waiting_reject(store, m.ek_digest, NULL));
    assert_int_equal(join(store, &m, false, "maker", &got), STORE_JOIN_REJECTED);
    w = waiting_of(store, 1);
    assert_true(w.is_rejected);
    assert_ok(store_waiting_approve(store, &w, &a, NULL));
    assert_int_equal(join(store, &m, false, "maker", &got), STORE_JOINED);
    store_close(store);
}

/* A no is no for as long as it is asked. */
static void who_was_rejected_is_not_forgotten_while_it_asks(void **state)
{
    struct store *store = open_store();
    struct store_machine m = machine_of(1, 1, "web"), got;

    (void)state;
    assert_int_equal(join(store, &m, false, "maker", &got), STORE_JOIN_WAITS);
    assert_ok(store_waiting_reject(store, m.ek_digest, NULL));
    for (int day = 1; day <= 2 * STORE_WAITING_DAYS; day++) {
        m.created = NOW + day * DAY;
        assert_int_equal(join(store, &m, false, "maker", &got), STORE_JOIN_REJECTED);
        assert_ok(store_sweep(store, m.created + 1, NULL));
    }
    assert_ok(store_sweep(store, m.created + (STORE_WAITING_DAYS + 1) * DAY, NULL));
    assert_int_equal(join(store, &m, false, "maker", &got), STORE_JOIN_WAITS);
    store_close(store);
}

/* Neither a certificate where that is enough, nor a token, nor a replaced machine's name, nor a
 * name that is another's. */
static void who_was_rejected_finds_no_other_way_in(void **state)
{
    struct store *store = open_store();
    const struct store_machine web = machine_of(9, 9, "web"), m = machine_of(1, 1, "x"),
                               as_web = machine_of(1, 1, "web");
    struct store_announced tokens = with_token(place(""));
    struct store_joining open = {.wanted = &m, .wish = "x", .maker = "maker", .is_open = true};
    const struct store_announced named = with_ek(place("x"), 1);
    enum store_join outcome;
    struct store_machine got;

    (void)state;
    tokens.uses = 2;
    assert_ok(store_announce(store, &tokens, NULL));
    assert_ok(store_machine_activate(store, &web, NULL, &got));
    assert_int_equal(join(store, &m, false, "maker", &got), STORE_JOIN_WAITS);
    assert_ok(store_waiting_reject(store, m.ek_digest, NULL));
    assert_int_equal(join(store, &as_web, false, "maker", &got), STORE_JOIN_REJECTED);
    change(store, web.id, STORE_REPLACE, true);
    assert_int_equal(join(store, &as_web, false, "maker", &got), STORE_JOIN_REJECTED);
    assert_int_equal(join(store, &m, true, "maker", &got), STORE_JOIN_REJECTED);
    assert_ok(store_join(store, &open, NULL, &outcome, &got));
    assert_int_equal(outcome, STORE_JOIN_REJECTED);
    assert_ok(store_announce(store, &named, NULL));
    assert_int_equal(join(store, &m, false, "", &got), STORE_JOINED);
    store_close(store);
}

static void an_operator_who_names_a_rejected_key_lets_it_in(void **state)
{
    struct store *store = open_store();
    const struct store_machine web = machine_of(9, 9, "web"), m = machine_of(1, 1, "web");
    struct store_machine got;
    bool is_new;

    (void)state;
    assert_int_equal(join(store, &m, false, "", &got), STORE_JOIN_WAITS);
    assert_ok(store_waiting_reject(store, m.ek_digest, NULL));
    assert_ok(store_machine_activate(store, &web, NULL, &got));
    assert_ok(store_machine_replace(store, web.id, m.ek_digest, "root", NOW, NULL, &is_new));
    assert_int_equal(join(store, &m, false, "", &got), STORE_JOINED);
    assert_string_equal(got.id, web.id);
    store_close(store);
}

static void names_and_keys_are_announced_once(void **state)
{
    struct store *store = open_store();
    const struct store_announced a = with_ek(place("web"), 1), same_name = with_ek(place("WEB"), 2),
                                 same_ek = with_ek(place("db"), 1);
    struct store_announced late = with_ek(place("web"), 3);
    const struct store_machine m = machine_of(5, 5, "old");
    const struct store_announced of_machine = place("old");
    struct store_machine got;

    (void)state;
    assert_ok(store_machine_activate(store, &m, NULL, &got));
    assert_err(store_announce(store, &of_machine, NULL), ERR_CONFLICT);
    assert_ok(store_announce(store, &a, NULL));
    assert_err(store_announce(store, &same_name, NULL), ERR_CONFLICT);
    assert_err(store_announce(store, &same_ek, NULL), ERR_CONFLICT);
    /* What has expired is in nobody's way. */
    late.created = NOW + DAY;
    late.expires = NOW + 2 * DAY;
    assert_ok(store_announce(store, &late, NULL));
    store_close(store);
}

/* Anybody can ask without a certificate: those must not push out who has one, nor fill the disk. */
static void who_nobody_vouches_for_has_little_room(void **state)
{
    struct store *store = open_store();
    struct store_machine m = machine_of(1, 1, "m"), got;

    (void)state;
    for (unsigned i = 0; i < STORE_WAITING_UNVOUCHED_MAX; i++) {
        memcpy(m.ek_digest, &i, sizeof(i));
        assert_int_equal(join(store, &m, false, "", &got), STORE_JOIN_WAITS);
    }
    memset(m.ek_digest, 0xee, sizeof(m.ek_digest));
    assert_int_equal(join(store, &m, false, "", &got), STORE_JOIN_FULL);
    assert_int_equal(join(store, &m, false, "maker", &got), STORE_JOIN_WAITS);
    store_close(store);
}

/* Anybody can send those: however many there are, they hide nobody. */
static void who_is_vouched_for_is_listed_first(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct store *store = open_store();
    const struct store_machine legit = machine_of(0xee, 1, "legit");
    struct store_machine m = machine_of(1, 1, "m"), got;
    struct store_waiting *w;
    size_t n = 0;

    (void)state;
    assert_int_equal(join(store, &legit, false, "maker", &got), STORE_JOIN_WAITS);
    m.created = NOW + 1;
    for (unsigned i = 0; i < STORE_WAITING_UNVOUCHED_MAX; i++) {
        memcpy(m.ek_digest, &i, sizeof(i));
        assert_int_equal(join(store, &m, false, "", &got), STORE_JOIN_WAITS);
    }
    assert_ok(store_waiting_list(store, arena, 10, NULL, &w, &n));
    assert_int_equal(n, 10);
    assert_string_equal(w[0].name, "legit");
    assert_ok(store_waiting_count(store, NULL, &n));
    assert_int_equal(n, STORE_WAITING_UNVOUCHED_MAX + 1);
    store_close(store);
}

static void what_waits_too_long_is_forgotten(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct store *store = open_store();
    const struct store_machine m = machine_of(1, 1, "web");
    struct store_machine got;
    struct store_waiting *w;
    size_t n;

    (void)state;
    assert_int_equal(join(store, &m, false, "maker", &got), STORE_JOIN_WAITS);
    assert_ok(store_sweep(store, NOW + (STORE_WAITING_DAYS - 1) * DAY, NULL));
    assert_ok(store_waiting_list(store, arena, 10, NULL, &w, &n));
    assert_int_equal(n, 1);
    assert_ok(store_sweep(store, NOW + (STORE_WAITING_DAYS + 1) * DAY, NULL));
    assert_ok(store_waiting_list(store, arena, 10, NULL, &w, &n));
    assert_int_equal(n, 0);
    store_close(store);
}

struct racer {
    struct store *store;
    uint8_t key;
    enum store_join outcome;
};

static void *race(void *context)
{
    struct racer *racer = context;
    const struct store_machine m = machine_of(racer->key, racer->key, "racer");
    struct store_machine got;

    racer->outcome = join(racer->store, &m, true, "", &got);
    return NULL;
}

static void one_token_makes_one_machine_in_a_race(void **state)
{
    struct store *store = open_store();
    const struct store_announced a = with_token(place("web"));
    struct racer racers[8];
    pthread_t threads[ARRAY_LEN(racers)];
    size_t n_joined = 0;

    (void)state;
    assert_ok(store_announce(store, &a, NULL));
    for (size_t i = 0; i < ARRAY_LEN(racers); i++) {
        racers[i] = (struct racer){.store = store, .key = (uint8_t)(i + 1)};
        assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(racers); i++) {
        pthread_join(threads[i], NULL);
        n_joined += racers[i].outcome == STORE_JOINED;
        assert_true(racers[i].outcome == STORE_JOINED || racers[i].outcome == STORE_JOIN_TOKEN);
    }
    assert_int_equal(n_joined, 1);
    store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(who_was_not_announced_waits_and_is_no_machine),
        WITH_FOLDER(a_token_is_good_once_and_in_time),
        WITH_FOLDER(a_place_for_one_tpm_with_a_token_needs_both),
        WITH_FOLDER(an_approval_is_for_the_pair_that_asked),
        WITH_FOLDER(an_approval_is_for_what_was_shown),
        WITH_FOLDER(who_waits_keeps_the_name_that_it_asked_for_first),
        WITH_FOLDER(who_was_rejected_stays_out_until_admitted),
        WITH_FOLDER(who_was_rejected_is_not_forgotten_while_it_asks),
        WITH_FOLDER(who_was_rejected_finds_no_other_way_in),
        WITH_FOLDER(an_operator_who_names_a_rejected_key_lets_it_in),
        WITH_FOLDER(names_and_keys_are_announced_once),
        WITH_FOLDER(who_nobody_vouches_for_has_little_room),
        WITH_FOLDER(who_is_vouched_for_is_listed_first),
        WITH_FOLDER(what_waits_too_long_is_forgotten),
        WITH_FOLDER(one_token_makes_one_machine_in_a_race),
    };

    return RUN_TESTS(tests);
}
