/*
 * network-online.h - the forms of `bootwarden network` that ask a server. Exit codes; what is wrong
 * was said.
 */
#ifndef CLI_NETWORK_ONLINE_H
#define CLI_NETWORK_ONLINE_H

#include "cli/online.h"

/* Arguments: VM [HOST [PORT]]; group NULL: the name is looked for in the subscription. */
int network_test_online(struct online *online, const char *group, const char *protocol);

struct network_wish {
    const char *group; /* NULL: of the whole subscription */
    const char *tag;   /* only the contents of this tag's sets; NULL: all */
    bool is_refresh;   /* only contents */
    bool forwards_others, has_log;
    unsigned log_group;
};
int network_export_online(struct online *online, const struct network_wish *wish);

#endif
