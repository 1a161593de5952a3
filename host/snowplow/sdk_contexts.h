/* sdk_contexts.h - what the Python analytics SDK makes of the columns contexts, derived_contexts and unstruct_event.
 *
 * Each holds self-describing JSON, {"schema": an Iglu URI, "data": anything}, inside an envelope {"data": ...}. An entity
 * of iglu:com.acme/addToCart/jsonschema/2-0-1 goes to the key contexts_com_acme_add_to_cart_2, an array of all entities
 * with that key in their order; an unstructured event to unstruct_event_..., alone. As in the SDK
 *   - the envelope's own schema and the version behind its model are not looked at;
 *   - a vendor keeps its dashes, its dots become underscores; in a name an underscore goes before each capital that follows
 *     neither a capital nor an underscore;
 *   - envelope data that is an empty object or an empty text is as good as an empty array.
 *
 * A set is reused from line to line. Its values are views into the column, its keys are its own. */
#ifndef SNOWPLOW_SDK_CONTEXTS_H
#define SNOWPLOW_SDK_CONTEXTS_H

#include "base/buffer.h"
#include "snowplow/bad_row.h"
#include "snowplow/json_text.h"

/* One key, and its values as a chain: indexes into the set, counted from 1; 0 ends it. */
struct sdk_group {
    uint64_t hash;
    size_t place;            /* index in `places` */
    size_t key_at, key_size; /* in the set's `keys` */
    size_t first, last;
};

struct sdk_entity {
    struct json_text_value data;
    size_t next;
};

struct sdk_contexts {
    struct sdk_group *groups;
    struct sdk_entity *entities;
    size_t *places; /* open addressing by hash: index of a group, counted from 1; 0: free */
    size_t group_count, group_room, entity_count, entity_room, place_count;
    struct buffer keys, schema;
};

/* A zeroed set is empty. */
void sdk_contexts_clear(struct sdk_contexts *set);
void sdk_contexts_free(struct sdk_contexts *set);

/* Replace the set's contents by those of a column, UTF-8 and not empty. False: the SDK refuses it; *bad says why, with
 * `column` as its key. */
bool sdk_contexts_read(struct sdk_contexts *set, const char *column, sl_view text, struct bad_row *bad);
bool sdk_unstruct_read(struct sdk_contexts *set, const char *column, sl_view text, struct bad_row *bad);

/* Append "key":[value,value], for each key that is not also in `replacing` (NULL: for each). False: a value has NaN in it,
 * which no JSON can say; *bad says so. */
bool sdk_contexts_write(const struct sdk_contexts *set, const struct sdk_contexts *replacing, const char *column,
                        struct buffer *out, struct bad_row *bad);
/* The same without the brackets, for the one value of an unstructured event. */
bool sdk_unstruct_write(const struct sdk_contexts *set, const char *column, struct buffer *out, struct bad_row *bad);

#endif
