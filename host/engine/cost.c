/* cost.c - see cost.h. */
#include "engine/cost.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#define CLOCK_NS 20 /* what reading the clock takes of a sample */

int64_t cost_clock(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void cost_sample(struct call_cost *cost, int64_t began_ns, uint64_t calls)
{
    int64_t took_ns = cost_clock() - began_ns - CLOCK_NS;
    cost->samples++;
    cost->sampled_calls += calls;
    cost->sampled_ns += took_ns > 0 ? (uint64_t)took_ns : 0;
}

static void sum_calls(struct call_cost *sum, const struct call_cost *more)
{
    sum->calls += more->calls;
    sum->samples += more->samples;
    sum->sampled_calls += more->sampled_calls;
    sum->sampled_ns += more->sampled_ns;
}

void cost_sum(struct lane_cost *sum, const struct lane_cost *more)
{
    sum_calls(&sum->extract, &more->extract);
    sum_calls(&sum->add, &more->add);
    sum_calls(&sum->publish, &more->publish);
    for (size_t m = 0; m < METRICS_MAX; m++)
        sum_calls(&sum->compute[m], &more->compute[m]);
    sum->kept += more->kept;
    sum->unkeyed += more->unkeyed;
    sum->spoiled += more->spoiled;
}

static double call_ns(const struct call_cost *cost)
{
    return cost->sampled_calls == 0 ? 0 : (double)cost->sampled_ns / (double)cost->sampled_calls;
}
static double total_ns(const struct call_cost *cost) { return call_ns(cost) * (double)cost->calls; }

static double lane_total_ns(const struct set_lane *lane, const struct lane_cost *cost)
{
    double total = total_ns(&cost->extract) + total_ns(&cost->add) + total_ns(&cost->publish);
    for (size_t m = 0; m < lane->metric_count; m++)
        total += total_ns(&cost->compute[m]);
    return total;
}

static void put_row(struct buffer *out, bool json, bool first, const char *plugin, const char *function, const struct call_cost *cost,
                    double all_ns)
{
    double share = all_ns == 0 ? 0 : 100 * total_ns(cost) / all_ns;
    if (json)
        buffer_printf(out, "%s{\"plugin\":\"%s\",\"function\":\"%s\",\"calls\":%" PRIu64 ",\"samples\":%" PRIu64
                           ",\"ns_per_call\":%.1f,\"ms\":%.3f,\"share\":%.2f}",
                      first ? "" : ",", plugin, function, cost->calls, cost->samples, call_ns(cost), total_ns(cost) / 1e6, share);
    else
        buffer_printf(out, "  %-24s %-8s %12" PRIu64 " %9.0f %10.1f %6.1f%%\n", plugin, function, cost->calls, call_ns(cost),
                      total_ns(cost) / 1e6, share);
}

void cost_tell(const struct lane_set *set, const struct lane_cost *costs, bool json, struct buffer *out)
{
    double all_ns = 0;
    for (size_t i = 0; i < set->lane_count; i++)
        all_ns += lane_total_ns(&set->lanes[i], &costs[i]);
    if (json)
        buffer_literal(out, "{\"lanes\":[");
    else
        buffer_printf(out, "plugins took %.1f ms in all (sampled)\n  %-24s %-8s %12s %9s %10s %7s\n", all_ns / 1e6, "plugin", "function",
                      "calls", "ns each", "ms", "share");
    for (size_t i = 0; i < set->lane_count; i++) {
        const struct set_lane *lane = &set->lanes[i];
        const struct lane_cost *cost = &costs[i];
        if (json)
            buffer_printf(out, "%s{\"lane\":\"%s\",\"seen\":%" PRIu64 ",\"kept\":%" PRIu64 ",\"unkeyed\":%" PRIu64
                               ",\"spoiled\":%" PRIu64 ",\"cost\":[",
                          i > 0 ? "," : "", lane->name, cost->extract.calls, cost->kept, cost->unkeyed, cost->spoiled);
        put_row(out, json, true, lane->name, "extract", &cost->extract, all_ns);
        put_row(out, json, false, lane->name, "add", &cost->add, all_ns);
        put_row(out, json, false, lane->name, "publish", &cost->publish, all_ns);
        for (size_t m = 0; m < lane->metric_count; m++)
            put_row(out, json, false, lane->metrics[m].name, "compute", &cost->compute[m], all_ns);
        if (json)
            buffer_literal(out, "]}");
        else
            buffer_printf(out, "  %-24s of %" PRIu64 " events seen it kept %" PRIu64 " records; %" PRIu64 " had no key, %" PRIu64
                               " went to the dead letters for what it looked at\n", "",
                          cost->extract.calls, cost->kept, cost->unkeyed, cost->spoiled);
    }
    if (json)
        buffer_literal(out, "]}\n");
    else
        buffer_literal(out, "  (who first looks into an event's JSON pays for reading it)\n");
}
