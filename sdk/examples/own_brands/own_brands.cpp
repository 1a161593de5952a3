/* own_brands.cpp - a lane and a metric parser in C++: how much of what a shopper looks at is of the shop's own brands.
 *
 * What C++ adds to the contract: no exception leaves a function (the caller is C), and no object outside of functions (it would
 * be constructed when the file is loaded, before anybody asked). What must live longer than a call is made by `open`. */
#include <shoplane/shoplane.h>

#include <algorithm>
#include <cctype>
#include <new>
#include <sstream>
#include <string>
#include <unordered_set>

namespace {

using names = std::unordered_set<std::string>;

struct settings {
    const char *brands;
    const names *own; /* not a setting: made by open() */
};
const sl_param params[] = {SL_PARAM_TEXT(settings, brands, "acme, basics", "the shop's own brands, separated by commas"), {}};

const char *const events[] = {"product_view", nullptr};
enum { BRAND }; /* order of `inputs` */
const sl_input inputs[] = {{"brand", "product[0].brand"}, {}};

struct record {
    sl_stamp at;
    sl_text brand;
    bool own;
};
const sl_field record_fields[] = {
    SL_FIELD(record, brand, SL_TEXT, "as it was sent"),
    SL_FIELD(record, own, SL_BOOL, "one of the shop's own"),
    {},
};

struct aggregate {
    sl_counts *brands;
    int64_t views, own;
};

struct values {
    int64_t views, own;
    sl_text top_brand;
};
const sl_field values_fields[] = {
    SL_FIELD(values, views, SL_I64, "product views with a brand"),
    SL_FIELD(values, own, SL_I64, "of these, of the shop's own brands"),
    SL_FIELD(values, top_brand, SL_TEXT, "the most viewed brand"),
    {},
};

/* "  Acme " and "ACME" are one brand. */
std::string folded(const std::string &name)
{
    const auto blank = [](unsigned char c) { return std::isspace(c) != 0; };
    auto first = std::find_if_not(name.begin(), name.end(), blank);
    auto last = std::find_if_not(name.rbegin(), std::make_reverse_iterator(first), blank).base();
    std::string plain(first, last);
    std::transform(plain.begin(), plain.end(), plain.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return plain;
}

bool open(void *self, sl_refusal *refusal)
{
    auto *s = static_cast<settings *>(self);
    try {
        auto *own = new names;
        s->own = own;
        std::istringstream list(s->brands);
        for (std::string name; std::getline(list, name, ',');)
            if (name = folded(name); !name.empty())
                own->insert(name);
    } catch (const std::bad_alloc &) {
        delete s->own;
        return sl_refuse(refusal, "there is no memory for the brands", "name fewer brands");
    }
    if (!s->own->empty())
        return true;
    delete s->own;
    return sl_refuse(refusal, "it names no brand", "brands = \"acme, basics\"");
}

void close(void *self) { delete static_cast<settings *>(self)->own; }

bool extract(const void *self, const sl_event *event, void *out)
{
    auto *r = static_cast<record *>(out);
    sl_view brand = sl_event_view(event, BRAND);
    r->brand = sl_event_text(event, BRAND);
    try {
        r->own = static_cast<const settings *>(self)->own->count(folded(std::string(brand.data, brand.size))) > 0;
    } catch (const std::bad_alloc &) {
        return false;
    }
    return brand.size > 0;
}

void add(const void *, sl_scratch *scratch, void *into, const void *from)
{
    auto *a = static_cast<aggregate *>(into);
    const auto *r = static_cast<const record *>(from);
    a->views++;
    a->own += r->own;
    sl_counts_add(scratch, &a->brands, r->brand, 1);
}

void publish(const void *, sl_scratch *scratch, const sl_window *, const void *from, void *out)
{
    const auto *a = static_cast<const aggregate *>(from);
    auto *v = static_cast<values *>(out);
    v->views = a->views;
    v->own = a->own;
    v->top_brand = sl_counts_top(scratch, a->brands);
}

/* The parser's struct is the lane's own here: it needs all three. */
enum { OWN_SHARE, TOP_BRAND }; /* order of `features` */
const sl_feature features[] = {
    {"own_brand_share", SL_F64, "views of the shop's own brands by views with a brand; absent if none was"},
    {"top_brand", SL_TEXT, "the most viewed brand"},
    {},
};

void compute(const void *, sl_scratch *, const sl_window *, const void *from, sl_cell *out)
{
    const auto *v = static_cast<const values *>(from);
    if (v->views > 0)
        out[OWN_SHARE] = sl_cell_f64(static_cast<double>(v->own) / static_cast<double>(v->views));
    out[TOP_BRAND] = sl_cell_text(v->top_brand);
}

/* C++20 wants members in the order of the table: the SDK's macros are written in that order. */
const sl_lane lane = {
    SL_LANE(SL_KEY_USER, "own_brands", "1.0.0", "views of the shop's own brands"),
    SL_EVENTS(events, inputs),
    SL_SETTINGS(settings, params),
    SL_RECORD(record, record_fields),
    SL_AGGREGATE(aggregate),
    SL_VALUES(values, values_fields),
    .open = open,
    .close = close,
    .extract = extract,
    .add = add,
    .publish = publish,
};

const sl_metric metric = {
    SL_METRIC("own_brands", "1.0.0", "the share of the shop's own brands"),
    SL_NEEDS(values, values_fields),
    SL_FEATURES(features, compute),
};

} // namespace

SL_PLUGIN(lane, metric)
