/* plugin_file.c - a file becomes a plugin, or is refused in words that say what to do. */
#include "plugin/plugin_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "wrong_plugins.h"

#define TEXT_(text) #text
#define TEXT(text)  TEXT_(text)
#define OURS        TEXT(SL_SDK_MAJOR) "." TEXT(SL_SDK_MINOR)

static char *folder;   /* of wrong plugins, as built */
static char *installed; /* one of our own, to write into */

static char *path_of(const char *in, const char *kind, const char *name)
{
    return memory_format("%s/%s/%s.so", in, kind, name);
}

static void write_file(const char *path, const char *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0644), 0);
}

/* Over the file that is there, not in its place: what is mapped of it changes. */
static void install(const char *lane, const char *as)
{
    char *from = path_of(folder, "lanes", lane), *to = path_of(installed, "lanes", as);
    FILE *file = fopen(from, "rb");
    assert_non_null(file);
    size_t size = 0, capacity = 1 << 20;
    char *bytes = memory_new(capacity);
    size = fread(bytes, 1, capacity, file);
    assert_in_range(size, 1, capacity - 1);
    (void)fclose(file);
    write_file(to, bytes, size);
    free(bytes);
    free(from);
    free(to);
}

static int set_up(void **state)
{
    (void)state;
    folder = wrong_plugins();
    installed = memory_text("/tmp/shoplane-plugins-XXXXXX");
    assert_non_null(mkdtemp(installed));
    char *lanes = memory_format("%s/lanes", installed);
    assert_int_equal(mkdir(lanes, 0755), 0);
    free(lanes);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    char *lanes = memory_format("%s/lanes", installed);
    assert_int_equal(rmdir(lanes), 0);
    assert_int_equal(rmdir(installed), 0);
    free(lanes);
    free(installed);
    free(folder);
    return 0;
}

static void refused_in(const char *in, enum plugin_kind kind, const char *name, const char *why, const char *advice)
{
    struct error error = {0};
    assert_null(plugin_file_load(in, kind, name, &error));
    char *what = memory_format("%s \"%s\" not loaded: %s", plugin_kind_word(kind), name, why);
    char *found = path_of(in, plugin_kind_folder(kind), name);
    error_is(&error, what, found, advice);
    free(what);
    free(found);
}

static void a_good_plugin_is_loaded(void **state)
{
    (void)state;
    struct error error = {0};
    const sl_plugin *lane = plugin_file_load(folder, PLUGIN_LANE, "plain", &error);
    const sl_plugin *metric = plugin_file_load(folder, PLUGIN_METRIC, "plain_count", &error);
    assert_non_null(lane);
    assert_non_null(metric);
    assert_string_equal(lane->lane->name, "plain");
    assert_string_equal(metric->metric->features[0].name, "plain_count");
    assert_true(plugin_is_mapped("plain"));
}

static void each_mistake_has_its_words(void **state)
{
    (void)state;
    static const struct {
        enum plugin_kind kind;
        const char *name, *why, *advice;
    } wrong[] = {
        {PLUGIN_LANE, "newer_minor", "it was built for SDK " TEXT(SL_SDK_MAJOR) ".99, this host speaks " OURS,
         "rebuild it against shoplane " TEXT(SL_SDK_MAJOR) ".x headers, or install a shoplane that speaks SDK "
         TEXT(SL_SDK_MAJOR) ".99"},
        {PLUGIN_LANE, "other_major", "it was built for SDK 9." TEXT(SL_SDK_MINOR) ", this host speaks " OURS,
         "rebuild it against shoplane " TEXT(SL_SDK_MAJOR) ".x headers, or install a shoplane that speaks SDK 9."
         TEXT(SL_SDK_MINOR)},
        {PLUGIN_LANE, "no_symbol", "it has no symbol shoplane_plugin_v1",
         "end its source with SL_LANE_PLUGIN(...) or SL_METRIC_PLUGIN(...)"},
        {PLUGIN_LANE, "no_note", "it does not say which Shoplane SDK it was built against (no ELF note \"Shoplane\")",
         "end its source with SL_LANE_PLUGIN(...) or SL_METRIC_PLUGIN(...) of <shoplane/plugin.h>"},
        {PLUGIN_LANE, "two_plugins", "it is 2 plugins in one file",
         "one of these a shared object: SL_LANE_PLUGIN(...), SL_METRIC_PLUGIN(...), or SL_PLUGIN(...) for one of each"},
        {PLUGIN_LANE, "symbol_kind", "its symbol shoplane_plugin_v1 is not the SDK's table",
         "let SL_LANE_PLUGIN(...) or SL_METRIC_PLUGIN(...) define it"},
        {PLUGIN_LANE, "search_path", "it brings a search path for libraries: \"/opt/shop/lib\"",
         "link it without -Wl,-rpath (CMake: set CMAKE_SKIP_RPATH)"},
        {PLUGIN_LANE, "stack", "it asks for an executable stack, for the whole host",
         "no functions inside functions, assembler files with .section .note.GNU-stack; link with -Wl,-z,noexecstack"},
        {PLUGIN_LANE, "host_library", "it links librdkafka.so.1, which is the host's own",
         "take it out of the link: Kafka, Redis and the configuration are the host's business; what a plugin needs comes through "
         "its functions' arguments"},
        {PLUGIN_LANE, "missing_library", "the library libshop_nowhere.so is not there, which it, or a library of its, needs",
         "install what has libshop_nowhere.so, and let the dynamic linker find it (ldconfig -p), or link it statically"},
        {PLUGIN_LANE, "is_metric", "it is not a lane", "lanes belong into lanes/, metric parsers into metrics/"},
        {PLUGIN_METRIC, "is_lane", "it is not a metric parser", "lanes belong into lanes/, metric parsers into metrics/"},
        {PLUGIN_LANE, "other_name", "it calls itself \"basket\"",
         "a plugin's name is that of its file: lower-case letters, digits, _"},
        {PLUGIN_LANE, "wide_record", "its record has 72 bytes",
         "16 to 64 bytes, a multiple of 8, beginning with an sl_stamp"},
        {PLUGIN_LANE, "field_outside", "a declared field lies outside of its struct: number",
         "declare it with SL_FIELD(struct ..., member, ...)"},
        {PLUGIN_LANE, "no_extract", "it lacks one of extract, add, publish", "fill all three, or extract_many in place of extract"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        refused_in(folder, wrong[i].kind, wrong[i].name, wrong[i].why, wrong[i].advice);
}

static void a_file_with_a_wrong_note_is_not_even_loaded(void **state)
{
    (void)state;
    assert_false(plugin_is_mapped("newer_minor"));
    assert_false(plugin_is_mapped("other_major"));
    assert_false(plugin_is_mapped("no_note"));
    assert_false(plugin_is_mapped("imports_host"));
    assert_false(plugin_is_mapped("search_path"));
}

static void a_plugin_imports_nothing_from_the_host(void **state)
{
    (void)state;
    struct error error = {0};
    assert_null(plugin_file_load(folder, PLUGIN_LANE, "imports_host", &error));
    char *path = path_of(folder, "lanes", "imports_host"), *found = memory_format("%s: memory_new", path);
    error_is(&error, "lane \"imports_host\" not loaded: it needs 1 symbol that nobody gives it", found,
             "link it with -Wl,-z,defs to find what is missing; a plugin imports nothing from the host");
    free(found);
    free(path);
}

static void a_plugin_that_is_not_there_lists_those_that_are(void **state)
{
    (void)state;
    struct error error = {0};
    assert_null(plugin_file_load(folder, PLUGIN_METRIC, "plain_cuont", &error));
    char *found = memory_format("no file %s/metrics/plain_cuont.so", folder);
    error_is(&error, "there is no metric parser \"plain_cuont\"", found,
             "there are: is_lane, needs_more, needs_other, plain_count, same_feature");
    free(found);
    assert_null(plugin_file_load(installed, PLUGIN_METRIC, "plain", &error));
    assert_string_equal(error.advice, "the folder has no plugins of this kind: set `plugins`");
}

static void what_is_no_shared_object_is_refused(void **state)
{
    (void)state;
    char *path = path_of(installed, "lanes", "odd");
    static const char why[] = "it is not a shared object (no ELF header)",
                      advice[] = "compile it with -shared -fPIC, or name another file";
    write_file(path, "", 0);
    refused_in(installed, PLUGIN_LANE, "odd", why, advice);
    char text[] = "int main(void) { return 0; }\n/* a text that is longer than a header, but no ELF file all the same */";
    write_file(path, text, sizeof text);
    refused_in(installed, PLUGIN_LANE, "odd", why, advice);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0755), 0);
    refused_in(installed, PLUGIN_LANE, "odd", "it is not a regular file of at most 64 MB", "");
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(mkfifo(path, 0644), 0); /* opening it must not wait for a writer */
    refused_in(installed, PLUGIN_LANE, "odd", "it is not a regular file of at most 64 MB", "");
    assert_int_equal(unlink(path), 0);
    free(path);
}

static void what_others_can_write_is_refused(void **state)
{
    (void)state;
    char *path = path_of(installed, "lanes", "plain"), *lanes = memory_format("%s/lanes", installed);
    static const char advice[] = "chown it to the user that runs shoplane (or root) and chmod go-w it";
    install("plain", "plain");
    assert_int_equal(chmod(path, 0646), 0);
    char *why = memory_format("others than you can write its file (mode 0646, owner %u)", (unsigned)geteuid());
    refused_in(installed, PLUGIN_LANE, "plain", why, advice);
    free(why);
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(chmod(lanes, 0777), 0);
    why = memory_format("others than you can write its folder (mode 0777, owner %u)", (unsigned)geteuid());
    struct error error = {0};
    assert_null(plugin_file_load(installed, PLUGIN_LANE, "plain", &error));
    char *what = memory_format("lane \"plain\" not loaded: %s", why), *found = memory_format("%s: %s", path, lanes);
    error_is(&error, what, found, advice);
    free(what);
    free(found);
    free(why);
    assert_int_equal(chmod(lanes, 0755), 0);
    assert_non_null(plugin_file_load(installed, PLUGIN_LANE, "plain", &error));
    assert_int_equal(unlink(path), 0);
    free(path);
    free(lanes);
}

static void overwriting_the_file_does_no_harm_and_a_rebuilt_one_is_new(void **state)
{
    (void)state;
    struct error error = {0};
    install("plain", "plain");
    const sl_plugin *first = plugin_file_load(installed, PLUGIN_LANE, "plain", &error);
    assert_non_null(first);
    assert_string_equal(first->lane->version, "1.0.0");
    /* The same path, the same inode: first shorter, then other code. */
    char *path = path_of(installed, "lanes", "plain");
    assert_int_equal(truncate(path, 0), 0);
    int64_t record[3] = {0}, records = 0;
    assert_true(first->lane->extract(NULL, NULL, record));
    first->lane->add(NULL, NULL, &records, record);
    assert_int_equal(records, 1);
    install("plain_two", "plain");
    assert_string_equal(first->lane->version, "1.0.0");
    assert_true(first->lane->extract(NULL, NULL, record));
    const sl_plugin *second = plugin_file_load(installed, PLUGIN_LANE, "plain", &error);
    assert_non_null(second);
    assert_string_equal(second->lane->version, "2.0.0");
    assert_string_equal(first->lane->version, "1.0.0");
    assert_true(second->lane->extract(NULL, NULL, record));
    assert_int_equal(unlink(path), 0);
    assert_true(second->lane->extract(NULL, NULL, record));
    free(path);
}

static void the_list_is_sorted_and_has_only_plugins(void **state)
{
    (void)state;
    char **names = plugin_file_list(folder, PLUGIN_METRIC);
    static const char *const expected[] = {"is_lane", "needs_more", "needs_other", "plain_count", "same_feature"};
    for (size_t i = 0; i < 5; i++)
        assert_string_equal(names[i], expected[i]);
    assert_null(names[5]);
    free(names);
    char *text = memory_format("%s/lanes/readme", installed), *bare = memory_format("%s/lanes/.so", installed);
    write_file(text, "x", 1);
    write_file(bare, "x", 1);
    names = plugin_file_list(installed, PLUGIN_LANE);
    assert_null(names[0]);
    free(names);
    assert_int_equal(unlink(text), 0);
    assert_int_equal(unlink(bare), 0);
    free(text);
    free(bare);
    names = plugin_file_list("/nowhere", PLUGIN_LANE);
    assert_null(names[0]);
    free(names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_plugin_is_loaded),
        cmocka_unit_test(each_mistake_has_its_words),
        cmocka_unit_test(a_file_with_a_wrong_note_is_not_even_loaded),
        cmocka_unit_test(a_plugin_imports_nothing_from_the_host),
        cmocka_unit_test(a_plugin_that_is_not_there_lists_those_that_are),
        cmocka_unit_test(what_is_no_shared_object_is_refused),
        cmocka_unit_test(what_others_can_write_is_refused),
        cmocka_unit_test(overwriting_the_file_does_no_harm_and_a_rebuilt_one_is_new),
        cmocka_unit_test(the_list_is_sorted_and_has_only_plugins),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
