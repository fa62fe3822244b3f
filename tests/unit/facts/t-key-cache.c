/* Signature databases that were read before: the same as read anew, bounded, from any thread. */
#include "unit/facts/logs.h"

#include <pthread.h>

static const uint8_t some_digest[SHA256_BYTES] = {1, 2, 3};

static struct span list_of(struct arena *arena, uint32_t number)
{
    uint8_t *digest = arena_calloc(arena, 1, SHA256_BYTES);
    struct span span = span_of(digest, SHA256_BYTES);

    memcpy(digest, &number, sizeof(number));
    return logs_hash_list(arena, &span, 1);
}

/* Reads list number `number` as a request would; the digest is of the list. */
static struct key_contents read_number(struct key_cache *cache, struct hasher *hasher,
                                       uint32_t number)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(1024 * 1024);
    struct span list = list_of(arena, number);
    uint8_t digest[SHA256_BYTES];
    struct key_contents keys = {0};

    assert_ok(hasher_once(hasher, HASH_SHA256, list, digest));
    assert_ok(key_cache_read(cache, digest, arena, list, hasher, &keys));
    assert_int_equal(keys.n_hashes, 1);
    return keys;
}

static void other_bytes_under_the_same_digest_are_read_anew(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
    CLEANUP(key_cache_free) struct key_cache *cache = key_cache_new(test_reference());
    struct span digests[2];
    struct span one;
    struct span other;
    struct key_contents keys;

    (void)state;
    digests[0] = span_of((uint8_t[32]){1, 9, [31] = 1}, 32);
    one = logs_hash_list(arena, digests, 1);
    digests[0] = span_of((uint8_t[32]){1}, 32); /* of the form of a security version number */
    other = logs_hash_list(arena, digests, 1);
    for (size_t i = 0; i < 3; i++) {
        assert_ok(key_cache_read(cache, some_digest, arena, one, hasher, &keys));
        assert_int_equal(keys.n_svns, 0);
    }
    assert_int_equal(key_cache_figures(cache).entries, 1);
    for (size_t i = 0; i < 3; i++) {
        assert_ok(key_cache_read(cache, some_digest, arena, other, hasher, &keys));
        assert_int_equal(keys.n_svns, 1);
    }
}

static void malformed_and_large_lists_are_never_kept(void **state)
{
    CLEANUP(arena_free) struct arena *arena = test_arena();
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
    CLEANUP(key_cache_free) struct key_cache *cache = key_cache_new(test_reference());
    struct span list = list_of(arena, 7);
    static struct span digests[2000];
    struct span large;
    struct key_contents keys;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(digests); i++) {
        digests[i] = span_of(some_digest, SHA256_BYTES);
    }
    large = logs_hash_list(arena, digests, ARRAY_LEN(digests));
    for (size_t i = 0; i < 4; i++) {
        assert_ok(key_cache_read(cache, some_digest, arena, span_cut(list, 0, list.len - 1), hasher,
                                 &keys));
        assert_true(keys.is_malformed);
        assert_ok(key_cache_read(cache, some_digest, arena, large, hasher, &keys));
        assert_int_equal(keys.n_hashes, ARRAY_LEN(digests));
        assert_ok(key_cache_read(cache, some_digest, arena, (struct span){0}, hasher, &keys));
        assert_false(keys.is_malformed);
    }
    assert_int_equal(key_cache_figures(cache).entries, 0);
}

/* What a real boot's facts say is the same from the cache, byte by byte. */
static void facts_from_the_cache_are_the_facts(void **state)
{
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
    CLEANUP(key_cache_free) struct key_cache *cache = key_cache_new(test_reference());
    static const char *const boots[] = {"a-secureboot-healthy", "k-uki-healthy", "h-dbx-update",
                                        "b-setup-mode"};

    (void)state;
    for (size_t i = 0; i < 3 * ARRAY_LEN(boots); i++) {
        CLEANUP(arena_free) struct arena *arena = test_arena();
        struct logs_made made = logs_facts(arena, logs_boot(arena, boots[i % ARRAY_LEN(boots)]));
        yyjson_mut_doc *doc = json_new(arena);
        struct boot_facts *facts = NULL;
        struct span plain = json_write(arena, doc, boot_facts_json(arena, doc, made.facts), false);
        struct span cached;

        assert_ok(boot_facts_make_cached(arena, made.readings, cache, hasher, &facts));
        cached = json_write(arena, doc, boot_facts_json(arena, doc, facts), false);
        assert_true(span_equal(plain, cached));
        for (size_t k = 0; k < facts->db.keys.n_certificates; k++) {
            assert_true(span_equal(facts->db.keys.certificates[k].der,
                                   made.facts->db.keys.certificates[k].der));
            /* Borrowed from this log, not from the cache. */
            assert_ptr_equal(facts->db.keys.certificates[k].der.data,
                             made.facts->db.keys.certificates[k].der.data);
        }
    }
    assert_true(key_cache_figures(cache).hits > 0);
}

/* A sender of ever new databases, each sent twice: what the fleet uses stays, memory is bounded. */
static void a_flood_pushes_out_nothing_that_is_used(void **state)
{
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();
    CLEANUP(key_cache_free) struct key_cache *cache = key_cache_new(test_reference());
    struct key_cache_figures before;
    struct key_cache_figures after;

    (void)state;
    for (uint32_t round = 0; round < 40; round++) {
        for (uint32_t number = 0; number < 8; number++) {
            read_number(cache, hasher, number);
        }
    }
    before = key_cache_figures(cache);
    assert_int_equal(before.entries, 8);
    for (uint32_t number = 1000; number < 21000; number++) {
        read_number(cache, hasher, number);
        read_number(cache, hasher, number);
        if (number % 10 == 0) { /* one request of the fleet for twenty of the flood */
            read_number(cache, hasher, number / 10 % 8);
        }
    }
    after = key_cache_figures(cache);
    assert_int_equal(after.entries, KEY_CACHE_ENTRIES);
    assert_true(after.bytes < 1024 * 1024);
    /* The fleet's own are still there: eight more hits. */
    for (uint32_t number = 0; number < 8; number++) {
        read_number(cache, hasher, number);
    }
    assert_true(key_cache_figures(cache).hits >= after.hits + 8);
}

static void *many_reads(void *arg)
{
    struct key_cache *cache = arg;
    CLEANUP(hasher_free) struct hasher *hasher = hasher_new();

    for (uint32_t i = 0; i < 4000; i++) {
        read_number(cache, hasher, i % 200);
    }
    return NULL;
}

static void threads_share_one_cache(void **state)
{
    CLEANUP(key_cache_free) struct key_cache *cache = key_cache_new(test_reference());
    pthread_t threads[4];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, many_reads, cache), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(key_cache_figures(cache).hits + key_cache_figures(cache).misses, 16000);
    assert_true(key_cache_figures(cache).entries <= KEY_CACHE_ENTRIES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(other_bytes_under_the_same_digest_are_read_anew),
        cmocka_unit_test(malformed_and_large_lists_are_never_kept),
        cmocka_unit_test(facts_from_the_cache_are_the_facts),
        cmocka_unit_test(a_flood_pushes_out_nothing_that_is_used),
        cmocka_unit_test(threads_share_one_cache),
    };

    return RUN_TESTS(tests);
}
