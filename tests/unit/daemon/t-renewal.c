/* What people are told of a certificate that was not renewed. */
#include "daemon/renewal.h"

#include "agent/akcert.h"
#include "support/support.h"

#include <stdio.h>
#include <string.h>

enum { NOW = 1800000000, DAY = AKCERT_DAY_S };

static struct arena *arena;

static void a_failure_is_told_when_the_end_is_near(void **state)
{
    static const struct {
        int64_t days;
        err_t err;
        enum status_word word; /* success: nothing is said */
        const char *words, *remedy;
    } cases[] = {
        {30, ERR_NETWORK, STATUS_SUCCESS, NULL, NULL},
        {60, ERR_MISMATCH, STATUS_SUCCESS, NULL, NULL},
        {29, ERR_OK, STATUS_SUCCESS, NULL, NULL},
        {-1, ERR_OK, STATUS_SUCCESS, NULL, NULL},
        {29, ERR_NETWORK, STATUS_WARNING, "ends on 2027-02-13T08:00:00Z (29 days left)",
         "Let the guest reach 169.254.169.254 port 80"},
        {1, ERR_MISMATCH, STATUS_WARNING, "(1 days left) and could not be renewed: because",
         "Nobody but the platform may answer at 169.254.169.254 port 80"},
        {1, ERR_TPM, STATUS_WARNING, "(1 days left)", "bootwarden-agent check"},
        {0, ERR_REFUSED, STATUS_ERROR, "ended on 2027-01-15T08:00:00Z",
         "Let the guest reach 169.254.169.254 port 80"},
        {-3, ERR_TIMEOUT, STATUS_ERROR, "ended on 2027-01-12T08:00:00Z and could not be renewed",
         "not through a proxy"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct renewal renewal = {
            .not_after = NOW + cases[i].days * DAY, .err = cases[i].err, .why = "because"};
        struct status status = {0};

        renewal_describe(&renewal, NOW, arena, &status);
        if (cases[i].word == STATUS_SUCCESS) {
            assert_int_equal(status.n_subs, 0);
            continue;
        }
        assert_int_equal(status.n_subs, 1);
        assert_string_equal(status.subs[0].name, "AkCertificate");
        assert_int_equal(status.subs[0].status, cases[i].word);
        assert_non_null(strstr(status.subs[0].message, cases[i].words));
        assert_non_null(strstr(status.subs[0].message, cases[i].remedy));
    }
}

static void without_a_clouds_certificate_nothing_is_said_or_done(void **state)
{
    struct renewal renewal = {.err = ERR_NETWORK};
    struct tpmdev_ak ak = {0};
    struct status status = {0};

    (void)state;
    renewal_describe(NULL, NOW, arena, &status);
    renewal_describe(&renewal, NOW, arena, &status);
    assert_int_equal(status.n_subs, 0);
    renewal_look(&renewal, &ak, 0);
    assert_true(renewal_due_ms(&renewal) == UINT64_MAX);
    assert_false(renewal_go_on(&renewal, UINT64_MAX - 1));
    renewal_done(&renewal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failure_is_told_when_the_end_is_near),
        cmocka_unit_test(without_a_clouds_certificate_nothing_is_said_or_done),
    };
    int failed;

    arena = test_arena();
    failed = RUN_TESTS(tests);
    arena_free(arena);
    return failed;
}
