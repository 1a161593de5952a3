/* shard_fixture.h - one shard with the lane of visits_lane.h and the sink of kept_writes.h; times count from T. */
#ifndef TESTS_SHARD_FIXTURE_H
#define TESTS_SHARD_FIXTURE_H

#include "engine/shard.h"

#include "base/hash.h"
#include "base/text_handle.h"
#include "kept_writes.h"
#include "visits_lane.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define T 1700000000000 /* event time */
#define M 5000000       /* monotonic time */
#define SECOND 1000

struct fixture {
    struct lane_set *set;
    struct shard shard;
    struct kept_sink *kept;
    struct parcel parcel;
    int64_t clock_ms; /* of the events that are put next */
};

static inline void fixture_open(struct fixture *f, const struct window_settings *windows, bool event_clock)
{
    *f = (struct fixture){.set = visits_set_new(), .clock_ms = T};
    visits_lane_add(f->set, windows);
    plan_seal(f->set->plan);
    shard_init(&f->shard, f->set, event_clock, M);
    f->kept = kept_sink_new(shard_settled, &f->shard);
    f->shard.sink = &f->kept->sink;
}

static inline void fixture_close(struct fixture *f)
{
    sink_free(&f->kept->sink);
    shard_free(&f->shard);
    lane_set_free(f->set);
    buffer_free(&f->parcel.entries);
}

/* A record into the parcel. `page` may be long. */
static inline void put(struct fixture *f, const char *key, int64_t time_ms, uint64_t id, const char *page)
{
    const sl_lane *lane = f->set->lanes[0].table;
    struct buffer *out = &f->parcel.entries;
    size_t start = out->size, page_size = strlen(page);
    struct entry entry = {.key_hash = hash_seeded(key, strlen(key), (uint64_t)lane->key),
                          .clock_ms = f->clock_ms,
                          .key_size = (uint32_t)strlen(key),
                          .record_size = sizeof(struct visit)};
    struct visit visit = {.at = {time_ms, id}};
    if (page_size <= TEXT_INLINE_MAX)
        visit.page = text_inline(page, page_size);
    else
        visit.page = text_long((uint64_t)page_size << 32 | (sizeof visit + strlen(key)));
    buffer_put(out, &entry, sizeof entry);
    buffer_put(out, &visit, sizeof visit);
    buffer_put(out, key, strlen(key));
    if (page_size > TEXT_INLINE_MAX)
        buffer_put(out, page, page_size);
    while (out->size % 8 != 0)
        buffer_byte(out, 0);
    ((struct entry *)(void *)(out->data + start))->size = (uint32_t)(out->size - start);
    f->parcel.count++;
}

/* The parcel to the shard, and the clock to `clock_ms`. */
static inline void apply(struct fixture *f, int64_t clock_ms)
{
    f->parcel.clock_ms = f->clock_ms = clock_ms;
    shard_apply(&f->shard, &f->parcel, INT64_MAX);
    buffer_reset(&f->parcel.entries);
    f->parcel.count = 0;
}

/* Live: move monotonic time to M + ms, write what is due, compare. */
static inline void fixture_sends(struct fixture *f, int64_t ms, const char *expected)
{
    (void)shard_send(&f->shard, M + ms);
    assert_string_equal(kept_lines(f->kept), expected);
}

#define AT(ms) "1700000" #ms /* T's text with six digits of its own: AT(000000) is T */

#endif
