/*
 * verify.c - a quote, a log, the facts, a whole appraisal.
 */
#include "bench.h"

#include "evidence/azureguest.h"
#include "facts/facts.h"
#include "support/reference.h"
#include "support/support.h"

enum { ARENA_BYTES = 4 * 1024 * 1024 };

struct verify_run {
    struct inputs *in;
    struct arena *arena;
    struct hasher *hasher;
    const struct evidence *evidence;
    struct appraise_trust trust;
    struct appraise_options options;
    enum verdict wanted;
    const struct boot_facts *facts;
    struct key_cache *cache;
};

static void run_quote(void *arg)
{
    struct verify_run *v = arg;
    const struct evidence *e = v->in->folder;
    CLEANUP(pubkey_free) struct pubkey *key = NULL;
    struct tpm_public pub;
    struct tpm_name name;
    struct tpm_attest attest;
    struct tpm_signature sig;

    assert_ok(tpm2b_public_parse(e->aks[0].public_area.bytes, false, NULL, &pub));
    assert_ok(tpm_public_name(&pub, &name));
    assert_ok(tpm_public_check_ak(&pub, NULL));
    assert_ok(tpm_public_key(&pub, NULL, &key));
    assert_ok(tpm_signature_parse(e->quotes[0].signature.bytes, NULL, &sig));
    assert_ok(tpm_signature_verify(&sig, &pub, key, e->quotes[0].attest.bytes, NULL));
    assert_ok(tpm_attest_parse(e->quotes[0].attest.bytes, TPM_ATTEST_QUOTE, NULL, &attest));
    assert_ok(tpm_quote_check_pcrs(&attest, sig.hash, &e->pcrs, NULL));
}

static void run_replay(void *arg)
{
    struct verify_run *v = arg;
    struct eventlog_registers registers;
    struct eventlog *log;

    arena_reset(v->arena);
    assert_ok(eventlog_read(v->arena, v->in->log, NULL, &log));
    assert_ok(eventlog_replay(log, HASH_SHA256, v->hasher, NULL, &registers));
}

static void run_facts(void *arg)
{
    struct verify_run *v = arg;
    struct eventlog_registers registers;
    struct eventlog *log;
    struct readings *readings;
    struct boot_facts *facts;

    arena_reset(v->arena);
    assert_ok(eventlog_read(v->arena, v->in->log, NULL, &log));
    assert_ok(eventlog_replay(log, HASH_SHA256, v->hasher, NULL, &registers));
    assert_ok(readings_make(v->arena, log, v->hasher, &readings));
    assert_ok(boot_facts_make(v->arena, readings, test_reference(), v->hasher, &facts));
}

/* PK, KEK, db and dbx of the boot: walked, certificates hashed and named. */
static void run_key_databases(void *arg)
{
    struct verify_run *v = arg;
    const struct key_database *const databases[] = {&v->facts->pk, &v->facts->kek, &v->facts->db,
                                                    &v->facts->dbx};
    struct key_contents keys;

    arena_reset(v->arena);
    for (size_t i = 0; i < ARRAY_LEN(databases); i++) {
        assert_ok(
            key_contents_read(v->arena, databases[i]->lists, test_reference(), v->hasher, &keys));
    }
}

/* The same bytes in request after request, as a server sees them. */
static void run_key_databases_kept(void *arg)
{
    struct verify_run *v = arg;
    const struct key_database *const databases[] = {&v->facts->pk, &v->facts->kek, &v->facts->db,
                                                    &v->facts->dbx};
    int bank = eventlog_bank(v->facts->log, HASH_SHA256);
    struct key_contents keys;

    arena_reset(v->arena);
    for (size_t i = 0; i < ARRAY_LEN(databases); i++) {
        assert_ok(key_cache_read(v->cache, databases[i]->event->digest[bank].data, v->arena,
                                 databases[i]->lists, v->hasher, &keys));
    }
}

static void bench_key_databases(struct verify_run *v, struct figures *all)
{
    CLEANUP(key_cache_free) struct key_cache *cache = key_cache_new(test_reference());
    struct boot_facts *facts = NULL;
    struct figure *figure;
    struct span ders[16];
    size_t n = 0;

    assert_non_null(cache);
    assert_ok(boot_facts_make(v->in->arena, v->in->readings, test_reference(), v->hasher, &facts));
    v->facts = facts;
    v->cache = cache;
    figure = figures_add(all, "key databases of that log: parse, name",
                         bench_cpu(run_key_databases, v), "");
    for (size_t i = 0; i < facts->db.keys.n_certificates && n < ARRAY_LEN(ders); i++) {
        ders[n++] = facts->db.keys.certificates[i].der;
    }
    for (size_t i = 0; i < facts->kek.keys.n_certificates && n < ARRAY_LEN(ders); i++) {
        ders[n++] = facts->kek.keys.certificates[i].der;
    }
    for (size_t i = 0; i < facts->pk.keys.n_certificates && n < ARRAY_LEN(ders); i++) {
        ders[n++] = facts->pk.keys.certificates[i].der;
    }
    figure_hash(v->in, figure, HASH_SHA256, ders, n, "certificates");
    figures_add(all, "the same from what was read before", bench_cpu(run_key_databases_kept, v),
                "");
}

static void run_appraise(void *arg)
{
    struct verify_run *v = arg;
    CLEANUP(appraisal_done) struct appraisal *a = NULL;

    arena_reset(v->arena);
    assert_ok(appraise(v->arena, v->evidence, &v->trust, &v->options, v->hasher, &a));
    assert_int_equal(a->verdict, v->wanted);
}

/* What the signed structures take besides the signature: the name, the attestation, the PCRs. */
static void quote_parts(struct inputs *in, struct figure *figure, const struct evidence *e)
{
    static const uint8_t values[TPM_MAX_PCRS * SHA256_BYTES];
    struct tpm_attest attest;
    size_t selected = 0;

    assert_ok(tpm_attest_parse(e->quotes[0].attest.bytes, TPM_ATTEST_QUOTE, NULL, &attest));
    for (size_t i = 0; i < attest.n_selections; i++) {
        selected += (size_t)__builtin_popcount(attest.selections[i].mask);
    }
    const struct span spans[] = {
        span_of(values, e->aks[0].public_area.bytes.len - 2),
        span_of(values, e->quotes[0].attest.bytes.len),
        span_of(values, selected * SHA256_BYTES),
    };

    figure_hash(in, figure, HASH_SHA256, spans, ARRAY_LEN(spans), "key, attestation, PCRs");
}

static size_t extends(const struct inputs *in)
{
    size_t n = 0;

    for (size_t i = 0; i < in->readings->n; i++) {
        n += in->readings->items[i].role != ROLE_NONE;
    }
    return n;
}

static void event_parts(struct inputs *in, struct figure *figure, bool all_banks)
{
    for (size_t i = 0; i < in->parsed->n_banks; i++) {
        enum hash_alg hash = in->parsed->banks[i].hash;

        if (hash == HASH_SHA256 || (all_banks && hash != HASH_NONE)) {
            figure_hash(in, figure, hash, in->covered, in->n_covered, "events");
        }
    }
}

static void bench_folder(struct verify_run *v, struct figures *all)
{
    struct figure *figure;

    v->evidence = v->in->folder;
    v->trust = (struct appraise_trust){
        .ek = v->in->ek_roots, .enrolled_aks = &v->in->folder_ak, .n_enrolled_aks = 1};
    v->options = (struct appraise_options){.now = v->in->now, .reference = test_reference()};
    figure = figures_add(all, "appraise a boot folder, one RSA quote, EK path",
                         bench_cpu(run_appraise, v), "");
    figure_part(figure, PRIMITIVE_RSA2048_VERIFY, 1);
    figure_part(figure, PRIMITIVE_RSA3072_VERIFY, 2);
    quote_parts(v->in, figure, v->evidence);
    figure_part(figure, PRIMITIVE_SHA256_64, (double)extends(v->in));
    event_parts(v->in, figure, false);
}

static void bench_azureguest(struct verify_run *v, struct figures *all)
{
    struct evidence *evidence = NULL;
    struct figure *figure;

    assert_ok(azureguest_parse(v->in->arena, v->in->body, NULL, &evidence));
    v->evidence = evidence;
    v->trust = (struct appraise_trust){.ak = v->in->ak_roots};
    v->options = (struct appraise_options){
        .now = v->in->now, .has_nonce = true, .reference = test_reference()};
    figure = figures_add(all, "appraise AzureGuest evidence", bench_cpu(run_appraise, v),
                         "verify (quote + log + facts) < 100 us");
    figure_part(figure, PRIMITIVE_RSA2048_VERIFY, 3); /* AK certificate, quote, enc key */
    quote_parts(v->in, figure, v->evidence);
    figure_part(figure, PRIMITIVE_SHA256_64, (double)extends(v->in));
    event_parts(v->in, figure, false);
}

void bench_verify(struct inputs *in, struct figures *all)
{
    struct verify_run v = {.in = in, .arena = arena_new(ARENA_BYTES), .hasher = hasher_new()};
    struct figure *figure;

    assert_non_null(v.arena);
    assert_non_null(v.hasher);
    figure =
        figures_add(all, "quote: parse, name, key, signature, PCRs", bench_cpu(run_quote, &v), "");
    figure_part(figure, PRIMITIVE_RSA2048_VERIFY, 1);
    quote_parts(in, figure, in->folder);
    figure = figures_add(all, "log: parse, replay SHA-256", bench_cpu(run_replay, &v), "");
    figure_part(figure, PRIMITIVE_SHA256_64, (double)extends(in));
    figure = figures_add(all, "log: parse, replay, readings of all banks, facts",
                         bench_cpu(run_facts, &v), "");
    figure_part(figure, PRIMITIVE_SHA256_64, (double)extends(in));
    event_parts(in, figure, true);
    bench_key_databases(&v, all);
    bench_folder(&v, all);
    bench_azureguest(&v, all);
    hasher_free(v.hasher);
    arena_free(v.arena);
}
