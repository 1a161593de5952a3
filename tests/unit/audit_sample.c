/* audit_sample.c - what the audit takes of a key: what Redis must have, and nothing that is on the move. */
#include "engine/audit_sample.h"

#include "shard_fixture.h"

static const struct window_settings two[] = {{.name = "10s", .length_ms = 10 * SECOND, .emit_ms = 5 * SECOND, .burst = 1, .ttl_s = 100},
                                             {.name = "1h", .length_ms = 3600 * SECOND, .emit_ms = 5 * SECOND, .burst = 1, .ttl_s = 4000},
                                             {0}};
static struct fixture f;
static struct audit_sample sample;

static int set_up(void **state)
{
    (void)state;
    sample = (struct audit_sample){0};
    fixture_open(&f, two, false);
    put(&f, "ann", T, 1, "home");
    apply(&f, T);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    audit_sample_free(&sample);
    fixture_close(&f);
    return 0;
}

/* "key = value" or "key -", a line each. */
static void sample_is(const char *expected)
{
    struct buffer out = {0};
    for (size_t i = 0; i < sample.count; i++) {
        const struct audit_feature *feature = &sample.features[i];
        assert_int_equal(feature->key_size, strlen(audit_text(&sample, feature->key)));
        assert_int_equal(feature->value_size, strlen(audit_text(&sample, feature->value)));
        buffer_printf(&out, "%s %s%s\n", audit_text(&sample, feature->key), feature->present ? "= " : "-",
                      audit_text(&sample, feature->value));
    }
    buffer_byte(&out, '\0');
    assert_string_equal(out.data, expected);
    buffer_free(&out);
}

static void what_was_written_is_what_must_be_there(void **state)
{
    (void)state;
    (void)shard_send(&f.shard, M);
    audit_sample_take(&sample, &f.shard, 12345);
    sample_is("user:ann:visits_10s = 1\nuser:ann:page_10s = home\nuser:ann:visits_1h = 1\nuser:ann:page_1h = home\n");
    assert_int_equal(sample.passed_over, 0);
    assert_false(sample.features[0].otherwise);
    assert_int_equal(sample.features[0].records, 1);
    assert_int_equal(sample.features[0].clock_ms, T);
    audit_sample_again(&sample, &f.shard, sample.lane, (sl_view){"ann", 3}, sample.hash);
    assert_int_equal(sample.count, 4);
    audit_sample_again(&sample, &f.shard, sample.lane, (sl_view){"bob", 3}, sample.hash);
    assert_int_equal(sample.count, 0);
}

static void an_absent_feature_must_not_be_there(void **state)
{
    (void)state;
    put(&f, "bob", T, 2, "");
    apply(&f, T);
    (void)shard_send(&f.shard, M);
    audit_sample_again(&sample, &f.shard, 0, (sl_view){"bob", 3}, hash_seeded("bob", 3, SL_KEY_USER));
    sample_is("user:bob:visits_10s = 1\nuser:bob:page_10s -\nuser:bob:visits_1h = 1\nuser:bob:page_1h -\n");
}

static void what_waits_for_its_interval_is_passed_over(void **state)
{
    (void)state;
    (void)shard_send(&f.shard, M);
    put(&f, "ann", T + SECOND, 3, "shoes");
    apply(&f, T + SECOND);
    (void)shard_send(&f.shard, M + 1000);
    audit_sample_take(&sample, &f.shard, 1);
    assert_int_equal(sample.count, 0);
    assert_int_equal(sample.passed_over, 2);
    (void)shard_send(&f.shard, M + 5000);
    audit_sample_take(&sample, &f.shard, 1);
    sample_is("user:ann:visits_10s = 2\nuser:ann:page_10s = shoes\nuser:ann:visits_1h = 2\nuser:ann:page_1h = shoes\n");
}

static void what_redis_has_not_acknowledged_is_passed_over(void **state)
{
    (void)state;
    f.kept->hold = true;
    (void)shard_send(&f.shard, M);
    audit_sample_take(&sample, &f.shard, 1);
    assert_int_equal(sample.count, 0);
    assert_int_equal(sample.passed_over, 2);
    kept_settle(f.kept, true);
    audit_sample_take(&sample, &f.shard, 1);
    assert_int_equal(sample.count, 4);
}

static void what_may_have_expired_is_left_out(void **state)
{
    (void)state;
    (void)shard_send(&f.shard, M);
    f.shard.send_ms = M + 90 * SECOND - 1;
    audit_sample_take(&sample, &f.shard, 1);
    assert_int_equal(sample.count, 4);
    f.shard.send_ms = M + 90 * SECOND; /* of 100 s; the other window has 4 000 */
    audit_sample_take(&sample, &f.shard, 1);
    sample_is("user:ann:visits_1h = 1\nuser:ann:page_1h = home\n");
}

static void a_lane_that_fills_and_a_shard_that_may_not_write_have_nothing_to_compare(void **state)
{
    (void)state;
    (void)shard_send(&f.shard, M);
    f.shard.lanes[0].filling = true;
    audit_sample_take(&sample, &f.shard, 1);
    assert_int_equal(sample.count, 0);
    f.shard.lanes[0].filling = false;
    f.shard.muted = true;
    audit_sample_take(&sample, &f.shard, 1);
    assert_int_equal(sample.count, 0);
}

static void a_plugin_that_folded_to_something_else_before_is_told(void **state)
{
    (void)state;
    (void)shard_send(&f.shard, M);
    struct log *log = key_table_find(&f.shard.tables[0], hash_seeded("ann", 3, SL_KEY_USER), (sl_view){"ann", 3});
    log_view(log, &f.set->lanes[0], 1)->sent[0].hash ^= 1;
    audit_sample_take(&sample, &f.shard, 1);
    assert_int_equal(sample.count, 4);
    assert_false(sample.features[1].otherwise);
    assert_true(sample.features[2].otherwise && sample.features[3].otherwise);
}

static void compute_by_clock(const void *self, sl_scratch *scratch, const sl_window *window, const void *values, sl_cell *out)
{
    visits_compute(self, scratch, window, values, out);
    out[0] = sl_cell_i64(window->now_ms / 1000);
}

static void a_parser_that_goes_by_the_clock_is_not_compared_but_found(void **state)
{
    (void)state;
    sl_metric by_clock = visits_metric;
    by_clock.compute = compute_by_clock;
    f.set->lanes[0].metrics[0].table = &by_clock;
    apply(&f, T + 2 * SECOND);
    (void)shard_send(&f.shard, M);
    audit_sample_take(&sample, &f.shard, 1);
    assert_int_equal(sample.count, 0);
    assert_int_equal(sample.stale, 2);
    assert_int_equal(sample.impure, 0);
    assert_int_equal(sample.doubt_count, 2);
    const struct audit_doubt *doubt = &sample.doubts[1];
    struct error error;
    fold_finding_tell(&doubt->finding, &f.set->lanes[doubt->lane], doubt->metric, audit_text(&sample, doubt->key), &error);
    assert_string_equal(error.what, "metric parser \"visits\" goes by the clock between two ages");
    assert_string_equal(error.found, "user:ann:visits_1h is \"1700000002\" as of 2023-11-14T22:13:22.000Z, and \"1700000000\" as of "
                                     "2023-11-14T22:13:20.000Z, and no record comes, goes or reaches an age in between");
    assert_string_equal(error.advice, "name the age at which it changes (`ages` of the lane), or make it of event times: in between "
                                      "nothing is written");
}

/* ---- a lane that says since when its newest record is ten seconds old ---- */

static int64_t asked; /* how often */

static void publish_old(const void *self, sl_scratch *scratch, const sl_window *window, const void *from, void *out)
{
    visits_publish(self, scratch, window, from, out);
    ((struct visits *)out)->count = window->records > 0 && window->now_ms - window->newest_ms >= 10 * SECOND;
}

static void publish_impure(const void *self, sl_scratch *scratch, const sl_window *window, const void *from, void *out)
{
    visits_publish(self, scratch, window, from, out);
    ((struct visits *)out)->count = ++asked;
}

static void take_with(void (*publish)(const void *, sl_scratch *, const sl_window *, const void *, void *), int64_t age_ms,
                      int64_t clock_ms)
{
    static sl_lane table;
    struct set_lane *lane = &f.set->lanes[0];
    table = *lane->table;
    table.publish = publish;
    lane->table = &table;
    lane->ages_ms[0] = age_ms;
    lane->age_count = age_ms > 0;
    asked = 0;
    put(&f, "ann", T + 1, 2, "home"); /* its timers know of the age */
    apply(&f, clock_ms);
    (void)shard_send(&f.shard, M);
    audit_sample_take(&sample, &f.shard, 1);
}

static void a_lane_that_names_its_age_is_compared(void **state)
{
    (void)state;
    take_with(publish_old, 10 * SECOND, T + 5 * SECOND);
    assert_int_equal(sample.count, 4);
    apply(&f, T + 10 * SECOND + 1);
    (void)shard_send(&f.shard, M + 10 * SECOND);
    audit_sample_take(&sample, &f.shard, 1);
    sample_is("user:ann:visits_10s = 1\nuser:ann:page_10s = home\nuser:ann:visits_1h = 1\nuser:ann:page_1h = home\n");
    assert_int_equal(sample.stale, 0);
}

static void a_lane_that_names_none_is_found(void **state)
{
    (void)state;
    take_with(publish_old, 0, T + 5 * SECOND);
    assert_int_equal(sample.stale, 1); /* in the window of ten seconds no record becomes that old, but with one that leaves */
    assert_string_equal(audit_text(&sample, sample.doubts[0].key), "user:ann:visits_1h");
    assert_true(sample.doubts[0].finding.of_lane);
    assert_int_equal(sample.doubts[0].finding.fault, FOLD_STALE);
}

static void a_lane_that_does_not_say_the_same_twice_is_found(void **state)
{
    (void)state;
    take_with(publish_impure, 0, T + 5 * SECOND);
    assert_int_equal(sample.count, 0);
    assert_int_equal(sample.impure, 2);
    assert_int_equal(sample.stale, 0);
    assert_int_equal(sample.doubts[0].finding.fault, FOLD_IMPURE);
}

/* ---- what Redis lost ---- */

static void what_is_missing_is_written_again_by_the_worker(void **state)
{
    (void)state;
    (void)shard_send(&f.shard, M);
    audit_sample_take(&sample, &f.shard, 1);
    (void)kept_lines(f.kept);
    assert_int_equal(audit_sample_repair(&sample, &f.shard, 1u << 1), 1u << 1);
    assert_string_equal(kept_lines(f.kept), ""); /* marked, not written */
    assert_int_equal(audit_sample_repair(&sample, &f.shard, 1u << 1), 0);
    fixture_sends(&f, 1, "user:ann:visits_1h = 1 ttl 4000 at " AT(000000) "\nuser:ann:page_1h = home ttl 4000 at " AT(000000) "\n");
}

static void what_was_written_since_is_not_repaired(void **state)
{
    (void)state;
    (void)shard_send(&f.shard, M);
    audit_sample_take(&sample, &f.shard, 1);
    put(&f, "ann", T + 5 * SECOND, 3, "shoes");
    apply(&f, T + 5 * SECOND);
    assert_int_equal(audit_sample_repair(&sample, &f.shard, 3), 0); /* it is on its way */
    (void)shard_send(&f.shard, M + 5 * SECOND);
    assert_int_equal(audit_sample_repair(&sample, &f.shard, 3), 0);
    audit_sample_take(&sample, &f.shard, 1);
    f.shard.muted = true;
    assert_int_equal(audit_sample_repair(&sample, &f.shard, 3), 0); /* another process writes */
}

static void every_key_has_its_chance(void **state)
{
    (void)state;
    bool seen[50] = {0};
    for (unsigned i = 0; i < 50; i++) {
        char key[8];
        (void)snprintf(key, sizeof key, "%u", i);
        put(&f, key, T, 100 + i, "home");
    }
    apply(&f, T);
    (void)shard_send(&f.shard, M);
    for (uint64_t i = 1; i < 5000; i++) {
        audit_sample_take(&sample, &f.shard, hash_bytes(&i, sizeof i));
        assert_false(sample.empty);
        if (sample.id.data[0] != 'a')
            seen[sample.id.size == 1 ? sample.id.data[0] - '0' : (sample.id.data[0] - '0') * 10 + sample.id.data[1] - '0'] = true;
    }
    for (unsigned i = 0; i < 50; i++)
        assert_true(seen[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_written_is_what_must_be_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_absent_feature_must_not_be_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_waits_for_its_interval_is_passed_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_redis_has_not_acknowledged_is_passed_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_may_have_expired_is_left_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_lane_that_fills_and_a_shard_that_may_not_write_have_nothing_to_compare, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_plugin_that_folded_to_something_else_before_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_parser_that_goes_by_the_clock_is_not_compared_but_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_lane_that_names_its_age_is_compared, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_lane_that_names_none_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_lane_that_does_not_say_the_same_twice_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_missing_is_written_again_by_the_worker, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_written_since_is_not_repaired, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_key_has_its_chance, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
