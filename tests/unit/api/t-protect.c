/* Protected paths: what is answered, and what the audit log says of it. */
#include "support/support.h"

#include "api/internal.h"
#include "api/protect.h"
#include "base/file.h"
#include "base/timestamp.h"
#include "identity/gate.h"
#include "service/audit.h"
#include "json/json.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TARGET "PUT /policies/AzureGuest?api-version=2025-06-01 HTTP/1.1\r\nHost: x\r\n"

static char folder[64], path[96];
static struct arena *arena;
static struct gate *gate;
static struct audit *audit;
static struct api api;
static struct http_head head;
static struct http_request request;
static struct http_response response;
static const char *own;

static int start(void **state)
{
    struct gate_options options = {
        .endpoint = "https://localhost:8443", .has_provider = true, .is_dev = true};

    (void)state;
    arena = test_arena();
    snprintf(folder, sizeof(folder), "/tmp/bootwarden-protect-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/audit.log", folder);
    options.folder = folder;
    assert_ok(gate_open(&options, NULL, &gate));
    assert_ok(audit_open(path, NULL, NULL, &audit));
    api.gate = gate;
    api.audit = audit;
    own = arena_printf(arena, "/subscriptions/%s", gate_dev(gate)->subscription);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    gate_close(gate);
    audit_close(audit);
    if (fork() == 0) {
        execlp("rm", "rm", "-rf", folder, NULL);
        _exit(1);
    }
    arena_free(arena);
    return 0;
}

/* A request with this bearer token, NULL for none. */
static void begin(const char *token)
{
    const char *text = token == NULL
                           ? TARGET "\r\n"
                           : arena_printf(arena, TARGET "Authorization: Bearer %s\r\n\r\n", token);

    head = (struct http_head){0};
    assert_int_equal(http_head_parse(span_str(text), NULL, &head), 0);
    request = (struct http_request){
        .head = &head, .arena = arena, .peer = "127.0.0.1:5", .id = "r1", .context = &api};
    response = (struct http_response){0};
}

static const char *token_by(const char *form)
{
    const struct idp_call call = {
        .arena = arena, .now = timestamp_now(), .tenant = span_str(gate_dev(gate)->tenant)};
    struct idp_answer answer;
    yyjson_val *root = NULL;

    idp_token(gate_idp(gate), &call, span_str(form), &answer);
    assert_ok(json_read(arena, answer.body, NULL, NULL, &root));
    return json_text(json_get(root, "access_token"));
}

static const char *token_for(const char *resource)
{
    return token_by(arena_printf(arena,
                                 "grant_type=client_credentials&client_id=%s&client_secret=%s&"
                                 "scope=%s/.default",
                                 gate_dev(gate)->client_id, gate_dev(gate)->secret, resource));
}

static const char *header(const char *name)
{
    for (size_t i = 0; i < response.n_headers; i++) {
        if (strcmp(response.headers[i].name, name) == 0) {
            return response.headers[i].value;
        }
    }
    return "";
}

/* The last line of the audit log. */
static yyjson_val *last_line(void)
{
    struct span text = {0};
    yyjson_val *line = NULL;
    size_t from;

    assert_ok(file_read(arena, path, 1024 * 1024, NULL, &text));
    assert_true(text.len > 1);
    for (from = text.len - 1; from > 0 && text.data[from - 1] != '\n'; from--) {
    }
    assert_ok(json_read(arena, span_cut(text, from, text.len - from - 1), NULL, NULL, &line));
    return line;
}

static void assert_answer(unsigned status, const char *code, const char *reason, bool is_known)
{
    yyjson_val *line = last_line();

    assert_int_equal(response.status, status);
    assert_string_equal(response.error_code, code);
    assert_string_equal(json_text(json_get(line, "reason")), reason);
    assert_string_equal(json_text(json_get(line, "event")), "refused");
    assert_string_equal(json_text(json_get(line, "path")), "/policies/AzureGuest");
    assert_string_equal(json_text(json_get(line, "id")), "r1");
    assert_int_equal(yyjson_get_uint(json_get(line, "status")), status);
    assert_int_equal(json_get(line, "oid") != NULL, is_known);
    /* Which check failed is the operator's to know. */
    assert_null(strstr((const char *)response.body.data, reason));
}

static void the_data_plane_refuses_with_401_whatever_the_reason(void **state)
{
    static const char body[] = "{\"error\":{\"code\":\"Unauthorized\",\"message\":\"Access to "
                               "/policies/AzureGuest requires a valid JWT bearer token\"}}";
    const char *authority = gate_authority(gate);
    struct access_caller caller;

    (void)state;
    begin(NULL);
    assert_false(
        protect_check(&request, &response, ACCESS_DATA, ACCESS_ATTESTATION_WRITE, own, &caller));
    assert_answer(401, "Unauthorized", "no-token", false);
    assert_string_equal((const char *)response.body.data, body);
    assert_string_equal(header("WWW-Authenticate"),
                        arena_printf(arena, "Bearer authorization_uri=\"%s\"", authority));

    begin("nonsense");
    assert_false(
        protect_check(&request, &response, ACCESS_DATA, ACCESS_ATTESTATION_WRITE, own, &caller));
    assert_answer(401, "Unauthorized", "token-malformed", false);
    assert_string_equal((const char *)response.body.data, body);
    assert_string_equal(
        header("WWW-Authenticate"),
        arena_printf(arena, "Bearer authorization_uri=\"%s\", error=\"invalid_token\"", authority));

    begin(token_for("https://management.azure.com"));
    assert_false(
        protect_check(&request, &response, ACCESS_DATA, ACCESS_ATTESTATION_WRITE, own, &caller));
    assert_answer(401, "Unauthorized", "token-audience", false);

    begin(token_for("https://attest.azure.net"));
    assert_false(protect_check(&request, &response, ACCESS_DATA, ACCESS_ATTESTATION_WRITE,
                               "/subscriptions/other", &caller));
    assert_answer(401, "Unauthorized", "role-missing", true);
    assert_string_equal((const char *)response.body.data, body);

    begin(token_for("https://attest.azure.net"));
    assert_false(protect_check(&request, &response, ACCESS_DATA, ACCESS_ATTESTATION_WRITE,
                               ACCESS_SHARED_SCOPE "sharedeus", &caller));
    assert_answer(401, "Unauthorized", "shared-provider", true);
}

static void the_management_plane_tells_who_from_what(void **state)
{
    struct access_caller caller;

    (void)state;
    begin(NULL);
    assert_false(
        protect_check(&request, &response, ACCESS_MANAGEMENT, ACCESS_PROVIDER_WRITE, own, &caller));
    assert_answer(401, "AuthenticationFailed", "no-token", false);
    begin(token_for("https://management.azure.com"));
    assert_false(protect_check(&request, &response, ACCESS_MANAGEMENT, ACCESS_PROVIDER_WRITE,
                               "/subscriptions/other", &caller));
    assert_answer(403, "AuthorizationFailed", "role-missing", true);
    assert_string_equal(header("WWW-Authenticate"), "");
}

static void assert_refused_in_words(const char *token, const char *code, const char *words)
{
    struct access_caller caller;

    begin(token);
    assert_false(protect_check(&request, &response, ACCESS_MANAGEMENT, ACCESS_PROVIDER_WRITE,
                               "/subscriptions/other", &caller));
    assert_string_equal(response.error_code, code);
    if (strstr((const char *)response.body.data, words) == NULL) {
        fail_msg("no '%s' in %s", words, (const char *)response.body.data);
    }
}

/* Who holds a token that was signed learns what to do; a changed one is just not valid. */
static void the_management_plane_says_what_is_wrong_with_a_token(void **state)
{
    char *changed = strdup(token_for("https://attest.azure.net"));

    (void)state;
    assert_refused_in_words(token_for("https://attest.azure.net"),
                            "InvalidAuthenticationTokenAudience", "for another service");
    changed[strlen(changed) - 8] ^= 1;
    assert_refused_in_words(changed, "AuthenticationFailed", "The access token is not valid.");
    free(changed);
}

/* Whoever asked for the token, the refusal names the person; a service has no other name. */
static void a_refusal_names_who_asked(void **state)
{
    (void)state;
    assert_refused_in_words(token_by(arena_printf(arena,
                                                  "username=%s&password=%s&grant_type=password&"
                                                  "client_id=04b07795-8ddb-461a-bbee-02f9e1bf7b46&"
                                                  "scope=https://management.azure.com/.default",
                                                  gate_dev(gate)->user, gate_dev(gate)->password)),
                            "AuthorizationFailed",
                            arena_printf(arena, "The client '%s' with object id '%s'",
                                         gate_dev(gate)->user, gate_dev(gate)->user_object_id));
    assert_refused_in_words(token_for("https://management.azure.com"), "AuthorizationFailed",
                            arena_printf(arena, "The client '%s' with object id '%s'",
                                         gate_dev(gate)->client_id, gate_dev(gate)->object_id));
}

/* Whoever signed in elsewhere learns where to sign in, and nothing else. */
static void a_token_of_an_unknown_issuer_is_of_another_tenant(void **state)
{
    /* {"alg":"RS256"} and {"iss":"https://elsewhere"} */
    static const char foreign[] = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwczovL2Vsc2V3aGVyZSJ9.AAAA";
    struct access_caller caller;

    (void)state;
    begin(foreign);
    assert_false(
        protect_check(&request, &response, ACCESS_MANAGEMENT, ACCESS_PROVIDER_WRITE, own, &caller));
    assert_answer(401, "InvalidAuthenticationTokenTenant", "issuer-unknown", false);
    assert_string_equal(header("WWW-Authenticate"),
                        arena_printf(arena,
                                     "Bearer authorization_uri=\"%s\", error=\"invalid_token\"",
                                     gate_authority(gate)));
    assert_null(strstr((const char *)response.body.data, "elsewhere"));
    begin(foreign);
    assert_false(
        protect_check(&request, &response, ACCESS_DATA, ACCESS_ATTESTATION_WRITE, own, &caller));
    assert_answer(401, "Unauthorized", "issuer-unknown", false);
}

static void a_change_is_in_the_log_before_and_after(void **state)
{
    struct access_caller caller = {0};
    const struct protect_change change = {&caller, ACCESS_ATTESTATION_WRITE, own};
    yyjson_val *line;

    (void)state;
    begin(token_for("https://attest.azure.net"));
    assert_true(
        protect_check(&request, &response, ACCESS_DATA, ACCESS_ATTESTATION_WRITE, own, &caller));
    assert_string_equal(caller.object_id, gate_dev(gate)->object_id);
    assert_true(protect_begin(&request, &response, &change));
    line = last_line();
    assert_string_equal(json_text(json_get(line, "event")), "begin");
    assert_string_equal(json_text(json_get(line, "oid")), caller.object_id);
    assert_string_equal(json_text(json_get(line, "scope")), own);
    assert_null(json_get(line, "status"));
    http_answer_json(&response, 200, span_str("{}"));
    protect_finish(&request, &response, &change);
    line = last_line();
    assert_string_equal(json_text(json_get(line, "event")), "finish");
    assert_int_equal(yyjson_get_uint(json_get(line, "status")), 200);
    http_answer_error(arena, &response, 400, "InvalidOperation", "no");
    protect_refused(&request, &response, &change, NULL);
    assert_string_equal(json_text(json_get(last_line(), "reason")), "InvalidOperation");
}

static void nothing_is_changed_that_cannot_be_audited(void **state)
{
    CLEANUP(audit_close) struct audit *full = NULL;
    const struct protect_change change = {NULL, ACCESS_ATTESTATION_WRITE, own};

    (void)state;
    assert_ok(audit_open("/dev/full", NULL, NULL, &full));
    begin(NULL);
    api.audit = full;
    assert_false(protect_begin(&request, &response, &change));
    api.audit = audit;
    assert_int_equal(response.status, 503);
    assert_true(response.retry_after_s > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_data_plane_refuses_with_401_whatever_the_reason),
        cmocka_unit_test(the_management_plane_tells_who_from_what),
        cmocka_unit_test(the_management_plane_says_what_is_wrong_with_a_token),
        cmocka_unit_test(a_refusal_names_who_asked),
        cmocka_unit_test(a_token_of_an_unknown_issuer_is_of_another_tenant),
        cmocka_unit_test(a_change_is_in_the_log_before_and_after),
        cmocka_unit_test(nothing_is_changed_that_cannot_be_audited),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
