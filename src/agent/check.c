#include "agent/check.h"

#include "agent/check-steps.h"
#include "agent/remote.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

static const char metadata_path[] = "/.well-known/openid-configuration";
/* Any answer will do: the way is what is looked at. */
static const char guest_path[] = "/guest/v1/session";

/* Do the two services have one host and port? Addresses that are none are looked at one by one. */
static bool is_one_server(const struct agent_options *options)
{
    struct http_address guest, attest;

    return options->attest_server == NULL ||
           (http_address_read(options->server, NULL, &guest) == ERR_OK &&
            http_address_read(options->attest_server, NULL, &attest) == ERR_OK &&
            text_equal_nocase(guest.text, attest.text));
}

/* A machine that has its certificate from somewhere else needs no guest API. */
static bool needs_guest(const struct agent *agent)
{
    return !agent->options->is_azure || !check_has_certificate(agent);
}

/* Why a step cannot be tried: the first of these that failed. */
static const char *first_failed(struct findings *list, const char *const *ids, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (finding_has_failed(list, ids[i])) {
            return ids[i];
        }
    }
    return NULL;
}

/* The step of the way to this endpoint that failed. */
static const char *failed_way(struct findings *list, const char *prefix)
{
    size_t len = strlen(prefix);

    for (size_t i = 0; i < list->n; i++) {
        const char *id = list->items[i].id;

        if (list->items[i].status == FINDING_FAILED && strncmp(id, prefix, len) == 0 &&
            list->items[i].host != NULL) {
            return id;
        }
    }
    return "address";
}

static void walk_service(struct agent *agent, struct findings *list, bool has_attest,
                         const char *attest_prefix, bool has_guest, const char *guest_prefix)
{
    static const char *const tpm_steps[] = {"tpm", "ak-certificate"};
    static const char *const later_steps[] = {"provider", "enrolment"};
    const char *why = first_failed(list, tpm_steps, ARRAY_LEN(tpm_steps));

    if (why == NULL && !has_guest) {
        why = failed_way(list, guest_prefix);
    }
    if (why != NULL) {
        finding_skip(list, "enrolment", "%s failed", why);
    } else {
        check_enrolment(agent, list);
        why = has_attest ? first_failed(list, later_steps, ARRAY_LEN(later_steps))
                         : failed_way(list, attest_prefix);
    }
    if (why != NULL) {
        finding_skip(list, "policy", "%s failed", why);
        return;
    }
    check_policy(agent, list);
}

void check_walk(struct agent *agent, struct findings *ret)
{
    const struct agent_options *options = agent->options;
    bool is_one = is_one_server(options), has_attest, has_guest;
    const struct check_endpoint attest = {.prefix = is_one ? "" : "attestation/",
                                          .is_attest = true,
                                          .url = agent_attest_url(options),
                                          .option = agent_attest_option(options),
                                          .path = metadata_path};
    const struct check_endpoint guest = {
        .prefix = "guest/", .url = options->server, .option = "--server", .path = guest_path};
    struct http_probe probe = {0};

    findings_init(ret, agent->arena);
    check_machine(agent, ret);
    has_attest = has_guest = check_network(ret, options, &attest, &probe);
    if (has_attest) {
        check_provider(ret, options, &probe.reply);
    } else {
        finding_skip(ret, "provider", "%s failed", failed_way(ret, attest.prefix));
    }
    if (!is_one) {
        has_guest = !needs_guest(agent) || check_network(ret, options, &guest, &probe);
    }
    walk_service(agent, ret, has_attest, attest.prefix, has_guest,
                 is_one ? attest.prefix : guest.prefix);
}

enum agent_exit check_run(struct agent *agent)
{
    struct findings *list = arena_calloc(agent->arena, 1, sizeof(*list));

    if (list == NULL) {
        fputs("bootwarden-agent: out of memory\n", stderr);
        return EXIT_INTERNAL;
    }
    check_walk(agent, list);
    return agent->options->output == OUTPUT_JSON ? check_show_json(list) : check_show_text(list);
}
