/* project.c - see project.h. */
#include "cli/project.h"

#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int project_run(const char *const *words, const char *package)
{
    int status, failed[2] = {-1, -1};
    if (pipe(failed) != 0)
        return -1;
    (void)fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        (void)close(failed[0]);
        if (fcntl(failed[1], F_SETFD, FD_CLOEXEC) == 0)
            (void)execvp(words[0], (char *const *)(uintptr_t)words);
        int reason = errno;
        (void)!write(failed[1], &reason, sizeof reason);
        _exit(127);
    }
    (void)close(failed[1]);
    int reason = errno;
    bool started = child > 0 && read(failed[0], &reason, sizeof reason) != (ssize_t)sizeof reason;
    (void)close(failed[0]);
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    if (started)
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    (void)fprintf(stderr, "shoplane: %s can't be started: %s\n  do this  apt-get install %s\n", words[0], strerror(reason), package);
    return -1;
}

bool project_fail(struct error *error, const char *what, const char *path, const char *advice)
{
    error_what(error, "%s: %s", what, strerror(errno));
    error_found(error, "%s", path);
    error_advice(error, "%s", advice);
    return false;
}

bool project_write(const char *path, const char *text, struct error *error)
{
    FILE *file = fopen(path, "wxe");
    if (file == NULL)
        return project_fail(error, "a file can't be made", path, "choose another place with --folder");
    bool good = fwrite(text, 1, strlen(text), file) == strlen(text);
    if (fclose(file) != 0 || !good)
        return project_fail(error, "a file can't be written", path, "look for a full disk");
    return true;
}

void project_print(const struct findings *findings)
{
    for (size_t i = 0; i < findings->count; i++) {
        const struct finding *finding = &findings->items[i];
        (void)printf("  %s %s: %s\n", finding->weight == FINDING_REFUSES ? "refused" : "warning", finding->id, finding->error.what);
        if (finding->error.found[0] != '\0')
            (void)printf("    found    %s\n", finding->error.found);
        if (finding->error.advice[0] != '\0')
            (void)printf("    do this  %s\n", finding->error.advice);
    }
}

bool project_check(const char *path)
{
    struct plugin_elf elf;
    struct findings findings = {0};
    size_t size;
    free(plugin_file_check(path, &size, &elf, &findings));
    bool good = findings_refusal(&findings) == NULL;
    project_print(&findings);
    findings_free(&findings);
    return good;
}

char **project_plugins(void)
{
    char **paths = memory_new(sizeof *paths);
    size_t count = 0;
    for (enum plugin_kind kind = 0; kind < PLUGIN_KINDS; kind++) {
        char **names = plugin_file_list(PROJECT_PLUGINS, kind);
        for (char **name = names; *name != NULL; name++) {
            paths = memory_resize(paths, (count + 2) * sizeof *paths);
            paths[count++] = memory_format(PROJECT_PLUGINS "/%s/%s.so", plugin_kind_folder(kind), *name);
            paths[count] = NULL;
        }
        free(names);
    }
    return paths;
}
