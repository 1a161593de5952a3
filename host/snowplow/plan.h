/* plan.h - what lanes want from events, resolved; the inside of event_reader.h's `struct plan`.
 *
 * Entities and the fields wanted of them are numbered, so that opening a JSON column leaves a row of node numbers for each
 * entity found, and reading a place is an index into it. Entity 0 is the self-describing event itself (event.field), which
 * has one row or none; the entities that the host itself needs are in every plan, under the numbers below. */
#ifndef SNOWPLOW_PLAN_H
#define SNOWPLOW_PLAN_H

#include "snowplow/columns.h"
#include "snowplow/event_reader.h"
#include "snowplow/nobody.h"

#include <stdatomic.h>

enum {
    ENTITY_EVENT,
    ENTITY_CLIENT_SESSION, /* field 0: sessionId */
    ENTITY_YAUAA,          /* field 0: deviceClass */
    ENTITY_UA_PARSER,      /* see enum ua_parser_field */
    ENTITY_FIXED           /* how many of them */
};
enum ua_parser_field { UA_PARSER_DEVICE, UA_PARSER_OS, UA_PARSER_AGENT };

/* A field of an entity: its first name, and for a dotted one where that leads. */
struct plan_field {
    char *name;
    size_t size;
    char *rest; /* "b.c" of a.b.c; NULL: none */
};

struct plan_entity {
    char *vendor, *name, *model;
    size_t vendor_size, name_size, model_size;
    struct plan_field *fields;
    uint32_t field_count;
};

enum place_kind { PLACE_COLUMN, PLACE_FIELD, PLACE_DEVICE_CLASS, PLACE_LOCATION, PLACE_USER, PLACE_SESSION };

#define PLACE_EVERY UINT32_MAX /* [*] */

/* An input of a lane. */
struct place {
    enum place_kind kind;
    enum column column;     /* PLACE_COLUMN */
    uint32_t entity, field; /* PLACE_FIELD */
    uint32_t element;       /* PLACE_FIELD: which of the entities, or PLACE_EVERY */
    char *path;             /* as the lane wrote it, for messages */
    uint32_t told;          /* in the plan's odd_told; places of one path share it */
};

struct plan_lane {
    struct place *places;
    uint32_t count;
};

struct plan_event {
    char *name;
    size_t size;
    const char *bare; /* of one whatever its vendor: what stands behind the slash of `name`; else NULL */
};

struct plan {
    struct plan_entity *entities;
    uint32_t entity_count;
    struct plan_lane *lanes;
    uint32_t lane_count;
    struct plan_event *events;
    uint32_t event_count;
    bool any_vendor; /* one of them has a `bare` */
    struct nobody nobody;
    size_t text_max; /* bytes of a text that is kept */
    atomic_bool *odd_told; /* of a place: it was said that something there is no amount; the one thing that readers write */
    uint32_t told_count;
    bool sealed;
};

#endif
