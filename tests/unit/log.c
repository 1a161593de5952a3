/* log.c - the log of one key against a plain sorted array: order, duplicates, trimming, runs. */
#include "engine/log.h"

#include "base/text_handle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct record {
    sl_stamp at;
    sl_text name;
    int64_t price;
};

static const sl_field fields[] = {SL_FIELD(struct record, name, SL_TEXT, "name"),
                                  SL_FIELD(struct record, price, SL_MONEY, "price"),
                                  {0}};
static const sl_lane table = {.record_size = sizeof(struct record), .record = fields};

struct fixture {
    struct set_lane lane;
    struct slab slab;
    struct texts texts;
    struct log *log;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->lane.table = &table;
    f->lane.text_offsets[0] = offsetof(struct record, name);
    f->lane.text_count = 1;
    f->lane.window_count = 1;
    f->lane.windows[0].settings = (struct window_settings){.session = true, .gap_ms = 100, .max_ms = 300};
    texts_init(&f->texts, &f->slab);
    f->log = calloc(1, log_size(&f->lane));
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    log_trim(f->log, &f->lane, &f->slab, &f->texts, f->log->count);
    assert_int_equal(f->texts.count, 0); /* every text was given back */
    assert_int_equal(f->slab.used, 0);
    texts_free(&f->texts);
    slab_free(&f->slab);
    free(f->log);
    free(f);
    return 0;
}

static enum log_result insert(struct fixture *f, int64_t time_ms, uint64_t id, const char *name, int64_t *replaced_ms)
{
    struct record record = {.at = {time_ms, id}, .name = text_hold(&f->texts, name, strlen(name)), .price = 1};
    int64_t unused;
    enum log_result result =
        log_insert(f->log, &f->lane, &f->slab, &f->texts, &record, replaced_ms == NULL ? &unused : replaced_ms);
    if (result == LOG_DUPLICATE)
        text_drop(&f->texts, record.name);
    return result;
}

static const struct record *record_at(const struct fixture *f, size_t index)
{
    return (const struct record *)(const void *)log_record(f->log, &f->lane, index);
}

static void records_are_ordered_by_time_then_id(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(insert(f, 30, 1, "a", NULL), LOG_INSERTED);
    assert_int_equal(insert(f, 10, 9, "b", NULL), LOG_INSERTED);
    assert_int_equal(insert(f, 20, UINT64_MAX, "c", NULL), LOG_INSERTED);
    assert_int_equal(insert(f, 20, 5, "d", NULL), LOG_INSERTED);
    const uint64_t ids[] = {9, 5, UINT64_MAX, 1};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(record_at(f, i)->at.id, ids[i]);
    assert_int_equal(log_from(f->log, &f->lane, 20), 1);
    assert_int_equal(log_from(f->log, &f->lane, 21), 3);
    assert_int_equal(log_from(f->log, &f->lane, 31), 4);
}

static void of_two_copies_the_earlier_stays_whichever_came_first(void **state)
{
    struct fixture *f = *state;
    int64_t replaced = 0;
    assert_int_equal(insert(f, 50, 7, "the first to arrive", NULL), LOG_INSERTED);
    assert_int_equal(insert(f, 60, 7, "a later copy, sent again", NULL), LOG_DUPLICATE);
    assert_int_equal(record_at(f, 0)->at.time_ms, 50);
    assert_int_equal(insert(f, 40, 7, "an earlier copy, delayed", &replaced), LOG_REPLACED);
    assert_int_equal(replaced, 50);
    assert_int_equal(f->log->count, 1);
    assert_int_equal(record_at(f, 0)->at.time_ms, 40);
}

static void of_two_copies_at_one_time_the_smaller_stays_whichever_came_first(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(insert(f, 50, 7, "bbbbbbbbbbbb", NULL), LOG_INSERTED);
    assert_int_equal(insert(f, 50, 7, "cccccccccccc", NULL), LOG_DUPLICATE);
    assert_int_equal(insert(f, 50, 7, "aaaaaaaaaaaa", NULL), LOG_REPLACED);
    assert_int_equal(insert(f, 50, 7, "aaaaaaaaaaaa", NULL), LOG_DUPLICATE);
    sl_text kept = record_at(f, 0)->name;
    assert_memory_equal(text_view(&kept).data, "aaaaaaaaaaaa", 12);
}

static int by_stamp(const void *a, const void *b)
{
    const sl_stamp *x = a, *y = b;
    if (x->time_ms != y->time_ms)
        return (x->time_ms > y->time_ms) - (x->time_ms < y->time_ms);
    return (x->id > y->id) - (x->id < y->id);
}

/* Hundreds of records, so that the set of ids is used too; ids repeat; the front is trimmed now and then. */
static void a_long_log_agrees_with_a_sorted_array(void **state)
{
    struct fixture *f = *state;
    sl_stamp model[4000];
    size_t count = 0, fitted = 0;
    uint64_t seed = 42;
    for (int step = 0; step < 3000; step++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        int64_t time = step * 3 + (int64_t)(seed >> 40) % 2000;
        uint64_t id = (seed >> 20) % 1500; /* 0 among them */
        char name[32];
        (void)snprintf(name, sizeof name, "name %d of somebody", step % 50);
        enum log_result result = insert(f, time, id, name, NULL);
        size_t copy = 0;
        while (copy < count && model[copy].id != id)
            copy++;
        if (copy == count) {
            assert_int_equal(result, LOG_INSERTED);
            model[count++] = (sl_stamp){time, id};
        } else if (time < model[copy].time_ms) {
            assert_int_equal(result, LOG_REPLACED);
            model[copy].time_ms = time;
        } else if (time > model[copy].time_ms) {
            assert_int_equal(result, LOG_DUPLICATE);
        }
        qsort(model, count, sizeof *model, by_stamp);
        if (step % 100 == 99) {
            size_t gone = log_from(f->log, &f->lane, step * 3 - 500);
            log_trim(f->log, &f->lane, &f->slab, &f->texts, gone);
            memmove(model, model + gone, (count - gone) * sizeof *model);
            count -= gone;
        }
        if (step % 70 == 0) { /* where it would be far too large, too */
            size_t gone = step % 140 == 0 ? count - count / 3 : 0;
            log_trim(f->log, &f->lane, &f->slab, &f->texts, gone);
            memmove(model, model + gone, (count - gone) * sizeof *model);
            count -= gone;
            uint32_t capacity = f->log->capacity;
            log_fit(f->log, &f->lane, &f->slab);
            fitted += f->log->capacity < capacity;
        }
        assert_int_equal(f->log->count, count);
        if (step % 10 == 0)
            for (size_t i = 0; i < count; i++)
                assert_memory_equal(&record_at(f, i)->at, &model[i], sizeof(sl_stamp));
    }
    assert_true(fitted > 5);
}

static void the_newest_run_begins_behind_the_last_long_gap(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(log_newest_run(f->log, &f->lane), 0);
    for (uint64_t i = 0; i < 3; i++)
        (void)insert(f, (int64_t)i * 100, i, "x", NULL); /* exactly the gap: one run */
    assert_int_equal(log_newest_run(f->log, &f->lane), 0);
    (void)insert(f, 301, 10, "x", NULL); /* a gap of 101 */
    assert_int_equal(log_newest_run(f->log, &f->lane), 3);
    (void)insert(f, 250, 11, "x", NULL); /* joins the two; but 301 is more than max behind 0 */
    assert_int_equal(log_newest_run(f->log, &f->lane), 4);
    (void)insert(f, 300, 12, "x", NULL); /* exactly max */
    assert_int_equal(log_newest_run(f->log, &f->lane), 5);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(records_are_ordered_by_time_then_id),
        TEST(of_two_copies_the_earlier_stays_whichever_came_first),
        TEST(of_two_copies_at_one_time_the_smaller_stays_whichever_came_first),
        TEST(a_long_log_agrees_with_a_sorted_array),
        TEST(the_newest_run_begins_behind_the_last_long_gap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
