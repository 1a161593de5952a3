/* segment.c - any bytes as a segment's file: what is given out is sound, down to each text, and reading comes to an end. Each
 * input is tried as it is, and with its sums put right, since no mutation gets behind a sum by itself. */
#include "state/segment.h"

#include "base/memory.h"
#include "base/text_handle.h"
#include "state/segment_format.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHECK(condition) ((condition) ? (void)0 : abort())
#define FILE_NAME        "product-0000000007-001-000012" /* what the header must say */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *path;
static int folder = -1;

static void remove_folder(void)
{
    (void)unlinkat(folder, FILE_NAME, 0);
    (void)rmdir(path);
}

static void make_folder(void)
{
    const char *where = getenv("TMPDIR");
    if (where == NULL)
        where = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    path = memory_format("%s/shoplane-fuzz-XXXXXX", where);
    CHECK(mkdtemp(path) != NULL);
    folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK(folder >= 0 && atexit(remove_folder) == 0);
}

static void write_file(const char *bytes, size_t size)
{
    int file = openat(folder, FILE_NAME, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    CHECK(file >= 0 && write(file, bytes, size) == (ssize_t)size && close(file) == 0);
}

static void check_text(const struct segment_reader *reader, const struct journal_entry *entry, size_t offset)
{
    const char *record = (const char *)(entry + 1);
    sl_text text;
    memcpy(&text, record + offset, sizeof text);
    if (text_is_long(text)) {
        uint64_t at = text_where(text) & UINT32_MAX, size = text_where(text) >> 32;
        CHECK(at >= reader->schema.record_size + journal_entry_key_size(entry));
        CHECK(at + size <= entry->size - sizeof *entry);
    } else {
        sl_view view = text_inline_view(&text);
        CHECK(view.size <= TEXT_INLINE_MAX && text_inline(view.data, view.size).handle == text.handle);
    }
}

/* What was given out could be put by a writer, as it is. */
static void check_block(const struct segment_reader *reader, const struct segment_block *block, struct segment_writer *writer)
{
    uint32_t count = 0;
    for (size_t at = 0; at < block->bytes; count++) {
        const struct journal_entry *entry = (const void *)(block->entries + at);
        CHECK(entry->size >= 16 && entry->size % 8 == 0 && entry->size <= block->bytes - at);
        const char *record = (const char *)(entry + 1);
        enum journal_operation operation = journal_entry_operation(entry);
        int64_t time_ms = 0;
        CHECK(operation >= JOURNAL_INSERT && operation <= JOURNAL_TRIM);
        if (operation != JOURNAL_DROP) {
            CHECK(reader->schema.record_size + journal_entry_key_size(entry) <= entry->size - sizeof *entry);
            memcpy(&time_ms, record, sizeof time_ms);
            CHECK(time_ms >= block->oldest_ms && time_ms <= block->newest_ms);
            for (size_t i = 0; i < reader->schema.field_count; i++)
                if (reader->schema.fields[i].type == SL_TEXT)
                    check_text(reader, entry, reader->schema.fields[i].offset);
        }
        size_t put = segment_put(writer, operation, time_ms, record, entry->size - sizeof *entry,
                                 journal_entry_key_size(entry));
        CHECK(memcmp(writer->block.data + put, entry, entry->size) == 0);
        at += entry->size;
    }
    CHECK(count == block->count && count > 0);
}

static void try_file(uint64_t length)
{
    struct segment_reader reader;
    struct segment_block block;
    struct error error;
    memset(&error, 0, sizeof error);
    if (!segment_open(&reader, folder, FILE_NAME, length, &error)) {
        CHECK(error.what[0] != '\0' && error.found[0] != '\0');
        return;
    }
    struct segment_writer writer;
    segment_writer_init(&writer, folder, &reader.name, &reader.schema);
    for (;;) {
        uint64_t at = reader.at;
        memset(&error, 0, sizeof error);
        enum segment_read result = segment_read(&reader, &block, &error);
        CHECK(reader.at <= reader.length);
        if (result == SEGMENT_END)
            break;
        CHECK(reader.at > at);
        if (result == SEGMENT_BLOCK)
            check_block(&reader, &block, &writer);
        else
            CHECK(error.what[0] != '\0' && error.found[0] != '\0' && error.advice[0] != '\0');
    }
    CHECK(reader.at == reader.length);
    segment_writer_free(&writer);
    segment_reader_free(&reader);
}

static void sums_right(char *bytes, size_t size)
{
    struct segment_preface preface;
    if (size < sizeof preface + sizeof(uint64_t))
        return;
    memcpy(&preface, bytes, sizeof preface);
    if (preface.size < sizeof preface + sizeof(uint64_t) || preface.size > size)
        return;
    uint64_t seed = hash_bytes(bytes, preface.size - sizeof seed);
    memcpy(bytes + preface.size - sizeof seed, &seed, sizeof seed);
    struct block_header header;
    for (size_t at = preface.size; size - at >= sizeof header;) {
        memcpy(&header, bytes + at, sizeof header);
        size_t left = size - at - sizeof header, entries = header.bytes < left ? header.bytes : left;
        header.entries_sum = hash_bytes(bytes + at + sizeof header, entries);
        header.sum = block_header_sum(&header, seed, at);
        memcpy(bytes + at, &header, sizeof header);
        at += sizeof header + entries;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (folder < 0)
        make_folder();
    char *bytes = memory_new(size + 1);
    memcpy(bytes, data, size);
    write_file(bytes, size);
    try_file(UINT64_MAX);
    sums_right(bytes, size);
    write_file(bytes, size);
    try_file(UINT64_MAX);
    try_file(size / 2 / 8 * 8); /* a manifest may count less */
    free(bytes);
    return 0;
}
