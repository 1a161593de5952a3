/* kafka_watch.c - librdkafka's log and errors, and the thread that finds out which partitions are away.
 *
 * While messages flow there is nothing to do. When librdkafka reports trouble, the watcher asks each partition's leader
 * for the end of its log, once a second: no answer, and the partition is away (the clock must not run on as if nobody
 * visited the shop); an answer, and it is at its end or has data to give, whichever its offsets say. It goes on asking until
 * all have answered. A message of a partition ends its being away at once.
 *
 * The thread also serves librdkafka's callbacks, and looks now and then whether the topic has got more partitions. */
#include "ingest/kafka_internal.h"

#include "base/time.h"

#include <stdio.h>
#include <string.h>
#include <syslog.h>

#define SERVE_MS            100 /* callbacks; also how soon the thread ends */
#define WAKE_EVERY_MS       20
#define ASK_EVERY_MS        1000
#define ASK_TIMEOUT_MS      800
#define PARTITIONS_EVERY_MS 60000

/* --- callbacks ------------------------------------------------------------------------------------------------------ */

static void on_log(const rd_kafka_t *handle, int level, const char *facility, const char *text)
{
    struct kafka_source *self = rd_kafka_opaque(handle);
    if (level <= LOG_WARNING) {
        pthread_mutex_lock(&self->lock);
        (void)snprintf(self->trouble, sizeof self->trouble, "%s", text);
        pthread_mutex_unlock(&self->lock);
        if (strcmp(facility, "CONFWARN") == 0) /* about a property, once */
            log_warn("kafka: %s", text);
        else
            log_limited(&self->log_limit, LOG_LEVEL_WARN, "kafka: %s: %s", facility, text);
    } else if (level <= LOG_INFO)
        log_info("kafka: %s: %s", facility, text);
    else
        log_debug("kafka: %s: %s", facility, text);
}

static void on_error(rd_kafka_t *handle, int err, const char *reason, void *opaque)
{
    struct kafka_source *self = opaque;
    if (err == RD_KAFKA_RESP_ERR__FATAL) {
        char text[384];
        rd_kafka_resp_err_t cause = rd_kafka_fatal_error(handle, text, sizeof text);
        pthread_mutex_lock(&self->lock);
        error_what(&self->error, "reading Kafka topic %s has ended: %s", self->topic, text);
        error_found(&self->error, "%s", rd_kafka_err2name(cause));
        self->failed = true;
        pthread_mutex_unlock(&self->lock);
        atomic_store(&self->stopped, true);
        return;
    }
    if (err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && !atomic_exchange(&self->all_down, true))
        log_warn("no Kafka broker is in reach; trying on: %s", reason);
    kafka_watch_suspect(self);
}

void kafka_watch_configure(struct kafka_source *self, rd_kafka_conf_t *conf)
{
    rd_kafka_conf_set_opaque(conf, self);
    rd_kafka_conf_set_log_cb(conf, on_log);
    rd_kafka_conf_set_error_cb(conf, on_error);
}

void kafka_watch_suspect(struct kafka_source *self)
{
    atomic_store_explicit(&self->suspect, true, memory_order_relaxed);
}

/* --- asking the partitions ------------------------------------------------------------------------------------------ */

/* The worker may take a message of it at the same time, and what a message says is right: so only from the state seen
 * before asking. The time first: nobody may see "at its end" with an old one. */
static void change_state(struct kafka_partition *partition, int seen, enum partition_state state)
{
    if (state == PARTITION_AT_END)
        atomic_store(&partition->idle_since_ms, time_wall_ms());
    (void)atomic_compare_exchange_strong(&partition->state, &seen, (int)state);
}

/* Where the partition's log ends; -1: no answer. (rd_kafka_query_watermark_offsets() takes a timeout too, and waits much
 * longer when the broker is gone.) */
static int64_t ask_end(struct kafka_source *self, int32_t number)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, self->topic, number)->offset = RD_KAFKA_OFFSET_END;
    rd_kafka_resp_err_t err = rd_kafka_offsets_for_times(self->handle, list, ASK_TIMEOUT_MS);
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR)
        err = list->elems[0].err;
    int64_t end = err == RD_KAFKA_RESP_ERR_NO_ERROR ? list->elems[0].offset : -1;
    rd_kafka_topic_partition_list_destroy(list);
    return end;
}

/* False: away. */
static bool ask_partition(struct kafka_source *self, int32_t number)
{
    struct kafka_partition *partition = &self->partitions[number];
    int seen = atomic_load(&partition->state);
    int64_t next = atomic_load(&partition->next), end = ask_end(self, number);
    if (next != atomic_load(&partition->next))
        return true; /* a message came: it is well */
    if (end < 0) {
        change_state(partition, seen, PARTITION_AWAY);
        return false;
    }
    if (seen == PARTITION_AWAY)
        change_state(partition, seen, next >= end ? PARTITION_AT_END : PARTITION_READING);
    return true;
}

static void ask_partitions(struct kafka_source *self)
{
    bool all_well = true, none_yet = true;
    atomic_store(&self->suspect, false);
    for (int32_t p = 0; p < self->source.partitions && !atomic_load(&self->stopped); p++) {
        if (none_yet && !all_well && atomic_load(&self->all_down)) { /* one timeout is enough */
            change_state(&self->partitions[p], atomic_load(&self->partitions[p].state), PARTITION_AWAY);
            continue;
        }
        bool well = ask_partition(self, p);
        all_well = all_well && well;
        none_yet = none_yet && !well;
    }
    if (!all_well)
        kafka_watch_suspect(self);
    else if (atomic_exchange(&self->all_down, false))
        log_info("Kafka is in reach again");
}

/* --- keeping the fetcher awake ---------------------------------------------------------------------------------------- */

/* Before 2.2 librdkafka's thread that found all queues full looks again only after a second, unless something else wakes it:
 * a worker slower than the broker would then get one queue's worth a second (16 MB a queue: 36 000 events/s). Any request
 * wakes it. Newer versions have fetch.queue.backoff.ms. */
static bool fetcher_sleeps(void) { return rd_kafka_version() < 0x02020000; }

static bool some_have_data(const struct kafka_source *self)
{
    for (int32_t p = 0; p < self->source.partitions; p++)
        if (atomic_load_explicit(&self->partitions[p].state, memory_order_relaxed) == PARTITION_READING)
            return true;
    return false;
}

static void wake_fetchers(struct kafka_source *self)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(self->source.partitions);
    rd_kafka_topic_partition_list_add_range(list, self->topic, 0, self->source.partitions - 1);
    for (int i = 0; i < list->cnt; i++)
        list->elems[i].offset = RD_KAFKA_OFFSET_END;
    (void)rd_kafka_offsets_for_times(self->handle, list, SERVE_MS);
    rd_kafka_topic_partition_list_destroy(list);
}

static void look_for_more_partitions(struct kafka_source *self)
{
    const struct rd_kafka_metadata *metadata;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(self->handle, self->topic, NULL);
    if (topic == NULL)
        return;
    if (rd_kafka_metadata(self->handle, 0, topic, &metadata, ASK_TIMEOUT_MS) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        int32_t count = metadata->topic_cnt == 1 ? metadata->topics[0].partition_cnt : 0;
        if (count > self->source.partitions && count != self->announced_partitions) {
            self->announced_partitions = count;
            log_warn(
                "topic %s has %d partitions now and only the %d that it had at the start are read: restart to read all",
                self->topic, count, self->source.partitions);
        }
        rd_kafka_metadata_destroy(metadata);
    }
    rd_kafka_topic_destroy(topic);
}

static void *watch(void *argument)
{
    struct kafka_source *self = argument;
    int64_t ask_ms = 0, look_ms = time_monotonic_ms() + PARTITIONS_EVERY_MS;
    while (!atomic_load(&self->stopped)) {
        bool wake = fetcher_sleeps() && !atomic_load(&self->suspect) && some_have_data(self);
        if (wake)
            wake_fetchers(self);
        (void)rd_kafka_poll(self->handle, wake ? WAKE_EVERY_MS : SERVE_MS);
        int64_t now_ms = time_monotonic_ms();
        if (atomic_load(&self->suspect) && now_ms >= ask_ms) {
            ask_partitions(self);
            ask_ms = time_monotonic_ms() + ASK_EVERY_MS;
        } else if (now_ms >= look_ms) {
            look_for_more_partitions(self);
            look_ms = time_monotonic_ms() + PARTITIONS_EVERY_MS;
        }
    }
    return NULL;
}

bool kafka_watch_start(struct kafka_source *self, struct error *error)
{
    int status = pthread_create(&self->watcher, NULL, watch, self);
    if (status != 0)
        error_what(error, "cannot start a thread: %s", strerror(status));
    self->watching = status == 0;
    return self->watching;
}

void kafka_watch_stop(struct kafka_source *self)
{
    if (self->watching)
        (void)pthread_join(self->watcher, NULL);
    self->watching = false;
}
