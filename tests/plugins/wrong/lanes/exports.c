/* exports.c - exports what it should keep to itself. */
#define NAME "exports"
#include "../plain_lane.h"

SL_EXPORT_ extern int helper(int number);
int helper(int number) { return number + 1; }
SL_EXPORT_ extern const int table[2];
const int table[2] = {1, 2};
SL_LANE_PLUGIN(lane)
