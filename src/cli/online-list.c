/*
 * online-list.c - lists of the resource manager, page by page.
 */
#include "cli/online.h"

#include <string.h>

enum { PAGES_MAX = 1000, LINK_MAX = 4096 };

/* "https://host:port/path?query" to "/path?query": it is asked of the endpoint, whatever the link
 * names. NULL for what is no link. */
static const char *path_of_link(const char *link)
{
    const char *path = link == NULL ? NULL : strstr(link, "/subscriptions/");

    return path == NULL || strlen(link) > LINK_MAX ? NULL : path;
}

bool online_is_path(const char *id)
{
    return id != NULL && id[0] == '/' && strlen(id) < LINK_MAX &&
           id[strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._-()")] ==
               '\0';
}

int online_each(struct online *online, const char *path, const char *what, online_item_fn *each,
                void *context, unsigned *ret_status)
{
    int code = path == NULL ? online_out_of_memory(online) : EXIT_YES;

    for (int page = 0; code == EXIT_YES && path != NULL && page < PAGES_MAX; page++) {
        const struct online_request request = {
            .audience = ONLINE_MANAGEMENT, .method = "GET", .path = path};
        struct online_answer answer = {0};
        yyjson_val *item;
        size_t i, n;

        code = online_call(online, &request, &answer);
        if (code == EXIT_YES && answer.status != 200 && ret_status != NULL) {
            *ret_status = answer.status;
            return EXIT_YES;
        }
        if (code == EXIT_YES && answer.status != 200) {
            return online_refused(online, what, &answer, NULL);
        }
        yyjson_arr_foreach(json_get(answer.json, "value"), i, n, item)
        {
            code = code == EXIT_YES ? each(online, item, context) : code;
        }
        path = path_of_link(json_text(json_get(answer.json, "nextLink")));
    }
    if (code == EXIT_YES && ret_status != NULL) {
        *ret_status = 200;
    }
    return code;
}
