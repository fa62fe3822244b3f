/*
 * functions-code.c - encodings, addresses, and names made of hashes.
 */
#include "template/functions.h"
#include "template/internal.h"

#include "base/codec.h"
#include "base/text.h"
#include "crypto/hash.h"

#include <stdio.h>

/* Before the first argument goes through an encoder or a decoder, which looks at each byte. */
static err_t count_code(struct call *call)
{
    return arm_work_steps(call->w, 1 + (uint64_t)call->arguments[0].n / 16);
}

/* What buf_copy or a decoder answers, in the words of this room. */
static err_t made(struct call *call, err_t err, struct span text, struct value *ret)
{
    if (err == ERR_MEMORY) {
        return arm_work_memory(call->w);
    }
    if (err == ERR_TOO_LARGE || text.len > TEMPLATE_MAX_STRING) {
        return arm_work_fail(call->w, ERR_TOO_LARGE, "a string of more than %d bytes would be made",
                             TEMPLATE_MAX_STRING);
    }
    return err ? err : arm_work_copy(call->w, text, ret);
}

static err_t add_base64(struct call *call, const char *before, struct value *ret)
{
    CLEANUP(buf_done) struct buf out = {0};
    err_t err = count_code(call);

    if (err) {
        return err;
    }
    buf_init(&out, TEMPLATE_MAX_STRING);
    buf_add_str(&out, before);
    base64_encode(&out, BASE64_STANDARD, call_text(call, 0));
    return made(call, buf_err(&out), buf_span(&out), ret);
}

err_t arm_base64(struct call *call, struct value *ret)
{
    return add_base64(call, "", ret);
}

err_t arm_datauri(struct call *call, struct value *ret)
{
    return add_base64(call, "data:text/plain;charset=utf8;base64,", ret);
}

static err_t from_base64(struct call *call, struct span text, struct value *ret)
{
    struct span bytes = {0};
    err_t err = count_code(call);

    err = err ? err : base64_decode(call->w->arena, BASE64_STANDARD, text, &bytes);
    if (err == ERR_ENCODING || (err == ERR_OK && !text_is_utf8(bytes))) {
        return arm_call_fail(call, "the string is not base64 of text in UTF-8");
    }
    return made(call, err, bytes, ret);
}

err_t arm_base64tostring(struct call *call, struct value *ret)
{
    return from_base64(call, call_text(call, 0), ret);
}

err_t arm_base64tojson(struct call *call, struct value *ret)
{
    struct value text = value_null();
    err_t err = from_base64(call, call_text(call, 0), &text);
    struct call inner = *call;

    inner.arguments = &text;
    inner.n = 1;
    return err ? err : arm_json(&inner, ret);
}

err_t arm_datauritostring(struct call *call, struct value *ret)
{
    struct span text = call_text(call, 0);
    const uint8_t *comma = text.len > 0 ? memchr(text.data, ',', text.len) : NULL;
    struct span head = span_of(text.data, comma == NULL ? 0 : (size_t)(comma - text.data));
    struct span data = span_cut(text, head.len + 1, text.len);
    struct span decoded = {0};
    err_t err;

    if (comma == NULL || !span_starts(head, "data:")) {
        return arm_call_fail(call, "the string is not a data URI: it begins with 'data:' and has a "
                                   "comma");
    }
    if (head.len >= 7 && span_is(span_cut(head, head.len - 7, 7), ";base64")) {
        return from_base64(call, data, ret);
    }
    err = count_code(call);
    err = err ? err : percent_decode(call->w->arena, data, false, &decoded);
    if (err == ERR_MALFORMED) {
        return arm_call_fail(call, "the string has a percent sign without two digits");
    }
    return made(call, err, decoded, ret);
}

err_t arm_uricomponent(struct call *call, struct value *ret)
{
    CLEANUP(buf_done) struct buf out = {0};
    err_t err = count_code(call);

    if (err) {
        return err;
    }
    buf_init(&out, TEMPLATE_MAX_STRING);
    percent_encode(&out, call_text(call, 0));
    return made(call, buf_err(&out), buf_span(&out), ret);
}

err_t arm_uricomponenttostring(struct call *call, struct value *ret)
{
    struct span decoded = {0};
    err_t err = count_code(call);

    err = err ? err : percent_decode(call->w->arena, call_text(call, 0), false, &decoded);
    if (err == ERR_MALFORMED || (err == ERR_OK && !text_is_utf8(decoded))) {
        return arm_call_fail(call, "the string is not percent-encoded text in UTF-8");
    }
    return made(call, err, decoded, ret);
}

/* The base up to its last slash (one with a path), then what is relative to it. */
err_t arm_uri(struct call *call, struct value *ret)
{
    struct span base = call_text(call, 0);
    struct span relative = call_text(call, 1);
    const uint8_t *host = base.len > 0 ? memmem(base.data, base.len, "://", 3) : NULL;
    const uint8_t *slash;
    CLEANUP(buf_done) struct buf out = {0};

    if (host == NULL) {
        return arm_call_fail(call, "the base is no absolute URI");
    }
    slash = memrchr(host + 3, '/', base.len - (size_t)(host + 3 - base.data));
    buf_init(&out, TEMPLATE_MAX_STRING);
    if (slash == NULL) {
        buf_add(&out, base);
        buf_add_char(&out, '/');
    } else {
        buf_add(&out, span_of(base.data, (size_t)(slash + 1 - base.data)));
    }
    while (relative.len > 0 && relative.data[0] == '/') {
        relative = span_cut(relative, 1, relative.len);
    }
    buf_add(&out, relative);
    return made(call, buf_err(&out), buf_span(&out), ret);
}

/* ---- hashes ---- */

enum { HASH_STEPS = 32 }; /* of nothing */

/* Before they are put together and hashed. */
static err_t count_hash(struct call *call)
{
    uint64_t bytes = 0;

    for (uint32_t i = 0; i < call->n; i++) {
        bytes += call->arguments[i].n;
    }
    return arm_work_steps(call->w, HASH_STEPS + bytes / 16);
}

/* Over the arguments with their lengths: 'ab','c' is not 'a','bc'. */
static err_t hash_arguments(struct call *call, uint8_t digest[SHA256_BYTES])
{
    CLEANUP(buf_done) struct buf all = {0};
    err_t err = count_hash(call);

    if (err) {
        return err;
    }
    buf_init(&all, TEMPLATE_MAX_MADE);
    for (uint32_t i = 0; i < call->n; i++) {
        buf_u64be(&all, call->arguments[i].n);
        buf_add(&all, call_text(call, i));
    }
    err = buf_err(&all);
    return err ? err : hash_once(HASH_SHA256, buf_span(&all), digest);
}

err_t arm_uniquestring(struct call *call, struct value *ret)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
    uint8_t digest[SHA256_BYTES];
    char text[14];
    err_t err = hash_arguments(call, digest);

    if (err) {
        return err;
    }
    for (size_t i = 0; i < 13; i++) {
        text[i] = letters[digest[i] & 31];
    }
    text[13] = '\0';
    return arm_work_copy(call->w, span_str(text), ret);
}

static err_t guid_text(struct call *call, const uint8_t bytes[16], unsigned version,
                       struct value *ret)
{
    uint8_t b[16];

    memcpy(b, bytes, sizeof(b));
    b[6] = (uint8_t)((b[6] & 0x0f) | version << 4);
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
    return arm_work_printf(call->w, ret,
                           "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
                           b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11],
                           b[12], b[13], b[14], b[15]);
}

/* RFC 9562, 5.5: a name in a namespace, here the arguments with "-" between them. */
err_t arm_guid(struct call *call, struct value *ret)
{
    static const uint8_t space[16] = {0x11, 0xfb, 0x06, 0xfb, 0x71, 0x2d, 0x4d, 0xdd,
                                      0x98, 0xc7, 0xe7, 0x1b, 0xbd, 0x58, 0x88, 0x30};
    CLEANUP(buf_done) struct buf name = {0};
    uint8_t digest[SHA1_BYTES];
    err_t err = count_hash(call);

    if (err) {
        return err;
    }
    buf_init(&name, TEMPLATE_MAX_MADE);
    buf_add(&name, span_of(space, sizeof(space)));
    for (uint32_t i = 0; i < call->n; i++) {
        buf_add_str(&name, i > 0 ? "-" : "");
        buf_add(&name, call_text(call, i));
    }
    err = buf_err(&name);
    err = err ? err : hash_once(HASH_SHA1, buf_span(&name), digest);
    return err ? err : guid_text(call, digest, 5, ret);
}

err_t arm_newguid(struct call *call, struct value *ret)
{
    struct eval *e = call->eval;
    uint8_t seed[TEMPLATE_RANDOM_BYTES + sizeof(uint32_t)];
    uint8_t digest[SHA256_BYTES];
    err_t err = count_hash(call);

    if (err) {
        return err;
    }
    /* One random value a deployment; each call has its own part of it. */
    memcpy(seed, e->t->scope.random, TEMPLATE_RANDOM_BYTES);
    memcpy(seed + TEMPLATE_RANDOM_BYTES, &e->n_guids, sizeof(e->n_guids));
    e->n_guids++;
    err = hash_once(HASH_SHA256, span_of(seed, sizeof(seed)), digest);
    return err ? err : guid_text(call, digest, 4, ret);
}
