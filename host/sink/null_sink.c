/* null_sink.c - counts and forgets: for measuring everything but the output. */
#include "sink/sink.h"

#include "base/memory.h"

#include <stdlib.h>

static bool null_ready(struct sink *sink)
{
    (void)sink;
    return true;
}

static void null_commit(struct sink *sink, void *token)
{
    sink->counters.groups++;
    if (token != NULL && sink->settled != NULL)
        sink->settled(sink->context, token, true);
}

static void null_flush(struct sink *sink) { (void)sink; }

static bool null_poll(struct sink *sink, int timeout_ms)
{
    (void)sink;
    (void)timeout_ms;
    return true;
}

static int null_descriptor(struct sink *sink, bool *wants_write)
{
    (void)sink;
    *wants_write = false;
    return -1;
}

static void null_free(struct sink *sink) { free(sink); }

static const struct sink_class null_class = {
    .name = "null",
    .ready = null_ready,
    .write = sink_count,
    .commit = null_commit,
    .flush = null_flush,
    .poll = null_poll,
    .descriptor = null_descriptor,
    .free = null_free,
};

struct sink *null_sink_new(sink_settled *settled, void *context)
{
    struct sink *sink = memory_new(sizeof *sink);
    sink->class = &null_class;
    sink->settled = settled;
    sink->context = context;
    return sink;
}
