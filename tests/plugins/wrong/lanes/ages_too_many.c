/* ages_too_many.c - it fills in one more than the list has room for. */
#include <shoplane/shoplane.h>
static void ages(const void *self, int64_t *ages_ms)
{
    (void)self;
    for (int i = 0; i <= SL_AGES_MAX; i++)
        ages_ms[i] = 1000 * (i + 1);
}
#define NAME "ages_too_many"
#define AGES ages
#include "../plain_lane.h"
SL_LANE_PLUGIN(lane)
