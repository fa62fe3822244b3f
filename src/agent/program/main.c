/* bootwarden-agent: proves to a service how this machine booted. Manual: man/bootwarden-agent.8 */
#include "agent/attest.h"
#include "agent/enroll.h"
#include "agent/settings.h"
#include "agent/show.h"
#include "agent/status.h"
#include "check/check.h"
#include "crypto/hash.h"
#include "daemon/daemon.h"
#include "daemon/extension.h"
#include "extension/handler.h"
#include "upgrade/lifeline.h"
#include "upgrade/supervise.h"

#include <signal.h>
#include <sys/prctl.h>

static enum agent_exit wrong_usage(const struct trail *trail)
{
    show_warning("%s", trail->what);
    return EXIT_USAGE;
}

static enum agent_exit run(struct agent_options *options, char **argv)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(AGENT_ARENA_MAX);
    CLEANUP(agent_done) struct agent agent = {0};
    struct trail trail = {0};
    bool is_first;

    if (arena == NULL) {
        show_warning("out of memory");
        return EXIT_INTERNAL;
    }
    if (settings_read(arena, options, &trail) != ERR_OK ||
        agent_options_check(options, &trail) != ERR_OK) {
        return wrong_usage(&trail);
    }
    agent_options_default_ca(options, AGENT_CA_FILE);
    is_first = !lifeline_is_there(); /* else the supervisor has said it all */
    if (is_first && options->command != COMMAND_STATUS) {
        settings_warn(options);
    }
    if (is_first && options->command == COMMAND_RUN) {
        return settings_check(options, &trail) == ERR_OK ? supervise_run(options, argv)
                                                         : wrong_usage(&trail);
    }
    if (crypto_init() != ERR_OK) {
        show_warning("OpenSSL does not start");
        return EXIT_INTERNAL;
    }
    if (options->command == COMMAND_RUN) {
        prctl(PR_SET_NAME, "bootwarden-agent"); /* it was started by a descriptor */
        return daemon_run(options, NULL);
    }
    if (options->command == COMMAND_STATUS) {
        return status_show(options, arena);
    }
    if (options->command == COMMAND_CHECK) {
        agent = (struct agent){.options = options, .arena = arena};
        return check_run(&agent);
    }
    if (agent_open(options, arena, &agent) != ERR_OK || agent_need_tpm(&agent) != ERR_OK) {
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
        return wrong_usage(&trail);
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
    return run(&options, argv);
}
