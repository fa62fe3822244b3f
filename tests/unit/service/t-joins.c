/*
 * Who may join, as owners see it and say it: what is shown is what is let in, and the audit log
 * says what it was.
 */
#include "unit/service/world.h"

#include "service/machines.h"
#include "store/joins.h"

static const char subscription[] = "11111111-2222-4333-8444-555555555555";
static const char other[] = "99999999-2222-4333-8444-555555555555";

static struct world *world_with_owner(void)
{
    struct world *w = world_new();

    assert_ok(service_set_subscription(w->service, subscription));
    return w;
}

static struct service_answer ask_in(struct world *w, const char *whose, machine_call *call,
                                    const char *who, const char *body)
{
    const struct machine_path path = {.subscription = span_str(whose),
                                      .machine = who == NULL ? (struct span){0} : span_str(who),
                                      .who = "owner"};
    struct service_answer answer = {0};

    call(w->service, &w->call, &path, body == NULL ? (struct span){0} : span_str(body), &answer);
    return answer;
}

static struct service_answer ask(struct world *w, machine_call *call, const char *who,
                                 const char *body)
{
    return ask_in(w, subscription, call, who, body);
}

static enum store_join try_join(struct world *w, unsigned number, const char *name,
                                const char *maker, struct store_machine *got)
{
    struct store_machine wanted = {.created = NOW, .ak_name_len = 34};
    struct store_joining joining = {.wanted = &wanted, .wish = name, .maker = maker};
    enum store_join outcome;

    snprintf(wanted.id, sizeof(wanted.id), "00000000-0000-4000-8000-%012u", number);
    snprintf(wanted.name, sizeof(wanted.name), "%s", name);
    memcpy(wanted.ek_digest, &number, sizeof(number));
    memcpy(wanted.ak_name, &number, sizeof(number));
    assert_ok(store_join(w->service->store, &joining, NULL, &outcome, got));
    return outcome;
}

static const char *digest_of(struct world *w, unsigned number)
{
    uint8_t digest[STORE_DIGEST_BYTES] = {0};

    memcpy(digest, &number, sizeof(number));
    return hex_dup(w->arena, span_of(digest, sizeof(digest)));
}

/* It asks under another name between the look and the word. */
static void who_is_admitted_gets_the_name_that_was_shown(void **state)
{
    struct world *w = world_with_owner();
    struct store_machine got;
    struct service_answer answer;
    yyjson_val *one;

    (void)state;
    assert_int_equal(try_join(w, 1, "build-7", "maker", &got), STORE_JOIN_WAITS);
    answer = ask(w, service_join_list, NULL, NULL);
    one = yyjson_arr_get_first(json_get(answer_root(w, &answer), "waiting"));
    assert_string_equal(json_text(json_get(one, "name")), "build-7");
    assert_int_equal(try_join(w, 1, "db1", "maker", &got), STORE_JOIN_WAITS);
    answer = ask(w, service_join_admit, "db1", "{}");
    expect_refusal(&answer, 404, "ResourceNotFound", "no guest waits under this name");
    answer = ask(w, service_join_admit, digest_of(w, 1), "{}");
    assert_string_equal(json_text(json_get(answer_root(w, &answer), "name")), "build-7");
    assert_int_equal(try_join(w, 1, "db1", "maker", &got), STORE_JOINED);
    assert_string_equal(got.name, "build-7");
    world_free(w);
}

/* A guest that asked for no name has no choice later either. */
static void who_asked_for_no_name_is_admitted_under_one(void **state)
{
    struct world *w = world_with_owner();
    struct store_machine got;
    struct service_answer answer;

    (void)state;
    assert_int_equal(try_join(w, 1, "", "maker", &got), STORE_JOIN_WAITS);
    answer = ask(w, service_join_admit, digest_of(w, 1), "{}");
    assert_string_equal(json_text(json_get(answer_root(w, &answer), "name")), "vm-01000000");
    assert_int_equal(try_join(w, 1, "db1", "maker", &got), STORE_JOINED);
    assert_string_equal(got.name, "vm-01000000");
    world_free(w);
}

static void a_list_that_was_cut_says_so(void **state)
{
    enum { SHOWN = 1000, EXTRA = 7 };
    struct world *w = world_with_owner();
    struct store_machine got;
    struct service_answer answer;
    yyjson_val *root, *first;

    (void)state;
    assert_int_equal(try_join(w, 1, "legit", "maker", &got), STORE_JOIN_WAITS);
    for (unsigned i = 0; i < SHOWN + EXTRA; i++) {
        /* More than nobody vouches for may wait: these have another maker. */
        (void)try_join(w, 100 + i, "x", i < EXTRA ? "another" : "", &got);
    }
    answer = ask(w, service_join_list, NULL, NULL);
    root = answer_root(w, &answer);
    assert_int_equal(yyjson_arr_size(json_get(root, "waiting")), SHOWN);
    assert_int_equal(yyjson_get_uint(json_get(root, "waitingLeftOut")), 1 + EXTRA);
    assert_int_equal(yyjson_get_uint(json_get(root, "announcedLeftOut")), 0);
    first = yyjson_arr_get_first(json_get(root, "waiting"));
    assert_non_null(json_text(json_get(first, "maker")));
    answer = ask_in(w, other, service_join_list, NULL, NULL);
    root = answer_root(w, &answer);
    assert_int_equal(yyjson_arr_size(json_get(root, "waiting")), 0);
    assert_int_equal(yyjson_get_uint(json_get(root, "waitingLeftOut")), 0);
    world_free(w);
}

static void one_owner_sees_nothing_of_anothers_announcements(void **state)
{
    struct world *w = world_with_owner();
    struct service_answer answer = ask(w, service_join_announce, NULL, "{\"name\":\"db1\"}");

    (void)state;
    expect_success(&answer);
    answer = ask_in(w, other, service_join_list, NULL, NULL);
    assert_int_equal(yyjson_arr_size(json_get(answer_root(w, &answer), "announced")), 0);
    answer = ask_in(w, other, service_join_announce, NULL, "{\"name\":\"db1\"}");
    expect_refusal(&answer, 409, "Conflict", "the name 'db1' is taken");
    assert_null(strstr(answer.message, "announced"));
    answer = ask_in(w, other, service_join_withdraw, "db1", NULL);
    expect_refusal(&answer, 404, "ResourceNotFound", "nothing is announced");
    world_free(w);
}

/* The audit log's detail. */
static void every_change_says_what_it_was_about(void **state)
{
    struct world *w = world_with_owner();
    const char *ek = digest_of(w, 9);
    struct store_machine got;
    struct service_answer answer;

    (void)state;
    answer = ask(w, service_join_announce, NULL, "{\"uses\":3}");
    assert_string_equal(answer.note, "name=- ek=- uses=3");
    answer = ask(w, service_join_announce, NULL,
                 arena_printf(w->arena, "{\"name\":\"db\",\"ekDigest\":\"%s\"}", ek));
    assert_string_equal(answer.note, arena_printf(w->arena, "name=db ek=%s uses=1", ek));
    answer = ask(w, service_join_withdraw, "db", NULL);
    assert_string_equal(answer.note, arena_printf(w->arena, "name=db ek=%s uses=1", ek));
    assert_int_equal(try_join(w, 9, "web", "", &got), STORE_JOIN_WAITS);
    answer = ask(w, service_join_reject, "web", "{}");
    assert_string_equal(answer.note, arena_printf(w->arena, "name=web ek=%s", ek));
    answer = ask(w, service_join_admit, "web", "{\"name\":\"other\"}");
    assert_string_equal(answer.note, arena_printf(w->arena, "name=other ek=%s uses=1", ek));
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_admitted_gets_the_name_that_was_shown),
        cmocka_unit_test(who_asked_for_no_name_is_admitted_under_one),
        cmocka_unit_test(a_list_that_was_cut_says_so),
        cmocka_unit_test(one_owner_sees_nothing_of_anothers_announcements),
        cmocka_unit_test(every_change_says_what_it_was_about),
    };

    return RUN_TESTS(tests);
}
