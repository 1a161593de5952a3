/* relay.h - a unix socket between a client and a server, where a test decides which bytes pass: held back and let go later,
 * one at a time, cut off in the middle, or others put in. Nothing moves but in relay_pump(). */
#ifndef TESTS_RELAY_H
#define TESTS_RELAY_H

#include "base/buffer.h"

#include <stdbool.h>

#define RELAY_PAIRS 8

struct relay {
    char path[96];
    const char *server; /* socket of the server behind it */
    int listener;
    struct relay_pair {
        int client, server;    /* -1: closed */
        struct buffer forward; /* from the client, not yet passed on */
        bool held;             /* keep what the client sends, even when the client is gone */
        size_t reply_step;     /* bytes of replies a pump, at most; 0: no limit */
        size_t reply_left;     /* bytes of replies until the client is cut off; 0: no limit */
    } pairs[RELAY_PAIRS];
    size_t count; /* connections so far */
};

void relay_open(struct relay *relay, const char *path, const char *server);
void relay_close(struct relay *relay);

/* Accept who knocks and move what may move, without waiting. */
void relay_pump(struct relay *relay);
/* Bytes to a client that the server never said. */
void relay_say(struct relay *relay, size_t pair, const char *text);

#endif
