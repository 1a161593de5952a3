/* generate.c - the simulated stream is what the engine's tests take it for: reproducible, well-formed, in order of arrival,
 * with late and repeated events; and dirt adds lines without changing the others. */
#include "demo/dirty.h"
#include "demo/heap.h"
#include "demo/simulation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>

enum { LINES = 20000, COLUMNS = 131 };

/* A whole stream: lines without newlines, one after the other. */
struct stream {
    struct buffer bytes;
    size_t ends[LINES];
};

static void generate(struct stream *stream, const struct simulation_options *options, size_t count)
{
    struct simulation *simulation = simulation_new(options);
    int64_t before_ms = options->start_ms;
    buffer_reset(&stream->bytes);
    for (size_t i = 0; i < count; i++) {
        struct simulated line = simulation_next(simulation);
        assert_true(line.arrival_ms >= before_ms);
        before_ms = line.arrival_ms;
        buffer_put(&stream->bytes, line.data, line.size);
        stream->ends[i] = stream->bytes.size;
    }
    simulation_free(simulation);
}

static struct stream first, second;

static const char *line_of(const struct stream *stream, size_t i, size_t *size)
{
    size_t from = i == 0 ? 0 : stream->ends[i - 1];
    *size = stream->ends[i] - from;
    return stream->bytes.data + from;
}

struct columns {
    const char *data[COLUMNS];
    size_t size[COLUMNS];
};

static size_t split(const char *line, size_t size, struct columns *columns)
{
    size_t count = 0;
    const char *end = line + size;
    for (const char *at = line;; count++) {
        const char *tab = memchr(at, '\t', (size_t)(end - at));
        if (count < COLUMNS) {
            columns->data[count] = at;
            columns->size[count] = (size_t)((tab == NULL ? end : tab) - at);
        }
        if (tab == NULL)
            return count + 1;
        at = tab + 1;
    }
}

static bool column_is(const struct columns *columns, int column, const char *text)
{
    return columns->size[column] == strlen(text) && memcmp(columns->data[column], text, strlen(text)) == 0;
}

/* A strict reader of JSON that only says whether it is JSON: the place behind the value, or NULL. */
static const char *json_value(const char *at, const char *end, int depth);

static const char *json_string(const char *at, const char *end)
{
    if (at >= end || *at++ != '"')
        return NULL;
    for (; at < end && *at != '"'; at++) {
        if ((unsigned char)*at < 0x20)
            return NULL;
        if (*at == '\\' && (++at == end || memchr("\"\\/bfnrtu", *at, 9) == NULL))
            return NULL;
    }
    return at < end ? at + 1 : NULL;
}

static const char *json_members(const char *at, const char *end, char close, int depth)
{
    if (at < end && *at == close)
        return at + 1;
    for (;;) {
        if (close == '}') {
            at = json_string(at, end);
            if (at == NULL || at >= end || *at++ != ':')
                return NULL;
        }
        at = json_value(at, end, depth);
        if (at == NULL || at >= end)
            return NULL;
        if (*at == close)
            return at + 1;
        if (*at++ != ',')
            return NULL;
    }
}

static const char *json_value(const char *at, const char *end, int depth)
{
    if (at >= end || depth == 0)
        return NULL;
    if (*at == '{' || *at == '[')
        return json_members(at + 1, end, *at == '{' ? '}' : ']', depth - 1);
    if (*at == '"')
        return json_string(at, end);
    static const char *const words[] = {"true", "false", "null"};
    for (size_t i = 0; i < 3; i++) {
        size_t size = strlen(words[i]);
        if ((size_t)(end - at) >= size && memcmp(at, words[i], size) == 0)
            return at + size;
    }
    const char *start = at;
    while (at < end && strchr("+-.0123456789eE", *at) != NULL && *at != '\0')
        at++;
    return at == start ? NULL : at;
}

static bool is_json(const char *data, size_t size) { return json_value(data, data + size, 64) == data + size; }

static void same_seed_gives_the_same_bytes(void **state)
{
    (void)state;
    struct simulation_options options = simulation_defaults;
    options.dirty = 50000;
    generate(&first, &options, LINES);
    generate(&second, &options, LINES);
    assert_int_equal(first.bytes.size, second.bytes.size);
    assert_memory_equal(first.bytes.data, second.bytes.data, first.bytes.size);
    options.seed = 2;
    generate(&second, &options, LINES);
    assert_true(first.bytes.size != second.bytes.size || memcmp(first.bytes.data, second.bytes.data, first.bytes.size) != 0);
}

static int by_size(const void *a, const void *b)
{
    size_t left = *(const size_t *)a, right = *(const size_t *)b;
    return (left > right) - (left < right);
}

static void every_line_is_an_enriched_event_with_consistent_times(void **state)
{
    (void)state;
    static size_t sizes[LINES];
    generate(&first, &simulation_defaults, LINES);
    for (size_t i = 0; i < LINES; i++) {
        struct columns columns;
        const char *line = line_of(&first, i, &sizes[i]);
        assert_int_equal(split(line, sizes[i], &columns), COLUMNS);
        assert_int_equal(columns.size[6], 36);
        assert_true(is_json(columns.data[52], columns.size[52]));
        assert_true(is_json(columns.data[122], columns.size[122]));
        bool unstruct = column_is(&columns, 5, "unstruct");
        assert_true(unstruct == (columns.size[58] != 0));
        assert_true(!unstruct || is_json(columns.data[58], columns.size[58]));
        /* derived <= collector <= etl */
        assert_int_equal(columns.size[124], 23);
        assert_true(memcmp(columns.data[124], columns.data[3], 23) <= 0);
        assert_true(memcmp(columns.data[3], columns.data[2], 23) <= 0);
    }
    qsort(sizes, LINES, sizeof *sizes, by_size);
    assert_in_range(sizes[LINES / 2], 2000, 4096);
}

static void the_servers_events_have_no_page_and_no_session_entity(void **state)
{
    (void)state;
    generate(&first, &simulation_defaults, LINES);
    size_t transactions = 0, refunds = 0;
    for (size_t i = 0; i < LINES; i++) {
        struct columns columns;
        size_t size;
        const char *line = line_of(&first, i, &size);
        (void)split(line, size, &columns);
        if (!column_is(&columns, 1, "srv"))
            continue;
        assert_int_equal(columns.size[29], 0);
        assert_null(memmem(line, size, "client_session", 14));
        assert_null(memmem(line, size, "web_page", 8));
        transactions += memmem(line, size, "\"type\":\"transaction\"", 20) != NULL;
        refunds += memmem(line, size, "\"type\":\"refund\"", 15) != NULL;
    }
    assert_in_range(transactions, LINES / 500, LINES / 50);
    assert_true(refunds > 0);
}

static void both_formats_tell_of_the_same_events(void **state)
{
    (void)state;
    struct simulation_options options = simulation_defaults;
    generate(&first, &options, 5000);
    options.format = FORMAT_JSON;
    generate(&second, &options, 5000);
    for (size_t i = 0; i < 5000; i++) {
        struct columns columns;
        size_t tsv_size, json_size;
        const char *tsv = line_of(&first, i, &tsv_size), *json = line_of(&second, i, &json_size);
        (void)split(tsv, tsv_size, &columns);
        assert_true(is_json(json, json_size));
        assert_memory_equal(json + strlen("{\"id\":\""), columns.data[6], 36);
    }
}

struct id {
    char id[36], derived[23];
};
static int by_id(const void *a, const void *b) { return memcmp(a, b, 36); }

static void shares_are_kept_and_a_retry_moves_the_event_time(void **state)
{
    (void)state;
    static struct id ids[LINES];
    struct simulation_options options = simulation_defaults;
    options.duplicates = options.late = 100000;
    generate(&first, &options, LINES);
    size_t late = 0;
    for (size_t i = 0; i < LINES; i++) {
        struct columns columns;
        size_t size;
        const char *line = line_of(&first, i, &size);
        (void)split(line, size, &columns);
        memcpy(ids[i].id, columns.data[6], 36);
        memcpy(ids[i].derived, columns.data[124], 23);
        late += memcmp(columns.data[124], columns.data[3], 15) != 0; /* not within the same ten minutes */
    }
    qsort(ids, LINES, sizeof *ids, by_id);
    size_t twice = 0, moved = 0;
    for (size_t i = 1; i < LINES; i++) {
        if (memcmp(ids[i].id, ids[i - 1].id, 36) == 0) {
            twice++;
            moved += memcmp(ids[i].derived, ids[i - 1].derived, 23) != 0;
        }
    }
    assert_in_range(twice, LINES / 20, LINES / 8);
    assert_in_range(moved, LINES / 40, LINES / 10);
    assert_true(late > LINES / 200);
}

static void the_rate_is_kept(void **state)
{
    (void)state;
    for (double rate = 5; rate <= 5000; rate *= 10) {
        struct simulation_options options = simulation_defaults;
        options.rate = rate;
        struct simulation *simulation = simulation_new(&options);
        int64_t last_ms = 0;
        for (size_t i = 0; i < LINES; i++)
            last_ms = simulation_next(simulation).arrival_ms;
        simulation_free(simulation);
        double found = (double)LINES * 1e3 / (double)(last_ms - options.start_ms);
        assert_true(found > rate * 0.85 && found < rate * 1.15);
    }
}

static void dirt_adds_lines_and_leaves_the_others(void **state)
{
    (void)state;
    for (int format = FORMAT_TSV; format <= FORMAT_JSON; format++) {
        struct simulation_options options = simulation_defaults;
        options.format = (enum format)format;
        generate(&first, &options, 4000);
        options.dirty = 200000;
        generate(&second, &options, 4400);
        size_t good = 0;
        for (size_t i = 0; i < 4400 && good < 4000; i++) {
            size_t size, good_size;
            const char *line = line_of(&second, i, &size), *expected = line_of(&first, good, &good_size);
            good += size == good_size && memcmp(line, expected, size) == 0;
        }
        assert_in_range(good, 3300, 3700);
    }
}

static void every_kind_of_dirt_can_befall_every_kind_of_event(void **state)
{
    (void)state;
    struct buffer dirty = {0};
    for (int format = FORMAT_TSV; format <= FORMAT_JSON; format++) {
        struct simulation_options options = simulation_defaults;
        options.format = (enum format)format;
        generate(&first, &options, 1000);
        for (size_t i = 0; i < 1000; i++) {
            size_t size;
            const char *line = line_of(&first, i, &size);
            for (unsigned kind = 0; kind < dirty_kinds(options.format); kind++) {
                dirty_copy_of_kind(&dirty, options.format, kind, line, size);
                if (dirty.size == size && memcmp(dirty.data, line, size) == 0)
                    fail_msg("%s leaves line %zu as it is", dirty_kind_name(options.format, kind), i);
                if (dirty.size != 0)
                    assert_null(memchr(dirty.data, '\n', dirty.size));
            }
        }
    }
    buffer_free(&dirty);
}

static void the_heap_gives_the_earliest_and_keeps_the_order_of_equals(void **state)
{
    (void)state;
    struct heap heap = {0};
    struct random random = {7};
    for (uint32_t i = 0; i < 5000; i++)
        heap_push(&heap, random_below(&random, 300), i);
    struct heap_item before = heap_pop(&heap);
    while (heap.count != 0) {
        struct heap_item item = heap_pop(&heap);
        assert_true(before.time_ms < item.time_ms || (before.time_ms == item.time_ms && before.payload < item.payload));
        before = item;
    }
    heap_free(&heap);
}

static void the_calendar_goes_there_and_back(void **state)
{
    (void)state;
    struct random random = {11};
    for (int i = 0; i < 100000; i++) {
        int64_t time_ms = random_between(&random, -62135596800000, 253402300799999); /* years 1 to 9999 */
        assert_int_equal(civil_ms(civil_of(time_ms)), time_ms);
    }
    struct buffer text = {0};
    text_iso(&text, 1709208000123);
    assert_int_equal(text.size, 24);
    assert_memory_equal(text.data, "2024-02-29T12:00:00.123Z", 24);
    buffer_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_seed_gives_the_same_bytes),
        cmocka_unit_test(every_line_is_an_enriched_event_with_consistent_times),
        cmocka_unit_test(the_servers_events_have_no_page_and_no_session_entity),
        cmocka_unit_test(both_formats_tell_of_the_same_events),
        cmocka_unit_test(shares_are_kept_and_a_retry_moves_the_event_time),
        cmocka_unit_test(the_rate_is_kept),
        cmocka_unit_test(dirt_adds_lines_and_leaves_the_others),
        cmocka_unit_test(every_kind_of_dirt_can_befall_every_kind_of_event),
        cmocka_unit_test(the_heap_gives_the_earliest_and_keeps_the_order_of_equals),
        cmocka_unit_test(the_calendar_goes_there_and_back),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    buffer_free(&first.bytes);
    buffer_free(&second.bytes);
    return failed;
}
