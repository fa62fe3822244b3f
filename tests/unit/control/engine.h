/*
 * engine.h - for tests of the engine: types of the test's own, in a manager on a store in a folder.
 *
 *     Test.Things/things            location and tags; counts what is done to it; one that isHunted
 *                                   is deleted by somebody else right when it is kept
 *     Test.Things/things/parts      a child, with its parent's location
 *     Test.Things/boxes             KIND_SHOWS_ETAG, with items kept inside it
 *     Test.Things/boxes/items       embedded
 */
#ifndef TESTS_CONTROL_ENGINE_H
#define TESTS_CONTROL_ENGINE_H

#include "unit/control/manager.h"
#include "unit/store/folder.h"

#include "store/resources.h"

#include <stdatomic.h>

#define THINGS GROUP "/providers/Test.Things/things"
#define THING THINGS "/a"
#define BOX GROUP "/providers/Test.Things/boxes/box"
#define PLAIN "{\"location\":\"westus\"}"

static struct manager m;
static struct store *store;
static atomic_uint n_gone, n_done;

static bool prepare_thing(struct control_call *call, const struct resource *before,
                          struct resource *wanted, struct control_answer *ret)
{
    (void)before;
    if (body_is_true(body_at(wanted->body, "properties.isBad"))) {
        control_refuse(call, ret, 409, "ThingIsBad", "this thing is bad");
        return false;
    }
    body_set_text(call->doc, resource_private(call, wanted), "secret", "hidden");
    return true;
}

static void done_thing(struct control_call *call, const struct resource *before,
                       struct resource *after, struct control_answer *ret)
{
    (void)before;
    n_done++;
    if (body_is_true(body_at(after->body, "properties.isHunted"))) {
        enum store_resource_bar bar;
        bool was_there = false;

        assert_ok(store_resource_remove(store, after->key, 0, NULL, &was_there, &bar));
        assert_true(was_there);
    }
    if (body_is_true(body_at(after->body, "properties.isSlow"))) {
        operation_begin(call, "Test.Things", "westus", after->key, "", ret, NULL);
    }
}

static void gone_thing(struct control_call *call, const struct resource *resource,
                       struct control_answer *ret)
{
    (void)call;
    (void)ret;
    n_gone++;
    if (body_is_true(body_at(resource->body, "properties.isSticky"))) {
        pause_ms(30); /* what takes its time when it goes */
    }
}

static bool thing_may_go(struct control_call *call, const struct resource *resource,
                         struct control_answer *ret)
{
    if (!body_is_true(body_at(resource->body, "properties.isUsed"))) {
        return true;
    }
    control_refuse(call, ret, 409, "ThingInUse", "it is used");
    return false;
}

static const char *thing_progress(struct control_call *call, const struct resource *resource,
                                  yyjson_mut_val **ret_error)
{
    const char *state = body_text_at(resource->body, "properties.phase");

    if (state != NULL && strcmp(state, "Failed") == 0) {
        *ret_error = yyjson_mut_obj(call->doc);
        json_add_text(call->doc, *ret_error, "code", "ThingBroke");
        json_add_text(call->doc, *ret_error, "message", "it broke");
    }
    return state == NULL ? "Running" : state;
}

static void act_poke(struct control_call *call, struct resource *resource,
                     struct control_answer *ret)
{
    control_answer_value(call, 200, resource_value(call, resource), ret);
}

static const struct kind_action thing_actions[] = {{HTTP_POST, "poke", "poke/action", act_poke},
                                                   {0, NULL, NULL, NULL}};

static bool prepare_part(struct control_call *call, const struct resource *before,
                         struct resource *wanted, struct control_answer *ret)
{
    (void)call;
    (void)before;
    (void)ret;
    if (wanted->location[0] == '\0') {
        wanted->location = "parents";
    }
    return true;
}

static bool prepare_box(struct control_call *call, const struct resource *before,
                        struct resource *wanted, struct control_answer *ret)
{
    yyjson_mut_val *items = body_get(resource_properties(call, wanted), "items");

    (void)before;
    if (yyjson_mut_arr_size(items) > 3) {
        control_refuse(call, ret, 400, "BoxIsFull", "three items fit into a box");
        return false;
    }
    return true;
}

static const struct kind kind_thing = {
    .type = "Test.Things/things",
    .versions = "2024-11-01",
    .flags = KIND_HAS_LOCATION | KIND_HAS_TAGS,
    .prepare = prepare_thing,
    .done = done_thing,
    .may_go = thing_may_go,
    .gone = gone_thing,
    .progress = thing_progress,
    .actions = thing_actions,
};
static const struct kind kind_part = {
    .type = "Test.Things/things/parts",
    .versions = "2024-11-01",
    .flags = KIND_OWN_LOCATION,
    .prepare = prepare_part,
    .gone = gone_thing,
};
static const struct kind kind_box = {
    .type = "Test.Things/boxes",
    .versions = "2024-11-01",
    .flags = KIND_HAS_LOCATION | KIND_HAS_TAGS | KIND_SHOWS_ETAG,
    .prepare = prepare_box,
};
static const struct kind kind_item = {
    .type = "Test.Things/boxes/items",
    .versions = "2024-11-01",
    .flags = KIND_NO_PATCH,
    .member = "items",
};
static const struct kind *const test_kinds[] = {&kind_thing, &kind_part, &kind_box, &kind_item,
                                                NULL};
static const struct control_row *const test_rows[] = {NULL};

static inline int engine_start(void **state)
{
    make_folder(state);
    store = open_store();
    n_gone = n_done = 0;
    manager_open(&m, store, NULL, test_kinds, test_rows);
    ask(&m, HTTP_PUT, GROUP, PLAIN);
    assert_answer(&m, 201, NULL);
    return 0;
}

static inline int engine_stop(void **state)
{
    manager_close(&m);
    store_close(store);
    return remove_folder(state);
}

#define WITH_ENGINE(test) cmocka_unit_test_setup_teardown(test, engine_start, engine_stop)

#endif
