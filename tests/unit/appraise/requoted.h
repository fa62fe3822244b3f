/*
 * requoted.h - for tests: a recorded boot, quoted anew over several banks by a key made here. Its
 * registers and its log may be changed before: the quote is always genuine, of what they then are.
 */
#ifndef TESTS_APPRAISE_REQUOTED_H
#define TESTS_APPRAISE_REQUOTED_H

#include "unit/appraise/machines.h"

#include "appraise/db-anchors.h"
#include "base/file.h"

enum { REQUOTED_PCRS = 0x7bff }; /* as our agent: 0-9, 11-14 */

struct requoted {
    struct machine machine;
    struct db_anchors db; /* of the boot: the laboratory's test keys are meant to be there */
    struct tpm_pcrs pcrs;
    struct span ima;
};

/* Into a machine that is there. */
static inline void requoted_load(struct requoted *r, const char *boot)
{
    static const enum hash_alg banks[] = {HASH_SHA1, HASH_SHA256, HASH_SHA384};
    struct arena *arena = r->machine.arena;

    const char *log = arena_printf(arena, "boots/%s/eventlog.bin", boot);

    if (file_exists(test_vector_path(arena, log))) {
        r->machine.request.log = test_vector(arena, log);
    }
    r->machine.request.pcrs_sha256 =
        test_vector(arena, arena_printf(arena, "boots/%s/pcrs_sha256.bin", boot));
    for (size_t i = 0; i < ARRAY_LEN(banks); i++) {
        enum hash_alg bank = banks[i];
        const char *file = arena_printf(arena, "boots/%s/pcrs_%s.bin", boot, hash_name(bank));
        struct span values;

        if (!file_exists(test_vector_path(arena, file))) {
            continue; /* a TPM without that bank */
        }
        values = test_vector(arena, file);
        for (unsigned pcr = 0; pcr < TPM_MAX_PCRS; pcr++) {
            memcpy(r->pcrs.value[bank][pcr], values.data + pcr * hash_size(bank), hash_size(bank));
        }
        r->pcrs.have[bank] = REQUOTED_PCRS;
    }
}

static inline void requoted_begin(struct requoted *r, const char *boot)
{
    memset(r, 0, sizeof(*r));
    machine_begin(&r->machine);
    requoted_load(r, boot);
}

static inline void requoted_name_db(struct requoted *r, const char *file)
{
    assert_ok(db_anchors_add(&r->db, r->machine.arena, test_vector(r->machine.arena, file), NULL));
}

static inline void requoted_end(struct requoted *r)
{
    machine_end(&r->machine);
}

/* Extends a register with H(text), in one bank. */
static inline void requoted_extend_bank(struct requoted *r, enum hash_alg bank, unsigned pcr,
                                        struct span text)
{
    size_t size = hash_size(bank);
    uint8_t both[2 * HASH_MAX_BYTES];

    memcpy(both, r->pcrs.value[bank][pcr], size);
    assert_ok(hash_once(bank, text, both + size));
    assert_ok(hash_once(bank, span_of(both, 2 * size), r->pcrs.value[bank][pcr]));
}

static inline void requoted_extend(struct requoted *r, unsigned pcr, struct span text)
{
    for (int bank = 0; bank < HASH_COUNT; bank++) {
        if (r->pcrs.have[bank] != 0) {
            requoted_extend_bank(r, (enum hash_alg)bank, pcr, text);
        }
    }
}

static inline struct appraisal *requoted_judge(struct requoted *r,
                                               const struct appraise_options *options)
{
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
    struct machine *m = &r->machine;
    const struct appraise_trust trust = {
        .ak = m->ak, .db_certificates = r->db.der, .n_db_certificates = r->db.n};
    struct appraise_options with = *options;
    struct evidence *evidence = NULL;
    struct appraisal *appraisal = NULL;
    struct fabricate_request request = m->request;
    uint8_t *sha256 = arena_alloc(m->arena, (size_t)TPM_MAX_PCRS * SHA256_BYTES);

    assert_non_null(hasher);
    assert_non_null(sha256);
    with.reference = test_reference();
    for (unsigned pcr = 0; pcr < TPM_MAX_PCRS; pcr++) {
        memcpy(sha256 + (size_t)pcr * SHA256_BYTES, r->pcrs.value[HASH_SHA256][pcr], SHA256_BYTES);
    }
    request.pcrs_sha256 = span_of(sha256, (size_t)TPM_MAX_PCRS * SHA256_BYTES);
    request.pcr_mask = r->pcrs.have[HASH_SHA256];
    assert_ok(azureguest_parse_inner(m->arena, fabricate_inner(m->arena, m->keys, &request), NULL,
                                     &evidence));
    fabricate_quote(m->arena, m->keys, &request, &r->pcrs, &evidence->quotes[0].attest.bytes,
                    &evidence->quotes[0].signature.bytes);
    evidence->has_pcr_set = false; /* the wire form carries one bank */
    evidence->pcrs = r->pcrs;
    evidence->ima = (struct evidence_blob){r->ima, "ima.bin"};
    assert_ok(appraise(m->arena, evidence, &trust, &with, hasher, &appraisal));
    return appraisal;
}

/* The reason of this code, of which there is exactly one. */
static inline const struct reason *requoted_reason(const struct appraisal *a, enum reason_code code)
{
    const struct reason *found = NULL;

    for (size_t i = 0; i < a->n_reasons; i++) {
        if (a->reasons[i].code == code) {
            assert_null(found);
            found = &a->reasons[i];
        }
    }
    if (found == NULL) {
        print_reasons(a);
        fail_msg("no reason %s", reason_name(code));
    }
    return found;
}

#endif
