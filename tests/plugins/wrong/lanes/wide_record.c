/* wide_record.c - a record that is too large. */
#define NAME        "wide_record"
#define MORE_RECORD int64_t more[6];
#include "../plain_lane.h"
SL_LANE_PLUGIN(lane)
