/* Who may send these bytes: whoever signs a package, from a build. */
#include "package/program.h"

#include "base/defs.h"
#include "base/reader.h"

#include <string.h>

/* "Tool Interface Standard: ELF", 1.2, and the supplements of the processors. */
enum {
    IDENT_BYTES = 16,
    TYPE_EXEC = 2,
    TYPE_DYN = 3, /* a program that is placed anywhere, too */
    SEGMENT_NOTE = 4,
    PROGRAM_HEADER_BYTES = 56,
};

const char *const program_platforms[] = {"linux-x86_64", "linux-aarch64", "linux-riscv64",
                                         "linux-ppc64le", NULL};
static const uint16_t machines[] = {62, 183, 243, 21}; /* in that order */

bool program_is_platform(struct span name)
{
    for (size_t i = 0; program_platforms[i] != NULL; i++) {
        if (span_is(name, program_platforms[i])) {
            return true;
        }
    }
    return false;
}

static const char *platform_of(uint16_t machine)
{
    for (size_t i = 0; i < ARRAY_LEN(machines); i++) {
        if (machines[i] == machine) {
            return program_platforms[i];
        }
    }
    return NULL;
}

struct segment {
    uint32_t type;
    uint64_t offset, size, align;
};

/* The file's header; the reader stands at the first program header then. */
static err_t read_header(struct span bytes, struct reader *r, uint16_t *ret_machine,
                         uint16_t *ret_n)
{
    /* 64 bits, little-endian, version 1 */
    static const uint8_t magic[] = {0x7f, 'E', 'L', 'F', 2, 1, 1};
    struct span ident = {0};
    uint16_t type = 0, header_bytes = 0;
    uint64_t offset = 0;
    err_t err;

    *r = reader_on(bytes);
    err = reader_take(r, IDENT_BYTES, &ident);
    if (err || !span_equal(span_cut(ident, 0, sizeof(magic)), span_of(magic, sizeof(magic)))) {
        return ERR_MALFORMED;
    }
    err = reader_u16le(r, &type);
    err = err ? err : reader_u16le(r, ret_machine);
    err = err ? err : reader_skip(r, 4 + 8); /* version, entry */
    err = err ? err : reader_u64le(r, &offset);
    err = err ? err : reader_skip(r, 8 + 4 + 2); /* sections, flags, size of this header */
    err = err ? err : reader_u16le(r, &header_bytes);
    err = err ? err : reader_u16le(r, ret_n);
    if (err || (type != TYPE_EXEC && type != TYPE_DYN) || header_bytes != PROGRAM_HEADER_BYTES ||
        *ret_n > PROGRAM_HEADERS_MAX || offset > bytes.len) {
        return ERR_MALFORMED;
    }
    *r = reader_on(span_cut(bytes, (size_t)offset, bytes.len));
    return ERR_OK;
}

static err_t read_segment(struct reader *r, struct segment *ret)
{
    err_t err = reader_u32le(r, &ret->type);

    err = err ? err : reader_skip(r, 4); /* flags */
    err = err ? err : reader_u64le(r, &ret->offset);
    err = err ? err : reader_skip(r, 8 + 8); /* addresses */
    err = err ? err : reader_u64le(r, &ret->size);
    err = err ? err : reader_skip(r, 8); /* size in memory */
    return err ? err : reader_u64le(r, &ret->align);
}

/* What is behind a part of so many bytes until the next one begins. */
static size_t padding(size_t len, size_t align)
{
    return (align - len % align) % align;
}

static err_t take_padded(struct reader *r, uint32_t len, size_t align, struct span *ret)
{
    err_t err = reader_take(r, len, ret);
    size_t pad = padding(r->offset, align);

    return err ? err : reader_skip(r, pad < reader_left(r) ? pad : reader_left(r));
}

/* ERR_NOT_FOUND when ours is not among them. */
static err_t find_note(struct span notes, size_t align, struct span *ret)
{
    struct reader r = reader_on(notes);

    for (size_t i = 0; i < PROGRAM_NOTES_MAX; i++) {
        struct span owner = {0}, words = {0};
        uint32_t owner_bytes = 0, words_bytes = 0, type = 0;
        err_t err = reader_u32le(&r, &owner_bytes);

        err = err ? err : reader_u32le(&r, &words_bytes);
        err = err ? err : reader_u32le(&r, &type);
        err = err ? err : take_padded(&r, owner_bytes, align, &owner);
        err = err ? err : take_padded(&r, words_bytes, align, &words);
        if (err) {
            break; /* what is left is no note */
        }
        if (type == PROGRAM_NOTE_AGENT &&
            span_equal(owner, span_of(PROGRAM_NOTE_OWNER, sizeof(PROGRAM_NOTE_OWNER)))) {
            *ret = words;
            return ERR_OK;
        }
    }
    return ERR_NOT_FOUND;
}

static err_t read_version(struct span words, struct program *program)
{
    const uint8_t *end = words.len == 0 ? NULL : memchr(words.data, 0, words.len);
    struct span text = span_cut(words, 0, end == NULL ? 0 : (size_t)(end - words.data));

    if (text.len == 0 || text.len >= sizeof(program->version_text) ||
        version_read(text, &program->version) != ERR_OK) {
        return ERR_NOT_FOUND;
    }
    memcpy(program->version_text, text.data, text.len);
    return ERR_OK;
}

err_t program_read(struct span bytes, struct trail *trail, struct program *ret)
{
    struct program program = {.platform = NULL};
    struct reader r;
    uint16_t machine = 0, n = 0;
    struct span words = {0};
    err_t err = read_header(bytes, &r, &machine, &n);

    if (err) {
        return trail_set(trail, err, "is no program of Linux for 64 bits (ELF)");
    }
    program.platform = platform_of(machine);
    if (program.platform == NULL) {
        return trail_set(trail, ERR_MISMATCH,
                         "is a program for another processor (ELF machine %u) than agents have",
                         (unsigned)machine);
    }
    err = ERR_NOT_FOUND;
    for (uint16_t i = 0; err == ERR_NOT_FOUND && i < n; i++) {
        struct segment segment = {0};

        if (read_segment(&r, &segment) != ERR_OK) {
            break;
        }
        if (segment.type == SEGMENT_NOTE && segment.offset <= bytes.len &&
            segment.size <= bytes.len - segment.offset) {
            err = find_note(span_cut(bytes, (size_t)segment.offset, (size_t)segment.size),
                            segment.align == 8 ? 8 : 4, &words);
        }
    }
    err = err ? err : read_version(words, &program);
    if (err) {
        return trail_set(trail, err,
                         "does not say its version: it is no bootwarden-agent, or one "
                         "from before agents did");
    }
    *ret = program;
    return ERR_OK;
}
