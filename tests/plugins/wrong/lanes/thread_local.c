/* thread_local.c - keeps a count for each thread. */
#define NAME "thread_local"
#include "../plain_lane.h"

static _Thread_local int64_t calls;
__attribute__((used)) static int64_t count(void) { return ++calls; }
SL_LANE_PLUGIN(lane)
