/* static_tls.c - keeps a count for each thread, in memory that only the start of a process has (a compile option). */
#define NAME "static_tls"
#include "../plain_lane.h"

static _Thread_local int64_t calls;
__attribute__((used)) static int64_t count(void) { return ++calls; }
SL_LANE_PLUGIN(lane)
