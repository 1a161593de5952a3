/* file_source: files as one stream of lines, in turns. Chunks of a few bytes put every border where it hurts. */
#include "ingest/file_source.h"

#include "base/buffer.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/time.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define LIMIT_MS  20000
#define FILES_MAX 8

/* --- a folder of small files ---------------------------------------------------------------------------------------- */

struct folder {
    char path[64];
    char *files[FILES_MAX];
    size_t count;
};

static int folder_make(void **state)
{
    struct folder *folder = memory_new(sizeof *folder);
    (void)snprintf(folder->path, sizeof folder->path, "/tmp/shoplane_file_source_XXXXXX");
    *state = folder;
    return mkdtemp(folder->path) == NULL;
}

static int folder_remove(void **state)
{
    struct folder *folder = *state;
    for (size_t i = 0; i < folder->count; i++) {
        (void)unlink(folder->files[i]);
        free(folder->files[i]);
    }
    int status = rmdir(folder->path);
    free(folder);
    return status;
}

static const char *add_file(struct folder *folder, const char *data, size_t size)
{
    char *path = memory_format("%s/%zu.tsv", folder->path, folder->count);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    folder->files[folder->count++] = path;
    return path;
}
static void add_text(struct folder *folder, const char *text) { (void)add_file(folder, text, strlen(text)); }

/* --- reading it all ------------------------------------------------------------------------------------------------- */

static int64_t noon(void) { return 1774526400000; }
static int64_t one(void) { return 1000; }

static struct source *open_folder(struct folder *folder, size_t batch, int workers, size_t chunk, size_t line_max)
{
    struct error error = {0};
    struct file_source_options options = {.wall_ms = noon, .running_ms = one, .chunk_bytes = chunk, .line_max = line_max};
    struct source *source =
        file_source_new_with((const char *const *)folder->files, folder->count, batch, workers, &options, &error);
    if (source == NULL)
        fail_msg("%s", error.what);
    return source;
}

/* Every batch as text, "offset:line|", by its number. */
struct transcript {
    pthread_mutex_t lock;
    struct buffer *batches;
    size_t capacity;
    uint64_t count;
};

static void transcript_add(struct transcript *transcript, const struct batch *batch)
{
    pthread_mutex_lock(&transcript->lock);
    if (batch->sequence >= transcript->capacity) {
        size_t capacity = (size_t)batch->sequence * 2 + 16;
        transcript->batches = memory_resize(transcript->batches, capacity * sizeof *transcript->batches);
        memset(transcript->batches + transcript->capacity, 0,
               (capacity - transcript->capacity) * sizeof *transcript->batches);
        transcript->capacity = capacity;
    }
    struct buffer *out = &transcript->batches[batch->sequence];
    assert_int_equal(out->size, 0);
    for (size_t i = 0; i < batch->count; i++) {
        const struct message *message = &batch->messages[i];
        assert_int_equal(message->partition, 0);
        assert_int_equal(message->stamp_ms, noon());
        buffer_printf(out, "%lld:", (long long)message->offset);
        buffer_put(out, message->bytes.data, message->bytes.size);
        buffer_byte(out, '|');
    }
    transcript->count++;
    pthread_mutex_unlock(&transcript->lock);
}

struct taker {
    struct source *source;
    struct transcript *transcript;
    int worker;
    uint64_t next; /* the number its next batch must have */
};

static void *take_all(void *argument)
{
    struct taker *taker = argument;
    int64_t limit_ms = time_monotonic_ms() + LIMIT_MS;
    for (;;) {
        struct batch batch;
        enum take take = source_take(taker->source, taker->worker, 50, &batch);
        if (take == TAKE_END)
            return NULL;
        if (take == TAKE_WAIT) {
            if (time_monotonic_ms() > limit_ms)
                return "too slow";
            continue;
        }
        if (batch.sequence != taker->next)
            return "not its turn";
        taker->next += (uint64_t)taker->source->workers;
        transcript_add(taker->transcript, &batch);
        source_give_back(taker->source, &batch);
    }
}

/* The whole stream as one text; to be freed. Frees the source. */
static char *read_all(struct source *source)
{
    struct transcript transcript = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct taker takers[8];
    pthread_t threads[8];
    for (int i = 0; i < source->workers; i++) {
        takers[i] = (struct taker){.source = source, .transcript = &transcript, .worker = i, .next = (uint64_t)i};
        assert_int_equal(pthread_create(&threads[i], NULL, take_all, &takers[i]), 0);
    }
    for (int i = 0; i < source->workers; i++) {
        void *problem;
        assert_int_equal(pthread_join(threads[i], &problem), 0);
        if (problem != NULL)
            fail_msg("worker %d: %s", i, (const char *)problem);
    }
    struct buffer all = {0};
    for (uint64_t i = 0; i < transcript.count; i++) {
        assert_true(transcript.batches[i].size != 0); /* no number was left out */
        buffer_put(&all, transcript.batches[i].data, transcript.batches[i].size);
    }
    for (size_t i = 0; i < transcript.capacity; i++)
        buffer_free(&transcript.batches[i]);
    free(transcript.batches);
    source_free(source);
    buffer_byte(&all, 0);
    return all.data;
}

static void expect_all(struct source *source, const char *expected)
{
    char *all = read_all(source);
    assert_string_equal(all, expected);
    free(all);
}

/* --- tests ---------------------------------------------------------------------------------------------------------- */

static void files_are_one_stream_in_order(void **state)
{
    add_text(*state, "a\nbb\n");
    add_text(*state, "ccc\n");
    expect_all(open_folder(*state, 10, 1, 0, 0), "0:a|2:bb|5:ccc|");
}

static void a_last_line_needs_no_newline_and_ends_with_its_file(void **state)
{
    add_text(*state, "a\nbb");
    add_text(*state, "cc\nd");
    expect_all(open_folder(*state, 10, 1, 0, 0), "0:a|2:bb|4:cc|7:d|");
}

static void an_empty_line_is_a_message_of_no_bytes_but_the_end_of_a_file_is_none(void **state)
{
    add_text(*state, "\na\n\n\nb\n");
    add_text(*state, "");
    add_text(*state, "\n");
    expect_all(open_folder(*state, 10, 1, 0, 0), "0:|1:a|3:|4:|5:b|7:|");
}

static void no_files_and_empty_files_end_at_once(void **state)
{
    expect_all(open_folder(*state, 10, 1, 0, 0), "");
    add_text(*state, "");
    expect_all(open_folder(*state, 10, 4, 0, 0), "");
}

static void chunk_borders_and_workers_change_nothing(void **state)
{
    struct buffer text[3] = {{0}}, expected = {0};
    unsigned seed = 12345;
    long long offset = 0;
    for (size_t f = 0; f < 3; f++) {
        for (int i = 0; i < 300; i++) {
            seed = seed * 1103515245u + 12345u;
            unsigned size = (seed >> 16) % 40 == 0 ? 200 : (seed >> 16) % 23;
            size_t before = text[f].size;
            for (unsigned k = 0; k < size; k++)
                buffer_byte(&text[f], (char)('a' + (i + (int)k) % 26));
            bool last = i == 299 && size != 0;
            buffer_printf(&expected, "%lld:", offset);
            if (size != 0)
                buffer_put(&expected, text[f].data + before, size);
            buffer_byte(&expected, '|');
            if (!last)
                buffer_byte(&text[f], '\n');
            offset += (long long)(text[f].size - before);
        }
        (void)add_file(*state, text[f].data, text[f].size);
        buffer_free(&text[f]);
    }
    buffer_byte(&expected, 0);
    static const size_t chunks[] = {1, 2, 7, 64, 1000, 0}, batches[] = {1, 3, 1000};
    for (int workers = 1; workers <= 4; workers += 3)
        for (size_t c = 0; c < sizeof chunks / sizeof *chunks; c++)
            for (size_t b = 0; b < sizeof batches / sizeof *batches; b++)
                expect_all(open_folder(*state, batches[b], workers, chunks[c], 0), expected.data);
    buffer_free(&expected);
}

static void lines_far_longer_than_a_chunk_come_whole(void **state)
{
    static const size_t sizes[] = {5 << 20, 3, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 10};
    struct buffer text = {0};
    for (size_t i = 0; i < 6; i++) {
        memset(buffer_add(&text, sizes[i]), 'a' + (int)i, sizes[i]);
        buffer_byte(&text, '\n');
    }
    (void)add_file(*state, text.data, text.size);
    buffer_free(&text);
    struct source *source = open_folder(*state, 2, 1, 0, 0);
    struct batch batch;
    size_t seen = 0;
    while (source_take(source, 0, 0, &batch) == TAKE_BATCH) {
        for (size_t i = 0; i < batch.count; i++, seen++) {
            sl_view bytes = batch.messages[i].bytes;
            assert_int_equal(bytes.size, sizes[seen]);
            assert_int_equal(bytes.data[0], 'a' + (int)seen);
            assert_memory_equal(bytes.data, bytes.data + 1, bytes.size - 1);
        }
        source_give_back(source, &batch);
    }
    assert_int_equal(seen, 6);
    source_free(source);
}

static void of_a_line_beyond_the_limit_only_its_beginning_is_given(void **state)
{
    add_text(*state, "1234567890123456789012345\nab\n12345678901\n");
    add_text(*state, "123456789012345");
    add_text(*state, "c\n1234567890");
    log_level_set(LOG_LEVEL_ERROR);
    for (size_t chunk = 1; chunk < 30; chunk++)
        expect_all(open_folder(*state, 3, 1, chunk, 10),
                   "0:1234567890|26:ab|29:1234567890|41:1234567890|56:c|58:1234567890|");
    log_level_set(LOG_LEVEL_INFO);
}

static void a_batch_stays_valid_while_others_read_on(void **state)
{
    add_text(*state, "aaaa\nbbbb\ncccc\ndddd\neeee\nffff\n");
    struct source *source = open_folder(*state, 1, 3, 6, 0);
    struct batch batch[3];
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 3; i++)
            assert_int_equal(source_take(source, i, 0, &batch[i]), TAKE_BATCH);
        for (int i = 0; i < 3; i++) {
            char expected[5];
            memset(expected, 'a' + round * 3 + i, 4);
            assert_memory_equal(batch[i].messages[0].bytes.data, expected, 4);
            source_give_back(source, &batch[i]);
        }
    }
    assert_int_equal(source_take(source, 0, 0, &batch[0]), TAKE_END);
    source_free(source);
}

static void a_worker_waits_for_its_turn(void **state)
{
    add_text(*state, "a\nb\n");
    struct source *source = open_folder(*state, 1, 2, 0, 0);
    struct batch batch;
    assert_int_equal(source_take(source, 1, 0, &batch), TAKE_WAIT);
    assert_int_equal(source_take(source, 1, 5, &batch), TAKE_WAIT);
    assert_int_equal(source_take(source, 0, 0, &batch), TAKE_BATCH);
    assert_int_equal(batch.sequence, 0);
    source_give_back(source, &batch);
    assert_int_equal(source_take(source, 0, 0, &batch), TAKE_WAIT);
    assert_int_equal(source_take(source, 1, 0, &batch), TAKE_BATCH);
    assert_int_equal(batch.sequence, 1);
    source_give_back(source, &batch);
    assert_int_equal(source_take(source, 1, 0, &batch), TAKE_WAIT);
    assert_int_equal(source_take(source, 0, 0, &batch), TAKE_END);
    assert_int_equal(source_take(source, 1, 0, &batch), TAKE_END);
    struct error error;
    assert_false(source_error(source, &error));
    source_free(source);
}

static void progress_counts_bytes(void **state)
{
    add_text(*state, "abc\n");
    add_text(*state, "defgh\n");
    struct source *source = open_folder(*state, 10, 1, 0, 0);
    uint64_t done, total;
    source_progress(source, &done, &total);
    assert_int_equal(done, 0);
    assert_int_equal(total, 10);
    struct batch batch;
    assert_int_equal(source_take(source, 0, 0, &batch), TAKE_BATCH);
    source_progress(source, &done, &total);
    assert_int_equal(done, 4);
    int64_t since_ms;
    assert_int_equal(source_partition(source, 0, &since_ms), PARTITION_READING);
    source_give_back(source, &batch);
    assert_int_equal(source_take(source, 0, 0, &batch), TAKE_BATCH);
    source_give_back(source, &batch);
    assert_int_equal(source_take(source, 0, 0, &batch), TAKE_END);
    source_progress(source, &done, &total);
    assert_int_equal(done, 10);
    assert_int_equal(source_partition(source, 0, &since_ms), PARTITION_AT_END);
    assert_int_equal(since_ms, one());
    source_free(source);
}

/* Standard input becomes a pipe; the end to write into. */
static int pipe_as_stdin(int *keep)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    *keep = dup(STDIN_FILENO);
    assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
    assert_int_equal(close(ends[0]), 0);
    return ends[1];
}

static void standard_input_gives_what_is_there_and_waits_for_more(void **state)
{
    (void)state;
    int keep, writer = pipe_as_stdin(&keep);
    struct folder stdin_only = {.files = {(char[]){"-"}}, .count = 1};
    struct source *source = open_folder(&stdin_only, 10, 1, 0, 0);
    struct batch batch;
    int64_t since_ms;
    assert_int_equal(source_take(source, 0, 0, &batch), TAKE_WAIT);
    assert_int_equal(source_partition(source, 0, &since_ms), PARTITION_AT_END);
    assert_int_equal(since_ms, one());
    assert_int_equal(write(writer, "one\ntwo\nthr", 11), 11);
    assert_int_equal(source_take(source, 0, LIMIT_MS, &batch), TAKE_BATCH);
    assert_int_equal(source_partition(source, 0, &since_ms), PARTITION_READING);
    assert_int_equal(batch.count, 2);
    assert_memory_equal(batch.messages[1].bytes.data, "two", 3);
    source_give_back(source, &batch);
    assert_int_equal(source_take(source, 0, 1, &batch), TAKE_WAIT);
    assert_int_equal(write(writer, "ee\nfour", 7), 7);
    assert_int_equal(source_take(source, 0, LIMIT_MS, &batch), TAKE_BATCH);
    assert_int_equal(batch.count, 1);
    assert_int_equal(batch.messages[0].bytes.size, 5);
    assert_int_equal(batch.messages[0].offset, 8);
    assert_memory_equal(batch.messages[0].bytes.data, "three", 5);
    source_give_back(source, &batch);
    assert_int_equal(close(writer), 0);
    assert_int_equal(source_take(source, 0, LIMIT_MS, &batch), TAKE_BATCH);
    assert_memory_equal(batch.messages[0].bytes.data, "four", 4);
    source_give_back(source, &batch);
    assert_int_equal(source_take(source, 0, LIMIT_MS, &batch), TAKE_END);
    uint64_t done, total;
    source_progress(source, &done, &total);
    assert_int_equal(done, 18);
    assert_int_equal(total, 0);
    source_free(source);
    assert_int_equal(dup2(keep, STDIN_FILENO), STDIN_FILENO);
    assert_int_equal(close(keep), 0);
}

struct pump {
    int writer;
    size_t lines;
};
static void *pump_lines(void *argument)
{
    struct pump *pump = argument;
    FILE *out = fdopen(pump->writer, "w");
    for (size_t i = 0; out != NULL && i < pump->lines; i++)
        (void)fprintf(out, "%zu\n", i);
    return out == NULL || fclose(out) != 0 ? "cannot write" : NULL;
}

static void four_workers_read_a_pipe_once_and_in_order(void **state)
{
    (void)state;
    int keep;
    struct pump pump = {.writer = pipe_as_stdin(&keep), .lines = 50000};
    struct folder stdin_only = {.files = {(char[]){"-"}}, .count = 1};
    struct source *source = open_folder(&stdin_only, 100, 4, 0, 0);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, pump_lines, &pump), 0);
    char *all = read_all(source);
    void *problem;
    assert_int_equal(pthread_join(thread, &problem), 0);
    assert_null(problem);
    char *at = all;
    for (size_t i = 0; i < pump.lines; i++) {
        at = strchr(at, ':');
        assert_non_null(at);
        assert_int_equal(strtoul(at + 1, &at, 10), i);
        assert_int_equal(*at, '|');
    }
    assert_string_equal(at, "|");
    free(all);
    assert_int_equal(dup2(keep, STDIN_FILENO), STDIN_FILENO);
    assert_int_equal(close(keep), 0);
}

static void stopping_wakes_those_who_wait(void **state)
{
    (void)state;
    int keep, writer = pipe_as_stdin(&keep);
    struct folder stdin_only = {.files = {(char[]){"-"}}, .count = 1};
    struct source *source = open_folder(&stdin_only, 10, 2, 0, 0);
    struct transcript transcript = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct taker takers[2];
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) {
        takers[i] = (struct taker){.source = source, .transcript = &transcript, .worker = i, .next = (uint64_t)i};
        assert_int_equal(pthread_create(&threads[i], NULL, take_all, &takers[i]), 0);
    }
    source_stop(source);
    for (int i = 0; i < 2; i++) {
        void *problem;
        assert_int_equal(pthread_join(threads[i], &problem), 0);
        assert_null(problem);
    }
    source_free(source);
    assert_int_equal(close(writer), 0);
    assert_int_equal(dup2(keep, STDIN_FILENO), STDIN_FILENO);
    assert_int_equal(close(keep), 0);
}

static void expect_refused(const char *const *paths, size_t count, const char *what)
{
    struct error error = {0};
    assert_null(file_source_new(paths, count, 10, 1, &error));
    if (strstr(error.what, what) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", error.what, what);
}

static void what_cannot_be_read_is_refused_before_anything_is(void **state)
{
    struct folder *folder = *state;
    add_text(folder, "a\n");
    expect_refused((const char *[]){folder->files[0], "/nowhere/at/all"}, 2,
                   "cannot open /nowhere/at/all: No such file");
    expect_refused((const char *[]){folder->files[0], folder->path}, 2, "is a folder");
    expect_refused((const char *[]){"-", folder->files[0], "-"}, 3, "named twice");
    expect_refused((const char *[]){add_file(folder, "\x1f\x8b\x08\x00\x00", 5)}, 1, "is compressed (gzip)");
    expect_refused((const char *[]){add_file(folder, "\x28\xb5\x2f\xfd\x00", 5)}, 1, "is compressed (zstd)");
}

static void a_file_that_vanishes_ends_the_stream_with_the_reason(void **state)
{
    struct folder *folder = *state;
    add_text(folder, "a\n");
    add_text(folder, "b\n");
    struct source *source = open_folder(folder, 10, 2, 0, 0);
    assert_int_equal(unlink(folder->files[1]), 0);
    struct batch batch;
    assert_int_equal(source_take(source, 0, 0, &batch), TAKE_BATCH);
    source_give_back(source, &batch);
    assert_int_equal(source_take(source, 1, 0, &batch), TAKE_END);
    assert_int_equal(source_take(source, 0, 0, &batch), TAKE_END);
    struct error error;
    assert_true(source_error(source, &error));
    assert_non_null(strstr(error.what, folder->files[1]));
    source_free(source);
}

static void a_file_that_shrinks_only_ends_earlier(void **state)
{
    struct folder *folder = *state;
    add_text(folder, "aaaa\nbbbb\ncccc\ndddd\n");
    struct source *source = open_folder(folder, 1, 1, 10, 0);
    struct batch batch;
    assert_int_equal(source_take(source, 0, 0, &batch), TAKE_BATCH);
    source_give_back(source, &batch);
    assert_int_equal(truncate(folder->files[0], 12), 0);
    assert_int_equal(source_take(source, 0, 0, &batch), TAKE_BATCH);
    source_give_back(source, &batch);
    assert_int_equal(source_take(source, 0, 0, &batch), TAKE_BATCH);
    assert_int_equal(batch.messages[0].bytes.size, 2);
    source_give_back(source, &batch);
    assert_int_equal(source_take(source, 0, 0, &batch), TAKE_END);
    source_free(source);
}

static void a_named_pipe_waits_for_its_writer_and_can_be_stopped(void **state)
{
    struct folder *folder = *state;
    char *path = memory_format("%s/pipe", folder->path);
    assert_int_equal(mkfifo(path, 0600), 0);
    folder->files[folder->count++] = path;
    struct source *source = open_folder(folder, 10, 1, 0, 0);
    struct batch batch;
    assert_int_equal(source_take(source, 0, 1, &batch), TAKE_WAIT);
    int writer = open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK);
    assert_true(writer >= 0);
    assert_int_equal(write(writer, "x\n", 2), 2);
    assert_int_equal(source_take(source, 0, LIMIT_MS, &batch), TAKE_BATCH);
    assert_memory_equal(batch.messages[0].bytes.data, "x", 1);
    source_give_back(source, &batch);
    source_stop(source);
    assert_int_equal(source_take(source, 0, LIMIT_MS, &batch), TAKE_END);
    assert_int_equal(close(writer), 0);
    source_free(source);
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, folder_make, folder_remove)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(files_are_one_stream_in_order),
        IN_FOLDER(a_last_line_needs_no_newline_and_ends_with_its_file),
        IN_FOLDER(an_empty_line_is_a_message_of_no_bytes_but_the_end_of_a_file_is_none),
        IN_FOLDER(no_files_and_empty_files_end_at_once),
        IN_FOLDER(chunk_borders_and_workers_change_nothing),
        IN_FOLDER(lines_far_longer_than_a_chunk_come_whole),
        IN_FOLDER(of_a_line_beyond_the_limit_only_its_beginning_is_given),
        IN_FOLDER(a_batch_stays_valid_while_others_read_on),
        IN_FOLDER(a_worker_waits_for_its_turn),
        IN_FOLDER(progress_counts_bytes),
        cmocka_unit_test(standard_input_gives_what_is_there_and_waits_for_more),
        cmocka_unit_test(four_workers_read_a_pipe_once_and_in_order),
        cmocka_unit_test(stopping_wakes_those_who_wait),
        IN_FOLDER(what_cannot_be_read_is_refused_before_anything_is),
        IN_FOLDER(a_file_that_vanishes_ends_the_stream_with_the_reason),
        IN_FOLDER(a_file_that_shrinks_only_ends_earlier),
        IN_FOLDER(a_named_pipe_waits_for_its_writer_and_can_be_stopped),
    };
    return cmocka_run_group_tests_name("file_source", tests, NULL, NULL);
}
