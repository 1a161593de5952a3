/* lane.h - a lane: picks events, keeps small records of them, folds records into values.
 *
 * The life of a record: the host calls `extract` for every event whose name the lane lists; what it fills is kept in the
 * log of the event's key, ordered by event time. When something changed, and it is time to say so, the host starts from
 * the lane's zero aggregate, calls `add` for each record of a window, oldest first, and then `publish` once. Duplicates,
 * late events, windows, expiry and Redis are the host's business; a lane never sees them.
 *
 * A lane that wants more than one record of an event, or a key of its own making, has `extract_many` in place of `extract`;
 * one that only counts may have its records merged by `combine`.
 *
 * Threads: `open` and `close` on the main thread; `extract` and `extract_many` on any worker, several at once; `add`,
 * `combine` and `publish` on the worker that owns the key. What `open` left in `self` is constant afterwards.
 *
 * The same in, the same out: what these functions do depends on their arguments and `self` alone, never on other calls, the
 * time of the day or chance. They are called again for the same records as often as the host likes, in processes that come
 * later too. `shoplane plugin validate` tries whether a plugin keeps to this. */
#ifndef SHOPLANE_LANE_H
#define SHOPLANE_LANE_H

#include "event.h"
#include "scratch.h"
#include "types.h"

#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Whose state it is. Events without such a key are not shown to the lane, and counted as unkeyed. */
typedef enum sl_key {
    SL_KEY_USER = 1, /* user_id, else domain_userid, else network_userid; features are user:{id}:... */
    SL_KEY_SESSION,  /* domain_sessionid, else client_session's sessionId; features are session:{sid}:... */
    SL_KEY_OWN       /* since SDK 1.2: a text that `extract_many` gives with each record; features are {key_name}:{text}:... */
} sl_key;

#define SL_KEY_NAME_MAX 15       /* bytes of a key_name */
#define SL_KEY_OWN_MAX 512       /* bytes of a key; an event with a longer one goes to the dead letters */
#define SL_EVENT_RECORDS_MAX 1024 /* records one event may make in one lane; an event with more goes to the dead letters */
#define SL_AGES_MAX 8             /* ages a lane may name */

/* Where `extract_many` puts the records of one event. Lives for the length of that call. */
typedef struct sl_records sl_records;
typedef struct sl_records_table {
    uint32_t struct_size;
    void *(*add)(sl_records *records, sl_view key);
} sl_records_table;
struct sl_records {
    const sl_records_table *table;
};

/* One more record of this event: zeroed, its stamp set, to be filled before the next is asked for. Never NULL. Records of one
 * event are kept in the order in which they were added: their stamps' ids are the event's with its last ten bits replaced by
 * the record's number, so that a copy of the event is known record by record. For SL_KEY_USER and SL_KEY_SESSION. */
static inline void *sl_records_add(sl_records *records)
{
    sl_view none = {NULL, 0};
    return records->table->add(records, none);
}
/* The same for SL_KEY_OWN: a record under this key, whose bytes are copied. With an empty key what is filled in is not kept, and the
 * event is counted as unkeyed; with one beyond SL_KEY_OWN_MAX the event goes to the dead letters: a lane need not check. */
static inline void *sl_records_add_for(sl_records *records, sl_view key) { return records->table->add(records, key); }

/* What `publish` may know of the window it publishes for. */
typedef struct sl_window {
    const char *name;  /* "5m" */
    int64_t length_ms; /* of a rolling window; the gap of a session */
    int64_t now_ms;    /* the clock; of a session that is over its last moment, newest_ms + gap. What depends on it is as old as the
                          last fold, and folds happen when records come, go, or reach an age that the lane names: `ages` below */
    int64_t oldest_ms; /* event time of the first record folded; 0 if none */
    int64_t newest_ms; /* event time of the last record folded; 0 if none */
    int64_t records;   /* how many were folded */
    bool session;      /* a session window, not a rolling one */
} sl_window;

/* Why a plugin can't be opened with these settings; a message for the person who wrote the configuration. */
typedef struct sl_refusal {
    char what[256];   /* what is wrong */
    char advice[256]; /* what would be right */
} sl_refusal;

/* Say so; false, so that `open` may end with `return fine || sl_refuse(refusal, "...", "...");`. */
static inline bool sl_refuse(sl_refusal *refusal, const char *what, const char *advice)
{
    snprintf(refusal->what, sizeof refusal->what, "%s", what);
    snprintf(refusal->advice, sizeof refusal->advice, "%s", advice);
    return false;
}

typedef struct sl_lane {
    uint32_t struct_size; /* sizeof(sl_lane) */
    sl_key key;
    const char *name;    /* as in the configuration and in the file's name: [a-z][a-z0-9_]* */
    const char *version; /* of this plugin, for people */
    const char *summary; /* one line */

    const char *const *events; /* names of the events it wants; of a vendor that is not Snowplow "com.acme/wish"; NULL-terminated */
    const sl_input *inputs;    /* places it reads; the functions of event.h take the index in this list */
    const sl_param *params;    /* its settings; NULL: none */
    size_t settings_size;      /* size of the struct that holds them; 0: none */

    size_t record_size;     /* 16 to 64 bytes; the first member is an sl_stamp */
    const sl_field *record; /* every member but the stamp and padding */
    size_t aggregate_size;
    const void *zero; /* the aggregate before the first record; NULL: all zero bytes */
    size_t values_size;
    const sl_field *values; /* what it publishes; metric parsers bind to these by name and type */

    /* Optional. Check the settings and prepare what they imply, in place. False: refused, with the reason; `close` is not
     * called then. */
    bool (*open)(void *self, sl_refusal *refusal);
    void (*close)(void *self);

    /* Fill `record` (zeroed, stamp set) from the event. False: not for this lane after all. */
    bool (*extract)(const void *self, const sl_event *event, void *record);

    /* Fold one record into the aggregate; called oldest first. */
    void (*add)(const void *self, sl_scratch *scratch, void *aggregate, const void *record);

    /* Turn the aggregate into values (zeroed). Called for an empty window too: then the aggregate is the zero one. */
    void (*publish)(const void *self, sl_scratch *scratch, const sl_window *window, const void *aggregate,
                    void *values);

    /* Since SDK 1.1. Raise it when `extract` fills records with something else than before without anything else in this
     * table telling: then records of former versions are not kept across a restart, the lane is filled again from the topic.
     * Changed events, inputs, fields or settings are seen without it. */
    uint32_t record_version;

    /* Since SDK 1.2. The word that features of SL_KEY_OWN begin with, "product" or "category": [a-z][a-z0-9_]*, at most
     * SL_KEY_NAME_MAX bytes; not user, session or shoplane. NULL for the other keys. */
    const char *key_name;

    /* Since SDK 1.2, in place of `extract` (one of the two is set): any number of records of one event, by sl_records_add() or
     * sl_records_add_for(). A lane of SL_KEY_OWN has this one. */
    void (*extract_many)(const void *self, const sl_event *event, sl_records *records);

    /* Since SDK 1.2, both or none: counters. Event times of records are rounded down to a multiple of bucket_ms (1 000 to
     * 86 400 000, a divisor of a day), so that windows are exact to the bucket; and of records of one key and bucket that have
     * come to rest (the lane's setting `rest` after the bucket's end, ten minutes; what comes later is not counted) two may become one:
     * `combine` puts into the first what stands for both, or returns false and changes nothing, since they are of different
     * identity. The host may or may not ask, in any grouping of neighbours, and a fold must come out the same each way. The
     * stamp and texts of `into` stay as they are. */
    int64_t bucket_ms;
    bool (*combine)(const void *self, void *into, const void *from);

    /* Since SDK 1.3, optional. For what becomes true by itself, "abandoned ten minutes after the last step": fill in the ages, in
     * milliseconds, at which a record counts differently; 0 ends the list (it is all zeros before). Asked once, after `open`, so
     * that an age may be a setting. A window is folded again at the very millisecond at which a record in it reaches an age, when
     * window->now_ms - record->at.time_ms == age; write `now_ms - time_ms >= age`. (By the host's
     * clock, which is live `source.disorder` behind the wall clock.) Each is 1 ms to the length of the lane's longest
     * window; in a shorter one it is never reached. Of a session's records only those of the newest run count, and none after it
     * is over: an age beyond the gap is reached only while the session goes on, at most its max + gap. */
    void (*ages)(const void *self, int64_t ages_ms[SL_AGES_MAX]);
} sl_lane;

/* For the initialiser of a lane's table, in the order of its members (C++20 wants them so), which is then all of
 *     static const sl_lane lane = {
 *         SL_LANE(SL_KEY_USER, "product", "1.0.0", "products a shopper views, and their prices"),
 *         SL_EVENTS(events, inputs),
 *         SL_SETTINGS(struct settings, params),
 *         SL_RECORD(struct record, record_fields),
 *         SL_AGGREGATE(struct aggregate),
 *         SL_VALUES(struct values, values_fields),
 *         .extract = extract, .add = add, .publish = publish,
 *     }; */
#define SL_LANE(key_, name_, version_, summary_) \
    .struct_size = sizeof(sl_lane), .key = (key_), .name = (name_), .version = (version_), .summary = (summary_)
#define SL_EVENTS(events_, inputs_)     .events = (events_), .inputs = (inputs_)
#define SL_SETTINGS(structure, params_) .params = (params_), .settings_size = sizeof(structure)
#define SL_RECORD(structure, fields_)   .record_size = sizeof(structure), .record = (fields_)
#define SL_AGGREGATE(structure)         .aggregate_size = sizeof(structure)
#define SL_VALUES(structure, fields_)   .values_size = sizeof(structure), .values = (fields_)

#ifdef __cplusplus
}
#endif
#endif
