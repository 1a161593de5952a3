/* drive.h - events through a lane set, in this process and one thread, under a clock that only the caller moves.
 *
 * The parts are the host's own: reading, extraction, shards, folds; only threads, Kafka and Redis are left out. Several workers
 * are several pairs of them, taking turns. What comes out is what `shoplane replay` writes for the same events, whatever the
 * number of workers and the size of batches.
 *
 * Not thread-safe; nothing here ends the process but the lack of memory. */
#ifndef TESTHOST_DRIVE_H
#define TESTHOST_DRIVE_H

#include "testhost/kept_features.h"

#include "config/config.h"
#include "plugin/lane_set.h"

#include "engine/cost.h"
#include "engine/fold_check.h"
#include "engine/state_plan.h"

#define DRIVE_WORKERS_MAX 16

struct drive_settings {
    const struct lane_set *set;   /* outlives the drive */
    const struct config *config;  /* disorder, future, limits; outlives it too */
    int workers;                  /* 1 to DRIVE_WORKERS_MAX */
    size_t batch;                 /* events a batch, at least 1 */
    const struct state_plan *plan; /* of this set, for drive_restart(): its folder's journal/ is written to; NULL: none */
    bool keep_letters;             /* the dead letters are kept: drive_letters() */
};

struct drive;

struct drive *drive_new(const struct drive_settings *settings);
void drive_free(struct drive *drive);

/* One message; its bytes stay as they are until the drive is done with the batch: the caller keeps them until drive_end().
 * `step` is kept with what is written because of it, see kept_features.h. */
void drive_event(struct drive *drive, sl_view message, size_t step);

/* The end: batches that are open are taken, the clock moves to the largest event time and on to `until_ms` (INT64_MIN: no
 * further), and what waits for its interval is written. */
void drive_end(struct drive *drive, int64_t until_ms);

/* A restart in the middle, once a drive: what is open is taken, every record goes through a journal, is read from there by
 * workers that know nothing of it, and all goes on. Only with a plan. False: the journal can't be written or read; *error. */
bool drive_restart(struct drive *drive, struct error *error);

/* After the end: what was written is forgotten, and all that lives is written once more, as if Redis had lost everything. So it
 * does not show when something was written, or that it was there before. */
void drive_write_again(struct drive *drive);

/* A fold that is no matter of its records alone (engine/fold_check.h): the first that is found. */
struct drive_doubt {
    bool any;
    struct fold_finding finding;
    size_t lane, metric;
    char key[300]; /* the feature's in Redis; cut */
};
/* From now on one of the keys is looked at after each batch, by turns, and at the end all of them, with all that has left its
 * windows. */
void drive_doubt(struct drive *drive, struct drive_doubt *doubt);

/* What Redis would have. */
const struct kept_features *drive_features(const struct drive *drive);

/* The dead letters so far, a line of JSON each (snowplow/bad_row.h), until the next event; empty where they are not kept. */
sl_view drive_letters(const struct drive *drive);

/* As of drive_end(). INT64_MIN: nothing was read. */
int64_t drive_clock_ms(const struct drive *drive);

struct drive_counters {
    uint64_t events, dead_letters, unkeyed, records, duplicates, late, folds;
};
void drive_count(const struct drive *drive, struct drive_counters *counters);

/* What the plugins cost: `costs`, zeroed, one a lane. */
void drive_costs(const struct drive *drive, struct lane_cost *costs);

#endif
