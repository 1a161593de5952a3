/* validate_threads.c - a stream through the engine itself, whose workers are threads. See validate_job.h. */
#include "testhost/validate_running.h"

#include "engine/engine.h"
#include "ingest/file_source.h"

#include <assert.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define THREADS 4

struct threaded {
    struct kept_features kept[THREADS];
};

static struct sink *open_sink(void *context, int worker, sink_settled *settled, void *settled_context)
{
    return kept_features_sink(&((struct threaded *)context)->kept[worker], settled, settled_context);
}

/* The stream as a file of lines. A descriptor. */
static int stream_file(const struct random_stream *stream)
{
    int file = memfd_create("events", MFD_CLOEXEC);
    FILE *out = fdopen(dup(file), "w");
    for (size_t i = 0; i < stream->count; i++)
        (void)fprintf(out, "%.*s\n", (int)stream->events[i].size, stream->events[i].message);
    (void)fclose(out);
    (void)lseek(file, 0, SEEK_SET);
    return file;
}

void run_engine(struct running *running, const struct random_stream *stream, int64_t until_ms, struct threaded *threaded)
{
    struct error error;
    char path[64];
    int file = stream_file(stream);
    FILE *letters = fopen("/dev/null", "w");
    assert(letters != NULL);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    const char *const paths[] = {path};
    const struct config *config = running->config;
    struct engine_settings settings = {.set = running->set,
                                       .letters = dead_letters_on(letters),
                                       .workers = THREADS,
                                       .clock = CLOCK_EVENT,
                                       .disorder_ms = config->source.disorder_ms,
                                       .idle_ms = config->source.idle_ms,
                                       .future_ms = config->source.future_ms,
                                       .max_message_bytes = config->source.max_message_bytes,
                                       .to_end = true,
                                       .until_ms = until_ms,
                                       .open_sink = open_sink,
                                       .sink_context = threaded,
                                       .limits = config->limits};
    settings.source = file_source_new(paths, 1, 10, THREADS, &error);
    assert(settings.source != NULL);
    struct engine *engine = engine_start(&settings);
    while (!engine_wait(engine, 1000))
        continue;
    engine_free(engine);
    source_free(settings.source);
    dead_letters_close(settings.letters, 0);
    (void)fclose(letters);
    (void)close(file);
}

/* What all of them have, as one: keys belong to one each. */
static void gather(struct threaded *threaded, struct kept_features *all)
{
    struct sink *sink = kept_features_sink(all, NULL, NULL);
    for (int i = 0; i < THREADS; i++)
        for (size_t k = 0; k < threaded->kept[i].count; k++) {
            const struct kept_feature *feature = &threaded->kept[i].items[k];
            struct feature_write write = {
                .key = {feature->key, strlen(feature->key)}, .time_ms = feature->time_ms, .ttl_s = feature->ttl_s};
            if (feature->value != NULL)
                write.value = (sl_view){feature->value, strlen(feature->value)};
            sink->class->write(sink, &write);
        }
    sink_free(sink);
}

void run_threads(struct running *running)
{
    struct random_stream stream;
    struct threaded threaded = {0};
    struct kept_features all = {0};
    running_stream(running, false, &stream);
    running->report->check = CHECK_THREADS;
    struct drive *baseline = running_drive(running, &stream, &(struct way){.workers = 1, .batch = 1});
    run_engine(running, &stream, running_newest_ms(&stream) + RUNNING_AFTER_MS, &threaded);
    gather(&threaded, &all);
    running_compare(running, CHECK_THREADS, drive_clock_ms(baseline), "one thread and", drive_features(baseline),
                    "four threads", &all, running_depends);
    for (int i = 0; i < THREADS; i++)
        kept_features_free(&threaded.kept[i]);
    kept_features_free(&all);
    drive_free(baseline);
    random_stream_free(&stream);
    running_end(running);
}
