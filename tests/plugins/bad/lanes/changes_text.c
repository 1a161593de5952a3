/* changes_text.c - combine changes the text of what stays. */
#define COMBINE                    \
    into->id = from->id;           \
    into->views += from->views;    \
    into->price += from->price;
#define NAME "changes_text"
#include "../views.h"
