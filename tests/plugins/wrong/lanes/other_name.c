/* other_name.c - calls itself otherwise than its file. */
#define NAME "basket"
#include "../plain_lane.h"
SL_LANE_PLUGIN(lane)
