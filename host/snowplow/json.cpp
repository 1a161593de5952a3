/* json.cpp - see json.h. The walk goes through the public interface of simdjson 1.0 to 3.x, so where it has no answer
 * common to them (the end of a key, of an object, of the document) the bytes are looked at instead. */
#include "snowplow/json.h"

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <simdjson.h>
#include <utility>

extern "C" {
#include "base/memory.h"
#include "snowplow/money.h"
}

namespace ondemand = simdjson::ondemand;

struct json_parser {
    ondemand::parser simd{};
    char *copy = nullptr; /* of the text, with the padding that simdjson wants */
    size_t capacity = 0;
};

namespace
{

bool is_space(char byte) { return byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t'; }

bool is_hex(char byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'f') || (byte >= 'A' && byte <= 'F');
}

const char not_json[] = "is not JSON";
const char too_deep[] = "is nested deeper than 100";

struct walk {
    json *out;
    const char *text;
    uint32_t size;
    bool backslashes; /* somewhere in the text */
    uint32_t end;     /* after what was visited last */
    const char *wrong;

    uint32_t add(uint32_t key, uint32_t key_size, bool key_escaped, uint32_t at)
    {
        if (out->count == out->capacity) {
            out->capacity = out->capacity == 0 ? 256 : out->capacity * 2;
            out->nodes = static_cast<json_node *>(memory_resize(out->nodes, out->capacity * sizeof *out->nodes));
        }
        json_node *node = &out->nodes[out->count];
        node->key = key;
        node->key_size = key_size;
        node->key_escaped = key_escaped;
        node->at = at;
        node->escaped = 0;
        return out->count++;
    }

    bool refuse(const char *why)
    {
        wrong = why;
        return false;
    }

    /* Are the escapes between two quotes JSON's? *escaped: there are some. */
    bool escapes(uint32_t at, uint32_t length, bool *escaped)
    {
        *escaped = false;
        if (!backslashes)
            return true;
        const char *here = text + at, *stop = here + length;
        while ((here = static_cast<const char *>(std::memchr(here, '\\', static_cast<size_t>(stop - here)))) !=
               nullptr) {
            *escaped = true;
            if (stop - here < 2)
                return false;
            char kind = here[1];
            here += 2;
            if (kind == 'u') {
                if (stop - here < 4 || !is_hex(here[0]) || !is_hex(here[1]) || !is_hex(here[2]) || !is_hex(here[3]))
                    return false;
                here += 4;
            } else if (std::strchr("\"\\/bfnrt", kind) == nullptr || kind == '\0') {
                return false;
            }
        }
        return true;
    }

    /* After the members of an object or array the walk has seen its closing bracket: it is the next byte that is none of
     * space. */
    void close(uint32_t self)
    {
        while (end < size && is_space(text[end]))
            end++;
        end++;
        out->nodes[self].size = end - out->nodes[self].at;
        out->nodes[self].next = out->count;
    }

    bool members(ondemand::object object, uint32_t self, unsigned depth)
    {
        for (auto member : object) {
            ondemand::field field;
            if (std::move(member).get(field) != simdjson::SUCCESS)
                return refuse(not_json);
            auto key = static_cast<uint32_t>(reinterpret_cast<const char *>(field.key().raw()) - text);
            ondemand::value value = field.value();
            std::string_view token = value.raw_json_token();
            /* Back over the colon to the key's closing quote. */
            auto stop = static_cast<uint32_t>(token.data() - text) - 1;
            while (is_space(text[stop]))
                stop--;
            stop--;
            while (is_space(text[stop]))
                stop--;
            bool escaped;
            if (stop < key || !escapes(key, stop - key, &escaped))
                return refuse(not_json);
            if (!visit(value, token, key, stop - key, escaped, depth))
                return false;
        }
        close(self);
        return true;
    }

    bool elements(ondemand::array array, uint32_t self, unsigned depth)
    {
        for (auto element : array) {
            ondemand::value value;
            if (std::move(element).get(value) != simdjson::SUCCESS)
                return refuse(not_json);
            if (!visit(value, value.raw_json_token(), 0, 0, false, depth))
                return false;
        }
        close(self);
        return true;
    }

    /* `token` reaches from the value's first byte to the next token; `depth` is of what it is in. */
    bool visit(ondemand::value value, std::string_view token, uint32_t key, uint32_t key_size, bool key_escaped,
               unsigned depth)
    {
        auto at = static_cast<uint32_t>(token.data() - text);
        uint32_t self = add(key, key_size, key_escaped, at);
        json_node *node = &out->nodes[self];
        if (token.empty())
            return refuse(not_json);
        char first = token.front();
        if (first == '{' || first == '[') {
            if (depth == JSON_DEPTH_MAX)
                return refuse(too_deep);
            end = at + 1;
            if (first == '{') {
                node->type = JSON_OBJECT;
                ondemand::object object;
                return value.get_object().get(object) == simdjson::SUCCESS ? members(object, self, depth + 1)
                                                                           : refuse(not_json);
            }
            node->type = JSON_ARRAY;
            ondemand::array array;
            return value.get_array().get(array) == simdjson::SUCCESS ? elements(array, self, depth + 1)
                                                                     : refuse(not_json);
        }

        auto length = static_cast<uint32_t>(token.size());
        while (length > 1 && is_space(text[at + length - 1]))
            length--;
        end = at + length;
        node->size = length;
        node->next = self + 1;
        switch (first) {
        case '"': {
            ondemand::raw_json_string consumed; /* else the iterator could take `"a":` for a key */
            if (length < 2 || text[end - 1] != '"' || value.get_raw_json_string().get(consumed) != simdjson::SUCCESS)
                return refuse(not_json);
            node->type = JSON_STRING;
            node->at = at + 1;
            node->size = length - 2;
            bool escaped;
            if (!escapes(at + 1, length - 2, &escaped))
                return refuse(not_json);
            node->escaped = escaped;
            return true;
        }
        case 'n':
            node->type = JSON_NULL;
            return (length == 4 && std::memcmp(text + at, "null", 4) == 0) || refuse(not_json);
        case 't':
            node->type = JSON_TRUE;
            return (length == 4 && std::memcmp(text + at, "true", 4) == 0) || refuse(not_json);
        case 'f':
            node->type = JSON_FALSE;
            return (length == 5 && std::memcmp(text + at, "false", 5) == 0) || refuse(not_json);
        default: node->type = JSON_NUMBER; return number_is(sl_view{text + at, length}) || refuse(not_json);
        }
    }

    bool root(ondemand::document &document)
    {
        ondemand::object object;
        if (document.get_object().get(object) != simdjson::SUCCESS)
            return refuse(not_json);
        uint32_t at = 0;
        while (is_space(text[at]))
            at++;
        uint32_t self = add(0, 0, false, at);
        out->nodes[self].type = JSON_OBJECT;
        end = at + 1;
        if (!members(object, self, 1))
            return false;
        while (end < size && is_space(text[end]))
            end++;
        return end == size || refuse("goes on after its end");
    }
};

[[noreturn]] void no_memory()
{
    (void)std::fputs("shoplane: out of memory for a JSON text\n", stderr);
    std::abort();
}

} // namespace

struct json_parser *json_parser_new(void)
{
    json_parser *parser = new (std::nothrow) json_parser;
    if (parser == nullptr)
        no_memory();
    return parser;
}

void json_parser_free(struct json_parser *parser)
{
    if (parser != nullptr)
        std::free(parser->copy);
    delete parser;
}

void json_free(struct json *json)
{
    std::free(json->nodes);
    *json = {};
}

const char *json_read(struct json_parser *parser, sl_view text, struct json *json)
{
    json->text = text;
    json->count = 0;
    size_t first = 0;
    while (first < text.size && is_space(text.data[first]))
        first++;
    if (first == text.size || text.data[first] != '{')
        return "is not an object";
    size_t last = text.size - 1;
    while (is_space(text.data[last]))
        last--;
    if (text.data[last] != '}')
        return not_json;

    if (parser->capacity < text.size + simdjson::SIMDJSON_PADDING) {
        parser->capacity = (text.size + simdjson::SIMDJSON_PADDING) * 2;
        parser->copy = static_cast<char *>(memory_resize(parser->copy, parser->capacity));
    }
    std::memcpy(parser->copy, text.data, text.size);
    std::memset(parser->copy + text.size, ' ', simdjson::SIMDJSON_PADDING);

    ondemand::document document;
    simdjson::error_code error =
        parser->simd.iterate(simdjson::padded_string_view(parser->copy, text.size, parser->capacity)).get(document);
    if (error == simdjson::MEMALLOC)
        no_memory();
    if (error != simdjson::SUCCESS)
        return error == simdjson::UTF8_ERROR ? "is not UTF-8" : not_json;
    walk walk{
        json, parser->copy, static_cast<uint32_t>(text.size), std::memchr(parser->copy, '\\', text.size) != nullptr,
        0,    not_json};
    return walk.root(document) ? nullptr : walk.wrong;
}

bool json_double(sl_view number, double *out)
{
    auto result = std::from_chars(number.data, number.data + number.size, *out);
    if (result.ec == std::errc{})
        return true;
    /* Out of range: next to nothing is 0, too much is no number. Which it is shows against 10^7. */
    int64_t micros;
    sl_view magnitude = number;
    if (magnitude.size > 0 && *magnitude.data == '-') {
        magnitude.data++;
        magnitude.size--;
    }
    *out = 0;
    return money_read(magnitude, &micros);
}

bool utf8_is(sl_view text) { return simdjson::validate_utf8(text.data, text.size); }
