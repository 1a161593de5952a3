/* watch_probe.c - see watch_probe.h. The event is one of the demo's own product views, with the columns replaced that say who
 * it was and when. That it was seen twice is in a map of product ids: {"17":2}. */
#include "demo/watch_probe.h"

#include "base/memory.h"
#include "base/time.h"
#include "demo/sender.h"
#include "demo/simulation.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { COLUMNS = 131, ON_THEIR_WAY_MAX = 256, LIMIT_MS = 10000 };

struct probe {
    enum probed what;
    uint64_t number; /* of the shopper */
    char *key;
    int64_t sent_ns;
    bool counted;
};

static const char *const features[] = {[PROBED_FIRST] = "product_view_count_5m", [PROBED_CHANGE] = "return_view_count_5m"};
static bool shows(enum probed what, const char *value)
{
    return value != NULL && (what == PROBED_FIRST || strstr(value, ":2") != NULL);
}

struct latencies {
    float *ms; /* in order of arrival */
    size_t back, capacity;
    uint64_t sent, lost;
};

/* A shopper whose next view is due. In order of time. */
struct visitor {
    uint64_t number;
    int64_t due_ns;
};

struct probes {
    struct sender *sender;
    struct random random;
    struct buffer template, message;
    uint64_t run, number;
    int64_t first_ns, next_ns, gap_ns;
    struct probe waiting[ON_THEIR_WAY_MAX];
    size_t waiting_count;
    struct visitor visitors[ON_THEIR_WAY_MAX];
    size_t visitor_count;
    struct latencies latencies[2]; /* by what is probed */
    double start_ms;
};

static int64_t monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* A product view of the simulated shop. */
static void template_make(struct buffer *template)
{
    struct simulation_options options = simulation_defaults;
    options.late = options.duplicates = options.bots = options.dirty = 0;
    options.start_ms = time_wall_ms();
    struct simulation *simulation = simulation_new(&options);
    for (;;) {
        static const char wanted[] = "\"type\":\"product_view\"";
        struct simulated event = simulation_next(simulation);
        if (memmem(event.data, event.size, wanted, sizeof wanted - 1) == NULL)
            continue;
        buffer_put(template, event.data, event.size);
        break;
    }
    simulation_free(simulation);
}

struct probes *probes_open(const char *brokers, const char *topic, int per_second, struct error *error)
{
    static const char *const at_once[] = {"linger.ms=0", "sticky.partitioning.linger.ms=0", "socket.nagle.disable=true", NULL};
    struct sender_options to = {brokers, topic, 0, at_once};
    struct sender *sender = sender_new(&to, error);
    if (sender == NULL)
        return NULL;
    struct probes *probes = memory_new(sizeof *probes);
    probes->sender = sender;
    probes->run = random_mix((uint64_t)time_wall_ms(), (uint64_t)getpid()) & 0xffffffffu;
    probes->random.state = probes->run;
    probes->gap_ns = 1000000000 / per_second;
    probes->start_ms = -1;
    probes->first_ns = probes->next_ns = monotonic_ns();
    template_make(&probes->template);
    return probes;
}

void probes_close(struct probes *probes)
{
    struct sender_counts counts;
    sender_finish(probes->sender, 1000, &counts);
    for (size_t i = 0; i < probes->waiting_count; i++)
        free(probes->waiting[i].key);
    buffer_free(&probes->template);
    buffer_free(&probes->message);
    for (size_t i = 0; i < 2; i++)
        free(probes->latencies[i].ms);
    free(probes);
}

/* The template with this shopper, now. */
static void message_make(struct probes *probes, const char *shopper)
{
    struct buffer *out = &probes->message;
    int64_t now_ms = time_wall_ms();
    buffer_reset(out);
    const char *column = probes->template.data, *end = column + probes->template.size;
    for (int i = 0; i < COLUMNS; i++) {
        const char *tab = i == COLUMNS - 1 ? NULL : memchr(column, '\t', (size_t)(end - column));
        const char *stop = tab == NULL ? end : tab;
        switch (i) {
        case 2:   /* etl_tstamp */
        case 3:   /* collector_tstamp */
        case 4:   /* dvce_created_tstamp */
        case 119: /* dvce_sent_tstamp */
        case 124: /* derived_tstamp */
            text_time(out, now_ms);
            break;
        case 6: /* event_id */
            text_uuid(out, random_uuid(&probes->random));
            break;
        case 12:  /* user_id */
        case 15:  /* domain_userid */
        case 123: /* domain_sessionid */
            text_put(out, shopper);
            break;
        case 17:  /* network_userid */
        case 129: /* event_fingerprint */
        case 130: /* true_tstamp */
            break;
        default: buffer_put(out, column, (size_t)(stop - column));
        }
        if (i < COLUMNS - 1)
            buffer_byte(out, '\t');
        column = tab == NULL ? end : tab + 1;
    }
}

static void send_one(struct probes *probes, enum probed what, uint64_t number)
{
    static const volatile sig_atomic_t never;
    struct probe *probe = &probes->waiting[probes->waiting_count];
    char shopper[64];
    (void)snprintf(shopper, sizeof shopper, PROBE_PREFIX "%08llx-%llu", (unsigned long long)probes->run,
                   (unsigned long long)number);
    message_make(probes, shopper);
    *probe = (struct probe){.what = what, .number = number, .sent_ns = monotonic_ns(), .counted = probes->start_ms >= 0};
    if (!sender_send(probes->sender, (struct bytes){NULL, 0}, (struct bytes){probes->message.data, probes->message.size}, &never))
        return;
    probe->key = memory_format("user:%s:%s", shopper, features[what]);
    probes->latencies[what].sent += probe->counted;
    probes->waiting_count++;
}

static void came_back(struct probes *probes, const struct probe *probe, int64_t now_ns)
{
    struct latencies *latencies = &probes->latencies[probe->what];
    if (probes->start_ms < 0)
        probes->start_ms = (double)(now_ns - probes->first_ns) / 1e6;
    if (!probe->counted)
        return;
    if (latencies->back == latencies->capacity) {
        latencies->capacity = latencies->capacity == 0 ? 1024 : latencies->capacity * 2;
        latencies->ms = memory_resize(latencies->ms, latencies->capacity * sizeof *latencies->ms);
    }
    latencies->ms[latencies->back++] = (float)(now_ns - probe->sent_ns) / 1e6F;
    if (probe->what == PROBED_FIRST && probes->visitor_count < ON_THEIR_WAY_MAX)
        probes->visitors[probes->visitor_count++] =
            (struct visitor){probe->number, now_ns + PROBE_CHANGE_MS * INT64_C(1000000)};
}

static void ask(struct probes *probes, struct store *store)
{
    char *keys[ON_THEIR_WAY_MAX];
    const char *values[ON_THEIR_WAY_MAX];
    for (size_t i = 0; i < probes->waiting_count; i++)
        keys[i] = probes->waiting[i].key;
    bool answered = store_read(store, keys, probes->waiting_count, values);
    int64_t now_ns = monotonic_ns();
    size_t left = 0;
    for (size_t i = 0; i < probes->waiting_count; i++) {
        struct probe probe = probes->waiting[i];
        bool back = answered && shows(probe.what, values[i]), late = now_ns - probe.sent_ns > LIMIT_MS * 1000000ll;
        if (back)
            came_back(probes, &probe, now_ns);
        else if (late)
            probes->latencies[probe.what].lost += probe.counted;
        if (back || late)
            free(probe.key);
        else
            probes->waiting[left++] = probe;
    }
    probes->waiting_count = left;
}

size_t probes_step(struct probes *probes, struct store *store, bool last)
{
    int64_t now_ns = monotonic_ns();
    if (!last && now_ns >= probes->next_ns && probes->waiting_count < ON_THEIR_WAY_MAX) {
        send_one(probes, PROBED_FIRST, ++probes->number);
        probes->next_ns += probes->gap_ns;
        if (probes->next_ns < now_ns)
            probes->next_ns = now_ns + probes->gap_ns; /* we were held up: no burst */
    }
    if (!last && probes->visitor_count > 0 && now_ns >= probes->visitors[0].due_ns && probes->waiting_count < ON_THEIR_WAY_MAX) {
        send_one(probes, PROBED_CHANGE, probes->visitors[0].number);
        memmove(probes->visitors, probes->visitors + 1, --probes->visitor_count * sizeof *probes->visitors);
    }
    sender_poll(probes->sender, 0);
    if (probes->waiting_count > 0)
        ask(probes, store);
    return probes->waiting_count;
}

static int by_size(const void *a, const void *b)
{
    float left = *(const float *)a, right = *(const float *)b;
    return (left > right) - (left < right);
}

/* The smallest latency that at least `percent` of them do not exceed. */
static double percentile(const float *sorted, size_t count, size_t percent)
{
    return count == 0 ? 0 : (double)sorted[(count * percent + 99) / 100 - 1];
}

struct freshness probes_freshness(const struct probes *probes, enum probed what, size_t newest)
{
    const struct latencies *of = &probes->latencies[what];
    size_t count = newest == 0 || newest > of->back ? of->back : newest;
    struct freshness freshness = {.sent = of->sent, .back = of->back, .lost = of->lost, .start_ms = probes->start_ms};
    if (count == 0)
        return freshness;
    float *sorted = memory_new(count * sizeof *sorted);
    memcpy(sorted, of->ms + of->back - count, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, by_size);
    freshness.p50_ms = percentile(sorted, count, 50);
    freshness.p99_ms = percentile(sorted, count, 99);
    freshness.max_ms = (double)sorted[count - 1];
    free(sorted);
    return freshness;
}
