/* watched_host.c - the host's tables as plugins see them under strict.h. See watched.h. */
#include "testhost/watched.h"

#include "base/text_handle.h"
#include "snowplow/made_text.h"

#include <stdlib.h>
#include <string.h>

void guard_set(void *guard)
{
    for (size_t i = 0; i < GUARD_BYTES; i++)
        ((unsigned char *)guard)[i] = (unsigned char)(0xa5 + i);
}

bool guard_broken(const void *guard)
{
    for (size_t i = 0; i < GUARD_BYTES; i++)
        if (((const unsigned char *)guard)[i] != (unsigned char)(0xa5 + i))
            return true;
    return false;
}

/* ---- slots that no SDK has ---- */

#define BEYOND 8
typedef void (*slot)(void);

/* Whose call it is; one set is watched by one thread, and nobody calls two plugins at once. */
static struct watched *calling;

static void beyond(void)
{
    strict_slot(calling->strict);
    abort();
}
#define SLOTS                                                          \
    {                                                                  \
        beyond, beyond, beyond, beyond, beyond, beyond, beyond, beyond \
    }

/* ---- events ---- */

static const sl_event *live(const sl_event *event, uint32_t input, unsigned asked)
{
    const struct watched_event *watched = (const struct watched_event *)(const void *)event;
    calling = watched->watched;
    if (watched->host == NULL) {
        watched_breach(watched->watched, "kept", "take from an event what is needed while `extract` runs, into the record",
                       "it reads an event after the call that gave it");
        return NULL;
    }
    if (input >= watched->watched->inputs) {
        watched_breach(watched->watched, "input", "the functions of event.h take the index in the lane's own list `inputs`",
                       "%s asks for input %u, and it has %u", watched->watched->function, input, watched->watched->inputs);
        return NULL;
    }
    strict_asked(watched->watched->strict, input, asked);
    return watched->host;
}

static uint32_t event_count(const sl_event *event, uint32_t input)
{
    const sl_event *host = live(event, input, 0);
    return host == NULL ? 0 : host->table->count(host, input);
}
static sl_view event_view(const sl_event *event, uint32_t input, uint32_t index)
{
    const sl_event *host = live(event, input, ASKED_TEXT);
    return host == NULL ? (sl_view){"", 0} : host->table->view(host, input, index);
}
static sl_text event_text(const sl_event *event, uint32_t input, uint32_t index)
{
    const sl_event *host = live(event, input, ASKED_TEXT);
    return host == NULL ? (sl_text){0} : host->table->text(host, input, index);
}
static bool event_money(const sl_event *event, uint32_t input, uint32_t index, int64_t *micros)
{
    const sl_event *host = live(event, input, ASKED_NUMBER);
    return host != NULL && host->table->money(host, input, index, micros);
}
static bool event_number(const sl_event *event, uint32_t input, uint32_t index, double *number)
{
    const sl_event *host = live(event, input, ASKED_NUMBER);
    return host != NULL && host->table->number(host, input, index, number);
}
static bool event_flag(const sl_event *event, uint32_t input, uint32_t index, bool *flag)
{
    const sl_event *host = live(event, input, ASKED_FLAG);
    return host != NULL && host->table->flag(host, input, index, flag);
}

/* What a plugin makes a text of is UTF-8, and not too long: what is not, the host changes. */
static void look_at_made(struct watched *watched, sl_view bytes)
{
    if (!made_text_good(bytes))
        watched_breach(watched, "made", "bytes of UTF-8, at most SL_TEXT_MADE_MAX: cut between characters",
                       "%s makes a text of %s", watched->function,
                       bytes.size > SL_TEXT_MADE_MAX ? "more bytes than a text may have" : "what is not UTF-8");
}

static sl_text event_keep_text(const sl_event *event, sl_view bytes)
{
    struct watched_event *watched = (struct watched_event *)(uintptr_t)event;
    calling = watched->watched;
    if (watched->host == NULL) {
        watched_breach(watched->watched, "kept", "take from an event what is needed while `extract` runs, into the record",
                       "it keeps a text of an event after the call that gave it");
        return (sl_text){0};
    }
    look_at_made(watched->watched, bytes);
    return watched->host->table->keep_text(watched->host, bytes);
}

static const struct {
    sl_event_table table;
    slot beyond[BEYOND];
} event_table = {.table = {.struct_size = sizeof(sl_event_table),
                           .count = event_count,
                           .view = event_view,
                           .text = event_text,
                           .money = event_money,
                           .number = event_number,
                           .flag = event_flag,
                           .keep_text = event_keep_text},
                 .beyond = SLOTS};

void watched_event_begin(struct watched_event *event, struct watched *watched, const sl_event *host)
{
    *event = (struct watched_event){.event = *host, .host = host, .watched = watched};
    event->event.table = &event_table.table;
    event->event.reserved = 0xa5a5a5a5u;
    calling = watched;
}

void watched_event_end(struct watched_event *event) { event->host = NULL; }

/* ---- records of one event ---- */

/* What was lent is complete. */
static void take_back(struct watched_records *records)
{
    char *room = records->rooms[records->lent].record;
    if (records->target == NULL)
        return;
    if (guard_broken(room + records->record_size))
        watched_breach(records->watched, "record", "a record has record_size bytes", "%s writes behind the end of a record",
                       records->watched->function);
    records->filled(records->watched, room);
    memcpy(records->target, room, records->record_size);
    records->target = NULL;
}

/* Nobody may have written to the one before. */
static void look_at_former(struct watched_records *records)
{
    const char *room = records->rooms[1 - records->lent].record;
    for (size_t i = 0; i < records->record_size; i++)
        if (room[i] != '\x5a') {
            watched_breach(records->watched, "record", "fill a record before the next is asked for",
                           "%s writes to a record after the next was asked for", records->watched->function);
            return;
        }
}

static void *records_add(sl_records *base, sl_view key)
{
    struct watched_records *records = (struct watched_records *)(void *)base;
    if (records->host == NULL) {
        watched_breach(records->watched, "kept", "ask for records while `extract_many` runs",
                       "it asks for a record after the call that gave the list");
        return records->rooms[0].record;
    }
    take_back(records);
    look_at_former(records);
    records->target = records->host->table->add(records->host, key);
    memset(records->rooms[records->lent].record, 0x5a, sizeof records->rooms[0].record);
    records->lent = 1 - records->lent;
    char *room = records->rooms[records->lent].record;
    memcpy(room, records->target, records->record_size);
    guard_set(room + records->record_size);
    return room;
}

static const struct {
    sl_records_table table;
    slot beyond[BEYOND];
} records_table = {.table = {.struct_size = sizeof(sl_records_table), .add = records_add}, .beyond = SLOTS};

void watched_records_begin(struct watched_records *records, struct watched *watched, sl_records *host, size_t record_size,
                           void (*filled)(struct watched *watched, void *record))
{
    records->records.table = &records_table.table;
    records->host = host;
    records->watched = watched;
    records->record_size = record_size;
    records->target = NULL;
    records->lent = 0;
    records->filled = filled;
    memset(records->rooms, 0x5a, sizeof records->rooms);
    calling = watched;
}

void watched_records_end(struct watched_records *records)
{
    take_back(records);
    look_at_former(records);
    records->host = NULL;
}

/* ---- scratch ---- */

static struct watched_scratch *scratch_of(const sl_scratch *scratch) { return (struct watched_scratch *)(uintptr_t)scratch; }

#define LEAST_ADDRESS 65536 /* of what a worker has interned; below are the numbers of a reader's current event */

/* A text that is none is taken for the empty one. */
static sl_text checked(struct watched *watched, sl_text text)
{
    unsigned tag = (unsigned)(text.handle >> 56);
    bool good = tag == TEXT_LONG ? text_where(text) >= LEAST_ADDRESS
                                 : tag <= TEXT_INLINE_MAX && (tag == TEXT_INLINE_MAX || text_where(text) >> (8 * tag) == 0);
    if (good)
        return text;
    watched_breach(watched, "text", "an sl_text comes from sl_event_text(), and lies in a declared field of type SL_TEXT",
                   "%s gives the host a text that is none: handle %016llx", watched->function, (unsigned long long)text.handle);
    return (sl_text){0};
}

static void *scratch_alloc(sl_scratch *scratch, size_t size)
{
    sl_scratch *host = scratch_of(scratch)->host;
    return host->table->alloc(host, size);
}
static sl_view scratch_text_view(const sl_scratch *scratch, const sl_text *text)
{
    const struct watched_scratch *watched = scratch_of(scratch);
    sl_text good = checked(watched->watched, *text);
    return sl_text_empty(good) ? (sl_view){"", 0} : watched->host->table->text_view(watched->host, text);
}
static int64_t scratch_counts_add(sl_scratch *scratch, sl_counts **counts, sl_text key, int64_t by)
{
    struct watched_scratch *watched = scratch_of(scratch);
    return watched->host->table->counts_add(watched->host, counts, checked(watched->watched, key), by);
}
static bool scratch_list_add(sl_scratch *scratch, sl_list **list, sl_text item)
{
    struct watched_scratch *watched = scratch_of(scratch);
    return watched->host->table->list_add(watched->host, list, checked(watched->watched, item));
}

static sl_text scratch_text_make(sl_scratch *scratch, sl_view bytes)
{
    struct watched_scratch *watched = scratch_of(scratch);
    look_at_made(watched->watched, bytes);
    return watched->host->table->text_make(watched->host, bytes);
}

/* It takes no scratch; the host's own table is the same for all. */
static const sl_scratch_table *host_table;
static int64_t scratch_counts_of(const sl_counts *counts, sl_text key)
{
    return host_table->counts_of(counts, checked(calling, key));
}

/* One size a map: false where it is asked for with another one. */
static bool map_has_size(const struct watched_scratch *scratch, const sl_map *map, size_t size)
{
    for (size_t i = 0; i < scratch->map_count; i++) {
        if (scratch->maps[i].map != map || scratch->maps[i].size == size)
            continue;
        watched_breach(scratch->watched, "map", "one size a map: a map of its own for each struct",
                       "%s asks for %zu bytes in a map that has structs of %zu", scratch->watched->function, size,
                       scratch->maps[i].size);
        return false;
    }
    return true;
}
static void *scratch_map_at(sl_scratch *scratch, sl_map **map, sl_text key, size_t size)
{
    struct watched_scratch *watched = scratch_of(scratch);
    bool is_new = *map == NULL;
    if (!is_new && !map_has_size(watched, *map, size))
        return scratch_alloc(scratch, size);
    void *item = watched->host->table->map_at(watched->host, map, checked(watched->watched, key), size);
    if (is_new && watched->map_count < WATCHED_MAPS) {
        watched->maps[watched->map_count].map = *map;
        watched->maps[watched->map_count++].size = size;
    }
    return item;
}

sl_scratch *watched_scratch_for(struct watched_scratch *scratch, struct watched *watched, sl_scratch *host)
{
    static struct {
        sl_scratch_table table;
        slot beyond[BEYOND];
    } watched_table;
    watched_table.table = *host->table; /* what takes no scratch is the host's own */
    watched_table.table.alloc = scratch_alloc;
    watched_table.table.text_view = scratch_text_view;
    watched_table.table.counts_add = scratch_counts_add;
    watched_table.table.list_add = scratch_list_add;
    watched_table.table.map_at = scratch_map_at;
    watched_table.table.text_make = scratch_text_make;
    watched_table.table.counts_of = scratch_counts_of;
    host_table = host->table;
    for (size_t i = 0; i < BEYOND; i++)
        watched_table.beyond[i] = beyond;
    scratch->scratch.table = &watched_table.table;
    scratch->host = host;
    scratch->watched = calling = watched;
    return &scratch->scratch;
}

void watched_scratch_forget(struct watched_scratch *scratch) { scratch->map_count = 0; }
