/*
 * settings.h - what an owner deployed with the extension: config/<sequence>.settings.
 *
 * An empty file means all defaults. Public settings are those of
 * provider/attestation-config.h; protected ones are a JSON
 * object, encrypted to a certificate of this machine (CMS), with
 *   joinToken   for a machine that is announced
 *   proxyUrl    "http://user:password@host:port": the way to every service
 * and nothing else: a protected setting that is misspelt must not be one that is missing.
 */
#ifndef EXTENSION_SETTINGS_H
#define EXTENSION_SETTINGS_H

#include "agent/goal.h"
#include "agent/options.h"
#include "extension/folder.h"

enum {
    HANDLER_SETTINGS_MAX = 256 * 1024,
    HANDLER_PROTECTED_MAX = 64 * 1024, /* decrypted */
    HANDLER_TOKEN_MAX = 128,
    HANDLER_PROXY_MAX = 2048,
    HANDLER_RETRY_TOTAL_MS = 120 * 1000, /* so that a verdict comes in five minutes */
};

/* The file as it stands. */
struct handler_settings_file {
    struct attestation_config config;
    struct span envelope;   /* DER; empty: no protected settings */
    const char *thumbprint; /* of the certificate, hexadecimal digits; with an envelope */
};
err_t handler_settings_parse(struct arena *arena, struct span text, struct trail *trail,
                             struct handler_settings_file *ret) MUST_CHECK;

struct handler_secrets {
    const char *join_token; /* NULL */
    const char *proxy_url;  /* NULL */
};
/* The decrypted text. No word of the trail repeats a value. */
err_t handler_secrets_parse(struct arena *arena, struct span text, struct trail *trail,
                            struct handler_secrets *ret) MUST_CHECK;

/*
 * Turn settings of this sequence number, /etc/bootwarden/agent.conf and defaults into options of
 * `run`. An endpoint that the settings leave empty is the one of agent.conf; when there is none
 * either, options->server stays NULL: the provider of the region is meant, which region.h finds.
 * Without an endpoint to report to (is_azure) the agent attests in Azure's form and only writes its
 * status file. ERR_NOT_FOUND when the certificate of
 * protected settings is missing; everything else that is wrong with the settings is ERR_VALUE; the
 * trail says where and what.
 */
err_t handler_configure(const struct handler *handler, int64_t sequence,
                        struct agent_options *options, struct trail *trail) MUST_CHECK;
/* The fault of handler_configure as people read it: what, where; why; what to do. */
void handler_settings_words(const struct trail *trail, err_t err, char *text, size_t size);

#endif
