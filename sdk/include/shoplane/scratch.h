/* scratch.h - memory and collections for the length of one fold.
 *
 * Everything here is zeroed when made, belongs to the fold, and is gone when it ends: nothing is freed by a plugin, nothing
 * may be kept. Collections start as NULL in the aggregate and are made by their first `add`. They never fail: when
 * memory runs out the host ends the fold, not the plugin. A scratch is used by one thread at a time. */
#ifndef SHOPLANE_SCRATCH_H
#define SHOPLANE_SCRATCH_H

#include "types.h"

#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sl_scratch sl_scratch;
typedef struct sl_counts sl_counts; /* a map text -> count, which remembers who was counted last */
typedef struct sl_list sl_list;     /* distinct texts in order of their first appearance */
typedef struct sl_map sl_map;       /* a map text -> a struct of the plugin's own */

/* The least and the greatest of some numbers, as part of an aggregate; both 0 before the first. Needs no scratch. */
typedef struct sl_range {
    int64_t min, max;
    bool any;
} sl_range;

/* Amounts of money, added up, as part of an aggregate or of values (SL_SUM); in micros, 0 when zeroed. It holds whatever a fold can
 * add, where an int64_t would overflow at 93 of the largest amounts. Needs no scratch. Since SDK 1.3. */
typedef struct sl_sum {
    uint64_t low; /* of the 128 bits of one number */
    int64_t high;
} sl_sum;

typedef struct sl_scratch_table {
    uint32_t struct_size;
    void *(*alloc)(sl_scratch *scratch, size_t size);
    sl_view (*text_view)(const sl_scratch *scratch, const sl_text *text);
    int64_t (*counts_add)(sl_scratch *scratch, sl_counts **counts, sl_text key, int64_t by);
    int64_t (*counts_size)(const sl_counts *counts);
    sl_text (*counts_top)(const sl_counts *counts);
    bool (*list_add)(sl_scratch *scratch, sl_list **list, sl_text item);
    int64_t (*list_size)(const sl_list *list);
    void *(*map_at)(sl_scratch *scratch, sl_map **map, sl_text key, size_t size);
    int64_t (*map_size)(const sl_map *map);
    void *(*map_item)(const sl_map *map, int64_t index);
    /* since SDK 1.3 */
    sl_text (*text_make)(sl_scratch *scratch, sl_view bytes);
    int64_t (*counts_of)(const sl_counts *counts, sl_text key);
    int64_t (*counts_item)(const sl_counts *counts, int64_t index, sl_text *key);
    sl_text (*list_item)(const sl_list *list, int64_t index);
    sl_text (*map_key)(const sl_map *map, int64_t index);
} sl_scratch_table;

struct sl_scratch {
    const sl_scratch_table *table;
};

/* Zeroed memory, aligned for any type. */
static inline void *sl_alloc(sl_scratch *scratch, size_t size) { return scratch->table->alloc(scratch, size); }

/* The bytes of a text, valid as long as `*text` stays where it is and the fold lasts: short texts live inside their
 * handle, which is why this takes a pointer. */
static inline sl_view sl_text_view(const sl_scratch *scratch, const sl_text *text)
{
    return scratch->table->text_view(scratch, text);
}

/* Texts made in a fold, since SDK 1.3: they live as long as it, and are texts as any: equal handles mean equal text, whoever made it.
 * The bytes are copied. They must be UTF-8: each byte that is none becomes U+FFFD; and what is longer than SL_TEXT_MADE_MAX is cut,
 * at a character. */
static inline sl_text sl_text_make(sl_scratch *scratch, sl_view bytes) { return scratch->table->text_make(scratch, bytes); }
/* Of a C string: sl_text_literal(scratch, "unknown"). */
static inline sl_text sl_text_literal(sl_scratch *scratch, const char *text)
{
    sl_view bytes = {text, strlen(text)};
    return sl_text_make(scratch, bytes);
}
/* With a to z in place of A to Z; all other letters stay as they are. */
static inline sl_text sl_text_lower(sl_scratch *scratch, sl_text text)
{
    sl_view bytes = sl_text_view(scratch, &text);
    char *lower = (char *)sl_alloc(scratch, bytes.size + 1);
    for (size_t i = 0; i < bytes.size; i++)
        lower[i] = bytes.data[i] >= 'A' && bytes.data[i] <= 'Z' ? (char)(bytes.data[i] - 'A' + 'a') : bytes.data[i];
    bytes.data = lower;
    return sl_text_make(scratch, bytes);
}
/* The `size` bytes from byte `from` on, or fewer where the text ends before. Where one of the two lies within a character, it is the
 * beginning of that character. Empty if nothing is left. */
static inline sl_text sl_text_part(sl_scratch *scratch, sl_text text, size_t from, size_t size)
{
    sl_view bytes = sl_text_view(scratch, &text);
    size_t begin = from < bytes.size ? from : bytes.size;
    size_t end = size < bytes.size - begin ? begin + size : bytes.size;
    while (begin > 0 && begin < bytes.size && ((unsigned char)bytes.data[begin] & 0xc0) == 0x80)
        begin--;
    while (end > begin && end < bytes.size && ((unsigned char)bytes.data[end] & 0xc0) == 0x80)
        end--;
    bytes.data += begin;
    bytes.size = end - begin;
    return sl_text_make(scratch, bytes);
}
/* Two texts with something between: sl_text_join(scratch, category, "/", brand). */
static inline sl_text sl_text_join(sl_scratch *scratch, sl_text left, const char *between, sl_text right)
{
    sl_view parts[3] = {sl_text_view(scratch, &left), {between, strlen(between)}, sl_text_view(scratch, &right)};
    char *whole = (char *)sl_alloc(scratch, parts[0].size + parts[1].size + parts[2].size + 1);
    sl_view bytes = {whole, 0};
    for (int i = 0; i < 3; i++) {
        if (parts[i].size > 0)
            memcpy(whole + bytes.size, parts[i].data, parts[i].size);
        bytes.size += parts[i].size;
    }
    return sl_text_make(scratch, bytes);
}
/* A number as it is printed: "-42". */
static inline sl_text sl_text_number(sl_scratch *scratch, int64_t number)
{
    char digits[24];
    size_t at = sizeof digits;
    uint64_t left = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    do
        digits[--at] = (char)('0' + left % 10);
    while ((left /= 10) > 0);
    if (number < 0)
        digits[--at] = '-';
    sl_view bytes = {digits + at, sizeof digits - at};
    return sl_text_make(scratch, bytes);
}

/* Add `by` to the count of `key`; returns its new count, so `== by` means it is new. The empty text is a key as any. */
static inline int64_t sl_counts_add(sl_scratch *scratch, sl_counts **counts, sl_text key, int64_t by)
{
    return scratch->table->counts_add(scratch, counts, key, by);
}
/* How many distinct keys; 0 for NULL. */
static inline int64_t sl_counts_size(const sl_scratch *scratch, const sl_counts *counts)
{
    return scratch->table->counts_size(counts);
}
/* The key with the highest count; among equals the one that was added to last. Empty for NULL. */
static inline sl_text sl_counts_top(const sl_scratch *scratch, const sl_counts *counts)
{
    return scratch->table->counts_top(counts);
}

/* Since SDK 1.3: the count of `key`, 0 if it has none. */
static inline int64_t sl_counts_of(const sl_scratch *scratch, const sl_counts *counts, sl_text key)
{
    return scratch->table->counts_of(counts, key);
}
/* Since SDK 1.3. Walk them, from index 0 to sl_counts_size(scratch, counts) - 1, in order of first appearance: the count, and whose it
 * is. 0 and the empty text beyond. */
static inline int64_t sl_counts_item(const sl_scratch *scratch, const sl_counts *counts, int64_t index, sl_text *key)
{
    return scratch->table->counts_item(counts, index, key);
}

static inline void sl_range_add(sl_range *range, int64_t number)
{
    if (!range->any || number < range->min)
        range->min = number;
    if (!range->any || number > range->max)
        range->max = number;
    range->any = true;
}

static inline void sl_sum_add(sl_sum *sum, int64_t micros)
{
    uint64_t low = sum->low + (uint64_t)micros;
    sum->high += (int64_t)(low < sum->low) - (int64_t)(micros < 0);
    sum->low = low;
}

/* The sum as an amount: INT64_MAX or INT64_MIN where it is beyond. */
static inline int64_t sl_sum_money(const sl_sum *sum)
{
    int64_t low = (int64_t)sum->low;
    if (sum->high == (low < 0 ? -1 : 0))
        return low;
    return sum->high < 0 ? INT64_MIN : INT64_MAX;
}

/* sum / n as one division, the mean of FEATURES.md section 0; 0 if n is 0. */
static inline double sl_sum_mean(const sl_sum *sum, int64_t n)
{
    __extension__ typedef __int128 wide;
    wide micros = (wide)sum->high * ((wide)1 << 64) + (wide)sum->low;
    return n == 0 ? 0.0 : (double)micros / (double)(n * 1000000);
}

/* a + b, for amounts in records, which have no room for a sum (`combine`): INT64_MAX or INT64_MIN where it would be beyond, so that
 * a counter stays at its end. Since SDK 1.3. */
static inline int64_t sl_money_add(int64_t a, int64_t b)
{
    if (b > 0 ? a > INT64_MAX - b : a < INT64_MIN - b)
        return b > 0 ? INT64_MAX : INT64_MIN;
    return a + b;
}

/* Append `item` unless it is already there (true: it was new) or empty (false). */
static inline bool sl_list_add(sl_scratch *scratch, sl_list **list, sl_text item)
{
    return scratch->table->list_add(scratch, list, item);
}
static inline int64_t sl_list_size(const sl_scratch *scratch, const sl_list *list)
{
    return scratch->table->list_size(list);
}

/* Since SDK 1.3. Walk it, from index 0 to sl_list_size(scratch, list) - 1, in order; empty beyond. */
static inline sl_text sl_list_item(const sl_scratch *scratch, const sl_list *list, int64_t index)
{
    return scratch->table->list_item(list, index);
}

/* The struct of `size` bytes that belongs to `key`, zeroed when it is new. It does not move. One size a map. */
static inline void *sl_map_at(sl_scratch *scratch, sl_map **map, sl_text key, size_t size)
{
    return scratch->table->map_at(scratch, map, key, size);
}
/* Walk a map: sl_map_item(scratch, map, 0) ... sl_map_item(scratch, map, sl_map_size(scratch, map) - 1), in order of
 * first appearance. */
static inline int64_t sl_map_size(const sl_scratch *scratch, const sl_map *map) { return scratch->table->map_size(map); }
static inline void *sl_map_item(const sl_scratch *scratch, const sl_map *map, int64_t index)
{
    return scratch->table->map_item(map, index);
}

/* Since SDK 1.3: whose struct that is; empty beyond. */
static inline sl_text sl_map_key(const sl_scratch *scratch, const sl_map *map, int64_t index)
{
    return scratch->table->map_key(map, index);
}

#ifdef __cplusplus
}
#endif
#endif
