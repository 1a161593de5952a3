/* plain_lane.h - a small lane that is right in everything but what a test changes: define one of the names below before
 * including this, then end with SL_LANE_PLUGIN(lane). */
#include <shoplane/shoplane.h>

#ifndef VERSION
#define VERSION "1.0.0"
#endif
#ifndef MORE_RECORD
#define MORE_RECORD
#endif
#ifndef NUMBER_FIELD
#define NUMBER_FIELD SL_FIELD(struct record, number, SL_I64, "a number")
#endif
#ifndef EXTRACT
#define EXTRACT extract
#endif
#ifndef OPEN
#define OPEN NULL
#endif
#ifndef CLOSE
#define CLOSE NULL
#endif
#ifndef AGES
#define AGES NULL
#endif

#ifndef INPUTS
#define INPUTS {"title", "page_title"}
#endif
#ifndef EVENTS
#define EVENTS "page_view"
#endif

static const sl_input inputs[] = {INPUTS, {0}};
static const char *const events[] = {EVENTS, NULL};

struct record {
    sl_stamp at;
    int64_t number;
    MORE_RECORD
};
static const sl_field record_fields[] = {NUMBER_FIELD, {0}};

struct aggregate {
    int64_t records;
};

struct values {
    int64_t records;
    double share;
};
static const sl_field values_fields[] = {
    SL_FIELD(struct values, records, SL_I64, "how many"),
    SL_FIELD(struct values, share, SL_F64, "always a half"),
    {0},
};

__attribute__((unused)) static bool extract(const void *self, const sl_event *event, void *record)
{
    (void)self, (void)event;
    ((struct record *)record)->number = 1;
    return true;
}

static void add(const void *self, sl_scratch *scratch, void *aggregate, const void *record)
{
    (void)self, (void)scratch;
    ((struct aggregate *)aggregate)->records += ((const struct record *)record)->number;
}

static void publish(const void *self, sl_scratch *scratch, const sl_window *window, const void *aggregate, void *values)
{
    (void)self, (void)scratch, (void)window;
    *(struct values *)values = (struct values){((const struct aggregate *)aggregate)->records, 0.5};
}

static const sl_lane lane = {
    SL_LANE(SL_KEY_USER, NAME, VERSION, "a lane of a test"),
    SL_EVENTS(events, inputs),
    SL_RECORD(struct record, record_fields),
    SL_AGGREGATE(struct aggregate),
    SL_VALUES(struct values, values_fields),
    .open = OPEN,
    .close = CLOSE,
    .extract = EXTRACT,
    .add = add,
    .publish = publish,
    .ages = AGES,
};
