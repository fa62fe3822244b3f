/*
 * Packages through the service's calls: publishing, what guests are told and get, waves of many
 * machines, and what a guest may not do.
 */
#include "unit/service/world.h"

#include "package/package.h"
#include "service/guest.h"
#include "service/machines.h"
#include "service/rollout.h"
#include "store/extensions.h"

#include <stdio.h>

enum { MACHINES = 40, PLACES = MACHINES / 5, PERIOD = 60 };
#define OWN "11111111-1111-4111-8111-111111111111"
#define OTHER "22222222-2222-4222-8222-222222222222"
#define PLATFORM "linux-x86_64"

static const struct machine_path everything = {.subscription = {(const uint8_t *)OWN, 36},
                                               .who = "owner"};

static struct span package_for(struct world *w, const char *platform, const char *version,
                               const char *payload)
{
    struct package p = {.size = strlen(payload)};
    uint8_t *file = arena_calloc(w->arena, 1, PACKAGE_HEADER_MAX + strlen(payload));
    struct span head;

    snprintf(p.platform, sizeof(p.platform), "%s", platform);
    snprintf(p.version_text, sizeof(p.version_text), "%s", version);
    assert_ok(hasher_once(w->hasher, HASH_SHA256, span_str(payload), p.sha256));
    assert_ok(package_write(w->arena, &p, NULL, &head));
    memcpy(file, head.data, head.len); /* the signature is the agents' business */
    memcpy(file + head.len + PACKAGE_SIGNATURE_BYTES, payload, strlen(payload));
    return span_of(file, head.len + PACKAGE_SIGNATURE_BYTES + strlen(payload));
}

static struct span package(struct world *w, const char *version, const char *payload)
{
    return package_for(w, PLATFORM, version, payload);
}

static struct service_answer call(struct world *w, machine_call *run, const char *version,
                                  struct span body)
{
    struct machine_path path = everything;
    struct service_answer answer = {0};

    path.machine = version == NULL ? (struct span){0} : span_str(version);
    run(w->service, &w->call, &path, body, &answer);
    return answer;
}

static yyjson_val *root_of(struct world *w, struct span body)
{
    yyjson_val *root = NULL;

    assert_ok(json_read(w->arena, body, NULL, NULL, &root));
    return root;
}

/* ---- machines ---- */

static const char *bearer_of(struct world *w, unsigned number)
{
    const char *token = NULL;
    struct store_machine m;

    assert_ok(store_machine_by_id(w->service->store, arena_printf(w->arena, "machine-%u", number),
                                  NULL, &m));
    assert_ok(guest_session_new(w->service, w->arena, &m, NOW + 99999, &token));
    return token;
}

static void add_machine(struct world *w, unsigned number, bool upgrades)
{
    struct store_machine m = {.created = NOW, .ak_name_len = 34}, got;
    struct store_extension extension = {
        .is_wanted = true, .version = "1.0", .upgrades = upgrades, .settings = span_str("{}")};
    int64_t sequence;

    snprintf(m.id, sizeof(m.id), "machine-%u", number);
    snprintf(m.name, sizeof(m.name), "vm%u", number);
    memset(m.ek_digest, (int)number, sizeof(m.ek_digest));
    memset(m.ak_name, (int)number, m.ak_name_len);
    assert_ok(store_machine_activate(w->service->store, &m, NULL, &got));
    assert_ok(store_extension_set(w->service->store, m.id, &extension, NULL, &sequence));
}

static struct service_answer ask(struct world *w, unsigned number, const char *version,
                                 const char *more)
{
    const char *body = arena_printf(w->arena,
                                    "{\"agentVersion\":\"%s\",\"platform\":\"" PLATFORM "\","
                                    "\"periodSeconds\":%d%s}",
                                    version, PERIOD, more);
    struct service_answer answer = {0};

    service_guest_goalstate(w->service, &w->call, span_str(bearer_of(w, number)), span_str(body),
                            &answer);
    return answer;
}

/* The version that it is offered; "" */
static const char *offered(struct world *w, unsigned number)
{
    struct service_answer answer = ask(w, number, "1.0.0", ",\"takesPackages\":true");
    const char *version;

    assert_int_equal(answer.status, 200);
    version = json_text(json_get(json_get(root_of(w, answer.body), "package"), "version"));
    return version == NULL ? "" : version;
}

static struct service_answer fetch(struct world *w, unsigned number, const char *version)
{
    struct service_answer answer = {0};

    service_guest_package(w->service, &w->call, span_str(bearer_of(w, number)), span_str(version),
                          &answer);
    return answer;
}

static yyjson_val *listed(struct world *w)
{
    struct service_answer answer = call(w, service_package_list, NULL, (struct span){0});

    assert_int_equal(answer.status, 200);
    return yyjson_arr_get_first(json_get(root_of(w, answer.body), "value"));
}

static uint64_t number_of(yyjson_val *object, const char *name)
{
    return yyjson_get_uint(json_get(object, name));
}

static struct world *world_of_machines(void)
{
    struct world *w = world_new();

    assert_ok(service_set_subscription(w->service, OWN));
    for (unsigned i = 1; i <= MACHINES; i++) {
        add_machine(w, i, true);
        /* All have been heard before anything is published: the group is whole. */
        assert_int_equal(ask(w, i, "1.0.0", "").status, 200);
    }
    return w;
}

/* ---- what must not be ---- */

static void refuses_files_that_are_no_packages(void **state)
{
    struct world *w = world_new();
    struct span good = package(w, "1.0.1", "program");
    struct service_answer answer;

    (void)state;
    assert_ok(service_set_subscription(w->service, OWN));
    answer = call(w, service_package_publish, NULL, span_str(""));
    expect_refusal(&answer, 400, "InvalidParameter", "is no package of the agent");
    answer =
        call(w, service_package_publish, NULL, package_for(w, "linux-z80", "1.0.1", "program"));
    expect_refusal(&answer, 400, "InvalidParameter", "no agents for platform 'linux-z80'");
    answer = call(w, service_package_publish, NULL, span_cut(good, 0, good.len - 1));
    expect_refusal(&answer, 400, "InvalidParameter", "the file is not whole");
    ((uint8_t *)(uintptr_t)good.data)[good.len - 1] ^= 1;
    answer = call(w, service_package_publish, NULL, good);
    expect_refusal(&answer, 400, "InvalidParameter", "the file is damaged");
    ((uint8_t *)(uintptr_t)good.data)[good.len - 1] ^= 1;
    answer = call(w, service_package_publish, NULL, good);
    assert_int_equal(answer.status, 200);
    /* For the audit log. */
    assert_true(span_starts(span_str(answer.note), "version=1.0.1 platform=" PLATFORM " sha256="));
    answer = call(w, service_package_publish, NULL, good);
    expect_refusal(&answer, 409, "Conflict", "is published already");
    answer = call(w, service_package_publish, NULL, package(w, "1.0.1.0", "the same version"));
    expect_refusal(&answer, 409, "Conflict", "version 1.0.1 for " PLATFORM " is published already");
    answer = call(w, service_package_stop, "1.0.1.0", (struct span){0});
    assert_int_equal(answer.status, 200);
    answer = call(w, service_package_stop, "1.0.2", (struct span){0});
    expect_refusal(&answer, 404, "ResourceNotFound", "no package of version '1.0.2'");
    answer = call(w, service_package_stop, "1.0.1", span_str("linux-y"));
    expect_refusal(&answer, 404, "ResourceNotFound", "for this platform");
    world_free(w);
}

static void refuses_words_of_guests_that_are_not_of_the_form(void **state)
{
    static const char *const bad[] = {
        ",\"takesPackages\":1",
        ",\"takesPackages\":\"yes\"",
        ",\"upgrade\":[]",
        ",\"upgrade\":{\"runs\":1}",
        ",\"upgrade\":{\"failed\":{}}",
        ",\"upgrade\":{\"message\":[]}",
    };
    struct world *w = world_new();

    (void)state;
    add_machine(w, 1, true);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct service_answer answer = ask(w, 1, "1.0.0", bad[i]);

        expect_refusal(&answer, 400, "InvalidParameter", "must be");
    }
    world_free(w);
}

static void gives_a_package_to_whom_it_was_offered_alone(void **state)
{
    struct world *w = world_of_machines();
    struct span file = package(w, "1.0.1", "program");
    struct service_answer answer = call(w, service_package_publish, NULL, file);

    (void)state;
    assert_int_equal(answer.status, 200);
    answer = fetch(w, 1, "1.0.1");
    expect_refusal(&answer, 404, "NotFound", "was offered to this machine");
    assert_string_equal(offered(w, 1), "1.0.1");
    answer = fetch(w, 2, "1.0.1");
    expect_refusal(&answer, 404, "NotFound", "was offered to this machine");
    answer = fetch(w, 1, "../../secret.key");
    expect_refusal(&answer, 404, "NotFound", "was offered to this machine");
    answer = (struct service_answer){0};
    service_guest_package(w->service, &w->call, (struct span){0}, span_str("1.0.1"), &answer);
    expect_refusal(&answer, 401, "Unauthorized", "a session token is needed");
    answer = fetch(w, 1, "1.0.1");
    assert_int_equal(answer.status, 200);
    assert_true(span_equal(answer.body, file));
    answer = call(w, service_package_stop, "1.0.1", (struct span){0});
    assert_int_equal(answer.status, 200);
    answer = fetch(w, 1, "1.0.1");
    expect_refusal(&answer, 403, "RolloutStopped", "was stopped");
    world_free(w);
}

static void offers_nothing_to_who_does_not_want_it(void **state)
{
    struct world *w = world_new();
    struct machine_path other = everything;
    struct service_answer answer = {0};

    (void)state;
    assert_ok(service_set_subscription(w->service, OWN));
    add_machine(w, 1, false);
    add_machine(w, 2, true);
    other.subscription = span_str(OTHER);
    service_package_publish(w->service, &w->call, &other, package(w, "1.0.9", "theirs"), &answer);
    assert_int_equal(answer.status, 200);
    assert_null(listed(w));                 /* it is not ours */
    assert_string_equal(offered(w, 2), ""); /* nor for our machines */
    answer = call(w, service_package_publish, NULL, package(w, "1.0.1", "ours"));
    assert_int_equal(answer.status, 200);
    assert_string_equal(offered(w, 1), ""); /* automatic upgrade is off */
    assert_null(json_get(root_of(w, ask(w, 2, "1.0.0", "").body), "package"));
    assert_null(json_get(root_of(w, ask(w, 2, "dev", ",\"takesPackages\":true").body), "package"));
    assert_string_equal(offered(w, 2), "1.0.1");
    world_free(w);
}

/* ---- waves ---- */

static void goes_out_in_waves_and_stops_at_the_first_failure(void **state)
{
    struct world *w = world_of_machines();
    struct service_answer answer =
        call(w, service_package_publish, NULL, package(w, "1.0.1", "program"));
    const char *digest = json_text(json_get(root_of(w, answer.body), "sha256"));
    unsigned n_upgraded = 0;
    bool has[MACHINES + 1] = {false};

    (void)state;
    for (unsigned wave = 0; wave < 3; wave++) {
        unsigned wave_machines[MACHINES], n = 0;

        for (unsigned i = 1; i <= MACHINES; i++) {
            if (!has[i] && offered(w, i)[0] != '\0') {
                wave_machines[n++] = i;
            }
        }
        assert_int_equal(n, PLACES);
        assert_int_equal(number_of(listed(w), "offered"), PLACES);
        for (unsigned i = 0; i < n; i++) {
            assert_int_equal(fetch(w, wave_machines[i], "1.0.1").status, 200);
        }
        assert_int_equal(number_of(listed(w), "taken"), PLACES);
        if (wave == 2) {
            answer = ask(w, wave_machines[0], "1.0.0",
                         arena_printf(w->arena,
                                      ",\"takesPackages\":true,\"upgrade\":{\"runs\":\"1.0.0\","
                                      "\"failed\":\"%s\",\"message\":\"it\\u001b[31m broke\"}",
                                      digest));
            assert_int_equal(answer.status, 200);
            break;
        }
        for (unsigned i = 0; i < n; i++) {
            /* On trial it keeps its place. */
            assert_int_equal(ask(w, wave_machines[i], "1.0.1", "").status, 200);
            assert_int_equal(number_of(listed(w), "confirmed"), n_upgraded);
            answer = ask(w, wave_machines[i], "1.0.1", ",\"upgrade\":{\"runs\":\"1.0.1\"}");
            assert_int_equal(answer.status, 200);
            has[wave_machines[i]] = true;
            n_upgraded++;
        }
    }
    assert_string_equal(json_text(json_get(listed(w), "state")), "stopped");
    assert_non_null(strstr(json_text(json_get(listed(w), "why")), "it\\x1b[31m broke"));
    assert_int_equal(number_of(listed(w), "confirmed"), 2 * PLACES);
    for (unsigned i = 1; i <= MACHINES; i++) {
        assert_true(has[i] || offered(w, i)[0] == '\0');
    }
    world_free(w);
}

static void a_machine_that_falls_silent_half_way_stops_it(void **state)
{
    struct world *w = world_of_machines();
    struct service_answer answer =
        call(w, service_package_publish, NULL, package(w, "1.0.1", "program"));

    (void)state;
    assert_int_equal(answer.status, 200);
    assert_string_equal(offered(w, 7), "1.0.1");
    assert_int_equal(fetch(w, 7, "1.0.1").status, 200);
    rollout_tick(w->service, NOW + 3 * PERIOD - 1);
    assert_string_equal(json_text(json_get(listed(w), "state")), "running");
    rollout_tick(w->service, NOW + 3 * PERIOD);
    assert_string_equal(json_text(json_get(listed(w), "state")), "stopped");
    assert_non_null(
        strstr(json_text(json_get(listed(w), "why")), "machine vm7: it took the package"));
    answer = call(w, service_package_resume, "1.0.1", (struct span){0});
    assert_int_equal(answer.status, 200);
    assert_string_equal(offered(w, 7), "");
    assert_string_equal(offered(w, 8), "1.0.1");
    world_free(w);
}

static void withdraws_a_package_with_its_file(void **state)
{
    struct world *w = world_of_machines();
    struct trail trail = {0};
    const char **names = NULL;
    struct service_answer answer =
        call(w, service_package_publish, NULL, package(w, "1.0.1", "program"));

    (void)state;
    assert_int_equal(answer.status, 200);
    /* What a crash left between file and record goes at the next start. */
    assert_ok(file_write(world_path(w, "packages/0123456789abcdef0123456789abcdef"),
                         span_str("left"), 0600, NULL));
    assert_ok(world_reopen(w, &trail));
    assert_ok(service_set_subscription(w->service, OWN));
    assert_ok(file_list(w->arena, world_path(w, "packages"), NULL, &names));
    assert_non_null(names[0]);
    assert_null(names[1]);
    assert_string_equal(offered(w, 1), "1.0.1");
    answer = call(w, service_package_withdraw, "1.0.1", (struct span){0});
    assert_int_equal(answer.status, 200);
    assert_ok(file_list(w->arena, world_path(w, "packages"), NULL, &names));
    assert_null(names[0]);
    answer = fetch(w, 1, "1.0.1");
    expect_refusal(&answer, 404, "NotFound", "was offered to this machine");
    world_free(w);
}

static int start(void **state)
{
    (void)state;
    assert_ok(crypto_init());
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_files_that_are_no_packages),
        cmocka_unit_test(refuses_words_of_guests_that_are_not_of_the_form),
        cmocka_unit_test(gives_a_package_to_whom_it_was_offered_alone),
        cmocka_unit_test(offers_nothing_to_who_does_not_want_it),
        cmocka_unit_test(goes_out_in_waves_and_stops_at_the_first_failure),
        cmocka_unit_test(a_machine_that_falls_silent_half_way_stops_it),
        cmocka_unit_test(withdraws_a_package_with_its_file),
    };

    return cmocka_run_group_tests(tests, start, NULL);
}
