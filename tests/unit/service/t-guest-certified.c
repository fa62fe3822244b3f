/*
 * Guests of a cloud: an attestation key that has a certificate, and a machine that has an id. What
 * becomes of them when the key is another one.
 */
#include "unit/service/world.h"

#include "service/guest.h"
#include "service/machines.h"
#include "store/joins.h"

#define GUID "0b5ad5f4-1f7e-4a51-9e4c-6c1cf24d2d10"

static struct fabricated *keys[2]; /* made once: keys are slow under sanitizers */
static struct arena *keys_arena;

static int make_keys(void **state)
{
    (void)state;
    keys_arena = test_arena();
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        keys[i] = fabricate_machine(keys_arena, NOW);
    }
    return 0;
}

static int free_keys(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        fabricated_free(keys[i]);
    }
    arena_free(keys_arena);
    return 0;
}

/* The cloud is the first machine's CA. */
static struct world *world_of_cloud(void)
{
    struct world *w = world_new();
    struct span pem = {0};

    assert_ok(cert_pem(keys[0]->ca, w->arena, &pem));
    world_trust(w, "ak/cloud.pem", pem);
    return w;
}

static const char *certificate_of(struct world *w, size_t key)
{
    const struct cert_request request = {.profile = CERT_AK,
                                         .common_name = GUID ".TrustedVM.Azure.example",
                                         .not_before = NOW - 1000,
                                         .not_after = NOW + 1000};
    CLEANUP(cert_free) struct cert *cert = NULL;

    assert_ok(cert_issue(&request, signkey_public(keys[key]->ak_key), keys[0]->ca, keys[0]->ca_key,
                         &cert));
    return base64_dup(w->arena, BASE64_STANDARD, cert_der(cert));
}

static struct service_answer join_with(struct world *w, size_t key, const char *member,
                                       const char *value)
{
    struct service_answer answer = {0};

    service_guest_join(
        w->service, &w->call,
        span_str(arena_printf(
            w->arena, "{\"akCertificate\":\"%s\",\"akPublic\":\"%s\"%s%s%s%s%s}",
            certificate_of(w, key), base64_dup(w->arena, BASE64_STANDARD, keys[key]->ak_public),
            value[0] == '\0' ? "" : ",\"", value[0] == '\0' ? "" : member,
            value[0] == '\0' ? "" : "\":\"", value, value[0] == '\0' ? "" : "\"")),
        &answer);
    return answer;
}

static struct service_answer join(struct world *w, size_t key, const char *name)
{
    return join_with(w, key, "name", name);
}

/* The answer to a nonce: a quote by the key. */
static struct service_answer activate(struct world *w, size_t key,
                                      const struct service_answer *joined)
{
    yyjson_val *root = answer_root(w, joined);
    const struct tpm_pcrs pcrs = {0};
    struct fabricate_request request = {0};
    struct service_answer answer = {0};
    struct span nonce = {0}, attest = {0}, signature = {0};
    uint8_t data[SHA256_BYTES];

    assert_ok(json_need_base64(w->arena, root, "nonce", BASE64_STANDARD, NULL, &nonce));
    assert_ok(guest_quote_data(&w->call, nonce, data));
    request.nonce = span_of(data, sizeof(data));
    fabricate_quote(w->arena, keys[key], &request, &pcrs, &attest, &signature);
    service_guest_activate(
        w->service, &w->call,
        span_str(arena_printf(
            w->arena, "{\"session\":\"%s\",\"quote\":\"%s\",\"signature\":\"%s\"}",
            json_text(json_get(root, "session")), base64_dup(w->arena, BASE64_STANDARD, attest),
            base64_dup(w->arena, BASE64_STANDARD, signature))),
        &answer);
    return answer;
}

static void enrol(struct world *w, size_t key, const char *name, const char *wanted_name)
{
    struct service_answer answer = join(w, key, name);
    yyjson_val *root;

    answer = activate(w, key, &answer);
    root = answer_root(w, &answer);
    assert_string_equal(json_text(json_get(root, "machineId")), GUID);
    assert_string_equal(json_text(json_get(root, "name")), wanted_name);
}

/* It would be stuck without a word of what is in its way: its id is. */
static void another_key_of_a_known_machine_is_told_what_to_do(void **state)
{
    static const char *const names[] = {"", "web", "other"};
    struct world *w = world_of_cloud();

    (void)state;
    enrol(w, 0, "web", "web");
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct service_answer answer = join(w, 1, names[i]);

        expect_refusal(&answer, 409, "Conflict", "has another attestation key");
        expect_refusal(&answer, 409, "Conflict", "bootwarden-server machine replace NAME");
        assert_null(strstr(answer.message, "web"));
        assert_non_null(strstr(answer.note, "conflict=other-attestation-key machine=" GUID));
    }
    world_free(w);
}

/* And at activation, when it asked before the other one joined. */
static void another_key_that_asked_before_is_told_too(void **state)
{
    struct world *w = world_of_cloud();
    struct service_answer asked = join(w, 1, "other");

    (void)state;
    enrol(w, 0, "web", "web");
    asked = activate(w, 1, &asked);
    expect_refusal(&asked, 409, "Conflict", "machine replace NAME");
    assert_non_null(strstr(asked.note, "conflict=other-attestation-key machine=" GUID));
    world_free(w);
}

/* Whatever it is called: the id is the cloud's word. */
static void a_replaced_machine_comes_back_with_another_key(void **state)
{
    static const char *const names[] = {"", "web", "other"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct world *w = world_of_cloud();
        struct store_machine machine;
        bool is_new;

        enrol(w, 0, "web", "web");
        assert_ok(
            store_machine_change(w->service->store, GUID, STORE_REPLACE, "me", NOW, NULL, &is_new));
        enrol(w, 1, names[i], "web");
        assert_ok(store_machine_by_id(w->service->store, GUID, NULL, &machine));
        assert_true(span_equal(span_of(machine.ak_name, machine.ak_name_len),
                               tpm_name_span(&keys[1]->ak_name)));
        world_free(w);
    }
}

/* Who let it in is in the line of its activation, as a value that breaks no line. */
static void the_log_says_by_whose_word_it_joined(void **state)
{
    static const char subscription[] = "11111111-2222-4333-8444-555555555555";
    const struct machine_path path = {.subscription = span_str(subscription),
                                      .who = "An Owner x=1\n"};
    struct world *w = world_of_cloud();
    struct service_answer answer = {0};

    (void)state;
    service_join_announce(w->service, &w->call, &path, span_str("{\"name\":\"cloud\"}"), &answer);
    answer = join_with(w, 0, "joinToken", json_text(json_get(answer_root(w, &answer), "token")));
    answer = activate(w, 0, &answer);
    expect_success(&answer);
    assert_string_equal(answer.note,
                        "machine=" GUID " name=cloud announced-by=\"An Owner x=1\\n\"");
    /* It is its machine from then on, by nobody's word. */
    answer = join(w, 0, "cloud");
    answer = activate(w, 0, &answer);
    assert_string_equal(answer.note, "machine=" GUID " name=cloud");
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_key_of_a_known_machine_is_told_what_to_do),
        cmocka_unit_test(another_key_that_asked_before_is_told_too),
        cmocka_unit_test(a_replaced_machine_comes_back_with_another_key),
        cmocka_unit_test(the_log_says_by_whose_word_it_joined),
    };

    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
