/* made_text.c - see made_text.h. */
#include "snowplow/made_text.h"

#include "base/utf8.h"
#include "snowplow/json.h"

bool made_text_good(sl_view bytes) { return bytes.size == 0 || (bytes.size <= SL_TEXT_MADE_MAX && utf8_is(bytes)); }

size_t made_text_room(sl_view bytes) { return bytes.size < SL_TEXT_MADE_MAX / 3 ? 3 * bytes.size : SL_TEXT_MADE_MAX; }

sl_view made_text_repaired(sl_view bytes, char *room)
{
    return (sl_view){room, utf8_repair(bytes.data, bytes.size, room, made_text_room(bytes))};
}
