/* Assertions: good once, in their time, and not again after a restart. */
#include "unit/store/folder.h"

#include "unit/identity/people.h"

#include "identity/assertion.h"

static struct idp_answer assert_client(int64_t now, const char *jti, int64_t exp)
{
    const struct token_header header = {.cert = TOKEN_X5T};
    struct span text = {0};
    const char *payload = arena_printf(
        arena,
        "{\"aud\":\"" ENDPOINT "/adfs/oauth2/token\",\"iss\":\"%s\",\"sub\":\"%s\",\"exp\":%lld%s}",
        client.client_id, client.client_id, (long long)exp,
        jti == NULL ? "" : arena_printf(arena, ",\"jti\":\"%s\"", jti));

    assert_ok(token_sign_with(token_key, arena, &header, span_str(payload), &text));
    return ask(now, arena_printf(arena,
                                 "grant_type=client_credentials&client_id=%s&client_assertion_type="
                                 "urn:ietf:params:oauth:client-assertion-type:jwt-bearer&"
                                 "client_assertion=%.*s" SCOPE,
                                 client.client_id, (int)text.len, (const char *)text.data));
}

static void an_assertion_is_good_once_and_in_its_time(void **state)
{
    struct principals *less = NULL;
    uint8_t sha1[SHA1_BYTES];

    (void)state;
    assert_int_equal(assert_client(NOW, "a", NOW + 600).status, 200);
    assert_string_equal(assert_client(NOW, "a", NOW + 600).reason, "assertion-used");
    assert_string_equal(assert_client(NOW + 600, "a", NOW + 600).reason, "assertion-used");
    assert_string_equal(assert_client(NOW + 660, "a", NOW + 600).reason, "assertion-time");
    assert_int_equal(assert_client(NOW + 660, "a", NOW + 1200).status, 200);
    assert_int_equal(assert_client(NOW, NULL, NOW + 600).status, 200);
    assert_string_equal(assert_client(NOW, NULL, NOW + 600).reason, "assertion-used");
    assert_string_equal(assert_client(NOW, "b", NOW + ASSERTION_MAX_S + 61).reason,
                        "assertion-time");
    assert_string_equal(assert_client(NOW + 500 * DAY, "c", NOW + 500 * DAY + 60).reason,
                        "assertion-certificate");
    assert_ok(hash_once(HASH_SHA1, cert_der(cert), sha1));
    assert_ok(
        principals_without_cert(principals, client.client_id, span_of(sha1, sizeof(sha1)), &less));
    with(less);
    idp_set_principals(provider, principals);
    assert_string_equal(assert_client(NOW, "d", NOW + 600).reason, "assertion-signature");
}

static void one_client_does_not_use_up_what_is_remembered(void **state)
{
    (void)state;
    for (int i = 0; i < IDP_MAX_ASSERTIONS_OF_ONE; i++) {
        assert_int_equal(assert_client(NOW, arena_printf(arena, "%d", i), NOW + 600).status, 200);
        if (i % 16 == 15) {
            arena_reset(arena);
        }
    }
    assert_string_equal(assert_client(NOW, "more", NOW + 600).reason, "assertion-limited");
    assert_int_equal(assert_client(NOW + 660, "more", NOW + 1200).status, 200);
}

static void a_restart_makes_no_assertion_good_again(void **state)
{
    struct store *store = open_store();

    (void)state;
    people_restart(store);
    assert_int_equal(assert_client(NOW, "a", NOW + 600).status, 200);
    assert_int_equal(assert_client(NOW, NULL, NOW + 600).status, 200);
    people_restart(NULL); /* before the store goes */
    store_close(store);
    store = open_store();
    people_restart(store);
    assert_string_equal(assert_client(NOW + 1, "a", NOW + 600).reason, "assertion-used");
    assert_string_equal(assert_client(NOW + 1, NULL, NOW + 600).reason, "assertion-used");
    /* And honest clients need not wait. */
    assert_int_equal(assert_client(NOW + 1, "b", NOW + 600).status, 200);
    people_restart(NULL);
    store_close(store);
}

static int begin(void **state)
{
    return make_folder(state) != 0 ? -1 : people_begin(state);
}

static int end(void **state)
{
    return people_end(state) != 0 ? -1 : remove_folder(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PEOPLE(an_assertion_is_good_once_and_in_its_time),
        WITH_PEOPLE(one_client_does_not_use_up_what_is_remembered),
        cmocka_unit_test_setup_teardown(a_restart_makes_no_assertion_good_again, begin, end),
    };

    return cmocka_run_group_tests(tests, people_start, people_stop);
}
