/* log.c - see log.h. A line is put together on the stack and handed to standard error whole. The level and the fields of a
 * log_limit are the only shared state, and they are atomic: two threads at the end of an interval race for the right to
 * speak, and one of them wins. */
#include "base/log.h"

#include "base/standard_error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define LINE_MAX_BYTES 2048

struct line {
    char text[LINE_MAX_BYTES];
    size_t size;
    bool cut;
};

static enum log_level highest = LOG_LEVEL_INFO;

void log_level_set(enum log_level level) { __atomic_store_n(&highest, level, __ATOMIC_RELAXED); }

static bool wanted(enum log_level level) { return level <= __atomic_load_n(&highest, __ATOMIC_RELAXED); }

__attribute__((format(printf, 2, 0))) static void line_add_list(struct line *line, const char *format,
                                                                va_list arguments)
{
    size_t room = sizeof line->text - line->size;
    int size = vsnprintf(line->text + line->size, room, format, arguments);
    if (size < 0)
        return;
    line->cut = line->cut || (size_t)size >= room;
    line->size = (size_t)size >= room ? sizeof line->text - 1 : line->size + (size_t)size;
}

__attribute__((format(printf, 2, 3))) static void line_add(struct line *line, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    line_add_list(line, format, arguments);
    va_end(arguments);
}

static void line_begin(struct line *line, enum log_level level)
{
    static const char *const words[] = {"error", "warning", "info", "debug"};
    struct timespec now;
    struct tm utc;
    line->size = 0;
    line->cut = false;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)gmtime_r(&now.tv_sec, &utc);
    line->size = strftime(line->text, sizeof line->text, "%Y-%m-%dT%H:%M:%S", &utc);
    line_add(line, ".%03dZ shoplane: %s: ", (int)(now.tv_nsec / 1000000), words[level]);
}

static void line_end(struct line *line)
{
    for (size_t i = 0; i < line->size; i++)
        if ((unsigned char)line->text[i] < 0x20 || line->text[i] == 0x7f)
            line->text[i] = ' ';
    if (line->cut)
        memcpy(line->text + line->size - 3, "...", 3);
    line->text[line->size++] = '\n'; /* takes the place of the zero */
    (void)standard_error_put(line->text, line->size);
}

#define LOG_LINE(level)                          \
    do {                                         \
        if (!wanted(level))                      \
            break;                               \
        int saved = errno;                       \
        struct line line;                        \
        va_list arguments;                       \
        line_begin(&line, level);                \
        va_start(arguments, format);             \
        line_add_list(&line, format, arguments); \
        va_end(arguments);                       \
        line_end(&line);                         \
        errno = saved;                           \
    } while (0)

void log_error(const char *format, ...) { LOG_LINE(LOG_LEVEL_ERROR); }

void log_warn(const char *format, ...) { LOG_LINE(LOG_LEVEL_WARN); }

void log_info(const char *format, ...) { LOG_LINE(LOG_LEVEL_INFO); }

void log_debug(const char *format, ...) { LOG_LINE(LOG_LEVEL_DEBUG); }

void log_problem(enum log_level level, const struct error *error)
{
    if (!wanted(level))
        return;
    int saved = errno;
    struct line line;
    line_begin(&line, level);
    line_add(&line, "%s", error->what);
    if (error->found[0] != '\0')
        line_add(&line, "; found: %s", error->found);
    if (error->advice[0] != '\0')
        line_add(&line, "; do this: %s", error->advice);
    line_end(&line);
    errno = saved;
}

/* Whether this thread may speak now; *held is then how many could not before. */
static bool limit_passes(struct log_limit *limit, uint64_t *held)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    int64_t now_ms = (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
    int64_t next_ms = __atomic_load_n(&limit->next_ms, __ATOMIC_RELAXED);
    if ((next_ms != 0 && now_ms < next_ms) ||
        !__atomic_compare_exchange_n(&limit->next_ms, &next_ms, now_ms + limit->every_ms, false, __ATOMIC_RELAXED,
                                     __ATOMIC_RELAXED)) {
        __atomic_add_fetch(&limit->held, 1, __ATOMIC_RELAXED);
        return false;
    }
    *held = __atomic_exchange_n(&limit->held, 0, __ATOMIC_RELAXED);
    return true;
}

void log_limited(struct log_limit *limit, enum log_level level, const char *format, ...)
{
    uint64_t held = 0;
    if (!wanted(level))
        return;
    int saved = errno;
    if (limit_passes(limit, &held)) {
        struct line line;
        va_list arguments;
        line_begin(&line, level);
        va_start(arguments, format);
        line_add_list(&line, format, arguments);
        va_end(arguments);
        if (held != 0)
            line_add(&line, " (and %llu more like it before)", (unsigned long long)held);
        line_end(&line);
    }
    errno = saved;
}
