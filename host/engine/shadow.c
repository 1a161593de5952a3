/* shadow.c - see shadow.h. */
#include "engine/shadow.h"

#include "base/memory.h"
#include "base/time.h"
#include "engine/emission.h"
#include "engine/needs.h"
#include "engine/shard.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

void shadows_init(struct shadows *shadows, const struct lane_set *set, struct texts *texts)
{
    *shadows = (struct shadows){0};
    shadows->pairs = memory_new((set->pair_count + 1) * sizeof *shadows->pairs);
    for (size_t i = 0; i < set->pair_count; i++)
        shadows->pairs[i].columns = memory_new((set->pairs[i].column_count + 1) * sizeof *shadows->pairs[i].columns);
    folder_init(&shadows->folders[0], texts);
    folder_init(&shadows->folders[1], texts);
}

void shadows_free(struct shadows *shadows, const struct lane_set *set)
{
    for (size_t i = 0; i < set->pair_count; i++)
        free(shadows->pairs[i].columns);
    free(shadows->pairs);
    free(shadows->waiting);
    buffer_free(&shadows->keys);
    folder_free(&shadows->folders[0]);
    folder_free(&shadows->folders[1]);
}

/* ---- what waits ---- */

static sl_view key_of(const struct shadows *shadows, const struct shadow_waiting *waiting)
{
    return (sl_view){shadows->keys.data + waiting->key, waiting->key_size};
}

void shadows_due(struct shard *shard, const struct log *log, size_t window)
{
    struct shadows *shadows = &shard->shadows;
    if (shadows->waiting_count == shadows->waiting_capacity) {
        shadows->waiting_capacity = shadows->waiting_capacity == 0 ? 64 : shadows->waiting_capacity * 2;
        shadows->waiting = memory_resize(shadows->waiting, shadows->waiting_capacity * sizeof *shadows->waiting);
    }
    sl_view key = text_view(&log->key);
    shadows->waiting[shadows->waiting_count++] = (struct shadow_waiting){.lane = log->lane,
                                                                         .window = window,
                                                                         .hash = (uint64_t)log->tag << 48 | log->hash,
                                                                         .key = shadows->keys.size,
                                                                         .key_size = key.size};
    buffer_put(&shadows->keys, key.data, key.size);
}

/* ---- comparing ---- */

static sl_view text_of(const struct folder *folder, size_t feature)
{
    const struct folded_feature *folded = &folder->features[feature];
    return folded->present ? (sl_view){folder->text.data + folded->offset, folded->size} : (sl_view){NULL, 0};
}

static void cut(char *out, size_t size, sl_view text)
{
    size_t length = text.size < size ? text.size : size - 1;
    while (length < text.size && length > 0 && ((unsigned char)text.data[length] & 0xc0u) == 0x80u) /* not within a character */
        length--;
    if (text.data == NULL)
        (void)snprintf(out, size, "-");
    else
        (void)snprintf(out, size, "%.*s", (int)length, text.data);
}

/* Texts of numbers are short. */
static double number_of(sl_view text)
{
    char number[64];
    cut(number, sizeof number, text);
    return strcmp(number, "true") == 0 ? 1 : strtod(number, NULL);
}

static void note_example(struct shadow_pair_tally *tally, const struct shard *shard, const struct set_lane *live, sl_view id,
                         const struct shadow_column *column, sl_view one, sl_view two)
{
    struct shadow_example *example = &tally->examples[tally->differing++ % SHADOW_EXAMPLES];
    const struct bound_metric *metric = lane_metric_of(live, column->live_feature);
    example->clock_ms = shard->clock_ms;
    (void)snprintf(example->key, sizeof example->key, "%s%.*s:%s", metric->key_prefix, (int)(id.size < 80 ? id.size : 80),
                   id.data, column->name);
    cut(example->live, sizeof example->live, one);
    cut(example->shadow, sizeof example->shadow, two);
}

static void compare_column(struct shard *shard, size_t number, size_t c, sl_view id, const struct folder *live,
                           const struct folder *shadow)
{
    const struct shadow_pair *pair = &shard->set->pairs[number];
    const struct shadow_column *column = &pair->columns[c];
    struct shadow_pair_tally *of_pair = &shard->shadows.pairs[number];
    struct shadow_tally *tally = &of_pair->columns[c];
    sl_view one = text_of(live, column->live_feature), two = text_of(shadow, column->shadow_feature);
    if (one.data == NULL && two.data == NULL)
        return;
    tally->compared++;
    shard->shadows.compared++;
    if (one.data != NULL && two.data != NULL && one.size == two.size && memcmp(one.data, two.data, one.size) == 0)
        return;
    tally->differ++;
    shard->shadows.differ++;
    tally->only_live += two.data == NULL;
    tally->only_shadow += one.data == NULL;
    if (column->number && one.data != NULL && two.data != NULL) {
        double apart = fabs(number_of(one) - number_of(two));
        tally->numbers++;
        tally->sum += apart;
        tally->most = apart > tally->most ? apart : tally->most;
    }
    note_example(of_pair, shard, &shard->set->lanes[pair->live], id, column, one, two);
}

/* Fold one side's window; a key that it does not have is as one without records. True: there are some. */
static bool fold_side(struct shard *shard, size_t lane_number, sl_view id, uint64_t hash, size_t window, struct folder *folder)
{
    const struct set_lane *lane = &shard->set->lanes[lane_number];
    const struct log none = {.lane = (uint8_t)lane_number}, *log = key_table_find(&shard->tables[lane_number], hash, id);
    bool live;
    size_t first = log == NULL ? 0 : emission_first_record(shard, lane, log, window, &live);
    needs_fold(shard, folder, lane, id, log == NULL ? &none : log, window, log == NULL ? 0 : first,
               log == NULL ? shard->clock_ms : emission_fold_ms(shard, lane, log), shard->clock_ms);
    return log != NULL && first < log->count;
}

static void compare_pair(struct shard *shard, size_t number, const struct shadow_waiting *waiting)
{
    const struct shadow_pair *pair = &shard->set->pairs[number];
    struct folder *live = &shard->shadows.folders[0], *shadow = pair->live == pair->shadow ? live : &shard->shadows.folders[1];
    sl_view id = key_of(&shard->shadows, waiting);
    bool folded = false;
    if (shard->lanes[pair->live].filling || shard->lanes[pair->shadow].filling)
        return;
    for (size_t c = 0; c < pair->column_count; c++) {
        const struct shadow_column *column = &pair->columns[c];
        if ((waiting->lane == pair->live ? column->live_window : column->shadow_window) != waiting->window)
            continue;
        if (!folded) { /* of one window there is one of the other */
            bool any = fold_side(shard, pair->live, id, waiting->hash, column->live_window, live);
            if (live != shadow)
                any = fold_side(shard, pair->shadow, id, waiting->hash, column->shadow_window, shadow) || any;
            folded = true;
            if (!any)
                return;
        }
        compare_column(shard, number, c, id, live, shadow);
    }
}

/* The two of a pair are often due at once: once is enough. */
static bool came_before(const struct shard *shard, size_t number, size_t index)
{
    const struct shadows *shadows = &shard->shadows;
    const struct shadow_pair *pair = &shard->set->pairs[number];
    const struct shadow_waiting *now = &shadows->waiting[index];
    const char *name = shard->set->lanes[now->lane].windows[now->window].settings.name;
    for (size_t i = 0; i < index; i++) {
        const struct shadow_waiting *before = &shadows->waiting[i];
        if (before->hash == now->hash && (before->lane == pair->live || before->lane == pair->shadow) &&
            strcmp(shard->set->lanes[before->lane].windows[before->window].settings.name, name) == 0 &&
            before->key_size == now->key_size &&
            memcmp(shadows->keys.data + before->key, shadows->keys.data + now->key, now->key_size) == 0)
            return true;
    }
    return false;
}

void shadows_compare_now(struct shard *shard)
{
    struct shadows *shadows = &shard->shadows;
    for (size_t i = 0; i < shadows->waiting_count; i++)
        for (size_t number = 0; number < shard->set->pair_count; number++)
            if ((shard->set->lanes[shadows->waiting[i].lane].pairs >> number & 1u) != 0 && !came_before(shard, number, i))
                compare_pair(shard, number, &shadows->waiting[i]);
    shadows->waiting_count = 0;
    buffer_reset(&shadows->keys);
}

/* ---- sums ---- */

static int newest_first(const void *a, const void *b)
{
    const struct shadow_example *one = a, *two = b;
    if (one->clock_ms != two->clock_ms)
        return one->clock_ms > two->clock_ms ? -1 : 1;
    return strcmp(one->key, two->key);
}

static size_t example_count(const struct shadow_pair_tally *tally)
{
    return tally->differing < SHADOW_EXAMPLES ? (size_t)tally->differing : SHADOW_EXAMPLES;
}

/* The newest of both, which are then in order, newest first. */
static void sum_examples(struct shadow_pair_tally *sum, const struct shadow_pair_tally *more)
{
    struct shadow_example all[2 * SHADOW_EXAMPLES];
    size_t mine = example_count(sum), others = example_count(more), count = mine + others;
    memcpy(all, sum->examples, mine * sizeof *all);
    memcpy(all + mine, more->examples, others * sizeof *all);
    qsort(all, count, sizeof *all, newest_first);
    memcpy(sum->examples, all, (count < SHADOW_EXAMPLES ? count : SHADOW_EXAMPLES) * sizeof *all);
    sum->differing += more->differing;
}

void shadows_sum(struct shadows *sum, const struct shadows *more, const struct lane_set *set)
{
    sum->compared += more->compared;
    sum->differ += more->differ;
    for (size_t i = 0; i < set->pair_count; i++) {
        sum_examples(&sum->pairs[i], &more->pairs[i]);
        for (size_t c = 0; c < set->pairs[i].column_count; c++) {
            struct shadow_tally *to = &sum->pairs[i].columns[c];
            const struct shadow_tally *from = &more->pairs[i].columns[c];
            to->compared += from->compared;
            to->differ += from->differ;
            to->only_live += from->only_live;
            to->only_shadow += from->only_shadow;
            to->numbers += from->numbers;
            to->sum += from->sum;
            to->most = from->most > to->most ? from->most : to->most;
        }
    }
}

/* ---- telling ---- */

static void tell_column(const struct shadow_column *column, const struct shadow_tally *tally, bool json, bool first,
                        struct buffer *out)
{
    double share = tally->compared == 0 ? 0 : 100 * (double)tally->differ / (double)tally->compared;
    double mean = tally->numbers == 0 ? 0 : tally->sum / (double)tally->numbers;
    if (json) {
        buffer_printf(out,
                      "%s{\"feature\":\"%s\",\"compared\":%" PRIu64 ",\"differ\":%" PRIu64 ",\"only_live\":%" PRIu64
                      ",\"only_shadow\":%" PRIu64 ",\"apart\":{\"count\":%" PRIu64 ",\"mean\":%.17g,\"most\":%.17g}}",
                      first ? "" : ",", column->name, tally->compared, tally->differ, tally->only_live, tally->only_shadow,
                      tally->numbers, mean, tally->most);
        return;
    }
    buffer_printf(out, "  %-32s %12" PRIu64 " %10" PRIu64 " %7.2f%%", column->name, tally->compared, tally->differ, share);
    if (tally->numbers > 0)
        buffer_printf(out, " %12.6g %12.6g", mean, tally->most);
    else
        buffer_printf(out, " %12s %12s", "", "");
    buffer_printf(out, " %10" PRIu64 " %10" PRIu64 "\n", tally->only_live, tally->only_shadow);
}

static void tell_example(const struct shadow_example *example, bool json, bool first, struct buffer *out)
{
    char time[TIME_TEXT_MAX];
    (void)time_text(example->clock_ms, time);
    if (!json) {
        buffer_printf(out, "    %s  %s: %s, shadow %s\n", time, example->key, example->live, example->shadow);
        return;
    }
    buffer_printf(out, "%s{\"clock\":\"%s\",\"key\":", first ? "" : ",", time);
    buffer_json_text(out, example->key, strlen(example->key));
    buffer_literal(out, ",\"live\":");
    buffer_json_text(out, example->live, strlen(example->live));
    buffer_literal(out, ",\"shadow\":");
    buffer_json_text(out, example->shadow, strlen(example->shadow));
    buffer_byte(out, '}');
}

static void tell_pair(const struct lane_set *set, const struct shadow_pair *pair, const struct shadow_pair_tally *tally,
                      bool json, struct buffer *out)
{
    const char *what = pair->live == pair->shadow ? "metric parser" : "lane";
    if (json)
        buffer_printf(out, "{\"of\":\"%s\",\"lane\":\"%s\",\"live\":\"%s\",\"shadow\":\"%s\",\"features\":[",
                      pair->live == pair->shadow ? "parser" : "lane", set->lanes[pair->live].name, pair->live_name,
                      pair->shadow_name);
    else
        buffer_printf(out, "%s %s, and its shadow %s\n  %-32s %12s %10s %8s %12s %12s %10s %10s\n", what, pair->live_name,
                      pair->shadow_name, "feature", "compared", "differ", "share", "apart, mean", "most", "only live",
                      "shadow");
    for (size_t c = 0; c < pair->column_count; c++)
        tell_column(&pair->columns[c], &tally->columns[c], json, c == 0, out);
    if (json)
        buffer_literal(out, "],\"examples\":[");
    for (size_t i = 0; i < example_count(tally); i++)
        tell_example(&tally->examples[i], json, i == 0, out);
    if (json)
        buffer_literal(out, "]}");
}

void shadows_tell(const struct lane_set *set, const struct shadows *shadows, const char *only, bool json, struct buffer *out)
{
    bool any = false;
    if (json)
        buffer_literal(out, "[");
    for (size_t i = 0; i < set->pair_count; i++) {
        const struct shadow_pair *pair = &set->pairs[i];
        if (only != NULL && strcmp(pair->live_name, only) != 0 && strcmp(pair->shadow_name, only) != 0)
            continue;
        if (any)
            buffer_byte(out, json ? ',' : '\n');
        tell_pair(set, pair, &shadows->pairs[i], json, out);
        any = true;
    }
    if (json)
        buffer_literal(out, "]\n");
}
