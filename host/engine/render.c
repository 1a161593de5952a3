/* render.c - see render.h. */
#include "engine/render.h"

#include "base/decimal.h"
#include "engine/scratch.h"
#include "engine/texts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct entry {
    uint64_t begin; /* the key's first bytes as a number, so that most comparisons are one of numbers */
    const sl_text *key;
    int64_t count;
};

static uint64_t begin_of(const sl_text *key)
{
    sl_view view = text_view(key);
    unsigned char bytes[8] = {0};
    memcpy(bytes, view.data, view.size < sizeof bytes ? view.size : sizeof bytes);
    uint64_t begin = 0;
    for (size_t i = 0; i < sizeof bytes; i++)
        begin = begin << 8 | bytes[i];
    return begin;
}

static int by_key(const void *a, const void *b)
{
    uint64_t one = ((const struct entry *)a)->begin, two = ((const struct entry *)b)->begin;
    if (one != two)
        return one < two ? -1 : 1;
    sl_view left = text_view(((const struct entry *)a)->key), right = text_view(((const struct entry *)b)->key);
    size_t size = left.size < right.size ? left.size : right.size;
    int order = size == 0 ? 0 : memcmp(left.data, right.data, size);
    return order != 0 ? order : (left.size > right.size) - (left.size < right.size);
}

static int by_count(const void *a, const void *b)
{
    int64_t left = ((const struct entry *)a)->count, right = ((const struct entry *)b)->count;
    return left != right ? (left < right) - (left > right) : by_key(a, b);
}

/* How many of the entries, or of a list's items, are written, in the order in which they are. */
static size_t fitting(size_t count, sl_view (*text)(const void *all, size_t i), const void *all)
{
    size_t most = count < RENDER_ENTRIES_MAX ? count : RENDER_ENTRIES_MAX, bytes = 0;
    for (size_t i = 0; i < most; i++) {
        bytes += text(all, i).size;
        if (i > 0 && bytes > RENDER_TEXTS_MAX)
            return i;
    }
    return most;
}

static sl_view entry_text(const void *all, size_t i) { return text_view(((const struct entry *)all)[i].key); }
static sl_view item_text(const void *all, size_t i) { return text_view(&((const sl_text *)all)[i]); }

static void render_counts(const sl_counts *counts, struct arena *arena, struct buffer *out)
{
    size_t count = counts == NULL ? 0 : counts->keys.count;
    struct entry *entries = arena_take(arena, count * sizeof *entries);
    for (size_t i = 0; i < count; i++)
        entries[i] = (struct entry){begin_of(&counts->keys.items[i]), &counts->keys.items[i], counts->counts[i].count};
    if (fitting(count, entry_text, entries) < count) {
        qsort(entries, count, sizeof *entries, by_count);
        count = fitting(count, entry_text, entries);
    }
    if (count > 1)
        qsort(entries, count, sizeof *entries, by_key);
    buffer_byte(out, '{');
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buffer_byte(out, ',');
        sl_view key = text_view(entries[i].key);
        buffer_json_text(out, key.data, key.size);
        buffer_byte(out, ':');
        char number[DECIMAL_MAX];
        buffer_put(out, number, decimal_i64(entries[i].count, number));
    }
    buffer_byte(out, '}');
}

static void render_list(const sl_list *list, struct buffer *out)
{
    size_t count = list == NULL ? 0 : fitting(list->items.count, item_text, list->items.items);
    buffer_byte(out, '[');
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buffer_byte(out, ',');
        sl_view item = text_view(&list->items.items[i]);
        buffer_json_text(out, item.data, item.size);
    }
    buffer_byte(out, ']');
}

static bool render_pair(const struct sl_cell_pair *pair, struct arena *arena, struct buffer *out)
{
    size_t before = out->size;
    if (!render_cell(&pair->left, arena, out))
        return false;
    buffer_put(out, pair->between, strlen(pair->between));
    if (render_cell(&pair->right, arena, out))
        return true;
    out->size = before;
    return false;
}

bool render_cell(const sl_cell *cell, struct arena *arena, struct buffer *out)
{
    char number[DECIMAL_MAX];
    switch (cell->type) {
    case SL_BOOL:
        if (cell->as.flag)
            buffer_literal(out, "true");
        else
            buffer_literal(out, "false");
        return true;
    case SL_I64: buffer_put(out, number, decimal_i64(cell->as.i64, number)); return true;
    case SL_F64:
        if (!isfinite(cell->as.f64))
            return false;
        buffer_put(out, number, decimal_f64(cell->as.f64, number));
        return true;
    case SL_MONEY: buffer_put(out, number, decimal_money(cell->as.i64, number)); return true;
    case SL_SUM:
        if (cell->as.sum == NULL)
            return false;
        buffer_put(out, number, decimal_sum(cell->as.sum->low, cell->as.sum->high, number));
        return true;
    case SL_TEXT: {
        if (cell->joined)
            return render_pair(cell->as.pair, arena, out);
        sl_view text = text_view(&cell->as.text);
        buffer_put(out, text.data, text.size);
        return text.size > 0;
    }
    case SL_COUNTS: render_counts(cell->as.counts, arena, out); return true;
    case SL_LIST: render_list(cell->as.list, out); return true;
    default: return false;
    }
}

bool render_not_finite(const sl_cell *cell)
{
    if (cell->type == SL_TEXT && cell->joined)
        return render_not_finite(&cell->as.pair->left) || render_not_finite(&cell->as.pair->right);
    return cell->type == SL_F64 && !isfinite(cell->as.f64);
}
