// static_object.cpp - a C++ plugin with an object that is made when it is loaded.
#include <shoplane/shoplane.h>

extern "C" int rand(void);
namespace {
struct number {
    int value;
    number() : value(rand()) {}
} drawn;
bool extract(const void *, const sl_event *, void *) { return drawn.value != 0; }
void add(const void *, sl_scratch *, void *, const void *) {}
void publish(const void *, sl_scratch *, const sl_window *, const void *, void *) {}
const char *const events[] = {"page_view", nullptr};
const sl_field none[] = {{nullptr, nullptr, SL_NONE, 0, 0}};
sl_lane table()
{
    sl_lane lane = {};
    lane.struct_size = sizeof lane;
    lane.key = SL_KEY_USER;
    lane.name = "static_object", lane.version = "1", lane.summary = "a lane of a test";
    lane.events = events, lane.record_size = sizeof(sl_stamp), lane.record = none;
    lane.aggregate_size = 8, lane.values_size = 8, lane.values = none;
    lane.extract = extract, lane.add = add, lane.publish = publish;
    return lane;
}
const sl_lane lane = table();
}
SL_LANE_PLUGIN(lane)
