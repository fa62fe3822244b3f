/* The calls of a renewal, with times that are given. */
#include "agent/renew-plan.h"

#include "support/support.h"

#include <string.h>

#define VM "0b5ad5f4-1f7e-4a51-9e4c-6c1cf24d2d10"
#define ORDER "7c9f1c5e-3b0a-4d1f-8f35-5a2d8a5b9a01"
#define ID "11111111-2222-4333-8444-555555555555"
#define PEM "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"

static struct arena *arena;

/* An answer at a time; its result, with the words in *trail. */
static enum renew_result answer(struct renew_plan *plan, uint64_t now_ms, unsigned status,
                                const char *body, struct trail *trail, struct span *ret_pem)
{
    const struct metadata_reply reply = {.status = status, .body = span_str(body)};

    return renew_plan_answer(plan, now_ms, ERR_OK, &reply, arena, trail, ret_pem);
}

static struct renew_plan plan_at(enum renew_step step)
{
    struct renew_plan plan = {0};
    struct trail trail = {0};
    struct span pem = {0};

    assert_true(renew_plan_begin(&plan, 0));
    if (step >= RENEW_RENEW) {
        assert_int_equal(answer(&plan, 0, 200, VM, &trail, &pem), RENEW_GOES_ON);
    }
    if (step >= RENEW_ORDER) {
        assert_int_equal(answer(&plan, 0, 400, "", &trail, &pem), RENEW_GOES_ON);
    }
    if (step >= RENEW_QUERY) {
        assert_int_equal(answer(&plan, 0, 200, ORDER, &trail, &pem), RENEW_GOES_ON);
    }
    assert_int_equal(plan.step, step);
    return plan;
}

static void what_is_no_guid_gets_into_no_address(void **state)
{
    static const char *const bodies[] = {
        "",
        "0b5ad5f4-1f7e-4a51-9e4c-6c1cf24d2d1/",
        "../../instance/compute/vmId-----------",
        VM "\n",
        VM "&guid=1",
        "\"" VM "\"",
        "0b5ad5f41f7e4a519e4c6c1cf24d2d10",
        "<html>",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        struct renew_plan vm = plan_at(RENEW_VM), order = plan_at(RENEW_ORDER);
        struct trail trail = {0};
        struct span pem = {0};

        assert_int_equal(answer(&vm, 5, 200, bodies[i], &trail, &pem), RENEW_HAS_FAILED);
        assert_string_equal(trail.what, "the answer is no GUID");
        assert_string_equal(vm.vm_id, "");
        assert_int_equal(vm.step, RENEW_IDLE);
        assert_int_equal(answer(&order, 5, 200, bodies[i], &trail, &pem), RENEW_HAS_FAILED);
        assert_string_equal(order.order, "");
    }
}

static void answers_without_a_certificate_are_told(void **state)
{
    static const struct {
        const char *body, *words;
    } cases[] = {
        {"", "holds no certificate"},
        {"{", "holds no certificate"},
        {"[]", "holds no certificate: "},
        {"{}", "holds no certificate: AkCertPem"},
        {"{\"AkCertPem\":7}", "AkCertPem"},
        {"{\"AkCertPem\":\"\",\"CertQueryId\":\"" ORDER "\"}", "AkCertPem is empty"},
        {"{\"AkCertPem\":\"a\",\"AkCertPem\":\"b\"}", "holds no certificate"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct renew_plan renew = plan_at(RENEW_RENEW), query = plan_at(RENEW_QUERY);
        struct trail trail = {0};
        struct span pem = {0};

        assert_int_equal(answer(&renew, 5, 200, cases[i].body, &trail, &pem), RENEW_GOES_ON);
        assert_int_equal(renew.step, RENEW_ORDER); /* the older form may do it */
        assert_int_equal(renew.due_ms, 5);
        if (strstr(trail.what, cases[i].words) == NULL) {
            fail_msg("'%s' gives '%s'", cases[i].body, trail.what);
        }
        assert_int_equal(answer(&query, 5, 200, cases[i].body, &trail, &pem), RENEW_HAS_FAILED);
        assert_int_equal(pem.len, 0);
    }
}

static void trouble_that_passes_is_waited_for_30_60_and_120_seconds(void **state)
{
    static const struct {
        unsigned status;
        err_t err;
    } cases[] = {{404, ERR_OK}, {429, ERR_OK},    {500, ERR_OK},
                 {503, ERR_OK}, {0, ERR_NETWORK}, {0, ERR_TIMEOUT}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        static const uint64_t waits[] = {30000, 60000, 120000};
        const struct metadata_reply reply = {.status = cases[i].status};
        struct renew_plan plan = plan_at(RENEW_VM);
        uint64_t now = 1000;
        struct span pem = {0};

        for (size_t k = 0; k < ARRAY_LEN(waits); k++) {
            struct trail trail = {0};

            assert_int_equal(
                renew_plan_answer(&plan, now, cases[i].err, &reply, arena, &trail, &pem),
                RENEW_GOES_ON);
            assert_int_equal(plan.step, RENEW_VM);
            assert_int_equal(plan.due_ms, now + waits[k]);
            now = plan.due_ms;
        }
        assert_int_equal(renew_plan_answer(&plan, now, cases[i].err, &reply, arena, NULL, &pem),
                         RENEW_HAS_FAILED);
        assert_int_equal(plan.step, RENEW_IDLE);
    }
}

static void other_refusals_are_not_repeated(void **state)
{
    static const unsigned statuses[] = {201, 301, 302, 400, 403, 410};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
        struct renew_plan vm = plan_at(RENEW_VM), renew = plan_at(RENEW_RENEW);
        struct trail trail = {0};
        struct span pem = {0};

        assert_int_equal(answer(&vm, 5, statuses[i], VM, &trail, &pem), RENEW_HAS_FAILED);
        assert_non_null(strstr(trail.what, "it answered "));
        assert_int_equal(answer(&renew, 5, statuses[i], PEM, &trail, &pem), RENEW_GOES_ON);
        assert_int_equal(renew.step, RENEW_ORDER);
    }
}

static void retries_are_counted_for_each_call(void **state)
{
    struct renew_plan plan = plan_at(RENEW_VM);
    struct trail trail = {0};
    struct span pem = {0};

    (void)state;
    assert_int_equal(answer(&plan, 0, 404, "", &trail, &pem), RENEW_GOES_ON);
    assert_int_equal(answer(&plan, 30000, 404, "", &trail, &pem), RENEW_GOES_ON);
    assert_int_equal(answer(&plan, 90000, 200, VM, &trail, &pem), RENEW_GOES_ON);
    assert_int_equal(answer(&plan, 90000, 404, "", &trail, &pem), RENEW_GOES_ON);
    assert_int_equal(plan.step, RENEW_RENEW);
    assert_int_equal(plan.due_ms, 120000);
}

static void a_sequence_begins_once_a_day(void **state)
{
    struct renew_plan plan = {0};
    struct trail trail = {0};
    struct span pem = {0};

    (void)state;
    assert_true(renew_plan_begin(&plan, 1000));
    assert_int_equal(plan.due_ms, 1000);
    assert_false(renew_plan_begin(&plan, 1000 + 2 * (uint64_t)RENEW_DAY_MS)); /* under way */
    assert_int_equal(answer(&plan, 2000, 400, "", &trail, &pem), RENEW_HAS_FAILED);
    assert_false(renew_plan_begin(&plan, 999 + (uint64_t)RENEW_DAY_MS));
    assert_true(renew_plan_begin(&plan, 1000 + (uint64_t)RENEW_DAY_MS));
}

static void calls_are_those_of_the_platform(void **state)
{
    static const struct {
        enum renew_step step;
        const char *url;
        bool has_form;
    } cases[] = {
        {RENEW_VM, "http://h/metadata/instance/compute/vmId?api-version=2019-03-11&format=text",
         false},
        {RENEW_RENEW,
         "http://h/metadata/THIM/tvm/certificate/renew?api-version=2023-07-01&vmId=" VM
         "&requestId=" ID,
         true},
        {RENEW_ORDER,
         "http://h/metadata/THIM/tvm/certificate/renew?api-version=2021-12-01&vmId=" VM
         "&requestId=" ID,
         true},
        {RENEW_QUERY,
         "http://h/metadata/THIM/tvm/certificate/query?api-version=2021-12-01&vmId=" VM
         "&requestId=" ID "&guid=" ORDER,
         false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct renew_plan plan = plan_at(cases[i].step);
        struct metadata_request request = {0};

        assert_ok(renew_plan_request(&plan, "http://h", span_str("-A+/=\n"), ID, arena, &request));
        assert_string_equal(request.url, cases[i].url);
        assert_int_equal(request.timeout_ms, 300000);
        assert_true(span_is(request.form, cases[i].has_form ? "-A%2B%2F%3D%0A" : ""));
        assert_int_equal(request.form.data != NULL, cases[i].has_form);
    }
}

static void both_forms_end_with_a_certificate(void **state)
{
    struct renew_plan newer = plan_at(RENEW_RENEW), older = plan_at(RENEW_QUERY);
    struct trail trail = {0};
    struct span pem = {0};

    (void)state;
    assert_int_equal(
        answer(&newer, 5, 200, "{\"AkCertPem\":\"text\",\"CertQueryId\":\"\"}", &trail, &pem),
        RENEW_HAS_CERTIFICATE);
    assert_true(span_is(pem, "text"));
    assert_int_equal(newer.step, RENEW_IDLE);
    assert_int_equal(older.due_ms, 60000); /* the platform needs its time */
    assert_int_equal(answer(&older, 60000, 200, PEM, &trail, &pem), RENEW_HAS_CERTIFICATE);
    assert_true(span_is(pem, PEM));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_guid_gets_into_no_address),
        cmocka_unit_test(answers_without_a_certificate_are_told),
        cmocka_unit_test(trouble_that_passes_is_waited_for_30_60_and_120_seconds),
        cmocka_unit_test(other_refusals_are_not_repeated),
        cmocka_unit_test(retries_are_counted_for_each_call),
        cmocka_unit_test(a_sequence_begins_once_a_day),
        cmocka_unit_test(calls_are_those_of_the_platform),
        cmocka_unit_test(both_forms_end_with_a_certificate),
    };
    int failed;

    arena = test_arena();
    failed = RUN_TESTS(tests);
    arena_free(arena);
    return failed;
}
