/* key_hash.h - which worker owns a key, and where its log lies in that worker's table.
 *
 * The first is the same in every process with as many workers: journals are read by it. The second is the process's own secret:
 * ids come from clients, and whoever knew where they lie could make thousands that all lie in one place, and every search
 * for one of them would pass all others. No result depends on it. */
#ifndef ENGINE_KEY_HASH_H
#define ENGINE_KEY_HASH_H

#include "base/hash.h"

#include <shoplane/lane.h>

static inline int key_owner(sl_view key, sl_key kind, int workers)
{
    return (int)((hash_seeded(key.data, key.size, (uint64_t)kind) >> 32) % (uint64_t)workers);
}

static inline uint64_t key_hash(sl_view key, sl_key kind, uint64_t table_seed)
{
    return hash_seeded(key.data, key.size, table_seed ^ (uint64_t)kind);
}

#endif
