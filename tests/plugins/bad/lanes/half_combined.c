/* half_combined.c - combine changes what it then does not take. */
#define COMBINE                            \
    into->views += from->views;            \
    if (!sl_text_same(into->id, from->id)) \
        return false;                      \
    into->price += from->price;
#define NAME "half_combined"
#include "../views.h"
