/* hangs.c - extract waits for a text to end. */
#define IN_EXTRACT                                                  \
    for (volatile size_t i = 1; sl_event_view(event, ID).size == 0;) \
        i = i;
#define NAME "hangs"
#include "../views.h"
