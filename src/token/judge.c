/*
 * judge.c - a token and a list of checks. Who may send tokens: whoever wants to be let in.
 */
#include "token/judge.h"

#include "base/text.h"
#include "base/timestamp.h"
#include "token/internal.h"

enum { SHOWN_KID_MAX = 100, SHOWN_TEXT_MAX = 200 };

static const char *const fault_names[JUDGE_FAULT_COUNT] = {
    [JUDGE_NO_FAULT] = "",
    [JUDGE_FORM] = "form",
    [JUDGE_UNSECURED] = "unsecured",
    [JUDGE_UNKNOWN_KEY] = "unknown-key",
    [JUDGE_ALGORITHM] = "algorithm",
    [JUDGE_SIGNATURE] = "signature",
    [JUDGE_TYPE] = "type",
    [JUDGE_PAYLOAD] = "payload",
    [JUDGE_ISSUER] = "issuer",
    [JUDGE_EXPIRED] = "expired",
    [JUDGE_NOT_YET] = "not-yet-valid",
    [JUDGE_TIMES] = "times",
    [JUDGE_AUDIENCE] = "audience",
    [JUDGE_NONCE] = "nonce",
    [JUDGE_CLAIM] = "claim",
};

const char *judge_fault_name(enum judge_fault fault)
{
    return (unsigned)fault < JUDGE_FAULT_COUNT ? fault_names[fault] : "";
}

struct judging {
    struct arena *arena;
    const struct judge_options *options;
    struct token_verify_options verify;
    struct judgement *out;
    err_t err; /* ours; sticks */
};

/* ---- findings ---- */

static void add(struct judging *j, const char *check, const char *detail, enum judge_fault fault,
                const char *words)
{
    struct judge_finding *finding = &j->out->findings[j->out->n_findings];

    if (words == NULL || j->out->n_findings == JUDGE_MAX_FINDINGS) {
        j->err = ERR_MEMORY;
        return;
    }
    *finding = (struct judge_finding){
        .check = check,
        .detail = detail,
        .outcome = fault == JUDGE_NO_FAULT ? JUDGE_OK : JUDGE_NOT_OK,
        .fault = fault,
        .words = words,
    };
    j->out->n_findings++;
    if (j->out->fault == JUDGE_NO_FAULT) {
        j->out->fault = fault;
    }
}

/* What the functions of this room found: the trail's words. Lack of memory is no fault of the
 * token. */
static void add_fault(struct judging *j, const char *check, enum judge_fault fault, err_t err,
                      const struct trail *trail)
{
    char words[TRAIL_WHERE_MAX + TRAIL_WHAT_MAX + 64];

    if (err_category(err) == ERR_CAT_INTERNAL) {
        j->err = err;
        return;
    }
    trail_format(trail, err, words, sizeof(words));
    add(j, check, "", fault, arena_printf(j->arena, "%s", words));
}

static void not_checked(struct judging *j, const char *check, const char *detail)
{
    add(j, check, detail, JUDGE_NO_FAULT, "the token is not known to be the issuer's");
    if (j->err == ERR_OK) {
        j->out->findings[j->out->n_findings - 1].outcome = JUDGE_NOT_CHECKED;
    }
}

static const char *shown(struct judging *j, struct span text, size_t max)
{
    return text_escape_dup(j->arena, text, max);
}

const char *judge_when(struct arena *arena, int64_t when, int64_t now)
{
    static const struct {
        int64_t seconds;
        const char *unit;
    } units[] = {{31536000, "year"}, {86400, "day"}, {3600, "hour"}, {60, "minute"}, {1, "second"}};
    bool is_past = when < now;
    /* Both come from tokens and command lines: neither need be near the other. */
    uint64_t apart = is_past ? (uint64_t)now - (uint64_t)when : (uint64_t)when - (uint64_t)now;

    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        uint64_t n = apart / (uint64_t)units[i].seconds;

        if (n > 0) {
            const char *text =
                arena_printf(arena, "%s%llu %s%s%s", is_past ? "" : "in ", (unsigned long long)n,
                             units[i].unit, n == 1 ? "" : "s", is_past ? " ago" : "");
            return text == NULL ? "" : text;
        }
    }
    return "now";
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct span token_trim(struct span text)
{
    while (text.len > 0 && is_blank(text.data[text.len - 1])) {
        text.len--;
    }
    while (text.len > 0 && is_blank(text.data[0])) {
        text = span_cut(text, 1, text.len);
    }
    return text;
}

/* ---- is it the issuer's? ---- */

static bool judge_form(struct judging *j, struct span text, struct jws *jws)
{
    struct trail trail = {0};
    err_t err = jws_read(j->arena, text, JUDGE_MAX_BYTES, &trail, jws);

    if (err) {
        add_fault(j, "form", JUDGE_FORM, err, &trail);
        return false;
    }
    j->out->header = jws->header;
    /* In any spelling: readers that fold case are why it is tried (RFC 8725, 2.1). */
    if (text_span_equal_nocase(json_span(json_get(jws->header, "alg")), "none")) {
        add(j, "form", "", JUDGE_UNSECURED,
            "is not signed (alg none): anybody can have written it");
        return false;
    }
    add(j, "form", "", JUDGE_NO_FAULT, "a signed token (JWS) in compact form");
    return true;
}

static bool judge_key(struct judging *j, const struct jws *jws)
{
    struct span kid = json_span(json_get(jws->header, "kid"));

    if (kid.data == NULL || kid.len == 0) {
        add(j, "key", "", JUDGE_UNKNOWN_KEY, "the token does not name its key (kid)");
        return false;
    }
    j->out->key = token_keys_find(j->options->keys, kid);
    if (j->out->key == NULL) {
        add(j, "key", "", JUDGE_UNKNOWN_KEY,
            arena_printf(j->arena, "'%s' is none of the %zu keys of the key set",
                         shown(j, kid, SHOWN_KID_MAX), token_keys_count(j->options->keys)));
        return false;
    }
    add(j, "key", "", JUDGE_NO_FAULT,
        arena_printf(j->arena, "'%s' is in the key set", shown(j, kid, SHOWN_KID_MAX)));
    return true;
}

static bool judge_signature(struct judging *j, const struct jws *jws)
{
    const struct jwk *key = j->out->key;
    struct span alg = json_span(json_get(jws->header, "alg"));
    struct trail trail = {0};
    err_t err;

    if (!span_is(alg, token_alg_name(key->alg))) {
        add(j, "algorithm", "", JUDGE_ALGORITHM,
            arena_printf(j->arena, "'%s' is not the key's own (%s)", shown(j, alg, SHOWN_KID_MAX),
                         token_alg_name(key->alg)));
        return false;
    }
    add(j, "algorithm", "", JUDGE_NO_FAULT,
        arena_printf(j->arena, "%s, as the key has it", token_alg_name(key->alg)));
    err = jws_check(jws, key->key, key->alg, &trail);
    if (err) {
        add_fault(j, "signature", JUDGE_SIGNATURE, err, &trail);
        return false;
    }
    add(j, "signature", "", JUDGE_NO_FAULT, "was made with that key over these very bytes");
    return true;
}

/* ---- is it what was asked for? ---- */

static void judge_type(struct judging *j)
{
    struct trail trail = {0};
    err_t err = token_check_type(j->out->header, &j->verify, &trail);

    if (err) {
        add_fault(j, "type", JUDGE_TYPE, err, &trail);
    } else {
        add(j, "type", "", JUDGE_NO_FAULT, "JWT");
    }
}

static void judge_issuer(struct judging *j)
{
    yyjson_val *iss = json_get(j->out->payload, "iss");
    struct trail trail = {0};

    if (token_check_issuer(j->out->payload, j->options->iss, &trail) == ERR_OK) {
        add(j, "issuer", "", JUDGE_NO_FAULT, shown(j, json_span(iss), SHOWN_TEXT_MAX));
        return;
    }
    add(j, "issuer", "", JUDGE_ISSUER,
        arena_printf(j->arena, "is %s; wanted is '%s'", claim_words(j->arena, iss),
                     shown(j, span_str(j->options->iss), SHOWN_TEXT_MAX)));
}

/* token_check_times calls all three ERR_EXPIRED. */
static void judge_times(struct judging *j)
{
    const struct judge_options *o = j->options;
    struct trail trail = {0};
    struct token token = {.payload = j->out->payload};
    err_t err = token_check_times(&j->verify, &trail, &token);
    char until[TIMESTAMP_SIZE];
    const char *when;

    j->out->expires_at = token.expires_at;
    j->out->issued_at = token.issued_at;
    timestamp_format(token.expires_at, until, sizeof(until));
    when = judge_when(j->arena, token.expires_at, o->now);
    if (err == ERR_OK) {
        add(j, "time", "", JUDGE_NO_FAULT,
            arena_printf(j->arena, "valid until %s, %s%s", until, when,
                         token.expires_at <= o->now ? ", which the skew allows" : ""));
    } else if (err != ERR_EXPIRED) {
        add_fault(j, "time", JUDGE_TIMES, err, &trail);
    } else if (token.expires_at <= o->now - o->skew_s) {
        add(j, "time", "", JUDGE_EXPIRED, arena_printf(j->arena, "expired at %s, %s", until, when));
    } else {
        add_fault(j, "time", JUDGE_NOT_YET, err, &trail);
    }
}

static void judge_audience(struct judging *j)
{
    struct trail trail = {0};
    err_t err = token_check_audience(j->out->payload, j->options->aud, &trail);

    if (err && j->options->aud == NULL) {
        add(j, "audience", "", JUDGE_AUDIENCE,
            "the token is meant for an audience, and none was given to compare with");
    } else if (err) {
        add_fault(j, "audience", JUDGE_AUDIENCE, err, &trail);
    } else if (j->options->aud != NULL) {
        add(j, "audience", "", JUDGE_NO_FAULT, shown(j, span_str(j->options->aud), SHOWN_TEXT_MAX));
    }
}

static void judge_demands(struct judging *j)
{
    const struct judge_options *o = j->options;
    const char *words = "";
    err_t err;

    if (o->nonce != NULL) {
        err = claim_check_nonce(j->arena, j->out->payload, o->nonce, &words);
        add(j, "nonce", "", err ? JUDGE_NONCE : JUDGE_NO_FAULT, words);
    }
    for (size_t i = 0; i < o->n_claims; i++) {
        err = claim_check(j->arena, j->out->payload, &o->claims[i], &words);
        add(j, "claim", o->claims[i].name, err ? JUDGE_CLAIM : JUDGE_NO_FAULT, words);
    }
}

static void leave_out_demands(struct judging *j)
{
    static const char *const checks[] = {"type", "issuer", "time"};

    for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
        not_checked(j, checks[i], "");
    }
    if (j->options->aud != NULL) {
        not_checked(j, "audience", "");
    }
    if (j->options->nonce != NULL) {
        not_checked(j, "nonce", "");
    }
    for (size_t i = 0; i < j->options->n_claims; i++) {
        not_checked(j, "claim", j->options->claims[i].name);
    }
}

/* The signature held: whose words these are is known. */
static void judge_contents(struct judging *j, const struct jws *jws)
{
    struct trail trail = {0};
    yyjson_val *payload = NULL;
    err_t err = json_read(j->arena, jws->payload, NULL, &trail, &payload);

    if (err == ERR_OK && !yyjson_is_obj(payload)) {
        err = trail_set(&trail, ERR_JSON_TYPE, "is not an object");
    }
    if (err) {
        add_fault(j, "payload", JUDGE_PAYLOAD, err, &trail);
        leave_out_demands(j);
        return;
    }
    j->out->payload = payload;
    judge_type(j);
    judge_issuer(j);
    judge_times(j);
    judge_audience(j);
    judge_demands(j);
}

err_t token_judge(struct arena *arena, struct span text, const struct judge_options *options,
                  struct judgement *ret)
{
    struct judgement out = {0};
    struct judging j = {.arena = arena, .options = options, .out = &out};
    struct jws jws = {0};
    bool is_whole = false;

    /* A caller that forgot what to expect must not get an answer. */
    if (options->keys == NULL || options->iss == NULL || options->skew_s < 0 ||
        options->skew_s > TOKEN_MAX_SKEW_S || options->n_claims > JUDGE_MAX_CLAIMS ||
        options->now < 0 || options->now > JUDGE_LATEST_TIME) {
        return ERR_VALUE;
    }
    j.verify = (struct token_verify_options){.now = options->now, .skew_s = options->skew_s};
    if (judge_form(&j, text, &jws) && judge_key(&j, &jws) && judge_signature(&j, &jws)) {
        judge_contents(&j, &jws);
        is_whole = out.payload != NULL;
    } else {
        leave_out_demands(&j);
    }
    /* What did not find room may be the finding that says no. */
    if (j.err || arena_is_exhausted(arena)) {
        return j.err ? j.err : ERR_MEMORY;
    }
    out.is_valid = is_whole && out.fault == JUDGE_NO_FAULT;
    *ret = out;
    return ERR_OK;
}
