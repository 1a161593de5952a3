/* shard_bounds.c - what keeps a key's log small, by time and by number, does so at moments that only the stream decides: and so
 * logs that come back from the journal are those there would be without a restart. */
#include "shard_fixture.h"
#include "state_fixture.h"

#include "engine/journal.h"

#define NO_WINDOW {0}
/* A run that is not the newest goes 45 s after its end. */
static const struct window_settings session[] = {{.name = "session",
                                                  .session = true,
                                                  .gap_ms = 10 * SECOND,
                                                  .max_ms = 30 * SECOND,
                                                  .lateness_ms = 5 * SECOND,
                                                  .emit_ms = 0,
                                                  .ttl_s = 100},
                                                 NO_WINDOW};
static const struct window_settings minute[] = {
    {.name = "1m", .length_ms = 60 * SECOND, .emit_ms = SECOND, .burst = 1, .ttl_s = 100}, NO_WINDOW};

static struct fixture f;

static int close_fixture(void **state)
{
    (void)state;
    fixture_close(&f);
    return 0;
}

/* ---- looking into logs ---- */

static struct log *log_of(struct shard *shard, const char *key)
{
    uint64_t hash = hash_seeded(key, strlen(key), (uint64_t)shard->set->lanes[0].table->key);
    return key_table_find(&shard->tables[0], hash, (sl_view){key, strlen(key)});
}

/* "ann 0:1 5000:2 page\n": records as time since T and id. */
static void describe(struct shard *shard, struct buffer *out)
{
    static const char *const keys[] = {"ann", "bob", "a visitor with a long name"};
    const struct set_lane *lane = &shard->set->lanes[0];
    buffer_reset(out);
    for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++) {
        const struct log *log = log_of(shard, keys[k]);
        if (log == NULL || log->count == 0)
            continue;
        buffer_printf(out, "%s", keys[k]);
        for (size_t i = 0; i < log->count; i++) {
            const struct visit *visit = (const void *)log_record(log, lane, i);
            sl_view page = text_view(&visit->page);
            buffer_printf(out, " %lld:%llu %.*s", (long long)(visit->at.time_ms - T), (unsigned long long)visit->at.id,
                          (int)page.size, page.data);
        }
        buffer_byte(out, '\n');
    }
    buffer_byte(out, '\0');
}

static void assert_logs(struct shard *shard, const char *expected)
{
    struct buffer is = {0};
    describe(shard, &is);
    assert_string_equal(is.data, expected);
    buffer_free(&is);
}

static void put_at(int64_t seconds, uint64_t id)
{
    f.clock_ms = f.clock_ms > T + seconds * SECOND ? f.clock_ms : T + seconds * SECOND;
    put(&f, "ann", T + seconds * SECOND, id, "");
}

/* ---- by time ---- */

static void a_session_that_never_pauses_keeps_what_its_newest_run_needs(void **state)
{
    (void)state;
    fixture_open(&f, session, true);
    for (int64_t i = 0; i < 1000; i++)
        put_at(i * 5, (uint64_t)i);
    apply(&f, T);
    const struct log *log = log_of(&f.shard, "ann");
    /* Runs of seven records, 30 s long, begin every 35 s; 4 995 is the sixth of its run, and the last to go ended at 4 930. */
    assert_int_equal(log->count, 7 + 6);
    assert_int_equal(log_newest_run(log, &f.set->lanes[0]), 7);
    assert_int_equal(log_time(log, &f.set->lanes[0], 7), T + 4970 * SECOND);
    assert_int_equal(f.shard.counters.late, 0);
}

static void a_run_goes_at_its_moment_and_what_is_as_old_is_late(void **state)
{
    (void)state;
    fixture_open(&f, session, true);
    put_at(0, 1);
    put_at(11, 2); /* a run of its own: 0 goes behind 45 s */
    put_at(21, 3);
    put_at(31, 4);
    put_at(41, 5);
    put_at(45, 6);
    apply(&f, T + 45000);
    assert_logs(&f.shard, "ann 0:1  11000:2  21000:3  31000:4  41000:5  45000:6 \n");
    apply(&f, T + 45001);
    assert_logs(&f.shard, "ann 11000:2  21000:3  31000:4  41000:5  45000:6 \n");
    put(&f, "ann", T, 7, ""); /* 45 001 ms old */
    apply(&f, T + 45001);
    assert_int_equal(f.shard.counters.late, 1);
    put(&f, "ann", T + 1, 8, "");
    apply(&f, T + 45001);
    assert_int_equal(f.shard.counters.late, 1);
    assert_logs(&f.shard, "ann 1:8  11000:2  21000:3  31000:4  41000:5  45000:6 \n");
    apply(&f, T + 45002); /* no run begins with 1 and 11 000: it goes alone */
    apply(&f, T + 55000);
    assert_logs(&f.shard, "ann 11000:2  21000:3  31000:4  41000:5  45000:6 \n");
    apply(&f, T + 55001); /* over, and taken for late events until 60 000 */
    apply(&f, T + 60001);
    assert_logs(&f.shard, "");
}

/* ---- by number ---- */

static void a_key_keeps_its_newest_records_in_whatever_order_they_come(void **state)
{
    (void)state;
    static const int orders[][6] = {{1, 2, 3, 4, 5, 6}, {6, 5, 4, 3, 2, 1}, {3, 1, 6, 2, 5, 4}, {4, 6, 1, 5, 3, 2}};
    for (size_t o = 0; o < 4; o++) {
        if (o > 0)
            fixture_close(&f);
        fixture_open(&f, minute, true);
        f.set->lanes[0].records_max = 4;
        f.clock_ms = T + 7000;
        for (size_t i = 0; i < 6; i++)
            put_at(orders[o][i], (uint64_t)orders[o][i]);
        apply(&f, T + 7000);
        assert_logs(&f.shard, "ann 3000:3  4000:4  5000:5  6000:6 \n");
        assert_int_equal(f.shard.counters.full_logs, 2);
    }
}

static void a_copy_older_than_all_that_a_full_key_has_is_not_taken(void **state)
{
    (void)state;
    fixture_open(&f, minute, true);
    f.set->lanes[0].records_max = 2;
    put_at(10, 1);
    put_at(11, 2);
    put(&f, "ann", T + 9000, 2, "an earlier copy");
    put(&f, "ann", T + 10500, 2, "an earlier copy");
    apply(&f, T + 12000);
    assert_logs(&f.shard, "ann 10000:1  10500:2 an earlier copy\n");
}

/* ---- back from the journal ---- */

static struct record_schema visit_schema(void)
{
    return (struct record_schema){.key = "user",
                                  .record_size = sizeof(struct visit),
                                  .fields = {{"page", SL_TEXT, offsetof(struct visit, page), sizeof(sl_text)}},
                                  .field_count = 1,
                                  .source = memory_text("events page_view")};
}

/* A chain of lives: each begins with the journals of all before it. */
struct life {
    struct record_schema schema;
    char *path;
    int folder;
    uint64_t generation;
    char names[64][SEGMENT_NAME_MAX]; /* segments of former lives */
    uint64_t lengths[64];
    size_t count;
};

static void give_journal(struct life *life)
{
    const struct journal_settings settings = {.folder = life->folder,
                                              .lane = "visits",
                                              .generation = ++life->generation,
                                              .workers = 1,
                                              .schema = &life->schema,
                                              .keep_ms = lane_keep_ms(&f.set->lanes[0])};
    journal_init(&f.shard.lanes[0].journal, &settings);
    f.shard.lanes[0].journaled = true;
}

static void restore_segment(struct shard *shard, const char *name, uint64_t length)
{
    struct segment_reader reader;
    struct segment_block block;
    struct error error;
    assert_true(segment_open(&reader, f.shard.lanes[0].journal.settings.folder, name, length, &error));
    while (segment_read(&reader, &block, &error) == SEGMENT_BLOCK) {
        for (size_t at = 0; at < block.bytes;) {
            const struct journal_entry *entry = (const void *)(block.entries + at);
            enum journal_operation operation = journal_entry_operation(entry);
            _Alignas(8) char record[sizeof(struct visit)];
            const char *body = (const char *)(entry + 1);
            size_t size = operation == JOURNAL_DROP ? 0 : sizeof record;
            memcpy(record, body, size);
            sl_view key = {body + size, journal_entry_key_size(entry)};
            uint64_t hash = hash_seeded(key.data, key.size, (uint64_t)shard->set->lanes[0].table->key);
            (void)shard_restore_operation(shard, 0, operation, hash, key, record, body, false);
            at += entry->size;
        }
    }
    segment_reader_free(&reader);
}

/* The life ends with a checkpoint; the next one begins with what that knows. */
static void live_again(struct life *life, const struct window_settings *windows, uint32_t records_max, int64_t owed_ms)
{
    struct journal_cut cut = {0};
    struct error error;
    int64_t ignored_ms;
    bool ignored;
    assert_true(shard_cut(&f.shard, &cut, &ignored_ms, &ignored, &error));
    for (size_t i = 0; i < cut.segment_count; i++) {
        assert_true(life->count < 64);
        (void)segment_name_text(&cut.segments[i].name, life->names[life->count]);
        life->lengths[life->count++] = cut.segments[i].bytes;
    }
    for (size_t i = 0; i < cut.file_count; i++)
        if (cut.files[i].ended)
            (void)close(cut.files[i].file);
    cut.file_count = 0;
    journal_cut_free(&cut);
    int64_t clock_ms = f.shard.clock_ms;
    fixture_close(&f);
    fixture_open(&f, windows, true);
    f.set->lanes[0].records_max = records_max;
    give_journal(life);
    shard_restore(&f.shard, owed_ms);
    for (size_t i = 0; i < life->count; i++)
        restore_segment(&f.shard, life->names[i], life->lengths[i]);
    shard_lane_full(&f.shard, 0, WAKE_RESTORED, 0);
    shard_advance(&f.shard, clock_ms);
    f.clock_ms = clock_ms;
}

static uint64_t seed;
static int64_t below(int64_t bound)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (int64_t)((seed >> 33) % (uint64_t)bound);
}

/* Three keys that rarely pause; disorder, events late by anything up to what is kept, copies whose time shifted. */
static void put_random(struct fixture *to, int64_t *now_ms, uint64_t *next_id)
{
    static const char *const keys[] = {"ann", "bob", "a visitor with a long name"};
    *now_ms += below(60) == 0 ? below(40 * SECOND) : below(3 * SECOND);
    int64_t late_ms = below(3) > 0 ? 0 : below(4) > 0 ? below(4 * SECOND) : below(80 * SECOND);
    uint64_t id = below(6) == 0 ? *next_id - (uint64_t)below(60) : (*next_id)++;
    if (*now_ms - 2 * SECOND > to->clock_ms)
        to->clock_ms = *now_ms - 2 * SECOND;
    put(to, keys[id % 3], *now_ms - late_ms, id, id % 2 == 0 ? "" : id % 5 == 0 ? "a page with a long name" : "page");
}

static void lives_agree(const struct window_settings *windows, uint32_t records_max)
{
    struct buffer once = {0}, often = {0};
    for (uint64_t run = 1; run <= 12; run++) {
        /* An undisturbed life, and what it has after each step. */
        char *expected[300];
        int64_t now_ms = T;
        uint64_t next_id = 1000;
        fixture_open(&f, windows, true);
        f.set->lanes[0].records_max = records_max;
        seed = run;
        for (size_t step = 0; step < 300; step++) {
            put_random(&f, &now_ms, &next_id);
            apply(&f, f.clock_ms);
            describe(&f.shard, &once);
            expected[step] = memory_text(once.data);
        }
        uint64_t after = seed;
        fixture_close(&f);

        /* One that ends again and again. */
        struct life life = {.schema = visit_schema()};
        life.path = state_temporary(&life.folder);
        fixture_open(&f, windows, true);
        f.set->lanes[0].records_max = records_max;
        give_journal(&life);
        seed = run;
        now_ms = T;
        next_id = 1000;
        int64_t former_ms = f.shard.clock_ms;
        for (size_t step = 0; step < 300; step++) {
            put_random(&f, &now_ms, &next_id);
            apply(&f, f.clock_ms);
            if ((step * 7 + run) % 23 == 0) { /* Redis knows as much as it did at the end before, or all of it */
                int64_t clock_ms = f.shard.clock_ms;
                live_again(&life, windows, records_max, step % 2 == 0 ? clock_ms : former_ms);
                former_ms = clock_ms;
            }
            describe(&f.shard, &often);
            assert_string_equal(often.data, expected[step]);
            free(expected[step]);
        }
        assert_true(seed == after && life.count > 5);
        fixture_close(&f);
        record_schema_free(&life.schema);
        (void)close(life.folder);
        state_remove(life.path);
        free(life.path);
    }
    fixture_open(&f, windows, true); /* for the tear-down */
    buffer_free(&once);
    buffer_free(&often);
}

static void sessions_come_back_as_they_would_be(void **state)
{
    (void)state;
    lives_agree(session, 0);
}

static void full_sessions_come_back_as_they_would_be(void **state)
{
    (void)state;
    lives_agree(session, 9);
}

static void full_keys_come_back_as_they_would_be(void **state)
{
    (void)state;
    lives_agree(minute, 9);
}

static void keys_come_back_as_they_would_be(void **state)
{
    (void)state;
    lives_agree(minute, 0);
}

static void a_journal_written_anew_brings_no_run_back(void **state)
{
    (void)state;
    struct life life = {.schema = visit_schema()};
    struct buffer is = {0}, was = {0};
    life.path = state_temporary(&life.folder);
    fixture_open(&f, session, true);
    give_journal(&life);
    for (int64_t i = 0; i < 8; i++)
        put_at(i * 5, (uint64_t)i);
    apply(&f, T);
    live_again(&life, session, 0, T);
    for (int64_t i = 8; i < 18; i++)
        put_at(i * 5, (uint64_t)i);
    apply(&f, T);
    journal_lost(&f.shard.lanes[0].journal);
    describe(&f.shard, &was);
    assert_int_equal(log_time(log_of(&f.shard, "ann"), &f.set->lanes[0], 0), T + 35000); /* 0 to 30 went, in lost words */
    live_again(&life, session, 0, T + 85000); /* 0 and 5 are too old to be read at all */
    describe(&f.shard, &is);
    assert_string_equal(is.data, was.data);
    buffer_free(&is);
    buffer_free(&was);
    record_schema_free(&life.schema);
    (void)close(life.folder);
    state_remove(life.path);
    free(life.path);
}

#define TEST(name) cmocka_unit_test_teardown(name, close_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_session_that_never_pauses_keeps_what_its_newest_run_needs),
        TEST(a_run_goes_at_its_moment_and_what_is_as_old_is_late),
        TEST(a_key_keeps_its_newest_records_in_whatever_order_they_come),
        TEST(a_copy_older_than_all_that_a_full_key_has_is_not_taken),
        TEST(keys_come_back_as_they_would_be),
        TEST(full_keys_come_back_as_they_would_be),
        TEST(sessions_come_back_as_they_would_be),
        TEST(full_sessions_come_back_as_they_would_be),
        TEST(a_journal_written_anew_brings_no_run_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
