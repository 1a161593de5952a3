/* plain.c - nothing is wrong with it. */
#define NAME "plain"
#include "../plain_lane.h"
SL_LANE_PLUGIN(lane)
