/* extraction_time.c - how far an event may be ahead of its message: to the millisecond, and whatever the message's stamp says. */
#include "engine/extraction.h"

#include "memory_source.h"
#include "visits_lane.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define T         1700000000000
#define FUTURE_MS 600000
#define YEAR_1    (-62135596800000) /* the first time there is, and the last: */
#define YEAR_9999 253402300799999

static struct dead_letters *letters;
static struct extraction extraction;
static struct believed_time time_of_all;

static bool taken(int64_t time_ms, int64_t stamp_ms)
{
    struct parcel parcel = {0}, *parcels = &parcel;
    char *line = page_view_line(time_ms, 1, "ann", "s", "");
    if (time_ms == YEAR_1) { /* strftime() writes the year without its zeros */
        free(line);
        line = page_view_line(T, 1, "ann", "s", "");
        for (char *at = line; (at = strstr(at, "2023-11-14 22:13:20.000")) != NULL;)
            memcpy(at, "0001-01-01 00:00:00.000", 23);
    }
    struct message message = {.bytes = {line, strlen(line)}, .stamp_ms = stamp_ms};
    extraction_take(&extraction, &message, &parcels);
    bool is_taken = parcel.count == 1;
    buffer_free(&parcel.entries);
    free(line);
    return is_taken;
}

static void an_event_may_be_ahead_of_its_message_by_so_much(void **state)
{
    (void)state;
    assert_true(taken(T, T));
    assert_true(taken(T + FUTURE_MS, T));
    assert_false(taken(T + FUTURE_MS + 1, T));
    assert_true(taken(YEAR_1, T));
    assert_true(taken(T, INT64_MAX));
    assert_true(taken(YEAR_1, INT64_MAX)); /* a stamp is what a producer says: anything */
    assert_true(taken(YEAR_9999, INT64_MAX));
    assert_false(taken(YEAR_9999, 0));
}

/* There was no Kafka before 2010: it is now, as far as that is known. */
static void a_stamp_that_can_not_be_one_does_not_count(void **state)
{
    (void)state;
    static const int64_t stamps[] = {INT64_MIN, -1, 0, MESSAGE_FIRST_STAMP_MS - 1};
    uint64_t before = extraction.unstamped;
    for (size_t i = 0; i < sizeof stamps / sizeof stamps[0]; i++) {
        assert_true(taken(T + FUTURE_MS, stamps[i]));
        assert_false(taken(T + FUTURE_MS + 1, stamps[i]));
    }
    assert_int_equal(extraction.unstamped - before, 8);
    assert_true(taken(MESSAGE_FIRST_STAMP_MS + FUTURE_MS, MESSAGE_FIRST_STAMP_MS));
    assert_false(taken(MESSAGE_FIRST_STAMP_MS + FUTURE_MS + 1, MESSAGE_FIRST_STAMP_MS));
    assert_int_equal(extraction.unstamped - before, 8);
}

/* Within what may be: it is taken, and the clock goes no further than the message; nor than now, where that says nothing. */
static void an_event_that_is_ahead_is_taken_and_the_clock_stays(void **state)
{
    (void)state;
    struct watermark *watermark = &extraction.watermark;
    watermark->largest[0] = watermark->largest_ms = T - 10;
    assert_true(taken(T + FUTURE_MS - 5, T - 5));
    assert_int_equal(watermark->largest[0], T - 5);
    assert_true(taken(T + FUTURE_MS, 0));
    assert_int_equal(watermark->largest[0], T);
    assert_true(taken(T + 1, T + 1));
    assert_int_equal(watermark->largest[0], T + 1);
}

int main(void)
{
    static const struct window_settings rolling[] = {{.name = "1d", .length_ms = 86400000, .ttl_s = 90000}, {0}};
    const struct CMUnitTest tests[] = {cmocka_unit_test(an_event_may_be_ahead_of_its_message_by_so_much),
                                       cmocka_unit_test(a_stamp_that_can_not_be_one_does_not_count),
                                       cmocka_unit_test(an_event_that_is_ahead_is_taken_and_the_clock_stays)};
    struct memory_source source;
    FILE *refused = tmpfile();
    struct lane_set *set = visits_set_new();
    visits_lane_add(set, rolling);
    plan_seal(set->plan);
    letters = dead_letters_on(refused);
    memory_source_open(&source, NULL, 0, 1, 1, 0);
    source.source.ordered = false; /* stamps are Kafka's */
    struct engine_settings settings = {.set = set,
                                       .source = &source.source,
                                       .letters = letters,
                                       .workers = 1,
                                       .time = &time_of_all,
                                       .future_ms = FUTURE_MS,
                                       .max_message_bytes = 1000000};
    believed_time_init(&time_of_all);
    extraction_init(&extraction, &settings, 0);
    watermark_refresh(&extraction.watermark, (struct moment){T, T});
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    extraction_free(&extraction);
    memory_source_close(&source);
    dead_letters_close(letters, 1000);
    (void)fclose(refused);
    lane_set_free(set);
    return failed;
}
