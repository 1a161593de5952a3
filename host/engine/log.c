/* log.c - see log.h. */
#include "engine/log.h"

#include "engine/id_index.h"

#include <assert.h>
#include <string.h>

size_t log_size(const struct set_lane *lane) { return sizeof(struct log) + lane->window_count * view_size(lane); }

static const sl_stamp *stamp_of(const void *record) { return record; }

static char *record_at(struct log *log, const struct set_lane *lane, size_t index)
{
    return log->records + (log->start + index) * lane->table->record_size;
}

static bool before(const sl_stamp *a, const sl_stamp *b)
{
    return a->time_ms < b->time_ms || (a->time_ms == b->time_ms && a->id < b->id);
}

size_t log_from(const struct log *log, const struct set_lane *lane, int64_t time_ms)
{
    size_t low = 0, high = log->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (log_time(log, lane, middle) < time_ms)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

size_t log_from_stamp(const struct log *log, const struct set_lane *lane, const sl_stamp *stamp)
{
    size_t index = log_from(log, lane, stamp->time_ms);
    while (index < log->count && before(stamp_of(log_record(log, lane, index)), stamp))
        index++;
    return index;
}

bool log_begins_with(const struct log *log, const struct set_lane *lane, const sl_stamp *stamp)
{
    return log->count == 0 || before(stamp, stamp_of(log_record(log, lane, 0)));
}

size_t log_run_end(const struct log *log, const struct set_lane *lane, size_t first)
{
    const struct window_settings *window = &lane->windows[0].settings;
    int64_t last_ms = log_time(log, lane, first), end_ms = last_ms + window->max_ms;
    for (size_t i = first + 1; i < log->count; i++) {
        int64_t time_ms = log_time(log, lane, i);
        if (time_ms - last_ms > window->gap_ms || time_ms > end_ms)
            return i;
        last_ms = time_ms;
    }
    return log->count;
}

size_t log_newest_run(const struct log *log, const struct set_lane *lane)
{
    size_t first = 0;
    for (size_t end; first < log->count && (end = log_run_end(log, lane, first)) < log->count;)
        first = end;
    return first;
}

static void drop_texts(const struct set_lane *lane, struct texts *texts, const char *record)
{
    for (size_t i = 0; i < lane->text_count; i++) {
        sl_text text;
        memcpy(&text, record + lane->text_offsets[i], sizeof text);
        text_drop(texts, text);
    }
}

static int compare_views(sl_view a, sl_view b)
{
    size_t size = a.size < b.size ? a.size : b.size;
    int order = size == 0 ? 0 : memcmp(a.data, b.data, size);
    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

/* Order of two copies of one event at one time: field by field, texts by their bytes, numbers as bytes. Any fixed order would
 * do; it must only not depend on who came first. */
static int compare_records(const struct set_lane *lane, const char *a, const char *b)
{
    for (const sl_field *field = lane->table->record; field->name != NULL; field++) {
        int order;
        if (field->type == SL_TEXT) {
            sl_text left, right;
            memcpy(&left, a + field->offset, sizeof left);
            memcpy(&right, b + field->offset, sizeof right);
            order = compare_views(text_view(&left), text_view(&right));
        } else {
            order = memcmp(a + field->offset, b + field->offset, field->size);
        }
        if (order != 0)
            return order;
    }
    return 0;
}

/* ---- memory of the records ----
 *
 * A block of the slab. Where it has room for more than LOG_SHORT_MAX, a header is in front of the records, with the paces of the
 * windows and, for a long log, the set of its ids. */

struct header {
    struct id_index *ids; /* NULL: the log is not long */
    int64_t combined_ms, cut_ms;
    struct pace paces[];  /* one a window */
};

static bool is_long(const struct log *log) { return log->capacity > LOG_SCAN_MAX; }

/* Bytes of the header of a block for so many records; the records stay aligned to 16. */
static size_t header_size(const struct set_lane *lane, size_t capacity)
{
    size_t size = sizeof(struct header) + lane->window_count * sizeof(struct pace);
    return capacity > LOG_SHORT_MAX ? (size + 15) & ~(size_t)15 : 0;
}

static struct header *header_of(const struct log *log, const struct set_lane *lane)
{
    assert(log->capacity > LOG_SHORT_MAX);
    return (struct header *)(void *)(log->records - header_size(lane, log->capacity));
}

static struct id_index **ids_of(const struct log *log, const struct set_lane *lane) { return &header_of(log, lane)->ids; }

struct pace *log_pace(const struct log *log, const struct set_lane *lane, size_t window)
{
    return &header_of(log, lane)->paces[window];
}

int64_t *log_combined(const struct log *log, const struct set_lane *lane) { return &header_of(log, lane)->combined_ms; }

void log_note_cut(struct log *log, const struct set_lane *lane, int64_t time_ms)
{
    if (log->capacity > LOG_SHORT_MAX && time_ms > header_of(log, lane)->cut_ms)
        header_of(log, lane)->cut_ms = time_ms;
}

int64_t log_cut_ms(const struct log *log, const struct set_lane *lane)
{
    return log->capacity > LOG_SHORT_MAX ? header_of(log, lane)->cut_ms : LOG_UNCUT;
}

static size_t block_size(const struct set_lane *lane, size_t capacity)
{
    return capacity * lane->table->record_size + header_size(lane, capacity);
}

static void give_block(struct log *log, const struct set_lane *lane, struct slab *slab)
{
    if (log->records == NULL)
        return;
    slab_give(slab, log->records - header_size(lane, log->capacity), block_size(lane, log->capacity));
    log->records = NULL;
    log->start = log->capacity = 0;
}

/* As many records as the block that `wanted` of them need can hold. */
static uint32_t capacity_for(const struct set_lane *lane, size_t wanted)
{
    size_t room = slab_room(block_size(lane, wanted));
    size_t capacity = (room - header_size(lane, wanted)) / lane->table->record_size;
    size_t most = wanted <= LOG_SHORT_MAX ? LOG_SHORT_MAX : wanted <= LOG_SCAN_MAX ? LOG_SCAN_MAX : SIZE_MAX;
    return (uint32_t)(capacity < most ? capacity : most);
}

/* The header of a block that is new; `before`: that of the former one, or NULL. */
static void fill_header(const struct log *log, const struct set_lane *lane, const struct header *before, struct id_index *ids)
{
    struct header *header = header_of(log, lane);
    header->ids = ids;
    header->combined_ms = before != NULL ? before->combined_ms : INT64_MIN;
    header->cut_ms = before != NULL ? before->cut_ms : LOG_UNCUT;
    for (size_t w = 0; w < lane->window_count; w++)
        header->paces[w] = before != NULL ? before->paces[w] : (struct pace){.folded_ms = PACE_NEVER};
}

/* Move the records to a block for `wanted` of them. */
static void resize(struct log *log, const struct set_lane *lane, struct slab *slab, size_t wanted)
{
    size_t size = lane->table->record_size;
    struct log before = *log;
    const struct header *header = before.capacity > LOG_SHORT_MAX ? header_of(&before, lane) : NULL;
    struct id_index *ids = header != NULL ? header->ids : NULL;
    log->capacity = capacity_for(lane, wanted);
    if (ids != NULL && log->capacity < before.capacity / 2) { /* the set is made anew, smaller, or is not needed any more */
        id_index_free(ids, slab);
        ids = NULL;
    }
    log->records = (char *)slab_take(slab, block_size(lane, log->capacity)) + header_size(lane, log->capacity);
    log->start = 0;
    if (log->count > 0)
        memcpy(log->records, before.records + before.start * size, log->count * size);
    if (is_long(log) && ids == NULL) {
        ids = id_index_new(slab, log->capacity);
        for (size_t i = 0; i < log->count; i++)
            ids = id_index_add(ids, slab, stamp_of(log_record(log, lane, i))->id);
    } else if (!is_long(log)) {
        id_index_free(ids, slab);
        ids = NULL;
    }
    if (log->capacity > LOG_SHORT_MAX)
        fill_header(log, lane, header, ids);
    give_block(&before, lane, slab);
}

/* Make room for one more record behind the last. Short logs grow by what their block's size class gives. */
static void reserve(struct log *log, const struct set_lane *lane, struct slab *slab)
{
    if (log->start + log->count < log->capacity)
        return;
    size_t size = lane->table->record_size;
    if (log->start > log->capacity / 8) {
        memmove(log->records, log->records + log->start * size, log->count * size);
        log->start = 0;
        return;
    }
    resize(log, lane, slab, log->count + 1 + log->count / 8);
}

void log_fit(struct log *log, const struct set_lane *lane, struct slab *slab)
{
    if (log->count > 0 && log->capacity > 2 * log->count && capacity_for(lane, log->count) * 2 <= log->capacity)
        resize(log, lane, slab, log->count);
}

void log_free_large(struct log *log, const struct set_lane *lane, struct slab *slab)
{
    if (log->records == NULL)
        return;
    if (is_long(log))
        id_index_free(*ids_of(log, lane), slab);
    if (block_size(lane, log->capacity) > SLAB_LARGEST)
        give_block(log, lane, slab);
}

/* Take one record out, without its texts. */
static void take_out(struct log *log, const struct set_lane *lane, size_t index)
{
    size_t size = lane->table->record_size;
    memmove(record_at(log, lane, index), record_at(log, lane, index + 1), (log->count - index - 1) * size);
    log->count--;
}

static void put_in(struct log *log, const struct set_lane *lane, const void *record)
{
    size_t size = lane->table->record_size, at = log->count;
    while (at > 0 && before(stamp_of(record), stamp_of(log_record(log, lane, at - 1))))
        at--;
    memmove(record_at(log, lane, at + 1), record_at(log, lane, at), (log->count - at) * size);
    memcpy(record_at(log, lane, at), record, size);
    log->count++;
}

/* Where a record with this id is; log->count if nowhere. In a long log first where a copy would be that has kept its time. */
static size_t find_id(const struct log *log, const struct set_lane *lane, uint64_t id, int64_t time_ms)
{
    if (is_long(log) && !id_index_has(*ids_of(log, lane), id))
        return log->count;
    size_t index = is_long(log) ? log_from(log, lane, time_ms) : 0;
    for (; index < log->count && is_long(log) && log_time(log, lane, index) == time_ms; index++)
        if (stamp_of(log_record(log, lane, index))->id == id)
            return index;
    index = 0;
    while (index < log->count && stamp_of(log_record(log, lane, index))->id != id)
        index++;
    return index;
}

enum log_result log_insert(struct log *log, const struct set_lane *lane, struct slab *slab, struct texts *texts,
                           const void *record, int64_t *replaced_ms)
{
    const sl_stamp *stamp = stamp_of(record);
    size_t copy = find_id(log, lane, stamp->id, stamp->time_ms);
    if (copy < log->count) {
        const char *kept = log_record(log, lane, copy);
        int64_t kept_ms = stamp_of(kept)->time_ms;
        if (stamp->time_ms > kept_ms ||
            (stamp->time_ms == kept_ms && compare_records(lane, record, kept) >= 0))
            return LOG_DUPLICATE;
        *replaced_ms = kept_ms;
        drop_texts(lane, texts, kept);
        take_out(log, lane, copy);
        put_in(log, lane, record);
        return LOG_REPLACED;
    }
    reserve(log, lane, slab);
    put_in(log, lane, record);
    if (is_long(log))
        *ids_of(log, lane) = id_index_add(*ids_of(log, lane), slab, stamp->id);
    return LOG_INSERTED;
}

void log_remove(struct log *log, const struct set_lane *lane, struct slab *slab, struct texts *texts, const sl_stamp *stamp)
{
    size_t index = find_id(log, lane, stamp->id, stamp->time_ms);
    if (index == log->count)
        return;
    drop_texts(lane, texts, log_record(log, lane, index));
    if (is_long(log))
        id_index_remove(*ids_of(log, lane), stamp->id);
    take_out(log, lane, index);
    if (log->count == 0)
        log_trim(log, lane, slab, texts, 0);
}

/* Stamp and texts of a record are the host's, whatever a plugin did to them: texts are counted. */
static void put_back(const struct set_lane *lane, char *record, const char *before)
{
    memcpy(record, before, sizeof(sl_stamp));
    for (size_t i = 0; i < lane->text_count; i++)
        memcpy(record + lane->text_offsets[i], before + lane->text_offsets[i], sizeof(sl_text));
}

/* Does one of the first `count` records, of the same time, take `from` into itself? */
static bool taken(struct log *log, const struct set_lane *lane, size_t count, const char *from)
{
    int64_t time_ms = stamp_of(from)->time_ms;
    for (size_t i = count; i > 0 && count - i < LOG_COMBINE_NEAR && log_time(log, lane, i - 1) == time_ms; i--) {
        char *into = record_at(log, lane, i - 1);
        char before[LANE_RECORD_MAX];
        memcpy(before, into, lane->table->record_size);
        plugin_call_begin(PLUGIN_COMBINE, &lane->id);
        bool done = lane->table->combine(lane->self, into, from);
        plugin_call_end();
        put_back(lane, into, before);
        if (done)
            return true;
    }
    return false;
}

void log_combine(struct log *log, const struct set_lane *lane, struct slab *slab, struct texts *texts, size_t begin, size_t end)
{
    size_t size = lane->table->record_size, kept = begin;
    plugin_call.key = text_view(&log->key);
    if (key_barred(&lane->bars, plugin_call.key))
        return;
    for (size_t i = begin; i < end; i++) {
        char *record = record_at(log, lane, i);
        if (taken(log, lane, kept, record)) {
            if (is_long(log))
                id_index_remove(*ids_of(log, lane), stamp_of(record)->id);
            drop_texts(lane, texts, record);
            continue;
        }
        if (kept < i)
            memcpy(record_at(log, lane, kept), record, size);
        kept++;
    }
    if (kept == end)
        return;
    memmove(record_at(log, lane, kept), record_at(log, lane, end), (log->count - end) * size);
    log->count -= (uint32_t)(end - kept);
    log_fit(log, lane, slab);
}

void log_trim(struct log *log, const struct set_lane *lane, struct slab *slab, struct texts *texts, size_t count)
{
    assert(count <= log->count);
    for (size_t i = 0; i < count; i++) {
        const char *record = log_record(log, lane, i);
        drop_texts(lane, texts, record);
        if (is_long(log))
            id_index_remove(*ids_of(log, lane), stamp_of(record)->id);
    }
    log->start += (uint32_t)count;
    log->count -= (uint32_t)count;
    if (log->count > 0) {
        if (is_long(log) && log->count < LOG_SCAN_MAX / 2)
            resize(log, lane, slab, log->count + 1);
        return;
    }
    if (log->records != NULL && is_long(log))
        id_index_free(*ids_of(log, lane), slab);
    give_block(log, lane, slab);
}
