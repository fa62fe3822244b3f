/*
 * network-test.c - bootwarden network test: does a packet get through?
 */
#include "cli/network.h"

#include "cli/cli.h"
#include "cli/network-online.h"

#include <string.h>

static const char command[] = "network test";
static const char *const directions[] = {"inbound", "outbound", NULL};
static const char *const protocols[] = {"tcp", "udp", "icmp", "esp", "ah", NULL};

struct test {
    struct network_place place;
    const char *local, *remote;
    const char *group; /* of resources */
    int direction, protocol, output;
};

static bool has_ports(const struct flow *flow)
{
    return flow->protocol == FLOW_TCP || flow->protocol == FLOW_UDP;
}

static int read_end(const char *option, const char *text, struct address *ret,
                    struct flow_port *ret_port)
{
    struct trail trail = {0};
    int port = -1;

    if (text == NULL) {
        cli_complain(command, "--%s is missing: write an address, with a port if it has one",
                     option);
        return EXIT_USAGE;
    }
    if (address_port_read(span_str(text), &trail, ret, &port) != ERR_OK) {
        cli_complain(command, "--%s: %s", option, trail.what);
        return EXIT_USAGE;
    }
    *ret_port = (struct flow_port){.is_any = port < 0, .number = (uint16_t)(port < 0 ? 0 : port)};
    return EXIT_YES;
}

static int read_flow(const struct test *t, struct flow *ret)
{
    struct flow flow = {.direction = (enum rule_direction)t->direction};
    const struct flow_port *service;
    int code = read_end("local", t->local, &flow.local, &flow.local_port);

    code = code ? code : read_end("remote", t->remote, &flow.remote, &flow.remote_port);
    if (code != EXIT_YES) {
        return code;
    }
    switch (t->protocol) {
    case 0:
        flow.protocol = FLOW_TCP;
        break;
    case 1:
        flow.protocol = FLOW_UDP;
        break;
    case 2:
        flow.protocol = flow.local.family == ADDRESS_V6 ? FLOW_ICMP6 : FLOW_ICMP;
        break;
    default:
        flow.protocol = t->protocol == 3 ? FLOW_ESP : FLOW_AH;
    }
    service = flow.direction == RULE_OUTBOUND ? &flow.remote_port : &flow.local_port;
    if (has_ports(&flow) && service->is_any) {
        cli_complain(command, "--%s needs the port of the service, as in 192.0.2.1:443",
                     flow.direction == RULE_OUTBOUND ? "remote" : "local");
        return EXIT_USAGE;
    }
    *ret = flow;
    return EXIT_YES;
}

static int judge(struct arena *arena, const struct test *t, const struct flow *flow)
{
    struct network_answer answer = {.flow = flow};
    struct network_loaded loaded = {0};
    struct trail trail = {0};
    const struct address_range itself = {flow->local, flow->local};
    const struct address_set own = {&itself, 1};
    err_t err;
    int code = network_load(command, arena, &t->place, &own, &loaded);

    if (code != EXIT_YES) {
        return code;
    }
    err = flow_judge(arena, loaded.world, loaded.nic, loaded.subnet, flow, &trail, &answer.verdict);
    err = err ? err
              : flow_remedies(arena, loaded.world, flow, &answer.verdict, answer.remedies,
                              &answer.n_remedies);
    if (err) {
        return cli_fail(command, "the packet", err, &trail);
    }
    return network_show_answer(arena, &answer, t->output == 1);
}

/* Files and a server are two ways to the same rules. */
static bool is_mixed(const struct test *t)
{
    const struct network_place *p = &t->place;

    return p->nsg != NULL || p->subnet_nsg != NULL || p->tags != NULL || p->vnet.n > 0 ||
           p->platform.n > 0 || t->local != NULL || t->remote != NULL ||
           t->direction != RULE_OUTBOUND;
}

static int ask_server(const struct option_set *set, int argc, char **argv, struct test *t,
                      struct online *online)
{
    int code = EXIT_YES;

    if (is_mixed(t)) {
        cli_complain(command, "a virtual machine of a server has its rules there: leave out the "
                              "options for files and addresses, or the machine");
        return EXIT_USAGE;
    }
    if (t->protocol > 1) {
        cli_complain(command, "--protocol: of a virtual machine tcp and udp can be tested");
        return EXIT_USAGE;
    }
    if (!online_begin(set, argc, argv, online, &code)) {
        return code;
    }
    online->is_json = t->output == 1;
    return online_finish(online, network_test_online(online, t->group, protocols[t->protocol]));
}

int network_cmd_test(int argc, char **argv)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(NETWORK_ARENA_BYTES);
    CLEANUP(online_end) struct online online = {0};
    struct test t = {.direction = RULE_OUTBOUND};
    const struct option options[] = {
        NETWORK_PLACE(t.place),
        {"direction", 0, OPTION_CHOICE, "WAY", "as the machine sees it; outbound if not said",
         &t.direction, directions, 0},
        {"protocol", 0, OPTION_CHOICE, "NAME", "tcp if not said", &t.protocol, protocols, 0},
        {"local", 0, OPTION_TEXT, "ADDRESS[:PORT]", "the machine's address", &t.local, NULL, 0},
        {"remote", 0, OPTION_TEXT, "ADDRESS[:PORT]", "the other end", &t.remote, NULL, 0},
        {"resource-group", 'g', OPTION_TEXT, "NAME", "of VM", &t.group, NULL, 0},
        ONLINE_WHERE(online.where),
        {"output", 'o', OPTION_CHOICE, "FORM", "form of the result", &t.output, network_outputs, 0},
    };
    const struct option_set set = {
        .command = command,
        .arguments = "--local ADDRESS --remote ADDRESS:PORT | VM [HOST [PORT]]",
        .description = "Does a new connection get through, which rule says so, and which rule "
                       "would\nlet it through? From files, or of a virtual machine of a server, to "
                       "its\nattestation endpoint or to HOST: an address, or a name of the server.",
        .options = options,
        .n_options = ARRAY_LEN(options),
        .min_arguments = 0,
        .max_arguments = 3,
        .notes = "[2001:db8::1]:443 is a port of IPv6. Without --vnet the virtual network is the\n"
                 "machine's own address alone. Exit status: 0 allowed, 1 denied, 2 wrong use or\n"
                 "unreadable file, 3 the server refuses or is not reachable.",
    };
    struct option_result words;
    struct flow flow;
    int code = EXIT_YES;

    if (!options_parse(&set, argc, argv, &words, &code)) {
        return code;
    }
    if (words.n_arguments > 0) {
        return ask_server(&set, argc, argv, &t, &online);
    }
    if (t.group != NULL) {
        cli_complain(command, "--resource-group is of a virtual machine: name that");
        return EXIT_USAGE;
    }
    code = read_flow(&t, &flow);
    return cli_finish(command, arena, code == EXIT_YES ? judge(arena, &t, &flow) : code);
}
