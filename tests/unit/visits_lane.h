/* visits_lane.h - a lane and a parser made for tests of the engine, without plugin files: counts page views and says what the
 * newest page was. Features: `visits` (i64), `page` (text, absent when no page is known), in windows as the test wants. */
#ifndef TESTS_VISITS_LANE_H
#define TESTS_VISITS_LANE_H

#include "base/memory.h"
#include "plugin/lane_set.h"

#include <stdlib.h>
#include <string.h>

struct visit {
    sl_stamp at;
    sl_text page;
};

struct visits {
    int64_t count;
    sl_text newest;
};

static const sl_field visit_fields[] = {SL_FIELD(struct visit, page, SL_TEXT, "the page"), {0}};
static const sl_field visits_fields[] = {SL_FIELD(struct visits, count, SL_I64, "how many"),
                                         SL_FIELD(struct visits, newest, SL_TEXT, "the newest page"),
                                         {0}};
static const sl_input visit_inputs[] = {{"page", "page_title"}, {0}};
static const char *const visit_events[] = {"page_view", NULL};

static bool visit_extract(const void *self, const sl_event *event, void *record)
{
    (void)self;
    ((struct visit *)record)->page = sl_event_text(event, 0);
    return true;
}

static void visit_add(const void *self, sl_scratch *scratch, void *aggregate, const void *record)
{
    (void)self, (void)scratch;
    struct visits *visits = aggregate;
    visits->count++;
    visits->newest = ((const struct visit *)record)->page;
}

static void visits_publish(const void *self, sl_scratch *scratch, const sl_window *window, const void *from, void *out)
{
    (void)self, (void)scratch, (void)window;
    *(struct visits *)out = *(const struct visits *)from;
}

static void visits_compute(const void *self, sl_scratch *scratch, const sl_window *window, const void *values, sl_cell *out)
{
    (void)self, (void)scratch, (void)window;
    const struct visits *visits = values;
    out[0] = sl_cell_i64(visits->count);
    out[1] = sl_cell_text(visits->newest);
}

#define VISITS_LANE(key_, name_)                                                                                             \
    {                                                                                                                 \
        SL_LANE(key_, name_, "1.0.0", "for tests"), SL_EVENTS(visit_events, visit_inputs),                         \
            SL_RECORD(struct visit, visit_fields), SL_AGGREGATE(struct visits), SL_VALUES(struct visits, visits_fields), \
            .extract = visit_extract, .add = visit_add, .publish = visits_publish,                                    \
    }
static const sl_lane user_visits = VISITS_LANE(SL_KEY_USER, "visits"), session_visits = VISITS_LANE(SL_KEY_SESSION, "sessions");

static const sl_feature visits_features[] = {{"visits", SL_I64, "how many"}, {"page", SL_TEXT, "the newest"}, {0}};
static const sl_metric visits_metric = {
    SL_METRIC("visits", "1.0.0", "for tests"),
    SL_NEEDS(struct visits, visits_fields),
    SL_FEATURES(visits_features, visits_compute),
};

/* One more lane of the set; windows end with one that has no name. */
static inline void visits_lane_add(struct lane_set *set, const struct window_settings *windows)
{
    struct set_lane *lane = &set->lanes[set->lane_count++];
    bool session = windows[0].session;
    struct error error;
    *lane = (struct set_lane){.table = session ? &session_visits : &user_visits,
                              .name = session ? session_visits.name : user_visits.name,
                              .text_offsets = {offsetof(struct visit, page)},
                              .text_count = 1,
                              .metric_count = 1,
                              .feature_count = 2,
                              .session = session,
                              .key_prefix = memory_text(session ? "session:" : "user:")};
    lane->inputs = plan_add_inputs(set->plan, visit_inputs, &error);
    lane->kinds = memory_new(sizeof *lane->kinds);
    set->event_count = plan_add_event(set->plan, "page_view") + 1;
    struct bound_metric *metric = &lane->metrics[0];
    *metric = (struct bound_metric){.table = &visits_metric,
                                    .name = visits_metric.name,
                                    .key_prefix = memory_text(lane->key_prefix),
                                    .key_prefix_size = strlen(lane->key_prefix),
                                    .binding_count = 1,
                                    .feature_count = 2};
    metric->bindings = memory_new(sizeof *metric->bindings);
    *metric->bindings = (struct binding){.size = sizeof(struct visits)};
    for (; windows->name != NULL; windows++) {
        struct lane_window *window = &lane->windows[lane->window_count++];
        window->settings = *windows;
        window->suffixes = memory_new(2 * sizeof *window->suffixes);
        for (size_t f = 0; f < 2; f++) {
            const char *name = visits_features[f].name;
            char *suffix = session ? memory_format(":%s", name) : memory_format(":%s_%s", name, windows->name);
            window->suffixes[f] = (sl_view){suffix, strlen(suffix)};
        }
        if (!session && windows->length_ms > lane->longest_ms)
            lane->longest_ms = windows->length_ms;
    }
}

static inline struct lane_set *visits_set_new(void)
{
    struct lane_set *set = memory_new(sizeof *set);
    set->lanes = memory_new(4 * sizeof *set->lanes);
    set->plan = plan_new();
    return set; /* add lanes, then plan_seal(set->plan); lane_set_free() */
}

#endif
