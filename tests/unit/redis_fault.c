/* redis_fault.c - what servers of several versions say, and what is told of it; states that a test can't put a server into. */
#include "sink/redis_fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void every_error_has_its_advice(void **state)
{
    static const struct {
        const char *text;
        enum redis_work work;
        enum redis_fault fault;
        const char *meaning, *advice;
    } cases[] = {
        {"LOADING Redis is loading the dataset in memory", REDIS_WORK_AUDIT, REDIS_FAULT_SERVER, "loading", "wait until"},
        {"MOVED 3999 127.0.0.1:6381", REDIS_WORK_LEASE, REDIS_FAULT_WRITES, "cluster", "not a cluster"},
        {"MOVED 3999 127.0.0.1:6381", REDIS_WORK_FEATURES, REDIS_FAULT_WRITES, "cluster", "not a cluster"},
        {"MOVED 3999 127.0.0.1:6381", REDIS_WORK_AUDIT, REDIS_FAULT_WRITES, "cluster", "not a cluster"},
        {"ASK 3999 127.0.0.1:6381", REDIS_WORK_FEATURES, REDIS_FAULT_WRITES, "cluster", "not a cluster"},
        {"MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.", REDIS_WORK_LEASE,
         REDIS_FAULT_WRITES, "can't save", "stop-writes-on-bgsave-error"},
        {"BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.", REDIS_WORK_FEATURES,
         REDIS_FAULT_WRITES, "script", "SCRIPT KILL"},
        {"BUSYKEY Target key name already exists.", REDIS_WORK_FEATURES, REDIS_FAULT_COMMAND, "a write is refused", "server's log"},
        {"WRONGTYPE Operation against a key holding the wrong kind of value", REDIS_WORK_FENCE, REDIS_FAULT_COMMAND, "something else",
         "delete that key"},
        {"DENIED Redis is running in protected mode because protected mode is enabled", REDIS_WORK_GREETING, REDIS_FAULT_SERVER,
         "protected mode", "protected-mode no"},
        {"ERR invalid password", REDIS_WORK_GREETING, REDIS_FAULT_SERVER, "does not accept", "password"}, /* Redis 5 */
        {"ERR Client sent AUTH, but no password is set", REDIS_WORK_GREETING, REDIS_FAULT_SERVER, "has no password", "out of the sink"},
        {"ERR invalid DB index", REDIS_WORK_GREETING, REDIS_FAULT_SERVER, "no such database", "sink.database"}, /* Redis 3 */
        {"NOPERM User shop has no permissions to run the 'get' command", REDIS_WORK_AUDIT, REDIS_FAULT_RIGHTS, "may not", "+get"},
        {"NOPERM User shop has no permissions to run the 'set' command", REDIS_WORK_FEATURES, REDIS_FAULT_RIGHTS, "may not", "+set"},
        {"NOPERM No permissions to access a key", REDIS_WORK_FENCE, REDIS_FAULT_RIGHTS, "may not", "+hset"},
        {"ERR ACL failure in script: User shop has no permissions to run the 'incr' command", REDIS_WORK_LEASE, REDIS_FAULT_RIGHTS,
         "may not", "+incr"},
        {"ERR unknown command 'EVAL', with args beginning with:", REDIS_WORK_LEASE, REDIS_FAULT_RIGHTS, "does not know", "+eval"},
        {"ERR something new", REDIS_WORK_LEASE, REDIS_FAULT_COMMAND, "a write is refused", "server's log"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error error = {0};
        assert_int_equal(redis_fault_reply("a write", cases[i].text, cases[i].work, NULL, &error), cases[i].fault);
        if (strstr(error.what, cases[i].meaning) == NULL || strstr(error.advice, cases[i].advice) == NULL)
            fail_msg("%s: it says \"%s\" and advises \"%s\"", cases[i].text, error.what, error.advice);
        assert_string_equal(error.found, cases[i].text);
    }
}

static void a_password_is_not_repeated(void **state)
{
    struct error error = {0};
    (void)state;
    (void)redis_fault_reply("AUTH", "ERR unknown command `AUTH`, with args beginning with: `open ses", REDIS_WORK_GREETING,
                            "open sesame", &error);
    assert_null(strstr(error.found, "open"));
    (void)redis_fault_reply("AUTH", "ERR what shall I do with open sesame", REDIS_WORK_GREETING, "open sesame", &error);
    assert_null(strstr(error.found, "open"));
    (void)redis_fault_reply("AUTH", "WRONGPASS invalid username-password pair or user is disabled.", REDIS_WORK_GREETING, "open sesame",
                            &error);
    assert_non_null(strstr(error.found, "WRONGPASS"));
}

static void connections_that_do_not_come_about(void **state)
{
    static const char *const cases[][2] = {
        {"Connection refused", "bind and port"},
        {"No such file or directory", "unixsocket"},
        {"Permission denied", "unixsocketperm"},
        {"Name or service not known", "sink.host"},
        {"Temporary failure in name resolution", "name service"},
        {"Protocol error, got \"\\x15\" as reply type byte", "TLS"},
        {"Server closed the connection", "TLS"},
        {"Connection reset by peer", "TLS"},
        {"Connection timed out", "firewall"},
        {"timed out after 5000 ms", "firewall"},
        {"Resource temporarily unavailable", "overloaded"},
        {"no reply within 5000 ms", "overloaded"},
        {"Network is unreachable", "can be reached"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error error = {0};
        redis_fault_connection("can't connect", cases[i][0], &error);
        assert_memory_equal(error.what, "can't connect: ", strlen("can't connect: "));
        if (strstr(error.what, cases[i][0]) == NULL || strstr(error.advice, cases[i][1]) == NULL)
            fail_msg("%s: it says \"%s\" and advises \"%s\"", cases[i][0], error.what, error.advice);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_error_has_its_advice),
        cmocka_unit_test(a_password_is_not_repeated),
        cmocka_unit_test(connections_that_do_not_come_about),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
