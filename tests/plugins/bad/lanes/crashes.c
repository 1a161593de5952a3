/* crashes.c - extract can't take long texts. */
#define IN_EXTRACT                                   \
    if (sl_event_view(event, ID).size > 200)         \
        *(volatile int *)(uintptr_t)record->views = 0;
#define NAME "crashes"
#include "../views.h"
