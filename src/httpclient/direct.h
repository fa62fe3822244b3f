/*
 * direct.h - hosts that are reached without a proxy: lists like NO_PROXY, and the addresses that
 * never belong behind one. Pure: no name is looked up.
 */
#ifndef HTTPCLIENT_DIRECT_H
#define HTTPCLIENT_DIRECT_H

#include "base/span.h"

/* Addresses of this machine, and those that mean something else on every machine: a proxy that is
 * asked for them answers for itself, and what a metadata service tells is nobody else's business.
 */
enum direct_kind {
    DIRECT_NOT,
    DIRECT_LOOPBACK,   /* localhost, *.localhost, 127.0.0.0/8, ::1 */
    DIRECT_LINK_LOCAL, /* 169.254.0.0/16, fe80::/10, and Azure's 168.63.129.16 */
};
enum direct_kind direct_kind(const char *host);

/*
 * The entry of the list that names the host; data NULL when none does. Entries are separated by
 * commas or blanks:
 *   name        that host and all below it, in any case; a dot before or behind it is ignored
 *   address     IPv4 or IPv6 (without brackets), compared as an address
 *   address/N   all addresses with the same first N bits
 *   *           everything, when it is the whole list
 * An entry of another form names nothing.
 */
struct span direct_entry(const char *list, const char *host);

/* Is this word, exactly so, one of the entries? */
bool direct_has_word(const char *list, const char *word);

#endif
