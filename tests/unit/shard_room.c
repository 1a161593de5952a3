/* shard_room.c - near the memory bound: slack first, then no new keys, then no more records for those who have many; and back. */
#include "engine/shard_room.h"
#include "shard_fixture.h"

#define NO_WINDOW {0}
static const struct window_settings minute[] = {
    {.name = "1m", .length_ms = 60 * SECOND, .emit_ms = SECOND, .burst = 1, .ttl_s = 100}, NO_WINDOW};
#define MB ((size_t)1 << 20)

static struct fixture f;
static struct sink *nobody; /* in place of the one that keeps all it is given */
static uint64_t next_id;

static int open_fixture(void **state)
{
    (void)state;
    fixture_open(&f, minute, true);
    f.shard.sink = nobody = null_sink_new(shard_settled, &f.shard);
    next_id = 1;
    f.shard.memory_max = 4 * MB;
    return 0;
}

static int close_fixture(void **state)
{
    (void)state;
    sink_free(nobody);
    fixture_close(&f);
    return 0;
}

/* A record each of keys `first` to `first + count - 1`. */
static void put_named(const char *name, const char *page, int first, int count, int64_t seconds)
{
    if (f.clock_ms < T + seconds * SECOND)
        f.clock_ms = T + seconds * SECOND;
    for (int i = first; i < first + count; i++) {
        char key[40];
        (void)snprintf(key, sizeof key, "%s%d", name, i);
        put(&f, key, T + seconds * SECOND, next_id++, page);
        if (f.parcel.count == 500)
            apply(&f, f.clock_ms);
    }
    apply(&f, f.clock_ms);
    (void)shard_send(&f.shard, 0);
}

static void put_keys(int first, int count, int64_t seconds)
{
    put_named("a shopper with a long name ", "a page with a long name", first, count, seconds);
}

static void new_keys_are_refused_and_known_ones_go_on(void **state)
{
    (void)state;
    put_keys(0, 100, 0);
    put_keys(0, 60000, 1);
    size_t keys = shard_keys(&f.shard);
    uint64_t refused = f.shard.counters.full_keys;
    assert_true(keys > 5000 && keys < 40000 && refused == 60000 - keys);
    assert_true(shard_memory(&f.shard) <= f.shard.memory_max + MB);
    uint64_t records = f.shard.counters.records;
    put_keys(0, 100, 2);
    assert_int_equal(f.shard.counters.records, records + 100);
    put_keys(100000, 100, 2);
    assert_int_equal(f.shard.counters.full_keys, refused + 100);
    assert_int_equal(shard_keys(&f.shard), keys);
}

static const struct log *ann(void)
{
    uint64_t hash = hash_seeded("ann", 3, (uint64_t)f.set->lanes[0].table->key);
    return key_table_find(&f.shard.tables[0], hash, (sl_view){"ann", 3});
}

static void when_there_is_room_again_new_keys_are_taken_in_the_midst_of_a_batch(void **state)
{
    (void)state;
    put_keys(0, 60000, 0);
    uint64_t refused = f.shard.counters.full_keys;
    assert_true(refused > 0);
    f.clock_ms = T + 1 * SECOND;
    put(&f, "too early", T, next_id++, "");
    f.clock_ms = T + 70 * SECOND; /* with this one all the others leave */
    put(&f, "ann", T + 70 * SECOND, next_id++, "");
    apply(&f, f.clock_ms);
    assert_int_equal(f.shard.counters.full_keys, refused + 1);
    assert_int_equal(ann()->count, 1);
    (void)shard_send(&f.shard, 0);
    assert_int_equal(shard_keys(&f.shard), 1);
}

static void a_flood_that_is_over_leaves_little_behind(void **state)
{
    (void)state;
    put_keys(0, 60000, 0);
    put_keys(0, 100, 70);
    size_t most = shard_memory(&f.shard);
    f.shard.memory_max = 2 * MB; /* now that is near the bound */
    for (int i = 0; i < 200; i++)
        put_keys(0, 100, 71 + i);
    assert_true(shard_memory(&f.shard) < most - MB && f.shard.slab.chunks_spare <= 1);
    assert_int_equal(f.shard.tables[0].capacity, 1024);
    assert_int_equal(shard_keys(&f.shard), 100);
}

static void a_table_that_would_double_beyond_the_bound_does_not(void **state)
{
    (void)state;
    put_named("k", "", 0, 1785, 0); /* of 2 048 slots, 1 792 may be taken; then it needs 32 KB more */
    size_t needed = shard_memory_needed(&f.shard);
    f.shard.memory_max = (needed + 4096) / 15 * 16;
    assert_true(f.shard.memory_max < needed + 30 * 1024);
    put_named("k", "", 2000, 50, 0);
    assert_int_equal(shard_keys(&f.shard), 1792);
    assert_false(f.shard.full);
    f.shard.memory_max = needed + 80 * 1024;
    put_named("k", "", 3000, 50, 0);
    assert_int_equal(f.shard.tables[0].capacity, 4096);
    assert_int_equal(shard_keys(&f.shard), 1842);
}

static void blocks_that_are_mostly_empty_shrink(void **state)
{
    (void)state;
    for (int second = 0; second < 40; second++)
        put_keys(0, 100, second);
    for (int second = 97; second < 101; second++) /* the last of the forty leave, after the first of the new have come */
        put_keys(0, 100, second);
    size_t used = f.shard.slab.used;
    f.shard.memory_max = shard_memory(&f.shard); /* near */
    for (int i = 0; i < 300; i++)
        put_keys(0, 1, 100);
    assert_true(f.shard.slab.used < used - (size_t)90 * 25 * sizeof(struct visit));
    for (size_t at = 0, seen = 0; seen < 100; seen++) {
        const struct log *log = key_table_next(&f.shard.tables[0], &at);
        const struct set_lane *lane = &f.set->lanes[0];
        assert_true(log->count >= 4 && log_time(log, lane, 0) == T + 97 * SECOND && log_time(log, lane, 3) == T + 100 * SECOND);
    }
}

static void beyond_the_bound_those_who_have_many_records_get_no_more(void **state)
{
    (void)state;
    for (uint64_t id = 0; id < 150; id++)
        put(&f, "ann", T + (int64_t)id, 1000 + id, "");
    for (uint64_t id = 0; id < 50; id++)
        put(&f, "bob", T + (int64_t)id, 2000 + id, "");
    apply(&f, T + 1000);
    f.shard.memory_max = 1000;
    for (uint64_t id = 0; id < 30; id++)
        put(&f, "ann", T + 500 + (int64_t)id, 3000 + id, "");
    for (uint64_t id = 0; id < 30; id++)
        put(&f, "bob", T + 500 + (int64_t)id, 4000 + id, "");
    put(&f, "ann", T + 29, 5000, "");                /* older than all */
    put(&f, "ann", T + 509, 3010, "an earlier copy"); /* takes the place of its copy, and no other's */
    apply(&f, T + 1000);
    assert_int_equal(ann()->count, 150);
    assert_int_equal(log_time(ann(), &f.set->lanes[0], 0), T + 30);
    assert_int_equal(f.shard.counters.full_logs, 31);
    assert_int_equal(f.shard.counters.records, 150 + 50 + 60 + 1);
    f.shard.memory_max = 4 * MB;
    put(&f, "ann", T + 600, 6000, "");
    apply(&f, T + 1000);
    assert_int_equal(ann()->count, 151);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(new_keys_are_refused_and_known_ones_go_on),
        TEST(when_there_is_room_again_new_keys_are_taken_in_the_midst_of_a_batch),
        TEST(a_flood_that_is_over_leaves_little_behind),
        TEST(a_table_that_would_double_beyond_the_bound_does_not),
        TEST(blocks_that_are_mostly_empty_shrink),
        TEST(beyond_the_bound_those_who_have_many_records_get_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
