/*
 * token.c - bearer tokens. Who may send these bytes: anybody who reaches the port.
 */
#include "access/token.h"

#include "base/text.h"

/*
 * What a token says about itself before its signature was looked at. It selects what the token is
 * held against, from what was configured, and nothing else: a lie here selects keys that did not
 * sign it. token_verify reads the same bytes again and has the last word.
 */
struct announced {
    const char *audience; /* the configured text that is among the token's */
    const char *typ;
    yyjson_val *payload;
};

static const struct json_limits payload_limits = {.max_depth = 8, .max_values = 4096};

static bool find_issuer(const struct access_issuers *issuers, yyjson_val *payload, size_t *ret)
{
    struct span iss = json_span(json_get(payload, "iss"));

    for (size_t i = 0; i < access_issuers_count(issuers); i++) {
        if (iss.len > 0 && span_is(iss, access_issuers_at(issuers, i)->url)) {
            *ret = i;
            return true;
        }
    }
    return false;
}

static bool is_among(yyjson_val *aud, const char *wanted)
{
    yyjson_val *item;
    size_t index, max;

    if (yyjson_is_str(aud)) {
        return span_is(json_span(aud), wanted);
    }
    yyjson_arr_foreach(aud, index, max, item)
    {
        if (yyjson_is_str(item) && span_is(json_span(item), wanted)) {
            return true;
        }
    }
    return false;
}

static const char *find_audience(const struct access_issuer *issuer, enum access_plane plane,
                                 yyjson_val *payload)
{
    yyjson_val *aud = json_get(payload, "aud");

    for (size_t i = 0; issuer->audiences[plane][i] != NULL; i++) {
        if (is_among(aud, issuer->audiences[plane][i])) {
            return issuer->audiences[plane][i];
        }
    }
    return NULL;
}

/* RFC 9068 2.1 names its tokens; all others are just JWT, or say nothing. */
static const char *find_type(yyjson_val *header)
{
    struct span typ = json_span(json_get(header, "typ"));

    if (text_span_equal_nocase(typ, "at+jwt")) {
        return "at+jwt";
    }
    return text_span_equal_nocase(typ, "application/at+jwt") ? "application/at+jwt" : "JWT";
}

static enum access_reason read_announced(struct arena *arena, const struct jws *jws,
                                         struct announced *ret)
{
    err_t err = json_read(arena, jws->payload, &payload_limits, NULL, &ret->payload);

    if (err == ERR_MEMORY) {
        return ACCESS_FAULT;
    }
    if (err || !yyjson_is_obj(ret->payload)) {
        return ACCESS_MALFORMED;
    }
    ret->typ = find_type(jws->header);
    return ACCESS_OK;
}

/* The signature held, the issuer meant this audience: what the times say can be told apart. */
static enum access_reason why_outside(yyjson_val *payload, int64_t now)
{
    yyjson_val *exp = json_get(payload, "exp");

    return yyjson_is_uint(exp) && now - ACCESS_SKEW_S >= (int64_t)yyjson_get_uint(exp)
               ? ACCESS_EXPIRED
               : ACCESS_EARLY;
}

static enum access_reason reason_of(err_t err, const struct announced *announced, int64_t now)
{
    /* All that token_verify answers; what is wrong with our own machine is no reason. */
    switch ((int)err) {
    case ERR_OK:
        return ACCESS_OK;
    case ERR_UNTRUSTED:
        return ACCESS_KEY;
    case ERR_SIGNATURE:
        return ACCESS_SIGNATURE;
    case ERR_EXPIRED:
        return why_outside(announced->payload, now);
    case ERR_MISMATCH:
    case ERR_UNSUPPORTED:
        return ACCESS_TYPE;
    case ERR_JSON_MISSING:
    case ERR_JSON_TYPE:
        return ACCESS_CLAIMS;
    case ERR_TOO_LARGE:
        return ACCESS_TOO_LARGE;
    case ERR_MEMORY:
    case ERR_CRYPTO:
    case ERR_INTERNAL:
        return ACCESS_FAULT;
    default:
        return ACCESS_MALFORMED;
    }
}

/* ---- claims of a token that is verified ---- */

/* An identifier: short, printable ASCII. Anything else is none. */
static const char *claim_id(struct arena *arena, yyjson_val *payload, const char *name)
{
    struct span text = json_span(json_get(payload, name));

    if (text.len == 0 || text.len > ACCESS_ID_MAX) {
        return NULL;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] <= ' ' || text.data[i] > '~') {
            return NULL;
        }
    }
    return (const char *)arena_dup(arena, text).data;
}

static const char *first_shown(struct arena *arena, yyjson_val *payload, const char *const *names)
{
    for (; *names != NULL; names++) {
        struct span text = json_span(json_get(payload, *names));

        if (text.len > 0) {
            return text_escape_dup(arena, text, ACCESS_NAME_MAX);
        }
    }
    return "";
}

/* idtyp says it where the issuer adds that claim; else what only a person's token has. */
static bool is_application(yyjson_val *payload)
{
    static const char *const personal[] = {"scp", "upn", "unique_name", "preferred_username"};
    struct span idtyp = json_span(json_get(payload, "idtyp"));

    if (idtyp.data != NULL) {
        return span_is(idtyp, "app");
    }
    for (size_t i = 0; i < ARRAY_LEN(personal); i++) {
        if (json_get(payload, personal[i]) != NULL) {
            return false;
        }
    }
    return json_get(payload, "azp") != NULL || json_get(payload, "appid") != NULL;
}

static enum access_reason read_caller(struct arena *arena, const struct access_issuer *issuer,
                                      yyjson_val *payload, struct access_caller *ret)
{
    static const char *const person[] = {"preferred_username", "upn", "unique_name", "name", NULL};
    static const char *const application[] = {"app_displayname", "azp", "appid", NULL};
    bool has_oid = json_get(payload, "oid") != NULL;
    const char *id = claim_id(arena, payload, has_oid ? "oid" : "sub");
    yyjson_val *tid = json_get(payload, "tid");
    const char *client = claim_id(arena, payload, "appid");

    if (id == NULL) {
        return arena_is_exhausted(arena) ? ACCESS_FAULT : ACCESS_CLAIMS;
    }
    /* An issuer without tenants of its own (Keycloak) says none; one that says another is not
     * believed. */
    if (tid != NULL && !text_span_equal_nocase(json_span(tid), issuer->tenant)) {
        return ACCESS_TENANT;
    }
    client = client != NULL ? client : claim_id(arena, payload, "azp");
    *ret = (struct access_caller){
        .issuer = (const char *)arena_dup(arena, span_str(issuer->url)).data,
        .tenant = (const char *)arena_dup(arena, span_str(issuer->tenant)).data,
        .object_id = id,
        .client_id = client != NULL ? client : "",
        .is_application = is_application(payload),
    };
    ret->name = first_shown(arena, payload, ret->is_application ? application : person);
    return ret->issuer == NULL || ret->tenant == NULL ? ACCESS_FAULT : ACCESS_OK;
}

/* ---- the check ---- */

static enum access_reason verify(struct arena *arena, const struct access_issuer *issuer,
                                 const struct announced *announced, int64_t now, struct span bearer,
                                 struct access_caller *ret)
{
    const struct token_verify_options options = {
        .keys = access_keys_get(issuer->keys),
        .iss = issuer->url,
        /* Without an audience of ours it is refused below, after the signature: who cannot sign
         * learns nothing about audiences. */
        .aud = announced->audience != NULL ? announced->audience : "",
        .typ = announced->typ,
        .typ_may_be_absent = strcmp(announced->typ, "JWT") == 0,
        .now = now,
        .skew_s = ACCESS_SKEW_S,
        .max_bytes = ACCESS_TOKEN_MAX_BYTES,
    };
    struct token token = {0};
    err_t err = token_verify(arena, bearer, &options, NULL, &token);

    /* Also when "" is the audience that the token is for. */
    if (announced->audience == NULL && (err == ERR_OK || err == ERR_MISMATCH)) {
        return ACCESS_AUDIENCE;
    }
    if (err) {
        return reason_of(err, announced, now);
    }
    return read_caller(arena, issuer, token.payload, ret);
}

static enum access_reason check(struct arena *arena, const struct access_issuers *issuers,
                                enum access_plane plane, int64_t now, struct span bearer,
                                struct access_result *ret)
{
    const struct access_issuer *issuer;
    struct announced announced = {0};
    struct jws jws = {0};
    enum access_reason reason;
    err_t err;

    if (bearer.data == NULL || bearer.len == 0) {
        return ACCESS_NO_TOKEN;
    }
    err = jws_read(arena, bearer, ACCESS_TOKEN_MAX_BYTES, NULL, &jws);
    if (err) {
        return err == ERR_TOO_LARGE ? ACCESS_TOO_LARGE
               : err == ERR_MEMORY  ? ACCESS_FAULT
                                    : ACCESS_MALFORMED;
    }
    reason = read_announced(arena, &jws, &announced);
    if (reason != ACCESS_OK) {
        return reason;
    }
    if (!find_issuer(issuers, announced.payload, &ret->issuer)) {
        return ACCESS_ISSUER;
    }
    ret->has_issuer = true;
    issuer = access_issuers_at(issuers, ret->issuer);
    if (issuer->keys == NULL) {
        return ACCESS_NO_KEYS;
    }
    announced.audience = find_audience(issuer, plane, announced.payload);
    return verify(arena, issuer, &announced, now, bearer, &ret->caller);
}

const char *access_caller_shown(const struct access_caller *caller)
{
    bool is_named = caller->name[0] != '\0';

    return caller->client_id[0] != '\0' && (caller->is_application || !is_named) ? caller->client_id
                                                                                 : caller->name;
}

void access_token_check(struct arena *arena, const struct access_issuers *issuers,
                        enum access_plane plane, int64_t now, struct span bearer,
                        struct access_result *ret)
{
    *ret = (struct access_result){0};
    ret->reason = check(arena, issuers, plane, now, bearer, ret);
    if (ret->reason != ACCESS_OK) {
        ret->caller = (struct access_caller){0};
    }
}
