/* report.h - how the program speaks to the person at the terminal: errors in three parts, progress, a summary. */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include "base/error.h"
#include "engine/engine.h"

/* On standard error:
 *     shoplane: what went wrong
 *       found    the values that disagree
 *       do this  what would be right */
void report_error(const struct error *error);
/* All of them, and frees the list. */
void report_errors(struct error_list *errors);

/* One line on standard error that replaces itself, where that is a terminal; nothing otherwise. `total` 0: unknown. */
struct progress {
    int64_t started_ms, shown_ms;
    bool terminal, drawn;
};
void progress_start(struct progress *progress, bool quiet);
void progress_show(struct progress *progress, const struct engine_counters *counters, uint64_t done, uint64_t total);
/* "copying  40%  3.1 GB of 8.2 GB  12 s left" */
void progress_bytes(struct progress *progress, const char *doing, uint64_t done, uint64_t total);
void progress_end(struct progress *progress);

/* What a run did, as one JSON object in a file of its own. False: *error says why not. */
bool report_stats(const char *path, const struct engine_counters *counters, struct dead_letters *letters,
                  int64_t took_ms, struct error *error);

/* The same, a few lines on standard error. */
void report_summary(const struct engine_counters *counters, struct dead_letters *letters, int64_t took_ms);

#endif
