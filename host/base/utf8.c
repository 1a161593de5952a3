/* utf8.c - see utf8.h. */
#include "base/utf8.h"

#include <stdint.h>
#include <string.h>

size_t utf8_character(const char *text, size_t left)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *at = (const unsigned char *)text;
    if (*at < 0x80)
        return 1;
    size_t size = *at >= 0xf0 ? 4 : *at >= 0xe0 ? 3 : 2;
    if (*at < 0xc2 || *at > 0xf4 || left < size)
        return 0;
    uint32_t code = *at & (0x7fu >> size);
    for (size_t i = 1; i < size; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (at[i] & 0x3fu);
    }
    return code < least[size] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ? 0 : size;
}

size_t utf8_repair(const char *data, size_t size, char *out, size_t most)
{
    size_t put = 0;
    for (size_t at = 0; at < size;) {
        size_t taken = utf8_character(data + at, size - at);
        const char *from = taken == 0 ? "\xef\xbf\xbd" : data + at;
        size_t length = taken == 0 ? 3 : taken;
        if (length > most - put)
            break;
        memcpy(out + put, from, length);
        put += length;
        at += taken == 0 ? 1 : taken;
    }
    return put;
}
