/* scratch.c - what plugins fold into: counts, lists and maps of texts, small and large, and memory that is gone at once. */
#include "engine/scratch.h"

#include "base/text_handle.h"
#include "engine/texts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Around the sizes where a set grows and where it stops scanning, and well beyond. */
static const int sizes[] = {1, 7, 8, 9, 12, 13, 15, 16, 17, 31, 32, 33, 64, 65, 1000, 20000};
#define SIZES (sizeof sizes / sizeof sizes[0])

struct fixture {
    struct scratch scratch; /* first: tests have its base as their state */
    struct slab slab;
    struct texts texts;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    texts_init(&f->texts, &f->slab);
    scratch_init(&f->scratch, &f->texts);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    scratch_free(&f->scratch);
    assert_int_equal(f->texts.count, 0); /* what a fold has made is gone with it */
    texts_free(&f->texts);
    slab_free(&f->slab);
    free(f);
    return 0;
}

static sl_text text(const char *bytes) { return text_inline(bytes, strlen(bytes)); }

static sl_text numbered(int number)
{
    char bytes[16];
    int length = snprintf(bytes, sizeof bytes, "%d", number);
    assert_in_range(length, 1, 7); /* short enough for a handle */
    return text_inline(bytes, (size_t)length);
}

static void counts_add_up(void **state)
{
    sl_scratch *scratch = *state;
    for (size_t s = 0; s < SIZES; s++) {
        sl_counts *counts = NULL;
        for (int i = 0; i < sizes[s]; i++)
            assert_int_equal(sl_counts_add(scratch, &counts, numbered(i), 2), 2); /* == by: new */
        for (int i = sizes[s] - 1; i >= 0; i--)
            assert_int_equal(sl_counts_add(scratch, &counts, numbered(i), i), 2 + i);
        assert_int_equal(sl_counts_size(scratch, counts), sizes[s]);
        assert_true(sl_text_same(sl_counts_top(scratch, counts), numbered(sizes[s] - 1)));
        scratch_reset((struct scratch *)(void *)scratch);
    }
}

static void nothing_counted_has_no_top(void **state)
{
    sl_scratch *scratch = *state;
    assert_int_equal(sl_counts_size(scratch, NULL), 0);
    assert_true(sl_text_empty(sl_counts_top(scratch, NULL)));
    assert_int_equal(sl_list_size(scratch, NULL), 0);
    assert_int_equal(sl_map_size(scratch, NULL), 0);
}

static void the_empty_text_is_counted_as_any(void **state)
{
    sl_scratch *scratch = *state;
    sl_counts *counts = NULL;
    assert_int_equal(sl_counts_add(scratch, &counts, (sl_text){0}, 1), 1);
    assert_int_equal(sl_counts_add(scratch, &counts, text("a"), 1), 1);
    assert_int_equal(sl_counts_add(scratch, &counts, (sl_text){0}, 1), 2);
    assert_int_equal(sl_counts_size(scratch, counts), 2);
    assert_true(sl_text_empty(sl_counts_top(scratch, counts)));
}

static void of_equal_counts_the_one_added_to_last_is_the_top(void **state)
{
    sl_scratch *scratch = *state;
    sl_counts *counts = NULL;
    (void)sl_counts_add(scratch, &counts, text("a"), 1);
    (void)sl_counts_add(scratch, &counts, text("b"), 1);
    (void)sl_counts_add(scratch, &counts, text("c"), 1);
    assert_true(sl_text_same(sl_counts_top(scratch, counts), text("c")));
    (void)sl_counts_add(scratch, &counts, text("b"), 1);
    (void)sl_counts_add(scratch, &counts, text("a"), 1); /* 2, 2, 1; a is newer */
    assert_true(sl_text_same(sl_counts_top(scratch, counts), text("a")));
    (void)sl_counts_add(scratch, &counts, text("b"), 0); /* adding nothing is adding to it */
    assert_true(sl_text_same(sl_counts_top(scratch, counts), text("b")));
    (void)sl_counts_add(scratch, &counts, text("c"), 1);
    assert_true(sl_text_same(sl_counts_top(scratch, counts), text("c")));
    (void)sl_counts_add(scratch, &counts, text("c"), -5); /* and it may become fewer */
    assert_true(sl_text_same(sl_counts_top(scratch, counts), text("b")));
}

static void the_top_of_many_is_found(void **state)
{
    sl_scratch *scratch = *state;
    sl_counts *counts = NULL;
    int64_t model[500] = {0}, last[500] = {0};
    uint64_t seed = 9;
    for (int step = 1; step < 5000; step++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        int key = (int)((seed >> 33) % (uint64_t)(1 + step / 10));
        model[key]++;
        last[key] = step;
        assert_int_equal(sl_counts_add(scratch, &counts, numbered(key), 1), model[key]);
        int top = 0;
        for (int i = 1; i < 500; i++)
            if (model[i] > model[top] || (model[i] == model[top] && last[i] > last[top]))
                top = i;
        assert_true(sl_text_same(sl_counts_top(scratch, counts), numbered(top)));
    }
}

static void a_list_keeps_each_text_once_in_order_of_appearance(void **state)
{
    sl_scratch *scratch = *state;
    for (size_t s = 0; s < SIZES; s++) {
        sl_list *list = NULL;
        for (int i = 0; i < sizes[s]; i++) {
            assert_true(sl_list_add(scratch, &list, numbered(i * 7 % 99991)));
            assert_false(sl_list_add(scratch, &list, numbered(i / 2 * 7 % 99991)));
        }
        assert_false(sl_list_add(scratch, &list, (sl_text){0})); /* empty is absent */
        assert_int_equal(sl_list_size(scratch, list), sizes[s]);
        for (int i = 0; i < sizes[s]; i++)
            assert_true(sl_text_same(list->items.items[i], numbered(i * 7 % 99991)));
        scratch_reset((struct scratch *)(void *)scratch);
    }
}

static void an_empty_text_makes_no_list(void **state)
{
    sl_list *list = NULL;
    assert_false(sl_list_add(*state, &list, (sl_text){0}));
    assert_int_equal(sl_list_size(*state, list), 0);
}

struct seen {
    int64_t number, times, more[5];
};

static void what_belongs_to_a_key_is_zeroed_and_does_not_move(void **state)
{
    sl_scratch *scratch = *state;
    enum { KEYS = 2000 };
    sl_map *map = NULL;
    static struct seen *at[KEYS];
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < KEYS; i++) {
            struct seen *seen = sl_map_at(scratch, &map, numbered(i), sizeof *seen);
            if (round == 0) {
                at[i] = seen;
                assert_int_equal(seen->number, 0);
                assert_int_equal(seen->more[4], 0);
                seen->number = i;
                seen->more[4] = -i;
            }
            assert_ptr_equal(seen, at[i]);
            seen->times++;
        }
    assert_int_equal(sl_map_size(scratch, map), KEYS);
    for (int i = 0; i < KEYS; i++) { /* in order of first appearance */
        const struct seen *seen = sl_map_item(scratch, map, i);
        assert_int_equal(seen->number, i);
        assert_int_equal(seen->more[4], -i);
        assert_int_equal(seen->times, 3);
    }
    assert_null(sl_map_item(scratch, map, -1));
    assert_null(sl_map_item(scratch, map, KEYS));
}

static void memory_is_zeroed_though_it_was_used_before(void **state)
{
    sl_scratch *scratch = *state;
    static const size_t wanted[] = {1, 16, 17, 1000, 70000, 3, 200000, 65536};
    for (int fold = 0; fold < 4; fold++) {
        char *taken[8];
        for (size_t i = 0; i < 8; i++) {
            taken[i] = sl_alloc(scratch, wanted[i]);
            assert_int_equal((uintptr_t)taken[i] % 16, 0);
            for (size_t byte = 0; byte < wanted[i]; byte++)
                assert_int_equal(taken[i][byte], 0);
            memset(taken[i], 1 + (int)i, wanted[i]);
        }
        for (size_t i = 0; i < 8; i++)
            for (size_t byte = 0; byte < wanted[i]; byte++)
                assert_int_equal(taken[i][byte], 1 + (int)i);
        scratch_reset((struct scratch *)(void *)scratch);
    }
}

static void a_text_can_be_looked_at(void **state)
{
    struct fixture *f = *state;
    sl_text short_text = text("short"), long_text = text_hold(&f->texts, "a text of some length", 21);
    sl_view view = sl_text_view(*state, &short_text);
    assert_int_equal(view.size, 5);
    assert_memory_equal(view.data, "short", 5);
    view = sl_text_view(*state, &long_text);
    assert_int_equal(view.size, 21);
    assert_memory_equal(view.data, "a text of some length", 21);
    text_drop(&f->texts, long_text);
}

static void is_text(const sl_scratch *scratch, sl_text text_is, const char *expected)
{
    sl_view view = sl_text_view(scratch, &text_is);
    assert_int_equal(view.size, strlen(expected));
    assert_memory_equal(view.data, expected, view.size);
}

static void a_text_that_is_made_is_the_one_that_records_have(void **state)
{
    struct fixture *f = *state;
    sl_scratch *scratch = *state;
    sl_text kept = text_hold(&f->texts, "running shoes", 13);
    for (int fold = 0; fold < 3; fold++) {
        assert_true(sl_text_same(sl_text_literal(scratch, "running shoes"), kept));
        assert_true(sl_text_same(sl_text_lower(scratch, sl_text_literal(scratch, "Running SHOES")), kept));
        assert_true(sl_text_same(sl_text_join(scratch, text("running"), " ", text("shoes")), kept));
        assert_true(sl_text_same(sl_text_part(scratch, sl_text_literal(scratch, "my running shoes!"), 3, 13), kept));
        assert_true(sl_text_same(sl_text_literal(scratch, "shoes"), text("shoes")));
        sl_text fresh = sl_text_literal(scratch, "walking shoes");
        assert_true(sl_text_same(sl_text_literal(scratch, "walking shoes"), fresh));
        assert_false(sl_text_same(fresh, kept));
        is_text(scratch, fresh, "walking shoes");
        sl_counts *counts = NULL;
        (void)sl_counts_add(scratch, &counts, kept, 1);
        assert_int_equal(sl_counts_add(scratch, &counts, sl_text_literal(scratch, "running shoes"), 1), 2);
        assert_int_equal(f->texts.count, 4); /* kept, fresh, and two on the way */
        scratch_reset(&f->scratch);
        assert_int_equal(f->texts.count, 1);
    }
    is_text(scratch, kept, "running shoes");
    text_drop(&f->texts, kept);
}

static void parts_end_between_characters(void **state)
{
    sl_scratch *scratch = *state;
    sl_text whole = sl_text_literal(scratch, "caf\u00e9 cr\u00e8me"); /* é is bytes 3 and 4 */
    is_text(scratch, sl_text_part(scratch, whole, 0, 3), "caf");
    is_text(scratch, sl_text_part(scratch, whole, 0, 4), "caf");
    is_text(scratch, sl_text_part(scratch, whole, 0, 5), "caf\u00e9");
    is_text(scratch, sl_text_part(scratch, whole, 4, 3), "\u00e9 c"); /* from the beginning of the character to byte 7 */
    is_text(scratch, sl_text_part(scratch, whole, 6, SIZE_MAX), "cr\u00e8me");
    assert_true(sl_text_empty(sl_text_part(scratch, whole, 100, 5)));
    assert_true(sl_text_empty(sl_text_part(scratch, whole, 2, 0)));
    assert_true(sl_text_empty(sl_text_part(scratch, (sl_text){0}, 0, 5)));
    is_text(scratch, sl_text_lower(scratch, sl_text_literal(scratch, "CAF\u00c9 Z[@")), "caf\u00c9 z[@");
}

static void numbers_as_text(void **state)
{
    sl_scratch *scratch = *state;
    is_text(scratch, sl_text_number(scratch, 0), "0");
    is_text(scratch, sl_text_number(scratch, -42), "-42");
    is_text(scratch, sl_text_number(scratch, INT64_MAX), "9223372036854775807");
    is_text(scratch, sl_text_number(scratch, INT64_MIN), "-9223372036854775808");
    assert_true(sl_text_same(sl_text_number(scratch, 12345), text("12345")));
}

static void what_is_no_utf8_is_repaired_and_what_is_too_long_is_cut(void **state)
{
    sl_scratch *scratch = *state;
    is_text(scratch, sl_text_make(scratch, (sl_view){"a\xff" "b\xc3", 4}), "a\xef\xbf\xbd" "b\xef\xbf\xbd");
    is_text(scratch, sl_text_make(scratch, (sl_view){"\xed\xa0\x80", 3}), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    assert_true(sl_text_empty(sl_text_make(scratch, (sl_view){NULL, 0})));
    size_t size = SL_TEXT_MADE_MAX + 10;
    char *bytes = sl_alloc(scratch, size);
    memset(bytes, 'x', size);
    memcpy(bytes + SL_TEXT_MADE_MAX - 1, "\u00e9", 2); /* across the limit */
    sl_text cut = sl_text_make(scratch, (sl_view){bytes, size});
    assert_int_equal(sl_text_view(scratch, &cut).size, SL_TEXT_MADE_MAX - 1);
    cut = sl_text_make(scratch, (sl_view){bytes, SL_TEXT_MADE_MAX - 1});
    assert_int_equal(sl_text_view(scratch, &cut).size, SL_TEXT_MADE_MAX - 1);
    memset(bytes, 0xff, size);
    cut = sl_text_make(scratch, (sl_view){bytes, size});
    assert_int_equal(sl_text_view(scratch, &cut).size, SL_TEXT_MADE_MAX / 3 * 3);
}

static void collections_are_walked_in_order_of_first_appearance(void **state)
{
    sl_scratch *scratch = *state;
    for (size_t s = 0; s < SIZES; s++) {
        sl_counts *counts = NULL;
        sl_list *list = NULL;
        sl_map *map = NULL;
        int last = sizes[s] - 1;
        for (int i = last; i >= 0; i--) { /* not in an order of their own */
            (void)sl_counts_add(scratch, &counts, numbered(i), i + 1);
            (void)sl_list_add(scratch, &list, numbered(i));
            *(int *)sl_map_at(scratch, &map, numbered(i), sizeof(int)) = i;
        }
        (void)sl_counts_add(scratch, &counts, numbered(0), 5); /* it stays where it is */
        for (int i = 0; i <= last; i++) {
            sl_text key;
            assert_int_equal(sl_counts_item(scratch, counts, i, &key), last - i + 1 + (i == last ? 5 : 0));
            assert_true(sl_text_same(key, numbered(last - i)));
            assert_int_equal(sl_counts_of(scratch, counts, key), last - i + 1 + (i == last ? 5 : 0));
            assert_true(sl_text_same(sl_list_item(scratch, list, i), numbered(last - i)));
            assert_true(sl_text_same(sl_map_key(scratch, map, i), numbered(last - i)));
            assert_int_equal(*(int *)sl_map_item(scratch, map, i), last - i);
        }
        static const int64_t beyond[] = {-1, INT64_MIN, INT64_MAX, 0};
        for (size_t i = 0; i < 4; i++) {
            int64_t index = beyond[i] == 0 ? sizes[s] : beyond[i];
            sl_text key = numbered(1);
            assert_int_equal(sl_counts_item(scratch, counts, index, &key), 0);
            assert_true(sl_text_empty(key) && sl_text_empty(sl_list_item(scratch, list, index)));
            assert_true(sl_text_empty(sl_map_key(scratch, map, index)));
        }
        assert_int_equal(sl_counts_of(scratch, counts, text("nobody")), 0);
        scratch_reset((struct scratch *)(void *)scratch);
    }
    sl_text key = numbered(1);
    assert_int_equal(sl_counts_item(scratch, NULL, 0, &key), 0);
    assert_int_equal(sl_counts_of(scratch, NULL, key), 0);
    assert_true(sl_text_empty(sl_list_item(scratch, NULL, 0)) && sl_text_empty(sl_map_key(scratch, NULL, 0)));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(counts_add_up),
        TEST(nothing_counted_has_no_top),
        TEST(the_empty_text_is_counted_as_any),
        TEST(of_equal_counts_the_one_added_to_last_is_the_top),
        TEST(the_top_of_many_is_found),
        TEST(a_list_keeps_each_text_once_in_order_of_appearance),
        TEST(an_empty_text_makes_no_list),
        TEST(what_belongs_to_a_key_is_zeroed_and_does_not_move),
        TEST(memory_is_zeroed_though_it_was_used_before),
        TEST(a_text_can_be_looked_at),
        TEST(a_text_that_is_made_is_the_one_that_records_have),
        TEST(parts_end_between_characters),
        TEST(numbers_as_text),
        TEST(what_is_no_utf8_is_repaired_and_what_is_too_long_is_cut),
        TEST(collections_are_walked_in_order_of_first_appearance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
