#include "crypto/cert.h"
#include "room.h"

#include <tss2/tss2_mu.h>

static void without_a_key_reading_says_not_found(void **state)
{
    struct tpmdev_ak ak;

    (void)state;
    assert_err(tpmdev_ak_read(room.dev, room.arena, &room.trail, &ak), ERR_NOT_FOUND);
}

static TPM2B_PUBLIC storage_key(void)
{
    TPM2B_PUBLIC area = {0};
    TPMS_RSA_PARMS *rsa = &area.publicArea.parameters.rsaDetail;

    area.publicArea.type = TPM2_ALG_RSA;
    area.publicArea.nameAlg = TPM2_ALG_SHA256;
    area.publicArea.objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
                                       TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_USERWITHAUTH |
                                       TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT;
    rsa->symmetric.algorithm = TPM2_ALG_AES;
    rsa->symmetric.keyBits.aes = 128;
    rsa->symmetric.mode.aes = TPM2_ALG_CFB;
    rsa->scheme.scheme = TPM2_ALG_NULL;
    rsa->keyBits = 2048;
    return area;
}

static TPM2B_PUBLIC signing_key(TPMA_OBJECT attributes, TPMI_ALG_HASH hash)
{
    TPM2B_PUBLIC area = {0};
    TPMS_RSA_PARMS *rsa = &area.publicArea.parameters.rsaDetail;

    area.publicArea.type = TPM2_ALG_RSA;
    area.publicArea.nameAlg = TPM2_ALG_SHA256;
    area.publicArea.objectAttributes = attributes;
    rsa->symmetric.algorithm = TPM2_ALG_NULL;
    rsa->scheme.scheme = TPM2_ALG_RSASSA;
    rsa->scheme.details.rsassa.hashAlg = hash;
    rsa->keyBits = 2048;
    return area;
}

static void put(const TPM2B_PUBLIC *area, ESYS_TR hierarchy)
{
    CLEANUP(tpm_object_done) struct tpm_object object = {0};
    ESYS_TR kept = ESYS_TR_NONE;

    assert_ok(
        tpmdev_create_primary(room.dev, hierarchy, area, "making", &room.trail, &object, NULL));
    assert_int_equal(Esys_EvictControl(room.dev->esys, ESYS_TR_RH_OWNER, object.tr,
                                       ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
                                       TPMDEV_AK_HANDLE, &kept),
                     TSS2_RC_SUCCESS);
    assert_int_equal(Esys_TR_Close(room.dev->esys, &kept), TSS2_RC_SUCCESS);
}

static void another_key_at_the_handle_is_named_and_left_alone(void **state)
{
    /* A storage key; a signing key without `restricted` (AK-2); one that signs SHA-1 (AK-3). */
    const TPM2B_PUBLIC keys[] = {storage_key(), signing_key(0x00040472, TPM2_ALG_SHA256),
                                 signing_key(0x00050472, TPM2_ALG_SHA1)};
    static const char *const words[] = {"attributes", "attributes", "RSASSA with SHA-256"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        struct trail trail = {0};
        struct tpmdev_ak ak;

        put(&keys[i], ESYS_TR_RH_OWNER);
        assert_err(tpmdev_ak_read(room.dev, room.arena, NULL, &ak), ERR_CONFLICT);
        assert_err(tpmdev_ak_need(room.dev, room.arena, &trail, &ak), ERR_CONFLICT);
        assert_non_null(strstr(trail.what, "0x81000003"));
        assert_non_null(strstr(trail.what, words[i]));
        assert_non_null(strstr(trail.what, "tpm2_evictcontrol"));
        room_evict(TPMDEV_AK_HANDLE);
    }
}

/* As on Azure: whoever made the vTPM put a policy into the key. */
static void key_with_a_policy_is_taken(void **state)
{
    TPM2B_PUBLIC area = signing_key(0x00050472, TPM2_ALG_SHA256);
    struct tpmdev_quote quote;
    struct tpmdev_ak ak;

    (void)state;
    area.publicArea.authPolicy.size = SHA256_BYTES;
    memset(area.publicArea.authPolicy.buffer, 0xab, SHA256_BYTES);
    put(&area, ESYS_TR_RH_ENDORSEMENT);
    assert_ok(tpmdev_ak_need(room.dev, room.arena, &room.trail, &ak));
    assert_ok(tpmdev_quote(room.dev, 0xff, (struct span){0}, room.arena, &room.trail, &quote));
    room_evict(TPMDEV_AK_HANDLE);
}

static void ak_2_made_key_has_the_attributes_of_azures(void **state)
{
    struct tpm_public area;
    struct tpm_name name;
    struct tpmdev_ak ak;

    (void)state;
    assert_ok(tpmdev_ak_need(room.dev, room.arena, &room.trail, &ak));
    assert_ok(tpm2b_public_parse(ak.public_area, false, &room.trail, &area));
    assert_int_equal(area.type, TPM_RSA);
    assert_int_equal(area.key_bits, 2048);
    assert_int_equal(area.attributes, 0x00050472);
    assert_int_equal(area.name_alg, TPM_SHA256);
    assert_int_equal(area.scheme, TPM_RSASSA);
    assert_int_equal(area.scheme_hash, HASH_SHA256);
    assert_int_equal(area.symmetric, TPM_NULL);
    assert_ok(tpm_public_check_ak(&area, &room.trail));
    assert_ok(tpm_public_name(&area, &name));
    assert_true(span_equal(tpm_name_span(&name), tpm_name_span(&ak.name)));
    assert_int_equal(ak.certificate.len, 0);
}

static void the_same_key_comes_back_after_its_handle_was_lost(void **state)
{
    struct tpmdev_ak before, after;

    (void)state;
    assert_ok(tpmdev_ak_read(room.dev, room.arena, &room.trail, &before));
    room_evict(TPMDEV_AK_HANDLE);
    assert_ok(tpmdev_ak_need(room.dev, room.arena, &room.trail, &after));
    assert_true(span_equal(before.public_area, after.public_area));
}

static struct span certificate_of_size(size_t more)
{
    CLEANUP(signkey_free) struct signkey *key = NULL;
    CLEANUP(cert_free) struct cert *cert = NULL;
    char uri[1601] = "urn:x:";
    const char *uris[] = {uri, NULL};
    struct cert_request request = {
        .profile = CERT_CA, .common_name = "x", .uris = uris, .not_after = 4000000000};
    struct span der;

    memset(uri + 6, 'a', more);
    uri[6 + more] = '\0';
    assert_ok(signkey_generate(SIGNKEY_P256, &key));
    assert_ok(cert_issue(&request, signkey_public(key), NULL, key, &cert));
    der = arena_dup(room.arena, cert_der(cert));
    assert_non_null(der.data);
    return der;
}

static void certificate_is_stored_replaced_and_read_back(void **state)
{
    static const size_t sizes[] = {10, 1400, 20};
    struct tpmdev_ak ak;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        struct span der = certificate_of_size(sizes[i]);

        assert_ok(tpmdev_ak_store_certificate(room.dev, der, &room.trail));
        assert_ok(tpmdev_ak_read(room.dev, room.arena, &room.trail, &ak));
        assert_true(span_equal(ak.certificate, der));
    }
}

/* A TPM takes no index of that size: the old one is gone already when it says so. */
static void a_write_that_fails_leaves_the_old_certificate(void **state)
{
    struct span old = certificate_of_size(40);
    uint8_t *large = arena_calloc(room.arena, 1, TPMDEV_NV_MAX_BYTES);
    struct trail trail = {0};
    struct tpmdev_ak ak;

    (void)state;
    assert_ok(tpmdev_ak_store_certificate(room.dev, old, &room.trail));
    assert_true(tpmdev_ak_store_certificate(room.dev, span_of(large, TPMDEV_NV_MAX_BYTES),
                                            &trail) != ERR_OK);
    assert_non_null(strstr(trail.what, "NV index 0x01c101d0"));
    assert_null(strstr(trail.what, "is lost"));
    assert_ok(tpmdev_ak_read(room.dev, room.arena, &room.trail, &ak));
    assert_true(span_equal(ak.certificate, old));
}

/* AZ guests have it so: the index is larger than the certificate. */
static void x_9_padding_behind_the_certificate_is_cut(void **state)
{
    struct span der = certificate_of_size(30);
    uint8_t padded[2048] = {0};
    struct tpmdev_ak ak;

    (void)state;
    assert_true(der.len < sizeof(padded));
    memcpy(padded, der.data, der.len);
    assert_ok(tpmdev_nv_replace(room.dev, TPMDEV_AK_CERT_INDEX, span_of(padded, sizeof(padded)),
                                &room.trail));
    assert_ok(tpmdev_ak_read(room.dev, room.arena, &room.trail, &ak));
    assert_true(span_equal(ak.certificate, der));
}

static void index_without_a_certificate_counts_as_none(void **state)
{
    static const uint8_t zeros[700];
    struct tpmdev_ak ak;

    (void)state;
    assert_ok(tpmdev_nv_replace(room.dev, TPMDEV_AK_CERT_INDEX, span_of(zeros, sizeof(zeros)),
                                &room.trail));
    assert_ok(tpmdev_ak_read(room.dev, room.arena, &room.trail, &ak));
    assert_int_equal(ak.certificate.len, 0);
}

static void owner_password(const char *password)
{
    TPM2B_AUTH auth = {.size = (UINT16)strlen(password)};

    memcpy(auth.buffer, password, auth.size);
    assert_int_equal(Esys_HierarchyChangeAuth(room.dev->esys, ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD,
                                              ESYS_TR_NONE, ESYS_TR_NONE, &auth),
                     TSS2_RC_SUCCESS);
}

static void owner_password_hides_nothing_but_stops_writing_in_words(void **state)
{
    static const TPM2B_AUTH no_password = {0};
    struct span der = certificate_of_size(30);
    struct trail trail = {0};
    struct tpmdev_ak ak;
    struct tpmdev *dev = NULL;

    (void)state;
    assert_ok(tpmdev_ak_store_certificate(room.dev, der, &room.trail));
    owner_password("owner");
    /* Another program, which does not know the password. */
    tpmdev_free(room.dev);
    assert_ok(tpmdev_open(room.tpm.tcti, false, &room.trail, &dev));
    room.dev = dev;
    assert_ok(tpmdev_ak_read(dev, room.arena, &room.trail, &ak));
    assert_true(span_equal(ak.certificate, der));
    assert_err(tpmdev_ak_store_certificate(dev, der, &trail), ERR_DENIED);
    assert_non_null(strstr(trail.what, "password is set"));

    Esys_TR_SetAuth(dev->esys, ESYS_TR_RH_OWNER, &(TPM2B_AUTH){.size = 5, .buffer = "owner"});
    owner_password("");
    Esys_TR_SetAuth(dev->esys, ESYS_TR_RH_OWNER, &no_password);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROOM_TEST(without_a_key_reading_says_not_found),
        ROOM_TEST(another_key_at_the_handle_is_named_and_left_alone),
        ROOM_TEST(key_with_a_policy_is_taken),
        ROOM_TEST(ak_2_made_key_has_the_attributes_of_azures),
        ROOM_TEST(the_same_key_comes_back_after_its_handle_was_lost),
        ROOM_TEST(certificate_is_stored_replaced_and_read_back),
        ROOM_TEST(a_write_that_fails_leaves_the_old_certificate),
        ROOM_TEST(x_9_padding_behind_the_certificate_is_cut),
        ROOM_TEST(index_without_a_certificate_counts_as_none),
        ROOM_TEST(owner_password_hides_nothing_but_stops_writing_in_words),
    };

    return cmocka_run_group_tests(tests, room_start, room_stop);
}
