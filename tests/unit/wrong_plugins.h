/* wrong_plugins.h - where the plugins of tests/plugins/wrong are: beside the test programs. And errors, compared whole. */
#ifndef TESTS_WRONG_PLUGINS_H
#define TESTS_WRONG_PLUGINS_H

#include "base/error.h"
#include "base/memory.h"

#include <libgen.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static inline char *wrong_plugins(void)
{
    char program[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    assert_true(length > 0);
    program[length] = '\0';
    return memory_format("%s/wrong_plugins", dirname(program));
}

/* Is a file of this name mapped into the process, a plugin's copy in memory? Its path begins with "/memfd:NAME-". */
static inline bool plugin_is_mapped(const char *name)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[PATH_MAX + 200], *wanted = memory_format("/memfd:%s-", name);
    bool found = false;
    while (fgets(line, sizeof line, maps) != NULL)
        found = found || strstr(line, wanted) != NULL;
    (void)fclose(maps);
    free(wanted);
    return found;
}

static inline void error_is(const struct error *error, const char *what, const char *found, const char *advice)
{
    assert_string_equal(error->what, what);
    assert_string_equal(error->found, found);
    assert_string_equal(error->advice, advice);
}

#endif
