#include "agent/status.h"

#include "agent/show.h"
#include "agent/state.h"
#include "base/file.h"
#include "base/text.h"
#include "base/timestamp.h"
#include "guest/guest.h"

#include <stdio.h>
#include <string.h>

static const char *const words[] = {
    [STATUS_TRANSITIONING] = "transitioning",
    [STATUS_WARNING] = "warning",
    [STATUS_ERROR] = "error",
    [STATUS_SUCCESS] = "success",
};

void status_add(struct status *status, const char *name, enum status_word word, int code,
                const char *message)
{
    if (status->n_subs < STATUS_MAX_SUBS) {
        status->subs[status->n_subs++] = (struct substatus){name, word, code, message};
    }
}

static void add_message(struct arena *arena, yyjson_mut_doc *doc, yyjson_mut_val *object,
                        const char *text)
{
    yyjson_mut_val *message = json_add_object(doc, object, "formattedMessage");

    json_add_text(doc, message, "lang", "en-US");
    json_add_text(doc, message, "message",
                  text_escape_dup(arena, span_str(text), STATUS_MESSAGE_MAX));
}

yyjson_mut_val *status_value(struct arena *arena, yyjson_mut_doc *doc, const struct status *status)
{
    yyjson_mut_val *root = yyjson_mut_obj(doc), *to, *list;
    char time[TIMESTAMP_SIZE], applied[TIMESTAMP_SIZE];

    timestamp_format(status->time, time, sizeof(time));
    timestamp_format(status->applied != 0 ? status->applied : status->time, applied,
                     sizeof(applied));
    json_add_text(doc, root, "version", "1.0");
    json_add_text(doc, root, "timestampUTC", time);
    to = json_add_object(doc, root, "status");
    json_add_text(doc, to, "name", STATUS_NAME);
    json_add_text(doc, to, "operation", status->operation);
    json_add_text(doc, to, "configurationAppliedTime", applied);
    json_add_text(doc, to, "status", words[status->status]);
    json_add_int(doc, to, "code", status->code);
    add_message(arena, doc, to, status->message);
    list = json_add_array(doc, to, "substatus");
    for (size_t i = 0; i < status->n_subs; i++) {
        yyjson_mut_val *sub = yyjson_mut_arr_add_obj(doc, list);

        json_add_text(doc, sub, "name", status->subs[i].name);
        json_add_text(doc, sub, "status", words[status->subs[i].status]);
        json_add_int(doc, sub, "code", status->subs[i].code);
        add_message(arena, doc, sub, status->subs[i].message);
    }
    return root;
}

struct span status_text(struct arena *arena, const struct status *status)
{
    yyjson_mut_doc *doc = json_new(arena);
    yyjson_mut_val *list = doc == NULL ? NULL : yyjson_mut_arr(doc);

    if (list == NULL) {
        return (struct span){0};
    }
    yyjson_mut_arr_append(list, status_value(arena, doc, status));
    return json_write(arena, doc, list, true);
}

err_t status_keep(const char *path, struct arena *arena, const struct status *status,
                  const struct status_origin *origin, struct trail *trail)
{
    yyjson_mut_doc *doc = json_new(arena);
    yyjson_mut_val *list = doc == NULL ? NULL : yyjson_mut_arr(doc), *root;
    struct guest_facts facts = {.boot_id = ""};
    struct span text;

    if (list == NULL || guest_facts_read(arena, &facts) != ERR_OK) {
        return ERR_MEMORY;
    }
    root = status_value(arena, doc, status);
    json_add_text(doc, root, "outcome", origin->outcome);
    json_add_uint(doc, root, "periodSeconds", origin->period_s);
    json_add_text(doc, root, "bootId", facts.boot_id);
    yyjson_mut_arr_append(list, root);
    text = json_write(arena, doc, list, true);
    return text.data == NULL ? ERR_MEMORY : file_write(path, text, 0644, trail);
}

/* ---- the command ---- */

/* Outcomes that are well: the only ones that end with EXIT_TOKEN. */
static bool is_good(const char *outcome)
{
    return strcmp(outcome, "attested") == 0 || strcmp(outcome, "idle") == 0;
}

/* Why what was written once says nothing of now; NULL when it does. */
static const char *why_stale(struct arena *arena, const char *folder, yyjson_val *root)
{
    const char *boot_id = json_text(json_get(root, "bootId"));
    const char *when = json_text(json_get(root, "timestampUTC"));
    uint64_t period_s = yyjson_get_uint(json_get(root, "periodSeconds"));
    struct guest_facts facts = {.boot_id = ""};
    int64_t time = 0;

    if (state_look(folder) == STATE_FREE) {
        return "bootwarden-agent run does not run: systemctl status bootwarden-agent";
    }
    if (boot_id == NULL || when == NULL || timestamp_parse(when, &time) != ERR_OK) {
        return "another version of the agent wrote it";
    }
    if (guest_facts_read(arena, &facts) != ERR_OK || strcmp(facts.boot_id, boot_id) != 0) {
        return "this machine has booted since";
    }
    if (timestamp_now() - time > (int64_t)(period_s * STATUS_PERIODS_MAX)) {
        return "it is older than three periods: journalctl -u bootwarden-agent says why";
    }
    return NULL;
}

static const char *shown(yyjson_val *value)
{
    const char *text = json_text(value);

    return text == NULL ? "" : text;
}

static void print_text(yyjson_val *root, const char *outcome, const char *why)
{
    yyjson_val *status = json_get(root, "status"), *sub;
    size_t i, n;

    printf("%s (%s)%s%s\n", why == NULL ? outcome : "stale", shown(json_get(root, "timestampUTC")),
           why == NULL ? "" : ": ", why == NULL ? "" : why);
    if (why != NULL) {
        printf("what it came to then: %s\n", outcome);
    }
    printf("%s\n", shown(json_get(json_get(status, "formattedMessage"), "message")));
    yyjson_arr_foreach(json_get(status, "substatus"), i, n, sub)
    {
        printf("  %-16s %-8s %s\n", shown(json_get(sub, "name")), shown(json_get(sub, "status")),
               shown(json_get(json_get(sub, "formattedMessage"), "message")));
    }
}

enum agent_exit status_show(const struct agent_options *options, struct arena *arena)
{
    const char *folder = state_folder(options);
    const char *path = arena_printf(arena, "%s/" STATUS_FILE, folder), *outcome, *why;
    struct trail trail = {0};
    struct span text = {0};
    yyjson_val *root = NULL;
    err_t err = path == NULL ? ERR_MEMORY : file_read(arena, path, STATUS_FILE_MAX, &trail, &text);

    if (err == ERR_NOT_FOUND) {
        show_warning("%s: bootwarden-agent run has not written its status yet: is the service "
                     "running? systemctl status bootwarden-agent",
                     path);
        return EXIT_NO;
    }
    err = err ? err : json_read(arena, text, NULL, &trail, &root);
    root = err ? NULL : yyjson_arr_get_first(root);
    outcome = json_text(json_get(root, "outcome"));
    if (root == NULL || json_text(json_get(json_get(root, "status"), "status")) == NULL) {
        show_warning("%s: %s", path, trail.what[0] != '\0' ? trail.what : "is no status file");
        return EXIT_USAGE;
    }
    outcome = outcome == NULL ? "unknown" : outcome;
    why = why_stale(arena, folder, root);
    if (options->output == OUTPUT_JSON) {
        printf("%.*s\n", (int)text.len, (const char *)text.data);
        if (why != NULL) {
            show_warning("stale: %s", why);
        }
    } else {
        print_text(root, outcome, why);
    }
    return show_delivered(why == NULL && is_good(outcome) ? EXIT_TOKEN : EXIT_NO);
}
