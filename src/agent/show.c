#include "agent/show.h"

#include "agent/received.h"
#include "base/text.h"
#include "base/timestamp.h"
#include "crypto/cert.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { SHOWN_TEXT_MAX = 256 };

void show_warning(const char *fmt, ...)
{
    va_list args;

    fputs("bootwarden-agent: ", stderr);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
}

enum agent_exit show_fault(const struct agent *agent)
{
    show_warning("%s", agent->fault.text);
    return agent->fault.exit;
}

/* Standard output may be a full disk: then nothing was delivered. */
enum agent_exit show_delivered(enum agent_exit exit)
{
    if (fflush(stdout) != 0 || ferror(stdout)) {
        show_warning("standard output: %s; the result is not whole", strerror(errno));
        return EXIT_INTERNAL;
    }
    return exit;
}

static enum agent_exit print_json(struct agent *agent, yyjson_mut_doc *doc, yyjson_mut_val *root,
                                  enum agent_exit exit)
{
    struct span text = json_write(agent->arena, doc, root, true);

    if (text.data == NULL) {
        show_warning("out of memory");
        return EXIT_INTERNAL;
    }
    printf("%s\n", (const char *)text.data);
    return show_delivered(exit);
}

/* ---- enrolment ---- */

enum agent_exit show_enrolled(struct agent *agent)
{
    CLEANUP(cert_free) struct cert *cert = NULL;
    char until[TIMESTAMP_SIZE] = "";
    int64_t not_before, not_after;
    yyjson_mut_doc *doc;
    yyjson_mut_val *root;

    if (cert_new_der(agent->ak.certificate, NULL, &cert) == ERR_OK) {
        cert_validity(cert, &not_before, &not_after);
        timestamp_format(not_after, until, sizeof(until));
    }
    if (agent->options->output == OUTPUT_TEXT) {
        printf("enrolled: %s\nmachine id: %s\nattestation key certificate: until %s\n",
               agent->machine_name, agent->machine_id, until);
        return show_delivered(EXIT_TOKEN);
    }
    doc = json_new(agent->arena);
    root = doc == NULL ? NULL : yyjson_mut_obj(doc);
    json_add_text(doc, root, "result", "enrolled");
    json_add_text(doc, root, "machineId", agent->machine_id);
    json_add_text(doc, root, "name", agent->machine_name);
    json_add_text(doc, root, "certificateNotAfter", until);
    return print_json(agent, doc, root, EXIT_TOKEN);
}

/* ---- the answer is no ---- */

static void show_reason(FILE *out, const struct answer_reason *reason)
{
    fprintf(out, "  %s%s%s\n", reason->code, reason->code[0] != '\0' ? ": " : "", reason->text);
    fprintf(out, "    what to do: %s\n", reason->remedy);
}

enum agent_exit show_refusal(struct agent *agent, const struct attest_result *result)
{
    const struct answer *answer = &result->refusal;
    yyjson_mut_doc *doc;
    yyjson_mut_val *root, *list;

    if (result->is_log_missing) {
        if (agent->options->event_log == NULL) {
            show_warning("this kernel shows no firmware event log (%s); is securityfs mounted, and "
                         "is the firmware UEFI with a TPM 2.0?",
                         GUEST_EVENT_LOG);
        } else {
            show_warning("the event log that was named is empty (%s)", agent->options->event_log);
        }
    }
    if (agent->options->output != OUTPUT_JSON) {
        /* Not what was asked for, so not on standard output when that is to be the bare token. */
        FILE *out = agent->options->output == OUTPUT_TEXT ? stdout : stderr;

        fprintf(out, "verdict: %s\n", answer->verdict[0] != '\0' ? answer->verdict : answer->code);
        for (size_t i = 0; i < answer->n_reasons; i++) {
            show_reason(out, &answer->reasons[i]);
        }
        return show_delivered(EXIT_NO);
    }
    doc = json_new(agent->arena);
    root = doc == NULL ? NULL : yyjson_mut_obj(doc);
    json_add_text(doc, root, "result", "refused");
    json_add_text(doc, root, "code", answer->code);
    json_add_text(doc, root, "verdict", answer->verdict);
    json_add_text(doc, root, "message", answer->message);
    list = json_add_array(doc, root, "reasons");
    for (size_t i = 0; i < answer->n_reasons && doc != NULL; i++) {
        yyjson_mut_val *item = yyjson_mut_arr_add_obj(doc, list);

        json_add_text(doc, item, "code", answer->reasons[i].code);
        json_add_text(doc, item, "text", answer->reasons[i].text);
        json_add_text(doc, item, "remedy", answer->reasons[i].remedy);
    }
    return print_json(agent, doc, root, EXIT_NO);
}

/* ---- the token ---- */

static void print_claim(struct agent *agent, yyjson_val *claims, const char *name,
                        const char *label)
{
    yyjson_val *value = json_get(claims, name);

    if (yyjson_is_bool(value)) {
        printf("%s: %s\n", label, yyjson_get_bool(value) ? "on" : "off");
    } else if (yyjson_is_str(value)) {
        printf("%s: %s\n", label, text_escape_dup(agent->arena, json_span(value), SHOWN_TEXT_MAX));
    }
}

static void print_pcrs(yyjson_val *claims)
{
    yyjson_val *list = json_get(claims, "x-ms-azurevm-attested-pcrs"), *item;
    size_t i, max;

    if (!yyjson_is_arr(list)) {
        return;
    }
    printf("attested PCRs:");
    yyjson_arr_foreach(list, i, max, item)
    {
        printf(" %" PRIu64, yyjson_get_uint(item));
    }
    printf("\n");
}

static enum agent_exit print_text(struct agent *agent, const struct received *checked)
{
    char until[TIMESTAMP_SIZE];

    printf("verdict: proven, and the policy of the service accepts it\n");
    print_claim(agent, checked->claims, "secureboot", "secure boot");
    print_claim(agent, checked->claims, "x-ms-azurevm-vmid", "machine id");
    print_claim(agent, checked->claims, "x-ms-azurevm-osdistro", "system (its own word)");
    print_pcrs(checked->claims);
    if (checked->err == ERR_OK) {
        timestamp_format(checked->expires_at, until, sizeof(until));
        printf("token: signature ok, issuer %s, expires %s\n", checked->issuer, until);
    } else {
        printf("token: %s: %s\n", received_is_bad(checked) ? "NOT VALID" : "signature not checked",
               checked->words);
    }
    return show_delivered(received_is_bad(checked) ? EXIT_SERVICE : EXIT_TOKEN);
}

enum agent_exit show_token(struct agent *agent, const struct attest_result *result)
{
    struct received checked = {0};
    yyjson_mut_doc *doc;
    yyjson_mut_val *root;

    if (agent->options->output == OUTPUT_TOKEN) {
        /* A line end is for people; programs that read a JWS from a file take it for a fault. */
        printf("%.*s%s", (int)result->jwt.len, (const char *)result->jwt.data,
               isatty(STDOUT_FILENO) ? "\n" : "");
        return show_delivered(EXIT_TOKEN);
    }
    received_check(agent, result->jwt, &checked);
    if (agent->options->output == OUTPUT_TEXT) {
        return print_text(agent, &checked);
    }
    doc = json_new(agent->arena);
    root = doc == NULL ? NULL : yyjson_mut_obj(doc);
    json_add_text(doc, root, "result", received_is_bad(&checked) ? "invalid" : "token");
    json_add_span(doc, root, "token", result->jwt);
    json_add_bool(doc, root, "signatureChecked", checked.err == ERR_OK);
    if (checked.err) {
        json_add_text(doc, root, "problem", checked.words);
    }
    if (checked.claims != NULL && doc != NULL) {
        json_add_value(doc, root, "claims", yyjson_val_mut_copy(doc, checked.claims));
    }
    return print_json(agent, doc, root, received_is_bad(&checked) ? EXIT_SERVICE : EXIT_TOKEN);
}
