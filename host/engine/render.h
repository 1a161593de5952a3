/* render.h - a feature as text: FEATURES.md section 0. */
#ifndef ENGINE_RENDER_H
#define ENGINE_RENDER_H

#include "base/buffer.h"
#include "engine/arena.h"

#include <shoplane/metric.h>

/* What is written of a map or list at most: so many entries, and no more once their texts have so many bytes; but always one. */
#define RENDER_ENTRIES_MAX 1000
#define RENDER_TEXTS_MAX 262144

/* Append the text of the cell. False, and nothing appended: the feature is absent. A number that is not finite (a plugin's mistake:
 * 0.0 / 0) is absent, as is a text that was joined with one: nobody could read it. */
bool render_cell(const sl_cell *cell, struct arena *arena, struct buffer *out);

/* Is there a number in the cell that is not finite? */
bool render_not_finite(const sl_cell *cell);

#endif
