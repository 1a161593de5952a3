/* Commands and groups between sink_write() and the reply: RESP bytes, coalescing, and settling in order; and a random course
 * of writes, seals, answers and losses against a slow truth. */
#include "sink/redis_queue.h"
#include "sink/resp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void put(struct redis_queue *queue, const char *key, const char *value, bool refresh)
{
    struct feature_write write = {.key = {key, strlen(key)}, .ttl_s = 600, .refresh = refresh};
    if (value != NULL)
        write.value = (sl_view){value, strlen(value)};
    redis_queue_write(queue, &write);
}

static void expect_bytes(struct buffer *out, const char *wanted)
{
    assert_int_equal(out->size, strlen(wanted));
    assert_memory_equal(out->data, wanted, out->size);
    buffer_reset(out);
}

static void commands_are_resp(void **state)
{
    (void)state;
    struct buffer out = {0};
    resp_set(&out, (sl_view){"key", 3}, (sl_view){"a\r\n", 3}, 86400);
    expect_bytes(&out, "*5\r\n$3\r\nSET\r\n$3\r\nkey\r\n$3\r\na\r\n\r\n$2\r\nEX\r\n$5\r\n86400\r\n");
    resp_set(&out, (sl_view){"key", 3}, (sl_view){NULL, 0}, 1);
    expect_bytes(&out, "*5\r\n$3\r\nSET\r\n$3\r\nkey\r\n$0\r\n\r\n$2\r\nEX\r\n$1\r\n1\r\n");
    resp_del(&out, (sl_view){"key", 3});
    expect_bytes(&out, "*2\r\n$3\r\nDEL\r\n$3\r\nkey\r\n");
    resp_expire(&out, (sl_view){"key", 3}, 600);
    expect_bytes(&out, "*3\r\n$6\r\nEXPIRE\r\n$3\r\nkey\r\n$3\r\n600\r\n");
    resp_command(&out, 2, (const char *const[]){"CLIENT", "ID"});
    expect_bytes(&out, "*2\r\n$6\r\nCLIENT\r\n$2\r\nID\r\n");
    buffer_free(&out);
}

/* What the queue sends for a first and a second write of one key. */
static void expect_coalesced(const char *first, bool first_refresh, const char *second, bool second_refresh,
                             const char *wanted)
{
    struct redis_queue queue;
    struct buffer out = {0};
    redis_queue_init(&queue);
    put(&queue, "k", first, first_refresh);
    redis_queue_commit(&queue, NULL);
    put(&queue, "k", second, second_refresh);
    redis_queue_commit(&queue, NULL);
    assert_int_equal(redis_queue_unsent(&queue), 1);
    redis_queue_seal(&queue, &out);
    assert_int_equal(redis_queue_in_flight(&queue), 1);
    expect_bytes(&out, wanted);
    buffer_free(&out);
    redis_queue_free(&queue);
}

static void the_newest_write_takes_the_place_of_the_earlier(void **state)
{
    (void)state;
    const char *set = "*5\r\n$3\r\nSET\r\n$1\r\nk\r\n$2\r\n22\r\n$2\r\nEX\r\n$3\r\n600\r\n";
    const char *del = "*2\r\n$3\r\nDEL\r\n$1\r\nk\r\n";
    const char *expire = "*3\r\n$6\r\nEXPIRE\r\n$1\r\nk\r\n$3\r\n600\r\n";
    expect_coalesced("1", false, "22", false, set);
    expect_coalesced("333", false, "22", false, set);
    expect_coalesced(NULL, false, "22", false, set);
    expect_coalesced("1", false, NULL, false, del);
    expect_coalesced("22", true, NULL, false, del);
    expect_coalesced("22", true, "22", true, expire);
    expect_coalesced("22", false, "22", true, set); /* the write has not left: it must */
    expect_coalesced(NULL, false, "22", true, set);
    expect_coalesced("1", true, "22", false, set);
    expect_coalesced("22", false, NULL, true, set); /* without its value: what is there, or on its way, lives on */
    expect_coalesced(NULL, false, NULL, true, del);
    expect_coalesced("22", true, NULL, true, expire);
    expect_coalesced(NULL, true, NULL, true, expire);
    expect_coalesced(NULL, true, "22", true, expire);
    expect_coalesced(NULL, true, "22", false, set);
}

static void expect_settled(struct redis_queue *queue, uintptr_t token, bool ok)
{
    void *found;
    bool found_ok;
    assert_true(redis_queue_settled(queue, &found, &found_ok));
    assert_int_equal((uintptr_t)found, token);
    assert_int_equal(found_ok, ok);
}

static void expect_nothing_settled(struct redis_queue *queue)
{
    void *token;
    bool ok;
    assert_false(redis_queue_settled(queue, &token, &ok));
}

static void groups_that_share_a_command_share_its_answer(void **state)
{
    (void)state;
    struct redis_queue queue;
    struct buffer out = {0};
    redis_queue_init(&queue);
    put(&queue, "a", "1", false);
    redis_queue_commit(&queue, (void *)1);
    put(&queue, "b", "1", false);
    redis_queue_commit(&queue, (void *)2);
    put(&queue, "b", "2", false);
    put(&queue, "c", "1", false);
    redis_queue_commit(&queue, (void *)3);
    redis_queue_commit(&queue, (void *)4); /* an empty one waits for its turn */
    redis_queue_seal(&queue, &out);
    expect_nothing_settled(&queue);
    redis_queue_answer(&queue, true);
    expect_settled(&queue, 1, true);
    expect_nothing_settled(&queue);
    redis_queue_answer(&queue, false);
    expect_settled(&queue, 2, false);
    expect_nothing_settled(&queue);
    redis_queue_answer(&queue, true);
    expect_settled(&queue, 3, false);
    expect_settled(&queue, 4, true);
    assert_true(redis_queue_empty(&queue));
    buffer_free(&out);
    redis_queue_free(&queue);
}

static void a_refresh_without_value_waits_for_the_write_it_refreshes(void **state)
{
    (void)state;
    struct redis_queue queue;
    struct buffer out = {0};
    redis_queue_init(&queue);
    put(&queue, "a", "1", false);
    redis_queue_commit(&queue, (void *)1);
    put(&queue, "a", NULL, true);
    redis_queue_commit(&queue, (void *)2);
    redis_queue_seal(&queue, &out);
    redis_queue_answer(&queue, false);
    expect_settled(&queue, 1, false);
    expect_settled(&queue, 2, false);
    buffer_free(&out);
    redis_queue_free(&queue);
}

static void a_loss_fails_what_was_not_answered(void **state)
{
    (void)state;
    struct redis_queue queue;
    struct buffer out = {0};
    redis_queue_init(&queue);
    put(&queue, "a", "1", false);
    redis_queue_commit(&queue, (void *)1);
    put(&queue, "b", "1", false);
    redis_queue_commit(&queue, (void *)2);
    redis_queue_seal(&queue, &out);
    redis_queue_answer(&queue, true);
    put(&queue, "c", "1", false);
    redis_queue_commit(&queue, (void *)3);
    put(&queue, "d", "1", false); /* open */
    redis_queue_abandon(&queue);
    put(&queue, "e", "1", false);
    redis_queue_commit(&queue, (void *)4);
    expect_settled(&queue, 1, true);
    expect_settled(&queue, 2, false);
    expect_settled(&queue, 3, false);
    expect_nothing_settled(&queue); /* e still has to be answered */
    redis_queue_seal(&queue, &out);
    redis_queue_answer(&queue, true);
    expect_settled(&queue, 4, false);
    assert_true(redis_queue_empty(&queue));
    buffer_free(&out);
    redis_queue_free(&queue);
}

#define FENCE(field, digits, offset) \
    "*4\r\n$4\r\nHSET\r\n$1\r\nf\r\n$4\r\n" field "\r\n$" digits "\r\n" offset "\r\n"
#define SET_A(value) "*5\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n" value "\r\n$2\r\nEX\r\n$3\r\n600\r\n"

static void fenced(struct redis_queue *queue)
{
    redis_queue_init(queue);
    queue->fence_hash = (sl_view){"f", 1};
    queue->fence_worker = 12;
}

static void the_newest_fence_of_a_partition_leaves_before_everything_unsent(void **state)
{
    (void)state;
    struct redis_queue queue;
    struct buffer out = {0};
    fenced(&queue);
    put(&queue, "a", "1", false);
    redis_queue_commit(&queue, (void *)1);
    redis_queue_fence(&queue, 3, 100);
    redis_queue_fence(&queue, 0, 7);
    redis_queue_fence(&queue, 3, 200);
    put(&queue, "a", "2", false); /* takes the place of the one from before the fence */
    redis_queue_commit(&queue, (void *)2);
    assert_int_equal(redis_queue_fences_owed(&queue), 2);
    redis_queue_seal(&queue, &out);
    expect_bytes(&out, FENCE("3/12", "3", "200") FENCE("0/12", "1", "7") SET_A("2"));
    assert_int_equal(redis_queue_in_flight(&queue), 3);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(redis_queue_next(&queue), COMMAND_FENCE);
        redis_queue_answer(&queue, true);
        expect_nothing_settled(&queue);
    }
    assert_int_equal(redis_queue_next(&queue), COMMAND_SET);
    redis_queue_answer(&queue, true);
    expect_settled(&queue, 1, true);
    expect_settled(&queue, 2, true);
    assert_true(redis_queue_empty(&queue));
    redis_queue_fence(&queue, 3, 200); /* nothing new */
    assert_int_equal(redis_queue_fences_owed(&queue), 0);
    buffer_free(&out);
    redis_queue_free(&queue);
}

static void fences_between_commands_in_flight_are_told_from_them(void **state)
{
    (void)state;
    struct redis_queue queue;
    struct buffer out = {0};
    const enum redis_command wanted[] = {COMMAND_FENCE, COMMAND_FENCE, COMMAND_SET,  COMMAND_DEL,
                                         COMMAND_FENCE, COMMAND_DEL,   COMMAND_FENCE};
    fenced(&queue);
    redis_queue_fence(&queue, 0, 1);
    redis_queue_seal_fences(&queue, &out);
    redis_queue_fence(&queue, 1, 1);
    put(&queue, "a", "1", false);
    put(&queue, "b", NULL, false);
    redis_queue_commit(&queue, (void *)1);
    redis_queue_seal(&queue, &out);
    redis_queue_fence(&queue, 0, 2);
    put(&queue, "b", NULL, false);
    redis_queue_commit(&queue, (void *)2);
    redis_queue_seal(&queue, &out);
    redis_queue_fence(&queue, 0, 3);
    redis_queue_seal(&queue, &out);
    assert_int_equal(redis_queue_in_flight(&queue), 7);
    for (size_t i = 0; i < 7; i++) {
        assert_int_equal(redis_queue_next(&queue), wanted[i]);
        assert_false(redis_queue_empty(&queue));
        redis_queue_answer(&queue, wanted[i] != COMMAND_FENCE);
    }
    expect_settled(&queue, 1, true);
    expect_settled(&queue, 2, true);
    assert_true(redis_queue_empty(&queue));
    buffer_free(&out);
    redis_queue_free(&queue);
}

static void every_fence_leaves_again_after_a_loss(void **state)
{
    (void)state;
    struct redis_queue queue;
    struct buffer out = {0};
    fenced(&queue);
    redis_queue_fence(&queue, 0, 1);
    redis_queue_seal(&queue, &out);
    redis_queue_answer(&queue, true);
    redis_queue_fence(&queue, 2, 5);
    redis_queue_seal(&queue, &out); /* in flight */
    redis_queue_fence(&queue, 9, 8); /* unsent */
    buffer_reset(&out);
    redis_queue_abandon(&queue);
    redis_queue_abandon(&queue);
    assert_true(redis_queue_empty(&queue));
    put(&queue, "a", "1", false);
    redis_queue_commit(&queue, (void *)1);
    redis_queue_seal_fences(&queue, &out);
    assert_int_equal(redis_queue_in_flight(&queue), 3);
    redis_queue_seal(&queue, &out);
    char *end = out.data + out.size;
    assert_memory_equal(end - strlen(SET_A("1")), SET_A("1"), strlen(SET_A("1")));
    out.size -= strlen(SET_A("1"));
    expect_bytes(&out, FENCE("9/12", "1", "8") FENCE("0/12", "1", "1") FENCE("2/12", "1", "5"));
    buffer_free(&out);
    redis_queue_free(&queue);
}

/* The slow truth: a server that executes the bytes in order, and per group the newest of its writes. After each course: of
 * every key whose newest write belongs to a group that settled ok the server has that value. And at any moment: of the
 * partition that a write follows from (here its number modulo PARTITIONS) the server has a fence that is not below it. */
enum { KEYS = 40, PARTITIONS = 3, COURSES = 300, STEPS = 400 };

struct truth {
    uint32_t newest[KEYS]; /* number of the newest write of the key; 0: none */
    uint32_t newest_group[KEYS];
    uint32_t server[KEYS]; /* number of the write that the server has */
    uint32_t fence[PARTITIONS]; /* what the server has; the offset is the number of a write */
    uint32_t unsettled;         /* the next group that must settle */
    char results[STEPS + 2];
};

/* Execute the commands in `out`, each "SET k<key> <number>" or "HSET f <partition>/12 <number>"; those
 * from number `lost_from` on got lost on the way. */
static void server_execute(struct truth *truth, struct buffer *out, uint32_t lost_from, uint32_t *executed)
{
    buffer_byte(out, '\0'); /* for sscanf */
    for (size_t at = 0; at < out->size - 1;) {
        unsigned key, number, size, digits, partition;
        int length = 0;
        if (sscanf(out->data + at, "*4\r\n$4\r\nHSET\r\n$1\r\nf\r\n$4\r\n%u/12\r\n$%u\r\n%u\r\n%n", &partition, &digits,
                   &number, &length) == 3 &&
            length != 0) {
            if ((*executed)++ < lost_from)
                truth->fence[partition] = number;
            at += (size_t)length;
            continue;
        }
        if (sscanf(out->data + at, "*5\r\n$3\r\nSET\r\n$%u\r\nk%u\r\n$%u\r\n%u\r\n$2\r\nEX\r\n$3\r\n600\r\n%n", &size,
                   &key, &digits, &number, &length) != 4 ||
            length == 0)
            fail_msg("not a SET: %.60s", out->data + at);
        if (*executed < lost_from) {
            truth->server[key] = number;
            assert_true(truth->fence[number % PARTITIONS] >= number);
        }
        ++*executed;
        at += (size_t)length;
    }
    buffer_reset(out);
}

static void settle_all(struct redis_queue *queue, struct truth *truth)
{
    void *token;
    bool ok;
    while (redis_queue_settled(queue, &token, &ok)) {
        assert_int_equal((uintptr_t)token, truth->unsettled);
        truth->results[truth->unsettled++] = ok ? 'o' : 'f';
    }
}

static uint32_t seed;

static uint32_t chance(uint32_t below)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % below;
}

static void random_courses_agree_with_a_slow_truth(void **state)
{
    (void)state;
    for (uint32_t course = 1; course <= COURSES; course++) {
        struct truth truth = {.unsettled = 1};
        struct redis_queue queue;
        struct buffer out = {0};
        uint32_t number = 0, group = 1, executed = 0;
        seed = course;
        fenced(&queue);
        for (int step = 0; step < STEPS; step++) {
            for (uint32_t i = 1; i <= 4; i++) /* of the four at most that come now */
                redis_queue_fence(&queue, (int32_t)((number + i) % PARTITIONS), number + i);
            for (uint32_t writes = chance(5); writes > 0; writes--) {
                uint32_t key = chance(KEYS);
                char name[16], value[16];
                (void)snprintf(name, sizeof name, "k%02u", key);
                (void)snprintf(value, sizeof value, "%0*u", (int)(7 + chance(3)), ++number);
                put(&queue, name, value, false);
                truth.newest[key] = number;
                truth.newest_group[key] = group;
            }
            redis_queue_commit(&queue, (void *)(uintptr_t)group++);
            switch (chance(12)) {
            case 0:
            case 1:
            case 2:
                redis_queue_seal(&queue, &out);
                server_execute(&truth, &out, UINT32_MAX, &executed);
                break;
            case 3:
            case 4:
            case 5:
                for (size_t answers = redis_queue_in_flight(&queue) / (1 + chance(3)); answers > 0; answers--)
                    redis_queue_answer(&queue, chance(200) != 0);
                break;
            case 6:
                if (chance(8) == 0) { /* a part of it arrives */
                    redis_queue_seal(&queue, &out);
                    server_execute(&truth, &out, executed + chance(20), &executed);
                    redis_queue_abandon(&queue);
                }
                break;
            default: break;
            }
            settle_all(&queue, &truth);
        }
        redis_queue_seal(&queue, &out);
        server_execute(&truth, &out, UINT32_MAX, &executed);
        while (redis_queue_in_flight(&queue) != 0)
            redis_queue_answer(&queue, true);
        settle_all(&queue, &truth);
        assert_int_equal(truth.unsettled, group);
        assert_true(redis_queue_empty(&queue));
        for (uint32_t key = 0; key < KEYS; key++)
            if (truth.newest[key] != 0 && truth.results[truth.newest_group[key]] == 'o' &&
                truth.server[key] != truth.newest[key])
                fail_msg("seed %u: key %u has write %u instead of %u", course, key, truth.server[key],
                         truth.newest[key]);
        buffer_free(&out);
        redis_queue_free(&queue);
    }
}

enum { MANY = 20000 };

static void it_grows_and_then_allocates_nothing(void **state)
{
    (void)state;
    struct redis_queue queue;
    struct buffer out = {0};
    const void *places[5][6];
    redis_queue_init(&queue);
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < MANY; i++) {
            char key[16];
            (void)snprintf(key, sizeof key, "%d", i);
            put(&queue, key, "a value", false);
            redis_queue_commit(&queue, (void *)1);
        }
        assert_int_equal(redis_queue_unsent(&queue), MANY);
        redis_queue_seal(&queue, &out);
        buffer_reset(&out);
        for (int i = 0; i < MANY; i++) {
            redis_queue_answer(&queue, true);
            expect_settled(&queue, 1, true);
        }
        const void *now[6] = {queue.unsent, queue.sent, queue.groups, queue.places, queue.text.data, out.data};
        memcpy(places[round], now, sizeof now);
        if (round > 0)
            assert_memory_equal(places[round], places[round - 1], sizeof now);
    }
    buffer_free(&out);
    redis_queue_free(&queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_are_resp),
        cmocka_unit_test(the_newest_write_takes_the_place_of_the_earlier),
        cmocka_unit_test(groups_that_share_a_command_share_its_answer),
        cmocka_unit_test(a_refresh_without_value_waits_for_the_write_it_refreshes),
        cmocka_unit_test(a_loss_fails_what_was_not_answered),
        cmocka_unit_test(the_newest_fence_of_a_partition_leaves_before_everything_unsent),
        cmocka_unit_test(fences_between_commands_in_flight_are_told_from_them),
        cmocka_unit_test(every_fence_leaves_again_after_a_loss),
        cmocka_unit_test(random_courses_agree_with_a_slow_truth),
        cmocka_unit_test(it_grows_and_then_allocates_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
