/* read_source.c - the group `source`: a Kafka topic or files, and how the clock follows from them. */
#include "config/address.h"
#include "config/duration.h"
#include "config/groups.h"
#include "config/near_miss.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define DAY_MS INT64_C(86400000)

static const char kafka[] = "kafka";
static const char files[] = "files";

static const struct known_setting known[] = {
    {"kind", NULL},
    {"clock", NULL},
    {"disorder", NULL},
    {"idle", NULL},
    {"future", NULL},
    {"batch", NULL},
    {"max_message_bytes", NULL},
    {"nobody", NULL},
    {"files", files},
    {"brokers", kafka},
    {"topic", kafka},
    {"start", kafka},
    {"properties", kafka},
    {"connect_timeout", kafka},
    {"wait", kafka},
    {"on_loss", kafka},
    {NULL, NULL},
};

static void read_start(struct reading *reading, const config_setting_t *group, struct kafka_settings *settings)
{
    static const char *const words[] = {"latest", "earliest", NULL};
    const char *text = NULL;
    if (text_read(reading, group, "start", "latest", &text) != GOOD)
        return;
    if (strcmp(text, "latest") == 0) {
        settings->start = START_LATEST;
    } else if (strcmp(text, "earliest") == 0) {
        settings->start = START_EARLIEST;
    } else if (instant_parse(text, &settings->start_ms)) {
        settings->start = START_TIME;
    } else {
        const char *near = near_miss(text, words);
        error_advice(mistake_at(reading, setting_find(group, "start"), "is no place in a topic"),
                     "%s%s%s\"latest\", \"earliest\" or a time in UTC, \"2025-03-26T10:00:00Z\"",
                     near == NULL ? "" : "did you mean ", near == NULL ? "" : near, near == NULL ? "" : "? It is ");
    }
}

/* What librdkafka takes is for librdkafka to say; but what is a setting of ours has one place. */
static const char *our_setting(const char *property)
{
    static const struct {
        const char *property, *setting;
    } ours[] = {{"bootstrap.servers", "brokers"}, {"metadata.broker.list", "brokers"}, {"auto.offset.reset", "start"}};
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
        if (strcmp(property, ours[i].property) == 0)
            return ours[i].setting;
    return NULL;
}

/* A property's value as the text that librdkafka wants; NULL: it is none. */
static const char *property_value(struct reading *reading, const config_setting_t *setting)
{
    char number[32];
    switch (config_setting_type(setting)) {
    case CONFIG_TYPE_STRING: return config_memory_text(reading->memory, config_setting_get_string(setting));
    case CONFIG_TYPE_BOOL: return config_setting_get_bool(setting) ? "true" : "false";
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_INT64:
        if (!integer_is_whole(reading, setting))
            return "";
        (void)snprintf(number, sizeof number, "%lld", config_setting_get_int64(setting));
        return config_memory_text(reading->memory, number);
    default: return NULL;
    }
}

static void read_property(struct reading *reading, const config_setting_t *pair, struct kafka_settings *settings)
{
    static const char example[] = "(\"security.protocol\", \"SASL_SSL\")";
    bool list = config_setting_is_list(pair) || config_setting_is_array(pair);
    const config_setting_t *name = list ? config_setting_get_elem(pair, 0) : NULL;
    if (!list || config_setting_length(pair) != 2 || config_setting_type(name) != CONFIG_TYPE_STRING ||
        *config_setting_get_string(name) == '\0') {
        error_advice(mistake_at(reading, pair, "is not a pair of a name and a value"),
                     "librdkafka's name and its value in brackets, as in %s", example);
        return;
    }
    const config_setting_t *setting = config_setting_get_elem(pair, 1);
    struct kafka_property property = {.name = config_memory_text(reading->memory, config_setting_get_string(name)),
                                      .value = property_value(reading, setting),
                                      .place = setting_place(reading, pair)};
    struct error *error = NULL;
    const char *ours = our_setting(property.name);
    if (property.value == NULL) {
        error = mistake_at(reading, setting, "is not a value for %s", property.name);
        error_advice(error, "a text, a number, true or false, as in %s", example);
    }
    if (ours != NULL) {
        error = mistake_at(reading, pair, "is %s, which has a setting of its own", property.name);
        error_advice(error, "leave it out, and use source.%s", ours);
    }
    for (size_t i = 0; i < settings->property_count; i++) {
        if (strcmp(settings->properties[i].name, property.name) == 0) {
            error = mistake_at(reading, pair, "is %s, which is there already", property.name);
            error_advice(error, "keep one of the two; the first is in line %d", settings->properties[i].place.line);
            break;
        }
    }
    if (error != NULL)
        error_found(error, "%s:%d: (\"%s\", ...)", property.place.file, property.place.line, property.name);
    settings->properties[settings->property_count++] = property;
}

static void read_kafka(struct reading *reading, const config_setting_t *group, struct kafka_settings *settings)
{
    static const char *const losses[] = {"ask", "continue", "stop", NULL};
    static const enum kafka_loss on_loss[] = {LOSS_ASK, LOSS_CONTINUE, LOSS_STOP};
    int loss = 0;
    struct address_fault address;
    enum outcome brokers = text_read(reading, group, "brokers", "localhost:9092", &settings->brokers);
    if (brokers == ABSENT)
        error_advice(mistake_missing(reading, group, "brokers"), "brokers = \"localhost:9092\";");
    else if (brokers == GOOD && !address_check_brokers(settings->brokers, &address))
        error_advice(mistake_at(reading, setting_find(group, "brokers"), "%s", address.what), "%s", address.advice);
    enum outcome topic = text_read(reading, group, "topic", "snowplow-enriched-good", &settings->topic);
    if (topic == ABSENT)
        error_advice(mistake_missing(reading, group, "topic"), "topic = \"snowplow-enriched-good\";");
    else if (topic == GOOD)
        (void)topic_check(reading, group, settings->topic);
    read_start(reading, group, settings);
    (void)duration_read(reading, group, "connect_timeout", 100, 600000, &settings->connect_timeout_ms);
    (void)flag_read(reading, group, "wait", &settings->wait);
    if (choice_read(reading, group, "on_loss", losses, &loss) == GOOD)
        settings->on_loss = on_loss[loss];
    config_setting_t *list =
        list_find(reading, group, "properties", "properties = ( (\"security.protocol\", \"PLAINTEXT\") );");
    int count = list == NULL ? 0 : config_setting_length(list);
    settings->properties = config_memory_take(reading->memory, (size_t)count * sizeof *settings->properties);
    for (int i = 0; i < count; i++)
        read_property(reading, config_setting_get_elem(list, (unsigned)i), settings);
}

static void read_files(struct reading *reading, const config_setting_t *group, struct source_settings *source)
{
    static const char example[] = "files = [ \"events.tsv\" ];";
    if (setting_find(group, "files") == NULL)
        error_advice(mistake_missing(reading, group, "files"), "%s", example);
    config_setting_t *list = list_find(reading, group, "files", example);
    if (list == NULL)
        return;
    int count = config_setting_length(list);
    if (count == 0)
        error_advice(mistake_at(reading, list, "names no file"), "at least one, as in %s", example);
    source->files = config_memory_take(reading->memory, (size_t)count * sizeof *source->files);
    for (int i = 0; i < count; i++) {
        const config_setting_t *file = config_setting_get_elem(list, (unsigned)i);
        if (config_setting_type(file) != CONFIG_TYPE_STRING || *config_setting_get_string(file) == '\0')
            error_advice(mistake_at(reading, file, "is not the path of a file"), "a text, as in %s", example);
        else
            source->files[source->file_count++] = config_memory_text(reading->memory, config_setting_get_string(file));
    }
}

static void read_nobody(struct reading *reading, const config_setting_t *group, struct source_settings *source)
{
    static const char example[] = "nobody = [ \"00000000-0000-0000-0000-000000000000\", \"null\" ];";
    config_setting_t *list = list_find(reading, group, "nobody", example);
    if (list == NULL)
        return;
    int count = config_setting_length(list);
    const char **ids = config_memory_take(reading->memory, (size_t)count * sizeof *ids);
    source->nobody = ids;
    source->nobody_count = 0;
    for (int i = 0; i < count; i++) {
        const config_setting_t *id = config_setting_get_elem(list, (unsigned)i);
        if (config_setting_type(id) != CONFIG_TYPE_STRING || *config_setting_get_string(id) == '\0')
            error_advice(mistake_at(reading, id, "is not an id"), "a text that is not empty, as in %s", example);
        else
            ids[source->nobody_count++] = config_memory_text(reading->memory, config_setting_get_string(id));
    }
}

void read_source(struct reading *reading, const config_setting_t *root, struct source_settings *source)
{
    static const char *const kinds[] = {kafka, files, NULL};
    static const char *const clocks[] = {"live", "event", NULL};
    static const char *const nobody[] = {"00000000-0000-0000-0000-000000000000", /* a collector, of anonymous visitors */
                                         "00000000-0000-4000-A000-000000000000", /* a collector whose cookies bounce */
                                         "null", "undefined", "none", "nan", "unknown", "anonymous", "-", "0"};
    *source = (struct source_settings){
        .given = setting_find(root, "source") != NULL,
        .kind = SOURCE_FILES,
        .clock = CLOCK_EVENT,
        .disorder_ms = 5000,
        .idle_ms = 3000,
        .future_ms = 600000,
        .max_message_bytes = 1000000,
        .nobody = nobody,
        .nobody_count = sizeof nobody / sizeof *nobody,
        .kafka = {.start = START_LATEST, .batch_messages = 1000, .connect_timeout_ms = 10000, .on_loss = LOSS_ASK},
    };
    config_setting_t *group = group_find(
        reading, root, "source", "source: { kind = \"kafka\"; brokers = \"localhost:9092\"; topic = \"events\"; };");
    if (group == NULL)
        return;
    int kind = 0, clock = 0;
    enum outcome outcome = choice_read(reading, group, "kind", kinds, &kind);
    if (outcome == ABSENT)
        error_advice(mistake_missing(reading, group, "kind"), "kind = \"kafka\"; or kind = \"files\";");
    group_check(reading, group, known, outcome == GOOD ? kinds[kind] : NULL);
    if (outcome == GOOD && kind == 0) {
        source->kind = SOURCE_KAFKA;
        source->clock = CLOCK_LIVE;
        read_kafka(reading, group, &source->kafka);
    } else if (outcome == GOOD) {
        read_files(reading, group, source);
    }
    if (choice_read(reading, group, "clock", clocks, &clock) == GOOD)
        source->clock = clock == 0 ? CLOCK_LIVE : CLOCK_EVENT;
    (void)duration_read(reading, group, "disorder", 0, DAY_MS, &source->disorder_ms);
    (void)duration_read(reading, group, "idle", 100, 3600000, &source->idle_ms);
    (void)duration_read(reading, group, "future", 0, 400 * DAY_MS, &source->future_ms);
    (void)integer_read(reading, group, "batch", 1, 100000, &source->kafka.batch_messages);
    (void)integer_read(reading, group, "max_message_bytes", 1000, 16000000, &source->max_message_bytes);
    read_nobody(reading, group, source);
}
