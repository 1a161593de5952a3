/* kafka_source: every message of every partition once, to the worker it belongs to, from where it was told to start; and
 * what it says of its partitions when they are read to their end and when the broker goes away.
 *
 *     ingest_kafka_source mock MOCK_BROKER | apache BROKER_SH BUILD_FOLDER
 *
 * Exit 77: there is no such Kafka here. */
#include "cluster.h"

#include "base/memory.h"
#include "base/time.h"
#include "ingest/source.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LIMIT_MS     30000
#define PARTITIONS   6
#define WORKERS_MAX  4
#define COUNT(array) (sizeof(array) / sizeof *(array))

static struct cluster cluster;

/* --- topics --------------------------------------------------------------------------------------------------------- */

static const char *new_topic(int partitions)
{
    static int number;
    static char name[32];
    (void)snprintf(name, sizeof name, "t%d", ++number);
    cluster_topic(&cluster, name, partitions);
    return name;
}

/* Messages "partition:number", from `first` to `last`; their stamps are those numbers of seconds. */
static void fill(const char *topic, int partitions, int first, int last)
{
    char text[32];
    for (int i = first; i <= last; i++)
        for (int32_t p = 0; p < partitions; p++) {
            int size = snprintf(text, sizeof text, "%d:%d", p, i);
            cluster_send(&cluster, topic, p, text, (size_t)size, 1000000000000 + i * 1000);
        }
    cluster_flush(&cluster);
}

/* --- sources -------------------------------------------------------------------------------------------------------- */

static struct kafka_settings settings_of(const char *topic, enum kafka_start start, int64_t batch)
{
    return (struct kafka_settings){.brokers = cluster.address,
                                   .topic = topic,
                                   .start = start,
                                   .batch_messages = batch,
                                   .connect_timeout_ms = LIMIT_MS};
}

static struct source *open_settings(const struct kafka_settings *settings, int workers)
{
    struct error error = {0};
    struct source *source = kafka_source_new(settings, NULL, workers, NULL, &error);
    if (source == NULL)
        fail_msg("%s; %s", error.what, error.found);
    return source;
}

static struct source *open_topic(const char *topic, enum kafka_start start, int64_t batch, int workers)
{
    struct kafka_settings settings = settings_of(topic, start, batch);
    return open_settings(&settings, workers);
}

/* Takes until every partition has given the messages up to `last`; each must be the next of its partition. */
struct reading {
    struct source *source;
    int worker, last;
    size_t largest;
    int next[PARTITIONS]; /* of each partition, the number to come */
    char problem[128];
};

static bool complete(const struct reading *reading)
{
    for (int p = reading->worker; p < reading->source->partitions; p += reading->source->workers)
        if (reading->next[p] <= reading->last)
            return false;
    return true;
}

static bool check_message(struct reading *reading, const struct message *message)
{
    char text[32] = "";
    int partition, number;
    if (message->bytes.size < sizeof text)
        memcpy(text, message->bytes.data, message->bytes.size);
    bool good = sscanf(text, "%d:%d", &partition, &number) == 2 && partition == message->partition &&
                partition % reading->source->workers == reading->worker && number == reading->next[partition] &&
                message->offset == number && message->stamp_ms == 1000000000000 + number * 1000;
    if (!good)
        (void)snprintf(reading->problem, sizeof reading->problem, "worker %d got \"%s\" of partition %d at offset %lld",
                       reading->worker, text, message->partition, (long long)message->offset);
    else
        reading->next[partition]++;
    return good;
}

static void *read_partitions(void *argument)
{
    struct reading *reading = argument;
    int64_t limit_ms = time_monotonic_ms() + LIMIT_MS;
    struct batch batch;
    while (!complete(reading) && reading->problem[0] == 0) {
        enum take take = source_take(reading->source, reading->worker, 50, &batch);
        if (take == TAKE_END || time_monotonic_ms() > limit_ms) {
            (void)snprintf(reading->problem, sizeof reading->problem, "worker %d: %s", reading->worker,
                           take == TAKE_END ? "ended" : "too slow");
            break;
        }
        if (take == TAKE_WAIT)
            continue;
        reading->largest = batch.count > reading->largest ? batch.count : reading->largest;
        for (size_t i = 0; i < batch.count && check_message(reading, &batch.messages[i]); i++)
            ;
        source_give_back(reading->source, &batch);
    }
    return NULL;
}

static void read_until(struct source *source, int first, int last, size_t batch)
{
    struct reading readings[WORKERS_MAX];
    pthread_t threads[WORKERS_MAX];
    memset(readings, 0, sizeof readings);
    for (int i = 0; i < source->workers; i++) {
        readings[i].source = source;
        readings[i].worker = i;
        readings[i].last = last;
        for (int p = 0; p < PARTITIONS; p++)
            readings[i].next[p] = first;
        assert_int_equal(pthread_create(&threads[i], NULL, read_partitions, &readings[i]), 0);
    }
    for (int i = 0; i < source->workers; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (int i = 0; i < source->workers; i++) {
        if (readings[i].problem[0] != 0)
            fail_msg("%s", readings[i].problem);
        assert_true(readings[i].largest <= batch);
    }
}

/* Take, giving back at once, until every partition is in this state. No message may come but where `reading` says so. */
static void await_state(struct source *source, enum partition_state state)
{
    int64_t limit_ms = time_monotonic_ms() + LIMIT_MS, since_ms;
    for (;;) {
        bool all = true;
        for (int32_t p = 0; p < source->partitions; p++)
            all = all && source_partition(source, p, &since_ms) == state;
        if (all)
            return;
        if (time_monotonic_ms() > limit_ms)
            fail_msg("the partitions are not all in state %d", (int)state);
        for (int i = 0; i < source->workers; i++) {
            struct batch batch;
            if (source_take(source, i, 10, &batch) == TAKE_BATCH)
                fail_msg("a message came that was not expected");
        }
    }
}

/* --- tests ---------------------------------------------------------------------------------------------------------- */

static void every_message_comes_once_to_the_worker_of_its_partition(void **state)
{
    (void)state;
    const char *topic = new_topic(PARTITIONS);
    fill(topic, PARTITIONS, 0, 1999);
    static const struct {
        int workers;
        int64_t batch;
    } cases[] = {{1, 1000}, {4, 1000}, {4, 1}, {1, 7}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct source *source = open_topic(topic, START_EARLIEST, cases[i].batch, cases[i].workers);
        assert_int_equal(source->partitions, PARTITIONS);
        assert_int_equal(source->workers, cases[i].workers);
        assert_false(source->ordered);
        read_until(source, 0, 1999, (size_t)cases[i].batch);
        await_state(source, PARTITION_AT_END);
        uint64_t done, total;
        source_progress(source, &done, &total);
        assert_int_equal(done, PARTITIONS * (10 * 3 + 90 * 4 + 900 * 5 + 1000 * 6));
        assert_int_equal(total, 0);
        source_free(source);
    }
}

static void more_workers_than_partitions_is_no_harm(void **state)
{
    (void)state;
    const char *topic = new_topic(2);
    fill(topic, 2, 0, 99);
    struct source *source = open_topic(topic, START_EARLIEST, 100, 4);
    read_until(source, 0, 99, 100);
    source_free(source);
}

static void latest_begins_with_the_first_message_after_it_was_made(void **state)
{
    (void)state;
    const char *topic = new_topic(PARTITIONS);
    fill(topic, PARTITIONS, 0, 49);
    struct source *source = open_topic(topic, START_LATEST, 100, 2);
    fill(topic, PARTITIONS, 50, 99); /* nobody has taken anything yet */
    read_until(source, 50, 99, 100);
    source_free(source);
}

static void a_time_begins_with_the_first_message_from_then_on(void **state)
{
    (void)state;
    if (!cluster.real) /* the mock cluster knows no times */
        skip();
    const char *topic = new_topic(PARTITIONS);
    fill(topic, PARTITIONS, 0, 99);
    struct kafka_settings settings = settings_of(topic, START_TIME, 100);
    settings.start_ms = 1000000000000 + 41 * 1000 + 500;
    struct source *source = open_settings(&settings, 1);
    read_until(source, 42, 99, 100);
    source_free(source);
    settings.start_ms = 1000000000000 + 1000000; /* after all of them */
    source = open_settings(&settings, 1);
    fill(topic, PARTITIONS, 100, 120);
    read_until(source, 100, 120, 100);
    source_free(source);
}

static void a_partition_read_to_its_end_says_since_when(void **state)
{
    (void)state;
    const char *topic = new_topic(1);
    fill(topic, 1, 0, 9);
    int64_t before_ms = time_boot_ms(), since_ms, later_ms;
    struct source *source = open_topic(topic, START_EARLIEST, 100, 1);
    assert_int_equal(source_partition(source, 0, &since_ms), PARTITION_READING);
    read_until(source, 0, 9, 100);
    await_state(source, PARTITION_AT_END);
    assert_int_equal(source_partition(source, 0, &since_ms), PARTITION_AT_END);
    assert_in_range(since_ms, before_ms, time_boot_ms());
    fill(topic, 1, 10, 19);
    struct batch batch;
    assert_int_equal(source_take(source, 0, LIMIT_MS, &batch), TAKE_BATCH);
    assert_int_equal(source_partition(source, 0, &later_ms), PARTITION_READING);
    assert_int_equal(batch.messages[0].offset, 10);
    int next = 10 + (int)batch.count;
    source_give_back(source, &batch);
    read_until(source, next, 19, 100);
    await_state(source, PARTITION_AT_END);
    assert_int_equal(source_partition(source, 0, &later_ms), PARTITION_AT_END);
    assert_true(later_ms >= since_ms);
    source_free(source);
}

static void an_empty_partition_is_at_its_end(void **state)
{
    (void)state;
    struct source *source = open_topic(new_topic(3), START_EARLIEST, 100, 2);
    await_state(source, PARTITION_AT_END);
    source_free(source);
}

static void a_tombstone_and_an_empty_value_are_messages_of_no_bytes(void **state)
{
    (void)state;
    const char *topic = new_topic(1);
    cluster_send(&cluster, topic, 0, NULL, 0, 0);
    cluster_send(&cluster, topic, 0, "", 0, 0);
    cluster_send(&cluster, topic, 0, "x", 1, 0);
    cluster_flush(&cluster);
    struct source *source = open_topic(topic, START_EARLIEST, 1, 1);
    for (int i = 0; i < 3; i++) {
        struct batch batch;
        assert_int_equal(source_take(source, 0, LIMIT_MS, &batch), TAKE_BATCH);
        assert_int_equal(batch.count, 1);
        assert_non_null(batch.messages[0].bytes.data);
        assert_int_equal(batch.messages[0].bytes.size, i == 2);
        assert_in_range(batch.messages[0].stamp_ms, time_wall_ms() - 60000, time_wall_ms() + 1000);
        source_give_back(source, &batch);
    }
    source_free(source);
}

static void a_single_message_does_not_wait_for_a_full_batch(void **state)
{
    (void)state;
    const char *topic = new_topic(1);
    struct source *source = open_topic(topic, START_EARLIEST, 1000, 1);
    await_state(source, PARTITION_AT_END);
    cluster_send(&cluster, topic, 0, "x", 1, 0);
    struct batch batch;
    int64_t before_ms = time_monotonic_ms();
    assert_int_equal(source_take(source, 0, LIMIT_MS, &batch), TAKE_BATCH);
    assert_in_range(time_monotonic_ms() - before_ms, 0, LIMIT_MS / 2);
    source_give_back(source, &batch);
    source_free(source);
}

static void a_broker_that_dies_makes_its_partitions_away_until_it_is_back(void **state)
{
    (void)state;
    const char *topic = new_topic(PARTITIONS);
    fill(topic, PARTITIONS, 0, 99);
    struct source *source = open_topic(topic, START_EARLIEST, 100, 2);
    read_until(source, 0, 99, 100);
    await_state(source, PARTITION_AT_END);
    cluster_down(&cluster);
    await_state(source, PARTITION_AWAY);
    cluster_up(&cluster);
    await_state(source, PARTITION_AT_END); /* though nothing new has come */
    fill(topic, PARTITIONS, 100, 199);
    read_until(source, 100, 199, 100);
    source_free(source);
}

static void a_source_can_be_freed_while_its_broker_is_away(void **state)
{
    (void)state;
    const char *topic = new_topic(2);
    fill(topic, 2, 0, 9);
    struct source *source = open_topic(topic, START_EARLIEST, 100, 1);
    read_until(source, 0, 9, 100);
    await_state(source, PARTITION_AT_END);
    cluster_down(&cluster);
    await_state(source, PARTITION_AWAY);
    int64_t before_ms = time_monotonic_ms();
    source_free(source);
    assert_in_range(time_monotonic_ms() - before_ms, 0, 5000);
    cluster_up(&cluster);
}

static void what_was_deleted_before_it_was_read_is_skipped(void **state)
{
    (void)state;
    if (!cluster.real)
        skip();
    const char *topic = new_topic(1);
    for (int i = 0; i < 400; i += 10)
        fill(topic, 1, i, i + 9); /* in small sets, of which a fetch has a few */
    struct kafka_property few[] = {{"queued.min.messages", "1", {"", 0}}, {"fetch.message.max.bytes", "1024", {"", 0}}};
    struct kafka_settings settings = settings_of(topic, START_EARLIEST, 1);
    settings.properties = few;
    settings.property_count = COUNT(few);
    struct source *source = open_settings(&settings, 1);
    int64_t next = 0, jumped_from = -1;
    while (next < 400) {
        struct batch batch;
        assert_int_equal(source_take(source, 0, LIMIT_MS, &batch), TAKE_BATCH);
        if (next == 0)
            cluster_delete_before(&cluster, topic, 0, 300);
        if (batch.messages[0].offset != next) {
            assert_int_equal(jumped_from, -1);
            assert_int_equal(batch.messages[0].offset, 300);
            jumped_from = next;
        }
        next = batch.messages[0].offset + 1;
        source_give_back(source, &batch);
    }
    assert_in_range(jumped_from, 1, 299);
    assert_int_equal(source_lost(source), 300 - jumped_from);
    await_state(source, PARTITION_AT_END);
    source_free(source);
}

static void *take_until_end(void *argument)
{
    struct source *source = argument;
    struct batch batch;
    enum take take;
    while ((take = source_take(source, 0, LIMIT_MS, &batch)) != TAKE_END)
        if (take == TAKE_BATCH)
            source_give_back(source, &batch);
    return NULL;
}

static void stopping_ends_a_take_that_waits(void **state)
{
    (void)state;
    struct source *source = open_topic(new_topic(1), START_EARLIEST, 100, 1);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, take_until_end, source), 0);
    int64_t before_ms = time_monotonic_ms();
    source_stop(source);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_in_range(time_monotonic_ms() - before_ms, 0, 2000);
    struct error error;
    assert_false(source_error(source, &error));
    source_free(source);
}

static void a_source_with_messages_nobody_took_can_be_freed(void **state)
{
    (void)state;
    const char *topic = new_topic(PARTITIONS);
    fill(topic, PARTITIONS, 0, 999);
    struct source *source = open_topic(topic, START_EARLIEST, 10, 3);
    struct batch batch;
    assert_int_equal(source_take(source, 0, LIMIT_MS, &batch), TAKE_BATCH);
    source_give_back(source, &batch);
    source_free(source);
}

/* --- refusals ------------------------------------------------------------------------------------------------------- */

static void expect_refused(const struct kafka_settings *settings, const char *what, const char *found,
                           int64_t within_ms)
{
    struct error error = {0};
    int64_t before_ms = time_monotonic_ms();
    assert_null(kafka_source_new(settings, NULL, 2, NULL, &error));
    assert_in_range(time_monotonic_ms() - before_ms, 0, within_ms);
    if (strstr(error.what, what) == NULL || strstr(error.found, found) == NULL)
        fail_msg("\"%s; %s\" does not say \"%s\" and \"%s\"", error.what, error.found, what, found);
    assert_true(error.advice[0] != 0);
}

static void a_topic_that_is_not_there_is_named(void **state)
{
    (void)state;
    if (!cluster.real) /* the mock cluster makes every topic that it is asked for */
        skip();
    struct kafka_settings settings = settings_of("nobody-made-me", START_EARLIEST, 100);
    expect_refused(&settings, "Kafka has no topic nobody-made-me", cluster.address, 5000);
}

static void brokers_that_do_not_answer_are_named_after_the_timeout(void **state)
{
    (void)state;
    struct kafka_settings settings = settings_of("t", START_EARLIEST, 100);
    settings.brokers = "127.0.0.1:1";
    settings.connect_timeout_ms = 700;
    expect_refused(&settings, "no Kafka broker answered within 700 ms", "127.0.0.1:1", 5000);
}

static void properties_are_checked_with_their_place(void **state)
{
    (void)state;
    static const struct {
        struct kafka_property property;
        const char *what, *found;
    } cases[] = {
        {{"fetch.max.bites", "1", {"shop.conf", 12}}, "fetch.max.bites is not known to librdkafka", "shop.conf:12"},
        {{"fetch.wait.max.ms", "soon", {"shop.conf", 13}}, "fetch.wait.max.ms can't have this value", "shop.conf:13"},
        {{"enable.auto.commit", "true", {"shop.conf", 14}}, "enable.auto.commit can't be set here", "shop.conf:14"},
        {{"bootstrap.servers", "x:1", {"shop.conf", 15}}, "bootstrap.servers can't be set here", "shop.conf:15"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct kafka_property properties[] = {{"client.id", "test", {"shop.conf", 11}}, cases[i].property};
        struct kafka_settings settings = settings_of("t", START_EARLIEST, 100);
        settings.properties = properties;
        settings.property_count = COUNT(properties);
        expect_refused(&settings, cases[i].what, cases[i].found, 1000);
    }
}

int main(int count, char **arguments)
{
    bool mock = count == 3 && strcmp(arguments[1], "mock") == 0;
    if (!mock && (count != 4 || strcmp(arguments[1], "apache") != 0)) {
        (void)fprintf(stderr, "usage: %s mock MOCK_BROKER | apache BROKER_SH BUILD_FOLDER\n", arguments[0]);
        return 2;
    }
    if (mock ? !cluster_start_mock(&cluster, arguments[2]) : !cluster_start_real(&cluster, arguments[2], arguments[3]))
        return mock ? 1 : 77;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_message_comes_once_to_the_worker_of_its_partition),
        cmocka_unit_test(more_workers_than_partitions_is_no_harm),
        cmocka_unit_test(latest_begins_with_the_first_message_after_it_was_made),
        cmocka_unit_test(a_time_begins_with_the_first_message_from_then_on),
        cmocka_unit_test(a_partition_read_to_its_end_says_since_when),
        cmocka_unit_test(an_empty_partition_is_at_its_end),
        cmocka_unit_test(a_tombstone_and_an_empty_value_are_messages_of_no_bytes),
        cmocka_unit_test(a_single_message_does_not_wait_for_a_full_batch),
        cmocka_unit_test(a_broker_that_dies_makes_its_partitions_away_until_it_is_back),
        cmocka_unit_test(a_source_can_be_freed_while_its_broker_is_away),
        cmocka_unit_test(what_was_deleted_before_it_was_read_is_skipped),
        cmocka_unit_test(stopping_ends_a_take_that_waits),
        cmocka_unit_test(a_source_with_messages_nobody_took_can_be_freed),
        cmocka_unit_test(a_topic_that_is_not_there_is_named),
        cmocka_unit_test(brokers_that_do_not_answer_are_named_after_the_timeout),
        cmocka_unit_test(properties_are_checked_with_their_place),
    };
    int failures = cmocka_run_group_tests_name("kafka_source", tests, NULL, NULL);
    cluster_end(&cluster);
    return failures;
}
