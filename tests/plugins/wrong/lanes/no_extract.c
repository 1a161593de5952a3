/* no_extract.c - has no extract. */
#define NAME    "no_extract"
#define EXTRACT NULL
#include "../plain_lane.h"
SL_LANE_PLUGIN(lane)
