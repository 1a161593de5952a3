/* redis_server.c - see redis_server.h. */
#include "redis_server.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define START_LIMIT_MS 10000

static long now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool redis_server_installed(void)
{
    const char *path = getenv("PATH");
    char *folders = strdup(path == NULL ? "/usr/bin" : path), *rest = folders, *folder;
    bool found = false;
    while (!found && (folder = strsep(&rest, ":")) != NULL) {
        char file[512];
        (void)snprintf(file, sizeof file, "%s/redis-server", folder);
        found = access(file, X_OK) == 0;
    }
    free(folders);
    return found;
}

static int free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int descriptor = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(descriptor >= 0);
    assert_int_equal(bind(descriptor, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(getsockname(descriptor, (struct sockaddr *)&address, &size), 0);
    (void)close(descriptor);
    return ntohs(address.sin_port);
}

void redis_server_prepare(struct redis_server *server)
{
    memset(server, 0, sizeof *server);
    (void)snprintf(server->folder, sizeof server->folder, "/tmp/shoplane-redis-XXXXXX");
    assert_non_null(mkdtemp(server->folder));
    (void)snprintf(server->socket, sizeof server->socket, "%s/redis.sock", server->folder);
    server->port = free_port();
}

static void run(const struct redis_server *server, const char *const *options, int output)
{
    char port[16];
    const char *words[32] = {"redis-server", "--save",       "",       "--dir", server->folder, "--bind", "127.0.0.1",
                             "--unixsocket", server->socket, "--port", port};
    size_t count = 11;
    (void)snprintf(port, sizeof port, "%d", server->port);
    for (; options != NULL && *options != NULL && count < 31; options++)
        words[count++] = *options;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)dup2(output, STDOUT_FILENO);
    (void)execvp(words[0], (char *const *)(uintptr_t)words);
    _exit(127);
}

/* Its log, until the line that says it accepts connections. */
static bool comes_up(int output)
{
    char log[16384];
    size_t size = 0;
    long end_ms = now_ms() + START_LIMIT_MS;
    while (size < sizeof log - 1 && now_ms() < end_ms) {
        struct pollfd ready = {.fd = output, .events = POLLIN};
        if (poll(&ready, 1, 100) <= 0)
            continue;
        ssize_t more = read(output, log + size, sizeof log - 1 - size);
        if (more <= 0)
            break;
        size += (size_t)more;
        log[size] = '\0';
        if (strstr(log, "The server is now ready to accept connections at") != NULL || /* Redis 7.0 */
            strstr(log, "Ready to accept connections unix") != NULL)                   /* from 7.2 on */
            return true;
    }
    log[size] = '\0';
    (void)fprintf(stderr, "redis-server did not come up; it says: %s\n", log);
    return false;
}

void redis_server_start(struct redis_server *server, const char *const *options)
{
    int output[2];
    assert_int_equal(pipe(output), 0);
    server->pid = fork();
    assert_true(server->pid >= 0);
    if (server->pid == 0)
        run(server, options, output[1]);
    (void)close(output[1]);
    bool up = comes_up(output[0]);
    (void)close(output[0]);
    assert_true(up);
}

void redis_server_kill(struct redis_server *server)
{
    if (server->pid == 0)
        return;
    (void)kill(server->pid, SIGKILL);
    while (waitpid(server->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    server->pid = 0;
}

void redis_server_remove(struct redis_server *server)
{
    redis_server_kill(server);
    DIR *folder = opendir(server->folder);
    struct dirent *entry;
    while (folder != NULL && (entry = readdir(folder)) != NULL)
        (void)unlinkat(dirfd(folder), entry->d_name, 0);
    if (folder != NULL)
        (void)closedir(folder);
    (void)rmdir(server->folder);
}

redisContext *redis_server_client(const struct redis_server *server)
{
    redisContext *client = redisConnectUnix(server->socket);
    assert_non_null(client);
    assert_int_equal(client->err, 0);
    return client;
}

const char *redis_ask(redisContext *client, const char *format, ...)
{
    static char texts[2][8192];
    static unsigned turn;
    char *text = texts[turn++ % 2];
    va_list arguments;
    va_start(arguments, format);
    redisReply *reply = redisvCommand(client, format, arguments);
    va_end(arguments);
    assert_non_null(reply);
    if (reply->type == REDIS_REPLY_INTEGER)
        (void)snprintf(text, sizeof texts[0], "%lld", reply->integer);
    else if (reply->type == REDIS_REPLY_NIL)
        (void)snprintf(text, sizeof texts[0], "(nil)");
    else
        (void)snprintf(text, sizeof texts[0], "%s%s", reply->type == REDIS_REPLY_ERROR ? "-" : "",
                       reply->str == NULL ? "" : reply->str);
    freeReplyObject(reply);
    return text;
}
