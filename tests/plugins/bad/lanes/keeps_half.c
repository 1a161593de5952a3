/* keeps_half.c - extract keeps the first bytes of a text, and half a character may be among them. */
#define IN_EXTRACT \
    if (record->price >= 0) \
        record->id = sl_event_keep_text(event, (sl_view){"r\xc3\xb6", 2});
#define NAME "keeps_half"
#include "../views.h"
