/*
 * mentions-write.h - inside of the store room: in the write of their resource.
 */
#ifndef STORE_MENTIONS_WRITE_H
#define STORE_MENTIONS_WRITE_H

#include "store/sqlite.h"

struct store_resource;

/* In place of those that it had. */
err_t mentions_write(struct sqlite *db, const struct store_resource *resource,
                     struct trail *trail) MUST_CHECK;

#endif
