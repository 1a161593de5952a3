/* spelling.h - words in a lane's table that are nearly one of Snowplow's, and so probably misspelt: "product_veiw".
 *
 * Nothing is refused for it: everybody may define schemas. But a lane that lists a name which nobody sends says 0 for ever. */
#ifndef PLUGIN_SPELLING_H
#define PLUGIN_SPELLING_H

#include "base/buffer.h"

#include <shoplane/lane.h>

/* Of a table that was checked: appends a warning of two lines, for people, for each such word. */
void lane_spelling(const sl_lane *lane, struct buffer *out);

#endif
