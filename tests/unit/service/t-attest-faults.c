/*
 * The attest call when something gives out: a database that cannot be written, arenas that are too
 * small.
 */
#include "unit/service/attester.h"

/* What cannot be recorded is not answered with a token. */
static void answers_503_when_the_record_cannot_be_written(void **state)
{
    struct world *w = world_new();
    struct fabricate_request request = request_of(w, "a-secureboot-healthy");
    struct service_answer answer;
    const char *wal = world_path(w, "data.sqlite");
    uint8_t *junk = arena_calloc(w->arena, 1, 65536);

    (void)state;
    enrol(w);
    assert_ok(store_sweep(w->service->store, NOW, NULL));
    service_close(w->service);
    w->service = NULL;
    assert_ok(world_reopen(w, NULL));
    /* Damage under the open store: pages that are read next are no pages. */
    memset(junk, 0xa5, 65536);
    {
        int fd = open(wal, O_WRONLY);

        assert_true(fd >= 0);
        assert_int_equal(pwrite(fd, junk, 61440, 4096), 61440);
        close(fd);
    }
    answer = attest(w, &request);
    expect_refusal(&answer, 503, "ServiceUnavailable", "cannot be recorded now");
    assert_int_equal(answer.retry_after_s, 5);
    world_free(w);
}

/* One request in arenas of every size: the whole answer, or a refusal that says what it is. Never a
 * fault of the server, never an answer with something missing, never a record of one. */
static void answers_wholly_or_says_that_the_request_takes_too_much(void **state)
{
    static const struct {
        const char *boot;
        unsigned status;
    } cases[] = {{"a-secureboot-healthy", 200}, {"b-secureboot-off", 400}};
    struct world *w = world_new();

    (void)state;
    enrol(w);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fabricate_request request = request_of(w, cases[i].boot);
        struct span body;
        const char *whole = NULL;
        size_t n_refused = 0, n_whole = 0;

        request.clock_ms = 100000 * (i + 1);
        body = fabricate_outer(w->arena, fabricate_inner(w->arena, machine, &request));
        for (size_t bytes = 1; n_whole < 5; bytes += 1 + bytes / 8) {
            struct service_call call = w->call;
            struct service_answer answer = {0};

            call.arena = arena_new(bytes);
            service_attest_azureguest(w->service, w->home, &call, body, &answer);
            if (answer.status == 413) {
                expect_refusal(&answer, 413, "RequestTooLarge", "takes more memory than");
                assert_string_equal(answer.note, "limit=request-memory");
                n_refused++;
            } else if (answer.status == 200) {
                assert_int_equal(cases[i].status, 200);
                expect_success(&answer);
                n_whole++;
            } else {
                expect_refusal(&answer, cases[i].status, "PolicyEvaluationError", "unhealthy: ");
                whole = whole == NULL
                            ? (const char *)arena_dup(w->arena, span_str(answer.message)).data
                            : whole;
                assert_string_equal(answer.message, whole);
                n_whole++;
            }
            arena_free(call.arena);
        }
        assert_true(n_refused > 20);
        assert_int_equal(last_record(w).repeats, n_whole - 1);
    }
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_wholly_or_says_that_the_request_takes_too_much),
        cmocka_unit_test(answers_503_when_the_record_cannot_be_written),
    };

    return cmocka_run_group_tests(tests, make_machine, free_machine);
}
