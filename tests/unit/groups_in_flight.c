/* groups_in_flight.c - a log that very many groups name which the sink has not answered yet. */
#include "shard_fixture.h"

/* A replay of one shopper into a slow Redis: what was written is coalesced there, so that groups are without number. */
static void a_log_stays_as_long_as_a_group_names_it(void **state)
{
    (void)state;
    static const struct window_settings windows[] = {{.name = "1s", .length_ms = SECOND, .emit_ms = 0, .ttl_s = 600}, {0}};
    struct fixture f;
    fixture_open(&f, windows, true);
    f.kept->hold = true;
    int64_t now = T;
    for (uint64_t i = 1; i <= 32768; i++, now += 5 * SECOND) { /* two groups each: the visit, and that it is over */
        f.clock_ms = now;
        put(&f, "ann", now, i, "");
        apply(&f, now + 2 * SECOND);
    }
    assert_int_equal(shard_keys(&f.shard), 1);
    kept_settle(f.kept, true);
    assert_true(shard_send(&f.shard, 0));
    f.kept->hold = false;
    kept_settle(f.kept, true);
    assert_true(shard_send(&f.shard, 0));
    assert_string_equal(kept_value(f.kept, "user:ann:visits_1s"), "0");
    assert_int_equal(shard_keys(&f.shard), 0);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_log_stays_as_long_as_a_group_names_it)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
