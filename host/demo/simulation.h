/* simulation.h - a shop's stream of events in order of arrival, without end.
 *
 * Visits begin at random moments, step when they are due, and report events; each event is delivered at once, some seconds
 * or hours later, or twice. Lines wait until nothing that could arrive before them can still happen. The same options give
 * the same bytes. It begins with a few minutes that are simulated but not given out, so that the stream is in full swing
 * from its first line. One thread. */
#ifndef DEMO_SIMULATION_H
#define DEMO_SIMULATION_H

#include "base/error.h"
#include "demo/formats.h"

struct simulation_options {
    uint64_t seed;
    int64_t start_ms;
    double rate;       /* events per simulated second */
    uint32_t shoppers; /* the population; 0: as the rate needs */
    uint32_t late, duplicates, bots, dirty; /* shares, per million */
    enum format format;
};

/* A reproducible stream from 2025-06-02 08:00 on: 50 events a second, 1% late, 1% twice, 2% of bots. */
extern const struct simulation_options simulation_defaults;

struct simulation;
struct simulation *simulation_new(const struct simulation_options *options);
void simulation_free(struct simulation *simulation);

/* One message: bytes without a newline, valid until the next call; and when it arrived. */
struct simulated {
    const char *data;
    size_t size;
    int64_t arrival_ms;
};
struct simulated simulation_next(struct simulation *simulation);

/* For a generator that has nothing else to say: lines given out, and those of them that were broken on purpose. */
struct simulation_counts {
    uint64_t lines, dirty, late, duplicates, bots, kinds[EVENT_KINDS], visits;
};
const struct simulation_counts *simulation_counts(const struct simulation *simulation);

#endif
