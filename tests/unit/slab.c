/* slab.c - blocks by size: big enough, aligned, apart from each other, used again, and counted. */
#include "engine/slab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void a_block_holds_what_was_asked_for_and_little_more(void **state)
{
    (void)state;
    assert_true(slab_room(0) > 0);
    size_t before = 0;
    for (size_t size = 1; size <= SLAB_LARGEST; size++) {
        size_t room = slab_room(size);
        assert_true(room >= size);
        assert_true(room >= before); /* a larger wish is never given less */
        assert_true(room % 8 == 0);
        assert_true(room - size < 8 + size / 4);
        assert_int_equal(slab_room(room), room); /* asking for the room gives the room */
        before = room;
    }
    assert_int_equal(slab_room(SLAB_LARGEST), SLAB_LARGEST);
    assert_int_equal(slab_room(SLAB_LARGEST + 1), SLAB_LARGEST + 1);
    assert_int_equal(slab_room(10000000), 10000000);
}

static void blocks_are_aligned_and_do_not_overlap(void **state)
{
    (void)state;
    struct slab slab = {0};
    enum { BLOCKS = 3000 };
    unsigned char *blocks[BLOCKS];
    size_t sizes[BLOCKS];
    for (size_t i = 0; i < BLOCKS; i++) {
        sizes[i] = slab_room(1 + i * i % 1500);
        blocks[i] = slab_take(&slab, sizes[i]);
        assert_int_equal((uintptr_t)blocks[i] % 8, 0);
        memset(blocks[i], (int)(i % 251), sizes[i]);
    }
    for (size_t i = 0; i < BLOCKS; i++)
        for (size_t byte = 0; byte < sizes[i]; byte++)
            assert_int_equal(blocks[i][byte], i % 251);
    slab_free(&slab);
}

static void what_is_given_back_is_used_again(void **state)
{
    (void)state;
    struct slab slab = {0};
    enum { BLOCKS = 5000 };
    static void *blocks[BLOCKS];
    size_t mapped = 0;
    /* All blocks of one size, then all of another: what one leaves behind serves the next. */
    for (size_t round = 0; round < 40; round++) {
        size_t size = 100 + round % 4 * 8;
        for (size_t i = 0; i < BLOCKS; i++)
            blocks[i] = slab_take(&slab, size);
        for (size_t i = 0; i < BLOCKS; i++)
            slab_give(&slab, blocks[i * 7 % BLOCKS], size);
        assert_int_equal(slab.used, 0);
        if (round == 3)
            mapped = slab.mapped;
        assert_true(round <= 3 || slab.mapped == mapped);
    }
    for (int i = 0; i < 100000; i++) /* a span on the edge, emptied again and again */
        slab_give(&slab, slab_take(&slab, 333), 333);
    assert_int_equal(slab.mapped, mapped);
    slab_free(&slab);
}

/* Half a pointer finds its block, in whichever chunk it lies. */
static void a_reference_finds_its_block(void **state)
{
    (void)state;
    struct slab slab = {0};
    enum { BLOCKS = 4000 }; /* several chunks of 1 MB */
    static void *blocks[BLOCKS];
    static uint32_t refs[BLOCKS];
    for (size_t i = 0; i < BLOCKS; i++) {
        blocks[i] = slab_take(&slab, 8 + i % 260 * 8);
        refs[i] = slab_ref(blocks[i]);
        assert_true(refs[i] != 0 && refs[i] < (uint32_t)1 << 31);
    }
    assert_true(slab.chunk_count > 2);
    for (size_t i = 0; i < BLOCKS; i++)
        assert_ptr_equal(slab_at(&slab, refs[i]), blocks[i]);
    slab_free(&slab);
}

static void a_large_block_is_counted_and_freed_alone(void **state)
{
    (void)state;
    struct slab slab = {0};
    char *large = slab_take(&slab, SLAB_LARGEST * 10);
    memset(large, 1, SLAB_LARGEST * 10);
    assert_int_equal(slab.used, SLAB_LARGEST * 10);
    assert_int_equal(slab.reserved, SLAB_LARGEST * 10);
    slab_give(&slab, large, SLAB_LARGEST * 10);
    assert_int_equal(slab.used, 0);
    assert_int_equal(slab.reserved, 0);
    slab_give(&slab, NULL, 0); /* nothing is no block */
    assert_int_equal(slab.used, 0);
    slab_free(&slab);
}

/* Random sizes of all kinds: what is used is what is out, whatever the order. */
static void used_is_what_is_out(void **state)
{
    (void)state;
    struct slab slab = {0};
    enum { BLOCKS = 400 };
    struct {
        unsigned char *block;
        size_t size;
    } out[BLOCKS] = {0};
    uint64_t seed = 11;
    size_t used = 0;
    for (int step = 0; step < 40000; step++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        size_t at = (size_t)(seed >> 33) % BLOCKS;
        if (out[at].block != NULL) {
            for (size_t byte = 0; byte < out[at].size; byte += 1 + out[at].size / 7)
                assert_int_equal(out[at].block[byte], at % 251);
            slab_give(&slab, out[at].block, out[at].size);
            used -= slab_room(out[at].size);
            out[at].block = NULL;
        } else {
            out[at].size = (size_t)1 << (seed >> 20) % 18;
            out[at].size += (size_t)(seed >> 40) % out[at].size;
            out[at].block = slab_take(&slab, out[at].size);
            memset(out[at].block, (int)(at % 251), out[at].size);
            used += slab_room(out[at].size);
        }
        assert_int_equal(slab.used, used);
        assert_true(slab.reserved >= used);
    }
    for (size_t at = 0; at < BLOCKS; at++)
        slab_give(&slab, out[at].block, out[at].size);
    assert_int_equal(slab.used, 0);
    slab_free(&slab);
}

/* Eight megabytes that come and go: what is left stays where it is and keeps its name, and new blocks find place. */
static void spare_megabytes_go_back_to_the_system(void **state)
{
    (void)state;
    struct slab slab = {0};
    enum { BLOCKS = 8000, SIZE = 1000 };
    static void *blocks[BLOCKS];
    static uint32_t refs[BLOCKS];
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < BLOCKS; i++) {
            if (blocks[i] == NULL)
                blocks[i] = slab_take(&slab, SIZE);
            refs[i] = slab_ref(blocks[i]);
            memset(blocks[i], (int)(i % 251), SIZE);
        }
        assert_true(slab.mapped >= 8 << 20);
        for (size_t i = 0; i < BLOCKS; i++) {
            if (i / 1000 % 4 == (size_t)round)
                continue;
            slab_give(&slab, blocks[i], SIZE);
            blocks[i] = NULL;
        }
        slab_give_spare(&slab);
        assert_int_equal(slab.chunks_spare, 1);
        assert_in_range(slab.mapped, 2 << 20, 7 << 20); /* two parts of two, in up to three each, and one */
        for (size_t i = 0; i < BLOCKS; i++) {
            if (blocks[i] == NULL)
                continue;
            assert_ptr_equal(slab_at(&slab, refs[i]), blocks[i]);
            assert_int_equal(((unsigned char *)blocks[i])[SIZE - 1], i % 251);
        }
    }
    for (size_t i = 0; i < BLOCKS; i++)
        slab_give(&slab, blocks[i], SIZE);
    assert_int_equal(slab.used, 0);
    slab_give_spare(&slab);
    assert_in_range(slab.mapped, 1 << 20, 2 << 20);
    slab_free(&slab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_block_holds_what_was_asked_for_and_little_more),
        cmocka_unit_test(blocks_are_aligned_and_do_not_overlap),
        cmocka_unit_test(what_is_given_back_is_used_again),
        cmocka_unit_test(a_reference_finds_its_block),
        cmocka_unit_test(a_large_block_is_counted_and_freed_alone),
        cmocka_unit_test(used_is_what_is_out),
        cmocka_unit_test(spare_megabytes_go_back_to_the_system),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
