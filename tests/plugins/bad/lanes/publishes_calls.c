/* publishes_calls.c - what it publishes depends on how many moments it was asked for, counted in variables. */
#include <stdint.h>
static int64_t calls, seen_ms;
#define IN_PUBLISH                      \
    calls += window->now_ms != seen_ms; \
    seen_ms = window->now_ms;           \
    values->views = calls;
#define NAME "publishes_calls"
#include "../views.h"
