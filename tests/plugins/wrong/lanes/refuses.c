/* refuses.c - its open refuses; its close must not be called then. */
#include <shoplane/shoplane.h>
#include <stdlib.h>
static bool refuse(void *self, sl_refusal *refusal)
{
    (void)self;
    return sl_refuse(refusal, "the moon is full", "wait a week");
}
static void never(void *self)
{
    (void)self;
    abort();
}
#define NAME  "refuses"
#define OPEN  refuse
#define CLOSE never
#include "../plain_lane.h"
SL_LANE_PLUGIN(lane)
