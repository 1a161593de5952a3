/* missing_library.c - links a library that is not there when it is loaded (a link option: CMakeLists.txt). */
#define NAME "missing_library"
#include "../plain_lane.h"

SL_LANE_PLUGIN(lane)
