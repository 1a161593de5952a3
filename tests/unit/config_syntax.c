/* config_syntax.c - texts that libconfig can't read, or reads as something else than what is written; and @include. */
#include "config/config.h"
#include "config/syntax.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define LANE "\nlanes = ( { lane = \"a\"; windows = ( { name = \"w\"; length = \"5m\"; } ); metrics = ( \"m\" ); } );\n"

static void expect(const char *text, const char *what, const char *found, const char *advice)
{
    struct error_list errors = {0};
    struct config *config = config_read_text(text, "t.conf", &errors);
    if (config != NULL || errors.count != 1 || strstr(errors.items[0].what, what) == NULL ||
        strcmp(errors.items[0].found, found) != 0 || strstr(errors.items[0].advice, advice) == NULL) {
        for (size_t i = 0; i < errors.count; i++)
            print_error("  %s\n  %s\n  %s\n", errors.items[i].what, errors.items[i].found, errors.items[i].advice);
        fail_msg("expected \"%s\", \"%s\", \"%s\" (and %zu are there) of\n%s", what, found, advice, errors.count, text);
    }
    error_list_free(&errors);
}

static void each_fault_says_what_is_there_and_what_would_be_right(void **state)
{
    (void)state;
    static const struct {
        const char *text, *found, *advice;
    } cases[] = {
        {"kind = kafka;", "t.conf:1: a value was expected for kind, not a word without quotes",
         "in double quotes: kind = \"...\""},
        {"workers = ;", "t.conf:1: a value was expected for workers, not \";\"", "workers = ..."},
        {"workers =\n\n", "t.conf:1: a value was expected for workers, not the end of the file", "workers = ..."},
        {"\nworkers 1;", "t.conf:2: \"=\" was expected after workers, not a number", "name = value;"},
        {"emit = 30s;", "t.conf:1: a number is followed by letters", "emit = \"30s\""},
        {"a.b = 1;", "t.conf:1: \"=\" was expected after a, not a number", "names can't hold dots"},
        {"a = 1;;", "t.conf:1: the name of a setting was expected, not \";\"", "leave it out"},
        {"a = 1; };", "t.conf:1: the name of a setting was expected, not \"}\"", "nothing is open"},
        {"\"a\" = 1;", "t.conf:1: the name of a setting was expected, not a text", "without quotes"},
        {"a = 1; / comment", "t.conf:1: the name of a setting was expected, not a sign that has no meaning here",
         "begins with #, // or /*"},
        {"a = 1; @include \"b\"\n", "t.conf:1: the name of a setting was expected, not a sign that has no meaning here",
         "on a line of its own"},
        {"\ng: { x = 1;\n y = 2;\n", "t.conf:2: the group that begins here with \"{\" is never closed", "};"},
        {"a = ( 1,\n 2\n", "t.conf:1: the list that begins here with \"(\" is never closed", ")"},
        {"a = (\n {x = 1; }\n {x = 2; } );", "t.conf:3: \",\" or \")\" was expected, not \"{\"", "a comma is missing"},
        {"a = ( {x = 1; },\n {x = 2; },\n );", "t.conf:2: a \",\" with no element behind it", "leave out the comma"},
        {"a = ( { x = 1; ) };", "t.conf:1: \")\" while the group that begins in line 1 is open", "close the group"},
        {"a = [ { x = 1; } ];", "t.conf:1: \"{\" inside of [ ]", "stand in ( )"},
        {"\na = \"x;\nb = 2;\n", "t.conf:2: a text begins here whose closing quote is missing", "end it with \""},
        {"a = \"x;\nb = \"y\";\n", "t.conf:1: a text begins here and goes on over the end of the line",
         "end it with \""},
        {"a = [ 1, \"x\" ];", "t.conf:1: mismatched element type in array", "one type"},
        {"workers = 1;\nsource: { };\nworkers = 2;", "t.conf:3: workers is set again", "the first is in line 1"},
        {"s: { a = 1; }; t: { a = 1;\n a = 2; };", "t.conf:2: a is set again", "the first is in line 1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect(cases[i].text, "t.conf can't be read: ", cases[i].found, cases[i].advice);
}

static void what_would_swallow_the_rest_of_the_file_is_refused(void **state)
{
    (void)state;
    expect(LANE "\n\"sink: { kind = 5; };\n", "can't be read",
           "t.conf:4: a text begins here whose closing quote is missing", "end it with \"");
    expect(LANE "\n /* sink: { kind = \"null\"; };\n", "can't be read",
           "t.conf:4: a comment begins here that is never closed", "*/");
}

static void what_libconfig_takes_is_no_fault_of_syntax(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "a = 1",
        "a = 1 b = 2",
        "a = 1, b : 2;",
        "g = { a = 1 }, h : { };",
        "l = ( 1, (2, [3]), { a = \"b\" \"c\"; } )",
        "e = (); f = []; # x",
        "f = .5; g = 5.; h = 1e3; i = 0x1F; j = +5; k = 010; l = 5LL; m = TRUE; n = False;",
        "s = \"a\\\"b\\\\\";",
        "*a-b_c = 1;",
        "/**/a = 1;/* \n */",
        "a = 1;\r\n\fb = 2;\t",
    };
    struct config_memory *memory = config_memory_new();
    struct syntax_fault fault;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct whole_text whole;
        assert_true(whole_text_make(&whole, texts[i], strlen(texts[i]), "t.conf", NULL, memory));
        if (syntax_explain(&whole, &fault) || syntax_find_duplicate(&whole, &fault))
            fail_msg("%s: %s", texts[i], fault.detail);
        whole_text_free(&whole);
    }
    config_memory_free(memory);
}

static void nesting_without_end_is_no_way_to_break_it(void **state)
{
    (void)state;
    enum { DEPTH = 3000 };
    static char text[2 * DEPTH + 16];
    (void)snprintf(text, sizeof text, "a = ");
    for (int i = 0; i < DEPTH; i++)
        text[4 + i] = '(';
    struct error_list errors = {0};
    assert_null(config_read_text(text, "t.conf", &errors));
    assert_int_equal(errors.count, 1);
    assert_non_null(strstr(errors.items[0].found, "nested more than"));
    error_list_free(&errors);
}

/* --- files --- */

static char folder[] = "/tmp/shoplane-config-XXXXXX";

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL ? -1 : 0;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

static const char *path_of(const char *name)
{
    static char paths[4][256];
    static int turn;
    char *path = paths[turn++ % 4];
    (void)snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static void write_bytes(const char *name, const char *text, size_t size)
{
    FILE *file = fopen(path_of(name), "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static void write_file(const char *name, const char *text) { write_bytes(name, text, strlen(text)); }

static void an_included_file_is_found_beside_the_first_and_named_in_messages(void **state)
{
    (void)state;
    static const char main_text[] = "workers = 2;\n@include \"lanes.inc\"\nwokers = 3;\n";
    static const char lanes_text[] = "# lanes\n"
                                     "lanes = ( { lane = \"a\"; metrics = ( \"m\" );\n"
                                     "  params = { n = 99999999999999999999L; };\n"
                                     "  windows = ( { name = \"w\"; length = 0; } ); } );\n";
    char found[300];
    struct error_list errors = {0};
    write_file("main.conf", main_text);
    write_file("lanes.inc", lanes_text);
    assert_null(config_read_path(path_of("main.conf"), &errors));
    assert_int_equal(errors.count, 3);
    (void)snprintf(found, sizeof found, "%s:3: wokers", path_of("main.conf"));
    assert_string_equal(errors.items[0].found, found);
    (void)snprintf(found, sizeof found, "%s:3: n = 99999999999999999999L", path_of("lanes.inc"));
    assert_string_equal(errors.items[1].found, found);
    (void)snprintf(found, sizeof found, "%s:4: length = 0", path_of("lanes.inc"));
    assert_string_equal(errors.items[2].found, found);
    error_list_free(&errors);

    write_file("lanes.inc", "a = 1;\n\nb = c;\n");
    errors = (struct error_list){0};
    assert_null(config_read_path(path_of("main.conf"), &errors));
    assert_int_equal(errors.count, 1);
    (void)snprintf(found, sizeof found, "%s:3: a value was expected for b, not a word without quotes",
                   path_of("lanes.inc"));
    assert_string_equal(errors.items[0].found, found);
    error_list_free(&errors);

    write_file("main.conf", LANE "@include \"lanes.inc\"\n");
    write_file("lanes.inc", "workers = 1;\n/* never closed\n");
    errors = (struct error_list){0};
    assert_null(config_read_path(path_of("main.conf"), &errors));
    assert_int_equal(errors.count, 1);
    (void)snprintf(found, sizeof found, "%s:2: a comment begins here that is never closed", path_of("lanes.inc"));
    assert_string_equal(errors.items[0].found, found);
    error_list_free(&errors);
    assert_int_equal(unlink(path_of("main.conf")), 0);
    assert_int_equal(unlink(path_of("lanes.inc")), 0);
}

static void an_included_file_may_hold_elements_of_a_list(void **state)
{
    (void)state;
    struct error_list errors = {0};
    write_file("main.conf",
               "lanes = (\n  { lane = \"a\"; windows = ( { name = \"w\"; length = 60; } ); metrics = [ \"m\" ]; },\n"
               "  @include \"lanes.inc\"\n);\n");
    write_file("lanes.inc", "{ lane = \"b\"; windows = ( { name = \"w\"; length = 60; } ); metrics = [ \"m\" ]; }\n");
    struct config *config = config_read_path(path_of("main.conf"), &errors);
    assert_non_null(config);
    assert_int_equal(config->lane_count, 2);
    config_free(config);
    /* A mistake behind it is found all the same. */
    write_file("main.conf", "lanes = ( { lane = \"a\"; },\n  @include \"lanes.inc\"\n);\nsink: { kind = redis; };\n");
    assert_null(config_read_path(path_of("main.conf"), &errors));
    assert_int_equal(errors.count, 1);
    assert_non_null(strstr(errors.items[0].found, "main.conf:4: a value was expected for kind"));
    error_list_free(&errors);
    assert_int_equal(unlink(path_of("main.conf")), 0);
    assert_int_equal(unlink(path_of("lanes.inc")), 0);
}

/* One mistake, of this place, found and advice; `shown` with %s for the folder. */
static void expect_include(const char *main_text, const char *shown, const char *advice)
{
    struct error_list errors = {0};
    char found[400];
    write_file("main.conf", main_text);
    assert_null(config_read_path(path_of("main.conf"), &errors));
    (void)snprintf(found, sizeof found, shown, folder, folder, folder);
    if (errors.count != 1 || strcmp(errors.items[0].found, found) != 0 || strstr(errors.items[0].advice, advice) == NULL) {
        for (size_t i = 0; i < errors.count; i++)
            print_error("  %s\n  %s\n  %s\n", errors.items[i].what, errors.items[i].found, errors.items[i].advice);
        fail_msg("expected \"%s\" and \"%s\" of\n%s", found, advice, main_text);
    }
    error_list_free(&errors);
}

static void an_include_that_can_not_be_followed_is_said_with_its_line(void **state)
{
    (void)state;
    write_file("itself.conf", "\n@include \"itself.conf\"\n");
    write_file("back.conf", "@include \"main.conf\"\n");
    write_file("open.conf", "a = 1;\nb = \"x;\n");
    write_file("workers.conf", "\nworkers = 2;\n");
    write_file("comment.conf", "/* never closed\n");
    write_bytes("zero.conf", "a = 1;\0b", 8);
    assert_int_equal(mkfifo(path_of("fifo.conf"), 0600), 0);
    expect_include("\n@include \"none.conf\"\n", "%s/main.conf:2: @include \"none.conf\", which is %s/none.conf", "exists");
    expect_include("@include \".\"\n", "%s/main.conf:1: @include \".\", which is %s/.", "a regular file");
    expect_include("a = ( \n  @include \"fifo.conf\"\n );", "%s/main.conf:2: @include \"fifo.conf\", which is %s/fifo.conf",
                   "a regular file");
    expect_include("@include \"\"\n", "%s/main.conf:1: @include \"\", which is %s/", "name a file");
    expect_include("@include \"/no such/file\"\n", "%s/main.conf:1: @include \"/no such/file\"", "exists");
    expect_include("@include \"zero.conf\"\n", "%s/main.conf:1: @include \"zero.conf\", which is %s/zero.conf", "UTF-8");
    expect_include("@include \"itself.conf\"\n", "%s/itself.conf:2: @include \"itself.conf\", which is %s/itself.conf",
                   "leave one of them out");
    expect_include("@include \"back.conf\"\n", "%s/back.conf:1: @include \"main.conf\", which is %s/main.conf",
                   "leave one of them out");
    expect_include("@include \"open.conf\"\n", "%s/open.conf:2: a text begins here that is never closed", "end it with \"");
    expect_include("@include \"comment.conf\"\n" LANE, "%s/comment.conf:1: a comment begins here that is never closed", "*/");
    expect_include("@include \"workers.conf\"\n" LANE "@include \"workers.conf\"\n", "%s/workers.conf:2: workers is set again",
                   "once: it is there twice");
    expect_include(LANE "\nworkers = 1;\n@include \"workers.conf\"\n", "%s/workers.conf:2: workers is set again",
                   "the first is in line 4 of ");
    expect_include("@include \"workers.conf\" @include \"workers.conf\"\n",
                   "%s/main.conf:1: the name of a setting was expected, not a sign that has no meaning here",
                   "on a line of its own");
    static const char *const names[] = {"main.conf", "itself.conf", "back.conf",    "open.conf",
                                        "fifo.conf", "zero.conf",   "workers.conf", "comment.conf"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_int_equal(unlink(path_of(names[i])), 0);
}

static void every_include_that_can_not_be_followed_is_said(void **state)
{
    (void)state;
    struct error_list errors = {0};
    write_file("main.conf", "@include \"a.conf\"\n@include \"b.conf\"\nworkers = ;\n");
    assert_null(config_read_path(path_of("main.conf"), &errors));
    assert_int_equal(errors.count, 2);
    error_list_free(&errors);
    assert_int_equal(unlink(path_of("main.conf")), 0);
}

/* Lines are counted right behind it, and a byte order mark is no part of a text. */
static void files_of_other_editors_can_be_included(void **state)
{
    (void)state;
    struct error_list errors = {0};
    char found[300];
    write_file("main.conf", "\xef\xbb\xbfworkers = 2;\r\n  @include \"lanes.inc\" # windows\r\nwokers = 3;\r\n");
    write_file("lanes.inc", "\xef\xbb\xbf# \xc3\xa4\r\nlanes = ( { lane = \"a\"; metrics = ( \"m\" );\r\n"
                            "windows = ( { name = \"w\"; length = 0; } ); } );");
    assert_null(config_read_path(path_of("main.conf"), &errors));
    assert_int_equal(errors.count, 2);
    (void)snprintf(found, sizeof found, "%s:3: wokers", path_of("main.conf"));
    assert_string_equal(errors.items[0].found, found);
    (void)snprintf(found, sizeof found, "%s:3: length = 0", path_of("lanes.inc"));
    assert_string_equal(errors.items[1].found, found);
    error_list_free(&errors);
    assert_int_equal(unlink(path_of("main.conf")), 0);
    assert_int_equal(unlink(path_of("lanes.inc")), 0);
}

static void a_good_file_with_a_good_include_is_read(void **state)
{
    (void)state;
    struct error_list errors = {0};
    write_file("main.conf", "workers = 2;\n@include \"lanes.inc\"\n");
    write_file("lanes.inc", LANE);
    struct config *config = config_read_path(path_of("main.conf"), &errors);
    assert_non_null(config);
    assert_int_equal(config->workers, 2);
    assert_string_equal(config->file, path_of("main.conf"));
    assert_string_equal(config->lanes[0].place.file, path_of("lanes.inc"));
    assert_int_equal(config->lanes[0].place.line, 2);
    config_free(config);
    assert_int_equal(unlink(path_of("main.conf")), 0);
    assert_int_equal(unlink(path_of("lanes.inc")), 0);
}

static void what_is_no_text_file_is_one_error(void **state)
{
    (void)state;
    struct error_list errors = {0};
    assert_null(config_read_path(path_of("absent.conf"), &errors));
    assert_int_equal(errors.count, 1);
    assert_non_null(strstr(errors.items[0].what, "No such file"));
    assert_string_equal(errors.items[0].found, path_of("absent.conf"));
    assert_non_null(strstr(errors.items[0].advice, "exists"));

    assert_null(config_read_path(folder, &errors));
    assert_int_equal(errors.count, 2);
    assert_non_null(strstr(errors.items[1].what, "is not a file"));

    write_bytes("zero.conf", "a = 1;\0b", 8);
    assert_null(config_read_path(path_of("zero.conf"), &errors));
    assert_int_equal(errors.count, 3);
    assert_non_null(strstr(errors.items[2].what, "zero byte"));
    assert_int_equal(unlink(path_of("zero.conf")), 0);

    assert_int_equal(mkfifo(path_of("fifo.conf"), 0600), 0);
    assert_null(config_read_path(path_of("fifo.conf"), &errors));
    assert_int_equal(errors.count, 4);
    assert_int_equal(unlink(path_of("fifo.conf")), 0);
    error_list_free(&errors);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_fault_says_what_is_there_and_what_would_be_right),
        cmocka_unit_test(what_would_swallow_the_rest_of_the_file_is_refused),
        cmocka_unit_test(what_libconfig_takes_is_no_fault_of_syntax),
        cmocka_unit_test(nesting_without_end_is_no_way_to_break_it),
        cmocka_unit_test(an_included_file_is_found_beside_the_first_and_named_in_messages),
        cmocka_unit_test(a_good_file_with_a_good_include_is_read),
        cmocka_unit_test(an_include_that_can_not_be_followed_is_said_with_its_line),
        cmocka_unit_test(every_include_that_can_not_be_followed_is_said),
        cmocka_unit_test(files_of_other_editors_can_be_included),
        cmocka_unit_test(an_included_file_may_hold_elements_of_a_list),
        cmocka_unit_test(what_is_no_text_file_is_one_error),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
