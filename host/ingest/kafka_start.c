/* kafka_start.c - which partitions a topic has, and where to start in each: asked of the brokers before anything is read. */
#include "ingest/kafka_internal.h"

#include "base/time.h"

#include <string.h>
#include <time.h>

#define UNKNOWN_TOPIC_MS 1000 /* a topic just made may not be known everywhere: ask for this long */
#define PAUSE_MS         100

static int left_ms(int64_t deadline_ms)
{
    int64_t left = deadline_ms - time_monotonic_ms();
    return left < 1 ? 1 : left > 2000 ? 2000 : (int)left; /* in pieces: a broker may come up meanwhile */
}

static void pause_a_moment(void)
{
    struct timespec moment = {.tv_nsec = PAUSE_MS * 1000000L};
    (void)nanosleep(&moment, NULL);
}

/* The last complaint of librdkafka says more than "timed out". */
static void found_trouble(struct kafka_source *self, const struct kafka_settings *settings, struct error *error)
{
    pthread_mutex_lock(&self->lock);
    error_found(error, "brokers %s%s%s", settings->brokers, self->trouble[0] == 0 ? "" : "; ", self->trouble);
    pthread_mutex_unlock(&self->lock);
}

static void explain(struct kafka_source *self, const struct kafka_settings *settings, rd_kafka_resp_err_t err,
                    struct error *error)
{
    switch ((int)err) {
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
        error_what(error, "Kafka has no topic %s", self->topic);
        error_found(error, "brokers %s", settings->brokers);
        error_advice(error, "check `topic`, or make it: kafka-topics.sh --create --topic %s --partitions N",
                     self->topic);
        break;
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
        error_what(error, "not allowed to read the Kafka topic %s", self->topic);
        error_found(error, "brokers %s", settings->brokers);
        error_advice(error, "give the user of `properties` the right to read and describe it");
        break;
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
        error_what(error, "\"%s\" can't be the name of a Kafka topic", self->topic);
        error_advice(error, "names have letters, digits, dots, - and _");
        break;
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__RESOLVE:
        error_what(error, "no Kafka broker answered within %lld ms", (long long)settings->connect_timeout_ms);
        found_trouble(self, settings, error);
        error_advice(error,
                     "check `brokers`, whether they run and are in reach, and that `properties` has the security "
                     "they want; a slow network needs a larger connect_timeout");
        break;
    default:
        error_what(error, "cannot read the Kafka topic %s: %s", self->topic, rd_kafka_err2str(err));
        found_trouble(self, settings, error);
    }
}

/* How many partitions; 0: *err says why. */
static int32_t count_partitions(struct kafka_source *self, int64_t deadline_ms, rd_kafka_resp_err_t *err)
{
    const struct rd_kafka_metadata *metadata;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(self->handle, self->topic, NULL);
    if (topic == NULL) {
        *err = rd_kafka_last_error();
        return 0;
    }
    int32_t count = 0;
    *err = rd_kafka_metadata(self->handle, 0, topic, &metadata, left_ms(deadline_ms));
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

/* What asking again may cure. */
static bool passing(rd_kafka_resp_err_t err)
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

/* ListOffsets has two times that mean the ends of a partition's log. */
#define TIME_LATEST   (-1)
#define TIME_EARLIEST (-2)

/* Replace each "offset", a time, by the offset of the first message from then on; RD_KAFKA_OFFSET_END: none is so new. */
static rd_kafka_resp_err_t look_up(struct kafka_source *self, rd_kafka_topic_partition_list_t *list,
                                   int64_t deadline_ms)
{
    rd_kafka_resp_err_t err = rd_kafka_offsets_for_times(self->handle, list, left_ms(deadline_ms));
    for (int i = 0; i < list->cnt && err == RD_KAFKA_RESP_ERR_NO_ERROR; i++)
        err = list->elems[i].err;
    return err;
}

static rd_kafka_resp_err_t find_offsets(struct kafka_source *self, rd_kafka_topic_partition_list_t *list,
                                        int64_t time_ms, int64_t deadline_ms)
{
    for (int i = 0; i < list->cnt; i++)
        list->elems[i].offset = time_ms;
    rd_kafka_resp_err_t err = look_up(self, list, deadline_ms);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR || time_ms < 0)
        return err;
    rd_kafka_topic_partition_list_t *ends = rd_kafka_topic_partition_list_new(list->cnt);
    for (int i = 0; i < list->cnt; i++)
        if (list->elems[i].offset < 0)
            rd_kafka_topic_partition_list_add(ends, self->topic, list->elems[i].partition)->offset = TIME_LATEST;
    if (ends->cnt != 0)
        err = look_up(self, ends, deadline_ms);
    for (int i = 0; i < ends->cnt && err == RD_KAFKA_RESP_ERR_NO_ERROR; i++)
        err = rd_kafka_topic_partition_list_set_offset(list, self->topic, ends->elems[i].partition,
                                                       ends->elems[i].offset);
    rd_kafka_topic_partition_list_destroy(ends);
    return err;
}

static int64_t start_time(const struct kafka_settings *settings)
{
    switch (settings->start) {
    case START_EARLIEST: return TIME_EARLIEST;
    case START_LATEST: return TIME_LATEST;
    case START_TIME: break;
    }
    return settings->start_ms < 0 ? 0 : settings->start_ms;
}

rd_kafka_topic_partition_list_t *kafka_start(struct kafka_source *self, const struct kafka_settings *settings,
                                             int64_t deadline_ms, struct error *error)
{
    int64_t topic_deadline_ms = time_monotonic_ms() + UNKNOWN_TOPIC_MS;
    for (;;) {
        rd_kafka_resp_err_t err;
        int32_t count = count_partitions(self, deadline_ms, &err);
        if (count > 0) {
            rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(count);
            rd_kafka_topic_partition_list_add_range(list, self->topic, 0, count - 1);
            err = find_offsets(self, list, start_time(settings), deadline_ms);
            if (err == RD_KAFKA_RESP_ERR_NO_ERROR)
                return list;
            rd_kafka_topic_partition_list_destroy(list);
        }
        bool unknown = err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || err == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
        int64_t until_ms = unknown && topic_deadline_ms < deadline_ms ? topic_deadline_ms : deadline_ms;
        if ((!unknown && !passing(err)) || time_monotonic_ms() >= until_ms) {
            explain(self, settings, err, error);
            return NULL;
        }
        pause_a_moment();
    }
}
