/* field_outside.c - declares a field behind the end of its record. */
#define NAME         "field_outside"
#define NUMBER_FIELD {.name = "number", .help = "", .type = SL_I64, .offset = 24, .size = 8}
#include "../plain_lane.h"
SL_LANE_PLUGIN(lane)
