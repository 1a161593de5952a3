/* json_node.c - finding members and reading strings of what json_read() left; see json.h. */
#include "snowplow/json.h"

#include <string.h>

static int hex(char byte) { return byte <= '9' ? byte - '0' : (byte | 0x20) - 'a' + 10; }

static uint32_t hex4(const char *at)
{
    return (uint32_t)(hex(at[0]) << 12 | hex(at[1]) << 8 | hex(at[2]) << 4 | hex(at[3]));
}

static char *put_utf8(char *out, uint32_t code)
{
    if (code < 0x80) {
        *out++ = (char)code;
    } else if (code < 0x800) {
        *out++ = (char)(0xc0 | code >> 6);
        *out++ = (char)(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
        *out++ = (char)(0xe0 | code >> 12);
        *out++ = (char)(0x80 | (code >> 6 & 0x3f));
        *out++ = (char)(0x80 | (code & 0x3f));
    } else {
        *out++ = (char)(0xf0 | code >> 18);
        *out++ = (char)(0x80 | (code >> 12 & 0x3f));
        *out++ = (char)(0x80 | (code >> 6 & 0x3f));
        *out++ = (char)(0x80 | (code & 0x3f));
    }
    return out;
}

size_t json_unescape(sl_view raw, char *out)
{
    char *start = out;
    const char *at = raw.data, *end = raw.data + raw.size;
    while (at < end) {
        if (*at != '\\') {
            *out++ = *at++;
            continue;
        }
        char kind = at[1];
        at += 2;
        switch (kind) {
        case 'b': *out++ = '\b'; break;
        case 'f': *out++ = '\f'; break;
        case 'n': *out++ = '\n'; break;
        case 'r': *out++ = '\r'; break;
        case 't': *out++ = '\t'; break;
        case 'u': {
            uint32_t code = hex4(at);
            at += 4;
            if (code >= 0xd800 && code < 0xe000) {
                uint32_t low = code < 0xdc00 && end - at >= 6 && at[0] == '\\' && at[1] == 'u' ? hex4(at + 2) : 0;
                if (low >= 0xdc00 && low < 0xe000) {
                    at += 6;
                    code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
                } else {
                    code = 0xfffd;
                }
            }
            out = put_utf8(out, code);
            break;
        }
        default: *out++ = kind; /* " \ / */
        }
    }
    return (size_t)(out - start);
}

bool json_escaped_key_is(const struct json *json, uint32_t node, const char *key, size_t size)
{
    char name[6 * JSON_NAME_MAX]; /* \u0061 is the longest way to write a byte */
    sl_view raw = {json->text.data + json->nodes[node].key, json->nodes[node].key_size};
    return raw.size <= 6 * size && raw.size <= sizeof name && json_unescape(raw, name) == size &&
           memcmp(name, key, size) == 0;
}

uint32_t json_find(const struct json *json, uint32_t object, const char *key, size_t size)
{
    uint32_t found = 0;
    if (!json_is(json, object, JSON_OBJECT))
        return 0;
    for (uint32_t node = object + 1; node < json->nodes[object].next; node = json->nodes[node].next)
        if (json_key_is(json, node, key, size))
            found = node;
    return found;
}

uint32_t json_follow(const struct json *json, uint32_t object, const char *path)
{
    for (;;) {
        size_t size = strcspn(path, ".");
        object = json_find(json, object, path, size);
        if (object == 0 || path[size] == '\0')
            return object;
        path += size + 1;
    }
}

size_t utf8_fitting(sl_view text, size_t room)
{
    if (text.size <= room)
        return text.size;
    size_t size = room;
    while (size > 0 && ((unsigned char)text.data[size] & 0xc0) == 0x80)
        size--;
    return size;
}
