/*
 * token-show.c - tokens and judgements of them, for people and for scripts. Every text from a token
 * is escaped.
 */
#include "base/codec.h"
#include "base/text.h"
#include "base/timestamp.h"
#include "cli/cli.h"
#include "cli/token.h"

#include <string.h>

enum {
    VALUE_SHOWN_MAX = 100,
    NAME_SHOWN_MAX = 80,
    NAME_COLUMN_MAX = 44,
    INDENT = 2,
    NUMBER_MAX = 32
};

/* ---- values ---- */

struct printer {
    struct arena *arena;
    int64_t now;
};

static const char *escaped(const struct printer *p, struct span text, size_t max)
{
    return text_escape_dup(p->arena, text, max);
}

/* A text that looks like a number, a Boolean or null is shown in quotes: --claim compares by kind.
 */
static bool reads_otherwise(const struct printer *p, struct span text)
{
    yyjson_val *other = NULL;

    return text.len <= NUMBER_MAX && json_read(p->arena, text, NULL, NULL, &other) == ERR_OK;
}

static void print_scalar(const struct printer *p, yyjson_val *value)
{
    if (yyjson_is_str(value)) {
        struct span text = json_span(value);
        const char *quote = reads_otherwise(p, text) ? "\"" : "";

        printf("%s%s%s", quote, escaped(p, text, VALUE_SHOWN_MAX), quote);
        if (text.len > VALUE_SHOWN_MAX) {
            printf(" (%zu characters)", text.len);
        }
    } else if (yyjson_is_uint(value)) {
        printf("%llu", (unsigned long long)yyjson_get_uint(value));
    } else if (yyjson_is_sint(value)) {
        printf("%lld", (long long)yyjson_get_sint(value));
    } else if (yyjson_is_real(value)) {
        printf("%.17g", yyjson_get_real(value));
    } else if (yyjson_is_ctn(value)) {
        fputs(yyjson_is_arr(value) ? "[]" : "{}", stdout);
    } else {
        fputs(claim_words(p->arena, value), stdout);
    }
}

static bool is_flat(yyjson_val *list)
{
    size_t i;
    size_t n;
    yyjson_val *item;

    yyjson_arr_foreach(list, i, n, item)
    {
        if (yyjson_is_ctn(item) && yyjson_get_len(item) > 0) {
            return false;
        }
    }
    return true;
}

/* "2026-11-22T11:00:00Z, 36 minutes ago" behind a number that is a time by its name. */
static void print_time(const struct printer *p, const char *name, yyjson_val *value)
{
    char text[TIMESTAMP_SIZE];
    int64_t when;

    if ((strcmp(name, "exp") != 0 && strcmp(name, "iat") != 0 && strcmp(name, "nbf") != 0) ||
        !yyjson_is_uint(value) || yyjson_get_uint(value) > (uint64_t)JUDGE_LATEST_TIME) {
        return;
    }
    when = (int64_t)yyjson_get_uint(value);
    timestamp_format(when, text, sizeof(text));
    printf("  %s, %s%s", text, judge_when(p->arena, when, p->now),
           strcmp(name, "exp") == 0 && when <= p->now ? ": EXPIRED" : "");
}

/* What a guest sent along is base64 of a text, mostly (azure-guest-protocol, 2.1). */
static void print_sent_along(const struct printer *p, yyjson_val *value)
{
    struct span text = {0};

    if (yyjson_is_str(value) &&
        base64_decode(p->arena, BASE64_STANDARD, json_span(value), &text) == ERR_OK &&
        text.len > 0 && text_is_utf8(text)) {
        printf("  (\"%s\")", escaped(p, text, VALUE_SHOWN_MAX));
    }
}

static void print_list(const struct printer *p, yyjson_val *list)
{
    size_t i;
    size_t n;
    yyjson_val *item;

    yyjson_arr_foreach(list, i, n, item)
    {
        fputs(i > 0 ? ", " : "", stdout);
        print_scalar(p, item);
    }
}

static void print_object(const struct printer *p, yyjson_val *object, int indent, bool is_payload);

/* Depth is what json_read allowed. */
static void print_member(const struct printer *p, const char *name, size_t column,
                         yyjson_val *value, int indent, bool is_payload)
{
    const char *shown = escaped(p, span_str(name), NAME_SHOWN_MAX);
    size_t i;
    size_t n;
    yyjson_val *item;

    if (!yyjson_is_ctn(value) || yyjson_get_len(value) == 0) {
        printf("%*s%-*s  ", indent, "", (int)column, shown);
        print_scalar(p, value);
        if (indent == INDENT) {
            print_time(p, name, value);
        } else if (is_payload) {
            print_sent_along(p, value);
        }
        putchar('\n');
    } else if (yyjson_is_arr(value) && is_flat(value)) {
        printf("%*s%-*s  ", indent, "", (int)column, shown);
        print_list(p, value);
        putchar('\n');
    } else if (yyjson_is_arr(value)) {
        yyjson_arr_foreach(value, i, n, item)
        {
            char entry[NAME_SHOWN_MAX + 32];

            snprintf(entry, sizeof(entry), "%s[%zu]", shown, i);
            print_member(p, entry, column, item, indent, false);
        }
    } else {
        printf("%*s%s\n", indent, "", shown);
        print_object(p, value, indent + INDENT, strcmp(name, "client-payload") == 0);
    }
}

static void print_object(const struct printer *p, yyjson_val *object, int indent, bool is_payload)
{
    size_t i;
    size_t n;
    size_t column = 0;
    yyjson_val *key;
    yyjson_val *value;

    yyjson_obj_foreach(object, i, n, key, value)
    {
        size_t len = strlen(escaped(p, json_span(key), NAME_SHOWN_MAX));

        column = len > column && len <= NAME_COLUMN_MAX ? len : column;
    }
    yyjson_obj_foreach(object, i, n, key, value)
    {
        print_member(p, yyjson_get_str(key), column, value, indent, is_payload);
    }
}

/* ---- inspect ---- */

static int print_json(struct arena *arena, const char *command, yyjson_mut_doc *doc,
                      yyjson_mut_val *root)
{
    struct span text = {0};

    if (root != NULL) {
        text = json_write(arena, doc, root, true);
    }
    if (text.data == NULL) {
        cli_complain(command, "out of memory");
        return EXIT_INTERNAL;
    }
    fwrite(text.data, 1, text.len, stdout);
    putchar('\n');
    return EXIT_YES;
}

static void add_time(yyjson_mut_doc *doc, yyjson_mut_val *root, const char *name, yyjson_val *value)
{
    char text[TIMESTAMP_SIZE];

    if (yyjson_is_uint(value) && yyjson_get_uint(value) <= (uint64_t)JUDGE_LATEST_TIME) {
        timestamp_format((int64_t)yyjson_get_uint(value), text, sizeof(text));
        json_add_text(doc, root, name, text);
    }
}

static int inspected_json(struct arena *arena, const struct jws *jws, yyjson_val *payload)
{
    yyjson_mut_doc *doc = json_new(arena);
    yyjson_mut_val *root = doc == NULL ? NULL : yyjson_mut_obj(doc);

    if (root != NULL) {
        json_add_bool(doc, root, "verified", false);
        json_add_bool(doc, root, "signed", jws->signature.len > 0);
        json_add_value(doc, root, "header", yyjson_val_mut_copy(doc, jws->header));
        json_add_value(doc, root, "payload", yyjson_val_mut_copy(doc, payload));
        add_time(doc, root, "issued_at", json_get(payload, "iat"));
        add_time(doc, root, "not_before", json_get(payload, "nbf"));
        add_time(doc, root, "expires_at", json_get(payload, "exp"));
    }
    return print_json(arena, "token inspect", doc, root);
}

int token_show_inspected(struct arena *arena, const struct jws *jws, yyjson_val *payload,
                         int64_t now, bool is_json)
{
    const struct printer p = {.arena = arena, .now = now};

    if (is_json) {
        return inspected_json(arena, jws, payload);
    }
    puts("NOT VERIFIED: this is what the token says of itself, and anybody can write one.\n"
         "'bootwarden token verify' says whether it is to be believed.\n"
         "\nheader");
    print_object(&p, jws->header, INDENT, false);
    if (yyjson_is_obj(payload)) {
        puts("\nclaims");
        print_object(&p, payload, INDENT, false);
    } else {
        printf("\npayload\n%*s", INDENT, "");
        print_scalar(&p, payload);
        putchar('\n');
    }
    if (jws->signature.len > 0) {
        printf("\nsignature\n  %zu bytes, not looked at\n", jws->signature.len);
    } else {
        puts("\nsignature\n  NONE");
    }
    return EXIT_YES;
}

/* ---- verify ---- */

static const char *headline(const struct judgement *j)
{
    static const char *const words[JUDGE_FAULT_COUNT] = {
        [JUDGE_NO_FAULT] = "VALID: the token is the issuer's, and is all that was demanded",
        [JUDGE_FORM] = "NOT VALID: this is no signed token",
        [JUDGE_UNSECURED] = "NOT VALID: nobody signed it",
        [JUDGE_UNKNOWN_KEY] = "NOT VALID: its key is not the issuer's, as far as is known",
        [JUDGE_ALGORITHM] = "NOT VALID: it names an algorithm that is not its key's",
        [JUDGE_SIGNATURE] = "NOT VALID: the signature does not hold",
        [JUDGE_TYPE] = "NOT VALID: it is another kind of token",
        [JUDGE_PAYLOAD] = "NOT VALID: it holds no claims",
        [JUDGE_ISSUER] = "NOT VALID: it is of another issuer",
        [JUDGE_EXPIRED] = "NOT VALID: it has expired",
        [JUDGE_NOT_YET] = "NOT VALID: it is of the future",
        [JUDGE_TIMES] = "NOT VALID: it does not say when it expires",
        [JUDGE_AUDIENCE] = "NOT VALID: it is meant for somebody else",
        [JUDGE_NONCE] = "NOT VALID: it does not carry the nonce",
        [JUDGE_CLAIM] = "NOT VALID: it does not say what was demanded",
    };

    return j->is_valid || j->fault != JUDGE_NO_FAULT ? words[j->fault] : "NOT VALID";
}

/* What to do about the first fault. */
static const char *remedy(const struct judgement *j, bool is_fetched)
{
    switch (j->fault) {
    case JUDGE_FORM:
        return "Take the token whole, as it was issued; 'bootwarden token inspect' shows what can "
               "be "
               "read of it.";
    case JUDGE_UNSECURED:
        return "Refuse it. Drafts of policies make such tokens for trying out; an attestation is "
               "always signed.";
    case JUDGE_UNKNOWN_KEY:
        return is_fetched
                   ? "The keys were fetched just now: the token is of another service, or older "
                     "than "
                     "all the keys that the endpoint still publishes. Ask the machine for a new "
                     "one."
                   : "The issuer's keys may have rotated since the key set was saved: fetch it "
                     "again "
                     "(certs at the issuer's address). If the key stays unknown, refuse the token.";
    case JUDGE_ALGORITHM:
    case JUDGE_SIGNATURE:
        return "Refuse it: it was altered, or made by somebody who does not have the key.";
    case JUDGE_TYPE:
    case JUDGE_PAYLOAD:
    case JUDGE_TIMES:
        return "The issuer signed it, but as something else than an attestation: refuse it.";
    case JUDGE_ISSUER:
        return "Trust no key of one issuer for tokens of another. Name the issuer exactly as it "
               "names itself, if it is the one you mean.";
    case JUDGE_EXPIRED:
        return "Ask the machine for a new token. One that was kept is judged as of then with "
               "--time.";
    case JUDGE_NOT_YET:
        return "Set this machine's clock; clocks that differ by a little are allowed for with "
               "--skew.";
    case JUDGE_AUDIENCE:
        return "Name with --audience whom the token must be meant for: yourself. If it is meant "
               "for "
               "another, refuse it.";
    case JUDGE_NONCE:
        return "It may be a copy of an earlier token, or of another machine's: hand out a new "
               "nonce, "
               "and take only a token that carries it.";
    case JUDGE_CLAIM:
        return "The machine is not what you demand. Where the kinds differ, write the value as "
               "JSON: "
               "--claim 'x-ms-ver=\"1.0\"' is a text.";
    case JUDGE_NO_FAULT:
    case JUDGE_FAULT_COUNT:
    default:
        return "";
    }
}

static const char *outcome_name(enum judge_outcome outcome, bool is_json)
{
    switch (outcome) {
    case JUDGE_OK:
        return "ok";
    case JUDGE_NOT_OK:
        return is_json ? "not-ok" : "NOT OK";
    case JUDGE_NOT_CHECKED:
    default:
        return is_json ? "not-checked" : "-";
    }
}

static void print_findings(const struct printer *p, const struct judgement *j)
{
    size_t column = 0;

    for (size_t i = 0; i < j->n_findings; i++) {
        size_t len = strlen(j->findings[i].check) +
                     strlen(escaped(p, span_str(j->findings[i].detail), NAME_SHOWN_MAX)) + 1;

        column = len > column && len <= NAME_COLUMN_MAX + 6 ? len : column;
    }
    for (size_t i = 0; i < j->n_findings; i++) {
        const struct judge_finding *f = &j->findings[i];
        bool is_checked = f->outcome != JUDGE_NOT_CHECKED;
        char name[NAME_SHOWN_MAX + 32];

        snprintf(name, sizeof(name), "%s%s%s", f->check, f->detail[0] != '\0' ? " " : "",
                 escaped(p, span_str(f->detail), NAME_SHOWN_MAX));
        printf("  %-6s  %-*s  %s%s\n", outcome_name(f->outcome, false), (int)column, name,
               is_checked ? "" : "not checked: ", f->words);
    }
}

/* A token says nothing about what nobody asked. */
static void print_not_demanded(const struct judge_options *options)
{
    if (options->nonce == NULL) {
        puts("\nNo nonce was demanded: it may be a copy of what another got (--nonce).");
    }
    if (options->n_claims == 0) {
        printf("%sNo claim was demanded: what the machine is, 'bootwarden token inspect' shows "
               "(--claim).\n",
               options->nonce == NULL ? "" : "\n");
    }
}

static void print_judgement(const struct printer *p, const struct token_shown *shown)
{
    const struct judgement *j = shown->judgement;

    printf("%s\n\n", headline(j));
    print_findings(p, j);
    if (j->is_valid) {
        print_not_demanded(shown->options);
        return;
    }
    printf("\nwhat to do: %s\n", remedy(j, shown->is_fetched));
    if (j->fault == JUDGE_UNKNOWN_KEY && shown->left_out > 0) {
        printf(
            "Of the key set %zu more %s left out: without kid, or of a kind that is not accepted "
            "(RSA below 2048 bits, secrets, other types).\n",
            shown->left_out, shown->left_out == 1 ? "was" : "were");
    }
}

static yyjson_mut_val *findings_json(yyjson_mut_doc *doc, const struct judgement *j)
{
    yyjson_mut_val *list = yyjson_mut_arr(doc);

    for (size_t i = 0; i < j->n_findings; i++) {
        const struct judge_finding *f = &j->findings[i];
        yyjson_mut_val *item = yyjson_mut_arr_add_obj(doc, list);

        json_add_text(doc, item, "check", f->check);
        if (strcmp(f->check, "claim") == 0) {
            json_add_text(doc, item, "claim", f->detail);
        }
        json_add_text(doc, item, "result", outcome_name(f->outcome, true));
        json_add_text(doc, item, "words", f->words);
    }
    return list;
}

static int judged_json(struct arena *arena, const struct token_shown *shown)
{
    const struct judgement *j = shown->judgement;
    yyjson_mut_doc *doc = json_new(arena);
    yyjson_mut_val *root = doc == NULL ? NULL : yyjson_mut_obj(doc);
    char text[TIMESTAMP_SIZE];

    if (root != NULL) {
        json_add_bool(doc, root, "valid", j->is_valid);
        json_add_text(doc, root, "fault", j->is_valid ? NULL : judge_fault_name(j->fault));
        json_add_value(doc, root, "checks", findings_json(doc, j));
        json_add_text(doc, root, "remedy", j->is_valid ? NULL : remedy(j, shown->is_fetched));
        /* Claims of a token that is not valid are no claims: a script cannot take them by mistake.
         */
        if (j->is_valid) {
            json_add_text(doc, root, "kid", j->key->kid);
            json_add_text(doc, root, "alg", token_alg_name(j->key->alg));
            timestamp_format(j->expires_at, text, sizeof(text));
            json_add_text(doc, root, "expires_at", text);
            json_add_value(doc, root, "claims", yyjson_val_mut_copy(doc, j->payload));
        }
    }
    return print_json(arena, "token verify", doc, root);
}

int token_show_judged(struct arena *arena, const struct token_shown *shown, bool is_json)
{
    const struct printer p = {.arena = arena, .now = shown->options->now};
    int code = EXIT_YES;

    if (is_json) {
        code = judged_json(arena, shown);
    } else {
        print_judgement(&p, shown);
    }
    return code != EXIT_YES ? code : shown->judgement->is_valid ? EXIT_YES : EXIT_NO;
}
