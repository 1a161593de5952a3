/* watch_traffic.h - what goes through a topic from now on: every partition, read from its end, beside the host and without
 * being noticed by it (no consumer group, no commits). One thread. */
#ifndef DEMO_WATCH_TRAFFIC_H
#define DEMO_WATCH_TRAFFIC_H

#include "base/error.h"
#include "demo/rewrite.h"

#include <stdbool.h>

struct traffic;

/* NULL: error says why. Waits up to 10 s for the broker to name the partitions. */
struct traffic *traffic_open(const char *brokers, const char *topic, struct error *error);
void traffic_close(struct traffic *traffic);

int traffic_partitions(const struct traffic *traffic);
bool traffic_is_embedded(const struct traffic *traffic); /* `shoplane-demo broker`, not Apache Kafka */

/* Wait up to wait_ms for messages and hand each to `take`; returns how many. */
size_t traffic_take(struct traffic *traffic, int wait_ms, void (*take)(void *context, struct bytes message), void *context);

#endif
