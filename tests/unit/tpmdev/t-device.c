#include "tpmdev/device.h"

#include "room.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void says_what_to_do_without_a_tpm(void **state)
{
    struct tpmdev *dev = NULL;
    struct trail trail = {0};

    (void)state;
    assert_err(tpmdev_open("device:/nonexistent/tpmrm0", false, &trail, &dev), ERR_NOT_FOUND);
    assert_non_null(strstr(trail.what, "has no TPM 2.0"));
    assert_non_null(strstr(trail.what, "/nonexistent/tpmrm0"));
    assert_non_null(strstr(trail.what, "--tcti"));
    assert_null(dev);
}

static void names_the_group_when_permission_is_missing(void **state)
{
    char path[] = "/tmp/bootwarden-device.XXXXXX";
    char tcti[64];
    struct tpmdev *dev = NULL;
    struct trail trail = {0};
    bool is_root = geteuid() == 0;
    err_t err;

    (void)state;
    assert_true(mkstemp(path) >= 0);
    assert_int_equal(chmod(path, 0), 0);
    snprintf(tcti, sizeof(tcti), "device:%s", path);
    if (is_root) {
        assert_int_equal(seteuid(65534), 0);
    }
    err = tpmdev_open(tcti, false, &trail, &dev);
    if (is_root) {
        assert_int_equal(seteuid(0), 0);
    }
    unlink(path);
    assert_err(err, ERR_DENIED);
    assert_non_null(strstr(trail.what, path));
    assert_non_null(strstr(trail.what, "group tss"));
}

static void names_the_tcti_where_nobody_listens(void **state)
{
    struct tpmdev *dev = NULL;
    struct trail trail = {0};

    (void)state;
    assert_err(tpmdev_open("swtpm:path=/nonexistent/tpm.sock", false, &trail, &dev), ERR_NOT_FOUND);
    assert_non_null(strstr(trail.what, "swtpm:path=/nonexistent/tpm.sock"));
}

static void wrong_words_for_a_tpm_are_wrong_use(void **state)
{
    static const struct {
        const char *tcti, *words;
    } cases[] = {
        {"no-such-tcti:x", "no TCTI is called 'no-such-tcti:x'; the kernel's TPM is device:"},
        {"device:", "lacks the file: device:/dev/tpmrm0"},
        {"device:/etc/passwd", "/etc/passwd is no device"},
    };
    struct tpmdev *dev = NULL;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct trail trail = {0};

        assert_err(tpmdev_open(cases[i].tcti, false, &trail, &dev), ERR_USAGE);
        assert_non_null(strstr(trail.what, cases[i].words));
        assert_null(dev);
    }
}

/* What tpm2-tss and the kernel's resource manager may answer. Parameter, handle and session bits
 * of format-one codes must not hide the reason. */
static const struct {
    TSS2_RC rc;
    err_t want;
    const char *words;
} answers[] = {
    {TPM2_RC_LOCKOUT, ERR_UNAVAILABLE, "lockout"},
    {TSS2_RESMGR_TPM_RC_LAYER | TPM2_RC_LOCKOUT, ERR_UNAVAILABLE, "lockout"},
    {TPM2_RC_RETRY, ERR_UNAVAILABLE, "busy"},
    {TPM2_RC_NV_RATE, ERR_UNAVAILABLE, "minute"},
    {TPM2_RC_OBJECT_MEMORY, ERR_UNAVAILABLE, "/dev/tpmrm0"},
    {TPM2_RC_INITIALIZE, ERR_UNAVAILABLE, "started"},
    {TPM2_RC_FAILURE, ERR_UNAVAILABLE, "failure mode"},
    {TPM2_RC_BAD_AUTH | TPM2_RC_S | TPM2_RC_1, ERR_DENIED, "password"},
    {TPM2_RC_AUTH_FAIL | TPM2_RC_S | TPM2_RC_2, ERR_DENIED, "password"},
    {TPM2_RC_HANDLE | TPM2_RC_H | TPM2_RC_1, ERR_NOT_FOUND, "testing"},
    {TPM2_RC_VALUE | TPM2_RC_P | TPM2_RC_3, ERR_TPM, "testing"},
    {TSS2_TCTI_RC_IO_ERROR, ERR_TPM, "testing"},
    /* A layer above has its own numbers: this is not TPM2_RC_INITIALIZE. */
    {TSS2_ESAPI_RC_LAYER | 0x100, ERR_TPM, "testing"},
};

static void answers_become_errors_with_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        struct trail trail = {0};

        assert_err(tpmdev_fail(&trail, answers[i].rc, "testing"), answers[i].want);
        if (strstr(trail.what, answers[i].words) == NULL ||
            strncmp(trail.what, "testing", 7) != 0) {
            fail_msg("0x%08x: \"%s\" lacks \"%s\"", answers[i].rc, trail.what, answers[i].words);
        }
    }
}

/* libtpms takes 2048 bytes an index. */
static void nv_round_trip_in_chunks(void **state)
{
    static const size_t sizes[] = {1, 1023, 1024, 1025, 2048, 2047};
    uint8_t bytes[2048];
    struct span got;

    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)(i * 7 + (i >> 8));
    }
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        assert_ok(tpmdev_nv_replace(room.dev, 0x01800001, span_of(bytes, sizes[i]), &room.trail));
        assert_ok(tpmdev_nv_read(room.dev, 0x01800001, room.arena, &room.trail, &got));
        assert_int_equal(got.len, sizes[i]);
        assert_memory_equal(got.data, bytes, sizes[i]);
    }
}

static void nv_refuses_what_does_not_fit(void **state)
{
    static const uint8_t bytes[TPMDEV_NV_MAX_BYTES + 1];
    struct trail trail = {0};

    (void)state;
    assert_err(tpmdev_nv_replace(room.dev, 0x01800002, span_of(bytes, sizeof(bytes)), &room.trail),
               ERR_TOO_LARGE);
    assert_err(tpmdev_nv_replace(room.dev, 0x01800002, span_of(bytes, 0), &room.trail),
               ERR_TOO_LARGE);
    /* More than this TPM takes: its refusal comes through in words. */
    assert_err(tpmdev_nv_replace(room.dev, 0x01800002, span_of(bytes, 10000), &trail), ERR_TPM);
    assert_non_null(strstr(trail.what, "0x01800002"));
}

static void nv_index_that_does_not_exist_is_not_found(void **state)
{
    struct span got;

    (void)state;
    assert_err(tpmdev_nv_read(room.dev, 0x01800003, room.arena, &room.trail, &got), ERR_NOT_FOUND);
}

static void nv_of_the_platform_is_not_removed(void **state)
{
    uint8_t byte = 1;

    (void)state;
    /* The EK certificate: made by swtpm_setup with platform authorization. */
    assert_err(tpmdev_nv_replace(room.dev, 0x01c00002, span_of(&byte, 1), &room.trail), ERR_TPM);
    assert_non_null(strstr(room.trail.what, "removing NV index 0x01c00002"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_to_do_without_a_tpm),
        cmocka_unit_test(names_the_group_when_permission_is_missing),
        cmocka_unit_test(names_the_tcti_where_nobody_listens),
        cmocka_unit_test(wrong_words_for_a_tpm_are_wrong_use),
        cmocka_unit_test(answers_become_errors_with_words),
        ROOM_TEST(nv_round_trip_in_chunks),
        ROOM_TEST(nv_refuses_what_does_not_fit),
        ROOM_TEST(nv_index_that_does_not_exist_is_not_found),
        ROOM_TEST(nv_of_the_platform_is_not_removed),
    };

    return cmocka_run_group_tests(tests, room_start, room_stop);
}
