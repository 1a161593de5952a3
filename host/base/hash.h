/* hash.h - the one 64-bit hash of the project: XXH3 with seed 0 (event ids, keys, texts, what was last written). */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <xxhash.h>

static inline uint64_t hash_bytes(const void *data, size_t size) { return XXH3_64bits(data, size); }

/* For tables and workers: the same text as a user's and as a session's key must not meet in the same places. */
static inline uint64_t hash_seeded(const void *data, size_t size, uint64_t seed)
{
    return XXH3_64bits_withSeed(data, size, seed);
}

#endif
