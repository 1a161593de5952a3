/* main.c - shoplane-demo: everything around Shoplane that is not production - simulated shoppers, a producer, an embedded
 * broker, a console to watch features. One command a file; this one only chooses. */
#include "demo/commands.h"
#include "demo/watch.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

static const struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *what;
} commands[] = {
    {"generate", command_generate, "simulated shoppers' events into a file"},
    {"produce", command_produce, "a recorded stream, or shoppers in real time, into Kafka"},
    {"broker", command_broker, "a Kafka broker in memory, for trying things out"},
    {"watch", command_watch, "features of shoppers as they change in Redis"},
};

static void help(FILE *out)
{
    (void)fprintf(out, "shoplane-demo %s - a shop to try Shoplane with\n\n  shoplane-demo COMMAND [options]\n\n", SHOPLANE_VERSION);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        (void)fprintf(out, "  %-9s  %s\n", commands[i].name, commands[i].what);
    (void)fprintf(out, "\nEach command explains itself: shoplane-demo generate --help\n");
}

int main(int argc, char **argv)
{
    (void)signal(SIGPIPE, SIG_IGN);
    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0)) {
        help(stdout);
        return 0;
    }
    if (argc > 1 && strcmp(argv[1], "--version") == 0) {
        (void)printf("shoplane-demo %s\n", SHOPLANE_VERSION);
        return 0;
    }
    for (size_t i = 0; argc > 1 && i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    }
    if (argc > 1)
        (void)fprintf(stderr, "shoplane-demo: there is no command \"%s\"\n\n", argv[1]);
    help(stderr);
    return 2;
}
