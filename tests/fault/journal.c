/* journal.c - a journal on a disk that fills up: what waits is bounded, a renewal that does not fit is given up and leaves
 * nothing behind, and no descriptor that a checkpoint did not take is lost.
 *
 * pwrite() and unlinkat() go through here (-Wl,--wrap), on a disk that has room for so many bytes. */
#include "engine/journal.h"

#include "state_fixture.h"

#include <errno.h>

#define MEGABYTE ((size_t)1 << 20)
#define HOUR_MS  3600000

static struct {
    size_t room;
    unsigned tries;
} disk;

ssize_t __real_pwrite(int file, const void *data, size_t size, off_t offset);
ssize_t __wrap_pwrite(int file, const void *data, size_t size, off_t offset);
int __real_unlinkat(int folder, const char *name, int flags);
int __wrap_unlinkat(int folder, const char *name, int flags);

ssize_t __wrap_pwrite(int file, const void *data, size_t size, off_t offset)
{
    disk.tries++;
    if (disk.room == 0) {
        errno = ENOSPC;
        return -1;
    }
    ssize_t taken = __real_pwrite(file, data, size < disk.room ? size : disk.room, offset);
    assert_true(taken > 0);
    disk.room -= (size_t)taken;
    return taken;
}

int __wrap_unlinkat(int folder, const char *name, int flags)
{
    struct stat status;
    if (fstatat(folder, name, &status, 0) == 0)
        disk.room += (size_t)status.st_size;
    return __real_unlinkat(folder, name, flags);
}

struct fixture {
    char *path;
    int folder;
    struct record_schema schema;
    struct journal journal;
    struct journal_cut cut;
    struct error error;
};

static int set_up(void **state)
{
    struct fixture *f = memory_new(sizeof *f);
    f->path = state_temporary(&f->folder);
    f->schema = state_schema();
    disk.room = SIZE_MAX / 2;
    disk.tries = 0;
    const struct journal_settings settings = {
        .folder = f->folder, .lane = "product", .generation = 1, .workers = 1, .schema = &f->schema, .keep_ms = 16 * HOUR_MS};
    journal_init(&f->journal, &settings);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    journal_cut_free(&f->cut);
    journal_free(&f->journal);
    record_schema_free(&f->schema);
    (void)close(f->folder);
    state_remove(f->path);
    free(f->path);
    free(f);
    return 0;
}

/* A record of about a kilobyte. */
static void put(struct fixture *f, int64_t time_ms)
{
    static _Alignas(8) char bytes[sizeof(struct entry) + sizeof(struct state_record) + 1000];
    struct entry *entry = (void *)bytes;
    struct state_record record;
    memset(&record, 0, sizeof record);
    record.at = (sl_stamp){time_ms, (uint64_t)time_ms};
    *entry = (struct entry){.size = sizeof bytes, .key_size = 1000, .record_size = sizeof record};
    memcpy(entry_record(entry), &record, sizeof record);
    memset(bytes + sizeof *entry + sizeof record, 'k', 1000);
    (void)journal_put(&f->journal, entry);
}

static size_t waiting(const struct fixture *f) { return f->journal.writer.pending.size + f->journal.writer.block.size; }

static bool cut(struct fixture *f, int64_t clock_ms) { return journal_cut(&f->journal, clock_ms, NULL, &f->cut, &f->error); }

static bool exists(const struct fixture *f, uint32_t sequence)
{
    char name[SEGMENT_NAME_MAX];
    const struct segment_name segment = {.lane = "product", .generation = 1, .sequence = sequence};
    return faccessat(f->folder, segment_name_text(&segment, name), F_OK, 0) == 0;
}

/* As a shard does it; how many records were put. */
static int renew(struct fixture *f, int records)
{
    if (!journal_renew(&f->journal, &f->error))
        return 0;
    for (int i = 0; i < records; i++) {
        put(f, i);
        if (!journal_keeps_up(&f->journal, &f->error))
            return i + 1;
    }
    return records;
}

static uint64_t records_read(struct fixture *f)
{
    uint64_t count = 0;
    for (size_t i = 0; i < f->cut.segment_count; i++) {
        char name[SEGMENT_NAME_MAX];
        struct segment_reader reader;
        struct segment_block block;
        const struct manifest_segment *segment = &f->cut.segments[i];
        assert_true(segment_open(&reader, f->folder, segment_name_text(&segment->name, name), segment->bytes, &f->error));
        for (enum segment_read read; (read = segment_read(&reader, &block, &f->error)) != SEGMENT_END;) {
            assert_int_equal(read, SEGMENT_BLOCK);
            const struct journal_entry *entry;
            for (size_t at = 0; at < block.bytes; at += entry->size, count++)
                entry = (const void *)(block.entries + at);
        }
        segment_reader_free(&reader);
    }
    return count;
}

static void what_waits_beyond_the_bound_is_given_up(void **state)
{
    struct fixture *f = *state;
    put(f, 1);
    assert_true(cut(f, 1));
    disk.room = 0;
    put(f, 2);
    assert_false(cut(f, 2));
    assert_non_null(strstr(f->error.what, "No space left"));
    assert_false(journal_is_broken(&f->journal));
    while (waiting(f) <= JOURNAL_WAITING_MAX - MEGABYTE)
        put(f, 3);
    assert_false(journal_is_broken(&f->journal));
    for (int i = 0; i < 3000 && !journal_is_broken(&f->journal); i++) /* it does not wait for a checkpoint */
        put(f, 3);
    assert_true(journal_is_broken(&f->journal));
    assert_true(waiting(f) < MEGABYTE);
    assert_true(disk.tries < 100); /* not at each record */
    assert_false(cut(f, 3));
    assert_true(journal_is_broken(&f->journal));
    assert_int_equal(f->cut.given_up, 1);
    put(f, 4);
    assert_true(waiting(f) < MEGABYTE);
    assert_true(exists(f, 0)); /* a manifest may name it */
}

static void a_renewal_that_does_not_fit_is_given_up_leaves_nothing_and_is_not_tried_at_each_cut(void **state)
{
    struct fixture *f = *state;
    journal_lost(&f->journal);
    disk.room = 3 * MEGABYTE;
    int put_before = renew(f, 100000);
    assert_true(put_before > 3000 && put_before < 7000); /* what fits, and what may wait for a write */
    assert_non_null(strstr(f->error.what, "No space left"));
    assert_true(waiting(f) < MEGABYTE);
    assert_int_equal(disk.room, 3 * MEGABYTE);
    assert_true(journal_is_broken(&f->journal));
    int attempts = 0;
    for (int i = 0; i < 100; i++) {
        unsigned tries = disk.tries;
        assert_true(renew(f, 100000) < 7000);
        assert_non_null(strstr(f->error.what, "No space left"));
        attempts += disk.tries != tries;
        assert_int_equal(disk.room, 3 * MEGABYTE);
    }
    assert_in_range(attempts, 10, 20);
    disk.room = 200 * MEGABYTE;
    int waited = 0;
    while (renew(f, 20000) != 20000)
        waited++;
    assert_true(waited <= 8);
    assert_true(cut(f, 1));
    assert_true(f->cut.complete && f->cut.whole);
    assert_int_equal(f->cut.segment_count, 1);
    assert_int_equal(f->cut.given_up, f->cut.segments[0].name.sequence);
    assert_int_equal(records_read(f), 20000);
    for (uint32_t sequence = 0; sequence < f->cut.given_up; sequence++)
        assert_false(exists(f, sequence));
}

static void a_disk_without_room_for_a_header_is_tried_at_each_cut_and_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    journal_lost(&f->journal);
    disk.room = 0;
    for (int i = 0; i < 20; i++) {
        unsigned tries = disk.tries;
        assert_int_equal(renew(f, 10), 0);
        assert_true(disk.tries > tries);
    }
    for (uint32_t sequence = 0; sequence < 30; sequence++)
        assert_false(exists(f, sequence));
    disk.room = MEGABYTE;
    assert_int_equal(renew(f, 10), 10);
    assert_true(cut(f, 1));
    assert_int_equal(records_read(f), 10);
}

static void an_ended_file_that_nobody_took_is_in_the_next_cut(void **state)
{
    struct fixture *f = *state;
    put(f, 1);
    assert_true(cut(f, 1));
    assert_int_equal(f->cut.file_count, 1);
    put(f, 2);
    assert_true(cut(f, 1 + HOUR_MS));
    assert_int_equal(f->cut.file_count, 1);
    assert_true(f->cut.files[0].ended);
    int ended = f->cut.files[0].file;
    put(f, 3);
    assert_true(cut(f, 2 + HOUR_MS)); /* the one before was not taken */
    assert_int_equal(f->cut.file_count, 2);
    assert_int_equal(f->cut.files[0].file, ended);
    assert_true(f->cut.files[0].ended);
    assert_false(f->cut.files[1].ended);
    assert_int_equal(fdatasync(ended), 0);
    assert_int_equal(f->cut.segment_count, 2);
    assert_int_equal(records_read(f), 3);
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(what_waits_beyond_the_bound_is_given_up),
        IN_FOLDER(a_renewal_that_does_not_fit_is_given_up_leaves_nothing_and_is_not_tried_at_each_cut),
        IN_FOLDER(a_disk_without_room_for_a_header_is_tried_at_each_cut_and_leaves_nothing),
        IN_FOLDER(an_ended_file_that_nobody_took_is_in_the_next_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
