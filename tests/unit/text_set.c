/* text_set.c - texts that were made to meet in a fold's set: searches stay short, and what comes out is the same. */
#include "engine/text_set.c" /* for how far from its position a text lies */

#include "base/text_handle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define TEXTS 950
#define MASK  2047u /* of the table that so many texts have */

static sl_text numbered(uint32_t number)
{
    char bytes[12];
    int length = snprintf(bytes, sizeof bytes, "%07u", number);
    return text_inline(bytes, (size_t)length);
}

/* Where the unseeded table of former versions had it. */
static uint32_t former_position(sl_text text, uint32_t mask)
{
    return (uint32_t)((text.handle * 0x9e3779b97f4a7c15u) >> 32) & mask;
}

static void make_colliding(sl_text *texts, uint32_t (*place)(sl_text text, uint32_t mask))
{
    size_t count = 0;
    for (uint32_t number = 0; count < TEXTS; number++) {
        assert_true(number < 10000000);
        texts[count] = numbered(number);
        count += place(texts[count], MASK) == 7;
    }
}

/* The most steps that a search takes. What the set says of its texts is checked on the way: their order of appearance. */
static uint32_t longest_search(const sl_text *texts, uint64_t secret)
{
    struct arena arena = {0};
    struct text_set set = {0};
    uint32_t longest = 0;
    bool is_new;
    hash_secret = secret;
    for (uint32_t round = 0; round < 2; round++)
        for (uint32_t i = 0; i < TEXTS; i++) {
            assert_int_equal(text_set_add(&set, &arena, texts[i], &is_new), i);
            assert_int_equal(is_new, round == 0);
        }
    assert_int_equal(set.slot_count, MASK + 1);
    for (uint32_t at = 0; at < set.slot_count; at++) {
        uint32_t steps = set.slots[at] == 0 ? 0 : (at - position(set.items[set.slots[at] - 1], MASK)) & MASK;
        if (steps > longest)
            longest = steps;
    }
    arena_free(&arena);
    hash_secret = 0;
    return longest;
}

static void texts_that_met_in_the_unseeded_table_do_not(void **state)
{
    (void)state;
    sl_text texts[TEXTS];
    make_colliding(texts, former_position);
    assert_in_range(longest_search(texts, 0), 1, 60);
}

static void texts_that_meet_under_one_secret_do_not_under_another(void **state)
{
    (void)state;
    sl_text texts[TEXTS];
    make_colliding(texts, position);
    assert_in_range(longest_search(texts, 0), TEXTS - 1, TEXTS);
    assert_in_range(longest_search(texts, 0x123456789abcdef), 1, 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_that_met_in_the_unseeded_table_do_not),
        cmocka_unit_test(texts_that_meet_under_one_secret_do_not_under_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
