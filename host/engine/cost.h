/* cost.h - what each plugin costs: how often it is called, and how long that takes.
 *
 * Calls are counted, time is sampled: of 64 calls of extract, and of 16 folds, one is measured by the monotonic clock (which takes
 * some 20 ns itself, and is taken off); totals are the samples' mean times the calls. A fold's `add` calls are measured together.
 * The first lane that looks into one of an event's JSON columns pays for opening it, whoever comes next reads what was found:
 * extract of the first such lane has the cost of JSON in it.
 * So a figure of a hundred samples is good to some percent, and measuring costs well below a percent.
 *
 * Each worker has its own; others get sums through question.h. */
#ifndef ENGINE_COST_H
#define ENGINE_COST_H

#include "base/buffer.h"
#include "plugin/lane_set.h"

struct call_cost {
    uint64_t calls;
    uint64_t samples, sampled_calls, sampled_ns; /* sampled_calls: in one sample of add there are many */
};

struct lane_cost {
    struct call_cost extract, add, publish;
    struct call_cost compute[METRICS_MAX]; /* one a parser of the lane */
    uint64_t kept;    /* records that extract made */
    uint64_t unkeyed; /* events it was not offered, or whose records were not kept, since they had no key */
    uint64_t spoiled; /* events that went to the dead letters for what it looked at, or for making too many records of them */
};

#define COST_EXTRACTS 64
#define COST_FOLDS    16

/* Now, in ns; of no use but to be taken from a later one. */
int64_t cost_clock(void);
/* A sample that began at `began_ns`, of so many calls. */
void cost_sample(struct call_cost *cost, int64_t began_ns, uint64_t calls);

void cost_sum(struct lane_cost *sum, const struct lane_cost *more);

/* All of a set's, as a table for people or a JSON object; `costs`: one a lane. */
void cost_tell(const struct lane_set *set, const struct lane_cost *costs, bool json, struct buffer *out);

#endif
