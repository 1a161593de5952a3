/* first_last.c - first and last values: how a shopper came, and what they looked at last. Records come oldest first: the first one
 * sets what is first, every one what is last. */
#include <shoplane/shoplane.h>

static const char *const events[] = {"page_view", "product_view", NULL};
enum { CAMPAIGN, PRODUCT };
static const sl_input inputs[] = {{"campaign", "mkt_campaign"}, {"product", "product[0].id"}, {0}};

struct record {
    sl_stamp at;
    sl_text campaign, product;
};
static const sl_field record_fields[] = {
    SL_FIELD(struct record, campaign, SL_TEXT, "the campaign that the page's address names"),
    SL_FIELD(struct record, product, SL_TEXT, "the product viewed"),
    {0},
};

struct values {
    sl_text first_campaign, last_product;
};
static const sl_field values_fields[] = {
    SL_FIELD(struct values, first_campaign, SL_TEXT, "of the earliest event that had one"),
    SL_FIELD(struct values, last_product, SL_TEXT, "of the newest event that had one"),
    {0},
};

static bool extract(const void *self, const sl_event *event, void *record)
{
    (void)self;
    struct record *r = record;
    r->campaign = sl_event_text(event, CAMPAIGN);
    r->product = sl_event_text(event, PRODUCT);
    return !sl_text_empty(r->campaign) || !sl_text_empty(r->product);
}

static void add(const void *self, sl_scratch *scratch, void *aggregate, const void *record)
{
    (void)self, (void)scratch;
    const struct record *r = record;
    struct values *a = aggregate;
    if (sl_text_empty(a->first_campaign))
        a->first_campaign = r->campaign;
    if (!sl_text_empty(r->product))
        a->last_product = r->product;
}

static void publish(const void *self, sl_scratch *scratch, const sl_window *window, const void *aggregate, void *values)
{
    (void)self, (void)scratch, (void)window;
    *(struct values *)values = *(const struct values *)aggregate;
}

static const sl_lane lane = {
    SL_LANE(SL_KEY_USER, "first_last", "1.0.0", "how a shopper came, and where they are"),
    SL_EVENTS(events, inputs),
    SL_RECORD(struct record, record_fields),
    SL_AGGREGATE(struct values),
    SL_VALUES(struct values, values_fields),
    .extract = extract,
    .add = add,
    .publish = publish,
};
SL_LANE_PLUGIN(lane)
