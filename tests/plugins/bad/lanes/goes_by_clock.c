/* goes_by_clock.c - publish says how old its newest record is. */
#define IN_PUBLISH values->views = window->records > 0 ? (window->now_ms - window->newest_ms) / 1000 : 0;
#define NAME       "goes_by_clock"
#include "../views.h"
