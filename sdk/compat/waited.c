/* waited.c - a lane and its parser in one file, with the ages that SDK 1.3 added: how long ago the newest page was viewed, in words. */
#include <shoplane/shoplane.h>

static const char *const events[] = {"page_view", NULL};

struct settings {
    int64_t away_s;
};
static const sl_param params[] = {SL_PARAM_I64(struct settings, away_s, 600, 61, 86400, "away after so long"), {0}};

struct record {
    sl_stamp at;
};
static const sl_field record_fields[] = {{0}};

struct aggregate {
    int64_t newest_ms;
};

struct values {
    int64_t state;
};
static const sl_field values_fields[] = {SL_FIELD(struct values, state, SL_I64, "0 here, 1 idle, 2 away"), {0}};

#define IDLE_MS 60000

static int64_t away_ms(const void *self) { return ((const struct settings *)self)->away_s * 1000; }

static void ages(const void *self, int64_t ages_ms[SL_AGES_MAX])
{
    ages_ms[0] = away_ms(self);
    ages_ms[1] = IDLE_MS;
}

static bool extract(const void *self, const sl_event *event, void *record)
{
    (void)self, (void)event, (void)record;
    return true;
}

static void add(const void *self, sl_scratch *scratch, void *aggregate, const void *record)
{
    (void)self, (void)scratch;
    ((struct aggregate *)aggregate)->newest_ms = ((const struct record *)record)->at.time_ms;
}

static void publish(const void *self, sl_scratch *scratch, const sl_window *window, const void *aggregate, void *values)
{
    (void)scratch;
    int64_t age_ms = window->now_ms - ((const struct aggregate *)aggregate)->newest_ms;
    ((struct values *)values)->state = window->records == 0 || age_ms >= away_ms(self) ? 2 : age_ms >= IDLE_MS ? 1 : 0;
}

static const sl_feature features[] = {{"waited", SL_TEXT, "here, idle or away"}, {0}};

static void compute(const void *self, sl_scratch *scratch, const sl_window *window, const void *values, sl_cell *out)
{
    (void)self, (void)window;
    int64_t state = ((const struct values *)values)->state;
    out[0] = sl_cell_text(sl_text_literal(scratch, state == 0 ? "here" : state == 1 ? "idle" : "away"));
}

static const sl_lane lane = {
    SL_LANE(SL_KEY_USER, "waited", "1.0.0", "since when nothing was looked at"),
    SL_EVENTS(events, NULL),
    SL_SETTINGS(struct settings, params),
    SL_RECORD(struct record, record_fields),
    SL_AGGREGATE(struct aggregate),
    SL_VALUES(struct values, values_fields),
    .extract = extract,
    .add = add,
    .publish = publish,
    .ages = ages,
};
static const sl_metric metric = {
    SL_METRIC("waited", "1.0.0", "since when nothing was looked at"),
    SL_NEEDS(struct values, values_fields),
    SL_FEATURES(features, compute),
};
SL_PLUGIN(lane, metric)
