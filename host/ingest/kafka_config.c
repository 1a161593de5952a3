/* kafka_config.c - see kafka_config.h. Three tables in order of strength: defaults that the user may change, the user's
 * properties, and those that the source relies on, which nobody may change. */
#include "ingest/kafka_config.h"

#include <string.h>

/* Measured with 3 KB events on two cores, see the commit. */
static const struct {
    const char *name, *value;
} defaults[] = {
    {"client.id", "shoplane"},
    {"group.id", "shoplane"}, /* offsets are committed under it, for the monitors; partitions are not balanced by it */
    {"fetch.wait.max.ms", "100"},
    {"fetch.error.backoff.ms", "100"}, /* a partition whose leader moves */
    {"fetch.message.max.bytes", "1048576"},
    {"queued.min.messages", "1000000"},      /* let bytes be the limit */
    {"fetch.queue.backoff.ms", "10"},        /* known since 2.2; before, kafka_reader.c helps */
    {"queued.max.messages.kbytes", "32768"}, /* a worker: its partitions share one queue */
    {"socket.timeout.ms", "10000"},          /* after this a silent broker counts as away */
    {"socket.keepalive.enable", "true"},
    {"socket.nagle.disable", "true"},
    {"reconnect.backoff.max.ms", "1000"},
    {"topic.metadata.refresh.interval.ms", "60000"},
    {"log.connection.close", "false"}, /* brokers close idle connections, which means nothing */
};

/* NULL: not set by us, but not for the user either. */
static const struct {
    const char *name, *value, *reason;
} needed[] = {
    {"bootstrap.servers", NULL, "it is the setting `brokers`"},
    {"metadata.broker.list", NULL, "it is the setting `brokers`"},
    {"enable.partition.eof", "true", "the clock must know when a partition is read to its end"},
    {"enable.auto.commit", "false", "offsets are committed with checkpoints, never on their own"},
    {"auto.commit.enable", NULL, "offsets are committed with checkpoints, never on their own"},
    {"enable.auto.offset.store", "false", "offsets are committed with checkpoints, never on their own"},
    {"auto.offset.reset", "error",
     "the start is the setting `start`; where the wanted offset is gone, `on_loss` says what happens"},
    {"group.instance.id", NULL, "a process takes all partitions of the topic, there is no group"},
    {"partition.assignment.strategy", NULL, "a process takes all partitions of the topic, there is no group"},
    {"log.queue", NULL, "librdkafka's log goes to the program's own"},
};
#define COUNT(array) (sizeof(array) / sizeof *(array))

/* One of our own: that librdkafka takes it was tested; an older or newer one may not know it, which is no harm. */
static void set_own(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char reason[256];
    (void)rd_kafka_conf_set(conf, name, value, reason, sizeof reason);
}

static bool set_user(rd_kafka_conf_t *conf, const struct kafka_property *property, struct error *error)
{
    const char *file = property->place.file == NULL ? "(configuration)" : property->place.file;
    for (size_t i = 0; i < COUNT(needed); i++)
        if (strcmp(property->name, needed[i].name) == 0) {
            error_what(error, "the Kafka property %s can't be set here", property->name);
            error_found(error, "%s:%d", file, property->place.line);
            error_advice(error, "leave it out: %s", needed[i].reason);
            return false;
        }
    char reason[256];
    rd_kafka_conf_res_t result = rd_kafka_conf_set(conf, property->name, property->value, reason, sizeof reason);
    if (result == RD_KAFKA_CONF_OK)
        return true;
    if (result == RD_KAFKA_CONF_UNKNOWN) {
        error_what(error, "the Kafka property %s is not known to librdkafka %s", property->name,
                   rd_kafka_version_str());
        error_advice(error, "see CONFIGURATION.md of librdkafka for the names; Java clients have others");
    } else {
        error_what(error, "the Kafka property %s can't have this value", property->name);
        /* librdkafka repeats the value only where it is one of a few words or a number */
        error_advice(error, "librdkafka %s says: %s", rd_kafka_version_str(), reason);
    }
    error_found(error, "%s:%d", file, property->place.line);
    return false;
}

rd_kafka_conf_t *kafka_config_new(const struct kafka_settings *settings, struct error *error)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char reason[256];
    for (size_t i = 0; i < COUNT(defaults); i++)
        set_own(conf, defaults[i].name, defaults[i].value);
    for (size_t i = 0; i < settings->property_count; i++)
        if (!set_user(conf, &settings->properties[i], error)) {
            rd_kafka_conf_destroy(conf);
            return NULL;
        }
    for (size_t i = 0; i < COUNT(needed); i++)
        if (needed[i].value != NULL)
            set_own(conf, needed[i].name, needed[i].value);
    if (rd_kafka_conf_set(conf, "bootstrap.servers", settings->brokers, reason, sizeof reason) != RD_KAFKA_CONF_OK) {
        error_what(error, "the list of Kafka brokers is not taken by librdkafka: %s", reason);
        error_found(error, "brokers = \"%s\"", settings->brokers);
        error_advice(error, "write host:port, host:port");
        rd_kafka_conf_destroy(conf);
        return NULL;
    }
    return conf;
}
