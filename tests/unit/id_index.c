/* id_index.c - the set of ids against a plain array, and against ids that were made to meet in it. */
#include "engine/id_index.c" /* for how far from its home an id lies */

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

/* The most steps that a search for an id that is there takes. */
static size_t longest_search(const struct id_index *index)
{
    size_t longest = 0;
    for (size_t at = 0; at < index->capacity; at++) {
        size_t steps = (at - home(index, index->slots[at])) & (index->capacity - 1);
        if (index->slots[at] != 0 && steps > longest)
            longest = steps;
    }
    return longest;
}

static size_t longest_search_of(const uint64_t *ids, size_t count, uint64_t secret)
{
    struct slab slab = {0};
    hash_secret = secret;
    struct id_index *index = id_index_new(&slab, 0);
    for (size_t i = 0; i < count; i++)
        index = id_index_add(index, &slab, ids[i]);
    size_t longest = longest_search(index);
    for (size_t i = 0; i < count; i++) {
        assert_true(id_index_has(index, ids[i]));
        id_index_remove(index, ids[i]);
        assert_false(id_index_has(index, ids[i]));
    }
    id_index_free(index, &slab);
    slab_free(&slab);
    hash_secret = 0;
    return longest;
}

/* Ids are XXH3 of texts that the client chooses: it can look for those that agree in as many low bits as it wants. */
static void ids_with_equal_low_bits_do_not_meet(void **state)
{
    (void)state;
    enum { IDS = 22000 };
    static uint64_t ids[IDS];
    for (uint64_t i = 0; i < IDS; i++)
        ids[i] = i << 20 | 0xabcde;
    assert_in_range(longest_search_of(ids, IDS, 0), 1, 60);
}

/* And whoever knows how ids are placed, but not the secret, can't make any that meet. */
static void ids_that_meet_under_one_secret_do_not_under_another(void **state)
{
    (void)state;
    enum { IDS = 1000 };
    uint64_t ids[IDS];
    size_t count = 0;
    for (uint64_t id = 1; count < IDS; id++)
        if ((hash_place(&id, sizeof id) & 2047) == 7)
            ids[count++] = id;
    assert_in_range(longest_search_of(ids, IDS, 0), IDS - 1, IDS);
    assert_in_range(longest_search_of(ids, IDS, 0x123456789abcdef), 1, 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_set_holds_what_was_added_and_not_removed),
        cmocka_unit_test(an_index_larger_than_the_slab_takes_is_given_back),
        cmocka_unit_test(ids_with_equal_low_bits_do_not_meet),
        cmocka_unit_test(ids_that_meet_under_one_secret_do_not_under_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
