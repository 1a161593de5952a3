/* interest.c - a decayed score: each event counts by its weight, and half of that for every half_life since.
 *
 * As of the newest event, not of the clock: so it only changes when records come or go, which is when it is written. A reader who
 * wants it as of now multiplies by 2^-((now - interest_at) / half_life). */
#include <shoplane/shoplane.h>

#include <math.h>

struct settings {
    int64_t half_life_s;
    double view, cart;
};
static const sl_param params[] = {
    SL_PARAM_I64(struct settings, half_life_s, 600, 1, 86400 * 30, "seconds after which an event counts half"),
    SL_PARAM_F64(struct settings, view, 1, 0, 1000, "weight of a product view"),
    SL_PARAM_F64(struct settings, cart, 4, 0, 1000, "weight of an add to the cart"),
    {0},
};

enum { VIEW, CART }; /* order of `events` */
static const char *const events[] = {"product_view", "add_to_cart", NULL};

struct record {
    sl_stamp at;
    double weight;
};
static const sl_field record_fields[] = {SL_FIELD(struct record, weight, SL_F64, "what it counts when it happens"), {0}};

struct values {
    double score; /* as of at_ms */
    int64_t at_ms;
};
static const sl_field values_fields[] = {
    SL_FIELD(struct values, score, SL_F64, "the decayed sum, as of the newest event"),
    SL_FIELD(struct values, at_ms, SL_I64, "time of the newest event, ms; 0 if none"),
    {0},
};

static bool extract(const void *self, const sl_event *event, void *record)
{
    const struct settings *settings = self;
    ((struct record *)record)->weight = sl_event_kind(event) == CART ? settings->cart : settings->view;
    return true;
}

static void add(const void *self, sl_scratch *scratch, void *aggregate, const void *record)
{
    (void)scratch;
    const struct settings *settings = self;
    const struct record *r = record;
    struct values *a = aggregate;
    if (a->at_ms != 0) /* oldest first: time goes on from record to record */
        a->score *= exp2(-(double)(r->at.time_ms - a->at_ms) / (double)(settings->half_life_s * 1000));
    a->score += r->weight;
    a->at_ms = r->at.time_ms;
}

static void publish(const void *self, sl_scratch *scratch, const sl_window *window, const void *aggregate, void *values)
{
    (void)self, (void)scratch, (void)window;
    *(struct values *)values = *(const struct values *)aggregate;
}

static const sl_lane lane = {
    SL_LANE(SL_KEY_USER, "interest", "1.0.0", "how lively a shopper is"),
    SL_EVENTS(events, NULL),
    SL_SETTINGS(struct settings, params),
    SL_RECORD(struct record, record_fields),
    SL_AGGREGATE(struct values),
    SL_VALUES(struct values, values_fields),
    .extract = extract,
    .add = add,
    .publish = publish,
};
SL_LANE_PLUGIN(lane)
