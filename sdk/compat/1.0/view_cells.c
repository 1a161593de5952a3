/* view_cells.c - a metric parser as they were in SDK 1.0: a cell of every kind. */
#include <shoplane/shoplane.h>

struct needs {
    int64_t views, sum, least;
    sl_text top;
    sl_list *order;
    sl_counts *products;
};
static const sl_field needs[] = {
    SL_NEED(struct needs, views, SL_I64),   SL_NEED(struct needs, sum, SL_MONEY),
    SL_NEED(struct needs, least, SL_MONEY), SL_NEED(struct needs, top, SL_TEXT),
    SL_NEED(struct needs, order, SL_LIST),  SL_NEED(struct needs, products, SL_COUNTS),
    {0},
};

enum { ANY, VIEWS, MEAN, SUM, TOP, RANGE, ORDER, PRODUCTS };
static const sl_feature features[] = {
    {"c_any", SL_BOOL, ""},  {"c_views", SL_I64, ""},  {"c_mean", SL_F64, ""},   {"c_sum", SL_MONEY, ""}, {"c_top", SL_TEXT, ""},
    {"c_range", SL_TEXT, ""}, {"c_order", SL_LIST, ""}, {"c_products", SL_COUNTS, ""}, {0},
};

static void compute(const void *self, sl_scratch *scratch, const sl_window *window, const void *values, sl_cell *out)
{
    (void)self;
    const struct needs *v = values;
    out[ANY] = sl_cell_bool(window->records > 0);
    out[VIEWS] = sl_cell_i64(v->views);
    out[MEAN] = sl_cell_f64(sl_money_mean(v->sum, v->views));
    out[SUM] = sl_cell_money(v->sum);
    out[TOP] = sl_cell_text(v->top);
    out[RANGE] = sl_cell_join(scratch, sl_cell_money(v->least), " of ", sl_cell_money(v->sum));
    out[ORDER] = sl_cell_list(v->order);
    out[PRODUCTS] = sl_cell_counts(v->products);
}

static const sl_metric metric = {
    SL_METRIC("view_cells", "1.0.0", "a cell of every kind"),
    SL_NEEDS(struct needs, needs),
    SL_FEATURES(features, compute),
};
SL_METRIC_PLUGIN(metric)
