/* kafka_watch.c - what the reader's thread does for the main source: it finds out which partitions are away.
 *
 * While messages flow there is nothing to do. When librdkafka reports trouble, the watcher asks each partition's leader
 * for the end of its log, once a second: no answer, and the partition is away (the clock must not run on as if nobody
 * visited the shop); an answer, and it is at its end or has data to give, whichever its offsets say. It goes on asking until
 * all have answered. A message of a partition ends its being away at once.
 *
 * It also looks now and then whether the topic is there and has got more partitions, and calls for repairs. */
#include "ingest/kafka_internal.h"

#include "base/time.h"

#define ASK_EVERY_MS    1000
#define ASK_TIMEOUT_MS  800
#define REPAIR_EVERY_MS 500 /* where the first attempt failed */

/* --- trouble -------------------------------------------------------------------------------------------------------- */

void kafka_watch_trouble(struct kafka_reader *reader, rd_kafka_resp_err_t err, const char *reason)
{
    struct kafka_source *self = kafka_source_of(reader);
    if (err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && !atomic_exchange(&self->all_down, true))
        log_warn("no Kafka broker is in reach; trying on: %s", reason);
    bool some_went = atomic_load(&self->present) < reader->source.partitions;
    if (err == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION && some_went)
        return; /* is known */
    if (kafka_error_no_topic(err)) /* said when a broker's list of topics is without ours, never by a missing broker */
        atomic_store(&self->vanished, true);
    else
        kafka_watch_suspect(self);
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
        atomic_store(&partition->idle_since_ms, time_boot_ms());
    (void)atomic_compare_exchange_strong(&partition->state, &seen, (int)state);
}

/* Where the partition's log ends; -1: no answer. (rd_kafka_query_watermark_offsets() takes a timeout too, and waits much
 * longer when the broker is gone.) */
static int64_t ask_end(struct kafka_source *self, int32_t number)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, self->reader.topic, number)->offset = RD_KAFKA_OFFSET_END;
    rd_kafka_resp_err_t err = rd_kafka_offsets_for_times(self->reader.handle, list, ASK_TIMEOUT_MS);
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
    for (int32_t p = 0; p < self->present && !atomic_load(&self->reader.stopped); p++) {
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

/* --- the topic ------------------------------------------------------------------------------------------------------ */

static void look_at_topic(struct kafka_source *self)
{
    rd_kafka_resp_err_t err;
    int32_t count = kafka_count_partitions(&self->reader, ASK_TIMEOUT_MS, &err), known = self->reader.source.partitions;
    if (count == 0 && kafka_error_no_topic(err))
        atomic_store(&self->vanished, true);
    if (count > self->present && self->present < known)
        kafka_repair_more(self, count < known ? count : known);
    if (count > known && count != self->announced_partitions) {
        self->announced_partitions = count;
        atomic_store(&self->grown, true);
        log_warn("topic %s has %d partitions now and only the %d that it had at the start are read: a restart reads them all, "
                 "the new ones from their beginning",
                 self->reader.topic, count, known);
    }
}

/* What librdkafka saw of the logs' ends with its fetches; to say what is lost when a topic is gone. */
static void sample_ends(struct kafka_source *self)
{
    for (int32_t p = 0; p < self->present; p++) {
        int64_t low = -1, high = -1;
        if (rd_kafka_get_watermark_offsets(self->reader.handle, self->reader.topic, p, &low, &high) ==
                RD_KAFKA_RESP_ERR_NO_ERROR &&
            high > 0)
            atomic_store_explicit(&self->partitions[p].end, high, memory_order_relaxed);
    }
}

/* --- what there is to do -------------------------------------------------------------------------------------------- */

bool kafka_watch_hungry(const struct kafka_reader *reader)
{
    const struct kafka_source *self = (const struct kafka_source *)reader;
    if (self->gone || atomic_load_explicit(&self->suspect, memory_order_relaxed))
        return false;
    for (int32_t p = 0; p < self->present; p++)
        if (atomic_load_explicit(&self->partitions[p].state, memory_order_relaxed) == PARTITION_READING)
            return true;
    return false;
}

static bool due(int64_t *when_ms, int64_t every_ms)
{
    if (time_monotonic_ms() < *when_ms)
        return false;
    *when_ms = time_monotonic_ms() + every_ms;
    return true;
}

void kafka_watch_tend(struct kafka_reader *reader)
{
    struct kafka_source *self = kafka_source_of(reader);
    kafka_commit_serve(self);
    if (atomic_load(&reader->stopped))
        return;
    if (atomic_exchange(&self->vanished, false) && !self->gone)
        kafka_repair_gone(self);
    if (self->gone) {
        if (due(&self->repair_ms, REPAIR_EVERY_MS))
            kafka_repair_return(self);
        return;
    }
    if (atomic_load(&self->misplaced) && due(&self->repair_ms, REPAIR_EVERY_MS))
        kafka_repair_misplaced(self);
    if (due(&self->sample_ms, ASK_EVERY_MS))
        sample_ends(self);
    if (atomic_load(&self->suspect)) {
        if (due(&self->ask_ms, ASK_EVERY_MS))
            ask_partitions(self);
    } else if (due(&self->look_ms, KAFKA_LOOK_EVERY_MS))
        look_at_topic(self);
}
