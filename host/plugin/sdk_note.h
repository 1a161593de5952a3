/* sdk_note.h - which SDK a shared object was built against, read from its ELF note without loading it.
 *
 * The note is written by SL_LANE_PLUGIN and SL_METRIC_PLUGIN (shoplane/plugin.h). */
#ifndef PLUGIN_SDK_NOTE_H
#define PLUGIN_SDK_NOTE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sdk_note {
    uint32_t major, minor;
};

/* Find the note in the whole bytes of a file. False, with an error, if they are not a shared object of this machine's kind
 * or carry no such note. Never reads outside the bytes. */
bool sdk_note_read(const void *bytes, size_t size, struct sdk_note *note, struct error *error);

#endif
