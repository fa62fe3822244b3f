/*
 * online-signin.c - a token for a call: the client credentials grant of the server (RFC 6749, 4.4),
 * or one that the caller brought.
 */
#include "cli/online.h"

#include "base/text.h"
#include "crypto/secret.h"

#include <stdlib.h>

enum { FORM_MAX_BYTES = 16 * 1024 };

static const char *const audiences[ONLINE_AUDIENCES] = {
    [ONLINE_ANYBODY] = "",
    [ONLINE_MANAGEMENT] = "https://management.azure.com",
    [ONLINE_ATTESTATION] = "https://attest.azure.net",
};

const char *online_audience_name(enum online_audience audience)
{
    return audiences[audience];
}

/* One that is empty is a variable of a script that was not set. */
static const char *environment(const char *name)
{
    const char *value = getenv(name);

    return value == NULL || value[0] == '\0' ? NULL : value;
}

bool online_has_own_token(void)
{
    return environment("BOOTWARDEN_TOKEN") != NULL;
}

static void add_field(struct arena *arena, struct buf *form, const char *name, const char *value)
{
    const char *encoded = online_encode(arena, span_str(value));

    if (encoded == NULL) {
        form->err = ERR_MEMORY;
        return;
    }
    buf_addf(form, "%s%s=%s", form->len > 0 ? "&" : "", name, encoded);
    secret_wipe(span_str(encoded));
}

struct credentials {
    const char *tenant, *client_id, *secret;
};

static int read_credentials(const struct online *online, struct credentials *ret)
{
    const struct {
        const char *name;
        const char **value;
    } wanted[] = {
        {"BOOTWARDEN_TENANT", &ret->tenant},
        {"BOOTWARDEN_CLIENT_ID", &ret->client_id},
        {"BOOTWARDEN_CLIENT_SECRET", &ret->secret},
    };

    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        *wanted[i].value = environment(wanted[i].name);
        if (*wanted[i].value == NULL) {
            cli_complain(online->command,
                         "%s is not set, so nobody can sign in; set BOOTWARDEN_TENANT, "
                         "BOOTWARDEN_CLIENT_ID and BOOTWARDEN_CLIENT_SECRET, or BOOTWARDEN_TOKEN",
                         wanted[i].name);
            return EXIT_USAGE;
        }
    }
    return EXIT_YES;
}

static int refused(const struct online *online, const struct credentials *who,
                   const struct online_answer *answer)
{
    const char *error = json_text(json_get(answer->json, "error"));
    const char *words = json_text(json_get(answer->json, "error_description"));
    const char *remedy = "";

    if (error == NULL) {
        return online_refused(online, "signing in", answer, NULL);
    }
    if (strcmp(error, "invalid_client") == 0) {
        remedy = "; check BOOTWARDEN_CLIENT_ID and BOOTWARDEN_CLIENT_SECRET";
    } else if (strcmp(error, "invalid_request") == 0) {
        remedy = "; check BOOTWARDEN_TENANT";
    } else if (answer->retry_after_s > 0) {
        remedy = arena_printf(online->arena, "; try again in %u s", answer->retry_after_s);
    }
    cli_complain(online->command, "signing in as %s at %s is refused: %s%s",
                 online_show(online, span_str(who->client_id)), http_client_address(online->client),
                 online_sentence(online, words == NULL ? error : words),
                 remedy == NULL ? "" : remedy);
    return EXIT_SERVICE;
}

/* The form holds the secret: it is wiped, the token is kept. */
static int exchange(struct online *online, const struct credentials *who,
                    enum online_audience audience, struct buf *form, const char **ret)
{
    const char *tenant = online_encode(online->arena, span_str(who->tenant));
    struct online_request request = {
        .method = "POST",
        .path = arena_printf(online->arena, "/%s/oauth2/v2.0/token", tenant == NULL ? "" : tenant),
        .content_type = "application/x-www-form-urlencoded",
    };
    struct online_answer answer = {0};
    int code;

    add_field(online->arena, form, "grant_type", "client_credentials");
    add_field(online->arena, form, "client_id", who->client_id);
    add_field(online->arena, form, "client_secret", who->secret);
    add_field(online->arena, form, "scope",
              arena_printf(online->arena, "%s/.default", audiences[audience]));
    if (buf_err(form) == ERR_TOO_LARGE) {
        cli_complain(online->command, "the credentials of the environment are too long");
        return EXIT_USAGE;
    }
    if (buf_err(form) != ERR_OK || request.path == NULL) {
        return online_out_of_memory(online);
    }
    request.body = buf_span(form);
    code = online_call(online, &request, &answer);
    if (code != EXIT_YES) {
        return code;
    }
    if (answer.status != 200) {
        return refused(online, who, &answer);
    }
    *ret = json_text(json_get(answer.json, "access_token"));
    if (*ret == NULL) {
        return online_distrust(online, "signing in: the answer has no access_token", ERR_OK, NULL);
    }
    return EXIT_YES;
}

int online_sign_in(struct online *online, enum online_audience audience, const char **ret)
{
    CLEANUP(buf_done) struct buf form = {0};
    struct credentials who = {0};
    int code;

    if (audience == ONLINE_ANYBODY || online->tokens[audience] != NULL) {
        *ret = online->tokens[audience];
        return EXIT_YES;
    }
    if (online_has_own_token()) {
        *ret = online->tokens[audience] = environment("BOOTWARDEN_TOKEN");
        return EXIT_YES;
    }
    code = read_credentials(online, &who);
    if (code != EXIT_YES) {
        return code;
    }
    buf_init_secret(&form, FORM_MAX_BYTES);
    code = exchange(online, &who, audience, &form, &online->tokens[audience]);
    *ret = online->tokens[audience];
    return code;
}
