/* watch_probe.h - freshness, measured and not estimated: product views of shoppers that never were before are produced into
 * the topic, and Redis is asked until their feature can be read. PROBE_CHANGE_MS after that each shopper views the product again,
 * and Redis is asked until the feature has changed: what a person's next click costs.
 *
 * Latency = from handing the event to the Kafka client until Redis has answered with the value; it includes the producer,
 * the broker, the host and Redis. A probe's shopper and session are called probe-RUN-NUMBER. Probes that are sent before
 * the first one came back are of the start of the host and not counted. One thread. */
#ifndef DEMO_WATCH_PROBE_H
#define DEMO_WATCH_PROBE_H

#include "base/error.h"
#include "demo/watch_store.h"

#define PROBE_PREFIX    "probe-"
#define PROBE_CHANGE_MS 300

struct probes;

/* per_second: 1 to 100. NULL: error says why. */
struct probes *probes_open(const char *brokers, const char *topic, int per_second, struct error *error);
void probes_close(struct probes *probes);

/* Send what is due (unless `last`), ask Redis for what is on its way. Returns how many are. */
size_t probes_step(struct probes *probes, struct store *store, bool last);

enum probed { PROBED_FIRST, PROBED_CHANGE }; /* a shopper's first value; its next */
struct freshness {
    uint64_t sent, back, lost; /* counted ones; lost: not readable after 10 s */
    double p50_ms, p99_ms, max_ms;
    double start_ms;           /* from the first probe until the first one came back; < 0: none has */
};
/* Of the newest `newest` probes, 0: of all. */
struct freshness probes_freshness(const struct probes *probes, enum probed what, size_t newest);

#endif
