/*
 * keeping.h - for tests: a store for each, and the keys of a group and a machine in it.
 */
#ifndef TESTS_STORE_KEEPING_H
#define TESTS_STORE_KEEPING_H

#include "unit/store/folder.h"

#include "store/operations.h"
#include "store/resources.h"

#define S "/subscriptions/s"
#define G S "/resourcegroups/g"
#define VM G "/providers/n/vms/vm"
#define GROUPS "microsoft.resources/resourcegroups"

static struct store *store;
static struct arena *arena;

static inline int start(void **state)
{
    make_folder(state);
    store = open_store();
    arena = test_arena();
    return 0;
}

static inline int stop(void **state)
{
    arena_free(arena);
    store_close(store);
    return remove_folder(state);
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, start, stop)

#endif
