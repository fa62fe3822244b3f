/* The gate on a folder: what is lost or loose stops the start, what changes counts at once. */
#include "support/support.h"

#include "base/file.h"
#include "base/timestamp.h"
#include "identity/files.h"
#include "identity/gate.h"
#include "json/json.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ENDPOINT "https://localhost:8443"

static struct arena *arena;
static char folder[64];

static int start(void **state)
{
    (void)state;
    arena = test_arena();
    snprintf(folder, sizeof(folder), "/tmp/bootwarden-gate-XXXXXX");
    assert_non_null(mkdtemp(folder));
    return 0;
}

static void clear(const char *path)
{
    const char **names = NULL;

    if (file_list(arena, path, NULL, &names) == ERR_OK) {
        for (; *names != NULL; names++) {
            const char *name = arena_printf(arena, "%s/%s", path, *names);

            if (file_is_folder(name)) {
                clear(name);
                rmdir(name);
            } else {
                unlink(name);
            }
        }
    }
}

static int stop(void **state)
{
    (void)state;
    clear(folder);
    rmdir(folder);
    arena_free(arena);
    return 0;
}

static const char *in(const char *name)
{
    return arena_printf(arena, "%s/%s", folder, name);
}

static err_t try_open(bool is_dev, struct trail *trail, struct gate **ret)
{
    const struct gate_options options = {
        .folder = folder, .endpoint = ENDPOINT, .has_provider = true, .is_dev = is_dev};

    return gate_open(&options, trail, ret);
}

static struct gate *open_dev(void)
{
    struct gate *gate = NULL;

    assert_ok(try_open(true, NULL, &gate));
    return gate;
}

static struct span token_for(struct gate *gate, const char *body)
{
    const struct idp_call call = {
        .arena = arena, .now = timestamp_now(), .tenant = span_str(idp_tenant(gate_idp(gate)))};
    struct idp_answer answer;
    yyjson_val *root = NULL;

    idp_token(gate_idp(gate), &call, span_str(body), &answer);
    assert_int_equal(answer.status, 200);
    assert_ok(json_read(arena, answer.body, NULL, NULL, &root));
    return json_span(json_get(root, "access_token"));
}

static struct span sign_in(struct gate *gate, const char *client_id, const char *secret,
                           const char *resource)
{
    return token_for(gate, arena_printf(arena,
                                        "grant_type=client_credentials&client_id=%s&"
                                        "client_secret=%s&scope=%s/.default",
                                        client_id, secret, resource));
}

/* The developer, by this application; secret NULL: it has none. */
static struct span user_signs_in(struct gate *gate, const char *client_id, const char *secret)
{
    const struct gate_dev *dev = gate_dev(gate);
    const char *proof = secret == NULL ? "" : arena_printf(arena, "&client_secret=%s", secret);

    return token_for(gate, arena_printf(arena,
                                        "grant_type=password&client_id=%s%s&username=%s&"
                                        "password=%s&scope=" ENDPOINT "/.default",
                                        client_id, proof, dev->user, dev->password));
}

static void the_developer_owns_one_subscription_and_nothing_else(void **state)
{
    CLEANUP(gate_close) struct gate *gate = open_dev();
    const struct gate_dev *dev = gate_dev(gate);
    struct span token = sign_in(gate, dev->client_id, dev->secret, "https://attest.azure.net");
    struct access_caller caller = {0};
    const char *own = arena_printf(arena, "/subscriptions/%s/resourceGroups/g", dev->subscription);

    (void)state;
    assert_int_equal(gate_caller(gate, arena, ACCESS_DATA, timestamp_now(), token, &caller),
                     ACCESS_OK);
    assert_string_equal(caller.object_id, dev->object_id);
    assert_int_equal(gate_may(gate, &caller, ACCESS_ATTESTATION_WRITE, span_str(own)), ACCESS_OK);
    assert_int_equal(gate_may(gate, &caller, ACCESS_ATTESTATION_WRITE,
                              span_str("/subscriptions/99999999-9999-4999-8999-999999999999")),
                     ACCESS_ROLE);
    assert_int_equal(gate_may(gate, &caller, ACCESS_ATTESTATION_WRITE, span_str("/")), ACCESS_ROLE);
    assert_int_equal(gate_may(gate, &caller, ACCESS_ATTESTATION_WRITE,
                              span_str(ACCESS_SHARED_SCOPE "sharedeus")),
                     ACCESS_SHARED);
    assert_int_equal(
        gate_may(gate, &caller, ACCESS_ATTESTATION_READ, span_str(ACCESS_SHARED_SCOPE "sharedeus")),
        ACCESS_OK);
    assert_int_equal(gate_caller(gate, arena, ACCESS_MANAGEMENT, timestamp_now(), token, &caller),
                     ACCESS_AUDIENCE);
}

static void everything_is_the_same_after_a_restart(void **state)
{
    struct gate *gate = open_dev();
    const struct gate_dev before = *gate_dev(gate);
    struct span token = sign_in(gate, before.client_id, before.secret, ENDPOINT);
    struct access_caller caller;
    const char *client = arena_printf(arena, "%s %s %s %s", before.tenant, before.subscription,
                                      before.client_id, before.secret);

    (void)state;
    gate_close(gate);
    gate = open_dev();
    assert_string_equal(client, arena_printf(arena, "%s %s %s %s", gate_dev(gate)->tenant,
                                             gate_dev(gate)->subscription,
                                             gate_dev(gate)->client_id, gate_dev(gate)->secret));
    assert_int_equal(gate_caller(gate, arena, ACCESS_MANAGEMENT, timestamp_now(), token, &caller),
                     ACCESS_OK);
    gate_close(gate);
    /* Without --dev nobody has a role, though the principal is still there. */
    assert_ok(try_open(false, NULL, &gate));
    assert_null(gate_dev(gate));
    assert_int_equal(gate_caller(gate, arena, ACCESS_MANAGEMENT, timestamp_now(), token, &caller),
                     ACCESS_OK);
    assert_int_equal(gate_may(gate, &caller, ACCESS_PROVIDER_READ, span_str("/")), ACCESS_ROLE);
    gate_close(gate);
}

static void private_files_are_private_and_refused_when_they_are_not(void **state)
{
    struct gate *gate = open_dev();
    const char *names[] = {in("identity/principals.json"), in("identity/dev.secret"), NULL};
    const char **keys = NULL;
    struct trail trail = {0};
    struct stat st;

    (void)state;
    gate_close(gate);
    gate = NULL;
    assert_ok(file_list(arena, in("identity/keys"), NULL, &keys));
    names[2] = arena_printf(arena, "%s/identity/keys/%s", folder, keys[0]);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        assert_int_equal(stat(names[i], &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
        assert_int_equal(chmod(names[i], 0640), 0);
        trail = (struct trail){0};
        assert_err(try_open(true, &trail, &gate), ERR_DENIED);
        assert_string_equal(trail.where, names[i]);
        assert_int_equal(chmod(names[i], 0600), 0);
    }
    assert_int_equal(chmod(in("identity/keys"), 0770), 0);
    assert_err(try_open(true, NULL, &gate), ERR_DENIED);
    assert_int_equal(chmod(in("identity/keys"), 0700), 0);
    assert_null(gate);
}

static void lost_principals_are_not_made_anew_without_a_word(void **state)
{
    struct gate *gate = open_dev();
    struct trail trail = {0};

    (void)state;
    gate_close(gate);
    gate = NULL;
    assert_int_equal(rename(in("identity/principals.json"), in("kept")), 0);
    assert_err(try_open(true, &trail, &gate), ERR_NOT_FOUND);
    assert_non_null(strstr(trail.what, "restore it from a backup"));
    assert_null(gate);
    assert_int_equal(rename(in("kept"), in("identity/principals.json")), 0);
    /* The developer's secret is only a convenience: it gets another. */
    assert_int_equal(unlink(in("identity/dev.secret")), 0);
    gate = open_dev();
    sign_in(gate, gate_dev(gate)->client_id, gate_dev(gate)->secret, ENDPOINT);
    gate_close(gate);
}

static void a_principal_that_is_removed_is_gone_with_its_tokens(void **state)
{
    CLEANUP(gate_close) struct gate *gate = open_dev();
    CLEANUP(principals_free) struct principals *before = NULL;
    CLEANUP(principals_free) struct principals *after = NULL;
    struct span token = sign_in(gate, gate_dev(gate)->client_id, gate_dev(gate)->secret, ENDPOINT);
    const char *own = arena_printf(arena, "/subscriptions/%s", gate_dev(gate)->subscription);
    struct access_caller caller, known;

    (void)state;
    assert_int_equal(gate_caller(gate, arena, ACCESS_MANAGEMENT, timestamp_now(), token, &known),
                     ACCESS_OK);
    assert_int_equal(gate_may(gate, &known, ACCESS_PROVIDER_READ, span_str(own)), ACCESS_OK);
    assert_ok(files_principals(arena, folder, NULL, &before));
    assert_ok(principals_without(before, span_str(gate_dev(gate)->client_id), &after));
    assert_ok(files_write_principals(arena, folder, after, NULL));
    gate_tick(gate, false);
    assert_int_equal(gate_caller(gate, arena, ACCESS_MANAGEMENT, timestamp_now(), token, &caller),
                     ACCESS_PRINCIPAL);
    /* Nor goes on what was begun in its name. */
    assert_int_equal(gate_may(gate, &known, ACCESS_PROVIDER_READ, span_str(own)), ACCESS_PRINCIPAL);
    assert_ok(files_write_principals(arena, folder, before, NULL));
    gate_tick(gate, false);
    assert_int_equal(gate_caller(gate, arena, ACCESS_MANAGEMENT, timestamp_now(), token, &caller),
                     ACCESS_OK);
    /* Damaged: nobody is locked out by an accident. */
    assert_ok(file_write(in("identity/principals.json"), span_str("{"), 0600, NULL));
    gate_tick(gate, false);
    assert_int_equal(gate_caller(gate, arena, ACCESS_MANAGEMENT, timestamp_now(), token, &caller),
                     ACCESS_OK);
    assert_ok(files_write_principals(arena, folder, before, NULL));
}

static bool find_identity(void *context, struct arena *own, struct span object_id,
                          struct principal *ret)
{
    (void)own;
    *ret = *(const struct principal *)context;
    return span_is(object_id, ret->object_id);
}

/* What an identity that is a resource changes counts for its subscription: audit.h. */
static void an_identity_that_is_a_resource_has_a_home(void **state)
{
    struct principal identity = {.kind = PRINCIPAL_MANAGED, .home = "s1"};
    const struct gate_options options = {
        .folder = folder,
        .endpoint = ENDPOINT,
        .has_provider = true,
        .is_dev = true,
        .elsewhere = {.find = find_identity, .context = &identity}};
    CLEANUP(gate_close) struct gate *gate = NULL;
    CLEANUP(principals_free) struct principals *before = NULL;
    CLEANUP(principals_free) struct principals *after = NULL;
    struct access_caller caller;
    struct span token;

    (void)state;
    assert_ok(gate_open(&options, NULL, &gate));
    token = sign_in(gate, gate_dev(gate)->client_id, gate_dev(gate)->secret, ENDPOINT);
    assert_int_equal(gate_caller(gate, arena, ACCESS_MANAGEMENT, timestamp_now(), token, &caller),
                     ACCESS_OK);
    assert_null(caller.home);
    snprintf(identity.client_id, sizeof(identity.client_id), "%s", gate_dev(gate)->client_id);
    snprintf(identity.object_id, sizeof(identity.object_id), "%s", gate_dev(gate)->object_id);
    assert_ok(files_principals(arena, folder, NULL, &before));
    assert_ok(principals_without(before, span_str(identity.client_id), &after));
    assert_ok(files_write_principals(arena, folder, after, NULL));
    gate_tick(gate, false);
    assert_int_equal(gate_caller(gate, arena, ACCESS_MANAGEMENT, timestamp_now(), token, &caller),
                     ACCESS_OK);
    assert_string_equal(caller.home, "s1");
}

/* What people let an application do ends with it. */
static void a_token_of_a_person_is_gone_with_the_application(void **state)
{
    static const char *const az = "04b07795-8ddb-461a-bbee-02f9e1bf7b46";
    CLEANUP(gate_close) struct gate *gate = open_dev();
    CLEANUP(principals_free) struct principals *before = NULL;
    CLEANUP(principals_free) struct principals *after = NULL;
    const struct gate_dev *dev = gate_dev(gate);
    struct span by_az = user_signs_in(gate, az, NULL);
    struct span by_app = user_signs_in(gate, dev->client_id, dev->secret);
    struct access_caller caller;

    (void)state;
    assert_int_equal(gate_caller(gate, arena, ACCESS_MANAGEMENT, timestamp_now(), by_app, &caller),
                     ACCESS_OK);
    assert_ok(files_principals(arena, folder, NULL, &before));
    assert_ok(principals_without(before, span_str(dev->client_id), &after));
    assert_ok(files_write_principals(arena, folder, after, NULL));
    gate_tick(gate, false);
    assert_int_equal(gate_caller(gate, arena, ACCESS_MANAGEMENT, timestamp_now(), by_app, &caller),
                     ACCESS_PRINCIPAL);
    assert_int_equal(gate_caller(gate, arena, ACCESS_MANAGEMENT, timestamp_now(), by_az, &caller),
                     ACCESS_OK);
    assert_ok(files_write_principals(arena, folder, before, NULL));
}

static void roles_in_the_folder_count_at_once_and_never_in_part(void **state)
{
    CLEANUP(gate_close) struct gate *gate = open_dev();
    const struct access_caller ada = {.tenant = "t", .object_id = "ada", .name = ""};
    static const char rules[] =
        "{\"roleAssignments\":[{\"principalId\":\"ada\",\"tenantId\":\"t\","
        "\"roleDefinitionId\":\"" ACCESS_ROLE_READER "\",\"scope\":\"/subscriptions/s\"}%s]}";

    (void)state;
    assert_int_equal(gate_may(gate, &ada, ACCESS_PROVIDER_READ, span_str("/subscriptions/s")),
                     ACCESS_ROLE);
    assert_ok(file_write(in("access.json"), span_str(arena_printf(arena, rules, "")), 0600, NULL));
    gate_tick(gate, false);
    assert_int_equal(gate_may(gate, &ada, ACCESS_PROVIDER_READ, span_str("/subscriptions/s")),
                     ACCESS_OK);
    assert_ok(
        file_write(in("access.json"), span_str(arena_printf(arena, rules, ",{}")), 0600, NULL));
    gate_tick(gate, false);
    assert_int_equal(gate_may(gate, &ada, ACCESS_PROVIDER_READ, span_str("/subscriptions/s")),
                     ACCESS_OK);
    assert_ok(file_write(in("access.json"), span_str("{}"), 0666, NULL)); /* others may write it */
    gate_tick(gate, false);
    assert_int_equal(gate_may(gate, &ada, ACCESS_PROVIDER_READ, span_str("/subscriptions/s")),
                     ACCESS_OK);
    assert_int_equal(unlink(in("access.json")), 0);
    gate_tick(gate, false);
    assert_int_equal(gate_may(gate, &ada, ACCESS_PROVIDER_READ, span_str("/subscriptions/s")),
                     ACCESS_ROLE);
}

static void an_owner_of_the_configuration_owns_all_but_shared_providers(void **state)
{
    const struct gate_owner owner = {"t", "ada"}, nobody = {NULL, "ada"};
    struct gate_options options = {
        .folder = folder, .endpoint = ENDPOINT, .owners = &owner, .n_owners = 1};
    const struct access_caller ada = {.tenant = "t", .object_id = "ada", .name = ""};
    struct gate *gate = NULL;

    (void)state;
    assert_ok(gate_open(&options, NULL, &gate));
    assert_null(gate_idp(gate));
    assert_int_equal(gate_may(gate, &ada, ACCESS_PROVIDER_WRITE, span_str("/subscriptions/s")),
                     ACCESS_OK);
    assert_int_equal(
        gate_may(gate, &ada, ACCESS_ATTESTATION_WRITE, span_str(ACCESS_SHARED_SCOPE "sharedeus")),
        ACCESS_SHARED);
    gate_close(gate);
    options.owners = &nobody; /* of which tenant, without one here? */
    assert_err(gate_open(&options, NULL, &gate), ERR_VALUE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_developer_owns_one_subscription_and_nothing_else),
        cmocka_unit_test(everything_is_the_same_after_a_restart),
        cmocka_unit_test(private_files_are_private_and_refused_when_they_are_not),
        cmocka_unit_test(lost_principals_are_not_made_anew_without_a_word),
        cmocka_unit_test(a_principal_that_is_removed_is_gone_with_its_tokens),
        cmocka_unit_test(an_identity_that_is_a_resource_has_a_home),
        cmocka_unit_test(a_token_of_a_person_is_gone_with_the_application),
        cmocka_unit_test(roles_in_the_folder_count_at_once_and_never_in_part),
        cmocka_unit_test(an_owner_of_the_configuration_owns_all_but_shared_providers),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
