#include "kinds/tag-rules.h"

#include "network/world.h"
#include "store/resources.h"

#include <stdio.h>
#include <string.h>

#define GROUP_TYPE "microsoft.network/networksecuritygroups"

enum {
    PAGE = 100,
    ROWS_BYTES = 1024 * 1024, /* of a page before it is read */
    PAGE_BYTES = 512 * 1024 * 1024,
};

typedef err_t visit_groups(const void *context, struct arena *arena, const struct nsg *const *list,
                           size_t n, struct trail *trail);

static err_t read_group(struct arena *arena, const struct store_resource *row,
                        const struct nsg **ret)
{
    const char *slash = strrchr(row->id, '/');
    yyjson_val *root = NULL;
    err_t err = json_read(arena, row->body, &nsg_json, NULL, &root);

    return err ? err
               : nsg_read(arena, span_str(slash == NULL ? row->id : slash + 1),
                          json_get(root, "properties"), NULL, NULL, ret);
}

/* The groups among these resources. Those that cannot be read hold nothing up. */
static err_t visit_page(struct arena *arena, const struct store_resource *rows, size_t n,
                        visit_groups *visit, const void *context, struct trail *trail)
{
    const struct nsg **groups = arena_calloc(arena, n + 1, sizeof(const struct nsg *));
    size_t n_groups = 0;

    for (size_t i = 0; groups != NULL && i < n; i++) {
        if (strcmp(rows[i].type, GROUP_TYPE) == 0 &&
            read_group(arena, &rows[i], &groups[n_groups]) == ERR_OK) {
            n_groups++;
        }
    }
    return groups == NULL ? ERR_MEMORY : visit(context, arena, groups, n_groups, trail);
}

static err_t visit_all(struct store *store, visit_groups *visit, const void *context,
                       struct trail *trail)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(PAGE_BYTES);
    char last[STORE_RESOURCE_KEY_MAX + 1] = "";
    struct store_resource_query query = {.below = "/subscriptions",
                                         .subscription = "",
                                         .type = "",
                                         .after = last,
                                         .max = PAGE,
                                         .bytes_max = ROWS_BYTES};
    size_t n = 1;
    err_t err = arena == NULL ? ERR_MEMORY : ERR_OK;

    while (err == ERR_OK && n > 0) {
        struct store_resource *rows = NULL;

        arena_reset(arena);
        err = store_resources(store, arena, &query, trail, &rows, &n);
        err = err ? err : visit_page(arena, rows, n, visit, context, trail);
        if (err == ERR_OK && n > 0) {
            snprintf(last, sizeof(last), "%s", rows[n - 1].key);
        }
    }
    return err;
}

/* ---- a change ---- */

/* Does a tag that has addresses lose them all? Most changes take none away. */
static bool empties_tags(const struct service_tags *before, const struct service_tags *after)
{
    for (size_t i = 0; i < before->n; i++) {
        const struct service_tag *tag = tags_find(after, span_str(before->items[i].name));

        if (before->items[i].set.n > 0 && (tag == NULL || tag->set.n == 0)) {
            return true;
        }
    }
    return false;
}

struct change {
    const struct service_tags *before, *after;
};

static err_t check_change(const void *context, struct arena *arena, const struct nsg *const *list,
                          size_t n, struct trail *trail)
{
    const struct change *change = context;

    (void)arena;
    return tags_check_change(change->before, change->after, list, n, NULL, trail);
}

err_t tag_rules_allow(struct store *store, const struct service_tags *before,
                      const struct service_tags *after, struct trail *trail)
{
    const struct change change = {before, after};

    return empties_tags(before, after) ? visit_all(store, check_change, &change, trail) : ERR_OK;
}

/* ---- what is known ---- */

static err_t check_known(const void *context, struct arena *arena, const struct nsg *const *list,
                         size_t n, struct trail *trail)
{
    const struct address_set none = {0};
    const struct network_world *world = NULL;
    err_t err = world_new(arena, &none, &none, context, NULL, 0, &world);

    for (size_t i = 0; err == ERR_OK && i < n; i++) {
        err = world_check(world, list[i], NULL, trail);
        if (err) {
            return trail_in(trail, err, list[i]->name);
        }
    }
    return err;
}

err_t tag_rules_are_known(struct store *store, const struct service_tags *tags, struct trail *trail)
{
    return visit_all(store, check_known, tags, trail);
}
