/* sender.h - messages into one Kafka topic, with back-pressure and a count of what became of them.
 *
 * Used by one thread; librdkafka's own threads do the sending. */
#ifndef DEMO_SENDER_H
#define DEMO_SENDER_H

#include "base/error.h"
#include "demo/rewrite.h"

#include <signal.h>

struct sender;

struct sender_options {
    const char *brokers, *topic;
    int partitions;             /* create the topic with so many; 0: leave that to the broker */
    const char *const *settings; /* librdkafka's, "name=value", ended by NULL; applied last */
};

struct sender_counts {
    uint64_t sent, bytes, delivered, failed;
    char last_failure[256];
};

/* NULL: error says why. */
struct sender *sender_new(const struct sender_options *options, struct error *error);

/* Hand over a copy. Waits while the queue is full, unless *stop becomes true. False: stopped, or refused for good (it is
 * counted as failed when it is this one message that can't be sent). */
bool sender_send(struct sender *sender, struct bytes key, struct bytes message, const volatile sig_atomic_t *stop);

/* Serve delivery reports for up to timeout_ms. */
void sender_poll(struct sender *sender, int timeout_ms);

/* Wait until all is delivered, at most timeout_ms; what is left then counts as failed. Frees the sender. */
void sender_finish(struct sender *sender, int timeout_ms, struct sender_counts *counts);

const struct sender_counts *sender_counts(const struct sender *sender);

#endif
