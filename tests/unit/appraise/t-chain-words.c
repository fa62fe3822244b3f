/*
 * AK-10: a certificate that does not hold says what is missing: which CA by its name,
 * which date, which pair.
 */
#include "unit/appraise/machines.h"

#include "base/timestamp.h"

#include <stdlib.h>

#define BOOT "boots/a-secureboot-healthy/"

enum { BOOT_TIME = 1795400000 };

struct ek_case {
    struct arena *arena;
    struct evidence evidence;
    struct cert_store *anchors;
    int64_t now;
};

/* The certificate of a recorded TPM, and nothing else: no AK, no quote. */
static void begin(struct ek_case *c)
{
    memset(c, 0, sizeof(*c));
    c->arena = test_arena();
    c->anchors = cert_store_new();
    c->now = BOOT_TIME;
    c->evidence.form = EVIDENCE_BOOT_FOLDER;
    c->evidence.eks[0].certificate =
        (struct evidence_blob){test_vector(c->arena, BOOT "ek_rsa_cert.der"), "ek_rsa_cert.der"};
    c->evidence.n_eks = 1;
    c->evidence.log = (struct evidence_blob){test_vector(c->arena, BOOT "eventlog.bin"), "log"};
}

static void send(struct ek_case *c, const char *file)
{
    c->evidence.intermediates[c->evidence.n_intermediates++] =
        (struct evidence_blob){test_vector(c->arena, file), file};
}

static void trust(struct ek_case *c, const char *file)
{
    assert_ok(cert_store_add_file(c->anchors, test_vector(c->arena, file), NULL));
}

/* The remedy of the ek-chain reason; "" when there is none. */
static const char *remedy(struct ek_case *c)
{
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
    const struct appraise_trust anchors = {.ek = c->anchors};
    struct appraisal *a = NULL;
    const char *found = "";

    assert_ok(appraise(c->arena, &c->evidence, &anchors, &(struct appraise_options){.now = c->now},
                       hasher, &a));
    for (size_t i = 0; i < a->n_reasons; i++) {
        if (a->reasons[i].code == REASON_EK_CHAIN) {
            found = a->reasons[i].remedy;
        }
    }
    appraisal_done(a);
    return found;
}

static void end(struct ek_case *c)
{
    cert_store_free(c->anchors);
    arena_free(c->arena);
}

static void expect(struct ek_case *c, const char *words)
{
    const char *got = remedy(c);

    if (strstr(got, words) == NULL) {
        fail_msg("wanted '%s', got '%s'", words, got);
    }
}

static void the_missing_ca_is_named(void **state)
{
    struct ek_case c;

    (void)state;
    begin(&c);
    expect(&c, "missing is that of the CA 'CN=swtpm-localca'."); /* nobody is trusted */
    send(&c, BOOT "ca_issuer.pem"); /* one step further on: what it leads to */
    expect(&c, "missing is that of the CA 'CN=swtpm-localca-rootca'.");
    send(&c, BOOT "ca_root.pem"); /* sent along, it is not trusted */
    expect(&c, "missing is that of the CA 'CN=swtpm-localca-rootca'.");
    expect(&c, "not from the evidence");
    expect(&c, "--trust ek=FILE; server: the folder trust/ek");
    trust(&c, BOOT "ca_root.pem");
    assert_string_equal(remedy(&c), "");
    end(&c);
}

static void a_ca_of_the_same_name_is_told_apart(void **state)
{
    struct ek_case c;

    (void)state;
    begin(&c);
    c.evidence.eks[0].certificate.bytes =
        test_vector(c.arena, "boots/j-ek-foreign-ca/ek_rsa_cert.der");
    send(&c, BOOT "ca_issuer.pem");
    trust(&c, BOOT "ca_root.pem");
    expect(&c, "'CN=swtpm-localca'; one of that name is there, but has another key");
    end(&c);
}

static void what_is_not_valid_yet_says_from_when(void **state)
{
    struct ek_case c;

    (void)state;
    begin(&c);
    send(&c, BOOT "ca_issuer.pem");
    trust(&c, BOOT "ca_root.pem");
    c.now = 946684800;
    expect(&c, "is valid from 2026-");
    expect(&c, "judged at 2000-01-01T00:00:00Z: set the clock of the machine that judges");
    end(&c);
}

static void what_cannot_be_read_or_is_missing_says_so(void **state)
{
    struct ek_case c;

    (void)state;
    begin(&c);
    c.evidence.eks[0].certificate.bytes = span_str("no certificate");
    expect(&c, "Read the certificate from the TPM again");
    c.evidence.n_eks = 0;
    expect(&c, "0x01c00002");
    end(&c);
    begin(&c);
    trust(&c, BOOT "ca_root.pem");
    send(&c, BOOT "ca_issuer.pem");
    c.evidence.eks[0].public_area =
        (struct evidence_blob){test_vector(c.arena, BOOT "ek_ecc.pub"), "ek_ecc.pub"};
    expect(&c, "EK of the same TPM"); /* AK-10 */
    end(&c);
}

/* The same for attestation keys, whose certificates do expire. */
static void an_expired_ak_certificate_says_when(void **state)
{
    const int64_t after = (int64_t)NOW + 400LL * 86400;
    struct machine m;
    struct machine other;
    struct evidence *evidence = NULL;
    struct appraisal *a;
    char bound[TIMESTAMP_SIZE];

    (void)state;
    machine_begin(&m);
    machine_begin(&other);
    timestamp_format((int64_t)NOW + 365LL * 86400, bound, sizeof(bound));
    a = machine_judge(&m, &(struct appraise_options){.now = after}, &evidence);
    assert_true(has_reason(a, REASON_AK_UNTRUSTED, "X-1"));
    assert_non_null(strstr(a->reasons[0].remedy, arena_printf(m.arena, "expired at %s", bound)));
    appraisal_done(a);
    a = judge(m.arena, evidence, other.ak, &(struct appraise_options){.now = NOW});
    assert_true(has_reason(a, REASON_AK_UNTRUSTED, "X-1"));
    assert_non_null(strstr(a->reasons[0].remedy, "'CN=Test guest CA'; one of that name is there"));
    assert_non_null(strstr(a->reasons[0].remedy, "--trust ak=FILE; server: the folder trust/ak"));
    appraisal_done(a);
    machine_end(&other);
    machine_end(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_missing_ca_is_named),
        cmocka_unit_test(a_ca_of_the_same_name_is_told_apart),
        cmocka_unit_test(what_is_not_valid_yet_says_from_when),
        cmocka_unit_test(what_cannot_be_read_or_is_missing_says_so),
        cmocka_unit_test(an_expired_ak_certificate_says_when),
    };

    return RUN_TESTS(tests);
}
