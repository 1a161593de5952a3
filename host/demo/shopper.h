/* shopper.h - how one shopper behaves during a visit: lands somewhere, looks at lists and products, searches, fills a cart,
 * perhaps signs in, perhaps pays, and leaves, mostly without having bought anything.
 *
 * A visit is a small machine whose state is the page it is on. Each step reports one or more events and says when the next
 * step is due; between steps nothing runs. One thread. */
#ifndef DEMO_SHOPPER_H
#define DEMO_SHOPPER_H

#include "demo/event.h"

struct behaviour {
    const struct world *world;
    uint64_t seed;
    struct random random;
    uint32_t pace_permille; /* of the time a real shopper takes to think; below 1000 when few shoppers must give many events */
    uint32_t next_order;
    void *receiver;
    void (*receive)(void *receiver, struct shop_event *event); /* called during a step; may change event->kind's delivery only */
};

/* How many events the average visit of a person and of a bot has, and how long a person's lasts: measured, so that a rate
 * of events can be turned into a rate of visits. */
#define EVENTS_PER_VISIT_MILLI 13530
#define EVENTS_PER_BOT_VISIT_MILLI 72000
#define VISIT_SECONDS 160

/* The traits that follow from seed and number. */
struct profile profile_of(uint64_t seed, uint32_t number, bool bot);

/* `visit` is filled; `shopper` is the state that stays. */
void visit_begin(struct behaviour *behaviour, struct visit *visit, struct shopper *shopper, uint32_t number, bool bot);

#define VISIT_OVER -1
/* Do what is due at time_ms. Returns the milliseconds until the next step, or VISIT_OVER. */
int64_t visit_step(struct behaviour *behaviour, struct visit *visit, struct shopper *shopper, int64_t time_ms);

/* The shop's server pays back `cents` of an order. */
void refund_send(struct behaviour *behaviour, struct shopper *shopper, uint32_t number, uint32_t order, uint64_t cents,
                 int64_t time_ms);

#endif
