/* types.h - the few types that every plugin and the host share.
 *
 * Shapes are fixed within one major version of the SDK: a struct named here never changes its size, a table (see
 * plugin.h) only grows at its end. Units: times are int64_t milliseconds since 1970-01-01 UTC; money is int64_t micros
 * (42.99 is 42990000) of whatever currency the event states. */
#ifndef SHOPLANE_TYPES_H
#define SHOPLANE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes that somebody else owns, UTF-8, not terminated by a zero. `size` is in bytes. */
typedef struct sl_view {
    const char *data;
    size_t size;
} sl_view;

/* A text that the host keeps. Opaque: a record stores these 8 bytes, never a pointer. A zeroed handle is the empty text,
 * and empty means absent. Inside `add`, `combine`, `publish` and `compute` equal handles mean equal text, whichever record
 * they come from; inside `extract` only sl_text_empty() may be asked. To see the bytes: sl_text_view() in scratch.h. */
typedef struct sl_text {
    uint64_t handle;
} sl_text;

static inline bool sl_text_empty(sl_text text) { return text.handle == 0; }
static inline bool sl_text_same(sl_text a, sl_text b) { return a.handle == b.handle; }

#define SL_TEXT_MADE_MAX 65535 /* bytes of a text that a plugin makes; what is longer is cut at a character (since SDK 1.3) */

/* First member of every record, filled by the host: event time, and the 64-bit XXH3 of the event's id. The records of a
 * log are ordered by (time_ms, id as an unsigned number). */
typedef struct sl_stamp {
    int64_t time_ms;
    uint64_t id;
} sl_stamp;

/* What a declared field, parameter or feature holds, and the C type behind it. */
typedef enum sl_type {
    SL_NONE = 0, /* ends a list of declarations */
    SL_BOOL,     /* bool */
    SL_U8,       /* uint8_t */
    SL_I32,      /* int32_t */
    SL_I64,      /* int64_t; printed without a point */
    SL_F64,      /* double; printed as the shortest text that reads back the same */
    SL_MONEY,    /* int64_t micros; printed without exponent and without trailing zeros */
    SL_TEXT,     /* sl_text in records and values; const char * in settings */
    SL_COUNTS,   /* sl_counts *: a map text -> count; values and features only; printed {"a":2} in byte order of keys */
    SL_LIST,     /* sl_list *: texts in order; values and features only; printed ["a","b"] */
    SL_CHOICE,   /* int32_t: index of the chosen word; parameters only */
    SL_SUM       /* sl_sum (scratch.h): money, added up; values and features only; printed as SL_MONEY. Since SDK 1.3 */
} sl_type;

/* One declared member of a struct. The host copies, compares, prints and (across restarts) migrates structs by these
 * names, so a name once shipped keeps its meaning. A list of fields ends with a zeroed entry. */
typedef struct sl_field {
    const char *name;
    const char *help; /* one line: what it is, in which unit */
    sl_type type;
    uint32_t offset; /* bytes from the start of the struct */
    uint32_t size;   /* bytes */
} sl_field;

/* SL_FIELD(struct record, price, SL_MONEY, "price of one piece") */
#define SL_FIELD(structure, member, type_, help_)                                                                     \
    {                                                                                                                 \
        .name = #member, .help = (help_), .type = (type_), .offset = (uint32_t)offsetof(structure, member),            \
        .size = (uint32_t)sizeof(((structure *)0)->member)                                                            \
    }

/* A setting of a plugin, `params = { name = ...; }` in the configuration. The host checks type and range, fills a struct
 * of the plugin's own with the values (its `settings_size` bytes) and hands it to every call as `self`. A list of
 * parameters ends with a zeroed entry. */
typedef struct sl_param {
    const char *name;
    const char *help;
    sl_type type; /* SL_BOOL, SL_I64, SL_F64, SL_MONEY, SL_TEXT, SL_CHOICE */
    uint32_t offset;
    double default_number, min, max; /* SL_I64, SL_F64, SL_MONEY (in whole units, not micros), SL_BOOL (0 or 1) */
    const char *default_text;        /* SL_TEXT; SL_CHOICE: the default word */
    const char *const *choices;      /* SL_CHOICE: the words, NULL-terminated */
} sl_param;

#define SL_PARAM_BOOL(structure, member, default_, help_)                                                             \
    {                                                                                                                 \
        .name = #member, .help = (help_), .type = SL_BOOL, .offset = (uint32_t)offsetof(structure, member),            \
        .default_number = (default_) ? 1 : 0, .min = 0, .max = 1                                                      \
    }
#define SL_PARAM_I64(structure, member, default_, min_, max_, help_)                                                  \
    {                                                                                                                 \
        .name = #member, .help = (help_), .type = SL_I64, .offset = (uint32_t)offsetof(structure, member),             \
        .default_number = (default_), .min = (min_), .max = (max_)                                                    \
    }
#define SL_PARAM_F64(structure, member, default_, min_, max_, help_)                                                  \
    {                                                                                                                 \
        .name = #member, .help = (help_), .type = SL_F64, .offset = (uint32_t)offsetof(structure, member),             \
        .default_number = (default_), .min = (min_), .max = (max_)                                                    \
    }
#define SL_PARAM_TEXT(structure, member, default_, help_)                                                             \
    {                                                                                                                 \
        .name = #member, .help = (help_), .type = SL_TEXT, .offset = (uint32_t)offsetof(structure, member),            \
        .default_text = (default_)                                                                                    \
    }
#define SL_PARAM_CHOICE(structure, member, default_, choices_, help_)                                                 \
    {                                                                                                                 \
        .name = #member, .help = (help_), .type = SL_CHOICE, .offset = (uint32_t)offsetof(structure, member),          \
        .default_text = (default_), .choices = (choices_)                                                             \
    }

#ifdef __cplusplus
}
#endif
#endif
