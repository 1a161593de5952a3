/* kafka_query.c - what is asked of the brokers about a topic: its partitions, where their logs begin and end, from when
 * their first messages are; and how it is said when they do not answer. */
#include "ingest/kafka_internal.h"

#include "base/memory.h"
#include "base/time.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

int kafka_left_ms(int64_t deadline_ms)
{
    int64_t left = deadline_ms - time_monotonic_ms();
    return left < 1 ? 1 : left > 2000 ? 2000 : (int)left; /* in pieces: a broker may come up meanwhile */
}

/* --- errors --------------------------------------------------------------------------------------------------------- */

bool kafka_error_passing(rd_kafka_resp_err_t err)
{
    switch ((int)err) {
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__WAIT_CACHE:
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION:
    case RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT: return true;
    default: return false;
    }
}

bool kafka_error_no_topic(rd_kafka_resp_err_t err)
{
    return err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || err == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC ||
           err == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION;
}

/* The last complaint of librdkafka says more than "timed out". */
static void found_trouble(struct kafka_reader *reader, const struct kafka_settings *settings, struct error *error)
{
    pthread_mutex_lock(&reader->lock);
    error_found(error, "brokers %s%s%s", settings->brokers, reader->trouble[0] == 0 ? "" : "; ", reader->trouble);
    pthread_mutex_unlock(&reader->lock);
}

void kafka_explain(struct kafka_reader *reader, const struct kafka_settings *settings, rd_kafka_resp_err_t err,
                   struct error *error)
{
    switch ((int)err) {
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
        error_what(error, "Kafka has no topic %s", reader->topic);
        error_found(error, "brokers %s", settings->brokers);
        error_advice(error,
                     "check `topic`, or make it: kafka-topics.sh --create --topic %s --partitions N; with wait = true "
                     "it is waited for",
                     reader->topic);
        break;
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
        error_what(error, "not allowed to read the Kafka topic %s", reader->topic);
        error_found(error, "brokers %s", settings->brokers);
        error_advice(error, "give the user of `properties` the right to read and describe it");
        break;
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
        error_what(error, "\"%s\" can't be the name of a Kafka topic", reader->topic);
        error_advice(error, "names have letters, digits, dots, - and _");
        break;
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__RESOLVE:
        error_what(error, "no Kafka broker answered within %lld ms", (long long)settings->connect_timeout_ms);
        found_trouble(reader, settings, error);
        error_advice(error,
                     "check `brokers`, whether they run and are in reach, and that `properties` has the security "
                     "they want; a slow network needs a larger connect_timeout; with wait = true they are waited for");
        break;
    default:
        error_what(error, "cannot read the Kafka topic %s: %s", reader->topic, rd_kafka_err2str(err));
        found_trouble(reader, settings, error);
        error_advice(error, "look into the log of the broker, and at what `properties` says of security");
    }
}

const char *kafka_when(const struct kafka_extent *extent, char *out)
{
    char time[TIME_TEXT_MAX];
    if (extent->first_ms == KAFKA_NO_STAMP) {
        (void)snprintf(out, KAFKA_WHEN_MAX, "from when can't be told");
        return out;
    }
    (void)time_text(extent->first_ms, time);
    (void)snprintf(out, KAFKA_WHEN_MAX, "from before %s, the oldest message there is", time);
    return out;
}

/* --- partitions and offsets ----------------------------------------------------------------------------------------- */

int32_t kafka_count_partitions(struct kafka_reader *reader, int timeout_ms, rd_kafka_resp_err_t *err)
{
    const struct rd_kafka_metadata *metadata;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(reader->handle, reader->topic, NULL);
    if (topic == NULL) {
        *err = rd_kafka_last_error();
        return 0;
    }
    int32_t count = 0;
    *err = rd_kafka_metadata(reader->handle, 0, topic, &metadata, timeout_ms);
    if (*err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        *err = RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
        if (metadata->topic_cnt == 1) {
            *err = metadata->topics[0].err;
            count = metadata->topics[0].partition_cnt;
            if (*err == RD_KAFKA_RESP_ERR_NO_ERROR && count == 0)
                *err = RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE;
        }
        rd_kafka_metadata_destroy(metadata);
    }
    rd_kafka_topic_destroy(topic);
    return *err == RD_KAFKA_RESP_ERR_NO_ERROR ? count : 0;
}

rd_kafka_topic_partition_list_t *kafka_partition_list(const struct kafka_reader *reader, int32_t from, int32_t to)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(to - from > 0 ? to - from : 1);
    for (int32_t p = from; p < to; p++)
        (void)rd_kafka_topic_partition_list_add(list, reader->topic, p);
    return list;
}

/* Replace each "offset", a time, by the offset of the first message from then on; RD_KAFKA_OFFSET_END: none is so new. */
static rd_kafka_resp_err_t look_up(struct kafka_reader *reader, rd_kafka_topic_partition_list_t *list,
                                   int64_t deadline_ms)
{
    rd_kafka_resp_err_t err = rd_kafka_offsets_for_times(reader->handle, list, kafka_left_ms(deadline_ms));
    for (int i = 0; i < list->cnt && err == RD_KAFKA_RESP_ERR_NO_ERROR; i++)
        err = list->elems[i].err;
    return err;
}

rd_kafka_resp_err_t kafka_find_offsets(struct kafka_reader *reader, rd_kafka_topic_partition_list_t *list,
                                       int64_t time_ms, int64_t deadline_ms)
{
    if (list->cnt == 0)
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    for (int i = 0; i < list->cnt; i++)
        list->elems[i].offset = time_ms;
    rd_kafka_resp_err_t err = look_up(reader, list, deadline_ms);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR || time_ms < 0)
        return err;
    rd_kafka_topic_partition_list_t *ends = rd_kafka_topic_partition_list_new(list->cnt);
    for (int i = 0; i < list->cnt; i++)
        if (list->elems[i].offset < 0)
            rd_kafka_topic_partition_list_add(ends, reader->topic, list->elems[i].partition)->offset =
                KAFKA_TIME_LATEST;
    if (ends->cnt != 0)
        err = look_up(reader, ends, deadline_ms);
    for (int i = 0; i < ends->cnt && err == RD_KAFKA_RESP_ERR_NO_ERROR; i++)
        err = rd_kafka_topic_partition_list_set_offset(list, reader->topic, ends->elems[i].partition,
                                                       ends->elems[i].offset);
    rd_kafka_topic_partition_list_destroy(ends);
    return err;
}

rd_kafka_resp_err_t kafka_find_extents(struct kafka_reader *reader, int32_t count, struct kafka_extent *extents,
                                       int64_t deadline_ms)
{
    rd_kafka_topic_partition_list_t *list = kafka_partition_list(reader, 0, count);
    rd_kafka_resp_err_t err = kafka_find_offsets(reader, list, KAFKA_TIME_EARLIEST, deadline_ms);
    for (int32_t p = 0; p < count && err == RD_KAFKA_RESP_ERR_NO_ERROR; p++)
        extents[p] = (struct kafka_extent){.low = list->elems[p].offset, .first_ms = KAFKA_NO_STAMP};
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR)
        err = kafka_find_offsets(reader, list, KAFKA_TIME_LATEST, deadline_ms);
    for (int32_t p = 0; p < count && err == RD_KAFKA_RESP_ERR_NO_ERROR; p++) /* emptied between the two questions? */
        extents[p].high = list->elems[p].offset < extents[p].low ? extents[p].low : list->elems[p].offset;
    rd_kafka_topic_partition_list_destroy(list);
    return err;
}

void kafka_find_stamps(struct kafka_reader *reader, int32_t count, const int64_t *offsets, int64_t *stamps_ms, int64_t deadline_ms)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(count);
    for (int32_t p = 0; p < count; p++) {
        stamps_ms[p] = KAFKA_NO_STAMP;
        if (offsets[p] >= 0)
            rd_kafka_topic_partition_list_add(list, reader->topic, p)->offset = offsets[p];
    }
    int missing = list->cnt;
    rd_kafka_queue_t *queue = rd_kafka_queue_new(reader->handle);
    for (int i = 0; i < list->cnt; i++) {
        rd_kafka_queue_t *from = rd_kafka_queue_get_partition(reader->handle, reader->topic, list->elems[i].partition);
        assert(from != NULL);
        rd_kafka_queue_forward(from, queue);
        rd_kafka_queue_destroy(from);
    }
    rd_kafka_error_t *failed = missing == 0 ? NULL : rd_kafka_incremental_assign(reader->handle, list);
    if (failed != NULL) {
        rd_kafka_error_destroy(failed);
        missing = 0;
    }
    while (missing > 0 && time_monotonic_ms() < deadline_ms) {
        rd_kafka_message_t *message;
        if (rd_kafka_consume_batch_queue(queue, kafka_left_ms(deadline_ms), &message, 1) != 1)
            continue;
        int64_t *stamp_ms = message->partition >= 0 && message->partition < count ? &stamps_ms[message->partition] : NULL;
        if (stamp_ms != NULL && message->err == RD_KAFKA_RESP_ERR_NO_ERROR && *stamp_ms == KAFKA_NO_STAMP) {
            rd_kafka_timestamp_type_t type;
            int64_t found_ms = rd_kafka_message_timestamp(message, &type);
            *stamp_ms = found_ms < 0 ? KAFKA_NO_STAMP : found_ms;
            missing--;
        } else if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF && stamp_ms != NULL && *stamp_ms == KAFKA_NO_STAMP)
            missing--; /* what there was is no message, or was deleted meanwhile */
        rd_kafka_message_destroy(message);
    }
    kafka_reader_leave(reader, list);
    rd_kafka_queue_destroy(queue);
    rd_kafka_topic_partition_list_destroy(list);
}

void kafka_find_first_stamps(struct kafka_reader *reader, int32_t count, const bool *wanted,
                             struct kafka_extent *extents, int64_t deadline_ms)
{
    int64_t *offsets = memory_new((size_t)count * sizeof *offsets), *stamps_ms = memory_new((size_t)count * sizeof *stamps_ms);
    for (int32_t p = 0; p < count; p++)
        offsets[p] = wanted[p] && extents[p].low < extents[p].high ? extents[p].low : -1;
    kafka_find_stamps(reader, count, offsets, stamps_ms, deadline_ms);
    for (int32_t p = 0; p < count; p++)
        if (offsets[p] >= 0)
            extents[p].first_ms = stamps_ms[p];
    free(offsets);
    free(stamps_ms);
}
