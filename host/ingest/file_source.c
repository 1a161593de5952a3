/* file_source.c - files, one after the other, as one stream of lines.
 *
 * Workers take turns: batch k belongs to worker k mod workers, and the worker whose turn it is reads and cuts the lines
 * itself, while the others work on what they took. Having the turn is what excludes the others from the reader; the mutex
 * guards only the passing of the turn, so nobody holds it while waiting for a pipe.
 *
 * Bytes are read once, into chunks, and messages are views into them. A chunk is shared by the batches cut from it and by
 * the reader; it is used again when the last of them lets go. A worker holds at most one batch, so `workers` + 2 chunks are
 * enough for ever. A batch is cut from one chunk, and a chunk from one file: the beginning of a line at a chunk's end moves
 * to the front of the next one, and what is left at the end of a file is a line of its own.
 *
 * read(2) and not mmap: finding lines and their tabs in 876 MB of cached events took 0.40 s by read(2) in chunks of any size
 * from 128 KiB to 4 MiB and 0.40 s by mmap with MADV_SEQUENTIAL; and a mapped file that somebody truncates kills the process
 * (SIGBUS), where read(2) says that it ends. */
#include "ingest/file_source.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/time.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define CHUNK_BYTES    ((size_t)1 << 20)
#define LINE_MAX_BYTES ((size_t)64 << 20)

struct chunk {
    char *data;
    size_t capacity, end; /* data[0, end) is read */
    int64_t base;         /* data[0] is this byte of all files */
    atomic_int users;     /* batches with views into it, and the reader; 0: free */
};

/* Belongs to the worker whose turn it is. */
struct reader {
    size_t next_path;
    int fd;              /* -1: none is open */
    bool regular;        /* never makes us wait */
    bool file_over;      /* its end was read */
    bool fresh;          /* nothing of it was read yet */
    bool skipping;       /* the rest of too long a line */
    struct chunk *chunk; /* or NULL */
    size_t position;     /* chunk->data[position, end) is not cut yet */
    size_t searched;     /* no line end in [position, searched) */
    int64_t read_bytes;  /* of all files */
};

struct file_source {
    struct source source;
    struct file_source_options options;
    size_t batch_messages;
    char **paths;
    size_t path_count;
    struct reader reader;
    struct chunk *chunks;
    size_t chunk_count;
    struct message **messages; /* one array a worker */

    pthread_mutex_t lock; /* guards the next six */
    pthread_cond_t changed;
    uint64_t turn; /* number of the next batch */
    int waiting;
    bool over; /* ended, failed or stopped */
    bool failed;
    struct error error;

    int stop_event; /* an eventfd: readable once stopped */
    atomic_bool stopped;
    _Atomic uint64_t done;
    uint64_t total;                  /* 0: unknown */
    _Atomic int64_t silent_since_ms; /* a pipe had nothing to give, or all has ended; 0: reading */
};

static const struct source_class file_source_class;

static struct file_source *self_of(struct source *source)
{
    assert(source->class == &file_source_class);
    return (struct file_source *)source;
}

/* --- opening -------------------------------------------------------------------------------------------------------- */

static bool is_stdin(const char *path) { return strcmp(path, "-") == 0; }
static const char *path_name(const char *path) { return is_stdin(path) ? "standard input" : path; }

/* Refuse what can't be lines of text, by its first bytes. */
static bool refuse_compressed(const char *path, const char *bytes, size_t size, struct error *error)
{
    bool gzip = size >= 2 && memcmp(bytes, "\x1f\x8b", 2) == 0;
    bool zstd = size >= 4 && memcmp(bytes, "\x28\xb5\x2f\xfd", 4) == 0;
    if (!gzip && !zstd)
        return false;
    error_what(error, "%s is compressed (%s) and can't be read as lines", path_name(path), gzip ? "gzip" : "zstd");
    error_advice(error, "unpack it into standard input: %s %s | shoplane ... -", gzip ? "gzip -dc" : "zstd -dc",
                 is_stdin(path) ? "FILE" : path);
    return true;
}

/* The descriptor, or -1 and the error. A named pipe does not wait for its writer here: poll() does. */
static int open_path(const char *path, struct stat *status, struct error *error)
{
    int fd = is_stdin(path) ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, status) != 0) {
        error_what(error, "cannot open %s: %s", path_name(path), strerror(errno));
        error_advice(error, "%s",
                     errno == ENOENT   ? "check the path; relative paths start at the working directory"
                     : errno == EACCES ? "give this user the right to read it"
                                       : "");
        if (fd >= 0)
            (void)close(fd);
        return -1;
    }
    if (S_ISDIR(status->st_mode)) {
        error_what(error, "%s is a folder, not a file of events", path_name(path));
        error_advice(error, "name the files in it: %s/*", path);
        (void)close(fd);
        return -1;
    }
    return fd;
}

/* All of them can be read, as far as can be known without reading. Sums up their sizes. */
static bool check_paths(struct file_source *self, struct error *error)
{
    bool sizes_known = true, stdin_seen = false;
    for (size_t i = 0; i < self->path_count; i++) {
        const char *path = self->paths[i];
        if (is_stdin(path) && stdin_seen) {
            error_what(error, "standard input (-) is named twice, and can be read only once");
            return false;
        }
        stdin_seen = stdin_seen || is_stdin(path);
        struct stat status;
        if (!is_stdin(path) && stat(path, &status) == 0 && S_ISFIFO(status.st_mode)) {
            sizes_known = false; /* opening would wait for its writer, and closing would end it */
            continue;
        }
        int fd = open_path(path, &status, error);
        if (fd < 0)
            return false;
        char magic[4];
        bool regular = S_ISREG(status.st_mode);
        ssize_t got = regular && !is_stdin(path) ? pread(fd, magic, sizeof magic, 0) : 0;
        (void)close(fd);
        if (got > 0 && refuse_compressed(path, magic, (size_t)got, error))
            return false;
        sizes_known = sizes_known && regular;
        self->total += (uint64_t)status.st_size;
    }
    if (!sizes_known)
        self->total = 0;
    return true;
}

static enum take fail(struct file_source *self, const struct error *error)
{
    pthread_mutex_lock(&self->lock);
    self->error = *error;
    self->failed = true;
    pthread_mutex_unlock(&self->lock);
    return TAKE_END;
}

static bool open_next(struct file_source *self, struct error *error)
{
    struct reader *reader = &self->reader;
    struct stat status;
    reader->fd = open_path(self->paths[reader->next_path], &status, error);
    if (reader->fd < 0)
        return false;
    reader->next_path++;
    reader->regular = S_ISREG(status.st_mode);
    reader->file_over = false;
    reader->fresh = true;
    if (reader->regular)
        (void)posix_fadvise(reader->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
#ifdef F_SETPIPE_SZ
    else if (S_ISFIFO(status.st_mode))
        (void)fcntl(reader->fd, F_SETPIPE_SZ, (int)CHUNK_BYTES); /* larger batches; unprivileged users may have 1 MiB */
#endif
    return true;
}

/* --- chunks --------------------------------------------------------------------------------------------------------- */

static void chunk_release(struct chunk *chunk)
{
    if (chunk != NULL)
        (void)atomic_fetch_sub_explicit(&chunk->users, 1, memory_order_release);
}

static struct chunk *chunk_free(struct file_source *self)
{
    for (size_t i = 0; i < self->chunk_count; i++)
        if (atomic_load_explicit(&self->chunks[i].users, memory_order_acquire) == 0)
            return &self->chunks[i];
    log_error("bug: a worker took a batch before it gave the last one back");
    abort();
}

/* Make room to read into: a chunk that begins with what is not cut yet. The present one, if nobody else looks at it:
 * it is in the cache. */
static void make_room(struct file_source *self)
{
    struct reader *reader = &self->reader;
    struct chunk *old = reader->chunk;
    size_t rest = old == NULL ? 0 : old->end - reader->position;
    size_t wanted = rest <= self->options.chunk_bytes / 2 ? self->options.chunk_bytes : rest * 2;
    bool alone = old != NULL && atomic_load_explicit(&old->users, memory_order_acquire) == 1;
    struct chunk *chunk = alone ? old : chunk_free(self);
    if (alone && rest != 0)
        memmove(chunk->data, old->data + reader->position, rest);
    if (chunk->capacity < wanted || (chunk->capacity > wanted && chunk->capacity > 4 * self->options.chunk_bytes)) {
        chunk->data = memory_resize(chunk->data, wanted); /* first use, a very long line, or after one */
        chunk->capacity = wanted;
    }
    if (!alone) {
        atomic_store_explicit(&chunk->users, 1, memory_order_relaxed);
        if (rest != 0)
            memcpy(chunk->data, old->data + reader->position, rest);
        chunk_release(old);
    }
    chunk->end = rest;
    chunk->base = reader->read_bytes - (int64_t)rest;
    reader->chunk = chunk;
    reader->searched -= reader->position;
    reader->position = 0;
}

/* --- reading -------------------------------------------------------------------------------------------------------- */

static int remaining_ms(int64_t deadline_ms)
{
    int64_t left = deadline_ms - time_monotonic_ms();
    return left < 0 ? 0 : (int)left;
}

/* TAKE_BATCH: there are bytes to read; TAKE_WAIT: not in time; TAKE_END: stopped. */
static enum take wait_readable(struct file_source *self, int timeout_ms)
{
    struct pollfd fds[2] = {{.fd = self->reader.fd, .events = POLLIN}, {.fd = self->stop_event, .events = POLLIN}};
    int ready = poll(fds, 2, timeout_ms);
    if (fds[1].revents != 0)
        return TAKE_END;
    return ready > 0 ? TAKE_BATCH : TAKE_WAIT;
}

/* Read once into the chunk's free room. False: an error. *got may be 0 without the file being over (EAGAIN). */
static bool read_once(struct file_source *self, size_t *got, struct error *error)
{
    struct reader *reader = &self->reader;
    struct chunk *chunk = reader->chunk;
    ssize_t size;
    assert(chunk->end < chunk->capacity); /* reading 0 bytes would look like the end */
    do
        size = read(reader->fd, chunk->data + chunk->end, chunk->capacity - chunk->end);
    while (size < 0 && errno == EINTR);
    *got = size > 0 ? (size_t)size : 0;
    if (size < 0 && errno != EAGAIN) {
        error_what(error, "cannot read %s: %s", path_name(self->paths[reader->next_path - 1]), strerror(errno));
        error_found(error, "after byte %lld of the input", (long long)reader->read_bytes);
        return false;
    }
    chunk->end += *got;
    reader->read_bytes += (int64_t)*got;
    reader->file_over = size == 0;
    return true;
}

/* Read a chunk full, or what a pipe has to give now. */
static enum take read_more(struct file_source *self, int64_t deadline_ms)
{
    struct reader *reader = &self->reader;
    struct error error;
    if (!reader->regular) {
        enum take readable = wait_readable(self, 0);
        if (readable == TAKE_WAIT) {
            if (atomic_load_explicit(&self->silent_since_ms, memory_order_relaxed) == 0)
                atomic_store_explicit(&self->silent_since_ms, self->options.running_ms(), memory_order_relaxed);
            readable = wait_readable(self, remaining_ms(deadline_ms));
        }
        if (readable != TAKE_BATCH)
            return readable;
        atomic_store_explicit(&self->silent_since_ms, 0, memory_order_relaxed);
    }
    if (reader->chunk == NULL || reader->position == reader->chunk->end ||
        reader->chunk->capacity - reader->chunk->end <= self->options.chunk_bytes / 4)
        make_room(self);
    size_t got;
    do {
        if (!read_once(self, &got, &error))
            return fail(self, &error);
        if (reader->fresh && got != 0) {
            reader->fresh = false;
            if (refuse_compressed(self->paths[reader->next_path - 1], reader->chunk->data + reader->position, got,
                                  &error))
                return fail(self, &error);
        }
    } while (got != 0 && reader->chunk->end < reader->chunk->capacity &&
             (reader->regular || wait_readable(self, 0) == TAKE_BATCH));
    atomic_store_explicit(&self->done, (uint64_t)reader->read_bytes, memory_order_relaxed);
    return TAKE_BATCH;
}

/* --- lines ---------------------------------------------------------------------------------------------------------- */

static void cut_too_long(struct file_source *self, struct message *message)
{
    log_warn("a line of %s is longer than %zu bytes: only these are looked at (it begins at byte %lld of the input)",
             path_name(self->paths[self->reader.next_path - 1]), self->options.line_max, (long long)message->offset);
    message->bytes.size = self->options.line_max;
}

/* The next whole line of the chunk. False: there is none (yet). */
static bool next_line(struct file_source *self, struct message *message)
{
    struct reader *reader = &self->reader;
    struct chunk *chunk = reader->chunk;
    for (;;) {
        if (chunk == NULL || reader->position == chunk->end) {
            reader->skipping = reader->skipping && !reader->file_over;
            return false;
        }
        char *line = chunk->data + reader->position, *from = chunk->data + reader->searched;
        char *end = from == chunk->data + chunk->end ? NULL : memchr(from, '\n', chunk->end - reader->searched);
        size_t size = (size_t)((end == NULL ? chunk->data + chunk->end : end) - line);
        bool whole = end != NULL || reader->file_over;
        if (!whole && !reader->skipping && size <= self->options.line_max) {
            reader->searched = chunk->end;
            return false;
        }
        *message = (struct message){.bytes = {line, size}, .offset = chunk->base + (int64_t)reader->position};
        reader->position += size + (end != NULL);
        reader->searched = reader->position;
        if (!reader->skipping) {
            reader->skipping = !whole;
            if (size > self->options.line_max)
                cut_too_long(self, message);
            return true;
        }
        reader->skipping = !whole;
    }
}

static size_t cut_lines(struct file_source *self, struct message *messages)
{
    size_t count = 0;
    while (count < self->batch_messages && next_line(self, &messages[count]))
        count++;
    if (count != 0) {
        int64_t now_ms = self->options.wall_ms();
        for (size_t i = 0; i < count; i++)
            messages[i].stamp_ms = now_ms;
    }
    return count;
}

/* With the turn: the next batch of the stream, but for its number. */
static enum take next_batch(struct file_source *self, int worker, int64_t deadline_ms, struct batch *batch)
{
    struct reader *reader = &self->reader;
    for (;;) {
        size_t count = cut_lines(self, self->messages[worker]);
        if (count != 0) {
            atomic_fetch_add_explicit(&reader->chunk->users, 1, memory_order_relaxed);
            *batch = (struct batch){.messages = self->messages[worker], .count = count, .memory = reader->chunk};
            return TAKE_BATCH;
        }
        if (atomic_load_explicit(&self->stopped, memory_order_relaxed))
            return TAKE_END;
        if (reader->fd >= 0 && reader->file_over) {
            (void)close(reader->fd);
            reader->fd = -1;
        }
        if (reader->fd < 0) {
            if (reader->next_path == self->path_count)
                return TAKE_END;
            struct error error;
            if (!open_next(self, &error))
                return fail(self, &error);
        }
        enum take more = read_more(self, deadline_ms);
        if (more != TAKE_BATCH)
            return more;
    }
}

/* --- taking turns --------------------------------------------------------------------------------------------------- */

/* TAKE_BATCH: it is this worker's turn. */
static enum take await_turn(struct file_source *self, int worker, int64_t deadline_ms)
{
    enum take result = TAKE_BATCH;
    struct timespec until = {.tv_sec = (time_t)(deadline_ms / 1000), .tv_nsec = (long)(deadline_ms % 1000) * 1000000};
    pthread_mutex_lock(&self->lock);
    while (!self->over && self->turn % (uint64_t)self->source.workers != (uint64_t)worker) {
        self->waiting++;
        int status = pthread_cond_timedwait(&self->changed, &self->lock, &until);
        self->waiting--;
        if (status == ETIMEDOUT) {
            result = TAKE_WAIT;
            break;
        }
    }
    if (self->over)
        result = TAKE_END;
    pthread_mutex_unlock(&self->lock);
    return result;
}

static enum take file_take(struct source *source, int worker, int timeout_ms, struct batch *batch)
{
    struct file_source *self = self_of(source);
    assert(worker >= 0 && worker < source->workers);
    int64_t deadline_ms = time_monotonic_ms() + (timeout_ms > 0 ? timeout_ms : 0);
    enum take result = await_turn(self, worker, deadline_ms);
    if (result != TAKE_BATCH)
        return result;
    result = next_batch(self, worker, deadline_ms, batch);
    if (result == TAKE_WAIT)
        return result;
    if (result == TAKE_END)
        atomic_store_explicit(&self->silent_since_ms, self->options.running_ms(), memory_order_relaxed);
    pthread_mutex_lock(&self->lock);
    if (result == TAKE_BATCH)
        batch->sequence = self->turn++;
    else
        self->over = true;
    if (self->waiting != 0)
        pthread_cond_broadcast(&self->changed);
    pthread_mutex_unlock(&self->lock);
    return result;
}

static void file_give_back(struct source *source, struct batch *batch)
{
    (void)self_of(source);
    chunk_release(batch->memory);
    *batch = (struct batch){0};
}

static enum partition_state file_partition(struct source *source, int32_t partition, int64_t *idle_since_ms)
{
    (void)partition;
    *idle_since_ms = atomic_load_explicit(&self_of(source)->silent_since_ms, memory_order_relaxed);
    return *idle_since_ms == 0 ? PARTITION_READING : PARTITION_AT_END;
}

static void file_progress(struct source *source, uint64_t *done, uint64_t *total)
{
    struct file_source *self = self_of(source);
    *done = atomic_load_explicit(&self->done, memory_order_relaxed);
    *total = self->total != 0 && self->total < *done ? *done : self->total; /* a file has grown */
}

static bool file_error(struct source *source, struct error *error)
{
    struct file_source *self = self_of(source);
    pthread_mutex_lock(&self->lock);
    bool failed = self->failed;
    if (failed)
        *error = self->error;
    pthread_mutex_unlock(&self->lock);
    return failed;
}

static void file_stop(struct source *source)
{
    struct file_source *self = self_of(source);
    atomic_store(&self->stopped, true);
    uint64_t one = 1;
    ssize_t written = write(self->stop_event, &one, sizeof one);
    (void)written; /* it can't be full after one */
    pthread_mutex_lock(&self->lock);
    self->over = true;
    pthread_cond_broadcast(&self->changed);
    pthread_mutex_unlock(&self->lock);
}

static void file_free(struct source *source)
{
    struct file_source *self = self_of(source);
    if (self->reader.fd >= 0)
        (void)close(self->reader.fd);
    if (self->stop_event >= 0)
        (void)close(self->stop_event);
    for (size_t i = 0; i < self->chunk_count; i++)
        free(self->chunks[i].data);
    for (int i = 0; i < source->workers; i++)
        free(self->messages[i]);
    for (size_t i = 0; i < self->path_count; i++)
        free(self->paths[i]);
    free(self->chunks);
    free(self->messages);
    free(self->paths);
    pthread_cond_destroy(&self->changed);
    pthread_mutex_destroy(&self->lock);
    free(self);
}

static const struct source_class file_source_class = {
    .name = "files",
    .take = file_take,
    .give_back = file_give_back,
    .partition = file_partition,
    .progress = file_progress,
    .error = file_error,
    .stop = file_stop,
    .free = file_free,
};

/* --- making it ------------------------------------------------------------------------------------------------------ */

struct source *file_source_new_with(const char *const *paths, size_t count, size_t batch_messages, int workers,
                                    const struct file_source_options *options, struct error *error)
{
    assert(batch_messages != 0 && workers > 0);
    struct file_source *self = memory_new(sizeof *self);
    self->source = (struct source){.class = &file_source_class, .workers = workers, .partitions = 1, .ordered = true};
    self->options = *options;
    if (self->options.wall_ms == NULL)
        self->options.wall_ms = time_wall_ms;
    if (self->options.running_ms == NULL)
        self->options.running_ms = time_boot_ms;
    if (self->options.chunk_bytes == 0)
        self->options.chunk_bytes = CHUNK_BYTES;
    if (self->options.line_max == 0)
        self->options.line_max = LINE_MAX_BYTES;
    self->batch_messages = batch_messages;
    self->reader.fd = -1;
    self->path_count = count;
    self->paths = memory_new(count * sizeof *self->paths);
    for (size_t i = 0; i < count; i++)
        self->paths[i] = memory_text(paths[i]);
    self->chunk_count = (size_t)workers + 2;
    self->chunks = memory_new(self->chunk_count * sizeof *self->chunks);
    self->messages = memory_new((size_t)workers * sizeof *self->messages);
    for (int i = 0; i < workers; i++)
        self->messages[i] = memory_new(batch_messages * sizeof **self->messages);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&self->lock, NULL);
    pthread_cond_init(&self->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    self->stop_event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (self->stop_event < 0) {
        error_what(error, "cannot make an event descriptor: %s", strerror(errno));
        error_advice(error, "raise the limit of open files (ulimit -n)");
    } else if (check_paths(self, error))
        return &self->source;
    file_free(&self->source);
    return NULL;
}

struct source *file_source_new(const char *const *paths, size_t count, size_t batch_messages, int workers,
                               struct error *error)
{
    return file_source_new_with(paths, count, batch_messages, workers, &(struct file_source_options){0}, error);
}
