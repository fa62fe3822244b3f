/* People at the identity provider: what time does to refresh tokens and codes. */
#include "unit/identity/people.h"

#include "base/codec.h"
#include "identity/principals-internal.h"

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

static struct idp_answer ask_code(int64_t now, const char *from)
{
    struct idp_call call = call_at(now);
    struct idp_answer answer;

    call.source = from;
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

static enum idp_entry enter(int64_t now, const char *code, const char *from)
{
    struct idp_call call = call_at(now);
    struct idp_entered entered;

    call.source = from;
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

/* Who entered the code by the old password may be the reason for the new one. */
static void a_code_is_worth_as_much_as_the_password_it_was_entered_with(void **state)
{
    struct idp_answer begun = ask_code(NOW, "192.0.2.1"), answer;
    struct user changed = ada;

    (void)state;
    assert_int_equal(enter(NOW, text_of(begun, "user_code"), "192.0.2.2"), IDP_ENTRY_ALLOWED);
    assert_ok(user_set_password(&changed, span_str("other password"), NULL));
    change_user(&changed);
    answer = poll(NOW, text_of(begun, "device_code"));
    assert_string_equal(answer.reason, "password-changed");
    assert_non_null(strstr(text_of(answer, "error_description"), "AADSTS50173: "));
}

static void a_user_who_is_removed_meanwhile_gets_no_token(void **state)
{
    struct idp_answer begun = ask_code(NOW, "192.0.2.1"), answer;
    struct principals *less = NULL;

    (void)state;
    assert_int_equal(enter(NOW, text_of(begun, "user_code"), "192.0.2.2"), IDP_ENTRY_ALLOWED);
    assert_ok(principals_without_user(principals, span_str(ada.upn), &less));
    with(less);
    idp_set_principals(provider, principals);
    answer = poll(NOW, text_of(begun, "device_code"));
    assert_string_equal(answer.reason, "user-removed");
    assert_non_null(strstr(text_of(answer, "error_description"), "AADSTS50034: "));
}

static void a_refresh_token_counts_from_when_the_code_was_entered(void **state)
{
    struct idp_answer begun = ask_code(NOW, "192.0.2.1");
    const char *token;
    int64_t now = NOW + 600;

    (void)state;
    assert_int_equal(enter(NOW, text_of(begun, "user_code"), "192.0.2.2"), IDP_ENTRY_ALLOWED);
    token = text_of(poll(now, text_of(begun, "device_code")), "refresh_token");
    while (now + IDP_REFRESH_S - 1 < NOW + IDP_REFRESH_MAX_S) {
        now += IDP_REFRESH_S - 1;
        token = text_of(refresh(now, token), "refresh_token");
    }
    assert_string_equal(refresh(NOW + IDP_REFRESH_MAX_S, token).reason, "refresh-expired");
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
    for (int i = 0; i < IDP_MAX_DEVICES_OF_ONE; i++) { /* one network of version 6 is one address */
        assert_int_equal(ask_code(NOW, arena_printf(arena, "[2001:db8::%d]", i)).status, 200);
    }
    assert_int_equal(ask_code(NOW, "[2001:db8::ffff]").status, 429);
    assert_int_equal(ask_code(NOW, "[2001:db8:0:1::1]").status, 200);
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

/* ---- the set ---- */

/* `az login -p SECRET` would take it for an option. One of 64 would, so a few hundred show it. */
static void no_secret_begins_with_a_dash(void **state)
{
    char made[PRINCIPAL_SECRET_SIZE];

    (void)state;
    for (int i = 0; i < 2000; i++) {
        assert_ok(principal_secret(made));
        assert_int_not_equal(made[0], '-');
        assert_int_equal(strlen(made), PRINCIPAL_SECRET_SIZE - 1);
    }
}

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

/* ---- identities that are kept elsewhere ---- */

static struct principal vm;
static struct idp_held held[3];
static size_t n_held; /* 0: its virtual machine is gone */

static bool find_address(void *context, struct arena *in, struct span id,
                         char ret_digest[PRINCIPAL_DIGEST_SIZE])
{
    (void)context;
    (void)in;
    memcpy(ret_digest, vm.capability, PRINCIPAL_DIGEST_SIZE);
    return n_held > 0 && span_is(id, vm.object_id);
}

static bool list_held(void *context, struct arena *in, struct span id, struct idp_held **ret,
                      size_t *ret_n)
{
    (void)context;
    (void)in;
    *ret = held;
    *ret_n = n_held;
    return span_is(id, vm.object_id);
}

static const char *ask_managed_for(const char *capability, const char *more)
{
    const struct idp_call call = call_at(NOW);
    struct idp_answer answer;

    idp_managed(provider, &call, span_str(capability), true,
                span_str(arena_printf(arena, "resource=" ENDPOINT "%s", more)), &answer);
    return answer.status == 200 ? answer.object_id : answer.reason;
}

static const char *ask_managed(const char *capability)
{
    return ask_managed_for(capability, "");
}

static void let_elsewhere(const char *capability)
{
    uint8_t digest[SHA256_BYTES];

    vm = (struct principal){.kind = PRINCIPAL_MANAGED,
                            .object_id = "01234567-89ab-4cde-8f01-23456789abcd",
                            .client_id = "11111111-1111-4111-8111-111111111111",
                            .name = "vm"};
    held[0] = (struct idp_held){.principal = vm, .resource = ""};
    n_held = 1;
    elsewhere = (struct idp_elsewhere){.address = find_address, .held = list_held};
    people_restart(NULL);
    if (capability != NULL) {
        assert_ok(hash_once(HASH_SHA256, span_str(capability), digest));
        hex_encode(span_of(digest, sizeof(digest)), vm.capability, sizeof(vm.capability));
    }
}

static void an_identity_elsewhere_is_found_by_its_address_while_it_is_there(void **state)
{
    static const char id[] = "0123456789ab4cde8f0123456789abcd", random[] = "00112233445566778899";
    const char *good = arena_printf(arena, "%s%s", id, random);
    const char *const bad[] = {"",
                               "0",
                               id,
                               random,
                               arena_printf(arena, "%s%s", random, id),
                               arena_printf(arena, "%s0", good),
                               arena_printf(arena, "%.*s", (int)strlen(good) - 1, good),
                               arena_printf(arena, "%s%s1", id, random),
                               arena_printf(arena, "f%s", good + 1),
                               arena_printf(arena, "-%s", good + 1)};

    (void)state;
    let_elsewhere(NULL);
    assert_string_equal(ask_managed(good), "identity-unknown"); /* it has no address so far */
    let_elsewhere(good);
    assert_string_equal(ask_managed(good), vm.object_id);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_string_equal(ask_managed(bad[i]), "identity-unknown");
    }
    assert_string_equal(ask_managed(address), managed.object_id);
    n_held = 0;
    assert_string_equal(ask_managed(good), "identity-unknown");
    elsewhere = (struct idp_elsewhere){0};
}

#define ONE                                                                                        \
    "/subscriptions/s/resourcegroups/g/providers/microsoft.managedidentity/"                       \
    "userassignedidentities/one"

/* Its own, and those that it names. Nothing but what it has. */
static void an_address_gives_tokens_of_the_identity_that_is_meant(void **state)
{
    static const char good[] = "0123456789ab4cde8f0123456789abcd00112233445566778899";
    static const struct {
        const char *more;
        const char *with_own, *of_two, *of_one; /* object id or reason */
    } cases[] = {
        {"", "vm", "identity-unclear", "one"},
        {"&client_id=one-client", "one", "one", "one"},
        {"&clientid=ONE-client", "one", "one", "one"},
        {"&object_id=two", "two", "two", "identity-other"},
        {"&principal_id=two", "two", "two", "identity-other"},
        {"&msi_res_id=" ONE, "one", "one", "one"},
        {"&mi_res_id=/Subscriptions/S/resourceGroups/G/providers/Microsoft.ManagedIdentity/"
         "userAssignedIdentities/ONE",
         "one", "one", "one"},
        {"&msi_res_id=" ONE "&object_id=two", "identity-other", "identity-other", "identity-other"},
        {"&msi_res_id=/subscriptions/x/resourcegroups/g/providers/microsoft.managedidentity/"
         "userassignedidentities/one",
         "identity-other", "identity-other", "identity-other"},
        {"&msi_res_id=/subscriptions/s/resourcegroups/g/providers/microsoft.managedidentity/"
         "userassignedidentities/vm",
         "identity-other", "identity-other", "identity-other"},
        {"&msi_res_id=", "vm", "identity-unclear", "one"},
        {"&object_id=vm", "vm", "identity-other", "identity-other"},
    };
    static const struct idp_held all[] = {
        {{.kind = PRINCIPAL_MANAGED, .object_id = "vm", .client_id = "vm-client", .name = "vm"},
         ""},
        {{.kind = PRINCIPAL_MANAGED, .object_id = "one", .client_id = "one-client", .name = "one"},
         ONE},
        {{.kind = PRINCIPAL_MANAGED, .object_id = "two", .client_id = "two-client", .name = "two"},
         "/two"},
    };

    (void)state;
    let_elsewhere(good);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        memcpy(held, all, sizeof(all));
        n_held = 3;
        assert_string_equal(ask_managed_for(good, cases[i].more), cases[i].with_own);
        memcpy(held, all + 1, 2 * sizeof(all[0]));
        n_held = 2;
        assert_string_equal(ask_managed_for(good, cases[i].more), cases[i].of_two);
        n_held = 1;
        assert_string_equal(ask_managed_for(good, cases[i].more), cases[i].of_one);
    }
    elsewhere = (struct idp_elsewhere){0};
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PEOPLE(a_refresh_token_slides_until_the_sign_in_is_too_old),
        WITH_PEOPLE(a_refresh_token_ends_with_its_user),
        WITH_PEOPLE(no_bit_of_a_refresh_token_can_be_changed),
        WITH_PEOPLE(a_code_ends_and_is_told_to_have_ended),
        WITH_PEOPLE(a_code_gives_one_token_to_the_application_that_asked),
        WITH_PEOPLE(a_user_who_is_disabled_meanwhile_gets_no_token),
        WITH_PEOPLE(a_user_who_is_removed_meanwhile_gets_no_token),
        WITH_PEOPLE(a_code_is_worth_as_much_as_the_password_it_was_entered_with),
        WITH_PEOPLE(a_refresh_token_counts_from_when_the_code_was_entered),
        WITH_PEOPLE(nobody_fills_all_places_from_one_address),
        cmocka_unit_test(no_secret_begins_with_a_dash),
        WITH_PEOPLE(refuses_names_passwords_and_certificates_that_are_none),
        WITH_PEOPLE(all_of_them_are_read_as_they_were_written),
        WITH_PEOPLE(a_managed_identity_signs_in_nowhere_else),
        WITH_PEOPLE(an_identity_elsewhere_is_found_by_its_address_while_it_is_there),
        WITH_PEOPLE(an_address_gives_tokens_of_the_identity_that_is_meant),
    };

    return cmocka_run_group_tests(tests, people_start, people_stop);
}
