/* segment.h - a file of the journal: records of one lane, written by one worker, in order of arrival.
 *
 *     <folder>/journal/<lane>-<generation>-<worker>-<sequence>      numbers in decimal, padded to 10, 3 and 6 digits
 *
 * A header with the schema, then blocks. A block holds whole entries; an entry holds one operation on the log of one key,
 * texts by value: no block needs another to be understood, so a damaged one costs only itself. All numbers are
 * little-endian, everything is a multiple of 8 bytes.
 *
 *     header  "SHPLJRNL", u32 version (1), u32 size of the header, then text padded with \n to that size - 24, u64 XXH3 of all
 *             before it. Text: "lane product\nwriter GENERATION WORKER WORKERS SEQUENCE\n" and the schema's lines.
 *     block   u32 "SHBK", u32 bytes of entries, u32 count of entries, u32 0, i64 oldest_ms, i64 newest_ms (of its records'
 *             event times; INT64_MAX and INT64_MIN where it has none), u64 XXH3 of the entries, u64 XXH3 of the block header
 *             before this number, seeded by the header's sum plus the block's offset: a block of another file, or of
 *             another place, is not taken for one of this.
 *     entry   u32 size of all of it, u32 operation << 24 | bytes of key; then, but for JOURNAL_DROP, the record; the key; the
 *             record's long texts; zeroes up to a multiple of 8. A long text of the record is
 *             text_long(size << 32 | offset from the record's start), see base/text_handle.h.
 *
 * A file is only ever appended to, by its writer; what counts of it is what a manifest says. */
#ifndef STATE_SEGMENT_H
#define STATE_SEGMENT_H

#include "base/buffer.h"
#include "base/error.h"
#include "state/record_schema.h"

#define SEGMENT_BLOCK_BYTES 65536     /* a block is closed when it has this many, or at a checkpoint */
#define SEGMENT_KEY_MAX     0xffffffu /* bytes */

enum journal_operation {
    JOURNAL_INSERT = 1, /* a record that was new */
    JOURNAL_REPLACE,    /* a record that took the place of the one with its id */
    JOURNAL_DROP,       /* the key's records all went: a session that is over for good */
    JOURNAL_TRIM        /* of the key's records those before this one's stamp went; the rest of the record says nothing */
};

struct journal_entry { /* in the file */
    uint32_t size;
    uint32_t operation_key;
};
static inline enum journal_operation journal_entry_operation(const struct journal_entry *entry)
{
    return (enum journal_operation)(entry->operation_key >> 24);
}
static inline uint32_t journal_entry_key_size(const struct journal_entry *entry)
{
    return entry->operation_key & SEGMENT_KEY_MAX;
}

struct segment_name {
    char lane[64];
    uint64_t generation;
    uint32_t worker, workers, sequence; /* `workers` is in the header only, not in the file's name */
};
#define SEGMENT_NAME_MAX 128
const char *segment_name_text(const struct segment_name *name, char out[SEGMENT_NAME_MAX]);
bool segment_name_parse(const char *text, struct segment_name *name); /* false: not a segment; workers is set to 0 */
/* As segments of one lane are read: by generation, sequence, worker. Less than 0: `a` first. */
int segment_name_order(const struct segment_name *a, const struct segment_name *b);

/* ---- writing: by the worker's thread ----
 *
 * Bytes that can't be written (disk full, I/O error) stay in memory and are tried again by the next segment_write(); a
 * short write goes on where it stopped. Nothing here waits, logs or gives up: the caller looks at `pending` and decides. */

struct segment_writer {
    struct segment_name name;
    int folder, file;      /* descriptors: of journal/, not owned; of the file, -1 until something is written */
    struct buffer block;   /* entries of the open block */
    uint32_t block_entries;
    int64_t block_oldest_ms, block_newest_ms;
    size_t last;           /* where the last entry begins in it, and what the two times were before: it can be taken back */
    int64_t last_oldest_ms, last_newest_ms;
    struct buffer pending; /* closed blocks (and the header) from pending_sent on are not in the file yet */
    size_t pending_sent;
    uint64_t written;      /* bytes in the file */
    uint64_t entries;      /* in closed blocks */
    int64_t oldest_ms, newest_ms; /* event times of the records in closed blocks; INT64_MAX, INT64_MIN: none */
    uint64_t seed;         /* of the blocks' sums */
};

/* The header is made at once, and goes to `pending`; the file is made (O_EXCL) by the first segment_write(). */
void segment_writer_init(struct segment_writer *writer, int folder, const struct segment_name *name,
                         const struct record_schema *schema);
/* Closes the descriptor, unless it was taken away (file = -1); the file stays. */
void segment_writer_free(struct segment_writer *writer);

/* Append an entry to the open block: `body` is the record, the key and the long texts as in the file, any size; padding is
 * added. `time_ms`: of the record; ignored for JOURNAL_DROP. Returns where the entry begins in writer->block. A block that is
 * full is closed before, never after: until the next put, the entry can be taken back, or its operation changed. */
size_t segment_put(struct segment_writer *writer, enum journal_operation operation, int64_t time_ms, const void *body,
                   size_t body_size, uint32_t key_size);
void segment_take_back(struct segment_writer *writer, size_t entry);
void segment_operation_set(struct segment_writer *writer, size_t entry, enum journal_operation operation);

/* Close the open block: its bytes are then part of `pending`, or of the file. */
void segment_close_block(struct segment_writer *writer);
/* Bytes that the file has when all that is closed is written: a position that a manifest can name. */
static inline uint64_t segment_length(const struct segment_writer *writer)
{
    return writer->written + (writer->pending.size - writer->pending_sent);
}
/* Write what is pending. False: not all of it could be, and `error` says why (with the file's name). */
bool segment_write(struct segment_writer *writer, struct error *error);

/* ---- reading ---- */

struct segment_reader {
    struct segment_name name; /* as the header says; its text is the file's name */
    struct record_schema schema;
    int file;
    uint64_t length;   /* how many bytes of the file count */
    uint64_t at;       /* where the next block begins */
    uint64_t seed;
    char *block;       /* the current one: 8-byte aligned, valid until the next call */
    size_t block_capacity;
};

/* A block whose bytes are good. */
struct segment_block {
    const char *entries; /* `bytes` of them; 8-byte aligned, writable by the caller */
    size_t bytes;
    uint32_t count;
    uint64_t offset;     /* of the block in the file */
    int64_t oldest_ms, newest_ms;
};

/* Open `name` in the folder descriptor and check its header. `length` is what the manifest says; UINT64_MAX: all of the file.
 * False: error->what says what is wrong ("it is shorter than the manifest says", "its header is damaged", "it is of a newer
 * version: 2"), error->found names the file and the offset. */
bool segment_open(struct segment_reader *reader, int folder, const char *file_name, uint64_t length, struct error *error);
void segment_reader_free(struct segment_reader *reader);

enum segment_read {
    SEGMENT_BLOCK,   /* *block is filled */
    SEGMENT_END,     /* all that counts was read */
    SEGMENT_DAMAGED, /* *error names file, offset and reason, and error->advice what is lost with it; call again: reading goes
                        on behind the damage where that is possible, else the next answer is SEGMENT_END */
};
enum segment_read segment_read(struct segment_reader *reader, struct segment_block *block, struct error *error);

/* The entries of a good block were checked too: sizes add up, operations are known, keys, records and texts lie inside
 * their entry. Walk:  for (size_t at = 0; at < block.bytes; at += entry->size) entry = (void *)(block.entries + at); */

#endif
