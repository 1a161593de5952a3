/* event_reader.h - from the bytes of one message to the typed event that lanes read.
 *
 * A plan is the sum of what all enabled lanes ask for: places (inputs) and event names, resolved once at load for both
 * formats, constant afterwards and shared by all workers. A reader belongs to one worker: it holds the JSON parsers, the
 * split columns of the current message, unescaped texts, and the memo of device classes.
 *
 *     plan_new -> plan_add_event, plan_add_inputs -> plan_seal
 *     reader_new(plan) -> for each message: reader_read -> for each lane: reader_extract... -> reader_failure
 *
 * The line is split once; a JSON column is opened the first time a place inside it is asked for (or the event's name is
 * inside: snowplow_ecommerce_action), and then everything the plan wants from it is taken in that one pass. */
#ifndef SNOWPLOW_EVENT_READER_H
#define SNOWPLOW_EVENT_READER_H

#include "base/error.h"
#include "snowplow/bad_row.h"

#include <shoplane/event.h>
#include <shoplane/lane.h>

struct plan;
struct reader;

struct plan *plan_new(void);
void plan_free(struct plan *plan);

/* The number under which reader_read() reports an event of this name (event_name.h); the same name always gives the same number,
 * counted from 0. An event whose whole name was added has that number, and not the one of a name with "*" for a vendor. */
uint32_t plan_add_event(struct plan *plan, const char *name);
const char *plan_event_name(const struct plan *plan, uint32_t number);

/* Resolve the inputs of one lane (a list that ends with a zeroed entry; may be NULL). Returns the lane's handle for
 * reader_lane(), or -1 with an error that names the input, its path and what would be right. */
int plan_add_inputs(struct plan *plan, const sl_input *inputs, struct error *error);

/* Ids of users and sessions that stand for no one (nobody.h); without this every id is somebody's. At most once. */
void plan_set_nobody(struct plan *plan, const char *const *ids, size_t count);

/* A text that a lane keeps has at most so many bytes; an event with a longer one is spoilt. Without this, as many as there are. */
void plan_set_text_max(struct plan *plan, size_t bytes);

/* No more additions after this; a reader can be made. */
void plan_seal(struct plan *plan);

struct reader *reader_new(const struct plan *plan);
void reader_free(struct reader *reader);

/* What every event has. Views point into the message or the reader: valid until the next reader_read. */
struct event_head {
    int64_t time_ms;       /* DESIGN.md section 3, Time; already clamped to collector_tstamp */
    uint64_t id;           /* XXH3_64bits of event_id's bytes (seed 0) */
    sl_view event_id;
    sl_view name;          /* FEATURES.md section 0 */
    int32_t event;         /* number from plan_add_event, or -1: no lane wants it */
};

/* Read one message: tell its format (enriched TSV or the accelerator's JSON), check, split, find time, id and name.
 * `message` must stay as it is until the next call. Without the trailing newline. True: *head is filled. False: *bad says
 * why (see bad_row.h), and the message belongs in the dead letters. Never reads outside the message. */
bool reader_read(struct reader *reader, sl_view message, struct event_head *head, struct bad_row *bad);

/* The keys of the event read last: the first of its ids that stands for somebody; size 0 if it has none. One of more than KEY_MAX
 * bytes spoils the event: each of its features would carry it. The session may have to open `contexts`; if that fails the view
 * is empty and reader_failed() is set. */
#define KEY_MAX SL_KEY_OWN_MAX
sl_view reader_user(struct reader *reader);
sl_view reader_session(struct reader *reader);

/* The event as the lane with this handle sees it; `kind` is what sl_event_kind() will say. Valid until the next call of
 * this function or of reader_read(). */
const sl_event *reader_event(struct reader *reader, int lane, uint32_t kind);

/* After extraction: did anything that was looked at spoil the event? True: *bad says why. */
bool reader_failed(const struct reader *reader, struct bad_row *bad);

/* What stood where a lane asked for an amount of money, and is none: a string, say, or a number out of range (money.h). It counts as
 * missing. `first`: of no other event, of no reader of the plan, was one at this place given out. */
struct odd_amount {
    const char *path;
    sl_view value; /* as it stands in the event */
    bool first;
};
/* The first of the event read last; false: there was none. */
bool reader_odd_amount(const struct reader *reader, struct odd_amount *odd);

/* The bytes behind a handle that sl_event_text() or sl_event_keep_text() gave for the current event, once all lanes have seen it.
 * `*text` must stay put: texts of up to 7 bytes live in the handle itself (see base/text_handle.h). */
sl_view reader_text(const struct reader *reader, const sl_text *text);

#endif
