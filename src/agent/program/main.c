/* bootwarden-agent: proves to a service how this machine booted. Manual: man/bootwarden-agent.8 */
#include "agent/attest.h"
#include "agent/daemon.h"
#include "agent/enroll.h"
#include "agent/extension.h"
#include "agent/handler.h"
#include "agent/settings.h"
#include "agent/show.h"
#include "agent/status.h"
#include "crypto/hash.h"

#include <signal.h>

static enum agent_exit run(struct agent_options *options)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(AGENT_ARENA_MAX);
    CLEANUP(agent_done) struct agent agent = {0};
    struct trail trail = {0};

    if (arena == NULL || crypto_init() != ERR_OK) {
        show_warning("out of memory, or OpenSSL does not start");
        return EXIT_INTERNAL;
    }
    if (settings_read(arena, options, &trail) != ERR_OK ||
        agent_options_check(options, &trail) != ERR_OK) {
        show_warning("%s", trail.what);
        return EXIT_USAGE;
    }
    if (options->command == COMMAND_RUN) {
        return daemon_run(options, NULL);
    }
    if (options->command == COMMAND_STATUS) {
        return status_show(options, arena);
    }
    if (agent_open(options, arena, &agent) != ERR_OK) {
        return show_fault(&agent);
    }
    return options->command == COMMAND_ENROLL ? enroll_run(&agent) : attest_run(&agent);
}

int main(int argc, char **argv)
{
    struct agent_options options = {0};
    struct trail trail = {0};

    /* A reader that went away is an error of writing, not the end of the process. */
    signal(SIGPIPE, SIG_IGN);
    if (agent_options_parse(argc, argv, &trail, &options) != ERR_OK) {
        show_warning("%s", trail.what);
        return EXIT_USAGE;
    }
    if (options.command == COMMAND_HELP) {
        agent_options_help(stdout);
        return show_delivered(EXIT_TOKEN);
    }
    if (options.command == COMMAND_VERSION) {
        printf("bootwarden-agent %s\n", BOOTWARDEN_VERSION);
        return show_delivered(EXIT_TOKEN);
    }
    if (options.command >= COMMAND_INSTALL) {
        return handler_run(&options);
    }
    if (options.command == COMMAND_RUN && options.extension != NULL) {
        return extension_run(&options);
    }
    return run(&options);
}
