/* sender.c - see sender.h. */
#include "demo/sender.h"

#include "base/memory.h"

#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>

struct sender {
    rd_kafka_t *kafka;
    rd_kafka_topic_t *topic;
    struct sender_counts counts; /* delivery reports come from rd_kafka_poll(), in the caller's thread */
    bool out_of_reach;           /* has been said */
};

static void on_delivery(rd_kafka_t *kafka, const rd_kafka_message_t *message, void *opaque)
{
    (void)kafka;
    struct sender *sender = opaque;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        sender->counts.delivered++;
        sender->out_of_reach = false;
    } else {
        sender->counts.failed++;
        (void)snprintf(sender->counts.last_failure, sizeof sender->counts.last_failure, "%s", rd_kafka_err2str(message->err));
    }
}

static void on_error(rd_kafka_t *kafka, int code, const char *reason, void *opaque)
{
    (void)kafka;
    struct sender *sender = opaque;
    if (code != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || sender->out_of_reach)
        return;
    sender->out_of_reach = true;
    (void)fprintf(stderr, "shoplane-demo: no broker answers, still trying (%s)\n", reason);
}

static bool set(rd_kafka_conf_t *conf, const char *name, const char *value, struct error *error)
{
    char reason[512];
    if (rd_kafka_conf_set(conf, name, value, reason, sizeof reason) == RD_KAFKA_CONF_OK)
        return true;
    error_what(error, "librdkafka does not take the setting %s", name);
    error_found(error, "%s", reason);
    error_advice(error, "see librdkafka's CONFIGURATION.md for names and values");
    return false;
}

static bool configure(rd_kafka_conf_t *conf, const struct sender_options *options, struct error *error)
{
    /* few large batches: the embedded broker looks messages up by walking over batches */
    bool good = set(conf, "bootstrap.servers", options->brokers, error) && set(conf, "linger.ms", "20", error) &&
                set(conf, "sticky.partitioning.linger.ms", "20", error) && set(conf, "log_level", "2", error) &&
                set(conf, "queue.buffering.max.messages", "200000", error) &&
                set(conf, "queue.buffering.max.kbytes", "262144", error);
    for (size_t i = 0; good && options->settings[i] != NULL; i++) {
        char *name = memory_text(options->settings[i]), *value = strchr(name, '=');
        if (value == NULL) {
            error_what(error, "a setting of librdkafka needs a value");
            error_found(error, "-X %s", name);
            error_advice(error, "give -X name=value");
            good = false;
        } else {
            *value++ = '\0';
            good = set(conf, name, value, error);
        }
        free(name);
    }
    return good;
}

/* librdkafka's mock cluster (shoplane-demo broker) knows no admin requests: one to it only times out. It creates topics on
 * first use. False: no broker answers. */
static bool broker_kind(struct sender *sender, bool *embedded)
{
    char *cluster = rd_kafka_clusterid(sender->kafka, 10000);
    *embedded = cluster != NULL && strncmp(cluster, "mockCluster", strlen("mockCluster")) == 0;
    if (cluster != NULL)
        rd_kafka_mem_free(sender->kafka, cluster);
    return cluster != NULL;
}

/* Create the topic; an existing one is as good. */
static bool create_topic(struct sender *sender, const struct sender_options *options, struct error *error)
{
    char reason[512];
    bool embedded;
    if (!broker_kind(sender, &embedded)) {
        error_what(error, "no broker answers");
        error_found(error, "%s", options->brokers);
        error_advice(error, "start one (shoplane-demo broker, or Apache Kafka), or give --brokers");
        return false;
    }
    if (embedded)
        return true;
    rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(options->topic, options->partitions, 1, reason, sizeof reason);
    if (topic == NULL) {
        error_what(error, "the topic can't be created");
        error_found(error, "%s with %d partitions: %s", options->topic, options->partitions, reason);
        return false;
    }
    rd_kafka_AdminOptions_t *admin = rd_kafka_AdminOptions_new(sender->kafka, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    (void)rd_kafka_AdminOptions_set_request_timeout(admin, 10000, reason, sizeof reason);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(sender->kafka);
    rd_kafka_CreateTopics(sender->kafka, &topic, 1, admin, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, 15000);
    rd_kafka_resp_err_t code = event == NULL ? RD_KAFKA_RESP_ERR__TIMED_OUT : rd_kafka_event_error(event);
    (void)snprintf(reason, sizeof reason, "%s", rd_kafka_err2str(code));
    if (event != NULL && code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        size_t count;
        const rd_kafka_topic_result_t **results =
            rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
        code = count == 0 ? RD_KAFKA_RESP_ERR_NO_ERROR : rd_kafka_topic_result_error(results[0]);
        (void)snprintf(reason, sizeof reason, "%s", rd_kafka_err2str(code));
    }
    if (event != NULL)
        rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    rd_kafka_AdminOptions_destroy(admin);
    rd_kafka_NewTopic_destroy(topic);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
        return true;
    error_what(error, "the topic can't be created");
    error_found(error, "%s with %d partitions on %s: %s", options->topic, options->partitions, options->brokers, reason);
    error_advice(error, "check that a broker runs there and that you may create topics, or leave --partitions out");
    return false;
}

struct sender *sender_new(const struct sender_options *options, struct error *error)
{
    struct sender *sender = memory_new(sizeof *sender);
    char reason[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_opaque(conf, sender);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    rd_kafka_conf_set_error_cb(conf, on_error);
    if (!configure(conf, options, error)) {
        rd_kafka_conf_destroy(conf);
        free(sender);
        return NULL;
    }
    sender->kafka = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
    if (sender->kafka == NULL) {
        rd_kafka_conf_destroy(conf);
        error_what(error, "the Kafka client can't start");
        error_found(error, "%s", reason);
        free(sender);
        return NULL;
    }
    if (options->partitions == 0 || create_topic(sender, options, error))
        sender->topic = rd_kafka_topic_new(sender->kafka, options->topic, NULL);
    else
        sender->topic = NULL;
    if (sender->topic == NULL) {
        if (options->partitions == 0)
            error_what(error, "the topic can't be used: %s", rd_kafka_err2str(rd_kafka_last_error()));
        rd_kafka_destroy(sender->kafka);
        free(sender);
        return NULL;
    }
    return sender;
}

bool sender_send(struct sender *sender, struct bytes key, struct bytes message, const volatile sig_atomic_t *stop)
{
    while (rd_kafka_produce(sender->topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, (void *)(uintptr_t)message.data,
                            message.size, key.size == 0 ? NULL : key.data, key.size, NULL) != 0) {
        rd_kafka_resp_err_t code = rd_kafka_last_error();
        if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            sender->counts.failed++;
            (void)snprintf(sender->counts.last_failure, sizeof sender->counts.last_failure, "%s", rd_kafka_err2str(code));
            return code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE;
        }
        (void)rd_kafka_poll(sender->kafka, 50);
        if (*stop)
            return false;
    }
    sender->counts.sent++;
    sender->counts.bytes += message.size;
    if (sender->counts.sent % 256 == 0)
        (void)rd_kafka_poll(sender->kafka, 0);
    return true;
}

void sender_poll(struct sender *sender, int timeout_ms) { (void)rd_kafka_poll(sender->kafka, timeout_ms); }

const struct sender_counts *sender_counts(const struct sender *sender) { return &sender->counts; }

void sender_finish(struct sender *sender, int timeout_ms, struct sender_counts *counts)
{
    if (rd_kafka_flush(sender->kafka, timeout_ms) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        (void)rd_kafka_purge(sender->kafka, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        (void)rd_kafka_flush(sender->kafka, 1000);
    }
    *counts = sender->counts;
    rd_kafka_topic_destroy(sender->topic);
    rd_kafka_destroy(sender->kafka);
    free(sender);
}
