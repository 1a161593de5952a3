/* watch_board.c - see watch_board.h. What comes from events and from Redis is not trusted on its way to the terminal:
 * characters that do not print become question marks, and texts are cut by the columns that they take. */
#include "demo/watch_board.h"

#include "base/memory.h"
#include "base/time.h"
#include "demo/text.h"
#include "demo/watch_probe.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>
#include <wctype.h>

enum { QUIET_MS = 10000, ID_MAX = 80, VALUE_MAX = 96, WIDTH_LEAST = 80 };

enum feature { VIEWS_5M, VIEWS_1H, PRICE, CATEGORY, CART, ORDERS, PAGES, FEATURES };

/* One column of the table. */
static const struct column {
    const char *above, *name, *key; /* of the shopper; with `session`, of the session */
    bool session, left;
    int width, more; /* columns of the terminal; and how many more it takes when there is room */
} columns[FEATURES] = {
    [VIEWS_5M] = {"seen", "5m", "product_view_count_5m", false, false, 4, 0},
    [VIEWS_1H] = {"seen", "1h", "product_view_count_1h", false, false, 4, 0},
    [PRICE] = {"average", "price", "avg_viewed_price_1h", false, false, 7, 2},
    [CATEGORY] = {"most viewed", "category", "top_category_1h", false, true, 12, 12},
    [CART] = {"in the", "cart", "cart_value_1h", false, false, 8, 2},
    [ORDERS] = {"", "orders", "orders_count_24h", false, false, 6, 0},
    [PAGES] = {"pages", "now", "session_page_count", true, false, 5, 0},
};
enum { SHOPPER_WIDTH = 8, SHOPPER_MORE = 28, ACTION_WIDTH = 16 };

struct row {
    char shopper[ID_MAX], session[ID_MAX], action[24]; /* shopper "": the row is free */
    int64_t at_ms;
    char values[FEATURES][VALUE_MAX]; /* "": absent */
};

struct board {
    struct row rows[BOARD_ROWS_MAX];
    size_t count;
};

struct board *board_new(void)
{
    (void)setlocale(LC_CTYPE, "C.UTF-8"); /* features are UTF-8, whatever the user's locale is */
    struct board *board = memory_new(sizeof *board);
    board->count = 1;
    return board;
}

void board_free(struct board *board) { free(board); }

void board_resize(struct board *board, size_t rows)
{
    if (rows > BOARD_ROWS_MAX)
        rows = BOARD_ROWS_MAX;
    if (rows < 1)
        rows = 1;
    for (size_t i = rows; i < board->count; i++)
        board->rows[i] = (struct row){0};
    board->count = rows;
}

static bool keep(char *into, size_t size, struct bytes text)
{
    if (text.size == 0 || text.size >= size || memchr(text.data, '\0', text.size) != NULL)
        return false;
    memcpy(into, text.data, text.size);
    into[text.size] = '\0';
    return true;
}

/* The type of an e-commerce action: product_view, add_to_cart... Empty for any other event. */
static struct bytes action_of(struct bytes message)
{
    static const char schema[] = "snowplow_ecommerce_action", type[] = "\"type\":\"";
    const char *end = message.data + message.size;
    const char *at = memmem(message.data, message.size, schema, sizeof schema - 1);
    if (at == NULL || (at = memmem(at, (size_t)(end - at), type, sizeof type - 1)) == NULL)
        return (struct bytes){NULL, 0};
    at += sizeof type - 1;
    const char *stop = memchr(at, '"', (size_t)(end - at));
    return (struct bytes){at, stop == NULL ? 0 : (size_t)(stop - at)};
}

/* The row of that shopper, else one that is free or has been quiet for long; else NULL. */
static struct row *row_for(struct board *board, const char *shopper, int64_t now_ms)
{
    struct row *quietest = &board->rows[0];
    for (size_t i = 0; i < board->count; i++) {
        if (strcmp(board->rows[i].shopper, shopper) == 0)
            return &board->rows[i];
        if (board->rows[i].at_ms < quietest->at_ms)
            quietest = &board->rows[i];
    }
    if (quietest->shopper[0] != '\0' && now_ms - quietest->at_ms < QUIET_MS)
        return NULL;
    *quietest = (struct row){0};
    return quietest;
}

void board_event(struct board *board, struct bytes message)
{
    char shopper[ID_MAX], session[ID_MAX], action[sizeof board->rows->action];
    if (!keep(action, sizeof action, action_of(message)) || !keep(shopper, sizeof shopper, message_key(message, KEY_USER)))
        return;
    if (strncmp(shopper, PROBE_PREFIX, sizeof PROBE_PREFIX - 1) == 0 || strcmp(shopper, "dirty-shopper") == 0)
        return; /* nobody: the second one is who broken lines of `generate --dirty` belong to */
    if (!keep(session, sizeof session, message_key(message, KEY_SESSION)))
        session[0] = '\0';
    int64_t now_ms = time_monotonic_ms();
    struct row *row = row_for(board, shopper, now_ms);
    if (row == NULL)
        return;
    memcpy(row->shopper, shopper, sizeof shopper);
    memcpy(row->session, session, sizeof session);
    memcpy(row->action, action, sizeof action);
    row->at_ms = now_ms;
}

bool board_read(struct board *board, struct store *store)
{
    char *keys[BOARD_ROWS_MAX * FEATURES];
    const char *values[BOARD_ROWS_MAX * FEATURES];
    size_t count = 0;
    for (size_t i = 0; i < board->count; i++) {
        const struct row *row = &board->rows[i];
        for (int f = 0; f < FEATURES && row->shopper[0] != '\0'; f++)
            keys[count++] = columns[f].session ? memory_format("session:%s:%s", row->session, columns[f].key)
                                               : memory_format("user:%s:%s", row->shopper, columns[f].key);
    }
    bool read = count == 0 || store_read(store, keys, count, values);
    for (size_t i = 0, at = 0; read && i < board->count; i++)
        for (int f = 0; f < FEATURES && board->rows[i].shopper[0] != '\0'; f++, at++)
            (void)snprintf(board->rows[i].values[f], VALUE_MAX, "%s", values[at] == NULL ? "" : values[at]);
    for (size_t i = 0; i < count; i++)
        free(keys[i]);
    return read;
}

static void spaces(struct buffer *out, int count)
{
    for (; count > 0; count--)
        buffer_byte(out, ' ');
}

/* As much of the text as fits into `width` columns; returns how many it takes. */
static int words(struct buffer *out, const char *text, int width)
{
    mbstate_t state;
    int used = 0;
    memset(&state, 0, sizeof state);
    for (size_t rest = strlen(text); rest > 0;) {
        wchar_t character;
        size_t size = mbrtowc(&character, text, rest, &state);
        bool sound = size != (size_t)-1 && size != (size_t)-2 && size != 0;
        if (!sound) {
            memset(&state, 0, sizeof state);
            size = 1;
        }
        int wide = sound && iswprint((wint_t)character) != 0 ? wcwidth(character) : -1;
        if (used + (wide < 0 ? 1 : wide) > width)
            break;
        if (wide < 0)
            buffer_byte(out, '?');
        else
            buffer_put(out, text, size);
        used += wide < 0 ? 1 : wide;
        text += size;
        rest -= size;
    }
    return used;
}

/* Exactly `width` columns. */
static void cell(struct buffer *out, const char *text, int width, bool left)
{
    struct buffer shown = {0};
    int used = words(&shown, text, width);
    if (!left)
        spaces(out, width - used);
    buffer_put(out, shown.data, shown.size);
    if (left)
        spaces(out, width - used);
    buffer_free(&shown);
}

/* How much wider than at least a column is, of the `spare` columns that the terminal has to give away. */
static int widen(int width, int more, int *spare)
{
    int take = more < *spare ? more : *spare;
    *spare -= take;
    return width + take;
}

struct widths {
    int shopper, features[FEATURES];
};

static struct widths widths_for(int width)
{
    int used = SHOPPER_WIDTH + 2 + ACTION_WIDTH;
    for (int f = 0; f < FEATURES; f++)
        used += 1 + columns[f].width;
    int spare = width > used + 1 ? width - used - 1 : 0; /* the last column stays empty: some terminals wrap there */
    struct widths widths;
    widths.shopper = widen(SHOPPER_WIDTH, SHOPPER_MORE, &spare);
    for (int f = 0; f < FEATURES; f++)
        widths.features[f] = widen(columns[f].width, columns[f].more, &spare);
    return widths;
}

void board_draw(const struct board *board, struct buffer *out, int width, const char *end)
{
    struct widths widths = widths_for(width < WIDTH_LEAST ? WIDTH_LEAST : width);
    for (int line = 0; line < 2; line++) {
        cell(out, line == 0 ? "" : "shopper", widths.shopper, true);
        spaces(out, 2);
        cell(out, line == 0 ? "" : "last action", ACTION_WIDTH, true);
        for (int f = 0; f < FEATURES; f++) {
            buffer_byte(out, ' ');
            cell(out, line == 0 ? columns[f].above : columns[f].name, widths.features[f], columns[f].left);
        }
        text_put(out, end);
    }
    for (size_t i = 0; i < board->count; i++) {
        const struct row *row = &board->rows[i];
        cell(out, row->shopper, widths.shopper, true);
        spaces(out, 2);
        cell(out, row->action, ACTION_WIDTH, true);
        for (int f = 0; f < FEATURES; f++) {
            bool absent = row->shopper[0] != '\0' && row->values[f][0] == '\0';
            buffer_byte(out, ' ');
            cell(out, absent ? "-" : row->values[f], widths.features[f], columns[f].left);
        }
        text_put(out, end);
    }
}

bool board_newest(const struct board *board, struct buffer *out)
{
    const struct row *newest = NULL;
    for (size_t i = 0; i < board->count; i++) {
        const struct row *row = &board->rows[i];
        if (row->values[VIEWS_1H][0] != '\0' && (newest == NULL || row->at_ms > newest->at_ms))
            newest = row;
    }
    if (newest == NULL)
        return false;
    (void)words(out, newest->shopper, 40);
    buffer_printf(out, ", %s: viewed in 5m ", newest->action);
    (void)words(out, newest->values[VIEWS_5M], 12);
    buffer_literal(out, ", in 1h ");
    (void)words(out, newest->values[VIEWS_1H], 12);
    for (int f = PRICE; f < FEATURES; f++) {
        if (newest->values[f][0] == '\0')
            continue;
        buffer_printf(out, ", %s%s%s ", columns[f].above, columns[f].above[0] == '\0' ? "" : " ", columns[f].name);
        (void)words(out, newest->values[f], 24);
    }
    return true;
}
