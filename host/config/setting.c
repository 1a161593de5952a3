/* setting.c - see setting.h. The order of checks is the same everywhere: is it there, has it the type, is it in range;
 * each mistake names the setting by its path, shows it as it stands in the file, and says what would be right. */
#include "config/setting.h"

#include "base/memory.h"
#include "config/duration.h"
#include "config/near_miss.h"
#include "config/token.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- how settings look in messages --- */

struct config_place setting_place(const struct reading *reading, const config_setting_t *setting)
{
    return whole_text_place(&reading->whole, (int)config_setting_source_line(setting));
}

/* What an element of a list is called by its writer: its lane, metric or name. */
static const char *label(const config_setting_t *setting)
{
    static const char *const members[] = {"lane", "metric", "name"};
    const char *text = NULL;
    for (size_t i = 0; i < 3 && config_setting_is_group(setting); i++)
        if (config_setting_lookup_string(setting, members[i], &text) && *text != '\0')
            return text;
    return NULL;
}

const char *setting_path(const config_setting_t *setting, char out[SETTING_PATH_MAX])
{
    const config_setting_t *parent = config_setting_parent(setting);
    if (parent == NULL) {
        out[0] = '\0';
        return out;
    }
    (void)setting_path(parent, out);
    size_t used = strlen(out);
    const char *name = config_setting_name(setting), *dot = used == 0 ? "" : ".";
    if (name == NULL)
        name = label(setting);
    if (name != NULL)
        (void)snprintf(out + used, SETTING_PATH_MAX - used, "%s%.40s", dot, name);
    else
        (void)snprintf(out + used, SETTING_PATH_MAX - used, "[%d]", config_setting_index(setting));
    return out;
}

/* Is this, or what it is in, something whose text must not be seen? */
static bool secret(const config_setting_t *setting)
{
    for (; setting != NULL; setting = config_setting_parent(setting)) {
        const char *name = config_setting_name(setting);
        if (name != NULL && (strcmp(name, "password") == 0 || strcmp(name, "properties") == 0))
            return true;
    }
    return false;
}

static const struct wrapped_integer *wrapped_integer(const struct reading *reading, const config_setting_t *setting);

void float_text(const struct reading *reading, const config_setting_t *setting, char out[VALUE_MAX])
{
    struct token_reader tokens;
    double value = config_setting_get_float(setting);
    token_reader_init(&tokens, reading->whole.text.data, reading->whole.text.size);
    for (struct token token; (token = token_next(&tokens)).kind != TOKEN_END;) {
        if (token.kind != TOKEN_FLOAT || token.line != (int)config_setting_source_line(setting) || token.size >= VALUE_MAX)
            continue;
        memcpy(out, token.start, token.size);
        out[token.size] = '\0';
        double written = strtod(out, NULL);
        if (memcmp(&written, &value, sizeof value) == 0)
            return;
    }
    (void)snprintf(out, VALUE_MAX, "%.15g", value);
    if (out[strcspn(out, ".en")] == '\0')
        (void)snprintf(out, VALUE_MAX, "%.15g.0", value);
}

static const char *value_text(const struct reading *reading, const config_setting_t *setting, char out[VALUE_MAX])
{
    int type = config_setting_type(setting);
    const struct wrapped_integer *wrapped = wrapped_integer(reading, setting);
    if (type == CONFIG_TYPE_GROUP)
        (void)snprintf(out, VALUE_MAX, "{ ... }");
    else if (type == CONFIG_TYPE_LIST)
        (void)snprintf(out, VALUE_MAX, config_setting_length(setting) == 0 ? "( )" : "( ... )");
    else if (type == CONFIG_TYPE_ARRAY)
        (void)snprintf(out, VALUE_MAX, config_setting_length(setting) == 0 ? "[ ]" : "[ ... ]");
    else if (secret(setting))
        (void)snprintf(out, VALUE_MAX, "(not shown)");
    else if (wrapped != NULL)
        (void)snprintf(out, VALUE_MAX, "%s", wrapped->literal);
    else if (type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64)
        (void)snprintf(out, VALUE_MAX, "%lld", config_setting_get_int64(setting));
    else if (type == CONFIG_TYPE_FLOAT)
        float_text(reading, setting, out);
    else if (type == CONFIG_TYPE_BOOL)
        (void)snprintf(out, VALUE_MAX, "%s", config_setting_get_bool(setting) ? "true" : "false");
    else if (type == CONFIG_TYPE_STRING)
        (void)snprintf(out, VALUE_MAX, strlen(config_setting_get_string(setting)) > 80 ? "\"%.80s...\"" : "\"%s\"",
                       config_setting_get_string(setting));
    else
        (void)snprintf(out, VALUE_MAX, "?");
    return out;
}

const char *words_text(const char *const *words, char out[WORDS_MAX])
{
    size_t used = 0;
    out[0] = '\0';
    for (; *words != NULL && used < WORDS_MAX; words++)
        used += (size_t)snprintf(out + used, WORDS_MAX - used, "%s%s", used == 0 ? "" : ", ", *words);
    return out;
}

/* --- mistakes --- */

struct error *mistake_place(struct reading *reading, struct config_place place)
{
    if (reading->mistake_count == reading->mistake_capacity) {
        reading->mistake_capacity = reading->mistake_capacity == 0 ? 8 : reading->mistake_capacity * 2;
        reading->mistakes = memory_resize(reading->mistakes, reading->mistake_capacity * sizeof *reading->mistakes);
    }
    struct mistake *mistake = &reading->mistakes[reading->mistake_count++];
    memset(mistake, 0, sizeof *mistake);
    mistake->place = place;
    return &mistake->error;
}

struct error *mistake_at(struct reading *reading, const config_setting_t *setting, const char *format, ...)
{
    char what[320], path[SETTING_PATH_MAX], value[VALUE_MAX];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    struct config_place place = setting_place(reading, setting);
    struct error *error = mistake_place(reading, place);
    error_what(error, "%s %s", setting_path(setting, path), what);
    const char *name = config_setting_name(setting);
    (void)value_text(reading, setting, value);
    if (name != NULL)
        error_found(error, "%s:%d: %.60s = %s", place.file, place.line, name, value);
    else
        error_found(error, "%s:%d: %s", place.file, place.line, value);
    return error;
}

struct error *mistake_missing(struct reading *reading, const config_setting_t *group, const char *name)
{
    char path[SETTING_PATH_MAX];
    struct config_place place = setting_place(reading, group);
    struct error *error = mistake_place(reading, place);
    (void)setting_path(group, path);
    error_what(error, "%s%s%s is missing", path, path[0] == '\0' ? "" : ".", name);
    if (config_setting_is_root(group))
        error_found(error, "%s: no %s", place.file, name);
    else
        error_found(error, "%s:%d: no %s in this group", place.file, place.line, name);
    return error;
}

/* --- groups and names --- */

config_setting_t *setting_find(const config_setting_t *group, const char *name)
{
    return config_setting_get_member(group, name);
}

void group_check(struct reading *reading, const config_setting_t *group, const struct known_setting *known,
                 const char *kind)
{
    const char *names[32];
    size_t count = 0;
    for (const struct known_setting *k = known; k->name != NULL && count < 31; k++)
        if (kind == NULL || k->kind == NULL || strcmp(k->kind, kind) == 0)
            names[count++] = k->name;
    names[count] = NULL;
    for (int i = 0; i < config_setting_length(group); i++) {
        const config_setting_t *setting = config_setting_get_elem(group, (unsigned)i);
        const char *name = config_setting_name(setting);
        const struct known_setting *k = known;
        while (k->name != NULL && strcmp(k->name, name) != 0)
            k++;
        if (k->name != NULL && (kind == NULL || k->kind == NULL || strcmp(k->kind, kind) == 0))
            continue;
        if (k->name != NULL) {
            error_advice(mistake_at(reading, setting, "does not go with kind = \"%s\"", kind),
                         "leave it out, or use kind = \"%s\"", k->kind);
            continue;
        }
        /* Its value is not the mistake, and may be a password under a name with a slip. */
        struct error *error = mistake_at(reading, setting, "is not a setting");
        struct config_place place = setting_place(reading, setting);
        char words[WORDS_MAX];
        error_found(error, "%s:%d: %.60s", place.file, place.line, name);
        const char *near = near_miss(name, names);
        if (near != NULL)
            error_advice(error, "did you mean %s? Here may stand: %s", near, words_text(names, words));
        else
            error_advice(error, "here may stand: %s", words_text(names, words));
    }
}

bool is_group(struct reading *reading, const config_setting_t *setting, const char *example)
{
    if (config_setting_is_group(setting))
        return true;
    error_advice(mistake_at(reading, setting, "is not a group"), "a group, as in %s", example);
    return false;
}

config_setting_t *group_find(struct reading *reading, const config_setting_t *group, const char *name,
                             const char *example)
{
    config_setting_t *setting = setting_find(group, name);
    return setting != NULL && is_group(reading, setting, example) ? setting : NULL;
}

config_setting_t *list_find(struct reading *reading, const config_setting_t *group, const char *name,
                            const char *example)
{
    config_setting_t *setting = setting_find(group, name);
    if (setting == NULL || config_setting_is_list(setting) || config_setting_is_array(setting))
        return setting;
    error_advice(mistake_at(reading, setting, "is not a list"), "a list, as in %s", example);
    return NULL;
}

/* --- values --- */

enum outcome text_read(struct reading *reading, const config_setting_t *group, const char *name, const char *example,
                       const char **text)
{
    const config_setting_t *setting = setting_find(group, name);
    if (setting == NULL)
        return ABSENT;
    if (config_setting_type(setting) != CONFIG_TYPE_STRING) {
        error_advice(mistake_at(reading, setting, "is not a text"), "a text in double quotes, as in %s = \"%s\";", name,
                     example);
        return BAD;
    }
    if (*config_setting_get_string(setting) == '\0') {
        error_advice(mistake_at(reading, setting, "is empty"), "a text, as in %s = \"%s\"; or leave %s out", name,
                     example, name);
        return BAD;
    }
    *text = config_memory_text(reading->memory, config_setting_get_string(setting));
    return GOOD;
}

static const struct wrapped_integer *wrapped_integer(const struct reading *reading, const config_setting_t *setting)
{
    int type = config_setting_type(setting);
    if (type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64)
        return NULL;
    struct config_place place = setting_place(reading, setting);
    long long stored = config_setting_get_int64(setting);
    for (size_t i = 0; i < reading->wrapped_count; i++) {
        const struct wrapped_integer *wrapped = &reading->wrapped[i];
        bool same = stored == (int32_t)(uint32_t)(uint64_t)wrapped->value;
        if (type == CONFIG_TYPE_INT64) /* it had an L, or this libconfig needs none: right but beyond 64 bits */
            same = wrapped->beyond_64 && stored == wrapped->value;
        if (same && wrapped->place.line == place.line && strcmp(wrapped->place.file, place.file) == 0)
            return wrapped;
    }
    return NULL;
}

bool integer_is_whole(struct reading *reading, const config_setting_t *setting)
{
    const struct wrapped_integer *wrapped = wrapped_integer(reading, setting);
    if (wrapped == NULL)
        return true;
    if (wrapped->beyond_64)
        error_advice(mistake_at(reading, setting, "is beyond 64 bits"), "a smaller number");
    else if (secret(setting))
        error_advice(mistake_at(reading, setting, "is beyond 32 bits"), "end it with an L");
    else
        error_advice(mistake_at(reading, setting, "is beyond 32 bits, and would be read as another number"),
                     "write %sL", wrapped->literal);
    return false;
}

enum outcome integer_read(struct reading *reading, const config_setting_t *group, const char *name, int64_t least,
                          int64_t most, int64_t *value)
{
    const config_setting_t *setting = setting_find(group, name);
    if (setting == NULL)
        return ABSENT;
    int type = config_setting_type(setting);
    if (type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64) {
        error_advice(mistake_at(reading, setting, "is not a whole number"),
                     "a whole number from %" PRId64 " to %" PRId64 ", without quotes", least, most);
        return BAD;
    }
    int64_t number = config_setting_get_int64(setting);
    const struct wrapped_integer *wrapped = wrapped_integer(reading, setting);
    if (wrapped != NULL && wrapped->value >= least && wrapped->value <= most) {
        (void)integer_is_whole(reading, setting);
        return BAD;
    }
    if (wrapped != NULL || number < least || number > most) {
        error_advice(mistake_at(reading, setting, "is out of range"), "a whole number from %" PRId64 " to %" PRId64,
                     least, most);
        return BAD;
    }
    *value = number;
    return GOOD;
}

/* `zero`: 0 is good too, and what it means; or NULL. */
static enum outcome read_duration(struct reading *reading, const config_setting_t *group, const char *name,
                                  int64_t least_ms, int64_t most_ms, const char *zero, int64_t *ms)
{
    const config_setting_t *setting = setting_find(group, name);
    if (setting == NULL)
        return ABSENT;
    char least[DURATION_TEXT_MAX], most[DURATION_TEXT_MAX];
    (void)duration_text(least_ms, least);
    (void)duration_text(most_ms, most);
    int type = config_setting_type(setting);
    int64_t length = 0;
    enum duration_result result = DURATION_NOT;
    if (type == CONFIG_TYPE_STRING)
        result = duration_parse(config_setting_get_string(setting), &length);
    else if (type == CONFIG_TYPE_FLOAT)
        result = duration_from_seconds(config_setting_get_float(setting), &length);
    else if (wrapped_integer(reading, setting) != NULL)
        result = DURATION_TOO_LONG;
    else if (type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64)
        result = duration_from_seconds((double)config_setting_get_int64(setting), &length);
    struct error *error;
    if (result == DURATION_NO_UNIT) {
        error = mistake_at(reading, setting, "has no unit");
        error_advice(error, "\"%sms\", \"%ss\", \"%sm\", \"%sh\" or \"%sd\"; seconds may also stand without quotes",
                     config_setting_get_string(setting), config_setting_get_string(setting),
                     config_setting_get_string(setting), config_setting_get_string(setting),
                     config_setting_get_string(setting));
    } else if (result == DURATION_NOT) {
        error = mistake_at(reading, setting, "is not a duration");
        error_advice(error,
                     "seconds, as 300 or 0.5, or a text with one unit: \"250ms\", \"30s\", \"5m\", \"1h\", \"7d\"");
    } else if (result == DURATION_TOO_FINE) {
        error = mistake_at(reading, setting, "is finer than a millisecond");
        error_advice(error, "whole milliseconds, from \"%s\" to \"%s\"", least, most);
    } else if (result == DURATION_TOO_LONG || ((length < least_ms || length > most_ms) && (zero == NULL || length != 0))) {
        error = mistake_at(reading, setting, "is out of range");
        error_advice(error, "from \"%s\" to \"%s\"%s%s", least, most, zero == NULL ? "" : ", or ",
                     zero == NULL ? "" : zero);
    } else {
        *ms = length;
        return GOOD;
    }
    return BAD;
}

enum outcome duration_read(struct reading *reading, const config_setting_t *group, const char *name, int64_t least_ms,
                           int64_t most_ms, int64_t *ms)
{
    return read_duration(reading, group, name, least_ms, most_ms, NULL, ms);
}

enum outcome duration_or_zero_read(struct reading *reading, const config_setting_t *group, const char *name,
                                   int64_t least_ms, int64_t most_ms, const char *zero, int64_t *ms)
{
    return read_duration(reading, group, name, least_ms, most_ms, zero, ms);
}

enum outcome flag_read(struct reading *reading, const config_setting_t *group, const char *name, bool *flag)
{
    const config_setting_t *setting = setting_find(group, name);
    if (setting == NULL)
        return ABSENT;
    if (config_setting_type(setting) != CONFIG_TYPE_BOOL) {
        error_advice(mistake_at(reading, setting, "is neither true nor false"), "%s = true; or %s = false;", name, name);
        return BAD;
    }
    *flag = config_setting_get_bool(setting) != 0;
    return GOOD;
}

enum outcome choice_read(struct reading *reading, const config_setting_t *group, const char *name,
                         const char *const *words, int *choice)
{
    const config_setting_t *setting = setting_find(group, name);
    if (setting == NULL)
        return ABSENT;
    char allowed[WORDS_MAX];
    size_t used = 0;
    for (size_t i = 0; words[i] != NULL && used < sizeof allowed; i++)
        used += (size_t)snprintf(allowed + used, sizeof allowed - used, "%s\"%s\"",
                                 i == 0                 ? ""
                                 : words[i + 1] == NULL ? " or "
                                                        : ", ",
                                 words[i]);
    if (config_setting_type(setting) != CONFIG_TYPE_STRING) {
        error_advice(mistake_at(reading, setting, "is not a text"), "one of %s", allowed);
        return BAD;
    }
    const char *word = config_setting_get_string(setting);
    for (int i = 0; words[i] != NULL; i++) {
        if (strcmp(words[i], word) == 0) {
            *choice = i;
            return GOOD;
        }
    }
    const char *near = near_miss(word, words);
    struct error *error = mistake_at(reading, setting, "is none that Shoplane knows");
    if (near != NULL)
        error_advice(error, "did you mean \"%s\"? It is one of %s", near, allowed);
    else
        error_advice(error, "one of %s", allowed);
    return BAD;
}

bool name_check(struct reading *reading, const config_setting_t *setting, const char *name)
{
    size_t size = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");
    if (name[size] == '\0' && size >= 1 && size <= 32)
        return true;
    error_advice(mistake_at(reading, setting, "can't be a name"),
                 "1 to 32 of the small letters a-z, the digits 0-9 and _: names become parts of Redis keys");
    return false;
}
