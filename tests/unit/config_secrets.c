/* config_secrets.c - the password's three ways in, and that none of its mistakes shows it. */
#include "config/config.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define LANE   "\nlanes = ( { lane = \"a\"; windows = ( { name = \"w\"; length = \"5m\"; } ); metrics = ( \"m\" ); } );\n"
#define SECRET "hunter2"

static char path[] = "/tmp/shoplane-password-XXXXXX";

static int make_file(void **state)
{
    (void)state;
    int descriptor = mkstemp(path);
    return descriptor < 0 ? -1 : close(descriptor);
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

static void fill(const char *text, mode_t mode)
{
    (void)chmod(path, 0600); /* what the last test left may be for reading only; root does not notice */
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static const char *with_file(void)
{
    static char text[600];
    (void)snprintf(text, sizeof text, "sink: { kind = \"redis\";\n password_file = \"%s\"; };" LANE, path);
    return text;
}

static void expect_password(const char *text, const char *password)
{
    struct error_list errors = {0};
    struct config *config = config_read_text(text, "t.conf", &errors);
    assert_int_equal(errors.count, 0);
    assert_non_null(config);
    assert_string_equal(config->sink.password, password);
    config_free(config);
}

/* Refused in line `line`, in other words than the secret's. */
static void expect_refusal(const char *text, const char *what, int line, const char *advice)
{
    char place[32];
    struct error_list errors = {0};
    (void)snprintf(place, sizeof place, "t.conf:%d: ", line);
    assert_null(config_read_text(text, "t.conf", &errors));
    bool fits = errors.count == 1 && strstr(errors.items[0].what, what) != NULL &&
                strncmp(errors.items[0].found, place, strlen(place)) == 0 &&
                strstr(errors.items[0].advice, advice) != NULL;
    for (size_t i = 0; i < errors.count; i++) {
        const struct error *error = &errors.items[i];
        if (!fits || strstr(error->what, SECRET) != NULL || strstr(error->found, SECRET) != NULL ||
            strstr(error->advice, SECRET) != NULL)
            fail_msg("%s\n  %s\n  %s\nof %s", error->what, error->found, error->advice, text);
    }
    assert_true(fits);
    error_list_free(&errors);
}

static void a_password_comes_from_a_file_of_ours(void **state)
{
    (void)state;
    fill(SECRET "\n", 0600);
    expect_password(with_file(), SECRET);
    fill(SECRET, 0400);
    expect_password(with_file(), SECRET);
    fill(" " SECRET " \n", 0600); /* only the newline goes */
    expect_password(with_file(), " " SECRET " ");
}

static void a_file_that_others_may_read_is_refused(void **state)
{
    (void)state;
    fill(SECRET "\n", 0644);
    expect_refusal(with_file(), "its mode is 0644", 2, "chmod 600");
    fill(SECRET "\n", 0640);
    expect_refusal(with_file(), "its mode is 0640", 2, "chmod 600");
}

static void a_file_without_one_password_is_refused(void **state)
{
    (void)state;
    fill("\n", 0600);
    expect_refusal(with_file(), "without a password", 2, "holds the password");
    fill(SECRET "\n\n", 0600);
    expect_refusal(with_file(), "several lines", 2, "at most a newline");
    expect_refusal("sink: { kind = \"redis\"; password_file = \"/no/such/file\"; };" LANE, "No such file", 1, "exists");
}

static void a_password_comes_from_the_environment(void **state)
{
    (void)state;
    assert_int_equal(setenv("SHOPLANE_TEST_PASSWORD", SECRET, 1), 0);
    expect_password("sink: { kind = \"redis\"; user = \"u\"; password_env = \"SHOPLANE_TEST_PASSWORD\"; };" LANE,
                    SECRET);
    assert_int_equal(setenv("SHOPLANE_TEST_PASSWORD", "", 1), 0);
    expect_refusal("sink: { kind = \"redis\"; password_env = \"SHOPLANE_TEST_PASSWORD\"; };" LANE, "is empty", 1,
                   "export");
    assert_int_equal(unsetenv("SHOPLANE_TEST_PASSWORD"), 0);
    expect_refusal("sink: { kind = \"redis\"; password_env = \"SHOPLANE_TEST_PASSWORD\"; };" LANE, "does not have", 1,
                   "export");
}

static void there_is_one_password(void **state)
{
    (void)state;
    expect_refusal("sink: { kind = \"redis\"; password_env = \"X\";\n password = \"" SECRET "\"; };" LANE,
                   "sink.password_env contradicts password", 1, "one of password, password_file");
    expect_refusal("sink: { kind = \"redis\"; password_env = \"X\";\n password_file = \"" SECRET "\"; };" LANE,
                   "sink.password_env contradicts password_file", 1, "one of");
}

static void no_mistake_shows_the_password(void **state)
{
    (void)state;
    static const struct {
        const char *text, *what, *advice;
        int line;
    } cases[] = {
        {"sink: { kind = \"redis\"; pasword = \"" SECRET "\"; };", "is not a setting", "did you mean password?", 1},
        {"sink: { kind = \"redis\"; pasword = " SECRET "; };", "syntax error", "double quotes", 1},
        {"sink: { kind = \"redis\"; password = [ \"" SECRET "\" ]; };", "not a text", "double quotes", 1},
        {"sink: { kind = \"redis\"; password = \"\"; };", "is empty", "leave password out", 1},
        {"sink: { kind = \"redis\"; password = \"a\"" SECRET "\"; };", "syntax error", "\\\"", 1},
        {"sink: { kind = \"redis\"; password = \"" SECRET "; };", "syntax error", "end it with", 1},
        {"sink: { kind = \"redis\"; password_file = \"" SECRET "\"; };", "names no file", "of mode 600", 1},
        {"sink: { kind = \"redis\"; password_env = \"" SECRET "\"; };", "does not have", "not the password", 1},
        {"sink: { kind = \"null\"; password = \"" SECRET "\"; };", "does not go with", "kind = \"redis\"", 1},
        {"source: { kind = \"kafka\"; brokers = \"b\"; topic = \"t\";\n"
         "  properties = ( (\"sasl.password\", \"" SECRET "\", 1) ); };",
         "not a pair", "in brackets", 2},
        {"source: { kind = \"kafka\"; brokers = \"b\"; topic = \"t\";\n  properties = \"" SECRET "\"; };", "not a list",
         "a list", 2},
        {"source: { kind = \"kafka\"; brokers = \"b\"; topic = \"t\";\n"
         "  properties = ( (\"sasl.password\", \"" SECRET "\"), (\"sasl.password\", \"" SECRET "\") ); };",
         "there already", "keep one", 2},
        {"source: { kind = \"files\"; files = [ \"a\" ];\n properties = ( (\"sasl.password\", \"" SECRET "\") ); };",
         "does not go with", "kind = \"kafka\"", 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[600];
        (void)snprintf(text, sizeof text, "%s" LANE, cases[i].text);
        expect_refusal(text, cases[i].what, cases[i].line, cases[i].advice);
    }
    expect_refusal("sink: { kind = \"redis\"; password = 5000000000; };" LANE, "sink.password is not a text", 1,
                   "quotes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_password_comes_from_a_file_of_ours),
        cmocka_unit_test(a_file_that_others_may_read_is_refused),
        cmocka_unit_test(a_file_without_one_password_is_refused),
        cmocka_unit_test(a_password_comes_from_the_environment),
        cmocka_unit_test(there_is_one_password),
        cmocka_unit_test(no_mistake_shows_the_password),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
