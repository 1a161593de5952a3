/* simulation_options.c - see simulation_options.h. */
#include "demo/simulation_options.h"

#include "demo/options.h"

const char simulation_help[] =
    "The simulated shop:\n"
    "  --rate N           events per (simulated) second; default 50\n"
    "  --shoppers N       how many people there are; default: as many as the rate needs, at least 1000.\n"
    "                     Few shoppers and a high rate make them think faster.\n"
    "  --seed N           another number, another stream; default 1\n"
    "  --late SHARE       of events that arrive minutes, hours or days late; default 1%\n"
    "  --duplicates SHARE of events that are delivered twice (same event_id); default 1%\n"
    "  --bots SHARE       of events by crawlers; default 2%\n"
    "  --dirty SHARE      of lines that are broken, each a copy of the good line before it; default 0.\n"
    "                     Those that a reader may still accept belong to the user dirty-shopper.\n"
    "  --format tsv|json  enriched TSV of 131 columns, or the live-shopper accelerator's JSON; default tsv\n";

bool simulation_option(struct simulation_options *options, int option, const char *value)
{
    int64_t number;
    switch (option) {
    case SIMULATION_SEED:
        if (!option_integer("--seed", value, 0, INT64_MAX, &number))
            return false;
        options->seed = (uint64_t)number;
        return true;
    case SIMULATION_RATE: return option_number("--rate", value, 0.01, 10e6, &options->rate);
    case SIMULATION_SHOPPERS:
        if (!option_integer("--shoppers", value, 1, 4000000, &number))
            return false;
        options->shoppers = (uint32_t)number;
        return true;
    case SIMULATION_LATE: return option_share("--late", value, &options->late);
    case SIMULATION_DUPLICATES: return option_share("--duplicates", value, &options->duplicates);
    case SIMULATION_BOTS: return option_share("--bots", value, &options->bots);
    case SIMULATION_DIRTY: return option_share("--dirty", value, &options->dirty);
    case SIMULATION_FORMAT:
        options->format = strcmp(value, "json") == 0 ? FORMAT_JSON : FORMAT_TSV;
        if (strcmp(value, "json") == 0 || strcmp(value, "tsv") == 0)
            return true;
        usage_error("--format is not known", value, "give tsv or json");
        return false;
    default: return false;
    }
}
