/* text_line.c - see text_line.h. */
#include "state/text_line.h"

#include <string.h>

bool text_line_take(struct text_line *line, const char **at, const char *end)
{
    const char *newline = *at == end ? NULL : memchr(*at, '\n', (size_t)(end - *at));
    if (newline == NULL)
        return false;
    *line = (struct text_line){*at, newline};
    *at = newline + 1;
    return true;
}

/* Bytes of the next word; 0: there is none. */
static size_t word_size(const struct text_line *line)
{
    size_t left = (size_t)(line->end - line->at);
    const char *space = left == 0 ? NULL : memchr(line->at, ' ', left);
    return space == NULL ? left : (size_t)(space - line->at);
}

/* Go behind a word of this size, and the space that follows. False: nothing follows the space. */
static bool pass(struct text_line *line, size_t size)
{
    const char *behind = line->at + size;
    if (behind != line->end && ++behind == line->end)
        return false;
    line->at = behind;
    return true;
}

bool text_line_word(struct text_line *line, const char *word)
{
    size_t size = strlen(word);
    return word_size(line) == size && memcmp(line->at, word, size) == 0 && pass(line, size);
}

bool text_line_copy(struct text_line *line, char *out, size_t capacity)
{
    size_t size = word_size(line);
    const char *word = line->at;
    if (size == 0 || size >= capacity || memchr(word, '\0', size) != NULL || !pass(line, size))
        return false;
    memcpy(out, word, size);
    out[size] = '\0';
    return true;
}

/* `size` digits as a number of at most `most`. */
static bool digits(const char *text, size_t size, uint64_t most, uint64_t *out)
{
    uint64_t number = 0;
    if (size == 0 || size > 20 || (text[0] == '0' && size > 1))
        return false;
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        uint64_t digit = (uint64_t)(text[i] - '0');
        if (number > (UINT64_MAX - digit) / 10)
            return false;
        number = number * 10 + digit;
    }
    if (number > most)
        return false;
    *out = number;
    return true;
}

bool text_line_u64(struct text_line *line, uint64_t most, uint64_t *out)
{
    uint64_t number;
    size_t size = word_size(line);
    if (!digits(line->at, size, most, &number) || !pass(line, size))
        return false;
    *out = number;
    return true;
}

bool text_line_i64(struct text_line *line, int64_t *out)
{
    uint64_t number;
    size_t size = word_size(line);
    size_t minus = size > 1 && line->at[0] == '-';
    if (!digits(line->at + minus, size - minus, INT64_MAX, &number) || (minus && number == 0) || !pass(line, size))
        return false;
    *out = minus ? -(int64_t)number : (int64_t)number;
    return true;
}

bool lane_name_valid(const char *name)
{
    if (*name < 'a' || *name > 'z' || strlen(name) > 63)
        return false;
    for (; *name != '\0'; name++)
        if (!(*name == '_' || (*name >= 'a' && *name <= 'z') || (*name >= '0' && *name <= '9')))
            return false;
    return true;
}
