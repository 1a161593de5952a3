/* abandoned_checkout.c - a checkout that was begun and not finished: so many minutes after its last step without an order. */
#include <shoplane/shoplane.h>

enum { STEP, ORDER }; /* order of `events` */
static const char *const events[] = {"checkout_step", "transaction", NULL};
static const sl_input inputs[] = {{"step", "checkout_step[0].step"}, {0}};

struct settings {
    int64_t minutes;
};
static const sl_param params[] = {
    SL_PARAM_I64(struct settings, minutes, 10, 1, 1440, "a checkout is abandoned this long after its last step"),
    {0},
};

struct record {
    sl_stamp at;
    int32_t step;
    bool ordered;
};
static const sl_field record_fields[] = {
    SL_FIELD(struct record, step, SL_I32, "of the checkout, 0 if it does not say"),
    SL_FIELD(struct record, ordered, SL_BOOL, "an order, not a step"),
    {0},
};

struct aggregate {
    int64_t last_ms;  /* of the checkout that goes on */
    int64_t furthest; /* step of it */
    bool open;
};

struct values {
    bool abandoned;
    int64_t step;
};
static const sl_field values_fields[] = {
    SL_FIELD(struct values, abandoned, SL_BOOL, "the newest checkout was abandoned"),
    SL_FIELD(struct values, step, SL_I64, "the furthest step of a checkout that was abandoned; else 0"),
    {0},
};

static int64_t patience_ms(const void *self) { return ((const struct settings *)self)->minutes * 60000; }

static void ages(const void *self, int64_t ages_ms[SL_AGES_MAX]) { ages_ms[0] = patience_ms(self); }

static bool extract(const void *self, const sl_event *event, void *record)
{
    (void)self;
    struct record *r = record;
    double step = sl_event_number(event, 0, 0);
    r->ordered = sl_event_kind(event) == ORDER;
    r->step = step >= 1 && step <= 100 ? (int32_t)step : 0; /* an event may say anything */
    return true;
}

static void add(const void *self, sl_scratch *scratch, void *aggregate, const void *record)
{
    (void)self, (void)scratch;
    const struct record *r = record;
    struct aggregate *a = aggregate;
    if (r->ordered || !a->open)
        a->furthest = 0;
    a->open = !r->ordered;
    a->last_ms = r->at.time_ms;
    if (r->step > a->furthest)
        a->furthest = r->step;
}

static void publish(const void *self, sl_scratch *scratch, const sl_window *window, const void *aggregate, void *values)
{
    (void)scratch;
    const struct aggregate *a = aggregate;
    struct values *v = values;
    v->abandoned = a->open && window->now_ms - a->last_ms >= patience_ms(self);
    v->step = v->abandoned ? a->furthest : 0;
}

static const sl_lane lane = {
    SL_LANE(SL_KEY_USER, "abandoned_checkout", "1.0.0", "checkouts that were not finished"),
    SL_EVENTS(events, inputs),
    SL_SETTINGS(struct settings, params),
    SL_RECORD(struct record, record_fields),
    SL_AGGREGATE(struct aggregate),
    SL_VALUES(struct values, values_fields),
    .extract = extract,
    .add = add,
    .publish = publish,
    .ages = ages,
};
SL_LANE_PLUGIN(lane)
