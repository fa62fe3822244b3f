/*
 * Exchanges that were recorded from the real service, answered here: the same members, the same
 * encodings, and what can be computed byte for byte.
 */
#include "owner.h"

static yyjson_val *recorded(struct world *w, const char *name)
{
    yyjson_val *root = NULL;

    assert_ok(json_read(w->arena,
                        test_public_file(w->arena, arena_printf(w->arena, "attestation/%s", name)),
                        NULL, NULL, &root));
    return root;
}

/* A part of a compact token, as it stands and decoded. */
static struct span part_of(struct world *w, struct span token, int which)
{
    struct span decoded = {0};
    const uint8_t *begin = token.data, *end;

    for (int i = 0; i < which; i++) {
        begin = (const uint8_t *)memchr(begin, '.', token.len - (size_t)(begin - token.data)) + 1;
    }
    end = memchr(begin, '.', token.len - (size_t)(begin - token.data));
    assert_non_null(end);
    assert_ok(base64_decode(w->arena, BASE64_URL, span_of(begin, (size_t)(end - begin)), &decoded));
    return decoded;
}

/* The same members in the same order. */
static void expect_same_members(struct world *w, struct span ours, struct span theirs)
{
    yyjson_val *a = NULL, *b = NULL, *key_a, *key_b;
    yyjson_obj_iter iter_a, iter_b;

    assert_ok(json_read(w->arena, ours, NULL, NULL, &a));
    assert_ok(json_read(w->arena, theirs, NULL, NULL, &b));
    iter_a = yyjson_obj_iter_with(a);
    iter_b = yyjson_obj_iter_with(b);
    while ((key_b = yyjson_obj_iter_next(&iter_b)) != NULL) {
        key_a = yyjson_obj_iter_next(&iter_a);
        assert_non_null(key_a);
        assert_string_equal(yyjson_get_str(key_a), yyjson_get_str(key_b));
        assert_int_equal(yyjson_get_type(yyjson_obj_iter_get_val(key_a)),
                         yyjson_get_type(yyjson_obj_iter_get_val(key_b)));
    }
    assert_null(yyjson_obj_iter_next(&iter_a));
}

static void a_policy_is_set_as_it_was_recorded(void **state)
{
    test_needs_public_data();

    struct world *w = world_new();
    CLEANUP(provider_unref) struct provider *own = own_provider(w, "own", NULL);
    yyjson_val *exchange = recorded(w, "policy-set-exchange.json");
    struct service_answer answer =
        set_policy(w, own, "Tpm", json_span(json_get(exchange, "request_body")));
    yyjson_val *root = answer_root(w, &answer), *theirs = NULL, *ours = NULL;
    struct span token = json_span(json_get(root, "token"));
    struct span their_token = json_span(json_get(json_get(exchange, "response_body"), "token"));

    (void)state;
    assert_int_equal(yyjson_obj_size(root), 1);
    expect_same_members(w, part_of(w, token, 0), part_of(w, their_token, 0));
    expect_same_members(w, part_of(w, token, 1), part_of(w, their_token, 1));
    assert_ok(json_read(w->arena, part_of(w, token, 1), NULL, NULL, &ours));
    assert_ok(json_read(w->arena, part_of(w, their_token, 1), NULL, NULL, &theirs));
    assert_string_equal(json_text(json_get(ours, "x-ms-policy-token-hash")),
                        json_text(json_get(theirs, "x-ms-policy-token-hash")));
    assert_string_equal(json_text(json_get(ours, "x-ms-policy-result")),
                        json_text(json_get(theirs, "x-ms-policy-result")));
    assert_int_equal(
        yyjson_get_sint(json_get(ours, "exp")) - yyjson_get_sint(json_get(ours, "iat")),
        yyjson_get_sint(json_get(theirs, "exp")) - yyjson_get_sint(json_get(theirs, "iat")));
    world_free(w);
}

static void a_first_tpm_exchange_is_answered_as_it_was_recorded(void **state)
{
    test_needs_public_data();

    struct world *w = world_new();
    struct provider *own = own_provider(w, "own", NULL);
    yyjson_val *exchange = recorded(w, "tpm-attest-init-exchange.json");
    yyjson_mut_doc *doc = json_new(w->arena);
    struct span body =
        json_write(w->arena, doc, yyjson_val_mut_copy(doc, json_get(exchange, "request")), false);
    struct service_answer answer = set_policy(
        w, own, "Tpm",
        policy_by(w, NULL, "version=1.0; authorizationrules{=> permit();}; issuancerules{};"));
    struct span ours = {0}, theirs = {0};
    yyjson_val *our_payload = NULL, *their_payload = NULL;
    struct span our_challenge = {0}, their_challenge = {0};

    (void)state;
    expect_success(&answer);
    provider_unref(own);
    own = service_provider(w->service, span_str("own"));
    answer = (struct service_answer){0};
    service_attest_tpm(w->service, own, &w->call, body, &answer);
    assert_ok(base64_decode(w->arena, BASE64_URL,
                            json_span(json_get(answer_root(w, &answer), "data")), &ours));
    assert_ok(base64_decode(w->arena, BASE64_URL,
                            json_span(json_get(json_get(exchange, "response"), "data")), &theirs));
    expect_same_members(w, ours, theirs);
    assert_ok(json_read(w->arena, ours, NULL, NULL, &our_payload));
    assert_ok(json_read(w->arena, theirs, NULL, NULL, &their_payload));
    our_payload = json_get(our_payload, "payload");
    their_payload = json_get(their_payload, "payload");
    assert_int_equal(yyjson_obj_size(our_payload), yyjson_obj_size(their_payload));
    assert_ok(
        json_need_base64(w->arena, our_payload, "challenge", BASE64_URL, NULL, &our_challenge));
    assert_ok(
        json_need_base64(w->arena, their_payload, "challenge", BASE64_URL, NULL, &their_challenge));
    assert_int_equal(our_challenge.len, their_challenge.len);
    assert_ok(json_need_base64(w->arena, our_payload, "service_context", BASE64_URL, NULL, &ours));
    provider_unref(own);
    world_free(w);
}

/* attestation-api 3.3: both rules for kid hold for the published set, and for ours. */
static void keys_are_named_by_the_rules_of_the_recorded_set(void **state)
{
    test_needs_public_data();

    struct world *w = world_new();
    struct service_answer answer = {0};
    yyjson_val *sets[2], *key;
    size_t n_checked = 0;

    (void)state;
    service_jwks(w->service, w->home, &w->call, &answer);
    sets[0] = recorded(w, "maa-certs-response-2020.json");
    sets[1] = answer_root(w, &answer);
    for (size_t s = 0; s < ARRAY_LEN(sets); s++) {
        size_t i, n;

        yyjson_arr_foreach(json_get(sets[s], "keys"), i, n, key)
        {
            CLEANUP(cert_free) struct cert *cert = NULL;
            struct span der = {0};
            const char *kid = NULL;

            assert_ok(base64_decode(w->arena, BASE64_STANDARD,
                                    json_span(yyjson_arr_get_first(json_get(key, "x5c"))), &der));
            assert_ok(cert_new_der(der, NULL, &cert));
            assert_ok(token_kid(w->arena, cert, &kid));
            assert_string_equal(kid, json_text(json_get(key, "kid")));
            assert_non_null(json_get(key, "kty"));
            n_checked++;
        }
    }
    assert_true(n_checked > 3);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_policy_is_set_as_it_was_recorded),
        cmocka_unit_test(a_first_tpm_exchange_is_answered_as_it_was_recorded),
        cmocka_unit_test(keys_are_named_by_the_rules_of_the_recorded_set),
    };

    return RUN_TESTS(tests);
}
