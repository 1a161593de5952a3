/* case_file.c - see case_file.h. */
#include "testhost/case_file.h"

#include "base/memory.h"
#include "config/duration.h"
#include "config/file_text.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 4000 /* of a line */
#define TIMES_MAX 1000000 /* events of one line */

/* The words of a line: separated by blanks, but for those inside of name="...". They point into `text`, which is changed. */
struct words {
    char *text, *items[WORDS_MAX];
    size_t count;
};

static void split(struct words *words, const char *line)
{
    char *at = words->text = memory_text(line);
    words->count = 0;
    while (*at != '\0' && words->count < WORDS_MAX) {
        while (isspace((unsigned char)*at))
            at++;
        if (*at == '\0')
            break;
        words->items[words->count++] = at;
        for (bool quoted = false; *at != '\0' && (quoted || !isspace((unsigned char)*at)); at++) {
            if (quoted && *at == '\\' && at[1] != '\0')
                at++;
            else if (*at == '"' && (quoted || (at > words->items[words->count - 1] && at[-1] == '=')))
                quoted = !quoted;
        }
        if (*at != '\0')
            *at++ = '\0';
    }
}

static bool wrong(struct error *error, const char *what, const char *detail, const char *advice)
{
    error_what(error, "%s: %s", what, detail);
    error_advice(error, "%s", advice);
    return false;
}

/* One more item at the end of an array that is `count` long. */
static void *grow(void *array, size_t *count, size_t size)
{
    char *grown = memory_resize(array, (*count + 1) * size);
    memset(grown + *count * size, 0, size);
    ++*count;
    return grown;
}

/* "name=value" as a setting: numbers, true and false as they are, all else as text. */
static bool put_setting(struct buffer *out, const char *word, struct error *error)
{
    const char *equals = strchr(word, '=');
    if (equals == NULL || equals == word)
        return wrong(error, "this is no setting", word, "NAME=VALUE");
    const char *value = equals + 1;
    char *end;
    bool bare = strcmp(value, "true") == 0 || strcmp(value, "false") == 0;
    if (!bare && (isdigit((unsigned char)*value) || *value == '-')) {
        (void)strtod(value, &end);
        bare = *end == '\0';
    }
    buffer_printf(out, "%.*s = ", (int)(equals - word), word);
    if (*value == '"' || bare)
        buffer_put(out, value, strlen(value));
    else
        buffer_json_text(out, value, strlen(value));
    buffer_literal(out, "; ");
    return true;
}

static char *settings_text(char *const *words, size_t count, const char *before, struct error *error)
{
    struct buffer out = {0};
    buffer_put(&out, before, strlen(before));
    for (size_t i = 0; i < count; i++)
        if (!put_setting(&out, words[i], error)) {
            buffer_free(&out);
            return NULL;
        }
    buffer_byte(&out, '\0');
    return out.data;
}

static char **names_of(char *const *words, size_t count)
{
    char **names = memory_new((count + 1) * sizeof *names);
    for (size_t i = 0; i < count; i++)
        names[i] = memory_text(words[i]);
    return names;
}

static size_t find_word(const struct words *words, size_t from, const char *word)
{
    while (from < words->count && strcmp(words->items[from], word) != 0)
        from++;
    return from;
}

/* lane NAME [PARAM=VALUE ...] windows NAME ... metrics NAME ... */
static bool read_lane(struct case_file *file, int line, const struct words *words, struct error *error)
{
    size_t windows = find_word(words, 1, "windows"), metrics = find_word(words, windows, "metrics");
    if (words->count < 2 || windows + 1 >= metrics || metrics + 1 >= words->count)
        return wrong(error, "this line does not say what runs", words->count < 2 ? "" : words->items[1],
                     "lane NAME [PARAM=VALUE ...] windows 5m 1h metrics NAME ...");
    char *params = settings_text(words->items + 2, windows - 2, "", error);
    if (params == NULL)
        return false;
    file->lanes = grow(file->lanes, &file->lane_count, sizeof *file->lanes);
    file->lanes[file->lane_count - 1] = (struct case_lane){.line = line,
                                                           .name = memory_text(words->items[1]),
                                                           .params = params,
                                                           .windows = names_of(words->items + windows + 1, metrics - windows - 1),
                                                           .window_count = metrics - windows - 1,
                                                           .metrics = names_of(words->items + metrics + 1, words->count - metrics - 1),
                                                           .metric_count = words->count - metrics - 1};
    return true;
}

static bool read_window(struct case_file *file, const struct words *words, struct error *error)
{
    char *settings = words->count < 2 ? NULL : settings_text(words->items + 2, words->count - 2, "", error);
    if (settings == NULL)
        return words->count >= 2 ? false : wrong(error, "this names no window", "window", "window 5m emit=10s ttl=1h");
    file->windows = grow(file->windows, &file->window_count, sizeof *file->windows);
    file->windows[file->window_count - 1] = (struct case_window){memory_text(words->items[1]), settings};
    return true;
}

static bool read_source(struct case_file *file, const struct words *words, struct error *error)
{
    char *settings = settings_text(words->items + 1, words->count - 1, file->source, error);
    if (settings == NULL)
        return false;
    free(file->source);
    file->source = settings;
    return true;
}

/* {n} in a word of an event that there are many of. */
static char *filled(const char *word, size_t n)
{
    struct buffer out = {0};
    for (const char *mark; (mark = strstr(word, "{n}")) != NULL; word = mark + 3) {
        buffer_put(&out, word, (size_t)(mark - word));
        buffer_printf(&out, "%04zu", n);
    }
    buffer_put(&out, word, strlen(word) + 1);
    return out.data;
}

static bool add_event(struct case_file *file, int line, const char *text, int64_t time_ms, char *const *words, size_t count, size_t n,
                      struct error *error)
{
    struct buffer message = {0};
    char **own = memory_new((count + 1) * sizeof *own);
    for (size_t i = 0; i < count; i++)
        own[i] = n == 0 ? memory_text(words[i]) : filled(words[i], n);
    if (time_ms > file->newest_ms)
        file->newest_ms = time_ms;
    bool good = case_event_line(&file->schemas, time_ms, file->newest_ms, file->event_count + 1, own[0], own + 1, count - 1, &message,
                                error);
    for (size_t i = 0; i < count; i++)
        free(own[i]);
    free(own);
    if (!good) {
        buffer_free(&message);
        return false;
    }
    buffer_byte(&message, '\0');
    file->events = grow(file->events, &file->event_count, sizeof *file->events);
    file->events[file->event_count - 1] = (struct case_event){line, memory_text(text), message.data};
    return true;
}

/* at TIME [xCOUNT every DURATION] EVENT [FIELD=VALUE ...] */
static bool read_at(struct case_file *file, int line, const char *text, const struct words *words, struct error *error)
{
    int64_t time_ms, every_ms = 0;
    size_t first = 2;
    long times = 1;
    if (words->count < 3 || !case_time(words->items[1], &time_ms))
        return wrong(error, "this is no time of the day", words->count < 2 ? "" : words->items[1], "at 12:00:00 EVENT ..., or 12:00:00.250");
    const char *many = words->items[2];
    if (*many == 'x' && isdigit((unsigned char)many[1])) {
        times = strtol(many + 1, NULL, 10);
        first = 5;
        if (words->count < 6 || strcmp(words->items[3], "every") != 0 || times < 1 || times > TIMES_MAX ||
            duration_parse(words->items[4], &every_ms) != DURATION_GOOD)
            return wrong(error, "this does not say how often", text, "at TIME x100 every 1s EVENT ...");
    }
    for (long n = 1; n <= times; n++, time_ms += every_ms)
        if (!add_event(file, line, text, time_ms, words->items + first, words->count - first, times > 1 ? (size_t)n : 0, error))
            return false;
    return true;
}

static void add_check(struct case_expect *expect, int line, const char *text)
{
    expect->checks = grow(expect->checks, &expect->check_count, sizeof *expect->checks);
    expect->checks[expect->check_count - 1] = (struct case_check){line, memory_text(text)};
}

static const char *after_word(const char *text)
{
    text += strcspn(text, " \t");
    return text + strspn(text, " \t");
}

/* expect TIME|end [live] [CHECK] */
static bool read_expect(struct case_file *file, int line, const char *text, struct error *error)
{
    char when[CASE_TIME_MAX] = "";
    const char *rest = after_word(text);
    (void)snprintf(when, sizeof when, "%.*s", (int)strcspn(rest, " \t"), rest);
    rest = after_word(rest);
    struct case_expect expect = {.line = line, .end = strcmp(when, "end") == 0, .events = file->event_count};
    if (!expect.end && !case_time(when, &expect.time_ms))
        return wrong(error, "this is no time of the day", when, "expect 12:00:00, or expect end");
    if (!expect.end && expect.time_ms < file->newest_ms)
        return wrong(error, "the clock can't be before the newest event", when, "that event's time, or later");
    if (strncmp(rest, "live", 4) == 0 && (rest[4] == '\0' || isspace((unsigned char)rest[4]))) {
        expect.live = true;
        rest = after_word(rest);
    }
    file->expects = grow(file->expects, &file->expect_count, sizeof *file->expects);
    file->expects[file->expect_count - 1] = expect;
    if (*rest != '\0')
        add_check(&file->expects[file->expect_count - 1], line, rest);
    return true;
}

static bool read_line(struct case_file *file, int number, const char *text, struct error *error)
{
    char word[16];
    (void)snprintf(word, sizeof word, "%.*s", (int)strcspn(text, " \t"), text);
    struct case_expect *last = file->expect_count == 0 ? NULL : &file->expects[file->expect_count - 1];
    if (strcmp(word, "expect") == 0)
        return read_expect(file, number, text, error);
    if (strcmp(word, "entity") == 0 || strcmp(word, "event") == 0)
        return case_schemas_add(&file->schemas, word[1] == 'v', after_word(text), error);
    struct words *words = memory_new(sizeof *words);
    split(words, text);
    bool good = strcmp(word, "lane") == 0     ? read_lane(file, number, words, error)
                : strcmp(word, "window") == 0 ? read_window(file, words, error)
                : strcmp(word, "source") == 0 ? read_source(file, words, error)
                : strcmp(word, "at") == 0     ? read_at(file, number, text, words, error)
                                              : false;
    bool known = strcmp(word, "lane") == 0 || strcmp(word, "window") == 0 || strcmp(word, "source") == 0 || strcmp(word, "at") == 0;
    free(words->text);
    free(words);
    if (known)
        return good;
    if (last == NULL || last->events != file->event_count)
        return wrong(error, "a line begins with a word that means nothing here", word,
                     "lane, window, source, entity, event, at or expect");
    add_check(last, number, text);
    return true;
}

static bool has_window(const struct case_file *file, const char *name)
{
    for (size_t i = 0; i < file->lane_count; i++)
        for (size_t w = 0; w < file->lanes[i].window_count; w++)
            if (strcmp(file->lanes[i].windows[w], name) == 0)
                return true;
    return false;
}

/* *line: where what is wrong stands; 0: nowhere in particular. */
static bool check_whole(const struct case_file *file, int *line, struct error *error)
{
    if (file->lane_count == 0 || file->expect_count == 0) {
        error_what(error, "a case needs a lane and an expectation");
        error_advice(error, "lane NAME windows 5m metrics NAME; at TIME EVENT ...; expect TIME KEY = VALUE");
        return false;
    }
    for (size_t i = 0; i < file->expect_count; i++)
        if (file->expects[i].check_count == 0) {
            *line = file->expects[i].line;
            return wrong(error, "this expects nothing of what is there", "expect",
                         "KEY = VALUE, absent KEY or nothing, on this line or the next ones");
        }
    size_t looked_at = file->expects[file->expect_count - 1].events;
    if (looked_at < file->event_count) {
        *line = file->events[looked_at].line;
        return wrong(error, "nothing is expected after this event", file->events[looked_at].text,
                     "an `expect` below it, or take it out");
    }
    for (size_t i = 0; i < file->window_count; i++)
        if (!has_window(file, file->windows[i].name))
            return wrong(error, "no lane has this window", file->windows[i].name, "one that a `lane` line names");
    return true;
}

struct case_file *case_file_read(const char *path, struct error *error)
{
    struct error reason;
    size_t size;
    char *text = file_text_read(path, &size, &reason);
    if (text == NULL) {
        *error = reason;
        return NULL;
    }
    struct case_file *file = memory_new(sizeof *file);
    file->path = memory_text(path);
    file->source = memory_text("");
    case_schemas_begin(&file->schemas);
    int number = 0;
    bool good = true;
    for (char *line = text, *next; good && line != NULL; line = next) {
        next = strchr(line, '\n');
        if (next != NULL)
            *next++ = '\0';
        number++;
        line += strspn(line, " \t\r");
        size_t length = strlen(line);
        while (length > 0 && isspace((unsigned char)line[length - 1]))
            line[--length] = '\0';
        if (length > 0 && *line != '#')
            good = read_line(file, number, line, error);
    }
    free(text);
    if (good) {
        number = 0;
        good = check_whole(file, &number, error);
    }
    if (good)
        return file;
    if (number > 0)
        error_found(error, "%s:%d", path, number);
    else
        error_found(error, "%s", path);
    case_file_free(file);
    return NULL;
}

static void free_names(char **names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(names[i]);
    free(names);
}

void case_file_free(struct case_file *file)
{
    if (file == NULL)
        return;
    for (size_t i = 0; i < file->lane_count; i++) {
        free(file->lanes[i].name);
        free(file->lanes[i].params);
        free_names(file->lanes[i].windows, file->lanes[i].window_count);
        free_names(file->lanes[i].metrics, file->lanes[i].metric_count);
    }
    for (size_t i = 0; i < file->window_count; i++) {
        free(file->windows[i].name);
        free(file->windows[i].settings);
    }
    for (size_t i = 0; i < file->event_count; i++) {
        free(file->events[i].text);
        free(file->events[i].message);
    }
    for (size_t i = 0; i < file->expect_count; i++) {
        for (size_t c = 0; c < file->expects[i].check_count; c++)
            free(file->expects[i].checks[c].text);
        free(file->expects[i].checks);
    }
    case_schemas_free(&file->schemas);
    free(file->lanes);
    free(file->windows);
    free(file->events);
    free(file->expects);
    free(file->source);
    free(file->path);
    free(file);
}

static void put_window(const struct case_file *file, const char *name, struct buffer *out)
{
    const char *settings = "";
    for (size_t i = 0; i < file->window_count; i++)
        if (strcmp(file->windows[i].name, name) == 0)
            settings = file->windows[i].settings;
    bool session = strcmp(name, "session") == 0;
    buffer_printf(out, "{ name = \"%s\"; ", name);
    if (session && strstr(settings, "gap = ") == NULL)
        buffer_literal(out, "gap = \"30m\"; ");
    if (!session && strstr(settings, "gap = ") == NULL && strstr(settings, "length = ") == NULL)
        buffer_printf(out, "length = \"%s\"; ", name);
    buffer_printf(out, "%s}", settings);
}

void case_file_config(const struct case_file *file, const char *plugins, const char *events, struct buffer *out)
{
    buffer_literal(out, "plugins = ");
    buffer_json_text(out, plugins, strlen(plugins));
    buffer_literal(out, "; source: { kind = \"files\"; clock = \"event\"; files = [ ");
    buffer_json_text(out, events, strlen(events));
    buffer_printf(out, " ]; %s}; ", file->source);
    buffer_literal(out, "sink: { kind = \"null\"; }; lanes = (");
    int line = 1;
    for (size_t i = 0; i < file->lane_count; i++) {
        const struct case_lane *lane = &file->lanes[i];
        for (; line < lane->line; line++)
            buffer_byte(out, '\n');
        buffer_printf(out, "  { lane = \"%s\"; params = { %s}; windows = ( ", lane->name, lane->params);
        for (size_t w = 0; w < lane->window_count; w++) {
            buffer_put(out, ", ", w > 0 ? 2 : 0);
            put_window(file, lane->windows[w], out);
        }
        buffer_literal(out, " ); metrics = ( ");
        for (size_t m = 0; m < lane->metric_count; m++)
            buffer_printf(out, "%s\"%s\"", m > 0 ? ", " : "", lane->metrics[m]);
        buffer_printf(out, " ); }%s", i + 1 < file->lane_count ? "," : "");
    }
    buffer_literal(out, " );\n");
}
