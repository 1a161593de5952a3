/* segment.c - what was written is read again, and whatever happens to the file costs only what it hit. */
#include "state_fixture.h"

#include "base/hash.h"

struct fixture {
    char *path;
    int folder;
    struct segment_name name;
    char file[SEGMENT_NAME_MAX];
    struct record_schema schema;
    struct segment_writer writer;
    struct segment_reader reader;
    struct segment_block block;
    struct error error;
};

static int set_up(void **state)
{
    struct fixture *f = memory_new(sizeof *f);
    f->path = state_temporary(&f->folder);
    f->name = (struct segment_name){.lane = "product", .generation = 7, .worker = 1, .workers = 4, .sequence = 12};
    (void)segment_name_text(&f->name, f->file);
    f->schema = state_schema();
    segment_writer_init(&f->writer, f->folder, &f->name, &f->schema);
    f->reader.file = -1;
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    segment_reader_free(&f->reader);
    segment_writer_free(&f->writer);
    record_schema_free(&f->schema);
    (void)close(f->folder);
    state_remove(f->path);
    free(f->path);
    free(f);
    return 0;
}

static void drop(struct segment_writer *writer, const char *key)
{
    (void)segment_put(writer, JOURNAL_DROP, 0, key, strlen(key), (uint32_t)strlen(key));
}

static void write_out(struct fixture *f)
{
    segment_close_block(&f->writer);
    assert_true(segment_write(&f->writer, &f->error));
}

/* Three blocks of one entry each; where each begins, and the length, in offsets[4]. */
static void three_blocks(struct fixture *f, uint64_t offsets[4])
{
    static const char *const users[] = {"ann", "bob", "cleo"};
    for (int i = 0; i < 3; i++) {
        offsets[i] = segment_length(&f->writer);
        (void)state_put(&f->writer, 1000 + i, users[i], "a-long-product");
        segment_close_block(&f->writer);
    }
    offsets[3] = segment_length(&f->writer);
    write_out(f);
    assert_int_equal(f->writer.written, offsets[3]);
}

/* Everything that can be read, as text, with "#what at offset" where something is damaged. */
static void assert_reads(struct fixture *f, uint64_t length, const char *expected)
{
    struct buffer text = {0};
    segment_reader_free(&f->reader);
    assert_true(segment_open(&f->reader, f->folder, f->file, length, &f->error));
    for (;;) {
        uint64_t at = f->reader.at;
        enum segment_read result = segment_read(&f->reader, &f->block, &f->error);
        if (result == SEGMENT_END)
            break;
        if (result == SEGMENT_BLOCK) {
            assert_int_equal(f->block.offset, at);
            assert_int_equal((uintptr_t)f->block.entries % 8, 0);
            state_describe(&f->block, &text);
            continue;
        }
        const char *reason = strchr(f->error.what, ':');
        assert_non_null(reason);
        buffer_printf(&text, "#%s; ", reason + 2);
        char where[256];
        (void)snprintf(where, sizeof where, "journal %s at byte %llu of ", f->file, (unsigned long long)at);
        assert_memory_equal(f->error.found, where, strlen(where));
        assert_memory_equal(f->error.advice, "lost with it: ", 14);
    }
    assert_int_equal(segment_read(&f->reader, &f->block, &f->error), SEGMENT_END); /* and stays there */
    buffer_byte(&text, '\0');
    assert_string_equal(text.data, expected);
    buffer_free(&text);
}

static void assert_refused(struct fixture *f, uint64_t length, const char *what)
{
    segment_reader_free(&f->reader);
    assert_false(segment_open(&f->reader, f->folder, f->file, length, &f->error));
    assert_string_equal(f->error.what, what);
    assert_non_null(strstr(f->error.found, f->file));
    assert_int_equal(f->reader.file, -1);
}

static void names_are_written_in_one_way(void **state)
{
    (void)state;
    const struct segment_name name = {.lane = "product_2", .generation = UINT64_MAX, .worker = 1000, .workers = 2000,
                                      .sequence = 7};
    struct segment_name again;
    char text[SEGMENT_NAME_MAX];
    assert_string_equal(segment_name_text(&name, text), "product_2-18446744073709551615-1000-000007");
    assert_true(segment_name_parse(text, &again));
    assert_string_equal(again.lane, "product_2");
    assert_true(again.generation == UINT64_MAX && again.worker == 1000 && again.workers == 0 && again.sequence == 7);
    static const char *const others[] = {"", "product", "product-", "product-7-1-12", "product-0000000007-001",
                                         "product-0000000007-001-000012x", "product-0000000007-001-000012-",
                                         "product-0000000007-001-", "Product-0000000007-001-000012",
                                         "-0000000007-001-000012", "product-00000000007-001-000012",
                                         "product-18446744073709551616-001-000012", "product-0000000007-4294967296-000012",
                                         "../x-0000000007-001-000012", "product-0000000007-+01-000012"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(segment_name_parse(others[i], &again));
}

static void entries_come_back_in_order(void **state)
{
    struct fixture *f = *state;
    (void)state_put(&f->writer, 2000, "ann", "short");
    (void)state_put(&f->writer, 1000, "a user with a long key", "a product with a long id");
    drop(&f->writer, "ann");
    (void)state_put(&f->writer, 1500, "bob", "");
    write_out(f);
    assert_int_equal(f->writer.entries, 4);
    assert_int_equal(f->writer.oldest_ms, 1000);
    assert_int_equal(f->writer.newest_ms, 2000);
    assert_reads(f, f->writer.written, "insert 2000 ann short; insert 1000 a user with a long key a product with a long id; "
                                       "drop ann; insert 1500 bob ; ");
    assert_int_equal(f->block.count, 4);
    assert_int_equal(f->block.oldest_ms, 1000);
    assert_int_equal(f->block.newest_ms, 2000);
    assert_schemas_equal(&f->reader.schema, &f->schema);
    assert_int_equal(f->reader.name.workers, 4);
}

static void a_segment_without_entries_is_one(void **state)
{
    struct fixture *f = *state;
    write_out(f);
    assert_true(f->writer.written > 0);
    assert_reads(f, f->writer.written, "");
}

static void drops_alone_have_no_times(void **state)
{
    struct fixture *f = *state;
    drop(&f->writer, "ann");
    write_out(f);
    assert_reads(f, UINT64_MAX, "drop ann; ");
    assert_int_equal(f->block.oldest_ms, INT64_MAX);
    assert_int_equal(f->block.newest_ms, INT64_MIN);
    assert_int_equal(f->writer.newest_ms, INT64_MIN);
}

static void the_last_entry_can_be_taken_back_or_changed(void **state)
{
    struct fixture *f = *state;
    (void)state_put(&f->writer, 1000, "ann", "one");
    segment_take_back(&f->writer, state_put(&f->writer, 9000, "ann", "two"));
    segment_operation_set(&f->writer, state_put(&f->writer, 1001, "ann", "three"), JOURNAL_REPLACE);
    segment_take_back(&f->writer, state_put(&f->writer, 1, "ann", "four"));
    write_out(f);
    assert_int_equal(f->writer.newest_ms, 1001);
    assert_int_equal(f->writer.oldest_ms, 1000);
    assert_reads(f, UINT64_MAX, "insert 1000 ann one; replace 1001 ann three; ");

    segment_take_back(&f->writer, state_put(&f->writer, 2000, "ann", "five")); /* nothing left: no block */
    write_out(f);
    assert_reads(f, UINT64_MAX, "insert 1000 ann one; replace 1001 ann three; ");
}

static void a_full_block_is_closed_before_the_next_entry(void **state)
{
    struct fixture *f = *state;
    size_t count = 0;
    assert_true(segment_write(&f->writer, &f->error));
    uint64_t header = segment_length(&f->writer);
    while (segment_length(&f->writer) == header) {
        assert_in_range(f->writer.block.size, 0, SEGMENT_BLOCK_BYTES);
        (void)state_put(&f->writer, 1000 + (int64_t)count++, "ann", "a-long-product");
    }
    assert_int_equal(f->writer.block_entries, 1);
    assert_int_equal(f->writer.entries, count - 1);
    write_out(f);

    char *large = memory_new(300000); /* an entry that is larger than a block has one of its own */
    memset(large, 'k', 299999);
    drop(&f->writer, large);
    (void)state_put(&f->writer, 5, "ann", "x");
    write_out(f);
    assert_true(segment_open(&f->reader, f->folder, f->file, f->writer.written, &f->error));
    const uint32_t counts[] = {(uint32_t)count - 1, 1, 1, 1};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        assert_int_equal(segment_read(&f->reader, &f->block, &f->error), SEGMENT_BLOCK);
        assert_int_equal(f->block.count, counts[i]);
    }
    assert_int_equal(segment_read(&f->reader, &f->block, &f->error), SEGMENT_END);
    free(large);
}

static void only_what_the_manifest_says_counts(void **state)
{
    struct fixture *f = *state;
    uint64_t offsets[4];
    three_blocks(f, offsets);
    assert_reads(f, offsets[2], "insert 1000 ann a-long-product; insert 1001 bob a-long-product; ");
    assert_reads(f, offsets[0], "");
}

static void a_torn_tail_is_told_and_the_rest_read(void **state)
{
    struct fixture *f = *state;
    uint64_t offsets[4];
    three_blocks(f, offsets);
    char *path = memory_format("%s/%s", f->path, f->file);
    assert_int_equal(truncate(path, (off_t)offsets[3] - 8), 0);
    assert_reads(f, UINT64_MAX, "insert 1000 ann a-long-product; insert 1001 bob a-long-product; "
                                "#it ends inside of its entries; ");
    assert_string_equal(f->error.advice, "lost with it: 1 entries with records of 1970-01-01T00:00:01.002Z to "
                                         "1970-01-01T00:00:01.002Z");
    assert_reads(f, offsets[2] + 48, "insert 1000 ann a-long-product; insert 1001 bob a-long-product; "
                                     "#it ends inside of its entries; ");
    assert_int_equal(truncate(path, (off_t)offsets[2] + 47), 0);
    assert_reads(f, UINT64_MAX, "insert 1000 ann a-long-product; insert 1001 bob a-long-product; "
                                "#it ends inside of its header; ");
    assert_string_equal(f->error.advice, "lost with it: the entries in 47 bytes");
    assert_refused(f, offsets[3], "it is shorter than the manifest says");
    free(path);
}

static void a_flipped_bit_costs_its_block_only(void **state)
{
    struct fixture *f = *state;
    uint64_t offsets[4];
    three_blocks(f, offsets);
    for (uint64_t at = offsets[1]; at < offsets[2]; at++) {
        state_flip(f->folder, f->file, at);
        assert_reads(f, offsets[3],
                     at < offsets[1] + 4    ? "insert 1000 ann a-long-product; #no block begins here; "
                                              "insert 1002 cleo a-long-product; "
                     : at < offsets[1] + 48 ? "insert 1000 ann a-long-product; #the sum of its header is wrong; "
                                              "insert 1002 cleo a-long-product; "
                                            : "insert 1000 ann a-long-product; #the sum of its entries is wrong; "
                                              "insert 1002 cleo a-long-product; ");
        state_flip(f->folder, f->file, at);
    }
    state_flip(f->folder, f->file, offsets[2]);
    assert_reads(f, offsets[3], "insert 1000 ann a-long-product; insert 1001 bob a-long-product; #no block begins here; ");
}

static void a_long_stretch_of_zeroes_is_passed_over(void **state)
{
    struct fixture *f = *state;
    (void)state_put(&f->writer, 1, "ann", "x");
    segment_close_block(&f->writer);
    uint64_t from = segment_length(&f->writer);
    for (int i = 0; i < 10000; i++)
        (void)state_put(&f->writer, 2 + i, "bob", "a-long-product");
    segment_close_block(&f->writer);
    uint64_t to = segment_length(&f->writer);
    assert_true(to - from > 400000);
    (void)state_put(&f->writer, 20000, "cleo", "x");
    write_out(f);
    char *zeroes = memory_new((size_t)(to - from));
    int file = openat(f->folder, f->file, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(file, zeroes, (size_t)(to - from), (off_t)from), to - from);
    (void)close(file);
    free(zeroes);
    assert_reads(f, UINT64_MAX, "insert 1 ann x; #no block begins here; insert 20000 cleo x; ");
}

static void the_next_block_is_found_wherever_it_begins(void **state)
{
    struct fixture *f = *state;
    for (size_t bytes = 65400; bytes < 65600; bytes += 8) { /* the search reads 64 KiB at a time */
        segment_writer_free(&f->writer);
        (void)unlinkat(f->folder, f->file, 0);
        segment_writer_init(&f->writer, f->folder, &f->name, &f->schema);
        char *key = memory_new(bytes);
        memset(key, 'k', bytes - sizeof(struct journal_entry));
        uint64_t first = segment_length(&f->writer);
        drop(&f->writer, key);
        segment_close_block(&f->writer);
        (void)state_put(&f->writer, 1, "ann", "x");
        write_out(f);
        state_flip(f->folder, f->file, first);
        assert_reads(f, UINT64_MAX, "#no block begins here; insert 1 ann x; ");
        free(key);
    }
}

static void padding_is_zero_whatever_was_there_before(void **state)
{
    struct fixture *f = *state;
    char key[1000];
    memset(key, 'k', sizeof key - 1);
    key[sizeof key - 1] = '\0';
    drop(&f->writer, key);
    segment_close_block(&f->writer);
    drop(&f->writer, "a");
    assert_int_equal(f->writer.block.size, 16);
    assert_memory_equal(f->writer.block.data + 8, "a\0\0\0\0\0\0\0", 8);
}

static void a_flipped_bit_in_the_header_is_told(void **state)
{
    struct fixture *f = *state;
    uint64_t offsets[4];
    three_blocks(f, offsets);
    for (uint64_t at = 0; at < offsets[0]; at++) {
        state_flip(f->folder, f->file, at);
        assert_refused(f, UINT64_MAX,
                       at < 8      ? "it is not a segment of Shoplane's journal, or its header is damaged"
                       : at == 8   ? "it is of a newer version: 5, or its header is damaged"
                       : at == 9   ? "it is of a newer version: 1025, or its header is damaged"
                       : at == 10  ? "it is of a newer version: 262145, or its header is damaged"
                       : at == 11  ? "it is of a newer version: 67108865, or its header is damaged"
                       : at == 13  ? "it ends inside of its header"
                       : at == 14  ? "it ends inside of its header"
                       : at == 15  ? "it ends inside of its header"
                                   : "its header is damaged");
        state_flip(f->folder, f->file, at);
    }
    assert_reads(f, offsets[1], "insert 1000 ann a-long-product; ");
}

static void another_file_in_its_place_is_told(void **state)
{
    struct fixture *f = *state;
    uint64_t offsets[4];
    assert_refused(f, UINT64_MAX, "it is missing");
    three_blocks(f, offsets);
    char text[4096];
    memset(text, 'x', sizeof text);
    state_file_write(f->folder, f->file, text, 0);
    assert_refused(f, UINT64_MAX, "its header can't be read: it ends too early");
    state_file_write(f->folder, f->file, text, sizeof text);
    assert_refused(f, UINT64_MAX, "it is not a segment of Shoplane's journal, or its header is damaged");
    assert_int_equal(unlinkat(f->folder, f->file, 0), 0);
    assert_int_equal(mkdirat(f->folder, f->file, 0700), 0);
    assert_refused(f, UINT64_MAX, "it is no file");
    assert_int_equal(unlinkat(f->folder, f->file, AT_REMOVEDIR), 0);
    assert_int_equal(symlinkat("/etc/passwd", f->folder, f->file), 0);
    assert_refused(f, UINT64_MAX, "it can't be opened: Too many levels of symbolic links");
}

static void a_newer_version_is_told(void **state)
{
    struct fixture *f = *state;
    uint64_t offsets[4];
    three_blocks(f, offsets);
    size_t size;
    char *bytes = state_file_read(f->folder, f->file, &size);
    bytes[8] = 2;
    uint64_t sum = hash_bytes(bytes, (size_t)offsets[0] - 8);
    memcpy(bytes + offsets[0] - 8, &sum, 8);
    state_file_write(f->folder, f->file, bytes, size);
    assert_refused(f, UINT64_MAX, "it is of a newer version: 2");
    free(bytes);
}

static void a_segment_under_another_name_is_told(void **state)
{
    struct fixture *f = *state;
    uint64_t offsets[4];
    three_blocks(f, offsets);
    char other[SEGMENT_NAME_MAX], was[SEGMENT_NAME_MAX];
    memcpy(was, f->file, sizeof was);
    f->name.sequence = 13;
    (void)segment_name_text(&f->name, other);
    assert_int_equal(renameat(f->folder, f->file, f->folder, other), 0);
    memcpy(f->file, other, sizeof other);
    assert_refused(f, UINT64_MAX, "it is another one by its header: product-0000000007-001-000012");
}

static void a_block_of_another_file_or_place_is_not_taken(void **state)
{
    struct fixture *f = *state;
    uint64_t offsets[4], others[4];
    three_blocks(f, offsets);
    size_t size;
    char *bytes = state_file_read(f->folder, f->file, &size);

    struct fixture other = *f;
    other.name.sequence = 13;
    (void)segment_name_text(&other.name, other.file);
    segment_writer_init(&other.writer, f->folder, &other.name, &f->schema);
    three_blocks(&other, others);
    segment_writer_free(&other.writer);
    assert_memory_equal(offsets, others, sizeof offsets);
    size_t other_size, block = (size_t)(offsets[2] - offsets[1]);
    char *other_bytes = state_file_read(f->folder, other.file, &other_size);

    char *broken = memory_new(size);
    memcpy(broken, bytes, size);
    memcpy(broken + offsets[1], other_bytes + offsets[1], block); /* the same place of another file */
    state_file_write(f->folder, f->file, broken, size);
    assert_reads(f, UINT64_MAX, "insert 1000 ann a-long-product; #the sum of its header is wrong; "
                                "insert 1002 cleo a-long-product; ");

    assert_int_equal(offsets[1] - offsets[0], block);
    memcpy(broken, bytes, size);
    memcpy(broken + offsets[1], bytes + offsets[0], block); /* another place of the same file */
    state_file_write(f->folder, f->file, broken, size);
    assert_reads(f, UINT64_MAX, "insert 1000 ann a-long-product; #the sum of its header is wrong; "
                                "insert 1002 cleo a-long-product; ");
    free(broken);
    free(other_bytes);
    free(bytes);
}

static void the_manifest_can_not_count_less_than_the_header(void **state)
{
    struct fixture *f = *state;
    uint64_t offsets[4];
    three_blocks(f, offsets);
    assert_refused(f, offsets[0] - 8, "its header is longer than what the manifest says of all of it");
}

/* Entries whose sums are right but who are no entries: made by the writer from a body that is not one. */
static void entries_that_are_none_are_told(void **state)
{
    struct fixture *f = *state;
    const size_t size = sizeof(struct state_record);
    char body[128];
    struct {
        const char *reason;
        size_t offset;
        uint64_t value; /* 8 bytes, in the body of a record and the key "ann" */
        size_t body_size;
        uint32_t key_size;
        uint32_t operation;
    } wrong[] = {
        {"a text lies outside of its entry", 16, (uint64_t)TEXT_LONG << 56 | (uint64_t)8 << 32 | 41, size + 16, 3, 1},
        {"a text lies outside of its entry", 16, (uint64_t)TEXT_LONG << 56 | (uint64_t)14 << 32 | 43, size + 16, 3, 1},
        {"a text lies outside of its entry", 16, (uint64_t)TEXT_LONG << 56 | (uint64_t)8 << 32 | 0xffffffff, size + 16, 3, 2},
        {"a text lies outside of its entry", 16, (uint64_t)TEXT_LONG << 56 | (uint64_t)0xffffff << 32 | 43, size + 16, 3, 1},
        {"a text is none", 16, (uint64_t)8 << 56, size + 16, 3, 1},
        {"a text is none", 16, (uint64_t)0xfe << 56, size + 16, 3, 1},
        {"a text is none", 16, (uint64_t)1 << 56 | 0x4141, size + 16, 3, 1},
        {"a text is none", 16, 1, size + 16, 3, 1},
        {"a bool is neither true nor false", 32, 2, size + 16, 3, 1},
        {"a key lies outside of its entry", 16, 0, size + 8, 17, 1},
        {"a key lies outside of its entry", 16, 0, size - 8, 3, 1},
        {"an operation is not known", 16, 0, size + 8, 3, 0},
        {"an operation is not known", 16, 0, size + 8, 3, 5},
        {"an operation is not known", 16, 0, size + 8, 3, 255},
    };
    char expected[512];
    struct buffer all = {0};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        memset(body, 0, sizeof body);
        memcpy(body + wrong[i].offset, &wrong[i].value, 8);
        memcpy(body + size, "ann", 3);
        uint32_t key = wrong[i].key_size <= wrong[i].body_size ? wrong[i].key_size : 3;
        size_t at = segment_put(&f->writer, JOURNAL_INSERT, 0, body, wrong[i].body_size, key);
        struct journal_entry *entry = (void *)(f->writer.block.data + at);
        entry->operation_key = wrong[i].operation << 24 | wrong[i].key_size;
        segment_close_block(&f->writer);
        (void)snprintf(expected, sizeof expected, "#%s; ", wrong[i].reason);
        buffer_put(&all, expected, strlen(expected));
    }
    static const uint32_t sizes[] = {0, 8, 52, 80, 0x80000000u};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        size_t at = state_put(&f->writer, 5, "ann", "");
        struct journal_entry *entry = (void *)(f->writer.block.data + at);
        entry->size = sizes[i];
        segment_close_block(&f->writer);
        buffer_literal(&all, "#the size of an entry is wrong; ");
    }
    (void)state_put(&f->writer, 5, "ann", "");
    f->writer.block_entries = 2;
    segment_close_block(&f->writer);
    buffer_literal(&all, "#the count of its entries is wrong; ");
    (void)state_put(&f->writer, 5, "ann", "");
    f->writer.block_newest_ms = 6;
    segment_close_block(&f->writer);
    buffer_literal(&all, "#the times of its records are not those it states; ");
    (void)state_put(&f->writer, 7, "ann", "");
    write_out(f);
    buffer_literal(&all, "insert 7 ann ; ");
    buffer_byte(&all, '\0');
    assert_reads(f, UINT64_MAX, all.data);
    buffer_free(&all);
}

/* Headers whose sum is right but whose text is not. */
static void a_header_that_says_nothing_of_use_is_refused(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *text, *what;
    } wrong[] = {
        {"lane Product\nwriter 7 1 4 12\nschema user 16\nsource x\n", "its header does not say whose it is"},
        {"lane product\nwriter 7 4 4 12\nschema user 16\nsource x\n", "its header does not say whose it is"},
        {"lane product\nwriter 0 1 4 12\nschema user 16\nsource x\n", "its header does not say whose it is"},
        {"lane product\nwriter 7 1 4 4294967296\nschema user 16\nsource x\n", "its header does not say whose it is"},
        {"lane product\nwriter 7 1 4 12\nschema user 16\nfield a b 1 1\nsource x\n",
         "its header is of no use: field \"a\" of a record is b of 1 bytes"},
        {"lane product\nwriter 7 1 4 12\nschema user 16\nsource x\nmore\n", "its header has more than it should"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct buffer header = {0};
        buffer_literal(&header, "SHPLJRNL\1\0\0\0....");
        buffer_put(&header, wrong[i].text, strlen(wrong[i].text));
        while (header.size % 8 != 0)
            buffer_byte(&header, '\n');
        uint32_t size = (uint32_t)header.size + 8;
        memcpy(header.data + 12, &size, 4);
        uint64_t sum = hash_bytes(header.data, header.size);
        buffer_put(&header, &sum, 8);
        state_file_write(f->folder, f->file, header.data, header.size);
        buffer_free(&header);
        assert_refused(f, UINT64_MAX, wrong[i].what);
    }
}

static void a_writer_never_takes_over_a_file(void **state)
{
    struct fixture *f = *state;
    state_file_write(f->folder, f->file, "mine", 4);
    (void)state_put(&f->writer, 7, "ann", "");
    segment_close_block(&f->writer);
    assert_false(segment_write(&f->writer, &f->error));
    assert_string_equal(f->error.what, "journal product-0000000007-001-000012 can't be written: File exists");
    size_t size;
    char *bytes = state_file_read(f->folder, f->file, &size);
    assert_int_equal(size, 4);
    free(bytes);
}

int main(void)
{
#define ON_FILES(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_written_in_one_way),
        ON_FILES(entries_come_back_in_order),
        ON_FILES(a_segment_without_entries_is_one),
        ON_FILES(drops_alone_have_no_times),
        ON_FILES(the_last_entry_can_be_taken_back_or_changed),
        ON_FILES(a_full_block_is_closed_before_the_next_entry),
        ON_FILES(only_what_the_manifest_says_counts),
        ON_FILES(a_torn_tail_is_told_and_the_rest_read),
        ON_FILES(a_flipped_bit_costs_its_block_only),
        ON_FILES(a_long_stretch_of_zeroes_is_passed_over),
        ON_FILES(the_next_block_is_found_wherever_it_begins),
        ON_FILES(padding_is_zero_whatever_was_there_before),
        ON_FILES(a_flipped_bit_in_the_header_is_told),
        ON_FILES(another_file_in_its_place_is_told),
        ON_FILES(a_newer_version_is_told),
        ON_FILES(a_segment_under_another_name_is_told),
        ON_FILES(a_block_of_another_file_or_place_is_not_taken),
        ON_FILES(the_manifest_can_not_count_less_than_the_header),
        ON_FILES(entries_that_are_none_are_told),
        ON_FILES(a_header_that_says_nothing_of_use_is_refused),
        ON_FILES(a_writer_never_takes_over_a_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
