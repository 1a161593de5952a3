/* config.h - the configuration as the rest of the host sees it: checked, complete, constant.
 *
 * Read from a libconfig file. Durations in the file are whole or decimal seconds (300, 0.5) or texts with a unit ("250ms",
 * "30s", "5m", "1h", "7d"); here everything is milliseconds, except TTLs, which Redis counts in seconds. Everything
 * unknown, missing, mistyped, out of range or contradictory is an error with file, line, the offending value and what would
 * be right; all of them are reported in one go. Names of lanes, metric parsers and their parameters are checked by
 * plugin/ against the plugins themselves; their settings keep file and line for that. */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where in which file something is written: for messages. */
struct config_place {
    const char *file;
    int line;
};

struct kafka_property {
    const char *name, *value; /* as librdkafka names them; the value may be a secret: never logged */
    struct config_place place;
};

struct kafka_settings {
    const char *brokers; /* host:port, host:port */
    const char *topic;
    enum kafka_start {
        START_EARLIEST,
        START_LATEST,
        START_TIME
    } start;          /* where there is no state yet; default latest */
    int64_t start_ms; /* START_TIME: since 1970-01-01 UTC */
    struct kafka_property *properties;
    size_t property_count;
    int64_t batch_messages;     /* at most this many messages a batch; default 1 000 */
    int64_t connect_timeout_ms; /* the topic's partitions must be known after this; default 10 000 */
    bool wait;                  /* at the start, brokers or a topic that are not there are waited for; default false */
    enum kafka_loss {
        LOSS_ASK,      /* refuse to start (until --accept-loss), go on while running; the default */
        LOSS_CONTINUE, /* go on at the earliest message there is */
        LOSS_STOP      /* end with an error, and refuse to start */
    } on_loss;         /* Kafka no longer has messages that were not read yet */
};

enum source_kind { SOURCE_KAFKA, SOURCE_FILES };
enum clock_kind { CLOCK_LIVE, CLOCK_EVENT };

struct source_settings {
    bool given; /* the file has a `source` group; if not: SOURCE_FILES without files, for the command line to name */
    enum source_kind kind;
    struct kafka_settings kafka; /* SOURCE_KAFKA */
    const char **files;          /* SOURCE_FILES; "-" is standard input */
    size_t file_count;
    enum clock_kind clock;     /* default by kind: live for Kafka, event for files */
    int64_t disorder_ms;       /* default 5 000 */
    int64_t idle_ms;           /* a partition read to its end for this long contributes the wall clock; default 3 000 */
    int64_t future_ms;         /* how far ahead of its message an event may be; default 600 000 */
    int64_t max_message_bytes; /* default 1 000 000 */
    const char *const *nobody; /* ids of users and sessions that stand for no one, in any case of letters */
    size_t nobody_count;
};

/* One setting inside a `params` group, not yet checked against the plugin's declaration. */
struct param_setting {
    const char *name;
    enum { PARAM_BOOL, PARAM_INT, PARAM_FLOAT, PARAM_TEXT, PARAM_OTHER } type; /* other: a group, array or list */
    bool flag;
    int64_t integer;
    double number; /* PARAM_FLOAT, and PARAM_INT too: 3 is as good as 3.0 */
    const char *text; /* PARAM_TEXT; of a PARAM_FLOAT how it is written */
    struct config_place place;
};
struct param_settings {
    struct param_setting *items;
    size_t count;
    struct config_place place;
};

struct window_settings {
    const char *name;
    bool session;
    int64_t length_ms;   /* rolling */
    int64_t gap_ms;      /* session: a longer pause ends the run */
    int64_t max_ms;      /* session: a run lasts no longer; default 12 h */
    int64_t lateness_ms; /* session: how long after its end it still takes late events; default 5 min */
    int64_t emit_ms;     /* a key has another change to write after this; 0: every batch; default 1 s */
    int64_t burst;       /* so many changes of a key go out at once; 1 to 1 000, default 5 */
    int64_t ttl_s;       /* default: length (or gap) + 600 s */
    struct config_place place;
};

/* A lane, or a parser of a lane, that stands beside another one, over the same events: one of the two writes the features, the
 * other's are only compared with them (engine/shadow.h). */
struct shadow_settings {
    const char *of;     /* the instance it stands beside; NULL: none */
    bool live;          /* it writes, and the one it stands beside is the shadow; default false */
    const char *prefix; /* while it is the shadow its features are written too, under keys that begin with this and ':'; NULL: they are not */
    struct config_place place;
};

struct metric_settings {
    const char *name;
    const char *as;     /* what this one is called where the same parser stands twice; default: its name */
    struct shadow_settings shadow;
    struct param_settings params;
    struct config_place place;
};

#define KEY_RECORDS_LEAST 100
#define KEY_RECORDS_MOST  100000000

struct lane_settings {
    const char *name;
    const char *as;     /* what this one is called where the same lane stands twice, in state too; default: its name */
    struct shadow_settings shadow;
    struct param_settings params;
    struct window_settings *windows;
    size_t window_count;
    struct metric_settings *metrics;
    size_t metric_count;
    int64_t key_records; /* of one key in this lane; 0: limits.key_records */
    int64_t rest_ms;     /* of a lane that combines: how long after its end a bucket takes events, 1 s to 400 days; 0: 10 minutes */
    struct config_place place;
};

enum sink_kind { SINK_REDIS, SINK_JSONL, SINK_NULL };

struct sink_settings {
    enum sink_kind kind; /* no `sink` in the file: Redis on 127.0.0.1:6379 */
    const char *file;    /* SINK_JSONL: NULL is standard output */
    const char *host;    /* NULL where `socket` is set */
    int64_t port;
    const char *socket;
    const char *user,
        *password; /* or NULL; the password may come from `password_file` or `password_env`. Never logged */
    int64_t database;
    int64_t timeout_ms;   /* default 5 000 */
    int64_t retry_max_ms; /* default 2 000 */
    int64_t pipeline;     /* default 10 000 */
    int64_t lease_ms;     /* SINK_REDIS: one process at a time writes, see sink/lease.h; 0: no lease; default 5 000 */
    int64_t audit_ms;     /* SINK_REDIS: a key is compared with its records this often, see serve/audit.h; 0: never; default 1 000 */
};

struct dead_letter_settings {
    enum { LETTERS_STDERR, LETTERS_FILE, LETTERS_TOPIC } kind;
    const char *file;
    const char *topic;
};

/* Group `state`: what survives a restart. */
struct state_settings {
    const char *folder;  /* NULL: state is in memory only */
    int64_t interval_ms; /* between two checkpoints, 100 ms to 1 h; default 5 000 */
    enum state_fsync {
        FSYNC_CHECKPOINT, /* a checkpoint is on the disk before it counts: survives a power cut; the default */
        FSYNC_NEVER       /* the system writes when it likes: survives the process's end, not the machine's */
    } fsync;
    enum state_fill {
        FILL_WHEN_FULL, /* features of a lane that is being filled are written when it is full; the default */
        FILL_AT_ONCE    /* at once; meanwhile a key shoplane:{topic}:filling:LANE says so, see engine/filling_mark.h */
    } fill;
};

/* Group `limits`: what one host may use. */
struct limit_settings {
    int64_t memory_bytes; /* for keys, records and texts; 0: no limit; default: three quarters of what the machine or its
                             control group has. In the file a whole number of bytes or a text with a unit: "512MB", "8GB" */
    int64_t key_records;  /* records of one key in one lane, the newest, KEY_RECORDS_LEAST to _MOST; default 10 000: who has more is no
                             shopper */
    int64_t text_bytes;   /* of a text that a record keeps, 64 to 1 000 000; default 4 096: an event with a longer one is a dead letter */
    int64_t plugin_call_ms; /* a call of a plugin that takes longer ends the process, 1 s to 1 h; 0: none does; default 60 000 */
};

struct config {
    const char *file;    /* the file it was read from */
    int64_t workers;     /* 1 to 256; default 1; 0 in the file: one a core this process may use, counted here */
    const char *plugins; /* folder with lanes/ and metrics/, or several separated by ':', see plugin/plugin_file.h; NULL: the
                            installed one */
    struct source_settings source;
    struct lane_settings *lanes;
    size_t lane_count;
    const char **left_out; /* names of lanes that were taken out of `lanes` (cli/quarantine.h) */
    size_t left_out_count;
    struct sink_settings sink;
    struct dead_letter_settings dead_letters;
    struct state_settings state;
    struct limit_settings limits;
    struct config_memory *memory; /* owns every text above */
};

/* Read and check. NULL, with at least one error in the list, if anything is wrong; the errors are in the order of the
 * file's lines. An unreadable file is one error. `found` of an error is "file:line: setting = value" and never holds a
 * password. Files named by @include are looked for beside `path`. (Not config_read: libconfig exports that name, and a
 * symbol of ours would replace it inside the library.) */
struct config *config_read_path(const char *path, struct error_list *errors);
/* The same, but what could be read in spite of mistakes is given out too, with names and texts NULL and lists empty where
 * they could not: only to look for further mistakes (do the plugins exist that it names?), never to run with. NULL if not
 * even the syntax is right. */
struct config *config_read_partial(const char *path, struct error_list *errors);
/* As config_read_path from a text, under the name `path` in messages; for tests and fuzzing. */
struct config *config_read_text(const char *text, const char *path, struct error_list *errors);
void config_free(struct config *config);

#endif
