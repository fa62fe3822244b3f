/*
 * tpm-requests.h - for tests: a machine that attests by /attest/Tpm, and what is made of it.
 */
#ifndef TESTS_APPRAISE_TPM_REQUESTS_H
#define TESTS_APPRAISE_TPM_REQUESTS_H

#include "support/fabricate-tpm.h"
#include "unit/appraise/requoted.h"

struct attester {
    struct requoted r; /* machine, registers of a recorded boot */
    struct signkey *request_key, *other_key, *foreign_key;
    struct fabricate_tpm request;
    struct evidence *evidence; /* of the last request */
    struct appraise_options options;
    struct appraise_trust trust;
};

static const char attester_challenge[] = "0123456789abcdef";

/* Made once for a program, and alike in all its tests: keys cost more than everything else. */
static struct {
    struct arena *arena;
    struct fabricated *machine;
    struct signkey *request_key, *other_key, *foreign_key;
} attester_keys;

static inline void attester_make_keys(void)
{
    if (attester_keys.arena == NULL) {
        attester_keys.arena = test_arena();
        attester_keys.machine = fabricate_machine(attester_keys.arena, NOW);
        assert_ok(signkey_generate(SIGNKEY_RSA2048, &attester_keys.request_key));
        assert_ok(signkey_generate(SIGNKEY_RSA2048, &attester_keys.other_key));
        assert_ok(signkey_generate(SIGNKEY_RSA2048, &attester_keys.foreign_key));
    }
}

static inline void attester_begin(struct attester *t, const char *boot)
{
    memset(t, 0, sizeof(*t));
    attester_make_keys();
    t->r.machine.arena = test_arena();
    t->r.machine.keys = attester_keys.machine;
    t->r.machine.ak = cert_store_new();
    assert_ok(cert_store_add(t->r.machine.ak, t->r.machine.keys->ca));
    requoted_load(&t->r, boot);
    t->request_key = attester_keys.request_key;
    t->other_key = attester_keys.other_key;
    t->foreign_key = attester_keys.foreign_key;
    t->r.pcrs.have[HASH_SHA1] = 0;
    t->r.pcrs.have[HASH_SHA384] = 0;
    t->request = (struct fabricate_tpm){
        .challenge = span_str(attester_challenge),
        .pcrs = &t->r.pcrs,
        .logs = {{"TCG", t->r.machine.request.log}},
        .n_logs = 1,
        .request_key = {.key = t->request_key},
    };
    t->options = (struct appraise_options){.now = NOW,
                                           .has_nonce = true,
                                           .nonce = span_str(attester_challenge),
                                           .has_pcr_mask = true,
                                           .required_pcrs = 0xff,
                                           .reference = test_reference()};
    t->trust = (struct appraise_trust){.ak = t->r.machine.ak};
}

static inline void attester_end(struct attester *t)
{
    cert_store_free(t->r.machine.ak);
    arena_free(t->r.machine.arena);
}

static inline struct appraisal *attester_judge_text(struct attester *t, struct span jws)
{
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
    struct appraisal *a = NULL;
    struct trail trail = {0};
    err_t err = tpm_request_parse(t->r.machine.arena, jws, &trail, &t->evidence);

    if (err) {
        fail_msg("%s: %s %s", err_name(err), trail.where, trail.what);
    }
    t->trust.db_certificates = t->r.db.der;
    t->trust.n_db_certificates = t->r.db.n;
    assert_ok(appraise(t->r.machine.arena, t->evidence, &t->trust, &t->options, hasher, &a));
    return a;
}

static inline struct appraisal *attester_judge(struct attester *t)
{
    return attester_judge_text(
        t, fabricate_tpm_request(t->r.machine.arena, t->r.machine.keys, &t->request));
}

#endif
