/* view_cells.c - a metric parser with a cell of every kind, as they were in SDK 1.0, built against the headers of every minor. */
#include <shoplane/shoplane.h>

struct needs {
    int64_t views, phones, sum, least, letters, different;
    double quantity;
    sl_text top;
    sl_list *order;
    sl_counts *products;
};
static const sl_field needs[] = {
    SL_NEED(struct needs, views, SL_I64),    SL_NEED(struct needs, phones, SL_I64),  SL_NEED(struct needs, sum, SL_MONEY),
    SL_NEED(struct needs, least, SL_MONEY),  SL_NEED(struct needs, letters, SL_I64), SL_NEED(struct needs, different, SL_I64),
    SL_NEED(struct needs, quantity, SL_F64), SL_NEED(struct needs, top, SL_TEXT),    SL_NEED(struct needs, order, SL_LIST),
    SL_NEED(struct needs, products, SL_COUNTS),
    {0},
};

enum { ANY, VIEWS, MEAN, SUM, TOP, RANGE, ORDER, PRODUCTS, PHONES, QUANTITY, LETTERS, DIFFERENT };
static const sl_feature features[] = {
    {"c_any", SL_BOOL, "a record is there"},
    {"c_views", SL_I64, "views"},
    {"c_mean", SL_F64, "a mean"},
    {"c_sum", SL_MONEY, "a sum"},
    {"c_top", SL_TEXT, "a text"},
    {"c_range", SL_TEXT, "two cells joined"},
    {"c_order", SL_LIST, "a list"},
    {"c_products", SL_COUNTS, "a map"},
    {"c_phones", SL_I64, "views by phones"},
    {"c_quantity", SL_F64, "pieces"},
    {"c_letters", SL_I64, "bytes of names"},
    {"c_different", SL_I64, "products"},
    {0},
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
    out[PHONES] = sl_cell_i64(v->phones);
    out[QUANTITY] = sl_cell_f64(v->quantity);
    out[LETTERS] = sl_cell_i64(v->letters);
    out[DIFFERENT] = sl_cell_i64(v->different);
}

static const sl_metric metric = {
    SL_METRIC("view_cells", "1.0.0", "a cell of every kind"),
    SL_NEEDS(struct needs, needs),
    SL_FEATURES(features, compute),
};
SL_METRIC_PLUGIN(metric)
