/* near_miss.c - see near_miss.h. Optimal string alignment, on words of at most LONGEST letters. */
#include "config/near_miss.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

#define LONGEST 48

static char plain(char c) { return c == '-' ? '_' : (char)tolower((unsigned char)c); }

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

/* How many letters must change to make `b` of `a`. */
static size_t distance(const char *a, const char *b)
{
    size_t rows[3][LONGEST + 1]; /* before the previous one, previous, this */
    size_t a_size = strlen(a), b_size = strlen(b);
    if (a_size > LONGEST || b_size > LONGEST)
        return LONGEST;
    size_t *older = rows[0], *old = rows[1], *row = rows[2];
    for (size_t j = 0; j <= b_size; j++)
        old[j] = older[j] = j;
    for (size_t i = 1; i <= a_size; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b_size; j++) {
            size_t other = plain(a[i - 1]) != plain(b[j - 1]);
            row[j] = least(least(old[j] + 1, row[j - 1] + 1), old[j - 1] + other);
            if (i > 1 && j > 1 && plain(a[i - 1]) == plain(b[j - 2]) && plain(a[i - 2]) == plain(b[j - 1]))
                row[j] = least(row[j], older[j - 2] + 1);
        }
        size_t *spare = older;
        older = old;
        old = row;
        row = spare;
    }
    return old[b_size];
}

const char *near_miss(const char *word, const char *const *known)
{
    const char *nearest = NULL;
    size_t fewest = LONGEST;
    for (; *known != NULL; known++) {
        size_t size = strlen(*known) > strlen(word) ? strlen(*known) : strlen(word);
        size_t changes = distance(word, *known);
        if (changes <= size / 3 && changes < fewest) {
            nearest = *known;
            fewest = changes;
        }
    }
    return nearest;
}
