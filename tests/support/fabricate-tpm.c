#include "support/fabricate-tpm.h"

#include "support/support.h"

#include "base/buf.h"
#include "base/codec.h"

enum { BODY_MAX = 4 * 1024 * 1024, KEY_ATTRIBUTES = 0x00040072, AREA_MAX = 4096 };

static struct span take(struct arena *arena, struct buf *buf)
{
    struct span copy;

    assert_ok(buf_err(buf));
    copy = arena_dup(arena, buf_span(buf));
    assert_non_null(copy.data);
    return copy;
}

static const char *text_of(struct arena *arena, struct buf *buf)
{
    return (const char *)take(arena, buf).data;
}

static void member(struct buf *out, const char *name, struct span bytes)
{
    buf_addf(out, "\"%s\":\"", name);
    base64_encode(out, BASE64_URL, bytes);
    buf_add_char(out, '"');
}

const char *fabricate_jwk(struct arena *arena, const struct signkey *key)
{
    return fabricate_public_jwk(arena, signkey_public(key));
}

const char *fabricate_public_jwk(struct arena *arena, const struct pubkey *key)
{
    CLEANUP(buf_done) struct buf out = {0};
    struct span n;
    struct span e;

    buf_init(&out, AREA_MAX);
    assert_ok(pubkey_numbers(key, arena, &n, &e));
    buf_add_str(&out, "{\"kty\":\"RSA\",");
    member(&out, "n", n);
    buf_add_char(&out, ',');
    member(&out, "e", e);
    buf_add_char(&out, '}');
    return text_of(arena, &out);
}

struct span fabricate_signature(struct arena *arena, const struct signkey *key, struct span message)
{
    CLEANUP(buf_done) struct buf out = {0};
    struct span raw;

    assert_ok(signkey_sign(key, arena, SIG_RSASSA, HASH_SHA256, message, &raw));
    buf_init(&out, AREA_MAX);
    buf_u16be(&out, TPM_RSASSA);
    buf_u16be(&out, TPM_SHA256);
    buf_tpm2b(&out, raw);
    return take(arena, &out);
}

/* ---- structures of a TPM ---- */

static void attest_head(struct buf *out, const struct fabricated *f, uint16_t type,
                        struct span extra_data, const struct fabricate_tpm *request)
{
    struct tpm_public pub;
    struct tpm_name qualified;

    assert_ok(tpm2b_public_parse(f->ak_public, false, NULL, &pub));
    assert_ok(tpm_qualified_name_primary(&pub, TPM_RH_ENDORSEMENT, &qualified));
    buf_u32be(out, TPM_GENERATED);
    buf_u16be(out, type);
    buf_tpm2b(out, tpm_name_span(&qualified));
    buf_tpm2b(out, extra_data);
    buf_u64be(out, request->clock_ms == 0 ? 100000 : request->clock_ms);
    buf_u32be(out, request->reset_count == 0 ? 3 : request->reset_count);
    buf_u32be(out, request->restart_count);
    buf_u8(out, 1);
    buf_u64be(out, 0x2020031200120003u);
}

/* What the quote must answer. */
static struct span expected_extra(struct arena *arena, const struct fabricate_tpm *request)
{
    CLEANUP(buf_done) struct buf bound = {0};
    const struct fabricate_key *key = &request->request_key;
    uint8_t digest[SHA256_BYTES];

    if (request->extra_data.data != NULL) {
        return request->extra_data;
    }
    if (request->is_certified || key->is_unbound || key->key == NULL) {
        return request->challenge;
    }
    buf_init(&bound, AREA_MAX);
    buf_add_str(&bound, request->quoted_jwk != NULL ? request->quoted_jwk
                        : key->jwk != NULL          ? key->jwk
                                                    : fabricate_jwk(arena, key->key));
    buf_u8(&bound, 0);
    buf_add(&bound, request->challenge);
    assert_ok(hash_once(HASH_SHA256, buf_span(&bound), digest));
    return arena_dup(arena, span_of(digest, sizeof(digest)));
}

void fabricate_tpm_quote(struct arena *arena, const struct fabricated *f,
                         const struct fabricate_tpm *request, struct span *ret_attest,
                         struct span *ret_signature)
{
    CLEANUP(buf_done) struct buf out = {0};
    CLEANUP(buf_done) struct buf quoted = {0};
    const struct tpm_pcrs *pcrs = request->pcrs;
    uint8_t digest[SHA256_BYTES];
    uint32_t n = 0;

    buf_init(&out, AREA_MAX);
    buf_init(&quoted, 16384);
    attest_head(&out, f, TPM_ATTEST_QUOTE, expected_extra(arena, request), request);
    for (int bank = 0; bank < HASH_COUNT; bank++) {
        n += pcrs->have[bank] != 0 ? 1 : 0;
        for (unsigned pcr = 0; pcr < TPM_MAX_PCRS; pcr++) {
            if ((pcrs->have[bank] & 1u << pcr) != 0) {
                buf_add(&quoted, tpm_pcr(pcrs, (enum hash_alg)bank, pcr));
            }
        }
    }
    buf_u32be(&out, n);
    for (int bank = 0; bank < HASH_COUNT; bank++) {
        if (pcrs->have[bank] != 0) {
            buf_u16be(&out, hash_tpm_id((enum hash_alg)bank));
            buf_u8(&out, 3);
            buf_u8(&out, (uint8_t)pcrs->have[bank]);
            buf_u8(&out, (uint8_t)(pcrs->have[bank] >> 8));
            buf_u8(&out, (uint8_t)(pcrs->have[bank] >> 16));
        }
    }
    assert_ok(hash_once(HASH_SHA256, buf_span(&quoted), digest));
    buf_tpm2b(&out, span_of(digest, sizeof(digest)));
    *ret_attest = take(arena, &out);
    *ret_signature = fabricate_signature(arena, f->ak_key, *ret_attest);
}

/* TPMT_PUBLIC of an RSA-2048 key that signs as it is told. */
static struct span public_area(struct arena *arena, const struct signkey *key, uint32_t attributes)
{
    CLEANUP(buf_done) struct buf out = {0};
    struct span n;
    struct span e;

    assert_ok(pubkey_numbers(signkey_public(key), arena, &n, &e));
    buf_init(&out, AREA_MAX);
    buf_u16be(&out, TPM_RSA);
    buf_u16be(&out, TPM_SHA256);
    buf_u32be(&out, attributes);
    buf_tpm2b(&out, (struct span){0});
    buf_u16be(&out, TPM_NULL);
    buf_u16be(&out, TPM_NULL);
    buf_u16be(&out, 2048);
    buf_u32be(&out, 0);
    buf_tpm2b(&out, n);
    return take(arena, &out);
}

static struct span certification(struct arena *arena, const struct fabricated *f,
                                 const struct fabricate_tpm *request,
                                 const struct fabricate_key *key, uint32_t attributes)
{
    CLEANUP(buf_done) struct buf out = {0};
    struct span challenge = key->challenge.data != NULL ? key->challenge : request->challenge;
    const struct signkey *named = key->named != NULL ? key->named : key->key;
    struct tpm_public pub;
    struct tpm_name name;
    struct tpm_name qualified;

    assert_ok(tpm_public_parse(public_area(arena, named, attributes), NULL, &pub));
    assert_ok(tpm_public_name(&pub, &name));
    assert_ok(tpm_qualified_name_primary(&pub, TPM_RH_OWNER, &qualified));
    buf_init(&out, AREA_MAX);
    attest_head(&out, f, TPM_ATTEST_CERTIFY, challenge, request);
    buf_tpm2b(&out, tpm_name_span(&name));
    buf_tpm2b(&out, tpm_name_span(&qualified));
    return take(arena, &out);
}

/* ---- the message ---- */

static void add_certify(struct arena *arena, struct buf *out, const struct fabricated *f,
                        const struct fabricate_tpm *request, const struct fabricate_key *key)
{
    uint32_t attributes = key->attributes == 0 ? KEY_ATTRIBUTES : key->attributes;
    struct span attest = certification(arena, f, request, key, attributes);

    buf_add_str(out, ",\"info\":{\"tpm_certify\":{");
    member(out, "public", public_area(arena, key->key, attributes));
    buf_add_char(out, ',');
    member(out, "certification", attest);
    buf_add_char(out, ',');
    member(out, "signature",
           fabricate_signature(arena, key->signer != NULL ? key->signer : f->ak_key, attest));
    buf_add_str(out, "}}");
}

static void add_key(struct arena *arena, struct buf *out, const struct fabricated *f,
                    const struct fabricate_tpm *request, const struct fabricate_key *key,
                    bool is_quoted)
{
    buf_addf(out, "{\"jwk\":%s", key->jwk != NULL ? key->jwk : fabricate_jwk(arena, key->key));
    if (key->info != NULL) {
        buf_addf(out, ",\"info\":%s", key->info);
    } else if (!key->is_unbound && is_quoted) {
        buf_add_str(out, ",\"info\":{\"tpm_quote\":{\"hash_alg\":\"sha-256\"}}");
    } else if (!key->is_unbound) {
        add_certify(arena, out, f, request, key);
    }
    buf_add_char(out, '}');
}

static void add_pcrs(struct buf *out, const struct fabricate_tpm *request)
{
    const char *comma = "";

    buf_add_str(out, "\"pcrs\":[");
    for (int bank = 0; bank < HASH_COUNT; bank++) {
        uint32_t mask = request->pcrs->have[bank] & ~request->hidden_pcrs;
        const char *inner = "";

        if (mask == 0) {
            continue;
        }
        buf_addf(out, "%s{\"algorithm\":%u,\"values\":[", comma, hash_tpm_id((enum hash_alg)bank));
        for (unsigned i = 0; i < TPM_MAX_PCRS; i++) {
            unsigned pcr = request->are_pcrs_unsorted ? TPM_MAX_PCRS - 1 - i : i;

            if ((mask & 1u << pcr) != 0) {
                buf_addf(out, "%s{\"index\":%u,", inner, pcr);
                member(out, "digest", tpm_pcr(request->pcrs, (enum hash_alg)bank, pcr));
                buf_add_char(out, '}');
                inner = ",";
            }
        }
        buf_add_str(out, "]}");
        comma = ",";
    }
    buf_add_str(out, "],");
}

static void add_attestation(struct arena *arena, struct buf *out, const struct fabricated *f,
                            const struct fabricate_tpm *request)
{
    struct span attest = request->attest;
    struct span signature = request->signature;

    buf_add_str(out, "{\"logs\":[");
    for (size_t i = 0; i < request->n_logs; i++) {
        buf_addf(out, "%s{\"type\":\"%s\",", i > 0 ? "," : "", request->logs[i].type);
        member(out, "log", request->logs[i].bytes);
        buf_add_char(out, '}');
    }
    buf_add_str(out, "],");
    if (!request->has_no_certificate) {
        member(out, "aik_cert",
               request->certificate.data != NULL ? request->certificate : cert_der(f->ak_cert));
        buf_add_char(out, ',');
    }
    buf_addf(out, "\"aik_pub\":%s,",
             request->aik_jwk != NULL
                 ? request->aik_jwk
                 : fabricate_jwk(arena, request->aik != NULL ? request->aik : f->ak_key));
    add_pcrs(out, request);
    if (attest.data == NULL) {
        fabricate_tpm_quote(arena, f, request, &attest, &signature);
    }
    member(out, "quote", attest);
    buf_add_char(out, ',');
    member(out, "signature", signature);
    buf_add_char(out, '}');
}

struct span fabricate_tpm_payload(struct arena *arena, const struct fabricated *f,
                                  const struct fabricate_tpm *request)
{
    CLEANUP(buf_done) struct buf out = {0};

    buf_init(&out, BODY_MAX);
    buf_addf(&out, "{\"att_type\":\"%s\",\"att_data\":{\"rp_id\":\"https://relying.example\",",
             request->att_type != NULL ? request->att_type : "basic");
    if (request->rp_data != NULL) {
        buf_addf(&out, "\"rp_data\":\"%s\",", request->rp_data);
    }
    member(&out, "challenge",
           request->sent_challenge.data != NULL ? request->sent_challenge : request->challenge);
    buf_add_str(&out, ",\"tpm_att_data\":{\"current_attestation\":");
    add_attestation(arena, &out, f, request);
    if (request->boot != NULL) {
        buf_add_str(&out, ",\"boot_attestation\":");
        add_attestation(arena, &out, request->boot_machine != NULL ? request->boot_machine : f,
                        request->boot);
    }
    buf_add_str(&out, "},\"request_key\":");
    add_key(arena, &out, f, request, &request->request_key, !request->is_certified);
    buf_add_str(&out, ",\"other_keys\":[");
    for (size_t i = 0; i < request->n_other_keys; i++) {
        buf_add_str(&out, i > 0 ? "," : "");
        add_key(arena, &out, f, request, &request->other_keys[i], false);
    }
    buf_add_str(&out, "],");
    if (request->custom_claims != NULL) {
        buf_addf(&out, "\"custom_claims\":%s,", request->custom_claims);
    }
    member(&out, "service_context",
           request->service_context.data != NULL ? request->service_context
                                                 : span_str("opaque to clients"));
    buf_add_str(&out, "}}");
    return take(arena, &out);
}

struct span fabricate_tpm_sign(struct arena *arena, const struct fabricate_tpm *request,
                               struct span payload)
{
    CLEANUP(buf_done) struct buf out = {0};
    const char *header = arena_printf(arena, "{\"alg\":\"%s\",\"typ\":\"%s\"}",
                                      request->alg != NULL ? request->alg : "PS256",
                                      request->typ != NULL ? request->typ : "attReqV2");
    const struct signkey *key =
        request->signer != NULL ? request->signer : request->request_key.key;
    struct span signature = {0};

    buf_init(&out, BODY_MAX);
    base64_encode(&out, BASE64_URL, span_str(header));
    buf_add_char(&out, '.');
    base64_encode(&out, BASE64_URL, payload);
    if (request->how != FABRICATE_NONE) {
        assert_ok(signkey_sign(key, arena, request->how == FABRICATE_PSS ? SIG_RSAPSS : SIG_RSASSA,
                               HASH_SHA256, buf_span(&out), &signature));
    }
    buf_add_char(&out, '.');
    base64_encode(&out, BASE64_URL, signature);
    return take(arena, &out);
}

struct span fabricate_tpm_request(struct arena *arena, const struct fabricated *f,
                                  const struct fabricate_tpm *request)
{
    return fabricate_tpm_sign(arena, request, fabricate_tpm_payload(arena, f, request));
}

struct span fabricate_tpm_body(struct arena *arena, struct span message)
{
    CLEANUP(buf_done) struct buf out = {0};

    buf_init(&out, BODY_MAX);
    buf_add_str(&out, "{");
    member(&out, "data", message);
    buf_add_str(&out, "}");
    return take(arena, &out);
}
