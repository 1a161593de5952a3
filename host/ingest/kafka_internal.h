/* kafka_internal.h - what the two Kafka sources share, and the structs of the main one.
 *
 * A reader (kafka_reader.c) is one librdkafka handle on one topic, its workers' queues and a thread beside them; the main
 * source (kafka_source.c) and the one that reads the past (kafka_past.c) begin with one. Questions to the brokers are in
 * kafka_query.c. The main source's further files: kafka_start.c (which partitions, from which offsets), kafka_watch.c (is
 * anybody out there), kafka_repair.c (offsets and topics that are gone), kafka_commit.c (telling the monitors). */
#ifndef INGEST_KAFKA_INTERNAL_H
#define INGEST_KAFKA_INTERNAL_H

#include "base/log.h"
#include "ingest/kafka_config.h"
#include "ingest/source.h"

#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdatomic.h>

/* --- kafka_reader.c ------------------------------------------------------------------------------------------------- */

struct kafka_worker {
    rd_kafka_queue_t *queue;
    rd_kafka_message_t **taken; /* the batch that is out */
    size_t count;
    struct message *messages;
    _Atomic uint64_t rounds; /* odd: it is taking messages at this moment */
    atomic_bool through;     /* nothing will come any more */
};

struct kafka_reader;
struct kafka_reader_calls {
    /* The worker's thread: not a message but an event of its partition; a message (false: to be left out). */
    void (*event)(struct kafka_reader *reader, const rd_kafka_message_t *event);
    bool (*message)(struct kafka_reader *reader, const rd_kafka_message_t *from, struct message *message);
    /* The reader's thread: something that is not fatal; several times a second; would a fetch bring messages? */
    void (*trouble)(struct kafka_reader *reader, rd_kafka_resp_err_t err, const char *reason);
    void (*tend)(struct kafka_reader *reader);
    bool (*hungry)(const struct kafka_reader *reader);
};

struct kafka_reader {
    struct source source; /* first */
    const struct kafka_reader_calls *calls;
    rd_kafka_t *handle;
    char *topic;
    size_t batch_messages;
    struct kafka_worker *workers;
    atomic_bool stopped;
    struct log_limit error_limit, log_limit;

    pthread_t thread;
    bool running;       /* there is a thread to join */
    atomic_bool ending; /* the thread is to end */

    pthread_mutex_t lock; /* guards the rest */
    bool failed;
    struct error error;
    char trouble[256]; /* what librdkafka complained of last */
};

/* The reader is zeroed. `queue_kb` 0: as configured; else a worker's queue holds at most that much. False and the error;
 * kafka_reader_close() in any case. */
bool kafka_reader_open(struct kafka_reader *reader, const struct source_class *class,
                       const struct kafka_reader_calls *calls, const struct kafka_settings *settings, int workers,
                       int queue_kb, struct error *error);
/* Its thread, which serves librdkafka's callbacks from here on. */
bool kafka_reader_run(struct kafka_reader *reader, struct error *error);
void kafka_reader_halt(struct kafka_reader *reader);  /* stop, and wait for the thread, at most about a second */
/* Halts; frees what the reader holds, not itself. False: librdkafka does not end, and the reader must stay as it is. */
bool kafka_reader_close(struct kafka_reader *reader);

/* Read these partitions from these offsets, each by its worker, in place of what was read of them before; others go on.
 * Messages of them that were not taken yet will not come. Not from a worker's thread. */
rd_kafka_resp_err_t kafka_reader_begin(struct kafka_reader *reader, rd_kafka_topic_partition_list_t *list);
/* Read these no more. When it returns no worker is about to take a message of them. */
void kafka_reader_leave(struct kafka_reader *reader, rd_kafka_topic_partition_list_t *list);
/* It ends with this error. */
void kafka_reader_fail(struct kafka_reader *reader, const struct error *error);

/* For classes. */
enum take kafka_reader_take(struct source *source, int worker, int timeout_ms, struct batch *batch);
void kafka_reader_give_back(struct source *source, struct batch *batch);
bool kafka_reader_error(struct source *source, struct error *error);
void kafka_reader_stop(struct source *source);
void kafka_pause_ms(long ms);
void kafka_fill_message(const rd_kafka_message_t *from, struct message *message);

/* --- kafka_query.c -------------------------------------------------------------------------------------------------- */

#define KAFKA_NO_STAMP INT64_MIN

/* Where a partition's log begins and ends. */
struct kafka_extent {
    int64_t low, high;
    int64_t first_ms; /* stamp of its first message, where asked for; KAFKA_NO_STAMP: none there, or not learned */
};

int kafka_left_ms(int64_t deadline_ms); /* until the (monotonic) deadline, in pieces, at least 1 */
/* How many partitions the topic has; 0: *err says why. */
int32_t kafka_count_partitions(struct kafka_reader *reader, int timeout_ms, rd_kafka_resp_err_t *err);
/* Set the offsets of the list, which has partitions of the topic, to those of the first messages with a stamp at or after
 * time_ms, and to the end where there is none. */
#define KAFKA_TIME_LATEST   (-1)
#define KAFKA_TIME_EARLIEST (-2)
rd_kafka_resp_err_t kafka_find_offsets(struct kafka_reader *reader, rd_kafka_topic_partition_list_t *list,
                                       int64_t time_ms, int64_t deadline_ms);
/* Of partitions 0 to count-1; without first_ms. */
rd_kafka_resp_err_t kafka_find_extents(struct kafka_reader *reader, int32_t count, struct kafka_extent *extents,
                                       int64_t deadline_ms);
/* The timestamps of the messages at these offsets (negative: not wanted), or of the next that there are; KAFKA_NO_STAMP: none. The
 * reader must read none of these partitions at this time. */
void kafka_find_stamps(struct kafka_reader *reader, int32_t count, const int64_t *offsets, int64_t *stamps_ms, int64_t deadline_ms);
/* Fills first_ms where `wanted`, by reading a message of each; the reader must read none of them at this time. */
void kafka_find_first_stamps(struct kafka_reader *reader, int32_t count, const bool *wanted,
                             struct kafka_extent *extents, int64_t deadline_ms);
bool kafka_error_passing(rd_kafka_resp_err_t err); /* what asking again may cure */
bool kafka_error_no_topic(rd_kafka_resp_err_t err);
void kafka_explain(struct kafka_reader *reader, const struct kafka_settings *settings, rd_kafka_resp_err_t err,
                   struct error *error);
rd_kafka_topic_partition_list_t *kafka_partition_list(const struct kafka_reader *reader, int32_t from, int32_t to);
/* " and from before 2026-11-22T10:00:00.000Z", or that it can't be told. `out` has room for KAFKA_WHEN_MAX. */
#define KAFKA_WHEN_MAX 96
const char *kafka_when(const struct kafka_extent *extent, char *out);

/* --- the main source ------------------------------------------------------------------------------------------------ */

/* Written by the partition's worker, and by the watcher while it is away. */
struct kafka_partition {
    _Alignas(64) _Atomic int state; /* enum partition_state */
    _Atomic int64_t idle_since_ms; /* time_boot_ms(): the wall clock may jump */
    _Atomic int64_t next; /* offset of the message that comes next */
    _Atomic int64_t passed; /* the same, when librdkafka last told its end; -1: it has not since reading began */
    int64_t begin;        /* offset that reading began at; constant */
    _Atomic int64_t end;  /* where its log ended when that was last seen */
    _Atomic int64_t end_seen_ms; /* when reading came to it (time_boot_ms()) */
    atomic_bool misplaced; /* Kafka has no message at `next`: it stands until the watcher says where to go on */
};

struct kafka_commit { /* kafka_commit.c */
    pthread_mutex_t lock;
    int64_t *next; /* guarded by the lock */
    bool wanted;   /* guarded by the lock: `next` is to be told */
    bool under_way;
    bool answers_for;  /* Kafka has answered for the group: who looks after it is known */
    bool refused;      /* it takes no offsets, which was said */
    int64_t ask_ms;    /* not before this time (monotonic) again */
    rd_kafka_queue_t *answers;
};

struct kafka_source {
    struct kafka_reader reader; /* first */
    struct kafka_partition *partitions;
    enum kafka_loss on_loss;
    int64_t last_stamp_ms; /* of the messages before those that reading began at; KAFKA_NO_STAMP: not asked for, or none; constant */
    _Atomic uint64_t bytes; /* of all messages taken */
    _Atomic uint64_t lost;
    atomic_bool grown;
    struct kafka_commit commit;

    atomic_bool suspect;   /* something failed: ask the partitions */
    atomic_bool all_down;  /* librdkafka has no connection at all */
    atomic_bool vanished;  /* librdkafka says that there is no such topic */
    atomic_bool misplaced; /* a partition is */

    /* Set by the watcher. What comes of other partitions, or while the topic is gone, does not count: librdkafka reads on
     * as soon as there is something of that name. */
    _Atomic int32_t present; /* partitions below are there and read; the others went */
    atomic_bool gone;        /* there is no such topic at this time */

    /* the watcher's own */
    int64_t ask_ms, look_ms, repair_ms, sample_ms; /* when to do these again (monotonic) */
    int32_t announced_partitions;
    int64_t gone_ms; /* since when the topic is gone (wall clock) */
};

static inline struct kafka_source *kafka_source_of(struct kafka_reader *reader) { return (struct kafka_source *)reader; }

/* kafka_start.c: the topic's partitions, 0 to n-1, with the offsets to start from; NULL and the error if they can't be
 * learned, or what `positions` want is not there. */
rd_kafka_topic_partition_list_t *kafka_start(struct kafka_reader *reader, const struct kafka_settings *settings,
                                             const struct kafka_positions *positions, const volatile bool *stop,
                                             struct error *error);

/* kafka_source.c: from any thread. */
void kafka_partition_set(struct kafka_partition *partition, enum partition_state state, int64_t idle_since_ms);

/* kafka_watch.c: what the reader's thread does. */
#define KAFKA_LOOK_EVERY_MS 10000 /* at the topic: is it there, has it got more partitions */
void kafka_watch_tend(struct kafka_reader *reader);
bool kafka_watch_hungry(const struct kafka_reader *reader);
void kafka_watch_trouble(struct kafka_reader *reader, rd_kafka_resp_err_t err, const char *reason);
void kafka_watch_suspect(struct kafka_source *self); /* thread-safe */

/* kafka_repair.c: by the watcher. */
void kafka_repair_misplaced(struct kafka_source *self); /* partitions whose offset is not there */
void kafka_repair_gone(struct kafka_source *self);      /* the topic is not there: read nothing */
void kafka_repair_return(struct kafka_source *self);    /* is it there again? */
void kafka_repair_more(struct kafka_source *self, int32_t count); /* partitions that had gone are there again */

/* kafka_commit.c */
void kafka_commit_open(struct kafka_source *self);
void kafka_commit_set(struct source *source, const int64_t *next); /* any thread; never waits for Kafka */
void kafka_commit_serve(struct kafka_source *self);                /* by the watcher */
void kafka_commit_close(struct kafka_source *self); /* the watcher has ended: tells what was not told yet, in a second */

#endif
