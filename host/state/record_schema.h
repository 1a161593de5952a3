/* record_schema.h - what the records of a lane look like, so that a later build of the lane can read them.
 *
 * A schema is written into every segment and manifest. When a lane comes back changed there are three cases: its records
 * are as they were (whatever its fold does now); they can be copied field by field, by name; or they can't be kept, and the
 * lane is filled again from the topic. The last is so if a field is new or has another type, if the key is another, or if
 * what `extract` puts into a record may have changed: its events, its inputs, its settings, its declared record_version.
 *
 * Plain data, of whoever made it; no thread. */
#ifndef STATE_RECORD_SCHEMA_H
#define STATE_RECORD_SCHEMA_H

#include "base/buffer.h"
#include "base/error.h"

#include <shoplane/types.h>

#define SCHEMA_FIELDS_MAX 32 /* a record has 64 bytes at most, its stamp 16, a bool 1; more is refused when read */
#define SCHEMA_RECORD_MAX 64

struct schema_field {
    char name[64];
    sl_type type; /* SL_BOOL to SL_TEXT */
    uint32_t offset, size;
};

struct record_schema {
    char key[16];         /* "user", "session" */
    uint32_t record_size; /* bytes, the stamp included; 16 to SCHEMA_RECORD_MAX */
    struct schema_field fields[SCHEMA_FIELDS_MAX];
    size_t field_count;
    char *source; /* all that decides what extract fills in, as one line of text: owned, never NULL once initialised.
                     "events product_view; inputs id=product[0].id price=product[0].price; settings; version 0" */
};

void record_schema_free(struct record_schema *schema);
void record_schema_copy(struct record_schema *to, const struct record_schema *from); /* a copy of its own */

/* As lines of text, each ended by \n, and back. Reading checks everything: names, types, sizes that fit the type, fields
 * inside the record, none overlapping another or the stamp.
 *     schema user 40
 *     field id text 16 8
 *     field price money 24 8
 *     source events product_view; inputs ...
 * record_schema_read() takes the lines from *at on (of `end - *at` bytes), moves *at behind the source line, and is false
 * with the reason in `error` otherwise; *schema is then empty. */
void record_schema_write(const struct record_schema *schema, struct buffer *out);
bool record_schema_read(struct record_schema *schema, const char **at, const char *end, struct error *error);

enum schema_fit {
    SCHEMA_SAME,   /* byte for byte */
    SCHEMA_COPIED, /* field by field, by name */
    SCHEMA_NEITHER /* the records are of no use */
};

/* How records of schema `from` get to schema `to`. */
struct schema_copy {
    enum schema_fit fit;
    uint32_t record_size; /* of the result */
    struct {
        uint32_t from, to, size;
        bool widen; /* an i32 becomes an i64 */
    } moves[SCHEMA_FIELDS_MAX];
    size_t move_count;
};
/* SCHEMA_NEITHER: error->what says why, in words that fit behind "its records can't be kept: "; SCHEMA_COPIED: error->what
 * says what differs ("field price moved from 24 to 32; field old is dropped"). */
enum schema_fit record_schema_compare(const struct record_schema *from, const struct record_schema *to,
                                      struct schema_copy *copy, struct error *error);
/* `to` has room for copy->record_size bytes; the stamp is copied, what nothing is moved to is zero. */
void record_schema_move(const struct schema_copy *copy, const void *from, void *to);

#endif
