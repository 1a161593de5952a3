/* segment_reader.c - see segment.h.
 *
 * Nothing of a file is believed before its sum was right, and nothing of an entry before it was checked: those who apply
 * entries need not look twice. Behind a block whose header is good the next one begins where that says; else it is looked
 * for, every 8 bytes, and known by its sum. */
#include "state/segment.h"

#include "base/memory.h"
#include "base/text_handle.h"
#include "base/time.h"
#include "state/segment_format.h"
#include "state/text_line.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEARCH_BYTES 65536

static void block_reserve(struct segment_reader *reader, size_t size)
{
    if (reader->block_capacity >= size)
        return;
    free(reader->block);
    reader->block = memory_new(size); /* as malloc: aligned for anything */
    reader->block_capacity = size;
}

/* All `size` bytes, or 0 for the file's end, or an errno below 0. */
static int read_all(int file, void *out, size_t size, uint64_t offset)
{
    for (size_t done = 0; done < size;) {
        ssize_t got = pread(file, (char *)out + done, size - done, (off_t)(offset + done));
        if (got > 0)
            done += (size_t)got;
        else if (got == 0)
            return 0;
        else if (errno != EINTR)
            return -errno;
    }
    return 1;
}

static const char *unread(int status) { return status == 0 ? "it ends too early" : strerror(-status); }

/* ---- the header ---- */

static bool header_text(struct segment_reader *reader, const char *at, const char *end, struct error *error)
{
    struct text_line line;
    struct segment_name *name = &reader->name;
    uint64_t worker, workers, sequence;
    if (!text_line_take(&line, &at, end) || !text_line_word(&line, "lane") ||
        !text_line_copy(&line, name->lane, sizeof name->lane) || !lane_name_valid(name->lane) || !text_line_ended(&line) ||
        !text_line_take(&line, &at, end) || !text_line_word(&line, "writer") ||
        !text_line_u64(&line, UINT64_MAX, &name->generation) || !text_line_u64(&line, UINT32_MAX, &worker) ||
        !text_line_u64(&line, UINT32_MAX, &workers) || !text_line_u64(&line, UINT32_MAX, &sequence) ||
        !text_line_ended(&line) || name->generation == 0 || worker >= workers) {
        error_what(error, "its header does not say whose it is");
        return false;
    }
    name->worker = (uint32_t)worker;
    name->workers = (uint32_t)workers;
    name->sequence = (uint32_t)sequence;
    struct error reason;
    if (!record_schema_read(&reader->schema, &at, end, &reason)) {
        error_what(error, "its header is of no use: %s", reason.what);
        return false;
    }
    while (at < end && *at == '\n')
        at++;
    if (at != end)
        error_what(error, "its header has more than it should");
    return at == end;
}

static bool header_read(struct segment_reader *reader, uint64_t file_size, struct error *error)
{
    struct segment_preface preface;
    uint64_t sum = 0;
    int status = read_all(reader->file, &preface, sizeof preface, 0);
    if (status < 0 || file_size < sizeof preface) {
        error_what(error, "its header can't be read: %s", unread(status < 0 ? status : 0));
        return false;
    }
    if (memcmp(preface.magic, SEGMENT_MAGIC, sizeof preface.magic) != 0) {
        error_what(error, "it is not a segment of Shoplane's journal, or its header is damaged");
        return false;
    }
    bool sized = preface.size >= sizeof preface + sizeof sum && preface.size <= SEGMENT_HEADER_MAX &&
                 preface.size % 8 == 0 && preface.size <= file_size;
    if (sized) {
        block_reserve(reader, preface.size);
        status = read_all(reader->file, reader->block, preface.size, 0);
        if (status <= 0) {
            error_what(error, "its header can't be read: %s", unread(status));
            return false;
        }
        memcpy(&sum, reader->block + preface.size - sizeof sum, sizeof sum);
    }
    bool good = sized && hash_bytes(reader->block, preface.size - sizeof sum) == sum;
    if (preface.version != SEGMENT_VERSION) {
        error_what(error, "it is of a newer version: %u%s", preface.version, good ? "" : ", or its header is damaged");
        error_advice(error, "only the version of Shoplane that wrote it, or a newer one, can read it");
        return false;
    }
    if (!good) {
        error_what(error, preface.size > file_size ? "it ends inside of its header" : "its header is damaged");
        return false;
    }
    reader->seed = sum;
    reader->at = preface.size;
    return header_text(reader, reader->block + sizeof preface, reader->block + preface.size - sizeof sum, error);
}

bool segment_open(struct segment_reader *reader, int folder, const char *file_name, uint64_t length, struct error *error)
{
    char name[SEGMENT_NAME_MAX];
    struct stat status;
    *reader = (struct segment_reader){.file = -1};
    reader->file = openat(folder, file_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (reader->file < 0 || fstat(reader->file, &status) != 0) {
        error_what(error, errno == ENOENT ? "it is missing" : "it can't be opened: %s", strerror(errno));
        error_found(error, "journal %s", file_name);
        goto refused;
    }
    if (!S_ISREG(status.st_mode)) {
        error_what(error, "it is no file");
        error_found(error, "journal %s", file_name);
        goto refused;
    }
    uint64_t size = (uint64_t)status.st_size;
    reader->length = length == UINT64_MAX ? size : length;
    if (!header_read(reader, size, error)) {
        error_found(error, "journal %s at byte 0 of %" PRIu64, file_name, size);
        goto refused;
    }
    if (strcmp(segment_name_text(&reader->name, name), file_name) != 0) {
        error_what(error, "it is another one by its header: %s", name);
        error_found(error, "journal %s at byte 0 of %" PRIu64, file_name, size);
        goto refused;
    }
    if (size < reader->length) {
        error_what(error, "it is shorter than the manifest says");
        error_found(error, "journal %s ends at byte %" PRIu64 " of %" PRIu64, file_name, size, length);
        goto refused;
    }
    if (reader->length < reader->at) {
        error_what(error, "its header is longer than what the manifest says of all of it");
        error_found(error, "journal %s: %" PRIu64 " bytes of header, %" PRIu64 " count", file_name, reader->at, length);
        goto refused;
    }
    (void)posix_fadvise(reader->file, 0, 0, POSIX_FADV_SEQUENTIAL);
    return true;

refused:
    segment_reader_free(reader);
    return false;
}

void segment_reader_free(struct segment_reader *reader)
{
    if (reader->file >= 0)
        (void)close(reader->file);
    reader->file = -1;
    record_schema_free(&reader->schema);
    free(reader->block);
    reader->block = NULL;
    reader->block_capacity = 0;
}

/* ---- the entries of a block ---- */

/* Is what the host reads from a record sound: its texts inside the entry, a bool that is one? */
static const char *record_fault(const struct record_schema *schema, const char *record, size_t texts, size_t body)
{
    for (size_t i = 0; i < schema->field_count; i++) {
        const struct schema_field *field = &schema->fields[i];
        if (field->type == SL_BOOL && (unsigned char)record[field->offset] > 1)
            return "a bool is neither true nor false";
        if (field->type != SL_TEXT)
            continue;
        sl_text text;
        memcpy(&text, record + field->offset, sizeof text);
        if (text_is_long(text)) {
            uint64_t size = text_where(text) >> 32, offset = text_where(text) & UINT32_MAX;
            if (offset < texts || offset > body || size > body - offset)
                return "a text lies outside of its entry";
        } else {
            size_t size = (size_t)(text.handle >> 56);
            if (size > TEXT_INLINE_MAX || (text.handle & 0x00ffffffffffffffu) >> (size * 8) != 0)
                return "a text is none";
        }
    }
    return NULL;
}

static const char *entries_fault(const struct record_schema *schema, const struct block_header *header,
                                 const char *entries)
{
    int64_t oldest_ms = INT64_MAX, newest_ms = INT64_MIN;
    uint32_t count = 0;
    for (size_t at = 0; at < header->bytes; count++) {
        struct journal_entry entry;
        memcpy(&entry, entries + at, sizeof entry);
        if (entry.size <= sizeof entry || entry.size % 8 != 0 || entry.size > header->bytes - at)
            return "the size of an entry is wrong";
        size_t body = entry.size - sizeof entry, key = journal_entry_key_size(&entry);
        const char *record = entries + at + sizeof entry;
        enum journal_operation operation = journal_entry_operation(&entry);
        if (operation < JOURNAL_INSERT || operation > JOURNAL_TRIM)
            return "an operation is not known";
        size_t record_size = operation == JOURNAL_DROP ? 0 : schema->record_size;
        if (key == 0 || record_size + key > body)
            return "a key lies outside of its entry";
        if (operation != JOURNAL_DROP) {
            const char *fault = record_fault(schema, record, record_size + key, body);
            if (fault != NULL)
                return fault;
            int64_t time_ms;
            memcpy(&time_ms, record, sizeof time_ms);
            oldest_ms = time_ms < oldest_ms ? time_ms : oldest_ms;
            newest_ms = time_ms > newest_ms ? time_ms : newest_ms;
        }
        at += entry.size;
    }
    if (count != header->count)
        return "the count of its entries is wrong";
    if (oldest_ms != header->oldest_ms || newest_ms != header->newest_ms)
        return "the times of its records are not those it states";
    return NULL;
}

/* ---- blocks ---- */

static bool block_header_good(const struct segment_reader *reader, const struct block_header *header, uint64_t offset)
{
    return header->magic == BLOCK_MAGIC && header->sum == block_header_sum(header, reader->seed, offset) &&
           header->bytes != 0 && header->bytes % 8 == 0 && header->zero == 0;
}

/* Where the next good block header is, from `from` on; reader->length: nowhere. */
static uint64_t block_search(struct segment_reader *reader, uint64_t from)
{
    const size_t size = sizeof(struct block_header);
    block_reserve(reader, SEARCH_BYTES);
    while (from < reader->length && reader->length - from >= size) {
        uint64_t left = reader->length - from;
        size_t window = left < SEARCH_BYTES ? (size_t)left : SEARCH_BYTES;
        int status = read_all(reader->file, reader->block, window, from);
        if (status == 0)
            break;
        for (size_t at = 0; status > 0 && at + size <= window; at += 8) {
            struct block_header header;
            memcpy(&header, reader->block + at, size);
            if (block_header_good(reader, &header, from + at))
                return from + at;
        }
        from += (window - size) / 8 * 8 + 8; /* the first place that was not looked at */
    }
    return reader->length;
}

/* Say what is wrong at reader->at, and go on at `next`. `header`: NULL where it can't be believed. */
static enum segment_read damaged(struct segment_reader *reader, uint64_t next, const struct block_header *header,
                                 const char *reason, struct error *error)
{
    char name[SEGMENT_NAME_MAX], oldest[TIME_TEXT_MAX], newest[TIME_TEXT_MAX];
    error_what(error, "a block of it is damaged: %s", reason);
    error_found(error, "journal %s at byte %" PRIu64 " of %" PRIu64, segment_name_text(&reader->name, name), reader->at,
                reader->length);
    if (header == NULL) {
        error_advice(error, "lost with it: the entries in %" PRIu64 " bytes", next - reader->at);
    } else if (header->oldest_ms > header->newest_ms) {
        error_advice(error, "lost with it: %u entries without records", header->count);
    } else {
        time_text(header->oldest_ms, oldest);
        time_text(header->newest_ms, newest);
        error_advice(error, "lost with it: %u entries with records of %s to %s", header->count, oldest, newest);
    }
    reader->at = next;
    return SEGMENT_DAMAGED;
}

enum segment_read segment_read(struct segment_reader *reader, struct segment_block *block, struct error *error)
{
    struct block_header header;
    uint64_t left = reader->length - reader->at;
    if (left == 0)
        return SEGMENT_END;
    if (left < sizeof header)
        return damaged(reader, reader->length, NULL, "it ends inside of its header", error);
    int status = read_all(reader->file, &header, sizeof header, reader->at);
    if (status == 0)
        return damaged(reader, reader->length, NULL, unread(status), error);
    if (status < 0 || !block_header_good(reader, &header, reader->at)) {
        const char *reason = status < 0                      ? strerror(-status)
                             : header.magic != BLOCK_MAGIC ? "no block begins here"
                                                             : "the sum of its header is wrong";
        return damaged(reader, block_search(reader, reader->at + 8), NULL, reason, error);
    }
    if (header.bytes > left - sizeof header)
        return damaged(reader, reader->length, &header, "it ends inside of its entries", error);

    uint64_t next = reader->at + sizeof header + header.bytes;
    block_reserve(reader, header.bytes < SEGMENT_BLOCK_BYTES ? SEGMENT_BLOCK_BYTES : header.bytes);
    status = read_all(reader->file, reader->block, header.bytes, reader->at + sizeof header);
    if (status <= 0)
        return damaged(reader, next, &header, unread(status), error);
    if (hash_bytes(reader->block, header.bytes) != header.entries_sum)
        return damaged(reader, next, &header, "the sum of its entries is wrong", error);
    const char *fault = entries_fault(&reader->schema, &header, reader->block);
    if (fault != NULL)
        return damaged(reader, next, &header, fault, error);
    *block = (struct segment_block){.entries = reader->block,
                                    .bytes = header.bytes,
                                    .count = header.count,
                                    .offset = reader->at,
                                    .oldest_ms = header.oldest_ms,
                                    .newest_ms = header.newest_ms};
    reader->at = next;
    return SEGMENT_BLOCK;
}
