#include "agent/show.h"
#include "check/steps.h"
#include "json/json.h"

#include <stdio.h>

static const char *const status_names[] = {
    [FINDING_OK] = "ok",
    [FINDING_WARNING] = "warning",
    [FINDING_FAILED] = "failed",
    [FINDING_SKIPPED] = "skipped",
};

static enum agent_exit out_of_memory(void)
{
    show_warning("out of memory; the result is not whole");
    return EXIT_INTERNAL;
}

static size_t count(const struct findings *list, enum finding_status status)
{
    size_t n = 0;

    for (size_t i = 0; i < list->n; i++) {
        n += list->items[i].status == status ? 1 : 0;
    }
    return n;
}

enum agent_exit check_show_text(const struct findings *list)
{
    for (size_t i = 0; i < list->n; i++) {
        const struct finding *f = &list->items[i];

        printf("%-8s %s: %s\n", status_names[f->status], f->id,
               f->n_details > 0 ? f->head : f->message);
        for (size_t k = 0; k < f->n_details; k++) {
            printf("         %s\n         what to do: %s\n", f->details[k].text,
                   f->details[k].remedy);
        }
        if (f->n_details == 0 && f->remedy != NULL && f->remedy[0] != '\0') {
            printf("         what to do: %s\n", f->remedy);
        }
    }
    if (list->is_short) {
        return out_of_memory();
    }
    printf("%s: %zu ok, %zu warnings, %zu failed, %zu skipped\n",
           findings_are_ok(list) ? "all well" : "not well", count(list, FINDING_OK),
           count(list, FINDING_WARNING), count(list, FINDING_FAILED), count(list, FINDING_SKIPPED));
    return show_delivered(findings_exit(list));
}

static void add_step(yyjson_mut_doc *doc, yyjson_mut_val *steps, const struct finding *f)
{
    yyjson_mut_val *step = yyjson_mut_arr_add_obj(doc, steps);

    json_add_text(doc, step, "id", f->id);
    json_add_text(doc, step, "status", status_names[f->status]);
    json_add_text(doc, step, "message", f->message);
    json_add_text(doc, step, "host", f->host);
    json_add_value(doc, step, "port",
                   f->port != 0 ? yyjson_mut_uint(doc, f->port) : yyjson_mut_null(doc));
    json_add_text(doc, step, "proxy", f->proxy);
    json_add_text(doc, step, "remedy", f->remedy);
    json_add_value(doc, step, "seconds", yyjson_mut_real(doc, (double)f->ms / 1000));
}

enum agent_exit check_show_json(const struct findings *list)
{
    yyjson_mut_doc *doc = json_new(list->arena);
    yyjson_mut_val *root = doc == NULL ? NULL : yyjson_mut_obj(doc), *steps;
    struct span text = {0};

    if (root != NULL && !list->is_short) {
        json_add_bool(doc, root, "ok", findings_are_ok(list));
        steps = json_add_array(doc, root, "steps");
        for (size_t i = 0; i < list->n; i++) {
            add_step(doc, steps, &list->items[i]);
        }
        text = json_write(list->arena, doc, root, true);
    }
    if (text.data == NULL) {
        return out_of_memory();
    }
    printf("%s\n", (const char *)text.data);
    return show_delivered(findings_exit(list));
}
