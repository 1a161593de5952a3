/* small_variable.c - counts in one variable of four bytes. */
#define NAME "small_variable"
#include "../plain_lane.h"

static int calls;
__attribute__((used)) static int call(void) { return ++calls; }
SL_LANE_PLUGIN(lane)
