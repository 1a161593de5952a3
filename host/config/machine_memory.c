/* machine_memory.c - see machine_memory.h. */
#include "config/machine_memory.h"

#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int64_t machine_memory(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    return pages <= 0 || size <= 0 ? 0 : (int64_t)pages * size;
}

/* The number in the file, if it has one: without a limit version 2 says "max". */
static bool read_limit(const char *path, int64_t *limit)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    bool good = fscanf(file, "%" SCNd64, limit) == 1 && *limit > 0;
    (void)fclose(file);
    return good;
}

/* `group` and all above it, up to the mount itself. */
static int64_t lowest_limit(const char *mount, const char *group, const char *name, int64_t lowest)
{
    char folder[PATH_MAX], path[PATH_MAX + 64];
    if (snprintf(folder, sizeof folder, "%s%s", mount, group) >= (int)sizeof folder || strstr(group, "/..") != NULL)
        (void)snprintf(folder, sizeof folder, "%.1024s", mount); /* outside of what is mounted */
    for (;;) {
        int64_t limit;
        (void)snprintf(path, sizeof path, "%s/%s", folder, name);
        if (read_limit(path, &limit) && (lowest == 0 || limit < lowest))
            lowest = limit;
        char *slash = strrchr(folder, '/');
        if (slash == NULL || slash < folder + strlen(mount))
            return lowest;
        *slash = '\0';
    }
}

/* "a,memory,b" holds "memory". */
static bool lists_memory(const char *controllers)
{
    const size_t size = sizeof "memory" - 1;
    for (const char *at = controllers; (at = strstr(at, "memory")) != NULL; at += size)
        if ((at == controllers || at[-1] == ',') && (at[size] == '\0' || at[size] == ','))
            return true;
    return false;
}

int64_t group_memory(const char *groups, const char *mount, int64_t machine)
{
    char line[PATH_MAX], memory_mount[PATH_MAX];
    int64_t lowest = machine;
    FILE *file = fopen(groups, "re");
    (void)snprintf(memory_mount, sizeof memory_mount, "%.1024s/memory", mount);
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = '\0'; /* NUMBER:CONTROLLERS:/GROUP, without controllers in version 2 */
        char *controllers = strchr(line, ':');
        char *group = controllers == NULL ? NULL : strchr(controllers + 1, ':');
        if (group == NULL)
            continue;
        *group++ = '\0';
        controllers++;
        if (*controllers == '\0')
            lowest = lowest_limit(mount, group, "memory.max", lowest);
        else if (lists_memory(controllers))
            lowest = lowest_limit(memory_mount, group, "memory.limit_in_bytes", lowest);
    }
    if (file != NULL)
        (void)fclose(file);
    return lowest;
}
