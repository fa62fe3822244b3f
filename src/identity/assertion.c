/*
 * assertion.c - a client that signs instead of showing a secret. Who may send these bytes: anybody.
 */
#include "identity/assertion.h"

#include "base/codec.h"
#include "base/text.h"
#include "identity/idp-internal.h"
#include "store/store.h"

static const struct json_limits limits = {.max_depth = 4, .max_values = 256};

/* MSAL for Python pads its thumbprints, others do not. */
static err_t read_digest(struct arena *arena, yyjson_val *header, struct trail *trail,
                         struct span *ret)
{
    struct span newer = json_span(json_get(header, "x5t#S256"));
    struct span older = json_span(json_get(header, "x5t"));
    struct span text = newer.data != NULL ? newer : older;
    err_t err;

    if (text.data == NULL) {
        return trail_set(trail, ERR_JSON_MISSING,
                         "its header names no certificate: x5t is missing");
    }
    err = base64_decode(arena, BASE64_URL_LENIENT, text, ret);
    if (err == ERR_OK && ret->len != (newer.data != NULL ? SHA256_BYTES : SHA1_BYTES)) {
        err = ERR_VALUE;
    }
    return err ? trail_set(trail, err, "its x5t is no thumbprint") : ERR_OK;
}

static err_t read_header(struct arena *arena, struct assertion *assertion, struct trail *trail)
{
    struct span alg = json_span(json_get(assertion->jws.header, "alg"));

    if (span_is(alg, token_alg_name(TOKEN_RS256))) {
        assertion->alg = TOKEN_RS256;
    } else if (span_is(alg, token_alg_name(TOKEN_PS256))) {
        assertion->alg = TOKEN_PS256;
    } else {
        return trail_set(trail, ERR_UNSUPPORTED, "its algorithm is neither RS256 nor PS256");
    }
    return read_digest(arena, assertion->jws.header, trail, &assertion->digest);
}

/* Seconds; some libraries write them with a fraction. */
static err_t read_time(yyjson_val *payload, const char *name, struct trail *trail, int64_t *ret)
{
    static const int64_t latest = INT64_C(253402300799); /* the year 9999: sums stay small */
    yyjson_val *value = json_get(payload, name);
    double fraction = yyjson_get_real(value);

    if (yyjson_is_uint(value) && yyjson_get_uint(value) <= (uint64_t)latest) {
        *ret = (int64_t)yyjson_get_uint(value);
    } else if (yyjson_is_real(value) && fraction >= 0 && fraction <= (double)latest) {
        *ret = (int64_t)fraction;
    } else {
        return trail_set(trail, ERR_JSON_TYPE, "its %s is no time", name);
    }
    return ERR_OK;
}

err_t assertion_read(struct arena *arena, struct span text, struct trail *trail,
                     struct assertion *ret)
{
    struct assertion made = {0};
    yyjson_val *payload = NULL;
    err_t err = jws_read(arena, text, ASSERTION_MAX_BYTES, trail, &made.jws);

    err = err ? err : read_header(arena, &made, trail);
    err = err ? err : json_read(arena, made.jws.payload, &limits, trail, &payload);
    err = err ? err : json_need_string(payload, "iss", trail, &made.issuer);
    err = err ? err : json_need_string(payload, "sub", trail, &made.sub);
    err = err ? err : json_need_string(payload, "aud", trail, &made.audience);
    err = err ? err : read_time(payload, "exp", trail, &made.expires);
    if (err == ERR_OK && json_get(payload, "nbf") != NULL) {
        err = read_time(payload, "nbf", trail, &made.starts);
    }
    if (err == ERR_OK && json_get(payload, "jti") != NULL) {
        err = json_need_string(payload, "jti", trail, &made.jti);
    }
    if (err) {
        return err;
    }
    if (made.jti.len > ASSERTION_MAX_JTI) {
        return trail_set(trail, ERR_TOO_LARGE, "its jti is longer than %d bytes",
                         ASSERTION_MAX_JTI);
    }
    *ret = made;
    return ERR_OK;
}

/* ---- is it for us, and of now? ---- */

/* The addresses of the token endpoint, with or without their last slash. */
static bool is_audience(const struct idp *provider, const struct idp_call *call, struct span text)
{
    static const char *const paths[] = {"oauth2/token", "oauth2/v2.0/token"};
    const char *const tenants[] = {provider->tenant, "adfs"};

    if (text.len > 0 && text.data[text.len - 1] == '/') {
        text.len--;
    }
    for (size_t i = 0; i < ARRAY_LEN(tenants) * ARRAY_LEN(paths); i++) {
        const char *known =
            arena_printf(call->arena, "%s/%s/%s", provider->endpoint, tenants[i / ARRAY_LEN(paths)],
                         paths[i % ARRAY_LEN(paths)]);

        if (known != NULL && text_span_equal_nocase(text, known)) {
            return true;
        }
    }
    return false;
}

static bool check_claims(const struct idp *provider, const struct idp_call *call,
                         const struct idp_request *request, const struct assertion *assertion,
                         struct idp_answer *ret)
{
    if (!text_spans_equal_nocase(assertion->issuer, request->client_id) ||
        !text_spans_equal_nocase(assertion->sub, request->client_id)) {
        idp_refuse(call, ret, 401, "invalid_client", 700021, "assertion-client",
                   "Client assertion application identifier doesn't match 'client_id' parameter: "
                   "iss and sub must both be it.");
        return false;
    }
    if (!is_audience(provider, call, assertion->audience)) {
        idp_refuse(call, ret, 401, "invalid_client", 700023, "assertion-audience",
                   "Client assertion audience claim does not match the token endpoint of this "
                   "tenant.");
        return false;
    }
    if (assertion->expires <= call->now - ASSERTION_SKEW_S ||
        assertion->starts > call->now + ASSERTION_SKEW_S ||
        assertion->expires > call->now + ASSERTION_MAX_S + ASSERTION_SKEW_S) {
        idp_refuse(call, ret, 401, "invalid_client", 700024, "assertion-time",
                   "Client assertion is not within its valid time range: it must not have expired, "
                   "must have begun, and must end within %d seconds. Check the clock.",
                   ASSERTION_MAX_S);
        return false;
    }
    return true;
}

/* ---- used once ---- */

enum use { USE_FIRST, USE_AGAIN, USE_TOO_MANY, USE_FAULT };

/* In memory: how many a client may use, and without a store also which were used. */
static enum use remember(struct idp *provider, const struct principal *who,
                         const uint8_t digest[IDP_DIGEST_BYTES], int64_t expires, int64_t now)
{
    struct idp_used *place = NULL;
    enum use use = USE_FIRST;
    size_t n_own = 0;

    pthread_mutex_lock(&provider->lock);
    for (size_t i = 0; i < IDP_MAX_ASSERTIONS; i++) {
        struct idp_used *one = &provider->used[i];

        if (one->expires + ASSERTION_SKEW_S <= now) {
            place = one;
        } else if (memcmp(one->digest, digest, IDP_DIGEST_BYTES) == 0) {
            use = USE_AGAIN;
        } else {
            n_own += strcmp(one->client_id, who->client_id) == 0 ? 1 : 0;
        }
    }
    if (use == USE_FIRST && (place == NULL || n_own >= IDP_MAX_ASSERTIONS_OF_ONE)) {
        use = USE_TOO_MANY;
    }
    if (use == USE_FIRST) {
        memcpy(place->digest, digest, IDP_DIGEST_BYTES);
        memcpy(place->client_id, who->client_id, sizeof(place->client_id));
        place->expires = expires;
    }
    pthread_mutex_unlock(&provider->lock);
    return use;
}

/* On the disk before the answer goes out: an assertion that somebody recorded must not be good
 * again after a restart. */
static enum use keep(struct idp *provider, const uint8_t digest[IDP_DIGEST_BYTES], int64_t expires)
{
    bool is_first = false;

    if (provider->store == NULL) {
        return USE_FIRST;
    }
    if (store_use_once(provider->store, span_of(digest, IDP_DIGEST_BYTES),
                       expires + ASSERTION_SKEW_S, NULL, &is_first) != ERR_OK) {
        return USE_FAULT;
    }
    return is_first ? USE_FIRST : USE_AGAIN;
}

/* The client belongs to it: two clients may choose the same name. Without one the signed bytes are
 * it. No key of this process goes into it, since the next one has to know it again. */
static err_t name_assertion(const struct assertion *assertion, const struct principal *who,
                            uint8_t digest[IDP_DIGEST_BYTES])
{
    struct span named = assertion->jti.data != NULL ? assertion->jti : assertion->jws.signed_part;
    CLEANUP(buf_done) struct buf text = {0};
    err_t err;

    buf_init(&text, ASSERTION_MAX_BYTES + GUID_SIZE + IDP_SHOWN_MAX);
    buf_addf(&text, "client assertion %s ", who->client_id);
    buf_add(&text, named);
    err = buf_err(&text);
    return err ? err : hash_once(HASH_SHA256, buf_span(&text), digest);
}

static bool use_once(struct idp *provider, const struct idp_call *call,
                     const struct assertion *assertion, const struct principal *who,
                     struct idp_answer *ret)
{
    uint8_t digest[IDP_DIGEST_BYTES];
    enum use use = USE_FAULT;

    if (name_assertion(assertion, who, digest) == ERR_OK) {
        use = remember(provider, who, digest, assertion->expires, call->now);
        use = use != USE_FIRST ? use : keep(provider, digest, assertion->expires);
    }
    switch (use) {
    case USE_FIRST:
        return true;
    case USE_AGAIN:
        idp_refuse(call, ret, 401, "invalid_client", 50013, "assertion-used",
                   "Assertion failed: it was used before, each needs a jti of its own.");
        return false;
    case USE_TOO_MANY:
        idp_refuse(call, ret, 429, "temporarily_unavailable", 90055, "assertion-limited",
                   "Too many assertions that are still valid. Keep the token for its hour, or try "
                   "again later.");
        ret->retry_after_s = IDP_WINDOW_S;
        return false;
    case USE_FAULT:
    default:
        idp_fault(call, ret);
        return false;
    }
}

/* ---- the proof ---- */

static bool check_signature(const struct idp_call *call, const struct principals *principals,
                            const struct idp_request *request, const struct assertion *assertion,
                            struct idp_answer *ret)
{
    const struct principal *who = principals_find(principals, request->client_id);
    const struct principal_cert *found =
        who == NULL ? NULL : principals_cert_find(principals, who->client_id, assertion->digest);
    int64_t from = 0, to = 0;

    if (found == NULL ||
        jws_check(&assertion->jws, cert_key(found->cert), assertion->alg, NULL) != ERR_OK) {
        /* One answer for all: which clients and which certificates there are is not told. */
        idp_refuse(call, ret, 401, "invalid_client", 700027, "assertion-signature",
                   "The certificate with identifier used to sign the client assertion is not "
                   "registered on application '%s', or the signature is not its.",
                   ret->client_id);
        return false;
    }
    cert_validity(found->cert, &from, &to);
    if (call->now < from || call->now > to) {
        idp_refuse(call, ret, 401, "invalid_client", 7000222, "assertion-certificate",
                   "The certificate used to sign the client assertion is outside its validity: "
                   "register a new one.");
        return false;
    }
    return true;
}

bool idp_prove_assertion(struct idp *provider, const struct idp_call *call,
                         const struct idp_request *request, struct idp_answer *ret,
                         struct principal *ret_principal)
{
    static const char type[] = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    CLEANUP(principals_free) struct principals *principals = idp_principals(provider);
    struct assertion assertion = {0};
    struct trail trail = {0};
    err_t err;

    if (!span_is(form_get(&request->form, "client_assertion_type"), type)) {
        idp_refuse(call, ret, 400, "invalid_request", 900144, "request-incomplete",
                   "The request body must contain the following parameter: "
                   "'client_assertion_type' with the value %s.",
                   type);
        return false;
    }
    err = assertion_read(call->arena, request->assertion, &trail, &assertion);
    if (err) {
        idp_refuse(call, ret, 401, "invalid_client", 50027, "assertion-malformed",
                   "JWT token is invalid or malformed: %s.",
                   trail.what[0] != '\0' ? trail.what : err_text(err));
        return false;
    }
    if (!check_signature(call, principals, request, &assertion, ret) ||
        !check_claims(provider, call, request, &assertion, ret)) {
        return false;
    }
    *ret_principal = *principals_find(principals, request->client_id);
    return use_once(provider, call, &assertion, ret_principal, ret);
}
