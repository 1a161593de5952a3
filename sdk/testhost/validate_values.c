/* validate_values.c - a metric parser, and values made up by chance, which no lane need publish. See validate_job.h. */
#include "testhost/validate_running.h"

#include "engine/render.h"
#include "engine/scratch.h"
#include "engine/texts.h"

#include <string.h>

static uint64_t mixed(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    return z ^ z >> 27;
}

static sl_text text_by_chance(uint64_t *state, struct texts *texts)
{
    static const char *const some[] = {
        "", "5", "shoes", "a-much-longer-identifier-0001", "a-much-longer-identifier-0002", "\xc3\xa9"};
    const char *text = some[mixed(state) % (sizeof some / sizeof *some)];
    return text_hold(texts, text, strlen(text));
}

static void value_by_chance(uint64_t *state, const sl_field *need, sl_scratch *scratch, struct texts *texts, char *values)
{
    static const int64_t whole[] = {0, 1, 2, 7, 100, 86400000, 1000000000};
    int64_t number = whole[mixed(state) % (sizeof whole / sizeof *whole)];
    char *at = values + need->offset;
    int32_t small = (int32_t)number;
    double decimal = (double)number / 8;
    sl_text text = text_by_chance(state, texts);
    sl_counts *counts = NULL;
    sl_list *list = NULL;
    sl_sum sum = {0, 0};
    switch (need->type) {
    case SL_BOOL:
    case SL_U8: *at = (char)(number & 1); break;
    case SL_I32: memcpy(at, &small, sizeof small); break;
    case SL_I64: memcpy(at, &number, sizeof number); break;
    case SL_MONEY:
        number *= 9999;
        memcpy(at, &number, sizeof number);
        break;
    case SL_SUM:
        for (uint64_t i = mixed(state) % 200; i > 0; i--)
            sl_sum_add(&sum, number * 99999999);
        memcpy(at, &sum, sizeof sum);
        break;
    case SL_F64: memcpy(at, &decimal, sizeof decimal); break;
    case SL_TEXT: memcpy(at, &text, sizeof text); break;
    case SL_COUNTS:
        for (uint64_t i = mixed(state) % 6; i > 0; i--)
            (void)sl_counts_add(scratch, &counts, text_by_chance(state, texts), (int64_t)i);
        memcpy(at, &counts, sizeof counts);
        break;
    case SL_LIST:
        for (uint64_t i = mixed(state) % 6; i > 0; i--)
            (void)sl_list_add(scratch, &list, text_by_chance(state, texts));
        memcpy(at, &list, sizeof list);
        break;
    default: break;
    }
}

void run_values(struct running *running)
{
    struct findings findings = {0};
    struct slab slab;
    struct texts texts;
    struct scratch scratch;
    struct buffer out = {0};
    uint64_t state = running->job->seed;
    const sl_field *needs = running->set->lanes[0].metrics[0].table->needs;
    struct strict *strict = strict_put_on(running->set, &(struct strict_settings){.place = &running->report->place}, &findings);
    const struct bound_metric *metric = &running->set->lanes[0].metrics[0];
    memset(&slab, 0, sizeof slab);
    texts_init(&texts, &slab);
    scratch_init(&scratch, &texts);
    running->report->check = CHECK_VALUES;
    for (size_t n = 0; n < running->job->events; n++) {
        bool empty = n == 0, session = mixed(&state) % 4 == 0;
        scratch_reset(&scratch);
        buffer_reset(&out);
        char *values = arena_take(&scratch.arena, metric->table->values_size);
        for (const sl_field *need = needs; need->name != NULL && !empty; need++)
            value_by_chance(&state, need, &scratch.base, &texts, values);
        for (const sl_need *need = metric->table->more_needs; need != NULL && need->field.name != NULL && !empty; need++)
            value_by_chance(&state, &need->field, &scratch.base, &texts, values);
        sl_window window = {
            .name = session ? "session" : "1h", .length_ms = 3600000, .now_ms = 1742990400000, .session = session};
        if (!empty) {
            window.records = (int64_t)(mixed(&state) % 1000) + 1;
            window.newest_ms = window.now_ms - (int64_t)(mixed(&state) % 3600000);
            window.oldest_ms = window.newest_ms - (int64_t)(mixed(&state) % 3600000);
        }
        sl_cell cells[METRIC_FEATURES_MAX] = {0};
        metric->table->compute(metric->self, &scratch.base, &window, values, cells);
        for (size_t i = 0; i < metric->feature_count; i++)
            (void)render_cell(&cells[i], &scratch.arena, &out);
    }
    strict_take_off(strict);
    for (size_t i = 0; i < findings.count; i++)
        running_found_error(running, CHECK_VALUES, findings.items[i].id, &findings.items[i].error);
    findings_free(&findings);
    buffer_free(&out);
    scratch_free(&scratch);
    texts_free(&texts);
    slab_free(&slab);
    running_end(running);
}
