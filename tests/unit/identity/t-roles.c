/* Roles that are given while the server runs: what is refused, what counts at once and for good. */
#include "support/support.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/text.h"
#include "base/timestamp.h"
#include "identity/assignments.h"
#include "identity/files.h"
#include "identity/roles-internal.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NOW 1800000000LL
#define NAME "11111111-1111-4111-8111-111111111111"
#define OTHER "22222222-2222-4222-8222-222222222222"
#define ADA "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"
#define S "/subscriptions/99999999-9999-4999-8999-999999999999"
#define DEFINITIONS S "/providers/Microsoft.Authorization/roleDefinitions/"

static struct arena *arena;
static char folder[64];
static struct gate *gate;
static struct access_caller owner, ada;

static const char *in(const char *name)
{
    return arena_printf(arena, "%s/%s", folder, name);
}

static void open_gate(void)
{
    static const struct gate_owner owners[] = {{"t", "boss"}};
    const struct gate_options options = {
        .folder = folder, .endpoint = "https://localhost:8443", .owners = owners, .n_owners = 1};

    assert_ok(gate_open(&options, NULL, &gate));
}

static int start(void **state)
{
    (void)state;
    arena = test_arena();
    snprintf(folder, sizeof(folder), "/tmp/bootwarden-roles-XXXXXX");
    assert_non_null(mkdtemp(folder));
    assert_ok(file_make_folder(in("identity"), 0700, NULL));
    owner = (struct access_caller){
        .issuer = "i", .tenant = "t", .object_id = "boss", .name = "", .client_id = ""};
    ada = (struct access_caller){
        .issuer = "i", .tenant = "t", .object_id = ADA, .name = "Ada", .client_id = ""};
    open_gate();
    return 0;
}

static int stop(void **state)
{
    (void)state;
    gate_close(gate);
    unlink(in("identity/assignments.json"));
    unlink(in("access.json"));
    rmdir(in("identity"));
    rmdir(folder);
    arena_free(arena);
    return 0;
}

static struct roles_answer call_as(const struct access_caller *caller, enum roles_kind kind,
                                   enum roles_method method, const char *scope, const char *name,
                                   const char *more)
{
    const struct roles_call call = {
        .arena = arena,
        .now = NOW,
        .caller = caller,
        .kind = kind,
        .method = method,
        .scope = span_str(scope),
        .name = name == NULL ? (struct span){0} : span_str(name),
        .filter = method == ROLES_GET && more != NULL ? span_str(more) : (struct span){0},
        .body = method == ROLES_PUT && more != NULL ? span_str(more) : (struct span){0},
    };
    struct roles_answer answer;

    roles_call(gate, &call, &answer);
    return answer;
}

static const char *body_of(const char *principal, const char *role, const char *more)
{
    return arena_printf(arena,
                        "{\"properties\":{\"principalId\":\"%s\",\"roleDefinitionId\":\"%s\"%s}}",
                        principal, role, more);
}

#define TYPED ",\"principalType\":\"User\""

static struct roles_answer put(const struct access_caller *caller, const char *scope,
                               const char *name, const char *body)
{
    return call_as(caller, ROLES_ASSIGNMENTS, ROLES_PUT, scope, name, body);
}

static yyjson_val *read_body(const struct roles_answer *answer)
{
    yyjson_val *root = NULL;

    assert_null(answer->code);
    assert_ok(json_read(arena, answer->body, NULL, NULL, &root));
    return root;
}

static size_t count(const char *scope, const char *filter)
{
    struct roles_answer answer = call_as(&owner, ROLES_ASSIGNMENTS, ROLES_GET, scope, NULL, filter);

    return yyjson_arr_size(json_get(read_body(&answer), "value"));
}

static void assert_refused(struct roles_answer answer, unsigned status, const char *code)
{
    if (answer.status != status || answer.code == NULL || strcmp(answer.code, code) != 0) {
        fail_msg("got %u %s (%s), wanted %u %s", answer.status,
                 answer.code == NULL ? "-" : answer.code,
                 answer.message == NULL ? "" : answer.message, status, code);
    }
}

static void refuses_assignments_that_are_none(void **state)
{
    const char *reader = DEFINITIONS ACCESS_ROLE_READER;
    const struct {
        const char *name, *body;
        unsigned status;
        const char *code;
    } cases[] = {
        {"x", body_of(ADA, reader, TYPED), 400, "InvalidRoleAssignmentId"},
        {NAME, "", 400, "InvalidRequestContent"},
        {NAME, "{}", 400, "InvalidRequestContent"},
        {NAME, "{\"properties\":{}}", 400, "InvalidRequestContent"},
        {NAME, body_of("ada", reader, TYPED), 400, "InvalidPrincipalId"},
        {NAME, body_of(ADA, reader, ""), 400, "PrincipalNotFound"},
        {NAME, body_of(ADA, ACCESS_ROLE_READER, TYPED), 400, "InvalidRoleDefinitionId"},
        {NAME, body_of(ADA, DEFINITIONS "x", TYPED), 400, "InvalidRoleDefinitionId"},
        {NAME, body_of(ADA, DEFINITIONS OTHER, TYPED), 404, "RoleDefinitionDoesNotExist"},
        {NAME, body_of(ADA, reader, TYPED ",\"condition\":\"@Resource[x] Exists\""), 400,
         "ConditionNotSupported"},
        {NULL, body_of(ADA, reader, TYPED), 405, "HttpMethodNotSupported"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_refused(put(&owner, S, cases[i].name, cases[i].body), cases[i].status,
                       cases[i].code);
    }
    assert_int_equal(count(S, NULL), 1); /* the owner's own */
    assert_false(file_exists(in("identity/assignments.json")));
}

static void nobody_gives_what_they_may_not_give(void **state)
{
    const char *body = body_of(ADA, DEFINITIONS ACCESS_ROLE_OWNER, TYPED);

    (void)state;
    assert_refused(put(&ada, S, NAME, body), 403, "AuthorizationFailed");
    assert_refused(call_as(&ada, ROLES_ASSIGNMENTS, ROLES_GET, S, NULL, NULL), 403,
                   "AuthorizationFailed");
    assert_refused(call_as(&ada, ROLES_ASSIGNMENTS, ROLES_DELETE, S, NAME, NULL), 403,
                   "AuthorizationFailed");
    assert_refused(call_as(&ada, ROLES_DEFINITIONS, ROLES_GET, S, NULL, NULL), 403,
                   "AuthorizationFailed");
    /* Contributor manages everything, but makes nobody an owner, at no scope. */
    assert_int_equal(put(&owner, S "/resourceGroups/g", NAME,
                         body_of(ADA, DEFINITIONS ACCESS_ROLE_CONTRIBUTOR, TYPED))
                         .status,
                     201);
    assert_refused(put(&ada, S "/resourceGroups/g", OTHER, body), 403, "AuthorizationFailed");
    /* Who may give roles in one group may not in another, nor above it. */
    assert_int_equal(put(&owner, S "/resourceGroups/h", OTHER,
                         body_of(ADA, DEFINITIONS ACCESS_ROLE_RBAC_ADMINISTRATOR, TYPED))
                         .status,
                     201);
    assert_refused(put(&ada, S, "33333333-3333-4333-8333-333333333333", body), 403,
                   "AuthorizationFailed");
    assert_int_equal(put(&ada, S "/resourceGroups/h", "33333333-3333-4333-8333-333333333333",
                         body_of(OTHER, DEFINITIONS ACCESS_ROLE_READER, TYPED))
                         .status,
                     201);
    assert_refused(put(&owner, ACCESS_SHARED_SCOPE "shared", NAME, body), 403,
                   "AuthorizationFailed");
}

static void what_is_given_counts_at_once_and_after_a_restart(void **state)
{
    const char *group = S "/resourceGroups/g";
    struct roles_answer made =
        put(&owner, group, NAME, body_of(ADA, DEFINITIONS ACCESS_ROLE_READER, TYPED));
    yyjson_val *root = read_body(&made), *properties = json_get(root, "properties");

    (void)state;
    assert_int_equal(made.status, 201);
    assert_string_equal(json_text(json_get(root, "id")),
                        S "/resourceGroups/g/providers/Microsoft.Authorization/"
                          "roleAssignments/" NAME);
    assert_string_equal(json_text(json_get(root, "name")), NAME);
    assert_string_equal(json_text(json_get(properties, "roleDefinitionId")),
                        DEFINITIONS ACCESS_ROLE_READER);
    assert_string_equal(json_text(json_get(properties, "principalType")), "User");
    assert_string_equal(json_text(json_get(properties, "scope")), group);
    assert_string_equal(json_text(json_get(properties, "createdBy")), "boss");
    assert_string_equal(json_text(json_get(properties, "createdOn")), "2027-01-15T08:00:00Z");
    assert_int_equal(gate_may(gate, &ada, "Microsoft.Compute/virtualMachines/read",
                              span_str(S "/resourceGroups/G/providers/Microsoft.Compute/"
                                         "virtualMachines/vm")),
                     ACCESS_OK);
    assert_int_equal(gate_may(gate, &ada, "Microsoft.Compute/virtualMachines/read", span_str(S)),
                     ACCESS_ROLE);
    assert_true(
        gate_knows_subscription(gate, &ada, span_str("99999999-9999-4999-8999-999999999999")));
    assert_false(gate_knows_subscription(gate, &ada, span_str(OTHER)));
    assert_false(gate_knows_subscription(gate, &ada, span_str("")));
    /* Again: the same is no change, another under this name and the same under another are. */
    assert_int_equal(
        put(&owner, group, NAME, body_of(ADA, DEFINITIONS ACCESS_ROLE_READER, TYPED)).status, 200);
    assert_refused(put(&owner, group, NAME, body_of(ADA, DEFINITIONS ACCESS_ROLE_OWNER, TYPED)),
                   409, "RoleAssignmentUpdateNotPermitted");
    assert_refused(put(&owner, S "/resourcegroups/G", OTHER,
                       body_of(ADA, DEFINITIONS ACCESS_ROLE_READER, TYPED)),
                   409, "RoleAssignmentExists");
    gate_close(gate);
    open_gate();
    assert_int_equal(gate_may(gate, &ada, "x/read", span_str(group)), ACCESS_OK);
    assert_string_equal(
        (const char *)call_as(&owner, ROLES_ASSIGNMENTS, ROLES_GET, group, NAME, NULL).body.data,
        (const char *)made.body.data);
}

static void what_is_taken_away_is_gone_and_what_is_not_there_stays_away(void **state)
{
    const char *group = S "/resourceGroups/g";
    yyjson_val *configured;
    struct roles_answer all;

    (void)state;
    assert_int_equal(
        put(&owner, S, NAME, body_of(ADA, DEFINITIONS ACCESS_ROLE_READER, TYPED)).status, 201);
    assert_int_equal(call_as(&owner, ROLES_ASSIGNMENTS, ROLES_DELETE, S, OTHER, NULL).status, 204);
    assert_refused(call_as(&owner, ROLES_ASSIGNMENTS, ROLES_DELETE, group, NAME, NULL), 400,
                   "InheritedRoleAssignment");
    assert_refused(call_as(&owner, ROLES_ASSIGNMENTS, ROLES_GET, S, OTHER, NULL), 404,
                   "RoleAssignmentNotFound");
    assert_int_equal(call_as(&owner, ROLES_ASSIGNMENTS, ROLES_DELETE, S, NAME, NULL).status, 200);
    assert_int_equal(gate_may(gate, &ada, "x/read", span_str(S)), ACCESS_ROLE);
    /* The owner of the configuration is listed, and is not to be taken away here. */
    all = call_as(&owner, ROLES_ASSIGNMENTS, ROLES_GET, "/", NULL, NULL);
    configured = yyjson_arr_get(json_get(read_body(&all), "value"), 0);
    assert_string_equal(json_text(json_get(json_get(configured, "properties"), "scope")), "/");
    assert_refused(call_as(&owner, ROLES_ASSIGNMENTS, ROLES_DELETE, "/",
                           json_text(json_get(configured, "name")), NULL),
                   409, "OperationNotAllowed");
    assert_int_equal(call_as(&owner, ROLES_ASSIGNMENTS, ROLES_GET, "/",
                             json_text(json_get(configured, "name")), NULL)
                         .status,
                     200);
}

static void a_document_that_cannot_be_written_gives_nothing(void **state)
{
    (void)state;
    if (geteuid() == 0) { /* root writes everywhere: a folder in the way stops it too */
        assert_ok(file_make_folder(in("identity/assignments.json"), 0700, NULL));
    }
    assert_refused(put(&owner, S, NAME, body_of(ADA, DEFINITIONS ACCESS_ROLE_READER, TYPED)), 503,
                   "ServiceUnavailable");
    assert_int_equal(gate_may(gate, &ada, "x/read", span_str(S)), ACCESS_ROLE);
    rmdir(in("identity/assignments.json"));
}

static void filters_say_which_are_listed(void **state)
{
    static const struct {
        const char *scope, *filter;
        size_t n;
    } cases[] = {
        {S, NULL, 3},
        {S, "atScope()", 2},
        {S "/resourceGroups/g", "atScope()", 3},
        {S "/resourceGroups/h", NULL, 2},
        {S, "principalId eq '" ADA "'", 1},
        {S, "PRINCIPALID eq '" ADA "' and atScope()", 0},
        {S, "assignedTo('" OTHER "')", 1},
        {S, "principalId eq 'x''y'", 0},
        {"/", NULL, 3},
    };
    static const char *const wrong[] = {
        "x",           "atScope",           "atScope() and",     "atScope() or atScope()",
        "assignedTo(", "assignedTo('x'",    "principalId eq",    "principalId eq x",
        "principalId", "principalId eq 'x", "principalId ne 'x'"};

    (void)state;
    assert_int_equal(
        put(&owner, S, NAME, body_of(OTHER, DEFINITIONS ACCESS_ROLE_READER, TYPED)).status, 201);
    assert_int_equal(put(&owner, S "/resourceGroups/g", OTHER,
                         body_of(ADA, DEFINITIONS ACCESS_ROLE_READER, TYPED))
                         .status,
                     201);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        size_t n = count(cases[i].scope, cases[i].filter);

        if (n != cases[i].n) {
            fail_msg("%s %s: %zu", cases[i].scope, cases[i].filter, n);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        assert_refused(call_as(&owner, ROLES_ASSIGNMENTS, ROLES_GET, S, NULL, wrong[i]), 400,
                       "UnsupportedQuery");
    }
}

static void tells_what_roles_are_by_name_and_by_id(void **state)
{
    struct roles_answer answer = call_as(&owner, ROLES_DEFINITIONS, ROLES_GET, S, NULL,
                                         "roleName eq 'virtual machine contributor'");
    yyjson_val *list = json_get(read_body(&answer), "value"), *one = yyjson_arr_get(list, 0);

    (void)state;
    assert_int_equal(yyjson_arr_size(list), 1);
    assert_string_equal(json_text(json_get(one, "id")), DEFINITIONS ACCESS_ROLE_VM_CONTRIBUTOR);
    assert_string_equal(json_text(json_get(json_get(one, "properties"), "type")), "BuiltInRole");
    answer = call_as(&owner, ROLES_DEFINITIONS, ROLES_GET, S "/resourceGroups/g", ACCESS_ROLE_OWNER,
                     NULL);
    assert_string_equal(json_text(json_get(read_body(&answer), "id")),
                        DEFINITIONS ACCESS_ROLE_OWNER);
    answer = call_as(&owner, ROLES_DEFINITIONS, ROLES_GET, "/", ACCESS_ROLE_OWNER, NULL);
    assert_string_equal(json_text(json_get(read_body(&answer), "id")),
                        "/providers/Microsoft.Authorization/roleDefinitions/" ACCESS_ROLE_OWNER);
    assert_refused(call_as(&owner, ROLES_DEFINITIONS, ROLES_GET, S, OTHER, NULL), 404,
                   "RoleDefinitionDoesNotExist");
    assert_refused(call_as(&owner, ROLES_DEFINITIONS, ROLES_PUT, S, OTHER, "{}"), 405,
                   "HttpMethodNotSupported");
    answer = call_as(&owner, ROLES_DEFINITIONS, ROLES_GET, S, NULL, "type eq 'CustomRole'");
    assert_int_equal(yyjson_arr_size(json_get(read_body(&answer), "value")), 0);
}

static void everybody_learns_what_they_may_do_themselves(void **state)
{
    struct roles_answer none = call_as(&ada, ROLES_PERMISSIONS, ROLES_GET, S, NULL, NULL);
    struct roles_answer all = call_as(&owner, ROLES_PERMISSIONS, ROLES_GET, S, NULL, NULL);
    yyjson_val *list = json_get(read_body(&all), "value");

    (void)state;
    assert_int_equal(yyjson_arr_size(json_get(read_body(&none), "value")), 0);
    assert_int_equal(yyjson_arr_size(list), 1);
    assert_string_equal(json_text(yyjson_arr_get(json_get(yyjson_arr_get(list, 0), "actions"), 0)),
                        "*");
}

/* ---- the document ---- */

#define ONE(name, scope)                                                                           \
    "{\"name\":\"" name "\",\"principalId\":\"" ADA                                                \
    "\",\"principalType\":\"User\",\"tenantId\":\"t\",\"roleDefinitionId\":\"" ACCESS_ROLE_READER  \
    "\",\"scope\":\"" scope "\",\"createdOn\":\"2027-01-15T08:00:00Z\",\"createdBy\":\"boss\"}"

static void refuses_documents_that_the_server_did_not_write(void **state)
{
    static const struct {
        const char *text;
        err_t err;
    } cases[] = {
        {"", ERR_JSON_SYNTAX},
        {"{}", ERR_JSON_MISSING},
        {"{\"roleAssignments\":[{}]}", ERR_JSON_TYPE},
        {"{\"roleAssignments\":[],\"x\":1}", ERR_VALUE},
        {"{\"roleAssignments\":[" ONE("x", S) "]}", ERR_VALUE},
        {"{\"roleAssignments\":[" ONE(NAME, "x") "]}", ERR_VALUE},
        {"{\"roleAssignments\":[" ONE(NAME, S "/../x") "]}", ERR_VALUE},
        {"{\"roleAssignments\":[" ONE(NAME, ACCESS_SHARED_SCOPE "x") "]}", ERR_VALUE},
        {"{\"roleAssignments\":[" ONE(NAME, S) "," ONE(NAME, S) "]}", ERR_CONFLICT},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct assignments *set = NULL;
        err_t err = assignments_read(span_str(cases[i].text), NULL, &set);

        if (err != cases[i].err) {
            fail_msg("%s: got %s", cases[i].text, err_name(err));
        }
        assert_null(set);
    }
}

static void a_role_of_the_operator_that_is_gone_gives_nothing_and_harms_nothing(void **state)
{
    static const char own[] = "{\"roleDefinitions\":[{\"id\":\"" OTHER
                              "\",\"name\":\"Own\",\"actions\":[\"Own/read\"],\"notActions\":[]}]}";

    (void)state;
    assert_ok(file_write(in("access.json"), span_str(own), 0600, NULL));
    gate_tick(gate, false);
    assert_int_equal(put(&owner, S, NAME, body_of(ADA, DEFINITIONS OTHER, TYPED)).status, 201);
    assert_int_equal(gate_may(gate, &ada, "Own/read", span_str(S)), ACCESS_OK);
    assert_int_equal(unlink(in("access.json")), 0);
    gate_tick(gate, false);
    assert_int_equal(gate_may(gate, &ada, "Own/read", span_str(S)), ACCESS_ROLE);
    assert_int_equal(gate_may(gate, &owner, "Own/read", span_str(S)), ACCESS_OK);
}

/* ---- a command that changes the document meanwhile ---- */

#define GIVEN "33333333-3333-4333-8333-333333333333"

static void *give_a_role(void *data)
{
    struct arena *own = test_arena();
    const struct roles_call call = {
        .arena = own,
        .now = NOW,
        .caller = &owner,
        .kind = ROLES_ASSIGNMENTS,
        .method = ROLES_PUT,
        .scope = span_str(S),
        .name = span_str(GIVEN),
        .body = span_str(
            "{\"properties\":{\"principalId\":\"" ADA
            "\",\"principalType\":\"User\",\"roleDefinitionId\":\"" DEFINITIONS ACCESS_ROLE_READER
            "\"}}"),
    };
    struct roles_answer answer;

    roles_call(gate, &call, &answer);
    *(unsigned *)data = answer.status;
    arena_free(own);
    return NULL;
}

/* As bootwarden-server machine remove does it: neither change is lost. */
static void a_change_waits_for_that_of_a_command(void **state)
{
    struct timespec soon;
    unsigned status = 0;
    pthread_t giving;
    int fd = -1;

    (void)state;
    assert_int_equal(
        put(&owner, S, NAME, body_of(ADA, DEFINITIONS ACCESS_ROLE_OWNER, TYPED)).status, 201);
    assert_ok(files_lock_assignments(folder, 0, NULL, &fd));
    assert_true(fd >= 0);
    assert_int_equal(pthread_create(&giving, NULL, give_a_role, &status), 0);
    assert_int_equal(clock_gettime(CLOCK_REALTIME, &soon), 0);
    soon.tv_nsec += 200 * 1000 * 1000;
    soon.tv_sec += soon.tv_nsec / 1000000000;
    soon.tv_nsec %= 1000000000;
    assert_int_equal(pthread_timedjoin_np(giving, NULL, &soon), ETIMEDOUT);
    assert_ok(file_write(in("identity/assignments.json"), span_str("{\"roleAssignments\":[]}"),
                         0600, NULL));
    close(fd);
    assert_int_equal(pthread_join(giving, NULL), 0);
    assert_int_equal(status, 201);
    assert_int_equal(gate_may(gate, &ada, "x/read", span_str(S)), ACCESS_OK);
    assert_int_equal(gate_may(gate, &ada, "x/write", span_str(S)), ACCESS_ROLE);
}

/* One that was stopped for ever: who gives a role hears of it, and all that follow at once. */
static void a_command_that_was_stopped_stops_no_change(void **state)
{
    struct trail trail = {0};
    struct roles_answer answer;
    uint64_t begun;
    int fd = -1, other = -1;

    (void)state;
    assert_ok(files_lock_assignments(folder, 0, NULL, &fd));
    assert_err(files_lock_assignments(folder, 0, &trail, &other), ERR_UNAVAILABLE);
    assert_int_equal(other, -1);
    assert_string_equal(trail.where, in("identity"));
    assert_non_null(strstr(trail.what, "another program"));
    begun = timestamp_ticks_us();
    answer = put(&owner, S, NAME, body_of(ADA, DEFINITIONS ACCESS_ROLE_OWNER, TYPED));
    assert_true(timestamp_ticks_us() - begun >= FILES_LOCK_WAIT_US);
    assert_refused(answer, 503, "ServiceUnavailable");
    assert_int_equal(answer.retry_after_s, ROLES_RETRY_S);
    for (int i = 0; i < 1000; i++) { /* half an hour, if each of them waited */
        assert_refused(put(&owner, S, NAME, body_of(ADA, DEFINITIONS ACCESS_ROLE_OWNER, TYPED)),
                       503, "ServiceUnavailable");
    }
    close(fd);
    assert_int_equal(
        put(&owner, S, NAME, body_of(ADA, DEFINITIONS ACCESS_ROLE_OWNER, TYPED)).status, 201);
}

/* ---- room ---- */

static struct roles_answer give(size_t number, const char *scope)
{
    return put(&owner, scope, arena_printf(arena, "00000000-0000-4000-8000-%012zu", number),
               body_of(arena_printf(arena, "aaaaaaaa-aaaa-4aaa-8aaa-%012zu", number),
                       DEFINITIONS ACCESS_ROLE_READER, TYPED));
}

static void no_subscription_takes_all_the_room(void **state)
{
    CLEANUP(buf_done) struct buf text = {0};

    (void)state;
    buf_init(&text, 1024 * 1024);
    for (size_t i = 0; i < ASSIGNMENTS_SUBSCRIPTION_MAX - 1; i++) {
        buf_addf(&text,
                 "%s{\"name\":\"00000000-0000-4000-8000-%012zu\",\"principalId\":"
                 "\"aaaaaaaa-aaaa-4aaa-8aaa-%012zu\",\"principalType\":\"User\",\"tenantId\":"
                 "\"t\",\"roleDefinitionId\":\"" ACCESS_ROLE_READER "\",\"scope\":\"" S
                 "/resourceGroups/g%zu\",\"createdOn\":\"2026-11-22T23:00:00Z\","
                 "\"createdBy\":\"x\"}",
                 i == 0 ? "{\"roleAssignments\":[" : ",", i, i, i);
    }
    buf_add_str(&text, "]}");
    assert_ok(file_write(in("identity/assignments.json"), buf_span(&text), 0600, NULL));
    gate_tick(gate, true);
    assert_int_equal(give(5001, S).status, 201);
    assert_refused(give(5002, S "/resourceGroups/g"), 409, "QuotaExceeded");
    assert_int_equal(give(5003, "/subscriptions/99999999-9999-4999-8999-999999999998").status, 201);
    assert_int_equal(give(5004, "/").status, 201);
    assert_int_equal(call_as(&owner, ROLES_ASSIGNMENTS, ROLES_DELETE, S,
                             "00000000-0000-4000-8000-000000005001", NULL)
                         .status,
                     200);
    assert_int_equal(give(5002, S "/resourceGroups/g").status, 201);
}

/* ---- places that end ---- */

static void a_place_that_ends_takes_its_roles_along(void **state)
{
    static const char third[] = "33333333-3333-4333-8333-333333333333";
    static const char fourth[] = "44444444-4444-4444-8444-444444444444";
    const char *vm = S "/resourceGroups/Web/providers/Microsoft.Compute/virtualMachines/v";
    size_t n = 9;

    (void)state;
    assert_int_equal(put(&owner, S "/resourceGroups/web", NAME,
                         body_of(ADA, DEFINITIONS ACCESS_ROLE_OWNER, TYPED))
                         .status,
                     201);
    assert_int_equal(
        put(&owner, vm, OTHER, body_of(ADA, DEFINITIONS ACCESS_ROLE_READER, TYPED)).status, 201);
    assert_int_equal(put(&owner, S "/resourceGroups/web2", third,
                         body_of(ADA, DEFINITIONS ACCESS_ROLE_READER, TYPED))
                         .status,
                     201);
    assert_int_equal(
        put(&owner, S, fourth, body_of(ADA, DEFINITIONS ACCESS_ROLE_READER, TYPED)).status, 201);
    assert_ok(gate_forget_scope(gate, span_str(S "/resourceGroups/none"), NULL, &n));
    assert_int_equal(n, 0);
    assert_ok(gate_forget_scope(gate, span_str(vm), NULL, &n));
    assert_int_equal(n, 1);
    assert_int_equal(gate_may(gate, &ada, "a/write", span_str(vm)), ACCESS_OK); /* of the group */
    assert_ok(gate_forget_scope(gate, span_str(S "/RESOURCEGROUPS/WEB"), NULL, &n));
    assert_int_equal(n, 1);
    assert_int_equal(gate_may(gate, &ada, "a/write", span_str(vm)), ACCESS_ROLE);
    assert_int_equal(gate_may(gate, &ada, "a/read", span_str(S "/resourceGroups/web2")), ACCESS_OK);
    gate_close(gate); /* for good */
    open_gate();
    assert_int_equal(gate_may(gate, &ada, "a/write", span_str(vm)), ACCESS_ROLE);
    assert_int_equal(count(S, NULL), 3); /* and the configured owner's */
    assert_ok(gate_forget_scope(gate, span_str("/"), NULL, &n));
    assert_int_equal(n, 2);
    assert_int_equal(gate_may(gate, &owner, "a/write", span_str(S)), ACCESS_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(refuses_assignments_that_are_none, start, stop),
        cmocka_unit_test_setup_teardown(nobody_gives_what_they_may_not_give, start, stop),
        cmocka_unit_test_setup_teardown(what_is_given_counts_at_once_and_after_a_restart, start,
                                        stop),
        cmocka_unit_test_setup_teardown(what_is_taken_away_is_gone_and_what_is_not_there_stays_away,
                                        start, stop),
        cmocka_unit_test_setup_teardown(a_document_that_cannot_be_written_gives_nothing, start,
                                        stop),
        cmocka_unit_test_setup_teardown(filters_say_which_are_listed, start, stop),
        cmocka_unit_test_setup_teardown(tells_what_roles_are_by_name_and_by_id, start, stop),
        cmocka_unit_test_setup_teardown(everybody_learns_what_they_may_do_themselves, start, stop),
        cmocka_unit_test_setup_teardown(refuses_documents_that_the_server_did_not_write, start,
                                        stop),
        cmocka_unit_test_setup_teardown(a_change_waits_for_that_of_a_command, start, stop),
        cmocka_unit_test_setup_teardown(a_command_that_was_stopped_stops_no_change, start, stop),
        cmocka_unit_test_setup_teardown(no_subscription_takes_all_the_room, start, stop),
        cmocka_unit_test_setup_teardown(a_place_that_ends_takes_its_roles_along, start, stop),
        cmocka_unit_test_setup_teardown(
            a_role_of_the_operator_that_is_gone_gives_nothing_and_harms_nothing, start, stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
