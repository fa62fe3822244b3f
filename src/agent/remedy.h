/*
 * remedy.h - what to do when the way to a service is blocked: one sentence for each place where a
 * call can stop, with the real host, port and proxy in it.
 */
#ifndef AGENT_REMEDY_H
#define AGENT_REMEDY_H

#include "httpclient/client.h"

enum { REMEDY_MAX = 512 };

struct remedy_way {
    bool is_attest;     /* the attestation endpoint, which has a service tag; else the guest API */
    const char *option; /* that names the service: "--server" */
    const struct http_address *to;
    const struct http_proxy *proxy;
    const struct http_failure *failure;
};

/* Always a sentence; text has REMEDY_MAX bytes. */
void remedy_write(const struct remedy_way *way, char *text);

#endif
