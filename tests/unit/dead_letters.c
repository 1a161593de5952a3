/* Dead letters: counted by reason, whole lines in a file, messages of a topic (librdkafka's mock broker), and never a wait
 * for a place that takes none. */
#include "sink/dead_letters.h"

#include "base/time.h"

#include <fcntl.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define LIMIT_MS 20000
#define SCHEMA   "{\"schema\":\"iglu:com.snowplowanalytics.snowplow.badrows/loader_parsing_error/jsonschema/2-0-0\""

static void put(struct dead_letters *letters, enum bad_reason reason, const char *payload)
{
    struct bad_row bad = {.reason = reason, .fields = 7};
    dead_letters_put(letters, &bad, (sl_view){payload, strlen(payload)}, 3, 1234567890123);
}

static void letters_are_lines_and_counted_by_reason(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    struct dead_letters *letters = dead_letters_on(stream);
    put(letters, BAD_NOT_TSV, "hello");
    put(letters, BAD_COLUMNS, "a\tb\nc");
    put(letters, BAD_COLUMNS, "");
    uint64_t counts[BAD_REASONS];
    assert_int_equal(dead_letters_counts(letters, counts), 3);
    assert_int_equal(counts[BAD_NOT_TSV], 1);
    assert_int_equal(counts[BAD_COLUMNS], 2);
    assert_int_equal(counts[BAD_JSON], 0);
    assert_int_equal(dead_letters_lost(letters), 0);
    dead_letters_close(letters, 1000);
    (void)fclose(stream);

    char *second = strchr(text, '\n') + 1, *third = strchr(second, '\n') + 1;
    assert_memory_equal(text, SCHEMA, strlen(SCHEMA));
    assert_memory_equal(second, SCHEMA, strlen(SCHEMA));
    assert_memory_equal(third, SCHEMA, strlen(SCHEMA));
    assert_string_equal(strchr(third, '\n'), "\n");
    assert_non_null(strstr(second, "\"payload\":\"a\\tb\\nc\""));
    free(text);
}

static void standard_error_is_the_default(void **state)
{
    (void)state;
    struct error error = {0};
    struct dead_letters *letters = dead_letters_open(&(struct dead_letter_settings){0}, NULL, &error);
    assert_non_null(letters);
    dead_letters_close(letters, 0);
}

static struct dead_letters *file_letters(const char *path)
{
    struct error error = {0};
    struct dead_letter_settings settings = {.kind = LETTERS_FILE, .file = path};
    struct dead_letters *letters = dead_letters_open(&settings, NULL, &error);
    if (letters == NULL)
        assert_string_not_equal(error.advice, "");
    return letters;
}

enum { THREADS = 3, LETTERS = 500 };

static void *work(void *letters)
{
    char payload[4000];
    memset(payload, 'x', sizeof payload - 1);
    payload[sizeof payload - 1] = '\0';
    for (int i = 0; i < LETTERS; i++)
        put(letters, BAD_JSON, payload);
    return NULL;
}

static void a_file_is_private_appended_to_and_has_whole_lines(void **state)
{
    (void)state;
    char path[] = "/tmp/shoplane-letters-XXXXXX";
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    assert_int_equal(write(descriptor, "before\n", 7), 7);
    (void)close(descriptor);

    struct dead_letters *letters = file_letters(path);
    assert_non_null(letters);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, work, letters), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    dead_letters_close(letters, 1000);

    FILE *file = fopen(path, "r");
    assert_non_null(file);
    char line[8192];
    assert_non_null(fgets(line, sizeof line, file));
    assert_string_equal(line, "before\n");
    int lines = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        assert_memory_equal(line, SCHEMA, strlen(SCHEMA));
        assert_non_null(strstr(line, "x\"}}\n"));
        lines++;
    }
    assert_int_equal(lines, THREADS * LETTERS);
    (void)fclose(file);
    (void)unlink(path);

    letters = file_letters(path); /* a new one */
    assert_non_null(letters);
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    dead_letters_close(letters, 0);
    (void)unlink(path);
}

static void a_file_that_can_t_be_opened_is_refused(void **state)
{
    (void)state;
    assert_null(file_letters("/nowhere/letters.jsonl"));
}

static void what_a_full_disk_does_not_take_is_lost(void **state)
{
    (void)state;
    if (access("/dev/full", W_OK) != 0)
        skip();
    struct dead_letters *letters = file_letters("/dev/full");
    put(letters, BAD_TIME, "a");
    put(letters, BAD_TIME, "b");
    assert_int_equal(dead_letters_lost(letters), 2);
    uint64_t counts[BAD_REASONS];
    assert_int_equal(dead_letters_counts(letters, counts), 2);
    dead_letters_close(letters, 0);
}

static void a_pipe_is_not_waited_for(void **state)
{
    (void)state;
    char folder[] = "/tmp/shoplane-letters-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/pipe", folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_null(file_letters(path)); /* nobody reads it */
    int reader = open(path, O_RDONLY | O_NONBLOCK);
    assert_true(reader >= 0);
    struct dead_letters *letters = file_letters(path);
    assert_non_null(letters);
    enum { COUNT = 2000 };
    for (int i = 0; i < COUNT; i++) /* more than a pipe holds */
        put(letters, BAD_TIME, "some payload");
    uint64_t lost = dead_letters_lost(letters);
    assert_in_range(lost, 1, COUNT - 1);
    dead_letters_close(letters, 0);

    static char text[1 << 20];
    ssize_t size = read(reader, text, sizeof text - 1);
    assert_true(size > 0);
    int lines = 0;
    for (char *line = text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        assert_memory_equal(line, SCHEMA, strlen(SCHEMA));
        lines++;
    }
    assert_in_range(lines, COUNT - lost - 1, COUNT - lost); /* the last one may be cut */
    (void)close(reader);
    (void)unlink(path);
    (void)rmdir(folder);
}

/* A broker inside this process, on the loopback. */
struct broker {
    rd_kafka_t *host;
    rd_kafka_mock_cluster_t *cluster;
};

static struct broker broker_start(void)
{
    char why[256];
    struct broker broker = {.host = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), why, sizeof why)};
    assert_non_null(broker.host);
    broker.cluster = rd_kafka_mock_cluster_new(broker.host, 1);
    assert_non_null(broker.cluster);
    assert_int_equal(rd_kafka_mock_topic_create(broker.cluster, "letters", 1, 1), 0);
    return broker;
}

static void broker_stop(struct broker *broker)
{
    rd_kafka_mock_cluster_destroy(broker->cluster);
    rd_kafka_destroy(broker->host);
}

static struct dead_letters *topic_letters(const char *brokers, struct kafka_property *properties, size_t count,
                                          struct error *error)
{
    struct kafka_settings kafka = {.brokers = brokers, .properties = properties, .property_count = count};
    struct dead_letter_settings settings = {.kind = LETTERS_TOPIC, .topic = "letters"};
    return dead_letters_open(&settings, &kafka, error);
}

static rd_kafka_t *consumer_start(const char *brokers)
{
    char why[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    (void)rd_kafka_conf_set(conf, "bootstrap.servers", brokers, why, sizeof why);
    (void)rd_kafka_conf_set(conf, "group.id", "test", why, sizeof why);
    rd_kafka_t *consumer = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
    assert_non_null(consumer);
    rd_kafka_topic_partition_list_t *partitions = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(partitions, "letters", 0)->offset = RD_KAFKA_OFFSET_BEGINNING;
    assert_int_equal(rd_kafka_assign(consumer, partitions), 0);
    rd_kafka_topic_partition_list_destroy(partitions);
    return consumer;
}

static void letters_reach_a_topic(void **state)
{
    (void)state;
    enum { COUNT = 100, LARGE = 1500000 };
    struct broker broker = broker_start();
    const char *brokers = rd_kafka_mock_cluster_bootstraps(broker.cluster);
    /* the source's: a consumer's, both's, and one that librdkafka does not know */
    struct kafka_property properties[] = {
        {.name = "auto.offset.reset", .value = "earliest"},
        {.name = "fetch.min.bytes", .value = "1"},
        {.name = "client.id", .value = "shoplane"},
        {.name = "not.a.property", .value = "1"},
    };
    struct error error = {0};
    struct dead_letters *letters = topic_letters(brokers, properties, 4, &error);
    assert_string_equal(error.what, "");
    assert_non_null(letters);
    for (int i = 0; i < COUNT; i++)
        put(letters, BAD_VALUE, "payload");
    char *large = malloc(LARGE + 1); /* more than producers take by default */
    assert_non_null(large);
    memset(large, 'x', LARGE);
    large[LARGE] = '\0';
    put(letters, BAD_SIZE, large);
    free(large);
    assert_int_equal(dead_letters_lost(letters), 0);
    dead_letters_close(letters, LIMIT_MS);

    rd_kafka_t *consumer = consumer_start(brokers);
    int64_t end_ms = time_monotonic_ms() + LIMIT_MS;
    int count = 0;
    while (count < COUNT + 1) {
        assert_true(time_monotonic_ms() < end_ms);
        rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer, 100);
        if (message == NULL)
            continue;
        if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            const char *text = message->payload;
            assert_memory_equal(text, SCHEMA, strlen(SCHEMA));
            assert_int_equal(text[message->len - 1], '}');
            if (count == COUNT)
                assert_true(message->len > LARGE);
            count++;
        }
        rd_kafka_message_destroy(message);
    }
    (void)rd_kafka_consumer_close(consumer);
    rd_kafka_destroy(consumer);
    broker_stop(&broker);
}

static void letters_that_the_broker_refuses_are_lost(void **state)
{
    (void)state;
    struct broker broker = broker_start();
    struct error error = {0};
    struct dead_letters *letters = topic_letters(rd_kafka_mock_cluster_bootstraps(broker.cluster), NULL, 0, &error);
    assert_non_null(letters);
    rd_kafka_mock_push_request_errors(broker.cluster, 0 /* Produce */, 1, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    put(letters, BAD_VALUE, "payload");
    int64_t end_ms = time_monotonic_ms() + LIMIT_MS;
    while (dead_letters_lost(letters) == 0)
        assert_true(time_monotonic_ms() < end_ms);
    dead_letters_close(letters, LIMIT_MS);
    broker_stop(&broker);
}

/* A batch that is too large is refused whole; a letter is lost only where it is too large by itself. */
static void letters_of_a_batch_that_is_too_large_are_sent_alone(void **state)
{
    (void)state;
    struct broker broker = broker_start();
    struct error error = {0};
    struct dead_letters *letters = topic_letters(rd_kafka_mock_cluster_bootstraps(broker.cluster), NULL, 0, &error);
    assert_non_null(letters);
    rd_kafka_mock_push_request_errors(broker.cluster, 0 /* Produce */, 1, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
    put(letters, BAD_VALUE, "payload");
    dead_letters_flush(letters, LIMIT_MS);
    assert_int_equal(dead_letters_lost(letters), 0);
    rd_kafka_mock_push_request_errors(broker.cluster, 0 /* Produce */, 2, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE,
                                      RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
    put(letters, BAD_VALUE, "payload");
    dead_letters_flush(letters, LIMIT_MS);
    assert_int_equal(dead_letters_lost(letters), 1);
    dead_letters_close(letters, LIMIT_MS);
    broker_stop(&broker);
}

static void a_topic_that_is_not_there_is_said(void **state)
{
    (void)state;
    struct broker broker = broker_start();
    struct error error = {0};
    const volatile bool go_on = false, stop = true;
    struct kafka_settings kafka = {.brokers = rd_kafka_mock_cluster_bootstraps(broker.cluster)};
    struct dead_letters *letters = topic_letters(kafka.brokers, NULL, 0, &error);
    assert_true(dead_letters_ready(letters, &kafka, &go_on, &error));
    rd_kafka_mock_topic_set_error(broker.cluster, "letters", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    assert_false(dead_letters_ready(letters, &kafka, &go_on, &error));
    assert_string_equal(error.what, "Kafka has no topic letters for the dead letters");
    assert_non_null(strstr(error.advice, "--create --topic letters"));
    rd_kafka_mock_topic_set_error(broker.cluster, "letters", RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    assert_false(dead_letters_ready(letters, &kafka, &go_on, &error));
    assert_non_null(strstr(error.what, "not allowed to write"));
    assert_non_null(strstr(error.advice, "--producer"));
    kafka.wait = true; /* it is waited for, until told to stop */
    assert_false(dead_letters_ready(letters, &kafka, &stop, &error));
    assert_string_equal(error.what, "");
    dead_letters_close(letters, LIMIT_MS);
    broker_stop(&broker);
    letters = topic_letters("127.0.0.1:1", NULL, 0, &error); /* no broker: whether there is a topic is not known */
    assert_true(dead_letters_ready(letters, &kafka, &go_on, &error));
    dead_letters_close(letters, 0);
}

static void a_broker_that_is_away_holds_nobody_up(void **state)
{
    (void)state;
    struct kafka_property properties[] = {{.name = "queue.buffering.max.messages", .value = "100"}};
    struct error error = {0};
    struct dead_letters *letters = topic_letters("127.0.0.1:1", properties, 1, &error);
    assert_non_null(letters);
    int64_t begun_ms = time_monotonic_ms();
    for (int i = 0; i < 5000; i++)
        put(letters, BAD_VALUE, "payload");
    assert_int_equal(dead_letters_lost(letters), 4900);
    dead_letters_close(letters, 50);
    assert_in_range(time_monotonic_ms() - begun_ms, 0, 5000);
}

static void a_property_that_does_not_fit_is_refused(void **state)
{
    (void)state;
    struct kafka_property properties[] = {{.name = "message.max.bytes", .value = "many"}};
    struct error error = {0};
    assert_null(topic_letters("127.0.0.1:1", properties, 1, &error));
    assert_non_null(strstr(error.what, "message.max.bytes"));
    assert_string_not_equal(error.found, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(letters_are_lines_and_counted_by_reason),
        cmocka_unit_test(standard_error_is_the_default),
        cmocka_unit_test(a_file_is_private_appended_to_and_has_whole_lines),
        cmocka_unit_test(a_file_that_can_t_be_opened_is_refused),
        cmocka_unit_test(what_a_full_disk_does_not_take_is_lost),
        cmocka_unit_test(a_pipe_is_not_waited_for),
        cmocka_unit_test(letters_reach_a_topic),
        cmocka_unit_test(letters_that_the_broker_refuses_are_lost),
        cmocka_unit_test(letters_of_a_batch_that_is_too_large_are_sent_alone),
        cmocka_unit_test(a_topic_that_is_not_there_is_said),
        cmocka_unit_test(a_broker_that_is_away_holds_nobody_up),
        cmocka_unit_test(a_property_that_does_not_fit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
