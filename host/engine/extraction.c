/* extraction.c - see extraction.h. */
#include "engine/extraction.h"

#include "base/memory.h"
#include "base/text_handle.h"
#include "engine/key_hash.h"
#include "plugin/plugin_table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct staged {
    size_t lane;
    sl_view key;
    _Alignas(8) char record[LANE_RECORD_MAX];
};

void extraction_init(struct extraction *extraction, const struct engine_settings *settings, int worker)
{
    memset(extraction, 0, sizeof *extraction);
    extraction->settings = settings;
    extraction->reader = reader_new(settings->set->plan);
    extraction->staged = memory_new((settings->set->lane_count + 1) * sizeof(struct staged));
    extraction->next = memory_new(((size_t)settings->source->partitions + 1) * sizeof *extraction->next);
    for (int32_t p = 0; p < settings->source->partitions; p++)
        extraction->next[p] = source_begin(settings->source, p);
    watermark_init(&extraction->watermark, settings->source, worker, settings->workers, settings->clock,
                   settings->disorder_ms, settings->idle_ms);
}

void extraction_free(struct extraction *extraction)
{
    reader_free(extraction->reader);
    free(extraction->staged);
    free(extraction->next);
    watermark_free(&extraction->watermark);
}

static void refuse(struct extraction *extraction, const struct message *message, const struct bad_row *bad)
{
    extraction->bad++;
    dead_letters_put(extraction->settings->letters, bad, message->bytes);
}

/* Size before, and time after reading. */
static bool size_fits(const struct extraction *extraction, const struct message *message, struct bad_row *bad)
{
    int64_t most = extraction->settings->max_message_bytes;
    if (message->bytes.size <= (size_t)most)
        return true;
    bad_row_set(bad, BAD_SIZE, "", (sl_view){0}, "message of %zu bytes, at most %lld are taken (max_message_bytes)",
                message->bytes.size, (long long)most);
    return false;
}

static bool time_fits(const struct extraction *extraction, const struct message *message, const struct event_head *head,
                      struct bad_row *bad)
{
    int64_t future_ms = extraction->settings->future_ms;
    if (head->time_ms - future_ms <= message->stamp_ms) /* a stamp may be anything, a time is within the calendar */
        return true;
    bad_row_set(bad, BAD_FUTURE, "derived_tstamp", (sl_view){0}, "event time is %lld ms ahead of its message, at most %lld is "
                "believed", (long long)(head->time_ms - message->stamp_ms), (long long)future_ms);
    return false;
}

/* Give every lane that wants the event its look at it, or only those whose bit is set in *lanes. Returns how many records
 * are staged. */
static size_t extract(struct extraction *extraction, const struct event_head *head, const uint64_t *lanes)
{
    const struct lane_set *set = extraction->settings->set;
    size_t count = 0;
    bool unkeyed = false;
    for (size_t i = 0; i < set->lane_count; i++) {
        const struct set_lane *lane = &set->lanes[i];
        uint32_t kind = lane->kinds[head->event];
        if (kind == UINT32_MAX || (lanes != NULL && (*lanes >> i & 1u) == 0))
            continue;
        sl_view key = lane->table->key == SL_KEY_USER ? reader_user(extraction->reader)
                                                      : reader_session(extraction->reader);
        if (key.size == 0) {
            unkeyed = true;
            continue;
        }
        struct staged *staged = &extraction->staged[count];
        staged->lane = i;
        staged->key = key;
        const sl_event *event = reader_event(extraction->reader, lane->inputs, kind);
        memset(staged->record, 0, lane->table->record_size);
        memcpy(staged->record, &event->at, sizeof event->at);
        if (!lane->table->extract(lane->self, event, staged->record))
            continue;
        memcpy(staged->record, &event->at, sizeof event->at); /* the stamp is the host's */
        count++;
    }
    if (lanes == NULL)
        extraction->unkeyed += unkeyed;
    return count;
}

/* Append a staged record to the parcel of its key's owner, its long texts behind it. */
static void send(struct extraction *extraction, const struct staged *staged, int64_t clock_ms,
                 struct parcel *const *parcels)
{
    const struct engine_settings *settings = extraction->settings;
    const struct set_lane *lane = &settings->set->lanes[staged->lane];
    size_t record_size = lane->table->record_size;
    struct parcel *parcel = parcels[key_owner(staged->key, lane->table->key, settings->workers)];
    struct buffer *out = &parcel->entries;
    size_t start = out->size;
    struct entry entry = {.key_hash = key_hash(staged->key, lane->table->key, settings->table_seed),
                          .clock_ms = clock_ms,
                          .key_size = (uint32_t)staged->key.size,
                          .lane = (uint16_t)staged->lane,
                          .record_size = (uint16_t)record_size};
    buffer_put(out, &entry, sizeof entry);
    size_t record = out->size;
    buffer_put(out, staged->record, record_size);
    buffer_put(out, staged->key.data, staged->key.size);
    for (size_t i = 0; i < lane->text_count; i++) {
        sl_text text;
        memcpy(&text, staged->record + lane->text_offsets[i], sizeof text);
        if (!text_is_long(text))
            continue;
        sl_view view = reader_text(extraction->reader, &text);
        assert(view.size >> 24 == 0); /* max_message_bytes is at most 16 000 000 */
        text = text_long((uint64_t)view.size << 32 | (out->size - record));
        buffer_put(out, view.data, view.size);
        memcpy(out->data + record + lane->text_offsets[i], &text, sizeof text);
    }
    size_t padding = (8 - out->size % 8) % 8;
    memset(buffer_add(out, padding), 0, padding);
    ((struct entry *)(void *)(out->data + start))->size = (uint32_t)(out->size - start);
    parcel->count++;
}

void extraction_take(struct extraction *extraction, const struct message *message, struct parcel *const *parcels)
{
    struct event_head head;
    struct bad_row bad;
    if (!size_fits(extraction, message, &bad) || !reader_read(extraction->reader, message->bytes, &head, &bad) ||
        !time_fits(extraction, message, &head, &bad)) {
        refuse(extraction, message, &bad);
        return;
    }
    size_t count = head.event < 0 ? 0 : extract(extraction, &head, NULL);
    if (head.event >= 0 && reader_failed(extraction->reader, &bad)) {
        refuse(extraction, message, &bad);
        return;
    }
    extraction->events++;
    extraction->unwanted += head.event < 0;
    watermark_event(&extraction->watermark, message->partition, head.time_ms);
    int64_t clock_ms = watermark_now(&extraction->watermark);
    for (size_t i = 0; i < count; i++)
        send(extraction, &extraction->staged[i], clock_ms, parcels);
}

void extraction_take_past(struct extraction *extraction, const struct message *message, uint64_t lanes,
                          struct parcel *const *parcels)
{
    struct event_head head;
    struct bad_row bad;
    if (!size_fits(extraction, message, &bad) || !reader_read(extraction->reader, message->bytes, &head, &bad) ||
        !time_fits(extraction, message, &head, &bad) || head.event < 0)
        return;
    size_t count = extract(extraction, &head, &lanes);
    if (reader_failed(extraction->reader, &bad))
        return;
    for (size_t i = 0; i < count; i++)
        send(extraction, &extraction->staged[i], WATERMARK_UNKNOWN, parcels);
}
