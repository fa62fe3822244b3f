#include "unit/tpm/helper.h"

static struct span made_quote(struct arena *arena, uint32_t magic, uint16_t type)
{
    struct buf out;

    buf_init(&out, 4096);
    put_attest_head(&out, magic, type, span_str("nonce"));
    buf_u32be(&out, 1);
    put_selection(&out, TPM_SHA256, 3, 0xff);
    buf_tpm2b(&out, (struct span){0});
    return done_copy(arena, &out);
}

/* Q-1 (CVE-2024-29038, CVE-2024-29040): before anything else is looked at. */
static void refuses_another_magic_first(void **state)
{
    struct arena *arena = test_arena();
    struct tpm_attest attest;

    (void)state;
    for (unsigned bit = 0; bit < 32; bit++) {
        assert_err(tpm_attest_parse(made_quote(arena, TPM_GENERATED ^ (1u << bit), 0x8018),
                                    TPM_ATTEST_QUOTE, NULL, &attest),
                   ERR_MAGIC);
    }
    /* Even when nothing else is right. */
    assert_err(tpm_attest_parse(span_str("attestation"), TPM_ATTEST_QUOTE, NULL, &attest),
               ERR_MAGIC);
    assert_err(tpm_attest_parse(boot_file(arena, "j-attest-wrong-magic", "quote_rsa.attest"),
                                TPM_ATTEST_QUOTE, NULL, &attest),
               ERR_MAGIC);
    arena_free(arena);
}

/* what an unrestricted key signed; its signature is good and that does not help. */
static void refuses_the_recorded_wrong_magic_although_signed(void **state)
{
    static const char boot[] = "j-attest-wrong-magic";
    struct arena *arena = test_arena();
    CLEANUP(signer_done) struct signer ak = boot_signer(arena, boot, "ak_rsa.pub");
    struct tpm_attest attest;

    (void)state;
    assert_err(check_quote(&ak, boot_file(arena, boot, "quote_rsa.attest"),
                           boot_file(arena, boot, "quote_rsa.sig"), NULL, &attest),
               ERR_MAGIC);
    arena_free(arena);
}

/* signed by the attestation key itself, all other types of attestation. */
static void refuses_other_types_by_the_same_key(void **state)
{
    static const uint16_t types[] = {0x8014, 0x8015, 0x8016, 0x8017, 0x8019,
                                     0x801a, 0x801c, 0x0018, 0x8118};
    struct arena *arena = test_arena();
    CLEANUP(signkey_free) struct signkey *key = NULL;
    struct signer signer = {0};
    struct tpm_attest attest;

    (void)state;
    assert_ok(signkey_generate(SIGNKEY_P256, &key));
    assert_ok(tpm_public_parse(put_public(arena, key, 0x50072, TPM_ECDSA, TPM_SHA256), NULL,
                               &signer.pub));
    signer.key = pubkey_ref(signkey_public(key));
    for (size_t i = 0; i <= ARRAY_LEN(types); i++) {
        uint16_t type = i == ARRAY_LEN(types) ? 0x8018 : types[i];
        struct span bytes = made_quote(arena, TPM_GENERATED, type);
        struct span raw = {0};
        struct buf sig;

        assert_ok(signkey_sign(key, arena, SIG_ECDSA, HASH_SHA256, bytes, &raw));
        buf_init(&sig, 256);
        buf_u16be(&sig, TPM_ECDSA);
        buf_u16be(&sig, TPM_SHA256);
        buf_tpm2b(&sig, span_cut(raw, 0, 32));
        buf_tpm2b(&sig, span_cut(raw, 32, 32));
        assert_err(check_quote(&signer, bytes, done_copy(arena, &sig), NULL, &attest),
                   type == 0x8018 ? ERR_OK : ERR_ATTEST_TYPE);
    }
    assert_err(tpm_attest_parse(made_quote(arena, TPM_GENERATED, 0x8018), TPM_ATTEST_CERTIFY, NULL,
                                &attest),
               ERR_ATTEST_TYPE);
    assert_err(
        tpm_attest_parse(made_quote(arena, TPM_GENERATED, 0x8019), TPM_ATTEST_TIME, NULL, &attest),
        ERR_UNSUPPORTED);
    signer_done(&signer);
    arena_free(arena);
}

static const char *const quotes[] = {"quote_rsa.attest", "quote_ecc.attest",
                                     "quote_rsa_allbanks.attest"};

/* */
static void consumes_exactly_all_bytes(void **state)
{
    struct arena *arena = test_arena();
    struct tpm_attest attest;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(quotes); i++) {
        struct span bytes = boot_file(arena, healthy, quotes[i]);
        uint8_t *longer = arena_calloc(arena, 1, bytes.len + 1);

        for (size_t len = 0; len < bytes.len; len++) {
            assert_err(tpm_attest_parse(span_cut(bytes, 0, len), TPM_ATTEST_QUOTE, NULL, &attest),
                       ERR_SHORT);
        }
        memcpy(longer, bytes.data, bytes.len);
        assert_err(
            tpm_attest_parse(span_of(longer, bytes.len + 1), TPM_ATTEST_QUOTE, NULL, &attest),
            ERR_TRAILING);
        assert_ok(tpm_attest_parse(bytes, TPM_ATTEST_QUOTE, NULL, &attest));
        assert_true(span_equal(attest.bytes, bytes));
    }
    arena_free(arena);
}

static err_t parse_selections(struct arena *arena, const uint32_t (*list)[3], size_t count,
                              uint32_t claimed, struct tpm_attest *attest)
{
    struct buf out;

    buf_init(&out, 64 * 1024);
    put_attest_head(&out, TPM_GENERATED, 0x8018, (struct span){0});
    buf_u32be(&out, claimed);
    for (size_t i = 0; i < count; i++) {
        put_selection(&out, (uint16_t)list[i][0], (uint8_t)list[i][1], list[i][2]);
    }
    buf_tpm2b(&out, (struct span){0});
    return tpm_attest_parse(done_copy(arena, &out), TPM_ATTEST_QUOTE, NULL, attest);
}

/* */
static void holds_selections_to_their_limits(void **state)
{
    static const struct {
        uint32_t list[9][3]; /* algorithm, sizeofSelect, mask */
        size_t count;
        uint32_t claimed;
        err_t want;
        const char *why;
    } cases[] = {
        {{{0}}, 0, 0, ERR_OK, "no selection at all is the judge's business"},
        {{{TPM_SHA256, 3, 0xffffff}}, 1, 1, ERR_OK, "all PCRs"},
        {{{TPM_SHA256, 3, 0}}, 1, 1, ERR_OK, "an empty selection is kept"},
        {{{TPM_SHA256, 4, 0xffffff}}, 1, 1, ERR_OK, "four bytes"},
        {{{TPM_SHA256, 4, 1u << 24}}, 1, 1, ERR_VALUE, "PCR 24"},
        {{{TPM_SHA256, 4, 1u << 31}}, 1, 1, ERR_VALUE, "PCR 31"},
        {{{TPM_SHA256, 5, 1}}, 1, 1, ERR_TOO_LARGE, "five bytes"},
        {{{TPM_SHA256, 3, 1}, {TPM_SHA256, 3, 1}}, 2, 2, ERR_VALUE, "a PCR twice"},
        {{{TPM_SHA256, 3, 3}, {TPM_SHA1, 3, 1}, {TPM_SHA256, 3, 6}}, 3, 3, ERR_VALUE, "overlap"},
        {{{TPM_SHA256, 3, 3}, {TPM_SHA256, 3, 4}}, 2, 2, ERR_OK, "a bank in two parts"},
        {{{TPM_SM3_256, 3, 1}}, 1, 1, ERR_OK, "an unknown bank is read"},
        {{{TPM_SM3_256, 3, 1}, {TPM_SM3_256, 3, 1}}, 2, 2, ERR_VALUE, "an unknown PCR twice"},
        {{{1, 3, 1}, {2, 3, 1}, {3, 3, 1}, {4, 3, 1}, {5, 3, 1}, {6, 3, 1}, {7, 3, 1}, {8, 3, 1}},
         8,
         8,
         ERR_OK,
         "eight banks"},
        {{{1, 3, 1},
          {2, 3, 1},
          {3, 3, 1},
          {4, 3, 1},
          {5, 3, 1},
          {6, 3, 1},
          {7, 3, 1},
          {8, 3, 1},
          {9, 3, 1}},
         9,
         9,
         ERR_TOO_MANY,
         "nine banks"},
        {{{TPM_SHA256, 3, 1}}, 1, 0xffffffff, ERR_TOO_MANY, "a count past everything"},
        {{{TPM_SHA256, 3, 1}}, 1, 2, ERR_SHORT, "a count past the bytes"},
        {{{TPM_SHA256, 3, 1}, {TPM_SHA1, 3, 1}}, 2, 1, ERR_TOO_LARGE, "a count below the bytes"},
    };
    struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct tpm_attest attest = {0};
        err_t got =
            parse_selections(arena, cases[i].list, cases[i].count, cases[i].claimed, &attest);

        /* Where the reader loses its place, any refusal is right. */
        if (got != cases[i].want && !(cases[i].claimed != cases[i].count && got != ERR_OK)) {
            fail_msg("%s: got %s", cases[i].why, err_name(got));
        }
        if (got == ERR_OK) {
            assert_int_equal(attest.n_selections, cases[i].count);
        }
    }
    arena_free(arena);
}

/* a verifier once spent 4.7 s on 20 KB of these. */
static void refuses_five_thousand_selections_at_once(void **state)
{
    static uint32_t list[5000][3];
    struct arena *arena = test_arena();
    struct tpm_attest attest;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(list); i++) {
        list[i][0] = TPM_SHA256;
        list[i][1] = 3;
    }
    assert_err(parse_selections(arena, (const uint32_t(*)[3])list, ARRAY_LEN(list), ARRAY_LEN(list),
                                &attest),
               ERR_TOO_LARGE);
    assert_err(parse_selections(arena, (const uint32_t(*)[3])list, 200, 200, &attest),
               ERR_TOO_MANY);
    arena_free(arena);
}

/* qualifyingData of up to the largest digest; Q-17: safe is a YES_NO. */
static void reads_extra_data_and_clock(void **state)
{
    struct arena *arena = test_arena();
    uint8_t extra[65];
    struct tpm_attest attest = {0};

    (void)state;
    memset(extra, 'n', sizeof(extra));
    for (size_t len = 0; len <= sizeof(extra); len++) {
        struct buf out;

        buf_init(&out, 1024);
        put_attest_head(&out, TPM_GENERATED, 0x8018, span_of(extra, len));
        buf_u32be(&out, 0);
        buf_tpm2b(&out, (struct span){0});
        assert_err(tpm_attest_parse(done_copy(arena, &out), TPM_ATTEST_QUOTE, NULL, &attest),
                   len <= 64 ? ERR_OK : ERR_TOO_LARGE);
    }
    assert_int_equal(attest.extra_data.len, 64);
    assert_int_equal(attest.clock_ms, 1000);
    assert_int_equal(attest.reset_count, 7);
    assert_int_equal(attest.restart_count, 3);
    assert_true(attest.clock_safe);
    assert_int_equal(attest.firmware_version, 0x2020031200120003); /* */
    for (unsigned safe = 0; safe < 256; safe++) {
        struct span bytes = arena_dup(arena, boot_file(arena, healthy, "quote_rsa.attest"));

        ((uint8_t *)(uintptr_t)bytes.data)[92] = (uint8_t)safe; /* 6 + 2+34 + 2+32 + 8+4+4 */
        assert_err(
            tpm_attest_parse(span_of(bytes.data, bytes.len), TPM_ATTEST_QUOTE, NULL, &attest),
            safe <= 1 ? ERR_OK : ERR_VALUE);
    }
    arena_free(arena);
}

/* As decoded in the manifest of the recorded boot. Q-8: the nonce is handed out whole. */
static void reads_the_recorded_quotes(void **state)
{
    struct arena *arena = test_arena();
    struct span nonce =
        test_hex(arena, "a85664bc77202832bddf8af43fa657e2586c0453c0f28212717b5f81e4e80684");
    struct tpm_attest attest;

    (void)state;
    assert_ok(tpm_attest_parse(boot_file(arena, healthy, "quote_rsa.attest"), TPM_ATTEST_QUOTE,
                               NULL, &attest));
    assert_true(span_equal(attest.extra_data, nonce));
    assert_int_equal(attest.clock_ms, 14680);
    assert_int_equal(attest.reset_count, 2);
    assert_int_equal(attest.restart_count, 0);
    assert_true(attest.clock_safe);
    assert_int_equal(attest.firmware_version, 0x2019102300163636);
    assert_int_equal(attest.n_selections, 1);
    assert_int_equal(attest.selections[0].bank, HASH_SHA256);
    assert_int_equal(attest.selections[0].mask, 0xffffff);
    assert_true(span_equal(
        attest.pcr_digest,
        test_hex(arena, "754fd9b2a89543fdf2e079467c6bd8a1b97857ea1a6dc2752a607459247436e1")));
    assert_ok(tpm_attest_parse(boot_file(arena, healthy, "quote_rsa_allbanks.attest"),
                               TPM_ATTEST_QUOTE, NULL, &attest));
    assert_int_equal(attest.n_selections, 3);
    assert_int_equal(attest.selections[0].bank, HASH_SHA1);
    assert_int_equal(attest.selections[2].bank, HASH_SHA384);
    arena_free(arena);
}

/* Q-13 (CVE-2024-29039): the quote itself says that PCR 7 is not in it. */
static void shows_the_signed_selection_of_a_quote_without_pcr7(void **state)
{
    static const char boot[] = "j-quote-without-pcr7";
    struct arena *arena = test_arena();
    CLEANUP(signer_done) struct signer ak = boot_signer(arena, boot, "ak_rsa.pub");
    struct tpm_attest attest;

    (void)state;
    assert_ok(check_quote(&ak, boot_file(arena, boot, "quote_rsa.attest"),
                          boot_file(arena, boot, "quote_rsa.sig"), NULL, &attest));
    assert_int_equal(attest.selections[0].mask >> 7 & 1, 0);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_another_magic_first),
        cmocka_unit_test(refuses_the_recorded_wrong_magic_although_signed),
        cmocka_unit_test(refuses_other_types_by_the_same_key),
        cmocka_unit_test(consumes_exactly_all_bytes),
        cmocka_unit_test(holds_selections_to_their_limits),
        cmocka_unit_test(refuses_five_thousand_selections_at_once),
        cmocka_unit_test(reads_extra_data_and_clock),
        cmocka_unit_test(reads_the_recorded_quotes),
        cmocka_unit_test(shows_the_signed_selection_of_a_quote_without_pcr7),
    };

    return RUN_TESTS(tests);
}
