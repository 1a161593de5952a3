/* metric.h - a metric parser: turns values of a lane into named features.
 *
 * A parser declares the values it needs, by the names and types under which a lane publishes them, as the members of a
 * struct of its own; the host binds them at load and refuses, listing what the lane has, if one is missing. Several
 * parsers may stand on one lane. All features of one parser are written together, and only when one of them changed.
 *
 * Called on the worker that owns the key, within the fold; see lane.h for the rest of the contract. */
#ifndef SHOPLANE_METRIC_H
#define SHOPLANE_METRIC_H

#include "lane.h"
#include "scratch.h"
#include "types.h"

#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A feature's declaration. Its key in Redis is user:{id}:{name}_{window}, or session:{sid}:{name}. Types as printed:
 * SL_BOOL, SL_I64, SL_F64, SL_MONEY, SL_SUM, SL_TEXT, SL_COUNTS, SL_LIST. A list ends with a zeroed entry. */
typedef struct sl_feature {
    const char *name;
    sl_type type;
    const char *help; /* one line, for `shoplane plugins` */
} sl_feature;

/* What a feature is now. A zeroed cell is an absent feature: its key is not written, and deleted if it was there. */
typedef struct sl_cell {
    sl_type type;
    bool joined; /* SL_TEXT made by sl_cell_join(): `parts` are printed one after the other */
    union {
        bool flag;
        int64_t i64; /* SL_I64; SL_MONEY in micros */
        double f64;
        sl_text text;
        const sl_counts *counts;
        const sl_list *list;
        const struct sl_cell_pair *pair;
        const sl_sum *sum; /* since SDK 1.3 */
    } as;
} sl_cell;

struct sl_cell_pair {
    sl_cell left, right;
    const char *between;
};

static inline sl_cell sl_cell_absent(void)
{
    sl_cell cell;
    memset(&cell, 0, sizeof cell);
    return cell;
}
static inline sl_cell sl_cell_bool(bool value)
{
    sl_cell cell = sl_cell_absent();
    cell.type = SL_BOOL;
    cell.as.flag = value;
    return cell;
}
static inline sl_cell sl_cell_i64(int64_t value)
{
    sl_cell cell = sl_cell_absent();
    cell.type = SL_I64;
    cell.as.i64 = value;
    return cell;
}
/* A number that is not finite (0.0 / 0) makes the feature absent; the host counts it and says so. */
static inline sl_cell sl_cell_f64(double value)
{
    sl_cell cell = sl_cell_absent();
    cell.type = SL_F64;
    cell.as.f64 = value;
    return cell;
}
static inline sl_cell sl_cell_money(int64_t micros)
{
    sl_cell cell = sl_cell_absent();
    cell.type = SL_MONEY;
    cell.as.i64 = micros;
    return cell;
}
/* A copy of it is taken. Since SDK 1.3. */
static inline sl_cell sl_cell_sum(sl_scratch *scratch, const sl_sum *sum)
{
    sl_sum *copy = (sl_sum *)sl_alloc(scratch, sizeof *copy);
    *copy = *sum;
    sl_cell cell = sl_cell_absent();
    cell.type = SL_SUM;
    cell.as.sum = copy;
    return cell;
}
/* An empty text is absent. */
static inline sl_cell sl_cell_text(sl_text text)
{
    sl_cell cell = sl_cell_absent();
    cell.type = SL_TEXT;
    cell.as.text = text;
    return cell;
}
/* NULL prints as {}. At most 1 000 entries and 256 KB of texts are printed: the most counted, then by key. */
static inline sl_cell sl_cell_counts(const sl_counts *counts)
{
    sl_cell cell = sl_cell_absent();
    cell.type = SL_COUNTS;
    cell.as.counts = counts;
    return cell;
}
/* NULL prints as []. At most 1 000 entries and 256 KB of texts are printed: the first. */
static inline sl_cell sl_cell_list(const sl_list *list)
{
    sl_cell cell = sl_cell_absent();
    cell.type = SL_LIST;
    cell.as.list = list;
    return cell;
}

/* A text made of two cells with something between: sl_cell_join(scratch, sl_cell_money(min), "-", sl_cell_money(max)). */
static inline sl_cell sl_cell_join(sl_scratch *scratch, sl_cell left, const char *between, sl_cell right)
{
    struct sl_cell_pair *pair = (struct sl_cell_pair *)sl_alloc(scratch, sizeof *pair);
    pair->left = left;
    pair->right = right;
    pair->between = between;
    sl_cell cell = sl_cell_absent();
    cell.type = SL_TEXT;
    cell.joined = true;
    cell.as.pair = pair;
    return cell;
}

/* sum / n as one division of exact integers, the mean of FEATURES.md section 0; 0 if n is 0. */
static inline double sl_money_mean(int64_t sum_micros, int64_t n)
{
    return n == 0 ? 0.0 : (double)sum_micros / (double)(n * 1000000);
}

/* Since SDK 1.3. A value that a parser needs of another window of its lane, or of another lane with the same kind of key, as of the same
 * clock. A list ends with a zeroed entry. */
typedef struct sl_need {
    sl_field field;     /* the value's name and type, and the member of the parser's struct */
    const char *lane;   /* as the configuration calls it; NULL: the parser's own lane */
    const char *window; /* by its name; NULL: the one that is called as the window whose features are made */
} sl_need;

typedef struct sl_metric {
    uint32_t struct_size; /* sizeof(sl_metric) */
    const char *name;     /* as in the configuration and in the file's name: [a-z][a-z0-9_]* */
    const char *version;
    const char *summary;

    const sl_param *params; /* its settings; NULL: none */
    size_t settings_size;

    size_t values_size;         /* size of the struct that `needs` describes */
    const sl_field *needs;      /* values of the lane, by name and type */
    const sl_feature *features; /* what it makes; at most 16 */

    bool (*open)(void *self, sl_refusal *refusal); /* optional, as a lane's */
    void (*close)(void *self);

    /* Fill `out`, one cell a feature in the order of `features`; all absent at the start. */
    void (*compute)(const void *self, sl_scratch *scratch, const sl_window *window, const void *values, sl_cell *out);

    /* Since SDK 1.3. Values of other windows and lanes; NULL: none. Where the other lane has no records of the key, they are what it
     * publishes for an empty window. When they change, the features of windows that have records are made again. */
    const sl_need *more_needs;
} sl_metric;

/* A value that the parser needs: a member of its struct, named and typed as the lane publishes it. A need of SL_MONEY takes an SL_SUM
 * too, as sl_sum_money() has it. */
#define SL_NEED(structure, member, type_) SL_FIELD(structure, member, type_, "")

/* SL_NEED_OF(struct needs, cart_value, SL_MONEY, "value", .lane = "cart", .window = "1h"): the cart's value of the last hour. */
#define SL_NEED_OF(structure, member, type_, value_, ...)                                                                 \
    {                                                                                                                 \
        .field = {.name = (value_), .help = "", .type = (type_), .offset = (uint32_t)offsetof(structure, member),       \
                  .size = (uint32_t)sizeof(((structure *)0)->member)},                                                 \
        __VA_ARGS__                                                                                                   \
    }

/* For the initialiser of a parser's table; settings as a lane's, SL_SETTINGS in lane.h. */
#define SL_METRIC(name_, version_, summary_) \
    .struct_size = sizeof(sl_metric), .name = (name_), .version = (version_), .summary = (summary_)
#define SL_NEEDS(structure, fields_)     .values_size = sizeof(structure), .needs = (fields_)
#define SL_FEATURES(features_, compute_) .features = (features_), .compute = (compute_)

#ifdef __cplusplus
}
#endif
#endif
