/* config_shipped.c - the files in config/ are valid, and hold what the catalogue promises. */
#include "config/config.h"
#include "config/file_text.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *shipped_path(const char *name, char out[PATH_MAX])
{
    const char *here = __FILE__, *slash = strrchr(here, '/');
    (void)snprintf(out, PATH_MAX, "%.*s/../../config/%s", slash == NULL ? 1 : (int)(slash - here), slash == NULL ? "." : here,
                   name);
    return out;
}

static struct config *shipped(const char *name)
{
    char path[PATH_MAX];
    struct error_list errors = {0};
    struct config *config = config_read_path(shipped_path(name, path), &errors);
    for (size_t i = 0; i < errors.count; i++)
        print_error("%s\n  %s\n  %s\n", errors.items[i].what, errors.items[i].found, errors.items[i].advice);
    assert_non_null(config);
    assert_int_equal(errors.count, 0);
    return config;
}

static const struct lane_settings *lane(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->lane_count; i++)
        if (strcmp(config->lanes[i].name, name) == 0)
            return &config->lanes[i];
    fail_msg("no lane %s", name);
    return NULL;
}

/* "5m 300/30/600" for each window: length or gap, emit and ttl in seconds. And how many changes go out at once. */
static void expect_windows(const struct config *config, const char *name, int burst, const char *expected)
{
    char text[256];
    size_t used = 0;
    const struct lane_settings *l = lane(config, name);
    for (size_t i = 0; i < l->window_count; i++) {
        const struct window_settings *w = &l->windows[i];
        assert_int_equal(w->emit_ms % 1000, 0);
        assert_int_equal(w->burst, burst);
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s%s %lld/%lld/%lld", i == 0 ? "" : ", ", w->name,
                                 w->session ? " gap" : "", (long long)(w->session ? w->gap_ms : w->length_ms) / 1000,
                                 (long long)w->emit_ms / 1000, (long long)w->ttl_s);
    }
    assert_string_equal(text, expected);
}

static void expect_metrics(const struct config *config, const char *name, const char *expected)
{
    char text[256];
    size_t used = 0;
    const struct lane_settings *l = lane(config, name);
    for (size_t i = 0; i < l->metric_count; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", i == 0 ? "" : " ", l->metrics[i].name);
    assert_string_equal(text, expected);
}

static const struct param_setting *param(const struct config *config, const char *lane_name, const char *name)
{
    const struct lane_settings *l = lane(config, lane_name);
    for (size_t i = 0; i < l->params.count; i++)
        if (strcmp(l->params.items[i].name, name) == 0)
            return &l->params.items[i];
    fail_msg("lane %s has no param %s", lane_name, name);
    return NULL;
}

static void expect_all_parsers(const struct config *config)
{
    assert_int_equal(config->lane_count, 5);
    expect_metrics(config, "product", "product_views viewed_price");
    expect_metrics(config, "category", "top_category category_views");
    expect_metrics(config, "cart", "cart_activity cart_value");
    expect_metrics(config, "purchase", "orders");
    expect_metrics(config, "session",
                   "session_pages session_shopping session_search session_campaign shopper_devices shopper_locations");
    assert_string_equal(param(config, "session", "search_url")->text, "/search?q=");
}

static void expect_kafka_to_redis(const struct config *config)
{
    assert_true(config->source.given);
    assert_int_equal(config->source.kind, SOURCE_KAFKA);
    assert_string_equal(config->source.kafka.topic, "snowplow-enriched-good");
    assert_int_equal(config->source.clock, CLOCK_LIVE);
    assert_int_equal(config->source.disorder_ms, 5000);
    assert_int_equal(config->source.idle_ms, 3000);
    assert_int_equal(config->source.future_ms, 600000);
    assert_int_equal(config->sink.kind, SINK_REDIS);
    assert_int_equal(config->dead_letters.kind, LETTERS_TOPIC);
    assert_null(config->state.folder); /* commented out: a trial needs none */
}

static void shoplane_conf_writes_every_second_and_outlives_its_windows(void **state)
{
    (void)state;
    struct config *config = shipped("shoplane.conf");
    expect_windows(config, "product", 5, "5m 300/1/900, 1h 3600/1/4200, 24h 86400/1/87000");
    expect_windows(config, "category", 5, "5m 300/1/900, 1h 3600/1/4200, 24h 86400/1/87000");
    expect_windows(config, "cart", 5, "5m 300/1/900, 1h 3600/1/4200");
    expect_windows(config, "purchase", 5, "24h 86400/1/87000");
    expect_windows(config, "session", 5, "session gap 1800/1/2400");
    assert_int_equal(lane(config, "session")->windows[0].max_ms, 12 * 3600000);
    assert_int_equal(lane(config, "session")->windows[0].lateness_ms, 300000);
    expect_all_parsers(config);
    expect_kafka_to_redis(config);
    assert_true(param(config, "category", "count_lists")->flag);
    assert_false(param(config, "cart", "total_is_before")->flag);
    assert_string_equal(param(config, "purchase", "order_signal")->text, "transaction");
    assert_string_equal(param(config, "session", "search_signal")->text, "either");
    config_free(config);
}

static void live_shopper_conf_is_the_accelerators(void **state)
{
    (void)state;
    struct config *config = shipped("live-shopper.conf");
    expect_windows(config, "product", 1, "5m 300/30/600, 1h 3600/60/600");
    expect_windows(config, "category", 1, "5m 300/30/600, 1h 3600/60/600, 24h 86400/60/600");
    expect_windows(config, "cart", 1, "5m 300/30/600, 1h 3600/60/600");
    expect_windows(config, "purchase", 1, "24h 86400/60/600");
    expect_windows(config, "session", 1, "session gap 1800/60/600");
    expect_all_parsers(config);
    expect_kafka_to_redis(config);
    assert_true(param(config, "cart", "total_is_before")->flag);
    assert_string_equal(param(config, "purchase", "order_signal")->text, "checkout_step");
    assert_string_equal(param(config, "session", "search_signal")->text, "url");
    config_free(config);
}

static void what_shoplane_conf_states_is_what_is_the_default(void **state)
{
    (void)state;
    struct error_list errors = {0};
    struct config *config = shipped("shoplane.conf");
    struct config *bare = config_read_text(
        "source: { kind = \"kafka\"; brokers = \"localhost:9092\"; topic = \"t\"; };"
        "lanes = ( { lane = \"a\"; metrics = ( \"m\" );"
        "            windows = ( { name = \"5m\"; length = 300; }, { name = \"s\"; gap = 1800; } ); } );",
        "t.conf", &errors);
    assert_non_null(bare);
    const struct source_settings *a = &config->source, *b = &bare->source;
    assert_int_equal(config->workers, bare->workers);
    assert_int_equal(a->kafka.start, b->kafka.start);
    assert_int_equal(a->kafka.batch_messages, b->kafka.batch_messages);
    assert_int_equal(a->kafka.connect_timeout_ms, b->kafka.connect_timeout_ms);
    assert_int_equal(a->kafka.property_count, 0);
    assert_int_equal(a->kafka.wait, b->kafka.wait);
    assert_int_equal(a->kafka.on_loss, b->kafka.on_loss);
    assert_int_equal(a->clock, b->clock);
    assert_int_equal(a->disorder_ms, b->disorder_ms);
    assert_int_equal(a->idle_ms, b->idle_ms);
    assert_int_equal(a->future_ms, b->future_ms);
    assert_int_equal(a->max_message_bytes, b->max_message_bytes);
    assert_int_equal(a->nobody_count, b->nobody_count);
    for (size_t i = 0; i < a->nobody_count; i++)
        assert_string_equal(a->nobody[i], b->nobody[i]);
    assert_string_equal(config->sink.host, bare->sink.host);
    assert_int_equal(config->sink.port, bare->sink.port);
    assert_int_equal(config->sink.database, bare->sink.database);
    assert_int_equal(config->sink.timeout_ms, bare->sink.timeout_ms);
    assert_int_equal(config->sink.retry_max_ms, bare->sink.retry_max_ms);
    assert_int_equal(config->sink.pipeline, bare->sink.pipeline);
    assert_int_equal(config->sink.lease_ms, bare->sink.lease_ms);
    assert_int_equal(config->sink.audit_ms, bare->sink.audit_ms);
    assert_true(config->limits.memory_bytes == bare->limits.memory_bytes);
    assert_int_equal(config->limits.key_records, bare->limits.key_records);
    assert_int_equal(config->limits.text_bytes, bare->limits.text_bytes);
    const struct window_settings *rolling = &lane(config, "product")->windows[0],
                                 *session = &lane(config, "session")->windows[0], *plain = bare->lanes[0].windows;
    assert_int_equal(rolling->emit_ms, plain[0].emit_ms);
    assert_int_equal(rolling->burst, plain[0].burst);
    assert_int_equal(rolling->ttl_s, plain[0].ttl_s);
    assert_int_equal(session->max_ms, plain[1].max_ms);
    assert_int_equal(session->lateness_ms, plain[1].lateness_ms);
    assert_int_equal(session->ttl_s, plain[1].ttl_s);
    config_free(config);
    config_free(bare);
}

/* The group `state` of the file, taken in: every setting in it is the default. */
static void what_is_commented_out_of_shoplane_conf_is_right_when_it_is_taken_in(void **state)
{
    (void)state;
    char path[PATH_MAX];
    size_t size;
    struct error error;
    struct error_list errors = {0};
    char *text = file_text_read(shipped_path("shoplane.conf", path), &size, &error);
    assert_non_null(text);
    char *group = strstr(text, "\n# state: {\n"), *end = group == NULL ? NULL : strstr(group, "\n# };\n");
    assert_non_null(end);
    for (char *line = group; line <= end; line = strchr(line + 1, '\n'))
        memcpy(line + 1, " ", 1); /* each line's first # */
    struct config *config = config_read_text(text, "shoplane.conf", &errors);
    for (size_t i = 0; i < errors.count; i++)
        print_error("%s\n  %s\n  %s\n", errors.items[i].what, errors.items[i].found, errors.items[i].advice);
    assert_non_null(config);
    assert_string_equal(config->state.folder, "/var/lib/shoplane");
    assert_int_equal(config->state.interval_ms, 5000);
    assert_int_equal(config->state.fsync, FSYNC_CHECKPOINT);
    assert_int_equal(config->state.fill, FILL_WHEN_FULL);
    config_free(config);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shoplane_conf_writes_every_second_and_outlives_its_windows),
        cmocka_unit_test(live_shopper_conf_is_the_accelerators),
        cmocka_unit_test(what_shoplane_conf_states_is_what_is_the_default),
        cmocka_unit_test(what_is_commented_out_of_shoplane_conf_is_right_when_it_is_taken_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
