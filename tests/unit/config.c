/* config.c - what a good configuration is read as: values, units, defaults, places. */
#include "config/byte_count.h"
#include "config/config.h"
#include "config/duration.h"
#include "config/machine_memory.h"
#include "config/near_miss.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* A lane to go with whatever the test is about. */
#define LANE "lanes = ( { lane = \"a\"; windows = ( { name = \"w\"; length = \"5m\"; } ); metrics = ( \"m\" ); } );\n"

static struct config *good(const char *text)
{
    struct error_list errors = {0};
    struct config *config = config_read_text(text, "t.conf", &errors);
    for (size_t i = 0; i < errors.count; i++)
        print_error("%s\n  found %s\n  do this %s\n", errors.items[i].what, errors.items[i].found,
                    errors.items[i].advice);
    assert_int_equal(errors.count, 0);
    assert_non_null(config);
    error_list_free(&errors);
    return config;
}

static void a_lane_is_enough_and_the_rest_has_defaults(void **state)
{
    (void)state;
    struct config *config = good(LANE);
    assert_string_equal(config->file, "t.conf");
    assert_int_equal(config->workers, 1);
    assert_null(config->plugins);

    assert_false(config->source.given);
    assert_int_equal(config->source.kind, SOURCE_FILES);
    assert_int_equal(config->source.file_count, 0);
    assert_int_equal(config->source.clock, CLOCK_EVENT);
    assert_int_equal(config->source.disorder_ms, 5000);
    assert_int_equal(config->source.idle_ms, 3000);
    assert_int_equal(config->source.future_ms, 600000);
    assert_int_equal(config->source.max_message_bytes, 1000000);
    assert_int_equal(config->source.nobody_count, 10);
    assert_string_equal(config->source.nobody[0], "00000000-0000-0000-0000-000000000000");
    assert_int_equal(config->source.kafka.batch_messages, 1000);

    assert_int_equal(config->sink.kind, SINK_REDIS);
    assert_string_equal(config->sink.host, "127.0.0.1");
    assert_int_equal(config->sink.port, 6379);
    assert_null(config->sink.socket);
    assert_null(config->sink.user);
    assert_null(config->sink.password);
    assert_int_equal(config->sink.database, 0);
    assert_int_equal(config->sink.timeout_ms, 5000);
    assert_int_equal(config->sink.retry_max_ms, 2000);
    assert_int_equal(config->sink.pipeline, 10000);
    assert_int_equal(config->sink.lease_ms, 5000);
    assert_int_equal(config->sink.audit_ms, 1000);
    assert_int_equal(config->dead_letters.kind, LETTERS_STDERR);

    assert_false(config->source.kafka.wait);
    assert_int_equal(config->source.kafka.on_loss, LOSS_ASK);
    assert_null(config->state.folder);
    assert_int_equal(config->state.interval_ms, 5000);
    assert_int_equal(config->state.fsync, FSYNC_CHECKPOINT);
    assert_int_equal(config->state.fill, FILL_WHEN_FULL);
    assert_int_equal(config->limits.key_records, 10000);
    assert_int_equal(config->limits.text_bytes, 4096);
    assert_true(config->limits.memory_bytes >= 16000000);
    assert_true(config->limits.memory_bytes <= machine_memory());

    const struct window_settings *window = &config->lanes[0].windows[0];
    assert_false(window->session);
    assert_int_equal(window->length_ms, 300000);
    assert_int_equal(window->emit_ms, 1000);
    assert_int_equal(window->burst, 5);
    assert_int_equal(window->ttl_s, 900); /* length + 600 */
    assert_int_equal(config->lanes[0].params.count, 0);
    config_free(config);
}

static void a_kafka_source_is_read_whole(void **state)
{
    (void)state;
    struct config *config =
        good("workers = 4; plugins = \"p\";\n"
             "source: { kind = \"kafka\"; brokers = \"b1:9092,b2:9092\"; topic = \"t-1.x_y\"; start = \"earliest\";\n"
             "  properties = ( (\"security.protocol\", \"PLAINTEXT\"),\n"
             "                 (\"fetch.max.bytes\", 1000), [\"a\", \"b\"], (\"check.crcs\", true) );\n"
             "  batch = 7; clock = \"event\"; disorder = \"0s\"; idle = 0.5; future = 1; max_message_bytes = 2000;\n"
             "  connect_timeout = \"250ms\"; wait = true; on_loss = \"stop\"; nobody = [ \"guest\", \"null\" ]; };\n" LANE);
    const struct source_settings *source = &config->source;
    const struct kafka_settings *kafka = &source->kafka;
    assert_int_equal(config->workers, 4);
    assert_string_equal(config->plugins, "p");
    assert_true(source->given);
    assert_int_equal(source->kind, SOURCE_KAFKA);
    assert_string_equal(kafka->brokers, "b1:9092,b2:9092");
    assert_string_equal(kafka->topic, "t-1.x_y");
    assert_int_equal(kafka->start, START_EARLIEST);
    assert_int_equal(kafka->property_count, 4);
    assert_string_equal(kafka->properties[0].name, "security.protocol");
    assert_string_equal(kafka->properties[0].value, "PLAINTEXT");
    assert_int_equal(kafka->properties[0].place.line, 3);
    assert_string_equal(kafka->properties[1].value, "1000");
    assert_string_equal(kafka->properties[1].place.file, "t.conf");
    assert_string_equal(kafka->properties[2].name, "a");
    assert_string_equal(kafka->properties[3].value, "true");
    assert_int_equal(kafka->batch_messages, 7);
    assert_int_equal(kafka->connect_timeout_ms, 250);
    assert_true(kafka->wait);
    assert_int_equal(kafka->on_loss, LOSS_STOP);
    assert_int_equal(source->clock, CLOCK_EVENT);
    assert_int_equal(source->disorder_ms, 0);
    assert_int_equal(source->idle_ms, 500);
    assert_int_equal(source->future_ms, 1000);
    assert_int_equal(source->max_message_bytes, 2000);
    assert_int_equal(source->nobody_count, 2);
    assert_string_equal(source->nobody[0], "guest");
    assert_string_equal(source->nobody[1], "null");
    config_free(config);
}

static void the_clock_follows_from_the_kind_of_source(void **state)
{
    (void)state;
    struct config *config = good("source: { kind = \"kafka\"; brokers = \"b\"; topic = \"t\"; nobody = [ ]; };" LANE);
    assert_int_equal(config->source.clock, CLOCK_LIVE);
    assert_int_equal(config->source.nobody_count, 0);
    assert_int_equal(config->source.kafka.start, START_LATEST);
    config_free(config);
    config = good("source: { kind = \"files\"; files = [ \"a.tsv\", \"-\" ]; };" LANE);
    assert_int_equal(config->source.clock, CLOCK_EVENT);
    assert_int_equal(config->source.file_count, 2);
    assert_string_equal(config->source.files[0], "a.tsv");
    assert_string_equal(config->source.files[1], "-");
    config_free(config);
    config = good("source: { kind = \"files\"; files = ( \"a.tsv\" ); clock = \"live\"; };" LANE);
    assert_int_equal(config->source.clock, CLOCK_LIVE);
    config_free(config);
}

static void a_topic_can_be_read_from_a_time(void **state)
{
    (void)state;
    struct config *config = good("source: { kind = \"kafka\"; brokers = \"b\"; topic = \"t\";"
                                 "start = \"2025-03-26T10:00:00Z\"; };" LANE);
    assert_int_equal(config->source.kafka.start, START_TIME);
    assert_true(config->source.kafka.start_ms == INT64_C(1742983200000));
    config_free(config);
}

static void zero_workers_are_as_many_as_cores(void **state)
{
    (void)state;
    struct config *config = good("workers = 0;" LANE);
    assert_in_range(config->workers, 1, 256);
    config_free(config);
}

static void a_burst_is_of_a_window_or_its_lane_or_all(void **state)
{
    (void)state;
    struct config *config = good("burst = 2;\n"
                                 "lanes = ( { lane = \"a\"; burst = 7; metrics = ( \"m\" );\n"
                                 "    windows = ( { name = \"1h\"; length = 3600; burst = 1000; },\n"
                                 "                { name = \"2h\"; length = 7200; } ); },\n"
                                 "  { lane = \"b\"; metrics = ( \"m\" );\n"
                                 "    windows = ( { name = \"1h\"; length = 3600; },\n"
                                 "                { name = \"s\"; gap = 60; burst = 1; } ); } );\n");
    assert_int_equal(config->lanes[0].windows[0].burst, 1000);
    assert_int_equal(config->lanes[0].windows[1].burst, 7);
    assert_int_equal(config->lanes[1].windows[0].burst, 2);
    assert_int_equal(config->lanes[1].windows[1].burst, 1);
    config_free(config);
}

static void a_lane_has_bounds_of_its_own_or_none(void **state)
{
    (void)state;
    struct config *config = good("lanes = ( { lane = \"a\"; key_records = 100000; rest = \"1h\"; metrics = ( \"m\" );\n"
                                 "    windows = ( { name = \"1h\"; length = 3600; } ); },\n"
                                 "  { lane = \"b\"; metrics = ( \"m\" ); windows = ( { name = \"1h\"; length = 3600; } ); } );\n");
    assert_int_equal(config->lanes[0].key_records, 100000);
    assert_int_equal(config->lanes[0].rest_ms, 3600000);
    assert_int_equal(config->lanes[1].key_records, 0);
    assert_int_equal(config->lanes[1].rest_ms, 0);
    config_free(config);
}

static void lanes_hold_windows_params_and_metrics(void **state)
{
    (void)state;
    struct config *config =
        good("lanes = (\n"
             "{ lane = \"cart\";\n"
             "  params = { before = true; n = 3; big = 5000000000L;\n"
             "    share = 0.25; word = \"\"; odd = [1]; };\n"
             "  windows = ( { name = \"1h\"; length = 3600; emit = 0; ttl = 60; },\n"
             "    { name = \"visit\"; gap = \"30m\"; max = \"2h\"; lateness = \"0s\"; emit = \"1m\"; },\n"
             "    { name = \"visit2\"; gap = \"1800s\"; } );\n"
             "  metrics = ( { metric = \"top\"; params = { n = 5; }; },\n"
             "    \"sum\" ); } );\n");
    const struct lane_settings *lane = &config->lanes[0];
    assert_int_equal(config->lane_count, 1);
    assert_string_equal(lane->name, "cart");
    assert_int_equal(lane->place.line, 2);

    const struct param_setting *params = lane->params.items;
    assert_int_equal(lane->params.count, 6);
    assert_int_equal(lane->params.place.line, 3);
    assert_string_equal(params[0].name, "before");
    assert_int_equal(params[0].type, PARAM_BOOL);
    assert_true(params[0].flag);
    assert_int_equal(params[1].type, PARAM_INT);
    assert_int_equal(params[1].integer, 3);
    assert_true(params[1].number > 2.5 && params[1].number < 3.5); /* where a decimal is wanted */
    assert_int_equal(params[2].type, PARAM_INT);
    assert_true(params[2].integer == INT64_C(5000000000));
    assert_int_equal(params[3].type, PARAM_FLOAT);
    assert_int_equal(params[3].place.line, 4);
    assert_int_equal(params[4].type, PARAM_TEXT);
    assert_string_equal(params[4].text, "");
    assert_int_equal(params[5].type, PARAM_OTHER);

    const struct window_settings *windows = lane->windows;
    assert_int_equal(lane->window_count, 3);
    assert_int_equal(windows[0].length_ms, 3600000);
    assert_int_equal(windows[0].emit_ms, 0);
    assert_int_equal(windows[0].ttl_s, 60);
    assert_true(windows[1].session);
    assert_int_equal(windows[1].gap_ms, 1800000);
    assert_int_equal(windows[1].max_ms, 7200000);
    assert_int_equal(windows[1].lateness_ms, 0);
    assert_int_equal(windows[1].ttl_s, 2400);
    assert_int_equal(windows[1].place.line, 6);
    assert_int_equal(windows[2].max_ms, 12 * 3600000);
    assert_int_equal(windows[2].lateness_ms, 300000);

    assert_int_equal(lane->metric_count, 2);
    assert_string_equal(lane->metrics[0].name, "top");
    assert_int_equal(lane->metrics[0].params.items[0].integer, 5);
    assert_string_equal(lane->metrics[1].name, "sum");
    assert_int_equal(lane->metrics[1].params.count, 0);
    assert_int_equal(lane->metrics[1].place.line, 9);
    config_free(config);
}

static void sinks_and_dead_letters_are_read_whole(void **state)
{
    (void)state;
    struct config *config =
        good("sink: { kind = \"redis\"; host = \"r\"; port = 1; user = \"u\"; password = \"p\"; database = 3;"
             "timeout = 1; retry_max = \"50ms\"; pipeline = 9; lease = \"500ms\"; audit = 0; }; dead_letters: { file = \"bad\"; };" LANE);
    assert_string_equal(config->sink.host, "r");
    assert_int_equal(config->sink.port, 1);
    assert_string_equal(config->sink.user, "u");
    assert_string_equal(config->sink.password, "p");
    assert_int_equal(config->sink.database, 3);
    assert_int_equal(config->sink.timeout_ms, 1000);
    assert_int_equal(config->sink.retry_max_ms, 50);
    assert_int_equal(config->sink.pipeline, 9);
    assert_int_equal(config->sink.lease_ms, 500);
    assert_int_equal(config->sink.audit_ms, 0);
    assert_int_equal(config->dead_letters.kind, LETTERS_FILE);
    assert_string_equal(config->dead_letters.file, "bad");
    config_free(config);

    config = good("sink: { kind = \"redis\"; socket = \"/run/redis.sock\"; };"
                  "source: { kind = \"kafka\"; brokers = \"b\"; topic = \"t\"; };"
                  "dead_letters: { topic = \"t-bad\"; };" LANE);
    assert_string_equal(config->sink.socket, "/run/redis.sock");
    assert_null(config->sink.host);
    assert_int_equal(config->dead_letters.kind, LETTERS_TOPIC);
    assert_string_equal(config->dead_letters.topic, "t-bad");
    config_free(config);

    config = good("sink: { kind = \"jsonl\"; file = \"f.jsonl\"; };" LANE);
    assert_int_equal(config->sink.kind, SINK_JSONL);
    assert_string_equal(config->sink.file, "f.jsonl");
    config_free(config);

    config = good("sink: { kind = \"jsonl\"; file = \"-\"; };" LANE);
    assert_null(config->sink.file);
    config_free(config);

    config = good("sink: { kind = \"null\"; };" LANE);
    assert_int_equal(config->sink.kind, SINK_NULL);
    config_free(config);
}

static void state_and_limits_are_read_whole(void **state)
{
    (void)state;
    struct config *config = good("source: { kind = \"kafka\"; brokers = \"b\"; topic = \"t\"; on_loss = \"continue\"; };"
                                 "state: { folder = \"/f\"; interval = 0.1; fsync = \"never\"; fill = \"at_once\"; };"
                                 "sink: { kind = \"redis\"; lease = 0; };"
                                 "limits: { memory = \"512MB\"; key_records = 100; text_bytes = 100; };" LANE);
    assert_int_equal(config->source.kafka.on_loss, LOSS_CONTINUE);
    assert_string_equal(config->state.folder, "/f");
    assert_int_equal(config->state.interval_ms, 100);
    assert_int_equal(config->state.fsync, FSYNC_NEVER);
    assert_int_equal(config->state.fill, FILL_AT_ONCE);
    assert_int_equal(config->sink.lease_ms, 0);
    assert_true(config->limits.memory_bytes == 512000000);
    assert_int_equal(config->limits.key_records, 100);
    assert_int_equal(config->limits.text_bytes, 100);
    config_free(config);

    config = good("source: { kind = \"kafka\"; brokers = \"b\"; topic = \"t\"; on_loss = \"ask\"; wait = false; };"
                  "state: { folder = \"f\"; interval = \"1h\"; fsync = \"checkpoint\"; fill = \"when_full\"; };"
                  "sink: { kind = \"redis\"; lease = \"0s\"; }; limits: { memory = 5000000000L; };" LANE);
    assert_int_equal(config->source.kafka.on_loss, LOSS_ASK);
    assert_false(config->source.kafka.wait);
    assert_int_equal(config->state.interval_ms, 3600000);
    assert_int_equal(config->state.fsync, FSYNC_CHECKPOINT);
    assert_int_equal(config->state.fill, FILL_WHEN_FULL);
    assert_int_equal(config->sink.lease_ms, 0);
    assert_true(config->limits.memory_bytes == INT64_C(5000000000));
    config_free(config);

    config = good("limits: { memory = 0; };" LANE);
    assert_true(config->limits.memory_bytes == 0);
    config_free(config);
}

static void amounts_of_memory_are_exact(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum byte_count_result result;
        int64_t bytes;
    } cases[] = {
        {"512MB", BYTES_GOOD, 512000000},
        {"8GB", BYTES_GOOD, INT64_C(8000000000)},
        {"8GiB", BYTES_GOOD, INT64_C(8) << 30},
        {"1.5KiB", BYTES_GOOD, 1536},
        {"0.3GB", BYTES_GOOD, 300000000},
        {"2TB", BYTES_GOOD, INT64_C(2000000000000)},
        {"7kB", BYTES_GOOD, 7000},
        {"12B", BYTES_GOOD, 12},
        {"0MB", BYTES_GOOD, 0},
        {"0.5B", BYTES_PART, 0},
        {"0.0001KB", BYTES_PART, 0},
        {"1.0000001GB", BYTES_PART, 0},
        {"512", BYTES_NO_UNIT, 0},
        {"1.5", BYTES_NO_UNIT, 0},
        {"", BYTES_NOT, 0},
        {"MB", BYTES_NOT, 0},
        {"-1MB", BYTES_NOT, 0},
        {"8 GB", BYTES_NOT, 0},
        {"8gb", BYTES_NOT, 0},
        {"8G", BYTES_NOT, 0},
        {"1.MB", BYTES_NOT, 0},
        {"99999999999999999999999B", BYTES_TOO_MANY, 0},
        {"18446744073709551617MB", BYTES_TOO_MANY, 0},
        {"1000000TiB", BYTES_TOO_MANY, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t bytes = -1;
        enum byte_count_result result = byte_count_parse(cases[i].text, &bytes);
        if (result != cases[i].result || (result == BYTES_GOOD && bytes != cases[i].bytes))
            fail_msg("\"%s\" gave %d, %lld", cases[i].text, result, (long long)bytes);
    }
}

static void amounts_of_memory_are_shown_with_three_digits_at_most(void **state)
{
    (void)state;
    char out[BYTE_COUNT_TEXT_MAX];
    assert_string_equal(byte_count_text(0, out), "0 B");
    assert_string_equal(byte_count_text(999, out), "999 B");
    assert_string_equal(byte_count_text(1000, out), "1 kB");
    assert_string_equal(byte_count_text(1536, out), "1.5 kB");
    assert_string_equal(byte_count_text(9960, out), "10 kB");
    assert_string_equal(byte_count_text(999600, out), "1 MB");
    assert_string_equal(byte_count_text(8123456789, out), "8.1 GB");
    assert_non_null(byte_count_text(UINT64_MAX, out));
}

static void a_byte_order_mark_and_a_last_line_without_end_do_no_harm(void **state)
{
    (void)state;
    config_free(good("\xef\xbb\xbf" LANE "# the end"));
    config_free(good("/* \"5000000000 */ # 5000000000 \"\n// { \" 6000000000\n" LANE));
}

static void durations_are_exact(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum duration_result result;
        int64_t ms;
    } cases[] = {
        {"250ms", DURATION_GOOD, 250},
        {"30s", DURATION_GOOD, 30000},
        {"0.1s", DURATION_GOOD, 100},
        {"1.5m", DURATION_GOOD, 90000},
        {"12h", DURATION_GOOD, 43200000},
        {"400d", DURATION_GOOD, INT64_C(34560000000)},
        {"0s", DURATION_GOOD, 0},
        {"0.001s", DURATION_GOOD, 1},
        {"0.00100s", DURATION_GOOD, 1},
        {"0.0005s", DURATION_TOO_FINE, 0},
        {"0.5ms", DURATION_TOO_FINE, 0},
        {"0.0000000000001h", DURATION_TOO_FINE, 0},
        {"5", DURATION_NO_UNIT, 0},
        {"5.5", DURATION_NO_UNIT, 0},
        {"", DURATION_NOT, 0},
        {"m", DURATION_NOT, 0},
        {"-5m", DURATION_NOT, 0},
        {"5 m", DURATION_NOT, 0},
        {"5M", DURATION_NOT, 0},
        {"5min", DURATION_NOT, 0},
        {"5.m", DURATION_NOT, 0},
        {".5m", DURATION_NOT, 0},
        {"1h30m", DURATION_NOT, 0},
        {"99999999999999999999999999d", DURATION_TOO_LONG, 0},
        {"18446744073709551617s", DURATION_TOO_LONG, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t ms = -1;
        enum duration_result result = duration_parse(cases[i].text, &ms);
        if (result != cases[i].result || (result == DURATION_GOOD && ms != cases[i].ms))
            fail_msg("\"%s\" gave %d, %lld", cases[i].text, result, (long long)ms);
    }
    int64_t ms = -1;
    assert_int_equal(duration_from_seconds(0.1, &ms), DURATION_GOOD);
    assert_int_equal(ms, 100);
    assert_int_equal(duration_from_seconds(0.0001, &ms), DURATION_TOO_FINE);
    assert_int_equal(duration_from_seconds(1e300, &ms), DURATION_TOO_LONG);
}

static void durations_are_shown_as_a_person_writes_them(void **state)
{
    (void)state;
    char out[DURATION_TEXT_MAX];
    assert_string_equal(duration_text(0, out), "0s");
    assert_string_equal(duration_text(250, out), "250ms");
    assert_string_equal(duration_text(90000, out), "90s");
    assert_string_equal(duration_text(300000, out), "5m");
    assert_string_equal(duration_text(3600000, out), "1h");
    assert_string_equal(duration_text(INT64_C(34560000000), out), "400d");
    assert_non_null(duration_text(INT64_MIN, out));
}

static void instants_follow_the_calendar(void **state)
{
    (void)state;
    int64_t ms = 0;
    assert_true(instant_parse("1970-01-01T00:00:00Z", &ms));
    assert_int_equal(ms, 0);
    assert_true(instant_parse("2024-02-29T23:59:59.5Z", &ms));
    assert_true(ms == INT64_C(1709251199500));
    assert_true(instant_parse("2025-03-26T10:58:53.451Z", &ms));
    assert_true(ms == INT64_C(1742986733451));
    static const char *const wrong[] = {"2025-02-29T00:00:00Z",
                                        "2025-13-01T00:00:00Z",
                                        "2025-00-01T00:00:00Z",
                                        "2025-01-00T00:00:00Z",
                                        "2025-01-01T24:00:00Z",
                                        "2025-01-01T00:60:00Z",
                                        "2025-01-01T00:00:60Z",
                                        "2025-01-01 00:00:00Z",
                                        "2025-01-01T00:00:00",
                                        "2025-01-01",
                                        "1969-12-31T23:59:59Z",
                                        "2025-01-01T00:00:00.Z",
                                        "2025-01-01T00:00:00.1234Z",
                                        "yesterday",
                                        ""};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        if (instant_parse(wrong[i], &ms))
            fail_msg("%s was taken", wrong[i]);
}

static void near_words_are_found_and_far_ones_are_not(void **state)
{
    (void)state;
    static const char *const words[] = {"brokers", "topic", "start", "gap", NULL};
    assert_string_equal(near_miss("broker", words), "brokers");
    assert_string_equal(near_miss("Topic", words), "topic");
    assert_string_equal(near_miss("tpoic", words), "topic");
    assert_string_equal(near_miss("gpa", words), "gap");
    assert_null(near_miss("emit", words));
    assert_null(near_miss("x", words));
    assert_null(near_miss("", words));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lane_is_enough_and_the_rest_has_defaults),
        cmocka_unit_test(a_kafka_source_is_read_whole),
        cmocka_unit_test(the_clock_follows_from_the_kind_of_source),
        cmocka_unit_test(a_topic_can_be_read_from_a_time),
        cmocka_unit_test(zero_workers_are_as_many_as_cores),
        cmocka_unit_test(a_burst_is_of_a_window_or_its_lane_or_all),
        cmocka_unit_test(a_lane_has_bounds_of_its_own_or_none),
        cmocka_unit_test(lanes_hold_windows_params_and_metrics),
        cmocka_unit_test(sinks_and_dead_letters_are_read_whole),
        cmocka_unit_test(state_and_limits_are_read_whole),
        cmocka_unit_test(amounts_of_memory_are_exact),
        cmocka_unit_test(amounts_of_memory_are_shown_with_three_digits_at_most),
        cmocka_unit_test(a_byte_order_mark_and_a_last_line_without_end_do_no_harm),
        cmocka_unit_test(durations_are_exact),
        cmocka_unit_test(durations_are_shown_as_a_person_writes_them),
        cmocka_unit_test(instants_follow_the_calendar),
        cmocka_unit_test(near_words_are_found_and_far_ones_are_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
