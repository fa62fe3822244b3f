#include "crypto/der.h"
#include "support/support.h"

/* one value, one encoding. */
static void accepts_only_der(void **state)
{
    static const struct {
        const char *hex;
        err_t want;
    } cases[] = {
        {"30028000", ERR_OK},                /* empty implicit element */
        {"3003020101", ERR_OK},              /* SEQUENCE { 1 } */
        {"30030201", ERR_SHORT},             /* ends inside */
        {"300302010102", ERR_SHORT},         /* a tag without length behind it */
        {"3080020101", ERR_MALFORMED},       /* indefinite length */
        {"308103020101", ERR_MALFORMED},     /* long form for a short length */
        {"30820003020101", ERR_MALFORMED},   /* leading zero in the length */
        {"3085000000000102", ERR_MALFORMED}, /* five length bytes */
        {"0202007f", ERR_MALFORMED},         /* INTEGER with a needless zero */
        {"0202ff80", ERR_MALFORMED},         /* the same below zero */
        {"0200", ERR_MALFORMED},             /* INTEGER without bytes */
        {"02020080", ERR_OK},                /* 128 needs its zero */
        {"0101ff", ERR_OK},                  /* TRUE */
        {"010101", ERR_MALFORMED},           /* TRUE has one spelling */
        {"0500", ERR_OK},                    /* NULL */
        {"050100", ERR_MALFORMED},           /* NULL with a value */
        {"03020700", ERR_OK},                /* one bit */
        {"0302077f", ERR_MALFORMED},         /* unused bits set */
        {"030108", ERR_MALFORMED},           /* eight unused bits */
        {"030101", ERR_MALFORMED},           /* unused bits of nothing */
        {"0300", ERR_MALFORMED},             /* BIT STRING without count */
        {"1f8101", ERR_MALFORMED},           /* tag number past 30 */
        {"0000", ERR_MALFORMED},             /* end of contents */
        {"0603550403", ERR_OK},              /* OID */
        {"0603558001", ERR_MALFORMED},
        {"0602ff81", ERR_MALFORMED},  /* OID that does not end */
        {"3106020101020102", ERR_OK}, /* SET OF in order */
        {"3106020102020101", ERR_OK}, /* SET OF out of order: vendors do it */
    };
    struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        err_t got = der_check(test_hex(arena, cases[i].hex));

        if (got != cases[i].want) {
            fail_msg("%s: got %s, wanted %s", cases[i].hex, err_name(got), err_name(cases[i].want));
        }
    }
    arena_free(arena);
}

static void refuses_bottomless_nesting(void **state)
{
    uint8_t bytes[2 * 60];
    (void)state;

    for (size_t i = 0; i < 60; i++) {
        bytes[2 * i] = 0x30;
        bytes[2 * i + 1] = (uint8_t)(2 * (59 - i));
    }
    assert_err(der_check(span_of(bytes, sizeof(bytes))), ERR_TOO_DEEP);
    assert_ok(der_check(span_of(bytes + 2 * (60 - DER_MAX_DEPTH + 1), 2 * (DER_MAX_DEPTH - 1))));
}

static void moves_nothing_when_it_refuses(void **state)
{
    struct arena *arena = test_arena();
    struct reader r = reader_on(test_hex(arena, "020101"));
    struct span body = {0};

    (void)state;
    assert_err(der_take(&r, DER_SEQUENCE, &body), ERR_MALFORMED);
    assert_int_equal(r.offset, 0);
    assert_null(body.data);
    assert_ok(der_take(&r, DER_INTEGER, &body));
    assert_int_equal(body.len, 1);
    assert_ok(reader_end(&r));
    arena_free(arena);
}

static void refuses_negative_numbers(void **state)
{
    struct arena *arena = test_arena();
    struct reader r = reader_on(test_hex(arena, "0201ff"));
    struct span number = {0};

    (void)state;
    assert_err(der_take_unsigned(&r, &number), ERR_MALFORMED);
    arena_free(arena);
}

static void writes_what_it_reads(void **state)
{
    static const size_t sizes[] = {0, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff};
    struct arena *arena = test_arena();

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        CLEANUP(buf_done) struct buf out = {0};
        struct span zeros = span_of(arena_calloc(arena, sizes[i] + 1, 1), sizes[i]);
        struct span body = {0};
        struct reader r;

        buf_init(&out, 70000);
        der_put(&out, DER_OCTET_STRING, zeros);
        assert_ok(buf_err(&out));
        assert_ok(der_check(buf_span(&out)));
        r = reader_on(buf_span(&out));
        assert_ok(der_take(&r, DER_OCTET_STRING, &body));
        assert_true(span_equal(body, zeros));
        assert_ok(reader_end(&r));
    }
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_only_der),
        cmocka_unit_test(refuses_bottomless_nesting),
        cmocka_unit_test(moves_nothing_when_it_refuses),
        cmocka_unit_test(refuses_negative_numbers),
        cmocka_unit_test(writes_what_it_reads),
    };

    return RUN_TESTS(tests);
}
