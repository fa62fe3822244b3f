/*
 * online-list.c - lists of the resource manager, page by page.
 */
#include "cli/online.h"

#include <stdio.h>
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

static int each_of_page(struct online *online, const char *path, const char *what,
                        online_item_fn *each, void *context, unsigned *ret_status,
                        const char **ret_next)
{
    const struct online_request request = {
        .audience = ONLINE_MANAGEMENT, .method = "GET", .path = path};
    struct online_answer answer = {0};
    yyjson_val *item;
    size_t i, n;
    int code = online_call(online, &request, &answer);

    if (code != EXIT_YES) {
        return code;
    }
    *ret_status = answer.status;
    if (answer.status != 200) {
        return what == NULL ? EXIT_YES : online_refused(online, what, &answer, NULL);
    }
    yyjson_arr_foreach(json_get(answer.json, "value"), i, n, item)
    {
        code = code == EXIT_YES ? each(online, item, context) : code;
    }
    *ret_next = path_of_link(json_text(json_get(answer.json, "nextLink")));
    return code;
}

int online_each(struct online *online, const char *path, const char *what, struct arena *page,
                online_item_fn *each, void *context, unsigned *ret_status)
{
    struct arena *own = online->arena;
    char next[LINK_MAX + 1];
    unsigned status = 200;
    const char *token; /* kept from here on, in no page */
    int code = path == NULL ? online_out_of_memory(online)
                            : online_sign_in(online, ONLINE_MANAGEMENT, &token);

    for (int n = 0; code == EXIT_YES && path != NULL && status == 200 && n < PAGES_MAX; n++) {
        const char *link = NULL;

        online->arena = page != NULL ? page : own;
        code = each_of_page(online, path, what, each, context, &status, &link);
        (void)snprintf(next, sizeof(next), "%s", link == NULL ? "" : link);
        path = link == NULL ? NULL : next;
        online->arena = own;
        if (page != NULL) {
            arena_reset(page);
        }
    }
    if (ret_status != NULL) {
        *ret_status = status;
    }
    return code;
}
