/* People at the identity provider: what time does to locks, refresh tokens, codes and assertions.
 */
#include "support/support.h"

#include "base/codec.h"
#include "identity/assertion.h"
#include "identity/idp.h"
#include "json/json.h"

#include <string.h>

#define ENDPOINT "https://localhost:8443"
#define NOW 1800000000LL
#define AZ "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
#define SCOPE "&scope=" ENDPOINT "//.default+offline_access+openid+profile"
#define DAY (24 * 3600LL)

static struct arena *arena;
static struct signkey *key;
static struct token_key *token_key;
static struct cert *cert;
static struct principals *principals;
static struct principal client, managed;
static struct user ada;
static char address[PRINCIPAL_SECRET_SIZE];
static struct idp *provider;

static void with(struct principals *more)
{
    principals_free(principals);
    principals = more;
}

static void make_people(void)
{
    struct principals *more = NULL;
    char secret[PRINCIPAL_SECRET_SIZE];

    assert_ok(principals_new(&principals));
    assert_ok(user_new("ada@example.org", "Ada", NULL, &ada));
    assert_ok(user_set_password(&ada, span_str("right password"), NULL));
    assert_ok(principals_with_user(principals, &ada, NULL, &more));
    with(more);
    assert_ok(principal_new("app", NULL, &client, secret));
    assert_ok(principals_with(principals, &client, NULL, &more));
    with(more);
    assert_ok(principals_with_cert(principals, span_str(client.client_id), cert, NULL, &more));
    with(more);
    assert_ok(principal_new_managed("vm", NULL, &managed, address));
    assert_ok(principals_with(principals, &managed, NULL, &more));
    with(more);
}

static int start(void **state)
{
    const struct cert_request request = {.profile = CERT_TOKEN,
                                         .common_name = "identity",
                                         .not_before = NOW - DAY,
                                         .not_after = NOW + 400 * DAY};

    (void)state;
    arena = test_arena();
    assert_ok(signkey_generate(SIGNKEY_RSA2048, &key));
    assert_ok(cert_issue(&request, signkey_public(key), NULL, key, &cert));
    assert_ok(token_key_new(key, &cert, 1, &token_key));
    return 0;
}

static int stop(void **state)
{
    (void)state;
    token_key_free(token_key);
    cert_free(cert);
    signkey_free(key);
    arena_free(arena);
    return 0;
}

static int begin(void **state)
{
    struct idp_options options = {.endpoint = ENDPOINT, .keys = &token_key, .n_keys = 1};

    (void)state;
    make_people();
    options.principals = principals;
    assert_ok(idp_new(&options, &provider));
    return 0;
}

static int end(void **state)
{
    (void)state;
    idp_free(provider);
    principals_free(principals);
    principals = NULL;
    return 0;
}

static struct idp_call call_at(int64_t now)
{
    return (struct idp_call){.arena = arena,
                             .now = now,
                             .tenant = span_str("adfs"),
                             .is_v1 = true,
                             .source = "192.0.2.1"};
}

static struct idp_answer ask(int64_t now, const char *body)
{
    const struct idp_call call = call_at(now);
    struct idp_answer answer;

    idp_token(provider, &call, span_str(body), &answer);
    return answer;
}

static yyjson_val *read_body(struct idp_answer answer)
{
    yyjson_val *root = NULL;

    assert_ok(json_read(arena, answer.body, NULL, NULL, &root));
    return root;
}

static const char *text_of(struct idp_answer answer, const char *name)
{
    const char *text = json_text(json_get(read_body(answer), name));

    return text == NULL ? "" : text;
}

static struct idp_answer password(int64_t now, const char *name, const char *text)
{
    return ask(now, arena_printf(arena,
                                 "client_id=" AZ "&grant_type=password&client_info=1&username=%s&"
                                 "password=%s" SCOPE,
                                 name, text));
}

static struct idp_answer refresh(int64_t now, const char *token)
{
    return ask(
        now,
        arena_printf(arena, "client_id=" AZ "&grant_type=refresh_token&refresh_token=%s", token));
}

static void change_user(const struct user *user)
{
    struct principals *more = NULL;

    assert_ok(principals_with_user(principals, user, NULL, &more));
    with(more);
    idp_set_principals(provider, principals);
}

/* ---- locks ---- */

static int64_t lock_out(int64_t now, const char *name)
{
    struct idp_answer answer;

    for (int i = 0; i < IDP_LOCK_FAILURES; i++) {
        answer = password(now, name, "wrong");
        assert_string_equal(answer.reason, "password-wrong");
    }
    answer = password(now, name, "wrong");
    assert_string_equal(answer.reason, "user-locked");
    assert_non_null(strstr(text_of(answer, "error_description"), "AADSTS50053: "));
    return answer.retry_after_s;
}

static void a_lock_grows_each_time_and_ends(void **state)
{
    static const char *const names[] = {"ada@example.org", "nobody@example.org"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        int64_t now = NOW, wanted = IDP_LOCK_FIRST_S;

        for (int round = 0; round < 8; round++) {
            int64_t length = lock_out(now, names[i]);

            assert_int_equal(length, wanted);
            assert_string_equal(password(now + length - 1, names[i], "right password").reason,
                                "user-locked");
            now += length;
            wanted = 2 * wanted < IDP_LOCK_MAX_S ? 2 * wanted : IDP_LOCK_MAX_S;
        }
        /* After a day without a wrong one it is the first length again. */
        assert_int_equal(lock_out(now + IDP_LOCK_FORGET_S, names[i]), IDP_LOCK_FIRST_S);
    }
}

static void the_right_password_and_a_new_one_begin_anew(void **state)
{
    struct user changed = ada;

    (void)state;
    for (int i = 0; i < 3; i++) {
        for (int n = 1; n < IDP_LOCK_FAILURES; n++) {
            assert_string_equal(password(NOW, "ada@example.org", "wrong").reason, "password-wrong");
        }
        assert_int_equal(password(NOW, "ADA@example.org", "right password").status, 200);
    }
    lock_out(NOW, "ada@example.org");
    assert_ok(user_set_password(&changed, span_str("other password"), NULL));
    change_user(&changed);
    assert_int_equal(password(NOW, "ada@example.org", "other password").status, 200);
}

static void a_clock_that_is_set_back_locks_nobody_for_long(void **state)
{
    (void)state;
    lock_out(NOW + 1000 * DAY, "ada@example.org");
    assert_int_equal(password(NOW, "ada@example.org", "right password").status, 200);
}

/* ---- refresh tokens ---- */

static void a_refresh_token_slides_until_the_sign_in_is_too_old(void **state)
{
    int64_t now = NOW;
    const char *token =
                   text_of(password(now, "ada@example.org", "right password"), "refresh_token"),
               *first = token;

    (void)state;
    assert_string_equal(refresh(NOW + IDP_REFRESH_S, first).reason, "refresh-expired");
    while (now + IDP_REFRESH_S - 1 < NOW + IDP_REFRESH_MAX_S) {
        struct idp_answer answer;

        now += IDP_REFRESH_S - 1;
        answer = refresh(now, token);
        assert_int_equal(answer.status, 200);
        token = text_of(answer, "refresh_token");
    }
    assert_int_equal(refresh(NOW + IDP_REFRESH_MAX_S - 1, token).status, 200);
    assert_string_equal(refresh(NOW + IDP_REFRESH_MAX_S, token).reason, "refresh-expired");
}

static void a_refresh_token_ends_with_its_user(void **state)
{
    const char *token =
        text_of(password(NOW, "ada@example.org", "right password"), "refresh_token");
    struct user changed = ada;
    struct principals *less = NULL;

    (void)state;
    changed.is_disabled = true;
    change_user(&changed);
    assert_string_equal(refresh(NOW, token).reason, "user-disabled");
    change_user(&ada);
    assert_int_equal(refresh(NOW, token).status, 200);
    /* The same password once more has another salt: it was set anew, so it is another one. */
    changed = ada;
    assert_ok(user_set_password(&changed, span_str("right password"), NULL));
    change_user(&changed);
    assert_string_equal(refresh(NOW, token).reason, "password-changed");
    assert_ok(principals_without_user(principals, span_str("ada@example.org"), &less));
    with(less);
    idp_set_principals(provider, principals);
    assert_string_equal(refresh(NOW, token).reason, "user-removed");
}

static void no_bit_of_a_refresh_token_can_be_changed(void **state)
{
    const char *token =
        text_of(password(NOW, "ada@example.org", "right password"), "refresh_token");
    struct span bytes = {0};

    (void)state;
    assert_ok(base64_decode(arena, BASE64_URL, span_str(token), &bytes));
    for (size_t i = 0; i < bytes.len; i++) {
        struct span copy = arena_dup(arena, bytes);
        uint8_t *changed = arena_alloc(arena, copy.len);

        memcpy(changed, copy.data, copy.len);
        changed[i] ^= (uint8_t)(1u << (i % 8));
        assert_string_equal(
            refresh(NOW, base64_dup(arena, BASE64_URL, span_of(changed, copy.len))).reason,
            "refresh-invalid");
    }
    assert_string_equal(refresh(NOW, "x").reason, "refresh-invalid");
}

/* ---- codes for devices ---- */

static struct idp_answer ask_code(int64_t now, const char *source)
{
    struct idp_call call = call_at(now);
    struct idp_answer answer;

    call.source = source;
    idp_device_code(provider, &call, span_str("client_id=" AZ SCOPE), &answer);
    return answer;
}

static struct idp_answer poll(int64_t now, const char *code)
{
    return ask(now, arena_printf(arena,
                                 "client_id=" AZ "&client_info=1&device_code=%s&"
                                 "grant_type=urn:ietf:params:oauth:grant-type:device_code",
                                 code));
}

static enum idp_entry enter(int64_t now, const char *code, const char *source)
{
    struct idp_call call = call_at(now);
    struct idp_entered entered;

    call.source = source;
    idp_device_enter(provider, &call,
                     span_str(arena_printf(arena,
                                           "code=%s&username=ada@example.org&"
                                           "password=right+password&action=allow",
                                           code)),
                     &entered);
    return entered.entry;
}

static void a_code_ends_and_is_told_to_have_ended(void **state)
{
    struct idp_answer begun = ask_code(NOW, "192.0.2.1");
    const char *code = text_of(begun, "device_code"), *user = text_of(begun, "user_code");

    (void)state;
    assert_string_equal(poll(NOW, code).reason, "device-pending");
    assert_string_equal(poll(NOW + IDP_DEVICE_INTERVAL_S - 1, code).reason, "device-slow-down");
    assert_string_equal(poll(NOW + IDP_DEVICE_INTERVAL_S, code).reason, "device-pending");
    assert_int_equal(enter(NOW + IDP_DEVICE_S, user, "192.0.2.2"), IDP_ENTRY_WRONG_CODE);
    assert_string_equal(text_of(poll(NOW + IDP_DEVICE_S, code), "error"), "expired_token");
    assert_string_equal(text_of(poll(NOW, "nobody's"), "error"), "invalid_grant");
}

static void a_code_gives_one_token_to_the_application_that_asked(void **state)
{
    struct idp_answer begun = ask_code(NOW, "192.0.2.1"), answer;
    const char *code = text_of(begun, "device_code");

    (void)state;
    assert_int_equal(enter(NOW, text_of(begun, "user_code"), "192.0.2.2"), IDP_ENTRY_ALLOWED);
    answer = poll(NOW, code);
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.object_id, ada.object_id);
    assert_string_not_equal(text_of(answer, "refresh_token"), "");
    assert_string_equal(poll(NOW + 60, code).reason, "device-unknown");
}

static void a_user_who_is_disabled_meanwhile_gets_no_token(void **state)
{
    struct idp_answer begun = ask_code(NOW, "192.0.2.1");
    struct user changed = ada;

    (void)state;
    assert_int_equal(enter(NOW, text_of(begun, "user_code"), "192.0.2.2"), IDP_ENTRY_ALLOWED);
    changed.is_disabled = true;
    change_user(&changed);
    assert_string_equal(poll(NOW, text_of(begun, "device_code")).reason, "user-disabled");
}

static void nobody_fills_all_places_from_one_address(void **state)
{
    struct idp_answer begun;

    (void)state;
    for (int i = 0; i < IDP_MAX_DEVICES_OF_ONE; i++) {
        assert_int_equal(ask_code(NOW, "192.0.2.1").status, 200);
    }
    assert_int_equal(ask_code(NOW, "192.0.2.1").status, 429);
    assert_int_equal(ask_code(NOW, "192.0.2.9").status, 200);
    begun = ask_code(NOW + IDP_DEVICE_S, "192.0.2.1");
    assert_int_equal(begun.status, 200);
    for (int i = 0; i < IDP_MAX_FAILURES; i++) {
        assert_int_equal(enter(NOW + IDP_DEVICE_S, "BCDFGHJK", "192.0.2.3"), IDP_ENTRY_WRONG_CODE);
    }
    assert_int_equal(enter(NOW + IDP_DEVICE_S, text_of(begun, "user_code"), "192.0.2.3"),
                     IDP_ENTRY_LIMITED);
    assert_int_equal(enter(NOW + IDP_DEVICE_S, text_of(begun, "user_code"), "192.0.2.4"),
                     IDP_ENTRY_ALLOWED);
}

/* ---- assertions ---- */

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

/* ---- the set ---- */

static void refuses_names_passwords_and_certificates_that_are_none(void **state)
{
    static const char *const names[] = {"",      "ada",   "@b",   "a@",         "a@b@c",
                                        "a b@c", "a@b c", "a@.b", "a@b.",       "a\n@b",
                                        "<a>@b", "a@b/c", "a%@b", "\xc3\xa4@b", "a\"@b"};
    struct user user = {0};
    struct principals *more = NULL;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        assert_err(user_new(names[i], NULL, NULL, &user), ERR_VALUE);
    }
    assert_ok(user_new("O'Brien.x_y-1@Example.ORG", NULL, NULL, &user));
    assert_string_equal(user.upn, "o'brien.x_y-1@example.org");
    assert_string_equal(user.name, "o'brien.x_y-1");
    assert_err(user_set_password(&user, span_str("1234567"), NULL), ERR_VALUE);
    assert_err(user_set_password(&user, span_str("O'brien.x_y-1@example.org"), NULL), ERR_VALUE);
    assert_ok(user_new("Ada@Example.org", NULL, NULL, &user));
    assert_err(principals_with_user(principals, &user, NULL, &more), ERR_CONFLICT);
    assert_err(principals_with_cert(principals, span_str(client.client_id), cert, NULL, &more),
               ERR_CONFLICT);
    assert_err(principals_with_cert(principals, span_str(managed.client_id), cert, NULL, &more),
               ERR_UNSUPPORTED);
    assert_err(principals_with_cert(principals, span_str("x"), cert, NULL, &more), ERR_NOT_FOUND);
    assert_null(more);
}

static void all_of_them_are_read_as_they_were_written(void **state)
{
    CLEANUP(principals_free) struct principals *read = NULL;
    CLEANUP(principals_free) struct principals *without = NULL;
    struct span text = {0}, again = {0};

    (void)state;
    assert_ok(principals_write(principals, arena, &text));
    assert_null(strstr((const char *)text.data, address));
    assert_null(strstr((const char *)text.data, "right password"));
    assert_ok(principals_read(text, NULL, &read));
    assert_ok(principals_write(read, arena, &again));
    assert_true(span_equal(text, again));
    assert_int_equal(principals_cert_count(read), 1);
    assert_non_null(principals_find_capability(read, span_str(address)));
    assert_null(principals_find_capability(read, span_str("")));
    assert_null(principals_find_capability(read, span_str(managed.capability)));
    assert_true(principals_has_object(read, span_str(ada.object_id)));
    assert_ok(principals_without(read, span_str(client.client_id), &without));
    assert_int_equal(principals_cert_count(without), 0);
}

static void a_managed_identity_signs_in_nowhere_else(void **state)
{
    struct idp_answer answer =
        ask(NOW,
            arena_printf(arena, "grant_type=client_credentials&client_id=%s&client_secret=%s" SCOPE,
                         managed.client_id, address));

    (void)state;
    assert_string_equal(answer.reason, "secret-wrong");
    answer = ask(NOW, arena_printf(arena,
                                   "grant_type=password&client_id=%s&username=ada@example.org&"
                                   "password=right+password" SCOPE,
                                   managed.client_id));
    assert_string_equal(answer.reason, "client-unknown");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(a_lock_grows_each_time_and_ends),
        TEST(the_right_password_and_a_new_one_begin_anew),
        TEST(a_clock_that_is_set_back_locks_nobody_for_long),
        TEST(a_refresh_token_slides_until_the_sign_in_is_too_old),
        TEST(a_refresh_token_ends_with_its_user),
        TEST(no_bit_of_a_refresh_token_can_be_changed),
        TEST(a_code_ends_and_is_told_to_have_ended),
        TEST(a_code_gives_one_token_to_the_application_that_asked),
        TEST(a_user_who_is_disabled_meanwhile_gets_no_token),
        TEST(nobody_fills_all_places_from_one_address),
        TEST(an_assertion_is_good_once_and_in_its_time),
        TEST(one_client_does_not_use_up_what_is_remembered),
        TEST(refuses_names_passwords_and_certificates_that_are_none),
        TEST(all_of_them_are_read_as_they_were_written),
        TEST(a_managed_identity_signs_in_nowhere_else),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
