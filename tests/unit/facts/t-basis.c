/*
 * What facts rest on: every one that is known names its events, and says when no digest covers
 * them; what kind of machine it was, by which ground.
 */
#include "unit/facts/logs.h"

#include "facts/stages.h"

#include <string.h>

static const struct fact_basis *basis_of(const struct boot_facts *facts, const char *fact)
{
    for (size_t i = 0; i < facts->n_basis; i++) {
        if (strcmp(facts->basis[i].fact, fact) == 0) {
            return &facts->basis[i];
        }
    }
    return NULL;
}

static bool has_event(const struct fact_basis *basis, const struct event *event)
{
    for (size_t i = 0; basis != NULL && i < basis->n; i++) {
        if (basis->events[i] == event->index) {
            return true;
        }
    }
    return false;
}

static size_t find_option(const struct logs_edit *edit, const char *name)
{
    for (size_t i = 0; i < edit->n; i++) {
        if (edit->items[i].type == EV_EFI_VARIABLE_BOOT &&
            memmem(edit->items[i].data.data, edit->items[i].data.len, name, 4) != NULL) {
            return i;
        }
    }
    fail_msg("no such boot option");
    return 0;
}

/* A name that somebody wrote into the log afterwards is no ground. */
static void a_forged_boot_option_is_no_ground(void **state)
{
    static const char ui[] = {'U', 0, 'i', 0};
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct logs_edit *edit = logs_edit_boot(arena, "a-secureboot-healthy");
    size_t at = find_option(edit, ui);
    const struct boot_facts *facts = logs_edited_facts(edit);

    (void)state;
    assert_non_null(facts->platform.name);
    assert_true(facts->platform.is_authenticated);
    logs_measure(edit, at, span_str("another option"));
    facts = logs_edited_facts(edit);
    assert_null(facts->platform.name);
    assert_null(basis_of(facts, "platform"));
}

static void an_unknown_fact_has_no_basis(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct boot_facts *facts =
        logs_facts(arena, logs_boot(arena, "j-log-secureboot-text-forged")).facts;

    (void)state;
    assert_int_equal(facts->secure_boot, STATE_UNKNOWN);
    assert_null(basis_of(facts, "secure_boot.state"));
}

static const char *const boots[] = {
    "a-secureboot-healthy", "b-secureboot-off",   "f-kernel-update", "g-mok-own-kernel",
    "k-uki-healthy",        "k-uki-creds-sysext", "n-systemd-boot",  "l-sha256-only-bank",
};

static void every_known_fact_names_events_of_the_log(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(boots); i++) {
        struct logs_made made = logs_facts(arena, logs_boot(arena, boots[i]));
        struct boot_facts *facts = made.facts;

        assert_true(facts->secure_boot == STATE_UNKNOWN ||
                    basis_of(facts, "secure_boot.state") != NULL);
        assert_true(facts->cmdline == NULL ||
                    has_event(basis_of(facts, "cmdline"), facts->cmdline_event));
        assert_true(!facts->has_shim || basis_of(facts, "shim.present") != NULL);
        assert_true(!facts->has_exit_boot_services ||
                    basis_of(facts, "exit_boot_services") != NULL);
        assert_non_null(basis_of(facts, "boot_software"));
        assert_non_null(basis_of(facts, "secure_boot.variable"));
        assert_true(facts->mok_list.len == 0 || basis_of(facts, "shim.mok_list") != NULL);
        assert_true(facts->shim_validation == STATE_UNKNOWN ||
                    basis_of(facts, "shim.validation") != NULL);
        for (size_t k = 0; k < facts->n_basis; k++) {
            /* Which of shim's lists is which, only their names say. */
            bool is_list = strncmp(facts->basis[k].fact, "shim.mok_list", 13) == 0;

            assert_int_equal(facts->basis[k].is_authenticated, !is_list);
            for (size_t e = 0; e < facts->basis[k].n; e++) {
                assert_true(facts->basis[k].events[e] < made.log->n_events);
                assert_true(e == 0 || facts->basis[k].events[e] > facts->basis[k].events[e - 1]);
            }
        }
    }
}

/* On takes all that SB-5 demands; off is what the one variable says. */
static void secure_boot_rests_on_all_that_sb_5_demands(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct boot_facts *on = logs_facts(arena, logs_boot(arena, "a-secureboot-healthy")).facts;
    struct boot_facts *off = logs_facts(arena, logs_boot(arena, "b-secureboot-off")).facts;
    const struct fact_basis *basis = basis_of(on, "secure_boot.state");

    (void)state;
    assert_true(has_event(basis, on->pk.event));
    assert_true(has_event(basis, on->kek.event));
    assert_true(has_event(basis, on->db.event));
    for (size_t i = 0; i < on->n_authorities; i++) {
        assert_true(has_event(basis, on->authorities[i].event));
    }
    basis = basis_of(off, "secure_boot.state");
    assert_true(basis != NULL && basis->n == 1);
}

static void an_image_is_shown_with_the_key_measured_before_it(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct boot_facts *facts = logs_facts(arena, logs_boot(arena, "a-secureboot-healthy")).facts;

    (void)state;
    assert_int_equal(facts->n_images, 4);
    assert_string_equal(facts->images[0].signer_hint->source, "db");
    assert_string_equal(facts->images[1].signer_hint->source, "MokListRT");
    assert_null(facts->images[2].signer_hint); /* by a key that was measured before */
    facts = logs_facts(arena, logs_boot(arena, "b-secureboot-off")).facts;
    for (size_t i = 0; i < facts->n_images; i++) {
        assert_null(facts->images[i].signer_hint);
    }
}

static void every_event_has_one_stage(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(boots); i++) {
        struct boot_facts *facts = logs_facts(arena, logs_boot(arena, boots[i])).facts;

        for (size_t k = 0; k < facts->readings->n; k++) {
            const struct reading *r = &facts->readings->items[k];
            enum boot_stage stage = boot_stage_of(facts, r);

            assert_true(stage >= STAGE_FIRMWARE && stage < STAGE_COUNT);
            assert_int_equal(stage == STAGE_UNMEASURED, r->role == ROLE_NONE);
            assert_int_not_equal(boot_stage_title(stage)[0], '\0');
        }
        for (size_t k = 0; k < facts->n_images; k++) {
            bool is_kernel =
                facts->images[k].part == IMAGE_KERNEL || facts->images[k].part == IMAGE_UKI;
            enum boot_stage stage =
                boot_stage_of(facts, &facts->readings->items[facts->images[k].event->index]);

            assert_true(!is_kernel || stage == STAGE_KERNEL);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_forged_boot_option_is_no_ground),
        cmocka_unit_test(an_unknown_fact_has_no_basis),
        cmocka_unit_test(every_known_fact_names_events_of_the_log),
        cmocka_unit_test(secure_boot_rests_on_all_that_sb_5_demands),
        cmocka_unit_test(an_image_is_shown_with_the_key_measured_before_it),
        cmocka_unit_test(every_event_has_one_stage),
    };

    return RUN_TESTS(tests);
}
