/* state_copy.c - see state_copy.h. */
#include "state/state_copy.h"

#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE_BYTES ((size_t)1 << 20)

struct copying {
    const struct state_folder *from, *to;
    const struct state_progress *progress;
    const struct manifest *manifest;
    char *piece;
    uint64_t done, total;
    struct error *error;
};

enum step { STEP_DONE, STEP_MOVED_ON, STEP_FAILED };

static bool go_on(const struct copying *copying)
{
    const struct state_progress *progress = copying->progress;
    if (progress->show == NULL || progress->show(progress->context, copying->done, copying->total))
        return true;
    error_what(copying->error, "%s", "");
    return false;
}

static bool read_failed(const struct copying *copying, const char *file, const char *why)
{
    error_what(copying->error, "a segment of the state can't be copied: %s", why);
    error_found(copying->error, "%.300s/journal/%.150s", copying->from->path, file);
    error_advice(copying->error, "shoplane state --verify says what is damaged, and what would be lost");
    return false;
}

static bool write_failed(const struct copying *copying, const char *file)
{
    error_what(copying->error, "the copy can't be written: %s", strerror(errno));
    error_found(copying->error, "%.300s/journal/%.150s; all of it is %llu bytes", copying->to->path, file,
                (unsigned long long)copying->total);
    error_advice(copying->error, "%s",
                 errno == ENOSPC || errno == EDQUOT ? "make room there, or name a place on another disk"
                                                    : "name a place that can be written");
    return false;
}

/* Bytes [at, end) of one file to the other. */
static bool copy_bytes(struct copying *copying, const char *file, int from, int to, uint64_t at, uint64_t end)
{
    while (at < end) {
        size_t wanted = end - at < PIECE_BYTES ? (size_t)(end - at) : PIECE_BYTES;
        ssize_t got = pread(from, copying->piece, wanted, (off_t)at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return read_failed(copying, file, got == 0 ? "it is shorter than the manifest says" : strerror(errno));
        for (ssize_t put = 0; put < got;) {
            ssize_t written = pwrite(to, copying->piece + put, (size_t)(got - put), (off_t)at + put);
            if (written < 0 && errno != EINTR)
                return write_failed(copying, file);
            put += written < 0 ? 0 : written;
        }
        at += (uint64_t)got;
        copying->done += (uint64_t)got;
        if (!go_on(copying))
            return false;
    }
    return fsync(to) == 0 || write_failed(copying, file);
}

/* Every sum of the copy. A damage is that of the source: what is wrong in what was just written here is not likely. */
static bool check_copy(const struct copying *copying, const char *file, uint64_t bytes)
{
    struct error error;
    struct segment_reader reader;
    struct segment_block block;
    if (!segment_open(&reader, copying->to->journal, file, bytes, &error))
        return read_failed(copying, file, error.what);
    enum segment_read read;
    while ((read = segment_read(&reader, &block, &error)) == SEGMENT_BLOCK)
        ;
    if (read == SEGMENT_DAMAGED) {
        (void)read_failed(copying, file, error.what);
        error_found(copying->error, "%.250s/%.250s", copying->from->path, error.found);
    }
    segment_reader_free(&reader);
    return read == SEGMENT_END;
}

/* Of what was copied before only what has been added since is copied. */
static enum step copy_segment(struct copying *copying, const struct manifest_segment *segment)
{
    char file[SEGMENT_NAME_MAX];
    struct stat status;
    enum step step = STEP_FAILED;
    (void)segment_name_text(&segment->name, file);
    int to = -1, from = openat(copying->from->journal, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (from < 0) {
        int why = errno;
        if (state_moved_on(copying->from, copying->manifest, &segment->name))
            return STEP_MOVED_ON;
        (void)read_failed(copying, file, why == ENOENT ? "it is missing" : strerror(why));
        return STEP_FAILED;
    }
    to = openat(copying->to->journal, file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (to < 0 || fstat(to, &status) != 0) {
        (void)write_failed(copying, file);
        goto out;
    }
    uint64_t have = (uint64_t)status.st_size;
    copying->done += have < segment->bytes ? have : segment->bytes;
    if (have > segment->bytes)
        (void)read_failed(copying, file, "the newer manifest says that it is shorter than before");
    else if (have == segment->bytes ||
             (copy_bytes(copying, file, from, to, have, segment->bytes) && check_copy(copying, file, segment->bytes)))
        step = STEP_DONE;
out:
    if (to >= 0)
        (void)close(to);
    (void)close(from);
    return step;
}

static enum step copy_segments(struct copying *copying)
{
    const struct manifest *manifest = copying->manifest;
    copying->done = copying->total = 0;
    for (size_t l = 0; l < manifest->lane_count; l++)
        for (size_t s = 0; s < manifest->lanes[l].segment_count; s++)
            copying->total += manifest->lanes[l].segments[s].bytes;
    for (size_t l = 0; l < manifest->lane_count; l++) {
        for (size_t s = 0; s < manifest->lanes[l].segment_count; s++) {
            enum step step = copy_segment(copying, &manifest->lanes[l].segments[s]);
            if (step != STEP_DONE)
                return step;
        }
    }
    return STEP_DONE;
}

/* Segments of the copy that its manifest does not name; NULL: all of them. */
static void remove_unnamed(const struct state_folder *to, const struct manifest *manifest)
{
    static const struct manifest nothing;
    struct unnamed_file *files;
    size_t count = state_unnamed(to, manifest == NULL ? &nothing : manifest, &files);
    for (size_t i = 0; i < count; i++)
        (void)unlinkat(to->journal, files[i].name, 0);
    free(files);
}

static struct manifest *load(const struct state_folder *from, struct error *error)
{
    struct error passed_over;
    struct manifest *manifest = manifest_load(from->folder, from->path, &passed_over, error);
    if (manifest == NULL && error->what[0] == '\0') {
        error_what(error, "there is no state in %.300s: no checkpoint was made there", from->path);
        error_advice(error, "name the folder of the setting state.folder");
    }
    return manifest;
}

bool state_copy(const struct state_folder *from, const struct state_folder *to, const struct state_progress *progress,
                struct state_copied *copied, struct error *error)
{
    struct copying copying = {.from = from, .to = to, .progress = progress, .error = error};
    struct manifest *manifest = NULL;
    enum step step = STEP_MOVED_ON;
    *copied = (struct state_copied){0};
    copying.piece = memory_new(PIECE_BYTES);
    for (unsigned again = 0; step == STEP_MOVED_ON; again++) {
        manifest_free(manifest);
        manifest = load(from, error);
        if (manifest == NULL)
            break;
        copying.manifest = manifest;
        copied->begun_again = again;
        step = copy_segments(&copying);
    }
    free(copying.piece);
    if (step == STEP_DONE) {
        remove_unnamed(to, manifest);
        if (fsync(to->journal) != 0) {
            (void)write_failed(&copying, "");
            step = STEP_FAILED;
        } else if (!manifest_store(to->folder, manifest, true, error)) {
            step = STEP_FAILED;
        }
    }
    if (step != STEP_DONE) {
        remove_unnamed(to, NULL);
        manifest_free(manifest);
        return false;
    }
    copied->manifest = manifest;
    copied->bytes = copying.total;
    for (size_t l = 0; l < manifest->lane_count; l++)
        copied->segments += manifest->lanes[l].segment_count;
    return true;
}

bool state_exists(const struct state_folder *state) { return manifest_highest_generation(state->folder) > 0; }
