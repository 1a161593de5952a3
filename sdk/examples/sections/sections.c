/* sections.c - texts of one's own making: which parts of the shop somebody looks at, by the first word of each page's path.
 *
 * /garden/pots?sort=price and /Garden are both of the section "garden". Lane and metric parser in one file. */
#include <shoplane/shoplane.h>

static const char *const events[] = {"page_view", NULL};
enum { PATH };
static const sl_input inputs[] = {{"path", "page_urlpath"}, {0}};

struct record {
    sl_stamp at;
    sl_text section;
};
static const sl_field record_fields[] = {SL_FIELD(struct record, section, SL_TEXT, "first word of the path, as it was written"), {0}};

struct aggregate {
    sl_counts *sections;
};

struct values {
    sl_counts *sections;
    sl_text favourite;
    double share;
};
static const sl_field values_fields[] = {
    SL_FIELD(struct values, sections, SL_COUNTS, "pages by section"),
    SL_FIELD(struct values, favourite, SL_TEXT, "the section with most pages"),
    SL_FIELD(struct values, share, SL_F64, "its share of all pages; 0 if there was none"),
    {0},
};

static bool extract(const void *self, const sl_event *event, void *record)
{
    (void)self;
    struct record *r = record;
    sl_view path = sl_event_view(event, PATH); /* "/garden/pots" */
    if (path.size > 0 && path.data[0] == '/')
        path = (sl_view){path.data + 1, path.size - 1};
    const char *slash = path.size == 0 ? NULL : memchr(path.data, '/', path.size);
    if (slash != NULL)
        path.size = (size_t)(slash - path.data);
    r->section = sl_event_keep_text(event, path);
    return path.size > 0;
}

static void add(const void *self, sl_scratch *scratch, void *aggregate, const void *record)
{
    (void)self;
    const struct record *r = record;
    struct aggregate *a = aggregate;
    sl_counts_add(scratch, &a->sections, sl_text_lower(scratch, r->section), 1);
}

static void publish(const void *self, sl_scratch *scratch, const sl_window *window, const void *aggregate, void *values)
{
    (void)self;
    const struct aggregate *a = aggregate;
    struct values *v = values;
    v->sections = a->sections;
    v->favourite = sl_counts_top(scratch, a->sections);
    if (window->records > 0)
        v->share = (double)sl_counts_of(scratch, a->sections, v->favourite) / (double)window->records;
}

enum { FAVOURITE, VISITED_OFTEN }; /* order of `features` */
static const sl_feature features[] = {
    {"section_favourite", SL_TEXT, "the section with most pages, and its share in percent: \"garden 75\"; \"none\" without pages"},
    {"section_visited_often", SL_LIST, "sections with several pages, in the order of the first visit"},
    {0},
};

static void compute(const void *self, sl_scratch *scratch, const sl_window *window, const void *values, sl_cell *out)
{
    (void)self, (void)window;
    const struct values *v = values;
    sl_list *often = NULL;
    for (int64_t i = 0; i < sl_counts_size(scratch, v->sections); i++) {
        sl_text section;
        if (sl_counts_item(scratch, v->sections, i, &section) > 1)
            sl_list_add(scratch, &often, section);
    }
    out[VISITED_OFTEN] = sl_cell_list(often);
    sl_text percent = sl_text_number(scratch, v->share >= 0 && v->share <= 1 ? (int64_t)(v->share * 100 + 0.5) : 0);
    out[FAVOURITE] = sl_cell_text(sl_text_empty(v->favourite) ? sl_text_literal(scratch, "none")
                                                              : sl_text_join(scratch, v->favourite, " ", percent));
}

static const sl_lane lane = {
    SL_LANE(SL_KEY_USER, "sections", "1.0.0", "sections of the shop that are looked at"),
    SL_EVENTS(events, inputs),
    SL_RECORD(struct record, record_fields),
    SL_AGGREGATE(struct aggregate),
    SL_VALUES(struct values, values_fields),
    .extract = extract,
    .add = add,
    .publish = publish,
};
static const sl_metric metric = {
    SL_METRIC("sections", "1.0.0", "sections of the shop"),
    SL_NEEDS(struct values, values_fields),
    SL_FEATURES(features, compute),
};
SL_PLUGIN(lane, metric)
