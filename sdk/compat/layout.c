/* layout.c - where everything is that plugins and the host share, as compiled into every plugin there is.
 *
 * It is compiled against the present headers and against those of every earlier minor (CMakeLists.txt). If it stops compiling
 * against the present ones, plugins that were built before would read and write the wrong bytes: what to do is in
 * ../CHANGING.md. What a released minor says here is never changed, only added to; tests/integration/sdk_compat.py sees to it
 * that no member of the headers is missing. Offsets and sizes in bytes, of 64-bit machines. */
#include <shoplane/shoplane.h>

#define RULES "plugins built before would break; see sdk/CHANGING.md"

/* A member stays where it is, and of its type: where the type is a function's, so do its arguments. */
#define MEMBER(structure, member, offset_, ...)                                                          \
    _Static_assert(offsetof(structure, member) == (offset_), #structure "." #member " moved: " RULES); \
    _Static_assert(_Generic(&((structure *)0)->member, __typeof__(__VA_ARGS__) *: 1, default: 0),      \
                   #structure "." #member " is of another type: " RULES)
/* A struct that plugins embed never changes its size; a table has this one in the minors for which it is said. */
#define SIZE(structure, size) _Static_assert(sizeof(structure) == (size), #structure " changed its size: " RULES)
#define CONSTANT(name, value) _Static_assert((name) == (value), #name " changed its value: " RULES)

_Static_assert(SL_SDK_MAJOR == 1, "a new major begins with a layout of its own: see sdk/CHANGING.md");

/* types.h */
SIZE(sl_view, 16);
MEMBER(sl_view, data, 0, const char *);
MEMBER(sl_view, size, 8, size_t);
SIZE(sl_text, 8);
MEMBER(sl_text, handle, 0, uint64_t);
SIZE(sl_stamp, 16);
MEMBER(sl_stamp, time_ms, 0, int64_t);
MEMBER(sl_stamp, id, 8, uint64_t);
SIZE(sl_type, 4);
CONSTANT(SL_NONE, 0);
CONSTANT(SL_BOOL, 1);
CONSTANT(SL_U8, 2);
CONSTANT(SL_I32, 3);
CONSTANT(SL_I64, 4);
CONSTANT(SL_F64, 5);
CONSTANT(SL_MONEY, 6);
CONSTANT(SL_TEXT, 7);
CONSTANT(SL_COUNTS, 8);
CONSTANT(SL_LIST, 9);
CONSTANT(SL_CHOICE, 10);
SIZE(sl_field, 32);
MEMBER(sl_field, name, 0, const char *);
MEMBER(sl_field, help, 8, const char *);
MEMBER(sl_field, type, 16, sl_type);
MEMBER(sl_field, offset, 20, uint32_t);
MEMBER(sl_field, size, 24, uint32_t);
SIZE(sl_param, 64);
MEMBER(sl_param, name, 0, const char *);
MEMBER(sl_param, help, 8, const char *);
MEMBER(sl_param, type, 16, sl_type);
MEMBER(sl_param, offset, 20, uint32_t);
MEMBER(sl_param, default_number, 24, double);
MEMBER(sl_param, min, 32, double);
MEMBER(sl_param, max, 40, double);
MEMBER(sl_param, default_text, 48, const char *);
MEMBER(sl_param, choices, 56, const char *const *);

/* event.h */
SIZE(sl_input, 16);
MEMBER(sl_input, name, 0, const char *);
MEMBER(sl_input, path, 8, const char *);
SIZE(sl_event, 32);
MEMBER(sl_event, table, 0, const sl_event_table *);
MEMBER(sl_event, at, 8, sl_stamp);
MEMBER(sl_event, kind, 24, uint32_t);
MEMBER(sl_event, reserved, 28, uint32_t);
MEMBER(sl_event_table, struct_size, 0, uint32_t);
MEMBER(sl_event_table, count, 8, uint32_t (*)(const sl_event *, uint32_t));
MEMBER(sl_event_table, view, 16, sl_view (*)(const sl_event *, uint32_t, uint32_t));
MEMBER(sl_event_table, text, 24, sl_text (*)(const sl_event *, uint32_t, uint32_t));
MEMBER(sl_event_table, money, 32, bool (*)(const sl_event *, uint32_t, uint32_t, int64_t *));
MEMBER(sl_event_table, number, 40, bool (*)(const sl_event *, uint32_t, uint32_t, double *));
MEMBER(sl_event_table, flag, 48, bool (*)(const sl_event *, uint32_t, uint32_t, bool *));

/* scratch.h */
SIZE(sl_scratch, 8);
MEMBER(sl_scratch, table, 0, const sl_scratch_table *);
SIZE(sl_range, 24);
MEMBER(sl_range, min, 0, int64_t);
MEMBER(sl_range, max, 8, int64_t);
MEMBER(sl_range, any, 16, bool);
MEMBER(sl_scratch_table, struct_size, 0, uint32_t);
MEMBER(sl_scratch_table, alloc, 8, void *(*)(sl_scratch *, size_t));
MEMBER(sl_scratch_table, text_view, 16, sl_view (*)(const sl_scratch *, const sl_text *));
MEMBER(sl_scratch_table, counts_add, 24, int64_t (*)(sl_scratch *, sl_counts **, sl_text, int64_t));
MEMBER(sl_scratch_table, counts_size, 32, int64_t (*)(const sl_counts *));
MEMBER(sl_scratch_table, counts_top, 40, sl_text (*)(const sl_counts *));
MEMBER(sl_scratch_table, list_add, 48, bool (*)(sl_scratch *, sl_list **, sl_text));
MEMBER(sl_scratch_table, list_size, 56, int64_t (*)(const sl_list *));
MEMBER(sl_scratch_table, map_at, 64, void *(*)(sl_scratch *, sl_map **, sl_text, size_t));
MEMBER(sl_scratch_table, map_size, 72, int64_t (*)(const sl_map *));
MEMBER(sl_scratch_table, map_item, 80, void *(*)(const sl_map *, int64_t));

/* lane.h */
SIZE(sl_key, 4);
CONSTANT(SL_KEY_USER, 1);
CONSTANT(SL_KEY_SESSION, 2);
SIZE(sl_window, 56);
MEMBER(sl_window, name, 0, const char *);
MEMBER(sl_window, length_ms, 8, int64_t);
MEMBER(sl_window, now_ms, 16, int64_t);
MEMBER(sl_window, oldest_ms, 24, int64_t);
MEMBER(sl_window, newest_ms, 32, int64_t);
MEMBER(sl_window, records, 40, int64_t);
MEMBER(sl_window, session, 48, bool);
SIZE(sl_refusal, 512);
MEMBER(sl_refusal, what, 0, char[256]);
MEMBER(sl_refusal, advice, 256, char[256]);
MEMBER(sl_lane, struct_size, 0, uint32_t);
MEMBER(sl_lane, key, 4, sl_key);
MEMBER(sl_lane, name, 8, const char *);
MEMBER(sl_lane, version, 16, const char *);
MEMBER(sl_lane, summary, 24, const char *);
MEMBER(sl_lane, events, 32, const char *const *);
MEMBER(sl_lane, inputs, 40, const sl_input *);
MEMBER(sl_lane, params, 48, const sl_param *);
MEMBER(sl_lane, settings_size, 56, size_t);
MEMBER(sl_lane, record_size, 64, size_t);
MEMBER(sl_lane, record, 72, const sl_field *);
MEMBER(sl_lane, aggregate_size, 80, size_t);
MEMBER(sl_lane, zero, 88, const void *);
MEMBER(sl_lane, values_size, 96, size_t);
MEMBER(sl_lane, values, 104, const sl_field *);
MEMBER(sl_lane, open, 112, bool (*)(void *, sl_refusal *));
MEMBER(sl_lane, close, 120, void (*)(void *));
MEMBER(sl_lane, extract, 128, bool (*)(const void *, const sl_event *, void *));
MEMBER(sl_lane, add, 136, void (*)(const void *, sl_scratch *, void *, const void *));
MEMBER(sl_lane, publish, 144, void (*)(const void *, sl_scratch *, const sl_window *, const void *, void *));

/* metric.h */
SIZE(sl_feature, 24);
MEMBER(sl_feature, name, 0, const char *);
MEMBER(sl_feature, type, 8, sl_type);
MEMBER(sl_feature, help, 16, const char *);
SIZE(sl_cell, 16);
MEMBER(sl_cell, type, 0, sl_type);
MEMBER(sl_cell, joined, 4, bool);
MEMBER(sl_cell, as.flag, 8, bool);
MEMBER(sl_cell, as.i64, 8, int64_t);
MEMBER(sl_cell, as.f64, 8, double);
MEMBER(sl_cell, as.text, 8, sl_text);
MEMBER(sl_cell, as.counts, 8, const sl_counts *);
MEMBER(sl_cell, as.list, 8, const sl_list *);
MEMBER(sl_cell, as.pair, 8, const struct sl_cell_pair *);
SIZE(struct sl_cell_pair, 40);
MEMBER(struct sl_cell_pair, left, 0, sl_cell);
MEMBER(struct sl_cell_pair, right, 16, sl_cell);
MEMBER(struct sl_cell_pair, between, 32, const char *);
MEMBER(sl_metric, struct_size, 0, uint32_t);
MEMBER(sl_metric, name, 8, const char *);
MEMBER(sl_metric, version, 16, const char *);
MEMBER(sl_metric, summary, 24, const char *);
MEMBER(sl_metric, params, 32, const sl_param *);
MEMBER(sl_metric, settings_size, 40, size_t);
MEMBER(sl_metric, values_size, 48, size_t);
MEMBER(sl_metric, needs, 56, const sl_field *);
MEMBER(sl_metric, features, 64, const sl_feature *);
MEMBER(sl_metric, open, 72, bool (*)(void *, sl_refusal *));
MEMBER(sl_metric, close, 80, void (*)(void *));
MEMBER(sl_metric, compute, 88, void (*)(const void *, sl_scratch *, const sl_window *, const void *, sl_cell *));

/* plugin.h */
CONSTANT(SL_NOTE_SDK, 1);
CONSTANT(sizeof SL_NOTE_OWNER, sizeof "Shoplane");
CONSTANT(sizeof SL_PLUGIN_SYMBOL, sizeof "shoplane_plugin_v1");
MEMBER(sl_plugin, struct_size, 0, uint32_t);
MEMBER(sl_plugin, sdk_major, 4, uint32_t);
MEMBER(sl_plugin, sdk_minor, 8, uint32_t);
MEMBER(sl_plugin, lane, 16, const sl_lane *);
MEMBER(sl_plugin, metric, 24, const sl_metric *);

/* What each minor added to it. */
#if SL_SDK_MINOR >= 1
MEMBER(sl_lane, record_version, 152, uint32_t);
#endif

#if SL_SDK_MINOR >= 2
CONSTANT(SL_KEY_OWN, 3);
CONSTANT(SL_KEY_NAME_MAX, 15);
CONSTANT(SL_KEY_OWN_MAX, 512);
CONSTANT(SL_EVENT_RECORDS_MAX, 1024);
SIZE(sl_records, 8);
MEMBER(sl_records, table, 0, const sl_records_table *);
MEMBER(sl_records_table, struct_size, 0, uint32_t);
MEMBER(sl_records_table, add, 8, void *(*)(sl_records *, sl_view));
MEMBER(sl_lane, key_name, 160, const char *);
MEMBER(sl_lane, extract_many, 168, void (*)(const void *, const sl_event *, sl_records *));
MEMBER(sl_lane, bucket_ms, 176, int64_t);
MEMBER(sl_lane, combine, 184, bool (*)(const void *, void *, const void *));
#endif

#if SL_SDK_MINOR >= 3
CONSTANT(SL_AGES_MAX, 8);
MEMBER(sl_lane, ages, 192, void (*)(const void *, int64_t *));
CONSTANT(SL_TEXT_MADE_MAX, 65535);
SIZE(sl_need, 48);
MEMBER(sl_need, field, 0, sl_field);
MEMBER(sl_need, lane, 32, const char *);
MEMBER(sl_need, window, 40, const char *);
MEMBER(sl_metric, more_needs, 96, const sl_need *);
MEMBER(sl_event_table, keep_text, 56, sl_text (*)(const sl_event *, sl_view));
MEMBER(sl_scratch_table, text_make, 88, sl_text (*)(sl_scratch *, sl_view));
MEMBER(sl_scratch_table, counts_of, 96, int64_t (*)(const sl_counts *, sl_text));
MEMBER(sl_scratch_table, counts_item, 104, int64_t (*)(const sl_counts *, int64_t, sl_text *));
MEMBER(sl_scratch_table, list_item, 112, sl_text (*)(const sl_list *, int64_t));
MEMBER(sl_scratch_table, map_key, 120, sl_text (*)(const sl_map *, int64_t));
#endif

#if SL_SDK_MINOR >= 3
CONSTANT(SL_SUM, 11);
SIZE(sl_sum, 16);
MEMBER(sl_sum, low, 0, uint64_t);
MEMBER(sl_sum, high, 8, int64_t);
MEMBER(sl_cell, as.sum, 8, const sl_sum *);
#endif

/* How long the tables are in each minor: who makes one longer raises the minor. */
SIZE(sl_plugin, 32);
#if SL_SDK_MINOR < 3
SIZE(sl_event_table, 56);
SIZE(sl_scratch_table, 88);
SIZE(sl_metric, 96);
#else
SIZE(sl_event_table, 64);
SIZE(sl_scratch_table, 128);
SIZE(sl_metric, 104);
#endif
#if SL_SDK_MINOR == 0
SIZE(sl_lane, 152);
#elif SL_SDK_MINOR == 1
SIZE(sl_lane, 160);
#elif SL_SDK_MINOR == 2
SIZE(sl_records_table, 16);
SIZE(sl_lane, 192);
#elif SL_SDK_MINOR == 3
SIZE(sl_records_table, 16);
SIZE(sl_lane, 200);
#else
#error "say here how long the tables of this minor are, and above what it added: see sdk/CHANGING.md"
#endif

/* A file of nothing but assertions is none to a pedantic compiler. */
extern const int shoplane_sdk_layout;
const int shoplane_sdk_layout = SL_SDK_MINOR;
