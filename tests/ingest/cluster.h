/* cluster.h - a Kafka to test against: librdkafka's mock cluster in a child process, or Apache Kafka by tests/kafka. */
#ifndef TESTS_INGEST_CLUSTER_H
#define TESTS_INGEST_CLUSTER_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

struct cluster {
    bool real;
    char address[256];
    /* mock */
    pid_t child;
    FILE *commands, *answers;
    /* Apache Kafka */
    const char *script;
    char folder[64];
    rd_kafka_t *producer;
};

/* False, with the reason printed: there is none here. */
bool cluster_start_mock(struct cluster *cluster, const char *program);
bool cluster_start_real(struct cluster *cluster, const char *script, const char *build_folder);
void cluster_end(struct cluster *cluster);

/* These end the program when they fail. */
void cluster_topic(struct cluster *cluster, const char *name, int partitions);
/* These need Apache Kafka. */
void cluster_delete_topic(struct cluster *cluster, const char *name);
void cluster_make_topic(struct cluster *cluster, const char *name, int partitions); /* quicker than cluster_topic() */
void cluster_add_partitions(struct cluster *cluster, const char *name, int partitions);
/* Mock: brokers say that they have no such topic, or have it again. */
void cluster_hide_topic(struct cluster *cluster, const char *name, bool hidden);
void cluster_down(struct cluster *cluster); /* Apache Kafka: by SIGKILL */
void cluster_up(struct cluster *cluster);

/* Send one message; stamp_ms 0: now. NULL is a tombstone. */
void cluster_send(struct cluster *cluster, const char *topic, int32_t partition, const void *bytes, size_t size,
                  int64_t stamp_ms);
/* `count` messages "x" in one transaction, which leaves an offset without a message behind them. Apache Kafka. */
void cluster_send_transaction(struct cluster *cluster, const char *topic, int32_t partition, int count);
/* The same, aborted: they take up offsets, and nobody reads them. */
void cluster_send_aborted(struct cluster *cluster, const char *topic, int32_t partition, int count);
/* Delete the messages below `offset`, as retention does. Not on the mock cluster. */
void cluster_delete_before(struct cluster *cluster, const char *topic, int32_t partition, int64_t offset);
/* What the group has committed for the partition; negative: nothing. */
int64_t cluster_committed(struct cluster *cluster, const char *group, const char *topic, int32_t partition);
/* Until all that was sent is acknowledged. */
void cluster_flush(struct cluster *cluster);

#endif
