/* watched.h - the inside of strict.h, shared by strict.c (the plugins' tables) and watched_host.c (the host's tables). */
#ifndef TESTHOST_WATCHED_H
#define TESTHOST_WATCHED_H

#include "testhost/strict.h"

#define GUARD_BYTES 64

/* A plugin. What its table is called with as `self` is a pointer to this. */
struct watched {
    struct strict *strict;
    const char *kind, *name; /* "lane", "product" */
    void *self;              /* its own, as the host had it */
    size_t settings_size;
    char *settings;       /* a copy of *self after `open` */
    const char *function; /* that is being called; NULL: none */
    uint32_t inputs;      /* how many it has; metric parsers: 0 */
};

/* A breach of the contract: `found` is formatted, `advice` says what would be right. Each id once a plugin. */
void watched_breach(struct watched *watched, const char *id, const char *advice, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* It has called what is behind the end of a table: so says the place from now on. */
void strict_slot(struct strict *strict);
/* One of the first lane's inputs was asked for. */
void strict_asked(struct strict *strict, uint32_t input, unsigned asked);

/* Guard bytes. */
void guard_set(void *guard);
bool guard_broken(const void *guard);

/* ---- the host's tables, as a plugin sees them while one call lasts ---- */

struct watched_event {
    sl_event event;       /* first: what lanes hold is a pointer to it */
    const sl_event *host; /* NULL: the call is over */
    struct watched *watched;
};
void watched_event_begin(struct watched_event *event, struct watched *watched, const sl_event *host);
void watched_event_end(struct watched_event *event);

/* Two records, one of them lent; the other shows whether somebody still writes to it. */
struct watched_records {
    sl_records records; /* first */
    sl_records *host;   /* NULL: the call is over */
    struct watched *watched;
    size_t record_size;
    void *target; /* the host's, of the one that is lent; NULL: none is yet */
    unsigned lent;
    struct {
        _Alignas(8) char record[64 + GUARD_BYTES];
    } rooms[2];
    void (*filled)(struct watched *watched, void *record); /* called when it is complete */
};
void watched_records_begin(struct watched_records *records, struct watched *watched, sl_records *host, size_t record_size,
                           void (*filled)(struct watched *watched, void *record));
void watched_records_end(struct watched_records *records);

#define WATCHED_MAPS 64 /* whose sizes are remembered in a fold */

struct watched_scratch {
    sl_scratch scratch; /* first */
    sl_scratch *host;
    struct watched *watched;
    struct {
        const sl_map *map;
        size_t size;
    } maps[WATCHED_MAPS];
    size_t map_count;
};
/* For the next call; what it knows of maps stays until watched_scratch_forget(). */
sl_scratch *watched_scratch_for(struct watched_scratch *scratch, struct watched *watched, sl_scratch *host);
void watched_scratch_forget(struct watched_scratch *scratch);

#endif
