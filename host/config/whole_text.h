/* whole_text.h - the text of a configuration with the files of its @include in place of the words that name them.
 *
 * One text that means the same, wherever it lies, and where each of its lines comes from. libconfig gets this text and never
 * opens a file itself: its scanner ends the process where an @include names a folder, refuses a byte order mark, and forgets
 * which file a setting came from. May hold a password: overwritten when it is freed. */
#ifndef CONFIG_WHOLE_TEXT_H
#define CONFIG_WHOLE_TEXT_H

#include "base/buffer.h"
#include "base/error.h"
#include "config/config.h"
#include "config/config_memory.h"

#include <stdbool.h>
#include <stddef.h>

struct whole_text {
    struct buffer text;         /* whole lines; zero-terminated behind its size */
    struct config_place *lines; /* where line i + 1 of it comes from */
    size_t line_count, line_capacity;
    struct whole_text_fault {
        struct config_place place; /* of the @include, or in the included file */
        struct error error;
    } * faults;
    size_t fault_count, fault_capacity;
};

/* Put together what `text`, read from `path`, and the files that it includes say; their names are relative to `folder`, NULL:
 * the working folder. False: some can't be included, and `faults` says why. Names of files are in `memory`. */
bool whole_text_make(struct whole_text *whole, const char *text, size_t size, const char *path, const char *folder,
                     struct config_memory *memory);
void whole_text_free(struct whole_text *whole);

/* Where a line of the text, from 1, comes from; beyond the end: the last one. */
struct config_place whole_text_place(const struct whole_text *whole, int line);

/* The text alone, of a file: zero-terminated, to be overwritten and freed. NULL: it can't be read (*error). */
char *whole_text_read(const char *path, size_t *size, struct error *error);

/* The folder that a file lies in, to be freed; NULL: the working folder. */
char *whole_text_folder(const char *path);

#endif
