/*
 * tag-rules.h - inside of the kinds room: what the rules of all network security groups that a
 * store holds say about service tags. Looked through page by page.
 */
#ifndef KINDS_TAG_RULES_H
#define KINDS_TAG_RULES_H

#include "network/tags.h"

struct store;

/* May the tags become these? ERR_CONFLICT with words when a tag that a rule names would lose its
 * last address. */
err_t tag_rules_allow(struct store *store, const struct service_tags *before,
                      const struct service_tags *after, struct trail *trail) MUST_CHECK;
/* Is every tag known that a rule names? ERR_NOT_FOUND with the first rule, its group and the tag.
 */
err_t tag_rules_are_known(struct store *store, const struct service_tags *tags,
                          struct trail *trail) MUST_CHECK;

#endif
