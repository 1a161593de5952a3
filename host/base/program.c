/* program.c - see program.h. */
#include "base/program.h"

#include "base/memory.h"

#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

char *program_near(const char *const *paths, size_t count)
{
    char program[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    if (length <= 0)
        return NULL;
    program[length] = '\0';
    const char *folder = dirname(program);
    for (size_t i = 0; i < count; i++) {
        char *candidate = memory_format("%s/%s", folder, paths[i]);
        if (access(candidate, R_OK) == 0)
            return candidate;
        free(candidate);
    }
    return NULL;
}
