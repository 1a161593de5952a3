/* journal.h - what happens to the logs of one lane and worker, on its way to the disk.
 *
 * Operations are gathered in memory and written at checkpoints, or when a megabyte has come together. A segment is ended
 * when the clock has moved on by a sixteenth of how long its records are kept, so that old ones can be deleted soon.
 *
 * What can't be written waits in memory and is tried again at each checkpoint. If too much waits, whether a checkpoint is due
 * or not, or the system has lost what it took (a failed fsync), the journal is broken: it forgets what waits, and once the disk
 * works again everything that is in the logs is written anew (journal_renew). Until then there are no checkpoints, and the last
 * good one stands. A renewal for which there is not enough room is given up as soon as that shows, leaves nothing behind, and is
 * not tried at every checkpoint.
 *
 * Touched by its worker's thread only, but for journal_lost(). */
#ifndef ENGINE_JOURNAL_H
#define ENGINE_JOURNAL_H

#include "engine/ledger.h"
#include "engine/parcel.h"
#include "state/manifest.h"

#include <stdatomic.h>

#ifndef JOURNAL_WAITING_MAX /* else: a test that wants to get there */
#define JOURNAL_WAITING_MAX ((size_t)64 << 20) /* bytes of one journal that may wait for the disk */
#define JOURNAL_WRITE_BYTES ((size_t)1 << 20)  /* that much is written without waiting for a checkpoint */
#endif

struct journal_settings {
    int folder; /* descriptor of the folder for segments; not owned */
    const char *lane;
    uint64_t generation;
    uint32_t worker, workers;
    const struct record_schema *schema; /* not owned */
    int64_t keep_ms;                    /* how long records of this lane are of use */
    bool held;                          /* no file may be made before the first cut: it begins broken */
};

struct journal {
    struct journal_settings settings;
    struct segment_writer writer;
    int64_t begun_ms; /* the clock when its segment was begun; INT64_MIN: it has nothing yet */
    uint32_t sequence; /* of the segment being written */
    struct manifest_segment *ended; /* of this generation, oldest first; all that was put there is in the file */
    size_t ended_count;
    size_t tried;     /* bytes that waited when writing them was last tried: again when there are more */
    struct buffer trim; /* the body of an entry, while it is made */
    bool broken;
    bool renewing;    /* and is being, until all of that is in its file */
    bool whole;       /* it was written anew: the segments of this generation hold all that the logs do */
    uint32_t given_up; /* segments before this sequence are of no use any more */
    int pause, tries;  /* cuts until the next renewal is tried; renewals that were given up in the middle */
    struct error trouble; /* why the last one was */
    atomic_bool lost; /* set by whoever found that the disk lost what it took */
};

void journal_init(struct journal *journal, const struct journal_settings *settings);
void journal_free(struct journal *journal);

/* A record came with this entry, texts still by value. The result names it until the next operation of the journal. */
size_t journal_put(struct journal *journal, struct entry *entry);
/* It was a copy of one that stays. */
void journal_take_back(struct journal *journal, size_t put);
/* It took the place of its copy. */
void journal_replaced(struct journal *journal, size_t put);
/* All records of the key went, before their time. */
void journal_drop(struct journal *journal, sl_view key);
/* Those before `first` went. `record_size`: the lane's. */
void journal_trim(struct journal *journal, sl_view key, const sl_stamp *first, size_t record_size);

/* A descriptor to be synced, and closed if `ended`. */
struct journal_file {
    int file;
    bool ended;
};
/* What a checkpoint needs to know of it. */
struct journal_cut {
    struct manifest_segment *segments; /* of this generation, in order; freed by the taker */
    size_t segment_count;
    struct journal_file files[2];      /* written since the last cut: the current segment's or one that is ended; before it
                                          an ended one of the former cut, where that was not taken */
    size_t file_count;
    struct journal_position position;  /* where it stands */
    uint32_t given_up;                 /* segments before this sequence are of no use any more */
    bool whole;                        /* segments of former generations have nothing that these lack */
    bool complete;                     /* false: not all of it could be written: no checkpoint */
};
/* Write what waits. `clock_ms`: now. `acknowledged`: where the oldest open mark of the ledger stood; NULL: nothing is open.
 * Files in the cut belong to the taker until the next cut; one that is ended is the taker's to close, who then takes it off
 * (file_count). `cut` is the former one, or zero. False, with the error, where cut->complete is false. */
bool journal_cut(struct journal *journal, int64_t clock_ms, const struct journal_position *acknowledged,
                 struct journal_cut *cut, struct error *error);

bool journal_is_broken(const struct journal *journal);
/* A cut that is not complete, and says no more than what has been given up. Files that nobody took stay in it. */
void journal_cut_reset(const struct journal *journal, struct journal_cut *cut);
/* Nobody takes it any more. */
void journal_cut_free(struct journal_cut *cut);
/* Begin it anew: then all records of the logs must be put before the next cut, with journal_keeps_up() asked now and then.
 * False: the disk still does not take anything, or it is too soon to try again; it stays broken. */
bool journal_renew(struct journal *journal, struct error *error);
/* False: the disk does not take all that is written anew; it is broken again, and nothing more need be put. */
bool journal_keeps_up(struct journal *journal, struct error *error);

/* Thread-safe: the disk has lost what it took; what is on it of this generation can't be relied on. */
void journal_lost(struct journal *journal);

/* Segments that nobody needs any more are left out of further cuts: those from the oldest on whose newest record is before
 * this time. */
void journal_forget_before(struct journal *journal, int64_t time_ms);

#endif
