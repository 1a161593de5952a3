/* control.c - see control.h. */
#include "serve/control.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/time.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_PATIENCE_MS 10000 /* of who asks: a host that reads its state answers when it has */

struct control {
    int folder, listener, wake[2]; /* a byte in the pipe ends the thread */
    const struct control_command *commands;
    void *context;
    pthread_t thread;
};

/* Through the descriptor: a folder's path may be longer than a socket's may. */
static struct sockaddr_un address_in(int folder)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/" CONTROL_SOCKET, folder);
    return address;
}

/* ---- bytes with a limit of time ---- */

/* `wake`: what ends the wait as the time's end does, as soon as it can be read; -1: nothing. */
static bool ready(int descriptor, int wake, short events, int64_t until_ms)
{
    int64_t left_ms = until_ms - time_monotonic_ms();
    struct pollfd wait[2] = {{.fd = descriptor, .events = events}, {.fd = wake, .events = POLLIN}};
    return left_ms > 0 && poll(wait, 2, (int)left_ms) > 0 && wait[1].revents == 0;
}

static bool send_all(int descriptor, int wake, const char *bytes, size_t size, int64_t until_ms)
{
    for (size_t done = 0; done < size;) {
        ssize_t put = send(descriptor, bytes + done, size - done, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (put > 0)
            done += (size_t)put;
        else if (put < 0 && errno != EAGAIN && errno != EINTR)
            return false;
        else if (!ready(descriptor, wake, POLLOUT, until_ms))
            return false;
    }
    return true;
}

/* One piece more. 0: the end; -1: not in time, or an error. */
static ssize_t receive(int descriptor, int wake, char *bytes, size_t size, int64_t until_ms)
{
    for (;;) {
        ssize_t got = recv(descriptor, bytes, size, MSG_DONTWAIT);
        if (got >= 0 || (errno != EAGAIN && errno != EINTR))
            return got;
        if (!ready(descriptor, wake, POLLIN, until_ms))
            return -1;
    }
}

/* ---- the host's side ---- */

/* The words of a question, which ends with an empty one. False: it is none. */
static bool read_question(int client, int wake, char bytes[CONTROL_QUESTION_MAX], const char **words, size_t *count)
{
    int64_t until_ms = time_monotonic_ms() + CONTROL_PATIENCE_MS;
    size_t size = 0, word = 0;
    *count = 0;
    for (;;) {
        ssize_t got = receive(client, wake, bytes + size, CONTROL_QUESTION_MAX - size, until_ms);
        if (got <= 0)
            return false;
        for (size_t end = size + (size_t)got; size < end; size++) {
            if (bytes[size] != '\0')
                continue;
            if (size == word)
                return size + 1 == end && *count > 0;
            if (*count == CONTROL_WORDS_MAX)
                return false;
            words[(*count)++] = bytes + word;
            word = size + 1;
        }
        if (size == CONTROL_QUESTION_MAX)
            return false;
    }
}

static void put_error(struct buffer *out, const struct error *error)
{
    const char *const parts[] = {error->what, error->found, error->advice};
    buffer_reset(out);
    buffer_literal(out, "error\n");
    for (size_t i = 0; i < 3; i++) {
        for (const char *at = parts[i]; *at != '\0'; at++)
            buffer_byte(out, *at == '\n' ? ' ' : *at);
        buffer_byte(out, '\n');
    }
}

static void answer(const struct control *control, const char *const *words, size_t count, struct buffer *out)
{
    struct error error = {0};
    const struct control_command *command = control->commands;
    while (command->name != NULL && strcmp(command->name, words[0]) != 0)
        command++;
    buffer_literal(out, "ok\n");
    if (command->name == NULL) {
        error_what(&error, "the host does not know the question \"%s\"", words[0]);
        error_advice(&error, "ask it by the program of its own version");
        put_error(out, &error);
    } else if (!command->answer(control->context, words, count, out, &error)) {
        put_error(out, &error);
    }
}

static bool may_ask(int client)
{
    struct ucred peer;
    socklen_t size = sizeof peer;
    return getsockopt(client, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && (peer.uid == 0 || peer.uid == geteuid());
}

static void serve(const struct control *control, int client)
{
    char bytes[CONTROL_QUESTION_MAX];
    const char *words[CONTROL_WORDS_MAX];
    size_t count;
    struct buffer out = {0};
    if (may_ask(client) && read_question(client, control->wake[0], bytes, words, &count)) {
        answer(control, words, count, &out);
        (void)send_all(client, control->wake[0], out.data, out.size, time_monotonic_ms() + CONTROL_PATIENCE_MS);
    }
    buffer_free(&out);
    (void)close(client);
}

static void *run(void *argument)
{
    const struct control *control = argument;
    for (;;) {
        struct pollfd wait[2] = {{.fd = control->listener, .events = POLLIN}, {.fd = control->wake[0], .events = POLLIN}};
        if (poll(wait, 2, -1) < 0 && errno != EINTR)
            break;
        if (wait[1].revents != 0)
            break;
        int client = wait[0].revents == 0 ? -1 : accept4(control->listener, NULL, NULL, SOCK_CLOEXEC);
        if (client >= 0)
            serve(control, client);
    }
    return NULL;
}

/* A socket that nobody listens at any more is of a host that has died. */
static bool is_taken(const struct sockaddr_un *address)
{
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool taken = probe >= 0 && (connect(probe, (const void *)address, sizeof *address) == 0 || errno == EAGAIN);
    if (probe >= 0)
        (void)close(probe);
    return taken;
}

static int listen_in(int folder, const char *path)
{
    struct sockaddr_un address = address_in(folder);
    const char *reason = NULL;
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (is_taken(&address))
        reason = "another host answers there";
    else if (unlinkat(folder, CONTROL_SOCKET, 0) != 0 && errno != ENOENT)
        reason = strerror(errno);
    else if (listener < 0 || bind(listener, (const void *)&address, sizeof address) != 0 ||
             fchmodat(folder, CONTROL_SOCKET, 0600, 0) != 0 || listen(listener, 16) != 0)
        reason = strerror(errno);
    if (reason == NULL)
        return listener;
    log_warn("no control socket: %s; found: %s/" CONTROL_SOCKET "; the host runs without: `shoplane explain` looks into its state",
             reason, path);
    if (listener >= 0)
        (void)close(listener);
    return -1;
}

struct control *control_start(int folder, const char *path, const struct control_command *commands, void *context)
{
    struct control *control = memory_new(sizeof *control);
    *control = (struct control){.folder = folder, .commands = commands, .context = context, .wake = {-1, -1}};
    control->listener = listen_in(folder, path);
    if (control->listener >= 0 && pipe2(control->wake, O_CLOEXEC) == 0 &&
        pthread_create(&control->thread, NULL, run, control) == 0)
        return control;
    if (control->listener >= 0)
        log_warn("no control socket: %s", strerror(errno));
    for (int i = 0; i < 2; i++)
        if (control->wake[i] >= 0)
            (void)close(control->wake[i]);
    if (control->listener >= 0)
        (void)close(control->listener);
    free(control);
    return NULL;
}

void control_stop(struct control *control)
{
    if (control == NULL)
        return;
    (void)unlinkat(control->folder, CONTROL_SOCKET, 0);
    (void)!write(control->wake[1], "", 1);
    (void)pthread_join(control->thread, NULL);
    (void)close(control->wake[0]);
    (void)close(control->wake[1]);
    (void)close(control->listener);
    free(control);
}

/* ---- the other side ---- */

static enum control_result nobody(const char *path, struct error *error)
{
    error_what(error, "no host answers: %s", strerror(errno));
    error_found(error, "%s/" CONTROL_SOCKET, path);
    error_advice(error, "start it (shoplane run), or run this as the user that runs it");
    return CONTROL_NOBODY;
}

static char *next_line(char **at)
{
    char *line = *at, *end = strchr(line, '\n');
    *at = end == NULL ? line + strlen(line) : end + 1;
    if (end != NULL)
        *end = '\0';
    return line;
}

/* What came: "ok\n" and a text, which is left in `out`, or an error. */
static enum control_result take_answer(const char *path, struct buffer *out, struct error *error)
{
    buffer_byte(out, '\0');
    out->size--;
    if (strncmp(out->data, "ok\n", 3) == 0) {
        memmove(out->data, out->data + 3, out->size - 2);
        out->size -= 3;
        return CONTROL_ANSWERED;
    }
    if (strncmp(out->data, "error\n", 6) != 0) {
        errno = EPROTO;
        return nobody(path, error);
    }
    char *at = out->data + 6;
    error_what(error, "%s", next_line(&at));
    error_found(error, "%s", next_line(&at));
    error_advice(error, "%s", next_line(&at));
    buffer_reset(out);
    return CONTROL_REFUSED;
}

enum control_result control_ask(const char *path, const char *const *words, size_t count, struct buffer *out, struct error *error)
{
    int folder = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC), host = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un address = address_in(folder);
    struct buffer question = {0};
    for (size_t i = 0; i < count; i++)
        buffer_put(&question, words[i], strlen(words[i]) + 1);
    buffer_byte(&question, '\0');
    int64_t until_ms = time_monotonic_ms() + ANSWER_PATIENCE_MS;
    bool asked = folder >= 0 && host >= 0 && connect(host, (const void *)&address, sizeof address) == 0 &&
                 send_all(host, -1, question.data, question.size, until_ms);
    ssize_t got = asked ? 1 : -1;
    buffer_reset(out);
    while (got > 0) {
        char bytes[4096];
        got = receive(host, -1, bytes, sizeof bytes, until_ms);
        if (got > 0)
            buffer_put(out, bytes, (size_t)got);
    }
    enum control_result result = got < 0 ? nobody(path, error) : take_answer(path, out, error);
    buffer_free(&question);
    if (host >= 0)
        (void)close(host);
    if (folder >= 0)
        (void)close(folder);
    return result;
}
