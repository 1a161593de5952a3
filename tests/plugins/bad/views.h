/* views.h - a lane that counts product views, and keeps its contract in everything but what a test changes: define NAME and any of the
 * pieces of code below before including this. Files in lanes/ are wrong in one thing each, which only shows when they run. */
#include <shoplane/shoplane.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifndef IN_EXTRACT
#define IN_EXTRACT
#endif
#ifndef IN_ADD
#define IN_ADD
#endif
#ifndef IN_PUBLISH
#define IN_PUBLISH
#endif
#ifndef IN_OPEN
#define IN_OPEN
#endif
#ifndef IN_CLOSE
#define IN_CLOSE
#endif
#ifndef MORE_RECORD
#define MORE_RECORD
#endif
#ifndef MORE_FIELDS
#define MORE_FIELDS
#endif
#ifndef MORE_AGGREGATE
#define MORE_AGGREGATE
#endif
#ifndef MORE_LANE
#define MORE_LANE .extract = extract,
#endif

static const char *const events[] = {"product_view", NULL};
enum { ID, PRICE };
static const sl_input inputs[] = {{"id", "product[0].id"}, {"price", "product[0].price"}, {0}};

struct settings {
    int64_t most;
    char *memory; /* not a setting: for what `open` makes */
};
static const sl_param params[] = {SL_PARAM_I64(struct settings, most, 100, 1, 1000, "a number"), {0}};

struct record {
    sl_stamp at;
    sl_text id;
    int64_t price;
    int64_t views;
    MORE_RECORD
};
static const sl_field record_fields[] = {
    SL_FIELD(struct record, id, SL_TEXT, "of the product"),
    SL_FIELD(struct record, price, SL_MONEY, "its price"),
    SL_FIELD(struct record, views, SL_I64, "how many it stands for"),
    MORE_FIELDS
    {0},
};

struct aggregate {
    int64_t views, sum;
    sl_counts *ids;
    MORE_AGGREGATE
};

struct values {
    int64_t views;
    int64_t sum;
    sl_text top;
    sl_counts *ids;
};
static const sl_field values_fields[] = {
    SL_FIELD(struct values, views, SL_I64, "how many"),
    SL_FIELD(struct values, sum, SL_MONEY, "of their prices"),
    SL_FIELD(struct values, top, SL_TEXT, "the most viewed"),
    SL_FIELD(struct values, ids, SL_COUNTS, "views by product"),
    {0},
};

static bool open_it(void *self_, sl_refusal *refusal)
{
    struct settings *self = self_;
    (void)self, (void)refusal;
    IN_OPEN
    return true;
}

static void close_it(void *self_)
{
    struct settings *self = self_;
    (void)self;
    IN_CLOSE
}

__attribute__((unused)) static bool extract(const void *self_, const sl_event *event, void *record_)
{
    const struct settings *self = self_;
    struct record *record = record_;
    (void)self;
    record->id = sl_event_text(event, ID);
    record->price = sl_event_money(event, PRICE, 0);
    record->views = 1;
    IN_EXTRACT
    return true;
}

static void add(const void *self_, sl_scratch *scratch, void *aggregate_, const void *record_)
{
    const struct settings *self = self_;
    struct aggregate *aggregate = aggregate_;
    const struct record *record = record_;
    (void)self;
    aggregate->views += record->views;
    aggregate->sum += record->price;
    (void)sl_counts_add(scratch, &aggregate->ids, record->id, record->views);
    IN_ADD
}

static void publish(const void *self_, sl_scratch *scratch, const sl_window *window, const void *aggregate_, void *values_)
{
    const struct settings *self = self_;
    const struct aggregate *aggregate = aggregate_;
    struct values *values = values_;
    (void)self, (void)window;
    values->views = aggregate->views;
    values->sum = aggregate->sum;
    values->top = sl_counts_top(scratch, aggregate->ids);
    values->ids = aggregate->ids;
    IN_PUBLISH
}

#ifdef COMBINE
static bool combine(const void *self, void *into_, const void *from_)
{
    struct record *into = into_;
    const struct record *from = from_;
    (void)self;
    COMBINE
    return true;
}
#endif

#ifdef AGE
static void ages(const void *self, int64_t ages_ms[SL_AGES_MAX])
{
    (void)self;
    ages_ms[0] = AGE;
}
#endif

static const sl_lane lane = {
    SL_LANE(SL_KEY_USER, NAME, "1.0.0", "a lane of a test"),
    SL_EVENTS(events, inputs),
    SL_SETTINGS(struct settings, params),
    SL_RECORD(struct record, record_fields),
    SL_AGGREGATE(struct aggregate),
    SL_VALUES(struct values, values_fields),
    .open = open_it,
    .close = close_it,
    MORE_LANE
#ifdef COMBINE
    .bucket_ms = 60000,
    .combine = combine,
#endif
    .add = add,
    .publish = publish,
#ifdef AGE
    .ages = ages,
#endif
};
SL_LANE_PLUGIN(lane)
