/* Who may send the token and the keys: the configured service, or whoever holds its certificate. */
#include "agent/received.h"

#include "base/text.h"
#include "base/timestamp.h"
#include "token/token.h"

enum { SHOWN_TEXT_MAX = 256, SKEW_S = 60 };

static err_t get_keys(struct agent *agent, struct trail *trail, struct token_keys **ret)
{
    struct answer answer = {0};
    size_t left_out = 0;
    err_t err = remote_call(&agent->remote, CALL_CERTS, NULL, (struct span){0}, agent->arena,
                            &agent->fault, &answer);

    if (err == ERR_OK && answer.status != 200) {
        err = remote_refused(&agent->remote, CALL_CERTS, &answer, &agent->fault);
    }
    if (err) {
        return trail_set(trail, err, "%s", agent->fault.text);
    }
    return jwks_read(agent->arena, answer.bytes, trail, ret, &left_out);
}

/* The keys come from the service that was asked, over a connection that was authenticated; the
 * issuer is what those keys say it is. */
void received_check(struct agent *agent, struct span jwt, struct received *ret)
{
    CLEANUP(token_keys_free) struct token_keys *keys = NULL;
    struct token_verify_options options = {.now = timestamp_now(), .skew_s = SKEW_S};
    struct trail trail = {0};
    struct jws jws = {0};
    struct token token = {0};

    *ret = (struct received){.issuer = ""};
    ret->err = jws_read(agent->arena, jwt, 0, &trail, &jws);
    ret->err =
        ret->err ? ret->err : json_read(agent->arena, jws.payload, NULL, &trail, &ret->claims);
    if (ret->err == ERR_OK) {
        struct span issuer = json_span(json_get(ret->claims, "iss"));

        ret->issuer = text_escape_dup(agent->arena, issuer, SHOWN_TEXT_MAX);
        ret->err = get_keys(agent, &trail, &keys);
    }
    if (ret->err == ERR_OK) {
        options.keys = keys;
        options.iss = json_text(json_get(ret->claims, "iss"));
        ret->err = options.iss == NULL ? trail_set(&trail, ERR_MISMATCH, "has no issuer")
                                       : token_verify(agent->arena, jwt, &options, &trail, &token);
    }
    ret->expires_at = token.expires_at;
    trail_format(&trail, ret->err, ret->words, sizeof(ret->words));
}

bool received_is_bad(const struct received *checked)
{
    return checked->err != ERR_OK && err_category(checked->err) != ERR_CAT_UNAVAILABLE &&
           err_category(checked->err) != ERR_CAT_INTERNAL;
}
