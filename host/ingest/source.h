/* source.h - where messages come from: Kafka partitions, or files one after the other.
 *
 * A source is shared by all workers; worker i calls source_take(source, i, ...) from its thread only. A batch belongs to the
 * worker until it is given back.
 *
 * Files are one stream: batch k of it goes to worker k mod workers, numbered by `sequence`, so that those who need the
 * order of arrival (DESIGN.md section 3: the number of workers can't change a result) can restore it. Kafka: partition p
 * belongs to worker p mod workers; there is no order across partitions and `ordered` is false. */
#ifndef INGEST_SOURCE_H
#define INGEST_SOURCE_H

#include "base/error.h"
#include "config/config.h"

#include <shoplane/types.h>

struct message {
    sl_view bytes;     /* without the newline of a file's line; at least 0 bytes */
    int64_t stamp_ms;  /* the message's Kafka timestamp, INT64_MIN: it has none; for a file the wall clock when its batch was read */
    int32_t partition; /* index below source_partitions(); files: 0 */
    int64_t offset;    /* Kafka: the message's; files: byte offset of the line within all files */
};

/* 2010: Kafka timestamps before there was any Kafka are none. */
#define MESSAGE_FIRST_STAMP_MS 1262304000000

struct batch {
    struct message *messages;
    size_t count;
    uint64_t sequence; /* files: number of this batch, from 0 */
    void *memory;      /* the source's own */
};

enum take {
    TAKE_BATCH, /* *batch is filled */
    TAKE_WAIT,  /* nothing now; ask again */
    TAKE_END    /* files: the stream has ended; Kafka: stopped, or a fatal error (source_error) */
};

struct source;

/* What a partition is doing; for the clock. */
enum partition_state {
    PARTITION_READING, /* has, or may have, data to give */
    PARTITION_AT_END,  /* read to its end, and nothing came since `idle_since_ms` (time_boot_ms()) */
    PARTITION_AWAY     /* its broker can't be reached */
};

struct source_class {
    const char *name;
    enum take (*take)(struct source *source, int worker, int timeout_ms, struct batch *batch);
    void (*give_back)(struct source *source, struct batch *batch);
    enum partition_state (*partition)(struct source *source, int32_t partition, int64_t *idle_since_ms);
    void (*progress)(struct source *source, uint64_t *done, uint64_t *total);
    bool (*error)(struct source *source, struct error *error);
    void (*commit)(struct source *source, const int64_t *next); /* NULL: there is nobody to tell */
    uint64_t (*lost)(struct source *source);                    /* NULL: none can be */
    bool (*grown)(struct source *source);                       /* NULL: it can't */
    int64_t (*begin)(struct source *source, int32_t partition); /* NULL: 0 */
    int64_t (*end)(struct source *source, int32_t partition, int64_t *seen_ms); /* NULL: not known */
    int64_t (*passed)(struct source *source, int32_t partition);                /* NULL: not known */
    int64_t (*last_stamp)(struct source *source); /* NULL: not known */
    void (*stop)(struct source *source);
    void (*free)(struct source *source);
};

struct source {
    const struct source_class *class;
    int workers;
    int32_t partitions; /* fixed while it runs; files: 1 */
    bool ordered;       /* batches have a global order: sequence */
};

/* Read up to the configured batch size; wait up to timeout_ms for the first message. The thread that takes messages gives
 * back each batch before it takes the next, and keeps no view into it. */
static inline enum take source_take(struct source *source, int worker, int timeout_ms, struct batch *batch)
{
    return source->class->take(source, worker, timeout_ms, batch);
}
static inline void source_give_back(struct source *source, struct batch *batch)
{
    source->class->give_back(source, batch);
}
/* Thread-safe. */
static inline enum partition_state source_partition(struct source *source, int32_t partition, int64_t *idle_since_ms)
{
    return source->class->partition(source, partition, idle_since_ms);
}
/* Bytes read and bytes in all (0: unknown), for progress reports. Thread-safe. */
static inline void source_progress(struct source *source, uint64_t *done, uint64_t *total)
{
    source->class->progress(source, done, total);
}
/* True: it ended because of this error. */
static inline bool source_error(struct source *source, struct error *error)
{
    return source->class->error(source, error);
}
/* A checkpoint holds everything below these offsets, one a partition; told to Kafka for the monitors, without waiting.
 * Thread-safe. */
static inline void source_commit(struct source *source, const int64_t *next)
{
    if (source->class->commit != NULL)
        source->class->commit(source, next);
}
/* Messages that Kafka deleted before they were read, so far. Thread-safe. */
static inline uint64_t source_lost(struct source *source)
{
    return source->class->lost == NULL ? 0 : source->class->lost(source);
}
/* Has the topic got more partitions than are read? A restart reads them from their beginning. Thread-safe. */
static inline bool source_grown(struct source *source)
{
    return source->class->grown != NULL && source->class->grown(source);
}
/* The offset that reading of this partition began at. */
static inline int64_t source_begin(struct source *source, int32_t partition)
{
    return source->class->begin == NULL ? 0 : source->class->begin(source, partition);
}
/* Where the partition ended when reading last came to its end, at *seen_ms (time_boot_ms(); 0: it has not yet). Thread-safe. */
static inline int64_t source_end(struct source *source, int32_t partition, int64_t *seen_ms)
{
    *seen_ms = 0;
    return source->class->end == NULL ? 0 : source->class->end(source, partition, seen_ms);
}
/* Where reading last came to the partition's end: whatever lies before was given, or is no message (markers of transactions,
 * messages of aborted ones). What is there behind the last message may be deleted like any other, and is nothing that was not
 * read. Negative: not known. By the thread that takes the partition's messages, once it has dealt with those it took. */
static inline int64_t source_passed(struct source *source, int32_t partition)
{
    return source->class->passed == NULL ? -1 : source->class->passed(source, partition);
}
/* The newest Kafka timestamp of the last messages, one a partition, before those that reading began at; INT64_MIN: not known, or
 * not asked for (kafka_positions.want_stamp). */
static inline int64_t source_last_stamp(struct source *source)
{
    return source->class->last_stamp == NULL ? INT64_MIN : source->class->last_stamp(source);
}
/* No new batches: every worker gets TAKE_END. Thread-safe, async-signal-safe not needed. */
static inline void source_stop(struct source *source) { source->class->stop(source); }
static inline void source_free(struct source *source)
{
    if (source != NULL)
        source->class->free(source);
}

/* `paths` of `count` files, "-" is standard input; read in that order as one stream. A line ends at \n; a last line without
 * one counts if it is not empty. */
struct source *file_source_new(const char *const *paths, size_t count, size_t batch_messages, int workers,
                               struct error *error);

/* Where reading begins, from durable state. */
struct kafka_positions {
    const int64_t *next; /* by partition: offset of the first message wanted; negative: not known, as settings->start says */
    int32_t count;       /* partitions from here on are new: they are read from their beginning */
    bool accept_loss;    /* go on where wanted messages are not there any more, whatever settings->on_loss says */
    bool want_stamp;     /* source_last_stamp() will be asked */
};

/* All partitions of the topic, assigned (no group balancing). Fails if the topic's partitions can't be learned within
 * settings->connect_timeout_ms (settings->wait: it waits as long as it takes, saying so, until *stop is set), or a property
 * is unknown to librdkafka. With `positions` (NULL: none) it also fails, unless loss is accepted, where a wanted offset is
 * below what the partition still has, or beyond its end (the topic was made anew or cut), or the topic has fewer
 * partitions: the error says for each what would be lost, and that --accept-loss goes on at the earliest there is. */
struct source *kafka_source_new(const struct kafka_settings *settings, const struct kafka_positions *positions, int workers,
                                const volatile bool *stop, struct error *error);

/* A part of the past of the same topic, read beside it to fill a lane's windows: partition p from the first message whose
 * Kafka timestamp is at or after from_ms, or from offset from[p] where `from` is not NULL and from[p] >= 0, up to, and not
 * including, offset to[p]. Ends by itself (TAKE_END for a worker once all of its partitions are through; partitions with
 * nothing to read are through at once). source_progress() counts messages. *short_ms is, by how much, in ms of Kafka
 * timestamps, the topic does not go back as far as asked, over its partitions at most; 0: it does. A partition of which
 * nothing was ever deleted goes back far enough. */
struct source *kafka_past_new(const struct kafka_settings *settings, int64_t from_ms, const int64_t *from, const int64_t *to,
                              int32_t partitions, int workers, int64_t *short_ms, struct error *error);

#endif
