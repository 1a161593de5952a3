/* rewrite.c - what the producer reads of recorded messages and what it changes in them. */
#include "demo/dirty.h"
#include "demo/rewrite.h"
#include "demo/simulation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>

static struct bytes text(const char *text) { return (struct bytes){text, strlen(text)}; }

static bool holds(const struct buffer *buffer, const char *part)
{
    return memmem(buffer->data, buffer->size, part, strlen(part)) != NULL;
}

/* An event of `count` columns, the given one set. */
static struct bytes tsv(struct buffer *line, int column, const char *value)
{
    static const char *const columns[131] = {
        [1] = "web", [2] = "2025-06-02 08:00:01", [3] = "2025-06-02 08:00:00.5", [4] = "2025-06-02 07:59:59.123456789",
        [6] = "c6ef3124-b53a-4b13-a233-0088f79dcbcb", [15] = "domain-user", [17] = "network-user",
        [52] = "{\"transaction_id\":\"T1\",\"firstEventTimestamp\":\"2025-06-02T07:00:00.000Z\"}", [123] = "session-1",
        [124] = "2025-06-02 07:59:59.400",
    };
    buffer_reset(line);
    for (int i = 0; i < 131; i++) {
        const char *text = i == column ? value : columns[i];
        if (i != 0)
            buffer_byte(line, '\t');
        if (text != NULL)
            buffer_put(line, text, strlen(text));
    }
    return (struct bytes){line->data, line->size};
}

static void all_times_move_by_whole_seconds_and_keep_their_fractions(void **state)
{
    (void)state;
    struct buffer line = {0}, moved = {0};
    message_move(&moved, tsv(&line, 0, "app"), 86400 + 1, 0);
    assert_true(holds(&moved, "\t2025-06-03 08:00:02\t2025-06-03 08:00:01.5\t2025-06-03 08:00:00.123456789\t"));
    assert_true(holds(&moved, "\t2025-06-03 08:00:00.400\t"));
    assert_true(holds(&moved, "\"firstEventTimestamp\":\"2025-06-03T07:00:01.000Z\""));
    assert_true(holds(&moved, "\tc6ef3124-b53a-4b13-a233-0088f79dcbcb\t"));
    assert_int_equal(moved.size, line.size);
    buffer_free(&line);
    buffer_free(&moved);
}

static void a_later_round_is_of_other_events(void **state)
{
    (void)state;
    struct buffer line = {0}, second = {0}, third = {0}, again = {0};
    struct bytes event = tsv(&line, 0, "app");
    message_move(&second, event, 0, 1);
    message_move(&third, event, 0, 2);
    message_move(&again, event, 0, 1);
    assert_true(holds(&second, "\tc6ef3124-b53a-4b13-a233-0088f79dcbca\t"));
    assert_true(holds(&third, "\tc6ef3124-b53a-4b13-a233-0088f79dcbc9\t"));
    assert_true(holds(&second, "\"transaction_id\":\"r1-T1\""));
    assert_int_equal(second.size, again.size);
    assert_memory_equal(second.data, again.data, second.size);
    buffer_free(&line);
    buffer_free(&second);
    buffer_free(&third);
    buffer_free(&again);
}

static void json_of_any_order_is_moved_and_only_its_own_id_changes(void **state)
{
    (void)state;
    struct buffer moved = {0};
    struct bytes event = text("{\"payload\":{\"product\":{\"id\":\"00000005\",\"name\":\"a \\\"{\"}},\"timestamp\":\"2025-06-02T08:00:00Z\","
                              "\"id\":\"c6ef3124-b53a-4b13-a233-0088f79dcbcb\",\"metadata\":{\"collector_tstamp\":"
                              "\"2025-06-02T08:00:00.25Z\"}}");
    int64_t arrival_ms;
    assert_true(message_arrival(event, &arrival_ms));
    assert_int_equal(arrival_ms, 1748851200250);
    message_move(&moved, event, 60, 1);
    assert_true(holds(&moved, "\"id\":\"00000005\""));
    assert_true(holds(&moved, "\"id\":\"c6ef3124-b53a-4b13-a233-0088f79dcbca\""));
    assert_true(holds(&moved, "\"timestamp\":\"2025-06-02T08:01:00Z\""));
    assert_true(holds(&moved, "\"2025-06-02T08:01:00.25Z\""));
    buffer_free(&moved);
}

static void the_key_is_the_user_or_the_session(void **state)
{
    (void)state;
    struct buffer line = {0};
    struct bytes key = message_key(tsv(&line, 12, "ann"), KEY_USER);
    assert_int_equal(key.size, 3);
    assert_memory_equal(key.data, "ann", 3);
    key = message_key(tsv(&line, 12, ""), KEY_USER);
    assert_memory_equal(key.data, "domain-user", key.size);
    key = message_key(tsv(&line, 0, "app"), KEY_SESSION);
    assert_memory_equal(key.data, "session-1", key.size);
    key = message_key(tsv(&line, 123, ""), KEY_SESSION);
    assert_int_equal(key.size, 0);
    buffer_free(&line);
}

/* Whatever comes, in full, cut, or broken: nothing is read beyond it. Each is handed over in memory of its own size, so that
 * a sanitizer sees a byte too far. */
static void broken_messages_are_passed_on(void **state)
{
    (void)state;
    struct buffer moved = {0};
    for (int format = FORMAT_TSV; format <= FORMAT_JSON; format++) {
        struct simulation_options options = simulation_defaults;
        options.format = (enum format)format;
        options.dirty = 500000;
        struct simulation *simulation = simulation_new(&options);
        struct random random = {5};
        for (int i = 0; i < 3000; i++) {
            struct simulated line = simulation_next(simulation);
            size_t size = i % 3 == 0 ? random_below(&random, (uint32_t)line.size + 1) : line.size;
            char *copy = malloc(size == 0 ? 1 : size);
            assert_non_null(copy);
            memcpy(copy, line.data, size);
            struct bytes message = {copy, size};
            int64_t arrival_ms;
            (void)message_arrival(message, &arrival_ms);
            (void)message_key(message, KEY_USER);
            (void)message_key(message, KEY_SESSION);
            message_move(&moved, message, 12345, (uint32_t)i % 3);
            assert_true(moved.size >= size);
            free(copy);
        }
        simulation_free(simulation);
    }
    buffer_free(&moved);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_times_move_by_whole_seconds_and_keep_their_fractions),
        cmocka_unit_test(a_later_round_is_of_other_events),
        cmocka_unit_test(json_of_any_order_is_moved_and_only_its_own_id_changes),
        cmocka_unit_test(the_key_is_the_user_or_the_session),
        cmocka_unit_test(broken_messages_are_passed_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
