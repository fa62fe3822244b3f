/* The reply opens only with the TPM that sent the evidence, in the state that it proved. */
#include "agent/reply.h"

#include "evidence/azureguest.h"
#include "support/support.h"
#include "support/swtpm.h"
#include "tpmdev/device.h"

enum { PCRS = 0x7bff };

static const char jwt_text[] = "eyJhbGciOiJSUzI1NiJ9.e30.c2ln";

struct guest {
    struct swtpm tpm;
    struct tpmdev *dev;
    struct tpmdev_enckey key;
};

static struct guest guest;
static struct arena *arena;

static void prove(struct guest *who)
{
    struct tpmdev_quote quote;
    struct tpmdev_ak ak;

    assert_ok(tpmdev_ak_need(who->dev, arena, NULL, &ak));
    assert_ok(tpmdev_quote(who->dev, PCRS, (struct span){0}, arena, NULL, &quote));
    assert_ok(tpmdev_enckey_make(who->dev, &quote, arena, NULL, &who->key));
}

static void begin(struct guest *who)
{
    swtpm_start(&who->tpm, false);
    assert_ok(tpmdev_open(who->tpm.tcti, false, NULL, &who->dev));
    prove(who);
}

static void end(struct guest *who)
{
    tpmdev_enckey_done(&who->key);
    tpmdev_free(who->dev);
    swtpm_stop(&who->tpm);
    *who = (struct guest){0};
}

static int start(void **state)
{
    (void)state;
    arena = test_arena();
    begin(&guest);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    end(&guest);
    arena_free(arena);
    return 0;
}

/* What the service answers to a guest with this encryption key. */
static struct span sealed_to(const struct tpmdev_enckey *key)
{
    CLEANUP(pubkey_free) struct pubkey *public_key = NULL;
    struct tpm_public area;
    struct span body;

    assert_ok(tpm2b_public_parse(key->public_area, false, NULL, &area));
    assert_ok(tpm_public_key(&area, NULL, &public_key));
    assert_ok(azureguest_seal_reply(arena, span_str(jwt_text), public_key, &body));
    return body;
}

static void reply_without_its_form_is_refused_by_name(void **state)
{
    static const char *const bodies[] = {
        "", "{}", "{\"token\":\"\"}", "{\"token\":\"!\"}", "{\"token\":\"e30\"}", "{\"token\":17}"};
    struct span jwt;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        struct trail trail = {0};
        err_t err = reply_open(&guest.key, arena, span_str(bodies[i]), &trail, &jwt);

        if (err_category(err) != ERR_CAT_INPUT) {
            fail_msg("%s: %s", bodies[i], err_name(err));
        }
    }
}

static void reply_opens_in_the_proven_state(void **state)
{
    struct trail trail = {0};
    struct span jwt;

    (void)state;
    assert_ok(reply_open(&guest.key, arena, sealed_to(&guest.key), &trail, &jwt));
    assert_true(span_is(jwt, jwt_text));
}

static void reply_does_not_open_on_another_tpm(void **state)
{
    struct guest other = {0};
    struct trail trail = {0};
    struct span jwt;
    err_t err;

    (void)state;
    begin(&other);
    err = reply_open(&other.key, arena, sealed_to(&guest.key), &trail, &jwt);
    end(&other);
    assert_err(err, ERR_SIGNATURE);
}

static void reply_does_not_open_after_a_pcr_was_extended(void **state)
{
    struct span body = sealed_to(&guest.key);
    TPML_DIGEST_VALUES more = {.count = 1, .digests = {{.hashAlg = TPM2_ALG_SHA256}}};
    struct trail trail = {0};
    struct span jwt;

    (void)state;
    assert_int_equal(Esys_PCR_Extend(guest.dev->esys, ESYS_TR_PCR9, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                                     ESYS_TR_NONE, &more),
                     TSS2_RC_SUCCESS);
    assert_err(reply_open(&guest.key, arena, body, &trail, &jwt), ERR_MISMATCH);

    /* Proving the new state opens a new reply. */
    tpmdev_enckey_done(&guest.key);
    prove(&guest);
    assert_ok(reply_open(&guest.key, arena, sealed_to(&guest.key), &trail, &jwt));
}

static void reply_does_not_open_after_a_reset(void **state)
{
    struct span body = sealed_to(&guest.key);
    struct trail trail = {0};
    struct span jwt;

    (void)state;
    tpmdev_enckey_done(&guest.key);
    tpmdev_free(guest.dev);
    guest.dev = NULL;
    swtpm_restart(&guest.tpm);
    assert_ok(tpmdev_open(guest.tpm.tcti, false, &trail, &guest.dev));
    prove(&guest);
    assert_err(reply_open(&guest.key, arena, body, &trail, &jwt), ERR_SIGNATURE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reply_without_its_form_is_refused_by_name),
        cmocka_unit_test(reply_opens_in_the_proven_state),
        cmocka_unit_test(reply_does_not_open_on_another_tpm),
        cmocka_unit_test(reply_does_not_open_after_a_pcr_was_extended),
        cmocka_unit_test(reply_does_not_open_after_a_reset),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
