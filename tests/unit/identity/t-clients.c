/* Applications that have a secret show it, whatever the grant: their id is no secret. */
#include "unit/identity/people.h"

#define DEVICE "urn:ietf:params:oauth:grant-type:device_code"

/* Without a secret, with a wrong one, with the right one. */
static struct idp_answer ask_as(const char *client_id, const char *shown, const char *rest)
{
    const char *proof = shown == NULL ? "" : arena_printf(arena, "&client_secret=%s", shown);

    return ask(NOW, arena_printf(arena, "client_id=%s%s&%s", client_id, proof, rest));
}

static void assert_asked_for_secret(const char *rest)
{
    struct idp_answer answer = ask_as(client.client_id, NULL, rest);

    assert_int_equal(answer.status, 401);
    assert_string_equal(answer.reason, "secret-missing");
    assert_string_equal(text_of(answer, "error"), "invalid_client");
    assert_non_null(strstr(text_of(answer, "error_description"), "AADSTS7000218: "));
    assert_string_equal(ask_as(client.client_id, "wrong", rest).reason, "secret-wrong");
}

static const char *claim_of(struct idp_answer answer, const char *name)
{
    yyjson_val *claims = NULL;
    struct jws jws = {0};

    assert_int_equal(answer.status, 200);
    assert_ok(jws_read(arena, span_str(text_of(answer, "access_token")), 0, NULL, &jws));
    assert_ok(json_read(arena, jws.payload, NULL, NULL, &claims));
    return json_text(json_get(claims, name));
}

#define BY_PASSWORD "grant_type=password&username=ada@example.org&password=right+password" SCOPE

static void a_password_needs_the_secret(void **state)
{
    (void)state;
    assert_asked_for_secret(BY_PASSWORD);
    assert_string_equal(claim_of(ask_as(client.client_id, secret, BY_PASSWORD), "appidacr"), "1");
    assert_string_equal(claim_of(ask_as(AZ, NULL, BY_PASSWORD), "appidacr"), "0");
    /* Applications that have none of their own prove nothing with somebody else's. */
    assert_string_equal(ask_as(AZ, secret, BY_PASSWORD).reason, "secret-wrong");
}

static void a_refresh_token_is_its_clients_alone(void **state)
{
    const char *token = text_of(ask_as(client.client_id, secret, BY_PASSWORD), "refresh_token");
    const char *rest = arena_printf(arena, "grant_type=refresh_token&refresh_token=%s", token);
    struct principal other;
    char other_secret[PRINCIPAL_SECRET_SIZE];
    struct principals *more = NULL;

    (void)state;
    assert_ok(principal_new("other", NULL, &other, other_secret));
    assert_ok(principals_with(principals, &other, NULL, &more));
    with(more);
    idp_set_principals(provider, principals);
    assert_asked_for_secret(rest);
    assert_string_equal(ask_as(AZ, NULL, rest).reason, "refresh-invalid");
    assert_string_equal(ask_as(other.client_id, other_secret, rest).reason, "refresh-invalid");
    assert_string_equal(claim_of(ask_as(client.client_id, secret, rest), "appid"),
                        client.client_id);
    assert_ok(principals_without(principals, span_str(client.client_id), &more));
    with(more);
    idp_set_principals(provider, principals);
    assert_string_equal(ask_as(client.client_id, secret, rest).reason, "client-unknown");
}

static struct idp_answer begin_device(const char *shown)
{
    const struct idp_call call = call_at(NOW);
    const char *proof = shown == NULL ? "" : arena_printf(arena, "&client_secret=%s", shown);
    struct idp_answer answer;

    idp_device_code(provider, &call,
                    span_str(arena_printf(arena, "client_id=%s%s" SCOPE, client.client_id, proof)),
                    &answer);
    return answer;
}

static void a_code_for_a_device_needs_the_secret_twice(void **state)
{
    const struct idp_call call = call_at(NOW);
    struct idp_entered entered;
    struct idp_answer begun;
    const char *rest;

    (void)state;
    assert_string_equal(begin_device(NULL).reason, "secret-missing");
    assert_string_equal(begin_device("wrong").reason, "secret-wrong");
    begun = begin_device(secret);
    assert_int_equal(begun.status, 200);
    idp_device_enter(provider, &call,
                     span_str(arena_printf(arena,
                                           "code=%s&username=ada@example.org&"
                                           "password=right+password&action=allow",
                                           text_of(begun, "user_code"))),
                     &entered);
    assert_int_equal(entered.entry, IDP_ENTRY_ALLOWED);
    rest =
        arena_printf(arena, "grant_type=" DEVICE "&device_code=%s", text_of(begun, "device_code"));
    assert_asked_for_secret(rest); /* and the code is not used up by it */
    assert_string_equal(claim_of(ask_as(client.client_id, secret, rest), "appidacr"), "1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PEOPLE(a_password_needs_the_secret),
        WITH_PEOPLE(a_refresh_token_is_its_clients_alone),
        WITH_PEOPLE(a_code_for_a_device_needs_the_secret_twice),
    };

    return cmocka_run_group_tests(tests, people_start, people_stop);
}
