/* log.h - the records of one key in one lane, ordered by (event time, id), and what was last written of its windows.
 *
 * The records are the only state there is: windows are positions among them, aggregates are folded from them. Invariant:
 * strictly increasing (time_ms, id as unsigned); at most one record per id. Memory comes from the worker's slab, texts are
 * held in the worker's texts; a log is touched by its worker's thread only.
 *
 * What keeps a log small, whatever comes:
 *
 * - Time. Rolling windows: a record goes when it leaves the longest. Sessions: the log goes when its newest run was over for as
 *   long as late events are taken (newest + gap + lateness). And of a session that never pauses a run that is not the newest
 *   goes, whole, when its last record is more than max + gap + lateness behind the clock; an event as old as that is late. So
 *   a log of a session reaches back at most 2 max + gap + lateness. Runs are counted from the first record that is there: what
 *   goes is a run as it was cut all along, so those behind it stay as they are cut. The newest run, and so what is written,
 *   does not depend on when others went, but for events that come late by hours. Where the clock stands when a record comes
 *   decides, not when memory is given back: a run goes before anything newer than its moment is looked at.
 * - Number. A log has the newest `key_records` records: another one takes the place of the oldest, or, if it is itself
 *   older than all, is not taken. So what is kept does not depend on the order in which records came. What such a log says is
 *   true of its newest records; a session's run begins with the oldest of them. */
#ifndef ENGINE_LOG_H
#define ENGINE_LOG_H

#include "engine/slab.h"
#include "engine/texts.h"
#include "engine/wheel.h"
#include "plugin/lane_set.h"

/* What is known in Redis of one parser's features in one window. */
struct sent {
    uint64_t hash;       /* of what was last written; 0: must be written, whatever it is */
    uint64_t when_present; /* 48 bits: time of the last write or refresh, on the clock that sends go by; 16 bits: which of
                              the parser's features exist there */
};
/* In place of a time: written by somebody else, or lost; no TTL is known to have run out. */
#define SENT_UNKNOWN_MS (((int64_t)1 << 47) - 1)
static inline int64_t sent_when_ms(const struct sent *sent) { return (int64_t)sent->when_present >> 16; }
static inline unsigned sent_present(const struct sent *sent) { return (unsigned)(sent->when_present & 0xffffu); }
static inline void sent_note(struct sent *sent, int64_t when_ms, unsigned present)
{
    sent->when_present = (uint64_t)when_ms << 16 | (present & 0xffffu);
}

/* One window of a log, as readers see it. */
struct view {
    uint32_t full_low; /* view_full_ms() */
    int16_t full_high;
    bool dirty : 1; /* its records changed since it was last folded */
    bool live : 1;  /* it has records (a session: and is not over): what it wrote is kept alive */
    bool owed : 1;  /* was due, but the sink could not take it, or lost it */
    bool unsure : 1; /* restored: what Redis has is not known, and is written at the time of sent[0], or with a change */
    struct sent sent[]; /* one a parser of the lane */
};

/* When its bucket of changes is full again (emission.c), on the clock that sends go by; 48 bits of milliseconds. */
#define VIEW_EVER_FULL (-((int64_t)1 << 47))
static inline int64_t view_full_ms(const struct view *view)
{
    return (int64_t)view->full_high * ((int64_t)1 << 32) + view->full_low;
}
static inline void view_fill_at(struct view *view, int64_t full_ms)
{
    view->full_low = (uint32_t)full_ms;
    view->full_high = (int16_t)(full_ms >> 32);
}

/* Of one window of a log with more than LOG_SHORT_MAX records: pace.h. */
struct pace {
    int64_t folded_ms; /* on the clock that sends go by; PACE_NEVER */
    uint32_t changes;  /* since then */
};
#define PACE_NEVER (INT64_MIN / 2)

struct log {
    struct timer expiry, send;
    sl_text key;
    char *records; /* slab memory; the first record is at `start`. A log with many has a header before them */
    uint32_t start, count, capacity; /* in records */
    uint32_t hash; /* low half of the key's: position in the table */
    uint16_t tag;  /* its top bits: what tells logs apart without touching them */
    uint16_t pins; /* groups in flight at the sink that name this log; with UINT16_MAX the next has to wait */
    uint8_t lane;  /* index in the lane set */
    uint8_t queue; /* which of the shard's queues it waits in: enum log_queue_kind */
    uint8_t combined; /* low bits of the number of the first bucket that did not rest when its records were last combined */
    uint8_t since; /* the ledger's mark that it belongs to while something of it is not acknowledged; 0: all is */
    /* views follow */
};

#define LOG_COMBINE_NEAR 64 /* how many records before it one is offered to, newest first */

/* A log with room for more is long: a set of ids answers whether a record is a duplicate; else a scan does. */
#define LOG_SCAN_MAX 48

/* Up to so many a log is its records alone. Of one that has more: */
#define LOG_SHORT_MAX 32
struct pace *log_pace(const struct log *log, const struct set_lane *lane, size_t window);
int64_t *log_combined(const struct log *log, const struct set_lane *lane); /* what is older was combined (combining.h) */

/* A record of this time went, or was not taken, since the log had as many as it may. And: the latest such time; LOG_UNCUT. */
void log_note_cut(struct log *log, const struct set_lane *lane, int64_t time_ms);
int64_t log_cut_ms(const struct log *log, const struct set_lane *lane);
#define LOG_UNCUT INT64_MIN

enum log_result {
    LOG_INSERTED,
    LOG_REPLACED, /* a duplicate that takes the place of the copy that was there: earlier, or smaller at equal times */
    LOG_DUPLICATE /* the log keeps the copy it has */
};

/* Size of a log with its views, for the slab. */
size_t log_size(const struct set_lane *lane);
static inline size_t view_size(const struct set_lane *lane)
{
    return sizeof(struct view) + lane->metric_count * sizeof(struct sent);
}
static inline struct view *log_view(struct log *log, const struct set_lane *lane, size_t window)
{
    return (struct view *)((char *)(log + 1) + window * view_size(lane));
}

static inline const char *log_record(const struct log *log, const struct set_lane *lane, size_t index)
{
    return log->records + (log->start + index) * lane->table->record_size;
}
static inline int64_t log_time(const struct log *log, const struct set_lane *lane, size_t index)
{
    return ((const sl_stamp *)(const void *)log_record(log, lane, index))->time_ms;
}

/* Index of the first record with event time >= time_ms; log->count if there is none. */
size_t log_from(const struct log *log, const struct set_lane *lane, int64_t time_ms);

/* Index of the first record that is not before this stamp. */
size_t log_from_stamp(const struct log *log, const struct set_lane *lane, const sl_stamp *stamp);

/* Is a record with this stamp older than all that the log has? */
bool log_begins_with(const struct log *log, const struct set_lane *lane, const sl_stamp *stamp);

/* Index behind the last record of the run that record `first` begins. */
size_t log_run_end(const struct log *log, const struct set_lane *lane, size_t first);

/* Index of the first record of the newest run: runs are cut where the next record is more than the window's gap behind the
 * one before it, or more than its max behind the run's first. 0 for an empty log. */
size_t log_newest_run(const struct log *log, const struct set_lane *lane);

/* Insert a copy of `record` where its stamp belongs. On LOG_INSERTED and LOG_REPLACED the log has taken over the texts that
 * the record holds (and dropped those of the copy it replaced, whose event time is then in *replaced_ms); on LOG_DUPLICATE
 * they are still the caller's.
 * Cost: a step per record newer than it, usually none. */
enum log_result log_insert(struct log *log, const struct set_lane *lane, struct slab *slab, struct texts *texts,
                           const void *record, int64_t *replaced_ms);

/* Move the records to a smaller block if they take up less than half of theirs. */
void log_fit(struct log *log, const struct set_lane *lane, struct slab *slab);

/* Give back what the slab does not free by itself, when all of it goes. */
void log_free_large(struct log *log, const struct set_lane *lane, struct slab *slab);

/* Take out the record with this id, if there is one, at whatever time, and drop its texts. */
void log_remove(struct log *log, const struct set_lane *lane, struct slab *slab, struct texts *texts, const sl_stamp *stamp);

/* Let the lane combine what it will among the records [begin, end), each with those of its time before it. */
void log_combine(struct log *log, const struct set_lane *lane, struct slab *slab, struct texts *texts, size_t begin, size_t end);

/* Drop the first `count` records and their texts. */
void log_trim(struct log *log, const struct set_lane *lane, struct slab *slab, struct texts *texts, size_t count);

#endif
