/* read_sink.c - where results go: the groups `sink` and `dead_letters`. */
#include "config/address.h"
#include "config/groups.h"

#include <string.h>

#define SOCKET_MOST 107

static const char redis[] = "redis";
static const char jsonl[] = "jsonl";
static const char null[] = "null";

static const struct known_setting known[] = {
    {"kind", NULL},       {"host", redis},          {"port", redis},         {"socket", redis},   {"user", redis},
    {"password", redis},  {"password_file", redis}, {"password_env", redis}, {"database", redis}, {"timeout", redis},
    {"retry_max", redis}, {"pipeline", redis},      {"lease", redis},        {"audit", redis},    {"file", jsonl},
    {NULL, NULL},
};

static void read_redis(struct reading *reading, const config_setting_t *group, struct sink_settings *sink)
{
    static const char *const tcp[] = {"host", "port"};
    const config_setting_t *socket = setting_find(group, "socket");
    if (socket != NULL) {
        for (size_t i = 0; i < 2; i++) {
            const config_setting_t *setting = setting_find(group, tcp[i]);
            if (setting != NULL)
                error_advice(mistake_at(reading, setting, "contradicts socket: there is one way to Redis"),
                             "host and port, or socket = \"%s\";",
                             config_setting_type(socket) == CONFIG_TYPE_STRING ? config_setting_get_string(socket)
                                                                               : "/run/redis.sock");
        }
        sink->host = NULL;
        if (text_read(reading, group, "socket", "/run/redis.sock", &sink->socket) == GOOD && strlen(sink->socket) > SOCKET_MOST)
            error_advice(mistake_at(reading, socket, "is longer than the path of a unix socket can be"), "at most %d bytes", SOCKET_MOST);
    } else {
        struct address_fault address;
        if (text_read(reading, group, "host", "127.0.0.1", &sink->host) == GOOD && !address_check_host(sink->host, &address))
            error_advice(mistake_at(reading, setting_find(group, "host"), "%s", address.what), "%s", address.advice);
        (void)integer_read(reading, group, "port", 1, 65535, &sink->port);
    }
    read_password(reading, group, &sink->password);
    bool password = setting_find(group, "password") != NULL || setting_find(group, "password_file") != NULL ||
                    setting_find(group, "password_env") != NULL;
    if (text_read(reading, group, "user", "shoplane", &sink->user) == GOOD && !password)
        error_advice(mistake_at(reading, setting_find(group, "user"), "has no password, and Redis takes both or none"),
                     "add password_file, password_env or password");
    (void)integer_read(reading, group, "database", 0, INT32_MAX, &sink->database);
    (void)duration_read(reading, group, "timeout", 10, 600000, &sink->timeout_ms);
    (void)duration_read(reading, group, "retry_max", 50, 600000, &sink->retry_max_ms);
    (void)integer_read(reading, group, "pipeline", 1, 1000000, &sink->pipeline);
    (void)duration_or_zero_read(reading, group, "lease", 500, 600000,
                                "0 for none; \"5s\" rides out a short pause and lets a standby take over soon",
                                &sink->lease_ms);
    (void)duration_or_zero_read(reading, group, "audit", 10, 3600000,
                                "0 for never; \"1s\" looks at 86400 keys a day and costs next to nothing", &sink->audit_ms);
}

void read_sink(struct reading *reading, const config_setting_t *root, struct sink_settings *sink)
{
    static const char *const kinds[] = {redis, jsonl, null, NULL};
    *sink = (struct sink_settings){.kind = SINK_REDIS,
                                   .host = "127.0.0.1",
                                   .port = 6379,
                                   .timeout_ms = 5000,
                                   .retry_max_ms = 2000,
                                   .pipeline = 10000,
                                   .lease_ms = 5000,
                                   .audit_ms = 1000};
    config_setting_t *group =
        group_find(reading, root, "sink", "sink: { kind = \"redis\"; host = \"127.0.0.1\"; port = 6379; };");
    if (group == NULL)
        return;
    int kind = 0;
    enum outcome outcome = choice_read(reading, group, "kind", kinds, &kind);
    if (outcome == ABSENT)
        error_advice(mistake_missing(reading, group, "kind"), "kind = \"redis\"; or \"jsonl\" or \"null\"");
    group_check(reading, group, known, outcome == GOOD ? kinds[kind] : NULL);
    if (outcome != GOOD)
        return;
    sink->kind = kind == 0 ? SINK_REDIS : kind == 1 ? SINK_JSONL : SINK_NULL;
    if (sink->kind == SINK_REDIS)
        read_redis(reading, group, sink);
    else if (sink->kind == SINK_JSONL && text_read(reading, group, "file", "features.jsonl", &sink->file) == GOOD &&
             strcmp(sink->file, "-") == 0)
        sink->file = NULL;
}

bool topic_check(struct reading *reading, const config_setting_t *group, const char *topic)
{
    size_t size = strspn(topic, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
    if (topic[size] == '\0' && size <= 249 && strcmp(topic, ".") != 0 && strcmp(topic, "..") != 0)
        return true;
    error_advice(mistake_at(reading, setting_find(group, "topic"), "is no name of a Kafka topic"),
                 "1 to 249 letters, digits, dots, - and _");
    return false;
}

void read_dead_letters(struct reading *reading, const config_setting_t *root, const struct source_settings *source,
                       struct dead_letter_settings *letters)
{
    static const struct known_setting names[] = {{"file", NULL}, {"topic", NULL}, {NULL, NULL}};
    letters->kind = LETTERS_STDERR;
    config_setting_t *group = group_find(reading, root, "dead_letters", "dead_letters: { file = \"bad.jsonl\"; };");
    if (group == NULL)
        return;
    group_check(reading, group, names, NULL);
    const config_setting_t *file = setting_find(group, "file"), *topic = setting_find(group, "topic");
    if (file != NULL && topic != NULL) {
        error_advice(mistake_at(reading, topic, "contradicts file: dead letters go to one place"),
                     "either file = ...; or topic = ...;");
    } else if (file != NULL) {
        letters->kind = LETTERS_FILE;
        (void)text_read(reading, group, "file", "bad.jsonl", &letters->file);
    } else if (topic == NULL) {
        error_advice(
            mistake_missing(reading, group, "file or topic"),
            "file = \"bad.jsonl\"; or topic = \"snowplow-bad\"; without dead_letters they go to standard error");
    } else if (text_read(reading, group, "topic", "snowplow-bad", &letters->topic) == GOOD &&
               topic_check(reading, group, letters->topic)) {
        letters->kind = LETTERS_TOPIC;
        const config_setting_t *from = setting_find(root, "source");
        const char *kind = NULL;
        if (from != NULL && config_setting_is_group(from))
            (void)config_setting_lookup_string(from, "kind", &kind);
        if (from == NULL || (kind != NULL && strcmp(kind, "files") == 0))
            error_advice(mistake_at(reading, topic, "has no brokers: they are those of a Kafka source"),
                         "use file = \"bad.jsonl\"; or a source of kind = \"kafka\"");
        else if (source->kafka.topic != NULL && strcmp(source->kafka.topic, letters->topic) == 0)
            error_advice(mistake_at(reading, topic, "is the topic that events are read from: they would go in circles"),
                         "a topic of its own, as in \"%s-bad\"", letters->topic);
    }
}
