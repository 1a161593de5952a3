/* case_event.h - an event of a golden case as a line of enriched TSV: what Snowplow's tracker, collector and enrichments would
 * have made of it. CASES.md says how fields are written. */
#ifndef TESTHOST_CASE_EVENT_H
#define TESTHOST_CASE_EVENT_H

#include "base/buffer.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

/* The short name of an entity's or an event's schema: "product", or "wishlist" = com.acme/wishlist. */
struct case_schema {
    char *name;
    char *vendor, *schema, *version; /* iglu:{vendor}/{schema}/jsonschema/{version} */
    bool event;   /* of a self-describing event, else of an entity */
    bool derived; /* an entity that an enrichment adds */
    bool own;     /* the case's: bare numbers, true, false and null in it are JSON */
    const char *const *fields; /* that it has, NULL-terminated; NULL: any */
};
struct case_schemas {
    struct case_schema *items;
    size_t count;
};

/* Snowplow's own. */
void case_schemas_begin(struct case_schemas *schemas);
void case_schemas_free(struct case_schemas *schemas);
/* "NAME = iglu:vendor/schema/jsonschema/1-0-0 [derived]". False: *error. */
bool case_schemas_add(struct case_schemas *schemas, bool event, const char *text, struct error *error);

/* The event `name` with `count` words "field=value", number `number` of its case (which makes its event_id where none is
 * given). `received_ms`: the collector's time. The line, without a newline, is appended to `out`. False: *error says what is
 * wrong. */
bool case_event_line(const struct case_schemas *schemas, int64_t time_ms, int64_t received_ms, size_t number, const char *name,
                     char *const *words, size_t count, struct buffer *out, struct error *error);

/* A time of the day of all cases, "12:00:00" or "12:00:00.250"; days after begin at 24:00:00. */
bool case_time(const char *text, int64_t *ms);
/* The way it is written. */
#define CASE_TIME_MAX 24
const char *case_time_text(int64_t ms, char out[CASE_TIME_MAX]);

#endif
