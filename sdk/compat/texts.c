/* texts.c - a lane and its parser in one file, with all that SDK 1.3 added for texts: kept of an event, made in a fold, and walked. */
#include <shoplane/shoplane.h>

static const char *const events[] = {"page_view", NULL};
enum { TITLE }; /* "Shoes > Running" */
static const sl_input inputs[] = {{"title", "page_title"}, {0}};

struct record {
    sl_stamp at;
    sl_text section; /* what is before the " > " */
};
static const sl_field record_fields[] = {SL_FIELD(struct record, section, SL_TEXT, "section of the shop"), {0}};

struct aggregate {
    sl_counts *sections;
};

struct values {
    sl_counts *sections;
    sl_list *often;
    sl_text most;
};
static const sl_field values_fields[] = {
    SL_FIELD(struct values, sections, SL_COUNTS, "pages by section, in lower case"),
    SL_FIELD(struct values, often, SL_LIST, "sections with several pages, the first four bytes of each"),
    SL_FIELD(struct values, most, SL_TEXT, "the section with most, and how many"),
    {0},
};

static bool extract(const void *self, const sl_event *event, void *record)
{
    (void)self;
    struct record *r = record;
    sl_view title = sl_event_view(event, TITLE);
    size_t end = 0;
    while (end < title.size && title.data[end] != '>')
        end++;
    while (end > 0 && title.data[end - 1] == ' ')
        end--;
    r->section = sl_event_keep_text(event, (sl_view){title.data, end});
    return !sl_text_empty(r->section);
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
    (void)self, (void)window;
    const struct aggregate *a = aggregate;
    struct values *v = values;
    sl_text most = sl_counts_top(scratch, a->sections);
    v->sections = a->sections;
    for (int64_t i = 0; i < sl_counts_size(scratch, a->sections); i++) {
        sl_text section;
        if (sl_counts_item(scratch, a->sections, i, &section) > 1)
            sl_list_add(scratch, &v->often, sl_text_part(scratch, section, 0, 4));
    }
    if (!sl_text_empty(most))
        v->most = sl_text_join(scratch, most, " ", sl_text_number(scratch, sl_counts_of(scratch, a->sections, most)));
}

static const sl_feature features[] = {
    {"sections", SL_COUNTS, "pages by section"},
    {"often", SL_LIST, "sections with several pages"},
    {"often_first", SL_TEXT, "the first of these; \"none at all\" if there is none"},
    {"most", SL_TEXT, "the section with most"},
    {0},
};

static void compute(const void *self, sl_scratch *scratch, const sl_window *window, const void *values, sl_cell *out)
{
    (void)self, (void)window;
    const struct values *v = values;
    out[0] = sl_cell_counts(v->sections);
    out[1] = sl_cell_list(v->often);
    out[2] = sl_cell_text(sl_list_size(scratch, v->often) > 0 ? sl_list_item(scratch, v->often, 0)
                                                               : sl_text_literal(scratch, "none at all"));
    out[3] = sl_cell_text(v->most);
}

static const sl_lane lane = {
    SL_LANE(SL_KEY_USER, "texts", "1.0.0", "sections of the shop that are looked at"),
    SL_EVENTS(events, inputs),
    SL_RECORD(struct record, record_fields),
    SL_AGGREGATE(struct aggregate),
    SL_VALUES(struct values, values_fields),
    .extract = extract,
    .add = add,
    .publish = publish,
};
static const sl_metric metric = {
    SL_METRIC("texts", "1.0.0", "sections of the shop"),
    SL_NEEDS(struct values, values_fields),
    SL_FEATURES(features, compute),
};
SL_PLUGIN(lane, metric)
