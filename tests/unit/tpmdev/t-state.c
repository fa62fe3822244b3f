#include "room.h"

static void set_password(ESYS_TR hierarchy, const char *before, const char *after)
{
    TPM2B_AUTH auth = {.size = (UINT16)strlen(before)}, next = {.size = (UINT16)strlen(after)};

    memcpy(auth.buffer, before, auth.size);
    memcpy(next.buffer, after, next.size);
    assert_int_equal(Esys_TR_SetAuth(room.dev->esys, hierarchy, &auth), TSS2_RC_SUCCESS);
    assert_int_equal(Esys_HierarchyChangeAuth(room.dev->esys, hierarchy, ESYS_TR_PASSWORD,
                                              ESYS_TR_NONE, ESYS_TR_NONE, &next),
                     TSS2_RC_SUCCESS);
}

static void fresh_tpm_has_nothing_in_the_way(void **state)
{
    struct tpmdev_state tpm = {.is_locked_out = true};

    (void)state;
    assert_ok(tpmdev_state_read(room.dev, &room.trail, &tpm));
    assert_false(tpm.is_locked_out);
    assert_false(tpm.has_owner_password);
    assert_false(tpm.has_endorsement_password);
}

static void passwords_of_hierarchies_are_seen(void **state)
{
    struct tpmdev_state tpm;

    (void)state;
    set_password(ESYS_TR_RH_OWNER, "", "secret");
    assert_ok(tpmdev_state_read(room.dev, &room.trail, &tpm));
    assert_true(tpm.has_owner_password);
    assert_false(tpm.has_endorsement_password);
    set_password(ESYS_TR_RH_OWNER, "secret", "");
    set_password(ESYS_TR_RH_ENDORSEMENT, "", "secret");
    assert_ok(tpmdev_state_read(room.dev, &room.trail, &tpm));
    assert_false(tpm.has_owner_password);
    assert_true(tpm.has_endorsement_password);
    set_password(ESYS_TR_RH_ENDORSEMENT, "secret", "");
}

static void set_lockout(uint32_t tries)
{
    assert_int_equal(Esys_DictionaryAttackParameters(room.dev->esys, ESYS_TR_RH_LOCKOUT,
                                                     ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
                                                     tries, 4321, 1),
                     TSS2_RC_SUCCESS);
}

/* TPM 2.0 Part 3, 25.3: no tries at all is lockout. */
static void lockout_is_seen_with_its_time(void **state)
{
    struct tpmdev_state tpm;

    (void)state;
    set_lockout(0);
    assert_ok(tpmdev_state_read(room.dev, &room.trail, &tpm));
    assert_true(tpm.is_locked_out);
    assert_int_equal(tpm.lockout_interval_s, 4321);
    set_lockout(30);
    assert_ok(tpmdev_state_read(room.dev, &room.trail, &tpm));
    assert_false(tpm.is_locked_out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROOM_TEST(fresh_tpm_has_nothing_in_the_way),
        ROOM_TEST(passwords_of_hierarchies_are_seen),
        ROOM_TEST(lockout_is_seen_with_its_time),
    };

    return cmocka_run_group_tests(tests, room_start, room_stop);
}
