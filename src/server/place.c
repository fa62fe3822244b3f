/*
 * place.c - where the server is.
 */
#include "server/place.h"

#include "base/file.h"
#include "base/text.h"
#include "server/authorities.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PORT_FILE_MAX = 16 };

/* ---- the port ---- */

static uint16_t any_free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    uint16_t port = 0;

    if (fd >= 0 && bind(fd, (struct sockaddr *)&address, len) == 0 &&
        getsockname(fd, (struct sockaddr *)&address, &len) == 0) {
        port = ntohs(address.sin_port);
    }
    if (fd >= 0) {
        close(fd);
    }
    return port;
}

/* The tokens' issuer holds the port, so what cannot be read is not replaced by another one. */
static err_t read_port(struct arena *arena, const char *path, struct trail *trail,
                       struct place *ret, struct span *ret_text)
{
    struct span text = {0};
    unsigned long number = 0;
    char *end = NULL;
    err_t err = file_read(arena, path, PORT_FILE_MAX, trail, &text);

    if (err) {
        return err;
    }
    if (text.len > 0 && text.data[0] >= '0' && text.data[0] <= '9') {
        number = strtoul((const char *)text.data, &end, 10);
    }
    if (number == 0 || number > 65535 || (*end != '\0' && strcmp(end, "\n") != 0) ||
        end + strlen(end) != (const char *)text.data + text.len) {
        trail_set(trail, ERR_VALUE,
                  "holds no port number; write the port of the tokens' issuer into it, or remove "
                  "it to serve on any free port");
        return trail_in(trail, ERR_VALUE, path);
    }
    ret->port = (uint16_t)number;
    *ret_text = text;
    return ERR_OK;
}

static bool was_port_lost(struct arena *arena, const char *folder)
{
    const char *marker = arena_printf(arena, "%s/initialised", folder);

    return marker != NULL && file_exists(marker);
}

/* The port given, else the one remembered, else a free one: the issuer of tokens holds it, so it
 * must be the same after a restart (decisions section 6). */
err_t place_choose_port(struct arena *arena, struct server_options *options, const char *folder,
                        struct trail *trail, struct place *ret)
{
    const char *path = arena_printf(arena, "%s/port", folder);
    struct span text = {0};
    char line[PORT_FILE_MAX];
    err_t err;

    if (path == NULL) {
        return ERR_MEMORY;
    }
    ret->port = options->listen[0].port;
    if (ret->port == 0 && file_exists(path)) {
        err = read_port(arena, path, trail, ret, &text);
        if (err) {
            return err;
        }
    }
    if (ret->port == 0 && options->endpoint == NULL && was_port_lost(arena, folder)) {
        trail_set(trail, ERR_NOT_FOUND,
                  "is missing, but was here before: restore it, or write the port of the tokens' "
                  "issuer into it; or give a port with --listen");
        return trail_in(trail, ERR_NOT_FOUND, path);
    }
    if (ret->port == 0) {
        ret->port = any_free_port();
    }
    for (size_t i = 0; i < options->n_listen; i++) {
        if (options->listen[i].port == 0) {
            options->listen[i].port = ret->port;
        }
    }
    snprintf(line, sizeof(line), "%u\n", ret->port);
    return span_is(text, line) ? ERR_OK : file_write(path, span_str(line), 0644, trail);
}

/* ---- names ---- */

static void add_name(struct place *place, const char *name)
{
    for (size_t i = 0; i < place->n_names; i++) {
        if (text_equal_nocase(place->names[i], name)) {
            return;
        }
    }
    if (place->n_names < PLACE_NAMES_MAX) {
        place->names[place->n_names++] = name;
    }
}

/* "https://host:port/path" to "host". */
static const char *host_of(struct arena *arena, const char *url)
{
    const char *host = strstr(url, "://") + 3;

    if (host[0] == '[') {
        return arena_printf(arena, "%.*s", (int)strcspn(host + 1, "]"), host + 1);
    }
    return arena_printf(arena, "%.*s", (int)strcspn(host, ":/"), host);
}

err_t place_choose_names(struct arena *arena, const struct server_options *o, struct place *ret)
{
    const char *first = o->listen[0].host;
    bool is_local = server_is_local(first);
    const char *host = is_local                     ? "localhost"
                       : strchr(first, ':') != NULL ? arena_printf(arena, "[%s]", first)
                                                    : first;

    ret->endpoint =
        o->endpoint != NULL ? o->endpoint : arena_printf(arena, "https://%s:%u", host, ret->port);
    if (ret->endpoint == NULL) {
        return ERR_MEMORY;
    }
    if (o->endpoint != NULL) {
        add_name(ret, host_of(arena, o->endpoint));
    }
    add_name(ret, "localhost");
    add_name(ret, "127.0.0.1");
    add_name(ret, "::1");
    for (size_t i = 0; i < o->n_listen; i++) {
        if (!server_is_local(o->listen[i].host)) {
            add_name(ret, o->listen[i].host);
        }
    }
    for (size_t i = 0; i < o->n_names; i++) {
        add_name(ret, o->names[i]);
    }
    for (size_t i = 0; o->host_suffix != NULL && i < o->n_regions; i++) {
        const char *all = arena_printf(arena, "*.%s.%s", o->regions[i]->short_name, o->host_suffix);

        if (all == NULL) {
            return ERR_MEMORY;
        }
        add_name(ret, all);
    }
    return ERR_OK;
}
