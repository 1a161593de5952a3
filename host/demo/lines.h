/* lines.h - the lines of a file or of standard input, one at a time, of any length and with any bytes in them. */
#ifndef DEMO_LINES_H
#define DEMO_LINES_H

#include "demo/rewrite.h"

struct lines {
    int file;
    struct buffer buffer;
    size_t at; /* start of the next line in the buffer */
    bool ended, failed;
};

bool lines_open(struct lines *lines, const char *path); /* "-": standard input. False: see errno */
bool lines_next(struct lines *lines, struct bytes *line); /* valid until the next call; false at the end, or failed */
bool lines_rewind(struct lines *lines);                  /* false: it is a pipe */
void lines_close(struct lines *lines);

#endif
