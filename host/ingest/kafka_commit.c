/* kafka_commit.c - offsets told to Kafka under the group's name, so that its monitors can show how far behind we are.
 *
 * Nothing depends on it: our own state says where to start. So it never holds anybody up - who commits leaves the offsets
 * here, the watcher sends the newest ones when the former are answered - and a failure is one line in the log. Offsets for
 * a group that nobody answers for, or that we have no rights to, would wait within librdkafka, and with them its end: so the
 * first ones are sent only when a question about the group was answered. */
#include "ingest/kafka_internal.h"

#include "base/memory.h"
#include "base/time.h"

#include <stdlib.h>
#include <string.h>

#define LAST_MS          1000
#define ASK_EVERY_MS     1000
#define REFUSED_EVERY_MS 10000
#define ASK_LIMIT_MS     50

void kafka_commit_open(struct kafka_source *self)
{
    struct kafka_commit *commit = &self->commit;
    pthread_mutex_init(&commit->lock, NULL);
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

static bool is_of_rights(rd_kafka_resp_err_t err)
{
    return err == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED || err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
}

static void refused(struct kafka_source *self, rd_kafka_resp_err_t err)
{
    char group[256] = "";
    size_t size = sizeof group;
    self->commit.ask_ms = time_monotonic_ms() + REFUSED_EVERY_MS;
    if (self->commit.refused)
        return;
    self->commit.refused = true;
    (void)rd_kafka_conf_get(rd_kafka_conf(self->reader.handle), "group.id", group, &size);
    log_warn("topic %s: Kafka does not take the offsets that are told for its monitors: %s; nothing else depends on them; "
             "found: group \"%s\"; do this: %s",
             self->reader.topic, rd_kafka_err2str(err), group,
             is_of_rights(err) ? "allow READ on the group (kafka-acls.sh --add --allow-principal ... --operation Read --group ...), or "
                                 "name one that may be used: properties = ( (\"group.id\", \"...\") );"
                               : "look into the log of the broker");
}

static void on_answer(rd_kafka_t *handle, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *offsets, void *opaque)
{
    (void)handle;
    struct kafka_source *self = opaque;
    self->commit.under_way = false;
    for (int i = 0; err == RD_KAFKA_RESP_ERR_NO_ERROR && offsets != NULL && i < offsets->cnt; i++)
        err = offsets->elems[i].err;
    if (err == RD_KAFKA_RESP_ERR__NO_OFFSET)
        return;
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
        refused(self, err);
    else if (self->commit.refused)
        log_info("topic %s: Kafka takes the offsets for its monitors now", self->reader.topic);
    self->commit.refused = self->commit.refused && err != RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* librdkafka's own question, who looks after the group, may be refused: that is among the consumer's messages, once. */
static void look_for_refusal(struct kafka_source *self)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(self->reader.handle);
    rd_kafka_message_t *message;
    while (queue != NULL && rd_kafka_consume_batch_queue(queue, 0, &message, 1) == 1) {
        if (is_of_rights(message->err))
            refused(self, message->err);
        rd_kafka_message_destroy(message);
    }
    if (queue != NULL)
        rd_kafka_queue_destroy(queue);
}

static void ask_for_group(struct kafka_source *self)
{
    struct kafka_commit *commit = &self->commit;
    commit->ask_ms = time_monotonic_ms() + (commit->refused ? REFUSED_EVERY_MS : ASK_EVERY_MS);
    rd_kafka_topic_partition_list_t *list = kafka_partition_list(&self->reader, 0, 1);
    rd_kafka_resp_err_t err = rd_kafka_committed(self->reader.handle, list, ASK_LIMIT_MS);
    rd_kafka_topic_partition_list_destroy(list);
    commit->answers_for = err == RD_KAFKA_RESP_ERR_NO_ERROR;
    if (is_of_rights(err))
        refused(self, err);
    else if (!commit->answers_for)
        look_for_refusal(self);
}

/* Not while no broker is in reach: librdkafka would hold them, and with them its own end. */
static bool may_send(struct kafka_source *self)
{
    struct kafka_commit *commit = &self->commit;
    if (commit->under_way || atomic_load(&self->all_down) || atomic_load(&self->gone))
        return false;
    return commit->answers_for && (!commit->refused || time_monotonic_ms() >= commit->ask_ms);
}

static bool wanted(struct kafka_commit *commit)
{
    pthread_mutex_lock(&commit->lock);
    bool wanted = commit->wanted;
    pthread_mutex_unlock(&commit->lock);
    return wanted;
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
    struct kafka_commit *commit = &self->commit;
    (void)rd_kafka_queue_poll_callback(commit->answers, 0);
    if (!commit->answers_for && !atomic_load(&self->all_down) && time_monotonic_ms() >= commit->ask_ms && wanted(commit))
        ask_for_group(self);
    if (may_send(self))
        send_offsets(self);
}

void kafka_commit_close(struct kafka_source *self)
{
    struct kafka_commit *commit = &self->commit;
    if (commit->answers == NULL)
        return;
    int64_t deadline_ms = time_monotonic_ms() + LAST_MS;
    while (!commit->answers_for && !commit->refused && !atomic_load(&self->all_down) && wanted(commit) &&
           time_monotonic_ms() < deadline_ms)
        ask_for_group(self);
    while ((commit->under_way || (commit->wanted && may_send(self))) && time_monotonic_ms() < deadline_ms) {
        if (!commit->under_way)
            send_offsets(self);
        (void)rd_kafka_queue_poll_callback(commit->answers, 10);
    }
    rd_kafka_queue_destroy(commit->answers);
    free(commit->next);
    pthread_mutex_destroy(&commit->lock);
}
