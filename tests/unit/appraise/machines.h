/*
 * machines.h - for tests: a machine whose requests are made here, its evidence judged.
 */
#ifndef TESTS_APPRAISE_MACHINES_H
#define TESTS_APPRAISE_MACHINES_H

#include "support/fabricate.h"
#include "support/reference.h"
#include "support/support.h"

#include "appraise/appraise.h"
#include "evidence/azureguest.h"

enum { NOW = 1800000000 };

static inline struct appraisal *judge(struct arena *arena, const struct evidence *evidence,
                                      const struct cert_store *ak,
                                      const struct appraise_options *options)
{
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
    struct appraise_trust trust = {.ak = ak};
    struct appraise_options with = *options;
    struct appraisal *appraisal = NULL;

    with.reference = test_reference();
    assert_ok(appraise(arena, evidence, &trust, &with, hasher, &appraisal));
    return appraisal;
}

static inline bool has_reason(const struct appraisal *a, enum reason_code code, const char *rule)
{
    for (size_t i = 0; i < a->n_reasons; i++) {
        if (a->reasons[i].code == code && (rule == NULL || strcmp(a->reasons[i].rule, rule) == 0)) {
            return true;
        }
    }
    return false;
}

static inline void print_reasons(const struct appraisal *a)
{
    for (size_t i = 0; i < a->n_reasons; i++) {
        print_message("  %s (%s): %s\n", reason_name(a->reasons[i].code), a->reasons[i].rule,
                      a->reasons[i].text);
    }
}

struct machine {
    struct arena *arena;
    struct fabricated *keys;
    struct cert_store *ak;
    struct fabricate_request request;
};

/* Keys are slow to make, above all under sanitizers: machines that are not there at the same time
 * have the same ones. */
enum { MACHINES_AT_ONCE = 8 };
static struct {
    struct arena *arena;
    struct fabricated *keys;
    bool is_used;
} machine_keys[MACHINES_AT_ONCE];

static inline struct fabricated *machine_take_keys(void)
{
    for (size_t i = 0; i < MACHINES_AT_ONCE; i++) {
        if (machine_keys[i].is_used) {
            continue;
        }
        if (machine_keys[i].keys == NULL) {
            machine_keys[i].arena = test_arena();
            machine_keys[i].keys = fabricate_machine(machine_keys[i].arena, NOW);
        }
        machine_keys[i].is_used = true;
        return machine_keys[i].keys;
    }
    fail_msg("more than %d machines at once", MACHINES_AT_ONCE);
    return NULL;
}

static inline void machine_give_keys(const struct fabricated *keys)
{
    for (size_t i = 0; i < MACHINES_AT_ONCE; i++) {
        machine_keys[i].is_used = machine_keys[i].is_used && machine_keys[i].keys != keys;
    }
}

static inline void machine_begin(struct machine *m)
{
    m->arena = test_arena();
    m->keys = machine_take_keys();
    m->ak = cert_store_new();
    assert_ok(cert_store_add(m->ak, m->keys->ca));
    m->request = (struct fabricate_request){
        .pcrs_sha256 = test_vector(m->arena, "boots/a-secureboot-healthy/pcrs_sha256.bin"),
        .log = test_vector(m->arena, "boots/a-secureboot-healthy/eventlog.bin"),
    };
}

static inline void machine_end(struct machine *m)
{
    cert_store_free(m->ak);
    machine_give_keys(m->keys);
    arena_free(m->arena);
}

static inline struct appraisal *machine_judge(struct machine *m,
                                              const struct appraise_options *options,
                                              struct evidence **ret)
{
    struct evidence *evidence = NULL;

    assert_ok(azureguest_parse_inner(m->arena, fabricate_inner(m->arena, m->keys, &m->request),
                                     NULL, &evidence));
    if (ret != NULL) {
        *ret = evidence;
    }
    return judge(m->arena, evidence, m->ak, options);
}

#endif
