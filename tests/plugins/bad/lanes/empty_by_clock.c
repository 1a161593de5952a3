/* empty_by_clock.c - says what the time is when a window has gone empty. */
#define IN_PUBLISH if (window->records == 0) values->views = window->now_ms;
#define NAME       "empty_by_clock"
#include "../views.h"
