/* json_text.c - see json_text.h.
 *
 * One loop walks a value of any depth: it reads a scalar or opens a container, then closes whatever ends there, up to the
 * next value. Which containers are objects is kept in one bit each, so depth costs no stack. Most bytes are those inside
 * strings; they are looked at eight at a time. */
#include "snowplow/json_text.h"

static bool fault(struct json_text *text, const char *what)
{
    text->fault = what;
    return false;
}

/* The byte at the cursor; 0, which no JSON has outside of strings, at the end. */
static inline char peek(const struct json_text *text) { return text->at < text->end ? *text->at : '\0'; }

static inline void space_skip(struct json_text *text)
{
    const char *at = text->at;
    while (at < text->end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r'))
        at++;
    text->at = at;
}

static inline bool is_digit(char byte) { return byte >= '0' && byte <= '9'; }

static int hex_digit(char byte)
{
    if (is_digit(byte))
        return byte - '0';
    if (byte >= 'a' && byte <= 'f')
        return byte - 'a' + 10;
    if (byte >= 'A' && byte <= 'F')
        return byte - 'A' + 10;
    return -1;
}

/* The first byte from `at` that is a quote, a backslash or a control character; `end` if there is none. */
static inline const char *plain_skip(const char *at, const char *end)
{
    const uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;
    while (end - at >= 8) {
        uint64_t word;
        memcpy(&word, at, 8); /* little-endian: CMakeLists.txt refuses other machines */
        uint64_t quote = word ^ ones * '"', backslash = word ^ ones * '\\';
        /* the lowest bit that is set is right; borrows make wrong ones only above it */
        uint64_t found =
            (((quote - ones) & ~quote) | ((backslash - ones) & ~backslash) | ((word - ones * 0x20) & ~word)) & tops;
        if (found != 0)
            return at + (__builtin_ctzll(found) >> 3);
        at += 8;
    }
    while (at < end && *at != '"' && *at != '\\' && (unsigned char)*at >= 0x20)
        at++;
    return at;
}

/* From the opening quote to behind the closing one. */
static bool string_skip(struct json_text *text)
{
    const char *end = text->end;
    text->at++;
    for (;;) {
        const char *at = text->at = plain_skip(text->at, end);
        if (at == end)
            return fault(text, "a string does not end");
        if (*at == '"') {
            text->at++;
            return true;
        }
        if (*at != '\\')
            return fault(text, "a control character in a string");
        size_t size = 2;
        if (end - at < 2)
            return fault(text, "a string does not end");
        switch (at[1]) {
        case '"':
        case '\\':
        case '/':
        case 'b':
        case 'f':
        case 'n':
        case 'r':
        case 't': break;
        case 'u':
            for (; size < 6; size++)
                if ((size_t)(end - at) <= size || hex_digit(at[size]) < 0)
                    return fault(text, "\\u without four hexadecimal digits");
            break;
        default: return fault(text, "an unknown escape in a string");
        }
        text->at += size;
    }
}

static void digits_skip(struct json_text *text)
{
    while (is_digit(peek(text)))
        text->at++;
}

static bool number_skip(struct json_text *text)
{
    if (peek(text) == '-')
        text->at++;
    const char *digits = text->at;
    if (peek(text) == '0')
        text->at++;
    else
        digits_skip(text);
    size_t count = (size_t)(text->at - digits);
    if (count == 0)
        return fault(text, "a value is missing");
    bool integer = true;
    if (peek(text) == '.') {
        integer = false;
        text->at++;
        if (!is_digit(peek(text)))
            return fault(text, "a number with no digit behind its point");
        digits_skip(text);
    }
    if (peek(text) == 'e' || peek(text) == 'E') {
        integer = false;
        text->at++;
        if (peek(text) == '+' || peek(text) == '-')
            text->at++;
        if (!is_digit(peek(text)))
            return fault(text, "a number with no digit in its exponent");
        digits_skip(text);
    }
    if (integer && count > JSON_TEXT_DIGITS)
        return fault(text, "an integer of more than 4300 digits");
    return true;
}

static bool word_skip(struct json_text *text, const char *word)
{
    size_t size = strlen(word);
    if ((size_t)(text->end - text->at) < size || memcmp(text->at, word, size) != 0)
        return false;
    text->at += size;
    return true;
}

static bool scalar_skip(struct json_text *text, struct json_text_value *value)
{
    switch (peek(text)) {
    case '"': return string_skip(text);
    case 't': return word_skip(text, "true") || fault(text, "a value is missing");
    case 'f': return word_skip(text, "false") || fault(text, "a value is missing");
    case 'n': return word_skip(text, "null") || fault(text, "a value is missing");
    case 'N': value->has_nan = true; return word_skip(text, "NaN") || fault(text, "a value is missing");
    case 'I': value->has_infinity = true; return word_skip(text, "Infinity") || fault(text, "a value is missing");
    case '-':
        if (word_skip(text, "-Infinity")) {
            value->has_infinity = true;
            return true;
        }
        return number_skip(text);
    default: return number_skip(text);
    }
}

/* A member's name and its colon; the cursor is then on its value. */
static bool name_skip(struct json_text *text)
{
    if (peek(text) != '"')
        return fault(text, "a member's name in quotes is missing");
    if (!string_skip(text))
        return false;
    space_skip(text);
    if (peek(text) != ':')
        return fault(text, "a colon is missing");
    text->at++;
    space_skip(text);
    return true;
}

/* Enter the container at the cursor. *empty: it was left again at once. Else the cursor is on its first value or name. */
static bool container_open(struct json_text *text, uint32_t depth, bool *empty)
{
    if (depth >= JSON_TEXT_DEPTH)
        return fault(text, "nested too deep");
    char closing = *text->at == '{' ? '}' : ']';
    text->at++;
    space_skip(text);
    *empty = peek(text) == closing;
    if (*empty)
        text->at++;
    return true;
}

void json_text_begin(struct json_text *text, sl_view all)
{
    *text = (struct json_text){.at = all.data, .end = all.data + all.size};
}

enum json_text_kind json_text_kind(struct json_text *text)
{
    space_skip(text);
    switch (peek(text)) {
    case '{': return JSON_TEXT_OBJECT;
    case '[': return JSON_TEXT_ARRAY;
    case '"': return JSON_TEXT_STRING;
    default: return JSON_TEXT_SCALAR;
    }
}

bool json_text_value(struct json_text *text, struct json_text_value *value)
{
    uint64_t objects[JSON_TEXT_DEPTH / 64 + 1] = {0}; /* of the open containers, which are objects */
    uint32_t depth = text->depth;
    *value = (struct json_text_value){.kind = json_text_kind(text)};
    const char *start = text->at;
    for (;;) {
        char first = peek(text);
        if (first == '{' || first == '[') {
            bool object = first == '{', empty;
            if (!container_open(text, depth, &empty))
                return false;
            if (!empty) {
                uint64_t bit = (uint64_t)1 << depth % 64;
                objects[depth / 64] = object ? objects[depth / 64] | bit : objects[depth / 64] & ~bit;
                depth++;
                if (object && !name_skip(text))
                    return false;
                continue;
            }
        } else if (!scalar_skip(text, value))
            return false;
        for (;;) { /* a value has ended: what ends with it? */
            if (depth == text->depth) {
                value->text = (sl_view){start, (size_t)(text->at - start)};
                return true;
            }
            bool object = (objects[(depth - 1) / 64] >> (depth - 1) % 64 & 1) != 0;
            space_skip(text);
            char next = peek(text);
            if (next == ',') {
                text->at++;
                space_skip(text);
                if (object && !name_skip(text))
                    return false;
                break;
            }
            if (next != (object ? '}' : ']'))
                return fault(text, object ? "a comma or } is missing" : "a comma or ] is missing");
            text->at++;
            depth--;
        }
    }
}

/* The character at *at of a string's inside, which moves behind it: a byte, or what an escape stands for. Half a surrogate
 * pair stays what it is (0xd800...0xdfff). */
static uint32_t character(const char **at, const char *end)
{
    const char *p = *at;
    if (*p != '\\') {
        *at = p + 1;
        return (unsigned char)*p;
    }
    *at = p + 2;
    switch (p[1]) {
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case 'u': break;
    default: return (unsigned char)p[1];
    }
    uint32_t code = 0, low = 0;
    for (size_t i = 2; i < 6; i++)
        code = code << 4 | (uint32_t)hex_digit(p[i]);
    *at = p + 6;
    if (code < 0xd800 || code > 0xdbff || end - p < 12 || p[6] != '\\' || p[7] != 'u')
        return code;
    for (size_t i = 8; i < 12; i++)
        low = low << 4 | (uint32_t)hex_digit(p[i]);
    if (low < 0xdc00 || low > 0xdfff)
        return code;
    *at = p + 12;
    return 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
}

/* Does the string stand for this ASCII text? */
static bool string_is(sl_view string, const char *wanted)
{
    const char *at = string.data + 1, *end = string.data + string.size - 1;
    while (at < end) {
        if (*wanted == '\0' || character(&at, end) != (unsigned char)*wanted)
            return false;
        wanted++;
    }
    return *wanted == '\0';
}

bool json_text_object(struct json_text *text, const char *const *names, struct json_text_value *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        values[i] = (struct json_text_value){.kind = JSON_TEXT_ABSENT};
    if (json_text_kind(text) != JSON_TEXT_OBJECT)
        return fault(text, "no object");
    bool empty;
    if (!container_open(text, text->depth, &empty))
        return false;
    if (empty)
        return true;
    text->depth++;
    for (;;) {
        sl_view name = {text->at, 0};
        if (!name_skip(text))
            return false;
        for (const char *quote = text->at; name.size == 0;) /* back over the colon and white space */
            if (*--quote == '"')
                name.size = (size_t)(quote + 1 - name.data);
        struct json_text_value value;
        if (!json_text_value(text, &value))
            return false;
        for (size_t i = 0; i < count; i++)
            if (string_is(name, names[i]))
                values[i] = value;
        space_skip(text);
        char next = peek(text);
        if (next != ',' && next != '}')
            return fault(text, "a comma or } is missing");
        text->at++;
        if (next == '}') {
            text->depth--;
            return true;
        }
        space_skip(text);
    }
}

bool json_text_first(struct json_text *text)
{
    bool empty;
    if (json_text_kind(text) != JSON_TEXT_ARRAY)
        return fault(text, "no array");
    if (!container_open(text, text->depth, &empty) || empty)
        return false;
    text->depth++;
    return true;
}

bool json_text_next(struct json_text *text)
{
    space_skip(text);
    char next = peek(text);
    if (next != ',' && next != ']')
        return fault(text, "a comma or ] is missing");
    text->at++;
    if (next == ']')
        text->depth--;
    return next == ',';
}

bool json_text_end(struct json_text *text)
{
    space_skip(text);
    return text->at == text->end || fault(text, "something follows the value");
}

void json_text_unescape(sl_view string, struct buffer *out)
{
    const char *at = string.data + 1, *end = string.data + string.size - 1;
    while (at < end) {
        if (*at != '\\') {
            buffer_byte(out, *at++);
            continue;
        }
        uint32_t code = character(&at, end);
        if (code < 0x80) {
            buffer_byte(out, (char)code);
        } else if (code >= 0xd800 && code <= 0xdfff) {
            buffer_byte(out, (char)0xff);
        } else {
            if (code < 0x800) {
                buffer_byte(out, (char)(0xc0 | code >> 6));
            } else {
                if (code < 0x10000) {
                    buffer_byte(out, (char)(0xe0 | code >> 12));
                } else {
                    buffer_byte(out, (char)(0xf0 | code >> 18));
                    buffer_byte(out, (char)(0x80 | (code >> 12 & 0x3f)));
                }
                buffer_byte(out, (char)(0x80 | (code >> 6 & 0x3f)));
            }
            buffer_byte(out, (char)(0x80 | (code & 0x3f)));
        }
    }
}

void json_text_write(const struct json_text_value *value, struct buffer *out)
{
    if (!value->has_infinity) {
        buffer_put(out, value->text.data, value->text.size);
        return;
    }
    struct json_text text;
    json_text_begin(&text, value->text);
    while (text.at < text.end) {
        const char *start = text.at;
        if (*start == '"')
            (void)string_skip(&text); /* was read before: it ends */
        else if (word_skip(&text, "Infinity")) {
            buffer_literal(out, "1e999");
            continue;
        } else
            text.at++;
        buffer_put(out, start, (size_t)(text.at - start));
    }
}
