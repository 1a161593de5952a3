/* two_plugins.c - a lane, and a part that says once more that it is a plugin. */
#define NAME "two_plugins"
#include "../plain_lane.h"
SL_LANE_PLUGIN(lane)
__attribute__((section(".note.shoplane"), used, aligned(4))) static const struct {
    uint32_t owner_size, descriptor_size, type;
    char owner[12];
    uint32_t major, minor;
} second = {9, 8, SL_NOTE_SDK, SL_NOTE_OWNER, SL_SDK_MAJOR, SL_SDK_MINOR};
