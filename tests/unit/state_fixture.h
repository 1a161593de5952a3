/* state_fixture.h - a folder that goes with the test, records of one lane in segments, and bytes of files to be broken. */
#ifndef TESTS_STATE_FIXTURE_H
#define TESTS_STATE_FIXTURE_H

#include "base/memory.h"
#include "base/text_handle.h"
#include "state/segment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

struct state_record {
    sl_stamp at;
    sl_text id;
    int64_t price;
    bool sale;
};

static inline struct record_schema state_schema(void)
{
    return (struct record_schema){
        .key = "user",
        .record_size = sizeof(struct state_record),
        .fields = {{"id", SL_TEXT, offsetof(struct state_record, id), 8},
                   {"price", SL_MONEY, offsetof(struct state_record, price), 8},
                   {"sale", SL_BOOL, offsetof(struct state_record, sale), 1}},
        .field_count = 3,
        .source = memory_text("events product_view; inputs id=product[0].id price=product[0].price; settings; version 0")};
}

static inline void assert_schemas_equal(const struct record_schema *a, const struct record_schema *b)
{
    struct buffer left = {0}, right = {0};
    record_schema_write(a, &left);
    record_schema_write(b, &right);
    assert_int_equal(left.size, right.size);
    assert_memory_equal(left.data, right.data, left.size);
    buffer_free(&left);
    buffer_free(&right);
}

static inline int state_remove_one(const char *path, const struct stat *status, int flag, struct FTW *walk)
{
    (void)status, (void)flag, (void)walk;
    return remove(path);
}
static inline void state_remove(const char *path) { (void)nftw(path, state_remove_one, 16, FTW_DEPTH | FTW_PHYS); }

/* An empty folder; *descriptor of it. The path is free()d by the caller, after state_remove(). */
static inline char *state_temporary(int *descriptor)
{
    const char *where = getenv("TMPDIR");
    char *path = memory_format("%s/shoplane-state-XXXXXX", where == NULL ? "/tmp" : where);
    assert_non_null(mkdtemp(path));
    *descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(*descriptor >= 0);
    return path;
}

static inline void state_file_write(int folder, const char *name, const void *bytes, size_t size)
{
    int file = openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(file >= 0);
    assert_int_equal(write(file, bytes, size), size);
    assert_int_equal(close(file), 0);
}

static inline char *state_file_read(int folder, const char *name, size_t *size)
{
    struct stat status;
    int file = openat(folder, name, O_RDONLY | O_CLOEXEC);
    assert_true(file >= 0 && fstat(file, &status) == 0);
    char *bytes = memory_new((size_t)status.st_size + 1);
    *size = (size_t)status.st_size;
    assert_int_equal(read(file, bytes, *size), *size);
    assert_int_equal(close(file), 0);
    return bytes;
}

static inline void state_flip(int folder, const char *name, size_t offset)
{
    char byte;
    int file = openat(folder, name, O_RDWR | O_CLOEXEC);
    assert_int_equal(pread(file, &byte, 1, (off_t)offset), 1);
    byte = (char)(byte ^ 4);
    assert_int_equal(pwrite(file, &byte, 1, (off_t)offset), 1);
    assert_int_equal(close(file), 0);
}

/* A view of `product` by `user` at time_ms with id time_ms. */
static inline size_t state_put(struct segment_writer *writer, int64_t time_ms, const char *user, const char *product)
{
    char body[1024];
    size_t key = strlen(user), text = strlen(product), size = sizeof(struct state_record) + key;
    struct state_record record;
    memset(&record, 0, sizeof record);
    record.at = (sl_stamp){time_ms, (uint64_t)time_ms};
    record.price = time_ms * 1000;
    record.sale = time_ms % 2 == 1;
    memcpy(body + sizeof record, user, key);
    if (text <= TEXT_INLINE_MAX) {
        record.id = text_inline(product, text);
    } else {
        record.id = text_long((uint64_t)text << 32 | size);
        memcpy(body + size, product, text);
        size += text;
    }
    memcpy(body, &record, sizeof record);
    return segment_put(writer, JOURNAL_INSERT, time_ms, body, size, (uint32_t)key);
}

/* "insert 17 ann long-product; drop bob; ..." */
static inline void state_describe(const struct segment_block *block, struct buffer *out)
{
    static const char *const words[] = {"", "insert", "replace", "drop", "trim"};
    for (size_t at = 0; at < block->bytes;) {
        const struct journal_entry *entry = (const void *)(block->entries + at);
        const char *record = (const char *)(entry + 1);
        int key = (int)journal_entry_key_size(entry);
        enum journal_operation operation = journal_entry_operation(entry);
        if (operation == JOURNAL_DROP) {
            buffer_printf(out, "drop %.*s; ", key, record);
        } else {
            const struct state_record *view = (const void *)record;
            sl_view product = text_is_long(view->id) ? (sl_view){record + (text_where(view->id) & UINT32_MAX),
                                                                 (size_t)(text_where(view->id) >> 32)}
                                                     : text_inline_view(&view->id);
            assert_int_equal(view->price, view->at.time_ms * 1000);
            buffer_printf(out, "%s %lld %.*s %.*s; ", words[operation], (long long)view->at.time_ms, key, record + sizeof *view,
                          (int)product.size, product.data);
        }
        at += entry->size;
    }
}

#endif
