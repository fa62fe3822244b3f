/*
 * subject.c - who may send these bytes: root of any guest, inside a log.
 */
#include "uefi/subject.h"

#include "base/show.h"

#include "base/reader.h"

enum { MAX_RDNS = 32, SUBJECT_MAX = 1024, T61_STRING = 0x14, BMP_STRING = 0x1e };

/* A name under construction; too long a name is cut. */
struct words {
    uint8_t bytes[SUBJECT_MAX];
    size_t len;
};

struct item {
    uint8_t tag;
    struct span body;
    struct span whole;
};

static err_t next_item(struct reader *in, struct item *ret)
{
    struct item item = {0};
    size_t start = in->offset;
    uint8_t len = 0;
    size_t long_len = 0;
    err_t err = reader_u8(in, &item.tag);

    err = err ? err : reader_u8(in, &len);
    if (err) {
        return err;
    }
    long_len = len;
    if (len >= 0x80) {
        unsigned n = len & 0x7f;

        if (n == 0 || n > 3) {
            return ERR_MALFORMED;
        }
        long_len = 0;
        for (; n > 0; n--) {
            err = reader_u8(in, &len);
            if (err) {
                return err;
            }
            long_len = long_len << 8 | len;
        }
    }
    err = reader_take(in, long_len, &item.body);
    if (err) {
        return err;
    }
    item.whole = span_cut(in->bytes, start, in->offset - start);
    *ret = item;
    return ERR_OK;
}

static err_t take(struct reader *in, uint8_t tag, struct item *ret)
{
    err_t err = next_item(in, ret);

    return err ? err : ret->tag == tag ? ERR_OK : ERR_MALFORMED;
}

bool subject_is_sequence(struct span der)
{
    struct reader in = reader_on(der);
    struct item item = {0};

    return take(&in, 0x30, &item) == ERR_OK && reader_left(&in) == 0;
}

err_t subject_tbs(struct span der, struct span *ret)
{
    struct reader in = reader_on(der);
    struct item item = {0};
    err_t err = take(&in, 0x30, &item);

    if (err == ERR_OK && reader_left(&in) != 0) {
        err = ERR_TRAILING;
    }
    in = reader_on(item.body);
    err = err ? err : take(&in, 0x30, &item);
    if (err == ERR_OK) {
        *ret = item.whole;
    }
    return err;
}

/* X.520 attribute types below 2.5.4, by the names of RFC 4514. */
static const char *short_name(struct span oid)
{
    static const char *const x520[] = {
        [3] = "CN", [5] = "serialNumber", [6] = "C", [7] = "L", [8] = "ST", [10] = "O", [11] = "OU",
    };
    static const uint8_t email[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x01};
    static const uint8_t dc[] = {0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x19};

    if (oid.len == 3 && oid.data[0] == 0x55 && oid.data[1] == 0x04 &&
        oid.data[2] < ARRAY_LEN(x520) && x520[oid.data[2]] != NULL) {
        return x520[oid.data[2]];
    }
    if (span_equal(oid, span_of(email, sizeof(email)))) {
        return "emailAddress";
    }
    return span_equal(oid, span_of(dc, sizeof(dc))) ? "DC" : "?";
}

static void add(struct words *out, struct span bytes)
{
    size_t n = bytes.len < SUBJECT_MAX - out->len ? bytes.len : SUBJECT_MAX - out->len;

    if (n > 0) {
        memcpy(out->bytes + out->len, bytes.data, n);
        out->len += n;
    }
}

static void add_code(struct words *out, unsigned code)
{
    uint8_t utf8[3];
    size_t n = 0;

    if (code < 0x80) {
        utf8[n++] = (uint8_t)code;
    } else if (code < 0x800) {
        utf8[n++] = (uint8_t)(0xc0 | code >> 6);
        utf8[n++] = (uint8_t)(0x80 | (code & 0x3f));
    } else {
        utf8[n++] = (uint8_t)(0xe0 | code >> 12);
        utf8[n++] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
        utf8[n++] = (uint8_t)(0x80 | (code & 0x3f));
    }
    add(out, span_of(utf8, n));
}

/* BMPString and T61String (as Latin-1) into UTF-8; the others are UTF-8 or a part of it. */
static void add_value(struct words *out, uint8_t tag, struct span value)
{
    if (tag == BMP_STRING) {
        for (size_t i = 0; i + 1 < value.len; i += 2) {
            add_code(out, (unsigned)value.data[i] << 8 | value.data[i + 1]);
        }
    } else if (tag == T61_STRING) {
        for (size_t i = 0; i < value.len; i++) {
            add_code(out, value.data[i]);
        }
    } else {
        add(out, value);
    }
}

static err_t add_rdn(struct words *out, struct span set)
{
    struct reader in = reader_on(set);

    while (reader_left(&in) > 0) {
        struct item pair = {0};
        struct item oid = {0};
        struct item value = {0};
        struct reader inner;
        err_t err = take(&in, 0x30, &pair);

        inner = reader_on(pair.body);
        err = err ? err : take(&inner, 0x06, &oid);
        err = err ? err : next_item(&inner, &value);
        if (err) {
            return err;
        }
        add(out, span_str(out->len == 0 ? "" : ", "));
        add(out, span_str(short_name(oid.body)));
        add(out, span_str("="));
        add_value(out, value.tag, value.body);
    }
    return ERR_OK;
}

/* Name ::= SEQUENCE OF RelativeDistinguishedName, printed from its end (RFC 4514, 2.1). */
static err_t print_name(struct arena *arena, struct span name, const char **ret)
{
    struct span rdns[MAX_RDNS];
    struct reader in = reader_on(name);
    struct words out;
    size_t n = 0;
    const char *text;

    out.len = 0;
    while (reader_left(&in) > 0) {
        struct item set = {0};
        err_t err = n == MAX_RDNS ? ERR_TOO_MANY : take(&in, 0x31, &set);

        if (err) {
            return err;
        }
        rdns[n++] = set.body;
    }
    while (n > 0) {
        err_t err = add_rdn(&out, rdns[--n]);

        if (err) {
            return err;
        }
    }
    text = show_bytes(arena, span_of(out.bytes, out.len));
    if (text == NULL) {
        return ERR_MEMORY;
    }
    *ret = text;
    return ERR_OK;
}

/* RFC 5280, 4.1: version, serial, signature, issuer, validity, subject. */
err_t subject_of(struct arena *arena, struct span der, const char **ret)
{
    struct span tbs = {0};
    struct reader in;
    struct item item = {0};
    err_t err = subject_tbs(der, &tbs);

    if (err) {
        return err;
    }
    in = reader_on(tbs);
    err = take(&in, 0x30, &item);
    in = reader_on(item.body);
    err = err ? err : next_item(&in, &item);
    if (err == ERR_OK && item.tag == 0xa0) { /* version, absent in version 1 */
        err = next_item(&in, &item);
    }
    if (err == ERR_OK && item.tag != 0x02) {
        err = ERR_MALFORMED;
    }
    err = err ? err : take(&in, 0x30, &item);
    err = err ? err : take(&in, 0x30, &item);
    err = err ? err : take(&in, 0x30, &item);
    err = err ? err : take(&in, 0x30, &item);
    return err ? err : print_name(arena, item.body, ret);
}
