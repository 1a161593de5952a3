/* command.c - what the commands share in reading their arguments: see command.h. */
#include "cli/command.h"

#include "snowplow/timestamp.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool command_time(const char *text, int64_t *ms)
{
    if (timestamp_read((sl_view){text, strlen(text)}, ms))
        return true;
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || number > 253402300799999 || number < -62135596800000)
        return false;
    *ms = number;
    return true;
}

bool command_number(const char *option, const char *text, int64_t least, int64_t most, int64_t *number)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno == 0 && end != text && *end == '\0' && value >= least && value <= most) {
        *number = value;
        return true;
    }
    (void)fprintf(stderr, "shoplane: --%s takes a whole number from %lld to %lld, not \"%s\"\n", option,
                  (long long)least, (long long)most, text);
    return false;
}

int command_usage(const char *command, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)fprintf(stderr, "shoplane %s: ", command);
    (void)vfprintf(stderr, format, arguments);
    va_end(arguments);
    (void)fprintf(stderr, "\n  do this  shoplane %s --help\n", command);
    return 2;
}
