/* ages_outside.c - of the ages it names two can't be one in a window of five minutes. */
#include <shoplane/shoplane.h>
static void ages(const void *self, int64_t ages_ms[SL_AGES_MAX])
{
    (void)self;
    ages_ms[0] = 1;
    ages_ms[1] = 300000;
    ages_ms[2] = 300001;
    ages_ms[3] = -5;
}
#define NAME "ages_outside"
#define AGES ages
#include "../plain_lane.h"
SL_LANE_PLUGIN(lane)
