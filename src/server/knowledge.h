/*
 * knowledge.h - reference data and minimums from the files that the options name.
 */
#ifndef SERVER_KNOWLEDGE_H
#define SERVER_KNOWLEDGE_H

#include "server/options.h"
#include "service/knowledge.h"

/* The trail names file and remedy. */
err_t server_knowledge_load(const struct server_options *options, struct trail *trail,
                            struct knowledge **ret) MUST_CHECK;

#endif
