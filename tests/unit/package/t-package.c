/*
 * Packages and versions from bytes: what is refused, and that reading undoes writing.
 */
#include "support/support.h"

#include "package/package.h"

#include <stdio.h>
#include <string.h>

#define PROLOGUE "BWPKG\0\0\1"
#define DIGEST "1111111111111111111111111111111111111111111111111111111111111111"

/* A header around this manifest, with a signature of zeros. */
static struct span header(struct arena *arena, const char *manifest)
{
    size_t len = strlen(manifest);
    uint8_t *bytes = arena_calloc(arena, 1, 12 + len + PACKAGE_SIGNATURE_BYTES);

    memcpy(bytes, PROLOGUE, 8);
    bytes[10] = (uint8_t)(len >> 8);
    bytes[11] = (uint8_t)len;
    memcpy(bytes + 12, manifest, len);
    return span_of(bytes, 12 + len + PACKAGE_SIGNATURE_BYTES);
}

static const char good[] =
    "{\"name\":\"bootwarden-agent\",\"version\":\"1.2.3\",\"platform\":\"linux-x\","
    "\"size\":7,\"sha256\":\"" DIGEST "\"}";

static void refuses_manifests_that_are_not_of_the_form(void **state)
{
    static const struct {
        const char *from, *to;
        err_t want;
    } cases[] = {
        {"bootwarden-agent", "bootwarden-other", ERR_VALUE},
        {"\"1.2.3\"", "\"1\"", ERR_VALUE},
        {"\"1.2.3\"", "\"1.02\"", ERR_VALUE},
        {"\"1.2.3\"", "1.2", ERR_JSON_TYPE},
        {"\"linux-x\"", "\"Linux x\"", ERR_VALUE},
        {"\"linux-x\"", "\"\"", ERR_VALUE},
        {"\"size\":7", "\"size\":8388609", ERR_JSON_TYPE},
        {"\"size\":7", "\"size\":-1", ERR_JSON_TYPE},
        {"\"sha256\":\"11", "\"sha256\":\"1", ERR_VALUE},
        {"\"size\":7", "\"size\":7,\"run\":\"me\"", ERR_VALUE},
        {"\"size\":7", "\"size\":7,\"size\":8", ERR_JSON_DUPLICATE},
        {"\"size\":7,", "", ERR_JSON_MISSING},
        {"\"size\":7", "\"size\":7,\"minimum\":\"x\"", ERR_VALUE},
        {"\"size\":7", "\"size\":7,\"minimum\":\"1.2.4\"", ERR_VALUE}, /* nobody could upgrade */
        {"\"size\":7", "\"size\":7,\"minimum\":\"1.2.3.0\"", ERR_VALUE},
    };
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct package package;
    char text[600];

    (void)state;
    assert_ok(package_read(arena, header(arena, good), NULL, &package));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *at = strstr(good, cases[i].from);
        struct trail trail = {0};
        err_t err;

        assert_non_null(at);
        snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - good), good, cases[i].to,
                 at + strlen(cases[i].from));
        err = package_read(arena, header(arena, text), &trail, &package);
        if (err != cases[i].want || strncmp(trail.where, "manifest", 8) != 0) {
            fail_msg("%s: %s, at '%s'", text, err_name(err), trail.where);
        }
    }
}

static void refuses_headers_that_end_early_or_promise_too_much(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    const struct span whole = header(arena, good);
    uint8_t *bytes = arena_alloc(arena, whole.len);
    struct package package;

    (void)state;
    for (size_t len = 0; len < whole.len; len++) {
        assert_int_not_equal(package_read(arena, span_cut(whole, 0, len), NULL, &package), ERR_OK);
    }
    for (size_t i = 0; i < 8; i++) {
        memcpy(bytes, whole.data, whole.len);
        bytes[i] ^= 1;
        assert_err(package_read(arena, span_of(bytes, whole.len), NULL, &package), ERR_MALFORMED);
    }
    memcpy(bytes, whole.data, whole.len);
    bytes[10] = 0x10;
    bytes[11] = 0x01; /* 4097 */
    assert_err(package_read(arena, span_of(bytes, whole.len), NULL, &package), ERR_TOO_LARGE);
    memset(bytes + 8, 0xff, 4);
    assert_err(package_read(arena, span_of(bytes, whole.len), NULL, &package), ERR_TOO_LARGE);
}

static void reads_what_was_written(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    struct package wanted = {.version_text = "1.10", .platform = "linux-x86_64", .size = 5}, got;
    struct span head;
    uint8_t file[PACKAGE_HEADER_MAX];

    (void)state;
    memset(wanted.sha256, 7, sizeof(wanted.sha256));
    wanted.has_minimum = true;
    memcpy(wanted.minimum_text, "1.2", 4);
    assert_ok(package_write(arena, &wanted, NULL, &head));
    memcpy(file, head.data, head.len);
    memset(file + head.len, 9, PACKAGE_SIGNATURE_BYTES + 5);
    assert_ok(
        package_read(arena, span_of(file, head.len + PACKAGE_SIGNATURE_BYTES + 5), NULL, &got));
    assert_string_equal(got.version_text, "1.10");
    assert_string_equal(got.platform, "linux-x86_64");
    assert_string_equal(got.minimum_text, "1.2");
    assert_int_equal(got.size, 5);
    assert_int_equal(got.version.parts[1], 10);
    assert_true(span_equal(got.signed_bytes, head));
    assert_int_equal(got.signature.len, PACKAGE_SIGNATURE_BYTES);
    assert_int_equal(got.header_bytes, head.len + PACKAGE_SIGNATURE_BYTES);
    memcpy(wanted.version_text, "one", 4);
    assert_err(package_write(arena, &wanted, NULL, &head), ERR_VALUE);
}

static void versions_are_numbers_with_dots(void **state)
{
    static const char *const bad[] = {
        "",     "1",     "1.",      ".1",   "1..2",         "1.2.3.4.5",
        "01.2", "1.00",  "1.2-rc1", "v1.2", "1.1000000",    " 1.2",
        "1.2 ", "1.2\n", "-1.2",    "1,2",  "99999999999.1"};
    struct version version;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        if (version_read(span_str(bad[i]), &version) != ERR_VALUE) {
            fail_msg("'%s' was read", bad[i]);
        }
    }
    assert_err(version_read(span_of("1.2", 4), &version), ERR_VALUE); /* a NUL in it */
    assert_ok(version_read(span_str("0.999999"), &version));
    assert_int_equal(version.parts[1], 999999);
}

static void versions_are_compared_number_by_number(void **state)
{
    static const struct {
        const char *from, *to;
        int order; /* of from to to */
        bool is_upgrade, is_with_minor;
    } cases[] = {
        {"0.1.0", "0.1.1", -1, true, true},   {"0.1.9", "0.1.10", -1, true, true},
        {"0.1.1", "0.1.0", 1, false, false},  {"0.1", "0.1.0", 0, false, false},
        {"0.1.0", "0.2.0", -1, false, true},  {"0.1.0", "1.0.0", -1, false, false},
        {"1.9.9", "1.10.0", -1, false, true}, {"1.2.3", "1.2.3.1", -1, true, true},
        {"2.0", "1.9", 1, false, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct version from, to;
        int order;

        assert_ok(version_read(span_str(cases[i].from), &from));
        assert_ok(version_read(span_str(cases[i].to), &to));
        order = version_compare(&from, &to);
        if (order != cases[i].order ||
            version_is_upgrade(&from, &to, false) != cases[i].is_upgrade ||
            version_is_upgrade(&from, &to, true) != cases[i].is_with_minor) {
            fail_msg("%s to %s", cases[i].from, cases[i].to);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_manifests_that_are_not_of_the_form),
        cmocka_unit_test(refuses_headers_that_end_early_or_promise_too_much),
        cmocka_unit_test(reads_what_was_written),
        cmocka_unit_test(versions_are_numbers_with_dots),
        cmocka_unit_test(versions_are_compared_number_by_number),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
