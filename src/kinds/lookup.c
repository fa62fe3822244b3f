#include "kinds/lookup.h"

#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct lookup {
    atomic_int refs; /* who asked, and the thread */
    atomic_bool is_done;
    char host[LOOKUP_HOST_MAX + 1];
    struct address found[LOOKUP_ADDRESSES_MAX];
    size_t n;
    const char *why; /* static */
};

void lookup_drop(struct lookup *lookup)
{
    if (lookup != NULL && atomic_fetch_sub(&lookup->refs, 1) == 1) {
        free(lookup);
    }
}

static void take(struct lookup *lookup, const struct addrinfo *info)
{
    struct address address = {0};

    if (info->ai_family == AF_INET && info->ai_addrlen >= sizeof(struct sockaddr_in)) {
        address.family = ADDRESS_V4;
        memcpy(address.bytes, (const char *)info->ai_addr + offsetof(struct sockaddr_in, sin_addr),
               4);
    } else if (info->ai_family == AF_INET6 && info->ai_addrlen >= sizeof(struct sockaddr_in6)) {
        address.family = ADDRESS_V6;
        memcpy(address.bytes,
               (const char *)info->ai_addr + offsetof(struct sockaddr_in6, sin6_addr), 16);
    } else {
        return;
    }
    if (lookup->n < LOOKUP_ADDRESSES_MAX) {
        lookup->found[lookup->n++] = address;
    }
}

static void *run(void *data)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct lookup *lookup = data;
    struct addrinfo *list = NULL;
    int failure = getaddrinfo(lookup->host, NULL, &hints, &list);

    if (failure != 0) {
        lookup->why = gai_strerror(failure);
    } else {
        for (const struct addrinfo *i = list; i != NULL; i = i->ai_next) {
            take(lookup, i);
        }
        freeaddrinfo(list);
        lookup->why = "it has no address";
    }
    atomic_store(&lookup->is_done, true);
    lookup_drop(lookup);
    return NULL;
}

err_t lookup_start(const char *host, struct lookup **ret)
{
    struct lookup *lookup = calloc(1, sizeof(*lookup));
    pthread_t thread;

    if (lookup == NULL) {
        return ERR_MEMORY;
    }
    if (strlen(host) > LOOKUP_HOST_MAX) {
        free(lookup);
        return ERR_VALUE;
    }
    memcpy(lookup->host, host, strlen(host) + 1);
    atomic_init(&lookup->refs, 2);
    if (pthread_create(&thread, NULL, run, lookup) != 0) {
        free(lookup);
        return ERR_MEMORY;
    }
    pthread_detach(thread);
    *ret = lookup;
    return ERR_OK;
}

bool lookup_is_done(struct lookup *lookup)
{
    return atomic_load(&lookup->is_done);
}

const struct address *lookup_result(const struct lookup *lookup, size_t *ret_n,
                                    const char **ret_why)
{
    *ret_n = lookup->n;
    *ret_why = lookup->why;
    return lookup->found;
}
