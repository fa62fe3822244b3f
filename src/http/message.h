/*
 * message.h - HTTP/1.1 requests taken apart, strictly (RFC 9110, RFC 9112).
 *
 * Who may send these bytes: anybody who reaches the port. Nothing is guessed: where two readers
 * could disagree about where a request ends (two lengths, a length and chunks, a bare line feed,
 * space before a colon, folded lines), the request is refused, so that nothing can be smuggled
 * past a balancer. For the same reason a request has one host: RFC 9112, 3.2.2 lets the authority
 * of an absolute-form target win over the Host header, and where the two differ the request is
 * refused, for whoever routed it here may have looked at the other one. Pure functions over
 * borrowed bytes; nothing is allocated.
 */
#ifndef HTTP_MESSAGE_H
#define HTTP_MESSAGE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

enum {
    HTTP_HEAD_MAX_BYTES = 16 * 1024, /* request line and all headers */
    HTTP_MAX_HEADERS = 64,
    HTTP_MAX_SEGMENTS = 26, /* of a path; ids of resources are long, and may have empty ones */
    HTTP_CHUNK_LINE_MAX = 256,
    HTTP_TRAILER_MAX_BYTES = 4 * 1024,
};

/* Bits, so that a route can name several. */
enum http_method {
    HTTP_GET = 1 << 0,
    HTTP_HEAD = 1 << 1,
    HTTP_POST = 1 << 2,
    HTTP_PUT = 1 << 3,
    HTTP_PATCH = 1 << 4,
    HTTP_DELETE = 1 << 5,
    HTTP_OPTIONS = 1 << 6,
};

struct http_header {
    struct span name;
    struct span value; /* without the space around it */
};

/* Everything borrows from the bytes that were parsed. */
struct http_head {
    enum http_method method;
    /* Whom it is for, as NAME, NAME:PORT or [ADDRESS]:PORT of the right form: the authority of an
     * absolute-form target, else the Host header. Empty when neither says (HTTP/1.0, "Host:"). */
    struct span host;
    struct span path;  /* raw, begins with "/"; or "*" */
    struct span query; /* raw, without "?"; data NULL when there is none */
    struct http_header headers[HTTP_MAX_HEADERS];
    size_t n_headers;
    uint64_t content_length;
    bool is_chunked;
    bool expects_continue;
    bool keeps_alive;
    bool is_http_1_0;
};

/* Where the head ends. *scanned is the caller's memory between calls over a growing buffer, 0 at
 * first. *ret_len is 0 while the empty line has not come. ERR_MALFORMED for a line feed without
 * carriage return, ERR_TOO_LARGE past HTTP_HEAD_MAX_BYTES. A few empty lines in front are part of
 * it. */
err_t http_head_end(struct span bytes, size_t *scanned, size_t *ret_len) MUST_CHECK;

/* Read a complete head. 0, or the status to refuse the request with; the trail has the words. */
unsigned http_head_parse(struct span bytes, struct trail *trail, struct http_head *ret) MUST_CHECK;

/* The header's value; data NULL when absent. The first one when there are several. */
struct span http_head_find(const struct http_head *head, const char *name);

/* "GET" */
const char *http_method_name(enum http_method method);
/* "GET, HEAD" for a set, into text. */
void http_methods_text(unsigned set, char *text, size_t size);

/* %XX decoded into the arena. ERR_MALFORMED for a broken escape, and for NUL and other control
 * characters, which no name of ours holds. */
err_t http_percent_decode(struct arena *arena, struct span text, struct span *ret) MUST_CHECK;

/* The path cut at "/" and decoded: "/a/b" has two segments, "/" none. ERR_MALFORMED for a broken
 * escape or an encoded slash (it would be another path to another reader), ERR_TOO_MANY. */
struct http_path {
    struct span segments[HTTP_MAX_SEGMENTS];
    size_t n;
};
err_t http_path_parse(struct arena *arena, struct span path, struct http_path *ret) MUST_CHECK;

/* A chunked body (RFC 9112, 7.1) as it arrives. {0} is the start. */
struct http_chunked {
    int state;
    uint64_t left;
    size_t line_len;
    size_t n_trailer_bytes;
    bool has_digits;
};
/* Consumes bytes up to the end of the body; what it held is appended to out, whose limit is the
 * limit of the body (ERR_TOO_LARGE). ERR_MALFORMED for anything not in the grammar. */
err_t http_chunked_feed(struct http_chunked *chunked, struct span bytes, struct buf *out,
                        size_t *ret_used, bool *ret_is_done) MUST_CHECK;

#endif
