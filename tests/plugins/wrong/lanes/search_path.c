/* search_path.c - brings a search path (a link option: CMakeLists.txt). */
#define NAME "search_path"
#include "../plain_lane.h"

SL_LANE_PLUGIN(lane)
