/* plugin_check.c - `shoplane plugin check`: what the file of a plugin says of itself, before anything of it runs. */
#include "cli/command.h"
#include "cli/project.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

static const char usage[] =
    "shoplane plugin check [FILE.so ...]\n\n"
    "Looks into the files without running anything of them: the SDK they were built for, what they export and need, code that\n"
    "would run when they are loaded, libraries, and who may write to them and their folders. The host refuses by the same\n"
    "findings. What only shows when its tables are read `shoplane plugins` says; what it does, its cases (`shoplane plugin test`) and\n"
    "`shoplane plugin validate`. Without names: all in build/plugins of the current folder.\n\n"
    "Exit status: 0 nothing refuses them, 1 something does.\n";

/* True: it would be loaded, as far as this tells. */
static bool check(const char *path)
{
    struct plugin_elf elf;
    struct findings findings = {0};
    size_t size = 0;
    char *bytes = plugin_file_check(path, &size, &elf, &findings);
    bool good = findings_refusal(&findings) == NULL;
    (void)printf("%s: ", path);
    if (elf.has_note)
        (void)printf("SDK %u.%u, ", elf.sdk_major, elf.sdk_minor);
    if (bytes != NULL)
        (void)printf("%zu bytes%s, ", size, elf.instrumented ? ", built with a sanitizer or for coverage" : "");
    (void)printf("%s\n", !good ? "REFUSED" : findings.count > 0 ? "good, with warnings" : "good");
    project_print(&findings);
    findings_free(&findings);
    free(bytes);
    return good;
}

int command_plugin_check(int argc, char **argv)
{
    static const struct option known[] = {{"help", no_argument, NULL, 'h'}, {0}};
    for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        if (option != 'h')
            return command_usage("plugin check", "that option is not known");
        (void)fputs(usage, stdout);
        return 0;
    }
    char **paths = optind == argc ? project_plugins() : NULL, **first = paths != NULL ? paths : argv + optind;
    int status = 0;
    if (*first == NULL)
        status = command_usage("plugin check", "there is no plugin in " PROJECT_PLUGINS ": name the files to look at");
    for (char **path = first; *path != NULL; path++) {
        if (!check(*path))
            status = 1;
        if (paths != NULL)
            free(*path);
    }
    free(paths);
    return status;
}
