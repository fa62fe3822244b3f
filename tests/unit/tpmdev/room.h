/*
 * room.h - what the tests of tpmdev share: one software TPM per program, one connection per test,
 * and the promise that nothing stays loaded in the TPM, checked after every test.
 */
#ifndef TESTS_TPMDEV_ROOM_H
#define TESTS_TPMDEV_ROOM_H

#include "support/support.h"
#include "support/swtpm.h"
#include "tpmdev/device.h"
#include "tpmdev/tpmdev.h"

struct room {
    struct swtpm tpm;
    struct tpmdev *dev;
    struct arena *arena;
    struct trail trail;
};

static struct room room;

static inline int room_start(void **state)
{
    (void)state;
    swtpm_start(&room.tpm, true);
    return 0;
}

static inline int room_stop(void **state)
{
    (void)state;
    swtpm_stop(&room.tpm);
    return 0;
}

static inline int room_open(void **state)
{
    (void)state;
    room.arena = test_arena();
    room.trail = (struct trail){0};
    assert_ok(tpmdev_open(room.tpm.tcti, false, &room.trail, &room.dev));
    return 0;
}

static inline size_t room_loaded(uint32_t first)
{
    uint32_t handles[8];
    size_t n = 0, in_range = 0;

    assert_ok(tpmdev_handles(room.dev, first, 8, NULL, handles, &n));
    for (size_t i = 0; i < n; i++) {
        in_range += handles[i] >> 24 == first >> 24;
    }
    return in_range;
}

static inline int room_close(void **state)
{
    (void)state;
    assert_int_equal(room_loaded(0x80000000), 0);
    assert_int_equal(room_loaded(0x02000000), 0);
    assert_int_equal(room_loaded(0x03000000), 0);
    tpmdev_free(room.dev);
    arena_free(room.arena);
    return 0;
}

#define ROOM_TEST(name) cmocka_unit_test_setup_teardown(name, room_open, room_close)

static inline void room_extend(unsigned pcr)
{
    TPML_DIGEST_VALUES values = {.count = 1};

    values.digests[0].hashAlg = TPM2_ALG_SHA256;
    memset(values.digests[0].digest.sha256, 0x5a, SHA256_BYTES);
    assert_int_equal(Esys_PCR_Extend(room.dev->esys, ESYS_TR_PCR0 + pcr, ESYS_TR_PASSWORD,
                                     ESYS_TR_NONE, ESYS_TR_NONE, &values),
                     TSS2_RC_SUCCESS);
}

/* Take a persistent key away from its handle. */
static inline void room_evict(uint32_t handle)
{
    struct tpm_object object = {0};
    ESYS_TR gone = ESYS_TR_NONE;

    assert_ok(tpmdev_object_at(room.dev, handle, NULL, &object));
    assert_int_equal(Esys_EvictControl(room.dev->esys, ESYS_TR_RH_OWNER, object.tr,
                                       ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, handle, &gone),
                     TSS2_RC_SUCCESS);
    tpm_object_done(&object); /* ESYS would compare the next key at this handle with it */
}

/* Remove an index that the platform defined, as swtpm_setup does. */
static inline void room_undefine(uint32_t index)
{
    struct tpm_object object = {0};

    assert_ok(tpmdev_object_at(room.dev, index, NULL, &object));
    assert_int_equal(Esys_NV_UndefineSpace(room.dev->esys, ESYS_TR_RH_PLATFORM, object.tr,
                                           ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE),
                     TSS2_RC_SUCCESS);
}

#endif
