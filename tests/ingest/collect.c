/* collect.c - see collect.h. */
#include "collect.h"

#include "base/memory.h"
#include "base/time.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

struct cluster cluster;

/* --- topics --------------------------------------------------------------------------------------------------------- */

const char *new_topic(int partitions)
{
    static int number;
    static char names[64][32];
    char *name = names[number % 64];
    (void)snprintf(name, sizeof names[0], "c%d", ++number);
    if (cluster.real)
        cluster_make_topic(&cluster, name, partitions);
    else
        cluster_topic(&cluster, name, partitions);
    return name;
}

void fill(const char *topic, int partitions, int first, int last)
{
    for (int i = first; i <= last; i++)
        for (int32_t p = 0; p < partitions; p++)
            cluster_send(&cluster, topic, p, "x", 1, STAMP_OF(i));
    cluster_flush(&cluster);
}

void fill_now(const char *topic, int32_t partition, int count)
{
    for (int i = 0; i < count; i++)
        cluster_send(&cluster, topic, partition, "x", 1, 0);
    cluster_flush(&cluster);
}

struct kafka_settings settings_of(const char *topic, enum kafka_start start)
{
    return (struct kafka_settings){.brokers = cluster.address,
                                   .topic = topic,
                                   .start = start,
                                   .batch_messages = 100,
                                   .connect_timeout_ms = LIMIT_MS};
}

/* --- taking --------------------------------------------------------------------------------------------------------- */

void collect_reset(struct seen *seen)
{
    for (int p = 0; p < PARTITIONS; p++)
        seen[p] = (struct seen){.first = -1, .last = -1, .rising = true};
}

enum take collect_round(struct source *source, struct seen *seen)
{
    int ended = 0;
    for (int i = 0; i < source->workers; i++) {
        struct batch batch;
        enum take take = source_take(source, i, 10, &batch);
        ended += take == TAKE_END;
        if (take != TAKE_BATCH)
            continue;
        for (size_t k = 0; k < batch.count; k++) {
            const struct message *message = &batch.messages[k];
            struct seen *of = &seen[message->partition];
            of->rising = of->rising && message->offset > of->last && message->partition % source->workers == i;
            of->first = of->first < 0 ? message->offset : of->first;
            of->last = message->offset;
            of->count++;
        }
        source_give_back(source, &batch);
    }
    return ended == source->workers ? TAKE_END : ended == 0 ? TAKE_BATCH : TAKE_WAIT;
}

static void too_slow(const struct seen *seen, int partitions)
{
    for (int p = 0; p < partitions; p++)
        print_message("partition %d: %lld to %lld, %lld messages\n", p, (long long)seen[p].first, (long long)seen[p].last,
                      (long long)seen[p].count);
    fail_msg("too slow");
}

void collect(struct source *source, struct seen *seen, const int64_t *counts)
{
    int64_t limit_ms = time_monotonic_ms() + LIMIT_MS;
    collect_reset(seen);
    for (bool all = false; !all;) {
        if (collect_round(source, seen) == TAKE_END)
            fail_msg("it ended");
        all = true;
        for (int32_t p = 0; p < source->partitions; p++)
            all = all && seen[p].count >= counts[p];
        if (!all && time_monotonic_ms() > limit_ms)
            too_slow(seen, source->partitions);
    }
    for (int i = 0; i < 20; i++)
        (void)collect_round(source, seen);
    for (int32_t p = 0; p < source->partitions; p++)
        assert_int_equal(seen[p].count, counts[p]);
}

void collect_to_end(struct source *source, struct seen *seen)
{
    int64_t limit_ms = time_monotonic_ms() + LIMIT_MS;
    collect_reset(seen);
    while (collect_round(source, seen) != TAKE_END)
        if (time_monotonic_ms() > limit_ms)
            too_slow(seen, source->partitions);
}

void collect_until(struct source *source, struct seen *seen, bool (*condition)(struct source *source))
{
    int64_t limit_ms = time_monotonic_ms() + LIMIT_MS;
    while (!condition(source)) {
        (void)collect_round(source, seen);
        if (time_monotonic_ms() > limit_ms)
            too_slow(seen, source->partitions);
    }
}

void expect_seen(const struct seen *seen, int64_t first, int64_t last, int64_t count)
{
    if (seen->first != first || seen->last != last || seen->count != count || !seen->rising)
        fail_msg("%lld messages, offsets %lld to %lld%s; not %lld, %lld to %lld", (long long)seen->count,
                 (long long)seen->first, (long long)seen->last, seen->rising ? "" : ", not in order", (long long)count,
                 (long long)first, (long long)last);
}

/* --- the log -------------------------------------------------------------------------------------------------------- */

static int log_file = -1, screen = -1;
static off_t mark;
static atomic_bool ending;

void said_mark(void) { mark = lseek(log_file, 0, SEEK_END); }

int said(const char *text)
{
    off_t end = lseek(log_file, 0, SEEK_END);
    char *lines = memory_new((size_t)(end - mark) + 1);
    int times = 0;
    if (pread(log_file, lines, (size_t)(end - mark), mark) != (ssize_t)(end - mark))
        fail_msg("the log can't be read");
    for (const char *at = lines; (at = strstr(at, text)) != NULL; at += strlen(text))
        times++;
    free(lines);
    return times;
}

/* Shown, too, a moment later. */
static void *show_log(void *argument)
{
    char lines[4096];
    off_t at = 0;
    for (bool last = false; !last;) {
        last = atomic_load(&ending);
        struct timespec moment = {.tv_nsec = 20 * 1000 * 1000};
        (void)nanosleep(&moment, NULL);
        for (ssize_t size; (size = pread(log_file, lines, sizeof lines, at)) > 0; at += size)
            if (write(screen, lines, (size_t)size) != size)
                return NULL;
    }
    return argument;
}

static void keep_log(pthread_t *thread)
{
    log_file = memfd_create("log", 0);
    screen = dup(STDERR_FILENO);
    if (log_file < 0 || screen < 0 || dup2(log_file, STDERR_FILENO) < 0 || pthread_create(thread, NULL, show_log, NULL) != 0)
        abort();
}

int collect_main(int count, char **arguments, const char *name, const struct CMUnitTest *tests, size_t test_count)
{
    bool mock = count == 3 && strcmp(arguments[1], "mock") == 0;
    if (!mock && (count != 4 || strcmp(arguments[1], "apache") != 0)) {
        (void)fprintf(stderr, "usage: %s mock MOCK_BROKER | apache BROKER_SH BUILD_FOLDER\n", arguments[0]);
        return 2;
    }
    if (mock ? !cluster_start_mock(&cluster, arguments[2]) : !cluster_start_real(&cluster, arguments[2], arguments[3]))
        return mock ? 1 : 77;
    pthread_t thread;
    keep_log(&thread);
    int failures = _cmocka_run_group_tests(name, tests, test_count, NULL, NULL);
    cluster_end(&cluster);
    atomic_store(&ending, true);
    (void)pthread_join(thread, NULL);
    return failures;
}
