/* imports_host.c - calls a function of the host. */
#include <shoplane/shoplane.h>
void *memory_new(size_t size);
static bool take(const void *self, const sl_event *event, void *record)
{
    (void)self, (void)event, (void)record;
    return memory_new(1) != NULL;
}
#define NAME    "imports_host"
#define EXTRACT take
#include "../plain_lane.h"
SL_LANE_PLUGIN(lane)
