/* ledger.h - since which checkpoint the sink has left something unacknowledged.
 *
 * A log is open while one of its windows is dirty, owed, or in flight at the sink. Each checkpoint sets a mark: where every
 * journal of the shard stood, and the clock. An open log belongs to the mark that was the newest when it was opened. So all
 * that happened before the oldest mark that still has open logs is in Redis: after a restart only what follows it may be
 * missing there. Marks are few: when all are in use, the newest stands for more and more; then more than need be counts as
 * owed, never less. Touched by the shard's thread only. */
#ifndef ENGINE_LEDGER_H
#define ENGINE_LEDGER_H

#include <stddef.h>
#include <stdint.h>

#define LEDGER_MARKS 64

/* A place in the journal of one lane. */
struct journal_position {
    uint32_t sequence; /* of the segment */
    uint64_t bytes;
};

struct ledger_mark {
    int64_t clock_ms;
    uint64_t open; /* logs that belong to it */
    struct journal_position *positions; /* by lane */
};

struct ledger {
    struct ledger_mark marks[LEDGER_MARKS]; /* a ring: `first` to `first + count - 1` */
    size_t first, count, lanes;
};

/* The first mark is set at once: before everything. */
void ledger_init(struct ledger *ledger, size_t lanes, int64_t clock_ms);
void ledger_free(struct ledger *ledger);

/* A log is opened: returns what it belongs to, never 0. And closed. */
uint8_t ledger_open(struct ledger *ledger);
void ledger_close(struct ledger *ledger, uint8_t since);

/* A checkpoint: everything stands here now. */
void ledger_mark(struct ledger *ledger, int64_t clock_ms, const struct journal_position *positions);

/* All that a lane has is new to the sink, however long its records have been in the journal: at every mark it stands at its
 * beginning. */
void ledger_begin_lane(struct ledger *ledger, size_t lane);

/* The oldest mark that something open belongs to; else NULL: nothing is open. Marks before it are forgotten. */
const struct ledger_mark *ledger_oldest(struct ledger *ledger);

#endif
