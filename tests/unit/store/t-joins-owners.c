/*
 * Owners beside each other: what one of them permits, or announces, reaches nothing of another.
 */
#include "unit/store/joining.h"

#define OWNER "11111111-1111-4111-8111-111111111111"
#define OTHER "99999999-9999-4999-8999-999999999999"

/* The owner's machine 'web' with the keys 1, replaced. */
static struct store *with_replaced(struct store_machine *ret)
{
    struct store *store = open_store();
    const struct store_announced a = of(OWNER, with_ek(place("web"), 1));
    const struct store_machine m = machine_of(1, 1, "web");

    assert_ok(store_announce(store, &a, NULL));
    assert_int_equal(join(store, &m, false, "", ret), STORE_JOINED);
    assert_string_equal(ret->subscription, OWNER);
    change(store, ret->id, STORE_REPLACE, true);
    return store;
}

static void expect_kept(struct store *store, const struct store_machine *wanted, bool shows_token,
                        const char *maker, enum store_kept kept)
{
    struct store_joining joining;
    struct store_machine got;
    enum store_join outcome;

    assert_err(try_join(store, wanted, shows_token, maker, &joining, &outcome, &got), ERR_CONFLICT);
    assert_int_equal(joining.kept, kept);
}

/* It asks for its own token's sake and with the name of a machine that waits for its successor. */
static void no_token_takes_up_a_machine_of_another_owner(void **state)
{
    struct store_machine m, got;
    struct store *store = with_replaced(&m);
    struct store_announced theirs = of(OTHER, with_token(place("")));
    const struct store_machine guest = machine_of(2, 2, "web"), moved = machine_of(1, 3, "x");

    (void)state;
    theirs.uses = 2;
    assert_ok(store_announce(store, &theirs, NULL));
    expect_kept(store, &guest, true, "maker", STORE_KEPT_OWNER);
    /* Nor by the endorsement key, and the token is not used up by the try. */
    expect_kept(store, &moved, true, "maker", STORE_KEPT_OWNER);
    assert_ok(store_machine_by_id(store, m.id, NULL, &got));
    assert_int_equal(got.ak_name_len, 0);
    assert_string_equal(got.subscription, OWNER);
    for (uint8_t key = 4; key < 6; key++) {
        const struct store_machine free = machine_of(key, key, key == 4 ? "a" : "b");

        assert_int_equal(join(store, &free, true, "", &got), STORE_JOINED);
        assert_string_equal(got.subscription, OTHER);
    }
    store_close(store);
}

static void no_name_or_key_of_a_machine_of_another_owner_is_announced(void **state)
{
    struct store_machine m;
    struct store *store = with_replaced(&m);
    const struct store_announced name = of(OTHER, with_token(place("WEB"))),
                                 key = of(OTHER, with_ek(place("db"), 1)),
                                 own = of(OWNER, with_ek(place("web"), 2));
    struct trail trail = {0};

    (void)state;
    assert_err(store_announce(store, &name, &trail), ERR_CONFLICT);
    assert_non_null(strstr(trail.what, "is taken"));
    trail = (struct trail){0};
    assert_err(store_announce(store, &key, &trail), ERR_CONFLICT);
    assert_null(strstr(trail.what, "web"));
    assert_ok(store_announce(store, &own, NULL));
    store_close(store);
}

/* Words about announcements, too, are for their owner alone. */
static void a_conflict_tells_other_owners_nothing(void **state)
{
    struct store *store = open_store();
    const struct store_announced ours = of(OWNER, with_ek(place("db1"), 1)),
                                 same_name = of(OTHER, with_token(place("db1"))),
                                 same_key = of(OTHER, with_ek(place("y"), 1)),
                                 ours_again = of(OWNER, with_ek(place("x"), 1));
    struct trail theirs = {0}, own = {0};

    (void)state;
    assert_ok(store_announce(store, &ours, NULL));
    assert_err(store_announce(store, &same_name, &theirs), ERR_CONFLICT);
    assert_null(strstr(theirs.what, "announced"));
    /* A key is no secret, so that others announced it is none of theirs. */
    assert_ok(store_announce(store, &same_key, NULL));
    assert_err(store_announce(store, &ours_again, &own), ERR_CONFLICT);
    assert_non_null(strstr(own.what, "announced before, as db1"));
    store_close(store);
}

/* Who announces the key of somebody else's machine neither gets it nor keeps it from its owner. */
static void a_key_of_several_owners_lets_nobody_in(void **state)
{
    struct store *store = open_store();
    const struct store_announced one = of(OWNER, with_ek(place("db1"), 1)),
                                 two = of(OTHER, with_ek(place("db2"), 1)),
                                 by_token = of(OWNER, with_token(place("db3")));
    const struct store_machine guest = machine_of(1, 1, "x");
    struct store_joining joining;
    struct store_machine got;
    enum store_join outcome;

    (void)state;
    assert_ok(store_announce(store, &one, NULL));
    assert_ok(store_announce(store, &two, NULL));
    assert_ok(store_announce(store, &by_token, NULL));
    assert_ok(try_join(store, &guest, false, "", &joining, &outcome, &got));
    assert_int_equal(outcome, STORE_JOIN_WAITS);
    assert_true(joining.is_disputed);
    assert_ok(try_join(store, &guest, true, "", &joining, &outcome, &got));
    assert_int_equal(outcome, STORE_JOINED);
    assert_string_equal(got.subscription, OWNER);
    assert_string_equal(got.name, "db3");
    store_close(store);
}

/* The server's own announcement is an administrator's. */
static void a_key_that_the_server_announced_is_its_own(void **state)
{
    struct store *store = open_store();
    const struct store_announced theirs = of(OTHER, with_ek(place("db2"), 1)),
                                 own = of("", with_ek(place("db1"), 1));
    const struct store_machine guest = machine_of(1, 1, "x");
    struct store_joining joining;
    struct store_machine got;
    enum store_join outcome;

    (void)state;
    assert_ok(store_announce(store, &theirs, NULL));
    assert_ok(store_announce(store, &own, NULL));
    assert_ok(try_join(store, &guest, false, "", &joining, &outcome, &got));
    assert_int_equal(outcome, STORE_JOINED);
    assert_false(joining.is_disputed);
    assert_string_equal(got.subscription, "");
    assert_string_equal(got.name, "db1");
    store_close(store);
}

/* Whoever is faster with a wish: the machine that was announced finds its name free. */
static void a_name_that_was_announced_is_kept(void **state)
{
    struct store *store = open_store();
    const struct store_announced ours = of(OWNER, with_ek(place("db1"), 1));
    struct store_announced theirs = of(OTHER, with_token(place("")));
    struct store_machine squatter = machine_of(2, 2, "DB1"), open = machine_of(3, 3, "db1"), got;
    const struct store_machine right = machine_of(1, 1, "whatever");
    struct store_joining joining = {.wanted = &open, .wish = "db1", .maker = "m", .is_open = true};
    enum store_join outcome;

    (void)state;
    theirs.uses = 5;
    theirs.expires = NOW + 3 * DAY;
    assert_ok(store_announce(store, &ours, NULL));
    assert_ok(store_announce(store, &theirs, NULL));
    expect_kept(store, &squatter, true, "", STORE_KEPT_ANNOUNCED);
    assert_err(store_join(store, &joining, NULL, &outcome, &got), ERR_CONFLICT);
    assert_int_equal(joining.kept, STORE_KEPT_ANNOUNCED);
    /* Who may not join anyway learns nothing of it. */
    assert_int_equal(join(store, &open, false, "m", &got), STORE_JOIN_WAITS);
    assert_int_equal(join(store, &right, false, "", &got), STORE_JOINED);
    assert_string_equal(got.name, "db1");
    assert_string_equal(got.subscription, OWNER);
    store_close(store);
}

static void a_name_is_kept_no_longer_than_announced(void **state)
{
    struct store *store = open_store();
    const struct store_announced ours = of(OWNER, with_ek(place("db1"), 1));
    struct store_announced theirs = of(OTHER, with_token(place("")));
    struct store_machine guest = machine_of(2, 2, "db1"), got;

    (void)state;
    theirs.uses = 5;
    theirs.expires = NOW + 3 * DAY;
    assert_ok(store_announce(store, &ours, NULL));
    assert_ok(store_announce(store, &theirs, NULL));
    guest.created = NOW + DAY;
    assert_int_equal(join(store, &guest, true, "", &got), STORE_JOINED);
    assert_string_equal(got.name, "db1");
    store_close(store);
}

/* A replaced machine whose successor was announced is nobody else's, also not the old TPM's. */
static void the_place_of_an_announced_successor_is_kept(void **state)
{
    struct store_machine m, got;
    struct store *store = with_replaced(&m);
    const struct store_announced successor = of(OWNER, with_token(place("web")));
    const struct store_machine vouched = machine_of(2, 2, "web"), old = machine_of(1, 9, "x"),
                               right = machine_of(3, 3, "y");

    (void)state;
    assert_ok(store_announce(store, &successor, NULL));
    expect_kept(store, &vouched, false, "maker", STORE_KEPT_ANNOUNCED);
    expect_kept(store, &old, false, "maker", STORE_KEPT_ANNOUNCED);
    assert_int_equal(join(store, &right, true, "", &got), STORE_JOINED);
    assert_string_equal(got.id, m.id);
    store_close(store);
}

static struct store_announced for_machine(struct store_announced a, const char *id)
{
    snprintf(a.machine, sizeof(a.machine), "%s", id);
    return a;
}

#define FIRST_ID "aaaaaaaa-0000-4000-8000-000000000001"
#define SECOND_ID "bbbbbbbb-0000-4000-8000-000000000002"

/* Two owners of groups share a subscription: the name of a machine that was just replaced is no way
 * into its place. */
static void a_name_announced_for_a_machine_takes_up_no_other(void **state)
{
    struct store *store = open_store();
    const struct store_announced first = for_machine(of(OWNER, with_ek(place("web"), 1)), FIRST_ID),
                                 second =
                                     for_machine(of(OWNER, with_token(place("web"))), SECOND_ID),
                                 again = for_machine(of(OWNER, with_token(place("web"))), FIRST_ID);
    const struct store_machine m = machine_of(1, 1, "web"), new_m = machine_of(9, 9, "x");
    struct store_machine got;

    (void)state;
    assert_ok(store_announce(store, &first, NULL));
    assert_int_equal(join(store, &m, false, "", &got), STORE_JOINED);
    assert_string_equal(got.id, FIRST_ID);
    change(store, FIRST_ID, STORE_REPLACE, true);
    assert_err(store_announce(store, &second, NULL), ERR_CONFLICT);
    assert_ok(store_announce(store, &again, NULL));
    assert_int_equal(join(store, &new_m, true, "", &got), STORE_JOINED);
    assert_string_equal(got.id, FIRST_ID);
    store_close(store);
}

/* Nor its endorsement key, which the guest that was thrown out still has, nor a wish of the guest
 * where the announcement has no name. */
static void a_token_for_a_machine_takes_up_no_other(void **state)
{
    struct store *store = open_store();
    const struct store_announced first = for_machine(of(OWNER, with_ek(place("web"), 1)), FIRST_ID),
                                 second = for_machine(of(OWNER, with_token(place(""))), SECOND_ID);
    const struct store_machine m = machine_of(1, 1, "web"), old = machine_of(1, 7, "other"),
                               wishes = machine_of(9, 9, "web"), fresh = machine_of(9, 9, "new");
    struct store_machine got;

    (void)state;
    assert_ok(store_announce(store, &first, NULL));
    assert_int_equal(join(store, &m, false, "", &got), STORE_JOINED);
    change(store, FIRST_ID, STORE_REPLACE, true);
    assert_ok(store_announce(store, &second, NULL));
    expect_kept(store, &old, true, "", STORE_KEPT_PLACE);
    expect_kept(store, &wishes, true, "", STORE_KEPT_PLACE);
    assert_int_equal(join(store, &fresh, true, "", &got), STORE_JOINED);
    assert_string_equal(got.id, SECOND_ID);
    store_close(store);
}

static void fill(struct store *store, const char *subscription, unsigned n)
{
    char sql[512];

    (void)store;
    snprintf(sql, sizeof(sql),
             "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < %u) "
             "INSERT INTO announced (subscription, name, uses, created, expires, who) "
             "SELECT '%s', '', 1, %d, %d, 'x' FROM c",
             n, subscription, NOW, NOW + DAY);
    run_sql(sql);
}

/* However many others have: neither the list nor the limit of one is another's. */
static void each_owner_has_a_list_and_a_limit_of_their_own(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct store *store = open_store();
    const struct store_announced first = of(OWNER, with_ek(place("one"), 1)),
                                 second = of(OWNER, with_ek(place("two"), 2)),
                                 theirs = of(OTHER, with_ek(place("three"), 3));
    struct store_announced *list;
    size_t n;

    (void)state;
    assert_ok(store_announce(store, &first, NULL));
    fill(store, OTHER, STORE_ANNOUNCED_MAX);
    assert_err(store_announce(store, &theirs, NULL), ERR_TOO_MANY);
    assert_ok(store_announce(store, &second, NULL));
    assert_ok(store_announced_list(store, arena, OWNER, 10, NULL, &list, &n));
    assert_int_equal(n, 2);
    assert_string_equal(list[0].name, "two");
    assert_string_equal(list[1].name, "one");
    assert_ok(store_announced_list(store, arena, "", 10, NULL, &list, &n));
    assert_int_equal(n, 0);
    store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(no_token_takes_up_a_machine_of_another_owner),
        WITH_FOLDER(no_name_or_key_of_a_machine_of_another_owner_is_announced),
        WITH_FOLDER(a_conflict_tells_other_owners_nothing),
        WITH_FOLDER(a_key_of_several_owners_lets_nobody_in),
        WITH_FOLDER(a_key_that_the_server_announced_is_its_own),
        WITH_FOLDER(a_name_that_was_announced_is_kept),
        WITH_FOLDER(a_name_is_kept_no_longer_than_announced),
        WITH_FOLDER(the_place_of_an_announced_successor_is_kept),
        WITH_FOLDER(a_name_announced_for_a_machine_takes_up_no_other),
        WITH_FOLDER(a_token_for_a_machine_takes_up_no_other),
        WITH_FOLDER(each_owner_has_a_list_and_a_limit_of_their_own),
    };

    return RUN_TESTS(tests);
}
