#include "support/support.h"

#include "service/ticket.h"

static const uint8_t secret_bytes[TICKET_SECRET_BYTES] = {1, 2, 3};
static const uint8_t other_bytes[TICKET_SECRET_BYTES] = {1, 2, 4};

#define SECRET span_of(secret_bytes, sizeof(secret_bytes))

static void opens_no_ticket_with_a_single_flipped_bit(void **state)
{
    struct arena *arena = test_arena();
    struct span sealed = {0};
    struct ticket ticket;

    (void)state;
    assert_ok(ticket_seal(arena, SECRET, TICKET_ATTEST, 1000, span_str("contents"), &sealed));
    for (size_t bit = 0; bit < sealed.len * 8; bit++) {
        struct span copy = arena_dup(arena, sealed);

        ((uint8_t *)(uintptr_t)copy.data)[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_err(ticket_open(arena, SECRET, TICKET_ATTEST, copy, &ticket), ERR_SIGNATURE);
    }
    for (size_t len = 0; len < sealed.len; len++) {
        assert_err(ticket_open(arena, SECRET, TICKET_ATTEST, span_cut(sealed, 0, len), &ticket),
                   ERR_SIGNATURE);
    }
    arena_free(arena);
}

/* a session is no challenge, another server's is none of ours. */
static void opens_tickets_only_for_their_purpose_and_server(void **state)
{
    struct arena *arena = test_arena();
    struct span sealed = {0};
    struct ticket ticket;

    (void)state;
    assert_ok(ticket_seal(arena, SECRET, TICKET_JOIN, 1000, span_str("contents"), &sealed));
    assert_err(ticket_open(arena, SECRET, TICKET_ATTEST, sealed, &ticket), ERR_SIGNATURE);
    assert_err(ticket_open(arena, SECRET, TICKET_SESSION, sealed, &ticket), ERR_SIGNATURE);
    assert_err(
        ticket_open(arena, span_of(other_bytes, sizeof(other_bytes)), TICKET_JOIN, sealed, &ticket),
        ERR_SIGNATURE);
    assert_ok(ticket_open(arena, SECRET, TICKET_JOIN, sealed, &ticket));
    arena_free(arena);
}

static void gives_back_what_was_sealed_under_an_id_of_its_own(void **state)
{
    struct arena *arena = test_arena();
    struct span a = {0}, b = {0};
    struct ticket x, y;

    (void)state;
    assert_ok(ticket_seal(arena, SECRET, TICKET_SESSION, -5, span_str("contents"), &a));
    assert_ok(ticket_seal(arena, SECRET, TICKET_SESSION, -5, span_str("contents"), &b));
    assert_ok(ticket_open(arena, SECRET, TICKET_SESSION, a, &x));
    assert_ok(ticket_open(arena, SECRET, TICKET_SESSION, b, &y));
    assert_true(span_is(x.payload, "contents"));
    assert_int_equal(x.expires, -5);
    assert_memory_not_equal(x.id, y.id, sizeof(x.id));
    assert_memory_not_equal(a.data + TICKET_ID_BYTES, b.data + TICKET_ID_BYTES, 16);
    arena_free(arena);
}

static void seals_no_more_than_it_opens(void **state)
{
    struct arena *arena = test_arena();
    struct span sealed = {0}, big = span_of(arena_calloc(arena, 1, 9000), TICKET_PAYLOAD_MAX + 1);

    (void)state;
    assert_err(ticket_seal(arena, SECRET, TICKET_JOIN, 1, big, &sealed), ERR_TOO_LARGE);
    assert_null(sealed.data);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opens_no_ticket_with_a_single_flipped_bit),
        cmocka_unit_test(opens_tickets_only_for_their_purpose_and_server),
        cmocka_unit_test(seals_no_more_than_it_opens),
        cmocka_unit_test(gives_back_what_was_sealed_under_an_id_of_its_own),
    };

    return RUN_TESTS(tests);
}
