/* What a service judges by beside its anchors: demanded minimums, data that is replaced while it
 * runs (B-4, SB-13, SB-16). */
#include "unit/service/attester.h"

static struct knowledge *knowledge(struct world *w, const char *sbat, struct span dbx)
{
    struct knowledge *made = NULL;
    struct trail trail = {0};

    (void)w;
    if (knowledge_new(test_reference_own(), sbat, dbx, &trail, &made) != ERR_OK) {
        fail_msg("%s", trail.what);
    }
    return made;
}

static void set(struct world *w, const char *sbat, struct span dbx)
{
    CLEANUP(knowledge_free) struct knowledge *made = knowledge(w, sbat, dbx);

    service_set_knowledge(w->service, made);
}

static void refuses_what_cannot_be_demanded(void **state)
{
    struct knowledge *made = NULL;
    struct trail trail = {0};

    (void)state;
    assert_err(knowledge_new(test_reference_own(), "2024040901", (struct span){0}, &trail, &made),
               ERR_NOT_FOUND);
    assert_non_null(strstr(trail.what, "2024040901"));
    assert_err(knowledge_new(test_reference_own(), NULL, span_str("no list"), NULL, &made),
               ERR_MALFORMED);
    assert_null(made);
}

/* The next request after the change is judged by the new demand, and the one after that by none. */
static void a_demand_holds_from_the_next_request_on_SB_16(void **state)
{
    struct world *w = world_new();
    struct fabricate_request request = request_of(w, "a-secureboot-healthy");
    struct service_answer answer;

    (void)state;
    trust_issuer(w);
    answer = attest(w, &request);
    expect_success(&answer);
    set(w, "2025051000", (struct span){0});
    answer = attest(w, &request);
    expect_refusal(&answer, 400, "PolicyEvaluationError", "sbat-below-minimum: ");
    set(w, "2025021800", (struct span){0});
    answer = attest(w, &request);
    expect_success(&answer);
    world_free(w);
}

static void a_dbx_below_the_demand_is_denied_by_the_policy_SB_13(void **state)
{
    static const uint8_t list[28 + 48] = {
        0x26, 0x16, 0xc4, 0xc1, 0x4c, 0x50, 0x92, 0x40, 0xac, 0xa9, 0x41, 0xf9, 0x36, 0x93,    0x43,
        0x28, 76,   0,    0,    0,    0,    0,    0,    0,    48,   0,    0,    0,    [75] = 9};
    struct world *w = world_new();
    struct fabricate_request request = request_of(w, "a-secureboot-healthy");
    struct service_answer answer;

    (void)state;
    trust_issuer(w);
    set(w, NULL, span_of(list, sizeof(list)));
    answer = attest(w, &request);
    expect_refusal(&answer, 400, "PolicyEvaluationError", "x-ms-azurevm-dbxvalidated is false");
    world_free(w);
}

/* Without any data no claim about keys holds, so nothing turns green by losing it. */
static void without_data_nothing_is_healthy_B_4(void **state)
{
    struct world *w = world_new();
    struct fabricate_request request = request_of(w, "a-secureboot-healthy");
    struct service_answer answer;

    (void)state;
    trust_issuer(w);
    service_set_knowledge(w->service, NULL);
    answer = attest(w, &request);
    expect_refusal(&answer, 400, "PolicyEvaluationError", "policy-denied: ");
    world_free(w);
}

/* Key databases are read once for all requests of the same platform. */
static void the_same_databases_are_read_once(void **state)
{
    struct world *w = world_new();
    struct fabricate_request request = request_of(w, "a-secureboot-healthy");
    CLEANUP(knowledge_free) struct knowledge *made = knowledge(w, NULL, (struct span){0});
    struct key_cache_figures figures;

    (void)state;
    trust_issuer(w);
    service_set_knowledge(w->service, made);
    for (size_t i = 0; i < 4; i++) {
        struct service_answer answer = attest(w, &request);

        expect_success(&answer);
    }
    figures = key_cache_figures(made->key_cache);
    assert_true(figures.entries > 0);
    assert_true(figures.hits >= 2 * figures.entries);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_cannot_be_demanded),
        cmocka_unit_test(a_demand_holds_from_the_next_request_on_SB_16),
        cmocka_unit_test(a_dbx_below_the_demand_is_denied_by_the_policy_SB_13),
        cmocka_unit_test(without_data_nothing_is_healthy_B_4),
        cmocka_unit_test(the_same_databases_are_read_once),
    };

    return cmocka_run_group_tests(tests, make_machine, free_machine);
}
