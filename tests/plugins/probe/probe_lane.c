/* probe_lane.c - a lane that counts page views, built by tests/integration/reload.py and crash.py in many ways:
 *
 *     -DTIMES=2         each view counts so often: another fold
 *     -DMOVED           the record's fields in another order
 *     -DDROPPED         a field less
 *     -DADDED           a field more
 *     -DREFUSES         `open` refuses
 *     -DREFUSES_LATER   `open` refuses once the file that $PROBE_ALLOWED names is gone, and removes it
 *     -DCRASHES         a view of the page "crash" is its end, as long as no file is there that $PROBE_ALLOWED names: ends.h says
 *                       by what
 *     -DCRASHES_IN_ADD  the same, when it is folded; with -DALWAYS any is
 *     -DCRASHES_IN_OPEN when it is loaded, as long as the file that $PROBE_ALLOWED names is not there
 *     -DNUMBER=n        no difference but in its bytes */
#include "ends.h"

#include <shoplane/shoplane.h>

#include <stdlib.h>
#include <unistd.h>

#ifndef TIMES
#define TIMES 1
#endif
#ifndef NUMBER
#define NUMBER 0
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

const volatile int probe_number = NUMBER;

static bool open_probe(void *self, sl_refusal *refusal)
{
    (void)self, (void)refusal;
#ifdef CRASHES_IN_OPEN
    if (access(getenv("PROBE_ALLOWED"), F_OK) != 0)
        end_it();
#endif
#ifdef REFUSES
    return sl_refuse(refusal, "the moon is full", "wait a week");
#endif
#ifdef REFUSES_LATER
    if (unlink(getenv("PROBE_ALLOWED")) != 0)
        return sl_refuse(refusal, "it was allowed once only", "allow it again");
#endif
    return true;
}

static bool extract(const void *self, const sl_event *event, void *out)
{
    struct record *record = out;
    (void)self, (void)event;
    sl_view page = sl_event_view(event, 0);
    bool end = page.size == 5 && page.data[0] == 'c';
#ifdef CRASHES
    if (end && (getenv("PROBE_ALLOWED") == NULL || access(getenv("PROBE_ALLOWED"), F_OK) != 0))
        end_it();
#endif
    record->views = 1;
#ifndef DROPPED
    record->other = end ? 13 : 7;
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
#ifdef CRASHES_IN_ADD
#ifndef ALWAYS
    if (record->other == 13)
#endif
        end_it();
#endif
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
