/* redis_server.h - a real redis-server for a test: in a temporary folder, on a unix socket and a free port of the loopback,
 * saving nothing, ended with the test however that ends. */
#ifndef TESTS_REDIS_SERVER_H
#define TESTS_REDIS_SERVER_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <sys/types.h>

struct redis_server {
    pid_t pid; /* 0: not running */
    int port;
    char folder[64];
    char socket[96];
};

/* False: there is no redis-server on this machine. */
bool redis_server_installed(void);

/* A folder and a free port; nothing runs yet. */
void redis_server_prepare(struct redis_server *server);
/* Start it and wait until it accepts connections. `options` are words of its command line, NULL-terminated, or NULL. Fails
 * the test if it does not come up within 10 s. */
void redis_server_start(struct redis_server *server, const char *const *options);
/* SIGKILL, and wait until it is gone. */
void redis_server_kill(struct redis_server *server);
/* Kill, and remove the folder. */
void redis_server_remove(struct redis_server *server);

/* An observer's own connection over the unix socket; blocking. */
redisContext *redis_server_client(const struct redis_server *server);
/* The reply to a command, as text ("(nil)", "-ERR ...", "3", "value"); static memory, valid until the next call but one. */
const char *redis_ask(redisContext *client, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
