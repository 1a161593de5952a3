/* watch_store.h - Redis as a reader of features sees it: one connection, made again when it breaks. It only reads.
 *
 * A call that finds no connection tries to connect, at most twice a second, and returns false. One thread. */
#ifndef DEMO_WATCH_STORE_H
#define DEMO_WATCH_STORE_H

#include "base/buffer.h"

#include <stdbool.h>
#include <stdint.h>

struct store;

/* HOST:PORT, HOST:PORT/DATABASE, or the path of a socket; false: it is none of these, and it has been said. */
bool store_address_is_good(const char *address);

struct store *store_new(const char *address);
void store_free(struct store *store);

/* The values of `count` keys; an absent one is NULL. They stay valid until the next call. */
bool store_read(struct store *store, char *const *keys, size_t count, const char **values);

/* Of the whole server: feature writes (SET and DEL) since it started; and keys in our database. */
bool store_counts(struct store *store, uint64_t *writes, uint64_t *keys);

/* Why the last call failed. */
const char *store_problem(const struct store *store);

#endif
