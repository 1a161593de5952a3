/* recorded_events.c - see recorded_events.h. */
#include "testhost/recorded_events.h"

#include "base/memory.h"
#include "snowplow/event_reader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The whole file; NULL: errno. */
static char *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "re");
    size_t room = 1 << 16, got = 0;
    char *bytes = file == NULL ? NULL : memory_new(room);
    *size = 0;
    while (bytes != NULL && (got = fread(bytes + *size, 1, room - *size, file)) > 0) {
        *size += got;
        if (*size == room)
            bytes = memory_resize(bytes, room *= 2);
    }
    if (bytes != NULL && ferror(file) != 0) {
        free(bytes);
        bytes = NULL;
    }
    if (file != NULL) {
        int why = errno;
        (void)fclose(file);
        errno = why;
    }
    return bytes;
}

struct recorded_events *recorded_events_read(const char *path, struct error *error)
{
    size_t size, readable = 0, capacity = 0;
    char *bytes = read_file(path, &size);
    if (bytes == NULL) {
        error_what(error, "the recorded events can't be read: %s", strerror(errno));
        error_found(error, "%s", path);
        error_advice(error, "name a file of enriched TSV that you can read");
        return NULL;
    }
    struct recorded_events *recorded = memory_new(sizeof *recorded);
    recorded->path = memory_text(path);
    recorded->bytes = bytes;
    struct plan *plan = plan_new();
    plan_seal(plan);
    struct reader *reader = reader_new(plan);
    int64_t last_ms = 0;
    int number = 0;
    for (char *at = bytes, *end = bytes + size; at < end;) {
        char *newline = memchr(at, '\n', (size_t)(end - at));
        sl_view line = {at, (size_t)((newline == NULL ? end : newline) - at)};
        at = newline == NULL ? end : newline + 1;
        number++;
        if (line.size == 0)
            continue;
        if (recorded->count == capacity) {
            capacity = capacity == 0 ? 256 : capacity * 2;
            recorded->events = memory_resize(recorded->events, capacity * sizeof *recorded->events);
        }
        struct recorded_event *event = &recorded->events[recorded->count++];
        *event = (struct recorded_event){.line = number, .message = line, .time_ms = last_ms};
        struct event_head head;
        struct bad_row bad;
        event->readable = reader_read(reader, line, &head, &bad);
        if (event->readable)
            last_ms = event->time_ms = head.time_ms;
        readable += event->readable;
    }
    reader_free(reader);
    plan_free(plan);
    if (readable > 0)
        return recorded;
    error_what(error, "there is no event in it that could be read");
    error_found(error, "%s, %zu lines", path, recorded->count);
    error_advice(error, "enriched TSV, a line an event, as `shoplane replay` reads it");
    recorded_events_free(recorded);
    return NULL;
}

void recorded_events_free(struct recorded_events *recorded)
{
    if (recorded == NULL)
        return;
    free(recorded->events);
    free(recorded->bytes);
    free(recorded->path);
    free(recorded);
}
