/* key_hash.h - which worker owns a key, and where its log lies in that worker's table.
 *
 * The first is the same in every process with as many workers: journals are read by it. The second is the process's own secret
 * (base/hash.h). */
#ifndef ENGINE_KEY_HASH_H
#define ENGINE_KEY_HASH_H

#include "base/hash.h"

#include <shoplane/lane.h>

static inline int key_owner(sl_view key, sl_key kind, int workers)
{
    return (int)((hash_seeded(key.data, key.size, (uint64_t)kind) >> 32) % (uint64_t)workers);
}

static inline uint64_t key_hash(sl_view key, sl_key kind)
{
    return hash_seeded(key.data, key.size, hash_secret ^ (uint64_t)kind);
}

#endif
