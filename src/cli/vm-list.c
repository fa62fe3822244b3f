/*
 * vm-list.c - bootwarden vm list.
 */
#include "cli/vm.h"

#include "monitor/monitor.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
    NAME_WIDTH_MAX = 40,
    STATE_WIDTH = 14,
    TIME_WIDTH = 20,
    GAP = 2,
    WHY_WIDTH_MIN = 24,
    PAGES_MAX = 10000,
    ANY_STATE = -1,
};

/* All pages, one behind the other. */
static int fetch(struct online *online, yyjson_mut_doc *doc, yyjson_mut_val *all)
{
    const char *after = "";
    int code = online_need_subscription(online);

    for (size_t page = 0; code == EXIT_YES && page < PAGES_MAX; page++) {
        yyjson_val *answer = NULL, *machine;
        const char *encoded = online_encode(online->arena, span_str(after));
        size_t i, n;

        code = encoded == NULL ? online_out_of_memory(online)
                               : vm_ask(online, "GET",
                                        vm_path(online, "machines", NULL,
                                                arena_printf(online->arena, "?after=%s", encoded)),
                                        (struct span){0}, "listing machines", NULL, &answer);
        if (code != EXIT_YES) {
            return code;
        }
        yyjson_arr_foreach(json_get(answer, "value"), i, n, machine)
        {
            yyjson_mut_arr_append(all, yyjson_val_mut_copy(doc, machine));
        }
        after = json_text(json_get(answer, "nextAfter"));
        if (after == NULL) {
            return EXIT_YES;
        }
    }
    return code;
}

static const char *text_of(const struct online *online, yyjson_mut_val *object, const char *name)
{
    const char *text = yyjson_mut_get_str(yyjson_mut_obj_get(object, name));

    return text == NULL ? "-" : online_show(online, span_str(text));
}

/* ---- for people ---- */

/* How wide lines may be; 0: as long as they are, since it is no terminal. */
static size_t line_width(void)
{
    struct winsize size = {0};

    return isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

static bool is_inside(const char *character)
{
    return ((unsigned char)*character & 0xc0) == 0x80;
}

static size_t count_characters(const char *text)
{
    size_t n = 0;

    for (; *text != '\0'; text++) {
        n += is_inside(text) ? 0 : 1;
    }
    return n;
}

/* Behind so many more characters. */
static const char *skip_characters(const char *text, size_t n)
{
    for (; n > 0 && *text != '\0'; n--) {
        do {
            text++;
        } while (is_inside(text));
    }
    return text;
}

/* Cut in the middle: what is the matter stands at the beginning, and what two command lines differ
 * in often at the end. */
static const char *fit(const struct online *online, const char *text, size_t width)
{
    static const char mark[] = "...";
    size_t len = count_characters(text), head, tail;
    const char *shown;

    if (len <= width) {
        return text;
    }
    head = (width - strlen(mark)) / 3;
    tail = width - strlen(mark) - head;
    shown = arena_printf(online->arena, "%.*s%s%s", (int)(skip_characters(text, head) - text), text,
                         mark, skip_characters(text, len - tail));
    return shown == NULL ? "" : shown;
}

static const char *why_of(const struct online *online, yyjson_mut_val *machine, size_t name_width)
{
    const char *why = vm_plain(text_of(online, machine, "why"));
    size_t before = name_width + STATE_WIDTH + TIME_WIDTH + (size_t)3 * GAP, line = line_width();

    if (line == 0) {
        return why;
    }
    return fit(online, why, line > before + WHY_WIDTH_MIN ? line - before : WHY_WIDTH_MIN);
}

static bool is_chosen(const struct online *online, yyjson_mut_val *machine, int state)
{
    return state == ANY_STATE || strcmp(monitor_state_name((enum monitor_state)state),
                                        text_of(online, machine, "state")) == 0;
}

static void print_table(const struct online *online, yyjson_mut_val *all, int state)
{
    size_t width = 4, i, n, shown = 0;
    yyjson_mut_val *machine;

    yyjson_mut_arr_foreach(all, i, n, machine)
    {
        size_t len = strlen(text_of(online, machine, "name"));

        width = len > width ? len : width;
    }
    width = width > NAME_WIDTH_MAX ? NAME_WIDTH_MAX : width;
    yyjson_mut_arr_foreach(all, i, n, machine)
    {
        if (!is_chosen(online, machine, state)) {
            continue;
        }
        if (shown++ == 0) {
            printf("%-*s  %-*s  %-*s  %s\n", (int)width, "NAME", STATE_WIDTH, "STATE", TIME_WIDTH,
                   "HEARD", "WHY");
        }
        printf("%-*s  %-*s  %-*s  %s\n", (int)width, text_of(online, machine, "name"), STATE_WIDTH,
               text_of(online, machine, "state"), TIME_WIDTH, text_of(online, machine, "heardAt"),
               why_of(online, machine, width));
    }
    if (shown == 0) {
        printf("%s\n", state == ANY_STATE ? "no machine has joined; see bootwarden vm joins"
                                          : "no machine is in this state");
    }
}

/* ---- names that mean two ---- */

struct listed {
    const char *name, *id;
};
struct names {
    struct listed *at; /* by name */
    size_t n;
};

static int by_name(const void *a, const void *b)
{
    return strcasecmp(((const struct listed *)a)->name, ((const struct listed *)b)->name);
}

/* A virtual machine of a listed machine's name that is another one. */
static int compare(struct online *online, yyjson_val *item, void *context)
{
    const struct names *names = context;
    struct vm_resource resource;
    const struct listed *found;

    if (!vm_resource_read(online, item, &resource)) {
        return EXIT_YES;
    }
    found = bsearch(&(struct listed){.name = resource.name}, names->at, names->n,
                    sizeof(*names->at), by_name);
    if (found != NULL && !vm_resource_is(&resource, found->id)) {
        vm_tell_apart(online, &resource);
    }
    return EXIT_YES;
}

static int tell_apart(struct online *online, yyjson_mut_val *all, int state)
{
    CLEANUP(arena_free) struct arena *page = arena_new(ONLINE_ARENA_BYTES);
    struct names names = {
        .at = arena_calloc(online->arena, yyjson_mut_arr_size(all) + 1, sizeof(*names.at))};
    yyjson_mut_val *machine;
    size_t i, n;

    if (page == NULL || names.at == NULL) {
        return online_out_of_memory(online);
    }
    yyjson_mut_arr_foreach(all, i, n, machine)
    {
        const char *name = yyjson_mut_get_str(yyjson_mut_obj_get(machine, "name"));
        const char *id = yyjson_mut_get_str(yyjson_mut_obj_get(machine, "id"));

        if (name != NULL && id != NULL && is_chosen(online, machine, state)) {
            names.at[names.n++] = (struct listed){name, id};
        }
    }
    if (names.n == 0) {
        return EXIT_YES;
    }
    qsort(names.at, names.n, sizeof(*names.at), by_name);
    return online_each(online, vm_resource_path(online, NULL, NULL, ""), NULL, page, compare,
                       &names, NULL);
}

static int list(struct online *online, int state)
{
    yyjson_mut_doc *doc = json_new(online->arena);
    yyjson_mut_val *all = doc == NULL ? NULL : yyjson_mut_arr(doc), *machine, *chosen;
    size_t i, n;
    int code = all == NULL ? online_out_of_memory(online) : fetch(online, doc, all);

    if (code != EXIT_YES) {
        return code;
    }
    if (!online->is_json) {
        print_table(online, all, state);
        return tell_apart(online, all, state);
    }
    chosen = yyjson_mut_arr(doc);
    yyjson_mut_arr_foreach(all, i, n, machine)
    {
        if (is_chosen(online, machine, state)) {
            yyjson_mut_arr_append(chosen, yyjson_mut_val_mut_copy(doc, machine));
        }
    }
    return online_print_json(online, doc, chosen);
}

int vm_cmd_list(int argc, char **argv)
{
    CLEANUP(online_end) struct online online = {0};
    const char *states[MONITOR_STATES + 1] = {NULL};
    int state = ANY_STATE;
    const struct option options[] = {
        {"state", 0, OPTION_CHOICE, "STATE", "only those in this state", &state, states, 0},
        ONLINE_WHERE(online.where),
        ONLINE_OUTPUT(online.where),
    };
    const struct option_set set = {
        .command = "vm list",
        .arguments = "",
        .description = "Machines of the subscription: their states, and why.",
        .options = options,
        .n_options = ARRAY_LEN(options),
        .notes = "Exit status: 0 listed, 2 wrong use, 3 the service refuses or is not reachable.",
    };
    int code = EXIT_YES;

    for (int i = 0; i < MONITOR_STATES; i++) {
        states[i] = monitor_state_name((enum monitor_state)i);
    }
    if (!online_begin(&set, argc, argv, &online, &code)) {
        return code;
    }
    code = list(&online, state);
    return online_finish(&online, code);
}
