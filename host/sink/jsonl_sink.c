/* jsonl_sink.c - features as lines of JSON on a stream that all workers share.
 *
 * Each worker's sink gathers the lines of whole groups in a buffer of its own and hands them to the stream by one fwrite(),
 * which holds the stream's lock: so groups of different workers never mix. Invariant: `lines` holds committed groups up to
 * `committed` and then the lines of the open group; only the former are ever written. */
#include "sink/sink.h"

#include "base/buffer.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/time.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define FULL_BYTES 65536

struct jsonl_sink {
    struct sink sink;
    FILE *stream;
    struct buffer lines;
    size_t committed; /* bytes of `lines` that belong to committed groups */
    bool broken;      /* the last write failed */
    bool said;        /* and that was logged */
};

/* A stream takes what is written or fails; it is never full. */
static bool jsonl_ready(struct sink *sink)
{
    (void)sink;
    return true;
}

static void jsonl_write(struct sink *sink, const struct feature_write *write)
{
    struct jsonl_sink *jsonl = (struct jsonl_sink *)sink;
    struct buffer *lines = &jsonl->lines;
    char ttl[48];
    int size = snprintf(ttl, sizeof ttl, ",\"ttl\":%" PRId64 ",\"event_time\":\"", write->ttl_s);

    sink_count(sink, write);
    buffer_literal(lines, "{\"key\":");
    buffer_json_text(lines, write->key.data, write->key.size);
    if (write->refresh && write->value.data == NULL) {
        buffer_literal(lines, ",\"refresh\":true");
    } else {
        buffer_literal(lines, ",\"value\":");
        if (write->value.data == NULL)
            buffer_literal(lines, "null");
        else
            buffer_json_text(lines, write->value.data, write->value.size);
    }
    buffer_put(lines, ttl, (size_t)size);
    lines->size -= TIME_TEXT_MAX - time_text(write->time_ms, buffer_add(lines, TIME_TEXT_MAX));
    buffer_literal(lines, "\"}\n");
}

/* Hand the committed groups to the stream; what is open moves to the front. */
static void committed_write(struct jsonl_sink *jsonl, bool to_system)
{
    if (jsonl->committed == 0)
        return;
    bool done = fwrite(jsonl->lines.data, 1, jsonl->committed, jsonl->stream) == jsonl->committed &&
                (!to_system || fflush(jsonl->stream) == 0);
    if (!done) {
        if (!jsonl->said)
            log_error(
                "features can't be written as JSON lines: %s; found: %zu bytes of whole groups are lost; do this: "
                "see that the output's disk has room and that its reader lives",
                strerror(errno), jsonl->committed);
        jsonl->said = true;
        clearerr(jsonl->stream);
    }
    jsonl->broken = !done;
    jsonl->lines.size -= jsonl->committed;
    memmove(jsonl->lines.data, jsonl->lines.data + jsonl->committed, jsonl->lines.size);
    jsonl->committed = 0;
}

static void jsonl_commit(struct sink *sink, void *token)
{
    struct jsonl_sink *jsonl = (struct jsonl_sink *)sink;
    bool through = jsonl->broken;
    jsonl->committed = jsonl->lines.size;
    if (through || jsonl->committed >= FULL_BYTES)
        committed_write(jsonl, through);
    sink->counters.groups++;
    if (jsonl->broken)
        sink->counters.failed_groups++;
    if (token != NULL && sink->settled != NULL)
        sink->settled(sink->context, token, !jsonl->broken);
}

static void jsonl_flush(struct sink *sink) { committed_write((struct jsonl_sink *)sink, true); }

static bool jsonl_poll(struct sink *sink, int timeout_ms)
{
    (void)timeout_ms;
    jsonl_flush(sink);
    return true;
}

static int jsonl_descriptor(struct sink *sink, bool *wants_write)
{
    (void)sink;
    *wants_write = false;
    return -1;
}

static void jsonl_free(struct sink *sink)
{
    struct jsonl_sink *jsonl = (struct jsonl_sink *)sink;
    jsonl_flush(sink);
    buffer_free(&jsonl->lines);
    free(jsonl);
}

static const struct sink_class jsonl_class = {
    .name = "jsonl",
    .ready = jsonl_ready,
    .write = jsonl_write,
    .commit = jsonl_commit,
    .flush = jsonl_flush,
    .poll = jsonl_poll,
    .descriptor = jsonl_descriptor,
    .free = jsonl_free,
};

struct sink *jsonl_sink_new(void *stream, sink_settled *settled, void *context)
{
    struct jsonl_sink *jsonl = memory_new(sizeof *jsonl);
    jsonl->sink.class = &jsonl_class;
    jsonl->sink.settled = settled;
    jsonl->sink.context = context;
    jsonl->stream = stream;
    return &jsonl->sink;
}
