/*
 * steps.h - inside the check: the groups of steps that check_walk puts together.
 */
#ifndef CHECK_STEPS_H
#define CHECK_STEPS_H

#include "agent/agent.h"
#include "check/finding.h"
#include "httpclient/probe.h"

/* ---- the machine: check-machine.c ---- */

/* `tpm`, `secure-boot`, `event-log`, `ak-certificate`. Opens the TPM unless it is open. False when
 * the event log is there and cannot be read, so that nothing can be proven. */
bool check_machine(struct agent *agent, struct findings *list);
/* The AK in the TPM has a certificate for itself that is valid now. */
bool check_has_certificate(const struct agent *agent);

/* ---- the way to one endpoint: check-network.c ---- */

struct check_endpoint {
    const char *prefix; /* of the ids: "", "attestation/" or "guest/" */
    bool is_attest;
    const char *url;
    const char *option; /* that names it */
    const char *path;   /* what is asked for there */
    uint64_t until_us;  /* of timestamp_ticks_us: later no step begins; 0 = no limit */
};

/* What is known of an endpoint before anything was sent. */
struct check_way {
    const struct check_endpoint *endpoint;
    struct http_address to;
    struct http_proxy proxy;
    const char *ca_file; /* NULL = the system's roots */
};

/* `address`, `name`, `proxy`, `tcp`, `tls`, `http`. True when an answer came, which is in *ret. */
bool check_network(struct findings *list, const struct agent_options *options,
                   const struct check_endpoint *endpoint, struct http_probe *ret);
/* The last four from what a probe found; the address and the name are well. Nothing is asked. */
void check_read_probe(struct findings *list, const struct check_way *way,
                      const struct http_probe *probe);
/* `tls` of a probe whose TLS stands or was refused: check-tls.c. */
void check_read_tls(struct findings *list, const struct check_way *way,
                    const struct http_probe *probe);
/* "attestation/tcp" in the arena of the list. */
const char *check_id(struct findings *list, const struct check_way *way, const char *step);
/* Host, port and proxy of the way into the finding, which is given back. */
struct finding *check_at(struct findings *list, const struct check_way *way,
                         struct finding *finding);
/* The remedy for where the probe stopped. */
void check_remedy(struct findings *list, const struct check_way *way, struct finding *finding,
                  const struct http_probe *probe);

/* ---- the service: check-service.c ---- */

/* `provider`, from the metadata that the attestation endpoint answered with. */
void check_provider(struct findings *list, const struct agent_options *options,
                    const struct http_reply *reply);
/* `enrolment`: a session with the guest API, which joins when the machine has not. */
void check_enrolment(struct agent *agent, struct findings *list);
/* In the session of that: where `run` would attest, when the goal state names another address than
 * --server; else NULL, also when the service does not say. */
const char *check_learn_attest(struct agent *agent);
/* `policy`: one whole attestation. */
void check_policy(struct agent *agent, struct findings *list);
/* `monitor`, after a policy that is satisfied and only when the service sees a change. */
void check_monitor(struct agent *agent, struct findings *list);

/* ---- showing: check-show.c ---- */

enum agent_exit check_show_text(const struct findings *list);
enum agent_exit check_show_json(const struct findings *list);

#endif
