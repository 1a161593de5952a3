/* crash_notes.c - what plugins crashed at, from line to verdict. */
#include "state/crash_notes.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char path[] = "/tmp/shoplane-crash-XXXXXX";
static int folder = -1;

static int make_folder(void **state)
{
    (void)state;
    memcpy(path + strlen(path) - 6, "XXXXXX", 6);
    if (mkdtemp(path) == NULL)
        return -1;
    folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return folder < 0 ? -1 : 0;
}

static int remove_folder(void **state)
{
    (void)state;
    (void)unlinkat(folder, CRASH_FILE, 0);
    (void)close(folder);
    return rmdir(path);
}

static struct crash_note note(int64_t time_s, const char *function, int64_t offset, const char *key)
{
    struct crash_note made = {.time_s = time_s,
                              .cause = SIGSEGV,
                              .build = 0xabc,
                              .partition = offset < 0 ? -1 : 3,
                              .offset = offset,
                              .key_size = strlen(key)};
    (void)snprintf(made.function, sizeof made.function, "%s", function);
    (void)snprintf(made.lane, sizeof made.lane, "basket");
    (void)snprintf(made.metric, sizeof made.metric, "-");
    memcpy(made.key, key, made.key_size);
    return made;
}

static void append(const char *text, size_t size)
{
    struct error error;
    int file = crash_notes_open(folder, &error);
    assert_true(file >= 0);
    assert_int_equal(write(file, text, size), size);
    (void)close(file);
}

static void append_note(struct crash_note made)
{
    char line[CRASH_LINE_MAX];
    append(line, crash_note_line(&made, line));
}

static bool quarantined(const char *lane, const char *metric, uint64_t build)
{
    struct crash_notes notes;
    crash_notes_read(folder, &notes);
    bool stands = crash_notes_quarantine(&notes, lane, metric, build) != NULL;
    crash_notes_free(&notes);
    return stands;
}

static void a_note_is_read_as_it_was_written(void **state)
{
    (void)state;
    struct crash_notes notes;
    char key[CRASH_KEY_MAX];
    memset(key, 0xe4, sizeof key);
    struct crash_note all = note(INT64_MAX - 1, "extract", INT64_MAX - 1, "");
    memset(all.lane, 'l', sizeof all.lane - 1);
    memset(all.metric, 'm', sizeof all.metric - 1);
    all.build = UINT64_MAX;
    all.partition = INT32_MAX;
    all.key_size = sizeof all.key;
    memcpy(all.key, key, sizeof key);
    append_note(all);
    append("crash 5 what is this\n", 21);
    append_note(note(7, "add", -1, "ann\n b"));
    append("crash 9 11 extract basket - 00000000", 36); /* cut off */
    crash_notes_read(folder, &notes);
    assert_int_equal(notes.count, 2);
    assert_memory_equal(&notes.items[0], &all, sizeof all);
    assert_int_equal(notes.items[1].key_size, 6);
    assert_memory_equal(notes.items[1].key, "ann\n b", 6);
    assert_int_equal(notes.items[1].partition, -1);
    crash_notes_free(&notes);
}

static void twice_at_one_place_is_a_bar(void **state)
{
    (void)state;
    struct crash_notes notes;
    append_note(note(1, "extract", 10, "ann"));
    append_note(note(2, "extract", 11, "ann"));
    append_note(note(3, "extract", 10, "ann")); /* here */
    append_note(note(4, "add", -1, "ann"));
    append_note(note(5, "publish", -1, "ann"));
    append_note(note(6, "add", -1, "bob"));
    append_note(note(7, "add", -1, "ann"));     /* here */
    append_note(note(8, "extract", 10, "ann")); /* said already */
    append_note(note(9, "open", -1, ""));
    append_note(note(10, "open", -1, "")); /* at no place */
    crash_notes_read(folder, &notes);
    for (size_t i = 0; i < notes.count; i++)
        assert_int_equal(crash_notes_bar(&notes, i), i == 2 || i == 6);
    crash_notes_free(&notes);
}

static void three_within_a_day_are_quarantine_of_that_build(void **state)
{
    (void)state;
    append_note(note(0, "extract", 10, ""));
    append_note(note(40000, "extract", 10, ""));
    append_note(note(CRASH_WITHIN_S + 1, "extract", 11, ""));
    assert_false(quarantined("basket", NULL, 0xabc));
    append_note(note(CRASH_WITHIN_S + 2, "extract", 12, ""));
    assert_true(quarantined("basket", NULL, 0xabc));
    assert_false(quarantined("basket", NULL, 0xabd));
    assert_false(quarantined("basket", "size", 0xabc));
    append_note(note(9 * CRASH_WITHIN_S, "extract", 13, "")); /* it does not leave by itself */
    assert_true(quarantined("basket", NULL, 0xabc));
}

static void a_release_begins_anew(void **state)
{
    (void)state;
    struct error error;
    for (int i = 0; i < 3; i++)
        append_note(note(i, "open", -1, ""));
    assert_true(quarantined("basket", NULL, 0xabc));
    assert_true(crash_notes_release(folder, "other", 4, &error));
    assert_true(quarantined("basket", NULL, 0xabc));
    assert_true(crash_notes_release(folder, "basket", 4, &error));
    assert_false(quarantined("basket", NULL, 0xabc));
    for (int i = 0; i < 3; i++)
        append_note(note(i, "open", -1, ""));
    assert_true(quarantined("basket", NULL, 0xabc));
}

static void a_long_file_becomes_short_and_keeps_the_newest(void **state)
{
    (void)state;
    struct crash_notes notes;
    for (int i = 0; i < 6000; i++)
        append_note(note(i, "extract", i, "some key of somebody"));
    crash_notes_trim(folder);
    crash_notes_read(folder, &notes);
    assert_int_equal(notes.count, 100);
    assert_int_equal(notes.items[99].offset, 5999);
    crash_notes_free(&notes);
    crash_notes_trim(folder);
    crash_notes_read(folder, &notes);
    assert_int_equal(notes.count, 100);
    crash_notes_free(&notes);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {TEST(a_note_is_read_as_it_was_written), TEST(twice_at_one_place_is_a_bar),
                                       TEST(three_within_a_day_are_quarantine_of_that_build),
                                       TEST(a_release_begins_anew),
                                       TEST(a_long_file_becomes_short_and_keeps_the_newest)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
