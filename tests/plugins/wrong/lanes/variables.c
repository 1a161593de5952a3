/* variables.c - keeps a table of its own. */
#define NAME "variables"
#include "../plain_lane.h"

static int64_t seen[100];
__attribute__((used)) static int64_t see(int64_t which) { return ++seen[which % 100]; }
SL_LANE_PLUGIN(lane)
