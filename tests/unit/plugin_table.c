/* plugin_table.c - a table that breaks the SDK's contract in one point is refused, each point in its words. */
#include "plugin/plugin_table.h"

#include "wrong_plugins.h"

struct record {
    sl_stamp at;
    int64_t number;
    sl_text text;
};
struct values {
    int64_t number;
    sl_counts *counts;
};
static sl_field record_fields[3], values_fields[3], needs[3];
static sl_feature features[18];
static sl_param params[3];
static const char *const seventeen[] = {"f0", "f1", "f2",  "f3",  "f4",  "f5",  "f6",  "f7", "f8",
                                        "f9", "f10", "f11", "f12", "f13", "f14", "f15", "f16"};
static const sl_input twice[] = {{"page", "page_url"}, {"page", "page_title"}, {0}};
static const char *events[2];
static sl_lane lane;
static sl_metric metric;
static sl_plugin lane_plugin, metric_plugin;

static bool extract(const void *self, const sl_event *event, void *record)
{
    (void)self, (void)event, (void)record;
    return true;
}
static void extract_many(const void *self, const sl_event *event, sl_records *records)
{
    (void)self, (void)event, (void)records;
}
static bool combine(const void *self, void *into, const void *from)
{
    (void)self, (void)into, (void)from;
    return false;
}
static void add(const void *self, sl_scratch *scratch, void *aggregate, const void *record)
{
    (void)self, (void)scratch, (void)aggregate, (void)record;
}
static void publish(const void *self, sl_scratch *scratch, const sl_window *window, const void *aggregate, void *values)
{
    (void)self, (void)scratch, (void)window, (void)aggregate, (void)values;
}
static void compute(const void *self, sl_scratch *scratch, const sl_window *window, const void *values, sl_cell *out)
{
    (void)self, (void)scratch, (void)window, (void)values, (void)out;
}

/* Everything as it should be. */
static int set_up(void **state)
{
    (void)state;
    record_fields[0] = (sl_field)SL_FIELD(struct record, number, SL_I64, "");
    record_fields[1] = (sl_field)SL_FIELD(struct record, text, SL_TEXT, "");
    values_fields[0] = (sl_field)SL_FIELD(struct values, number, SL_I64, "");
    values_fields[1] = (sl_field)SL_FIELD(struct values, counts, SL_COUNTS, "");
    memcpy(needs, values_fields, sizeof needs);
    memset(features, 0, sizeof features);
    features[0] = (sl_feature){"feature", SL_I64, ""};
    params[0] = (sl_param){.name = "flag", .type = SL_BOOL};
    events[0] = "page_view";
    lane = (sl_lane){SL_LANE(SL_KEY_USER, "basket", "1.0.0", "for tests"),
                     .events = events,
                     .params = params,
                     .settings_size = sizeof(bool),
                     SL_RECORD(struct record, record_fields),
                     .aggregate_size = 8,
                     SL_VALUES(struct values, values_fields),
                     .extract = extract,
                     .add = add,
                     .publish = publish};
    metric = (sl_metric){SL_METRIC("basket", "1.0.0", "for tests"), .values_size = sizeof(struct values), .needs = needs,
                         SL_FEATURES(features, compute)};
    lane_plugin = (sl_plugin){sizeof(sl_plugin), SL_SDK_MAJOR, SL_SDK_MINOR, &lane, NULL};
    metric_plugin = (sl_plugin){sizeof(sl_plugin), SL_SDK_MAJOR, SL_SDK_MINOR, NULL, &metric};
    return 0;
}

static struct plugin_tables lane_tables, metric_tables;

static void good(void)
{
    struct error error = {0};
    if (!plugin_tables_take(&lane_tables, &lane_plugin, PLUGIN_LANE, "basket", &error) ||
        !plugin_tables_take(&metric_tables, &metric_plugin, PLUGIN_METRIC, "basket", &error))
        fail_msg("%s; %s", error.what, error.advice);
}

static void refused(const sl_plugin *plugin, const char *what)
{
    struct error error = {0};
    enum plugin_kind kind = plugin == &lane_plugin ? PLUGIN_LANE : PLUGIN_METRIC;
    struct plugin_tables tables;
    assert_false(plugin_tables_take(&tables, plugin, kind, "basket", &error));
    assert_string_equal(error.what, what);
    assert_string_not_equal(error.advice, "");
    (void)set_up(NULL);
}

/* One change, the words, and all is good again. */
#define LANE(change, what)            \
    do {                              \
        change;                       \
        refused(&lane_plugin, what);  \
    } while (0)
#define METRIC(change, what)           \
    do {                               \
        change;                        \
        refused(&metric_plugin, what); \
    } while (0)

static void what_a_table_must_have(void **state)
{
    static const char *const likely[] = {"page_view", "legacy_add_to_cart", "com.acme/wishlist_change", "*/Wish-List", "a_b/c"};
    static const char *const unlikely[] = {"", "page view", "com.acme/", "/wish", "com.acme/wish/1", "*", "*x/wish", "com.acme/*",
                                           "iglu:com.acme/wish/jsonschema/1-0-0", "com.acme wish"};
    (void)state;
    good();
    LANE(lane_plugin.lane = NULL, "it is not a lane");
    METRIC(metric_plugin.metric = NULL, "it is not a metric parser");
    LANE(lane.name = NULL, "it calls itself \"\"");
    LANE(lane.name = "Basket", "it calls itself \"Basket\"");
    METRIC(metric.name = "other", "it calls itself \"other\"");
    LANE(lane.version = NULL, "its table has no version or no summary");
    LANE(lane.key = 0, "it does not say whose state it keeps");
    LANE(lane.events = NULL, "it wants no events");
    LANE(events[0] = NULL, "it wants no events");
    for (size_t i = 0; i < sizeof unlikely / sizeof *unlikely; i++) {
        char what[200];
        (void)snprintf(what, sizeof what, "it wants events \"%s\", which none can be called", unlikely[i]);
        LANE(events[0] = unlikely[i], what);
        events[0] = unlikely[i];
        lane_plugin.sdk_minor = 2; /* such a plugin ran before names had vendors */
        good();
        (void)set_up(NULL);
    }
    for (size_t i = 0; i < sizeof likely / sizeof *likely; i++) {
        events[0] = likely[i];
        good();
    }
    LANE(lane.add = NULL, "it lacks one of extract, add, publish");
    LANE(lane.publish = NULL, "it lacks one of extract, add, publish");
    LANE(lane.extract = NULL, "it lacks one of extract, add, publish");
    METRIC(metric.compute = NULL, "its table lacks version, summary or compute");
    METRIC(metric.values_size = 0, "it needs no values");
}

/* Of both in one file each is looked at, whichever is asked for. */
static void a_lane_and_a_parser_in_one_file(void **state)
{
    (void)state;
    lane_plugin.metric = &metric;
    metric_plugin.lane = &lane;
    good();
    assert_ptr_equal(lane_tables.plugin.lane, &lane_tables.lane);
    assert_ptr_equal(lane_tables.plugin.metric, &lane_tables.metric);
    LANE((lane_plugin.metric = &metric, metric.name = "other"), "its metric parser: it calls itself \"other\"");
    METRIC((metric_plugin.lane = &lane, lane.add = NULL), "its lane: it lacks one of extract, add, publish");
    METRIC((metric_plugin.lane = &lane, metric.compute = NULL), "its table lacks version, summary or compute");
}

/* A later minor's are refused by their note, before anything of them is read. */
static void a_size_that_no_minor_had_is_no_table(void **state)
{
    (void)state;
    LANE(lane_plugin.struct_size = 24, "its plugin table says that it has 24 bytes");
    LANE(lane_plugin.struct_size = 0, "its plugin table says that it has 0 bytes");
    LANE(lane_plugin.struct_size = sizeof lane_plugin + 8, "its plugin table says that it has 40 bytes");
    LANE(lane.struct_size = 144, "its lane table says that it has 144 bytes");
    LANE(lane.struct_size = 157, "its lane table says that it has 157 bytes");
    LANE(lane.struct_size = UINT32_MAX, "its lane table says that it has 4294967295 bytes");
    METRIC(metric.struct_size = 88, "its metric table says that it has 88 bytes");
    METRIC(metric.struct_size = 4096, "its metric table says that it has 4096 bytes");
}

static void keys_of_its_own(void **state)
{
    (void)state;
    LANE(lane.extract_many = extract_many, "it has both extract and extract_many");
    LANE(lane.key_name = "product", "it has a key_name, and a key that is not its own: product");
    LANE(lane.key = SL_KEY_OWN, "its key is called \"\"");
    LANE((lane.key = SL_KEY_OWN, lane.key_name = "Product"), "its key is called \"Product\"");
    LANE((lane.key = SL_KEY_OWN, lane.key_name = "sixteen_letters_"), "its key is called \"sixteen_letters_\"");
    LANE((lane.key = SL_KEY_OWN, lane.key_name = "user"), "its key is called \"user\", and keys of that name are the host's own");
    LANE((lane.key = SL_KEY_OWN, lane.key_name = "session"),
         "its key is called \"session\", and keys of that name are the host's own");
    LANE((lane.key = SL_KEY_OWN, lane.key_name = "shoplane"),
         "its key is called \"shoplane\", and keys of that name are the host's own");
    LANE((lane.key = SL_KEY_OWN, lane.key_name = "product"), "it has a key of its own and no extract_many to give it");
    lane.key = SL_KEY_OWN;
    lane.key_name = "fifteen_letters";
    lane.extract = NULL;
    lane.extract_many = extract_many;
    good();
    (void)set_up(NULL);
    lane.extract = NULL;
    lane.extract_many = extract_many; /* many records of an event, under the shopper's key */
    good();
}

static void counters(void **state)
{
    (void)state;
    LANE(lane.combine = combine, "it has one of bucket_ms and combine");
    LANE(lane.bucket_ms = 60000, "it has one of bucket_ms and combine");
    LANE((lane.combine = combine, lane.bucket_ms = 999), "its bucket_ms is 999");
    LANE((lane.combine = combine, lane.bucket_ms = 7000), "its bucket_ms is 7000");
    LANE((lane.combine = combine, lane.bucket_ms = 172800000), "its bucket_ms is 172800000");
    LANE((lane.combine = combine, lane.bucket_ms = -60000), "its bucket_ms is -60000");
    lane.combine = combine;
    lane.bucket_ms = 86400000;
    good();
}

/* A table of an earlier SDK ends where its struct_size says: what lies behind it is not looked at. */
static void shorter_tables(void **state)
{
    (void)state;
    lane.record_version = 7;
    lane.key_name = (const char *)16; /* would be a crash */
    lane.extract_many = extract_many;
    lane.bucket_ms = 5;
    lane.struct_size = offsetof(sl_lane, record_version); /* SDK 1.0 */
    metric.struct_size = METRIC_LEAST_SIZE;
    lane_plugin.struct_size = metric_plugin.struct_size = PLUGIN_LEAST_SIZE;
    good();
    assert_int_equal(lane_tables.plugin.lane->record_version, 0);
    assert_ptr_equal(lane_tables.plugin.lane->publish, publish);
    assert_ptr_equal(metric_tables.plugin.metric->compute, compute);
    lane.struct_size = offsetof(sl_lane, key_name); /* SDK 1.1 */
    good();
    assert_int_equal(lane_tables.plugin.lane->record_version, 7);
    assert_null(lane_tables.plugin.lane->key_name);
    assert_null(lane_tables.plugin.lane->extract_many);
    assert_string_equal(lane_key_word(lane_tables.plugin.lane), "user");
}

static void how_large_things_may_be(void **state)
{
    (void)state;
    LANE(lane.record_size = 72, "its record has 72 bytes");
    LANE(lane.record_size = 8, "its record has 8 bytes");
    LANE(lane.record_size = 33, "its record has 33 bytes");
    LANE(lane.aggregate_size = 0, "its aggregate has 0 bytes and its values 16");
    LANE(lane.aggregate_size = 4097, "its aggregate has 4097 bytes and its values 16");
    LANE(lane.values_size = 5000, "its aggregate has 8 bytes and its values 5000");
    lane.record_size = LANE_RECORD_MAX;
    lane.aggregate_size = LANE_AGGREGATE_MAX;
    good();
}

static void what_fields_may_be(void **state)
{
    (void)state;
    LANE(lane.record = NULL, "it declares no fields of its record");
    METRIC(metric.needs = NULL, "it declares no fields of its needed values");
    LANE(record_fields[0].type = SL_COUNTS, "field \"number\" of its record can't be counts");
    LANE(record_fields[0].type = SL_CHOICE, "field \"number\" of its record can't be choice");
    LANE(record_fields[0].type = (sl_type)77, "field \"number\" of its record can't be unknown");
    LANE(record_fields[0].type = SL_BOOL, "field \"number\" of its record is declared bool (1 bytes) but has 8");
    LANE(record_fields[0].offset = 8, "a declared field lies outside of its struct: number"); /* in the stamp */
    LANE(record_fields[1].offset = 32, "a declared field lies outside of its struct: text");
    LANE(record_fields[1].offset = UINT32_MAX - 3, "a declared field lies outside of its struct: text");
    LANE(record_fields[1].offset = 20, "two declared fields share a name or bytes: text");
    LANE(record_fields[1].name = "number", "two declared fields share a name or bytes: number");
    METRIC(needs[1].offset = 9, "a declared field lies outside of its struct: counts");
}

static void many_features(size_t count)
{
    for (size_t i = 0; i < count; i++)
        features[i] = (sl_feature){seventeen[i], SL_I64, ""};
}

/* The same value of two windows is two needs; no two of them share bytes. */
static void what_more_needs_may_be(void **state)
{
    (void)state;
    static sl_need more[3];
#define MORE()                                                                                            \
    do {                                                                                                  \
        memset(more, 0, sizeof more);                                                                     \
        more[0] = (sl_need){.field = {"number", "", SL_I64, 16, 8}, .lane = "cart", .window = "1h"};       \
        more[1] = (sl_need){.field = {"number", "", SL_I64, 24, 8}, .lane = "cart", .window = "24h"};      \
        metric.values_size = 32;                                                                          \
        metric.more_needs = more;                                                                         \
    } while (0)
    MORE();
    good();
    assert_ptr_equal(metric_tables.plugin.metric->more_needs, more);
    metric.struct_size = METRIC_LEAST_SIZE;
    good();
    assert_null(metric_tables.plugin.metric->more_needs); /* a parser of SDK 1.2 has none, whatever lies there */
    (void)set_up(NULL);
    MORE();
    METRIC(more[1].field.offset = 16, "two declared fields share a name or bytes: number of lane cart, window 24h");
    MORE();
    METRIC(more[0].field.offset = 8, "two declared fields share a name or bytes: number of lane cart, window 1h");
    MORE();
    METRIC(more[1].field.offset = 32, "a declared field lies outside of its struct: number of lane cart, window 24h");
    MORE();
    METRIC((more[1].lane = NULL, more[1].window = NULL), "a need names neither lane nor window: number");
    MORE();
    METRIC(more[1].field.type = SL_BOOL, "field \"number of lane cart, window 24h\" of its needed values is declared bool (1 bytes) but has 8");
}

static void what_features_and_parameters_may_be(void **state)
{
    (void)state;
    METRIC(metric.features = NULL, "it makes 0 features");
    METRIC(features[0].name = NULL, "it makes 0 features");
    METRIC(many_features(17), "it makes 17 features");
    METRIC(features[0].name = "a:b", "a feature can't be named \"a:b\"");
    METRIC(features[0].name = "", "a feature can't be named \"\"");
    METRIC(features[1] = features[0], "two of its features have one name: feature");
    METRIC(features[0].type = SL_U8, "feature \"feature\" can't be u8");
    METRIC(features[0].type = SL_NONE, "feature \"feature\" can't be unknown");
    many_features(16);
    good();
    LANE(params[0].name = "a:b", "a parameter can't be named \"a:b\"");
    LANE((params[1] = params[0], lane.params = params), "two of its parameters have one name: flag");
    LANE(lane.inputs = twice, "two of its inputs have one name: page");
    LANE(params[0].type = SL_I64, "a parameter is not declared as the SDK asks: flag"); /* larger than the settings */
    LANE(params[0].offset = 1, "a parameter is not declared as the SDK asks: flag");
    LANE(params[0].type = SL_COUNTS, "a parameter is not declared as the SDK asks: flag");
    LANE((lane.settings_size = 8, params[0].type = SL_CHOICE), "a parameter is not declared as the SDK asks: flag");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_a_table_must_have, set_up),
        cmocka_unit_test_setup(keys_of_its_own, set_up),
        cmocka_unit_test_setup(counters, set_up),
        cmocka_unit_test_setup(shorter_tables, set_up),
        cmocka_unit_test_setup(a_lane_and_a_parser_in_one_file, set_up),
        cmocka_unit_test_setup(a_size_that_no_minor_had_is_no_table, set_up),
        cmocka_unit_test_setup(how_large_things_may_be, set_up),
        cmocka_unit_test_setup(what_fields_may_be, set_up),
        cmocka_unit_test_setup(what_more_needs_may_be, set_up),
        cmocka_unit_test_setup(what_features_and_parameters_may_be, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
