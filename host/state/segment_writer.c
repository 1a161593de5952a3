/* segment_writer.c - see segment.h.
 *
 * An entry is first in `block`, then, when that is closed, with a block header in `pending`, then in the file. What was said
 * to be in the file (`written`) only grows; a write that failed is repeated at the same place, so that whatever it left there
 * is written over. */
#include "state/segment.h"

#include "state/segment_format.h"
#include "state/text_line.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#define PENDING_KEPT (1u << 20) /* bytes of memory kept for the next blocks; an outage may have needed much more */

static size_t padded(size_t size) { return (size + 7) & ~(size_t)7; }

static void header_write(struct segment_writer *writer, const struct record_schema *schema)
{
    const struct segment_name *name = &writer->name;
    struct buffer *out = &writer->pending;
    struct segment_preface preface = {.magic = SEGMENT_MAGIC, .version = SEGMENT_VERSION};
    buffer_put(out, &preface, sizeof preface);
    buffer_printf(out, "lane %s\nwriter %" PRIu64 " %" PRIu32 " %" PRIu32 " %" PRIu32 "\n", name->lane, name->generation,
                  name->worker, name->workers, name->sequence);
    record_schema_write(schema, out);
    while (out->size % 8 != 0)
        buffer_byte(out, '\n');
    assert(out->size + sizeof writer->seed <= SEGMENT_HEADER_MAX);
    preface.size = (uint32_t)(out->size + sizeof writer->seed);
    memcpy(out->data, &preface, sizeof preface);
    writer->seed = hash_bytes(out->data, out->size);
    buffer_put(out, &writer->seed, sizeof writer->seed);
}

static void block_begin(struct segment_writer *writer)
{
    buffer_reset(&writer->block);
    writer->block_entries = 0;
    writer->block_oldest_ms = INT64_MAX;
    writer->block_newest_ms = INT64_MIN;
    writer->last = SIZE_MAX;
}

void segment_writer_init(struct segment_writer *writer, int folder, const struct segment_name *name,
                         const struct record_schema *schema)
{
    assert(lane_name_valid(name->lane) && name->generation > 0 && name->worker < name->workers);
    *writer = (struct segment_writer){
        .name = *name, .folder = folder, .file = -1, .oldest_ms = INT64_MAX, .newest_ms = INT64_MIN};
    header_write(writer, schema);
    block_begin(writer);
}

void segment_writer_free(struct segment_writer *writer)
{
    if (writer->file >= 0)
        (void)close(writer->file);
    writer->file = -1;
    buffer_free(&writer->block);
    buffer_free(&writer->pending);
}

size_t segment_put(struct segment_writer *writer, enum journal_operation operation, int64_t time_ms, const void *body,
                   size_t body_size, uint32_t key_size)
{
    size_t size = padded(sizeof(struct journal_entry) + body_size);
    assert(key_size > 0 && key_size <= SEGMENT_KEY_MAX && key_size <= body_size);
    assert(size <= UINT32_MAX - SEGMENT_BLOCK_BYTES);
    if (writer->block.size != 0 && writer->block.size + size > SEGMENT_BLOCK_BYTES)
        segment_close_block(writer);

    struct journal_entry entry = {.size = (uint32_t)size, .operation_key = (uint32_t)operation << 24 | key_size};
    size_t at = writer->block.size;
    char *place = buffer_add(&writer->block, size);
    memset(place + size - 8, 0, 8);
    memcpy(place, &entry, sizeof entry);
    memcpy(place + sizeof entry, body, body_size);

    writer->block_entries++;
    writer->last = at;
    writer->last_oldest_ms = writer->block_oldest_ms;
    writer->last_newest_ms = writer->block_newest_ms;
    if (operation != JOURNAL_DROP) {
        assert(memcmp(body, &time_ms, sizeof time_ms) == 0); /* a record begins with its stamp, and that with its time */
        if (time_ms < writer->block_oldest_ms)
            writer->block_oldest_ms = time_ms;
        if (time_ms > writer->block_newest_ms)
            writer->block_newest_ms = time_ms;
    }
    return at;
}

void segment_take_back(struct segment_writer *writer, size_t entry)
{
    assert(entry == writer->last);
    writer->block.size = entry;
    writer->block_entries--;
    writer->block_oldest_ms = writer->last_oldest_ms;
    writer->block_newest_ms = writer->last_newest_ms;
    writer->last = SIZE_MAX;
}

void segment_operation_set(struct segment_writer *writer, size_t entry, enum journal_operation operation)
{
    assert(entry == writer->last && operation != JOURNAL_DROP);
    struct journal_entry *place = (struct journal_entry *)(void *)(writer->block.data + entry);
    assert(journal_entry_operation(place) != JOURNAL_DROP);
    place->operation_key = (uint32_t)operation << 24 | journal_entry_key_size(place);
}

void segment_close_block(struct segment_writer *writer)
{
    if (writer->block_entries == 0)
        return;
    struct block_header header = {.magic = BLOCK_MAGIC,
                                  .bytes = (uint32_t)writer->block.size,
                                  .count = writer->block_entries,
                                  .oldest_ms = writer->block_oldest_ms,
                                  .newest_ms = writer->block_newest_ms,
                                  .entries_sum = hash_bytes(writer->block.data, writer->block.size)};
    header.sum = block_header_sum(&header, writer->seed, segment_length(writer));
    buffer_put(&writer->pending, &header, sizeof header);
    buffer_put(&writer->pending, writer->block.data, writer->block.size);
    writer->entries += writer->block_entries;
    if (header.oldest_ms < writer->oldest_ms)
        writer->oldest_ms = header.oldest_ms;
    if (header.newest_ms > writer->newest_ms)
        writer->newest_ms = header.newest_ms;
    block_begin(writer);
}

static bool refused(const struct segment_writer *writer, int number, struct error *error)
{
    char name[SEGMENT_NAME_MAX];
    error_what(error, "journal %s can't be written: %s", segment_name_text(&writer->name, name), strerror(number));
    error_found(error, "%zu bytes wait in memory, %" PRIu64 " are in the file", writer->pending.size - writer->pending_sent,
                writer->written);
    error_advice(error, "%s", number == ENOSPC || number == EDQUOT ? "make room in the file system of the state's folder"
                              : number == EEXIST                   ? "another process writes there, or wrote before: "
                                                                     "one host a folder"
                                                                   : "look at the disk, and at what the kernel says of it");
    return false;
}

bool segment_write(struct segment_writer *writer, struct error *error)
{
    struct buffer *pending = &writer->pending;
    if (pending->size == 0)
        return true;
    if (writer->file < 0) {
        char name[SEGMENT_NAME_MAX];
        assert(writer->written == 0); /* else the descriptor was taken away: this segment is done */
        writer->file = openat(writer->folder, segment_name_text(&writer->name, name),
                              O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (writer->file < 0)
            return refused(writer, errno, error);
    }
    int number = 0;
    while (writer->pending_sent < pending->size && number == 0) {
        ssize_t sent = pwrite(writer->file, pending->data + writer->pending_sent, pending->size - writer->pending_sent,
                              (off_t)writer->written);
        if (sent > 0) {
            writer->pending_sent += (size_t)sent;
            writer->written += (uint64_t)sent;
        } else if (sent == 0 || errno != EINTR) {
            number = sent == 0 ? ENOSPC : errno;
        }
    }
    size_t left = pending->size - writer->pending_sent;
    if (left != 0 && writer->pending_sent != 0)
        memmove(pending->data, pending->data + writer->pending_sent, left);
    pending->size = left;
    writer->pending_sent = 0;
    if (left == 0 && pending->capacity > PENDING_KEPT)
        buffer_free(pending);
    return number == 0 || refused(writer, number, error);
}
