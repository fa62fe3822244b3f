#include "support/support.h"

#include "crypto/hash.h"
#include "crypto/password.h"

#include <string.h>

static void refuses_another_secret_and_a_name_that_nobody_has(void **state)
{
    char text[PASSWORD_TEXT_SIZE];

    (void)state;
    assert_ok(password_hash(span_str("secret"), text));
    assert_err(password_check(text, span_str("secreT")), ERR_DENIED);
    assert_err(password_check(text, span_str("secret ")), ERR_DENIED);
    assert_err(password_check(text, span_str("")), ERR_DENIED);
    assert_err(password_check(NULL, span_str("secret")), ERR_DENIED);
    assert_err(password_check(NULL, span_str("")), ERR_DENIED);
    assert_ok(password_check(text, span_str("secret")));
}

static void refuses_texts_with_other_parameters(void **state)
{
    static const char *const bad[] = {
        "",
        "secret",
        "$scrypt$ln=1,r=8,p=1$00112233445566778899aabbccddeeff$",
        "$scrypt$ln=30,r=8,p=1$00112233445566778899aabbccddeeff$"
        "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
        "$scrypt$ln=14,r=8,p=1$00112233445566778899aabbccddeeff$"
        "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff00",
        "$scrypt$ln=14,r=8,p=1$00112233445566778899aabbccddeeff$"
        "00112233445566778899aabbccddeeff00112233445566778899aabbccddeefg",
        "$scrypt$ln=14,r=8,p=1$00112233445566778899aabbccddeeff."
        "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_false(password_is_hash(bad[i]));
        assert_err(password_check(bad[i], span_str("")), ERR_VALUE);
    }
}

/* The same parameters as written by another program: scrypt of Python's hashlib. */
static void knows_a_hash_that_another_program_made(void **state)
{
    (void)state;
    assert_ok(password_check("$scrypt$ln=14,r=8,p=1$000102030405060708090a0b0c0d0e0f$"
                             "25b376840366f4d3b0e21e414476676e3cd0e89af4430356a234ce0b65a021b5",
                             span_str("correct horse")));
}

static void salts_every_hash(void **state)
{
    char a[PASSWORD_TEXT_SIZE], b[PASSWORD_TEXT_SIZE];

    (void)state;
    assert_ok(password_hash(span_str("x"), a));
    assert_ok(password_hash(span_str("x"), b));
    assert_string_not_equal(a, b);
    assert_true(password_is_hash(a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_another_secret_and_a_name_that_nobody_has),
        cmocka_unit_test(refuses_texts_with_other_parameters),
        cmocka_unit_test(knows_a_hash_that_another_program_made),
        cmocka_unit_test(salts_every_hash),
    };

    return RUN_TESTS(tests);
}
