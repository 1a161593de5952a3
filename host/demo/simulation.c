/* simulation.c - see simulation.h. */
#include "demo/simulation.h"

#include "base/memory.h"
#include "demo/dirty.h"
#include "demo/heap.h"
#include "demo/shopper.h"

#define SLOTS_MAX (1u << 23) /* of visits, refunds, and waiting lines: 23 bits of a heap's payload */
#define REFUND SLOTS_MAX     /* the bit that tells a refund from a visit */

/* A pool of slots by number; freed ones are used again, the latest first, as they are still in the cache. */
struct pool {
    uint32_t *unused;
    uint32_t unused_count, count, capacity;
};

struct refund {
    uint32_t shopper, order;
    uint64_t cents;
};

struct simulation {
    struct simulation_options options;
    struct world world;
    struct behaviour behaviour;
    struct random deliveries, arrivals, dirt;

    struct shopper *shoppers; /* the persons, then the bots */
    uint32_t persons, bots;
    struct heap due; /* steps of visits, and refunds */
    struct pool visit_pool, refund_pool, line_pool;
    struct visit *visits;
    struct refund *refunds;
    int64_t next_visit_ns; /* since begin_ms */
    int64_t begin_ms, visit_interval_ns;
    uint32_t bot_visits; /* share of visits, per million */

    struct heap waiting; /* lines by arrival */
    struct buffer *lines;
    bool given;          /* line `given_line` is with the caller */
    uint32_t given_line;
    int64_t given_ms;
    struct buffer broken;
    struct simulation_counts counts;
};

const struct simulation_options simulation_defaults = {
    .seed = 1,
    .start_ms = 1748851200000, /* 2025-06-02 08:00:00 UTC */
    .rate = 50,
    .late = 10000,
    .duplicates = 10000,
    .bots = 20000,
};

static uint32_t pool_take(struct pool *pool, void **slots, size_t size)
{
    if (pool->unused_count != 0)
        return pool->unused[--pool->unused_count];
    if (pool->count == pool->capacity) {
        uint32_t capacity = pool->capacity == 0 ? 1024 : pool->capacity * 2;
        *slots = memory_resize(*slots, capacity * size);
        memset((char *)*slots + pool->capacity * size, 0, (capacity - pool->capacity) * size);
        pool->unused = memory_resize(pool->unused, capacity * sizeof *pool->unused);
        pool->capacity = capacity;
    }
    return pool->count++;
}
static void pool_give_back(struct pool *pool, uint32_t slot) { pool->unused[pool->unused_count++] = slot; }

#define TAKE(simulation, pool, slots)                                                                                 \
    pool_take(&(simulation)->pool, (void **)&(simulation)->slots, sizeof *(simulation)->slots)

/* How an event travels that happened at event->time_ms; may move it into the past (a device that was offline for days). */
static struct delivery deliver(struct simulation *simulation, struct shop_event *event, bool *late)
{
    struct random *random = &simulation->deliveries;
    int64_t happened_ms = event->time_ms, waits_ms = random_between(random, 2, 60);
    int64_t travels_ms = 2 + random_below(random, 1 + random_below(random, 60));
    uint32_t chance = random_below(random, MILLION);
    *late = false;
    if (event->visit == NULL) {
        waits_ms = 0;
    } else if (chance < simulation->options.late) {
        uint32_t kind = random_below(random, 100);
        *late = true;
        if (kind < 10 && uuid_is_set(event->shopper->previous_session)) {
            /* an event of the session before, which the tracker could not send for a day or more */
            waits_ms = random_between(random, 20 * HOUR_MS, 72 * HOUR_MS);
            happened_ms -= waits_ms;
            event->time_ms = happened_ms;
            event->earlier_session = true;
        } else {
            waits_ms = kind < 75   ? random_between(random, 1 * MINUTE_MS, 15 * MINUTE_MS)
                       : kind < 95 ? random_between(random, 15 * MINUTE_MS, 120 * MINUTE_MS)
                                   : random_between(random, 2 * HOUR_MS, 6 * HOUR_MS);
        }
    } else if (chance < simulation->options.late + 30000) {
        waits_ms = random_between(random, 500, 6000); /* out of order by seconds */
    }
    int64_t collector_ms = happened_ms + waits_ms + travels_ms;
    struct delivery delivery = {
        .created_ms = happened_ms + event->profile->clock_skew_ms,
        .sent_ms = happened_ms + event->profile->clock_skew_ms + waits_ms,
        .collector_ms = collector_ms,
        .derived_ms = collector_ms - waits_ms,
        .etl_ms = collector_ms + random_between(random, 150, 2500),
    };
    if (event->kind == EVENT_REFUND) { /* the back office states the time itself */
        delivery.created_ms = 0;
        delivery.true_ms = delivery.derived_ms = happened_ms;
    }
    return delivery;
}

static void line_write(struct simulation *simulation, const struct shop_event *event, const struct delivery *delivery)
{
    if (delivery->collector_ms < simulation->options.start_ms)
        return; /* before the stream begins */
    uint32_t slot = TAKE(simulation, line_pool, lines);
    struct buffer *line = &simulation->lines[slot];
    buffer_reset(line);
    if (simulation->options.format == FORMAT_TSV)
        enriched_write(line, &simulation->world, event, delivery);
    else
        accelerator_write(line, &simulation->world, event, delivery);
    heap_push(&simulation->waiting, delivery->collector_ms, slot);
    simulation->counts.kinds[event->kind]++;
    simulation->counts.bots += devices[event->profile->device].kind == DEVICE_BOT;
}

static void refund_plan(struct simulation *simulation, const struct shop_event *event)
{
    struct random *random = &simulation->behaviour.random;
    if (!random_percent(random, 12))
        return;
    uint64_t cents = random_percent(random, 60) ? event->revenue_cents : event->revenue_cents / 3;
    uint32_t slot = TAKE(simulation, refund_pool, refunds);
    simulation->refunds[slot] = (struct refund){event->profile->number, event->order, cents};
    int64_t later_ms = random_between(random, 2 * MINUTE_MS, random_percent(random, 50) ? 20 * MINUTE_MS : 6 * HOUR_MS);
    heap_push(&simulation->due, event->time_ms + later_ms, slot | REFUND);
}

static void receive(void *receiver, struct shop_event *event)
{
    struct simulation *simulation = receiver;
    struct random *random = &simulation->deliveries;
    if (event->kind == EVENT_TRANSACTION)
        refund_plan(simulation, event);
    bool late;
    struct delivery delivery = deliver(simulation, event, &late);
    line_write(simulation, event, &delivery);
    simulation->counts.late += late;
    if (!random_chance(random, simulation->options.duplicates))
        return;
    simulation->counts.duplicates++;
    if (random_percent(random, 70) && event->visit != NULL) {
        /* the answer to the first request was lost: the tracker sends it again, and the journey takes another time */
        int64_t again_ms = random_percent(random, 90) ? random_between(random, 1 * SECOND_MS, 60 * SECOND_MS)
                                                      : random_between(random, 10 * MINUTE_MS, 40 * MINUTE_MS);
        int64_t travels_ms = random_between(random, -20, 400);
        delivery.sent_ms += again_ms;
        delivery.collector_ms += again_ms + travels_ms;
        delivery.derived_ms = delivery.collector_ms - (delivery.sent_ms - delivery.created_ms);
    }
    delivery.etl_ms = delivery.collector_ms + random_between(random, 150, 5000);
    line_write(simulation, event, &delivery);
}

static void visit_start(struct simulation *simulation, int64_t time_ms)
{
    struct random *random = &simulation->arrivals;
    bool bot = random_chance(random, simulation->bot_visits);
    uint32_t from = bot ? simulation->persons : 0, among = bot ? simulation->bots : simulation->persons;
    uint32_t chosen = random_below(random, among);
    chosen = random_below(random, 100) < 50 ? random_below(random, chosen + 1) : chosen; /* some come often */
    for (uint32_t tries = 0; simulation->shoppers[from + chosen].visiting; tries++) {
        if (tries == 64)
            return; /* everybody is here already */
        chosen = (chosen + 1) % among;
    }
    uint32_t slot = TAKE(simulation, visit_pool, visits);
    visit_begin(&simulation->behaviour, &simulation->visits[slot], &simulation->shoppers[from + chosen], from + chosen, bot);
    heap_push(&simulation->due, time_ms, slot);
    simulation->counts.visits++;
}

static int64_t next_visit_ms(const struct simulation *simulation)
{
    return simulation->begin_ms + simulation->next_visit_ns / 1000000;
}

/* The time before which nothing more can happen. */
static int64_t next_ms(const struct simulation *simulation)
{
    int64_t visit_ms = next_visit_ms(simulation);
    return simulation->due.count != 0 && simulation->due.items[0].time_ms < visit_ms ? simulation->due.items[0].time_ms
                                                                                      : visit_ms;
}

static void advance(struct simulation *simulation)
{
    int64_t visit_ms = next_visit_ms(simulation);
    if (simulation->due.count == 0 || simulation->due.items[0].time_ms >= visit_ms) {
        visit_start(simulation, visit_ms);
        uint64_t chance = random_next(&simulation->arrivals) >> 44; /* 20 bits */
        simulation->next_visit_ns += 1 + (int64_t)((double)simulation->visit_interval_ns * (double)chance / (1 << 19));
        return;
    }
    struct heap_item item = heap_pop(&simulation->due);
    uint32_t slot = item.payload & (REFUND - 1);
    if ((item.payload & REFUND) != 0) {
        struct refund refund = simulation->refunds[slot];
        pool_give_back(&simulation->refund_pool, slot);
        refund_send(&simulation->behaviour, &simulation->shoppers[refund.shopper], refund.shopper, refund.order, refund.cents,
                    item.time_ms);
        return;
    }
    struct visit *visit = &simulation->visits[slot];
    int64_t rest_ms = visit_step(&simulation->behaviour, visit, &simulation->shoppers[visit->shopper], item.time_ms);
    if (rest_ms == VISIT_OVER)
        pool_give_back(&simulation->visit_pool, slot);
    else
        heap_push(&simulation->due, item.time_ms + rest_ms + 1, slot);
}

/* A step reports clicks up to this much before its own time, and a retry may travel faster. */
#define REPORTS_EARLIER_MS 600

struct simulated simulation_next(struct simulation *simulation)
{
    if (simulation->given && random_chance(&simulation->dirt, simulation->options.dirty)) {
        const struct buffer *line = &simulation->lines[simulation->given_line];
        dirty_copy(&simulation->broken, &simulation->dirt, simulation->options.format, line->data, line->size);
        simulation->counts.lines++;
        simulation->counts.dirty++;
        return (struct simulated){simulation->broken.data, simulation->broken.size, simulation->given_ms};
    }
    if (simulation->given)
        pool_give_back(&simulation->line_pool, simulation->given_line);
    while (simulation->waiting.count == 0 || simulation->waiting.items[0].time_ms >= next_ms(simulation) - REPORTS_EARLIER_MS)
        advance(simulation);
    struct heap_item item = heap_pop(&simulation->waiting);
    simulation->given = true;
    simulation->given_line = (uint32_t)item.payload;
    simulation->given_ms = item.time_ms;
    simulation->counts.lines++;
    const struct buffer *line = &simulation->lines[item.payload];
    return (struct simulated){line->data, line->size, item.time_ms};
}

const struct simulation_counts *simulation_counts(const struct simulation *simulation) { return &simulation->counts; }

struct simulation *simulation_new(const struct simulation_options *options)
{
    struct simulation *simulation = memory_new(sizeof *simulation);
    simulation->options = *options;
    simulation->world = (struct world){catalogue_new(), derived_new()};
    simulation->deliveries.state = random_mix(options->seed, 1);
    simulation->arrivals.state = random_mix(options->seed, 2);
    simulation->dirt.state = random_mix(options->seed, 3);

    /* of v visits a second, share b by bots: v * ((1 - b) * person's events + b * bot's events) = rate */
    double person = EVENTS_PER_VISIT_MILLI / 1e3, bot = EVENTS_PER_BOT_VISIT_MILLI / 1e3;
    double bots = options->bots / 1e6;
    double bot_visits = bots / bot / (bots / bot + (1 - bots) / person);
    double doubled = 1 + options->duplicates / 1e6;
    double visits = options->rate / doubled / ((1 - bot_visits) * person + bot_visits * bot);
    simulation->visit_interval_ns = (int64_t)(1e9 / visits);
    simulation->bot_visits = (uint32_t)(bot_visits * MILLION);

    double needed = visits * VISIT_SECONDS; /* shoppers who are in the shop at the same time */
    double population = options->shoppers != 0 ? options->shoppers : needed * 4 < 1000 ? 1000 : needed * 4;
    if (population > 4e6)
        population = 4e6;
    simulation->persons = (uint32_t)population;
    simulation->bots = simulation->persons / 50 + 10;
    simulation->shoppers = memory_new((simulation->persons + simulation->bots) * sizeof *simulation->shoppers);
    double pace = needed * 3 > population ? population / (needed * 3) : 1;

    simulation->behaviour = (struct behaviour){
        .world = &simulation->world,
        .seed = options->seed,
        .random = {random_mix(options->seed, 4)},
        .pace_permille = pace * 1000 < 1 ? 1 : (uint32_t)(pace * 1000),
        .receiver = simulation,
        .receive = receive,
    };
    simulation->begin_ms = options->start_ms - (int64_t)(2.5 * VISIT_SECONDS * pace * 1000) - REPORTS_EARLIER_MS;
    return simulation;
}

void simulation_free(struct simulation *simulation)
{
    if (simulation == NULL)
        return;
    catalogue_free(simulation->world.catalogue);
    derived_free(simulation->world.derived);
    for (uint32_t i = 0; i < simulation->line_pool.capacity; i++)
        buffer_free(&simulation->lines[i]);
    free(simulation->lines);
    free(simulation->visits);
    free(simulation->refunds);
    free(simulation->shoppers);
    free(simulation->line_pool.unused);
    free(simulation->visit_pool.unused);
    free(simulation->refund_pool.unused);
    heap_free(&simulation->due);
    heap_free(&simulation->waiting);
    buffer_free(&simulation->broken);
    free(simulation);
}
