/* report.c - see report.h. */
#include "cli/report.h"

#include "base/buffer.h"
#include "base/standard_error.h"
#include "base/time.h"
#include "config/byte_count.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void add_error(struct buffer *out, const struct error *error)
{
    buffer_printf(out, "shoplane: %s\n", error->what);
    if (error->found[0] != '\0')
        buffer_printf(out, "  found    %s\n", error->found);
    if (error->advice[0] != '\0')
        buffer_printf(out, "  do this  %s\n", error->advice);
}

static void put(struct buffer *out)
{
    (void)standard_error_put(out->data, out->size);
    buffer_free(out);
}

void report_error(const struct error *error)
{
    struct buffer out = {0};
    add_error(&out, error);
    put(&out);
}

void report_errors(struct error_list *errors)
{
    struct buffer out = {0};
    for (size_t i = 0; i < errors->count; i++)
        add_error(&out, &errors->items[i]);
    if (errors->count > 1)
        buffer_printf(&out, "shoplane: %zu errors\n", errors->count);
    put(&out);
    error_list_free(errors);
}

void progress_start(struct progress *progress, bool quiet)
{
    *progress = (struct progress){.started_ms = time_monotonic_ms(), .terminal = !quiet && isatty(STDERR_FILENO) != 0};
}

void progress_show(struct progress *progress, const struct engine_counters *counters, uint64_t done, uint64_t total)
{
    int64_t now = time_monotonic_ms();
    if (!progress->terminal || now - progress->shown_ms < 200 || now - progress->started_ms < 500)
        return;
    progress->shown_ms = now;
    progress->drawn = true;
    double seconds = (double)(now - progress->started_ms) / 1000.0;
    char clock[TIME_TEXT_MAX] = "-";
    if (counters->clock_ms != INT64_MIN)
        (void)time_text(counters->clock_ms, clock);
    (void)fprintf(stderr, "\r\033[K");
    if (total > 0)
        (void)fprintf(stderr, "%3.0f%%  ", 100.0 * (double)done / (double)total);
    (void)fprintf(stderr, "%llu events  %.0f/s  clock %s  %llu keys  %.0f MB", (unsigned long long)counters->messages,
                  (double)counters->messages / seconds, clock, (unsigned long long)counters->keys,
                  (double)counters->memory / 1e6);
    if (total > 0 && done > 0 && done < total)
        (void)fprintf(stderr, "  %.0f s left", seconds * (double)(total - done) / (double)done);
    (void)fflush(stderr);
}

void progress_bytes(struct progress *progress, const char *doing, uint64_t done, uint64_t total)
{
    int64_t now = time_monotonic_ms();
    if (!progress->terminal || now - progress->shown_ms < 200 || now - progress->started_ms < 500)
        return;
    progress->shown_ms = now;
    progress->drawn = true;
    char have[BYTE_COUNT_TEXT_MAX], all[BYTE_COUNT_TEXT_MAX];
    (void)fprintf(stderr, "\r\033[K%s %3.0f%%  %s of %s", doing, total == 0 ? 100.0 : 100.0 * (double)done / (double)total,
                  byte_count_text(done, have), byte_count_text(total, all));
    if (done > 0 && done < total)
        (void)fprintf(stderr, "  %.0f s left",
                      (double)(now - progress->started_ms) / 1000.0 * (double)(total - done) / (double)done);
    (void)fflush(stderr);
}

void progress_end(struct progress *progress)
{
    if (progress->drawn)
        (void)fprintf(stderr, "\r\033[K");
}

void report_summary(const struct engine_counters *counters, struct dead_letters *letters, int64_t took_ms)
{
    struct buffer out = {0};
    double seconds = took_ms < 1 ? 0.001 : (double)took_ms / 1000.0;
    buffer_printf(&out, "shoplane: %llu messages (%.1f MB) in %.2f s, %.0f a second\n",
                  (unsigned long long)counters->messages, (double)counters->bytes / 1e6, seconds,
                  (double)counters->messages / seconds);
    buffer_printf(&out, "  records    %llu kept, %llu duplicate, %llu late, %llu events without a key\n",
                  (unsigned long long)counters->records, (unsigned long long)counters->duplicates,
                  (unsigned long long)counters->late, (unsigned long long)counters->unkeyed);
    if (counters->rested > 0)
        buffer_printf(&out, "  at rest    %llu records came for a bucket that rests already\n", (unsigned long long)counters->rested);
    if (counters->ahead + counters->unstamped > 0)
        buffer_printf(&out, "  CLOCKS     %llu events ahead of their message, %llu messages without a Kafka timestamp\n",
                      (unsigned long long)counters->ahead, (unsigned long long)counters->unstamped);
    buffer_printf(&out, "  features   %llu written, %llu deleted, %llu refreshed, from %llu folds\n",
                  (unsigned long long)counters->sink.sets, (unsigned long long)counters->sink.deletes,
                  (unsigned long long)counters->sink.refreshes, (unsigned long long)counters->folds);
    buffer_printf(&out, "  state      %llu keys in %.1f MB\n", (unsigned long long)counters->keys,
                  (double)counters->memory / 1e6);
    if (counters->not_finite > 0)
        (void)fprintf(stderr, "  NOT FINITE %llu features were no finite number, and so absent\n",
                      (unsigned long long)counters->not_finite);
    if (counters->odd_amounts > 0)
        buffer_printf(&out, "  amounts    %llu events have one that is no number, or out of range: it is taken for missing\n",
                      (unsigned long long)counters->odd_amounts);
    if (counters->full_keys + counters->full_logs > 0)
        buffer_printf(&out, "  LIMITS     %llu records of new keys refused for memory, %llu beyond key_records\n",
                      (unsigned long long)counters->full_keys, (unsigned long long)counters->full_logs);
    if (counters->shadow_compared > 0)
        buffer_printf(&out, "  shadows    %llu features compared, %llu differ\n", (unsigned long long)counters->shadow_compared,
                      (unsigned long long)counters->shadow_differ);
    uint64_t by_reason[BAD_REASONS];
    uint64_t bad = dead_letters_counts(letters, by_reason);
    buffer_printf(&out, "  dead       %llu letters", (unsigned long long)bad);
    for (int i = 0; i < BAD_REASONS; i++)
        if (by_reason[i] > 0)
            buffer_printf(&out, ", %llu %s", (unsigned long long)by_reason[i], bad_reason_word((enum bad_reason)i));
    buffer_printf(&out, "\n");
    if (dead_letters_lost(letters) > 0)
        buffer_printf(&out, "  LOST       %llu dead letters could not be written\n",
                      (unsigned long long)dead_letters_lost(letters));
    if (counters->unsent > 0)
        buffer_printf(&out, "  NOT SENT   the sink did not take the features of %llu keys\n",
                      (unsigned long long)counters->unsent);
    put(&out);
}

bool report_stats(const char *path, const struct engine_counters *counters, struct dead_letters *letters,
                  int64_t took_ms, struct error *error)
{
    const struct {
        const char *name;
        uint64_t value;
    } values[] = {
        {"messages", counters->messages},     {"bytes", counters->bytes},
        {"events", counters->events},         {"unwanted", counters->unwanted},
        {"unkeyed", counters->unkeyed},       {"bad", counters->bad},
        {"records", counters->records},       {"duplicates", counters->duplicates},
        {"late", counters->late},             {"folds", counters->folds},
        {"rested", counters->rested},
        {"ahead", counters->ahead},           {"unstamped", counters->unstamped},
        {"keys", counters->keys},             {"memory_bytes", counters->memory},
        {"sets", counters->sink.sets},        {"deletes", counters->sink.deletes},
        {"refreshes", counters->sink.refreshes}, {"unsent", counters->unsent},
        {"not_finite", counters->not_finite}, {"odd_amounts", counters->odd_amounts},
        {"full_keys", counters->full_keys},   {"full_logs", counters->full_logs},
        {"shadow_compared", counters->shadow_compared}, {"shadow_differ", counters->shadow_differ},
        {"took_ms", (uint64_t)took_ms},
    };
    FILE *file = fopen(path, "we");
    bool good = file != NULL;
    if (good) {
        (void)fprintf(file, "{");
        for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
            (void)fprintf(file, "\"%s\":%llu,", values[i].name, (unsigned long long)values[i].value);
        uint64_t by_reason[BAD_REASONS];
        (void)dead_letters_counts(letters, by_reason);
        (void)fprintf(file, "\"dead_letters_lost\":%llu,", (unsigned long long)dead_letters_lost(letters));
        (void)fprintf(file, "\"dead_letters\":{");
        for (int i = 0; i < BAD_REASONS; i++)
            (void)fprintf(file, "%s\"%s\":%llu", i == 0 ? "" : ",", bad_reason_word((enum bad_reason)i),
                          (unsigned long long)by_reason[i]);
        (void)fprintf(file, "}}\n");
        good = fclose(file) == 0;
    }
    if (!good) {
        error_what(error, "the figures can't be written: %s", strerror(errno));
        error_found(error, "--stats %s", path);
    }
    return good;
}
