/* watch_board.h - a few shoppers on a screen: who is looking at products or buying right now, and their features in Redis.
 *
 * A shopper keeps the row for as long as something happens, so that an eye can follow; who has been quiet for ten seconds
 * makes room for whoever does something next. Probes and broken lines are left out. One thread. */
#ifndef DEMO_WATCH_BOARD_H
#define DEMO_WATCH_BOARD_H

#include "demo/rewrite.h"
#include "demo/watch_store.h"

struct board;

struct board *board_new(void);
void board_free(struct board *board);

/* How many shoppers are shown; at most BOARD_ROWS_MAX. */
#define BOARD_ROWS_MAX 40
void board_resize(struct board *board, size_t rows);

/* An event went by. */
void board_event(struct board *board, struct bytes message);

/* Read the features of all rows. */
bool board_read(struct board *board, struct store *store);

/* Append the table, `width` columns wide (at least 80): its heading and the rows, each ended by `end`. */
void board_draw(const struct board *board, struct buffer *out, int width, const char *end);

/* Append the shopper of the newest event that has features, as one sentence without a newline. False: there is none. */
bool board_newest(const struct board *board, struct buffer *out);

#endif
