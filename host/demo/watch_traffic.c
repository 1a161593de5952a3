/* watch_traffic.c - see watch_traffic.h. */
#include "demo/watch_traffic.h"

#include "base/memory.h"

#include <librdkafka/rdkafka.h>
#include <stdlib.h>
#include <string.h>

struct traffic {
    rd_kafka_t *kafka;
    rd_kafka_topic_t *topic;
    rd_kafka_queue_t *queue;
    int partitions;
    bool embedded;
};

static rd_kafka_t *consumer(const char *brokers, struct error *error)
{
    static const char *const settings[][2] = {{"fetch.wait.max.ms", "200"}, {"log_level", "2"}, {"fetch.error.backoff.ms", "100"},
                                              {"queued.max.messages.kbytes", "65536"}, {"log.connection.close", "false"}};
    char reason[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    bool good = rd_kafka_conf_set(conf, "bootstrap.servers", brokers, reason, sizeof reason) == RD_KAFKA_CONF_OK;
    for (size_t i = 0; good && i < sizeof settings / sizeof *settings; i++)
        good = rd_kafka_conf_set(conf, settings[i][0], settings[i][1], reason, sizeof reason) == RD_KAFKA_CONF_OK;
    rd_kafka_t *kafka = good ? rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof reason) : NULL;
    if (kafka == NULL) {
        rd_kafka_conf_destroy(conf);
        error_what(error, "the Kafka client can't start");
        error_found(error, "%s", reason);
        error_advice(error, "give --brokers HOST:PORT");
    }
    return kafka;
}

/* Number of partitions; 0: no answer, or no such topic. */
static int partitions_count(struct traffic *traffic, struct error *error, const char *brokers)
{
    const struct rd_kafka_metadata *metadata;
    rd_kafka_resp_err_t code = rd_kafka_metadata(traffic->kafka, 0, traffic->topic, &metadata, 10000);
    int count = 0;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        if (metadata->topic_cnt == 1) {
            code = metadata->topics[0].err;
            count = metadata->topics[0].partition_cnt;
        }
        rd_kafka_metadata_destroy(metadata);
    }
    if (count == 0) {
        error_what(error, "the topic %s can't be read", rd_kafka_topic_name(traffic->topic));
        error_found(error, "%s: %s", brokers, rd_kafka_err2str(code));
        error_advice(error, "check that a broker runs there and that the topic exists; or give --brokers and --topic");
    }
    return count;
}

struct traffic *traffic_open(const char *brokers, const char *topic, struct error *error)
{
    struct traffic *traffic = memory_new(sizeof *traffic);
    traffic->kafka = consumer(brokers, error);
    if (traffic->kafka == NULL) {
        free(traffic);
        return NULL;
    }
    traffic->topic = rd_kafka_topic_new(traffic->kafka, topic, NULL);
    int partitions = partitions_count(traffic, error, brokers);
    if (partitions == 0) {
        traffic_close(traffic);
        return NULL;
    }
    traffic->queue = rd_kafka_queue_new(traffic->kafka);
    for (int i = 0; i < partitions; i++) {
        if (rd_kafka_consume_start_queue(traffic->topic, i, RD_KAFKA_OFFSET_END, traffic->queue) == 0)
            continue;
        error_what(error, "partition %d of %s can't be read", i, topic);
        error_found(error, "%s", rd_kafka_err2str(rd_kafka_last_error()));
        traffic_close(traffic);
        return NULL;
    }
    traffic->partitions = partitions;
    char *cluster = rd_kafka_clusterid(traffic->kafka, 10000);
    traffic->embedded = cluster != NULL && strncmp(cluster, "mockCluster", strlen("mockCluster")) == 0;
    if (cluster != NULL)
        rd_kafka_mem_free(traffic->kafka, cluster);
    return traffic;
}

void traffic_close(struct traffic *traffic)
{
    for (int i = 0; i < traffic->partitions; i++)
        (void)rd_kafka_consume_stop(traffic->topic, i);
    if (traffic->queue != NULL)
        rd_kafka_queue_destroy(traffic->queue);
    rd_kafka_topic_destroy(traffic->topic);
    rd_kafka_destroy(traffic->kafka);
    free(traffic);
}

int traffic_partitions(const struct traffic *traffic) { return traffic->partitions; }

bool traffic_is_embedded(const struct traffic *traffic) { return traffic->embedded; }

size_t traffic_take(struct traffic *traffic, int wait_ms, void (*take)(void *context, struct bytes message), void *context)
{
    enum { BATCH = 1000 };
    rd_kafka_message_t *messages[BATCH];
    ssize_t count = rd_kafka_consume_batch_queue(traffic->queue, wait_ms, messages, BATCH);
    size_t events = 0;
    for (ssize_t i = 0; i < count; i++) {
        if (messages[i]->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            take(context, (struct bytes){messages[i]->payload, messages[i]->len});
            events++;
        }
        rd_kafka_message_destroy(messages[i]);
    }
    (void)rd_kafka_poll(traffic->kafka, 0);
    return events;
}
