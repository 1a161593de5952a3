/* combining.c - counters: what rests is combined, what does not rest never, and nobody can tell. */
#include "engine/combining.h"

#include "shard_fixture.h"

#define MINUTE (60 * SECOND)

struct hit {
    sl_stamp at;
    sl_text page;
    int64_t count;
};
static const sl_field hit_fields[] = {SL_FIELD(struct hit, page, SL_TEXT, ""), SL_FIELD(struct hit, count, SL_I64, ""), {0}};

static void hit_add(const void *self, sl_scratch *scratch, void *aggregate, const void *record)
{
    (void)self, (void)scratch;
    ((struct visits *)aggregate)->count += ((const struct hit *)record)->count; /* which page was newest can't be told any more */
}

static bool hit_combine(const void *self, void *into, const void *from)
{
    (void)self;
    struct hit *a = into;
    const struct hit *b = from;
    if (!sl_text_same(a->page, b->page))
        return false;
    a->count += b->count;
    a->at.id = 99; /* which it must not: the stamp is the host's */
    return true;
}

static sl_lane table;
static const struct window_settings windows[] = {{.name = "1h", .length_ms = 60 * MINUTE, .emit_ms = 0, .ttl_s = 4000},
                                                 {.name = "2h", .length_ms = 120 * MINUTE, .emit_ms = 0, .ttl_s = 8000},
                                                 {0}};
static struct fixture f;

static int set_up(void **state)
{
    (void)state;
    table = user_visits;
    table.record_size = sizeof(struct hit);
    table.record = hit_fields;
    table.add = hit_add;
    table.bucket_ms = MINUTE;
    table.combine = hit_combine;
    fixture_open(&f, windows, true);
    f.set->lanes[0].table = &table;
    f.set->lanes[0].rest_ms = LANE_REST_MS;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fixture_close(&f);
    return 0;
}

static void hit(int64_t time_ms, uint64_t id, const char *page)
{
    struct buffer *out = &f.parcel.entries;
    size_t start = out->size, size = strlen(page);
    struct entry entry = {.key_hash = hash_seeded("ann", 3, SL_KEY_USER),
                          .clock_ms = f.clock_ms,
                          .key_size = 3,
                          .record_size = sizeof(struct hit)};
    struct hit record = {.at = {combining_time(&f.set->lanes[0], time_ms), id}, .count = 1};
    record.page = size <= TEXT_INLINE_MAX ? text_inline(page, size) : text_long((uint64_t)size << 32 | (sizeof record + 3));
    buffer_put(out, &entry, sizeof entry);
    buffer_put(out, &record, sizeof record);
    buffer_put(out, "ann", 3);
    if (size > TEXT_INLINE_MAX)
        buffer_put(out, page, size);
    while (out->size % 8 != 0)
        buffer_byte(out, 0);
    ((struct entry *)(void *)(out->data + start))->size = (uint32_t)(out->size - start);
    f.parcel.count++;
}

static struct log *ann(void)
{
    return key_table_find(&f.shard.tables[0], hash_seeded("ann", 3, SL_KEY_USER), (sl_view){"ann", 3});
}

/* What waits for its pace is written. */
static void settle(void)
{
    shard_release(&f.shard);
    (void)shard_send(&f.shard, 0);
}

static void times_are_rounded_down_to_their_bucket(void **state)
{
    (void)state;
    const struct set_lane *lane = &f.set->lanes[0];
    assert_int_equal(combining_time(lane, T + 20 * SECOND - 1), T - 20 * SECOND); /* T is 20 s into a minute */
    assert_int_equal(combining_time(lane, T - 20 * SECOND), T - 20 * SECOND);
    assert_int_equal(combining_time(lane, -1), -MINUTE);
    assert_int_equal(combining_time(lane, -MINUTE), -MINUTE);
    assert_false(combining_rests(lane, T, T + 11 * MINUTE)); /* it ends at T + 1 min, and 10 min later it still takes events */
    assert_true(combining_rests(lane, T, T + 11 * MINUTE + 1));
}

/* Twenty events in one minute, of two pages; then ever more. Nothing goes until the minute rests. */
static void what_rests_becomes_one_record_an_identity(void **state)
{
    (void)state;
    int64_t minute = T + 40 * SECOND;
    for (uint64_t i = 0; i < 40; i++)
        hit(minute + (int64_t)i * SECOND, i + 1, i % 2 == 0 ? "home" : "a page with a long name");
    apply(&f, minute + 11 * MINUTE);
    assert_string_equal(kept_value(f.kept, "user:ann:visits_1h"), "40");
    combining_rested(&f.shard, &f.set->lanes[0], ann());
    assert_int_equal(ann()->count, 40);
    size_t texts = f.shard.texts.count;
    apply(&f, minute + 11 * MINUTE + 1);
    combining_rested(&f.shard, &f.set->lanes[0], ann());
    assert_int_equal(ann()->count, 2);
    assert_int_equal(f.shard.texts.count, texts); /* the key and the long page are still held */
    const struct hit *first = (const void *)log_record(ann(), &f.set->lanes[0], 0);
    assert_int_equal(first->at.id, 1);
    assert_int_equal(first->count, 20);
    hit(minute + 11 * MINUTE, 1000, "home");
    apply(&f, minute + 12 * MINUTE);
    assert_string_equal(kept_value(f.kept, "user:ann:visits_1h"), "41");
    assert_string_equal(kept_value(f.kept, "user:ann:visits_2h"), "41");
    apply(&f, minute + 60 * MINUTE); /* the minute is in the window to its beginning */
    assert_string_equal(kept_value(f.kept, "user:ann:visits_1h"), "41");
    apply(&f, minute + 60 * MINUTE + 1);
    assert_string_equal(kept_value(f.kept, "user:ann:visits_1h"), "1");
    assert_string_equal(kept_value(f.kept, "user:ann:visits_2h"), "41");
    apply(&f, minute + 300 * MINUTE);
    (void)shard_send(&f.shard, 0);
    assert_int_equal(shard_keys(&f.shard), 0);
    assert_int_equal(f.shard.texts.count, 0);
}

static void what_comes_for_a_bucket_at_rest_is_late_combined_or_not(void **state)
{
    (void)state;
    int64_t minute = T + 40 * SECOND;
    hit(minute, 1, "home");
    apply(&f, minute + 11 * MINUTE);
    hit(minute + 1, 2, "home"); /* just in time */
    hit(minute + 1, 1, "home"); /* a copy */
    apply(&f, minute + 11 * MINUTE + 1);
    assert_int_equal(f.shard.counters.duplicates, 1);
    hit(minute + 2, 3, "home");
    hit(minute, 1, "home");
    apply(&f, minute + 11 * MINUTE + 2);
    assert_int_equal(f.shard.counters.rested, 2); /* and not among the late */
    assert_int_equal(f.shard.counters.late, 0);
    assert_string_equal(kept_value(f.kept, "user:ann:visits_1h"), "2");
}

/* A day of an event a second would be 86 400 records; and the bound on records counts what cannot be combined. */
static void a_log_stays_as_small_as_its_buckets(void **state)
{
    (void)state;
    f.set->lanes[0].records_max = 2000;
    int64_t start = T + 40 * SECOND;
    for (int64_t second = 0; second < 7200; second++) {
        hit(start + second * SECOND, (uint64_t)second + 1, "home");
        apply(&f, start + second * SECOND);
    }
    assert_true(ann()->count < 1000);
    assert_int_equal(f.shard.counters.full_logs, 0);
    settle();
    assert_string_equal(kept_value(f.kept, "user:ann:visits_2h"), "7200");
    assert_string_equal(kept_value(f.kept, "user:ann:visits_1h"), "3600"); /* 11:00:00 to 11:59:59, whole minutes */
}

#define HITS 3000

/* Play the events; in values[] what both windows say after each, paces aside. */
static void play(bool combine, char (*values)[2][12])
{
    static const char *const pages[] = {"home", "shoes", "a page with a long name", ""};
    static int64_t times[HITS];
    uint64_t random = 7;
    for (int i = 0; i < HITS; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        int64_t now = T + (int64_t)i * 4 * SECOND;
        int which = i > 100 && random >> 62 == 0 ? i - (int)(random >> 40) % 100 : i; /* one in four is a copy */
        times[i] = which == i ? now - (int64_t)(random >> 40) % (15 * MINUTE) : times[which];
        hit(times[i], (uint64_t)(which + 1), pages[which % 4]);
        if (!combine && ann() != NULL) /* as if it had been done for this bucket */
            ann()->combined = (uint8_t)(combining_time(&f.set->lanes[0], f.shard.clock_ms - LANE_REST_MS - 1) / MINUTE);
        apply(&f, now);
        settle();
        (void)snprintf(values[i][0], 12, "%s", kept_value(f.kept, "user:ann:visits_1h"));
        (void)snprintf(values[i][1], 12, "%s", kept_value(f.kept, "user:ann:visits_2h"));
    }
}

/* The same events, combined at every chance and never: values are the same at every moment. */
static void nobody_can_tell(void **state)
{
    (void)state;
    static char values[2][HITS][2][12];
    size_t records[2];
    for (int combine = 0; combine < 2; combine++) {
        if (combine == 1) {
            (void)tear_down(NULL);
            (void)set_up(NULL);
        }
        play(combine == 1, values[combine]);
        records[combine] = ann()->count;
    }
    assert_true(records[0] > 2 * records[1]);
    for (int i = 0; i < HITS; i++) {
        assert_string_equal(values[0][i][0], values[1][i][0]);
        assert_string_equal(values[0][i][1], values[1][i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(times_are_rounded_down_to_their_bucket, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_rests_becomes_one_record_an_identity, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_comes_for_a_bucket_at_rest_is_late_combined_or_not, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_log_stays_as_small_as_its_buckets, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nobody_can_tell, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
