/* crash_notes.h - what plugins ended this host before: the file "crashes" of the state's folder, and what follows from it.
 *
 *     crash <time> <cause> <function> <lane> <metric or -> <build> <partition> <offset> <key in hex or ->
 *     release <time> <lane or metric parser>
 *
 * A line is appended by whoever is about to end (a signal handler: crash_note_line() is fit for that), or by `shoplane plugin
 * release`. The host reads them at its start. One build of a plugin that crashed at one place twice is not called there again;
 * one that crashed three times within a day, wherever, stands in quarantine: it is not called at all. Another build of it, and a
 * release, begin anew. Plain data; no thread. */
#ifndef STATE_CRASH_NOTES_H
#define STATE_CRASH_NOTES_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CRASH_FILE     "crashes"
#define CRASH_KEY_MAX  512  /* bytes of a key; a longer one is cut */
#define CRASH_LINE_MAX 1600 /* bytes of a line */

#define CRASH_AT_ONE_PLACE 2
#define CRASH_QUARANTINE   3
#define CRASH_WITHIN_S     86400

/* Causes beyond the signals' numbers. */
enum { CRASH_EXIT = 100, CRASH_HANG = 101, CRASH_THREAD = 102 };
/* "Segmentation fault", "it ended the process", "a call did not come back". Fit for a signal handler. */
const char *crash_cause_text(int cause);

struct crash_note {
    int64_t time_s;    /* wall clock */
    int cause;         /* a signal, or one of the above */
    char function[16]; /* "extract"; "-": it was in no plugin */
    char lane[64];     /* "-": the same */
    char metric[64];   /* "-": the lane itself */
    uint64_t build;
    int32_t partition; /* -1: it was not about a message */
    int64_t offset;
    char key[CRASH_KEY_MAX]; /* bytes, not a text */
    size_t key_size;
};

/* Its line, with the newline; returns how many bytes. Async-signal-safe. */
size_t crash_note_line(const struct crash_note *note, char out[CRASH_LINE_MAX]);

struct crash_notes {
    struct crash_note *items; /* oldest first, without those before a release of their plugin */
    size_t count;
};

/* No file is an empty one; lines that can't be read are passed over. */
void crash_notes_read(int folder, struct crash_notes *notes);
void crash_notes_free(struct crash_notes *notes);

/* Make the file short, where it has become long. By the owner of the folder, before it is opened to append. */
void crash_notes_trim(int folder);
/* A descriptor to append lines with (close-on-exec); -1: *error. */
int crash_notes_open(int folder, struct error *error);
bool crash_notes_release(int folder, const char *name, int64_t now_s, struct error *error);

/* The last of the crashes for which this build stands in quarantine; NULL: it does not. `metric`: NULL for the lane itself. */
const struct crash_note *crash_notes_quarantine(const struct crash_notes *notes, const char *lane, const char *metric,
                                                uint64_t build);

/* The same plugin, build, function, and message or key? */
bool crash_note_same_place(const struct crash_note *a, const struct crash_note *b);
/* Is item `index` the second at its place? */
bool crash_notes_bar(const struct crash_notes *notes, size_t index);

#endif
