/*
 * served.c - AzureGuest attestations through bootwarden-server, as clients see them: TLS, the
 * store, everything. The CPU time is the server's whole process over the number of requests; the
 * clients' is not in it. Wall times include clients that share the machine with the server.
 */
#include "bench.h"

#include "base/file.h"
#include "support/support.h"

#include <curl/curl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    CLIENTS = 2,
    CLIENTS_MAX = 4,
    WARM_UP = 100,
    KEPT = 2000,
    NEW = 1000,
    LINE = 512,
    BODY_ROOM = 64 * 1024,
    SCRATCH_BYTES = 4 * 1024 * 1024,
};

struct server {
    pid_t pid;
    char folder[64];
    char url[LINE];
};

/* Requests in the order of their TPM's clock, for all clients. */
struct queue {
    struct span *bodies;
    double *wall_us;
    size_t n;
    _Atomic size_t next;
};

struct client {
    pthread_t thread;
    const struct server *server;
    struct queue *queue;
    bool is_kept; /* one connection for all requests */
    const char *fault;
};

/* workers: threads that serve; NULL: as many as the server takes. */
static void start(struct inputs *in, struct server *s, const char *program, const char *algorithm,
                  const char *workers)
{
    struct span pem;
    int out[2];
    FILE *lines;
    char line[LINE] = "";

    snprintf(s->folder, sizeof(s->folder), "/tmp/bootwarden-bench.XXXXXX");
    assert_non_null(mkdtemp(s->folder));
    assert_ok(file_make_folder(arena_printf(in->arena, "%s/trust/ak", s->folder), 0700, NULL));
    assert_ok(cert_pem(in->guest->ca, in->arena, &pem));
    assert_ok(
        file_write(arena_printf(in->arena, "%s/trust/ak/bench.pem", s->folder), pem, 0600, NULL));
    assert_int_equal(pipe(out), 0);
    s->pid = fork();
    assert_true(s->pid >= 0);
    if (s->pid == 0) {
        const char *log = arena_printf(in->arena, "%s/log", s->folder);

        dup2(out[1], STDOUT_FILENO);
        close(out[0]);
        close(out[1]);
        if (freopen(log, "w", stderr) != NULL) {
            execl(program, program, "--dev", "--data", s->folder, "--listen", "127.0.0.1:0",
                  "--signing-algorithm", algorithm, workers == NULL ? NULL : "--workers", workers,
                  (char *)NULL);
        }
        _exit(4);
    }
    close(out[1]);
    lines = fdopen(out[0], "r");
    assert_non_null(lines);
    if (fgets(line, sizeof(line), lines) == NULL || strncmp(line, "ready ", 6) != 0) {
        fail_msg("the server did not start; see %s/log", s->folder);
    }
    fclose(lines);
    snprintf(s->url, sizeof(s->url), "%.*s/attest/AzureGuest?api-version=2020-10-01",
             (int)strcspn(line + 6, "\n"), line + 6);
}

static void stop(struct inputs *in, struct server *s)
{
    int status = 0;

    kill(s->pid, SIGTERM);
    waitpid(s->pid, &status, 0);
    bench_remove(in->arena, s->folder);
}

static size_t drop(char *bytes, size_t size, size_t n, void *arg)
{
    (void)bytes;
    (void)arg;
    return size * n;
}

static const char *post(CURL *curl, struct span body, double *ret_us)
{
    double from = bench_wall_us();
    CURLcode code;
    long status = 0;

    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.data);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)body.len);
    code = curl_easy_perform(curl);
    *ret_us = bench_wall_us() - from;
    if (code != CURLE_OK) {
        return curl_easy_strerror(code);
    }
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    return status == 200 ? NULL : "the server refused the request";
}

static void *run_client(void *arg)
{
    struct client *c = arg;
    CURL *curl = curl_easy_init();
    size_t i;
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");

    headers = curl_slist_append(headers, "Expect:"); /* no pause before the body */
    curl_easy_setopt(curl, CURLOPT_URL, c->server->url);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, drop);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L); /* our own child on this machine */
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
    if (!c->is_kept) {
        curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L);
        curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L);
        curl_easy_setopt(curl, CURLOPT_SSL_SESSIONID_CACHE, 0L); /* full handshakes */
    }
    while (c->fault == NULL && (i = atomic_fetch_add(&c->queue->next, 1)) < c->queue->n) {
        c->fault = post(curl, c->queue->bodies[i], &c->queue->wall_us[i]);
    }
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    return NULL;
}

static double server_us(const struct server *s)
{
    struct timespec ts = {0};
    clockid_t clock;

    assert_int_equal(clock_getcpuclockid(s->pid, &clock), 0);
    assert_int_equal(clock_gettime(clock, &ts), 0);
    return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static void fill(struct inputs *in, struct arena *arena, struct queue *queue)
{
    CLEANUP(arena_free) struct arena *scratch = arena_new(SCRATCH_BYTES);

    queue->bodies = arena_calloc(arena, queue->n, sizeof(*queue->bodies));
    queue->wall_us = arena_calloc(arena, queue->n, sizeof(*queue->wall_us));
    assert_non_null(queue->bodies);
    assert_non_null(queue->wall_us);
    for (size_t i = 0; i < queue->n; i++) {
        arena_reset(scratch);
        queue->bodies[i] = arena_dup(arena, inputs_next(in, scratch));
        assert_non_null(queue->bodies[i].data);
    }
}

/* n requests from n_clients threads. The server's CPU time for each; wall times into *ret_wall. */
static double load(struct inputs *in, const struct server *s, size_t n_clients, bool is_kept,
                   size_t n, struct cost *ret_wall, double *ret_per_second)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(n * BODY_ROOM);
    struct client clients[CLIENTS_MAX] = {0};
    struct queue queue = {.n = n};
    double cpu, from;

    fill(in, arena, &queue);
    cpu = server_us(s);
    from = bench_wall_us();
    for (size_t i = 0; i < n_clients; i++) {
        clients[i] = (struct client){.server = s, .queue = &queue, .is_kept = is_kept};
        assert_int_equal(pthread_create(&clients[i].thread, NULL, run_client, &clients[i]), 0);
    }
    for (size_t i = 0; i < n_clients; i++) {
        pthread_join(clients[i].thread, NULL);
    }
    *ret_per_second = (double)n / (bench_wall_us() - from) * 1e6;
    cpu = (server_us(s) - cpu) / (double)n;
    for (size_t i = 0; i < n_clients; i++) {
        if (clients[i].fault != NULL) {
            fail_msg("%s: %s; see %s/log", s->url, clients[i].fault, s->folder);
        }
    }
    *ret_wall = bench_summary(queue.wall_us, n);
    return cpu;
}

static void print_load(struct inputs *in, const struct server *s, const char *algorithm,
                       bool is_kept, double needed_us, const char *budget)
{
    char name[64];
    struct cost wall;
    double per_second;
    double cpu = load(in, s, CLIENTS, is_kept, is_kept ? KEPT : NEW, &wall, &per_second);

    snprintf(name, sizeof(name), "%s, %s", algorithm,
             is_kept ? "kept connections" : "a new connection each");
    printf("%-36s %10.1f %10.1f %6.2f %10.0f %10.0f %8.0f  %s%s\n", name, cpu, needed_us,
           cpu / needed_us, wall.median_us, wall.p95_us, per_second, budget,
           budget_state(budget, cpu));
    fflush(stdout);
}

/* How much more threads serve. The clients take their share of the processors, too. */
static void print_threads(struct inputs *in, const char *server)
{
    static const char *const workers[] = {"1", "2", "4"};
    static const char *const algorithms[] = {"ES256", "RS256"};

    printf("\n%-36s %10s %10s %10s %8s\n", "served by threads, 4 clients", "CPU us", "wall us",
           "p95 us", "per s");
    for (size_t a = 0; a < ARRAY_LEN(algorithms); a++) {
        for (size_t w = 0; w < ARRAY_LEN(workers); w++) {
            struct server s = {0};
            struct cost wall;
            double per_second, cpu;
            char name[64];

            start(in, &s, server, algorithms[a], workers[w]);
            load(in, &s, CLIENTS_MAX, true, WARM_UP, &wall, &per_second);
            cpu = load(in, &s, CLIENTS_MAX, true, KEPT, &wall, &per_second);
            stop(in, &s);
            snprintf(name, sizeof(name), "%s, %s thread%s", algorithms[a], workers[w],
                     w == 0 ? "" : "s");
            printf("%-36s %10.1f %10.0f %10.0f %8.0f\n", name, cpu, wall.median_us, wall.p95_us,
                   per_second);
            fflush(stdout);
        }
    }
}

void bench_served(struct inputs *in, const struct figures *all, const char *server)
{
    static const struct {
        const char *name, *figure, *budget;
    } kinds[] = {{"ES256", "AzureGuest request in process, ES256 token", "CPU < 250 us"},
                 {"RS256", "AzureGuest request in process, RS256 token", "CPU < 500 us"}};

    if (server == NULL) {
        printf("\nserved over TLS: skipped, no server was given\n");
        return;
    }
    curl_global_init(CURL_GLOBAL_DEFAULT);
    printf("\n%-36s %10s %10s %6s %10s %10s %8s  %s\n", "served over TLS, 2 clients", "CPU us",
           "needed us", "ratio", "wall us", "p95 us", "per s", "budget");
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        double needed = figures_needed_us(all, kinds[i].figure);
        struct server s = {0};
        struct cost wall;
        double per_second;

        start(in, &s, server, kinds[i].name, NULL);
        load(in, &s, CLIENTS, true, WARM_UP, &wall, &per_second);
        print_load(in, &s, kinds[i].name, true, needed, kinds[i].budget);
        print_load(in, &s, kinds[i].name, false,
                   needed + all->primitives[PRIMITIVE_TLS_HANDSHAKE].median_us, "");
        stop(in, &s);
    }
    printf(
        "needed: as the request in process; for a new connection and one TLS handshake.\n"
        "Not needed, and in it: a record for each request, committed to disk before the answer;\n"
        "%d clients share a commit at most with each other.\n",
        CLIENTS);
    print_threads(in, server);
    curl_global_cleanup();
}
