/*
 * Baselines to keep: what may not be learned from, documents that are refused, and that a document
 * read back compares like the boot it came from.
 */
#include "unit/appraise/compare.h"
#include "unit/appraise/requoted.h"

#include "appraise/learned.h"
#include "base/codec.h"

static const struct appraise_options now = {.now = NOW};

static err_t learn(struct requoted *r, bool is_approved, struct appraisal **ret, struct span *json)
{
    struct trail trail = {0};
    err_t err;

    *ret = requoted_judge(r, &now);
    err = baseline_learn(r->machine.arena, *ret, is_approved, NOW, &trail, json);
    assert_true(err == ERR_OK || trail.what[0] != '\0');
    return err;
}

static void a_bad_boot_is_no_baseline(void **state)
{
    struct requoted r;
    struct appraisal *a = NULL;
    struct span json = {0};

    (void)state;
    requoted_begin(&r, "b-secureboot-off");
    assert_err(learn(&r, true, &a, &json), ERR_DENIED);
    assert_int_equal(a->verdict, VERDICT_UNHEALTHY);
    appraisal_done(a);
    requoted_end(&r);

    requoted_begin(&r, HEALTHY);
    requoted_extend(&r, 4, span_str("something that no log tells"));
    assert_err(learn(&r, true, &a, &json), ERR_DENIED);
    assert_int_equal(a->verdict, VERDICT_NOT_VERIFIED);
    appraisal_done(a);
    requoted_end(&r);
    assert_null(json.data);
}

static void a_changed_boot_is_learned_only_when_somebody_approves(void **state)
{
    struct requoted r;
    struct appraisal *a;
    struct span json = {0};
    struct appraise_options options = now;

    (void)state;
    requoted_begin(&r, UPDATED);
    options.baseline = boot(r.machine.arena, HEALTHY);
    a = requoted_judge(&r, &options);
    assert_int_equal(a->verdict, VERDICT_CHANGED);
    assert_err(baseline_learn(r.machine.arena, a, false, NOW, NULL, &json), ERR_DENIED);
    assert_ok(baseline_learn(r.machine.arena, a, true, NOW, NULL, &json));
    appraisal_done(a);
    requoted_end(&r);
}

static struct learned read_back(struct arena *arena, struct span json)
{
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
    struct learned learned = {0};
    struct trail trail = {0};
    err_t err = learned_read(arena, json, test_reference(), hasher, &trail, &learned);

    if (err) {
        fail_msg("%s: %s: %s", err_name(err), trail.where, trail.what);
    }
    return learned;
}

static struct compared compare_learned(struct arena *arena, const struct learned *learned,
                                       const struct boot_facts *after)
{
    const struct baseline_boot before = {learned->facts, learned->pcrs};
    const struct baseline_boot new = {after, REQUOTED_PCRS};
    struct compared changes = {0};

    assert_ok(baseline_compare(arena, &before, &new, &(struct baseline_known){0}, changes.items,
                               &changes.n));
    return changes;
}

static void a_baseline_read_back_compares_like_its_boot(void **state)
{
    struct requoted r;
    struct appraisal *a;
    struct span json = {0};
    struct learned learned;
    struct compared changes;

    (void)state;
    requoted_begin(&r, HEALTHY);
    assert_ok(learn(&r, false, &a, &json));
    assert_true(learned_is(json));
    learned = read_back(r.machine.arena, json);
    assert_int_equal(learned.time, NOW);
    assert_int_equal(learned.pcrs, REQUOTED_PCRS);
    assert_string_equal(learned.ak_name,
                        hex_dup(r.machine.arena, tpm_name_span(&a->aks[a->main_ak].name)));
    changes = compare_learned(r.machine.arena, &learned, boot(r.machine.arena, HEALTHY));
    assert_int_equal(changes.n, 0);
    changes = compare_learned(r.machine.arena, &learned, boot(r.machine.arena, UPDATED));
    expect(&changes, REASON_CHANGE_KERNEL, true);
    expect(&changes, REASON_CHANGE_INITRD, false);
    appraisal_done(a);
    requoted_end(&r);
}

/* What the first quote did not cover was no part of what was judged good. */
static void events_that_were_not_attested_are_not_learned(void **state)
{
    struct requoted r;
    struct appraisal *a;
    struct span json = {0};
    struct learned learned;
    struct compared changes;

    (void)state;
    requoted_begin(&r, HEALTHY);
    for (int bank = 0; bank < HASH_COUNT; bank++) {
        r.pcrs.have[bank] &= 0xff;
    }
    assert_ok(learn(&r, false, &a, &json));
    learned = read_back(r.machine.arena, json);
    assert_int_equal(learned.pcrs, 0xff);
    changes = compare_learned(r.machine.arena, &learned, boot(r.machine.arena, HEALTHY));
    expect(&changes, REASON_CHANGE_CMDLINE, false);
    expect(&changes, REASON_CHANGE_INITRD, false);
    appraisal_done(a);
    requoted_end(&r);
}

#define HEAD                                                                                       \
    "{\"schema\":\"bootwarden-baseline/1\",\"time\":\"2026-12-01T00:00:00Z\",\"ak\":\"00\","

static void damaged_documents_are_refused_by_name(void **state)
{
    static const struct {
        const char *json;
        err_t err;
        const char *where;
    } cases[] = {
        {"", ERR_JSON_SYNTAX, ""},
        {"{}", ERR_JSON_MISSING, "schema"},
        {"{\"schema\":\"bootwarden-baseline/2\"}", ERR_UNSUPPORTED, "schema"},
        {"{\"schema\":\"bootwarden-baseline/1\",\"time\":\"yesterday\"}", ERR_VALUE, "time"},
        {HEAD "\"log\":\"\"}", ERR_JSON_MISSING, "pcrs"},
        {HEAD "\"pcrs\":[24],\"log\":\"\"}", ERR_VALUE, "pcrs"},
        {HEAD "\"pcrs\":[1,1],\"log\":\"\"}", ERR_VALUE, "pcrs"},
        {HEAD "\"pcrs\":[-1],\"log\":\"\"}", ERR_VALUE, "pcrs"},
        {HEAD "\"pcrs\":[\"1\"],\"log\":\"\"}", ERR_VALUE, "pcrs"},
        {HEAD "\"pcrs\":[0]}", ERR_JSON_MISSING, "log"},
        {HEAD "\"pcrs\":[0],\"log\":\"!\"}", ERR_ENCODING, "log"},
        {HEAD "\"pcrs\":[0],\"log\":\"\"}", ERR_NOT_FOUND, "log"},
        {HEAD "\"pcrs\":[0],\"log\":\"AAECAw==\"}", ERR_SHORT, "log"},
    };
    CLEANUP(arena_free) struct arena *arena = test_arena();
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct learned learned = {0};
        struct trail trail = {0};
        err_t err = learned_read(arena, span_str(cases[i].json), test_reference(), hasher, &trail,
                                 &learned);

        if (err != cases[i].err || strcmp(trail.where, cases[i].where) != 0) {
            fail_msg("%s: %s at '%s': %s", cases[i].json, err_name(err), trail.where, trail.what);
        }
        assert_null(learned.facts);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bad_boot_is_no_baseline),
        cmocka_unit_test(a_changed_boot_is_learned_only_when_somebody_approves),
        cmocka_unit_test(a_baseline_read_back_compares_like_its_boot),
        cmocka_unit_test(events_that_were_not_attested_are_not_learned),
        cmocka_unit_test(damaged_documents_are_refused_by_name),
    };

    return RUN_TESTS(tests);
}
