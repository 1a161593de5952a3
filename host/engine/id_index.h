/* id_index.h - which ids a long log holds: a set of 64-bit hashes, for the rare shopper with hundreds of records.
 *
 * The ids are hashes that anybody can compute, so they are hashed again for their places in the set. */
#ifndef ENGINE_ID_INDEX_H
#define ENGINE_ID_INDEX_H

#include "engine/slab.h"

#include <stdbool.h>

struct id_index;

struct id_index *id_index_new(struct slab *slab, size_t expected);
void id_index_free(struct id_index *index, struct slab *slab);
bool id_index_has(const struct id_index *index, uint64_t id);
/* May move the index: returns where it is now. */
struct id_index *id_index_add(struct id_index *index, struct slab *slab, uint64_t id);
void id_index_remove(struct id_index *index, uint64_t id);

#endif
