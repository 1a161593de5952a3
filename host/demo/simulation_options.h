/* simulation_options.h - the options that `generate` and `produce --live` share. */
#ifndef DEMO_SIMULATION_OPTIONS_H
#define DEMO_SIMULATION_OPTIONS_H

#include "demo/simulation.h"

#include <getopt.h>

/* For the tail of a getopt_long table; their values are above those of letters. */
enum { SIMULATION_SEED = 1000, SIMULATION_RATE, SIMULATION_SHOPPERS, SIMULATION_LATE, SIMULATION_DUPLICATES, SIMULATION_BOTS,
       SIMULATION_DIRTY, SIMULATION_FORMAT };
#define SIMULATION_LONG_OPTIONS                                                                                       \
    {"seed", required_argument, NULL, SIMULATION_SEED}, {"rate", required_argument, NULL, SIMULATION_RATE},           \
        {"shoppers", required_argument, NULL, SIMULATION_SHOPPERS}, {"late", required_argument, NULL, SIMULATION_LATE}, \
        {"duplicates", required_argument, NULL, SIMULATION_DUPLICATES},                                               \
        {"bots", required_argument, NULL, SIMULATION_BOTS}, {"dirty", required_argument, NULL, SIMULATION_DIRTY},     \
        {"format", required_argument, NULL, SIMULATION_FORMAT}

extern const char simulation_help[];

/* False: wrong, and it has been said why; or not one of ours (nothing is said). */
bool simulation_option(struct simulation_options *options, int option, const char *value);

#endif
