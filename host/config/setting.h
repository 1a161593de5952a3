/* setting.h - one reading of a configuration, and typed, checked access to its settings.
 *
 * A `struct reading` lives for the length of config_read_path(): it holds libconfig's tree, the texts behind it, and the
 * mistakes found so far. The functions here look a setting up in a group, check its type and range, and either fill the
 * caller's value, or leave it as it was: absent (so that the caller puts the default there first), or bad, with a mistake
 * noted. A reader of a group goes on after a mistake, so that all of them are found in one go. */
#ifndef CONFIG_SETTING_H
#define CONFIG_SETTING_H

#include "base/error.h"
#include "config/config.h"
#include "config/config_memory.h"
#include "config/whole_text.h"

#include <libconfig.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct reading {
    config_t tree;
    const char *path;   /* the file, as messages name it; in `memory`, as all paths here */
    struct whole_text whole; /* what the tree is made from */
    struct config_memory *memory;
    struct mistake {
        struct config_place place;
        struct error error;
    } * mistakes; /* in the order they were found */
    size_t mistake_count, mistake_capacity;
    struct wrapped_integer {
        struct config_place place;
        int64_t value;    /* what it should be; of one beyond 64 bits the nearest that is not */
        char literal[32]; /* as written, perhaps cut */
        bool beyond_64;
    } * wrapped; /* integers that libconfig stored as other numbers */
    size_t wrapped_count, wrapped_capacity;
};

enum outcome { ABSENT, GOOD, BAD };

/* --- mistakes --- */

/* Note a mistake about a setting: what = "<path of the setting> <format>", found = "file:line: name = value". The caller
 * fills the advice before it notes the next one. Values of secrets are not shown. */
struct error *mistake_at(struct reading *reading, const config_setting_t *setting, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* `name` is not in `group`: what = "<path>.name is missing". */
struct error *mistake_missing(struct reading *reading, const config_setting_t *group, const char *name);
/* At a place: everything but the place is the caller's. */
struct error *mistake_place(struct reading *reading, struct config_place place);

struct config_place setting_place(const struct reading *reading, const config_setting_t *setting);

/* "lanes.product.windows.5m.emit": elements of lists are called by their lane, metric or name, else by their number. */
#define SETTING_PATH_MAX 160
const char *setting_path(const config_setting_t *setting, char out[SETTING_PATH_MAX]);

/* A number with a point or an exponent, as it is written: where a whole number is wanted, 3.0 must not look like one. */
#define VALUE_MAX 96
void float_text(const struct reading *reading, const config_setting_t *setting, char out[VALUE_MAX]);

/* --- groups and names --- */

/* What a group may hold. `kind`: only where the group's `kind` is that word; NULL: always. Ends with a zeroed entry. */
struct known_setting {
    const char *name, *kind;
};
/* Refuse what is not in the list, naming what was probably meant, and what belongs to another kind than `kind` (NULL: the
 * kind is not known; everything passes). */
void group_check(struct reading *reading, const config_setting_t *group, const struct known_setting *known,
                 const char *kind);
/* The group or list called `name` in `group`, NULL if it is absent or not one; the latter is noted, with the example. */
config_setting_t *group_find(struct reading *reading, const config_setting_t *group, const char *name,
                             const char *example);
config_setting_t *list_find(struct reading *reading, const config_setting_t *group, const char *name,
                            const char *example);
bool is_group(struct reading *reading, const config_setting_t *setting, const char *example);

/* --- values --- */

config_setting_t *setting_find(const config_setting_t *group, const char *name);

/* A text of at least one byte; a copy in the reading's memory. */
enum outcome text_read(struct reading *reading, const config_setting_t *group, const char *name, const char *example,
                       const char **text);
enum outcome integer_read(struct reading *reading, const config_setting_t *group, const char *name, int64_t least,
                          int64_t most, int64_t *value);
enum outcome duration_read(struct reading *reading, const config_setting_t *group, const char *name, int64_t least_ms,
                           int64_t most_ms, int64_t *ms);
/* The same, or 0; `zero` says in the advice what that means, as "0 for none". */
enum outcome duration_or_zero_read(struct reading *reading, const config_setting_t *group, const char *name,
                                   int64_t least_ms, int64_t most_ms, const char *zero, int64_t *ms);
enum outcome flag_read(struct reading *reading, const config_setting_t *group, const char *name, bool *flag);
/* One of the words, which end with NULL; *choice is its index. */
enum outcome choice_read(struct reading *reading, const config_setting_t *group, const char *name,
                         const char *const *words, int *choice);
/* False, and noted: libconfig stored this integer as another number. */
bool integer_is_whole(struct reading *reading, const config_setting_t *setting);
/* A name of ours: [a-z0-9_]+, at most 32 bytes. Notes a mistake about `setting` if not. */
bool name_check(struct reading *reading, const config_setting_t *setting, const char *name);

/* "a, b, c" of the words. */
#define WORDS_MAX 256
const char *words_text(const char *const *words, char out[WORDS_MAX]);

#endif
