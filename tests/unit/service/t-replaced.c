/*
 * A machine that an operator replaced: nothing of the old key counts any more, neither before
 * another TPM has joined nor after.
 */
#include "unit/service/attester.h"

#include "service/guest.h"
#include "service/machines.h"
#include "service/state.h"

#include <fcntl.h>

static const char subscription[] = "11111111-2222-4333-8444-555555555555";

/* 'web' is healthy by a proof of the fabricated key. */
static struct world *world_with_healthy(struct store_machine *ret)
{
    struct world *w = world_new();
    struct fabricate_request request = request_of(w, "a-secureboot-healthy");
    struct service_answer answer;

    assert_ok(service_set_subscription(w->service, subscription));
    *ret = enrol(w);
    answer = attest(w, &request);
    expect_success(&answer);
    return w;
}

static yyjson_val *shown(struct world *w)
{
    const struct machine_path path = {
        .subscription = span_str(subscription), .machine = span_str("web"), .who = "owner"};
    struct service_answer answer = {0};

    service_machine_get(w->service, &w->call, &path, (struct span){0}, &answer);
    return answer_root(w, &answer);
}

static const char *state_of(struct world *w)
{
    return json_text(json_get(shown(w), "state"));
}

static struct span session_of(struct world *w, const struct store_machine *m)
{
    const char *session = NULL;

    assert_ok(guest_session_new(w->service, w->arena, m, NOW + 3600, &session));
    return span_str(session);
}

static struct service_answer report(struct world *w, struct span session, const char *body)
{
    struct service_answer answer = {0};

    service_guest_report(w->service, &w->call, session, span_str(body), &answer);
    return answer;
}

static struct store_machine successor(struct world *w)
{
    struct store_machine wanted = {.created = NOW, .ak_name_len = 34}, got;

    snprintf(wanted.id, sizeof(wanted.id), "0b5f2c7a-1111-4222-8333-444455557777");
    snprintf(wanted.name, sizeof(wanted.name), "web");
    memset(wanted.ek_digest, 9, sizeof(wanted.ek_digest));
    memset(wanted.ak_name, 9, wanted.ak_name_len);
    assert_ok(store_machine_activate(w->service->store, &wanted, NULL, &got));
    return got;
}

static void no_session_of_the_old_key_comes_alive_again(void **state)
{
    struct store_machine m, next;
    struct world *w = world_with_healthy(&m);
    struct span session = session_of(w, &m);
    struct service_answer answer = report(w, session, "{\"outcome\":\"attested\"}");

    (void)state;
    expect_success(&answer);
    operate(w, &m, STORE_REPLACE);
    answer = report(w, session, "{\"outcome\":\"failed\"}");
    expect_refusal(&answer, 401, "Unauthorized", "not active");
    next = successor(w);
    answer = report(w, session, "{\"outcome\":\"failed\"}");
    expect_refusal(&answer, 401, "Unauthorized", "another attestation key");
    answer = (struct service_answer){0};
    service_guest_challenge(w->service, &w->call, session, span_str("{}"), &answer);
    expect_refusal(&answer, 401, "Unauthorized", "another attestation key");
    assert_string_equal(state_of(w), "never-reported");
    answer = report(w, session_of(w, &next), "{\"outcome\":\"attested\"}");
    expect_success(&answer);
    world_free(w);
}

/* As versions before made them, without a key. */
static void a_session_of_the_older_form_is_refused(void **state)
{
    struct store_machine m;
    struct world *w = world_with_healthy(&m);
    struct span sealed = {0};
    struct service_answer answer;

    (void)state;
    assert_ok(ticket_seal(w->arena, service_secret(w->service), TICKET_SESSION, NOW + 3600,
                          span_str(m.id), &sealed));
    answer =
        report(w, span_str(base64_dup(w->arena, BASE64_URL, sealed)), "{\"outcome\":\"attested\"}");
    expect_refusal(&answer, 401, "Unauthorized", "open a new session");
    world_free(w);
}

static void nothing_that_the_old_key_proved_is_shown(void **state)
{
    struct store_machine m;
    struct world *w = world_with_healthy(&m);
    yyjson_val *root = shown(w);

    (void)state;
    assert_string_equal(json_text(json_get(root, "state")), "healthy");
    assert_true(yyjson_is_obj(json_get(root, "proof")));
    operate(w, &m, STORE_REPLACE);
    for (int i = 0; i < 3; i++) {
        root = shown(w);
        assert_string_equal(json_text(json_get(root, "state")), "never-reported");
        assert_true(yyjson_is_null(json_get(root, "proof")));
        assert_true(yyjson_is_null(json_get(root, "verdict")));
        if (i == 0) {
            assert_non_null(strstr(json_text(json_get(root, "why")), "replaced it"));
            state_tick(w->service, NOW + 1);
        } else if (i == 1) {
            (void)successor(w);
        }
    }
    assert_int_equal(yyjson_arr_size(json_get(root, "history")), 2);
    world_free(w);
}

/* The successor did not have that token: it was the old TPM's. */
static void a_token_of_the_old_key_is_not_the_new_ones(void **state)
{
    struct store_machine m;
    struct world *w = world_with_healthy(&m);
    const char *payload = arena_printf(w->arena, "{\"jti\":\"%s\"}", last_record(w).token_id);
    const char *body = arena_printf(
        w->arena, "{\"outcome\":\"attested\",\"token\":\"eyJhbGciOiJSUzI1NiJ9.%s.AA\"}",
        base64_dup(w->arena, BASE64_URL, span_str(payload)));
    struct service_answer answer = report(w, session_of(w, &m), body);

    (void)state;
    expect_success(&answer);
    assert_string_equal(state_of(w), "healthy");
    operate(w, &m, STORE_REPLACE);
    m = successor(w);
    answer = report(w, session_of(w, &m), body);
    expect_success(&answer);
    assert_string_equal(state_of(w), "not-verified");
    world_free(w);
}

/* What two ticks of the server write to its log. */
static const char *logged(struct world *w)
{
    const char *path = world_path(w, "log");
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600), kept = dup(STDERR_FILENO);
    struct span text = {0};

    assert_true(fd >= 0 && dup2(fd, STDERR_FILENO) >= 0);
    state_tick(w->service, NOW + 1);
    state_tick(w->service, NOW + 2);
    dup2(kept, STDERR_FILENO);
    close(fd);
    close(kept);
    assert_ok(file_read(w->arena, path, 1 << 20, NULL, &text));
    return (const char *)text.data;
}

static void the_log_says_once_what_an_operators_command_did(void **state)
{
    struct store_machine m;
    struct world *w = world_with_healthy(&m);
    const char *text, *line;

    (void)state;
    operate(w, &m, STORE_REPLACE);
    text = logged(w);
    line = strstr(text, "machine.state");
    assert_non_null(line);
    assert_non_null(strstr(line, "from=healthy to=never-reported"));
    assert_null(strstr(line + 1, "machine.state"));
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_session_of_the_old_key_comes_alive_again),
        cmocka_unit_test(a_session_of_the_older_form_is_refused),
        cmocka_unit_test(nothing_that_the_old_key_proved_is_shown),
        cmocka_unit_test(a_token_of_the_old_key_is_not_the_new_ones),
        cmocka_unit_test(the_log_says_once_what_an_operators_command_did),
    };

    return cmocka_run_group_tests(tests, make_machine, free_machine);
}
