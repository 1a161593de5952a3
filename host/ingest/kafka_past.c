/* kafka_past.c - a part of the past of the topic that the main source reads, by a librdkafka handle of its own.
 *
 * A partition is through when the last message before its end was seen, or one beyond, or the end of its log: compaction
 * and transactions leave offsets without a message. It is paused then, and messages beyond are left
 * out. Queues are small: filling a lane must not take memory and bandwidth from the main source.
 *
 * Where retention overtakes the reading, it goes on at the earliest message there is, and a warning says what is missing. */
#include "ingest/kafka_internal.h"

#include "base/memory.h"
#include "base/time.h"

#include <assert.h>
#include <stdlib.h>

#define QUEUE_KB        8192
#define STAMPS_MS       5000
#define ASK_MS          1500
#define REPAIR_EVERY_MS 500
#define PAUSE_MS        100
#define SHORT_LOG_MS    10000

struct past_partition {
    int64_t start, to;
    _Atomic int64_t next;
    _Atomic int64_t through_ms; /* wall clock; 0: not yet */
    _Atomic int64_t at_end_ms;  /* monotonic: its log ended below `to`, since then nothing came; 0: no */
    atomic_bool misplaced;      /* Kafka has no message at `next` */
};

struct kafka_past {
    struct kafka_reader reader; /* first */
    struct past_partition *partitions;
    _Atomic int *open; /* by worker: partitions that are not through */
    atomic_bool misplaced;
    int64_t repair_ms; /* the thread's own */
};

static const struct source_class kafka_past_class;

static struct kafka_past *self_of(const struct source *source)
{
    assert(source->class == &kafka_past_class);
    return (struct kafka_past *)(uintptr_t)source;
}

static void set_through(struct kafka_past *self, int32_t number)
{
    struct past_partition *partition = &self->partitions[number];
    int worker = number % self->reader.source.workers;
    int64_t not_yet = 0;
    if (!atomic_compare_exchange_strong(&partition->through_ms, &not_yet, time_wall_ms()))
        return;
    atomic_store(&partition->next, partition->to);
    if (atomic_fetch_sub(&self->open[worker], 1) == 1)
        atomic_store(&self->reader.workers[worker].through, true);
}

static void end_partition(struct kafka_past *self, int32_t number)
{
    set_through(self, number);
    rd_kafka_topic_partition_list_t *list = kafka_partition_list(&self->reader, number, number + 1);
    (void)rd_kafka_pause_partitions(self->reader.handle, list);
    rd_kafka_topic_partition_list_destroy(list);
}

/* --- taking --------------------------------------------------------------------------------------------------------- */

static void take_event(struct kafka_reader *reader, const rd_kafka_message_t *event)
{
    struct kafka_past *self = self_of(&reader->source);
    if (event->partition < 0 || event->partition >= reader->source.partitions) {
        log_limited(&reader->error_limit, LOG_LEVEL_WARN, "topic %s: %s", reader->topic, rd_kafka_message_errstr(event));
        return;
    }
    switch ((int)event->err) {
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
        if (event->offset >= self->partitions[event->partition].to)
            end_partition(self, event->partition);
        else
            atomic_store(&self->partitions[event->partition].at_end_ms, time_monotonic_ms());
        break;
    case RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED: break;
#if RD_KAFKA_VERSION >= 0x02010000
    case RD_KAFKA_RESP_ERR__LOG_TRUNCATION:
#endif
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
        atomic_store(&self->partitions[event->partition].misplaced, true);
        atomic_store(&self->misplaced, true);
        break;
    default:
        log_limited(&reader->error_limit, LOG_LEVEL_WARN, "topic %s, partition %d: %s", reader->topic, event->partition,
                    rd_kafka_message_errstr(event));
    }
}

static bool take_message(struct kafka_reader *reader, const rd_kafka_message_t *from, struct message *message)
{
    struct kafka_past *self = self_of(&reader->source);
    struct past_partition *partition = &self->partitions[from->partition];
    bool wanted = from->offset < partition->to && atomic_load(&partition->through_ms) == 0;
    if (wanted) {
        atomic_store_explicit(&partition->next, from->offset + 1, memory_order_relaxed);
        kafka_fill_message(from, message);
        if (atomic_load_explicit(&partition->at_end_ms, memory_order_relaxed) != 0)
            atomic_store(&partition->at_end_ms, 0);
    }
    if (from->offset >= partition->to - 1 && atomic_load(&partition->through_ms) == 0)
        end_partition(self, from->partition);
    return wanted;
}

/* --- the thread ----------------------------------------------------------------------------------------------------- */

static void find_place(struct kafka_past *self, int32_t p, const struct kafka_extent *extent,
                       rd_kafka_topic_partition_list_t *list)
{
    struct past_partition *partition = &self->partitions[p];
    int64_t next = atomic_load(&partition->next);
    atomic_store(&partition->misplaced, false);
    if (next > extent->high || extent->low >= partition->to) {
        log_warn("topic %s, partition %d: offsets %lld to %lld of its past are not there any more, Kafka deleted them before "
                 "they were read again",
                 self->reader.topic, p, (long long)next, (long long)partition->to - 1);
        set_through(self, p);
        return;
    }
    if (next < extent->low)
        log_warn("topic %s, partition %d: offsets %lld to %lld of its past are not there any more, Kafka deleted them before "
                 "they were read again; reading goes on behind them",
                 self->reader.topic, p, (long long)next, (long long)extent->low - 1);
    rd_kafka_topic_partition_list_add(list, self->reader.topic, p)->offset = next < extent->low ? extent->low : next;
}

static void repair(struct kafka_past *self)
{
    int32_t count = self->reader.source.partitions;
    struct kafka_extent *extents = memory_new((size_t)count * sizeof *extents);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(count);
    atomic_store(&self->misplaced, false);
    if (kafka_find_extents(&self->reader, count, extents, time_monotonic_ms() + ASK_MS) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        for (int32_t p = 0; p < count; p++)
            if (atomic_load(&self->partitions[p].misplaced))
                find_place(self, p, &extents[p], list);
        kafka_reader_leave(&self->reader, list);
        (void)kafka_reader_begin(&self->reader, list);
    } else
        atomic_store(&self->misplaced, true);
    rd_kafka_topic_partition_list_destroy(list);
    free(extents);
}

/* A new leader may be behind for a moment; a log that stays shorter was cut. */
static void end_where_logs_ended(struct kafka_past *self, int64_t now_ms)
{
    for (int32_t p = 0; p < self->reader.source.partitions; p++) {
        int64_t at_end_ms = atomic_load(&self->partitions[p].at_end_ms);
        if (at_end_ms == 0 || now_ms - at_end_ms < SHORT_LOG_MS || atomic_load(&self->partitions[p].through_ms) != 0)
            continue;
        log_warn("topic %s, partition %d: its past was to be read up to offset %lld, and its log ends at %lld",
                 self->reader.topic, p, (long long)self->partitions[p].to,
                 (long long)atomic_load(&self->partitions[p].next));
        end_partition(self, p);
    }
}

static void tend(struct kafka_reader *reader)
{
    struct kafka_past *self = self_of(&reader->source);
    int64_t now_ms = time_monotonic_ms();
    end_where_logs_ended(self, now_ms);
    if (!atomic_load(&self->misplaced) || now_ms < self->repair_ms || atomic_load(&reader->stopped))
        return;
    self->repair_ms = now_ms + REPAIR_EVERY_MS;
    repair(self);
}

static bool hungry(const struct kafka_reader *reader)
{
    for (int i = 0; i < reader->source.workers; i++)
        if (!atomic_load(&reader->workers[i].through))
            return true;
    return false;
}

static void trouble(struct kafka_reader *reader, rd_kafka_resp_err_t err, const char *reason)
{
    log_limited(&reader->error_limit, LOG_LEVEL_WARN, "reading the past of topic %s: %s (%s); trying on", reader->topic, reason,
                rd_kafka_err2name(err));
}

static const struct kafka_reader_calls kafka_past_calls = {
    .event = take_event, .message = take_message, .trouble = trouble, .tend = tend, .hungry = hungry};

/* --- the class ------------------------------------------------------------------------------------------------------ */

static enum partition_state past_partition_state(struct source *source, int32_t number, int64_t *idle_since_ms)
{
    assert(number >= 0 && number < source->partitions);
    int64_t through_ms = atomic_load(&self_of(source)->partitions[number].through_ms);
    *idle_since_ms = through_ms;
    return through_ms == 0 ? PARTITION_READING : PARTITION_AT_END;
}

static void past_progress(struct source *source, uint64_t *done, uint64_t *total)
{
    struct kafka_past *self = self_of(source);
    *done = *total = 0;
    for (int32_t p = 0; p < source->partitions; p++) {
        const struct past_partition *partition = &self->partitions[p];
        *done += (uint64_t)(atomic_load_explicit(&partition->next, memory_order_relaxed) - partition->start);
        *total += (uint64_t)(partition->to - partition->start);
    }
}

static void past_free(struct source *source)
{
    struct kafka_past *self = self_of(source);
    if (!kafka_reader_close(&self->reader))
        return;
    free(self->partitions);
    free(self->open);
    free(self);
}

static const struct source_class kafka_past_class = {
    .name = "kafka past",
    .take = kafka_reader_take,
    .give_back = kafka_reader_give_back,
    .partition = past_partition_state,
    .progress = past_progress,
    .error = kafka_reader_error,
    .stop = kafka_reader_stop,
    .free = past_free,
};

/* --- making it ------------------------------------------------------------------------------------------------------ */

struct request {
    int64_t from_ms;
    const int64_t *from, *to;
    int64_t *short_ms;
};

/* By how much a partition whose first messages were deleted does not go back far enough. */
static int64_t short_of(const struct request *request, bool by_offset, const struct kafka_extent *extent)
{
    int64_t first_ms = extent->first_ms == KAFKA_NO_STAMP ? time_wall_ms() : extent->first_ms;
    int64_t missing_ms = first_ms - request->from_ms;
    return missing_ms > 0 ? missing_ms : by_offset ? 1 : 0;
}

/* Where partitions begin: `list` has the offsets by time. */
static void place(struct kafka_past *self, const struct request *request, const struct kafka_extent *extents,
                  const rd_kafka_topic_partition_list_t *list)
{
    for (int32_t p = 0; p < list->cnt; p++) {
        struct past_partition *partition = &self->partitions[p];
        bool by_offset = request->from != NULL && request->from[p] >= 0;
        int64_t start = by_offset ? request->from[p] : list->elems[p].offset;
        partition->to = request->to[p] < 0 ? 0 : request->to[p];
        if (start < extents[p].low || (!by_offset && start == extents[p].low && start > 0)) {
            int64_t missing_ms = short_of(request, by_offset, &extents[p]);
            *request->short_ms = missing_ms > *request->short_ms ? missing_ms : *request->short_ms;
            start = extents[p].low;
        }
        partition->start = start > partition->to ? partition->to : start;
        atomic_init(&partition->next, partition->start);
    }
}

/* Brokers that can't look up offsets by time, librdkafka's mock cluster for one, answer as if nothing were so new. Where the
 * last message says otherwise, all there is is read. */
static void doubt_times(struct kafka_past *self, const struct request *request, const struct kafka_extent *extents,
                        rd_kafka_topic_partition_list_t *list)
{
    int32_t count = list->cnt;
    struct kafka_extent *last = memory_new((size_t)count * sizeof *last);
    bool *doubtful = memory_new((size_t)count * sizeof *doubtful);
    for (int32_t p = 0; p < count; p++) {
        int64_t end = request->to[p] < extents[p].high ? request->to[p] : extents[p].high;
        doubtful[p] = list->elems[p].offset >= extents[p].high && end > extents[p].low;
        last[p] = (struct kafka_extent){.low = end - 1, .high = end, .first_ms = KAFKA_NO_STAMP};
    }
    kafka_find_first_stamps(&self->reader, count, doubtful, last, time_monotonic_ms() + STAMPS_MS);
    for (int32_t p = 0; p < count; p++)
        if (doubtful[p] && last[p].first_ms != KAFKA_NO_STAMP && last[p].first_ms >= request->from_ms)
            list->elems[p].offset = extents[p].low;
    free(last);
    free(doubtful);
}

/* Also where they end is compared with what is there: reading to an end that does not come yet would be no part of the
 * past, and it does not wait for it. */
static rd_kafka_resp_err_t find_places(struct kafka_past *self, const struct request *request, int64_t deadline_ms)
{
    struct kafka_reader *reader = &self->reader;
    int32_t count = reader->source.partitions;
    struct kafka_extent *extents = memory_new((size_t)count * sizeof *extents);
    bool *cut = memory_new((size_t)count * sizeof *cut);
    rd_kafka_topic_partition_list_t *list = kafka_partition_list(reader, 0, count);
    rd_kafka_resp_err_t err = kafka_find_extents(reader, count, extents, deadline_ms);
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR)
        err = kafka_find_offsets(reader, list, request->from_ms < 0 ? 0 : request->from_ms, deadline_ms);
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        for (int32_t p = 0; p < count; p++)
            cut[p] = extents[p].low > 0;
        kafka_find_first_stamps(reader, count, cut, extents, time_monotonic_ms() + STAMPS_MS);
        doubt_times(self, request, extents, list);
        place(self, request, extents, list);
    }
    rd_kafka_topic_partition_list_destroy(list);
    free(cut);
    free(extents);
    return err;
}

static bool find_topic(struct kafka_past *self, const struct kafka_settings *settings, const struct request *request,
                       struct error *error)
{
    struct kafka_reader *reader = &self->reader;
    int64_t deadline_ms = time_monotonic_ms() + settings->connect_timeout_ms;
    for (;;) {
        rd_kafka_resp_err_t err;
        int32_t count = kafka_count_partitions(reader, kafka_left_ms(deadline_ms), &err);
        if (count != 0 && count < reader->source.partitions) {
            error_what(error, "the Kafka topic %s has fewer partitions than are to be read again", reader->topic);
            error_found(error, "%d, not %d", count, reader->source.partitions);
            error_advice(error, "the topic was made anew while it was read; what it had before can't be read again");
            return false;
        }
        if (count != 0 && (err = find_places(self, request, deadline_ms)) == RD_KAFKA_RESP_ERR_NO_ERROR)
            return true;
        if (!kafka_error_passing(err) || time_monotonic_ms() >= deadline_ms) {
            kafka_explain(reader, settings, err, error);
            return false;
        }
        kafka_pause_ms(PAUSE_MS);
    }
}

static bool begin(struct kafka_past *self, struct error *error)
{
    struct kafka_reader *reader = &self->reader;
    for (int i = 0; i < reader->source.workers; i++) /* one more than there are, until all are counted */
        atomic_init(&self->open[i], 1);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(reader->source.partitions);
    for (int32_t p = 0; p < reader->source.partitions; p++) {
        const struct past_partition *partition = &self->partitions[p];
        (void)atomic_fetch_add(&self->open[p % reader->source.workers], 1);
        if (partition->start < partition->to)
            rd_kafka_topic_partition_list_add(list, reader->topic, p)->offset = partition->start;
        else
            set_through(self, p);
    }
    for (int i = 0; i < reader->source.workers; i++)
        if (atomic_fetch_sub(&self->open[i], 1) == 1)
            atomic_store(&reader->workers[i].through, true);
    rd_kafka_resp_err_t err = kafka_reader_begin(reader, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
        error_what(error, "cannot read the past of topic %s: %s", reader->topic, rd_kafka_err2str(err));
    return err == RD_KAFKA_RESP_ERR_NO_ERROR;
}

struct source *kafka_past_new(const struct kafka_settings *settings, int64_t from_ms, const int64_t *from, const int64_t *to,
                              int32_t partitions, int workers, int64_t *short_ms, struct error *error)
{
    assert(partitions > 0);
    struct kafka_past *self = memory_new(sizeof *self);
    struct kafka_reader *reader = &self->reader;
    struct request request = {from_ms, from, to, short_ms};
    *short_ms = 0;
    self->partitions = memory_new((size_t)partitions * sizeof *self->partitions);
    self->open = memory_new((size_t)workers * sizeof *self->open);
    bool opened = kafka_reader_open(reader, &kafka_past_class, &kafka_past_calls, settings, workers, QUEUE_KB, error);
    reader->source.partitions = partitions;
    if (opened && find_topic(self, settings, &request, error) && begin(self, error) && kafka_reader_run(reader, error))
        return &reader->source;
    past_free(&reader->source);
    return NULL;
}
