/* odd_length.c - extract crashes at ids of 37 bytes, which chance does not make. */
#define IN_EXTRACT                                   \
    if (sl_event_view(event, ID).size == 37)         \
        *(volatile int *)(uintptr_t)record->views = 0;
#define NAME "odd_length"
#include "../views.h"
