/*
 * ima-events.c - records of the IMA list as events (policy-language 12.3, rule 11).
 *
 * Only records that lead to the attested PCR 10 come here, and the register covers all of a
 * record's template data: file digest, name and buffer (Documentation/security/IMA-templates). A
 * violation covers nothing; of it only that it is there is told.
 *
 * Who may send these bytes: root of any guest.
 */
#include "claims/parts.h"

#include "base/reader.h"
#include "eventlog/ima.h"

enum { IMA_MAX_FIELDS = 16 };

/* Fields of a template in order; of those that are not known the first two (digest, name) are the
 * same in every template of the kernel. */
struct ima_fields {
    struct span digest, name, third;
    bool is_bare;   /* digest: no algorithm in front, it is SHA-1 */
    bool is_buffer; /* third: what was measured, in "ima-buf" */
};

static err_t read_field(struct reader *in, struct span *ret)
{
    uint32_t len = 0;
    err_t err = reader_u32le(in, &len);

    return err ? err : reader_take(in, len, ret);
}

/* The name is a string with its NUL. */
static struct span without_nul(struct span text)
{
    return text.len > 0 && text.data[text.len - 1] == 0 ? span_cut(text, 0, text.len - 1) : text;
}

/* false when the data is not of that form: then nothing of it is told. */
static bool read_fields(const struct ima_record *record, struct ima_fields *ret)
{
    struct reader in = reader_on(record->data);
    struct span rest = {0};
    size_t n = 2;
    err_t err;

    if (span_is(record->name, "ima")) {
        const uint8_t *nul = memchr(record->data.data + SHA1_BYTES, 0, IMA_FIELD_NAME);
        size_t len = nul == NULL ? IMA_FIELD_NAME : (size_t)(nul - record->data.data) - SHA1_BYTES;

        ret->is_bare = true;
        ret->digest = span_cut(record->data, 0, SHA1_BYTES);
        ret->name = span_cut(record->data, SHA1_BYTES, len);
        return true;
    }
    err = read_field(&in, &ret->digest);
    err = err ? err : read_field(&in, &ret->name);
    if (err == ERR_OK && reader_left(&in) > 0) {
        err = read_field(&in, &ret->third);
        n++;
    }
    while (err == ERR_OK && reader_left(&in) > 0) {
        err = ++n > IMA_MAX_FIELDS ? ERR_TOO_MANY : read_field(&in, &rest);
    }
    ret->name = without_nul(ret->name);
    ret->is_buffer = span_is(record->name, "ima-buf") && n == 3;
    return err == ERR_OK && memchr(ret->name.data, 0, ret->name.len) == NULL;
}

/* "sha256:" NUL digest; of newer templates with "ima:" or "verity:" in front. */
static void write_digest(struct text *text, const struct ima_fields *fields)
{
    struct span field = fields->digest;
    const uint8_t *nul =
        field.len == 0 || fields->is_bare ? NULL : memchr(field.data, 0, field.len);
    size_t prefix = nul == NULL ? 0 : (size_t)(nul - field.data);
    CLEANUP(buf_done) struct buf out = {0};

    buf_init(&out, IMA_DATA_MAX * 2 + 1);
    buf_add(&out, span_cut(field, 0, prefix));
    for (size_t i = nul == NULL ? 0 : prefix + 1; i < field.len; i++) {
        buf_addf(&out, "%02x", field.data[i]);
    }
    text_name(text, "Digest");
    text_string(text, buf_span(&out));
}

/* A key that was added to a keyring: the buffer is its certificate. */
static err_t write_key(struct text *text, const struct ima_fields *fields, bool *ret_done)
{
    CLEANUP(cert_free) struct cert *cert = NULL;
    err_t err = cert_new_der(fields->third, NULL, &cert);

    *ret_done = false;
    if (err) {
        return err_category(err) == ERR_CAT_INTERNAL ? err : ERR_OK;
    }
    text_name(text, "Keyring");
    text_string(text, fields->name);
    text_name(text, "CertificateSubject");
    text_string(text, span_str(cert_subject(cert, text->arena)));
    *ret_done = true;
    return ERR_OK;
}

static bool is_keyring(struct span name)
{
    return name.len > 1 && (name.data[0] == '.' || name.data[0] == '_');
}

static err_t write_buffer(struct text *text, const struct ima_fields *fields)
{
    bool is_done = false;
    err_t err = ERR_OK;

    if (span_is(fields->name, "kernel_version")) {
        text_name(text, "KernelVersion");
        text_string(text, fields->third);
        is_done = true;
    } else if (is_keyring(fields->name)) {
        err = write_key(text, fields, &is_done);
    }
    text_name(text, "EventName");
    text_string(text, fields->name);
    if (!is_done) {
        text_name(text, "RawData");
        text_base64url(text, fields->third);
    }
    return err;
}

static err_t write_processed(struct text *text, const struct ima_record *record)
{
    struct ima_fields fields = {0};
    err_t err = ERR_OK;

    if (ima_is_violation(record) || !read_fields(record, &fields)) {
        return ERR_OK;
    }
    text_name(text, "TemplateName");
    text_string(text, record->name);
    write_digest(text, &fields);
    if (fields.is_buffer) {
        err = write_buffer(text, &fields);
    } else {
        text_name(text, "FilePath");
        text_string(text, fields.name);
    }
    return err;
}

static err_t write_record(struct text *text, const struct ima_record *record, uint32_t seq,
                          struct hasher *hasher)
{
    uint8_t sha256[SHA256_BYTES];
    bool is_violation = ima_is_violation(record);
    err_t err = hasher_once(hasher, HASH_SHA256, record->data, sha256);

    text_open(text, '{');
    text_name(text, "EventSeq");
    text_uint(text, seq);
    text_name(text, "PcrIndex");
    text_uint(text, 10);
    text_name(text, "EventTypeString");
    text_string(text, span_str("IMA_MEASUREMENT_EVENT"));
    text_name(text, "Digests");
    text_open(text, '{');
    text_name(text, "SHA1");
    text_hex(text, record->digest);
    if (!is_violation) {
        text_name(text, "SHA256");
        text_hex(text, span_of(sha256, sizeof(sha256)));
    }
    text_close(text, '}');
    text_name(text, "ProcessedData");
    text_open(text, '{');
    err = err ? err : write_processed(text, record);
    text_close(text, '}');
    text_close(text, '}');
    return err;
}

err_t write_ima_events(struct text *text, struct span list, uint32_t n, uint32_t seq,
                       struct hasher *hasher, struct trail *trail)
{
    struct ima_iter iter;
    struct ima_record record;
    err_t err = ERR_OK;

    ima_begin(&iter, list);
    for (uint32_t i = 0; err == ERR_OK && i < n; i++) {
        err = ima_next(&iter, trail, &record);
        err = err ? err : write_record(text, &record, seq + i, hasher);
    }
    return err;
}
