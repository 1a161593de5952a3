/* random_events.h - events made by chance for one lane: of the names it wants, with what it reads filled in, well and badly.
 *
 * All follows from a seed: the same shape and seed give the same bytes. What an input holds is learned: strict.h notes which
 * functions of event.h were asked for it (`asked`), and most values are then of that kind; so a stream that comes after a few
 * others gets deep into the lane's code. Shoppers, sessions, pauses, equal times, copies of events, and late ones are among
 * them.
 *
 * Each event is an `at` line of a golden case too (CASES.md), so that what breaks a plugin can be kept as a case. */
#ifndef TESTHOST_RANDOM_EVENTS_H
#define TESTHOST_RANDOM_EVENTS_H

#include "plugin/lane_set.h"
#include "testhost/recorded_events.h"

struct random_event {
    char *text;      /* "at 12:00:00 product_view user=u1 ..."; of what is broken: a comment that says how */
    char *message;   /* what Kafka would have; may hold any byte */
    size_t size;     /* of it */
    int64_t time_ms; /* event time */
    bool late;       /* it comes so late that it must not count */
    bool broken;     /* it is to be a dead letter, or nearly is one */
};

struct random_stream {
    struct random_event *events; /* in order of arrival */
    size_t count;
};

struct random_shape;

/* Of a table that was checked, and of the constants in the plugin file `path` (constants.h). `recorded`: streams are made of these, in
 * their order, in place of events by chance; or NULL. All outlive the shape. */
struct random_shape *random_shape_new(const sl_lane *lane, const char *path, const struct recorded_events *recorded);
void random_shape_free(struct random_shape *shape);

/* By input: ASKED_... of strict.h. */
uint8_t *random_shape_asked(struct random_shape *shape);
/* The lines of a golden case that say what its events and entities are; "" if none is needed. */
const char *random_shape_head(const struct random_shape *shape);

/* How much slower time goes than in a shop, 1 where the lane does not count in buckets of more than a minute: so that records
 * come to rest, and leave. */
int64_t random_shape_scale(const struct random_shape *shape);
#define RANDOM_DISORDER_MS 120000 /* times the scale: events that are not late come at most this much behind the newest */

/* `broken`: some of them are. Of recorded events it has fewer where the file has fewer; streams of other seeds are other parts of it. */
void random_stream_make(struct random_shape *shape, uint64_t seed, size_t count, bool broken, struct random_stream *stream);
void random_stream_free(struct random_stream *stream);

/* Another order of arrival, by a seed; 0: the order of event times. The result shares texts with
 * the stream, whose late and broken events are left out: free `events` alone. */
void random_stream_shuffled(const struct random_shape *shape, const struct random_stream *stream, uint64_t seed,
                            struct random_stream *shuffled);

#endif
