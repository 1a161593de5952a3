/* redis_fault.c - see redis_fault.h. Redis names most errors by their first word; the rest are told apart by a part of their
 * text. The first row that fits counts. */
#include "sink/redis_fault.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define NO_CLUSTER \
    "point the sink at a Redis that is not a cluster (cluster-enabled no): lease and features belong to one server"
#define PASSWORD "set user and password of the sink as the server has them (or neither, if it has none)"

static const struct row {
    const char *word; /* the first of the text; NULL: `part` is looked for */
    const char *part;
    enum redis_fault fault;
    const char *meaning, *advice; /* no advice: rights, see below */
} rows[] = {
    {"NOAUTH", NULL, REDIS_FAULT_SERVER, "the server wants a password",
     "give the sink a password (and a user, if the server has users)"},
    {"WRONGPASS", NULL, REDIS_FAULT_SERVER, "the server does not accept user or password", PASSWORD},
    {NULL, "invalid password", REDIS_FAULT_SERVER, "the server does not accept the password", PASSWORD},
    {NULL, "without any password configured", REDIS_FAULT_SERVER, "the server has no password",
     "take user and password out of the sink, or set one in the server (requirepass, or ACL SETUSER)"},
    {NULL, "no password is set", REDIS_FAULT_SERVER, "the server has no password",
     "take user and password out of the sink, or set one in the server (requirepass)"},
    {"NOPERM", NULL, REDIS_FAULT_RIGHTS, "the sink's user may not", NULL},
    {NULL, "ACL failure", REDIS_FAULT_RIGHTS, "the sink's user may not", NULL},
    {NULL, "can't run this command", REDIS_FAULT_RIGHTS, "the sink's user may not", NULL},
    {NULL, "can't access at least one of the keys", REDIS_FAULT_RIGHTS, "the sink's user may not", NULL},
    {NULL, "unknown command", REDIS_FAULT_RIGHTS, "the server does not know the command: it was renamed there, or this is no Redis",
     NULL},
    {NULL, "DB index is out of range", REDIS_FAULT_SERVER, "the server has no such database",
     "choose another sink.database (0 is always there), or raise `databases` in the server's configuration"},
    {NULL, "invalid DB index", REDIS_FAULT_SERVER, "the server has no such database", "choose another sink.database (0 is always there)"},
    {NULL, "SELECT is not allowed in cluster mode", REDIS_FAULT_SERVER, "the server is a node of a cluster", NO_CLUSTER},
    {"MOVED", NULL, REDIS_FAULT_WRITES, "the server is a node of a cluster", NO_CLUSTER},
    {"ASK", NULL, REDIS_FAULT_WRITES, "the server is a node of a cluster", NO_CLUSTER},
    {"TRYAGAIN", NULL, REDIS_FAULT_WRITES, "the server is a node of a cluster", NO_CLUSTER},
    {"CROSSSLOT", NULL, REDIS_FAULT_WRITES, "the server is a node of a cluster", NO_CLUSTER},
    {"CLUSTERDOWN", NULL, REDIS_FAULT_SERVER, "the server is a node of a cluster that is down", NO_CLUSTER},
    {"LOADING", NULL, REDIS_FAULT_SERVER, "the server is loading its data", "wait until it has loaded them; it is tried again by itself"},
    {"READONLY", NULL, REDIS_FAULT_SERVER, "the server is a read-only replica", "point the sink at the primary"},
    {"MASTERDOWN", NULL, REDIS_FAULT_SERVER, "the server is a replica that has lost its primary",
     "point the sink at the primary, or bring it back"},
    {"OOM", NULL, REDIS_FAULT_WRITES, "the server's memory is full",
     "raise the server's maxmemory, or let it evict keys (maxmemory-policy volatile-ttl)"},
    {"MISCONF", NULL, REDIS_FAULT_WRITES, "the server can't save, and takes no writes until it can",
     "see why it can't save to its disk (its log), or let it go on (stop-writes-on-bgsave-error no)"},
    {"NOREPLICAS", NULL, REDIS_FAULT_WRITES, "the server misses replicas, and takes no writes without them",
     "bring its replicas back (min-replicas-to-write)"},
    {"BUSY", NULL, REDIS_FAULT_WRITES, "the server is busy with a script", "end the script (SCRIPT KILL)"},
    {"WRONGTYPE", NULL, REDIS_FAULT_COMMAND, "something else has the name of this key",
     "delete that key, or give Shoplane a database of its own"},
    {"DENIED", NULL, REDIS_FAULT_SERVER, "the server is in protected mode, and speaks to its own machine only",
     "set a password there, or have it listen for this machine (bind, protected-mode no)"},
    {NULL, "max number of clients reached", REDIS_FAULT_SERVER, "the server has too many connections",
     "raise the server's maxclients, or end connections of others"},
};

static const char *const rights[] = {
    [REDIS_WORK_GREETING] = "allow the sink's user to connect (ACL SETUSER ... +ping +select +info), with the commands' own names",
    [REDIS_WORK_FEATURES] = "allow the sink's user SET, DEL and EXPIRE on the features' keys (ACL SETUSER ... ~* +set +del +expire)",
    [REDIS_WORK_FENCE] = "allow the sink's user HSET on its own keys (ACL SETUSER ... ~shoplane:* +hset)",
    [REDIS_WORK_LEASE] = ("allow the sink's user what a lease needs (ACL SETUSER ... ~shoplane:* +eval +get +set +del +incr +pttl "
                          "+pexpire +hset +hdel +hgetall +info +client|id +client|kill), or switch the lease off where only one "
                          "process can ever write"),
    [REDIS_WORK_AUDIT] = ("allow the sink's user GET on the features' keys (ACL SETUSER ... ~* +get), or switch the audit off "
                          "(sink.audit = 0)"),
};

static bool fits(const struct row *row, const char *text)
{
    if (row->word == NULL)
        return strstr(text, row->part) != NULL;
    size_t size = strlen(row->word);
    return strncmp(text, row->word, size) == 0 && (text[size] == ' ' || text[size] == '\0');
}

enum redis_fault redis_fault_reply(const char *command, const char *text, enum redis_work work, const char *secret,
                                   struct error *error)
{
    const struct row *row = rows, *end = rows + sizeof rows / sizeof rows[0];
    while (row < end && !fits(row, text))
        row++;
    error_what(error, "%s is refused%s%s", command, row == end ? "" : ": ", row == end ? "" : row->meaning);
    /* What is said of an unknown command repeats its words. */
    error_found(error, "%s", secret != NULL && (strstr(text, "unknown command") != NULL || strstr(text, secret) != NULL)
                                 ? "an answer that is not repeated here: the password may be in it"
                                 : text);
    error_advice(error, "%s", row == end             ? "look into the server's log; it is tried again by itself"
                              : row->advice == NULL ? rights[work]
                                                    : row->advice);
    return row == end ? REDIS_FAULT_COMMAND : row->fault;
}

#define NO_TLS \
    "see that this is a plain port of Redis: this host speaks no TLS (where the server has only tls-port, give it a port on the " \
    "loopback too, or put a tunnel such as stunnel in between)"
#define CLOSED \
    "look into its log; if it closes each connection at once, it is full (raise its maxclients) or wants TLS, which this host does " \
    "not speak: give it a plain port on the loopback, or put a tunnel such as stunnel in between"

static const struct connection_row {
    const char *part, *advice;
} connection_rows[] = {
    {"Connection refused", "see that Redis runs and listens at this address (bind and port in its configuration); it is tried again "
                           "by itself"},
    {"No such file", "see that Redis runs, and that its unixsocket has this path; it is tried again by itself"},
    {"Permission denied", "let this process's user write to the socket (unixsocketperm, and the socket's group)"},
    {"Name or service not known", "correct sink.host, or see that its name can be resolved here"},
    {"name resolution", "see that the name service can be reached, or give the address of the server; it is tried again by itself"},
    {"No address associated", "correct sink.host, or see that its name can be resolved here"},
    {"Protocol error", NO_TLS},
    {"closed the connection", CLOSED},
    {"reset by peer", CLOSED},
    {"Broken pipe", CLOSED},
    {"no reply within", "see whether the server is overloaded or stopped; it is tried again by itself"},
    {"timed out", "see that the server can be reached (a firewall, a machine that is off); it is tried again by itself"},
    {"temporarily unavailable", "see whether the server is overloaded or stopped; it is tried again by itself"}, /* hiredis: in vain */
};

void redis_fault_connection(const char *doing, const char *text, struct error *error)
{
    const char *advice = "see that Redis runs there and can be reached; it is tried again by itself";
    for (size_t i = 0; i < sizeof connection_rows / sizeof connection_rows[0]; i++)
        if (strstr(text, connection_rows[i].part) != NULL) {
            advice = connection_rows[i].advice;
            break;
        }
    error_what(error, "%s: %s", doing, text);
    error_advice(error, "%s", advice);
}
