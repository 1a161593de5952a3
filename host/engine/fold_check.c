/* fold_check.c - see fold_check.h. */
#include "engine/fold_check.h"

#include "base/time.h"
#include "engine/ages.h"

#include <stdio.h>
#include <string.h>

#define LOOK_AHEAD_MS 3600000 /* what is the same an hour later does not depend on the clock */

/* A fold that others are compared with. */
struct kept_fold {
    uint64_t hashes[METRICS_MAX];
    struct folded_feature features[METRICS_MAX * 16];
    struct buffer text;
};

static void keep(struct kept_fold *kept, const struct folder *folder, const struct set_lane *lane)
{
    memcpy(kept->hashes, folder->hashes, lane->metric_count * sizeof *kept->hashes);
    memcpy(kept->features, folder->features, lane->feature_count * sizeof *kept->features);
    buffer_reset(&kept->text);
    buffer_put(&kept->text, folder->text.data, folder->text.size);
}

static bool same_feature(const struct kept_fold *kept, const struct folder *folder, size_t feature)
{
    const struct folded_feature *one = &kept->features[feature], *two = &folder->features[feature];
    return one->present == two->present &&
           (!one->present || (one->size == two->size && (one->size == 0 || memcmp(kept->text.data + one->offset,
                                                                                  folder->text.data + two->offset, one->size) == 0)));
}

static void show(char out[FOLD_SHOWN + 8], const struct folded_feature *feature, const struct buffer *text)
{
    if (!feature->present)
        (void)snprintf(out, FOLD_SHOWN + 8, "nothing");
    else
        (void)snprintf(out, FOLD_SHOWN + 8, "\"%.*s\"%s", (int)(feature->size > FOLD_SHOWN ? FOLD_SHOWN : feature->size),
                       feature->size == 0 ? "" : text->data + feature->offset, feature->size > FOLD_SHOWN ? "..." : "");
}

/* Parsers that make something else now than they did. */
static void compare(const struct kept_fold *kept, const struct folder *folder, const struct set_lane *lane, enum fold_fault fault,
                    int64_t kept_ms, int64_t now_ms, struct fold_finding *findings)
{
    size_t first = 0;
    for (size_t m = 0; m < lane->metric_count; first += lane->metrics[m++].feature_count) {
        if (findings[m].fault != FOLD_SOUND || kept->hashes[m] == folder->hashes[m])
            continue;
        struct fold_finding *finding = &findings[m];
        *finding = (struct fold_finding){.fault = fault, .of_lane = true, .feature = first, .clock_ms = {kept_ms, now_ms}};
        while (finding->feature + 1 < first + lane->metrics[m].feature_count && same_feature(kept, folder, finding->feature))
            finding->feature++;
        show(finding->value[0], &kept->features[finding->feature], &kept->text);
        show(finding->value[1], &folder->features[finding->feature], &folder->text);
    }
}

/* The time around the clock in which nothing comes, goes or reaches an age. */
static void quiet_time(const struct set_lane *lane, const struct log *log, size_t window, size_t first, int64_t now_ms,
                       int64_t *from_ms, int64_t *to_ms)
{
    const struct window_settings *settings = &lane->windows[window].settings;
    *from_ms = now_ms;
    *to_ms = now_ms + LOOK_AHEAD_MS;
    if (first == log->count)
        return;
    int64_t newest_ms = log_time(log, lane, log->count - 1), aged_ms = ages_last(lane, log, first, now_ms);
    int64_t next_ms = ages_next(lane, log, first, now_ms);
    int64_t leaves_ms = settings->session ? newest_ms + settings->gap_ms : log_time(log, lane, first) + settings->length_ms;
    *from_ms = aged_ms > newest_ms ? aged_ms : newest_ms < now_ms ? newest_ms : now_ms;
    if (next_ms <= *to_ms)
        *to_ms = next_ms - 1;
    if (leaves_ms < *to_ms)
        *to_ms = leaves_ms > now_ms ? leaves_ms : now_ms;
}

/* What is stale is folded once more at the other time, for its value; and with another clock for the lane alone: who goes by it? */
static void look_at_stale(struct folder *folder, const struct set_lane *lane, const struct log *log, size_t window, size_t first,
                          const struct kept_fold *kept, int64_t now_ms, int64_t other_ms, const struct fold_others *others,
                          struct fold_finding *findings)
{
    folder_fold(folder, lane, log, window, first, other_ms, others);
    compare(kept, folder, lane, FOLD_STALE, now_ms, other_ms, findings);
    folder_fold_apart(folder, lane, log, window, first, other_ms, now_ms, others);
    for (size_t m = 0; m < lane->metric_count; m++)
        if (findings[m].fault == FOLD_STALE && findings[m].clock_ms[1] == other_ms)
            findings[m].of_lane = folder->hashes[m] != kept->hashes[m];
    folder_fold(folder, lane, log, window, first, now_ms, others);
}

void fold_check(struct folder *folder, const struct set_lane *lane, const struct log *log, size_t window, size_t first,
                int64_t now_ms, const struct fold_others *others, struct fold_finding *findings)
{
    struct kept_fold kept = {.text = {0}};
    int64_t times_ms[2];
    uint64_t hashes[2][METRICS_MAX];
    size_t size = lane->metric_count * sizeof hashes[0][0];
    memset(findings, 0, lane->metric_count * sizeof *findings);
    quiet_time(lane, log, window, first, now_ms, &times_ms[0], &times_ms[1]);
    for (size_t i = 0; i < 2; i++) {
        if (times_ms[i] != now_ms)
            folder_fold(folder, lane, log, window, first, times_ms[i], others);
        memcpy(hashes[i], folder->hashes, size);
    }
    folder_fold(folder, lane, log, window, first, now_ms, others);
    keep(&kept, folder, lane);
    folder_fold(folder, lane, log, window, first, now_ms, others);
    if (memcmp(kept.hashes, folder->hashes, size) != 0)
        compare(&kept, folder, lane, FOLD_IMPURE, now_ms, now_ms, findings);
    for (size_t i = 0; i < 2; i++)
        if (times_ms[i] != now_ms && memcmp(kept.hashes, hashes[i], size) != 0)
            look_at_stale(folder, lane, log, window, first, &kept, now_ms, times_ms[i], others, findings);
    buffer_free(&kept.text);
}

void fold_finding_tell(const struct fold_finding *finding, const struct set_lane *lane, size_t metric, const char *key,
                       struct error *error)
{
    char one[TIME_TEXT_MAX], two[TIME_TEXT_MAX];
    const char *parser = lane->metrics[metric].name;
    (void)time_text(finding->clock_ms[0], one);
    (void)time_text(finding->clock_ms[1], two);
    *error = (struct error){0};
    if (finding->fault == FOLD_IMPURE) {
        error_what(error, "lane \"%s\" or its parser \"%s\" is not the same each time: %s is %s, and %s the next time, of the same "
                   "records and as of the same clock, %s", lane->name, parser, key, finding->value[0], finding->value[1], one);
        error_advice(error, "what it says must depend on its arguments and `self` alone: no variables, no chance, no time of the day");
        return;
    }
    if (finding->of_lane)
        error_what(error, "lane \"%s\" goes by the clock between two ages", lane->name);
    else
        error_what(error, "metric parser \"%s\" goes by the clock between two ages", parser);
    error_found(error, "%s is %s as of %s, and %s as of %s, and no record comes, goes or reaches an age in between", key,
                finding->value[0], one, finding->value[1], two);
    error_advice(error, "name the age at which it changes (`ages` of the lane), or make it of event times: in between nothing is written");
}
