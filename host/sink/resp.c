/* resp.c - see resp.h. */
#include "sink/resp.h"

#include "sink/sink.h"

#include <stdio.h>

#define NUMBER_MAX 24               /* bytes of a number, at most */
#define BULK_MAX   (NUMBER_MAX + 5) /* what a bulk string has around its bytes: $ size CR LF, CR LF */

static char *number_put(char *at, uint64_t number)
{
    char digits[NUMBER_MAX], *first = digits + sizeof digits;
    do {
        *--first = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    size_t size = (size_t)(digits + sizeof digits - first);
    memcpy(at, first, size);
    return at + size;
}

static char *bytes_put(char *at, const char *data, size_t size)
{
    memcpy(at, data, size);
    return at + size;
}

#define LITERAL_PUT(at, literal) bytes_put((at), (literal), sizeof(literal) - 1)

static char *bulk_put(char *at, const char *data, size_t size)
{
    *at++ = '$';
    at = number_put(at, size);
    at = LITERAL_PUT(at, "\r\n");
    if (size != 0)
        at = bytes_put(at, data, size);
    return LITERAL_PUT(at, "\r\n");
}

static char *ttl_put(char *at, int64_t ttl_s)
{
    char digits[NUMBER_MAX];
    return bulk_put(at, digits, (size_t)(number_put(digits, (uint64_t)ttl_s) - digits));
}

/* Reserve `most` bytes; what was not needed is given back by finish(). */
static char *start(struct buffer *out, size_t most) { return buffer_add(out, most); }

static void finish(struct buffer *out, const char *end) { out->size = (size_t)(end - out->data); }

void resp_set(struct buffer *out, sl_view key, sl_view value, int64_t ttl_s)
{
    char *at = start(out, 32 + 3 * BULK_MAX + key.size + value.size + NUMBER_MAX);
    at = LITERAL_PUT(at, "*5\r\n$3\r\nSET\r\n");
    at = bulk_put(at, key.data, key.size);
    at = bulk_put(at, value.data, value.size);
    at = LITERAL_PUT(at, "$2\r\nEX\r\n");
    finish(out, ttl_put(at, ttl_s));
}

void resp_del(struct buffer *out, sl_view key)
{
    char *at = start(out, 32 + BULK_MAX + key.size);
    at = LITERAL_PUT(at, "*2\r\n$3\r\nDEL\r\n");
    finish(out, bulk_put(at, key.data, key.size));
}

void resp_expire(struct buffer *out, sl_view key, int64_t ttl_s)
{
    char *at = start(out, 32 + 2 * BULK_MAX + key.size + NUMBER_MAX);
    at = LITERAL_PUT(at, "*3\r\n$6\r\nEXPIRE\r\n");
    at = bulk_put(at, key.data, key.size);
    finish(out, ttl_put(at, ttl_s));
}

void resp_fence(struct buffer *out, sl_view hash, int32_t partition, int worker, int64_t offset)
{
    char field[2 * NUMBER_MAX], digits[NUMBER_MAX];
    char *at = partition == SINK_FENCE_CLOCK ? LITERAL_PUT(field, "clock") : number_put(field, (uint64_t)partition);
    *at++ = '/';
    size_t field_size = (size_t)(number_put(at, (uint64_t)worker) - field);
    at = start(out, 32 + 3 * BULK_MAX + hash.size + sizeof field + NUMBER_MAX);
    at = LITERAL_PUT(at, "*4\r\n$4\r\nHSET\r\n");
    at = bulk_put(at, hash.data, hash.size);
    at = bulk_put(at, field, field_size);
    finish(out, bulk_put(at, digits, (size_t)(number_put(digits, (uint64_t)offset) - digits)));
}

void resp_command(struct buffer *out, size_t count, const char *const *words)
{
    buffer_printf(out, "*%zu\r\n", count);
    for (size_t i = 0; i < count; i++) {
        size_t size = strlen(words[i]);
        finish(out, bulk_put(start(out, BULK_MAX + size), words[i], size));
    }
}
