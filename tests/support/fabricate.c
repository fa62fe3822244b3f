#include "support/fabricate.h"

#include "support/support.h"

#include "base/buf.h"
#include "base/codec.h"

#include <stdlib.h>

enum { BODY_MAX = 4 * 1024 * 1024, DAY = 86400 };

static struct span take(struct arena *arena, struct buf *buf)
{
    struct span copy;

    assert_ok(buf_err(buf));
    copy = arena_dup(arena, buf_span(buf));
    assert_non_null(copy.data);
    return copy;
}

/* TPMT_PUBLIC of an RSA-2048 key (TPM 2.0 Part 2, 12.2.4). */
static struct span public_area(struct arena *arena, const struct signkey *key, uint32_t attributes,
                               struct span policy, bool is_signing)
{
    CLEANUP(buf_done) struct buf area = {0};
    struct span n;
    struct span e;

    buf_init(&area, 4096);
    assert_ok(pubkey_numbers(signkey_public(key), arena, &n, &e));
    buf_u16be(&area, TPM_RSA);
    buf_u16be(&area, TPM_SHA256);
    buf_u32be(&area, attributes);
    buf_tpm2b(&area, policy);
    buf_u16be(&area, TPM_NULL);
    if (is_signing) {
        buf_u16be(&area, TPM_RSASSA);
        buf_u16be(&area, TPM_SHA256);
    } else {
        buf_u16be(&area, TPM_NULL);
    }
    buf_u16be(&area, 2048);
    buf_u32be(&area, 0);
    buf_tpm2b(&area, n);
    return take(arena, &area);
}

static struct span tpm2b(struct arena *arena, struct span bytes)
{
    CLEANUP(buf_done) struct buf out = {0};

    buf_init(&out, 8192);
    buf_tpm2b(&out, bytes);
    return take(arena, &out);
}

struct fabricated *fabricate_machine(struct arena *arena, int64_t now)
{
    struct fabricated *f = calloc(1, sizeof(*f));
    const char *const uris[] = {"urn:uuid:6f1ed002-ab56-4b10-9c2f-000000000001", NULL};
    struct cert_request ca = {.profile = CERT_CA,
                              .common_name = "Test guest CA",
                              .not_before = now - DAY,
                              .not_after = now + 365 * DAY};
    struct cert_request ak = {.profile = CERT_AK,
                              .common_name = "6f1ed002-ab56-4b10-9c2f-000000000001.TrustedVM",
                              .uris = uris,
                              .not_before = now - DAY,
                              .not_after = now + 365 * DAY};
    struct tpm_public pub;
    struct span area;

    assert_non_null(f);
    assert_ok(signkey_generate(SIGNKEY_RSA2048, &f->ca_key));
    assert_ok(signkey_generate(SIGNKEY_RSA2048, &f->ak_key));
    assert_ok(signkey_generate(SIGNKEY_RSA2048, &f->enc_key));
    assert_ok(cert_issue(&ca, signkey_public(f->ca_key), NULL, f->ca_key, &f->ca));
    assert_ok(cert_issue(&ak, signkey_public(f->ak_key), f->ca, f->ca_key, &f->ak_cert));
    area = public_area(arena, f->ak_key, 0x00050472, (struct span){0}, true);
    assert_ok(tpm_public_parse(area, NULL, &pub));
    assert_ok(tpm_public_name(&pub, &f->ak_name));
    f->ak_public = tpm2b(arena, area);
    return f;
}

void fabricated_free(struct fabricated *f)
{
    if (f == NULL) {
        return;
    }
    signkey_free(f->ca_key);
    signkey_free(f->ak_key);
    signkey_free(f->enc_key);
    cert_free(f->ca);
    cert_free(f->ak_cert);
    free(f);
}

static void attest_head(struct buf *out, const struct fabricated *f, uint16_t type,
                        const struct fabricate_request *request)
{
    struct tpm_public pub;
    struct tpm_name qualified;

    assert_ok(tpm2b_public_parse(f->ak_public, false, NULL, &pub));
    assert_ok(tpm_qualified_name_primary(&pub, TPM_RH_ENDORSEMENT, &qualified));
    buf_u32be(out, TPM_GENERATED);
    buf_u16be(out, type);
    buf_tpm2b(out, tpm_name_span(&qualified));
    buf_tpm2b(out, type == TPM_ATTEST_QUOTE ? request->nonce : (struct span){0});
    buf_u64be(out, request->clock_ms == 0 ? 100000 : request->clock_ms);
    buf_u32be(out, request->reset_count == 0 ? 3 : request->reset_count);
    buf_u32be(out, 0);
    buf_u8(out, 1);
    buf_u64be(out, 0x2020031200120003u);
}

static void selection(struct buf *out, uint16_t bank, uint32_t mask)
{
    buf_u16be(out, bank);
    buf_u8(out, 3);
    buf_u8(out, (uint8_t)mask);
    buf_u8(out, (uint8_t)(mask >> 8));
    buf_u8(out, (uint8_t)(mask >> 16));
}

static void values(struct buf *out, const struct tpm_pcrs *pcrs, enum hash_alg bank, uint32_t mask)
{
    for (unsigned pcr = 0; pcr < TPM_MAX_PCRS; pcr++) {
        if ((mask & 1u << pcr) != 0) {
            buf_add(out, tpm_pcr(pcrs, bank, pcr));
        }
    }
}

static struct span quote(struct arena *arena, const struct fabricated *f,
                         const struct fabricate_request *request, const struct tpm_pcrs *pcrs,
                         uint32_t mask)
{
    CLEANUP(buf_done) struct buf out = {0};
    CLEANUP(buf_done) struct buf quoted = {0};
    uint8_t digest[SHA256_BYTES];

    buf_init(&out, 4096);
    buf_init(&quoted, 4096);
    values(&quoted, pcrs, HASH_SHA256, mask);
    assert_ok(hash_once(HASH_SHA256, buf_span(&quoted), digest));
    attest_head(&out, f, TPM_ATTEST_QUOTE, request);
    buf_u32be(&out, 1);
    selection(&out, request->bank == 0 ? TPM_SHA256 : request->bank, mask);
    buf_tpm2b(&out, span_of(digest, sizeof(digest)));
    return take(arena, &out);
}

static struct span certify(struct arena *arena, const struct fabricated *f,
                           const struct fabricate_request *request, struct span enc_area)
{
    CLEANUP(buf_done) struct buf out = {0};
    struct tpm_public pub;
    struct tpm_name name;
    struct tpm_name qualified;

    buf_init(&out, 4096);
    assert_ok(tpm_public_parse(enc_area, NULL, &pub));
    assert_ok(tpm_public_name(&pub, &name));
    assert_ok(tpm_qualified_name_primary(&pub, TPM_RH_NULL, &qualified));
    attest_head(&out, f, TPM_ATTEST_CERTIFY, request);
    buf_tpm2b(&out, tpm_name_span(&name));
    buf_tpm2b(&out, tpm_name_span(&qualified));
    return take(arena, &out);
}

static void member(struct buf *out, const char *name, struct span bytes)
{
    buf_addf(out, "\"%s\":\"", name);
    base64_encode(out, BASE64_STANDARD, bytes);
    buf_add_str(out, "\"");
}

static struct span sign(struct arena *arena, const struct signkey *key, struct span message)
{
    struct span sig;

    assert_ok(signkey_sign(key, arena, SIG_RSASSA, HASH_SHA256, message, &sig));
    return sig;
}

void fabricate_quote(struct arena *arena, const struct fabricated *f,
                     const struct fabricate_request *request, const struct tpm_pcrs *pcrs,
                     struct span *ret_attest, struct span *ret_signature)
{
    CLEANUP(buf_done) struct buf out = {0};
    CLEANUP(buf_done) struct buf quoted = {0};
    uint8_t digest[SHA256_BYTES];
    uint32_t n = 0;

    buf_init(&out, 4096);
    buf_init(&quoted, 16384);
    for (int bank = 0; bank < HASH_COUNT; bank++) {
        n += pcrs->have[bank] != 0 ? 1 : 0;
        values(&quoted, pcrs, (enum hash_alg)bank, pcrs->have[bank]);
    }
    assert_ok(hash_once(HASH_SHA256, buf_span(&quoted), digest));
    attest_head(&out, f, TPM_ATTEST_QUOTE, request);
    buf_u32be(&out, n);
    for (int bank = 0; bank < HASH_COUNT; bank++) {
        if (pcrs->have[bank] != 0) {
            selection(&out, hash_tpm_id((enum hash_alg)bank), pcrs->have[bank]);
        }
    }
    buf_tpm2b(&out, span_of(digest, sizeof(digest)));
    *ret_attest = take(arena, &out);
    *ret_signature = sign(arena, f->ak_key, *ret_attest);
}

static void tpm_info(struct arena *arena, struct buf *out, const struct fabricated *f,
                     const struct fabricate_request *request)
{
    struct tpm_pcrs *pcrs = arena_calloc(arena, 1, sizeof(*pcrs));
    uint32_t mask = request->pcr_mask == 0 ? 0xff : request->pcr_mask;
    uint8_t policy[SHA256_BYTES];
    struct span attest;
    struct span area;
    struct span info;

    assert_non_null(pcrs);
    assert_int_equal(request->pcrs_sha256.len, TPM_MAX_PCRS * SHA256_BYTES);
    for (unsigned pcr = 0; pcr < TPM_MAX_PCRS; pcr++) {
        memcpy(pcrs->value[HASH_SHA256][pcr], request->pcrs_sha256.data + pcr * SHA256_BYTES,
               SHA256_BYTES);
    }
    pcrs->have[HASH_SHA256] = 0xffffff;
    attest = quote(arena, f, request, pcrs, mask);
    /* Not bound to PCR 10, which IMA goes on extending. */
    assert_ok(tpm_policy_pcr_digest(mask & ~(1u << 10), 3, pcrs, policy));
    area = public_area(arena, f->enc_key, 0x00020432, span_of(policy, sizeof(policy)), false);
    info = certify(arena, f, request, area);

    buf_add_str(out, "\"TpmInfo\":{");
    member(out, "AikCert", cert_der(f->ak_cert));
    buf_add_char(out, ',');
    member(out, "AikPub", f->ak_public);
    buf_add_char(out, ',');
    member(out, "PcrQuote", attest);
    buf_add_char(out, ',');
    member(out, "PcrSignature", sign(arena, f->ak_key, attest));
    buf_add_char(out, ',');
    member(out, "EncKeyPub", tpm2b(arena, area));
    buf_add_char(out, ',');
    member(out, "EncKeyCertifyInfo", info);
    buf_add_char(out, ',');
    member(out, "EncKeyCertifyInfoSignature", sign(arena, f->ak_key, info));
    buf_add_str(out, ",\"PcrSet\":[");
    for (unsigned pcr = 0, n = 0; pcr < TPM_MAX_PCRS; pcr++) {
        if ((mask & 1u << pcr) != 0) {
            buf_addf(out, "%s%u", n++ > 0 ? "," : "", pcr);
        }
    }
    buf_add_str(out, "],\"PCRs\":[");
    for (unsigned pcr = 0, n = 0; pcr < TPM_MAX_PCRS; pcr++) {
        if ((mask & 1u << pcr) != 0) {
            buf_addf(out, "%s{\"Index\":%u,", n++ > 0 ? "," : "", pcr);
            member(out, "Digest", tpm_pcr(pcrs, HASH_SHA256, pcr));
            buf_add_char(out, '}');
        }
    }
    buf_add_str(out, "]}");
}

struct span fabricate_inner(struct arena *arena, const struct fabricated *f,
                            const struct fabricate_request *request)
{
    CLEANUP(buf_done) struct buf out = {0};

    buf_init(&out, BODY_MAX);
    buf_add_str(&out, "{\"AttestationProtocolVersion\":\"2.0\",");
    if (request->has_bootwarden) {
        buf_add_str(&out, "\"Bootwarden\":{\"Context\":\"");
        base64_encode(&out, BASE64_URL, request->context);
        buf_add_str(&out, "\"");
        if (request->guest_facts != NULL) {
            buf_addf(&out, ",\"GuestFacts\":%s", request->guest_facts);
        }
        if (request->ima.len > 0) {
            buf_add_char(&out, ',');
            member(&out, "ImaLog", request->ima);
        }
        buf_add_str(&out, "},");
    }
    buf_addf(&out, "\"ClientPayload\":%s,",
             request->client_payload == NULL ? "{}" : request->client_payload);
    buf_add_str(&out, "\"IsolationInfo\":{\"Type\":\"TrustedLaunch\"},");
    member(&out, "OSBuild", span_str("NotApplication"));
    buf_add_char(&out, ',');
    member(&out, "OSDistro", span_str("Debian GNU/Linux"));
    buf_add_char(&out, ',');
    member(&out, "OSType", span_str("Linux"));
    buf_add_str(&out, ",\"OSVersionMajor\":12,\"OSVersionMinor\":0,");
    member(&out, "TcgLogs", request->log);
    buf_add_char(&out, ',');
    tpm_info(arena, &out, f, request);
    buf_add_char(&out, '}');
    return take(arena, &out);
}

struct span fabricate_outer(struct arena *arena, struct span inner)
{
    CLEANUP(buf_done) struct buf out = {0};

    buf_init(&out, BODY_MAX);
    buf_add_str(&out, "{\"AttestationInfo\":\"");
    base64_encode(&out, BASE64_URL, inner);
    buf_add_str(&out, "\"}");
    return take(arena, &out);
}
