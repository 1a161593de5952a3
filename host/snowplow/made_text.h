/* made_text.h - bytes that a plugin makes a text of, as the host takes them: UTF-8, and at most SL_TEXT_MADE_MAX of them. */
#ifndef SNOWPLOW_MADE_TEXT_H
#define SNOWPLOW_MADE_TEXT_H

#include <shoplane/types.h>

/* They are as they must be, and are kept as they are. */
bool made_text_good(sl_view bytes);

/* What is kept of those that are not, in `room`, which has made_text_room() bytes. */
size_t made_text_room(sl_view bytes);
sl_view made_text_repaired(sl_view bytes, char *room);

#endif
