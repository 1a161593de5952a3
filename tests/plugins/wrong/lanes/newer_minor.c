/* newer_minor.c - of an SDK with functions that this host does not have. */
#define NAME "newer_minor"
#include "../plain_lane.h"
#undef SL_SDK_MINOR
#define SL_SDK_MINOR 99
SL_LANE_PLUGIN(lane)
