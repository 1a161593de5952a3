/* plain_two.c - plain, rebuilt: it calls itself plain, of another version, to be put in its place. */
#define NAME    "plain"
#define VERSION "2.0.0"
#include "../plain_lane.h"
SL_LANE_PLUGIN(lane)
