/*
 * The incoming claims of the TPM type: all of them, each with the value that is proven, and the
 * worse one where nothing is.
 */
#include "unit/appraise/tpm-requests.h"
#include "unit/facts/windows.h"

#include "base/codec.h"
#include "claims/claims.h"

static struct claims *claims_of(struct attester *t, struct appraisal *a)
{
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
    struct claims *claims = claims_new(t->r.machine.arena);
    struct trail trail = {0};

    assert_non_null(claims);
    assert_ok(claims_tpm(t->r.machine.arena, hasher, a, t->evidence, &trail, claims));
    return claims;
}

static bool flag(const struct claims *claims, const char *type)
{
    assert_non_null(claims_find(claims, type));
    assert_int_equal(claims_find(claims, type)->kind, CLAIM_BOOL);
    assert_int_equal(claims_find(claims, type)->issuer, CLAIM_SERVICE);
    return claims_find(claims, type)->boolean;
}

static const char *text(const struct claims *claims, const char *type)
{
    assert_non_null(claims_find(claims, type));
    assert_int_equal(claims_find(claims, type)->kind, CLAIM_STRING);
    return (const char *)claims_find(claims, type)->string.data;
}

static yyjson_val *json(struct attester *t, const struct claims *claims, const char *type)
{
    yyjson_val *root = NULL;

    assert_ok(json_read(t->r.machine.arena, span_str(text(claims, type)),
                        &(struct json_limits){.max_depth = 32, .max_values = 1024 * 1024}, NULL,
                        &root));
    return root;
}

static const char *const windows_claims[] = {"iommuEnabled", "bootDebuggingDisabled", "notSafeMode",
                                             "notWinPE", "vbsEnabled"};

static void a_linux_boot_claims_what_is_proven(void **state)
{
    struct attester t;
    struct appraisal *a;
    struct claims *claims;
    yyjson_val *pcrs;
    yyjson_val *first;
    struct span spki;
    uint8_t digest[SHA256_BYTES];

    (void)state;
    attester_begin(&t, "a-secureboot-healthy");
    t.request.n_other_keys = 2;
    t.request.other_keys[0] = (struct fabricate_key){.key = t.other_key};
    t.request.other_keys[1] = (struct fabricate_key){.key = t.foreign_key, .is_unbound = true};
    t.request.custom_claims =
        "[{\"name\":\"aikValidated\",\"value\":\"false\",\"value_type\":\"Boolean\"}]";
    a = attester_judge(&t);
    claims = claims_of(&t, a);
    assert_true(flag(claims, "aikValidated"));
    assert_true(flag(claims, "secureBootEnabled"));
    assert_false(flag(claims, "vbsReportPresent"));
    assert_false(flag(claims, "vsmReportPresent"));
    for (size_t i = 0; i < ARRAY_LEN(windows_claims); i++) {
        assert_false(flag(claims, windows_claims[i]));
    }
    assert_int_equal(claims_find(claims, "tpmVersion")->integer, 2);
    assert_ok(pubkey_spki(signkey_public(t.r.machine.keys->ak_key), t.r.machine.arena, &spki));
    assert_ok(hash_once(HASH_SHA256, spki, digest));
    assert_string_equal(text(claims, "aikPubHash"),
                        base64_dup(t.r.machine.arena, BASE64_STANDARD, span_of(digest, 32)));
    assert_int_equal(yyjson_arr_size(json_get(json(&t, claims, "events"), "Events")),
                     a->log->n_events);
    assert_null(claims_find(claims, "bootEvents"));
    /* S-2: the quoted registers, and no other. */
    pcrs = json_get(json(&t, claims, "pcrs"), "PCRs");
    assert_int_equal(yyjson_arr_size(pcrs), 14);
    first = yyjson_arr_get(pcrs, 0);
    assert_true(yyjson_equals_str(json_get(json_get(first, "Digests"), "SHA256"),
                                  hex_dup(t.r.machine.arena, tpm_pcr(&t.r.pcrs, HASH_SHA256, 0))));
    assert_true(yyjson_equals_str(
        json_get(json_get(first, "DigestsBase64Url"), "SHA256"),
        base64_dup(t.r.machine.arena, BASE64_URL, tpm_pcr(&t.r.pcrs, HASH_SHA256, 0))));
    /* Keys as they were sent. */
    assert_string_equal(text(claims, "x-ms-tpm-request-key"),
                        arena_printf(t.r.machine.arena,
                                     "{\"jwk\":%s,\"info\":{\"tpm_quote\":{\"hash_alg\":"
                                     "\"sha-256\"}}}",
                                     fabricate_jwk(t.r.machine.arena, t.request_key)));
    assert_string_equal(
        text(claims, "x-ms-tpm-other-keys"),
        arena_printf(t.r.machine.arena,
                     "[{\"jwk\":%s,\"info\":{\"tpm_certify\":{\"name_alg\":11,\"obj_attr\":%u}}},"
                     "{\"jwk\":%s}]",
                     fabricate_jwk(t.r.machine.arena, t.other_key), 0x00040072u,
                     fabricate_jwk(t.r.machine.arena, t.foreign_key)));
    /* What the client says of itself stands apart. */
    assert_int_equal(claims_find(claims, "urn:bootwarden:custom-claim:aikValidated")->issuer,
                     CLAIM_CUSTOM);
    assert_false(claims_find(claims, "urn:bootwarden:custom-claim:aikValidated")->boolean);
    appraisal_done(a);
    attester_end(&t);
}

/* S-3: a boot that is bad is proven, and its claims say what it was. */
static void a_bad_boot_is_told_as_it_was(void **state)
{
    struct attester t;
    struct appraisal *a;
    struct claims *claims;

    (void)state;
    attester_begin(&t, "b-secureboot-off");
    t.trust.ak = NULL;
    t.options.waives_ak_certificate = true;
    a = attester_judge(&t);
    assert_int_equal(a->verdict, VERDICT_UNHEALTHY);
    assert_true(appraisal_is_proven(a));
    claims = claims_of(&t, a);
    assert_false(flag(claims, "secureBootEnabled"));
    assert_false(flag(claims, "aikValidated"));
    assert_string_equal(text(claims, "x-ms-tpm-other-keys"), "[]");
    appraisal_done(a);
    attester_end(&t);
}

/* L-12, S-2: events of registers that are not quoted are anybody's text. */
static void events_outside_the_quote_are_left_out(void **state)
{
    struct attester t;
    struct appraisal *a;
    yyjson_val *events;
    yyjson_val *event;
    size_t index;
    size_t max;
    bool saw_digest = false;

    (void)state;
    attester_begin(&t, "a-secureboot-healthy");
    t.r.pcrs.have[HASH_SHA256] = 0xff;
    a = attester_judge(&t);
    events = json_get(json(&t, claims_of(&t, a), "events"), "Events");
    yyjson_arr_foreach(events, index, max, event)
    {
        yyjson_val *digests = json_get(event, "Digests");

        assert_true(yyjson_get_uint(json_get(event, "PcrIndex")) < 8);
        assert_null(json_get(digests, "SHA1")); /* a bank that is not quoted */
        saw_digest = saw_digest || json_get(digests, "SHA256") != NULL;
    }
    assert_true(saw_digest);
    appraisal_done(a);
    attester_end(&t);
}

static void nothing_is_claimed_of_what_does_not_hold(void **state)
{
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
    struct attester t;
    struct appraisal *a;
    struct claims *claims;

    (void)state;
    attester_begin(&t, "a-secureboot-healthy");
    t.request.signer = t.other_key;
    a = attester_judge(&t);
    claims = claims_new(t.r.machine.arena);
    assert_err(claims_tpm(t.r.machine.arena, hasher, a, t.evidence, NULL, claims), ERR_DENIED);
    assert_int_equal(claims->n, 0);
    appraisal_done(a);
    attester_end(&t);
}

/* ---- hostile logs ---- */

/* The registers are those of the log: all of it was measured, by the firmware or by root. */
static void measure_log(struct attester *t, struct span log)
{
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
    struct eventlog_registers registers;

    assert_ok(
        eventlog_replay(logs_read(t->r.machine.arena, log), HASH_SHA256, hasher, NULL, &registers));
    memcpy(t->r.pcrs.value[HASH_SHA256], registers.value, sizeof(registers.value));
    t->request.logs[0].bytes = log;
}

/* What the query of a published policy would find: variables of that name and type, all "on". */
static bool looks_on(struct attester *t, const struct claims *claims)
{
    yyjson_val *events = json_get(json(t, claims, "events"), "Events");
    size_t n = 0;
    size_t n_on = 0;
    size_t index;
    size_t max;
    yyjson_val *event;

    yyjson_arr_foreach(events, index, max, event)
    {
        yyjson_val *told = json_get(event, "ProcessedData");

        if (yyjson_equals_str(json_get(event, "EventTypeString"),
                              "EV_EFI_VARIABLE_DRIVER_CONFIG") &&
            yyjson_equals_str(json_get(told, "UnicodeName"), "SecureBoot")) {
            n++;
            n_on += yyjson_equals_str(json_get(told, "VariableData"), "AQ") ? 1 : 0;
        }
    }
    return n == 1 && n_on == 1;
}

/* D-2, SB-2: Secure Boot was off. Root gives the firmware's events other types, and measures what
 * they should have been once more, into PCR 7 or any other register. */
static void no_relabelled_log_looks_like_secure_boot_D_2(void **state)
{
    static const uint32_t types[] = {
        EV_EFI_VARIABLE_AUTHORITY, EV_EFI_ACTION, EV_NO_ACTION, EV_EFI_VARIABLE_DRIVER_CONFIG,
        EV_EFI_SPDM_DEVICE_POLICY, EV_UNUSED,     0x40e};
    static const uint32_t registers[] = {7, 5, 1, 12, 14};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(types) * ARRAY_LEN(registers); i++) {
        CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
        uint32_t type = types[i % ARRAY_LEN(types)];
        uint32_t pcr = registers[i / ARRAY_LEN(types)];
        struct attester t;
        struct logs_edit *off;
        struct logs_edit *on;
        struct appraisal *a;
        struct claims *claims;
        size_t n;

        attester_begin(&t, "b-secureboot-off");
        off = logs_edit_boot(t.r.machine.arena, "b-secureboot-off");
        on = logs_edit_boot(t.r.machine.arena, "a-secureboot-healthy");
        n = off->n;
        for (size_t k = 0; k < n; k++) {
            if (off->items[k].pcr == 7) {
                off->items[k].type = type;
            }
        }
        for (size_t k = 0; k < on->n; k++) {
            if (on->items[k].pcr == 7) {
                logs_insert(off, off->n, pcr, on->items[k].type, on->items[k].data);
            }
        }
        measure_log(&t, logs_bytes(off));
        a = attester_judge(&t);
        claims = arena_calloc(t.r.machine.arena, 1, sizeof(*claims));
        if (appraisal_is_proven(a)) {
            assert_ok(claims_tpm(t.r.machine.arena, hasher, a, t.evidence, NULL, claims));
            if (looks_on(&t, claims) || flag(claims, "secureBootEnabled")) {
                print_reasons(a);
                fail_msg("type %x, PCR %u", type, pcr);
            }
        }
        appraisal_done(a);
        attester_end(&t);
    }
}

/* ---- IMA and Windows ---- */

static void ima_records_follow_the_log(void **state)
{
    struct attester t;
    struct appraisal *a;
    yyjson_val *events;
    yyjson_val *last;
    size_t n;

    (void)state;
    attester_begin(&t, "a-secureboot-healthy");
    t.r.pcrs.have[HASH_SHA256] |= 1u << 10;
    t.request.logs[1] = (struct fabricate_log){
        "IMA", test_vector(t.r.machine.arena, "boots/a-secureboot-healthy/ima.bin")};
    t.request.n_logs = 2;
    a = attester_judge(&t);
    events = json_get(json(&t, claims_of(&t, a), "events"), "Events");
    n = yyjson_arr_size(events);
    assert_int_equal(n, a->log->n_events + a->n_ima_records);
    last = yyjson_arr_get(events, n - 1);
    assert_true(yyjson_equals_str(json_get(last, "EventTypeString"), "IMA_MEASUREMENT_EVENT"));
    assert_int_equal(yyjson_get_uint(json_get(last, "EventSeq")), n - 1);
    appraisal_done(a);
    /* Not quoted: not told. */
    t.r.pcrs.have[HASH_SHA256] &= ~(1u << 10);
    a = attester_judge(&t);
    events = json_get(json(&t, claims_of(&t, a), "events"), "Events");
    assert_int_equal(yyjson_arr_size(events), a->log->n_events);
    appraisal_done(a);
    attester_end(&t);
}

static void boot_windows(struct attester *t, const struct windows_boot *boot)
{
    measure_log(t, logs_bytes(windows_log(t->r.machine.arena, boot, NULL)));
}

static void a_windows_boot_claims_what_it_measured_B_13(void **state)
{
    struct attester t;
    struct windows_boot *boot;
    struct appraisal *a;
    struct claims *claims;
    const char *events;

    (void)state;
    attester_begin(&t, "a-secureboot-healthy");
    boot = windows_boot(t.r.machine.arena);
    windows_add(boot, WINDOWS_LOADER, 12, 0x000a0001, 1, 1);
    windows_add(boot, WINDOWS_LOADER, 12, 0x000a0003, 1, 1);
    boot_windows(&t, boot);
    a = attester_judge(&t);
    print_reasons(a);
    assert_int_equal(a->verdict, VERDICT_HEALTHY);
    claims = claims_of(&t, a);
    for (size_t i = 0; i < ARRAY_LEN(windows_claims); i++) {
        if (!flag(claims, windows_claims[i])) {
            fail_msg("%s", windows_claims[i]);
        }
    }
    events = text(claims, "events");
    assert_non_null(strstr(events, "\"EVENT_TRUSTBOUNDARY\":{"));
    assert_non_null(strstr(events, "\"EVENT_CODEINTEGRITY\":true"));
    assert_non_null(
        strstr(events, "\"EVENT_FILEPATH\":\"\\\\WINDOWS\\\\system32\\\\winload.efi\""));
    appraisal_done(a);
    attester_end(&t);
}

static void a_windows_boot_with_a_debugger_says_so(void **state)
{
    struct attester t;
    struct windows_boot *boot;
    struct appraisal *a;
    struct claims *claims;

    (void)state;
    attester_begin(&t, "a-secureboot-healthy");
    boot = windows_boot(t.r.machine.arena);
    windows_set(boot, WINDOWS_LOADER, 0x00040001, 1);
    windows_set(boot, WINDOWS_LOADER, 0x00050005, 1);
    boot_windows(&t, boot);
    a = attester_judge(&t);
    assert_int_equal(a->verdict, VERDICT_UNHEALTHY);
    claims = claims_of(&t, a);
    assert_false(flag(claims, "bootDebuggingDisabled"));
    assert_false(flag(claims, "notSafeMode"));
    assert_true(flag(claims, "notWinPE"));
    assert_false(flag(claims, "vbsEnabled")); /* nothing measured */
    assert_non_null(strstr(text(claims, "events"), "\"EVENT_BOOTDEBUGGING\":true"));
    appraisal_done(a);
    attester_end(&t);
}

/* Rule 8: a record that is shorter than its form makes the evidence worthless. */
static void a_short_record_of_windows_is_log_malformed_B_13(void **state)
{
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
    struct attester t;
    struct windows_boot *boot;
    struct appraisal *a;
    struct claims *claims;

    (void)state;
    attester_begin(&t, "a-secureboot-healthy");
    boot = windows_boot(t.r.machine.arena);
    windows_add(boot, WINDOWS_LOADER, 12, 0x00020009, 2, 1); /* a security version of two bytes */
    boot_windows(&t, boot);
    a = attester_judge(&t);
    claims = claims_new(t.r.machine.arena);
    assert_err(claims_tpm(t.r.machine.arena, hasher, a, t.evidence, NULL, claims), ERR_DENIED);
    assert_true(has_reason(a, REASON_LOG_MALFORMED, "B-13"));
    assert_int_equal(claims->n, 0);
    assert_int_equal(a->verdict, VERDICT_NOT_VERIFIED);
    appraisal_done(a);
    attester_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_claimed_of_what_does_not_hold),
        cmocka_unit_test(no_relabelled_log_looks_like_secure_boot_D_2),
        cmocka_unit_test(events_outside_the_quote_are_left_out),
        cmocka_unit_test(a_short_record_of_windows_is_log_malformed_B_13),
        cmocka_unit_test(a_linux_boot_claims_what_is_proven),
        cmocka_unit_test(a_bad_boot_is_told_as_it_was),
        cmocka_unit_test(ima_records_follow_the_log),
        cmocka_unit_test(a_windows_boot_claims_what_it_measured_B_13),
        cmocka_unit_test(a_windows_boot_with_a_debugger_says_so),
    };

    return RUN_TESTS(tests);
}
