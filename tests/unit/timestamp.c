/* Times of events: every form that writers of enriched events use, and nothing that no calendar has. */
#include "snowplow/timestamp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static void is(const char *text, int64_t expected)
{
    int64_t ms = -1;
    if (!timestamp_read((sl_view){text, strlen(text)}, &ms))
        fail_msg("\"%s\" was refused", text);
    if (ms != expected)
        fail_msg("\"%s\" became %lld", text, (long long)ms);
}

static void is_no_time(const char *text)
{
    int64_t ms;
    if (timestamp_read((sl_view){text, strlen(text)}, &ms))
        fail_msg("\"%s\" was taken for %lld", text, (long long)ms);
}

static void all_written_forms_are_read(void **state)
{
    (void)state;
    is("2025-03-26 10:56:46.033", 1742986606033);
    is("2025-03-26T10:56:46.033Z", 1742986606033);
    is("2025-03-26 10:56:46.033Z", 1742986606033);
    is("2025-03-26T10:56:46.033", 1742986606033);
    is("2025-03-26 10:56:46", 1742986606000);
    is("2025-03-26T10:56:46Z", 1742986606000);
    is("1970-01-01 00:00:00.000", 0);
    is("0001-01-01 00:00:00", -62135596800000);
    is("9999-12-31 23:59:59.999", 253402300799999);
}

static void fractions_are_cut_not_rounded(void **state)
{
    (void)state;
    is("2021-10-15 09:05:41.458800585", 1634288741458);
    is("2021-10-15 09:05:41.999999999", 1634288741999);
    is("2021-10-15 09:05:41.9", 1634288741900);
    is("2021-10-15 09:05:41.98", 1634288741980);
    is("2021-10-15 09:05:41.0009", 1634288741000);
    is("1969-12-31 23:59:59.9999", -1);
}

static void days_are_those_of_the_calendar(void **state)
{
    (void)state;
    is("2024-02-29 00:00:00", 1709164800000);
    is("2000-02-29 00:00:00", 951782400000);
    is_no_time("2023-02-29 00:00:00");
    is_no_time("1900-02-29 00:00:00");
    is_no_time("2024-02-30 00:00:00");
    is_no_time("2024-04-31 00:00:00");
    is_no_time("2024-13-01 00:00:00");
    is_no_time("2024-00-01 00:00:00");
    is_no_time("2024-01-00 00:00:00");
    is_no_time("2024-01-32 00:00:00");
    is_no_time("0000-01-01 00:00:00");
}

static void clock_times_end_before_24_and_60(void **state)
{
    (void)state;
    is_no_time("2024-01-01 24:00:00");
    is_no_time("2024-01-01 23:60:00");
    is_no_time("2016-12-31 23:59:60");
}

static void other_forms_are_no_time(void **state)
{
    (void)state;
    const char *wrong[] = {"",
                           "2024",
                           "2024-01-01",
                           "2024-01-01 00:00",
                           "-2006-01-01 00:00:00",
                           "2024-01-01 00:00:00.",
                           "2024-01-01 00:00:00.Z",
                           "2024-01-01 00:00:00.1234567890",
                           "2024-01-01 00:00:00+00:00",
                           "2024-01-01 00:00:00 ",
                           " 2024-01-01 00:00:00",
                           "2024/01/01 00:00:00",
                           "2024-01-01_00:00:00",
                           "2024-01-01 00.00.00",
                           "2024-1-01 00:00:000",
                           "20x4-01-01 00:00:00",
                           "2024-01-01 00:00:0a",
                           "2024-01-01 00:00:00ZZ",
                           "2024-01-01 00:00:00,123",
                           "2024-01-01 00:00:00.12a",
                           "2024-01-01 0 :00:00",
                           "12024-01-01 00:00:00",
                           "1742986606033"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        is_no_time(wrong[i]);
}

static void every_day_of_eight_centuries_is_the_systems(void **state)
{
    (void)state;
    for (int64_t day = -719162; day < -719162 + 2 * 146097; day++) { /* from 0001-01-01 */
        time_t seconds = (time_t)(day * 86400);
        struct tm parts;
        assert_non_null(gmtime_r(&seconds, &parts));
        char text[64];
        (void)snprintf(text, sizeof text, "%04d-%02d-%02d 01:02:03.004", parts.tm_year + 1900, parts.tm_mon + 1,
                       parts.tm_mday);
        is(text, (day * 86400 + 3723) * 1000 + 4);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_written_forms_are_read),     cmocka_unit_test(fractions_are_cut_not_rounded),
        cmocka_unit_test(days_are_those_of_the_calendar), cmocka_unit_test(clock_times_end_before_24_and_60),
        cmocka_unit_test(other_forms_are_no_time),        cmocka_unit_test(every_day_of_eight_centuries_is_the_systems),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
