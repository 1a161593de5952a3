/* state_plan.c - what a start makes of each lane that it finds, and the reason that it gives. */
#include "engine/state_plan.h"

#include "visits_lane.h"

#include "base/memory.h"
#include "engine/shard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define HOUR INT64_C(3600000)

static const struct window_settings rolling[] = {{.name = "1h", .length_ms = HOUR, .ttl_s = 7200}, {0}};
static const struct window_settings session[] = {
    {.name = "session", .session = true, .gap_ms = 1800000, .max_ms = 12 * HOUR, .lateness_ms = 300000, .ttl_s = 3600}, {0}};

static struct lane_set *set;
static struct state_plan plan;
static struct manifest *manifest;

static int set_up(void **state)
{
    (void)state;
    set = visits_set_new();
    visits_lane_add(set, rolling);
    visits_lane_add(set, session);
    plan_seal(set->plan);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    state_plan_free(&plan);
    manifest_free(manifest);
    manifest = NULL;
    lane_set_free(set);
    return 0;
}

/* What such a host would have stored of its lanes, and one more that is not in the set. */
static void stored(void)
{
    state_plan_make(&plan, set, NULL);
    manifest = memory_new(sizeof *manifest);
    *manifest = (struct manifest){.generation = 3, .lane_count = 3};
    manifest->lanes = memory_new(3 * sizeof *manifest->lanes);
    for (size_t i = 0; i < 3; i++) {
        struct manifest_lane *lane = &manifest->lanes[i];
        (void)snprintf(lane->name, sizeof lane->name, "%s", i < 2 ? set->lanes[i].table->name : "gone");
        lane->longest_ms = lane_keep_ms(&set->lanes[i % 2]);
        record_schema_copy(&lane->schema, &plan.lanes[i % 2].schema);
    }
    state_plan_free(&plan);
}

static void expect(size_t lane, enum lane_fate fate, const char *reason)
{
    state_plan_make(&plan, set, manifest);
    assert_int_equal(plan.lanes[lane].fate, fate);
    if (reason[0] == '\0')
        assert_string_equal(plan.lanes[lane].reason, "");
    if (strstr(plan.lanes[lane].reason, reason) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", plan.lanes[lane].reason, reason);
    bool fills = fate == FATE_FILLED || fate == FATE_RESUMED;
    assert_int_equal(plan.to_fill >> lane & 1u, fills);
    bool has = fate == FATE_KEPT || fate == FATE_COPIED || fate == FATE_RESUMED;
    assert_true((plan.lanes[lane].from != NULL) == has);
    assert_true(strlen(lane_fate_word(fate)) > 0);
}

static void without_state_it_begins_empty(void **state)
{
    (void)state;
    expect(0, FATE_EMPTY, "");
    assert_int_equal(plan.to_fill, 0);
}

static void what_did_not_change_is_kept(void **state)
{
    (void)state;
    stored();
    expect(0, FATE_KEPT, "");
    assert_int_equal(plan.lanes[1].fate, FATE_KEPT);
    assert_int_equal(plan.to_fill, 0);
    assert_false(state_plan_orphan(&plan, &manifest->lanes[0]));
    assert_true(state_plan_orphan(&plan, &manifest->lanes[2]));
}

static void a_lane_that_is_new_is_filled(void **state)
{
    (void)state;
    stored();
    (void)snprintf(manifest->lanes[0].name, sizeof manifest->lanes[0].name, "other");
    expect(0, FATE_FILLED, "it is new");
}

static void a_field_that_has_moved_is_copied(void **state)
{
    (void)state;
    stored();
    manifest->lanes[0].schema.fields[0].offset += 8;
    manifest->lanes[0].schema.record_size += 8;
    expect(0, FATE_COPIED, "field page moved from 24 to 16");
}

static void a_record_of_other_events_is_filled_again(void **state)
{
    (void)state;
    stored();
    free(manifest->lanes[0].schema.source);
    manifest->lanes[0].schema.source = memory_text("events another; inputs; settings; version 0");
    expect(0, FATE_FILLED, "its records can't be kept");
}

static void another_key_is_filled_again(void **state)
{
    (void)state;
    stored();
    (void)snprintf(manifest->lanes[0].schema.key, sizeof manifest->lanes[0].schema.key, "session");
    expect(0, FATE_FILLED, "its records can't be kept");
}

static void a_longer_window_needs_more_than_was_kept(void **state)
{
    (void)state;
    stored();
    manifest->lanes[0].longest_ms = HOUR - 1500;
    expect(0, FATE_FILLED, "3598 s, its windows need 1 h");
    state_plan_free(&plan);
    manifest->lanes[0].longest_ms = 24 * HOUR;
    expect(0, FATE_KEPT, "");
}

static void a_filling_that_was_interrupted_begins_again(void **state)
{
    (void)state;
    stored();
    manifest->lanes[1].condition = LANE_FILLING;
    expect(1, FATE_FILLED, "had not come to its end");
}

static void what_was_off_is_resumed_if_its_records_can_be_kept(void **state)
{
    (void)state;
    stored();
    manifest->lanes[0].condition = LANE_OFF;
    expect(0, FATE_RESUMED, "switched off");
    state_plan_free(&plan);
    manifest->lanes[0].longest_ms = HOUR / 2;
    expect(0, FATE_FILLED, "go back");
}

static void windows_of_sessions_reach_back_two_runs(void **state)
{
    (void)state;
    assert_int_equal(lane_keep_ms(&set->lanes[0]), HOUR);
    assert_int_equal(lane_keep_ms(&set->lanes[1]), 24 * HOUR + 1800000 + 300000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_state_it_begins_empty),
        TEST(what_did_not_change_is_kept),
        TEST(a_lane_that_is_new_is_filled),
        TEST(a_field_that_has_moved_is_copied),
        TEST(a_record_of_other_events_is_filled_again),
        TEST(another_key_is_filled_again),
        TEST(a_longer_window_needs_more_than_was_kept),
        TEST(a_filling_that_was_interrupted_begins_again),
        TEST(what_was_off_is_resumed_if_its_records_can_be_kept),
        TEST(windows_of_sessions_reach_back_two_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
