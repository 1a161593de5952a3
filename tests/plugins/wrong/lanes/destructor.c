/* destructor.c - runs code when it is unloaded. */
#define NAME "destructor"
#include "../plain_lane.h"

static volatile int left = 1;
__attribute__((destructor)) static void leave(void) { left = 0; }
SL_LANE_PLUGIN(lane)
