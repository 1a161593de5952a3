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

int main(void)
{
    static const struct window_settings rolling[] = {{.name = "1d", .length_ms = 86400000, .ttl_s = 90000}, {0}};
    const struct CMUnitTest tests[] = {cmocka_unit_test(an_event_may_be_ahead_of_its_message_by_so_much)};
    struct memory_source source;
    FILE *refused = tmpfile();
    struct lane_set *set = visits_set_new();
    visits_lane_add(set, rolling);
    plan_seal(set->plan);
    letters = dead_letters_on(refused);
    memory_source_open(&source, NULL, 0, 1, 1, 0);
    struct engine_settings settings = {.set = set,
                                       .source = &source.source,
                                       .letters = letters,
                                       .workers = 1,
                                       .future_ms = FUTURE_MS,
                                       .max_message_bytes = 1000000};
    extraction_init(&extraction, &settings, 0);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    extraction_free(&extraction);
    memory_source_close(&source);
    dead_letters_close(letters, 1000);
    (void)fclose(refused);
    lane_set_free(set);
    return failed;
}
