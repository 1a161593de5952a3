/* other_library.c - links a library of the machine (a link option: CMakeLists.txt). */
#define NAME "other_library"
#include "../plain_lane.h"

SL_LANE_PLUGIN(lane)
