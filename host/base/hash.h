/* hash.h - the one 64-bit hash of the project: XXH3.
 *
 * Seed 0 (hash_bytes) where the result is stored or is the same in every process: event ids, the owner of a key, sums of files.
 * The process's secret (hash_place) for whatever lies in a table of this process: keys, ids and texts come from outside, and
 * whoever knew their places could send thousands that all lie in one, where every search passes all others. No result
 * depends on the secret. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <xxhash.h>

/* Set once, by main(), before there is a table or a second thread. 0 until then, so that a unit test is the same each time. */
extern uint64_t hash_secret;

/* Make the secret one that nobody can guess. */
void hash_secret_make(void);

static inline uint64_t hash_bytes(const void *data, size_t size) { return XXH3_64bits(data, size); }

/* For tables and workers: the same text as a user's and as a session's key must not meet in the same places. */
static inline uint64_t hash_seeded(const void *data, size_t size, uint64_t seed)
{
    return XXH3_64bits_withSeed(data, size, seed);
}

/* Where it belongs in a table of this process. */
static inline uint64_t hash_place(const void *data, size_t size) { return hash_seeded(data, size, hash_secret); }

/* The same of a number's bytes, faster. */
uint64_t hash_place_number(uint64_t number);

#endif
