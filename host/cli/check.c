/* check.c - `shoplane check`: would this configuration start? Nothing is connected or written. */
#include "cli/command.h"
#include "cli/setup.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

static const char usage[] = "shoplane check [--config FILE]\n\n"
                            "Reads the configuration, loads the plugins it names, gives them their settings and binds them,\n"
                            "as `run` would; says what would run, or every mistake. Starts nothing. Status 0: it is fine.\n";

static void print_lane(const struct set_lane *lane)
{
    (void)printf("lane %s %s: %s\n", lane->table->name, lane->table->version, lane->table->summary);
    for (size_t w = 0; w < lane->window_count; w++) {
        const struct window_settings *window = &lane->windows[w].settings;
        if (window->session)
            (void)printf("  session window: gap %.3g s, at most %.6g s, emit %.3g s, ttl %lld s\n",
                         (double)window->gap_ms / 1000, (double)window->max_ms / 1000, (double)window->emit_ms / 1000,
                         (long long)window->ttl_s);
        else
            (void)printf("  window %s: %.6g s, emit %.3g s, ttl %lld s\n", window->name, (double)window->length_ms / 1000,
                         (double)window->emit_ms / 1000, (long long)window->ttl_s);
    }
    for (size_t f = 0; f < lane->feature_count; f++)
        for (size_t w = 0; w < lane->window_count; w++)
            (void)printf("  writes %s{%s}%s\n", lane->key_prefix, lane->table->key == SL_KEY_USER ? "id" : "sid",
                         lane->windows[w].suffixes[f].data);
}

int command_check(int argc, char **argv)
{
    static const struct option known[] = {{"config", required_argument, NULL, 'c'}, {"help", no_argument, NULL, 'h'}, {0}};
    const char *named = NULL;
    for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        if (option == 'h') {
            (void)fputs(usage, stdout);
            return 0;
        }
        if (option != 'c')
            return command_usage("check", "that option is not known");
        named = optarg;
    }
    if (optind < argc)
        return command_usage("check", "\"%s\" is one word too many; the file goes behind --config", argv[optind]);
    char *path = setup_config_path(named);
    struct config *config;
    struct lane_set *set;
    (void)setup_read(path, &config, &set);
    for (size_t i = 0; set != NULL && i < set->lane_count; i++)
        print_lane(&set->lanes[i]);
    if (set != NULL)
        (void)printf("%s is fine: %zu lanes, plugins from %s\n", path, set->lane_count, set->folder);
    int status = set == NULL ? 2 : 0;
    lane_set_free(set);
    config_free(config);
    free(path);
    return status;
}
