/* id_index.c - the set of ids against a plain array. */
#include "engine/id_index.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint64_t seed;

static uint64_t next_random(void)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return seed >> 20;
}

/* Few low bits, so that ids meet in the same places; 0 and the largest among them. */
static uint64_t id_number(uint64_t number)
{
    return number == 0 ? 0 : number == 1 ? UINT64_MAX : number % 13 << 32 | number << 40 | number % 5;
}

static void the_set_holds_what_was_added_and_not_removed(void **state)
{
    (void)state;
    enum { IDS = 1000 };
    for (seed = 1; seed < 20;) {
        uint64_t started = seed;
        struct slab slab = {0};
        bool model[IDS] = {false};
        struct id_index *index = id_index_new(&slab, 10 + seed % 60);
        for (int step = 0; step < 20000; step++) {
            uint64_t number = next_random() % IDS;
            bool more = next_random() % 100 < (step / 4000 % 2 == 0 ? 70 : 30);
            if (more)
                index = id_index_add(index, &slab, id_number(number)); /* also what is there already */
            else
                id_index_remove(index, id_number(number)); /* also what is not there */
            model[number] = more;
            number = next_random() % IDS;
            assert_int_equal(id_index_has(index, id_number(number)), model[number]);
            if (step % 1000 == 0)
                for (uint64_t i = 0; i < IDS; i++)
                    assert_int_equal(id_index_has(index, id_number(i)), model[i]);
        }
        id_index_free(index, &slab);
        assert_int_equal(slab.used, 0); /* the tables it grew out of were given back */
        slab_free(&slab);
        seed = started + 1;
    }
}

static void an_index_larger_than_the_slab_takes_is_given_back(void **state)
{
    (void)state;
    struct slab slab = {0};
    struct id_index *index = id_index_new(&slab, 0);
    for (uint64_t id = 0; id < 50000; id++)
        index = id_index_add(index, &slab, id * 64);
    for (uint64_t id = 0; id < 50000 * 64; id++)
        assert_int_equal(id_index_has(index, id), id % 64 == 0);
    id_index_free(index, &slab);
    assert_int_equal(slab.used, 0);
    id_index_free(NULL, &slab);
    slab_free(&slab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_set_holds_what_was_added_and_not_removed),
        cmocka_unit_test(an_index_larger_than_the_slab_takes_is_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
