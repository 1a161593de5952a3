/* other_major.c - of an SDK whose structs have other shapes. */
#define NAME "other_major"
#include "../plain_lane.h"
#undef SL_SDK_MAJOR
#define SL_SDK_MAJOR 9
SL_LANE_PLUGIN(lane)
