/*
 * roca.c - the fingerprint of a prime generator that put structure into its primes
 * (CVE-2017-15361, "The Return of Coppersmith's Attack", 2017).
 *
 * Its primes are k * M + (65537^a mod M) with M a product of the first primes, so a modulus made
 * from two of them is a power of 65537 modulo each of those small primes. M covers the primes up
 * to 701 for keys of 1984 bits and more, which is every size we accept. A random modulus passes
 * the first few tests by luck and all of them about once in 2^168 keys.
 */
#include "crypto/internal.h"

/* 3, 5 and 7 say nothing: 65537 generates every residue there. */
enum { ROCA_PRIME_MIN = 11, ROCA_PRIME_MAX = 701 };

static uint32_t modulo(struct span number, uint32_t prime)
{
    uint64_t rest = 0;
    size_t i = 0;

    for (; i < number.len % 4; i++) {
        rest = (rest << 8 | number.data[i]) % prime;
    }
    for (; i < number.len; i += 4) {
        uint32_t word = (uint32_t)number.data[i] << 24 | (uint32_t)number.data[i + 1] << 16 |
                        (uint32_t)number.data[i + 2] << 8 | number.data[i + 3];

        rest = (rest << 32 | word) % prime;
    }
    return (uint32_t)rest;
}

static bool is_prime(uint32_t n)
{
    for (uint32_t d = 3; d * d <= n; d += 2) {
        if (n % d == 0) {
            return false;
        }
    }
    return n > 2 && n % 2 == 1;
}

static bool is_power_of_65537(uint32_t value, uint32_t prime)
{
    uint32_t power = 1;

    do {
        if (power == value) {
            return true;
        }
        power = power * (65537 % prime) % prime;
    } while (power != 1);
    return false;
}

bool pubkey_is_roca(const struct pubkey *key)
{
    if (key->kind != PUBKEY_RSA) {
        return false;
    }
    for (uint32_t prime = ROCA_PRIME_MIN; prime <= ROCA_PRIME_MAX; prime += 2) {
        if (is_prime(prime) && !is_power_of_65537(modulo(key->a, prime), prime)) {
            return false;
        }
    }
    return true;
}
