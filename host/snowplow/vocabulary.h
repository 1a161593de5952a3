/* vocabulary.h - the words that Snowplow's own trackers use: names of events, and fields of events and entities.
 *
 * For messages that say what a misspelt word is near to, and for golden cases. An event name that is not here may still exist:
 * everybody can define schemas. The fields are those of the newest published version of each schema (Iglu Central). */
#ifndef SNOWPLOW_VOCABULARY_H
#define SNOWPLOW_VOCABULARY_H

#include <stdbool.h>

/* The `type`s of snowplow_ecommerce_action, each an event's name; NULL-terminated. */
extern const char *const vocabulary_actions[];

/* Every event name that Snowplow's trackers send, as lanes list them, the actions among them; NULL-terminated. */
extern const char *const vocabulary_events[];

struct vocabulary_schema {
    const char *name, *vendor, *version; /* iglu:{vendor}/{name}/jsonschema/{version}, {name} without "legacy_" */
    bool event;                /* of a self-describing event, else of an entity */
    bool derived;              /* an entity that an enrichment adds */
    const char *const *fields; /* NULL-terminated; NULL: too many to list, or not known */
};

/* Ends with an entry whose name is NULL. */
extern const struct vocabulary_schema vocabulary_schemas[];

bool vocabulary_has(const char *const *words, const char *word);

#endif
