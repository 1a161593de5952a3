/* stack.c - wants an executable stack (a link option: CMakeLists.txt). */
#define NAME "stack"
#include "../plain_lane.h"

SL_LANE_PLUGIN(lane)
