/* Documents of the reference data: what is refused, and why a lost revocation cannot hide. */
#include "support/reference.h"
#include "support/support.h"

#define HEAD(kind)                                                                                 \
    "{\"schema\":\"bootwarden-reference/1\",\"kind\":\"" kind                                      \
    "\",\"version\":\"2026-11-22\",\"source\":\"test\",\"entries\":["
#define DIGEST "80b4d96931bf0d02fd91a61e19d14f1da452e66db2408ca8604d411f92659f0a"
#define REVOKED                                                                                    \
    "{\"sha256\":\"" DIGEST                                                                        \
    "\",\"name\":\"shim.efi\",\"architectures\":[\"x64\"],\"date\":\"2018-04-01\"}"

/* One document of each kind, empty but for the one that is put in the place of its kind. */
static err_t read_with(const char *text, enum reference_kind kind, struct trail *trail,
                       struct reference **ret)
{
    struct arena *arena = test_arena();
    struct reference_file files[REFERENCE_KIND_COUNT];
    err_t err;

    for (enum reference_kind k = 0; k < REFERENCE_KIND_COUNT; k++) {
        const char *empty = arena_printf(
            arena,
            "{\"schema\":\"bootwarden-reference/1\",\"kind\":\"%s\",\"version\":\"2026-11-22\","
            "\"source\":\"test\",\"entries\":[%s]}",
            reference_kind_name(k), k == REFERENCE_REVOKED_IMAGES ? REVOKED : "");

        files[k] = (struct reference_file){
            .name = arena_printf(arena, "%s.json", reference_kind_name(k)),
            .text = span_str(k == kind ? text : empty),
        };
    }
    err = reference_new(files, REFERENCE_KIND_COUNT, trail, ret);
    arena_free(arena);
    return err;
}

static const struct {
    enum reference_kind kind;
    err_t want;
    const char *where;
    const char *text;
} refused[] = {
    {REFERENCE_REVOKED_IMAGES, ERR_JSON_SYNTAX, "revoked-images.json", ""},
    {REFERENCE_REVOKED_IMAGES, ERR_JSON_SYNTAX, "revoked-images.json", HEAD("revoked-images")},
    {REFERENCE_REVOKED_IMAGES, ERR_JSON_TYPE, "revoked-images.json", "[]"},
    /* An emptied list is no list of nothing. */
    {REFERENCE_REVOKED_IMAGES, ERR_VALUE, "revoked-images.json.entries",
     HEAD("revoked-images") "]}"},
    {REFERENCE_REVOKED_IMAGES, ERR_VALUE, "revoked-images.json.schema",
     "{\"schema\":\"bootwarden-reference/2\",\"kind\":\"revoked-images\",\"version\":"
     "\"2026-11-22\",\"source\":\"test\",\"entries\":[]}"},
    {REFERENCE_REVOKED_IMAGES, ERR_VALUE, "revoked-images.json.kind", HEAD("revoked") "]}"},
    {REFERENCE_REVOKED_IMAGES, ERR_CONFLICT, "revoked-images.json.kind", HEAD("authorities") "]}"},
    {REFERENCE_REVOKED_IMAGES, ERR_VALUE, "revoked-images.json",
     HEAD("revoked-images") "],\"signature\":\"x\"}"},
    {REFERENCE_REVOKED_IMAGES, ERR_JSON_DUPLICATE, "revoked-images.json.kind",
     HEAD("revoked-images") "],\"kind\":\"svn\"}"},
    {REFERENCE_REVOKED_IMAGES, ERR_JSON_MISSING, "revoked-images.json.entries",
     "{\"schema\":\"bootwarden-reference/1\",\"kind\":\"revoked-images\",\"version\":"
     "\"2026-11-22\",\"source\":\"test\"}"},
    {REFERENCE_REVOKED_IMAGES, ERR_VALUE, "revoked-images.json.version",
     "{\"schema\":\"bootwarden-reference/1\",\"kind\":\"revoked-images\",\"version\":\"new\","
     "\"source\":\"test\",\"entries\":[]}"},
    /* Two entries of one key: which one holds? */
    {REFERENCE_REVOKED_IMAGES, ERR_CONFLICT, "revoked-images.json.entries",
     HEAD("revoked-images") REVOKED "," REVOKED "]}"},
    /* A member that this program does not understand may be a revocation that it would not see. */
    {REFERENCE_REVOKED_IMAGES, ERR_VALUE, "revoked-images.json.entries[1]",
     HEAD("revoked-images") REVOKED ",{\"sha384\":\"00\",\"sha256\":\"" DIGEST
                                    "\",\"name\":\"n\",\"architectures\":[],\"date\":"
                                    "\"2018-04-01\"}]}"},
    {REFERENCE_REVOKED_IMAGES, ERR_JSON_MISSING, "revoked-images.json.entries[0].sha256",
     HEAD("revoked-images") "{}]}"},
    {REFERENCE_REVOKED_IMAGES, ERR_VALUE, "revoked-images.json.entries[0].sha256",
     HEAD("revoked-images") "{\"sha256\":\"80b4\",\"name\":\"n\",\"architectures\":[],\"date\":"
                            "\"2018-04-01\"}]}"},
    {REFERENCE_REVOKED_IMAGES, ERR_VALUE, "revoked-images.json.entries[0].name",
     HEAD("revoked-images") "{\"sha256\":\"" DIGEST
                            "\",\"name\":\"a\\u001b[31m\",\"architectures\":[],\"date\":"
                            "\"2018-04-01\"}]}"},
    {REFERENCE_REVOKED_IMAGES, ERR_VALUE, "revoked-images.json.entries[0].name",
     HEAD("revoked-images") "{\"sha256\":\"" DIGEST
                            "\",\"name\":\"\",\"architectures\":[],\"date\":\"2018-04-01\"}]}"},
    {REFERENCE_REVOKED_IMAGES, ERR_VALUE, "revoked-images.json.entries[0].date",
     HEAD("revoked-images") "{\"sha256\":\"" DIGEST
                            "\",\"name\":\"n\",\"architectures\":[],\"date\":\"2018-4-1\"}]}"},
    {REFERENCE_REVOKED_IMAGES, ERR_VALUE, "revoked-images.json.entries[0].date",
     HEAD("revoked-images") "{\"sha256\":\"" DIGEST "\",\"name\":\"n\",\"architectures\":[],"
                            "\"date\":\"2018-04\\u00001\"}]}"},
    {REFERENCE_REVOKED_IMAGES, ERR_JSON_TYPE, "revoked-images.json.entries[0]",
     HEAD("revoked-images") "7]}"},
    {REFERENCE_REVOKED_IMAGES, ERR_TOO_DEEP, "revoked-images.json",
     HEAD("revoked-images") "[[[[[]]]]]]}"},
    {REFERENCE_AUTHORITIES, ERR_VALUE, "authorities.json.entries[0].roles",
     HEAD("authorities") "{\"sha256\":\"" DIGEST
                         "\",\"name\":\"n\",\"owner\":\"o\",\"roles\":[\"root\"],\"expires\":"
                         "\"2026-01-01\"}]}"},
    {REFERENCE_AUTHORITIES, ERR_VALUE, "authorities.json.entries[0].roles",
     HEAD("authorities") "{\"sha256\":\"" DIGEST
                         "\",\"name\":\"n\",\"owner\":\"o\",\"roles\":[\"db\",\"db\"],\"expires\":"
                         "\"2026-01-01\"}]}"},
    {REFERENCE_AUTHORITIES, ERR_VALUE, "authorities.json.entries[0].test_key",
     HEAD("authorities") "{\"sha256\":\"" DIGEST
                         "\",\"name\":\"n\",\"owner\":\"o\",\"roles\":[\"db\"],\"expires\":"
                         "\"2026-01-01\",\"test_key\":1}]}"},
    {REFERENCE_SVN, ERR_VALUE, "svn.json.entries[0].guid",
     HEAD("svn") "{\"guid\":\"9d132b61-59d5-4388-ab1c-185c3cb2eb9\",\"name\":\"n\",\"version\":"
                 "\"9.0\",\"date\":\"2026-01-01\"}]}"},
    {REFERENCE_EVENT_TYPES, ERR_VALUE, "event-types.json.entries[0].value",
     HEAD("event-types") "{\"value\":\"0x4\",\"name\":\"EV_SEPARATOR\"}]}"},
    {REFERENCE_REGISTERS, ERR_VALUE, "registers.json.entries[0].pcr",
     HEAD("registers") "{\"pcr\":-1}]}"},
};

static void refuses_what_it_does_not_understand(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        struct reference *reference = NULL;
        struct trail trail = {0};
        err_t err = read_with(refused[i].text, refused[i].kind, &trail, &reference);

        if (err != refused[i].want || strcmp(trail.where, refused[i].where) != 0 ||
            trail.what[0] == '\0') {
            fail_msg("case %zu: got %s at %s (%s), wanted %s at %s", i, err_name(err), trail.where,
                     trail.what, err_name(refused[i].want), refused[i].where);
        }
        assert_null(reference);
    }
}

static void refuses_when_a_kind_is_missing(void **state)
{
    const struct reference_file file = {.name = "one", .text = span_str(HEAD("svn") "]}")};
    struct reference *reference = NULL;
    struct trail trail = {0};

    (void)state;
    assert_err(reference_new(&file, 1, &trail, &reference), ERR_NOT_FOUND);
    assert_non_null(strstr(trail.what, "authorities"));
    assert_err(reference_new(NULL, 0, NULL, &reference), ERR_NOT_FOUND);
}

static void reads_an_entry_whole(void **state)
{
    struct reference *reference = NULL;
    struct arena *arena = test_arena();
    struct span digest = test_hex(arena, DIGEST);
    const struct reference_image *image;
    struct trail trail = {0};

    (void)state;
    assert_ok(read_with(HEAD("revoked-images") REVOKED "]}", REFERENCE_REVOKED_IMAGES, &trail,
                        &reference));
    image = reference_revoked(reference, digest);
    assert_non_null(image);
    assert_string_equal(image->name, "shim.efi");
    assert_string_equal(image->architectures[0], "x64");
    assert_null(image->architectures[1]);
    assert_string_equal(image->date, "2018-04-01");
    assert_null(image->owner);
    assert_null(image->cves);
    assert_null(reference_known(reference, digest));
    assert_null(reference_revoked(reference, span_cut(digest, 0, 20)));
    assert_string_equal(reference_info(reference, REFERENCE_REVOKED_IMAGES).version, "2026-11-22");
    assert_string_equal(reference_info(reference, REFERENCE_REVOKED_IMAGES).file,
                        "revoked-images.json");
    reference_free(reference);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_it_does_not_understand),
        cmocka_unit_test(refuses_when_a_kind_is_missing),
        cmocka_unit_test(reads_an_entry_whole),
    };

    return RUN_TESTS(tests);
}
