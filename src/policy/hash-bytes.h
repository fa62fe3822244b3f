/*
 * hash-bytes.h - a table's hash of bytes that an adversary may choose. Not for other rooms.
 *
 * Not cryptographic, and never part of a result: the seed is an address of this process, so that
 * nobody outside can prepare names that all fall into one slot.
 */
#ifndef POLICY_HASH_BYTES_H
#define POLICY_HASH_BYTES_H

#include "base/span.h"

static inline uint64_t hash_fold(uint64_t a, uint64_t b)
{
    __extension__ unsigned __int128 product = (unsigned __int128)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t hash_seed(const void *address)
{
    return hash_fold((uint64_t)(uintptr_t)address | 1, UINT64_C(0x9e3779b97f4a7c15));
}

static inline uint64_t hash_bytes(uint64_t seed, struct span bytes)
{
    uint64_t hash = seed ^ bytes.len;
    uint64_t word;
    size_t i = 0;

    for (; bytes.len - i >= sizeof(word); i += sizeof(word)) {
        memcpy(&word, bytes.data + i, sizeof(word));
        hash = hash_fold(hash ^ word, UINT64_C(0xa0761d6478bd642f));
    }
    word = 0;
    if (i < bytes.len) {
        memcpy(&word, bytes.data + i, bytes.len - i);
    }
    return hash_fold(hash ^ word, seed ^ UINT64_C(0xe7037ed1a0b428db));
}

#endif
