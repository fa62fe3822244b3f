/*
 * ima.c - who may send these bytes: root of any guest.
 */
#include "eventlog/ima.h"

#include "base/reader.h"

enum { IMA_PCR = 10 };

/*
 * The first template, "ima", writes no data length; it hashes the file digest and the name in a
 * field of 256 bytes (security/integrity/ima/ima_crypto.c).
 */
static err_t read_first_template(struct reader *in, struct ima_record *record, struct trail *trail)
{
    struct span digest = {0};
    struct span name = {0};
    uint32_t len = 0;
    err_t err = reader_take(in, SHA1_BYTES, &digest);

    err = err ? err : reader_u32le(in, &len);
    if (err == ERR_OK && len >= IMA_FIELD_NAME) {
        return trail_set(trail, ERR_MALFORMED, "file name of %u bytes", len);
    }
    err = err ? err : reader_take(in, len, &name);
    if (err) {
        return err;
    }
    memset(record->padded, 0, sizeof(record->padded));
    memcpy(record->padded, digest.data, SHA1_BYTES);
    if (name.len > 0) {
        memcpy(record->padded + SHA1_BYTES, name.data, name.len);
    }
    record->data = span_of(record->padded, sizeof(record->padded));
    return ERR_OK;
}

static err_t read_record(struct reader *in, struct ima_record *record, struct trail *trail)
{
    uint32_t pcr = 0;
    uint32_t len = 0;
    err_t err = reader_u32le(in, &pcr);

    if (err == ERR_OK && pcr != IMA_PCR) {
        return trail_set(trail, ERR_MALFORMED, "is for PCR %u", pcr);
    }
    err = err ? err : reader_take(in, SHA1_BYTES, &record->digest);
    err = err ? err : reader_u32le(in, &len);
    if (err == ERR_OK && (len == 0 || len > IMA_NAME_MAX)) {
        return trail_set(trail, ERR_MALFORMED, "has a template name of %u bytes", len);
    }
    err = err ? err : reader_take(in, len, &record->name);
    if (err) {
        return err;
    }
    if (span_is(record->name, "ima")) {
        return read_first_template(in, record, trail);
    }
    err = reader_u32le(in, &len);
    if (err == ERR_OK && len > IMA_DATA_MAX) {
        return trail_set(trail, ERR_MALFORMED, "has template data of %u bytes", len);
    }
    return err ? err : reader_take(in, len, &record->data);
}

void ima_begin(struct ima_iter *iter, struct span bytes)
{
    *iter = (struct ima_iter){.bytes = bytes};
}

err_t ima_next(struct ima_iter *iter, struct trail *trail, struct ima_record *ret)
{
    struct reader in =
        reader_on(span_cut(iter->bytes, iter->offset, iter->bytes.len - iter->offset));
    struct trail inner = {0};
    err_t err;

    if (iter->offset == iter->bytes.len) {
        return ERR_END;
    }
    if (iter->n == IMA_MAX_RECORDS) {
        return trail_set_at(trail, ERR_TOO_MANY, iter->offset, "more than %d records",
                            IMA_MAX_RECORDS);
    }
    *ret = (struct ima_record){.index = iter->n, .offset = iter->offset};
    err = read_record(&in, ret, &inner);
    if (err) {
        return trail_set_at(trail, err, iter->offset, "record %u %s", iter->n,
                            inner.what[0] != '\0' ? inner.what : "is cut short");
    }
    iter->offset += in.offset;
    iter->n++;
    return ERR_OK;
}

bool ima_is_violation(const struct ima_record *record)
{
    return span_all(record->digest, 0);
}

/* What the kernel extends for one record. */
static err_t digest_of(const struct ima_record *record, enum hash_alg bank, enum ima_extend how,
                       struct hasher *hasher, uint8_t *digest)
{
    if (how == IMA_EXTEND_SHA1_PADDED) {
        memset(digest, 0, hash_size(bank));
        memcpy(digest, record->digest.data, SHA1_BYTES);
        return ERR_OK;
    }
    return hasher_once(hasher, bank, record->data, digest);
}

static err_t add_record(const struct ima_record *record, enum hash_alg bank, enum ima_extend how,
                        struct hasher *hasher, struct ima_summary *sum, struct trail *trail)
{
    uint8_t digest[HASH_MAX_BYTES];
    size_t size = hash_size(bank);
    err_t err;

    if (ima_is_violation(record)) {
        /* A violation: the kernel could not vouch for the file and spoils the register. */
        memset(digest, 0xff, sizeof(digest));
        sum->violations++;
    } else {
        err = hasher_once(hasher, HASH_SHA1, record->data, digest);
        if (err) {
            return err;
        }
        if (!span_equal(span_of(digest, SHA1_BYTES), record->digest)) {
            return trail_set(trail, ERR_MISMATCH, "digest is not of its data");
        }
        err = digest_of(record, bank, how, hasher, digest);
        if (err) {
            return err;
        }
    }
    sum->records++;
    return hasher_extend(hasher, bank, span_of(sum->value, size), span_of(digest, size),
                         sum->value);
}

/* One walk for both forms: with `wanted` the summary is frozen where PCR 10 reaches it, and the
 * rest is still read, so that damage behind that point is found too. */
static err_t walk(struct span bytes, enum hash_alg bank, enum ima_extend how,
                  const struct span *wanted, struct hasher *hasher, struct trail *trail,
                  struct ima_summary *ret, bool *ret_reached)
{
    struct ima_iter iter;
    struct ima_record record;
    struct ima_summary sum = {0};
    bool reached = wanted != NULL && span_all(*wanted, 0);
    err_t err;

    if (bytes.len > IMA_MAX_BYTES) {
        return trail_set(trail, ERR_TOO_LARGE, "IMA list of %zu bytes, %d are allowed", bytes.len,
                         IMA_MAX_BYTES);
    }
    *ret = sum;
    ima_begin(&iter, bytes);
    while ((err = ima_next(&iter, trail, &record)) == ERR_OK) {
        struct trail inner = {0};

        err = add_record(&record, bank, how, hasher, &sum, &inner);
        if (err) {
            return trail_set_at(trail, err, record.offset, "record %u %s", record.index,
                                inner.what[0] != '\0' ? inner.what : "is cut short");
        }
        if (!reached) {
            *ret = sum;
            reached = wanted != NULL && span_equal(span_of(sum.value, hash_size(bank)), *wanted);
        }
    }
    if (err != ERR_END) {
        return err;
    }
    *ret_reached = reached;
    return ERR_OK;
}

err_t ima_replay(struct span bytes, enum hash_alg bank, enum ima_extend how, struct hasher *hasher,
                 struct trail *trail, struct ima_summary *ret)
{
    struct ima_summary sum;
    bool reached = false;
    err_t err = walk(bytes, bank, how, NULL, hasher, trail, &sum, &reached);

    if (err == ERR_OK) {
        *ret = sum;
    }
    return err;
}

err_t ima_replay_until(struct span bytes, enum hash_alg bank, enum ima_extend how,
                       struct span wanted, struct hasher *hasher, struct trail *trail,
                       struct ima_summary *ret)
{
    struct ima_summary sum;
    bool reached = false;
    err_t err = walk(bytes, bank, how, &wanted, hasher, trail, &sum, &reached);

    if (err) {
        return err;
    }
    *ret = sum;
    return reached ? ERR_OK : ERR_END;
}
