/* watch.c - `shoplane-demo watch`: a few shoppers' features as they change in Redis, what goes through the topic, and how
 * fresh features are.
 *
 * One loop: read the topic for a moment, send and look for probes, and now and then draw. On a terminal the screen is drawn
 * in place; elsewhere there is a line every two seconds. */
#include "demo/watch.h"

#include "base/time.h"
#include "demo/options.h"
#include "demo/watch_board.h"
#include "demo/watch_probe.h"
#include "demo/watch_traffic.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const char help[] =
    "shoplane-demo watch - features of shoppers as they change in Redis\n"
    "\n"
    "  shoplane-demo watch [options]\n"
    "\n"
    "Beside a host that runs: a few shoppers who are active now, with their features; events a second; feature writes a\n"
    "second; and freshness, measured by probes: product views of new shoppers (probe-...) are produced into the topic, and\n"
    "Redis is asked until their feature can be read; 0.3 s later each views the product again, and Redis is asked until the\n"
    "feature has changed.\n"
    "\n"
    "  --brokers LIST     bootstrap servers; default 127.0.0.1:9092\n"
    "  --topic NAME       default snowplow-enriched-good\n"
    "  --redis ADDRESS    HOST:PORT, HOST:PORT/DATABASE, or a socket's path; default 127.0.0.1:6379\n"
    "  --probes N         probes a second, 1 to 100; default 5. They are written to the topic\n"
    "  --seconds N        end after this; default: when interrupted\n"
    "  --plain            lines, on a terminal too\n"
    "\n"
    "Ends with a summary. Status 0: features arrived; 1: none did.\n";

static volatile sig_atomic_t stopped;
static void on_signal(int signal)
{
    (void)signal;
    stopped = 1;
}

struct watch {
    const char *brokers, *topic, *redis;
    int64_t probes_per_second, seconds_ms;
    bool screen;

    struct traffic *traffic;
    struct probes *probes;
    struct store *store;
    struct board *board;
    struct buffer out;

    uint64_t events;
    uint64_t writes_before, writes, keys; /* of Redis: when we began, now */
    bool counted;                         /* writes_before is known */
    bool reachable;                       /* Redis answered the last time */
    int64_t began_ms, shown_ms;
    uint64_t shown_events, shown_writes;
    double events_per_s, writes_per_s; /* of the last interval */
};

static void take(void *context, struct bytes message)
{
    struct watch *watch = context;
    watch->events++;
    board_event(watch->board, message);
}

/* Figures of the interval since the last time. */
static void measure(struct watch *watch, int64_t now_ms)
{
    double seconds = (double)(now_ms - watch->shown_ms) / 1000;
    uint64_t writes, keys;
    watch->reachable = store_counts(watch->store, &writes, &keys);
    if (watch->reachable) {
        if (!watch->counted || writes < watch->writes) /* the first time; or Redis was started again */
            watch->writes_before = watch->shown_writes = watch->writes = writes;
        watch->counted = true;
        watch->writes = writes;
        watch->keys = keys;
        watch->reachable = board_read(watch->board, watch->store);
    }
    if (seconds > 0) {
        watch->events_per_s = (double)(watch->events - watch->shown_events) / seconds;
        watch->writes_per_s = (double)(watch->writes - watch->shown_writes) / seconds;
    }
    watch->shown_events = watch->events;
    watch->shown_writes = watch->writes;
    watch->shown_ms = now_ms;
}

static void freshness_put(struct buffer *out, struct freshness freshness)
{
    if (freshness.back == 0)
        buffer_literal(out, "not measured yet");
    else
        buffer_printf(out, "p50 %.1f ms, p99 %.1f ms", freshness.p50_ms, freshness.p99_ms);
}

static void put(struct buffer *out)
{
    for (size_t done = 0; done < out->size;) {
        ssize_t count = write(STDOUT_FILENO, out->data + done, out->size - done);
        if (count < 0 && errno != EINTR) {
            stopped = 1; /* nobody looks any more */
            break;
        }
        done += count < 0 ? 0 : (size_t)count;
    }
    buffer_reset(out);
}

#define END_OF_LINE "\033[K\r\n"

static void show_screen(struct watch *watch)
{
    enum { LINES_AROUND = 10, FRESH = 600 };
    struct winsize size = {0};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        size = (struct winsize){.ws_row = 24, .ws_col = 80};
    struct buffer *out = &watch->out;
    struct freshness all = probes_freshness(watch->probes, PROBED_FIRST, 0),
                     now = probes_freshness(watch->probes, PROBED_FIRST, FRESH),
                     change = probes_freshness(watch->probes, PROBED_CHANGE, FRESH);
    board_resize(watch->board, size.ws_row > LINES_AROUND ? size.ws_row - LINES_AROUND : 1);

    buffer_literal(out, "\033[H");
    buffer_printf(out, "\033[1mShoplane\033[0m  %s, %d partitions -> Redis %.28s" END_OF_LINE,
                  traffic_is_embedded(watch->traffic) ? "embedded broker" : "Kafka", traffic_partitions(watch->traffic),
                  watch->redis);
    buffer_literal(out, END_OF_LINE);
    buffer_printf(out, "%8.0f events/s     %8.0f feature writes/s     %llu keys in Redis" END_OF_LINE, watch->events_per_s,
                  watch->writes_per_s, (unsigned long long)watch->keys);
    buffer_literal(out, "freshness  event produced -> value readable: \033[1m");
    freshness_put(out, now);
    buffer_literal(out, "\033[0m" END_OF_LINE "           its next event -> new value readable: \033[1m");
    freshness_put(out, change);
    buffer_printf(out, "\033[0m" END_OF_LINE "           last %llu of %llu probes, slowest %.1f ms, %llu lost" END_OF_LINE,
                  (unsigned long long)(all.back < FRESH ? all.back : FRESH), (unsigned long long)all.back,
                  now.max_ms > change.max_ms ? now.max_ms : change.max_ms, (unsigned long long)(all.lost + change.lost));
    if (watch->reachable)
        buffer_literal(out, END_OF_LINE);
    else
        buffer_printf(out, "\033[1mRedis does not answer: %.50s\033[0m" END_OF_LINE, store_problem(watch->store));
    board_draw(watch->board, out, size.ws_col, END_OF_LINE);
    int64_t seconds = (time_monotonic_ms() - watch->began_ms) / 1000;
    if (watch->seconds_ms > 0)
        buffer_printf(out, "%lld of %lld s; Ctrl-C ends it", (long long)seconds, (long long)(watch->seconds_ms / 1000));
    else
        buffer_printf(out, "%lld s; Ctrl-C ends it", (long long)seconds);
    buffer_literal(out, "\033[K\033[J");
    put(out);
}

static void show_line(struct watch *watch)
{
    struct buffer *out = &watch->out;
    struct freshness freshness = probes_freshness(watch->probes, PROBED_FIRST, 0),
                     change = probes_freshness(watch->probes, PROBED_CHANGE, 0);
    buffer_printf(out, "%3.0f s  %.0f events/s, %.0f feature writes/s, %llu keys; freshness ",
                  (double)(time_monotonic_ms() - watch->began_ms) / 1000, watch->events_per_s, watch->writes_per_s,
                  (unsigned long long)watch->keys);
    freshness_put(out, freshness);
    buffer_literal(out, ", of a change ");
    freshness_put(out, change);
    buffer_printf(out, " (%llu probes, %llu lost)\n", (unsigned long long)(freshness.back + change.back),
                  (unsigned long long)(freshness.lost + change.lost));
    if (!watch->reachable) {
        buffer_printf(out, "       Redis does not answer: %s\n", store_problem(watch->store));
    } else {
        size_t before = out->size;
        buffer_literal(out, "       ");
        if (board_newest(watch->board, out))
            buffer_byte(out, '\n');
        else
            out->size = before;
    }
    put(out);
}

static void print_freshness(const char *name, struct freshness freshness, const char *what)
{
    if (freshness.back > 0)
        (void)printf("%-11s p50 %.1f ms, p99 %.1f ms, max %.1f ms (%llu probes, %llu lost)\n"
                     "            %s\n",
                     name, freshness.p50_ms, freshness.p99_ms, freshness.max_ms, (unsigned long long)freshness.back,
                     (unsigned long long)freshness.lost, what);
    else
        (void)printf("%-11s not measured: %s\n", name,
                     freshness.start_ms >= 0 && freshness.sent == 0 ? "only the first probe came back" : "no probe came back");
}

/* Returns the exit status. */
static int summary(const struct watch *watch)
{
    double seconds = (double)(time_monotonic_ms() - watch->began_ms) / 1000;
    struct freshness freshness = probes_freshness(watch->probes, PROBED_FIRST, 0),
                     change = probes_freshness(watch->probes, PROBED_CHANGE, 0);
    uint64_t writes = watch->writes - watch->writes_before;
    (void)printf("events      %llu in %.1f s, %.0f/s; %llu of them probes\n", (unsigned long long)watch->events, seconds,
                 (double)watch->events / seconds, (unsigned long long)(freshness.sent + change.sent));
    (void)printf("features    %llu writes to Redis, %.0f/s; %llu keys in it\n", (unsigned long long)writes,
                 (double)writes / seconds, (unsigned long long)watch->keys);
    print_freshness("freshness", freshness, "event produced -> value readable in Redis");
    print_freshness("changes", change, "the same shopper's next event 0.3 s later -> new value readable");
    if (fflush(stdout) != 0)
        return 1;
    return writes > 0 && freshness.start_ms >= 0 ? 0 : 1;
}

/* Terminal: its cursor is hidden and another page shown, until the end. */
static void screen_begin(const struct watch *watch)
{
    if (watch->screen)
        (void)!write(STDOUT_FILENO, "\033[?1049h\033[?25l\033[2J", strlen("\033[?1049h\033[?25l\033[2J"));
}
static void screen_end(const struct watch *watch)
{
    if (watch->screen)
        (void)!write(STDOUT_FILENO, "\033[?25h\033[?1049l", strlen("\033[?25h\033[?1049l"));
}

static void loop(struct watch *watch)
{
    int64_t interval_ms = watch->screen ? 500 : 2000, enough_ms = INT64_MAX;
    watch->began_ms = watch->shown_ms = time_monotonic_ms();
    measure(watch, watch->began_ms);
    for (size_t waiting = 0;;) {
        int64_t now_ms = time_monotonic_ms();
        bool last = stopped || (watch->seconds_ms > 0 && now_ms - watch->began_ms >= watch->seconds_ms);
        if (last && enough_ms == INT64_MAX)
            enough_ms = now_ms + 2000; /* for what is on its way */
        if (last && (waiting == 0 || now_ms >= enough_ms))
            break;
        (void)traffic_take(watch->traffic, waiting > 0 ? 1 : 5, take, watch);
        waiting = probes_step(watch->probes, watch->store, last);
        if (now_ms - watch->shown_ms < interval_ms)
            continue;
        measure(watch, now_ms);
        if (watch->screen)
            show_screen(watch);
        else
            show_line(watch);
    }
    measure(watch, time_monotonic_ms());
}

static int run(struct watch *watch)
{
    struct error error = {0};
    int status = 1;
    watch->traffic = traffic_open(watch->brokers, watch->topic, &error);
    if (watch->traffic == NULL)
        return usage_error(error.what, error.found, error.advice), 1;
    watch->probes = probes_open(watch->brokers, watch->topic, (int)watch->probes_per_second, &error);
    if (watch->probes == NULL) {
        traffic_close(watch->traffic);
        return usage_error(error.what, error.found, error.advice), 1;
    }
    struct sigaction action = {.sa_handler = on_signal};
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGHUP, &action, NULL);
    watch->store = store_new(watch->redis);
    watch->board = board_new();
    board_resize(watch->board, BOARD_ROWS_MAX);
    uint64_t writes, keys;
    if (!store_counts(watch->store, &writes, &keys)) {
        (void)usage_error("Redis does not answer", watch->redis, "start it, or give --redis");
        (void)fprintf(stderr, "  it said  %s\n", store_problem(watch->store));
    } else {
        screen_begin(watch);
        loop(watch);
        screen_end(watch);
        status = summary(watch);
    }
    board_free(watch->board);
    store_free(watch->store);
    probes_close(watch->probes);
    traffic_close(watch->traffic);
    buffer_free(&watch->out);
    return status;
}

int command_watch(int argc, char **argv)
{
    enum { BROKERS = 1, TOPIC, REDIS, PROBES, SECONDS, PLAIN, HELP };
    static const struct option options[] = {
        {"brokers", required_argument, NULL, BROKERS}, {"topic", required_argument, NULL, TOPIC},
        {"redis", required_argument, NULL, REDIS},     {"probes", required_argument, NULL, PROBES},
        {"seconds", required_argument, NULL, SECONDS}, {"plain", no_argument, NULL, PLAIN},
        {"help", no_argument, NULL, HELP},             {0},
    };
    struct watch watch = {.brokers = "127.0.0.1:9092",
                          .topic = "snowplow-enriched-good",
                          .redis = "127.0.0.1:6379",
                          .probes_per_second = 5,
                          .screen = isatty(STDOUT_FILENO) == 1};
    for (int option; (option = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        bool good = true;
        switch (option) {
        case BROKERS: watch.brokers = optarg; break;
        case TOPIC: watch.topic = optarg; break;
        case REDIS:
            watch.redis = optarg;
            good = store_address_is_good(optarg);
            break;
        case PROBES: good = option_integer("--probes", optarg, 1, 100, &watch.probes_per_second); break;
        case SECONDS: good = option_duration("--seconds", optarg, &watch.seconds_ms); break;
        case PLAIN: watch.screen = false; break;
        case 'h':
        case HELP: (void)fputs(help, stdout); return 0;
        default: return 2;
        }
        if (!good)
            return 2;
    }
    if (optind < argc)
        return usage_error("watch takes options only", argv[optind], "see shoplane-demo watch --help");
    return run(&watch);
}
