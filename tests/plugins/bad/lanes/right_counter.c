/* right_counter.c - is right, and combines what it counts. */
#define COMBINE                              \
    if (!sl_text_same(into->id, from->id))   \
        return false;                        \
    into->views += from->views;              \
    into->price += from->price;
#define NAME "right_counter"
#include "../views.h"
