/* host_library.c - links what is the host's (a link option: CMakeLists.txt). */
#define NAME "host_library"
#include "../plain_lane.h"

SL_LANE_PLUGIN(lane)
