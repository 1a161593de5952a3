/* kafka_repair.c - going on where Kafka no longer has what is to be read next: messages deleted before they were read, a
 * topic deleted and made anew under the same name. By the watcher's thread only.
 *
 * librdkafka stops at a partition whose log has nothing at the wanted offset. Below the log's first message, retention was
 * faster than we are: what lies between is lost. Beyond its end the log was cut, or is that of another topic of this name.
 *
 * A topic that is deleted is seen missing as a rule (librdkafka asks for it as soon as a fetch fails); nothing is read until
 * it is there again. It may then be the same after all - a broker that has just started may not know all topics yet - and
 * beginning anew would do harm. It is another one if a log ends before where the old one's did. If none does, it is another
 * one if all logs begin at 0 and no first message is older than the moment when it was missed. */
#include "ingest/kafka_internal.h"

#include "base/memory.h"
#include "base/time.h"

#include <stdlib.h>

#define ASK_MS        1500
#define STAMPS_MS     2000
#define NOTICED_IN_MS 10000 /* a topic that vanishes is missed within this; producers' clocks may differ by as much */

/* False: it ends here. */
static bool lose(struct kafka_source *self, uint64_t lost, int32_t number, const char *range, const char *why)
{
    atomic_fetch_add(&self->lost, lost);
    if (lost == 0)
        return true;
    if (self->on_loss != LOSS_STOP) {
        log_warn("topic %s, partition %d: %llu messages are lost, %s (%s)", self->reader.topic, number,
                 (unsigned long long)lost, why, range);
        return true;
    }
    struct error error;
    error_what(&error, "%llu messages of Kafka topic %s, partition %d, are lost: %s", (unsigned long long)lost,
               self->reader.topic, number, why);
    error_found(&error, "%s; on_loss = \"stop\"", range);
    error_advice(&error, "to go on without them start once with --accept-loss, or set on_loss = \"continue\"; longer "
                         "retention keeps it from happening again");
    kafka_reader_fail(&self->reader, &error);
    return false;
}

static bool lose_range(struct kafka_source *self, int32_t number, int64_t from, int64_t to, const char *why)
{
    char *range = memory_format("offsets %lld to %lld", (long long)from, (long long)to - 1);
    bool going_on = lose(self, to > from ? (uint64_t)(to - from) : 0, number, range, why);
    free(range);
    return going_on;
}

/* Read these from the offsets in the list. */
static void go_on(struct kafka_source *self, rd_kafka_topic_partition_list_t *list)
{
    for (int i = 0; i < list->cnt; i++) {
        struct kafka_partition *partition = &self->partitions[list->elems[i].partition];
        atomic_store(&partition->misplaced, false);
        atomic_store(&partition->next, list->elems[i].offset);
        atomic_store(&partition->passed, -1); /* it may be another topic's */
        atomic_store(&partition->end, list->elems[i].offset);
        kafka_partition_set(partition, PARTITION_READING, 0);
    }
    rd_kafka_resp_err_t err = kafka_reader_begin(&self->reader, list);
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    struct error error;
    error_what(&error, "cannot go on reading Kafka topic %s: %s", self->reader.topic, rd_kafka_err2str(err));
    kafka_reader_fail(&self->reader, &error);
}

static int64_t next_of(const struct kafka_source *self, int32_t p) { return atomic_load(&self->partitions[p].next); }

/* What of the former topic is known not to have been read. */
static bool lose_rest(struct kafka_source *self, int32_t p)
{
    return lose_range(self, p, next_of(self, p), atomic_load(&self->partitions[p].end),
                      "their topic was deleted, or cut, before they were read");
}

/* --- partitions whose offset is not there --------------------------------------------------------------------------- */

static bool begins_anew(const struct kafka_source *self, const struct kafka_extent *extents, int32_t count)
{
    for (int32_t p = 0; p < count; p++)
        if (atomic_load(&self->partitions[p].misplaced) && next_of(self, p) > extents[p].high && extents[p].low == 0)
            return true;
    return false;
}

void kafka_repair_misplaced(struct kafka_source *self)
{
    int32_t count = self->present;
    struct kafka_extent *extents = memory_new((size_t)count * sizeof *extents);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(count);
    atomic_store(&self->misplaced, false); /* one that comes up now is for the next time */
    rd_kafka_resp_err_t err = kafka_find_extents(&self->reader, count, extents, time_monotonic_ms() + ASK_MS);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        atomic_store(&self->misplaced, true);
        if (kafka_error_no_topic(err))
            atomic_store(&self->vanished, true);
        goto out;
    }
    bool anew = begins_anew(self, extents, count);
    for (int32_t p = 0; p < count; p++)
        if (atomic_load(&self->partitions[p].misplaced) || (anew && extents[p].low == 0))
            rd_kafka_topic_partition_list_add(list, self->reader.topic, p);
    kafka_reader_leave(&self->reader, list);
    bool going_on = true;
    for (int i = 0; i < list->cnt && going_on; i++) {
        int32_t p = list->elems[i].partition;
        int64_t next = next_of(self, p), low = extents[p].low;
        if ((anew && low == 0) || next > extents[p].high) {
            log_warn("topic %s, partition %d: Kafka has nothing at offset %lld any more, the topic was made anew or cut; "
                     "reading goes on at its beginning, offset %lld",
                     self->reader.topic, p, (long long)next, (long long)low);
            going_on = lose_rest(self, p);
            list->elems[i].offset = low;
        } else {
            going_on = lose_range(self, p, next, low,
                                  "Kafka deleted them before they were read: retention is too short, or reading too slow");
            list->elems[i].offset = next < low ? low : next;
        }
    }
    if (going_on)
        go_on(self, list);
out:
    rd_kafka_topic_partition_list_destroy(list);
    free(extents);
}

/* --- a topic that is not there -------------------------------------------------------------------------------------- */

/* Partitions are not left before they are there again: librdkafka 2.0.2 would never end after that. */
void kafka_repair_gone(struct kafka_source *self)
{
    atomic_store(&self->gone, true);
    self->gone_ms = time_wall_ms();
    self->repair_ms = 0;
    for (int32_t p = 0; p < self->present; p++)
        kafka_partition_set(&self->partitions[p], PARTITION_AWAY, 0);
    log_warn("Kafka has no topic %s any more; waiting until it is there again", self->reader.topic);
}

enum likeness { THE_SAME, ANOTHER, NOT_KNOWN_YET };

static enum likeness compare(struct kafka_source *self, struct kafka_extent *extents, int32_t count)
{
    bool messages = false, young = true;
    bool *all = memory_new((size_t)count * sizeof *all);
    for (int32_t p = 0; p < count; p++) {
        all[p] = true;
        messages = messages || extents[p].high > extents[p].low;
        young = young && extents[p].low == 0;
        if (extents[p].high < next_of(self, p)) {
            free(all);
            return ANOTHER;
        }
    }
    if (messages && young)
        kafka_find_first_stamps(&self->reader, count, all, extents, time_monotonic_ms() + STAMPS_MS);
    free(all);
    if (!messages || !young)
        return THE_SAME;
    int64_t oldest_ms = INT64_MAX;
    for (int32_t p = 0; p < count; p++)
        if (extents[p].first_ms != KAFKA_NO_STAMP && extents[p].first_ms < oldest_ms)
            oldest_ms = extents[p].first_ms;
    if (oldest_ms == INT64_MAX)
        return NOT_KNOWN_YET;
    return oldest_ms < self->gone_ms - NOTICED_IN_MS ? THE_SAME : ANOTHER;
}

static void come_back(struct kafka_source *self, const struct kafka_extent *extents, int32_t count, bool another)
{
    int32_t known = self->reader.source.partitions;
    bool going_on = true;
    rd_kafka_topic_partition_list_t *list = kafka_partition_list(&self->reader, 0, count);
    if (another)
        log_warn("topic %s was deleted and made anew%s; reading goes on at its beginning", self->reader.topic,
                 count < known ? ", with fewer partitions" : "");
    else
        log_warn("topic %s is there again, and the same; reading goes on", self->reader.topic);
    for (int32_t p = 0; p < known && another && going_on; p++)
        going_on = lose_rest(self, p);
    for (int32_t p = 0; p < count; p++)
        list->elems[p].offset = another ? extents[p].low : next_of(self, p);
    for (int32_t p = count; p < known; p++) { /* nothing will come of these: they must not hold up the clock */
        atomic_store(&self->partitions[p].next, 0);
        atomic_store(&self->partitions[p].end, 0);
        atomic_store(&self->partitions[p].misplaced, false);
        kafka_partition_set(&self->partitions[p], PARTITION_AT_END, time_boot_ms());
    }
    atomic_store(&self->present, count);
    atomic_store(&self->gone, false); /* nothing comes before they are begun */
    if (going_on)
        go_on(self, list);
    rd_kafka_topic_partition_list_destroy(list);
}

void kafka_repair_return(struct kafka_source *self)
{
    rd_kafka_resp_err_t err;
    int32_t known = self->reader.source.partitions;
    int32_t count = kafka_count_partitions(&self->reader, ASK_MS, &err);
    if (count == 0)
        return;
    count = count > known ? known : count;
    struct kafka_extent *extents = memory_new((size_t)count * sizeof *extents);
    err = kafka_find_extents(&self->reader, count, extents, time_monotonic_ms() + ASK_MS);
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        rd_kafka_topic_partition_list_t *list = kafka_partition_list(&self->reader, 0, count);
        kafka_reader_leave(&self->reader, list);
        rd_kafka_topic_partition_list_destroy(list);
        enum likeness likeness = count < self->present ? ANOTHER : compare(self, extents, count);
        if (likeness != NOT_KNOWN_YET)
            come_back(self, extents, count, likeness == ANOTHER);
    }
    free(extents);
}

void kafka_repair_more(struct kafka_source *self, int32_t count)
{
    rd_kafka_topic_partition_list_t *list = kafka_partition_list(&self->reader, self->present, count);
    if (kafka_find_offsets(&self->reader, list, KAFKA_TIME_EARLIEST, time_monotonic_ms() + ASK_MS) ==
        RD_KAFKA_RESP_ERR_NO_ERROR) {
        log_info("topic %s has %d partitions again; reading those too, from their beginning", self->reader.topic, count);
        kafka_reader_leave(&self->reader, list);
        atomic_store(&self->present, count);
        go_on(self, list);
    }
    rd_kafka_topic_partition_list_destroy(list);
}
