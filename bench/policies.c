/*
 * policies.c - what a policy costs: compiling the default, deciding with it, and deciding with the
 * largest published one on the log of a Windows machine.
 */
#include "bench.h"

#include "base/buf.h"
#include "base/file.h"
#include "support/policy.h"
#include "support/support.h"

enum { ARENA_BYTES = 16 * 1024 * 1024, EVENTS = 150, TEXT_MAX = 4 * 1024 * 1024 };

static const char largest[] = "policy/samples/tpm-1.2-healthattestation-csp.txt";

struct policy_run {
    struct arena *arena;
    const struct policy *policy;
    const struct claims *claims;
};

static void run_compile(void *arg)
{
    struct policy_run *r = arg;
    struct policy *policy = NULL;
    struct policy_fault fault;

    assert_ok(policy_compile(policy_source(r->policy), &fault, &policy));
    policy_unref(policy);
}

static void run_evaluate(void *arg)
{
    struct policy_run *r = arg;
    struct policy_result result;

    arena_reset(r->arena);
    assert_ok(policy_evaluate(r->arena, r->policy, r->claims, NULL, &result));
    assert_true(result.is_permitted);
}

/* As many claims as a virtual machine's evidence makes. */
static struct claims *machine_claims(struct arena *arena)
{
    struct claims *claims = claims_new(arena);

    for (int i = 0; i < 24; i++) {
        assert_ok(claims_add_bool(claims, arena_printf(arena, "x-ms-azurevm-claim-%d", i), true));
    }
    assert_ok(policy_complete_azureguest(claims));
    for (size_t i = 0; i < claims->n; i++) {
        claims->items[i].boolean = true;
    }
    return claims;
}

/* Events as rules for Windows look for them; their order and number are those of a real log. */
static struct claims *windows_claims(struct arena *arena)
{
    CLEANUP(buf_done) struct buf text = {0};
    struct claims *claims = claims_new(arena);
    struct span copy = {0};

    buf_init(&text, TEXT_MAX);
    buf_add_str(&text, "{\"Events\":[");
    for (int i = 0; i < EVENTS; i++) {
        buf_addf(&text,
                 "%s{\"EventSeq\":%d,\"PcrIndex\":%d,\"EventType\":6,\"EventTypeString\":\"%s\","
                 "\"Digests\":{\"SHA256\":\"%064d\"},\"ProcessedData\":{\"EVENT_TRUSTBOUNDARY\":{"
                 "\"EVENT_BOOTDEBUGGING\":false,\"EVENT_CODEINTEGRITY\":true,"
                 "\"EVENT_TRANSFER_CONTROL\":{\"Value\":%d},\"EVENT_LOADEDMODULE_AGGREGATION\":[{"
                 "\"EVENT_FILEPATH\":\"\\\\Windows\\\\System32\\\\drivers\\\\driver%d.sys\","
                 "\"EVENT_IMAGEVALIDATED\":true}]}}}",
                 i > 0 ? "," : "", i, i % 15, i % 10 == 9 ? "EV_SEPARATOR" : "EV_EVENT_TAG", i,
                 i % 3, i);
    }
    buf_add_str(&text, "]}");
    assert_ok(buf_copy(&text, arena, &copy));
    assert_ok(claims_add_bool(claims, "aikValidated", true));
    assert_ok(claims_add_text(claims, "events", copy));
    return claims;
}

static void bench_largest(struct figures *all, struct policy_run *r, struct arena *arena)
{
    struct policy *policy = NULL;
    struct policy_fault fault;

    assert_ok(policy_compile(test_public_file(arena, largest), &fault, &policy));
    r->policy = policy;
    r->claims = windows_claims(arena);
    figures_add(all, "policy: compile the largest published", bench_cpu(run_compile, r), "");
    figures_add(all, "policy: the same on 150 Windows events", bench_cpu(run_evaluate, r), "");
    policy_unref(policy);
}

void bench_policies(struct inputs *in, struct figures *all)
{
    struct arena *arena = arena_new(ARENA_BYTES);
    struct policy_run r = {
        .arena = arena_new(ARENA_BYTES),
        .policy = test_default_policy(),
        .claims = machine_claims(in->arena),
    };

    assert_non_null(arena);
    assert_non_null(r.arena);
    figures_add(all, "policy: compile the default", bench_cpu(run_compile, &r), "");
    figures_add(all, "policy: the default on 30 claims", bench_cpu(run_evaluate, &r), "");
    if (test_public_data() == NULL) {
        printf("policy: no figures of published policies: no public corpora\n");
    } else {
        bench_largest(all, &r, arena);
    }
    arena_free(r.arena);
    arena_free(arena);
}
