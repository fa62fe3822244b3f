#include "room.h"

#include "crypto/secret.h"

enum { PCRS = 0x7bff };

static const uint8_t inner_key[32] = "thirty-two bytes of a secret key";

static void make(struct tpmdev *dev, struct tpmdev_quote *quote, struct tpmdev_enckey *key)
{
    struct tpmdev_ak ak;

    assert_ok(tpmdev_ak_need(dev, room.arena, &room.trail, &ak));
    assert_ok(tpmdev_quote(dev, PCRS, (struct span){0}, room.arena, &room.trail, quote));
    assert_ok(tpmdev_enckey_make(dev, quote, room.arena, &room.trail, key));
}

/* What the service does with the key. */
static struct span wrap(const struct tpmdev_enckey *key)
{
    CLEANUP(pubkey_free) struct pubkey *public_key = NULL;
    struct tpm_public area;
    struct span cipher;

    assert_ok(tpm2b_public_parse(key->public_area, false, &room.trail, &area));
    assert_ok(tpm_public_key(&area, &room.trail, &public_key));
    assert_ok(pubkey_encrypt_pkcs1(public_key, room.arena, span_of(inner_key, sizeof(inner_key)),
                                   &cipher));
    return cipher;
}

static err_t unwrap(struct tpmdev_enckey *key, struct span cipher)
{
    CLEANUP(buf_done) struct buf plain = {0};
    err_t err;

    buf_init_secret(&plain, 256);
    room.trail = (struct trail){0};
    err = tpmdev_enckey_decrypt(key, cipher, &room.trail, &plain);
    if (err) {
        assert_int_equal(plain.len, 0);
        return err;
    }
    /* A TPM with implicit rejection gives random bytes instead of an error. */
    return span_equal(buf_span(&plain), span_of(inner_key, sizeof(inner_key))) ? ERR_OK
                                                                               : ERR_SIGNATURE;
}

static void key_has_the_form_that_azure_checks(void **state)
{
    CLEANUP(tpmdev_enckey_done) struct tpmdev_enckey key = {0};
    CLEANUP(pubkey_free) struct pubkey *ak_key = NULL;
    uint8_t policy[SHA256_BYTES];
    struct tpmdev_quote quote;
    struct tpm_public area, ak_area;
    struct tpm_attest certify;
    struct tpm_signature signature;
    struct tpm_name name;
    struct tpmdev_ak ak;

    (void)state;
    make(room.dev, &quote, &key);
    assert_ok(tpm2b_public_parse(key.public_area, false, &room.trail, &area));
    assert_int_equal(area.attributes, 0x00020432);
    assert_int_equal(area.type, TPM_RSA);
    assert_int_equal(area.key_bits, 2048);
    assert_int_equal(area.name_alg, TPM_SHA256);
    assert_int_equal(area.symmetric, TPM_NULL);
    assert_int_equal(area.scheme, TPM_NULL);
    assert_ok(tpm_policy_pcr_digest(PCRS, 3, &quote.pcrs, policy));
    assert_true(span_equal(area.auth_policy, span_of(policy, sizeof(policy))));

    assert_ok(tpmdev_ak_read(room.dev, room.arena, &room.trail, &ak));
    assert_ok(tpm2b_public_parse(ak.public_area, false, &room.trail, &ak_area));
    assert_ok(tpm_public_key(&ak_area, &room.trail, &ak_key));
    assert_ok(tpm_signature_raw(&ak_area, key.certify_signature, &room.trail, &signature));
    assert_ok(tpm_signature_verify(&signature, &ak_area, ak_key, key.certify, &room.trail));
    assert_ok(tpm_attest_parse(key.certify, TPM_ATTEST_CERTIFY, &room.trail, &certify));
    assert_int_equal(certify.extra_data.len, 0);
    assert_ok(tpm_public_name(&area, &name));
    assert_true(span_equal(certify.certified_name, tpm_name_span(&name)));
    assert_ok(tpm_qualified_name_primary(&area, TPM_RH_NULL, &name));
    assert_true(span_equal(certify.certified_qualified_name, tpm_name_span(&name)));
}

static void opens_what_was_encrypted_to_it_and_nothing_else(void **state)
{
    CLEANUP(tpmdev_enckey_done) struct tpmdev_enckey key = {0};
    struct tpmdev_quote quote;
    struct span cipher;
    uint8_t bent[256];

    (void)state;
    make(room.dev, &quote, &key);
    cipher = wrap(&key);
    assert_ok(unwrap(&key, cipher));
    assert_ok(unwrap(&key, cipher));
    assert_int_equal(cipher.len, sizeof(bent));
    memcpy(bent, cipher.data, sizeof(bent));
    bent[200] ^= 1;
    assert_err(unwrap(&key, span_of(bent, sizeof(bent))), ERR_SIGNATURE);
    assert_err(unwrap(&key, span_of(bent, sizeof(bent) - 1)), ERR_SIGNATURE);
}

static void does_not_open_once_a_pcr_was_extended(void **state)
{
    CLEANUP(tpmdev_enckey_done) struct tpmdev_enckey key = {0};
    struct tpmdev_quote quote;
    struct span cipher;

    (void)state;
    make(room.dev, &quote, &key);
    cipher = wrap(&key);
    room_extend(16); /* not in the policy */
    assert_ok(unwrap(&key, cipher));
    room_extend(8);
    assert_err(unwrap(&key, cipher), ERR_MISMATCH);
    assert_non_null(strstr(room.trail.what, "PCRs have changed"));
}

static void does_not_open_on_another_tpm(void **state)
{
    CLEANUP(tpmdev_enckey_done) struct tpmdev_enckey key = {0};
    CLEANUP(tpmdev_free) struct tpmdev *other_dev = NULL;
    struct tpmdev_enckey other_key = {0};
    struct swtpm other = {0};
    struct tpmdev_quote quote;
    struct span cipher;
    err_t err;

    (void)state;
    make(room.dev, &quote, &key);
    cipher = wrap(&key);
    swtpm_start(&other, false);
    assert_ok(tpmdev_open(other.tcti, false, &room.trail, &other_dev));
    make(other_dev, &quote, &other_key);
    err = unwrap(&other_key, cipher);
    tpmdev_enckey_done(&other_key);
    swtpm_stop(&other);
    assert_err(err, ERR_SIGNATURE);
}

static void same_state_gives_the_same_key_until_the_next_reset(void **state)
{
    struct tpmdev_enckey key = {0};
    struct tpmdev_quote quote;
    struct span first, second, third;

    (void)state;
    make(room.dev, &quote, &key);
    first = key.public_area;
    tpmdev_enckey_done(&key);
    make(room.dev, &quote, &key);
    second = key.public_area;
    tpmdev_enckey_done(&key);
    assert_true(span_equal(first, second));

    tpmdev_free(room.dev);
    swtpm_restart(&room.tpm);
    assert_ok(tpmdev_open(room.tpm.tcti, false, &room.trail, &room.dev));
    /* The same PCR values as the first quote had are not needed to see that the seed is new. */
    assert_ok(tpmdev_enckey_make(room.dev, &quote, room.arena, &room.trail, &key));
    third = key.public_area;
    tpmdev_enckey_done(&key);
    assert_false(span_equal(first, third));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROOM_TEST(key_has_the_form_that_azure_checks),
        ROOM_TEST(opens_what_was_encrypted_to_it_and_nothing_else),
        ROOM_TEST(does_not_open_once_a_pcr_was_extended),
        ROOM_TEST(does_not_open_on_another_tpm),
        ROOM_TEST(same_state_gives_the_same_key_until_the_next_reset),
    };

    return cmocka_run_group_tests(tests, room_start, room_stop);
}
