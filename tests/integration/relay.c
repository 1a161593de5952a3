/* relay.c - see relay.h. */
#include "relay.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static struct sockaddr_un address_of(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    assert_true(strlen(path) < sizeof address.sun_path);
    memcpy(address.sun_path, path, strlen(path));
    return address;
}

void relay_open(struct relay *relay, const char *path, const char *server)
{
    memset(relay, 0, sizeof *relay);
    (void)snprintf(relay->path, sizeof relay->path, "%s", path);
    relay->server = server;
    struct sockaddr_un address = address_of(path);
    relay->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(relay->listener >= 0);
    assert_int_equal(bind(relay->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(relay->listener, RELAY_PAIRS), 0);
}

static void end_close(int *descriptor)
{
    if (*descriptor >= 0)
        (void)close(*descriptor);
    *descriptor = -1;
}

void relay_close(struct relay *relay)
{
    for (size_t i = 0; i < relay->count; i++) {
        end_close(&relay->pairs[i].client);
        end_close(&relay->pairs[i].server);
        buffer_free(&relay->pairs[i].forward);
    }
    end_close(&relay->listener);
    (void)unlink(relay->path);
}

static void connections_accept(struct relay *relay)
{
    int client;
    while (relay->count < RELAY_PAIRS &&
           (client = accept4(relay->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct relay_pair *pair = &relay->pairs[relay->count++];
        struct sockaddr_un address = address_of(relay->server);
        pair->client = client;
        pair->server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(connect(pair->server, (struct sockaddr *)&address, sizeof address), 0);
        (void)fcntl(pair->server, F_SETFL, O_NONBLOCK);
    }
}

static void forward_pump(struct relay_pair *pair)
{
    char bytes[65536];
    ssize_t size;
    while (pair->client >= 0 && (size = recv(pair->client, bytes, sizeof bytes, 0)) >= 0) {
        if (size == 0)
            end_close(&pair->client);
        buffer_put(&pair->forward, bytes, (size_t)size);
    }
    while (!pair->held && pair->server >= 0 && pair->forward.size != 0) {
        size = send(pair->server, pair->forward.data, pair->forward.size, MSG_NOSIGNAL);
        if (size < 0)
            break;
        pair->forward.size -= (size_t)size;
        memmove(pair->forward.data, pair->forward.data + size, pair->forward.size);
    }
    if (!pair->held && pair->client < 0 && pair->forward.size == 0)
        end_close(&pair->server);
}

static void reply_pump(struct relay_pair *pair)
{
    char bytes[4096];
    size_t room = pair->reply_step != 0 ? pair->reply_step : sizeof bytes;
    if (pair->reply_left != 0 && room > pair->reply_left)
        room = pair->reply_left;
    if (pair->server < 0)
        return;
    ssize_t size = recv(pair->server, bytes, room, 0);
    if (size == 0) { /* the server hung up */
        end_close(&pair->server);
        if (!pair->held)
            end_close(&pair->client);
    }
    if (size <= 0 || pair->client < 0)
        return;
    assert_int_equal(send(pair->client, bytes, (size_t)size, MSG_NOSIGNAL), size);
    if (pair->reply_left != 0 && (pair->reply_left -= (size_t)size) == 0)
        end_close(&pair->client);
}

void relay_pump(struct relay *relay)
{
    connections_accept(relay);
    for (size_t i = 0; i < relay->count; i++) {
        forward_pump(&relay->pairs[i]);
        reply_pump(&relay->pairs[i]);
    }
}

void relay_say(struct relay *relay, size_t pair, const char *text)
{
    assert_int_equal(send(relay->pairs[pair].client, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}
