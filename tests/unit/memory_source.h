/* memory_source.h - a source whose messages are lines in memory: one ordered stream, as files are, or partitions, as Kafka's. */
#ifndef TESTS_MEMORY_SOURCE_H
#define TESTS_MEMORY_SOURCE_H

#include "base/memory.h"
#include "ingest/source.h"
#include "snowplow/columns.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MEMORY_WORKERS 8

struct memory_source {
    struct source source;
    char **lines;
    size_t count, batch;
    size_t next[MEMORY_WORKERS];        /* ordered: batches taken by a worker; else: where it is among its lines */
    atomic_size_t taken[MEMORY_WORKERS]; /* batches; others may look */
    struct message *messages[MEMORY_WORKERS];
};

static inline enum take memory_take(struct source *source, int worker, int timeout_ms, struct batch *batch)
{
    (void)timeout_ms;
    struct memory_source *memory = (struct memory_source *)(void *)source;
    struct message *messages = memory->messages[worker];
    size_t workers = (size_t)source->workers, count = 0, *next = &memory->next[worker];
    size_t from = source->ordered ? (*next * workers + (size_t)worker) * memory->batch : *next;
    for (; from < memory->count && count < memory->batch; from++) {
        int32_t partition = source->ordered ? 0 : (int32_t)(from % (size_t)source->partitions);
        if (!source->ordered && partition % source->workers != worker)
            continue;
        messages[count++] = (struct message){.bytes = {memory->lines[from], strlen(memory->lines[from])},
                                             .stamp_ms = INT64_MAX / 2,
                                             .partition = partition,
                                             .offset = (int64_t)from};
    }
    uint64_t sequence = *next * workers + (size_t)worker;
    *next = source->ordered ? *next + 1 : from;
    if (count == 0)
        return source->ordered ? TAKE_END : TAKE_WAIT;
    *batch = (struct batch){.messages = messages, .count = count, .sequence = sequence};
    (void)atomic_fetch_add(&memory->taken[worker], 1);
    return TAKE_BATCH;
}

static inline void memory_give_back(struct source *source, struct batch *batch)
{
    (void)source;
    (void)batch;
}

/* A worker asks for its own partitions only. */
static inline enum partition_state memory_partition(struct source *source, int32_t partition, int64_t *idle_since_ms)
{
    struct memory_source *memory = (struct memory_source *)(void *)source;
    *idle_since_ms = 0;
    return memory->next[partition % source->workers] >= memory->count ? PARTITION_AT_END : PARTITION_READING;
}

static const struct source_class memory_class = {
    .name = "memory", .take = memory_take, .give_back = memory_give_back, .partition = memory_partition};

/* `partitions` 0: one ordered stream. */
static inline void memory_source_open(struct memory_source *memory, char **lines, size_t count, size_t batch, int workers,
                                      int32_t partitions)
{
    *memory = (struct memory_source){
        .source = {&memory_class, workers, partitions == 0 ? 1 : partitions, partitions == 0},
        .lines = lines,
        .count = count,
        .batch = batch};
    for (int i = 0; i < workers; i++)
        memory->messages[i] = memory_new(batch * sizeof(struct message));
}

static inline void memory_source_close(struct memory_source *memory)
{
    for (int i = 0; i < memory->source.workers; i++)
        free(memory->messages[i]);
}

/* A page view as an enriched event; user or session may be "". Free it. */
static inline char *page_view_line(int64_t time_ms, unsigned id, const char *user, const char *session, const char *page)
{
    time_t seconds = (time_t)(time_ms / 1000);
    struct tm utc;
    (void)gmtime_r(&seconds, &utc);
    char time[40], event_id[40];
    size_t length = strftime(time, sizeof time, "%Y-%m-%d %H:%M:%S", &utc);
    (void)snprintf(time + length, sizeof time - length, ".%03d", (int)(time_ms % 1000));
    (void)snprintf(event_id, sizeof event_id, "4ba8f147-05cf-48c6-b218-%012x", id);
    const char *cells[COLUMN_COUNT] = {
        [COLUMN_EVENT] = "page_view",      [COLUMN_EVENT_ID] = event_id,
        [COLUMN_COLLECTOR_TSTAMP] = time,  [COLUMN_DERIVED_TSTAMP] = time,
        [COLUMN_USER_ID] = user,           [COLUMN_DOMAIN_SESSIONID] = session,
        [COLUMN_PAGE_TITLE] = page,
    };
    size_t size = COLUMN_COUNT + 1;
    for (int i = 0; i < COLUMN_COUNT; i++)
        size += cells[i] == NULL ? 0 : strlen(cells[i]);
    char *line = memory_new(size), *at = line;
    for (int i = 0; i < COLUMN_COUNT; i++)
        at += sprintf(at, "%s%s", i == 0 ? "" : "\t", cells[i] == NULL ? "" : cells[i]);
    return line;
}

#endif
