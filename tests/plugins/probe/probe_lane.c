/* probe_lane.c - a lane that counts page views, built by tests/integration/reload.py in many ways:
 *
 *     -DTIMES=2         each view counts so often: another fold
 *     -DMOVED           the record's fields in another order
 *     -DDROPPED         a field less
 *     -DADDED           a field more
 *     -DREFUSES         `open` refuses
 *     -DREFUSES_LATER   `open` refuses once the file that $PROBE_ALLOWED names is gone, and removes it
 *     -DCRASHES         a view of the page "crash" is its end; with -DBY=2 by using up the stack, with -DBY=3 by abort() */
#include <shoplane/shoplane.h>

#include <stdlib.h>
#include <unistd.h>

#ifndef TIMES
#define TIMES 1
#endif
#ifndef BY
#define BY 1
#endif

static const sl_input inputs[] = {{"page", "page_url"}, {0}};
static const char *const events[] = {"page_view", NULL};

struct record {
    sl_stamp at;
#ifdef MOVED
    int64_t other;
    int64_t views;
#else
    int64_t views;
#ifndef DROPPED
    int64_t other;
#endif
#endif
#ifdef ADDED
    int64_t more;
#endif
};
static const sl_field record_fields[] = {
    SL_FIELD(struct record, views, SL_I64, "how many"),
#ifndef DROPPED
    SL_FIELD(struct record, other, SL_I64, "a number"),
#endif
#ifdef ADDED
    SL_FIELD(struct record, more, SL_I64, "another"),
#endif
    {0},
};

struct aggregate {
    int64_t views;
};
struct values {
    int64_t views;
};
static const sl_field values_fields[] = {SL_FIELD(struct values, views, SL_I64, "page views"), {0}};

static bool open_probe(void *self, sl_refusal *refusal)
{
    (void)self, (void)refusal;
#ifdef REFUSES
    return sl_refuse(refusal, "the moon is full", "wait a week");
#endif
#ifdef REFUSES_LATER
    if (unlink(getenv("PROBE_ALLOWED")) != 0)
        return sl_refuse(refusal, "it was allowed once only", "allow it again");
#endif
    return true;
}

#ifdef CRASHES
static int deeper(int depth)
{
    volatile char room[1024];
    room[0] = (char)depth;
    return depth < 0 ? 0 : deeper(depth + 1) + room[0];
}

static void crash(void)
{
    static int *volatile nowhere;
    if (BY == 3)
        abort();
    *nowhere = BY == 2 ? deeper(1) : 1;
}
#endif

static bool extract(const void *self, const sl_event *event, void *out)
{
    struct record *record = out;
    (void)self, (void)event;
#ifdef CRASHES
    sl_view page = sl_event_view(event, 0);
    if (page.size == 5 && page.data[0] == 'c')
        crash();
#endif
    record->views = 1;
#ifndef DROPPED
    record->other = 7;
#endif
#ifdef ADDED
    record->more = 1;
#endif
    return true;
}

static void add(const void *self, sl_scratch *scratch, void *aggregate, const void *from)
{
    const struct record *record = from;
    (void)self, (void)scratch;
#ifdef ADDED
    ((struct aggregate *)aggregate)->views += record->views * record->more;
#else
    ((struct aggregate *)aggregate)->views += record->views * TIMES;
#endif
}

static void publish(const void *self, sl_scratch *scratch, const sl_window *window, const void *aggregate, void *values)
{
    (void)self, (void)scratch, (void)window;
    ((struct values *)values)->views = ((const struct aggregate *)aggregate)->views;
}

static const sl_lane lane = {
    SL_LANE(SL_KEY_USER, "probe", "1.0.0", "page views, for tests"),
    SL_EVENTS(events, inputs),
    SL_RECORD(struct record, record_fields),
    SL_AGGREGATE(struct aggregate),
    SL_VALUES(struct values, values_fields),
    .open = open_probe,
    .extract = extract,
    .add = add,
    .publish = publish,
};
SL_LANE_PLUGIN(lane)
