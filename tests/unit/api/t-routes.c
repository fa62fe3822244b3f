/*
 * Every path of the server is protected, or stands in the list of open ones here. Paths come from
 * the tables of the program itself: a route that is added and forgets to ask fails this test.
 */
#include "unit/service/world.h"

#include "api/internal.h"
#include "base/file.h"
#include "base/text.h"
#include "base/timestamp.h"
#include "control/control.h"
#include "deploy/deploy.h"
#include "http/message.h"
#include "identity/files.h"
#include "identity/gate-internal.h"
#include "kinds/kinds.h"
#include "service/audit.h"

#define MANAGEMENT "https://management.azure.com/"
#define DATA "https://attest.azure.net"
#define NOWHERE "99999999-9999-4999-8999-999999999999"

enum { METHODS = HTTP_GET | HTTP_POST | HTTP_PUT | HTTP_PATCH | HTTP_DELETE };

/* Nobody signs in for these. A line needs a reason. */
static const char *const open_patterns[] = {
    /* health, for probes; metrics are for the listener that the operator gives them */
    "/healthz",
    "/readyz",
    "/metrics",
    /* guests prove themselves by their TPM, or by the token of their session */
    "/guest/v1/*",
    /* signing in, and what is published so that tokens can be checked */
    "/common/discovery/instance",
    "/metadata/endpoints",
    "/devicelogin",
    /* the address itself is the secret */
    "/metadata/{capability}/identity/oauth2/token",
    "/metadata/{capability}/identity/oauth2/token/",
    "/aliases.json",
    "/{tenant}/*",
    "/adfs/*",
    "*/.well-known/openid-configuration",
    "*/certs",
    /* evidence is judged for whoever brings it, where the provider is open for that */
    "*/attest/AzureGuest",
    "*/attest/Tpm",
    "*/attest/{type}",
    "*/tcbbaselines/{type}",
    /* what there is: names of shared providers, in words */
    "/",
    "/providers",
    "/providers/{provider}",
    "/providers/{provider}/",
};
/* Whoever is signed in may, at routes of their own: in which tenants they are. */
static const char *const any_caller_routes[] = {"/tenants"};
/* Whoever is signed in may: nothing of anybody's is in it. */
static const char *const any_caller[] = {
    "/subscriptions",
    "/providers",
    "/providers/{}",
    "/providers/Microsoft.Attestation/operations",
    /* asked for at the resource that the operation is about, once there is one */
    "/subscriptions/{}/operationresults/{}",
    "/subscriptions/{}/providers/{}/locations/{}/operations/{}",
    "/subscriptions/{}/providers/{}/locations/{}/operationResults/{}",
};
/* The resource manager's, whose own table is walked instead. */
static const char *const manage_patterns[] = {"/subscriptions", "/subscriptions/*", "/providers/*"};

static struct world *w;
static struct gate *gate, *foreign;
static struct audit *audit;
static struct control *control;
static struct api *api;
static struct http_options options;
static void *worker;
/* Tokens: as each is tried on every path. */
static const char *good, *expired, *of_others, *of_data, *expired_data, *without_role, *reader;
static const char *good_data, *of_management_others;

static const char *token_at(struct gate *from, const char *client, const char *secret,
                            const char *resource, int64_t now)
{
    const struct idp_call call = {
        .arena = w->arena, .now = now, .tenant = span_str(idp_tenant(gate_idp(from)))};
    struct idp_answer answer;
    yyjson_val *root = NULL;

    idp_token(gate_idp(from), &call,
              span_str(arena_printf(w->arena,
                                    "grant_type=client_credentials&client_id=%s&client_secret=%s&"
                                    "scope=%s/.default",
                                    client, secret, resource)),
              &answer);
    assert_int_equal(answer.status, 200);
    assert_ok(json_read(w->arena, answer.body, NULL, NULL, &root));
    return json_text(json_get(root, "access_token"));
}

static const char *folder_of(const char *name)
{
    const char *path = arena_printf(w->arena, "%s/%s", w->folder, name);

    assert_int_equal(mkdir(path, 0700), 0);
    return path;
}

static struct gate *open_gate(const char *folder)
{
    const struct gate_options wanted = {
        .folder = folder, .endpoint = ISSUER, .has_provider = true, .is_dev = true};
    struct gate *made = NULL;

    assert_ok(gate_open(&wanted, NULL, &made));
    return made;
}

/* Somebody who can sign in; with a role of their own, or with none. */
static const char *principal(const char *folder, const char *name, const char *role)
{
    CLEANUP(principals_free) struct principals *before = NULL;
    CLEANUP(principals_free) struct principals *after = NULL;
    char secret[PRINCIPAL_SECRET_SIZE];
    struct principal made;

    assert_ok(files_principals(w->arena, folder, NULL, &before));
    assert_ok(principal_new(name, NULL, &made, secret));
    assert_ok(principals_with(before, &made, NULL, &after));
    assert_ok(files_write_principals(w->arena, folder, after, NULL));
    if (role != NULL) {
        const char *rules = arena_printf(
            w->arena,
            "{\"roleAssignments\":[{\"principalId\":\"%s\",\"tenantId\":\"%s\","
            "\"roleDefinitionId\":\"%s\",\"scope\":\"/subscriptions/%s\"},"
            /* somebody else's, so that there is such a subscription */
            "{\"principalId\":\"someone\",\"tenantId\":\"elsewhere\",\"roleDefinitionId\":\"%s\","
            "\"scope\":\"/subscriptions/" NOWHERE "\"}]}",
            made.object_id, principals_tenant(before), role, principals_subscription(before), role);

        assert_ok(file_write(arena_printf(w->arena, "%s/access.json", folder), span_str(rules),
                             0600, NULL));
    }
    gate_tick(gate, true);
    return token_at(gate, made.client_id, secret, MANAGEMENT, timestamp_now());
}

static int start(void **state)
{
    const char *folder, *elsewhere;
    struct control_options wanted;
    struct trail trail = {0};

    (void)state;
    w = world_new();
    folder = folder_of("gate");
    elsewhere = folder_of("elsewhere");
    gate = open_gate(folder);
    foreign = open_gate(elsewhere);
    assert_ok(audit_open(arena_printf(w->arena, "%s/audit.log", folder), NULL, NULL, &audit));
    wanted = (struct control_options){.store = service_store(w->service),
                                      .service = w->service,
                                      .endpoint = ISSUER,
                                      .tenant = idp_tenant(gate_idp(gate)),
                                      .subscription = gate_subscription(gate),
                                      .may = api_may,
                                      .may_any = api_may_any,
                                      .subscriptions = api_subscriptions,
                                      .forget_scope = api_forget_scope,
                                      .may_context = gate,
                                      .audit = api_audit,
                                      .audit_context = audit,
                                      .kinds = kinds_all,
                                      .row_tables = kinds_rows};
    assert_ok(service_set_subscription(w->service, gate_subscription(gate)));
    assert_ok(control_open(&wanted, &trail, &control));
    api = api_new(w->service, w->metrics);
    assert_non_null(api);
    api_set_access(api, gate, audit);
    api_set_control(api, control);
    api_install(api, &options);
    worker = options.worker_new(options.context, 0);
    good = token_at(gate, gate_dev(gate)->client_id, gate_dev(gate)->secret, MANAGEMENT,
                    timestamp_now());
    good_data =
        token_at(gate, gate_dev(gate)->client_id, gate_dev(gate)->secret, DATA, timestamp_now());
    expired = token_at(gate, gate_dev(gate)->client_id, gate_dev(gate)->secret, MANAGEMENT,
                       timestamp_now() - 100000);
    expired_data = token_at(gate, gate_dev(gate)->client_id, gate_dev(gate)->secret, DATA,
                            timestamp_now() - 100000);
    of_data = good_data;
    of_others = token_at(foreign, gate_dev(foreign)->client_id, gate_dev(foreign)->secret, DATA,
                         timestamp_now());
    of_management_others = token_at(foreign, gate_dev(foreign)->client_id,
                                    gate_dev(foreign)->secret, MANAGEMENT, timestamp_now());
    without_role = principal(folder, "nobody", NULL);
    reader = principal(folder, "reader", ACCESS_ROLE_READER);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    options.worker_free(worker);
    api_free(api);
    control_close(control);
    gate_close(gate);
    gate_close(foreign);
    audit_close(audit);
    world_free(w);
    return 0;
}

/* ---- asking ---- */

static unsigned n_checked;
static unsigned roles;      /* of the listener */
static const char *version; /* some routes look at it before anything else */

static void on_listener(unsigned its_roles, const char *api_version)
{
    n_checked = 0;
    roles = its_roles;
    version = api_version;
}

struct told {
    unsigned status;
    const char *code;
};

/* As the server does it; {0} when no route takes it. */
static struct told tell(struct arena *arena, enum http_method method, const char *path,
                        const char *token)
{
    const char *name = http_method_name(method);
    const char *text =
        arena_printf(arena, "%s %s?api-version=%s HTTP/1.1\r\nHost: x\r\n%s%s%s\r\n", name, path,
                     version, token == NULL ? "" : "Authorization: Bearer ",
                     token == NULL ? "" : token, token == NULL ? "" : "\r\n");
    struct http_head head = {0};
    struct trail trail = {0};
    struct http_request request = {.head = &head,
                                   .method = method,
                                   .body = span_str("{}"),
                                   .arena = arena,
                                   .trail = &trail,
                                   .peer = "127.0.0.1:5",
                                   .id = "r1",
                                   .context = options.context,
                                   .worker = worker};
    struct http_response response = {0};
    unsigned allowed = 0;

    assert_int_equal(http_head_parse(span_str(text), NULL, &head), 0);
    assert_ok(http_path_parse(arena, span_str(path), &request.path));
    switch (http_routes_match(&options.routes, roles, method, &request, &allowed)) {
    case HTTP_MATCH_NO_PATH:
        return (struct told){404, "NotFound"};
    case HTTP_MATCH_NO_METHOD:
        return (struct told){405, "MethodNotAllowed"};
    case HTTP_MATCH_FOUND:
    default:
        break;
    }
    request.route->handler(&request, &response);
    return (struct told){response.status, response.error_code == NULL ? "" : response.error_code};
}

static struct told ask(enum http_method method, const char *path, const char *token)
{
    struct arena *arena = arena_new(HTTP_WORKER_ARENA_BYTES);
    static char code[128];
    struct told told = tell(arena, method, path, token);

    snprintf(code, sizeof(code), "%s", told.code);
    told.code = code;
    arena_free(arena);
    return told;
}

/* "{...}" becomes a name, the first one behind "subscriptions" the subscription. */
static const char *path_of(const char *pattern, const char *subscription)
{
    char path[1024];
    size_t n = 0;

    while (*pattern != '\0' && n < sizeof(path) - 64) {
        bool is_subscription = n > 15 && memcmp(path + n - 15, "/subscriptions/", 15) == 0;

        if (n == 15 && memcmp(path, "/subscriptions/", 15) == 0) {
            is_subscription = true;
        }
        if (*pattern == '{') {
            n += (size_t)snprintf(path + n, sizeof(path) - n, "%s",
                                  is_subscription ? subscription : "default");
            pattern += strcspn(pattern, "}") + 1;
        } else {
            path[n++] = *pattern++;
        }
    }
    path[n] = '\0';
    return arena_printf(w->arena, "%s", path);
}

/* With a star in front or behind: ends so, or begins so. */
static bool is_listed(const char *const *list, size_t n, const char *pattern)
{
    for (size_t i = 0; i < n; i++) {
        const char *item = list[i];
        size_t len = strlen(item), pattern_len = strlen(pattern);

        if (item[0] == '*') {
            if (pattern_len >= len - 1 &&
                strcmp(pattern + pattern_len - (len - 1), item + 1) == 0) {
                return true;
            }
        } else if (len > 1 && item[len - 1] == '*' && item[len - 2] == '/' &&
                   strncmp(pattern, "/subscriptions", 14) != 0) {
            if (strncmp(pattern, item, len - 1) == 0) {
                return true;
            }
        } else if (strcmp(item, pattern) == 0) {
            return true;
        }
    }
    return false;
}
#define LISTED(LIST, PATTERN) is_listed(LIST, ARRAY_LEN(LIST), PATTERN)

static void expect(enum http_method method, const char *pattern, const char *path, const char *who,
                   const char *token, unsigned status, const char *code)
{
    const struct told told = ask(method, path, token);

    n_checked++;
    if (told.status != status || (code != NULL && strcmp(told.code, code) != 0)) {
        fail_msg("%s %s (%s), %s: %u %s, wanted %u %s", http_method_name(method), pattern, path,
                 who, told.status, told.code, status, code == NULL ? "" : code);
    }
}

/* ---- the management plane ---- */

static void check_managed(enum http_method method, const char *pattern)
{
    const char *path = path_of(pattern, gate_subscription(gate));
    bool is_change = method != HTTP_GET && method != HTTP_HEAD;

    expect(method, pattern, path, "no token", NULL, 401, "AuthenticationFailed");
    expect(method, pattern, path, "nonsense", "abc.def.ghi", 401, "AuthenticationFailed");
    expect(method, pattern, path, "expired", expired, 401, "ExpiredAuthenticationToken");
    expect(method, pattern, path, "of another tenant", of_management_others, 401,
           "InvalidAuthenticationTokenTenant");
    expect(method, pattern, path, "for the data plane", of_data, 401,
           "InvalidAuthenticationTokenAudience");
    if (LISTED(any_caller, pattern)) {
        assert_false(is_change);
        return;
    }
    expect(method, pattern, path, "without a role", without_role, 403, "AuthorizationFailed");
    if (is_change) {
        expect(method, pattern, path, "a reader", reader, 403, "AuthorizationFailed");
    } else {
        struct told told = ask(method, path, reader);

        if (told.status == 401 || told.status == 403 ||
            (told.status >= 500 && told.status != 503)) {
            print_error("%s, a reader: %u\n", pattern, told.status);
            fail();
        }
    }
    if (strncmp(pattern, "/subscriptions/", 15) == 0) {
        expect(method, pattern, path_of(pattern, NOWHERE), "a role elsewhere", good, 403,
               "AuthorizationFailed");
    }
}

static void check_methods(unsigned methods, const char *pattern)
{
    for (unsigned method = 1; method <= METHODS; method <<= 1) {
        if ((methods & METHODS & method) != 0) {
            check_managed(method, pattern);
        }
    }
}

static void nothing_of_the_resource_manager_is_open(void **state)
{
    struct control_listed listed;
    size_t i = 0;

    (void)state;
    on_listener(API_ROLE_MANAGE, "2024-11-01");
    for (; control_list(control, w->arena, i, &listed); i++) {
        check_methods(listed.methods, listed.pattern);
    }
    assert_true(i > 100 && n_checked > 600);
}

/* No method that a path does not have does anything, for nobody. */
static void other_methods_do_nothing(void **state)
{
    struct control_listed listed, other;
    const char *const tokens[] = {NULL, good};

    (void)state;
    on_listener(API_ROLE_MANAGE, "2024-11-01");
    for (size_t i = 0; control_list(control, w->arena, i, &listed); i++) {
        const char *path = path_of(listed.pattern, gate_subscription(gate));
        unsigned methods = 0;

        for (size_t j = 0; control_list(control, w->arena, j, &other); j++) {
            bool is_same = text_equal_nocase(path_of(other.pattern, gate_subscription(gate)), path);

            methods |= is_same ? other.methods : 0;
        }
        for (size_t r = 0; r < options.routes.n; r++) {
            const struct http_route *route = &options.routes.items[r];

            if (!LISTED(manage_patterns, route->pattern) &&
                text_equal_nocase(path_of(route->pattern, gate_subscription(gate)), path)) {
                methods |= route->methods;
            }
        }
        for (unsigned method = 1; method <= METHODS; method <<= 1) {
            for (size_t t = 0; (METHODS & method & ~methods) != 0 && t < 2; t++) {
                struct told told = ask(method, path, tokens[t]);

                if (t == 0 ? told.status != 401 && told.status != 404 && told.status != 405
                           : told.status != 404 && told.status != 405) {
                    fail_msg("%s %s: %u %s", http_method_name(method), path, told.status,
                             told.code);
                }
            }
        }
    }
}

static void a_path_that_is_none_is_told_to_nobody_who_is_not_signed_in(void **state)
{
    static const char *const paths[] = {"/subscriptions/x/nothing", "/subscriptions//",
                                        "/subscriptions/x/resourceGroups/a%20b", "/providers/x/y/z",
                                        "/subscriptions/x/providers/A.B/c/d"};

    (void)state;
    on_listener(API_ROLE_MANAGE, "2024-11-01");
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        for (unsigned method = 1; method <= METHODS; method <<= 1) {
            if ((METHODS & method) != 0) {
                expect(method, paths[i], paths[i], "no token", NULL, 401, "AuthenticationFailed");
            }
        }
    }
}

#define NOBODYS "/subscriptions/88888888-8888-4888-8888-888888888888"

static void a_subscription_that_nobody_knows_is_told_alike_everywhere(void **state)
{
    static const char *const paths[] = {
        NOBODYS,
        NOBODYS "/resourceGroups/g",
        NOBODYS "/providers/Microsoft.Compute/virtualMachines",
        NOBODYS "/providers/Bootwarden.Monitor/machines",
        NOBODYS "/providers/Bootwarden.Monitor/machines/web",
        NOBODYS "/providers/Bootwarden.Monitor/joins",
        NOBODYS "/providers/Bootwarden.Monitor/packages",
    };

    (void)state;
    on_listener(API_ROLE_MANAGE, "2024-11-01");
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        expect(HTTP_GET, paths[i], paths[i], "no token", NULL, 401, "AuthenticationFailed");
        expect(HTTP_GET, paths[i], paths[i], "without a role", without_role, 404,
               "SubscriptionNotFound");
        expect(HTTP_GET, paths[i], paths[i], "a role elsewhere", good, 404, "SubscriptionNotFound");
    }
}

/* By its name and by its id, whichever the role was given at and whichever it is removed by. */
static void a_machine_takes_its_roles_along(void **state)
{
    static const char id[] = "0b5f2c7a-1111-4222-8333-444455556666";
    static const char *const names[] = {"web", id};
    struct store_machine wanted = {.created = NOW, .ak_name_len = 34}, got;
    CLEANUP(assignments_free) struct assignments *left = NULL;

    (void)state;
    on_listener(API_ROLE_MANAGE, "2024-11-01");
    snprintf(wanted.id, sizeof(wanted.id), "%s", id);
    snprintf(wanted.name, sizeof(wanted.name), "%s", names[0]);
    assert_ok(store_machine_activate(service_store(w->service), &wanted, NULL, &got));
    for (size_t i = 0; i < 2; i++) {
        const struct assignment one = {
            .name = arena_printf(w->arena, "00000000-0000-4000-8000-00000000000%zu", i),
            .rule = {.principal = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa",
                     .tenant = "t",
                     .role = ACCESS_ROLE_OWNER,
                     .scope = arena_printf(w->arena,
                                           "/subscriptions/%s/providers/Bootwarden.Monitor/machines"
                                           "/%s",
                                           gate_subscription(gate), names[i])},
            .principal_type = "User",
            .created_by = ""};

        assert_ok(gate_assign(gate, &one, NULL));
    }
    assert_int_equal(
        ask(HTTP_DELETE,
            arena_printf(w->arena, "/subscriptions/%s/providers/Bootwarden.Monitor/machines/web",
                         gate_subscription(gate)),
            good)
            .status,
        200);
    left = gate_assignments(gate);
    assert_int_equal(assignments_count(left), 0);
}

/* ---- all other routes ---- */

static void check_data(enum http_method method, const char *pattern)
{
    const char *path = path_of(pattern, gate_subscription(gate));

    expect(method, pattern, path, "no token", NULL, 401, "Unauthorized");
    expect(method, pattern, path, "nonsense", "abc", 401, "Unauthorized");
    expect(method, pattern, path, "expired", expired_data, 401, "Unauthorized");
    expect(method, pattern, path, "of another tenant", of_others, 401, "Unauthorized");
    expect(method, pattern, path, "for management", good, 401, "Unauthorized");
}

static void every_other_route_is_protected_or_known_to_be_open(void **state)
{
    size_t n_open = 0;

    (void)state;
    on_listener(UINT_MAX, "2020-10-01");
    for (size_t i = 0; i < options.routes.n; i++) {
        const struct http_route *route = &options.routes.items[i];

        if (LISTED(manage_patterns, route->pattern) ||
            ((route->roles & API_ROLE_MANAGE) != 0 && strcmp(route->pattern, "/providers") == 0)) {
            continue;
        }
        assert_null(strchr(route->pattern, '*')); /* what is behind a star is seen by nobody */
        if (LISTED(open_patterns, route->pattern) || LISTED(any_caller_routes, route->pattern)) {
            n_open++;
        } else if ((route->roles & API_ROLE_MANAGE) != 0) {
            check_methods(route->methods, route->pattern);
        } else {
            for (unsigned method = 1; method <= METHODS; method <<= 1) {
                if ((route->methods & METHODS & method) != 0) {
                    check_data(method, route->pattern);
                }
            }
        }
    }
    assert_true(n_checked > 100);
    assert_true(n_open < 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_of_the_resource_manager_is_open),
        cmocka_unit_test(other_methods_do_nothing),
        cmocka_unit_test(a_path_that_is_none_is_told_to_nobody_who_is_not_signed_in),
        cmocka_unit_test(a_subscription_that_nobody_knows_is_told_alike_everywhere),
        cmocka_unit_test(a_machine_takes_its_roles_along),
        cmocka_unit_test(every_other_route_is_protected_or_known_to_be_open),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
