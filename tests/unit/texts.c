/* texts.c - interned texts: equal text has one handle, as long as somebody holds it, whatever else comes and goes. */
#include "engine/texts.h"

#include "base/text_handle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
    struct slab slab;
    struct texts texts;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    texts_init(&f->texts, &f->slab);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    texts_free(&f->texts);
    slab_free(&f->slab);
    free(f);
    return 0;
}

static sl_text hold(struct fixture *f, const char *text) { return text_hold(&f->texts, text, strlen(text)); }

static void is(sl_text text, const char *expected)
{
    sl_view view = text_view(&text);
    assert_int_equal(view.size, strlen(expected));
    assert_memory_equal(view.data, expected, view.size);
}

static void a_text_of_seven_bytes_lives_in_its_handle(void **state)
{
    struct fixture *f = *state;
    static const char *const texts[] = {"", "a", "web", "1234567", "\xff\xff\xff\xff\xff\xff\xff"};
    for (size_t i = 0; i < 5; i++) {
        sl_text text = hold(f, texts[i]);
        is(text, texts[i]);
        assert_int_equal(sl_text_empty(text), i == 0);
        assert_true(sl_text_same(text, hold(f, texts[i])));
        text_drop(&f->texts, text); /* means nothing */
        is(text, texts[i]);
    }
    assert_int_equal(f->texts.count, 0);
    assert_int_equal(f->slab.used, 0);
    assert_false(sl_text_same(hold(f, "ab"), text_hold(&f->texts, "ab\0", 3))); /* sizes tell them apart */
}

static void equal_text_has_one_handle(void **state)
{
    struct fixture *f = *state;
    sl_text first = hold(f, "a long text"), other = hold(f, "a long texT");
    char copy[] = "a long text";
    sl_text second = text_hold(&f->texts, copy, strlen(copy));
    memset(copy, 'x', sizeof copy - 1); /* it has been copied */
    assert_true(sl_text_same(first, second));
    assert_false(sl_text_same(first, other));
    is(first, "a long text");
    is(other, "a long texT");
    assert_int_equal(f->texts.count, 2);
    /* One is the other's beginning; and zero bytes are bytes. */
    assert_false(sl_text_same(hold(f, "12345678"), hold(f, "123456789")));
    assert_false(sl_text_same(text_hold(&f->texts, "1234\0005678", 9), text_hold(&f->texts, "1234\0005679", 9)));
}

static void a_text_stays_until_its_last_holder_drops_it(void **state)
{
    struct fixture *f = *state;
    sl_text text = hold(f, "held three times");
    (void)hold(f, "held three times");
    (void)hold(f, "held three times");
    for (int holders = 3; holders > 0; holders--) {
        assert_int_equal(f->texts.count, 1);
        is(text, "held three times");
        text_drop(&f->texts, text);
    }
    assert_int_equal(f->texts.count, 0);
    assert_int_equal(f->slab.used, 0);
    is(hold(f, "held three times"), "held three times");
}

static void a_text_may_be_larger_than_the_slab_takes(void **state)
{
    struct fixture *f = *state;
    size_t size = SLAB_LARGEST * 3;
    char *large = malloc(size);
    memset(large, 'l', size);
    sl_text text = text_hold(&f->texts, large, size);
    assert_true(sl_text_same(text, text_hold(&f->texts, large, size)));
    large[size - 1] = 'm';
    assert_false(sl_text_same(text, text_hold(&f->texts, large, size))); /* left to texts_free() */
    assert_int_equal(text_view(&text).size, size);
    text_drop(&f->texts, text);
    text_drop(&f->texts, text);
    assert_int_equal(f->texts.count, 1);
    free(large);
}

/* A table nearly as full as it gets, from which texts go in any order: each removal closes its hole in the chain, and those
 * behind it are still found; through several growths. */
static void whoever_is_held_is_found_whatever_else_goes(void **state)
{
    struct fixture *f = *state;
    enum { TEXTS = 6000 };
    static sl_text handles[TEXTS];
    static uint32_t holders[TEXTS];
    memset(holders, 0, sizeof holders);
    uint64_t seed = 5;
    size_t held = 0;
    for (int step = 0; step < 300000; step++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        /* Waves: now mostly more, now mostly fewer. */
        bool more = (seed >> 60) < (step / 30000 % 2 == 0 ? 11u : 5u);
        size_t at = (size_t)(seed >> 33) % TEXTS;
        char text[40];
        (void)snprintf(text, sizeof text, "text number %zu", at);
        if (more) {
            sl_text handle = hold(f, text);
            if (holders[at] > 0)
                assert_true(sl_text_same(handle, handles[at]));
            handles[at] = handle;
            held += holders[at]++ == 0;
        } else if (holders[at] > 0) {
            is(handles[at], text);
            text_drop(&f->texts, handles[at]);
            held -= --holders[at] == 0;
        }
        assert_int_equal(f->texts.count, held);
    }
    for (size_t at = 0; at < TEXTS; at++)
        for (; holders[at] > 0; holders[at]--)
            text_drop(&f->texts, handles[at]);
    assert_int_equal(f->texts.count, 0);
    assert_int_equal(f->slab.used, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_text_of_seven_bytes_lives_in_its_handle),
        TEST(equal_text_has_one_handle),
        TEST(a_text_stays_until_its_last_holder_drops_it),
        TEST(a_text_may_be_larger_than_the_slab_takes),
        TEST(whoever_is_held_is_found_whatever_else_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
