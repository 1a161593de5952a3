/* main.c - the program `shoplane`: one command a word. */
#include "base/hash.h"
#include "base/standard_error.h"
#include "cli/command.h"
#include "cli/crash.h"
#include "cli/parse.h"
#include "cli/restart.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct {
    const char *name, *summary;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"run", "read events from Kafka and keep features fresh in Redis, until stopped", command_run},
    {"replay", "run files of events through the same lanes, event time driving the clock", command_replay},
    {"parse", "enriched events in, the analytics SDK's JSON out", command_parse},
    {"check", "check a configuration and the plugins it names; start nothing", command_check},
    {"state", "durable state: what is there, is it whole; a copy of it, and back", command_state},
    {"features", "what a shopper, or another key, has now", command_features},
    {"explain", "which records stand behind a value, when each leaves, and what it will be then", command_explain},
    {"audit", "how the running host's comparison of itself with Redis goes", command_audit},
    {"cost", "what each plugin of the running host costs: calls, time, share", command_cost},
    {"diff", "how shadows differ from what they stand beside", command_diff},
    {"reload", "the running host takes up the configuration and plugins that are installed now", command_reload},
    {"plugin", "for who writes plugins: each of its words", command_plugin},
    {"plugins", "what the plugins offer: lanes, values, features, parameters", command_plugins},
};
#define COMMANDS (sizeof commands / sizeof commands[0])

static int help(FILE *out, int status)
{
    (void)fprintf(out, "shoplane %s - features of live shoppers, from Snowplow events\n\n"
                       "  shoplane COMMAND [OPTIONS]     shoplane COMMAND --help tells more\n\n",
                  SHOPLANE_VERSION);
    for (size_t i = 0; i < COMMANDS; i++)
        (void)fprintf(out, "  %-9s %s\n", commands[i].name, commands[i].summary);
    (void)fprintf(out, "\nTry it:\n"
                       "  shoplane-demo generate --events 1000 > day.tsv     a simulated shop\n"
                       "  shoplane replay day.tsv --final > features.jsonl   its shoppers' features\n"
                       "  shoplane check --config shoplane.conf              before `run`\n\n"
                       "The configuration is --config FILE, else $SHOPLANE_CONFIG, else the installed shoplane.conf.\n");
    return status;
}

static int command(int argc, char **argv)
{
    if (argc < 2)
        return help(stderr, 2);
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0)
        return help(stdout, 0);
    if (strcmp(argv[1], "--version") == 0) {
        (void)printf("shoplane %s\n", SHOPLANE_VERSION);
        return 0;
    }
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    (void)fprintf(stderr, "shoplane: there is no command \"%s\"\n\n", argv[1]);
    return help(stderr, 2);
}

/* A file that is opened later must not become standard error: lines of the log would be written into it. */
static void open_standard_streams(void)
{
    for (int number = 0; number <= STDERR_FILENO; number++)
        if (fcntl(number, F_GETFD) < 0 && open("/dev/null", number == STDIN_FILENO ? O_RDONLY : O_WRONLY) < 0)
            break;
}

static int say_unwritten(void)
{
    (void)fprintf(stderr, "shoplane: standard output can't be written: %s\n  do this  look for a full disk\n", strerror(errno));
    return 1;
}

int main(int argc, char **argv)
{
    open_standard_streams();
    restart_prepare(argv);
    hash_secret_make();
    int status = command(argc, argv);
    if ((fflush(stdout) != 0 || ferror(stdout)) && status == 0)
        status = say_unwritten();
    (void)standard_error_drain();
    crash_ending();
    return status;
}
