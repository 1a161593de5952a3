/* event.h - one Snowplow event, as a lane sees it.
 *
 * A lane names the places in an event that it reads (`inputs`); the host resolves them once, at load, for both formats it
 * reads (enriched TSV and the live-shopper accelerator's JSON), and opens a JSON column only when a lane asks for
 * something inside it. The functions here take the index of an input in the lane's list.
 *
 * A place is one of
 *     page_url, platform, mkt_campaign, ...    a column of the enriched event, by its name
 *     product[0].price                         a field of the first such entity, among contexts and derived_contexts
 *     product[*].price                         the same of every such entity; read with an index, see sl_event_count()
 *     com.acme/wishlist/1[0].size              an entity by vendor, name and model; short names stand for Snowplow's own
 *                                              (product, cart, checkout_step, transaction, refund, promotion,
 *                                              transaction_error, page, user, client_session, web_page, ...), model 1
 *     event.name                               a field of the self-describing event's data
 *     @device_class, @location, @user, @session   what the host derives: FEATURES.md sections 0 and 5
 *
 * An sl_event lives for the length of one `extract`, on one thread; nothing in it may be kept but through the record.
 * What is absent, empty or null reads as the `missing` argument, or as an empty text. A number or boolean where a text is asked
 * for is as it is written, `5` or `true`; an object or a list there spoils the event: it goes to the dead letters as a whole,
 * whatever the lanes return, so that a plugin need not check. A price that is not a number, or out of range, counts as missing; the
 * host counts such events and says the first at each place. */
#ifndef SHOPLANE_EVENT_H
#define SHOPLANE_EVENT_H

#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A place in an event that the lane reads: a name for messages, and the path. A list ends with a zeroed entry. */
typedef struct sl_input {
    const char *name;
    const char *path;
} sl_input;

typedef struct sl_event sl_event;

/* The host's side of an event; plugins use the inline functions below. */
typedef struct sl_event_table {
    uint32_t struct_size;
    uint32_t (*count)(const sl_event *event, uint32_t input);
    sl_view (*view)(const sl_event *event, uint32_t input, uint32_t index);
    sl_text (*text)(const sl_event *event, uint32_t input, uint32_t index);
    bool (*money)(const sl_event *event, uint32_t input, uint32_t index, int64_t *micros);
    bool (*number)(const sl_event *event, uint32_t input, uint32_t index, double *number);
    bool (*flag)(const sl_event *event, uint32_t input, uint32_t index, bool *flag);
    sl_text (*keep_text)(const sl_event *event, sl_view bytes); /* since SDK 1.3 */
} sl_event_table;

struct sl_event {
    const sl_event_table *table;
    sl_stamp at;   /* event time and hashed id; the host copies it into the record */
    uint32_t kind; /* which of the lane's `events` this is: its index in that list */
    uint32_t reserved;
};

/* Which of the lane's `events` this is: an index into that list. */
static inline uint32_t sl_event_kind(const sl_event *event) { return event->kind; }

/* How many entities a place with [*] has in this event; 1 or 0 for any other place, by whether it is there. */
static inline uint32_t sl_event_count(const sl_event *event, uint32_t input)
{
    return event->table->count(event, input);
}

/* The text at a place, to be kept in the record. Empty if it is not there. */
static inline sl_text sl_event_text(const sl_event *event, uint32_t input)
{
    return event->table->text(event, input, 0);
}
static inline sl_text sl_event_text_at(const sl_event *event, uint32_t input, uint32_t index)
{
    return event->table->text(event, input, index);
}

/* The bytes of a text, to be looked at and not kept: valid until `extract` returns. Size 0 if it is not there. */
static inline sl_view sl_event_view(const sl_event *event, uint32_t input)
{
    return event->table->view(event, input, 0);
}
static inline sl_view sl_event_view_at(const sl_event *event, uint32_t input, uint32_t index)
{
    return event->table->view(event, input, index);
}

/* Since SDK 1.3. A text of the lane's own making, to be kept in the record: a part of a URL, two fields as one. The bytes are copied.
 * It must be UTF-8: each byte that is none becomes U+FFFD; and what is longer than SL_TEXT_MADE_MAX is cut, at a character. */
static inline sl_text sl_event_keep_text(const sl_event *event, sl_view bytes)
{
    return event->table->keep_text(event, bytes);
}

/* An amount in micros: the JSON number's text rounded half-even. A string, a boolean, or a number outside 0...99 999 999 999
 * counts as missing. Add amounts with sl_sum_add() or sl_money_add() (scratch.h): an int64_t holds 92 of the largest. */
static inline int64_t sl_event_money(const sl_event *event, uint32_t input, int64_t missing)
{
    int64_t micros;
    return event->table->money(event, input, 0, &micros) ? micros : missing;
}
static inline int64_t sl_event_money_at(const sl_event *event, uint32_t input, uint32_t index, int64_t missing)
{
    int64_t micros;
    return event->table->money(event, input, index, &micros) ? micros : missing;
}
/* The same, told apart from missing: true and *micros, or false. */
static inline bool sl_event_has_money(const sl_event *event, uint32_t input, int64_t *micros)
{
    return event->table->money(event, input, 0, micros);
}

/* A JSON number, or a numeric column: any, so bound it before it becomes a whole number. A string in JSON is not a number. */
static inline double sl_event_number(const sl_event *event, uint32_t input, double missing)
{
    double number;
    return event->table->number(event, input, 0, &number) ? number : missing;
}
static inline double sl_event_number_at(const sl_event *event, uint32_t input, uint32_t index, double missing)
{
    double number;
    return event->table->number(event, input, index, &number) ? number : missing;
}

/* A JSON true or false, or a column that holds 1 or 0. */
static inline bool sl_event_flag(const sl_event *event, uint32_t input, bool missing)
{
    bool flag;
    return event->table->flag(event, input, 0, &flag) ? flag : missing;
}
static inline bool sl_event_flag_at(const sl_event *event, uint32_t input, uint32_t index, bool missing)
{
    bool flag;
    return event->table->flag(event, input, index, &flag) ? flag : missing;
}

#ifdef __cplusplus
}
#endif
#endif
