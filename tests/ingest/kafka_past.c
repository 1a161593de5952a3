/* kafka_past_new: a part of a topic's past, from a time or from offsets, up to offsets; it ends by itself, exactly there.
 *
 *     ingest_kafka_past mock MOCK_BROKER | apache BROKER_SH BUILD_FOLDER
 *
 * Exit 77: there is no such Kafka here. */
#include "collect.h"

#include "base/time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct source *open_past(const char *topic, int64_t from_ms, const int64_t *from, const int64_t *to, int partitions,
                                int workers, int64_t *short_ms)
{
    struct error error = {0};
    struct kafka_settings settings = settings_of(topic, START_LATEST);
    struct source *source = kafka_past_new(&settings, from_ms, from, to, partitions, workers, short_ms, &error);
    if (source == NULL)
        fail_msg("%s; %s", error.what, error.found);
    assert_int_equal(source->partitions, partitions);
    return source;
}

static void expect_progress(struct source *source, uint64_t done, uint64_t total)
{
    uint64_t done_now, total_now;
    source_progress(source, &done_now, &total_now);
    assert_int_equal(done_now, done);
    assert_int_equal(total_now, total);
}

static void it_gives_what_lies_between_the_offsets_and_ends(void **state)
{
    (void)state;
    const char *topic = new_topic(4);
    fill(topic, 4, 0, 999);
    const int64_t from[] = {10, 0, 500, 999}, to[] = {20, 1000, 501, 1000};
    for (int workers = 1; workers <= 6; workers++) {
        struct seen seen[PARTITIONS];
        int64_t short_ms = -1, since_ms;
        struct source *source = open_past(topic, 0, from, to, 4, workers, &short_ms);
        assert_int_equal(short_ms, 0);
        collect_to_end(source, seen);
        for (int p = 0; p < 4; p++) {
            expect_seen(&seen[p], from[p], to[p] - 1, to[p] - from[p]);
            assert_int_equal(source_partition(source, p, &since_ms), PARTITION_AT_END);
        }
        expect_progress(source, 10 + 1000 + 1 + 1, 10 + 1000 + 1 + 1);
        struct error error;
        assert_false(source_error(source, &error));
        source_free(source);
    }
}

static void messages_have_their_bytes_and_stamps(void **state)
{
    (void)state;
    const char *topic = new_topic(1);
    fill(topic, 1, 0, 9);
    const int64_t from[] = {7}, to[] = {8};
    int64_t short_ms;
    struct source *source = open_past(topic, 0, from, to, 1, 1, &short_ms);
    struct batch batch;
    assert_int_equal(source_take(source, 0, LIMIT_MS, &batch), TAKE_BATCH);
    assert_int_equal(batch.count, 1);
    assert_int_equal(batch.messages[0].partition, 0);
    assert_int_equal(batch.messages[0].offset, 7);
    assert_int_equal(batch.messages[0].stamp_ms, STAMP_OF(7));
    assert_int_equal(batch.messages[0].bytes.size, 1);
    assert_memory_equal(batch.messages[0].bytes.data, "x", 1);
    source_give_back(source, &batch);
    assert_int_equal(source_take(source, 0, LIMIT_MS, &batch), TAKE_END);
    source_free(source);
}

static void partitions_with_nothing_to_read_are_through_at_once(void **state)
{
    (void)state;
    const char *topic = new_topic(3);
    cluster_send(&cluster, topic, 1, "x", 1, 0);
    cluster_flush(&cluster);
    const int64_t from[] = {0, 1, -1}, to[] = {0, 1, 0};
    int64_t short_ms = -1;
    struct source *source = open_past(topic, time_wall_ms() - 1000, from, to, 3, 2, &short_ms);
    struct batch batch;
    for (int worker = 0; worker < 2; worker++)
        assert_int_equal(source_take(source, worker, 0, &batch), TAKE_END);
    assert_int_equal(short_ms, 0);
    expect_progress(source, 0, 0);
    source_free(source);
}

static void it_begins_with_the_first_message_of_the_time(void **state)
{
    (void)state;
    if (!cluster.real) /* the mock cluster knows no times */
        skip();
    const char *topic = new_topic(3);
    fill(topic, 2, 0, 99);
    struct seen seen[PARTITIONS];
    const int64_t from[] = {-1, 90, -1}, to[] = {100, 95, 0};
    int64_t short_ms = -1;
    struct source *source = open_past(topic, STAMP_OF(41) + 500, NULL, to, 3, 2, &short_ms);
    collect_to_end(source, seen);
    expect_seen(&seen[0], 42, 99, 58);
    expect_seen(&seen[1], 42, 94, 53);
    expect_seen(&seen[2], -1, -1, 0);
    source_free(source);
    source = open_past(topic, STAMP_OF(42), from, to, 3, 2, &short_ms); /* offsets are stronger */
    collect_to_end(source, seen);
    expect_seen(&seen[0], 42, 99, 58);
    expect_seen(&seen[1], 90, 94, 5);
    source_free(source);
    assert_int_equal(short_ms, 0);
    source = open_past(topic, STAMP_OF(1000), NULL, to, 3, 2, &short_ms); /* younger than all */
    collect_to_end(source, seen);
    expect_seen(&seen[0], -1, -1, 0);
    source_free(source);
}

static void offsets_without_messages_do_not_make_it_wait(void **state)
{
    (void)state;
    if (!cluster.real)
        skip();
    const char *topic = new_topic(2);
    cluster_send_transaction(&cluster, topic, 0, 5); /* 0 to 4, marker 5 */
    cluster_send_transaction(&cluster, topic, 0, 5); /* 6 to 10, marker 11 */
    cluster_send_transaction(&cluster, topic, 1, 2); /* 0 and 1, marker 2 */
    struct seen seen[PARTITIONS];
    static const struct {
        int64_t to[2], last, count;
    } cases[] = {{{12, 3}, 10, 10}, {{11, 3}, 10, 10}, {{6, 3}, 4, 5}, {{5, 3}, 4, 5}, {{7, 3}, 6, 6}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        const int64_t from[] = {0, 0};
        int64_t short_ms;
        struct source *source = open_past(topic, 0, from, cases[i].to, 2, 1, &short_ms);
        int64_t before_ms = time_monotonic_ms();
        collect_to_end(source, seen);
        assert_in_range(time_monotonic_ms() - before_ms, 0, 8000);
        expect_seen(&seen[0], 0, cases[i].last, cases[i].count);
        expect_seen(&seen[1], 0, 1, 2);
        expect_progress(source, (uint64_t)(cases[i].to[0] + 3), (uint64_t)(cases[i].to[0] + 3));
        source_free(source);
    }
}

static void how_much_is_missing_at_its_beginning_is_told(void **state)
{
    (void)state;
    if (!cluster.real)
        skip();
    const char *topic = new_topic(2);
    fill(topic, 2, 0, 99);
    cluster_delete_before(&cluster, topic, 1, 30);
    struct seen seen[PARTITIONS];
    const int64_t from[] = {5, 5}, to[] = {100, 100};
    int64_t short_ms = -1;
    struct source *source = open_past(topic, STAMP_OF(10), NULL, to, 2, 1, &short_ms);
    assert_int_equal(short_ms, 20000);
    collect_to_end(source, seen);
    expect_seen(&seen[0], 10, 99, 90);
    expect_seen(&seen[1], 30, 99, 70);
    source_free(source);
    source = open_past(topic, STAMP_OF(5), from, to, 2, 1, &short_ms);
    assert_int_equal(short_ms, 25000);
    collect_to_end(source, seen);
    expect_seen(&seen[0], 5, 99, 95);
    expect_seen(&seen[1], 30, 99, 70);
    source_free(source);
    source = open_past(topic, STAMP_OF(30), NULL, to, 2, 1, &short_ms);
    assert_int_equal(short_ms, 0);
    source_free(source);
}

static void messages_deleted_while_it_reads_are_left_out_with_a_warning(void **state)
{
    (void)state;
    if (!cluster.real)
        skip();
    const char *topic = new_topic(1);
    for (int i = 0; i < 400; i += 10)
        fill(topic, 1, i, i + 9);
    struct kafka_property few[] = {{"queued.min.messages", "1", {"", 0}}, {"fetch.message.max.bytes", "1024", {"", 0}}};
    struct kafka_settings settings = settings_of(topic, START_EARLIEST);
    settings.batch_messages = 1;
    settings.properties = few;
    settings.property_count = COUNT(few);
    const int64_t to[] = {390};
    int64_t short_ms;
    struct error error = {0};
    struct source *source = kafka_past_new(&settings, 0, NULL, to, 1, 1, &short_ms, &error);
    assert_non_null(source);
    struct batch batch;
    assert_int_equal(source_take(source, 0, LIMIT_MS, &batch), TAKE_BATCH);
    source_give_back(source, &batch);
    cluster_delete_before(&cluster, topic, 0, 300);
    said_mark();
    struct seen seen[PARTITIONS];
    collect_to_end(source, seen);
    assert_int_equal(seen[0].first, 1);
    assert_int_equal(seen[0].last, 389);
    assert_in_range(seen[0].count, 90, 389 - 1);
    assert_int_equal(said("offsets "), 1);
    assert_int_equal(said("to 299 of its past are not there any more"), 1);
    source_free(source);
}

static void it_goes_on_when_the_broker_is_back(void **state)
{
    (void)state;
    const char *topic = new_topic(1);
    fill(topic, 1, 0, 999);
    struct kafka_settings settings = settings_of(topic, START_EARLIEST);
    struct kafka_property few[] = {{"queued.min.messages", "1", {"", 0}}, {"fetch.message.max.bytes", "1024", {"", 0}}};
    settings.properties = few;
    settings.property_count = COUNT(few);
    settings.batch_messages = 1;
    const int64_t to[] = {1000};
    int64_t short_ms;
    struct error error = {0};
    const int64_t from[] = {0};
    struct source *source = kafka_past_new(&settings, 0, from, to, 1, 1, &short_ms, &error);
    assert_non_null(source);
    struct batch batch;
    assert_int_equal(source_take(source, 0, LIMIT_MS, &batch), TAKE_BATCH);
    source_give_back(source, &batch);
    cluster_down(&cluster);
    cluster_up(&cluster);
    struct seen seen[PARTITIONS];
    collect_to_end(source, seen);
    expect_seen(&seen[0], 1, 999, 999);
    source_free(source);
}

static void an_end_that_does_not_come_is_not_waited_for(void **state)
{
    (void)state;
    const char *topic = new_topic(1);
    fill(topic, 1, 0, 9);
    const int64_t from[] = {0}, to[] = {50};
    int64_t short_ms;
    struct source *source = open_past(topic, 0, from, to, 1, 1, &short_ms);
    struct seen seen[PARTITIONS];
    said_mark();
    collect_to_end(source, seen);
    expect_seen(&seen[0], 0, 9, 10);
    assert_int_equal(said("was to be read up to offset 50, and its log ends at 10"), 1);
    source_free(source);
}

static void a_topic_with_fewer_partitions_is_refused(void **state)
{
    (void)state;
    struct kafka_settings settings = settings_of(new_topic(1), START_EARLIEST);
    const int64_t to[] = {1, 1};
    int64_t short_ms;
    struct error error = {0};
    assert_null(kafka_past_new(&settings, 0, NULL, to, 2, 1, &short_ms, &error));
    assert_non_null(strstr(error.what, "fewer partitions"));
}

static void stopping_ends_it(void **state)
{
    (void)state;
    const char *topic = new_topic(2);
    fill(topic, 2, 0, 999);
    const int64_t from[] = {0, 0}, to[] = {1000, 1000};
    int64_t short_ms;
    struct source *source = open_past(topic, 0, from, to, 2, 1, &short_ms);
    struct batch batch;
    assert_int_equal(source_take(source, 0, LIMIT_MS, &batch), TAKE_BATCH);
    source_give_back(source, &batch);
    source_stop(source);
    assert_int_equal(source_take(source, 0, LIMIT_MS, &batch), TAKE_END);
    source_free(source);
}

int main(int count, char **arguments)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_gives_what_lies_between_the_offsets_and_ends),
        cmocka_unit_test(messages_have_their_bytes_and_stamps),
        cmocka_unit_test(partitions_with_nothing_to_read_are_through_at_once),
        cmocka_unit_test(it_begins_with_the_first_message_of_the_time),
        cmocka_unit_test(offsets_without_messages_do_not_make_it_wait),
        cmocka_unit_test(how_much_is_missing_at_its_beginning_is_told),
        cmocka_unit_test(messages_deleted_while_it_reads_are_left_out_with_a_warning),
        cmocka_unit_test(it_goes_on_when_the_broker_is_back),
        cmocka_unit_test(an_end_that_does_not_come_is_not_waited_for),
        cmocka_unit_test(a_topic_with_fewer_partitions_is_refused),
        cmocka_unit_test(stopping_ends_it),
    };
    return collect_main(count, arguments, "kafka_past", tests, COUNT(tests));
}
