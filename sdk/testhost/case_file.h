/* case_file.h - a golden case, read: what runs, what happens, and what is then expected. The format is CASES.md's. */
#ifndef TESTHOST_CASE_FILE_H
#define TESTHOST_CASE_FILE_H

#include "testhost/case_event.h"

struct case_lane {
    int line;            /* of the file */
    char *name, *params; /* params as a configuration has them: "search_signal = \"url\"; " */
    char **windows, **metrics;
    size_t window_count, metric_count;
};

struct case_window {
    char *name, *settings; /* "emit = \"5s\"; " */
};

struct case_event {
    int line;   /* of the file */
    char *text; /* that line, without blanks around it */
    char *message; /* enriched TSV */
};

struct case_check {
    int line;
    char *text; /* "user:ann:product_view_count_5m = 1" */
};

struct case_expect {
    int line;
    bool end;        /* the clock stays where the events end */
    int64_t time_ms; /* else it goes on to here */
    bool live;       /* lifetimes count */
    size_t events;   /* of the case, that have arrived by then */
    struct case_check *checks;
    size_t check_count;
};

struct case_file {
    char *path;
    char *source; /* settings of the source: "disorder = \"10s\"; " */
    struct case_lane *lanes;
    struct case_window *windows;
    struct case_event *events;
    struct case_expect *expects;
    size_t lane_count, window_count, event_count, expect_count;
    struct case_schemas schemas;
    int64_t newest_ms; /* of the events read so far */
};

/* NULL: *error says what is wrong, with file and line in `found`. */
struct case_file *case_file_read(const char *path, struct error *error);
void case_file_free(struct case_file *file);

/* The configuration that runs it, as text; its plugins come from `plugins` (plugin_file.h), its events from the file `events`. Each lane stands on the line that it
 * has in the case, so that what is wrong with it is said with the case's line. */
void case_file_config(const struct case_file *file, const char *plugins, const char *events, struct buffer *out);

#endif
