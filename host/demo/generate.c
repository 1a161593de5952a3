/* generate.c - `shoplane-demo generate`: simulated events into a file or to standard output. */
#include "base/time.h"
#include "demo/commands.h"
#include "demo/options.h"
#include "demo/simulation_options.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static const char help[] =
    "shoplane-demo generate - simulated shoppers of an online shop, as Snowplow events\n"
    "\n"
    "  shoplane-demo generate [--events N | --duration TIME] [--output FILE] [options]\n"
    "\n"
    "One event a line, in order of arrival (collector_tstamp); event times are out of order by seconds, some by hours.\n"
    "The same options give the same bytes.\n"
    "\n"
    "  --events N         lines to write; default 10000\n"
    "  --duration TIME    simulated time to write instead: 90s, 15m, 25h\n"
    "  --start TIME       of the first arrivals, UTC; default \"2025-06-02 08:00:00\"; now\n"
    "  --output FILE      default: standard output\n"
    "  --summary          say on standard error what was written: events of each kind, late, twice, broken\n"
    "\n"
    "%s"
    "\n"
    "Examples:\n"
    "  shoplane-demo generate --events 1000 | head -1 | tr '\\t' '\\n' | cat -n\n"
    "  shoplane-demo generate --duration 25h --rate 5 --shoppers 2000 --output day.tsv --summary\n"
    "  shoplane-demo generate --events 1000000 --rate 5000 --output bench.tsv\n"
    "  shoplane-demo generate --events 5000 --dirty 10%% --output dirty.tsv\n";

static bool write_all(int file, const struct buffer *buffer)
{
    for (size_t done = 0; done < buffer->size;) {
        ssize_t count = write(file, buffer->data + done, buffer->size - done);
        if (count < 0 && errno != EINTR)
            return false;
        done += count < 0 ? 0 : (size_t)count;
    }
    return true;
}

static void summary(const struct simulation *simulation, uint64_t bytes, int64_t took_ms)
{
    const struct simulation_counts *counts = simulation_counts(simulation);
    uint64_t rendered = 0;
    for (int kind = 0; kind < EVENT_KINDS; kind++)
        rendered += counts->kinds[kind];
    (void)fprintf(stderr, "%llu lines, %.1f MB, mean %llu bytes, %llu broken; %.1f s, %.0f lines/s\n",
                  (unsigned long long)counts->lines, (double)bytes / 1e6,
                  (unsigned long long)(counts->lines == 0 ? 0 : bytes / counts->lines), (unsigned long long)counts->dirty,
                  (double)took_ms / 1e3, (double)counts->lines * 1e3 / (double)(took_ms == 0 ? 1 : took_ms));
    (void)fprintf(stderr, "of the events simulated: %llu visits, %llu late, %llu sent twice, %.1f%% by bots\n",
                  (unsigned long long)counts->visits, (unsigned long long)counts->late, (unsigned long long)counts->duplicates,
                  (double)counts->bots * 100 / (double)(rendered == 0 ? 1 : rendered));
    for (int kind = 0; kind < EVENT_KINDS; kind++) {
        const struct event_class *class = &event_classes[kind];
        (void)fprintf(stderr, "  %5.1f%%  %s\n", (double)counts->kinds[kind] * 100 / (double)(rendered == 0 ? 1 : rendered),
                      class->type != NULL ? class->type : class->name);
    }
}

/* Until `events` lines, or with events < 0 until arrivals pass `until_ms`. False: could not write. */
static bool run(struct simulation *simulation, int file, int64_t events, int64_t until_ms, bool progress, uint64_t *bytes)
{
    enum { CHUNK = 1 << 20 };
    struct buffer out = {0};
    bool written = true;
    int64_t said_ms = time_wall_ms();
    int64_t lines = 0;
    for (; written && (events < 0 || lines < events); lines++) {
        struct simulated line = simulation_next(simulation);
        if (events < 0 && line.arrival_ms >= until_ms)
            break;
        buffer_put(&out, line.data, line.size);
        buffer_byte(&out, '\n');
        *bytes += line.size + 1;
        if (out.size >= CHUNK) {
            written = write_all(file, &out);
            buffer_reset(&out);
            if (progress && time_wall_ms() - said_ms > 1000) {
                said_ms = time_wall_ms();
                (void)fprintf(stderr, "\r%lld events, %.0f MB ", (long long)lines, (double)*bytes / 1e6);
            }
        }
    }
    if (written)
        written = write_all(file, &out);
    if (progress)
        (void)fprintf(stderr, "\r\033[K");
    buffer_free(&out);
    return written;
}

int command_generate(int argc, char **argv)
{
    enum { EVENTS = 1, DURATION, START, OUTPUT, SUMMARY, HELP };
    static const struct option options[] = {
        {"events", required_argument, NULL, EVENTS}, {"duration", required_argument, NULL, DURATION},
        {"start", required_argument, NULL, START},   {"output", required_argument, NULL, OUTPUT},
        {"summary", no_argument, NULL, SUMMARY},     {"help", no_argument, NULL, HELP},
        SIMULATION_LONG_OPTIONS,                     {0},
    };
    struct simulation_options simulated = simulation_defaults;
    int64_t events = 10000, duration_ms = 0;
    const char *output = NULL;
    bool summarize = false;
    for (int option; (option = getopt_long(argc, argv, "ho:", options, NULL)) != -1;) {
        bool good = true;
        switch (option) {
        case EVENTS:
            good = option_integer("--events", optarg, 0, INT64_MAX, &events);
            duration_ms = 0;
            break;
        case DURATION:
            good = option_duration("--duration", optarg, &duration_ms);
            events = -1;
            break;
        case START: good = option_time("--start", optarg, &simulated.start_ms); break;
        case 'o':
        case OUTPUT: output = optarg; break;
        case SUMMARY: summarize = true; break;
        case 'h':
        case HELP: (void)printf(help, simulation_help); return 0;
        case '?': return 2;
        default: good = simulation_option(&simulated, option, optarg);
        }
        if (!good)
            return 2;
    }
    if (optind < argc)
        return usage_error("generate takes no file names", argv[optind], "use --output FILE, or see generate --help");

    int file = output == NULL ? STDOUT_FILENO : open(output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (file < 0)
        return system_error("the output can't be opened", output);
    struct simulation *simulation = simulation_new(&simulated);
    uint64_t bytes = 0;
    int64_t began_ms = time_wall_ms();
    bool written = run(simulation, file, events, simulated.start_ms + duration_ms, isatty(STDERR_FILENO) == 1, &bytes);
    int error = errno;
    if (output != NULL && close(file) != 0 && written) {
        written = false;
        error = errno;
    }
    if (summarize)
        summary(simulation, bytes, time_wall_ms() - began_ms);
    simulation_free(simulation);
    if (written || (error == EPIPE && output == NULL))
        return 0;
    errno = error;
    return system_error("the events could not be written", output == NULL ? "standard output" : output);
}
