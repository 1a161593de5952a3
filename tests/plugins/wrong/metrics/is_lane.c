/* is_lane.c - a lane among the metric parsers. */
#define NAME "is_lane"
#include "../plain_lane.h"
SL_LANE_PLUGIN(lane)
