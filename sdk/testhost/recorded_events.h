/* recorded_events.h - events of a file, enriched TSV, in place of those made by chance: what a shop really sends. */
#ifndef TESTHOST_RECORDED_EVENTS_H
#define TESTHOST_RECORDED_EVENTS_H

#include "base/error.h"

#include <shoplane/types.h>

struct recorded_event {
    int line; /* of the file, from 1 */
    sl_view message;
    int64_t time_ms; /* event time */
    bool readable;   /* else it is a dead letter, and time_ms is that of the event before */
};

struct recorded_events {
    char *path;
    char *bytes;
    struct recorded_event *events; /* in the order of the file; empty lines are left out */
    size_t count;
};

/* NULL: *error says why; a file without a single event that can be read among them. */
struct recorded_events *recorded_events_read(const char *path, struct error *error);
void recorded_events_free(struct recorded_events *recorded);

#endif
