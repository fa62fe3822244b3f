#include "eventlog/cel.h"

#include "base/reader.h"
#include "tpm/tpm.h"

enum field_type {
    FIELD_NUMBER = 0,
    FIELD_PCR = 1,
    FIELD_NV = 2,
    FIELD_DIGESTS = 3,
    FIELD_CCMR = 108,
};

enum { PCRS = 24, CCMR_FIRST = 1, CCMR_LAST = 4 };

struct field {
    uint8_t type;
    struct span value;
    struct span whole;
};

static err_t take_field(struct reader *in, struct field *ret)
{
    size_t from = in->offset;
    uint32_t len = 0;
    err_t err = reader_u8(in, &ret->type);

    err = err ? err : reader_u32be(in, &len);
    err = err ? err : reader_take(in, len, &ret->value);
    ret->whole = span_cut(in->bytes, from, in->offset - from);
    return err;
}

static err_t read_number(struct reader *in, struct cel_record *record, struct trail *trail)
{
    struct field field = {0};
    struct reader value;
    err_t err = take_field(in, &field);

    if (err) {
        return err;
    }
    if (field.type != FIELD_NUMBER || field.value.len != 8) {
        return trail_set(trail, ERR_MALFORMED, "a record begins with its number, of 8 bytes");
    }
    value = reader_on(field.value);
    return reader_u64be(&value, &record->number);
}

static err_t read_register(struct reader *in, struct cel_record *record, struct trail *trail)
{
    struct field field = {0};
    err_t err = take_field(in, &field);
    bool exists;

    if (err) {
        return err;
    }
    if (field.type != FIELD_PCR && field.type != FIELD_NV && field.type != FIELD_CCMR) {
        return trail_set(trail, ERR_MALFORMED, "field %u where the register belongs", field.type);
    }
    if (field.value.len == 0 || field.value.len > 4) {
        return trail_set(trail, ERR_MALFORMED, "a register's number of %zu bytes", field.value.len);
    }
    for (size_t i = 0; i < field.value.len; i++) {
        record->index = record->index << 8 | field.value.data[i];
    }
    record->kind = field.type == FIELD_PCR ? CEL_PCR : field.type == FIELD_NV ? CEL_NV : CEL_CCMR;
    exists =
        record->kind == CEL_NV || (record->kind == CEL_PCR && record->index < PCRS) ||
        (record->kind == CEL_CCMR && record->index >= CCMR_FIRST && record->index <= CCMR_LAST);
    if (!exists) {
        return trail_set(trail, ERR_MALFORMED, "register %u does not exist", record->index);
    }
    return ERR_OK;
}

/* 0: not known. */
static size_t digest_size(uint8_t alg)
{
    enum hash_alg hash = hash_by_tpm_id(alg);

    if (hash != HASH_NONE) {
        return hash_size(hash);
    }
    return alg == TPM_SM3_256 || alg == 0x27 ? 32 : alg == 0x28 ? 48 : alg == 0x29 ? 64 : 0;
}

/* `digests` has room for CEL_MAX_DIGESTS. */
static err_t read_digests(struct reader *in, struct cel_digest *digests, size_t *ret_n,
                          struct trail *trail)
{
    struct field list = {0};
    struct reader each;
    size_t n = 0;
    err_t err = take_field(in, &list);

    if (err) {
        return err;
    }
    if (list.type != FIELD_DIGESTS) {
        return trail_set(trail, ERR_MALFORMED, "field %u where the digests belong", list.type);
    }
    each = reader_on(list.value);
    while (reader_left(&each) > 0) {
        struct field digest = {0};
        size_t size;

        err = take_field(&each, &digest);
        if (err) {
            return err;
        }
        if (n == CEL_MAX_DIGESTS) {
            return trail_set(trail, ERR_TOO_MANY, "more than %d digests", CEL_MAX_DIGESTS);
        }
        for (size_t i = 0; i < n; i++) {
            if (digests[i].alg == digest.type) {
                return trail_set(trail, ERR_MALFORMED, "algorithm 0x%02x is there twice",
                                 digest.type);
            }
        }
        size = digest_size(digest.type);
        if (digest.value.len == 0 || digest.value.len > HASH_MAX_BYTES ||
            (size != 0 && digest.value.len != size)) {
            return trail_set(trail, ERR_MALFORMED, "digest of algorithm 0x%02x has %zu bytes",
                             digest.type, digest.value.len);
        }
        digests[n++] = (struct cel_digest){digest.type, digest.value};
    }
    if (n == 0) {
        return trail_set(trail, ERR_MALFORMED, "no digest");
    }
    *ret_n = n;
    return ERR_OK;
}

static err_t read_content(struct reader *in, struct cel_record *record, struct trail *trail)
{
    struct field content = {0};
    struct field inner = {0};
    struct reader value;
    err_t err = take_field(in, &content);

    if (err) {
        return err;
    }
    if (content.type <= FIELD_DIGESTS || content.type == FIELD_CCMR) {
        return trail_set(trail, ERR_MALFORMED, "field %u where the content belongs", content.type);
    }
    record->content_type = content.type;
    record->content = content.value;
    record->field = content.whole;
    if (content.type != CEL_CONTENT_COS) {
        return ERR_OK;
    }
    value = reader_on(content.value);
    if (take_field(&value, &inner) || reader_end(&value)) {
        return trail_set(trail, ERR_MALFORMED, "a COS content is one field, no more and no less");
    }
    record->has_inner = true;
    record->inner_type = inner.type;
    record->inner = inner.value;
    return ERR_OK;
}

static err_t read_record(struct reader *in, struct cel_digest *digests, struct cel_record *record,
                         struct trail *trail)
{
    err_t err;

    *record = (struct cel_record){.offset = in->offset};
    err = read_number(in, record, trail);
    err = err ? err : read_register(in, record, trail);
    err = err ? err : read_digests(in, digests, &record->n_digests, trail);
    return err ? err : read_content(in, record, trail);
}

/* Two passes by the same reader, so that no allocation follows a number from the log (L-3). */
static err_t count_records(struct span bytes, size_t *ret_n, struct trail *trail)
{
    struct reader in = reader_on(bytes);
    uint64_t before = 0;
    size_t n = 0;

    while (reader_left(&in) > 0) {
        struct cel_digest digests[CEL_MAX_DIGESTS];
        struct cel_record record;
        struct trail inner = {0};
        err_t err;

        if (n == CEL_MAX_RECORDS) {
            return trail_set_at(trail, ERR_TOO_MANY, in.offset, "more than %d records",
                                CEL_MAX_RECORDS);
        }
        err = read_record(&in, digests, &record, &inner);
        if (err == ERR_OK && (n == 0 ? record.number != 0 : record.number <= before)) {
            err = trail_set(&inner, ERR_MALFORMED,
                            n == 0 ? "the first number is not 0" : "its number does not increase");
        }
        if (err) {
            return trail_set_at(trail, err, in.offset, "record %zu (at %zu): %s", n, record.offset,
                                inner.what[0] != '\0' ? inner.what : "ends before its fields do");
        }
        before = record.number;
        n++;
    }
    *ret_n = n;
    return ERR_OK;
}

err_t cel_read(struct arena *arena, struct span bytes, struct trail *trail, struct cel **ret)
{
    struct reader in = reader_on(bytes);
    struct cel *cel;
    size_t n = 0;
    err_t err;

    if (bytes.len == 0) {
        return trail_set(trail, ERR_NOT_FOUND, "there is no canonical event log: it is empty");
    }
    if (bytes.len > CEL_MAX_BYTES) {
        return trail_set(trail, ERR_TOO_LARGE, "event log of %zu bytes, %d are allowed", bytes.len,
                         CEL_MAX_BYTES);
    }
    err = count_records(bytes, &n, trail);
    if (err) {
        return err;
    }
    cel = arena_calloc(arena, 1, sizeof(*cel));
    if (cel != NULL) {
        cel->records = arena_calloc(arena, n, sizeof(*cel->records));
    }
    if (cel == NULL || cel->records == NULL) {
        return trail_set(trail, ERR_MEMORY, "canonical event log");
    }
    for (cel->n = 0; cel->n < n; cel->n++) {
        struct cel_record *record = &cel->records[cel->n];
        struct cel_digest digests[CEL_MAX_DIGESTS];

        err = read_record(&in, digests, record, trail);
        if (err) {
            return err;
        }
        record->digest = arena_alloc(arena, record->n_digests * sizeof(*record->digest));
        if (record->digest == NULL) {
            return trail_set(trail, ERR_MEMORY, "canonical event log");
        }
        memcpy(record->digest, digests, record->n_digests * sizeof(*digests));
    }
    *ret = cel;
    return ERR_OK;
}

bool cel_is_likely(struct span bytes)
{
    static const uint8_t first[] = {0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0};

    return bytes.len > 32 && memcmp(bytes.data, first, sizeof(first)) == 0 &&
           (bytes.data[13] == FIELD_PCR || bytes.data[13] == FIELD_NV ||
            bytes.data[13] == FIELD_CCMR);
}

static const struct cel_digest *digest_of(const struct cel_record *record, enum hash_alg bank)
{
    for (size_t i = 0; i < record->n_digests; i++) {
        if (hash_by_tpm_id(record->digest[i].alg) == bank) {
            return &record->digest[i];
        }
    }
    return NULL;
}

err_t cel_replay(const struct cel *cel, enum cel_kind kind, uint32_t index, enum hash_alg bank,
                 struct span start, struct hasher *hasher, struct trail *trail, uint8_t *ret)
{
    uint8_t value[HASH_MAX_BYTES] = {0};
    size_t size = hash_size(bank);

    if (bank == HASH_NONE || start.len != size) {
        return trail_set(trail, ERR_VALUE, "a start value of %zu bytes", start.len);
    }
    memcpy(value, start.data, size);
    for (size_t i = 0; i < cel->n; i++) {
        const struct cel_record *record = &cel->records[i];
        const struct cel_digest *digest;
        err_t err;

        if (record->kind != kind || record->index != index) {
            continue;
        }
        digest = digest_of(record, bank);
        if (digest == NULL) {
            return trail_set_at(trail, ERR_NOT_FOUND, record->offset, "record %zu has no %s digest",
                                i, hash_name(bank));
        }
        err = hasher_extend(hasher, bank, span_of(value, size), digest->bytes, value);
        if (err) {
            return trail_set(trail, err, "hashing failed");
        }
    }
    memcpy(ret, value, size);
    return ERR_OK;
}

err_t cel_is_covered(const struct cel_record *record, struct hasher *hasher, bool *ret)
{
    uint8_t digest[HASH_MAX_BYTES];
    bool compared = false;

    *ret = false;
    if (record->content_type != CEL_CONTENT_COS) {
        return ERR_OK;
    }
    for (size_t i = 0; i < record->n_digests; i++) {
        enum hash_alg hash = hash_by_tpm_id(record->digest[i].alg);
        err_t err;

        if (hash == HASH_NONE) {
            continue;
        }
        err = hasher_once(hasher, hash, record->field, digest);
        if (err) {
            return err;
        }
        if (!span_equal(span_of(digest, hash_size(hash)), record->digest[i].bytes)) {
            return ERR_OK;
        }
        compared = true;
    }
    *ret = compared;
    return ERR_OK;
}

/* github.com/google/go-tpm-tools, cel/cos_tlv.go */
const char *cel_cos_name(uint8_t inner_type)
{
    static const char *const names[] = {
        "image reference",  "image digest",   "restart policy",        "image id",
        "argument",         "environment",    "overridden argument",   "overridden environment",
        "launch separator", "memory monitor", "GPU confidential mode",
    };

    return inner_type < ARRAY_LEN(names) ? names[inner_type] : NULL;
}

const char *cel_register_name(struct arena *arena, const struct cel_record *record)
{
    const char *name = NULL;

    switch (record->kind) {
    case CEL_PCR:
        name = arena_printf(arena, "PCR %u", record->index);
        break;
    case CEL_CCMR:
        name = arena_printf(arena, "RTMR%u", record->index - 1);
        break;
    case CEL_NV:
    default:
        name = arena_printf(arena, "NV 0x%08x", record->index);
        break;
    }
    return name != NULL ? name : "";
}
