/* config_mistakes.c - each kind of mistake is refused with its place, the value that is wrong, and what would be right.
 *
 * A case is one text with one mistake, and what of each of the three parts must be seen; LANE and KAFKA stand for the rest
 * of a configuration, in a line of their own behind it. */
#include "config/config.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libconfig.h>

#define LANE  "\nlanes = ( { lane = \"a\"; windows = ( { name = \"w\"; length = \"5m\"; } ); metrics = ( \"m\" ); } );"
#define KAFKA "source: { kind = \"kafka\"; brokers = \"b\"; topic = \"t\";\n"
#define REDIS "sink: { kind = \"redis\";\n"
/* One lane whose window, or whose lane, goes on in line 2. */
#define WINDOW     "lanes = ( { lane = \"a\"; metrics = ( \"m\" ); windows = ( { name = \"w\";\n"
#define WINDOW_END " } ); } );"
#define IN_LANE    "lanes = ( { lane = \"a\"; windows = ( { name = \"w\"; length = 60; } );\n"

struct mistake_case {
    const char *text, *what, *found, *advice;
};

static void expect(const struct mistake_case *c)
{
    struct error_list errors = {0};
    struct config *config = config_read_text(c->text, "t.conf", &errors);
    bool fits = config == NULL && errors.count == 1 && strstr(errors.items[0].what, c->what) != NULL &&
                strcmp(errors.items[0].found, c->found) == 0 && strstr(errors.items[0].advice, c->advice) != NULL;
    if (!fits) {
        print_error("expected\n  %s\n  %s\n  %s\nbut there %zu in\n%s\n", c->what, c->found, c->advice, errors.count,
                    c->text);
        for (size_t i = 0; i < errors.count; i++)
            print_error("  %s\n  %s\n  %s\n", errors.items[i].what, errors.items[i].found, errors.items[i].advice);
        fail();
    }
    error_list_free(&errors);
}

#define EXPECT_ALL(cases)                                         \
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases)[0]; i++) \
    expect(&(cases)[i])

/* What librdkafka would take for another address. */
static void addresses_of_brokers(void **state)
{
    (void)state;
    static const char *const bad[][3] = {
        {"localhost:99999", "names \"localhost:99999\", whose port is not 1 to 65535", "host:port"},
        {"localhost:0", "whose port is not", "host:port"},
        {"localhost:", "whose port is not", "host:port"},
        {"localhost:+9092", "whose port is not", "host:port"},
        {"localhost:9092x", "whose port is not", "host:port"},
        {"localhost:09092000", "whose port is not", "host:port"},
        {":9092", "has no host", "host:port"},
        {"a:9092,,b:9092", "names \"\", an empty address", "leave out the comma"},
        {"a:9092,", "an empty address", "leave out the comma"},
        {" ", "an empty address", "leave out the comma"},
        {"a:9092; b:9092", "names \"a:9092; b:9092\", which has more than one colon", "brackets"},
        {"a:9092 b", "whose port is not", "host:port"},
        {"a b:9092", "can't be a host", "separated by commas"},
        {"http://a:9092", "whose protocol Kafka does not have", "security.protocol"},
        {"kafka://a:9092", "whose protocol Kafka does not have", "security.protocol"},
        {"PLAINTEXT://", "has no host", "host:port"},
        {"::1:9092", "more than one colon", "\"[::1]:9092\""},
        {"[::1]9092", "no IPv6 address in brackets", "\"[::1]:9092\""},
        {"[::1", "more than one colon", "\"[::1]:9092\""},
        {"[]:9092", "no IPv6 address in brackets", "\"[::1]:9092\""},
        {"[kafka]:9092", "no IPv6 address in brackets", "\"[::1]:9092\""},
        {"[::1]:99999", "whose port is not", "host:port"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char text[400], found[200];
        (void)snprintf(text, sizeof text, "source: { kind = \"kafka\"; topic = \"t\";\nbrokers = \"%s\"; };" LANE, bad[i][0]);
        (void)snprintf(found, sizeof found, "t.conf:2: brokers = \"%s\"", bad[i][0]);
        expect(&(struct mistake_case){text, bad[i][1], found, bad[i][2]});
    }
    static const char *const good[] = {"localhost", "a:1,b:65535", "a:9092, b:9092 ,c", "[::1]:9092", "[fe80::1%eth0]", "10.0.0.1:9092",
                                       "SSL://kafka_1.shop-2:9093", "sasl_ssl://[::1]:9092,PLAINTEXT://b"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        char text[400];
        struct error_list errors = {0};
        (void)snprintf(text, sizeof text, "source: { kind = \"kafka\"; topic = \"t\"; brokers = \"%s\"; };" LANE, good[i]);
        struct config *config = config_read_text(text, "t.conf", &errors);
        if (config == NULL)
            fail_msg("%s: %s", good[i], errors.items[0].what);
        config_free(config);
    }
}

static void top_level(void **state)
{
    (void)state;
    static const struct mistake_case cases[] = {
        {"wokers = 2;" LANE, "wokers is not a setting", "t.conf:1: wokers", "did you mean workers?"},
        {"\nzzz = 2;" LANE, "zzz is not a setting", "t.conf:2: zzz", "here may stand: workers, plugins, source"},
        {"workers = 257;" LANE, "workers is out of range", "t.conf:1: workers = 257", "from 0 to 256"},
        {"workers = -1;" LANE, "workers is out of range", "t.conf:1: workers = -1", "from 0 to 256"},
        {"workers = \"two\";" LANE, "workers is not a whole number", "t.conf:1: workers = \"two\"", "without quotes"},
        {"workers = 1.5;" LANE, "workers is not a whole number", "t.conf:1: workers = 1.5", "from 0 to 256"},
        {"workers = true;" LANE, "workers is not a whole number", "t.conf:1: workers = true", "from 0 to 256"},
        {"plugins = 5;" LANE, "plugins is not a text", "t.conf:1: plugins = 5", "double quotes"},
        {"plugins = \"\";" LANE, "plugins is empty", "t.conf:1: plugins = \"\"", "leave plugins out"},
        {"", "lanes is missing", "t.conf: no lanes", "at least one, as in lanes = ("},
        {"lanes = ();", "lanes is empty", "t.conf:1: lanes = ( )", "at least one"},
        {"lanes: { };", "lanes is not a list", "t.conf:1: lanes = { ... }", "a list, as in lanes = ("},
        {"source = \"kafka\";" LANE, "source is not a group", "t.conf:1: source = \"kafka\"", "source: { kind"},
        {"sink = ();" LANE, "sink is not a group", "t.conf:1: sink = ( )", "sink: { kind"},
    };
    EXPECT_ALL(cases);
}

/* Libconfig 1.5 keeps 32 bits of an integer without an L, 1.7 all of a decimal one. */
static bool libconfig_wraps(const char *literal)
{
    char text[64];
    config_t tree;
    config_init(&tree);
    (void)snprintf(text, sizeof text, "n = %s;", literal);
    assert_true(config_read_string(&tree, text));
    bool wraps = config_setting_type(config_lookup(&tree, "n")) == CONFIG_TYPE_INT;
    config_destroy(&tree);
    return wraps;
}

static void integers_that_libconfig_would_wrap(void **state)
{
    (void)state;
    static const struct mistake_case beyond_32_bits[] = {
        {IN_LANE "params = {\n n = 5000000000; }; metrics = ( \"m\" ); } );", "lanes.a.params.n is beyond 32 bits",
         "t.conf:3: n = 5000000000", "write 5000000000L"},
        {IN_LANE "params = { n = -3000000000; }; metrics = ( \"m\" ); } );", "beyond 32 bits",
         "t.conf:2: n = -3000000000", "write -3000000000L"},
        {"limits: { memory = 5000000000; };" LANE, "limits.memory is beyond 32 bits", "t.conf:1: memory = 5000000000",
         "write 5000000000L"},
        {IN_LANE "params = { n = 0xffffffff; }; metrics = ( \"m\" ); } );", "beyond 32 bits",
         "t.conf:2: n = 0xffffffff", "write 0xffffffffL"},
    };
    for (size_t i = 0; i < sizeof beyond_32_bits / sizeof *beyond_32_bits; i++) {
        const struct mistake_case *c = &beyond_32_bits[i];
        struct error_list errors = {0};
        if (libconfig_wraps(strrchr(c->found, ' ') + 1)) {
            expect(c);
            continue;
        }
        struct config *config = config_read_text(c->text, "t.conf", &errors);
        assert_non_null(config);
        config_free(config);
    }
    static const struct mistake_case cases[] = {
        {"workers = 4294967297;" LANE, "workers is out of range", "t.conf:1: workers = 4294967297", "from 0 to 256"},
        {KAFKA "batch = 99999999999999999999L; };" LANE, "out of range", "t.conf:2: batch = 99999999999999999999L",
         "from 1 to 100000"},
        {IN_LANE "params = { n = 99999999999999999999L; }; metrics = ( \"m\" ); } );", "beyond 64 bits",
         "t.conf:2: n = 99999999999999999999L", "smaller"},
        {IN_LANE "params = { n = 1e999; }; metrics = ( \"m\" ); } );", "beyond what a number can be",
         "t.conf:2: n = 1e999", "1e300"},
        {WINDOW "length = 4294967596;" WINDOW_END, "length is out of range", "t.conf:2: length = 4294967596",
         "from \"1s\" to \"400d\""},
    };
    EXPECT_ALL(cases);
}

static void sources(void **state)
{
    (void)state;
    static const struct mistake_case cases[] = {
        {"source: {\n };" LANE, "source.kind is missing", "t.conf:1: no kind in this group", "kind = \"kafka\""},
        {"source: {\n kind = \"kafk\"; };" LANE, "source.kind is none that", "t.conf:2: kind = \"kafk\"",
         "did you mean \"kafka\"? It is one of \"kafka\" or \"files\""},
        {"source: { kind = 1; };" LANE, "source.kind is not a text", "t.conf:1: kind = 1", "\"kafka\" or \"files\""},
        {"source: { kind = \"kafka\"; topic = \"t\"; };" LANE, "source.brokers is missing",
         "t.conf:1: no brokers in this group", "brokers = \"localhost:9092\";"},
        {"source: { kind = \"kafka\"; brokers = \"t\"; };" LANE, "source.topic is missing",
         "t.conf:1: no topic in this group", "topic = "},
        {"source: { kind = \"kafka\"; brokers = \"t\";\n topic = \"a b\"; };" LANE, "no name of a Kafka topic",
         "t.conf:2: topic = \"a b\"", "letters, digits"},
        {KAFKA "start = \"lastest\"; };" LANE, "source.start", "t.conf:2: start = \"lastest\"", "did you mean latest?"},
        {KAFKA "start = \"2025-02-30T00:00:00Z\"; };" LANE, "source.start",
         "t.conf:2: start = \"2025-02-30T00:00:00Z\"", "\"latest\", \"earliest\" or a time in UTC"},
        {KAFKA "batch = 0; };" LANE, "source.batch is out of range", "t.conf:2: batch = 0", "from 1 to 100000"},
        {KAFKA "batch = 100.0; };" LANE, "source.batch is not a whole number", "t.conf:2: batch = 100.0", "from 1 to 100000"},
        {KAFKA "batch = 1e3; };" LANE, "source.batch is not a whole number", "t.conf:2: batch = 1e3", "from 1 to 100000"},
        {KAFKA "batch =\n\n 100.00; };" LANE, "source.batch is not a whole number", "t.conf:2: batch = 100.0", "from 1 to 100000"},
        {KAFKA "clock = \"wall\"; };" LANE, "source.clock", "t.conf:2: clock = \"wall\"", "\"live\" or \"event\""},
        {KAFKA "disorder = \"5\"; };" LANE, "source.disorder has no unit", "t.conf:2: disorder = \"5\"", "\"5s\""},
        {KAFKA "disorder = -1; };" LANE, "out of range", "t.conf:2: disorder = -1", "from \"0s\" to \"1d\""},
        {KAFKA "disorder = \"soon\"; };" LANE, "not a duration", "t.conf:2: disorder = \"soon\"", "\"30s\""},
        {KAFKA "disorder = true; };" LANE, "not a duration", "t.conf:2: disorder = true", "seconds"},
        {KAFKA "disorder = 0.0001; };" LANE, "finer than a millisecond", "t.conf:2: disorder = 0.0001", "whole"},
        {KAFKA "idle = 0; };" LANE, "out of range", "t.conf:2: idle = 0", "from \"100ms\" to \"1h\""},
        {KAFKA "future = \"401d\"; };" LANE, "out of range", "t.conf:2: future = \"401d\"", "to \"400d\""},
        {KAFKA "nobody = [ \"null\", \"\" ]; };" LANE, "source.nobody[1] is not an id", "t.conf:2: \"\"",
         "a text that is not empty, as in nobody = [ \"00000000-0000-0000-0000-000000000000\", \"null\" ];"},
        {KAFKA "nobody = ( 0 ); };" LANE, "source.nobody[0] is not an id", "t.conf:2: 0",
         "a text that is not empty, as in nobody = [ \"00000000-0000-0000-0000-000000000000\", \"null\" ];"},
        {KAFKA "max_message_bytes = 10; };" LANE, "out of range", "t.conf:2: max_message_bytes = 10", "from 1000"},
        {KAFKA "connect_timeout = 1; conect_timeout = 1; };" LANE, "not a setting", "t.conf:2: conect_timeout",
         "did you mean connect_timeout?"},
        {KAFKA "wait = 1; };" LANE, "source.wait is neither true nor false", "t.conf:2: wait = 1",
         "wait = true; or wait = false;"},
        {KAFKA "on_loss = \"stopp\"; };" LANE, "source.on_loss is none that", "t.conf:2: on_loss = \"stopp\"",
         "did you mean \"stop\"? It is one of \"ask\", \"continue\" or \"stop\""},
        {"source: { kind = \"files\"; files = [\"x\"];\n wait = true; };" LANE,
         "source.wait does not go with kind = \"files\"", "t.conf:2: wait = true", "kind = \"kafka\""},
        {"source: { kind = \"files\"; files = [\"x\"];\n on_loss = \"ask\"; };" LANE,
         "source.on_loss does not go with kind = \"files\"", "t.conf:2: on_loss = \"ask\"", "kind = \"kafka\""},
        {KAFKA "files = [ \"x\" ]; };" LANE, "source.files does not go with kind = \"kafka\"",
         "t.conf:2: files = [ ... ]", "kind = \"files\""},
        {KAFKA "properties = \"x\"; };" LANE, "source.properties is not a list", "t.conf:2: properties = (not shown)",
         "properties = ( ("},
        {KAFKA "properties = ( \"x\" ); };" LANE, "not a pair", "t.conf:2: (not shown)", "in brackets"},
        {KAFKA "properties = ( (\"x\") ); };" LANE, "not a pair", "t.conf:2: ( ... )", "in brackets"},
        {KAFKA "properties = ( (\"x\", 1.5) ); };" LANE, "not a value for x", "t.conf:2: (\"x\", ...)", "a text"},
        {KAFKA "properties = ( (\"a\", 1),\n (\"a\", 2) ); };" LANE, "there already", "t.conf:3: (\"a\", ...)",
         "the first is in line 2"},
        {KAFKA "properties = ( (\"bootstrap.servers\", \"x\") ); };" LANE, "has a setting of its own",
         "t.conf:2: (\"bootstrap.servers\", ...)", "source.brokers"},
        {"source: { kind = \"files\"; };" LANE, "source.files is missing", "t.conf:1: no files in this group",
         "files = [ \"events.tsv\" ];"},
        {"source: { kind = \"files\"; files = []; };" LANE, "names no file", "t.conf:1: files = [ ]", "at least one"},
        {"source: { kind = \"files\"; files = (1); };" LANE, "source.files[0]", "t.conf:1: 1", "a text"},
        {"source: { kind = \"files\"; files = \"x\"; };" LANE, "not a list", "t.conf:1: files = \"x\"", "files = ["},
        {"source: { kind = \"files\"; files = [\"x\"];\n topic = \"t\"; };" LANE, "does not go with kind = \"files\"",
         "t.conf:2: topic = \"t\"", "kind = \"kafka\""},
    };
    EXPECT_ALL(cases);
}

static void windows(void **state)
{
    (void)state;
    static const struct mistake_case cases[] = {
        {WINDOW "length = 60; gap = 60;" WINDOW_END, "lanes.a.windows.w.gap contradicts length", "t.conf:2: gap = 60",
         "either length"},
        {WINDOW WINDOW_END, "lanes.a.windows.w.length is missing", "t.conf:1: no length in this group",
         "or gap = \"30m\""},
        {WINDOW "length = \"0.5s\";" WINDOW_END, "length is out of range", "t.conf:2: length = \"0.5s\"",
         "from \"1s\" to \"400d\""},
        {WINDOW "length = 34560001;" WINDOW_END, "length is out of range", "t.conf:2: length = 34560001", "\"400d\""},
        {WINDOW "length = 60; emit = 61;" WINDOW_END, "emit is longer than the window's length", "t.conf:2: emit = 61",
         "to \"1m\""},
        {WINDOW "gap = 60; emit = 61;" WINDOW_END, "emit is longer than the window's gap", "t.conf:2: emit = 61",
         "to \"1m\""},
        {WINDOW "length = 60; emit = 30; ttl = 30;" WINDOW_END, "ttl is not longer than emit", "t.conf:2: ttl = 30",
         "longer than \"30s\""},
        {WINDOW "length = 60; ttl = 1;" WINDOW_END, "ttl is not longer than emit", "t.conf:2: ttl = 1",
         "longer than \"1s\""},
        {WINDOW "length = 60; burst = 0;" WINDOW_END, "burst is out of range", "t.conf:2: burst = 0", "from 1 to 1000"},
        {WINDOW "length = 60; burst = \"5\";" WINDOW_END, "burst", "t.conf:2: burst = \"5\"", "1"},
        {WINDOW "length = 60; burst = 1001;" WINDOW_END, "burst is out of range", "t.conf:2: burst = 1001", "from 1 to 1000"},
        {WINDOW "length = 60; ttl = 0;" WINDOW_END, "ttl is out of range", "t.conf:2: ttl = 0", "from \"1s\""},
        {WINDOW "length = 60; ttl = \"1500ms\";" WINDOW_END, "whole seconds", "t.conf:2: ttl = \"1500ms\"", "\"2s\""},
        {WINDOW "length = 60; max = 60;" WINDOW_END, "max goes with sessions only", "t.conf:2: max = 60", "gap"},
        {WINDOW "length = 60; lateness = 60;" WINDOW_END, "lateness goes with sessions only", "t.conf:2: lateness = 60",
         "gap"},
        {WINDOW "gap = \"2h\"; max = \"1h\";" WINDOW_END, "max is too short", "t.conf:2: max = \"1h\"",
         "at least \"2h\""},
        {WINDOW "gap = \"13h\";" WINDOW_END, "gap is too long: a session of at most 12h", "t.conf:2: gap = \"13h\"",
         "add max = \"13h\""},
        {WINDOW "lenght = 5; length = 5;" WINDOW_END, "lenght is not a setting", "t.conf:2: lenght",
         "did you mean length?"},
        {WINDOW "length = 5; }, {\n name = \"w\"; length = 6;" WINDOW_END, "name is there already",
         "t.conf:3: name = \"w\"", "the first is in line 1"},
        {WINDOW "length = 5; }, {\n name = \"W\"; length = 6;" WINDOW_END, "can't be a name", "t.conf:3: name = \"W\"",
         "a-z"},
        {WINDOW "length = 5; }, {\n name = \"abcdefghijklmnopqrstuvwxyz0123456\"; length = 6;" WINDOW_END,
         "can't be a name", "t.conf:3: name = \"abcdefghijklmnopqrstuvwxyz0123456\"", "1 to 32"},
        {WINDOW "length = 5; }, {\n length = 6;" WINDOW_END, "lanes.a.windows[1].name is missing",
         "t.conf:2: no name in this group", "name = \"5m\""},
        {WINDOW "length = 5; },\n \"5m"
                "\""
                ", { name = \"x\"; length = 6;" WINDOW_END,
         "windows[1] is not a group", "t.conf:3: \"5m\"", "{ name = "},
    };
    EXPECT_ALL(cases);
}

static void lanes_and_metrics(void **state)
{
    (void)state;
    static const struct mistake_case cases[] = {
        {"lanes = ( {\n windows = ( { name = \"w\"; length = 5; } ); metrics = ( \"m\" ); } );",
         "lanes[0].lane is missing", "t.conf:1: no lane in this group", "lane = \"product\""},
        {IN_LANE "};);", "syntax error", "t.conf:2: \",\" or \")\" was expected, not \";\"", "commas, not semicolons"},
        {IN_LANE "} );", "lanes.a.metrics is missing", "t.conf:1: no metrics in this group", "\"product_views\""},
        {IN_LANE "metrics = (); } );", "lanes.a.metrics is empty", "t.conf:2: metrics = ( )", "at least one"},
        {IN_LANE "metrics = \"m\"; } );", "metrics is not a list", "t.conf:2: metrics = \"m\"", "a list"},
        {IN_LANE "metrics = ( \"m\",\n \"m\" ); } );", "there already", "t.conf:3: \"m\"", "the first is in line 2"},
        {IN_LANE "metrics = ( \"m\",\n { metric = \"m\"; } ); } );", "there already", "t.conf:3: metric = \"m\"",
         "the first is in line 2"},
        {IN_LANE "metrics = ( \"Top Ten\" ); } );", "can't be a name", "t.conf:2: \"Top Ten\"", "a-z"},
        {IN_LANE "metrics = ( 5 ); } );", "not a group", "t.conf:2: 5", "or just \"product_views\""},
        {IN_LANE "metrics = ( { params = { }; } ); } );", "metrics[0].metric is missing",
         "t.conf:2: no metric in this group", "the name of a metric parser"},
        {IN_LANE "metrics = ( { metric = \"m\"; param = { }; } ); } );", "param is not a setting", "t.conf:2: param",
         "did you mean params?"},
        {IN_LANE "params = ( ); metrics = ( \"m\" ); } );", "params is not a group", "t.conf:2: params = ( )",
         "params = { name"},
        {"lanes = ( { lane = \"a\"; metrics = ( \"m\" );\n windows = ( ); } );", "lanes.a.windows is empty",
         "t.conf:2: windows = ( )", "at least one"},
        {"lanes = ( { lane = \"a\"; metrics = ( \"m\" ); } );", "lanes.a.windows is missing",
         "t.conf:1: no windows in this group", "at least one"},
        {IN_LANE
         "metrics = ( \"m\" ); }, {\n lane = \"a\"; metrics = ( \"m\" ); windows = ( { name = \"w\"; length = 5; } ); "
         "} );",
         "lanes.a.lane is there already", "t.conf:3: lane = \"a\"", "the first is in line 1"},
        {"lanes = ( \"product\" );", "lanes[0] is not a group", "t.conf:1: \"product\"", "{ lane = \"product\";"},
        {"lanes = [ \"product\" ];", "lanes[0] is not a group", "t.conf:1: \"product\"", "{ lane = \"product\";"},
    };
    EXPECT_ALL(cases);
}

static void sinks(void **state)
{
    (void)state;
    static const struct mistake_case cases[] = {
        {"sink: { };" LANE, "sink.kind is missing", "t.conf:1: no kind in this group", "kind = \"redis\""},
        {"sink: { kind = \"reddis\"; };" LANE, "sink.kind", "t.conf:1: kind = \"reddis\"", "did you mean \"redis\"?"},
        {REDIS "host = \"localhost:6379\"; };" LANE, "sink.host names \"localhost:6379\", a host with its port",
         "t.conf:2: host = \"localhost:6379\"", "port = 6379"},
        {REDIS "host = \"redis://a\"; };" LANE, "which is a URL", "t.conf:2: host = \"redis://a\"", "alone"},
        {REDIS "host = \"/run/redis.sock\"; };" LANE, "which is a path", "t.conf:2: host = \"/run/redis.sock\"", "socket ="},
        {REDIS "host = \"[::1]\"; };" LANE, "in brackets", "t.conf:2: host = \"[::1]\"", "\"::1\""},
        {REDIS "host = \"a b\"; };" LANE, "can't be a host", "t.conf:2: host = \"a b\"", "127.0.0.1"},
        {REDIS "port = 6379.0; };" LANE, "not a whole number", "t.conf:2: port = 6379.0", "from 1 to 65535"},
        {REDIS "port = 0; };" LANE, "sink.port is out of range", "t.conf:2: port = 0", "from 1 to 65535"},
        {REDIS "port = 65536; };" LANE, "sink.port is out of range", "t.conf:2: port = 65536", "from 1 to 65535"},
        {REDIS "port = \"6379\"; };" LANE, "not a whole number", "t.conf:2: port = \"6379\"", "without quotes"},
        {REDIS "database = -1; };" LANE, "sink.database is out of range", "t.conf:2: database = -1", "from 0"},
        {REDIS "timeout = \"1ms\"; };" LANE, "out of range", "t.conf:2: timeout = \"1ms\"", "\"10ms\" to \"10m\""},
        {REDIS "retry_max = 0; };" LANE, "out of range", "t.conf:2: retry_max = 0", "\"50ms\" to \"10m\""},
        {REDIS "pipeline = 0; };" LANE, "out of range", "t.conf:2: pipeline = 0", "from 1 to 1000000"},
        {REDIS "lease = \"499ms\"; };" LANE, "sink.lease is out of range", "t.conf:2: lease = \"499ms\"",
         "from \"500ms\" to \"10m\", or 0 for none; \"5s\""},
        {REDIS "lease = \"11m\"; };" LANE, "sink.lease is out of range", "t.conf:2: lease = \"11m\"", "or 0 for none"},
        {REDIS "lease = -1; };" LANE, "sink.lease is out of range", "t.conf:2: lease = -1", "from \"500ms\""},
        {REDIS "lease = \"5\"; };" LANE, "sink.lease has no unit", "t.conf:2: lease = \"5\"", "\"5s\""},
        {REDIS "audit = \"9ms\"; };" LANE, "sink.audit is out of range", "t.conf:2: audit = \"9ms\"",
         "from \"10ms\" to \"1h\", or 0 for never"},
        {"sink: { kind = \"null\";\n lease = 5; };" LANE, "sink.lease does not go with kind = \"null\"",
         "t.conf:2: lease = 5", "kind = \"redis\""},
        {REDIS "socket = \"/ten-bytes/ten-bytes/ten-bytes/ten-bytes/ten-bytes/ten-bytes/ten-bytes/ten-bytes/ten-bytes/ten-bytes/redis.s\"; };"
         LANE, "sink.socket is longer than the path", "t.conf:2: socket = \"/ten-bytes/ten-bytes/ten-bytes/ten-bytes/ten-bytes/ten-bytes/"
         "ten-bytes/ten-bytes...\"", "at most 107 bytes"},
        {REDIS "socket = \"/s\";\nhost = \"h\"; };" LANE, "sink.host contradicts socket", "t.conf:3: host = \"h\"",
         "or socket = \"/s\""},
        {REDIS "socket = \"/s\";\nport = 5; };" LANE, "sink.port contradicts socket", "t.conf:3: port = 5", "host"},
        {REDIS "user = \"u\"; };" LANE, "sink.user has no password", "t.conf:2: user = \"u\"", "password_file"},
        {REDIS "file = \"x\"; };" LANE, "sink.file does not go with kind = \"redis\"", "t.conf:2: file = \"x\"",
         "kind = \"jsonl\""},
        {"sink: { kind = \"null\";\n host = \"x\"; };" LANE, "sink.host does not go with kind = \"null\"",
         "t.conf:2: host = \"x\"", "kind = \"redis\""},
        {"dead_letters: { };" LANE, "dead_letters.file or topic is missing", "t.conf:1: no file or topic in this group",
         "standard error"},
        {"dead_letters: { file = \"f\";\n topic = \"t\"; };" LANE, "topic contradicts file", "t.conf:2: topic = \"t\"",
         "either file"},
        {"dead_letters: {\n topic = \"t\"; };" LANE, "has no brokers", "t.conf:2: topic = \"t\"", "file = "},
        {KAFKA "};\ndead_letters: { topic = \"t\"; };" LANE, "in circles", "t.conf:3: topic = \"t\"", "\"t-bad\""},
        {KAFKA "};\ndead_letters: { topic = \"t/t\"; };" LANE, "no name of a Kafka topic", "t.conf:3: topic = \"t/t\"",
         "letters, digits"},
        {"dead_letters: { fil = \"f\"; file = \"f\"; };" LANE, "fil is not a setting", "t.conf:1: fil",
         "did you mean file?"},
    };
    EXPECT_ALL(cases);
}

static void state_and_limits(void **state)
{
    (void)state;
    static const struct mistake_case cases[] = {
        {KAFKA "};\nstate = \"/f\";" LANE, "state is not a group", "t.conf:3: state = \"/f\"", "state: { folder = "},
        {KAFKA "};\nstate: { };" LANE, "state.folder is missing", "t.conf:3: no folder in this group",
         "folder = \"/var/lib/shoplane\"; without the group"},
        {KAFKA "};\nstate: { folder = \"\"; };" LANE, "state.folder is empty", "t.conf:3: folder = \"\"", "a text"},
        {KAFKA "};\nstate: { folder = 1; };" LANE, "state.folder is not a text", "t.conf:3: folder = 1", "quotes"},
        {KAFKA "};\nstate: { folder = \"/f\"; interval = \"99ms\"; };" LANE, "state.interval is out of range",
         "t.conf:3: interval = \"99ms\"", "from \"100ms\" to \"1h\""},
        {KAFKA "};\nstate: { folder = \"/f\"; interval = 3601; };" LANE, "state.interval is out of range",
         "t.conf:3: interval = 3601", "from \"100ms\" to \"1h\""},
        {KAFKA "};\nstate: { folder = \"/f\"; interval = 0; };" LANE, "state.interval is out of range",
         "t.conf:3: interval = 0", "from \"100ms\" to \"1h\""},
        {KAFKA "};\nstate: { folder = \"/f\"; fsync = \"nevr\"; };" LANE, "state.fsync is none that",
         "t.conf:3: fsync = \"nevr\"", "did you mean \"never\"? It is one of \"checkpoint\" or \"never\""},
        {KAFKA "};\nstate: { folder = \"/f\"; fsync = true; };" LANE, "state.fsync is not a text",
         "t.conf:3: fsync = true", "\"checkpoint\" or \"never\""},
        {KAFKA "};\nstate: { folder = \"/f\"; fill = \"later\"; };" LANE, "state.fill is none that",
         "t.conf:3: fill = \"later\"", "\"when_full\" or \"at_once\""},
        {KAFKA "};\nstate: { folder = \"/f\"; foldr = 1; };" LANE, "state.foldr is not a setting", "t.conf:3: foldr",
         "did you mean folder?"},
        {"source: { kind = \"files\"; files = [ \"x\" ]; };\nstate: { folder = \"/f\"; };" LANE,
         "state needs a Kafka topic", "t.conf:2: state = { ... }", "leave the group out"},
        {"\nstate: { folder = \"/f\"; };" LANE, "state needs a Kafka topic", "t.conf:2: state = { ... }",
         "kind = \"kafka\""},
        {"limits = 5;" LANE, "limits is not a group", "t.conf:1: limits = 5", "limits: { memory = "},
        {"limits: {\n memory = \"512\"; };" LANE, "limits.memory has no unit", "t.conf:2: memory = \"512\"",
         "\"512MB\" or \"512GB\""},
        {"limits: { memory = \"8 GB\"; };" LANE, "limits.memory is no amount", "t.conf:1: memory = \"8 GB\"", "\"8GB\""},
        {"limits: { memory = 1.5; };" LANE, "limits.memory is no amount", "t.conf:1: memory = 1.5", "whole number"},
        {"limits: { memory = true; };" LANE, "limits.memory is no amount", "t.conf:1: memory = true", "whole number"},
        {"limits: { memory = \"16000000.5B\"; };" LANE, "limits.memory is finer", "t.conf:1: memory = \"16000000.5B\"",
         "whole number"},
        {"limits: { memory = 15999999; };" LANE, "limits.memory is out of range", "t.conf:1: memory = 15999999",
         "from \"16MB\" to \"1000TB\", or 0 for no limit"},
        {"limits: { memory = -1; };" LANE, "limits.memory is out of range", "t.conf:1: memory = -1", "or 0 for no limit"},
        {"limits: { memory = \"1001TB\"; };" LANE, "limits.memory is out of range", "t.conf:1: memory = \"1001TB\"",
         "to \"1000TB\""},
        {"limits: { memory = \"9999999999TB\"; };" LANE, "limits.memory is out of range",
         "t.conf:1: memory = \"9999999999TB\"", "to \"1000TB\""},
        {"limits: { text_bytes = 63; };" LANE, "limits.text_bytes is out of range", "t.conf:1: text_bytes = 63", "from 64"},
        {"limits: { key_records = 99; };" LANE, "limits.key_records is out of range", "t.conf:1: key_records = 99",
         "from 100 to 100000000"},
        {"limits: { key_records = 100000001; };" LANE, "out of range", "t.conf:1: key_records = 100000001", "from 100"},
        {"limits: { memry = 0; };" LANE, "limits.memry is not a setting", "t.conf:1: memry", "did you mean memory?"},
    };
    EXPECT_ALL(cases);
}

static void all_mistakes_come_in_one_go_in_the_order_of_lines(void **state)
{
    (void)state;
    struct error_list errors = {0};
    assert_null(config_read_text("sink: { kind = \"redis\"; port = 0;\n"
                                 "  databse = 3; };\n"
                                 "lanes = ( { lane = \"cart\"; metrics = ( \"m\" );\n"
                                 "  windows = ( { name = \"5m\"; length = 5000000000;\n"
                                 "    emit = \"1 m\"; } ); } );\n"
                                 "workers = 1000;\n"
                                 "source: { kind = \"files\"; };\n",
                                 "t.conf", &errors));
    static const char *const found[] = {
        "t.conf:1: port = 0",       "t.conf:2: databse",        "t.conf:4: length = 5000000000",
        "t.conf:5: emit = \"1 m\"", "t.conf:6: workers = 1000", "t.conf:7: no files in this group",
    };
    assert_int_equal(errors.count, 6);
    for (size_t i = 0; i < 6; i++)
        assert_string_equal(errors.items[i].found, found[i]);
    error_list_free(&errors);
}

static void errors_are_added_behind_those_that_are_there(void **state)
{
    (void)state;
    struct error_list errors = {0};
    error_what(error_list_add(&errors), "an older one");
    assert_null(config_read_text("workers = 1000;" LANE, "t.conf", &errors));
    assert_int_equal(errors.count, 2);
    assert_string_equal(errors.items[0].what, "an older one");
    error_list_free(&errors);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_of_brokers),
        cmocka_unit_test(top_level),
        cmocka_unit_test(integers_that_libconfig_would_wrap),
        cmocka_unit_test(sources),
        cmocka_unit_test(windows),
        cmocka_unit_test(lanes_and_metrics),
        cmocka_unit_test(sinks),
        cmocka_unit_test(state_and_limits),
        cmocka_unit_test(all_mistakes_come_in_one_go_in_the_order_of_lines),
        cmocka_unit_test(errors_are_added_behind_those_that_are_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
