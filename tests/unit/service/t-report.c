/*
 * What guests say in their sessions, what owners see and do: states, joins, settings.
 */
#include "unit/service/world.h"

#include "service/guest.h"
#include "service/machines.h"
#include "service/state.h"
#include "store/joins.h"

static const char subscription[] = "11111111-2222-4333-8444-555555555555";

static struct world *world_with_owner(void)
{
    struct world *w = world_new();

    assert_ok(service_set_subscription(w->service, subscription));
    return w;
}

/* A machine with a session token, as activation makes one. */
static struct span session_of(struct world *w, const char *name, struct store_machine *ret)
{
    struct store_machine wanted = {.created = NOW, .ak_name_len = 34};
    const char *token = NULL;

    snprintf(wanted.id, sizeof(wanted.id), "00000000-0000-4000-8000-0000000000%02x", name[0]);
    snprintf(wanted.name, sizeof(wanted.name), "%s", name);
    memset(wanted.ek_digest, name[0], sizeof(wanted.ek_digest));
    memset(wanted.ak_name, name[0], wanted.ak_name_len);
    assert_ok(store_machine_activate(w->service->store, &wanted, NULL, ret));
    assert_ok(guest_session_new(w->service, w->arena, ret, NOW + 3600, &token));
    return span_str(token);
}

static struct service_answer report(struct world *w, struct span session, const char *body)
{
    struct service_answer answer = {0};

    service_guest_report(w->service, &w->call, session, span_str(body), &answer);
    return answer;
}

static struct service_answer ask(struct world *w, machine_call *call, const char *machine,
                                 const char *body)
{
    const struct machine_path path = {.subscription = span_str(subscription),
                                      .machine =
                                          machine == NULL ? (struct span){0} : span_str(machine),
                                      .who = "owner"};
    struct service_answer answer = {0};

    call(w->service, &w->call, &path, body == NULL ? (struct span){0} : span_str(body), &answer);
    return answer;
}

static const char *member(struct world *w, const struct service_answer *answer, const char *name)
{
    yyjson_val *root = NULL;

    assert_int_equal(answer->status, 200);
    assert_ok(json_read(w->arena, answer->body, NULL, NULL, &root));
    return json_text(json_get(root, name));
}

static const char *state_of(struct world *w, const char *machine)
{
    struct service_answer answer = ask(w, service_machine_get, machine, NULL);

    return member(w, &answer, "state");
}

/* ---- who may say something ---- */

static void nothing_is_taken_without_a_session(void **state)
{
    struct world *w = world_with_owner();
    struct store_machine m;
    struct span session = session_of(w, "a", &m);
    struct service_answer answer = report(w, (struct span){0}, "{\"outcome\":\"failed\"}");
    bool is_new;

    (void)state;
    expect_refusal(&answer, 401, "Unauthorized", "session token is needed");
    answer = report(w, span_str("AAAA"), "{\"outcome\":\"failed\"}");
    expect_refusal(&answer, 401, "Unauthorized", "not made by this server");
    assert_ok(
        store_machine_change(w->service->store, m.id, STORE_DISABLE, "me", NOW, NULL, &is_new));
    answer = report(w, session, "{\"outcome\":\"failed\"}");
    expect_refusal(&answer, 401, "Unauthorized", "not active");
    world_free(w);
}

static void the_member_that_is_wrong_is_named(void **state)
{
    static const struct {
        const char *body, *words;
    } wrong[] = {
        {"[]", "object"},
        {"{}", "outcome"},
        {"{\"outcome\":\"fine\"}", "outcome: must be attested"},
        {"{\"outcome\":\"failed\",\"message\":7}", "message: must be a string"},
        {"{\"outcome\":\"failed\",\"periodSeconds\":86401}", "periodSeconds: must be a number"},
        {"{\"outcome\":\"failed\",\"ageSeconds\":-1}", "ageSeconds: must be a number"},
        {"{\"outcome\":\"failed\",\"facts\":[]}", "facts: must be an object"},
        {"{\"outcome\":\"failed\",\"announcement\":{}}", "announcement: is not taken in a report"},
    };
    struct world *w = world_with_owner();
    struct store_machine m;
    struct span session = session_of(w, "a", &m);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct service_answer answer = report(w, session, wrong[i].body);

        expect_refusal(&answer, 400, "InvalidParameter", wrong[i].words);
    }
    assert_string_equal(state_of(w, "a"), "never-reported");
    world_free(w);
}

static void a_status_must_have_the_schema(void **state)
{
    static const char *const wrong[] = {
        "{}",
        "{\"status\":{\"status\":\"fine\"}}",
        "{\"status\":{\"status\":\"success\",\"substatus\":{}}}",
        "{\"status\":{\"status\":\"success\",\"substatus\":[{\"status\":\"success\"}]}}",
        "{\"status\":{\"status\":\"success\",\"substatus\":[{\"name\":\"x\",\"status\":\"y\"}]}}",
    };
    struct world *w = world_with_owner();
    struct store_machine m;
    struct span session = session_of(w, "a", &m);
    struct service_answer answer = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        answer = (struct service_answer){0};
        service_guest_status(w->service, &w->call, session, span_str(wrong[i]), &answer);
        expect_refusal(&answer, 400, "InvalidParameter", "status");
    }
    answer = (struct service_answer){0};
    service_guest_status(w->service, &w->call, session,
                         span_str("{\"status\":{\"status\":\"error\",\"substatus\":null}}"),
                         &answer);
    expect_success(&answer);
    world_free(w);
}

/* ---- what follows ---- */

/* The guest's own word explains, and never makes a machine good. */
static void words_of_a_guest_make_nothing_healthy(void **state)
{
    struct world *w = world_with_owner();
    struct store_machine m;
    struct span session = session_of(w, "a", &m);
    struct service_answer answer;

    (void)state;
    answer = report(w, session, "{\"outcome\":\"attested\"}");
    assert_string_equal(member(w, &answer, "state"), "never-reported");
    answer = report(w, session, "{\"outcome\":\"unreachable\",\"message\":\"h:1. timed out\"}");
    assert_string_equal(member(w, &answer, "state"), "unreachable");
    assert_string_equal(member(w, &answer, "why"), "h:1. timed out");
    answer = report(w, session, "{\"outcome\":\"attested\"}");
    assert_string_equal(member(w, &answer, "state"), "unreachable");
    answer = report(w, session, "{\"outcome\":\"failed\",\"message\":\"no TPM\"}");
    assert_string_equal(member(w, &answer, "state"), "cannot-judge");
    world_free(w);
}

static void a_token_of_somebody_else_is_not_verified(void **state)
{
    struct world *w = world_with_owner();
    struct store_machine m;
    struct span session = session_of(w, "a", &m);
    struct service_answer answer =
        report(w, session, "{\"outcome\":\"attested\",\"token\":\"eyJ.eyJ.x\"}");

    (void)state;
    assert_string_equal(member(w, &answer, "state"), "not-verified");
    world_free(w);
}

static void silence_comes_with_time_and_not_with_a_restart(void **state)
{
    struct world *w = world_with_owner();
    struct store_machine m;
    struct span session = session_of(w, "a", &m);
    struct service_answer answer =
        report(w, session, "{\"outcome\":\"unreachable\",\"periodSeconds\":600}");

    (void)state;
    assert_string_equal(member(w, &answer, "state"), "unreachable");
    for (int64_t now = NOW; now < NOW + 1800; now += 20) {
        state_tick(w->service, now); /* or the server would have slept */
    }
    assert_string_equal(state_of(w, "a"), "unreachable");
    state_tick(w->service, NOW + 1801);
    assert_string_equal(state_of(w, "a"), "silent");
    /* A gap between two ticks is the server's own silence. */
    w->call.now = NOW + 1802;
    answer = report(w, session, "{\"outcome\":\"unreachable\",\"periodSeconds\":600}");
    assert_string_equal(member(w, &answer, "state"), "unreachable");
    state_tick(w->service, NOW + 90000);
    assert_string_equal(state_of(w, "a"), "unreachable");
    world_free(w);
}

static void a_shorter_period_makes_nobody_late(void **state)
{
    struct world *w = world_with_owner();
    struct store_machine m;
    struct span session = session_of(w, "a", &m);
    struct service_answer answer =
        report(w, session, "{\"outcome\":\"unreachable\",\"periodSeconds\":3600}");

    (void)state;
    assert_string_equal(member(w, &answer, "state"), "unreachable");
    w->call.now = NOW + 100; /* three periods of 10 s are over, one of an hour is not */
    answer = (struct service_answer){0};
    service_guest_goalstate(w->service, &w->call, session, span_str("{\"periodSeconds\":10}"),
                            &answer);
    assert_string_equal(member(w, &answer, "state"), "unreachable");
    /* What it says next is under the new one. */
    answer = report(w, session, "{\"outcome\":\"unreachable\",\"periodSeconds\":10}");
    answer = report(w, session, "{\"outcome\":\"unreachable\",\"periodSeconds\":10}");
    assert_string_equal(member(w, &answer, "state"), "unreachable");
    for (int64_t now = NOW + 100; now <= NOW + 131; now++) {
        state_tick(w->service, now);
    }
    assert_string_equal(state_of(w, "a"), "silent");
    world_free(w);
}

static bool falls_silent_between(struct world *w, int64_t from, int64_t to)
{
    for (int64_t now = from; now < to; now += 20) {
        state_tick(w->service, now); /* or the server would have slept */
    }
    return strcmp(state_of(w, "a"), "silent") == 0;
}

/* Root of a guest that was broken into has three periods before anybody asks. */
static void a_guest_cannot_put_off_its_silence(void **state)
{
    struct world *w = world_with_owner();
    struct store_machine m;
    struct span session = session_of(w, "a", &m);
    struct service_answer answer =
        report(w, session, "{\"outcome\":\"unreachable\",\"periodSeconds\":86400}");

    (void)state;
    assert_string_equal(member(w, &answer, "state"), "unreachable");
    assert_false(falls_silent_between(w, NOW, NOW + 3 * 3600));
    assert_true(falls_silent_between(w, NOW + 3 * 3600, NOW + 3 * 3600 + 30));
    world_free(w);
}

static void an_owner_can_set_a_longer_period(void **state)
{
    struct world *w = world_with_owner();
    struct store_machine m;
    struct span session = session_of(w, "a", &m);
    struct service_answer answer = ask(w, service_extension_put, "a",
                                       "{\"settings\":{\"AttestationConfig\":{\"AscSettings\":"
                                       "{\"ascReportingFrequency\":\"120\"}}}}");

    (void)state;
    expect_success(&answer);
    answer = report(w, session, "{\"outcome\":\"unreachable\",\"periodSeconds\":86400}");
    assert_string_equal(member(w, &answer, "state"), "unreachable");
    assert_false(falls_silent_between(w, NOW, NOW + 6 * 3600));
    assert_true(falls_silent_between(w, NOW + 6 * 3600, NOW + 6 * 3600 + 30));
    world_free(w);
}

/* ---- owners ---- */

static void machines_of_others_are_not_there(void **state)
{
    const struct machine_path foreign = {.subscription =
                                             span_str("99999999-2222-4333-8444-555555555555"),
                                         .machine = span_str("a"),
                                         .who = "other"};
    static machine_call *const calls[] = {
        service_machine_get,    service_machine_approve, service_machine_relearn,
        service_machine_attest, service_machine_disable, service_machine_enable,
        service_machine_remove, service_extension_get,   service_extension_put,
        service_join_admit,     service_join_reject,     service_join_withdraw,
    };
    struct world *w = world_with_owner();
    struct store_machine m;

    (void)state;
    (void)session_of(w, "a", &m);
    for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
        struct service_answer answer = {0};

        calls[i](w->service, &w->call, &foreign, span_str("{}"), &answer);
        expect_refusal(&answer, 404, "ResourceNotFound", "");
    }
    assert_string_equal(state_of(w, "a"), "never-reported");
    world_free(w);
}

static void announcements_that_are_wrong_are_named(void **state)
{
    static const struct {
        const char *body, *words;
    } wrong[] = {
        {"[]", "object"},
        {"{}", "name: is missing"},
        {"{\"name\":\"\"}", "name: must be"},
        {"{\"name\":\"a b\"}", "name: must be"},
        {"{\"name\":\"x\",\"ekDigest\":\"00\"}", "ekDigest: must be 64"},
        {"{\"name\":\"x\",\"validDays\":0}", "validDays: must be 1 to"},
        {"{\"name\":\"x\",\"validDays\":367}", "validDays: must be 1 to"},
        {"{\"name\":\"x\",\"uses\":2}", "uses: more than one"},
        {"{\"uses\":10001}", "uses: must be 1 to"},
    };
    struct world *w = world_with_owner();
    struct service_answer answer;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        answer = ask(w, service_join_announce, NULL, wrong[i].body);
        expect_refusal(&answer, 400, "InvalidParameter", wrong[i].words);
    }
    answer = ask(w, service_join_announce, NULL, "{\"name\":\"x\"}");
    assert_true(span_starts(span_str(member(w, &answer, "token")), "bwj_"));
    answer = ask(w, service_join_list, NULL, NULL);
    assert_null(strstr((const char *)answer.body.data, "bwj_")); /* told once */
    world_free(w);
}

static void settings_keep_what_is_not_named(void **state)
{
    struct world *w = world_with_owner();
    struct store_machine m;
    struct service_answer answer;

    (void)state;
    (void)session_of(w, "a", &m);
    answer = ask(w, service_extension_put, "a", "{\"typeHandlerVersion\":\"one\"}");
    expect_refusal(&answer, 400, "InvalidParameter", "typeHandlerVersion");
    answer = ask(w, service_extension_put, "a", "{\"wanted\":\"yes\"}");
    expect_refusal(&answer, 400, "InvalidParameter", "wanted");
    answer = ask(w, service_extension_put, "a", "{\"settings\":[]}");
    expect_refusal(&answer, 400, "InvalidParameter", "settings");
    answer = ask(w, service_extension_put, "a",
                 "{\"settings\":{\"AttestationConfig\":{\"AscSettings\":"
                 "{\"ascReportingFrequency\":\"1\"}}}}");
    expect_refusal(&answer, 400, "InvalidParameter", "ascReportingFrequency");
    answer = ask(w, service_extension_put, "a",
                 "{\"settings\":{\"x\":1},\"enableAutomaticUpgrade\":true}");
    expect_success(&answer);
    answer = ask(w, service_extension_put, "a", "{\"typeHandlerVersion\":\"1.1\"}");
    expect_success(&answer);
    assert_non_null(strstr((const char *)answer.body.data, "\"settings\":{\"x\":1}"));
    assert_non_null(strstr((const char *)answer.body.data, "\"enableAutomaticUpgrade\":true"));
    assert_non_null(strstr((const char *)answer.body.data, "\"sequence\":2"));
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_taken_without_a_session),
        cmocka_unit_test(the_member_that_is_wrong_is_named),
        cmocka_unit_test(a_status_must_have_the_schema),
        cmocka_unit_test(words_of_a_guest_make_nothing_healthy),
        cmocka_unit_test(a_token_of_somebody_else_is_not_verified),
        cmocka_unit_test(silence_comes_with_time_and_not_with_a_restart),
        cmocka_unit_test(a_shorter_period_makes_nobody_late),
        cmocka_unit_test(a_guest_cannot_put_off_its_silence),
        cmocka_unit_test(an_owner_can_set_a_longer_period),
        cmocka_unit_test(machines_of_others_are_not_there),
        cmocka_unit_test(announcements_that_are_wrong_are_named),
        cmocka_unit_test(settings_keep_what_is_not_named),
    };

    return RUN_TESTS(tests);
}
