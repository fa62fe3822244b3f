/*
 * The guest API with the keys of recorded software TPMs. A TPM that opens credentials is in
 * tests/functional; here the secret is known because the test seals the session itself.
 */
#include "world.h"

#include "base/buf.h"
#include "tpm/tpm.h"

struct keys {
    struct span ek_cert, ek_public, ak_public, issuer;
};

static struct keys keys_of(struct world *w, const char *boot, const char *kind)
{
    return (struct keys){
        .ek_cert =
            test_vector(w->arena, arena_printf(w->arena, "boots/%s/ek_%s_cert.der", boot, kind)),
        .ek_public =
            test_vector(w->arena, arena_printf(w->arena, "boots/%s/ek_%s.pub", boot, kind)),
        .ak_public =
            test_vector(w->arena, arena_printf(w->arena, "boots/%s/ak_%s.pub", boot, kind)),
        .issuer = test_vector(w->arena, arena_printf(w->arena, "boots/%s/ca_issuer.pem", boot)),
    };
}

static struct span join_body(struct world *w, const struct keys *k, const char *name)
{
    return span_str(arena_printf(
        w->arena, "{\"ekCertificate\":\"%s\",\"ekPublic\":\"%s\",\"akPublic\":\"%s\"%s%s%s}",
        base64_dup(w->arena, BASE64_STANDARD, k->ek_cert),
        base64_dup(w->arena, BASE64_STANDARD, k->ek_public),
        base64_dup(w->arena, BASE64_STANDARD, k->ak_public), name == NULL ? "" : ",\"name\":\"",
        name == NULL ? "" : name, name == NULL ? "" : "\""));
}

static struct service_answer join(struct world *w, const struct keys *k, const char *name)
{
    struct service_answer answer = {0};

    service_guest_join(w->service, &w->call, join_body(w, k, name), &answer);
    return answer;
}

/* A session as join makes it, with a secret that we know. */
static struct span session_for(struct world *w, const struct keys *k, const char *name,
                               struct span secret, int64_t expires)
{
    CLEANUP(buf_done) struct buf payload = {0};
    uint8_t digest[SHA256_BYTES];
    struct span sealed = {0};

    assert_ok(hash_once(HASH_SHA256, secret, digest));
    buf_init(&payload, TICKET_PAYLOAD_MAX);
    buf_add(&payload, span_of(digest, sizeof(digest)));
    buf_tpm2b(&payload, k->ek_public);
    buf_tpm2b(&payload, k->ak_public);
    buf_tpm2b(&payload, span_str(name));
    buf_tpm2b(&payload, span_str("the maker"));
    buf_tpm2b(&payload, (struct span){0}); /* no join token */
    buf_tpm2b(&payload, (struct span){0}); /* no id of a cloud */
    assert_ok(ticket_seal(w->arena, service_secret(w->service), TICKET_JOIN, expires,
                          buf_span(&payload), &sealed));
    return sealed;
}

static struct service_answer activate(struct world *w, struct span session, struct span secret)
{
    struct service_answer answer = {0};
    struct span body = span_str(arena_printf(w->arena, "{\"session\":\"%s\",\"secret\":\"%s\"}",
                                             base64_dup(w->arena, BASE64_URL, session),
                                             base64_dup(w->arena, BASE64_STANDARD, secret)));

    service_guest_activate(w->service, &w->call, body, &answer);
    return answer;
}

static const char right_secret[] = "0123456789abcdef0123456789abcdef";

static struct service_answer enrol(struct world *w, const struct keys *k, const char *name)
{
    return activate(w, session_for(w, k, name, span_str(right_secret), NOW + 300),
                    span_str(right_secret));
}

static void trust_maker(struct world *w, const struct keys *k)
{
    world_trust(w, "ek/issuer.pem", k->issuer);
}

static size_t count_machines(struct world *w)
{
    struct store_machine *all;
    size_t n;

    assert_ok(store_machines(w->service->store, w->arena, "", 100, NULL, &all, &n));
    return n;
}

/* ---- join ---- */

static void names_the_member_that_is_wrong(void **state)
{
    struct world *w = world_new();
    const struct keys good = keys_of(w, "a-secureboot-healthy", "rsa");
    const struct keys other = keys_of(w, "b-secureboot-off", "rsa");
    struct keys k;
    static const struct {
        const char *body, *words;
    } cases[] = {
        {"{}", "ekPublic"},
        {"[]", "object"},
        {"{\"ekPublic\":\"AAA\"}", "ekPublic"},
        {"{\"name\":\"a b\"}", "name: must be 1 to 64"},
        {"{\"name\":\"\"}", "name"},
        {"{\"name\":7}", "name"},
        {"{\"name\":\"x\",\"name\":\"x\"}", "name"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct service_answer answer = {0};

        service_guest_join(w->service, &w->call, span_str(cases[i].body), &answer);
        expect_refusal(&answer, 400, "InvalidParameter", cases[i].words);
    }
    trust_maker(w, &good);
    k = good;
    k.ek_public = other.ek_public;
    {
        struct service_answer answer = join(w, &k, NULL);

        expect_refusal(&answer, 400, "InvalidParameter", "ekCertificate: is for another key");
    }
    /* AK-2: a storage key is no attestation key. */
    k = good;
    k.ak_public = good.ek_public;
    {
        struct service_answer answer = join(w, &k, NULL);

        expect_refusal(&answer, 400, "InvalidParameter", "akPublic");
    }
    k = good;
    k.ek_public = span_cut(k.ek_public, 0, k.ek_public.len - 1);
    {
        struct service_answer answer = join(w, &k, NULL);

        expect_refusal(&answer, 400, "InvalidParameter", "ekPublic");
    }
    assert_int_equal(count_machines(w), 0);
    world_free(w);
}

/* X-1, and what an operator has to do about it. */
static void says_which_maker_is_not_trusted(void **state)
{
    struct world *w = world_new();
    const struct keys k = keys_of(w, "a-secureboot-healthy", "rsa");
    struct service_answer answer = join(w, &k, NULL);

    (void)state;
    expect_refusal(&answer, 403, "Untrusted", "trust/ek");
    /* An anchor of another role is none. */
    world_trust(w, "ak/issuer.pem", k.issuer);
    answer = join(w, &k, NULL);
    expect_refusal(&answer, 403, "Untrusted", "trust/ek");
    trust_maker(w, &k);
    answer = join(w, &k, NULL);
    expect_success(&answer);
    world_free(w);
}

/* AK-6: before activation nothing is stored, and the key counts for nothing. */
static void stores_nothing_before_activation(void **state)
{
    static const char *const kinds[] = {"rsa", "ecc"};
    struct world *w = world_new();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        const struct keys k = keys_of(w, "a-secureboot-healthy", kinds[i]);
        struct service_answer answer, session = {0};
        yyjson_val *root;
        struct span blob = {0}, wrapped = {0};

        trust_maker(w, &k);
        answer = join(w, &k, "web-1");
        root = answer_root(w, &answer);
        assert_ok(json_need_base64(w->arena, root, "credentialBlob", BASE64_STANDARD, NULL, &blob));
        assert_ok(
            json_need_base64(w->arena, root, "encryptedSecret", BASE64_STANDARD, NULL, &wrapped));
        assert_true(blob.len > 34 && wrapped.len > 32);
        assert_int_equal(yyjson_get_uint(json_get(root, "expiresIn")), 300);
        assert_int_equal(count_machines(w), 0);
        service_guest_session(
            w->service, &w->call,
            span_str(arena_printf(w->arena, "{\"akPublic\":\"%s\"}",
                                  base64_dup(w->arena, BASE64_STANDARD, k.ak_public))),
            &session);
        expect_refusal(&session, 404, "NotFound", "join first");
    }
    world_free(w);
}

/* Anybody may ask to join: which machine is in the way is for the log alone. */
static void expect_undisclosed(struct world *w, const struct service_answer *answer,
                               const char *note)
{
    struct store_machine machine;

    assert_ok(store_machine_by_name(w->service->store, "web-1", NULL, &machine));
    assert_null(strstr(answer->message, machine.id));
    assert_null(strstr(answer->message, "web-1"));
    if (answer->note == NULL || strstr(answer->note, note) == NULL ||
        strstr(answer->note, machine.id) == NULL || strstr(answer->note, "name=web-1") == NULL) {
        fail_msg("note '%s'", answer->note == NULL ? "" : answer->note);
    }
}

/* AK-7: the EK with another AK, the name with another EK. */
static void refuses_keys_and_names_that_belong_to_another_machine(void **state)
{
    struct world *w = world_new();
    const struct keys rsa = keys_of(w, "a-secureboot-healthy", "rsa");
    const struct keys ecc = keys_of(w, "a-secureboot-healthy", "ecc");
    struct keys mixed = rsa;
    struct service_answer answer;

    (void)state;
    trust_maker(w, &rsa);
    answer = enrol(w, &rsa, "web-1");
    expect_success(&answer);
    mixed.ak_public = ecc.ak_public;
    answer = join(w, &mixed, NULL);
    expect_refusal(&answer, 409, "Conflict", "another attestation key");
    expect_refusal(&answer, 409, "Conflict", "bootwarden-server machine replace NAME");
    expect_undisclosed(w, &answer, "conflict=other-attestation-key machine=");
    /* Which names there are, only who has shown a TPM learns: at activation. */
    answer = join(w, &ecc, "web-1");
    expect_success(&answer);
    answer = enrol(w, &ecc, "web-1");
    expect_refusal(&answer, 409, "Conflict", "the name 'web-1' belongs");
    expect_refusal(&answer, 409, "Conflict", "bootwarden-server machine replace web-1");
    mixed = ecc;
    mixed.ak_public = rsa.ak_public;
    answer = join(w, &mixed, NULL);
    expect_refusal(&answer, 409, "Conflict", "another endorsement key");
    expect_undisclosed(w, &answer, "conflict=other-endorsement-key machine=");
    /* And at activation, for who asked before. */
    answer = enrol(w, &ecc, "WEB-1");
    expect_refusal(&answer, 409, "Conflict", "belongs");
    assert_non_null(strstr(answer.note, "conflict=name-taken machine="));
    mixed = rsa;
    mixed.ak_public = ecc.ak_public;
    answer = enrol(w, &mixed, "");
    expect_refusal(&answer, 409, "Conflict", "another attestation key");
    expect_undisclosed(w, &answer, "conflict=other-attestation-key machine=");
    assert_int_equal(count_machines(w), 1);
    world_free(w);
}

static void change(struct world *w, enum store_change what)
{
    struct store_machine machine;
    bool is_new;

    assert_ok(store_machine_by_name(w->service->store, "web-1", NULL, &machine));
    assert_ok(
        store_machine_change(w->service->store, machine.id, what, "root", NOW, NULL, &is_new));
}

/* AK-7: only an operator's word lets other keys in, and then they are the same machine. */
static void lets_other_keys_in_after_an_operator_replaced_the_machine(void **state)
{
    struct world *w = world_new();
    const struct keys rsa = keys_of(w, "a-secureboot-healthy", "rsa");
    const struct keys ecc = keys_of(w, "a-secureboot-healthy", "ecc");
    struct keys mixed = rsa;
    struct service_answer answer;
    struct span token;
    const char *id;

    (void)state;
    trust_maker(w, &rsa);
    answer = enrol(w, &rsa, "web-1");
    id = json_text(json_get(answer_root(w, &answer), "machineId"));
    token = json_span(json_get(answer_root(w, &answer), "sessionToken"));
    change(w, STORE_REPLACE);
    answer = (struct service_answer){0};
    service_guest_challenge(w->service, &w->call, token, span_str("{}"), &answer);
    expect_refusal(&answer, 401, "Unauthorized", "not active any more");
    mixed.ak_public = ecc.ak_public;
    answer = join(w, &mixed, NULL);
    expect_success(&answer);
    answer = enrol(w, &mixed, "");
    assert_string_equal(json_text(json_get(answer_root(w, &answer), "machineId")), id);
    assert_string_equal(json_text(json_get(answer_root(w, &answer), "name")), "web-1");
    /* Another endorsement key, by the name. */
    change(w, STORE_REPLACE);
    answer = join(w, &ecc, "web-1");
    expect_success(&answer);
    answer = enrol(w, &ecc, "web-1");
    assert_string_equal(json_text(json_get(answer_root(w, &answer), "machineId")), id);
    assert_int_equal(count_machines(w), 1);
    world_free(w);
}

/* AK-7: and when the operator says which, only those. */
static void keeps_a_replaced_machine_for_the_key_that_was_named(void **state)
{
    struct world *w = world_new();
    const struct keys rsa = keys_of(w, "a-secureboot-healthy", "rsa");
    const struct keys ecc = keys_of(w, "a-secureboot-healthy", "ecc");
    struct keys mixed = rsa;
    struct store_machine machine;
    uint8_t named[STORE_DIGEST_BYTES] = {1};
    struct service_answer answer;
    const char *key;
    bool is_new;

    (void)state;
    trust_maker(w, &rsa);
    answer = enrol(w, &rsa, "web-1");
    expect_success(&answer);
    assert_ok(store_machine_by_name(w->service->store, "web-1", NULL, &machine));
    assert_ok(
        store_machine_replace(w->service->store, machine.id, named, "root", NOW, NULL, &is_new));
    /* Neither its own TPM, nor another under the name, asked early and at activation. */
    mixed.ak_public = ecc.ak_public;
    answer = join(w, &mixed, NULL);
    expect_refusal(&answer, 409, "Conflict", "kept for another endorsement key");
    expect_undisclosed(w, &answer, "conflict=place-kept machine=");
    answer = enrol(w, &ecc, "web-1");
    expect_refusal(&answer, 409, "Conflict", "bootwarden-server machine replace NAME --ek DIGEST");
    /* The log has the key to name. */
    key = strstr(answer.note, " ek=");
    assert_non_null(key);
    assert_ok(hex_decode_into(span_of((const uint8_t *)key + 4, 64), named, sizeof(named)));
    assert_ok(
        store_machine_replace(w->service->store, machine.id, named, "root", NOW, NULL, &is_new));
    answer = enrol(w, &ecc, "web-1");
    assert_string_equal(json_text(json_get(answer_root(w, &answer), "machineId")), machine.id);
    world_free(w);
}

static void keeps_a_disabled_machine_out(void **state)
{
    struct world *w = world_new();
    const struct keys k = keys_of(w, "a-secureboot-healthy", "rsa");
    struct service_answer answer;

    (void)state;
    trust_maker(w, &k);
    answer = enrol(w, &k, "web-1");
    expect_success(&answer);
    change(w, STORE_DISABLE);
    answer = join(w, &k, NULL);
    expect_refusal(&answer, 409, "Conflict", "bootwarden vm enable NAME");
    expect_undisclosed(w, &answer, "conflict=disabled machine=");
    answer = enrol(w, &k, "");
    expect_refusal(&answer, 409, "Conflict", "disabled by an operator");
    expect_undisclosed(w, &answer, "conflict=disabled machine=");
    change(w, STORE_ENABLE);
    answer = join(w, &k, NULL);
    expect_success(&answer);
    world_free(w);
}

/* ---- activate ---- */

/* AK-5: a session is good for one attempt, right or wrong, in time, of this server. */
static void gives_a_session_one_attempt(void **state)
{
    struct world *w = world_new();
    const struct keys k = keys_of(w, "a-secureboot-healthy", "rsa");
    struct span session = session_for(w, &k, "", span_str(right_secret), NOW + 300);
    struct service_answer answer;

    (void)state;
    answer = activate(w, session, span_str("0123456789abcdef0123456789abcdeX"));
    expect_refusal(&answer, 401, "ActivationFailed", "the secret is wrong");
    answer = activate(w, session, span_str(right_secret));
    expect_refusal(&answer, 401, "ActivationFailed", "used before");
    session = session_for(w, &k, "", span_str(right_secret), NOW);
    answer = activate(w, session, span_str(right_secret));
    expect_refusal(&answer, 401, "ActivationFailed", "expired");
    session = session_for(w, &k, "", span_str(right_secret), NOW + 300);
    ((uint8_t *)(uintptr_t)session.data)[40] ^= 1;
    answer = activate(w, session, span_str(right_secret));
    expect_refusal(&answer, 401, "ActivationFailed", "not made by this server");
    answer = activate(w, span_str("short"), span_str(right_secret));
    expect_refusal(&answer, 401, "ActivationFailed", "not made by this server");
    /* A prefix of the secret, and an empty one, are other secrets. */
    session = session_for(w, &k, "", span_str(right_secret), NOW + 300);
    answer = activate(w, session, span_of(right_secret, 16));
    expect_refusal(&answer, 401, "ActivationFailed", "the secret is wrong");
    assert_int_equal(count_machines(w), 0);
    world_free(w);
}

static void certifies_exactly_the_key_that_was_challenged(void **state)
{
    struct world *w = world_new();
    const struct keys k = keys_of(w, "a-secureboot-healthy", "rsa");
    struct service_answer answer = enrol(w, &k, "web-1");
    yyjson_val *root = answer_root(w, &answer);
    const char *id = json_text(json_get(root, "machineId"));
    CLEANUP(cert_free) struct cert *cert = NULL, *ca = NULL;
    CLEANUP(cert_store_free) struct cert_store *anchors = cert_store_new();
    CLEANUP(pubkey_free) struct pubkey *ak = NULL;
    struct tpm_public pub;
    struct span der = {0};
    int64_t from, to;

    (void)state;
    assert_string_equal(json_text(json_get(root, "name")), "web-1");
    assert_ok(json_need_base64(w->arena, root, "akCertificate", BASE64_STANDARD, NULL, &der));
    assert_ok(cert_new_der(der, NULL, &cert));
    assert_ok(tpm2b_public_parse(k.ak_public, false, NULL, &pub));
    assert_ok(tpm_public_key(&pub, NULL, &ak));
    assert_true(pubkey_equal(cert_key(cert), ak));
    assert_string_equal(cert_common_name(cert, w->arena),
                        arena_printf(w->arena, "%s.TrustedVM", id));
    assert_true(cert_has_eku(cert, "2.23.133.8.3"));
    cert_validity(cert, &from, &to);
    assert_int_equal(to, NOW + 365 * 86400);
    /* It leads to the CA that came with it. */
    assert_ok(base64_decode(w->arena, BASE64_STANDARD,
                            json_span(yyjson_arr_get(json_get(root, "caCertificates"), 0)), &der));
    assert_ok(cert_new_der(der, NULL, &ca));
    assert_ok(cert_store_add(anchors, ca));
    assert_ok(cert_verify(cert, NULL, anchors, CERT_ROLE_AK, NOW, false, NULL));
    world_free(w);
}

static void keeps_the_machine_id_when_a_machine_joins_again(void **state)
{
    struct world *w = world_new();
    const struct keys k = keys_of(w, "a-secureboot-healthy", "rsa");
    struct service_answer first = enrol(w, &k, "web-1"), second;
    const char *id = json_text(json_get(answer_root(w, &first), "machineId"));

    (void)state;
    assert_ok(world_reopen(w, NULL)); /* and after a restart */
    second = enrol(w, &k, "other-name");
    assert_string_equal(json_text(json_get(answer_root(w, &second), "machineId")), id);
    assert_string_equal(json_text(json_get(answer_root(w, &second), "name")), "web-1");
    assert_int_equal(count_machines(w), 1);
    world_free(w);
}

static void challenges_a_known_key_without_joining_again(void **state)
{
    struct world *w = world_new();
    const struct keys k = keys_of(w, "a-secureboot-healthy", "ecc");
    struct service_answer answer = enrol(w, &k, ""), session = {0};
    yyjson_val *root;

    (void)state;
    expect_success(&answer);
    service_guest_session(
        w->service, &w->call,
        span_str(arena_printf(w->arena, "{\"akPublic\":\"%s\"}",
                              base64_dup(w->arena, BASE64_STANDARD, k.ak_public))),
        &session);
    root = answer_root(w, &session);
    assert_non_null(json_get(root, "session"));
    assert_non_null(json_get(root, "encryptedSecret"));
    world_free(w);
}

/* ---- challenge ---- */

static void gives_challenges_only_to_sessions(void **state)
{
    struct world *w = world_new();
    const struct keys k = keys_of(w, "a-secureboot-healthy", "rsa");
    struct service_answer answer = enrol(w, &k, "web-1");
    struct span token = json_span(json_get(answer_root(w, &answer), "sessionToken"));
    struct span join_ticket = session_for(w, &k, "", span_str(right_secret), NOW + 300);
    const char *wrong_purpose = base64_dup(w->arena, BASE64_URL, join_ticket);
    const struct {
        struct span bearer;
        int64_t now;
        const char *words;
    } refused[] = {
        {{0}, NOW, "is needed"},
        {span_str("***"), NOW, "malformed"},
        {span_str("AAAA"), NOW, "not made by this server"},
        {span_str(wrong_purpose), NOW, "not made by this server"},
        {token, NOW + SERVICE_SESSION_S, "expired"},
    };
    struct service_call call = w->call;
    struct span context = {0};
    yyjson_val *root;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        struct service_answer no = {0};

        call.now = refused[i].now;
        service_guest_challenge(w->service, &call, refused[i].bearer, span_str("{}"), &no);
        expect_refusal(&no, 401, "Unauthorized", refused[i].words);
    }
    answer = (struct service_answer){0};
    service_guest_challenge(w->service, &w->call, token, span_str("{}"), &answer);
    root = answer_root(w, &answer);
    assert_ok(json_need_base64(w->arena, root, "context", BASE64_URL, NULL, &context));
    assert_true(context.len >= 16 && context.len <= 512);
    answer = (struct service_answer){0};
    service_guest_challenge(w->service, &w->call, token, span_str("nonsense"), &answer);
    expect_refusal(&answer, 400, "InvalidParameter", "JSON");
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_the_member_that_is_wrong),
        cmocka_unit_test(says_which_maker_is_not_trusted),
        cmocka_unit_test(stores_nothing_before_activation),
        cmocka_unit_test(refuses_keys_and_names_that_belong_to_another_machine),
        cmocka_unit_test(lets_other_keys_in_after_an_operator_replaced_the_machine),
        cmocka_unit_test(keeps_a_replaced_machine_for_the_key_that_was_named),
        cmocka_unit_test(keeps_a_disabled_machine_out),
        cmocka_unit_test(gives_a_session_one_attempt),
        cmocka_unit_test(certifies_exactly_the_key_that_was_challenged),
        cmocka_unit_test(keeps_the_machine_id_when_a_machine_joins_again),
        cmocka_unit_test(challenges_a_known_key_without_joining_again),
        cmocka_unit_test(gives_challenges_only_to_sessions),
    };

    return RUN_TESTS(tests);
}
