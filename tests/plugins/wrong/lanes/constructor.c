/* constructor.c - runs code when it is loaded. */
#define NAME "constructor"
#include "../plain_lane.h"

static volatile int prepared;
__attribute__((constructor)) static void prepare(void) { prepared = 1; }
SL_LANE_PLUGIN(lane)
