#include "agent/status.h"

#include "agent/show.h"
#include "base/file.h"
#include "base/text.h"
#include "base/timestamp.h"

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

/* ---- the command ---- */

static void print_text(yyjson_val *root, yyjson_val *status)
{
    yyjson_val *sub;
    size_t i, n;

    printf("%s (%s)\n", json_text(json_get(status, "status")),
           json_text(json_get(root, "timestampUTC")));
    printf("%s\n", json_text(json_get(json_get(status, "formattedMessage"), "message")));
    yyjson_arr_foreach(json_get(status, "substatus"), i, n, sub)
    {
        printf("  %-16s %-8s %s\n", json_text(json_get(sub, "name")),
               json_text(json_get(sub, "status")),
               json_text(json_get(json_get(sub, "formattedMessage"), "message")));
    }
}

enum agent_exit status_show(const struct agent_options *options, struct arena *arena)
{
    const char *folder = options->state != NULL ? options->state : AGENT_STATE;
    const char *path = arena_printf(arena, "%s/" STATUS_FILE, folder);
    struct trail trail = {0};
    struct span text = {0};
    yyjson_val *root = NULL, *status;
    err_t err = path == NULL ? ERR_MEMORY : file_read(arena, path, STATUS_FILE_MAX, &trail, &text);

    if (err == ERR_NOT_FOUND) {
        show_warning("%s: bootwarden-agent run has not written its status yet: is the service "
                     "running? systemctl status bootwarden-agent",
                     path);
        return EXIT_NO;
    }
    err = err ? err : json_read(arena, text, NULL, &trail, &root);
    status = err ? NULL : json_get(yyjson_arr_get_first(root), "status");
    if (status == NULL || json_text(json_get(status, "status")) == NULL) {
        show_warning("%s: %s", path, trail.what[0] != '\0' ? trail.what : "is no status file");
        return EXIT_USAGE;
    }
    if (options->output == OUTPUT_JSON) {
        printf("%.*s\n", (int)text.len, (const char *)text.data);
    } else {
        print_text(yyjson_arr_get_first(root), status);
    }
    return show_delivered(span_is(json_span(json_get(status, "status")), "success") ? EXIT_TOKEN
                                                                                    : EXIT_NO);
}
