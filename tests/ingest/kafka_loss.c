/* kafka_source with durable state behind it: it goes on where state says; where Kafka does not have those messages any more
 * it refuses, or goes on and counts them; it survives topics that go, come, come back as others, and grow; and tells offsets.
 *
 *     ingest_kafka_loss mock MOCK_BROKER | apache BROKER_SH BUILD_FOLDER
 *
 * Exit 77: there is no such Kafka here. */
#include "collect.h"

#include "base/time.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define SOON_MS 5000

static struct source *open_at(const struct kafka_settings *settings, const struct kafka_positions *positions, int workers)
{
    struct error error = {0};
    struct source *source = kafka_source_new(settings, positions, workers, NULL, &error);
    if (source == NULL)
        fail_msg("%s; %s", error.what, error.found);
    return source;
}

static void expect_refused(const struct kafka_settings *settings, const struct kafka_positions *positions, const char *what,
                           const char *found)
{
    struct error error = {0};
    assert_null(kafka_source_new(settings, positions, 1, NULL, &error));
    if (strstr(error.what, what) == NULL || strstr(error.found, found) == NULL)
        fail_msg("\"%s; %s\" does not say \"%s\" and \"%s\"", error.what, error.found, what, found);
    assert_non_null(strstr(error.advice, "--accept-loss"));
    assert_non_null(strstr(error.advice, "on_loss = \"continue\""));
}

static bool all_at_end(struct source *source)
{
    int64_t since_ms;
    for (int32_t p = 0; p < source->partitions; p++)
        if (source_partition(source, p, &since_ms) != PARTITION_AT_END)
            return false;
    return true;
}

static bool all_away(struct source *source)
{
    int64_t since_ms;
    for (int32_t p = 0; p < source->partitions; p++)
        if (source_partition(source, p, &since_ms) != PARTITION_AWAY)
            return false;
    return true;
}

/* --- at the start --------------------------------------------------------------------------------------------------- */

static void reading_begins_where_state_says(void **state)
{
    (void)state;
    const char *topic = new_topic(5);
    fill(topic, 5, 0, 99);
    const int64_t next[] = {0, 42, 100, -1};
    struct kafka_positions positions = {.next = next, .count = 4};
    struct kafka_settings settings = settings_of(topic, START_LATEST);
    struct seen seen[PARTITIONS];
    struct source *source = open_at(&settings, &positions, 2);
    const int64_t counts[] = {100, 58, 0, 0, 100};
    collect(source, seen, counts);
    expect_seen(&seen[0], 0, 99, 100);
    expect_seen(&seen[1], 42, 99, 58);
    expect_seen(&seen[4], 0, 99, 100); /* is new: from its beginning */
    fill(topic, 5, 100, 100);
    const int64_t more[] = {1, 1, 1, 1, 1};
    collect(source, seen, more);
    for (int p = 0; p < 5; p++)
        expect_seen(&seen[p], 100, 100, 1);
    assert_int_equal(source_lost(source), 0);
    assert_int_equal(source_last_stamp(source), INT64_MIN); /* it was not asked for */
    source_free(source);
}

/* Behind the last message lie a marker, and messages of a transaction that was aborted: nobody can read them, and when retention
 * deletes them nothing is lost. */
static void what_is_behind_the_last_message_is_no_loss(void **state)
{
    (void)state;
    if (!cluster.real)
        skip();
    const char *topic = new_topic(2);
    fill(topic, 2, 0, 9);
    cluster_send_transaction(&cluster, topic, 0, 1); /* 10, and a marker at 11 */
    cluster_send_aborted(&cluster, topic, 1, 5);     /* 10 to 14, and a marker at 15 */
    struct kafka_settings settings = settings_of(topic, START_EARLIEST);
    struct seen seen[PARTITIONS];
    struct source *source = open_at(&settings, NULL, 1);
    const int64_t counts[] = {11, 10};
    assert_int_equal(source_passed(source, 0), -1);
    collect(source, seen, counts);
    collect_until(source, seen, all_at_end);
    assert_int_equal(source_passed(source, 0), 12);
    assert_int_equal(source_passed(source, 1), 16);
    source_free(source);

    cluster_delete_before(&cluster, topic, 0, 12);
    cluster_delete_before(&cluster, topic, 1, 16);
    const int64_t next[] = {12, 16}, behind_the_last[] = {11, 10};
    const struct kafka_positions positions = {.next = next, .count = 2}, before = {.next = behind_the_last, .count = 2};
    expect_refused(&settings, &before, "deleted 7 messages", "partition 1: 6 messages (offsets 10 to 15)"); /* as it was */
    source = open_at(&settings, &positions, 1);
    fill(topic, 2, 16, 16);
    const int64_t more[] = {1, 1};
    collect(source, seen, more);
    assert_int_equal(source_lost(source), 0);
    source_free(source);
}

static void the_last_messages_before_say_their_time(void **state)
{
    (void)state;
    const char *topic = new_topic(4);
    fill(topic, 4, 0, 99);
    const int64_t next[] = {0, 42, 58, -1};
    const struct kafka_positions positions = {.next = next, .count = 4, .want_stamp = true};
    struct kafka_settings settings = settings_of(topic, START_LATEST);
    struct seen seen[PARTITIONS];
    struct source *source = open_at(&settings, &positions, 1);
    assert_int_equal(source_last_stamp(source), 1000000000000 + 57 * 1000);
    const int64_t counts[] = {100, 58, 42, 0};
    collect(source, seen, counts); /* and nothing is missed for it */
    expect_seen(&seen[2], 58, 99, 42);
    source_free(source);
}

static void an_offset_that_retention_has_passed_is_refused_with_what_is_lost(void **state)
{
    (void)state;
    if (!cluster.real)
        skip();
    const char *topic = new_topic(3);
    fill(topic, 3, 0, 99);
    cluster_delete_before(&cluster, topic, 0, 30);
    cluster_delete_before(&cluster, topic, 1, 100);
    const int64_t next[] = {10, 95, 50};
    struct kafka_positions positions = {.next = next, .count = 3};
    struct kafka_settings settings = settings_of(topic, START_LATEST);
    expect_refused(&settings, &positions, "deleted 25 messages", "partition 0: 20 messages (offsets 10 to 29) were deleted, "
                                                                "from before 2001-09-09T01:47:10.000Z");
    expect_refused(&settings, &positions, "in 2 of its partitions", "partition 1: 5 messages (offsets 95 to 99) were deleted, "
                                                                   "from when can't be told");
    settings.on_loss = LOSS_STOP;
    expect_refused(&settings, &positions, "deleted 25 messages", "partition 0");
    const struct {
        bool accept;
        enum kafka_loss on_loss;
    } cases[] = {{true, LOSS_ASK}, {true, LOSS_STOP}, {false, LOSS_CONTINUE}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        positions.accept_loss = cases[i].accept;
        settings.on_loss = cases[i].on_loss;
        said_mark();
        struct source *source = open_at(&settings, &positions, 1);
        assert_int_equal(said("loss is accepted, reading goes on at the earliest messages there are"), 1);
        struct seen seen[PARTITIONS];
        const int64_t counts[] = {70, 0, 50};
        collect(source, seen, counts);
        expect_seen(&seen[0], 30, 99, 70);
        expect_seen(&seen[2], 50, 99, 50);
        assert_int_equal(source_lost(source), 25);
        source_free(source);
    }
}

static void an_offset_beyond_the_end_is_another_topic(void **state)
{
    (void)state;
    const char *topic = new_topic(2);
    fill(topic, 2, 0, 99);
    const int64_t next[] = {500, 20};
    struct kafka_positions positions = {.next = next, .count = 2};
    struct kafka_settings settings = settings_of(topic, START_LATEST);
    expect_refused(&settings, &positions, "made anew or cut",
                   "partition 0: offset 500 is wanted and its log has 0 to 100");
    positions.accept_loss = true;
    struct source *source = open_at(&settings, &positions, 1);
    struct seen seen[PARTITIONS];
    const int64_t counts[] = {100, 100}; /* offset 20 was one of the former topic */
    collect(source, seen, counts);
    source_free(source);
}

static void fewer_partitions_are_another_topic(void **state)
{
    (void)state;
    const char *topic = new_topic(2);
    fill(topic, 2, 0, 99);
    const int64_t next[] = {50, 50, 7, 0};
    struct kafka_positions positions = {.next = next, .count = 4};
    struct kafka_settings settings = settings_of(topic, START_LATEST);
    expect_refused(&settings, &positions, "made anew or cut", "partition 2: read up to offset 7, it is not there any more");
    settings.on_loss = LOSS_CONTINUE;
    struct source *source = open_at(&settings, &positions, 1);
    assert_int_equal(source->partitions, 2);
    struct seen seen[PARTITIONS];
    const int64_t counts[] = {100, 100};
    collect(source, seen, counts);
    source_free(source);
}

static void what_many_partitions_lose_fits_into_the_error(void **state)
{
    (void)state;
    const char *topic = new_topic(1);
    int64_t next[64];
    for (size_t i = 0; i < COUNT(next); i++)
        next[i] = 1000000000000;
    struct kafka_positions positions = {.next = next, .count = COUNT(next)};
    struct kafka_settings settings = settings_of(topic, START_LATEST);
    said_mark();
    expect_refused(&settings, &positions, "in 64 of its partitions", " more, see the log");
    assert_int_equal(said("it is not there any more"), 63);
}

/* --- waiting -------------------------------------------------------------------------------------------------------- */

struct opening {
    struct kafka_settings settings;
    volatile bool stop;
    struct source *source;
    struct error error;
    pthread_t thread;
};

static void *open_in_thread(void *argument)
{
    struct opening *opening = argument;
    opening->source = kafka_source_new(&opening->settings, NULL, 1, &opening->stop, &opening->error);
    return NULL;
}

static void start_opening(struct opening *opening, const char *topic)
{
    memset(opening, 0, sizeof *opening);
    opening->settings = settings_of(topic, START_EARLIEST);
    opening->settings.wait = true;
    opening->settings.connect_timeout_ms = 500;
    said_mark();
    assert_int_equal(pthread_create(&opening->thread, NULL, open_in_thread, opening), 0);
    int64_t limit_ms = time_monotonic_ms() + LIMIT_MS;
    while (said("waiting for Kafka") == 0)
        if (time_monotonic_ms() > limit_ms)
            fail_msg("it does not say that it waits");
}

static void expect_source_with(struct opening *opening, int64_t count)
{
    assert_int_equal(pthread_join(opening->thread, NULL), 0);
    if (opening->source == NULL)
        fail_msg("%s; %s", opening->error.what, opening->error.found);
    struct seen seen[PARTITIONS];
    collect(opening->source, seen, &count);
    assert_int_equal(said("is there again"), 0);
    source_free(opening->source);
}

static void a_broker_that_comes_up_later_is_waited_for(void **state)
{
    (void)state;
    const char *topic = new_topic(1);
    fill(topic, 1, 0, 9);
    cluster_down(&cluster);
    struct opening opening;
    start_opening(&opening, topic);
    cluster_up(&cluster);
    expect_source_with(&opening, 10);
}

static void a_topic_that_is_made_later_is_waited_for(void **state)
{
    (void)state;
    if (!cluster.real) /* the mock cluster makes every topic that it is asked for */
        skip();
    struct opening opening;
    start_opening(&opening, "made-later");
    assert_int_equal(said("Kafka has no topic made-later"), 1);
    cluster_make_topic(&cluster, "made-later", 1);
    fill("made-later", 1, 0, 9);
    expect_source_with(&opening, 10);
}

static void waiting_ends_when_it_is_told_to(void **state)
{
    (void)state;
    const char *topic = new_topic(1);
    cluster_down(&cluster);
    struct opening opening;
    start_opening(&opening, topic);
    int64_t before_ms = time_monotonic_ms();
    opening.stop = true;
    assert_int_equal(pthread_join(opening.thread, NULL), 0);
    assert_in_range(time_monotonic_ms() - before_ms, 0, SOON_MS);
    assert_null(opening.source);
    assert_non_null(strstr(opening.error.what, "told to stop while waiting"));
    cluster_up(&cluster);
}

/* --- while running -------------------------------------------------------------------------------------------------- */

static void messages_deleted_before_they_are_read_end_it_if_so_set(void **state)
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
    settings.on_loss = LOSS_STOP;
    struct source *source = open_at(&settings, NULL, 1);
    struct batch batch;
    assert_int_equal(source_take(source, 0, LIMIT_MS, &batch), TAKE_BATCH);
    source_give_back(source, &batch);
    cluster_delete_before(&cluster, topic, 0, 300);
    struct seen seen[PARTITIONS];
    collect_to_end(source, seen);
    assert_in_range(seen[0].last, 1, 299);
    assert_int_equal(source_lost(source), 300 - seen[0].last - 1);
    struct error error;
    assert_true(source_error(source, &error));
    assert_non_null(strstr(error.what, "are lost"));
    assert_non_null(strstr(error.found, "to 299; on_loss = \"stop\""));
    source_free(source);
}

static struct source *read_hundred(const char *topic, int partitions, enum kafka_loss on_loss)
{
    struct kafka_settings settings = settings_of(topic, START_EARLIEST);
    settings.on_loss = on_loss;
    for (int p = 0; p < partitions; p++)
        fill_now(topic, p, 100);
    struct source *source = open_at(&settings, NULL, 2);
    struct seen seen[PARTITIONS];
    const int64_t counts[] = {100, 100, 100, 100};
    collect(source, seen, counts);
    collect_until(source, seen, all_at_end);
    said_mark();
    return source;
}

static void a_topic_made_anew_is_read_from_its_beginning(void **state)
{
    (void)state;
    if (!cluster.real)
        skip();
    static const struct {
        bool seen_missing;
        int count; /* of messages in the new topic */
    } cases[] = {{true, 10}, {true, 100}, {true, 250}, {true, 0}, {false, 10}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *topic = new_topic(2);
        struct source *source = read_hundred(topic, 2, LOSS_STOP); /* all was read: nothing is lost */
        struct seen seen[PARTITIONS];
        collect_reset(seen);
        cluster_delete_topic(&cluster, topic);
        if (cases[i].seen_missing) {
            collect_until(source, seen, all_away);
            assert_int_equal(said("Kafka has no topic"), 1);
        }
        cluster_make_topic(&cluster, topic, 2);
        fill_now(topic, 0, cases[i].count);
        fill_now(topic, 1, cases[i].count);
        const int64_t counts[] = {cases[i].count, cases[i].count};
        collect(source, seen, counts);
        collect_until(source, seen, all_at_end);
        assert_true(said("made anew") >= 1);
        fill_now(topic, 0, 5);
        const int64_t more[] = {5, 0};
        collect(source, seen, more);
        expect_seen(&seen[0], cases[i].count, cases[i].count + 4, 5);
        assert_int_equal(source_lost(source), 0);
        source_free(source);
    }
}

static void a_source_ends_though_its_topic_was_deleted(void **state)
{
    (void)state;
    if (!cluster.real)
        skip();
    const char *topic = new_topic(2);
    struct source *source = read_hundred(topic, 2, LOSS_ASK);
    struct seen seen[PARTITIONS];
    collect_reset(seen);
    cluster_delete_topic(&cluster, topic);
    collect_until(source, seen, all_away);
    int64_t before_ms = time_monotonic_ms();
    source_free(source);
    assert_in_range(time_monotonic_ms() - before_ms, 0, 8000);
}

static void a_topic_made_anew_with_fewer_partitions_holds_up_nobody(void **state)
{
    (void)state;
    if (!cluster.real)
        skip();
    const char *topic = new_topic(3);
    struct source *source = read_hundred(topic, 3, LOSS_ASK);
    struct seen seen[PARTITIONS];
    collect_reset(seen);
    cluster_delete_topic(&cluster, topic);
    collect_until(source, seen, all_away);
    cluster_make_topic(&cluster, topic, 1);
    fill_now(topic, 0, 10);
    const int64_t counts[] = {10, 0, 0};
    collect(source, seen, counts);
    collect_until(source, seen, all_at_end);
    assert_int_equal(said("with fewer partitions"), 1);
    cluster_add_partitions(&cluster, topic, 3);
    fill_now(topic, 2, 10);
    const int64_t more[] = {0, 0, 10};
    collect(source, seen, more);
    expect_seen(&seen[2], 0, 9, 10);
    assert_false(source_grown(source));
    source_free(source);
}

static void what_was_not_read_of_a_deleted_topic_is_counted(void **state)
{
    (void)state;
    if (!cluster.real)
        skip();
    for (int stop = 0; stop < 2; stop++) {
        const char *topic = new_topic(1);
        for (int i = 0; i < 400; i += 10)
            fill(topic, 1, i, i + 9);
        struct kafka_property few[] = {{"queued.min.messages", "1", {"", 0}},
                                       {"fetch.message.max.bytes", "1024", {"", 0}}};
        struct kafka_settings settings = settings_of(topic, START_EARLIEST);
        settings.batch_messages = 1;
        settings.properties = few;
        settings.property_count = COUNT(few);
        settings.on_loss = stop == 1 ? LOSS_STOP : LOSS_ASK;
        struct source *source = open_at(&settings, NULL, 1);
        struct seen seen[PARTITIONS];
        collect_reset(seen);
        while (seen[0].count < 40)
            (void)collect_round(source, seen);
        int64_t limit_ms = time_monotonic_ms() + 1500; /* the watcher looks once a second where the log ends */
        while (time_monotonic_ms() < limit_ms)
            ;
        cluster_delete_topic(&cluster, topic);
        collect_until(source, seen, all_away);
        cluster_make_topic(&cluster, topic, 1);
        fill_now(topic, 0, 5);
        int64_t read = seen[0].count;
        if (stop == 1) {
            struct error error;
            collect_to_end(source, seen);
            assert_true(source_error(source, &error));
            assert_non_null(strstr(error.what, "their topic was deleted"));
        } else {
            const int64_t counts[] = {5};
            collect(source, seen, counts);
        }
        assert_int_equal(source_lost(source), 400 - read);
        source_free(source);
    }
}

static void a_topic_that_was_only_said_to_be_missing_is_read_on(void **state)
{
    (void)state;
    if (cluster.real)
        skip();
    const char *topic = new_topic(2);
    fill(topic, 2, 0, 99);
    struct kafka_settings settings = settings_of(topic, START_EARLIEST);
    struct source *source = open_at(&settings, NULL, 1);
    struct seen seen[PARTITIONS];
    const int64_t counts[] = {100, 100};
    collect(source, seen, counts);
    said_mark();
    cluster_hide_topic(&cluster, topic, true);
    collect_until(source, seen, all_away);
    cluster_hide_topic(&cluster, topic, false);
    collect_until(source, seen, all_at_end);
    assert_int_equal(said("is there again, and the same"), 1);
    fill(topic, 2, 100, 109);
    const int64_t more[] = {10, 10};
    collect(source, seen, more);
    expect_seen(&seen[0], 100, 109, 10);
    assert_int_equal(source_lost(source), 0);
    source_free(source);
}

static bool has_grown(struct source *source) { return source_grown(source); }

static void added_partitions_are_noticed_while_the_others_are_read(void **state)
{
    (void)state;
    if (!cluster.real)
        skip();
    const char *topic = new_topic(2);
    struct source *source = read_hundred(topic, 2, LOSS_ASK);
    assert_false(source_grown(source));
    cluster_add_partitions(&cluster, topic, 4);
    struct seen seen[PARTITIONS];
    collect_reset(seen);
    collect_until(source, seen, has_grown);
    assert_int_equal(said("has 4 partitions now and only the 2 that it had at the start are read"), 1);
    fill_now(topic, 0, 5);
    const int64_t counts[] = {5, 0};
    collect(source, seen, counts);
    assert_int_equal(source->partitions, 2);
    source_free(source);
}

/* --- telling offsets ------------------------------------------------------------------------------------------------ */

static void await_committed(const char *topic, int32_t partition, int64_t offset)
{
    int64_t limit_ms = time_monotonic_ms() + LIMIT_MS;
    while (cluster_committed(&cluster, "shoplane", topic, partition) != offset)
        if (time_monotonic_ms() > limit_ms)
            fail_msg("offset %lld of partition %d is not committed", (long long)offset, partition);
}

static void committed_offsets_are_seen_by_monitors(void **state)
{
    (void)state;
    const char *topic = new_topic(3);
    fill(topic, 3, 0, 99);
    struct kafka_settings settings = settings_of(topic, START_EARLIEST);
    struct source *source = open_at(&settings, NULL, 1);
    const int64_t first[] = {10, 20, -1}, second[] = {11, 21, 31}, last[] = {100, 100, 100};
    int64_t before_ms = time_monotonic_ms();
    source_commit(source, first);
    assert_in_range(time_monotonic_ms() - before_ms, 0, 50);
    await_committed(topic, 1, 20);
    assert_true(cluster_committed(&cluster, "shoplane", topic, 2) < 0);
    source_commit(source, second);
    await_committed(topic, 2, 31);
    source_stop(source);
    source_commit(source, last); /* the last checkpoint comes after the end of reading */
    source_free(source);
    for (int p = 0; p < 3; p++)
        assert_int_equal(cluster_committed(&cluster, "shoplane", topic, p), 100);
}

static void commits_hold_up_nobody_while_the_broker_is_away(void **state)
{
    (void)state;
    const char *topic = new_topic(1);
    fill(topic, 1, 0, 9);
    struct kafka_settings settings = settings_of(topic, START_EARLIEST);
    struct source *source = open_at(&settings, NULL, 1);
    struct seen seen[PARTITIONS];
    int64_t next = 10;
    collect(source, seen, &next);
    source_commit(source, &next);
    await_committed(topic, 0, 10);
    cluster_down(&cluster);
    collect_until(source, seen, all_away);
    int64_t before_ms = time_monotonic_ms();
    for (int i = 0; i < 1000; i++) {
        next = 11 + i;
        source_commit(source, &next);
    }
    assert_in_range(time_monotonic_ms() - before_ms, 0, 200);
    cluster_up(&cluster);
    collect_until(source, seen, all_at_end);
    source_commit(source, &next);
    await_committed(topic, 0, next);
    cluster_down(&cluster);
    collect_until(source, seen, all_away);
    source_commit(source, &next);
    before_ms = time_monotonic_ms();
    source_free(source);
    assert_in_range(time_monotonic_ms() - before_ms, 0, SOON_MS);
    cluster_up(&cluster);
}

int main(int count, char **arguments)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reading_begins_where_state_says),
        cmocka_unit_test(what_is_behind_the_last_message_is_no_loss),
        cmocka_unit_test(the_last_messages_before_say_their_time),
        cmocka_unit_test(an_offset_that_retention_has_passed_is_refused_with_what_is_lost),
        cmocka_unit_test(an_offset_beyond_the_end_is_another_topic),
        cmocka_unit_test(fewer_partitions_are_another_topic),
        cmocka_unit_test(what_many_partitions_lose_fits_into_the_error),
        cmocka_unit_test(a_broker_that_comes_up_later_is_waited_for),
        cmocka_unit_test(a_topic_that_is_made_later_is_waited_for),
        cmocka_unit_test(waiting_ends_when_it_is_told_to),
        cmocka_unit_test(messages_deleted_before_they_are_read_end_it_if_so_set),
        cmocka_unit_test(a_topic_made_anew_is_read_from_its_beginning),
        cmocka_unit_test(a_source_ends_though_its_topic_was_deleted),
        cmocka_unit_test(a_topic_made_anew_with_fewer_partitions_holds_up_nobody),
        cmocka_unit_test(what_was_not_read_of_a_deleted_topic_is_counted),
        cmocka_unit_test(a_topic_that_was_only_said_to_be_missing_is_read_on),
        cmocka_unit_test(added_partitions_are_noticed_while_the_others_are_read),
        cmocka_unit_test(committed_offsets_are_seen_by_monitors),
        cmocka_unit_test(commits_hold_up_nobody_while_the_broker_is_away),
    };
    return collect_main(count, arguments, "kafka_loss", tests, COUNT(tests));
}
