/* journal.c - operations on their way to the disk: what is in the segments afterwards, where they end, what is owed of them. */
#include "engine/journal.h"

#include "state_fixture.h"

#define T 1700000000000
#define KEEP_MS 160000 /* a segment covers 10 s of it */

static struct journal journal;
static struct journal_cut cut;
static struct record_schema schema;
static struct buffer text;
static char *path;
static int folder;

static int open_journal(void **state)
{
    (void)state;
    path = state_temporary(&folder);
    schema = state_schema();
    const struct journal_settings settings = {
        .folder = folder, .lane = "product", .generation = 4, .worker = 1, .workers = 3, .schema = &schema, .keep_ms = KEEP_MS};
    journal_init(&journal, &settings);
    return 0;
}

static void taken(void)
{
    for (size_t i = 0; i < cut.file_count; i++)
        if (cut.files[i].ended)
            (void)close(cut.files[i].file);
    free(cut.segments);
    memset(&cut, 0, sizeof cut);
}

static int close_journal(void **state)
{
    (void)state;
    taken();
    journal_free(&journal);
    record_schema_free(&schema);
    buffer_free(&text);
    (void)close(folder);
    state_remove(path);
    free(path);
    return 0;
}

/* A view as an entry, as parcels have it. */
static size_t put(int64_t time_ms, const char *user, const char *product)
{
    size_t key = strlen(user), size = strlen(product);
    struct state_record record;
    struct buffer out = {0};
    memset(&record, 0, sizeof record);
    record.at = (sl_stamp){time_ms, (uint64_t)time_ms};
    record.price = time_ms * 1000;
    record.id = size <= TEXT_INLINE_MAX ? text_inline(product, size) : text_long((uint64_t)size << 32 | (sizeof record + key));
    struct entry entry = {.key_size = (uint32_t)key, .record_size = sizeof record};
    buffer_put(&out, &entry, sizeof entry);
    buffer_put(&out, &record, sizeof record);
    buffer_put(&out, user, key);
    if (size > TEXT_INLINE_MAX)
        buffer_put(&out, product, size);
    while (out.size % 8 != 0)
        buffer_byte(&out, 0);
    ((struct entry *)(void *)out.data)->size = (uint32_t)out.size;
    size_t at = journal_put(&journal, (struct entry *)(void *)out.data);
    buffer_free(&out);
    return at;
}

static bool cut_at(int64_t clock_ms, const struct journal_position *acknowledged)
{
    struct error error;
    taken();
    bool good = journal_cut(&journal, clock_ms, acknowledged, &cut, &error);
    assert_int_equal(good, cut.complete);
    return good;
}

/* All that the cut's segments hold. */
static const char *held(void)
{
    buffer_reset(&text);
    for (size_t i = 0; i < cut.segment_count; i++) {
        char name[SEGMENT_NAME_MAX];
        struct segment_reader reader;
        struct segment_block block;
        struct error error;
        (void)segment_name_text(&cut.segments[i].name, name);
        assert_true(segment_open(&reader, folder, name, cut.segments[i].bytes, &error));
        while (segment_read(&reader, &block, &error) == SEGMENT_BLOCK)
            state_describe(&block, &text);
        assert_int_equal(reader.at, cut.segments[i].bytes);
        segment_reader_free(&reader);
        buffer_literal(&text, "| ");
    }
    buffer_byte(&text, '\0');
    return text.data;
}

static void what_was_put_is_there_in_order(void **state)
{
    (void)state;
    assert_true(cut_at(T, NULL));
    assert_int_equal(cut.segment_count, 0); /* nothing yet */
    assert_int_equal(cut.file_count, 0);
    (void)put(1, "ann", "p1");
    journal_drop(&journal, (sl_view){"bob", 3});
    (void)put(3, "bob", "a product with a long name");
    journal_replaced(&journal, put(2, "ann", "p2"));
    assert_true(cut_at(T, NULL));
    assert_string_equal(held(), "insert 1 ann p1; drop bob; insert 3 bob a product with a long name; replace 2 ann p2; | ");
    assert_int_equal(cut.segments[0].entries, 4);
    assert_int_equal(cut.segments[0].oldest_ms, 1);
    assert_int_equal(cut.segments[0].newest_ms, 3);
    assert_int_equal(cut.segments[0].name.worker, 1);
    assert_int_equal(cut.position.sequence, cut.segments[0].name.sequence);
    assert_int_equal(cut.position.bytes, cut.segments[0].bytes);
}

/* Wherever in a block it is: the last of one, the first of the next, alone. */
static void what_was_taken_back_is_not_there(void **state)
{
    (void)state;
    journal_take_back(&journal, put(1, "ann", "p1"));
    assert_true(cut_at(T, NULL));
    assert_int_equal(cut.segment_count, 0);
    char long_name[1000];
    memset(long_name, 'x', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    size_t kept = 0, back = 0;
    for (int64_t i = 2; i < 400; i++) { /* some blocks */
        size_t at = put(i, "ann", long_name);
        kept++;
        if (i % 3 == 0 || (at == 0 && i % 2 == 0)) { /* the first of a block, too */
            journal_take_back(&journal, at);
            kept--;
            back++;
        }
    }
    assert_true(cut_at(T, NULL));
    assert_true(cut.segments[0].bytes > 3 * SEGMENT_BLOCK_BYTES);
    assert_int_equal(cut.segments[0].entries, kept);
    size_t found = 0;
    for (const char *at = held(); (at = strstr(at, "insert ")) != NULL; at++)
        found++;
    assert_int_equal(found, kept);
    assert_true(back > 130);
    assert_int_equal(cut.segments[0].newest_ms, 398);
}

static void segments_end_when_the_clock_has_moved_on(void **state)
{
    (void)state;
    (void)put(1, "ann", "p1");
    assert_true(cut_at(T, NULL));
    assert_false(cut.files[0].ended);
    (void)put(2, "ann", "p2");
    assert_true(cut_at(T + 9999, NULL));
    assert_int_equal(cut.segment_count, 1);
    (void)put(3, "ann", "p3");
    assert_true(cut_at(T + 10000, NULL));
    assert_int_equal(cut.file_count, 1);
    assert_true(cut.files[0].ended);
    assert_int_equal(cut.position.sequence, cut.segments[0].name.sequence + 1);
    assert_true(cut_at(T + 20000, NULL)); /* nothing new: no segment of nothing */
    assert_int_equal(cut.segment_count, 1);
    assert_int_equal(cut.file_count, 0);
    (void)put(4, "bob", "p4");
    assert_true(cut_at(T + 20000, NULL));
    assert_string_equal(held(), "insert 1 ann p1; insert 2 ann p2; insert 3 ann p3; | insert 4 bob p4; | ");
}

static void owed_is_what_follows_the_oldest_open_mark(void **state)
{
    (void)state;
    (void)put(1, "ann", "p1");
    assert_true(cut_at(T, NULL));
    assert_int_equal(cut.segments[0].owed_from, cut.segments[0].bytes); /* nothing is open */
    struct journal_position first = cut.position;
    (void)put(2, "ann", "p2");
    assert_true(cut_at(T + 10000, &first));
    assert_int_equal(cut.segments[0].owed_from, first.bytes);
    assert_true(first.bytes < cut.segments[0].bytes);
    struct journal_position second = cut.position;
    (void)put(3, "ann", "p3");
    assert_true(cut_at(T + 20000, &first));
    assert_int_equal(cut.segment_count, 2);
    assert_int_equal(cut.segments[0].owed_from, first.bytes);
    assert_int_equal(cut.segments[1].owed_from, 0);
    assert_true(cut_at(T + 20000, &second));
    assert_int_equal(cut.segments[0].owed_from, cut.segments[0].bytes);
    assert_true(cut.segments[1].owed_from <= second.bytes);
    const struct journal_position beginning = {0, 0};
    assert_true(cut_at(T + 20000, &beginning));
    assert_int_equal(cut.segments[0].owed_from, 0);
    assert_int_equal(cut.segments[1].owed_from, 0);
}

/* A later one may say what became of the records of an earlier. */
static void old_segments_are_forgotten_from_the_oldest_on_only(void **state)
{
    (void)state;
    static const int64_t newest[] = {100, 300, 50, 200};
    for (int64_t i = 0; i < 4; i++) {
        (void)put(newest[i], "ann", "p");
        assert_true(cut_at(T + i * 20000, NULL));
        (void)put(newest[i] - 1, "ann", "p");
        assert_true(cut_at(T + i * 20000 + 10000, NULL));
        assert_true(cut.files[0].ended);
    }
    assert_int_equal(cut.segment_count, 4);
    journal_forget_before(&journal, INT64_MIN);
    journal_forget_before(&journal, 100);
    assert_true(cut_at(T + 80000, NULL));
    assert_int_equal(cut.segment_count, 4);
    journal_forget_before(&journal, 101);
    assert_true(cut_at(T + 80000, NULL));
    assert_int_equal(cut.segment_count, 3);
    journal_forget_before(&journal, 300); /* the third is old enough, the second is not */
    assert_true(cut_at(T + 80000, NULL));
    assert_int_equal(cut.segment_count, 3);
    journal_forget_before(&journal, 301);
    assert_true(cut_at(T + 80000, NULL));
    assert_int_equal(cut.segment_count, 0);
}

static void what_the_disk_lost_is_written_anew(void **state)
{
    (void)state;
    struct error error;
    (void)put(1, "ann", "p1");
    assert_true(cut_at(T, NULL));
    uint32_t sequence = cut.segments[0].name.sequence;
    journal_lost(&journal);
    assert_true(journal_is_broken(&journal));
    (void)put(2, "ann", "p2");
    assert_false(cut_at(T, NULL));
    assert_true(journal_renew(&journal, &error));
    assert_false(journal_is_broken(&journal));
    (void)put(1, "ann", "p1");
    (void)put(2, "ann", "p2");
    assert_true(cut_at(T, NULL));
    assert_string_equal(held(), "insert 1 ann p1; insert 2 ann p2; | ");
    assert_true(cut.segments[0].name.sequence > sequence);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_journal, close_journal)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_put_is_there_in_order),
        TEST(what_was_taken_back_is_not_there),
        TEST(segments_end_when_the_clock_has_moved_on),
        TEST(owed_is_what_follows_the_oldest_open_mark),
        TEST(old_segments_are_forgotten_from_the_oldest_on_only),
        TEST(what_the_disk_lost_is_written_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
