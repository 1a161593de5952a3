/* kafka_source.c - all partitions of one topic, each read by the worker it belongs to.
 *
 * Offsets are all known from the start (kafka_start.c asks the brokers), so that a message that comes between making the
 * source and its first fetch is not missed by "latest". Where Kafka has no message at an offset any more - retention
 * overtook us, or the topic was made anew - librdkafka stops at that partition, and kafka_repair.c says where to go on.
 * Gaps within a log (compaction, markers of transactions) are no loss.
 *
 * A partition's state is what its messages say: one that came means reading, librdkafka's end-of-partition event means at
 * its end. When brokers fail, nothing comes at all: the watcher (kafka_watch.c), run by the reader's thread, then asks for
 * each partition, until it answers again. */
#include "ingest/kafka_internal.h"

#include "base/memory.h"
#include "base/time.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const struct source_class kafka_source_class;

static struct kafka_source *self_of(struct source *source)
{
    assert(source->class == &kafka_source_class);
    return (struct kafka_source *)source;
}

/* --- taking --------------------------------------------------------------------------------------------------------- */

void kafka_partition_set(struct kafka_partition *partition, enum partition_state state, int64_t idle_since_ms)
{
    atomic_store_explicit(&partition->idle_since_ms, idle_since_ms, memory_order_relaxed);
    atomic_store_explicit(&partition->state, (int)state, memory_order_release);
}

static bool counts(const struct kafka_source *self, int32_t number)
{
    return number >= 0 && number < atomic_load_explicit(&self->present, memory_order_relaxed) &&
           !atomic_load_explicit(&self->gone, memory_order_relaxed);
}

static void take_event(struct kafka_reader *reader, const rd_kafka_message_t *event)
{
    struct kafka_source *self = kafka_source_of(reader);
    if (event->partition < 0 || event->partition >= reader->source.partitions) {
        log_limited(&reader->error_limit, LOG_LEVEL_WARN, "topic %s: %s", reader->topic, rd_kafka_message_errstr(event));
        return;
    }
    if (!counts(self, event->partition))
        return;
    struct kafka_partition *partition = &self->partitions[event->partition];
    switch ((int)event->err) {
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
        atomic_store_explicit(&partition->next, event->offset, memory_order_relaxed);
        atomic_store_explicit(&partition->passed, event->offset, memory_order_relaxed);
        atomic_store_explicit(&partition->end, event->offset, memory_order_relaxed);
        atomic_store_explicit(&partition->end_seen_ms, time_boot_ms(), memory_order_release);
        kafka_partition_set(partition, PARTITION_AT_END, time_boot_ms());
        break;
    case RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED: /* of groups; back-pressure may last as long as it likes */ break;
#if RD_KAFKA_VERSION >= 0x02010000
    case RD_KAFKA_RESP_ERR__LOG_TRUNCATION:
#endif
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
        kafka_partition_set(partition, PARTITION_READING, 0);
        atomic_store(&partition->misplaced, true);
        atomic_store(&self->misplaced, true);
        break;
    default:
        log_limited(&reader->error_limit, LOG_LEVEL_WARN, "topic %s, partition %d: %s", reader->topic, event->partition,
                    rd_kafka_message_errstr(event));
        kafka_watch_suspect(self);
    }
}

static bool take_message(struct kafka_reader *reader, const rd_kafka_message_t *from, struct message *message)
{
    struct kafka_source *self = kafka_source_of(reader);
    struct kafka_partition *partition = &self->partitions[from->partition];
    if (!counts(self, from->partition))
        return false;
    atomic_store_explicit(&partition->next, from->offset + 1, memory_order_relaxed);
    if (atomic_load_explicit(&partition->state, memory_order_relaxed) != PARTITION_READING)
        kafka_partition_set(partition, PARTITION_READING, 0);
    kafka_fill_message(from, message);
    return true;
}

static enum take kafka_take(struct source *source, int number, int timeout_ms, struct batch *batch)
{
    struct kafka_source *self = self_of(source);
    enum take take = kafka_reader_take(source, number, timeout_ms, batch);
    uint64_t bytes = 0;
    for (size_t i = 0; take == TAKE_BATCH && i < batch->count; i++)
        bytes += batch->messages[i].bytes.size;
    if (bytes != 0)
        atomic_fetch_add_explicit(&self->bytes, bytes, memory_order_relaxed);
    return take;
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

static uint64_t kafka_lost(struct source *source) { return atomic_load(&self_of(source)->lost); }

static bool kafka_grown(struct source *source) { return atomic_load(&self_of(source)->grown); }

static int64_t kafka_begin(struct source *source, int32_t partition) { return self_of(source)->partitions[partition].begin; }

static int64_t kafka_passed(struct source *source, int32_t partition)
{
    return atomic_load_explicit(&self_of(source)->partitions[partition].passed, memory_order_relaxed);
}

static int64_t kafka_last_stamp(struct source *source) { return self_of(source)->last_stamp_ms; }

static int64_t kafka_end(struct source *source, int32_t number, int64_t *seen_ms)
{
    struct kafka_partition *partition = &self_of(source)->partitions[number];
    *seen_ms = atomic_load_explicit(&partition->end_seen_ms, memory_order_acquire);
    return atomic_load_explicit(&partition->end, memory_order_relaxed);
}

/* --- making and ending it ------------------------------------------------------------------------------------------- */

static void kafka_free(struct source *source)
{
    struct kafka_source *self = self_of(source);
    kafka_reader_halt(&self->reader);
    kafka_commit_close(self);
    if (!kafka_reader_close(&self->reader))
        return;
    free(self->partitions);
    free(self);
}

static const struct source_class kafka_source_class = {
    .name = "kafka",
    .take = kafka_take,
    .give_back = kafka_reader_give_back,
    .partition = kafka_partition_state,
    .progress = kafka_progress,
    .error = kafka_reader_error,
    .commit = kafka_commit_set,
    .lost = kafka_lost,
    .grown = kafka_grown,
    .begin = kafka_begin,
    .end = kafka_end,
    .passed = kafka_passed,
    .last_stamp = kafka_last_stamp,
    .stop = kafka_reader_stop,
    .free = kafka_free,
};

static const struct kafka_reader_calls kafka_source_calls = {
    .event = take_event,
    .message = take_message,
    .trouble = kafka_watch_trouble,
    .tend = kafka_watch_tend,
    .hungry = kafka_watch_hungry,
};

/* Each in cache lines of its own: they belong to different workers. */
static struct kafka_partition *new_partitions(size_t count)
{
    struct kafka_partition *partitions = aligned_alloc(_Alignof(struct kafka_partition), count * sizeof *partitions);
    if (partitions == NULL)
        memory_exhausted(count * sizeof *partitions);
    memset(partitions, 0, count * sizeof *partitions);
    return partitions;
}

static bool begin(struct kafka_source *self, rd_kafka_topic_partition_list_t *start, struct error *error)
{
    self->reader.source.partitions = start->cnt;
    atomic_init(&self->present, start->cnt);
    self->partitions = new_partitions((size_t)start->cnt);
    for (int32_t p = 0; p < start->cnt; p++) {
        self->partitions[p].begin = start->elems[p].offset;
        atomic_init(&self->partitions[p].next, start->elems[p].offset);
        atomic_init(&self->partitions[p].passed, -1);
        atomic_init(&self->partitions[p].end, start->elems[p].offset);
        atomic_init(&self->partitions[p].state, PARTITION_READING);
    }
    kafka_commit_open(self);
    while (rd_kafka_poll(self->reader.handle, 0) > 0) /* what was said while we waited for Kafka is no news */
        ;
    atomic_store(&self->vanished, false);
    atomic_store(&self->suspect, false);
    atomic_store(&self->all_down, false);
    self->look_ms = time_monotonic_ms() + KAFKA_LOOK_EVERY_MS;
    rd_kafka_resp_err_t err = kafka_reader_begin(&self->reader, start);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
        error_what(error, "cannot read topic %s: %s", self->reader.topic, rd_kafka_err2str(err));
    return err == RD_KAFKA_RESP_ERR_NO_ERROR;
}

struct source *kafka_source_new(const struct kafka_settings *settings, const struct kafka_positions *positions, int workers,
                                const volatile bool *stop, struct error *error)
{
    struct kafka_source *self = memory_new(sizeof *self);
    struct kafka_reader *reader = &self->reader;
    self->on_loss = settings->on_loss;
    self->last_stamp_ms = KAFKA_NO_STAMP;
    rd_kafka_topic_partition_list_t *start = NULL;
    bool made = kafka_reader_open(reader, &kafka_source_class, &kafka_source_calls, settings, workers, 0, error) &&
                (start = kafka_start(reader, settings, positions, stop, error)) != NULL &&
                begin(self, start, error) && kafka_reader_run(reader, error);
    if (start != NULL)
        rd_kafka_topic_partition_list_destroy(start);
    if (made)
        return &reader->source;
    kafka_free(&reader->source);
    return NULL;
}
