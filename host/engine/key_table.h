/* key_table.h - from a key to its log: one table a lane and worker.
 *
 * Open addressing, up to seven eighths full; a slot is the log's address with the hash's top 16 bits above it, so that a miss
 * rarely touches a log. Positions come from the low 32 bits of the hash: up to four billion slots. */
#ifndef ENGINE_KEY_TABLE_H
#define ENGINE_KEY_TABLE_H

#include "engine/log.h"

struct key_table {
    uint64_t *slots;
    size_t capacity, count;
};

void key_table_init(struct key_table *table);
void key_table_free(struct key_table *table);

/* NULL: there is none. */
struct log *key_table_find(const struct key_table *table, uint64_t hash, sl_view key);
void key_table_add(struct key_table *table, struct log *log);
void key_table_remove(struct key_table *table, struct log *log);

/* Bytes that adding one more would allocate, beside what it has until then; 0: it has room. */
size_t key_table_growth(const struct key_table *table);
/* Smaller, if it could have a quarter of its size and room to spare. Not while it is walked. */
void key_table_fit(struct key_table *table);

static inline void key_table_prefetch(const struct key_table *table, uint64_t hash)
{
    __builtin_prefetch(&table->slots[hash & (table->capacity - 1)]);
}
/* The log that is probably meant, to be prefetched; NULL if none. */
const struct log *key_table_guess(const struct key_table *table, uint64_t hash);

/* Walk all logs: at = 0; while ((log = key_table_next(table, &at)) != NULL). The table must not change meanwhile. */
struct log *key_table_next(const struct key_table *table, size_t *at);

#endif
