/* produce.c - `shoplane-demo produce`: a recorded stream, or simulated shoppers in real time, into a Kafka topic.
 *
 * The pace is kept on the monotonic clock: each message has a due time, which grows by the (divided, limited) gap to the
 * message before it, so that a slow moment is caught up and no error adds up. */
#include "base/time.h"
#include "demo/commands.h"
#include "demo/lines.h"
#include "demo/options.h"
#include "demo/sender.h"
#include "demo/simulation_options.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static const char help[] =
    "shoplane-demo produce - events into a Kafka topic\n"
    "\n"
    "  shoplane-demo produce FILE   [options]   a recorded stream: enriched TSV or the accelerator's JSON; - : standard input\n"
    "  shoplane-demo produce --live [options]   simulated shoppers, now\n"
    "\n"
    "  --brokers LIST     bootstrap servers; default 127.0.0.1:9092\n"
    "  --topic NAME       default snowplow-enriched-good\n"
    "  --partitions N     create the topic with N partitions if it is not there\n"
    "  --key none|user|session  message key; default none, as Enrich does by default (partitions at random)\n"
    "  -X NAME=VALUE      any setting of librdkafka, as often as needed\n"
    "\n"
    "A recorded stream:\n"
    "  --speed N|max      times the original pace, which is that of collector_tstamp; default 1\n"
    "  --max-gap TIME     wait no longer than this between two events; default: as long as it takes\n"
    "  --now              move all times so that the first event arrives now and the others keep their distance\n"
    "  --loop [N]         again and again, or N times in all; later rounds are later in time and have other event ids\n"
    "\n"
    "Simulated shoppers:\n"
    "  --seconds N        how long; default: until interrupted\n"
    "%s"
    "\n"
    "Examples:\n"
    "  shoplane-demo produce --live --rate 200 --partitions 8\n"
    "  shoplane-demo produce day.tsv --speed 60\n"
    "  shoplane-demo produce visit.jsonl --now --max-gap 2s --loop\n"
    "  shoplane-demo generate --events 100000 | shoplane-demo produce - --speed max -X compression.codec=lz4\n";

static volatile sig_atomic_t stopped;
static void on_signal(int signal)
{
    (void)signal;
    stopped = 1;
}

struct production {
    struct sender_options to;
    enum message_key key;
    const char *path; /* NULL: live */
    double speed;     /* 0: as fast as it goes */
    int64_t max_gap_ms, seconds_ms;
    int64_t rounds;   /* 0: without end */
    bool now;
    struct simulation_options simulated;

    struct sender *sender;
    int64_t due_ns; /* of the next message */
    int64_t shown_ms;
    bool terminal;
};

static int64_t monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void show_progress(struct production *production)
{
    int64_t now_ms = monotonic_ns() / 1000000;
    if (!production->terminal || now_ms - production->shown_ms < 1000)
        return;
    production->shown_ms = now_ms;
    const struct sender_counts *counts = sender_counts(production->sender);
    (void)fprintf(stderr, "\r%llu sent, %llu delivered, %llu failed ", (unsigned long long)counts->sent,
                  (unsigned long long)counts->delivered, (unsigned long long)counts->failed);
}

/* Until the message is due, serving delivery reports meanwhile. */
static void wait_until_due(struct production *production)
{
    for (int64_t rest_ns; !stopped && (rest_ns = production->due_ns - monotonic_ns()) > 500000;) {
        sender_poll(production->sender, rest_ns > 100000000 ? 100 : (int)((rest_ns + 999999) / 1000000));
        show_progress(production);
    }
}

static bool send(struct production *production, struct bytes message)
{
    show_progress(production);
    return sender_send(production->sender, message_key(message, production->key), message, &stopped);
}

/* One pass over a file. */
struct round {
    int64_t first_ms, last_ms; /* arrivals; first_ms < 0: none seen */
};

static bool play(struct production *production, struct lines *lines, uint32_t number, int64_t *shift_s, struct round *round)
{
    struct buffer moved = {0};
    struct bytes line;
    *round = (struct round){-1, -1};
    bool more = true;
    while (more && lines_next(lines, &line)) {
        int64_t arrival_ms;
        if (message_arrival(line, &arrival_ms)) {
            if (round->first_ms < 0) {
                round->first_ms = round->last_ms = arrival_ms;
                if (production->now && number == 0)
                    *shift_s = (time_wall_ms() - arrival_ms) / 1000;
            }
            int64_t gap_ms = arrival_ms > round->last_ms ? arrival_ms - round->last_ms : 0;
            round->last_ms += gap_ms;
            double wait_ms = production->speed == 0 ? 0 : (double)gap_ms / production->speed;
            if (wait_ms > (double)production->max_gap_ms)
                wait_ms = (double)production->max_gap_ms;
            production->due_ns += (int64_t)(wait_ms * 1e6);
        }
        if (production->speed != 0)
            wait_until_due(production);
        if (*shift_s != 0 || number != 0) {
            message_move(&moved, line, *shift_s, number);
            line = (struct bytes){moved.data, moved.size};
        }
        more = !stopped && send(production, line);
    }
    buffer_free(&moved);
    return more;
}

/* Returns the exit status. */
static int play_file(struct production *production, struct lines *lines)
{
    int64_t shift_s = 0;
    struct round round = {-1, -1};
    int status = 0;
    for (uint32_t number = 0; production->rounds == 0 || number < production->rounds; number++) {
        if (number != 0) {
            if (!lines_rewind(lines)) {
                status = usage_error("a pipe can be read only once", production->path, "give a file's name for --loop");
                break;
            }
            shift_s += (round.last_ms - round.first_ms) / 1000 + 1;
            production->due_ns += production->speed == 0 ? 0 : (int64_t)(1e9 / production->speed);
        }
        if (!play(production, lines, number, &shift_s, &round))
            break;
        if (lines->failed) {
            status = system_error("the file can't be read", production->path);
            break;
        }
        if (round.first_ms < 0 && production->rounds == 0)
            break; /* nothing in it: there is no use in going on without end */
    }
    return status;
}

static void play_live(struct production *production)
{
    int64_t began_ns = production->due_ns;
    production->simulated.start_ms = time_wall_ms();
    struct simulation *simulation = simulation_new(&production->simulated);
    for (;;) {
        struct simulated event = simulation_next(simulation);
        int64_t after_ms = event.arrival_ms - production->simulated.start_ms;
        if (production->seconds_ms != 0 && after_ms >= production->seconds_ms)
            break;
        production->due_ns = began_ns + after_ms * 1000000;
        wait_until_due(production);
        if (stopped || !send(production, (struct bytes){event.data, event.size}))
            break;
    }
    simulation_free(simulation);
}

static int produce(struct production *production)
{
    struct error error = {0};
    struct lines lines = {0};
    if (production->path != NULL && !lines_open(&lines, production->path))
        return system_error("the file can't be read", production->path);
    production->sender = sender_new(&production->to, &error);
    if (production->sender == NULL)
        return usage_error(error.what, error.found, error.advice), 1;
    struct sigaction action = {.sa_handler = on_signal};
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    production->terminal = isatty(STDERR_FILENO) == 1;
    int64_t began_ns = production->due_ns = monotonic_ns();
    int status = 0;
    if (production->path == NULL)
        play_live(production);
    else
        status = play_file(production, &lines);
    if (production->path != NULL)
        lines_close(&lines);

    struct sender_counts counts;
    sender_finish(production->sender, stopped ? 5000 : 30000, &counts);
    double seconds = (double)(monotonic_ns() - began_ns) / 1e9;
    (void)fprintf(stderr, "%s%llu messages, %.1f MB in %.1f s (%.0f/s): %llu delivered, %llu failed%s%s\n",
                  production->terminal ? "\r\033[K" : "", (unsigned long long)counts.sent, (double)counts.bytes / 1e6, seconds,
                  (double)counts.sent / (seconds > 0 ? seconds : 1), (unsigned long long)counts.delivered,
                  (unsigned long long)counts.failed, counts.failed != 0 ? ": " : "", counts.last_failure);
    return status != 0 ? status : counts.failed != 0;
}

static bool key_option(const char *text, enum message_key *key)
{
    static const char *const names[] = {[KEY_NONE] = "none", [KEY_USER] = "user", [KEY_SESSION] = "session"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(text, names[i]) == 0) {
            *key = (enum message_key)i;
            return true;
        }
    }
    usage_error("--key is not known", text, "give none, user or session");
    return false;
}

int command_produce(int argc, char **argv)
{
    enum { BROKERS = 1, TOPIC, PARTITIONS, KEY, SPEED, MAX_GAP, NOW, LOOP, LIVE, SECONDS, HELP, SETTINGS_MAX = 64 };
    static const struct option options[] = {
        {"brokers", required_argument, NULL, BROKERS}, {"topic", required_argument, NULL, TOPIC},
        {"partitions", required_argument, NULL, PARTITIONS}, {"key", required_argument, NULL, KEY},
        {"speed", required_argument, NULL, SPEED}, {"max-gap", required_argument, NULL, MAX_GAP}, {"now", no_argument, NULL, NOW},
        {"loop", optional_argument, NULL, LOOP}, {"live", no_argument, NULL, LIVE}, {"seconds", required_argument, NULL, SECONDS},
        {"help", no_argument, NULL, HELP}, SIMULATION_LONG_OPTIONS, {0},
    };
    const char *settings[SETTINGS_MAX + 1] = {0};
    size_t setting_count = 0;
    struct production production = {
        .to = {"127.0.0.1:9092", "snowplow-enriched-good", 0, settings},
        .speed = 1,
        .max_gap_ms = INT64_MAX,
        .rounds = 1,
        .simulated = simulation_defaults,
    };
    bool live = false;
    for (int option; (option = getopt_long(argc, argv, "hX:", options, NULL)) != -1;) {
        bool good = true;
        int64_t number = 0;
        switch (option) {
        case BROKERS: production.to.brokers = optarg; break;
        case TOPIC: production.to.topic = optarg; break;
        case PARTITIONS:
            good = option_integer("--partitions", optarg, 1, 10000, &number);
            production.to.partitions = (int)number;
            break;
        case KEY: good = key_option(optarg, &production.key); break;
        case SPEED:
            production.speed = 0;
            good = strcmp(optarg, "max") == 0 || option_number("--speed", optarg, 1e-6, 1e9, &production.speed);
            break;
        case MAX_GAP: good = option_duration("--max-gap", optarg, &production.max_gap_ms); break;
        case NOW: production.now = true; break;
        case LOOP: {
            const char *count = optarg;
            bool numeric = optind < argc && argv[optind][0] != '\0' && strspn(argv[optind], "0123456789") == strlen(argv[optind]);
            if (count == NULL && numeric)
                count = argv[optind++]; /* --loop 3, besides --loop=3 */
            production.rounds = 0;
            good = count == NULL || option_integer("--loop", count, 1, UINT32_MAX, &production.rounds);
            break;
        }
        case LIVE: live = true; break;
        case SECONDS: good = option_duration("--seconds", optarg, &production.seconds_ms); break;
        case 'X':
            if (setting_count == SETTINGS_MAX)
                return usage_error("too many settings of librdkafka", optarg, "give at most 64");
            settings[setting_count++] = optarg;
            break;
        case 'h':
        case HELP: (void)printf(help, simulation_help); return 0;
        case '?': return 2;
        default: good = simulation_option(&production.simulated, option, optarg);
        }
        if (!good)
            return 2;
    }
    if (live == (optind < argc) || argc - optind > 1)
        return usage_error("produce needs one source", live ? "--live and a file" : argc - optind > 1 ? "several files" : "none",
                           "give the name of one file, or - for standard input, or --live");
    production.path = live ? NULL : argv[optind];
    return produce(&production);
}
