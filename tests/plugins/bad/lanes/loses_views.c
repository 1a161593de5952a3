/* loses_views.c - combine forgets what it takes in. */
#define COMBINE                              \
    if (!sl_text_same(into->id, from->id))   \
        return false;                        \
    into->price += from->price;
#define NAME "loses_views"
#include "../views.h"
