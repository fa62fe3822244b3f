/*
 * Programs from bytes: what is none, what does not say its version, and where the note may stand.
 */
#include "support/support.h"

#include "base/file.h"
#include "package/program.h"

#include <string.h>

enum {
    NOTES_AT = 64 + 56,
    FOREIGN = 20, /* bytes of a note of somebody else */
    ELF_BYTES = NOTES_AT + FOREIGN + sizeof(struct program_note),
};

struct elf {
    uint8_t bytes[ELF_BYTES];
};

/* The least that has a note: the header, one program header, two notes. */
static struct elf elf(uint8_t machine, const char *version)
{
    static const uint8_t foreign[FOREIGN] = {4, 0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, 'G', 'N', 'U'};
    struct program_note note = PROGRAM_NOTE("");
    struct elf e = {{0x7f, 'E', 'L', 'F', 2, 1, 1}};

    memcpy(note.version, version, strlen(version));
    e.bytes[16] = 3; /* type */
    e.bytes[18] = machine;
    e.bytes[32] = 64; /* program headers: where, their size, how many */
    e.bytes[54] = 56;
    e.bytes[56] = 1;
    e.bytes[64] = 4; /* a segment of notes: where, how much, aligned to */
    e.bytes[64 + 8] = NOTES_AT;
    e.bytes[64 + 32] = FOREIGN + sizeof(note);
    e.bytes[64 + 48] = 4;
    memcpy(e.bytes + NOTES_AT, foreign, sizeof(foreign));
    memcpy(e.bytes + NOTES_AT + FOREIGN, &note, sizeof(note));
    return e;
}

static err_t read_elf(const struct elf *e, struct program *ret)
{
    return program_read(span_of(e->bytes, sizeof(e->bytes)), NULL, ret);
}

static void refuses_what_is_no_program_of_an_agent(void **state)
{
    static const struct {
        size_t at;
        uint8_t value;
        err_t want;
    } cases[] = {
        {0, 0x7e, ERR_MALFORMED},
        {4, 1, ERR_MALFORMED},    /* 32 bits */
        {5, 2, ERR_MALFORMED},    /* big-endian */
        {16, 1, ERR_MALFORMED},   /* an object file */
        {18, 40, ERR_MISMATCH},   /* 32-bit ARM */
        {39, 1, ERR_MALFORMED},   /* program headers behind the end, far away */
        {32, 255, ERR_MALFORMED}, /* not as far */
        {32, 100, ERR_NOT_FOUND},
        {54, 32, ERR_MALFORMED}, /* of another size */
        {56, 0, ERR_NOT_FOUND},
        {57, 1, ERR_MALFORMED},         /* 257 of them */
        {64, 1, ERR_NOT_FOUND},         /* no segment of notes */
        {64 + 15, 0xff, ERR_NOT_FOUND}, /* notes behind the end */
        {64 + 39, 0xff, ERR_NOT_FOUND}, /* more than there are */
        {64 + 32, FOREIGN, ERR_NOT_FOUND},
        {NOTES_AT + 3, 0xff, ERR_NOT_FOUND}, /* a note that promises too much */
        {NOTES_AT + FOREIGN, 10, ERR_NOT_FOUND},
        {NOTES_AT + FOREIGN + 8, 2, ERR_NOT_FOUND}, /* of another type */
        {NOTES_AT + FOREIGN + 12, 'b', ERR_NOT_FOUND},
        {NOTES_AT + FOREIGN + 24, 'v', ERR_NOT_FOUND}, /* a version that is none */
        {NOTES_AT + FOREIGN + 24, 0, ERR_NOT_FOUND},
    };
    struct program program;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct elf e = elf(62, "1.2.3");

        assert_ok(read_elf(&e, &program));
        e.bytes[cases[i].at] = cases[i].value;
        if (read_elf(&e, &program) != cases[i].want) {
            fail_msg("byte %zu: not %s", cases[i].at, err_name(cases[i].want));
        }
    }
    for (size_t len = 0; len < ELF_BYTES; len++) {
        struct elf e = elf(62, "1.2.3");

        assert_int_not_equal(program_read(span_of(e.bytes, len), NULL, &program), ERR_OK);
    }
}

/* A real one, and no agent. */
static void a_program_without_the_note_does_not_say_its_version(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct program program;
    struct trail trail = {0};
    struct span self;

    (void)state;
    assert_ok(file_read(arena, "/proc/self/exe", 64 * 1024 * 1024, NULL, &self));
    assert_err(program_read(self, &trail, &program), ERR_NOT_FOUND);
    assert_non_null(strstr(trail.what, "does not say its version"));
}

static void reads_platform_and_version(void **state)
{
    struct elf e = elf(183, "1.10.3");
    struct program program;

    (void)state;
    assert_ok(read_elf(&e, &program));
    assert_string_equal(program.platform, "linux-aarch64");
    assert_string_equal(program.version_text, "1.10.3");
    assert_int_equal(program.version.parts[1], 10);
    e = elf(62, "999999.999999.999999.999999"); /* as long as one can be */
    assert_ok(read_elf(&e, &program));
    assert_string_equal(program.platform, "linux-x86_64");
    assert_string_equal(program.version_text, "999999.999999.999999.999999");
}

static void knows_the_platform_that_it_is_built_for(void **state)
{
    (void)state;
    assert_true(program_is_platform(span_str("linux-" AGENT_ARCH)));
    assert_false(program_is_platform(span_str("linux-other")));
    assert_false(program_is_platform(span_str("linux-x86_6")));
    assert_false(program_is_platform(span_str("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_is_no_program_of_an_agent),
        cmocka_unit_test(a_program_without_the_note_does_not_say_its_version),
        cmocka_unit_test(reads_platform_and_version),
        cmocka_unit_test(knows_the_platform_that_it_is_built_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
