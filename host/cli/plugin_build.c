/* plugin_build.c - `shoplane plugin build`: CMake and the compiler, with the SDK that belongs to this host; then a look at what
 * came out. */
#include "base/memory.h"
#include "base/program.h"
#include "cli/command.h"
#include "cli/project.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "shoplane plugin build [FOLDER] [OPTIONS]\n\n"
    "Builds the plugins of a folder, the current one by default, into its build/plugins: what `cmake -S . -B build` and\n"
    "`cmake --build build` do, with the SDK that was installed with this program. Then looks into each file, as\n"
    "`shoplane plugin check` does.\n\n"
    "  --sanitize   with AddressSanitizer and UndefinedBehaviorSanitizer, into build-sanitize: for `shoplane plugin validate`,\n"
    "               and for a host that was built so\n";

/* The package installed with this program; NULL: CMake finds it. */
static char *sdk_package(void)
{
    static const char *const near[] = {"../" SHOPLANE_PACKAGE_SUBFOLDER};
    return program_near(near, 1);
}

static int look_at_all(const char *plugins)
{
    int status = 0;
    size_t count = 0;
    for (enum plugin_kind kind = 0; kind < PLUGIN_KINDS; kind++) {
        char **names = plugin_file_list(plugins, kind);
        for (char **name = names; *name != NULL; name++, count++) {
            char *path = memory_format("%s/%s/%s.so", plugins, plugin_kind_folder(kind), *name);
            (void)printf("built %s\n", path);
            status = project_check(path) ? status : 1;
            free(path);
        }
        free(names);
    }
    if (count > 0)
        return status;
    (void)fprintf(stderr, "shoplane: no plugin came out\n  found    nothing in %s\n"
                          "  do this  name each in CMakeLists.txt: shoplane_add_plugin(lane NAME NAME.c)\n", plugins);
    return 1;
}

static int build(const char *folder, bool sanitize)
{
    char *into = memory_format("%s/%s", folder, sanitize ? "build-sanitize" : "build"), *plugins = memory_format("%s/plugins", into);
    char *lists = memory_format("%s/CMakeLists.txt", folder), *package = sdk_package();
    char *where = memory_format("-DShoplaneSDK_DIR=%s", package == NULL ? "" : package);
    int status = 2;
    if (access(lists, R_OK) != 0) {
        (void)fprintf(stderr, "shoplane: this is no plugin's folder\n  found    no file %s\n"
                              "  do this  go into it, or make one: shoplane plugin new lane NAME\n", lists);
    } else {
        const char *configure[] = {"cmake", "-S", folder, "-B", into, "-Wno-dev", "--log-level=NOTICE",
                                   sanitize ? "-DSHOPLANE_SANITIZE=address,undefined" : "-DSHOPLANE_SANITIZE=",
                                   package == NULL ? NULL : where, NULL};
        const char *make[] = {"cmake", "--build", into, NULL};
        status = project_run(configure, "cmake gcc make") == 0 && project_run(make, "cmake gcc make") == 0 ? look_at_all(plugins) : 1;
    }
    free(where);
    free(package);
    free(lists);
    free(plugins);
    free(into);
    return status;
}

int command_plugin_build(int argc, char **argv)
{
    static const struct option known[] = {{"sanitize", no_argument, NULL, 's'}, {"help", no_argument, NULL, 'h'}, {0}};
    bool sanitize = false;
    for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        if (option == 'h') {
            (void)fputs(usage, stdout);
            return 0;
        }
        if (option != 's')
            return command_usage("plugin build", "that option is not known");
        sanitize = true;
    }
    if (argc - optind > 1)
        return command_usage("plugin build", "it takes one folder");
    return build(optind < argc ? argv[optind] : ".", sanitize);
}
