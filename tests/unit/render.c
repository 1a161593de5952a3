/* render.c - features as text: FEATURES.md section 0. */
#include "engine/render.h"

#include "base/text_handle.h"
#include "engine/scratch.h"
#include "engine/texts.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
    struct scratch scratch;
    struct slab slab;
    struct texts texts;
    struct buffer out;
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
    texts_free(&f->texts);
    slab_free(&f->slab);
    buffer_free(&f->out);
    free(f);
    return 0;
}

static sl_text text(struct fixture *f, const char *bytes) { return text_hold(&f->texts, bytes, strlen(bytes)); }

/* The cell as text, terminated; NULL if it is absent. What is in the buffer before must stay. */
static const char *rendered(struct fixture *f, sl_cell cell)
{
    buffer_reset(&f->out);
    buffer_literal(&f->out, "before|");
    bool present = render_cell(&cell, &f->scratch.arena, &f->out);
    if (!present)
        assert_int_equal(f->out.size, 7); /* nothing appended */
    buffer_byte(&f->out, '\0');
    assert_memory_equal(f->out.data, "before|", 7);
    return present ? f->out.data + 7 : NULL;
}

static void plain_values(void **state)
{
    struct fixture *f = *state;
    assert_string_equal(rendered(f, sl_cell_bool(true)), "true");
    assert_string_equal(rendered(f, sl_cell_bool(false)), "false");
    assert_string_equal(rendered(f, sl_cell_i64(INT64_MIN)), "-9223372036854775808");
    assert_string_equal(rendered(f, sl_cell_i64(0)), "0");
    assert_string_equal(rendered(f, sl_cell_f64(28.5)), "28.5");
    assert_string_equal(rendered(f, sl_cell_money(42990000)), "42.99");
    assert_string_equal(rendered(f, sl_cell_text(text(f, "short"))), "short");
    assert_string_equal(rendered(f, sl_cell_text(text(f, "a \"longer\" text"))), "a \"longer\" text"); /* as it is */
}

static void a_zeroed_cell_and_an_empty_text_are_absent(void **state)
{
    struct fixture *f = *state;
    assert_null(rendered(f, (sl_cell){0}));
    assert_null(rendered(f, sl_cell_text((sl_text){0})));
    assert_null(rendered(f, (sl_cell){.type = SL_CHOICE})); /* not a feature's type */
    assert_null(rendered(f, (sl_cell){.type = (sl_type)99}));
}

static void what_is_no_finite_number_is_absent(void **state)
{
    struct fixture *f = *state;
    sl_scratch *scratch = &f->scratch.base;
    const double not_finite[] = {NAN, -NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < 4; i++) {
        sl_cell cell = sl_cell_f64(not_finite[i]);
        sl_cell joined = sl_cell_join(scratch, sl_cell_i64(1), "-", sl_cell_join(scratch, sl_cell_i64(2), "-", cell));
        assert_null(rendered(f, cell));
        assert_null(rendered(f, joined));
        assert_true(render_not_finite(&cell) && render_not_finite(&joined));
    }
    sl_cell good = sl_cell_join(scratch, sl_cell_f64(1.5), "-", sl_cell_f64(2)), absent = {0};
    assert_false(render_not_finite(&good) || render_not_finite(&absent));
}

static void joined_cells_stand_and_fall_together(void **state)
{
    struct fixture *f = *state;
    sl_scratch *scratch = &f->scratch.base;
    sl_cell range = sl_cell_join(scratch, sl_cell_money(39990000), "-", sl_cell_money(42990000));
    assert_string_equal(rendered(f, range), "39.99-42.99");
    assert_string_equal(rendered(f, sl_cell_join(scratch, range, " of ", sl_cell_text(text(f, "all the prices")))),
                        "39.99-42.99 of all the prices");
    assert_string_equal(rendered(f, sl_cell_join(scratch, sl_cell_i64(1), "", sl_cell_i64(2))), "12");
    sl_cell empty = sl_cell_text((sl_text){0});
    assert_null(rendered(f, sl_cell_join(scratch, empty, "-", sl_cell_i64(1))));
    assert_null(rendered(f, sl_cell_join(scratch, sl_cell_i64(1), "-", empty)));
    assert_null(rendered(f, sl_cell_join(scratch, sl_cell_join(scratch, range, "-", empty), "-", range)));
}

static void nothing_is_an_empty_map_or_list(void **state)
{
    struct fixture *f = *state;
    assert_string_equal(rendered(f, sl_cell_counts(NULL)), "{}");
    assert_string_equal(rendered(f, sl_cell_list(NULL)), "[]");
}

static void keys_of_a_map_are_in_byte_order(void **state)
{
    struct fixture *f = *state;
    sl_scratch *scratch = &f->scratch.base;
    sl_counts *counts = NULL;
    /* Short and long ones, one the other's beginning; bytes above 127 come last. */
    static const char *const keys[] = {"b", "\xc3\xa9t\xc3\xa9", "a", "a long key", "a long key, longer", "", "B", "10", "9", "ab"};
    for (int64_t i = 0; i < 10; i++)
        (void)sl_counts_add(scratch, &counts, text(f, keys[i]), i - 2);
    assert_string_equal(rendered(f, sl_cell_counts(counts)),
                        "{\"\":3,\"10\":5,\"9\":6,\"B\":4,\"a\":0,\"a long key\":1,\"a long key, longer\":2,\"ab\":7,\"b\":-2,"
                        "\"\xc3\xa9t\xc3\xa9\":-1}");
}

static void a_list_keeps_its_order(void **state)
{
    struct fixture *f = *state;
    sl_list *list = NULL;
    static const char *const items[] = {"Phone", "Desktop", "Tablet", "a longer one", "Desktop"};
    for (size_t i = 0; i < 5; i++)
        (void)sl_list_add(&f->scratch.base, &list, text(f, items[i]));
    assert_string_equal(rendered(f, sl_cell_list(list)), "[\"Phone\",\"Desktop\",\"Tablet\",\"a longer one\"]");
}

static void texts_in_maps_and_lists_are_escaped(void **state)
{
    struct fixture *f = *state;
    sl_counts *counts = NULL;
    sl_list *list = NULL;
    sl_text text = text_hold(&f->texts, "\"\\/\b\f\n\r\t\x01\x1f\x7f", 11);
    (void)sl_counts_add(&f->scratch.base, &counts, text, 1);
    (void)sl_list_add(&f->scratch.base, &list, text);
    assert_string_equal(rendered(f, sl_cell_counts(counts)), "{\"\\\"\\\\/\\u0008\\u000c\\n\\r\\t\\u0001\\u001f\x7f\":1}");
    assert_string_equal(rendered(f, sl_cell_list(list)), "[\"\\\"\\\\/\\u0008\\u000c\\n\\r\\t\\u0001\\u001f\x7f\"]");
}

static size_t count_of(const char *in, const char *what)
{
    size_t count = 0;
    for (const char *at = in; (at = strstr(at, what)) != NULL; at++)
        count++;
    return count;
}

static void of_a_large_map_the_most_counted_are_written_then_by_key(void **state)
{
    struct fixture *f = *state;
    sl_counts *counts = NULL;
    char key[16];
    /* 3 entries with 5, 600 with 4, 1000 with 3: of the last only the first 397 by key fit. In no order. */
    for (int step = 0; step < 1603; step++) {
        int i = step * 1000 % 1603;
        (void)snprintf(key, sizeof key, "key-%05d", i);
        (void)sl_counts_add(&f->scratch.base, &counts, text(f, key), i % 534 == 533 ? 5 : i % 2 == 0 && i < 1200 ? 4 : 3);
    }
    const char *map = rendered(f, sl_cell_counts(counts));
    assert_int_equal(count_of(map, "\":"), RENDER_ENTRIES_MAX);
    int left = RENDER_ENTRIES_MAX;
    const char *previous = NULL;
    char entry[24];
    for (int64_t wanted = 5; wanted >= 3; wanted--)
        for (int i = 0; i < 1603; i++) {
            int64_t count = i % 534 == 533 ? 5 : i % 2 == 0 && i < 1200 ? 4 : 3;
            if (count != wanted)
                continue;
            (void)snprintf(entry, sizeof entry, "\"key-%05d\":%d", i, (int)count);
            const char *at = strstr(map, entry);
            assert_int_equal(at != NULL, left > 0);
            left -= left > 0;
        }
    for (int i = 0; i < 1603; i++) { /* and what is written is in the order of keys again */
        (void)snprintf(entry, sizeof entry, "\"key-%05d\":", i);
        const char *at = strstr(map, entry);
        if (at == NULL)
            continue;
        assert_true(previous == NULL || at > previous);
        previous = at;
    }
}

static void exactly_as_many_as_allowed_are_all_written(void **state)
{
    struct fixture *f = *state;
    sl_counts *counts = NULL;
    sl_list *list = NULL;
    char key[16];
    for (int i = 0; i < RENDER_ENTRIES_MAX; i++) {
        (void)snprintf(key, sizeof key, "%d", i);
        (void)sl_counts_add(&f->scratch.base, &counts, text(f, key), 1);
        (void)sl_list_add(&f->scratch.base, &list, text(f, key));
    }
    assert_int_equal(count_of(rendered(f, sl_cell_counts(counts)), ":1"), RENDER_ENTRIES_MAX);
    assert_int_equal(count_of(rendered(f, sl_cell_list(list)), ","), RENDER_ENTRIES_MAX - 1);
    (void)sl_list_add(&f->scratch.base, &list, text(f, "one more"));
    const char *written = rendered(f, sl_cell_list(list));
    assert_int_equal(count_of(written, ","), RENDER_ENTRIES_MAX - 1);
    assert_null(strstr(written, "one more")); /* a list keeps the first */
}

/* Texts of 4 096 bytes: 64 of them are as many as may be written; one that is larger than all that alone. */
static void no_more_than_so_many_bytes_of_texts_are_written(void **state)
{
    struct fixture *f = *state;
    sl_counts *counts = NULL;
    sl_list *list = NULL;
    char key[4097];
    memset(key, 'x', sizeof key);
    key[4096] = '\0';
    for (int i = 0; i < 100; i++) {
        (void)snprintf(key, 4, "%03d", i);
        key[3] = '-';
        (void)sl_counts_add(&f->scratch.base, &counts, text(f, key), i == 99 ? 2 : 1);
        (void)sl_list_add(&f->scratch.base, &list, text(f, key));
    }
    const char *written = rendered(f, sl_cell_list(list));
    assert_int_equal(count_of(written, "-x"), RENDER_TEXTS_MAX / 4096);
    assert_non_null(strstr(written, "\"063-"));
    assert_null(strstr(written, "\"064-"));
    written = rendered(f, sl_cell_counts(counts));
    assert_int_equal(count_of(written, "-x"), RENDER_TEXTS_MAX / 4096);
    assert_non_null(strstr(written, "\"062-"));
    assert_null(strstr(written, "\"063-"));
    assert_non_null(strstr(written, "\"099-")); /* counted most */
    char *large = malloc(RENDER_TEXTS_MAX + 2);
    memset(large, 'y', RENDER_TEXTS_MAX + 1);
    large[RENDER_TEXTS_MAX + 1] = '\0';
    counts = NULL;
    (void)sl_counts_add(&f->scratch.base, &counts, text(f, large), 2);
    (void)sl_counts_add(&f->scratch.base, &counts, text(f, "z"), 1);
    written = rendered(f, sl_cell_counts(counts));
    assert_int_equal(count_of(written, "\":2"), 1);
    assert_int_equal(count_of(written, "\":1"), 0);
    free(large);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(plain_values),
        TEST(a_zeroed_cell_and_an_empty_text_are_absent),
        TEST(what_is_no_finite_number_is_absent),
        TEST(joined_cells_stand_and_fall_together),
        TEST(nothing_is_an_empty_map_or_list),
        TEST(keys_of_a_map_are_in_byte_order),
        TEST(a_list_keeps_its_order),
        TEST(texts_in_maps_and_lists_are_escaped),
        TEST(of_a_large_map_the_most_counted_are_written_then_by_key),
        TEST(exactly_as_many_as_allowed_are_all_written),
        TEST(no_more_than_so_many_bytes_of_texts_are_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
