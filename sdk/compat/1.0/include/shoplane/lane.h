/* lane.h - a lane: picks events, keeps small records of them, folds records into values.
 *
 * The life of a record: the host calls `extract` for every event whose name the lane lists; what it fills is kept in the
 * log of the event's key, ordered by event time. When something changed, and it is time to say so, the host starts from
 * the lane's zero aggregate, calls `add` for each record of a window, oldest first, and then `publish` once. Duplicates,
 * late events, windows, expiry and Redis are the host's business; a lane never sees them.
 *
 * Threads: `open` and `close` on the main thread; `extract` on any worker, several at once; `add` and `publish` on the
 * worker that owns the key. What `open` left in `self` is constant afterwards. */
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
    SL_KEY_SESSION   /* domain_sessionid, else client_session's sessionId; features are session:{sid}:... */
} sl_key;

/* What `publish` may know of the window it publishes for. */
typedef struct sl_window {
    const char *name;  /* "5m" */
    int64_t length_ms; /* of a rolling window; the gap of a session */
    int64_t now_ms;    /* the clock */
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

    const char *const *events; /* names of the events it wants, FEATURES.md section 0; NULL-terminated */
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
} sl_lane;

/* For the initialiser of a lane's table, which is then all of
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
#define SL_SETTINGS(structure, params_) .settings_size = sizeof(structure), .params = (params_)
#define SL_RECORD(structure, fields_)   .record_size = sizeof(structure), .record = (fields_)
#define SL_AGGREGATE(structure)         .aggregate_size = sizeof(structure)
#define SL_VALUES(structure, fields_)   .values_size = sizeof(structure), .values = (fields_)

#ifdef __cplusplus
}
#endif
#endif
