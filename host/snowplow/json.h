/* json.h - a JSON text as a flat list of its values, each with the bytes it was made of.
 *
 * simdjson's On-Demand is made for picking some values out of a text and believing the rest. Here the rest is checked too:
 * one walk visits every value, so that a broken byte anywhere is seen, and leaves 24 bytes for each, in the order of the
 * text. Whoever reads them may go in any order, find the last of equal keys, and gets numbers as they were written.
 * json.cpp is the only C++ of the project. */
#ifndef SNOWPLOW_JSON_H
#define SNOWPLOW_JSON_H

#include <shoplane/types.h>

#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#define JSON_DEPTH_MAX 100
#define JSON_NAME_MAX  128 /* bytes of a name that is looked for */

enum json_type { JSON_NULL, JSON_FALSE, JSON_TRUE, JSON_NUMBER, JSON_STRING, JSON_OBJECT, JSON_ARRAY };

struct json_node {
    uint32_t key, key_size; /* where in the text, without the quotes; 0, 0 in an array */
    uint32_t at, size;      /* the same of the value; a string without its quotes */
    uint32_t next;          /* the node after this one and all that is inside it */
    uint8_t type;           /* enum json_type */
    bool key_escaped;       /* has a backslash */
    uint8_t escaped;        /* 1: the value has one; a reader that unescapes it may note that by another number */
};

/* Node 0 is the root, always an object; so 0 stands for "not there". The members of an object or array are the nodes from
 * it + 1, each followed by its `next`, up to its own `next`. Zeroed is empty; keeps its memory from text to text. */
struct json {
    sl_view text; /* whoever gave it keeps it */
    struct json_node *nodes;
    uint32_t count, capacity;
};
void json_free(struct json *json);

/* Reads one text after the other; one thread. */
struct json_parser;
struct json_parser *json_parser_new(void);
void json_parser_free(struct json_parser *parser);

/* NULL: read. Else why it is refused, to be put after "it": "is not an object", "is nested deeper than 100", ... Never
 * reads outside the text; texts below 4 GiB. */
const char *json_read(struct json_parser *parser, sl_view text, struct json *json);

/* The value of an object's last member of this name, 0 if there is none or it is no object. */
uint32_t json_find(const struct json *json, uint32_t object, const char *key, size_t size);

/* The same along names with dots between them: "enrich.client.useragent" of node 0. */
uint32_t json_follow(const struct json *json, uint32_t object, const char *path);

static inline bool json_is(const struct json *json, uint32_t node, enum json_type type)
{
    return json->nodes[node].type == type;
}

/* The value's bytes as they stand; of a string between its quotes. */
static inline sl_view json_raw(const struct json *json, uint32_t node)
{
    sl_view raw = {json->text.data + json->nodes[node].at, json->nodes[node].size};
    return raw;
}

/* Whether a member's key is this name, escaped or not. */
bool json_escaped_key_is(const struct json *json, uint32_t node, const char *key, size_t size);
static inline bool json_key_is(const struct json *json, uint32_t node, const char *key, size_t size)
{
    const struct json_node *member = &json->nodes[node];
    if (member->key_escaped)
        return json_escaped_key_is(json, node, key, size);
    return member->key_size == size && memcmp(json->text.data + member->key, key, size) == 0;
}

/* Write what the inside of a string means; `out` has room for as many bytes as it has. Half of a surrogate pair becomes
 * U+FFFD. Returns the size. */
size_t json_unescape(sl_view raw, char *out);

/* The double nearest to a text that number_is(). False: too large for one. */
bool json_double(sl_view number, double *out);

bool utf8_is(sl_view text);

/* How many of the first bytes of such a text fit into `room` without a character cut in two. */
size_t utf8_fitting(sl_view text, size_t room);

#ifdef __cplusplus
}
#endif
#endif
