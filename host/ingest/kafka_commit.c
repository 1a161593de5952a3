/* kafka_commit.c - offsets told to Kafka under the group's name, so that its monitors can show how far behind we are.
 *
 * Nothing depends on it: our own state says where to start. So it never holds anybody up - who commits leaves the offsets
 * here, the watcher sends the newest ones when the former are answered - and a failure is a line in the log now and then. */
#include "ingest/kafka_internal.h"

#include "base/memory.h"
#include "base/time.h"

#include <stdlib.h>
#include <string.h>

#define FAILURE_EVERY_MS 60000
#define LAST_MS          1000

void kafka_commit_open(struct kafka_source *self)
{
    struct kafka_commit *commit = &self->commit;
    pthread_mutex_init(&commit->lock, NULL);
    commit->limit.every_ms = FAILURE_EVERY_MS;
    commit->next = memory_new((size_t)self->reader.source.partitions * sizeof *commit->next);
    commit->answers = rd_kafka_queue_new(self->reader.handle);
}

void kafka_commit_set(struct source *source, const int64_t *next)
{
    struct kafka_commit *commit = &((struct kafka_source *)source)->commit;
    pthread_mutex_lock(&commit->lock);
    memcpy(commit->next, next, (size_t)source->partitions * sizeof *next);
    commit->wanted = true;
    pthread_mutex_unlock(&commit->lock);
}

static void on_answer(rd_kafka_t *handle, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *offsets, void *opaque)
{
    (void)handle;
    struct kafka_source *self = opaque;
    self->commit.under_way = false;
    for (int i = 0; err == RD_KAFKA_RESP_ERR_NO_ERROR && offsets != NULL && i < offsets->cnt; i++)
        err = offsets->elems[i].err;
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR && err != RD_KAFKA_RESP_ERR__NO_OFFSET)
        log_limited(&self->commit.limit, LOG_LEVEL_WARN,
                    "topic %s: Kafka does not take the offsets that are told for its monitors: %s; nothing else depends "
                    "on them",
                    self->reader.topic, rd_kafka_err2str(err));
}

/* Not while no broker is in reach: librdkafka would hold them, and with them its own end. */
static bool may_send(const struct kafka_source *self)
{
    return !self->commit.under_way && !atomic_load(&self->all_down) && !atomic_load(&self->gone);
}

static void send_offsets(struct kafka_source *self)
{
    struct kafka_commit *commit = &self->commit;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(self->reader.source.partitions);
    pthread_mutex_lock(&commit->lock);
    for (int32_t p = 0; commit->wanted && p < self->reader.source.partitions; p++)
        if (commit->next[p] >= 0)
            rd_kafka_topic_partition_list_add(list, self->reader.topic, p)->offset = commit->next[p];
    commit->wanted = false;
    pthread_mutex_unlock(&commit->lock);
    if (list->cnt != 0)
        commit->under_way = rd_kafka_commit_queue(self->reader.handle, list, commit->answers, on_answer, self) ==
                            RD_KAFKA_RESP_ERR_NO_ERROR;
    rd_kafka_topic_partition_list_destroy(list);
}

void kafka_commit_serve(struct kafka_source *self)
{
    (void)rd_kafka_queue_poll_callback(self->commit.answers, 0);
    if (may_send(self))
        send_offsets(self);
}

void kafka_commit_close(struct kafka_source *self)
{
    struct kafka_commit *commit = &self->commit;
    if (commit->answers == NULL)
        return;
    int64_t deadline_ms = time_monotonic_ms() + LAST_MS;
    while ((commit->under_way || (commit->wanted && may_send(self))) && time_monotonic_ms() < deadline_ms) {
        if (!commit->under_way)
            send_offsets(self);
        (void)rd_kafka_queue_poll_callback(commit->answers, 10);
    }
    rd_kafka_queue_destroy(commit->answers);
    free(commit->next);
    pthread_mutex_destroy(&commit->lock);
}
