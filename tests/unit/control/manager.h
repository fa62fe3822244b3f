/*
 * manager.h - for tests: a resource manager over a store, and requests to it as clients write them.
 *
 *     struct manager m;
 *     manager_open(&m, store, NULL, kinds, rows);
 *     ask(&m, HTTP_PUT, GROUP "?api-version=2024-11-01", "{\"location\":\"westus\"}");
 *     assert_answer(&m, 201, NULL);
 *     assert_text(&m, "properties.provisioningState", "Succeeded");
 *
 * A target without api-version gets one. if_match and its like hold for one request.
 */
#ifndef TESTS_CONTROL_MANAGER_H
#define TESTS_CONTROL_MANAGER_H

#include "support/support.h"

#include "base/timestamp.h"
#include "control/kind.h"
#include "control/row.h"
#include "http/request.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SUBSCRIPTION "11111111-1111-1111-1111-111111111111"
#define SUB "/subscriptions/" SUBSCRIPTION
#define OTHER_SUB "/subscriptions/22222222-2222-2222-2222-222222222222"
#define GROUP SUB "/resourceGroups/g"
#define ENDPOINT "https://manager.test:8443"

enum { MANAGER_ARENA_BYTES = 64 * 1024 * 1024 }; /* as a worker of the server has */

/* NULL: everything is allowed. */
typedef bool manager_may(const char *action, const char *scope);

struct manager {
    struct control_options options;
    struct control *control;
    struct arena *arena; /* of the last request */
    struct hasher *hasher;
    int64_t now; /* 0: of the clock */
    struct access_caller caller;
    manager_may *may;
    /* For the next request alone. */
    const char *if_match, *if_none_match;
    bool is_dry;
    /* What came of the last one. */
    struct control_answer answer;
    yyjson_val *json; /* NULL: no body */
};

static bool manager_asks(void *context, const struct access_caller *caller, const char *action,
                         const char *scope)
{
    const struct manager *m = context;

    (void)caller;
    return m->may == NULL || m->may(action, scope);
}

static bool manager_asks_any(void *context, const struct access_caller *caller,
                             const char *subscription)
{
    const struct manager *m = context;

    (void)caller;
    return m->may == NULL ||
           m->may("*/read", arena_printf(m->arena, "/subscriptions/%s", subscription));
}

static err_t manager_subscriptions(void *context, const struct access_caller *caller,
                                   struct arena *arena, const char ***ret, size_t *ret_n)
{
    static const char *own = SUBSCRIPTION;

    (void)context;
    (void)caller;
    (void)arena;
    *ret = &own;
    *ret_n = 1;
    return ERR_OK;
}

/* Once more on the same store: what a server does when it starts again. */
static inline void manager_start(struct manager *m)
{
    struct trail trail = {0};
    err_t err = control_open(&m->options, &trail, &m->control);

    if (err) {
        fail_msg("%s: %s", err_name(err), trail.what);
    }
}

static inline void manager_stop(struct manager *m)
{
    control_close(m->control);
    m->control = NULL;
}

static inline void manager_open(struct manager *m, struct store *store, struct service *service,
                                const struct kind *const *kinds,
                                const struct control_row *const *rows)
{
    *m = (struct manager){.options = {.store = store,
                                      .service = service,
                                      .endpoint = ENDPOINT,
                                      .tenant = "33333333-3333-3333-3333-333333333333",
                                      .subscription = SUBSCRIPTION,
                                      .may = manager_asks,
                                      .may_any = manager_asks_any,
                                      .subscriptions = manager_subscriptions,
                                      .may_context = m,
                                      .kinds = kinds,
                                      .row_tables = rows},
                          .hasher = hasher_new(),
                          .caller = {.issuer = "https://issuer",
                                     .tenant = "33333333-3333-3333-3333-333333333333",
                                     .object_id = "44444444-4444-4444-4444-444444444444",
                                     .name = "tester",
                                     .client_id = "55555555-5555-5555-5555-555555555555"}};
    arena_free(test_arena()); /* crypto_init has run */
    m->arena = arena_new(MANAGER_ARENA_BYTES);
    assert_non_null(m->arena);
    assert_non_null(m->hasher);
    manager_start(m);
}

static inline void manager_close(struct manager *m)
{
    manager_stop(m);
    hasher_free(m->hasher);
    arena_free(m->arena);
}

/* The text of a request, in an arena of its own that lives until the next one. */
static inline void ask_span(struct manager *m, enum http_method method, const char *target,
                            struct span body)
{
    struct arena *arena = arena_new(MANAGER_ARENA_BYTES);
    const char *query = strchr(target, '?');
    struct http_head head = {.query = query == NULL ? (struct span){0} : span_str(query + 1)};
    struct http_request request = {.head = &head, .arena = arena};
    struct http_path path;
    struct control_call call = {.control = m->control,
                                .arena = arena,
                                .hasher = m->hasher,
                                .doc = json_new(arena),
                                .now = m->now != 0 ? m->now : timestamp_now(),
                                .caller = &m->caller,
                                .correlation = "c0ffee",
                                .request = "r7",
                                .base = ENDPOINT,
                                .method = method,
                                .body = arena_dup(arena, body),
                                .is_dry = m->is_dry};
    struct control_target what = {0};

    assert_ok(http_path_parse(
        arena, query == NULL ? span_str(target) : span_of(target, (size_t)(query - target)),
        &path));
    call.api_version = http_request_query(&request, "api-version");
    if (call.api_version.data == NULL) {
        call.api_version = span_str("2024-11-01");
    }
    call.expand = http_request_query(&request, "$expand");
    call.filter = http_request_query(&request, "$filter");
    call.top = http_request_query(&request, "$top");
    call.skip_token = http_request_query(&request, "$skiptoken");
    call.order_by = http_request_query(&request, "$orderby");
    call.if_match = m->if_match == NULL ? (struct span){0} : span_str(m->if_match);
    call.if_none_match = m->if_none_match == NULL ? (struct span){0} : span_str(m->if_none_match);
    if (control_resolve(&call, path.segments, path.n, &what, &m->answer)) {
        if (what.action != NULL && m->may != NULL && !m->may(what.action, what.scope)) {
            control_refuse(&call, &m->answer, 403, "AuthorizationFailed", "%s at %s", what.action,
                           what.scope);
        } else {
            control_run(&call, &what, &m->answer);
        }
    }
    m->json = NULL;
    if (m->answer.code != NULL) {
        assert_non_null(m->answer.message);
        assert_true(m->answer.status >= 400);
    } else if (m->answer.body.len > 0) {
        struct json_limits limits = {.max_depth = 200, .max_values = 10000000};

        assert_ok(json_read(arena, m->answer.body, &limits, NULL, &m->json));
    }
    arena_free(m->arena);
    m->arena = arena;
    m->if_match = m->if_none_match = NULL;
    m->is_dry = false;
}

static inline void ask(struct manager *m, enum http_method method, const char *target,
                       const char *body)
{
    ask_span(m, method, target, body == NULL ? (struct span){0} : span_str(body));
}

/* ---- what came of it ---- */

/* code NULL: no refusal. */
static inline void assert_answer(const struct manager *m, unsigned status, const char *code)
{
    const char *got = m->answer.code == NULL ? "" : m->answer.code;

    if (m->answer.status != status || strcmp(got, code == NULL ? "" : code) != 0) {
        fail_msg("got %u %s %s", m->answer.status, got,
                 m->answer.message == NULL ? "" : m->answer.message);
    }
}

static inline yyjson_val *member_of(yyjson_val *value, const char *path)
{
    while (value != NULL && *path != '\0') {
        size_t len = strcspn(path, ".");

        value = yyjson_is_arr(value) ? yyjson_arr_get(value, strtoul(path, NULL, 10))
                                     : yyjson_obj_getn(value, path, len);
        path += len + (path[len] == '.');
    }
    return value;
}

/* "properties.list.0.name"; NULL when it is not there. */
static inline yyjson_val *member(const struct manager *m, const char *path)
{
    return member_of(m->json, path);
}

static inline const char *text_at(const struct manager *m, const char *path)
{
    const char *text = yyjson_get_str(member(m, path));

    return text == NULL ? "" : text;
}

#define assert_text(m, path, wanted) assert_string_equal(text_at(m, path), wanted)

static inline void assert_says(const struct manager *m, const char *words)
{
    if (m->answer.message == NULL || strstr(m->answer.message, words) == NULL) {
        fail_msg("'%s' does not say '%s'", m->answer.message == NULL ? "" : m->answer.message,
                 words);
    }
}

/* A copy that outlives the next request. */
static inline const char *kept(const char *text)
{
    static char texts[8][2048];
    static unsigned next;
    char *copy = texts[next++ % ARRAY_LEN(texts)];

    snprintf(copy, sizeof(texts[0]), "%s", text == NULL ? "" : text);
    return copy;
}

/* The place of an answer's link, without the endpoint. */
static inline const char *link_of(const char *url)
{
    assert_non_null(url);
    assert_memory_equal(url, ENDPOINT "/", sizeof(ENDPOINT));
    return kept(url + sizeof(ENDPOINT) - 1);
}

static inline void pause_ms(unsigned ms)
{
    usleep(ms * 1000);
}

enum { WAIT_STEPS = 6000, WAIT_STEP_MS = 10 };

/* Until this Location says no more that it goes on. */
static inline void follow(struct manager *m, const char *link)
{
    for (int i = 0; i < WAIT_STEPS; i++) {
        ask(m, HTTP_GET, link, NULL);
        if (m->answer.status != 202) {
            return;
        }
        pause_ms(WAIT_STEP_MS);
    }
    fail_msg("%s does not end", link);
}

/* That of the last answer. */
static inline void follow_location(struct manager *m)
{
    follow(m, link_of(m->answer.location));
}

/* Until the resource is gone. */
static inline void wait_until_gone(struct manager *m, const char *target)
{
    for (int i = 0; i < WAIT_STEPS; i++) {
        ask(m, HTTP_GET, target, NULL);
        if (m->answer.status == 404) {
            return;
        }
        pause_ms(WAIT_STEP_MS);
    }
    fail_msg("%s stays", target);
}

/* All pages of a list from `target` on: how many items, and no more than max in one. */
static inline size_t count_pages(struct manager *m, const char *target, size_t max,
                                 size_t *ret_pages)
{
    size_t n = 0;

    *ret_pages = 0;
    for (target = kept(target); target != NULL && *ret_pages < 10000; (*ret_pages)++) {
        yyjson_val *list;

        ask(m, HTTP_GET, target, NULL);
        assert_answer(m, 200, NULL);
        list = member(m, "value");
        assert_true(yyjson_is_arr(list));
        assert_true(yyjson_arr_size(list) <= max);
        n += yyjson_arr_size(list);
        target = member(m, "nextLink") == NULL ? NULL : link_of(text_at(m, "nextLink"));
    }
    assert_null(target);
    return n;
}

#endif
