/*
 * world.h - a service on a folder of its own, for one test.
 */
#ifndef TESTS_SERVICE_WORLD_H
#define TESTS_SERVICE_WORLD_H

#include "support/fabricate.h"
#include "support/reference.h"
#include "support/support.h"

#include "base/codec.h"
#include "base/file.h"
#include "service/internal.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NOW = 1800000000 };
#define ISSUER "https://localhost:8443"

struct world {
    char folder[64];
    struct arena *arena;
    struct hasher *hasher;
    struct service *service;
    struct provider *home; /* of the service */
    struct metrics *metrics;
    struct service_call call;
    const struct region *regions[2]; /* that are served; none: the default one */
    size_t n_regions;
};

static inline err_t world_reopen_at(struct world *w, int64_t now, struct trail *trail)
{
    const char *const names[] = {"localhost", "127.0.0.1"};
    struct service_options options = {
        .is_join_open = true,
        .folder = w->folder,
        .issuer = ISSUER,
        .regions = w->regions,
        .n_regions = w->n_regions,
        .tls_names = names,
        .n_tls_names = ARRAY_LEN(names),
        .now = now,
        .metrics = w->metrics,
        .lock_fd = -1,
    };
    CLEANUP(knowledge_free) struct knowledge *knowledge = NULL;
    err_t err = knowledge_new(test_reference_own(), NULL, (struct span){0}, trail, &knowledge);

    if (err) {
        return err;
    }
    options.knowledge = knowledge;

    provider_unref(w->home);
    w->home = NULL;
    service_close(w->service);
    w->service = NULL;
    err = service_lock(w->folder, trail, &options.lock_fd);
    if (err) {
        return err;
    }
    err = service_open(&options, trail, &w->service);
    if (err) {
        close(options.lock_fd);
    } else {
        w->home = service_provider_at(w->service, span_str("localhost"));
        assert_non_null(w->home);
    }
    return err;
}

static inline err_t world_reopen(struct world *w, struct trail *trail)
{
    return world_reopen_at(w, NOW, trail);
}

static inline struct world *world_new(void)
{
    struct world *w = calloc(1, sizeof(*w));
    struct trail trail = {0};

    assert_non_null(w);
    snprintf(w->folder, sizeof(w->folder), "/tmp/bootwarden-service.XXXXXX");
    assert_non_null(mkdtemp(w->folder));
    w->arena = test_arena();
    w->hasher = hasher_new();
    w->metrics = metrics_new();
    w->call = (struct service_call){.arena = w->arena, .hasher = w->hasher, .now = NOW};
    if (world_reopen(w, &trail) != ERR_OK) {
        fail_msg("%s: %s", trail.where, trail.what);
    }
    return w;
}

static inline void world_remove(const char *path)
{
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        execlp("rm", "rm", "-rf", path, (char *)NULL);
        _exit(127);
    }
    waitpid(child, NULL, 0);
}

static inline void world_free(struct world *w)
{
    provider_unref(w->home);
    service_close(w->service);
    metrics_free(w->metrics);
    hasher_free(w->hasher);
    arena_free(w->arena);
    world_remove(w->folder);
    free(w);
}

static inline const char *world_path(struct world *w, const char *name)
{
    return arena_printf(w->arena, "%s/%s", w->folder, name);
}

/* A certificate into DIR/trust/ROLE. */
static inline void world_trust(struct world *w, const char *name, struct span bytes)
{
    assert_ok(
        file_write(world_path(w, arena_printf(w->arena, "trust/%s", name)), bytes, 0644, NULL));
}

static inline void expect_refusal(const struct service_answer *answer, unsigned status,
                                  const char *code, const char *words)
{
    if (answer->status != status || answer->code == NULL || strcmp(answer->code, code) != 0 ||
        strstr(answer->message, words) == NULL) {
        fail_msg("%u %s '%s', wanted %u %s '%s'", answer->status,
                 answer->code == NULL ? "-" : answer->code,
                 answer->message == NULL ? (answer->body.data == NULL ? "" : "(a body)")
                                         : answer->message,
                 status, code, words);
    }
}

static inline void expect_success(const struct service_answer *answer)
{
    if (answer->status != 200 || answer->body.data == NULL) {
        fail_msg("%u %s '%s'", answer->status, answer->code == NULL ? "-" : answer->code,
                 answer->message == NULL ? "" : answer->message);
    }
}

static inline yyjson_val *answer_root(struct world *w, const struct service_answer *answer)
{
    yyjson_val *root = NULL;

    expect_success(answer);
    assert_ok(json_read(w->arena, answer->body, NULL, NULL, &root));
    return root;
}

#endif
