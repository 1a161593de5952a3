/* extraction.c - see extraction.h. */
#include "engine/extraction.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/text_handle.h"
#include "base/time.h"
#include "engine/combining.h"
#include "engine/key_hash.h"
#include "plugin/plugin_table.h"
#include "snowplow/json.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define SAY_EVERY_MS 3600000 /* what goes on is in the figures */

struct staged {
    size_t lane;
    sl_view key;    /* its data is NULL where the lane has keys of its own: they are in extraction->own_keys, */
    size_t own_key; /* from here on */
    _Alignas(8) char record[LANE_RECORD_MAX];
};

/* The records of one event and lane, as `extract_many` sees it. */
struct event_records {
    sl_records base;
    struct extraction *extraction;
    size_t lane;
    sl_view key; /* the event's user or session; unused where the lane has its own */
    sl_stamp at;
    size_t first; /* of its records among those staged */
    bool unkeyed; /* one had no key, or none that can be one */
    _Alignas(8) char nowhere[LANE_RECORD_MAX]; /* what is filled in and not kept */
};

void extraction_init(struct extraction *extraction, const struct engine_settings *settings, int worker)
{
    memset(extraction, 0, sizeof *extraction);
    extraction->settings = settings;
    extraction->reader = reader_new(settings->set->plan);
    extraction->costs = memory_new((settings->set->lane_count + 1) * sizeof *extraction->costs);
    extraction->next = memory_new(((size_t)settings->source->partitions + 1) * sizeof *extraction->next);
    for (int32_t p = 0; p < settings->source->partitions; p++)
        extraction->next[p] = source_begin(settings->source, p);
    watermark_init(&extraction->watermark, settings->source, settings->time, worker, settings->workers, settings->clock,
                   settings->disorder_ms, settings->idle_ms);
}

void extraction_free(struct extraction *extraction)
{
    reader_free(extraction->reader);
    free(extraction->staged);
    free(extraction->costs);
    buffer_free(&extraction->own_keys);
    free(extraction->next);
    watermark_free(&extraction->watermark);
}

static void refuse(struct extraction *extraction, const struct message *message, const struct bad_row *bad)
{
    extraction->bad++;
    dead_letters_put(extraction->settings->letters, bad, message->bytes, message->partition, message->offset);
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

/* What the message says of when it was written: its Kafka timestamp, or, where that can't be one, the time that it is believed to
 * be now. Of a file: the wall clock when it was read. */
static int64_t stamp_of(const struct extraction *extraction, const struct message *message)
{
    bool counts = message->stamp_ms >= MESSAGE_FIRST_STAMP_MS || extraction->settings->source->ordered;
    return counts ? message->stamp_ms : extraction->watermark.now_ms;
}

static void count_unstamped(struct extraction *extraction, const struct message *message)
{
    static struct log_limit limit = {.every_ms = SAY_EVERY_MS};
    char stamp[TIME_TEXT_MAX] = "none";
    if (message->stamp_ms != INT64_MIN)
        (void)time_text(message->stamp_ms, stamp);
    extraction->unstamped++;
    log_limited(&limit, LOG_LEVEL_WARN, "partition %d: the Kafka timestamp of the message at offset %lld does not count: %s; such "
                "messages are taken to be of the moment at which they are read; do this: let the producer set it, or set "
                "message.timestamp.type=LogAppendTime for the topic", (int)message->partition, (long long)message->offset, stamp);
}

static bool time_fits(const struct extraction *extraction, int64_t stamp_ms, const struct event_head *head, struct bad_row *bad)
{
    int64_t future_ms = extraction->settings->future_ms;
    if (head->time_ms - future_ms <= stamp_ms) /* a stamp may be anything, a time is within the calendar */
        return true;
    char event_time[TIME_TEXT_MAX], stamp[TIME_TEXT_MAX];
    size_t size = time_text(head->time_ms, event_time);
    (void)time_text(stamp_ms, stamp);
    bad_row_set(bad, BAD_FUTURE, "derived_tstamp", (sl_view){event_time, size},
                "event time %s is %lld ms ahead of its message, which is of %s; at most %lld ms are believed (source.future)", event_time,
                (long long)(head->time_ms - stamp_ms), stamp, (long long)future_ms);
    return false;
}

/* Did a plugin crash at this message twice? */
static bool is_barred(const struct extraction *extraction, const struct message *message, struct bad_row *bad)
{
    const struct message_bar *bar = message_barred(&extraction->settings->set->bars, message->partition, message->offset);
    if (bar == NULL)
        return false;
    bad_row_set(bad, BAD_PLUGIN, bar->plugin->lane, (sl_view){0}, "lane %s ended the host at this event again and again: it is left out",
                bar->plugin->lane);
    return true;
}

static struct staged *stage(struct extraction *extraction, size_t lane)
{
    if (extraction->staged_count == extraction->staged_capacity) {
        extraction->staged_capacity = extraction->staged_capacity == 0 ? 16 : extraction->staged_capacity * 2;
        extraction->staged = memory_resize(extraction->staged, extraction->staged_capacity * sizeof *extraction->staged);
    }
    struct staged *staged = &extraction->staged[extraction->staged_count++];
    staged->lane = lane;
    return staged;
}

/* The stamp is the host's, whatever a plugin did to it: of the record number `number` of the event in this lane. */
static void put_stamp(char *record, const struct set_lane *lane, sl_stamp at, size_t number)
{
    if (lane->table->extract_many != NULL)
        at.id = (at.id & ~(uint64_t)(SL_EVENT_RECORDS_MAX - 1)) | number;
    at.time_ms = combining_time(lane, at.time_ms);
    memcpy(record, &at, sizeof at);
}

static void extract_one(struct extraction *extraction, size_t number, const sl_event *event, sl_view key)
{
    const struct set_lane *lane = &extraction->settings->set->lanes[number];
    struct staged *staged = stage(extraction, number);
    staged->key = key;
    memset(staged->record, 0, lane->table->record_size);
    put_stamp(staged->record, lane, event->at, 0);
    if (!lane->table->extract(lane->self, event, staged->record))
        extraction->staged_count--;
    else
        put_stamp(staged->record, lane, event->at, 0);
}

static void *records_add(sl_records *base, sl_view key)
{
    struct event_records *records = (struct event_records *)(void *)base;
    struct extraction *extraction = records->extraction;
    const struct set_lane *lane = &extraction->settings->set->lanes[records->lane];
    bool own = lane->table->key == SL_KEY_OWN, keyed = !own || (key.size > 0 && key.size <= KEY_MAX);
    size_t before = extraction->staged_count - records->first;
    if (!keyed || before == SL_EVENT_RECORDS_MAX) {
        records->unkeyed = records->unkeyed || !keyed;
        if (own && key.size > KEY_MAX && !extraction->long_key) {
            extraction->long_key = true;
            bad_row_set(&extraction->bad_key, BAD_SIZE, "", key, "lane %s gives a record of it a key of %zu bytes, and a key has at most %d",
                        lane->name, key.size, KEY_MAX);
        }
        if (before == SL_EVENT_RECORDS_MAX)
            extraction->crowded = lane;
        memset(records->nowhere, 0, sizeof records->nowhere);
        put_stamp(records->nowhere, lane, records->at, 0);
        return records->nowhere;
    }
    struct staged *staged = stage(extraction, records->lane);
    staged->key = own ? (sl_view){NULL, key.size} : records->key;
    staged->own_key = extraction->own_keys.size;
    if (own)
        buffer_put(&extraction->own_keys, key.data, key.size);
    memset(staged->record, 0, lane->table->record_size);
    put_stamp(staged->record, lane, records->at, before);
    return staged->record;
}

/* False: one of its records had no key. */
static bool extract_many(struct extraction *extraction, size_t number, const sl_event *event, sl_view key)
{
    static const sl_records_table table = {.struct_size = sizeof table, .add = records_add};
    const struct set_lane *lane = &extraction->settings->set->lanes[number];
    struct event_records records = {.base = {&table},
                                          .extraction = extraction,
                                          .lane = number,
                                          .first = extraction->staged_count,
                                          .key = key,
                                          .at = event->at};
    lane->table->extract_many(lane->self, event, &records.base);
    for (size_t i = records.first; i < extraction->staged_count; i++)
        put_stamp(extraction->staged[i].record, lane, event->at, i - records.first);
    return !records.unkeyed;
}

/* The key of the event read last, for a lane; none is needed where it makes its own. */
static bool find_key(struct extraction *extraction, const struct set_lane *lane, sl_view *key)
{
    *key = (sl_view){0};
    if (lane->table->key == SL_KEY_OWN)
        return true;
    *key = lane->table->key == SL_KEY_USER ? reader_user(extraction->reader) : reader_session(extraction->reader);
    return key->size > 0;
}

/* False: something of it had no key. */
static bool offer(struct extraction *extraction, size_t number, const sl_event *event, sl_view key)
{
    struct lane_cost *cost = &extraction->costs[number];
    bool sampled = cost->extract.calls++ % COST_EXTRACTS == 0, keyed = true;
    int64_t began_ns = sampled ? cost_clock() : 0;
    size_t before = extraction->staged_count;
    plugin_call.key = key;
    plugin_call_begin(PLUGIN_EXTRACT, &extraction->settings->set->lanes[number].id);
    if (extraction->settings->set->lanes[number].table->extract_many == NULL)
        extract_one(extraction, number, event, key);
    else
        keyed = extract_many(extraction, number, event, key);
    plugin_call_end();
    if (sampled)
        cost_sample(&cost->extract, began_ns, 1);
    cost->kept += extraction->staged_count - before;
    return keyed;
}

/* After extraction: did anything that was looked at, or a lane that wanted too much of it, spoil the event? */
static bool spoiled(const struct extraction *extraction, struct bad_row *bad)
{
    if (reader_failed(extraction->reader, bad))
        return true;
    if (extraction->long_key)
        *bad = extraction->bad_key;
    if (extraction->long_key || extraction->crowded == NULL)
        return extraction->long_key;
    bad_row_set(bad, BAD_SIZE, "", (sl_view){0}, "lane %s would make more than %d records of this one event",
                extraction->crowded->name, SL_EVENT_RECORDS_MAX);
    return true;
}

/* Give every lane that wants the event its look at it, or only those whose bit is set in *lanes. Their records are staged. */
static void extract(struct extraction *extraction, const struct event_head *head, const uint64_t *lanes)
{
    const struct lane_set *set = extraction->settings->set;
    bool unkeyed = false, spoilt = false;
    struct bad_row bad;
    extraction->staged_count = 0;
    extraction->crowded = NULL;
    extraction->long_key = false;
    buffer_reset(&extraction->own_keys);
    for (size_t i = 0; i < set->lane_count; i++) {
        const struct set_lane *lane = &set->lanes[i];
        uint32_t kind = lane->kinds[head->event];
        sl_view key;
        if (kind == UINT32_MAX || (lanes != NULL && (*lanes >> i & 1u) == 0))
            continue;
        bool keyed = find_key(extraction, lane, &key) &&
                     offer(extraction, i, reader_event(extraction->reader, lane->inputs, kind), key);
        unkeyed = unkeyed || !keyed;
        extraction->costs[i].unkeyed += !keyed;
        bool by_this = !spoilt && spoiled(extraction, &bad); /* the first that looked is told of */
        extraction->costs[i].spoiled += by_this;
        spoilt = spoilt || by_this;
    }
    if (lanes == NULL)
        extraction->unkeyed += unkeyed;
}

/* Append a staged record to the parcel of its key's owner, its long texts behind it. */
static void send(struct extraction *extraction, const struct staged *staged, int64_t clock_ms,
                 struct parcel *const *parcels)
{
    const struct engine_settings *settings = extraction->settings;
    const struct set_lane *lane = &settings->set->lanes[staged->lane];
    size_t record_size = lane->table->record_size;
    sl_view key = staged->key;
    if (key.data == NULL)
        key.data = extraction->own_keys.data + staged->own_key;
    struct parcel *parcel = parcels[key_owner(key, lane->table->key, settings->workers)];
    struct buffer *out = &parcel->entries;
    size_t start = out->size;
    struct entry entry = {.key_hash = key_hash(key, lane->table->key),
                          .clock_ms = clock_ms,
                          .key_size = (uint32_t)key.size,
                          .lane = (uint16_t)staged->lane,
                          .record_size = (uint16_t)record_size,
                          .event = extraction->sent_events};
    buffer_put(out, &entry, sizeof entry);
    size_t record = out->size;
    buffer_put(out, staged->record, record_size);
    buffer_put(out, key.data, key.size);
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

static void count_odd(struct extraction *extraction, const struct odd_amount *odd)
{
    const size_t most = 60;
    extraction->odd_amounts++;
    if (odd->first && !extraction->settings->made_up)
        log_warn("%s is %.*s%s, and no amount of money, which is a JSON number from 0 to 99999999999: it counts as missing; do this: let "
                 "the shop send a number; further ones at this place are counted (odd_amounts)",
                 odd->path, (int)utf8_fitting(odd->value, most), odd->value.data, odd->value.size > most ? "..." : "");
}

void extraction_take(struct extraction *extraction, const struct message *message, struct parcel *const *parcels)
{
    struct event_head head;
    struct bad_row bad;
    int64_t stamp_ms = stamp_of(extraction, message);
    plugin_call.partition = message->partition;
    plugin_call.offset = message->offset;
    if (stamp_ms != message->stamp_ms)
        count_unstamped(extraction, message);
    if (is_barred(extraction, message, &bad) || !size_fits(extraction, message, &bad) ||
        !reader_read(extraction->reader, message->bytes, &head, &bad) || !time_fits(extraction, stamp_ms, &head, &bad)) {
        refuse(extraction, message, &bad);
        return;
    }
    extraction->staged_count = 0;
    if (head.event >= 0) {
        extract(extraction, &head, NULL);
        if (spoiled(extraction, &bad)) {
            refuse(extraction, message, &bad);
            return;
        }
    }
    extraction->events++;
    extraction->unwanted += head.event < 0;
    struct odd_amount odd;
    if (head.event >= 0 && reader_odd_amount(extraction->reader, &odd))
        count_odd(extraction, &odd);
    watermark_event(&extraction->watermark, message->partition, head.time_ms, stamp_ms);
    int64_t clock_ms = watermark_now(&extraction->watermark);
    extraction->sent_events++;
    for (size_t i = 0; i < extraction->staged_count; i++)
        send(extraction, &extraction->staged[i], clock_ms, parcels);
}

void extraction_take_past(struct extraction *extraction, const struct message *message, uint64_t lanes,
                          struct parcel *const *parcels)
{
    struct event_head head;
    struct bad_row bad;
    plugin_call.partition = message->partition;
    plugin_call.offset = message->offset;
    if (is_barred(extraction, message, &bad) || !size_fits(extraction, message, &bad) ||
        !reader_read(extraction->reader, message->bytes, &head, &bad) ||
        !time_fits(extraction, stamp_of(extraction, message), &head, &bad) || head.event < 0)
        return;
    extract(extraction, &head, &lanes);
    if (spoiled(extraction, &bad))
        return;
    extraction->sent_events++;
    for (size_t i = 0; i < extraction->staged_count; i++)
        send(extraction, &extraction->staged[i], WATERMARK_UNKNOWN, parcels);
}
