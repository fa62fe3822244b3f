/*
 * B-9, L-12: boot phases behind a unified kernel image explain PCR 11, and nothing else does.
 */
#include "unit/appraise/requoted.h"
#include "unit/facts/logs.h"

#include <stdlib.h>

static const char *const regular[] = {"enter-initrd", "leave-initrd", "sysinit",
                                      "ready",        "shutdown",     "final"};
static const char *const images[][2] = {
    {"k-uki-healthy", "boots/k-uki-healthy/efivars/db-d719b2cb-3d3a-4596-a3bc-dad00e67656f"},
    {"k-uki-update", "boots/k-uki-update/efivars/db-d719b2cb-3d3a-4596-a3bc-dad00e67656f"},
    {"k-uki-creds-sysext",
     "boots/k-uki-creds-sysext/efivars/db-d719b2cb-3d3a-4596-a3bc-dad00e67656f"},
};

static const struct appraise_options now = {.now = NOW};

static void begin(struct requoted *r, size_t image)
{
    requoted_begin(r, images[image][0]);
    requoted_name_db(r, images[image][1]);
}

static void expect_refused(struct requoted *r, enum reason_code code)
{
    struct appraisal *a = requoted_judge(r, &now);

    assert_int_equal(a->verdict, VERDICT_NOT_VERIFIED);
    assert_false(a->is_log_proven);
    assert_non_null(strstr(requoted_reason(a, code)->where, "PCR 11"));
    assert_null(a->facts->phases);
    appraisal_done(a);
}

static void other_words_and_orders_are_refused(void **state)
{
    static const char *const lies[][8] = {
        {"ready"},
        {"leave-initrd", "enter-initrd"},
        {"enter-initrd", "sysinit"},
        {"enter-initrd", "leave-initrd", "sysinit", "ready", "enter-initrd"},
        {"enter-initrd", "leave-initrd", "sysinit", "ready", "x"},
        {"x", "enter-initrd"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lies); i++) {
        struct requoted r;

        begin(&r, 0);
        for (size_t k = 0; k < 8 && lies[i][k] != NULL; k++) {
            requoted_extend(&r, 11, span_str(lies[i][k]));
        }
        expect_refused(&r, REASON_LOG_REPLAY);
        requoted_end(&r);
    }
}

/* A section extended by the running system, behind the phases, and written into the log as if the
 * stub had measured it. */
static void sections_behind_the_phases_are_refused(void **state)
{
    static const uint8_t name[] = {'.', 0, 'd', 0, 't', 0, 'b', 0, 0, 0};
    struct requoted r;
    struct logs_edit *edit;
    struct appraisal *a;

    (void)state;
    begin(&r, 0);
    requoted_extend(&r, 11, span_str("enter-initrd"));
    requoted_extend(&r, 11, span_of((const uint8_t *)".dtb", 5));
    requoted_extend(&r, 11, span_str("content"));
    requoted_extend(&r, 11, span_str("leave-initrd"));
    edit = logs_edit_boot(r.machine.arena, images[0][0]);
    logs_insert(edit, edit->n, 11, EV_IPL, span_of(name, sizeof(name)));
    logs_measure(edit, edit->n - 1, span_of((const uint8_t *)".dtb", 5));
    logs_insert(edit, edit->n, 11, EV_IPL, span_str("content"));
    edit->items[edit->n - 1].data = span_of(name, sizeof(name));
    r.machine.request.log = logs_bytes(edit);
    expect_refused(&r, REASON_LOG_REPLAY);
    /* And with the word in the log too: it replays, and the word is a fault. */
    logs_insert(edit, edit->n - 2, 11, EV_IPL, span_str("enter-initrd"));
    logs_insert(edit, edit->n, 11, EV_IPL, span_str("leave-initrd"));
    r.machine.request.log = logs_bytes(edit);
    a = requoted_judge(&r, &now);
    assert_int_equal(a->verdict, VERDICT_NOT_VERIFIED);
    assert_true(has_reason(a, REASON_EVENT_ORDER, "B-9"));
    appraisal_done(a);
    requoted_end(&r);
}

static void banks_that_disagree_are_refused(void **state)
{
    static const enum hash_alg banks[] = {HASH_SHA1, HASH_SHA256, HASH_SHA384};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(banks); i++) {
        for (size_t n = 0; n < 3; n++) {
            struct requoted r;

            begin(&r, 0);
            for (size_t k = 0; k < n; k++) {
                requoted_extend(&r, 11, span_str(regular[k]));
            }
            requoted_extend_bank(&r, banks[i], 11, span_str(regular[n]));
            expect_refused(&r, REASON_LOG_REPLAY);
            requoted_end(&r);
        }
    }
}

/* systemd measures phases only where a stub measured an image: elsewhere the words are somebody
 * else's. */
static void without_an_image_nothing_is_explained(void **state)
{
    static const char *const boots[] = {"a-secureboot-healthy", "n-systemd-boot"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(boots); i++) {
        struct requoted r;

        requoted_begin(&r, boots[i]);
        requoted_extend(&r, 11, span_str("enter-initrd"));
        requoted_extend(&r, 11, span_str("leave-initrd"));
        expect_refused(&r, REASON_LOG_UNEXPLAINED_PCR);
        requoted_end(&r);
    }
}

/* Words explain PCR 11 alone. */
static void the_same_words_in_another_register_are_refused(void **state)
{
    static const unsigned others[] = {4, 9, 12, 13};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        struct requoted r;
        struct appraisal *a;

        begin(&r, 2);
        requoted_extend(&r, others[i], span_str("enter-initrd"));
        a = requoted_judge(&r, &now);
        assert_int_equal(a->verdict, VERDICT_NOT_VERIFIED);
        requoted_reason(a, REASON_LOG_REPLAY);
        appraisal_done(a);
        requoted_end(&r);
    }
}

static void a_healthy_image_stays_healthy_in_every_phase(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(images); i++) {
        for (size_t n = 0; n <= ARRAY_LEN(regular); n++) {
            struct requoted r;
            struct appraisal *a;
            yyjson_mut_doc *doc;
            yyjson_mut_val *phases;

            begin(&r, i);
            for (size_t k = 0; k < n; k++) {
                requoted_extend(&r, 11, span_str(regular[k]));
            }
            a = requoted_judge(&r, &now);
            print_reasons(a);
            assert_int_equal(a->verdict, VERDICT_HEALTHY);
            assert_true(a->is_log_proven);
            assert_non_null(a->facts->phases);
            assert_int_equal(a->facts->phases->n, n);
            doc = json_new(r.machine.arena);
            phases =
                yyjson_mut_obj_get(boot_facts_json(r.machine.arena, doc, a->facts), "boot_phases");
            assert_int_equal(yyjson_mut_arr_size(phases), n);
            for (size_t k = 0; k < n; k++) {
                assert_string_equal(yyjson_mut_get_str(yyjson_mut_arr_get(phases, k)), regular[k]);
            }
            appraisal_done(a);
            requoted_end(&r);
        }
    }
}

/* Without an image, or without a quote, nobody knows: null, not an empty list. */
static void phases_are_unknown_where_nothing_tells_them(void **state)
{
    struct requoted r;
    struct appraisal *a;
    yyjson_mut_doc *doc;

    (void)state;
    requoted_begin(&r, "a-secureboot-healthy");
    a = requoted_judge(&r, &now);
    assert_int_equal(a->verdict, VERDICT_HEALTHY);
    assert_null(a->facts->phases);
    doc = json_new(r.machine.arena);
    assert_true(yyjson_mut_is_null(
        yyjson_mut_obj_get(boot_facts_json(r.machine.arena, doc, a->facts), "boot_phases")));
    appraisal_done(a);
    requoted_end(&r);
    begin(&r, 0);
    for (int bank = 0; bank < HASH_COUNT; bank++) { /* PCR 11 is not quoted */
        r.pcrs.have[bank] &= ~(1u << 11);
    }
    a = requoted_judge(&r, &now);
    assert_int_equal(a->verdict, VERDICT_HEALTHY);
    assert_null(a->facts->phases);
    appraisal_done(a);
    requoted_end(&r);
}

/* The baseline compares logs: an image quoted in another phase is the same boot. */
static void another_phase_is_no_change(void **state)
{
    struct requoted r;
    struct appraisal *a;
    struct appraise_options options = now;

    (void)state;
    begin(&r, 0);
    options.baseline = logs_facts(r.machine.arena, r.machine.request.log).facts;
    for (size_t n = 0; n < ARRAY_LEN(regular); n++) {
        requoted_extend(&r, 11, span_str(regular[n]));
        a = requoted_judge(&r, &options);
        assert_int_equal(a->verdict, VERDICT_HEALTHY);
        assert_true(a->has_baseline);
        assert_int_equal(a->n_changes, 0);
        appraisal_done(a);
    }
    requoted_end(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(other_words_and_orders_are_refused),
        cmocka_unit_test(sections_behind_the_phases_are_refused),
        cmocka_unit_test(banks_that_disagree_are_refused),
        cmocka_unit_test(without_an_image_nothing_is_explained),
        cmocka_unit_test(the_same_words_in_another_register_are_refused),
        cmocka_unit_test(a_healthy_image_stays_healthy_in_every_phase),
        cmocka_unit_test(phases_are_unknown_where_nothing_tells_them),
        cmocka_unit_test(another_phase_is_no_change),
    };

    return RUN_TESTS(tests);
}
