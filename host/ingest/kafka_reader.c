/* kafka_reader.c - one librdkafka handle that reads partitions of one topic, each by the worker it belongs to.
 *
 * Partition p's queue is forwarded to the queue of worker p mod workers before it is assigned, so a worker takes its
 * messages from one place, and every message of a partition through one thread. Messages are views into librdkafka's
 * memory until they are given back.
 *
 * A thread beside the workers serves librdkafka's callbacks, keeps its fetchers awake, and does what the kind of source
 * wants done. Partitions may begin anew somewhere else while the others are read: librdkafka can't seek in one that found
 * no message at its offset, but it can leave and take up single partitions. */
#include "ingest/kafka_internal.h"

#include "base/memory.h"
#include "base/time.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#define WAIT_SLICE_MS 100 /* stop() is noticed after at most this */
#define SERVE_MS      100 /* callbacks; also how soon the thread ends */
#define WAKE_EVERY_MS 20
#define END_LIMIT_S   4

/* --- taking --------------------------------------------------------------------------------------------------------- */

void kafka_fill_message(const rd_kafka_message_t *from, struct message *message)
{
    rd_kafka_timestamp_type_t type;
    int64_t stamp_ms = rd_kafka_message_timestamp(from, &type);
    message->bytes = from->payload == NULL ? (sl_view){"", 0} : (sl_view){from->payload, from->len};
    message->stamp_ms = stamp_ms < 0 ? INT64_MIN : stamp_ms;
    message->partition = from->partition;
    message->offset = from->offset;
}

/* As many as there are, at most a batch; waits for the first only. (librdkafka's own call waits until it has all that were
 * asked for, which would make a trickle of messages as old as the timeout.) */
static size_t consume(struct kafka_reader *reader, struct kafka_worker *worker, int timeout_ms)
{
    ssize_t count = rd_kafka_consume_batch_queue(worker->queue, 0, worker->taken, reader->batch_messages);
    if (count > 0 || timeout_ms <= 0)
        return count < 0 ? 0 : (size_t)count;
    if (rd_kafka_consume_batch_queue(worker->queue, timeout_ms, worker->taken, 1) <= 0)
        return 0;
    if (reader->batch_messages == 1)
        return 1;
    count = rd_kafka_consume_batch_queue(worker->queue, 0, worker->taken + 1, reader->batch_messages - 1);
    return 1 + (size_t)(count < 0 ? 0 : count);
}

static size_t take_round(struct kafka_reader *reader, struct kafka_worker *worker, int timeout_ms)
{
    size_t count = 0, taken = consume(reader, worker, timeout_ms);
    for (size_t i = 0; i < taken; i++) {
        rd_kafka_message_t *message = worker->taken[i];
        bool keep = message->err == RD_KAFKA_RESP_ERR_NO_ERROR;
        if (!keep)
            reader->calls->event(reader, message);
        else
            keep = reader->calls->message(reader, message, &worker->messages[count]);
        if (keep)
            worker->taken[count++] = message;
        else
            rd_kafka_message_destroy(message);
    }
    return count;
}

enum take kafka_reader_take(struct source *source, int number, int timeout_ms, struct batch *batch)
{
    struct kafka_reader *reader = (struct kafka_reader *)source;
    assert(number >= 0 && number < source->workers);
    struct kafka_worker *worker = &reader->workers[number];
    assert(worker->count == 0);
    int64_t deadline_ms = time_monotonic_ms() + timeout_ms;
    size_t count = 0;
    while (count == 0) {
        if (atomic_load_explicit(&reader->stopped, memory_order_relaxed) || atomic_load(&worker->through))
            return TAKE_END;
        int64_t left_ms = timeout_ms <= 0 ? 0 : deadline_ms - time_monotonic_ms();
        atomic_fetch_add(&worker->rounds, 1);
        count = take_round(reader, worker, (int)(left_ms > WAIT_SLICE_MS ? WAIT_SLICE_MS : left_ms));
        atomic_fetch_add(&worker->rounds, 1);
        if (count == 0 && left_ms <= 0)
            return atomic_load(&worker->through) ? TAKE_END : TAKE_WAIT;
    }
    worker->count = count;
    *batch = (struct batch){.messages = worker->messages, .count = count, .memory = worker};
    return TAKE_BATCH;
}

void kafka_reader_give_back(struct source *source, struct batch *batch)
{
    (void)source;
    struct kafka_worker *worker = batch->memory;
    for (size_t i = 0; i < worker->count; i++)
        rd_kafka_message_destroy(worker->taken[i]);
    worker->count = 0;
    *batch = (struct batch){0};
}

/* --- ending --------------------------------------------------------------------------------------------------------- */

bool kafka_reader_error(struct source *source, struct error *error)
{
    struct kafka_reader *reader = (struct kafka_reader *)source;
    pthread_mutex_lock(&reader->lock);
    bool failed = reader->failed;
    if (failed)
        *error = reader->error;
    pthread_mutex_unlock(&reader->lock);
    return failed;
}

void kafka_reader_fail(struct kafka_reader *reader, const struct error *error)
{
    pthread_mutex_lock(&reader->lock);
    if (!reader->failed)
        reader->error = *error;
    reader->failed = true;
    pthread_mutex_unlock(&reader->lock);
    atomic_store(&reader->stopped, true);
}

void kafka_reader_stop(struct source *source) { atomic_store(&((struct kafka_reader *)source)->stopped, true); }

/* --- callbacks ------------------------------------------------------------------------------------------------------ */

static void on_log(const rd_kafka_t *handle, int level, const char *facility, const char *text)
{
    struct kafka_reader *reader = rd_kafka_opaque(handle);
    if (level <= LOG_WARNING) {
        pthread_mutex_lock(&reader->lock);
        (void)snprintf(reader->trouble, sizeof reader->trouble, "%s", text);
        pthread_mutex_unlock(&reader->lock);
        if (strcmp(facility, "CONFWARN") == 0) /* about a property, once */
            log_warn("kafka: %s", text);
        else
            log_limited(&reader->log_limit, LOG_LEVEL_WARN, "kafka: %s: %s", facility, text);
    } else if (level <= LOG_INFO)
        log_info("kafka: %s: %s", facility, text);
    else
        log_debug("kafka: %s: %s", facility, text);
}

static void on_error(rd_kafka_t *handle, int err, const char *reason, void *opaque)
{
    struct kafka_reader *reader = opaque;
    if (err != RD_KAFKA_RESP_ERR__FATAL) {
        reader->calls->trouble(reader, (rd_kafka_resp_err_t)err, reason);
        return;
    }
    char text[384];
    struct error error;
    rd_kafka_resp_err_t cause = rd_kafka_fatal_error(handle, text, sizeof text);
    error_what(&error, "reading Kafka topic %s has ended: %s", reader->topic, text);
    error_found(&error, "%s", rd_kafka_err2name(cause));
    kafka_reader_fail(reader, &error);
}

/* --- the thread ----------------------------------------------------------------------------------------------------- */

/* Before 2.2 librdkafka's thread that found all queues full looks again only after a second, unless something else wakes it:
 * a worker slower than the broker would then get one queue's worth a second (16 MB a queue: 36 000 events/s). Any request
 * wakes it. Newer versions have fetch.queue.backoff.ms. */
static bool fetcher_sleeps(void) { return rd_kafka_version() < 0x02020000; }

static void wake_fetchers(struct kafka_reader *reader)
{
    rd_kafka_topic_partition_list_t *list = kafka_partition_list(reader, 0, reader->source.partitions);
    for (int i = 0; i < list->cnt; i++)
        list->elems[i].offset = RD_KAFKA_OFFSET_END;
    (void)rd_kafka_offsets_for_times(reader->handle, list, SERVE_MS);
    rd_kafka_topic_partition_list_destroy(list);
}

static void *serve(void *argument)
{
    struct kafka_reader *reader = argument;
    while (!atomic_load(&reader->ending)) {
        bool wake = fetcher_sleeps() && !atomic_load(&reader->stopped) && reader->calls->hungry(reader);
        if (wake)
            wake_fetchers(reader);
        (void)rd_kafka_poll(reader->handle, wake ? WAKE_EVERY_MS : SERVE_MS);
        reader->calls->tend(reader);
    }
    return NULL;
}

bool kafka_reader_run(struct kafka_reader *reader, struct error *error)
{
    int status = pthread_create(&reader->thread, NULL, serve, reader);
    if (status != 0)
        error_what(error, "cannot start a thread: %s", strerror(status));
    reader->running = status == 0;
    return reader->running;
}

/* --- beginning and leaving partitions ------------------------------------------------------------------------------- */

void kafka_pause_ms(long ms)
{
    struct timespec moment = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
    (void)nanosleep(&moment, NULL);
}

/* librdkafka's main thread takes a partition's queue back from where it was forwarded to some time after it has said that
 * the partition is left; it does so in the order in which it is asked, so that it answers the second question after. */
static void await_main_thread(struct kafka_reader *reader)
{
    for (int i = 0; i < 2; i++) {
        rd_kafka_topic_partition_list_t *list = NULL;
        if (rd_kafka_assignment(reader->handle, &list) == RD_KAFKA_RESP_ERR_NO_ERROR && list != NULL)
            rd_kafka_topic_partition_list_destroy(list);
        kafka_pause_ms(10);
    }
}

void kafka_reader_leave(struct kafka_reader *reader, rd_kafka_topic_partition_list_t *list)
{
    if (list->cnt == 0)
        return;
    rd_kafka_error_t *failed = rd_kafka_incremental_unassign(reader->handle, list);
    if (failed != NULL) /* it was not read */
        rd_kafka_error_destroy(failed);
    await_main_thread(reader);
    for (int i = 0; i < reader->source.workers; i++) {
        struct kafka_worker *worker = &reader->workers[i];
        uint64_t round = atomic_load(&worker->rounds);
        while (round % 2 == 1 && atomic_load(&worker->rounds) == round)
            kafka_pause_ms(1);
    }
}

static void forward(struct kafka_reader *reader, const rd_kafka_topic_partition_list_t *list)
{
    for (int i = 0; i < list->cnt; i++) {
        int32_t p = list->elems[i].partition;
        rd_kafka_queue_t *queue = rd_kafka_queue_get_partition(reader->handle, reader->topic, p);
        assert(queue != NULL);
        rd_kafka_queue_forward(queue, reader->workers[p % reader->source.workers].queue);
        rd_kafka_queue_destroy(queue);
    }
}

rd_kafka_resp_err_t kafka_reader_begin(struct kafka_reader *reader, rd_kafka_topic_partition_list_t *list)
{
    if (list->cnt == 0)
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    forward(reader, list);
    rd_kafka_error_t *failed = rd_kafka_incremental_assign(reader->handle, list);
    rd_kafka_resp_err_t err = failed == NULL ? RD_KAFKA_RESP_ERR_NO_ERROR : rd_kafka_error_code(failed);
    if (failed != NULL)
        rd_kafka_error_destroy(failed);
    return err;
}

/* --- making and freeing it ------------------------------------------------------------------------------------------ */

static void limit_queue(rd_kafka_conf_t *conf, int queue_kb)
{
    char text[32], reason[128];
    size_t size = sizeof text;
    if (rd_kafka_conf_get(conf, "queued.max.messages.kbytes", text, &size) == RD_KAFKA_CONF_OK &&
        strtol(text, NULL, 10) <= queue_kb)
        return; /* the user wants it smaller still */
    (void)snprintf(text, sizeof text, "%d", queue_kb);
    (void)rd_kafka_conf_set(conf, "queued.max.messages.kbytes", text, reason, sizeof reason);
}

static bool connect_handle(struct kafka_reader *reader, const struct kafka_settings *settings, int queue_kb,
                           struct error *error)
{
    rd_kafka_conf_t *conf = kafka_config_new(settings, error);
    if (conf == NULL)
        return false;
    if (queue_kb != 0)
        limit_queue(conf, queue_kb);
    rd_kafka_conf_set_opaque(conf, reader);
    rd_kafka_conf_set_log_cb(conf, on_log);
    rd_kafka_conf_set_error_cb(conf, on_error);
    char reason[384];
    reader->handle = rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof reason);
    if (reader->handle == NULL) {
        rd_kafka_conf_destroy(conf);
        error_what(error, "librdkafka can't start with these settings: %s", reason);
        error_advice(error, "check `properties` of the source; librdkafka is version %s", rd_kafka_version_str());
        return false;
    }
    return true;
}

bool kafka_reader_open(struct kafka_reader *reader, const struct source_class *class,
                       const struct kafka_reader_calls *calls, const struct kafka_settings *settings, int workers,
                       int queue_kb, struct error *error)
{
    assert(workers > 0 && settings->batch_messages > 0);
    reader->source = (struct source){.class = class, .workers = workers};
    reader->calls = calls;
    reader->topic = memory_text(settings->topic);
    reader->batch_messages = (size_t)settings->batch_messages;
    reader->error_limit.every_ms = 10000;
    reader->log_limit.every_ms = 10000;
    reader->workers = memory_new((size_t)workers * sizeof *reader->workers);
    pthread_mutex_init(&reader->lock, NULL);
    if (!connect_handle(reader, settings, queue_kb, error))
        return false;
    for (int i = 0; i < workers; i++) {
        reader->workers[i].queue = rd_kafka_queue_new(reader->handle);
        reader->workers[i].taken = memory_new(reader->batch_messages * sizeof(rd_kafka_message_t *));
        reader->workers[i].messages = memory_new(reader->batch_messages * sizeof(struct message));
    }
    return true;
}

void kafka_reader_halt(struct kafka_reader *reader)
{
    atomic_store(&reader->stopped, true);
    atomic_store(&reader->ending, true);
    if (reader->running)
        (void)pthread_join(reader->thread, NULL);
    reader->running = false;
}

struct ending {
    rd_kafka_t *handle;
    pthread_mutex_t lock;
    pthread_cond_t over;
    bool ended;
};

static void *end_handle(void *argument)
{
    struct ending *ending = argument;
    (void)rd_kafka_consumer_close(ending->handle);
    rd_kafka_destroy(ending->handle);
    pthread_mutex_lock(&ending->lock);
    ending->ended = true;
    (void)pthread_cond_signal(&ending->over);
    pthread_mutex_unlock(&ending->lock);
    return NULL;
}

/* librdkafka 2.0.2 never ends when a topic of which it reads was deleted. That must not keep us from ending. */
static bool end_in_time(rd_kafka_t *handle)
{
    pthread_t thread;
    struct timespec limit;
    pthread_condattr_t monotonic;
    struct ending *ending = memory_new(sizeof *ending);
    ending->handle = handle;
    pthread_mutex_init(&ending->lock, NULL);
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&ending->over, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    if (pthread_create(&thread, NULL, end_handle, ending) != 0)
        return false;
    (void)clock_gettime(CLOCK_MONOTONIC, &limit);
    limit.tv_sec += END_LIMIT_S;
    pthread_mutex_lock(&ending->lock);
    while (!ending->ended && pthread_cond_timedwait(&ending->over, &ending->lock, &limit) == 0)
        ;
    bool ended = ending->ended;
    pthread_mutex_unlock(&ending->lock);
    if (!ended) {
        (void)pthread_detach(thread); /* it keeps `ending` */
        return false;
    }
    (void)pthread_join(thread, NULL);
    pthread_cond_destroy(&ending->over);
    pthread_mutex_destroy(&ending->lock);
    free(ending);
    return true;
}

/* librdkafka ends only when nobody holds anything of it: first what refers to partitions, then the consumer. Closing before
 * destroying, or it can wait for ever. */
bool kafka_reader_close(struct kafka_reader *reader)
{
    kafka_reader_halt(reader);
    if (reader->handle != NULL) {
        (void)rd_kafka_assign(reader->handle, NULL);
        for (int i = 0; i < reader->source.workers; i++) {
            struct kafka_worker *worker = &reader->workers[i];
            for (size_t k = 0; k < worker->count; k++)
                rd_kafka_message_destroy(worker->taken[k]);
            if (worker->queue != NULL)
                rd_kafka_queue_destroy(worker->queue);
        }
        if (!end_in_time(reader->handle)) {
            log_warn("topic %s: librdkafka does not end, which is left to the end of the program", reader->topic);
            return false;
        }
    }
    for (int i = 0; i < reader->source.workers; i++) {
        free(reader->workers[i].taken);
        free(reader->workers[i].messages);
    }
    free(reader->workers);
    free(reader->topic);
    pthread_mutex_destroy(&reader->lock);
    return true;
}
