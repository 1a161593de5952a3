/* buffer.c - JSON texts: what needs an escape gets it wherever it stands, whatever is around it. */
#include "base/buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void put_slowly(struct buffer *out, const char *data, size_t size)
{
    buffer_byte(out, '"');
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)data[i];
        if (byte == '"' || byte == '\\')
            buffer_printf(out, "\\%c", byte);
        else if (byte == '\n' || byte == '\r' || byte == '\t')
            buffer_printf(out, "\\%c", byte == '\n' ? 'n' : byte == '\r' ? 'r' : 't');
        else if (byte < 0x20)
            buffer_printf(out, "\\u00%02x", byte);
        else
            buffer_byte(out, (char)byte);
    }
    buffer_byte(out, '"');
}

static void assert_escaped(const char *data, size_t size)
{
    struct buffer is = {0}, wanted = {0};
    buffer_json_text(&is, data, size);
    put_slowly(&wanted, data, size);
    assert_int_equal(is.size, wanted.size);
    assert_memory_equal(is.data, wanted.data, is.size);
    buffer_free(&is);
    buffer_free(&wanted);
}

/* Each byte at each place of texts of each length, alone, and with another that needs an escape behind it. */
static void every_byte_is_escaped_as_it_must_be_at_every_place(void **state)
{
    (void)state;
    char text[20];
    for (size_t size = 0; size <= sizeof text; size++)
        for (size_t at = 0; at < size; at++)
            for (int byte = 0; byte < 256; byte++) {
                memset(text, 'x', sizeof text);
                text[at] = (char)byte;
                assert_escaped(text, size);
                text[size - 1] = '"';
                assert_escaped(text, size);
            }
    assert_escaped("", 0);
    assert_escaped("\xc3\xa9\xe2\x82\xac\xf0\x9f\x9b\x92 \"shoes\"\\\n", 18);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_byte_is_escaped_as_it_must_be_at_every_place)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
