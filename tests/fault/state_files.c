/* state_files.c - the disk is full, fails, or takes half: what is in the folder stays good, what waits is not lost, and
 * writing heals when the fault is gone.
 *
 * Each call that host/state makes on a file goes through here (-Wl,--wrap) and fails, from a chosen call on and for a chosen
 * number of calls, with a chosen error. Each test tries every call there is, until an attempt meets no fault. */
#include "state_fixture.h"

#include "state/manifest.h"
#include "state/state_folder.h"

#include <errno.h>

enum call { OPENAT, PWRITE, WRITE, FSYNC, RENAMEAT, CLOSE, PREAD, READ, CALLS };

static struct {
    unsigned calls;  /* which ones, as bits */
    int skip;        /* this many go well first */
    int times;       /* then this many fail */
    int error;       /* with this; 0: a short one, of half the bytes */
    int met;         /* how many did */
    size_t most;     /* a write takes at most this many bytes; 0: all */
} fault;

/* Is it this call that fails? */
static bool fails(enum call call)
{
    if ((fault.calls & 1u << call) == 0 || fault.skip-- > 0 || fault.times <= 0)
        return false;
    fault.times--;
    fault.met++;
    errno = fault.error;
    return true;
}

static size_t taken(size_t size) { return fault.most != 0 && size > fault.most ? fault.most : size; }

int __real_openat(int folder, const char *path, int flags, ...);
ssize_t __real_pwrite(int file, const void *data, size_t size, off_t offset);
ssize_t __real_write(int file, const void *data, size_t size);
int __real_fsync(int file);
int __real_renameat(int from_folder, const char *from, int to_folder, const char *to);
int __real_close(int file);
ssize_t __real_pread(int file, void *data, size_t size, off_t offset);
ssize_t __real_read(int file, void *data, size_t size);

int __wrap_openat(int folder, const char *path, int flags, ...);
ssize_t __wrap_pwrite(int file, const void *data, size_t size, off_t offset);
ssize_t __wrap_write(int file, const void *data, size_t size);
int __wrap_fsync(int file);
int __wrap_renameat(int from_folder, const char *from, int to_folder, const char *to);
int __wrap_close(int file);
ssize_t __wrap_pread(int file, void *data, size_t size, off_t offset);
ssize_t __wrap_read(int file, void *data, size_t size);

int __wrap_openat(int folder, const char *path, int flags, ...)
{
    mode_t mode = 0;
    if ((flags & O_CREAT) != 0) {
        va_list arguments;
        va_start(arguments, flags);
        mode = va_arg(arguments, mode_t);
        va_end(arguments);
    }
    return fails(OPENAT) ? -1 : __real_openat(folder, path, flags, mode);
}

/* A disk that fails may have written something of what it was given, and something else. */
ssize_t __wrap_pwrite(int file, const void *data, size_t size, off_t offset)
{
    if (fails(PWRITE)) {
        if (fault.error == 0)
            return __real_pwrite(file, data, (size + 1) / 2, offset);
        if (fault.error == EIO)
            (void)__real_pwrite(file, "noise", size < 5 ? size : 5, offset);
        errno = fault.error;
        return -1;
    }
    return __real_pwrite(file, data, taken(size), offset);
}
ssize_t __wrap_write(int file, const void *data, size_t size)
{
    if (fails(WRITE))
        return fault.error == 0 ? __real_write(file, data, (size + 1) / 2) : -1;
    return __real_write(file, data, taken(size));
}
int __wrap_fsync(int file) { return fails(FSYNC) ? -1 : __real_fsync(file); }
int __wrap_renameat(int from_folder, const char *from, int to_folder, const char *to)
{
    return fails(RENAMEAT) ? -1 : __real_renameat(from_folder, from, to_folder, to);
}
int __wrap_close(int file) /* a close that reports an error has closed */
{
    bool failed = fails(CLOSE);
    int status = __real_close(file);
    if (failed)
        errno = fault.error;
    return failed ? -1 : status;
}
ssize_t __wrap_pread(int file, void *data, size_t size, off_t offset)
{
    if (fails(PREAD))
        return fault.error == 0 ? __real_pread(file, data, (size + 1) / 2, offset) : -1;
    return __real_pread(file, data, taken(size), offset);
}
ssize_t __wrap_read(int file, void *data, size_t size)
{
    if (fails(READ))
        return fault.error == 0 ? __real_read(file, data, (size + 1) / 2) : -1;
    return __real_read(file, data, taken(size));
}

static void fail_from(enum call call, int skip, int times, int error)
{
    memset(&fault, 0, sizeof fault);
    fault.calls = 1u << call;
    fault.skip = skip;
    fault.times = times;
    fault.error = error;
}
static void heal(void) { memset(&fault, 0, sizeof fault); }

/* ---- segments ---- */

struct fixture {
    char *path;
    int folder;
    struct record_schema schema;
    struct segment_name name;
    char file[SEGMENT_NAME_MAX];
    struct segment_writer writer;
    struct buffer expected; /* what was put, as text */
    int64_t next_ms;
    struct error error;
};

static void start(struct fixture *f)
{
    segment_writer_init(&f->writer, f->folder, &f->name, &f->schema);
    buffer_reset(&f->expected);
    f->next_ms = 1000;
}

/* The file as it was, and a new writer for it. */
static void start_again(struct fixture *f)
{
    heal();
    segment_writer_free(&f->writer);
    (void)unlinkat(f->folder, f->file, 0);
    start(f);
}

static int set_up(void **state)
{
    struct fixture *f = memory_new(sizeof *f);
    f->path = state_temporary(&f->folder);
    f->schema = state_schema();
    f->name = (struct segment_name){.lane = "product", .generation = 1, .worker = 0, .workers = 1, .sequence = 0};
    (void)segment_name_text(&f->name, f->file);
    start(f);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    heal();
    segment_writer_free(&f->writer);
    record_schema_free(&f->schema);
    buffer_free(&f->expected);
    (void)close(f->folder);
    state_remove(f->path);
    free(f->path);
    free(f);
    return 0;
}

static void put_block(struct fixture *f)
{
    for (int i = 0; i < 3; i++, f->next_ms++) {
        (void)state_put(&f->writer, f->next_ms, "ann", "a-long-product");
        buffer_printf(&f->expected, "insert %lld ann a-long-product; ", (long long)f->next_ms);
    }
    segment_close_block(&f->writer);
}

/* Of the file, up to `length`, every block is good; their entries as text. */
static struct buffer file_text(struct fixture *f, uint64_t length)
{
    struct buffer text = {0};
    struct segment_reader reader;
    struct segment_block block;
    assert_true(segment_open(&reader, f->folder, f->file, length, &f->error));
    enum segment_read result;
    while ((result = segment_read(&reader, &block, &f->error)) == SEGMENT_BLOCK)
        state_describe(&block, &text);
    assert_int_equal(result, SEGMENT_END);
    segment_reader_free(&reader);
    return text;
}

static void assert_all_is_there(struct fixture *f)
{
    assert_int_equal(f->writer.pending.size, 0);
    struct buffer text = file_text(f, f->writer.written);
    assert_int_equal(text.size, f->expected.size);
    assert_memory_equal(text.data, f->expected.data, text.size);
    buffer_free(&text);
}

static void a_fault_of_a_write_loses_nothing_and_heals(void **state)
{
    struct fixture *f = *state;
    static const struct {
        enum call call;
        int error;
        const char *said;
    } faults[] = {{PWRITE, ENOSPC, "No space left on device"}, {PWRITE, EIO, "Input/output error"},
                  {PWRITE, EDQUOT, "Disk quota exceeded"},     {OPENAT, ENOSPC, "No space left on device"},
                  {OPENAT, EMFILE, "Too many open files"}};
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        for (int skip = 0, met = 1; met != 0; skip++) {
            start_again(f);
            fail_from(faults[i].call, skip, 3, faults[i].error);
            int refused = 0;
            for (int block = 0; block < 5; block++) {
                put_block(f);
                uint64_t length = segment_length(&f->writer), before = f->writer.written;
                bool good = segment_write(&f->writer, &f->error);
                assert_int_equal(segment_length(&f->writer), length); /* positions do not depend on faults */
                assert_int_equal(f->writer.written == length, good);
                assert_true(f->writer.written >= before);
                if (good)
                    continue;
                refused++;
                assert_non_null(strstr(f->error.what, "product-0000000001-000-000000"));
                assert_non_null(strstr(f->error.what, faults[i].said));
                assert_true(f->error.found[0] != '\0' && f->error.advice[0] != '\0');
            }
            met = fault.met;
            assert_int_equal(refused, met);
            heal();
            assert_true(segment_write(&f->writer, &f->error));
            assert_all_is_there(f);
        }
    }
}

static void a_short_write_goes_on_where_it_stopped(void **state)
{
    struct fixture *f = *state;
    for (size_t most = 1; most < 200; most += 7) {
        start_again(f);
        fault.most = most;
        put_block(f);
        put_block(f);
        assert_true(segment_write(&f->writer, &f->error));
        assert_all_is_there(f);
    }
}

static void a_disk_that_fills_up_in_the_middle_of_a_block_heals(void **state)
{
    struct fixture *f = *state;
    for (int skip = 0; skip < 40; skip++) {
        start_again(f);
        put_block(f);
        assert_true(segment_write(&f->writer, &f->error));
        uint64_t checkpoint = f->writer.written;
        struct buffer kept = file_text(f, checkpoint);
        put_block(f);
        fail_from(PWRITE, skip, 2, ENOSPC);
        fault.most = 7;
        bool good = segment_write(&f->writer, &f->error);
        assert_int_equal(good, fault.met == 0);
        put_block(f);
        (void)segment_write(&f->writer, &f->error);

        struct buffer again = file_text(f, checkpoint); /* a host that is killed now finds the last checkpoint whole */
        assert_int_equal(again.size, kept.size);
        assert_memory_equal(again.data, kept.data, kept.size);
        buffer_free(&kept);
        buffer_free(&again);
        heal();
        assert_true(segment_write(&f->writer, &f->error));
        assert_all_is_there(f);
    }
}

static void interruptions_are_no_faults(void **state)
{
    struct fixture *f = *state;
    put_block(f);
    fail_from(PWRITE, 0, 5, EINTR);
    assert_true(segment_write(&f->writer, &f->error));
    assert_int_equal(fault.met, 5);
    fail_from(PREAD, 0, 2, EINTR);
    assert_all_is_there(f);
    assert_int_equal(fault.met, 2);
}

static void memory_of_an_outage_is_given_back(void **state)
{
    struct fixture *f = *state;
    fail_from(PWRITE, 0, 1000000, ENOSPC);
    while (f->writer.pending.size < 3u << 20) {
        put_block(f);
        if (f->next_ms % 100 == 0)
            assert_false(segment_write(&f->writer, &f->error));
    }
    heal();
    assert_true(segment_write(&f->writer, &f->error));
    assert_true(f->writer.pending.capacity < 3u << 20);
    put_block(f);
    assert_true(segment_write(&f->writer, &f->error));
    assert_all_is_there(f);
}

static void a_sector_that_can_not_be_read_costs_its_block(void **state)
{
    struct fixture *f = *state;
    const int blocks = 4;
    for (int i = 0; i < blocks; i++)
        put_block(f);
    assert_true(segment_write(&f->writer, &f->error));
    for (int skip = 0, met = 1; met != 0; skip++) {
        struct segment_reader reader;
        struct segment_block block;
        int good = 0, damaged = 0;
        fail_from(PREAD, skip, 1, EIO);
        bool opened = segment_open(&reader, f->folder, f->file, f->writer.written, &f->error);
        for (enum segment_read result = opened ? SEGMENT_BLOCK : SEGMENT_END; result != SEGMENT_END;) {
            result = segment_read(&reader, &block, &f->error);
            good += result == SEGMENT_BLOCK;
            damaged += result == SEGMENT_DAMAGED;
            if (result == SEGMENT_DAMAGED)
                assert_string_equal(f->error.what, "a block of it is damaged: Input/output error");
        }
        met = fault.met;
        heal();
        if (!opened)
            assert_string_equal(f->error.what, "its header can't be read: Input/output error");
        else
            assert_true(damaged == met && good + damaged == blocks);
        segment_reader_free(&reader);
    }
}

static void a_search_goes_on_behind_what_can_not_be_read(void **state)
{
    struct fixture *f = *state;
    struct segment_reader reader;
    struct segment_block block;
    while (segment_length(&f->writer) < 200000)
        put_block(f);
    assert_true(segment_write(&f->writer, &f->error));
    assert_true(segment_open(&reader, f->folder, f->file, f->writer.written, &f->error));
    fail_from(PREAD, 0, 2, EIO); /* a block's header, and then the first stretch that is searched for the next one */
    assert_int_equal(segment_read(&reader, &block, &f->error), SEGMENT_DAMAGED);
    assert_int_equal(fault.met, 2);
    assert_true(reader.at < 70000);
    assert_int_equal(segment_read(&reader, &block, &f->error), SEGMENT_BLOCK);
    segment_reader_free(&reader);
}

static void half_a_read_goes_on(void **state)
{
    struct fixture *f = *state;
    put_block(f);
    assert_true(segment_write(&f->writer, &f->error));
    fault.most = 5;
    assert_all_is_there(f);
}

/* ---- manifests ---- */

static struct manifest checkpoint_of(uint64_t number)
{
    return (struct manifest){.generation = 4, .checkpoint = number, .clock_ms = 1, .owed_ms = 1, .set = "a"};
}

static uint64_t loaded_checkpoint(struct fixture *f)
{
    struct error passed_over;
    struct manifest *manifest = manifest_load(f->folder, f->path, &passed_over, &f->error);
    assert_non_null(manifest);
    assert_string_equal(passed_over.what, "");
    uint64_t checkpoint = manifest->checkpoint;
    manifest_free(manifest);
    return checkpoint;
}

static void a_manifest_that_is_not_stored_leaves_the_former(void **state)
{
    struct fixture *f = *state;
    static const struct {
        enum call call;
        int error;
        int places; /* where it can happen: the file is synced, and then the folder */
    } faults[] = {{WRITE, ENOSPC, 1}, {WRITE, EIO, 1},    {FSYNC, EIO, 2},   {FSYNC, ENOSPC, 2}, {OPENAT, ENOSPC, 1},
                  {OPENAT, EROFS, 1}, {RENAMEAT, EIO, 1}, {CLOSE, EDQUOT, 1}};
    uint64_t stored = 1;
    struct manifest manifest = checkpoint_of(stored);
    assert_true(manifest_store(f->folder, &manifest, true, &f->error));
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        for (int skip = 0, met = 1; met != 0; skip++) {
            manifest = checkpoint_of(stored + 1);
            fail_from(faults[i].call, skip, 1, faults[i].error);
            bool good = manifest_store(f->folder, &manifest, true, &f->error);
            met = fault.met;
            heal();
            assert_int_equal(good, met == 0);
            assert_int_equal(good, skip == faults[i].places);
            struct error said = f->error;
            uint64_t now = loaded_checkpoint(f);
            if (good) {
                assert_int_equal(now, ++stored);
                continue;
            }
            /* Where the folder's sync failed, the new one is in its place, and whole. */
            bool folder_sync = faults[i].call == FSYNC && skip == 1;
            assert_int_equal(now, folder_sync ? stored + 1 : stored);
            assert_non_null(strstr(said.what, "is not stored"));
            assert_non_null(strstr(said.what, strerror(faults[i].error)));
            assert_string_equal(said.found, "manifest-4");
            assert_true(said.advice[0] != '\0');
            assert_int_equal(faccessat(f->folder, "manifest-4.new", F_OK, 0), -1);
        }
        manifest = checkpoint_of(++stored); /* the next one is stored as if nothing had been */
        assert_true(manifest_store(f->folder, &manifest, true, &f->error));
        assert_int_equal(loaded_checkpoint(f), stored);
    }
}

static void a_manifest_written_in_pieces_is_whole(void **state)
{
    struct fixture *f = *state;
    struct manifest manifest = checkpoint_of(9);
    fault.most = 3;
    assert_true(manifest_store(f->folder, &manifest, true, &f->error));
    assert_int_equal(loaded_checkpoint(f), 9);
    fail_from(WRITE, 0, 3, EINTR);
    manifest = checkpoint_of(10);
    assert_true(manifest_store(f->folder, &manifest, true, &f->error));
    assert_int_equal(fault.met, 3);
    assert_int_equal(loaded_checkpoint(f), 10);
}

static void without_sync_nothing_is_synced(void **state)
{
    struct fixture *f = *state;
    struct manifest manifest = checkpoint_of(9);
    fail_from(FSYNC, 0, 10, EIO);
    assert_true(manifest_store(f->folder, &manifest, false, &f->error));
    assert_int_equal(fault.met, 0);
    assert_int_equal(loaded_checkpoint(f), 9);
}

static void a_manifest_that_can_not_be_read_is_passed_over_loudly(void **state)
{
    struct fixture *f = *state;
    struct manifest manifest = checkpoint_of(1);
    struct error passed_over;
    assert_true(manifest_store(f->folder, &manifest, true, &f->error));
    manifest.generation = 5;
    assert_true(manifest_store(f->folder, &manifest, true, &f->error));
    fail_from(READ, 0, 1, EIO);
    struct manifest *loaded = manifest_load(f->folder, f->path, &passed_over, &f->error);
    assert_non_null(loaded);
    assert_int_equal(loaded->generation, 4);
    assert_string_equal(passed_over.what, "the manifest can't be read: Input/output error");
    assert_non_null(strstr(passed_over.found, "manifest-5"));
    manifest_free(loaded);

    fail_from(READ, 0, 100, EIO); /* none can be: that is no new folder */
    assert_null(manifest_load(f->folder, f->path, &passed_over, &f->error));
    assert_string_equal(f->error.what, "the manifest can't be read: Input/output error");
    fail_from(OPENAT, 0, 100, EMFILE);
    assert_null(manifest_load(f->folder, f->path, &passed_over, &f->error));
    assert_string_equal(f->error.what, "the state's folder can't be listed: Too many open files");
}

/* Whether there are segments is not known: that is no new folder either. */
static void journals_that_can_not_be_listed_are_no_new_folder(void **state)
{
    struct fixture *f = *state;
    struct error passed_over;
    assert_true(mkdirat(f->folder, "journal", 0700) == 0 || errno == EEXIST);
    fail_from(OPENAT, 1, 1, EMFILE); /* the first lists the folder itself */
    assert_null(manifest_load(f->folder, f->path, &passed_over, &f->error));
    assert_int_equal(fault.met, 1);
    assert_string_equal(f->error.what, "");
    fail_from(OPENAT, 1, 100, EMFILE);
    assert_null(manifest_load(f->folder, f->path, &passed_over, &f->error));
    assert_string_equal(f->error.what, "the state's folder can't be listed: Too many open files");
}

/* ---- the lock ---- */

static void a_full_disk_does_not_keep_the_lock_from_its_owner(void **state)
{
    struct fixture *f = *state;
    struct state_folder folder, other;
    char former[STATE_OWNER_MAX];
    assert_true(state_folder_open(&folder, f->path, &f->error));
    fail_from(PWRITE, 0, 1, ENOSPC);
    assert_true(state_folder_lock(&folder, "first", former));
    assert_int_equal(fault.met, 1);
    heal();
    assert_true(state_folder_open(&other, f->path, &f->error));
    assert_false(state_folder_lock(&other, "second", former));
    state_folder_close(&other);
    state_folder_close(&folder);
}

int main(void)
{
#define FAULTY(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        FAULTY(a_fault_of_a_write_loses_nothing_and_heals),
        FAULTY(a_short_write_goes_on_where_it_stopped),
        FAULTY(a_disk_that_fills_up_in_the_middle_of_a_block_heals),
        FAULTY(interruptions_are_no_faults),
        FAULTY(memory_of_an_outage_is_given_back),
        FAULTY(a_sector_that_can_not_be_read_costs_its_block),
        FAULTY(a_search_goes_on_behind_what_can_not_be_read),
        FAULTY(half_a_read_goes_on),
        FAULTY(a_manifest_that_is_not_stored_leaves_the_former),
        FAULTY(a_manifest_written_in_pieces_is_whole),
        FAULTY(without_sync_nothing_is_synced),
        FAULTY(a_manifest_that_can_not_be_read_is_passed_over_loudly),
        FAULTY(journals_that_can_not_be_listed_are_no_new_folder),
        FAULTY(a_full_disk_does_not_keep_the_lock_from_its_owner),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
