#include "crypto/cert.h"
#include "crypto/secret.h"
#include "room.h"
#include "tpmdev/template.h"

#include <tss2/tss2_mu.h>

/* ---- policies of the templates, from the policy commands (TPM 2.0 Part 3, 23) ---- */

static void update(enum hash_alg alg, uint8_t *digest, uint32_t command, struct span more)
{
    struct buf in;

    buf_init(&in, 512);
    buf_add(&in, span_of(digest, hash_size(alg)));
    buf_u32be(&in, command);
    buf_add(&in, more);
    assert_ok(buf_err(&in));
    assert_ok(hash_once(alg, buf_span(&in), digest));
    buf_done(&in);
}

static void check_policies(TPMI_ALG_HASH name_alg, enum hash_alg alg, uint32_t nv_index)
{
    static const uint8_t endorsement[] = {0x40, 0x00, 0x00, 0x0b};
    uint8_t a[HASH_MAX_BYTES] = {0}, b[HASH_MAX_BYTES] = {0}, c[HASH_MAX_BYTES] = {0};
    uint8_t name[2 + HASH_MAX_BYTES];
    size_t size = hash_size(alg);
    TPM2B_DIGEST got;
    struct buf area;

    /* PolicySecret: H(H(old || code || name) || policyRef), with an empty policyRef. */
    update(alg, a, TPM2_CC_PolicySecret, span_of(endorsement, sizeof(endorsement)));
    assert_ok(hash_once(alg, span_of(a, size), a));
    assert_true(ek_policy_a(name_alg, &got));
    assert_int_equal(got.size, size);
    assert_memory_equal(got.buffer, a, size);

    /* PolicyAuthorizeNV over the written policy index of the profile, whose policy is PolicyA. */
    buf_init(&area, 256);
    buf_u32be(&area, nv_index);
    buf_u16be(&area, name_alg);
    buf_u32be(&area, 0x220f1008);
    buf_tpm2b(&area, span_of(a, size));
    buf_u16be(&area, (uint16_t)(2 + size));
    name[0] = (uint8_t)(name_alg >> 8);
    name[1] = (uint8_t)name_alg;
    assert_ok(hash_once(alg, buf_span(&area), name + 2));
    buf_done(&area);
    update(alg, c, TPM2_CC_PolicyAuthorizeNV, span_of(name, 2 + size));
    assert_true(ek_policy_c(name_alg, &got));
    assert_memory_equal(got.buffer, c, size);

    buf_init(&area, 256);
    buf_add(&area, span_of(a, size));
    buf_add(&area, span_of(c, size));
    update(alg, b, TPM2_CC_PolicyOR, buf_span(&area));
    buf_done(&area);
    assert_true(ek_policy_b(name_alg, &got));
    assert_memory_equal(got.buffer, b, size);
}

static void template_policies_are_what_the_commands_give(void **state)
{
    TPM2B_DIGEST unused;

    (void)state;
    assert_ok(crypto_init());
    check_policies(TPM2_ALG_SHA256, HASH_SHA256, 0x01c07f01);
    check_policies(TPM2_ALG_SHA384, HASH_SHA384, 0x01c07f02);
    assert_false(ek_policy_a(TPM2_ALG_SHA1, &unused));
}

/* ---- activation ---- */

/* What the server does (AK-5), in software, and what the TPM makes of it. */
static err_t activate(const struct tpmdev_ek *ek, const struct tpm_name *name, struct span secret,
                      struct buf *opened)
{
    CLEANUP(pubkey_free) struct pubkey *key = NULL;
    struct span blob, wrapped;
    struct tpm_public area;

    assert_ok(tpm2b_public_parse(ek->public_area, false, NULL, &area));
    assert_ok(tpm_public_key(&area, NULL, &key));
    assert_ok(tpm_make_credential(room.arena, &area, key, name, secret, &blob, &wrapped));
    room.trail = (struct trail){0};
    return tpmdev_ek_activate(room.dev, ek, blob, wrapped, &room.trail, opened);
}

static void assert_activates(const struct tpmdev_ek *ek)
{
    CLEANUP(buf_done) struct buf opened = {0};
    struct tpmdev_ak ak;
    struct tpm_name other;
    uint8_t secret[32];

    assert_ok(random_bytes(secret, sizeof(secret)));
    assert_ok(tpmdev_ak_need(room.dev, room.arena, &room.trail, &ak));
    buf_init_secret(&opened, HASH_MAX_BYTES);

    other = ak.name;
    other.bytes[10] ^= 1;
    assert_err(activate(ek, &other, span_of(secret, sizeof(secret)), &opened), ERR_SIGNATURE);
    assert_int_equal(opened.len, 0);

    assert_ok(activate(ek, &ak.name, span_of(secret, sizeof(secret)), &opened));
    assert_int_equal(opened.len, sizeof(secret));
    assert_memory_equal(opened.data, secret, sizeof(secret));
}

static void assert_is_for(const struct tpmdev_ek *ek)
{
    CLEANUP(cert_free) struct cert *cert = NULL;
    CLEANUP(pubkey_free) struct pubkey *key = NULL;
    struct tpm_public area;

    assert_ok(cert_new_der(ek->certificate, &room.trail, &cert));
    assert_ok(tpm2b_public_parse(ek->public_area, false, &room.trail, &area));
    assert_ok(tpm_public_key(&area, &room.trail, &key));
    assert_true(pubkey_equal(key, cert_key(cert)));
}

/* The tests from here on take more and more away from the TPM, in this order. */

static void ak_5_persistent_rsa_key_activates_and_refuses_another_name(void **state)
{
    struct tpmdev_ek ek;

    (void)state;
    assert_ok(tpmdev_ek_find(room.dev, room.arena, &room.trail, &ek));
    assert_int_equal(ek.cert_index, 0x01c00002);
    assert_int_equal(ek.handle, 0x81010001);
    assert_int_equal(ek.n_chain, 0);
    assert_is_for(&ek);
    assert_activates(&ek);
}

static void malformed_credential_is_refused_before_the_tpm_sees_it(void **state)
{
    CLEANUP(buf_done) struct buf opened = {0};
    static const uint8_t junk[] = {0x00, 0x02, 0x00, 0x00, 0xff};
    struct tpmdev_ek ek;

    (void)state;
    assert_ok(tpmdev_ek_find(room.dev, room.arena, &room.trail, &ek));
    buf_init_secret(&opened, 64);
    assert_err(
        tpmdev_ek_activate(room.dev, &ek, span_of(junk, 5), span_of(junk, 4), &room.trail, &opened),
        ERR_MALFORMED);
    assert_err(
        tpmdev_ek_activate(room.dev, &ek, span_of(junk, 0), span_of(junk, 4), &room.trail, &opened),
        ERR_MALFORMED);
}

static void reads_the_ca_certificates_beside_the_key(void **state)
{
    CLEANUP(signkey_free) struct signkey *ca_key = NULL;
    CLEANUP(cert_free) struct cert *one = NULL;
    CLEANUP(cert_free) struct cert *two = NULL;
    CLEANUP(buf_done) struct buf both = {0};
    struct cert_request request = {.profile = CERT_CA, .common_name = "one", .not_after = 1};
    struct tpmdev_ek ek;

    (void)state;
    assert_ok(signkey_generate(SIGNKEY_P256, &ca_key));
    assert_ok(cert_issue(&request, signkey_public(ca_key), NULL, ca_key, &one));
    request.common_name = "two";
    assert_ok(cert_issue(&request, signkey_public(ca_key), NULL, ca_key, &two));
    buf_init(&both, 8192);
    buf_add(&both, cert_der(one));
    buf_add(&both, cert_der(two));
    buf_add(&both, span_of("\0\0\0\0", 4));
    /* Cut anywhere: the second index goes on where the first ended. */
    assert_ok(
        tpmdev_nv_replace(room.dev, 0x01c00100, span_cut(buf_span(&both), 0, 300), &room.trail));
    assert_ok(
        tpmdev_nv_replace(room.dev, 0x01c00101, span_cut(buf_span(&both), 300, 8192), &room.trail));
    assert_ok(tpmdev_ek_find(room.dev, room.arena, &room.trail, &ek));
    assert_int_equal(ek.n_chain, 2);
    assert_true(span_equal(ek.chain[0], cert_der(one)));
    assert_true(span_equal(ek.chain[1], cert_der(two)));
}

static void low_range_rsa_key_is_made_from_the_default_template(void **state)
{
    struct tpmdev_ek ek;

    (void)state;
    room_evict(0x81010001);
    assert_ok(tpmdev_ek_find(room.dev, room.arena, &room.trail, &ek));
    assert_int_equal(ek.cert_index, 0x01c00002);
    assert_int_equal(ek.handle, 0);
    assert_is_for(&ek);
    assert_activates(&ek);
}

/* A key of another template, certified by anybody, as a manufacturer with a template of its own
 * would ship it. */
static void manufacturers_template_and_nonce_in_nv_win(void **state)
{
    CLEANUP(signkey_free) struct signkey *ca_key = NULL;
    CLEANUP(cert_free) struct cert *ca = NULL;
    CLEANUP(cert_free) struct cert *cert = NULL;
    CLEANUP(pubkey_free) struct pubkey *key = NULL;
    CLEANUP(tpm_object_done) struct tpm_object object = {0};
    ESYS_OWNED TPM2B_PUBLIC *made = NULL;
    struct cert_request ca_request = {
        .profile = CERT_CA, .common_name = "manufacturer", .not_after = 4000000000};
    struct cert_request request = {
        .profile = CERT_AK, .common_name = "key of another template", .not_after = 4000000000};
    uint8_t bytes[sizeof(TPMT_PUBLIC)];
    uint8_t nonce[20] = "nonce of this TPM 1";
    TPM2B_PUBLIC template_area;
    struct span area_bytes;
    struct tpm_public area;
    struct tpmdev_ek ek;
    size_t len = 0;

    (void)state;
    ek_template(&ek_kinds[0], &template_area);
    template_area.publicArea.objectAttributes |= TPMA_OBJECT_NODA;
    assert_int_equal(
        Tss2_MU_TPMT_PUBLIC_Marshal(&template_area.publicArea, bytes, sizeof(bytes), &len), 0);
    memcpy(template_area.publicArea.unique.rsa.buffer, nonce, sizeof(nonce));
    assert_ok(tpmdev_create_primary(room.dev, ESYS_TR_RH_ENDORSEMENT, &template_area, "making",
                                    &room.trail, &object, &made));
    assert_ok(tpmdev_public_bytes(made, room.arena, &area_bytes));
    assert_ok(tpm2b_public_parse(area_bytes, false, NULL, &area));
    assert_ok(tpm_public_key(&area, NULL, &key));
    tpm_object_done(&object);

    assert_ok(signkey_generate(SIGNKEY_P256, &ca_key));
    assert_ok(cert_issue(&ca_request, signkey_public(ca_key), NULL, ca_key, &ca));
    assert_ok(cert_issue(&request, key, ca, ca_key, &cert));
    room_undefine(0x01c00002);
    assert_ok(tpmdev_nv_replace(room.dev, 0x01c00002, cert_der(cert), &room.trail));
    assert_ok(tpmdev_nv_replace(room.dev, 0x01c00003, span_of(nonce, sizeof(nonce)), &room.trail));
    assert_ok(tpmdev_nv_replace(room.dev, 0x01c00004, span_of(bytes, len), &room.trail));

    assert_ok(tpmdev_ek_find(room.dev, room.arena, &room.trail, &ek));
    assert_int_equal(ek.cert_index, 0x01c00002);
    assert_int_equal(ek.handle, 0);
    assert_is_for(&ek);
    assert_activates(&ek);
}

/* The certificate in the low range is for a key this TPM does not have: the next one serves. */
static void persistent_ecc_key_of_the_high_range_activates_by_password(void **state)
{
    static const uint8_t nothing[] = {0};
    struct tpmdev_ek ek;

    (void)state;
    assert_ok(tpmdev_nv_replace(room.dev, 0x01c00004, span_of(nothing, 1), &room.trail));
    assert_ok(tpmdev_nv_replace(room.dev, 0x01c00003, span_of(nothing, 1), &room.trail));
    assert_ok(tpmdev_ek_find(room.dev, room.arena, &room.trail, &ek));
    assert_int_equal(ek.cert_index, 0x01c00016);
    assert_int_equal(ek.handle, 0x81010016);
    assert_is_for(&ek);
    assert_activates(&ek);
}

static void high_range_ecc_key_is_made_from_its_template(void **state)
{
    struct tpmdev_ek ek;

    (void)state;
    room_evict(0x81010016);
    assert_ok(tpmdev_ek_find(room.dev, room.arena, &room.trail, &ek));
    assert_int_equal(ek.cert_index, 0x01c00016);
    assert_int_equal(ek.handle, 0);
    assert_is_for(&ek);
    assert_activates(&ek);
}

static void certificate_of_another_tpm_is_a_mismatch_in_words(void **state)
{
    struct tpmdev_ek ek;

    (void)state;
    room_undefine(0x01c00016);
    assert_err(tpmdev_ek_find(room.dev, room.arena, &room.trail, &ek), ERR_MISMATCH);
    assert_non_null(strstr(room.trail.what, "0x01c00002"));
    assert_non_null(strstr(room.trail.what, "not for a key of this TPM"));
}

static void garbage_instead_of_a_certificate_is_named(void **state)
{
    static const uint8_t garbage[] = {0x30, 0x82, 0x01, 0x00, 0x02};
    struct tpmdev_ek ek;

    (void)state;
    assert_ok(tpmdev_nv_replace(room.dev, 0x01c00002, span_of(garbage, 5), &room.trail));
    assert_true(tpmdev_ek_find(room.dev, room.arena, &room.trail, &ek) != ERR_OK);
    assert_non_null(strstr(room.trail.what, "NV index 0x01c00002 holds no certificate"));
}

static void tpm_without_any_certificate_says_how_to_get_one(void **state)
{
    struct tpm_object object = {0};
    struct tpmdev_ek ek;

    (void)state;
    assert_ok(tpmdev_object_at(room.dev, 0x01c00002, NULL, &object));
    assert_int_equal(Esys_NV_UndefineSpace(room.dev->esys, ESYS_TR_RH_OWNER, object.tr,
                                           ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE),
                     TSS2_RC_SUCCESS);
    assert_err(tpmdev_ek_find(room.dev, room.arena, &room.trail, &ek), ERR_NOT_FOUND);
    assert_non_null(strstr(room.trail.what, "--create-ek-cert"));
}

/* RSA-3072 and RSA-4096 take a software TPM long; P-256 in both ranges and RSA-2048 do not. */
static void default_templates_are_accepted_by_a_tpm(void **state)
{
    (void)state;
    for (size_t i = 0; i < EK_KIND_COUNT; i++) {
        CLEANUP(tpm_object_done) struct tpm_object object = {0};
        TPM2B_PUBLIC template_area;

        if (ek_kinds[i].type == TPM2_ALG_RSA && ek_kinds[i].bits > 2048) {
            continue;
        }
        ek_template(&ek_kinds[i], &template_area);
        assert_int_equal(template_area.publicArea.objectAttributes,
                         ek_kinds[i].is_low_range ? 0x000300b2 : 0x000300f2);
        assert_ok(tpmdev_create_primary(room.dev, ESYS_TR_RH_ENDORSEMENT, &template_area, "making",
                                        &room.trail, &object, NULL));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(template_policies_are_what_the_commands_give),
        ROOM_TEST(default_templates_are_accepted_by_a_tpm),
        ROOM_TEST(ak_5_persistent_rsa_key_activates_and_refuses_another_name),
        ROOM_TEST(malformed_credential_is_refused_before_the_tpm_sees_it),
        ROOM_TEST(reads_the_ca_certificates_beside_the_key),
        ROOM_TEST(low_range_rsa_key_is_made_from_the_default_template),
        ROOM_TEST(manufacturers_template_and_nonce_in_nv_win),
        ROOM_TEST(persistent_ecc_key_of_the_high_range_activates_by_password),
        ROOM_TEST(high_range_ecc_key_is_made_from_its_template),
        ROOM_TEST(certificate_of_another_tpm_is_a_mismatch_in_words),
        ROOM_TEST(garbage_instead_of_a_certificate_is_named),
        ROOM_TEST(tpm_without_any_certificate_says_how_to_get_one),
    };

    return cmocka_run_group_tests(tests, room_start, room_stop);
}
