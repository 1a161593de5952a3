/* kafka_source.c - all partitions of one topic, each read by the worker it belongs to.
 *
 * One librdkafka handle. Partition p's queue is forwarded to the queue of worker p mod workers before it is assigned, so a
 * worker takes its messages from one place, and every message of a partition through one thread. Messages are views into
 * librdkafka's memory until they are given back.
 *
 * Offsets are all known from the start (kafka_start.c asks the brokers), so that a message that comes between making the
 * source and its first fetch is not missed by "latest". Where a wanted offset is not there any more - retention overtook
 * us, or the topic was made anew - reading goes on at the earliest there is, and a warning says what is lost.
 *
 * A partition's state is what its messages say: one that came means reading, librdkafka's end-of-partition event means at
 * its end. When brokers fail, nothing comes at all: the watcher (kafka_watch.c), a thread that also serves librdkafka's
 * callbacks, then asks for each partition, until it answers again. */
#include "ingest/kafka_internal.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/time.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_SLICE_MS 100 /* stop() is noticed after at most this */

static const struct source_class kafka_source_class;

static struct kafka_source *self_of(struct source *source)
{
    assert(source->class == &kafka_source_class);
    return (struct kafka_source *)source;
}

/* --- taking --------------------------------------------------------------------------------------------------------- */

static void set_state(struct kafka_partition *partition, enum partition_state state, int64_t idle_since_ms)
{
    atomic_store_explicit(&partition->idle_since_ms, idle_since_ms, memory_order_relaxed);
    atomic_store_explicit(&partition->state, (int)state, memory_order_release);
}

/* Offsets may have gaps (compaction, markers of transactions); a gap whose end is where the log begins is a loss. */
static void offset_jumped(struct kafka_source *self, int32_t number, int64_t expected, int64_t offset)
{
    int64_t low = -1, high = -1;
    if (offset < expected) {
        log_warn(
            "topic %s, partition %d: offset %lld is not there any more, the topic was made anew or cut: reading goes on "
            "at offset %lld",
            self->topic, number, (long long)expected, (long long)offset);
        return;
    }
    (void)rd_kafka_get_watermark_offsets(self->handle, self->topic, number, &low, &high);
    if (expected < low)
        log_warn(
            "topic %s, partition %d: %lld messages are lost, Kafka deleted them before they were read (offsets %lld to "
            "%lld): retention is too short or reading too slow",
            self->topic, number, (long long)(low - expected), (long long)expected, (long long)(low - 1));
}

/* Not a message but an event of its partition. */
static void take_event(struct kafka_source *self, const rd_kafka_message_t *event)
{
    if (event->partition < 0 || event->partition >= self->source.partitions) {
        log_limited(&self->error_limit, LOG_LEVEL_WARN, "topic %s: %s", self->topic, rd_kafka_message_errstr(event));
        return;
    }
    struct kafka_partition *partition = &self->partitions[event->partition];
    switch ((int)event->err) {
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
        atomic_store_explicit(&partition->next, event->offset, memory_order_relaxed);
        set_state(partition, PARTITION_AT_END, time_wall_ms());
        break;
    case RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED: /* of groups; back-pressure may last as long as it likes */ break;
    default:
        log_limited(&self->error_limit, LOG_LEVEL_WARN, "topic %s, partition %d: %s", self->topic, event->partition,
                    rd_kafka_message_errstr(event));
        kafka_watch_suspect(self);
    }
}

static void take_message(struct kafka_source *self, const rd_kafka_message_t *from, struct message *message)
{
    struct kafka_partition *partition = &self->partitions[from->partition];
    int64_t expected = atomic_load_explicit(&partition->next, memory_order_relaxed);
    if (expected != from->offset)
        offset_jumped(self, from->partition, expected, from->offset);
    atomic_store_explicit(&partition->next, from->offset + 1, memory_order_relaxed);
    if (atomic_load_explicit(&partition->state, memory_order_relaxed) != PARTITION_READING)
        set_state(partition, PARTITION_READING, 0);
    rd_kafka_timestamp_type_t type;
    int64_t stamp_ms = rd_kafka_message_timestamp(from, &type);
    message->bytes = from->payload == NULL ? (sl_view){"", 0} : (sl_view){from->payload, from->len};
    message->stamp_ms = stamp_ms < 0 ? time_wall_ms() : stamp_ms;
    message->partition = from->partition;
    message->offset = from->offset;
}

/* As many as there are, at most a batch; waits for the first only. (librdkafka's own call waits until it has all that were
 * asked for, which would make a trickle of messages as old as the timeout.) */
static size_t consume(struct kafka_source *self, struct kafka_worker *worker, int timeout_ms)
{
    ssize_t count = rd_kafka_consume_batch_queue(worker->queue, 0, worker->taken, self->batch_messages);
    if (count > 0 || timeout_ms <= 0)
        return count < 0 ? 0 : (size_t)count;
    if (rd_kafka_consume_batch_queue(worker->queue, timeout_ms, worker->taken, 1) <= 0)
        return 0;
    if (self->batch_messages == 1)
        return 1;
    count = rd_kafka_consume_batch_queue(worker->queue, 0, worker->taken + 1, self->batch_messages - 1);
    return 1 + (size_t)(count < 0 ? 0 : count);
}

static enum take kafka_take(struct source *source, int number, int timeout_ms, struct batch *batch)
{
    struct kafka_source *self = self_of(source);
    assert(number >= 0 && number < source->workers);
    struct kafka_worker *worker = &self->workers[number];
    assert(worker->count == 0);
    int64_t deadline_ms = time_monotonic_ms() + timeout_ms;
    size_t count = 0;
    while (count == 0) {
        if (atomic_load_explicit(&self->stopped, memory_order_relaxed))
            return TAKE_END;
        int64_t left_ms = timeout_ms <= 0 ? 0 : deadline_ms - time_monotonic_ms();
        size_t taken = consume(self, worker, (int)(left_ms > WAIT_SLICE_MS ? WAIT_SLICE_MS : left_ms));
        uint64_t bytes = 0;
        for (size_t i = 0; i < taken; i++) {
            rd_kafka_message_t *message = worker->taken[i];
            if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
                take_event(self, message);
                rd_kafka_message_destroy(message);
                continue;
            }
            take_message(self, message, &worker->messages[count]);
            bytes += worker->messages[count].bytes.size;
            worker->taken[count++] = message;
        }
        atomic_fetch_add_explicit(&self->bytes, bytes, memory_order_relaxed);
        if (count == 0 && left_ms <= 0)
            return TAKE_WAIT;
    }
    worker->count = count;
    *batch = (struct batch){.messages = worker->messages, .count = count, .memory = worker};
    return TAKE_BATCH;
}

static void kafka_give_back(struct source *source, struct batch *batch)
{
    (void)self_of(source);
    struct kafka_worker *worker = batch->memory;
    for (size_t i = 0; i < worker->count; i++)
        rd_kafka_message_destroy(worker->taken[i]);
    worker->count = 0;
    *batch = (struct batch){0};
}

/* --- asking --------------------------------------------------------------------------------------------------------- */

static enum partition_state kafka_partition_state(struct source *source, int32_t number, int64_t *idle_since_ms)
{
    struct kafka_source *self = self_of(source);
    assert(number >= 0 && number < source->partitions);
    struct kafka_partition *partition = &self->partitions[number];
    enum partition_state state = (enum partition_state)atomic_load_explicit(&partition->state, memory_order_acquire);
    *idle_since_ms = atomic_load_explicit(&partition->idle_since_ms, memory_order_relaxed);
    return state;
}

static void kafka_progress(struct source *source, uint64_t *done, uint64_t *total)
{
    *done = atomic_load_explicit(&self_of(source)->bytes, memory_order_relaxed);
    *total = 0;
}

static bool kafka_error(struct source *source, struct error *error)
{
    struct kafka_source *self = self_of(source);
    pthread_mutex_lock(&self->lock);
    bool failed = self->failed;
    if (failed)
        *error = self->error;
    pthread_mutex_unlock(&self->lock);
    return failed;
}

/* --- making and ending it ------------------------------------------------------------------------------------------- */

static void kafka_stop(struct source *source) { atomic_store(&self_of(source)->stopped, true); }

/* librdkafka ends only when nobody holds anything of it: first what refers to partitions, then the consumer. Closing before
 * destroying, or it can wait for ever. */
static void kafka_free(struct source *source)
{
    struct kafka_source *self = self_of(source);
    atomic_store(&self->stopped, true);
    kafka_watch_stop(self);
    if (self->handle != NULL) {
        (void)rd_kafka_assign(self->handle, NULL);
        for (int i = 0; i < source->workers; i++) {
            struct kafka_worker *worker = &self->workers[i];
            for (size_t k = 0; k < worker->count; k++)
                rd_kafka_message_destroy(worker->taken[k]);
            if (worker->queue != NULL)
                rd_kafka_queue_destroy(worker->queue);
        }
        (void)rd_kafka_consumer_close(self->handle);
        rd_kafka_destroy(self->handle);
    }
    for (int i = 0; i < source->workers; i++) {
        free(self->workers[i].taken);
        free(self->workers[i].messages);
    }
    free(self->workers);
    free(self->partitions);
    free(self->topic);
    pthread_mutex_destroy(&self->lock);
    free(self);
}

static const struct source_class kafka_source_class = {
    .name = "kafka",
    .take = kafka_take,
    .give_back = kafka_give_back,
    .partition = kafka_partition_state,
    .progress = kafka_progress,
    .error = kafka_error,
    .stop = kafka_stop,
    .free = kafka_free,
};

/* Each partition's messages go to its worker; only then does reading start. */
static bool assign(struct kafka_source *self, const rd_kafka_topic_partition_list_t *start, struct error *error)
{
    for (int32_t p = 0; p < self->source.partitions; p++) {
        rd_kafka_queue_t *queue = rd_kafka_queue_get_partition(self->handle, self->topic, p);
        assert(queue != NULL);
        rd_kafka_queue_forward(queue, self->workers[p % self->source.workers].queue);
        rd_kafka_queue_destroy(queue);
        atomic_init(&self->partitions[p].next, start->elems[p].offset);
        atomic_init(&self->partitions[p].state, PARTITION_READING);
    }
    rd_kafka_resp_err_t err = rd_kafka_assign(self->handle, start);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
        error_what(error, "cannot read topic %s: %s", self->topic, rd_kafka_err2str(err));
    return err == RD_KAFKA_RESP_ERR_NO_ERROR;
}

static bool connect_handle(struct kafka_source *self, const struct kafka_settings *settings, struct error *error)
{
    rd_kafka_conf_t *conf = kafka_config_new(settings, error);
    if (conf == NULL)
        return false;
    kafka_watch_configure(self, conf);
    char reason[384];
    self->handle = rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof reason);
    if (self->handle == NULL) {
        rd_kafka_conf_destroy(conf);
        error_what(error, "librdkafka can't start with these settings: %s", reason);
        error_advice(error, "check `properties` of the source; librdkafka is version %s", rd_kafka_version_str());
        return false;
    }
    return true;
}

/* Each in cache lines of its own: they belong to different workers. */
static struct kafka_partition *new_partitions(size_t count)
{
    struct kafka_partition *partitions = aligned_alloc(_Alignof(struct kafka_partition), count * sizeof *partitions);
    if (partitions == NULL)
        abort();
    memset(partitions, 0, count * sizeof *partitions);
    return partitions;
}

struct source *kafka_source_new(const struct kafka_settings *settings, int workers, struct error *error)
{
    assert(workers > 0 && settings->batch_messages > 0);
    int64_t deadline_ms = time_monotonic_ms() + settings->connect_timeout_ms;
    struct kafka_source *self = memory_new(sizeof *self);
    self->source = (struct source){.class = &kafka_source_class, .workers = workers};
    self->topic = memory_text(settings->topic);
    self->batch_messages = (size_t)settings->batch_messages;
    self->error_limit.every_ms = 10000;
    self->log_limit.every_ms = 10000;
    self->workers = memory_new((size_t)workers * sizeof *self->workers);
    pthread_mutex_init(&self->lock, NULL);
    rd_kafka_topic_partition_list_t *start = NULL;
    bool made =
        connect_handle(self, settings, error) && (start = kafka_start(self, settings, deadline_ms, error)) != NULL;
    if (made) {
        self->source.partitions = start->cnt;
        self->partitions = new_partitions((size_t)start->cnt);
        for (int i = 0; i < workers; i++) {
            self->workers[i].queue = rd_kafka_queue_new(self->handle);
            self->workers[i].taken = memory_new(self->batch_messages * sizeof(rd_kafka_message_t *));
            self->workers[i].messages = memory_new(self->batch_messages * sizeof(struct message));
        }
        made = assign(self, start, error) && kafka_watch_start(self, error);
    }
    if (start != NULL)
        rd_kafka_topic_partition_list_destroy(start);
    if (made)
        return &self->source;
    kafka_free(&self->source);
    return NULL;
}
