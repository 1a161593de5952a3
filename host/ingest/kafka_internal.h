/* kafka_internal.h - the Kafka source's own struct, shared by its three files: kafka_source.c (messages), kafka_start.c
 * (which partitions, from which offsets), kafka_watch.c (is anybody out there). */
#ifndef INGEST_KAFKA_INTERNAL_H
#define INGEST_KAFKA_INTERNAL_H

#include "base/log.h"
#include "ingest/kafka_config.h"
#include "ingest/source.h"

#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdatomic.h>

/* Written by the partition's worker, and by the watcher while it is away. */
struct kafka_partition {
    _Alignas(64) _Atomic int state; /* enum partition_state */
    _Atomic int64_t idle_since_ms;
    _Atomic int64_t next; /* offset of the message that comes next */
};

struct kafka_worker {
    rd_kafka_queue_t *queue;
    rd_kafka_message_t **taken; /* the batch that is out */
    size_t count;
    struct message *messages;
};

struct kafka_source {
    struct source source;
    rd_kafka_t *handle;
    char *topic;
    size_t batch_messages;
    struct kafka_worker *workers;
    struct kafka_partition *partitions;
    atomic_bool stopped;
    _Atomic uint64_t bytes; /* of all messages taken */
    struct log_limit error_limit, log_limit;

    pthread_t watcher;
    bool watching;        /* there is a watcher to join */
    atomic_bool suspect;  /* something failed: ask the partitions */
    atomic_bool all_down; /* librdkafka has no connection at all */
    int32_t announced_partitions;

    pthread_mutex_t lock; /* guards the rest */
    bool failed;
    struct error error;
    char trouble[256]; /* what librdkafka complained of last */
};

/* kafka_start.c: the topic's partitions, 0 to n-1, with the offsets to start from; NULL and the error if they can't be
 * learned before the deadline (monotonic). */
rd_kafka_topic_partition_list_t *kafka_start(struct kafka_source *self, const struct kafka_settings *settings,
                                             int64_t deadline_ms, struct error *error);

/* kafka_watch.c */
void kafka_watch_configure(struct kafka_source *self, rd_kafka_conf_t *conf); /* callbacks; before the handle is made */
bool kafka_watch_start(struct kafka_source *self, struct error *error);
void kafka_watch_stop(struct kafka_source *self); /* `stopped` is set; waits for the thread, at most about a second */
void kafka_watch_suspect(struct kafka_source *self); /* thread-safe */

#endif
