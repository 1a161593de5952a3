/* lane_set.c - what a configuration names is loaded and bound together, or refused with the place that named it. */
#include "plugin/lane_set.h"

#include <stdio.h>

#include "wrong_plugins.h"

static char *folder;
static struct error_list errors;

static int set_up(void **state)
{
    (void)state;
    folder = wrong_plugins();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(folder);
    error_list_free(&errors);
    return 0;
}

#define ROLLING(name_)                                                                            \
    {                                                                                             \
        .name = (name_), .length_ms = 300000, .ttl_s = 900, .place = { "shop.conf", 30 }                     \
    }
#define PARSER(name_, line_)                               \
    {                                                      \
        .name = (name_), .place = { "shop.conf", (line_) } \
    }

static struct lane_set *load(const char *lane, struct metric_settings *metrics, size_t metric_count,
                             struct window_settings *windows, size_t window_count)
{
    struct lane_settings lanes[] = {{.name = lane,
                                     .metrics = metrics,
                                     .metric_count = metric_count,
                                     .windows = windows,
                                     .window_count = window_count,
                                     .place = {"shop.conf", 10}}};
    struct config config = {.file = "shop.conf", .plugins = folder, .lanes = lanes, .lane_count = 1};
    error_list_free(&errors);
    return lane_set_load(&config, &errors);
}

static void refused(const char *lane, struct metric_settings *metrics, size_t metric_count, const char *what,
                    const char *found, const char *advice)
{
    struct window_settings window[] = {ROLLING("5m")};
    assert_null(load(lane, metrics, metric_count, window, 1));
    assert_int_equal(errors.count, 1);
    error_is(&errors.items[0], what, found, advice);
}

/* First of all: later tests load others. */
static void what_is_not_named_is_not_loaded(void **state)
{
    (void)state;
    struct metric_settings metrics[] = {PARSER("plain_count", 20)};
    struct window_settings windows[] = {ROLLING("5m"), ROLLING("1h")};
    struct lane_set *set = load("plain", metrics, 1, windows, 2);
    assert_non_null(set);
    assert_true(plugin_is_mapped("plain"));
    assert_true(plugin_is_mapped("plain_count"));
    static const char *const others[] = {"plain_two", "same_feature", "needs_more", "is_metric", "refuses"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(plugin_is_mapped(others[i]));
    assert_int_equal(set->lane_count, 1);
    const struct set_lane *lane = &set->lanes[0];
    assert_int_equal(lane->window_count, 2);
    assert_int_equal(lane->feature_count, 1);
    assert_int_equal(lane->longest_ms, 300000);
    assert_string_equal(lane->key_prefix, "user:");
    assert_memory_equal(lane->windows[0].suffixes[0].data, ":plain_count_5m", 15);
    assert_memory_equal(lane->windows[1].suffixes[0].data, ":plain_count_1h", 15);
    assert_int_equal(lane->metrics[0].binding_count, 1);
    assert_int_equal(lane->metrics[0].bindings[0].size, sizeof(int64_t));
    lane_set_free(set);
}

static void a_missing_value_lists_what_the_lane_publishes(void **state)
{
    (void)state;
    struct metric_settings metrics[] = {PARSER("needs_more", 20)};
    refused("plain", metrics, 1,
            "metric parser \"needs_more\" needs a value \"visitors: i64\" that lane \"plain\" does not publish",
            "shop.conf:20", "lane \"plain\" publishes records: i64, share: f64");
}

static void a_value_of_another_type_is_not_the_value(void **state)
{
    (void)state;
    struct metric_settings metrics[] = {PARSER("needs_other", 20)};
    refused("plain", metrics, 1,
            "metric parser \"needs_other\" needs a value \"share: money\" that lane \"plain\" publishes as f64",
            "shop.conf:20", "lane \"plain\" publishes records: i64, share: f64");
}

static void two_parsers_of_one_feature_are_refused(void **state)
{
    (void)state;
    struct metric_settings metrics[] = {PARSER("plain_count", 20), PARSER("same_feature", 21)};
    refused("plain", metrics, 2, "two metric parsers write the same feature user:{id}:plain_count_5m",
            "shop.conf: lane \"plain\" and lane \"plain\"",
            "take one of them out, give their windows different names, or let one stand beside the other: "
            "shadow_of = \"plain_count\";");
}

static void a_session_window_stands_alone(void **state)
{
    (void)state;
    struct metric_settings metrics[] = {PARSER("plain_count", 20)};
    struct window_settings windows[] = {
        ROLLING("5m"),
        {.name = "session", .session = true, .gap_ms = 1800000, .place = {"shop.conf", 31}},
    };
    for (int round = 0; round < 2; round++) { /* in either order */
        assert_null(load("plain", metrics, 1, windows, 2));
        assert_int_equal(errors.count, 1);
        error_is(&errors.items[0], "lane \"plain\" has a session window beside others", "shop.conf:31",
                 "a lane has either one session window or rolling windows");
        struct window_settings first = windows[0];
        windows[0] = windows[1];
        windows[1] = first;
    }
}

static void a_plugin_may_refuse_its_settings_and_is_not_closed_then(void **state)
{
    (void)state;
    refused("refuses", NULL, 0, "lane \"refuses\" refuses its settings: the moon is full", "shop.conf:10", "wait a week");
}

static void an_age_that_no_record_reaches_is_refused(void **state)
{
    (void)state;
    struct window_settings rolling[] = {ROLLING("5m")};
    struct window_settings session[] = {{.name = "session", .session = true, .gap_ms = 60000, .max_ms = 240000, .ttl_s = 900}};
    assert_null(load("ages_outside", NULL, 0, rolling, 1));
    assert_int_equal(errors.count, 2);
    error_is(&errors.items[0], "lane \"ages_outside\" names an age of 300001 ms, which no record of its windows reaches", "shop.conf:10",
             "its longest window has 300000 ms: take a longer one, or shorten the age");
    error_is(&errors.items[1], "lane \"ages_outside\" names an age of -5 ms, which no record of its windows reaches", "shop.conf:10",
             "`ages` of the plugin fills in 1 or more milliseconds each; 0 ends the list");
    assert_null(load("ages_outside", NULL, 0, session, 1));
    assert_int_equal(errors.count, 2);
    error_is(&errors.items[0], "lane \"ages_outside\" names an age of 300001 ms, which no record of its windows reaches", "shop.conf:10",
             "a session's records are at most 300000 ms old, its max and its gap: lengthen these, or shorten the age");
}

static void a_lane_that_names_too_many_ages_is_refused(void **state)
{
    (void)state;
    refused("ages_too_many", NULL, 0, "lane \"ages_too_many\" names more than 8 ages", "shop.conf:10",
            "`ages` of the plugin fills in at most 8: each at which a record counts differently");
}

static void only_a_lane_that_combines_has_a_rest(void **state)
{
    (void)state;
    struct window_settings window[] = {ROLLING("5m")};
    struct metric_settings metrics[] = {PARSER("plain_count", 20)};
    struct lane_settings lanes[] = {{.name = "plain", .metrics = metrics, .metric_count = 1, .windows = window, .window_count = 1,
                                     .rest_ms = 1000, .place = {"shop.conf", 10}}};
    struct config config = {.file = "shop.conf", .plugins = folder, .lanes = lanes, .lane_count = 1};
    error_list_free(&errors);
    assert_null(lane_set_load(&config, &errors));
    assert_int_equal(errors.count, 1);
    error_is(&errors.items[0], "lane \"plain\" has a rest, but its plugin does not combine records", "shop.conf:10",
             "leave rest out: only buckets of records that combine() makes one of come to rest");
}

static void a_lane_has_its_own_bound_or_that_of_all(void **state)
{
    (void)state;
    struct window_settings window[] = {ROLLING("5m")};
    struct metric_settings metrics[] = {PARSER("plain_count", 20)};
    struct lane_settings lanes[] = {{.name = "plain", .metrics = metrics, .metric_count = 1, .windows = window, .window_count = 1,
                                     .place = {"shop.conf", 10}}};
    struct config config = {
        .file = "shop.conf", .plugins = folder, .lanes = lanes, .lane_count = 1, .limits = {.key_records = 700}};
    error_list_free(&errors);
    for (int64_t own = 0; own <= 200; own += 200) {
        lanes[0].key_records = own;
        struct lane_set *set = lane_set_load(&config, &errors);
        assert_non_null(set);
        assert_int_equal(set->lanes[0].records_max, own == 0 ? 700 : 200);
        assert_int_equal(set->lanes[0].rest_ms, LANE_REST_MS);
        lane_set_free(set);
    }
}

static void what_is_missing_is_said_with_its_place(void **state)
{
    (void)state;
    char *found = memory_format("shop.conf:20: no file %s/metrics/plain_cuont.so", folder);
    struct metric_settings metrics[] = {PARSER("plain_cuont", 20)};
    refused("plain", metrics, 1, "there is no metric parser \"plain_cuont\"", found,
            "there are: is_lane, needs_more, needs_other, plain_count, same_feature");
    free(found);
}

static void all_mistakes_are_told_at_once(void **state)
{
    (void)state;
    struct metric_settings metrics[] = {PARSER("needs_more", 20), PARSER("needs_other", 21), PARSER("is_lane", 22),
                                        PARSER("plain_cuont", 23)};
    struct window_settings window[] = {ROLLING("5m")};
    assert_null(load("refuses", metrics, 4, window, 1));
    assert_int_equal(errors.count, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_named_is_not_loaded),
        cmocka_unit_test(a_missing_value_lists_what_the_lane_publishes),
        cmocka_unit_test(a_value_of_another_type_is_not_the_value),
        cmocka_unit_test(two_parsers_of_one_feature_are_refused),
        cmocka_unit_test(a_session_window_stands_alone),
        cmocka_unit_test(an_age_that_no_record_reaches_is_refused),
        cmocka_unit_test(a_lane_that_names_too_many_ages_is_refused),
        cmocka_unit_test(a_plugin_may_refuse_its_settings_and_is_not_closed_then),
        cmocka_unit_test(only_a_lane_that_combines_has_a_rest),
        cmocka_unit_test(a_lane_has_its_own_bound_or_that_of_all),
        cmocka_unit_test(what_is_missing_is_said_with_its_place),
        cmocka_unit_test(all_mistakes_are_told_at_once),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
