/* lane_set.h - the lanes and metric parsers that a configuration switches on: loaded, given their settings, bound to each
 * other and to the plan of what is read from events. Constant while it runs; shared by all workers. */
#ifndef PLUGIN_LANE_SET_H
#define PLUGIN_LANE_SET_H

#include "config/config.h"
#include "plugin/bars.h"
#include "plugin/plugin_table.h"
#include "snowplow/event_reader.h"

#include <shoplane/shoplane.h>

#define LANES_MAX 64
#define WINDOWS_MAX 16
#define METRICS_MAX 16
#define LANE_REST_MS 600000 /* default */
#define LANE_TEXTS_MAX 6 /* 64 bytes less the stamp, 8 a text */

/* One member to copy from a lane's values into the struct that a parser declared. */
struct binding {
    uint32_t from, to, size;
    bool narrowed; /* a sum, to an amount */
};

/* A value that a parser needs of another window, or of another lane of the same kind of key. */
struct other_need {
    struct binding binding;       /* from that lane's values */
    uint8_t lane;                 /* its number in the set; may be the parser's own */
    uint8_t windows[WINDOWS_MAX]; /* which of its windows, by the window that features are made of */
};

struct bound_metric {
    const sl_metric *table;
    const char *name; /* of this instance; the configuration's */
    struct plugin_id id;
    struct key_bars bars;
    bool off;         /* it is not called: what it needs of another lane was taken out of the configuration */
    bool shadow;      /* another parser of the lane is what it is compared with (shadow_pairs.h) */
    bool silent;      /* nothing of it is written: it is only compared, or its lane is */
    char *key_prefix; /* its features begin with this: the lane's, or behind a prefix of its own "next:user:" */
    size_t key_prefix_size;
    void *self; /* its settings; NULL if it has none */
    bool opened; /* its `open` agreed: to be closed */
    struct binding *bindings;
    size_t binding_count;
    struct other_need *others; /* bind_needs.h */
    size_t other_count;
    size_t feature_count;
};

/* The first of the parser's needs that is of the same window as this one: that is folded once. */
static inline size_t other_need_first(const struct bound_metric *metric, size_t need, size_t window)
{
    size_t first = 0;
    while (metric->others[first].lane != metric->others[need].lane ||
           metric->others[first].windows[window] != metric->others[need].windows[window])
        first++;
    return first;
}

struct lane_window {
    struct window_settings settings;
    sl_view *suffixes; /* ":product_view_count_5m", one a feature, parsers in order */
};

struct set_lane {
    const sl_lane *table;
    const char *name;         /* of this instance: what its state, and all that is said of it, go by; the configuration's */
    struct plugin_id id;
    struct key_bars bars;
    bool shadow;              /* another lane is what it is compared with (shadow_pairs.h) */
    bool silent;              /* and nothing of it is written */
    bool has_needs;           /* one of its parsers needs values of other windows or lanes */
    uint64_t dependents;      /* bits of the lanes that have such a parser, which needs values of this one */
    uint64_t pairs;           /* bits of the set's pairs that it is part of */
    void *self;
    bool opened;
    int inputs;               /* handle for reader_event() */
    char **events;            /* what table->events means in this SDK; as many, NULL at the end */
    uint32_t *kinds;          /* by the plan's event number: index in `events`, or UINT32_MAX */
    uint32_t text_offsets[LANE_TEXTS_MAX]; /* of the record's texts */
    size_t text_count;
    struct lane_window windows[WINDOWS_MAX];
    size_t window_count;
    struct bound_metric metrics[METRICS_MAX];
    size_t metric_count;
    size_t feature_count;     /* of all parsers together */
    bool session;             /* its one window is a session window; else all are rolling */
    int64_t longest_ms;       /* of the rolling windows */
    uint32_t records_max;     /* of one key; 0: no bound */
    int64_t rest_ms;          /* of a lane that combines: how long after its end a bucket takes events */
    char *key_prefix;         /* "user:", "session:", or that of the lane's own key, "product:"; of a shadow perhaps "next:user:" */
    int64_t ages_ms[SL_AGES_MAX]; /* at which its records count differently */
    size_t age_count;
};

struct shadow_pair;

struct lane_set {
    struct set_lane *lanes;
    size_t lane_count;
    struct shadow_pair *pairs; /* shadow_pairs.h */
    size_t pair_count;
    struct message_bars bars;
    struct plan *plan;
    size_t event_count; /* how many event numbers the plan gave */
    char *folder;
};

/* The parser that makes the lane's feature of this number. */
static inline const struct bound_metric *lane_metric_of(const struct set_lane *lane, size_t feature)
{
    const struct bound_metric *metric = lane->metrics;
    for (; feature >= metric->feature_count; metric++)
        feature -= metric->feature_count;
    return metric;
}

/* Load what the configuration names, and nothing else; it outlives the set. All mistakes are added to `errors`; NULL if there
 * is one. Of a configuration that was only read in part (config_read_partial) what is missing is passed over. */
struct lane_set *lane_set_load(const struct config *config, struct error_list *errors);
void lane_set_free(struct lane_set *set);

/* Does the lane publish all that the parser needs of its own window? *has: how much of it, a name counting for 1, with its type for 2.
 * False: *error names the first that is missing. */
bool lane_publishes(const sl_lane *lane, const sl_metric *metric, size_t *has, struct error *error);

#endif
