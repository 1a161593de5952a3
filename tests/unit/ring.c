/* ring.c - the queue between two threads: full and empty are refused, order is kept, and what the item points to arrives
 * whole (ThreadSanitizer looks at this one). */
#include "base/ring.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ITEMS 20000

/* Give the other thread a moment; the processor only if that is long. */
static void pause_for(unsigned *tries)
{
    if (++*tries % 2000 == 0)
        (void)sched_yield();
}

static struct ring *new_ring(void)
{
    struct ring *ring = aligned_alloc(64, sizeof *ring);
    memset(ring, 0, sizeof *ring);
    return ring;
}

static void a_full_ring_refuses_and_an_empty_one_has_nothing(void **state)
{
    (void)state;
    struct ring *ring = new_ring();
    static int items[RING_CAPACITY + 1];
    for (int round = 0; round < 5; round++) {
        assert_null(ring_take(ring));
        for (size_t i = 0; i < RING_CAPACITY; i++)
            assert_true(ring_put(ring, &items[i]));
        assert_false(ring_put(ring, &items[RING_CAPACITY]));
        assert_ptr_equal(ring_take(ring), &items[0]);
        assert_true(ring_put(ring, &items[RING_CAPACITY]));
        assert_false(ring_put(ring, &items[0]));
        for (size_t i = 1; i <= RING_CAPACITY; i++)
            assert_ptr_equal(ring_take(ring), &items[i]);
    }
    free(ring);
}

struct letter {
    uint64_t number, square;
};

/* Letters go over by one ring and come back, to be written again, by another: as parcels do. */
struct post {
    struct ring *there, *back;
    uint64_t wrong;
};

static void *read_letters(void *argument)
{
    struct post *post = argument;
    unsigned tries = 0;
    for (uint64_t expected = 0; expected < ITEMS;) {
        struct letter *letter = ring_take(post->there);
        if (letter == NULL) {
            pause_for(&tries);
            continue;
        }
        if (letter->number != expected || letter->square != expected * expected)
            post->wrong++;
        memset(letter, 0, sizeof *letter);
        expected++;
        while (!ring_put(post->back, letter))
            pause_for(&tries);
    }
    return NULL;
}

static void two_threads_pass_letters_to_and_fro(void **state)
{
    (void)state;
    struct post post = {.there = new_ring(), .back = new_ring()};
    struct letter letters[RING_CAPACITY + 3] = {{0}}; /* more than fit */
    size_t fresh = 0;
    unsigned tries = 0;
    uint64_t returned = 0;
    pthread_t reader;
    assert_int_equal(pthread_create(&reader, NULL, read_letters, &post), 0);
    for (uint64_t number = 0; number < ITEMS;) {
        struct letter *letter = ring_take(post.back);
        returned += letter != NULL;
        if (letter == NULL && fresh < RING_CAPACITY + 3)
            letter = &letters[fresh++];
        if (letter == NULL) {
            pause_for(&tries);
            continue;
        }
        assert_int_equal(letter->square, 0);
        *letter = (struct letter){number, number * number};
        while (!ring_put(post.there, letter))
            pause_for(&tries);
        number++;
    }
    while (returned < ITEMS)
        if (ring_take(post.back) != NULL)
            returned++;
        else
            pause_for(&tries);
    assert_int_equal(pthread_join(reader, NULL), 0);
    assert_int_equal(post.wrong, 0);
    assert_null(ring_take(post.there));
    free(post.there);
    free(post.back);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_ring_refuses_and_an_empty_one_has_nothing),
        cmocka_unit_test(two_threads_pass_letters_to_and_fro),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
