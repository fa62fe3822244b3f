/* Guessing passwords: who is locked out, for how long, and above all who is not. */
#include "unit/identity/people.h"

#include "identity/idp-internal.h"

#include <stdlib.h>

/* ---- one source ---- */

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

static void who_guesses_locks_out_nobody_elsewhere(void **state)
{
    static const char *const networks[][3] = {
        {"192.0.2.66", "192.0.2.66", "192.0.2.67"},
        {"[2001:db8::66]", "[2001:db8::67]", "[2001:db8:0:1::66]"},
        {"[::ffff:198.51.100.6]", "198.51.100.6", "[::ffff:198.51.100.7]"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(networks); i++) {
        source = networks[i][0];
        lock_out(NOW, "ada@example.org");
        source = networks[i][1]; /* the same one in other words */
        assert_string_equal(password(NOW, "ada@example.org", "right password").reason,
                            "user-locked");
        source = networks[i][2];
        assert_int_equal(password(NOW, "ada@example.org", "right password").status, 200);
    }
}

/* ---- many sources ---- */

/* Wrong ones of as many sources as it takes; who the next wrong one would be refused for. */
static struct idp_answer guess_from_everywhere(int64_t now, const char *name)
{
    struct idp_answer answer = {.reason = "password-wrong"};

    for (int i = 0; i <= IDP_LOCK_ALL_FAILURES; i++) {
        assert_string_equal(answer.reason, "password-wrong");
        source = arena_printf(arena, "198.51.100.%d", i);
        answer = password(now, name, "wrong");
    }
    assert_string_equal(answer.reason, "user-locked");
    return answer;
}

static void guesses_from_everywhere_lock_whoever_never_signed_in(void **state)
{
    static const struct {
        const char *name;
        int rounds;
    } cases[] = {{"ada@example.org", 2}, {"nobody@example.org", 1}};

    (void)state;
    source = "192.0.2.1"; /* she signs in there */
    assert_int_equal(password(NOW, "ada@example.org", "right password").status, 200);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t now = NOW, wanted = IDP_LOCK_ALL_FIRST_S;

        for (int round = 0; round < cases[i].rounds; round++) {
            struct idp_answer answer = guess_from_everywhere(now, cases[i].name);

            assert_int_equal(answer.retry_after_s, wanted);
            source = "203.0.113.1";
            assert_string_equal(password(now, cases[i].name, "right password").reason,
                                "user-locked");
            now += wanted;
            wanted *= 2;
        }
    }
    source = "192.0.2.1"; /* her own: strangers did not even make it forgotten */
    assert_int_equal(password(NOW, "ada@example.org", "right password").status, 200);
    lock_out(NOW, "ada@example.org");
    assert_string_equal(password(NOW, "ada@example.org", "right password").reason, "user-locked");
}

static void one_source_alone_never_locks_all(void **state)
{
    (void)state;
    for (int64_t now = NOW; now < NOW + 3 * IDP_LOCK_ALL_WINDOW_S;) {
        source = "198.51.100.1";
        now += lock_out(now, "ada@example.org");
        source = arena_printf(arena, "192.0.2.%d", (int)((now - NOW) % 250));
        assert_int_equal(password(now - 1, "ada@example.org", "right password").status, 200);
    }
}

/* Else whoever guesses would wait for the owner to sign in, and have as many guesses again. */
static void the_right_password_takes_back_no_guesses_of_others(void **state)
{
    (void)state;
    for (int i = 0; i < IDP_LOCK_ALL_FAILURES - 1; i++) {
        source = arena_printf(arena, "198.51.100.%d", i);
        assert_string_equal(password(NOW, "ada@example.org", "wrong").reason, "password-wrong");
    }
    for (int i = 0; i < 3; i++) { /* each is counted, found to be right, and counts no more */
        source = arena_printf(arena, "192.0.2.%d", i);
        assert_int_equal(password(NOW, "ada@example.org", "right password").status, 200);
    }
    source = "198.51.100.200";
    assert_string_equal(password(NOW, "ada@example.org", "wrong").reason, "password-wrong");
    source = "198.51.100.201";
    assert_string_equal(password(NOW, "ada@example.org", "wrong").reason, "user-locked");
}

/* ---- places for slow hashes ---- */

static void one_source_leaves_places_for_others(void **state)
{
    const struct idp_call call = call_at(NOW);
    struct idp_place *places[IDP_MAX_HASHING_OF_ONE], *other;
    uint8_t here[IDP_DIGEST_BYTES];
    const char *by_secret =
        arena_printf(arena, "grant_type=client_credentials&client_id=%s&client_secret=%s" SCOPE,
                     client.client_id, secret);
    struct idp_answer answer;

    (void)state;
    assert_ok(idp_source(provider, &call, here));
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        places[i] = idp_hash_begin(provider, here);
        assert_non_null(places[i]);
    }
    answer = password(NOW, "ada@example.org", "right password");
    assert_int_equal(answer.status, 429);
    assert_string_equal(text_of(answer, "error"), "temporarily_unavailable");
    assert_int_equal(answer.retry_after_s, IDP_HASHING_RETRY_S);
    answer = ask(NOW, by_secret);
    assert_string_equal(answer.reason, "provider-busy");
    assert_int_equal(answer.retry_after_s, IDP_HASHING_RETRY_S);
    source = "192.0.2.2";
    assert_int_equal(password(NOW, "ada@example.org", "right password").status, 200);
    assert_int_equal(ask(NOW, by_secret).status, 200);
    /* All together are bounded as well. */
    memset(here, 1, sizeof(here));
    other = idp_hash_begin(provider, here);
    assert_non_null(other);
    assert_string_equal(password(NOW, "ada@example.org", "right password").reason, "provider-busy");
    idp_hash_end(provider, other);
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        idp_hash_end(provider, places[i]);
    }
    source = "192.0.2.1";
    assert_int_equal(password(NOW, "ada@example.org", "right password").status, 200);
}

/* ---- clients ---- */

/* From so many sources that none is locked out by itself. */
static void a_client_is_locked_by_very_many_sources_for_a_minute(void **state)
{
    const struct lockout_rules *rules = &lockout_of_clients;
    struct idp_lockout *lockout = calloc(1, sizeof(*lockout));
    uint8_t own[IDP_DIGEST_BYTES] = {1}, stranger[IDP_DIGEST_BYTES] = {2};
    struct idp_counted counted;

    (void)state;
    assert_non_null(lockout);
    lockout_count(rules, lockout, own, NOW, &counted);
    lockout_take_back(lockout, own, NOW, &counted);
    for (unsigned i = 0; i < IDP_MAX_FAILURES_OF_ALL; i++) {
        stranger[1] = (uint8_t)(i >> 8);
        stranger[2] = (uint8_t)i;
        assert_int_equal(lockout_left(rules, lockout, stranger, NOW), 0);
        lockout_count(rules, lockout, stranger, NOW, &counted);
    }
    stranger[3] = 1;
    assert_int_equal(lockout_left(rules, lockout, stranger, NOW), IDP_WINDOW_S);
    assert_int_equal(lockout_left(rules, lockout, own, NOW), 0);
    assert_int_equal(lockout_left(rules, lockout, stranger, NOW + IDP_WINDOW_S), 0);
    free(lockout);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PEOPLE(a_lock_grows_each_time_and_ends),
        WITH_PEOPLE(the_right_password_and_a_new_one_begin_anew),
        WITH_PEOPLE(a_clock_that_is_set_back_locks_nobody_for_long),
        WITH_PEOPLE(who_guesses_locks_out_nobody_elsewhere),
        WITH_PEOPLE(guesses_from_everywhere_lock_whoever_never_signed_in),
        WITH_PEOPLE(one_source_alone_never_locks_all),
        WITH_PEOPLE(the_right_password_takes_back_no_guesses_of_others),
        WITH_PEOPLE(one_source_leaves_places_for_others),
        cmocka_unit_test(a_client_is_locked_by_very_many_sources_for_a_minute),
    };

    return cmocka_run_group_tests(tests, people_start, people_stop);
}
