/* manifest.c - what a checkpoint says survives as text and as a file; what is broken is refused with its line, and an older
 * generation stands in. */
#include "state_fixture.h"

#include "base/hash.h"
#include "state/manifest.h"

#include <inttypes.h>

static const char good[] =
    "shoplane state 1\n"                                                   /* 1 */
    "generation 7\n"                                                       /* 2 */
    "checkpoint 133\n"                                                     /* 3 */
    "written 2026-11-25T10:00:00.000Z\n"                                   /* 4 */
    "clock 1774522733451 owed 1774522730000\n"                             /* 5 */
    "set 9f3a\n"                                                           /* 6 */
    "topic snowplow-enriched-good\n"                                       /* 7 */
    "partition 0 12345 1774522733000\n"                                    /* 8 */
    "partition 1 - -\n"                                                    /* 9 */
    "lane product full 86400000\n"                                         /* 10 */
    "schema user 40\n"                                                     /* 11 */
    "field id text 16 8\n"                                                 /* 12 */
    "field price money 24 8\n"                                             /* 13 */
    "source events product_view; inputs id=product[0].id; version 0\n"     /* 14 */
    "segment 6 0 1 12 8192 4096 55 1774440000000 1774522733000\n"          /* 15 */
    "segment 7 0 2 0 4096 4096 3 - -\n"                                    /* 16 */
    "segment 7 1 2 0 4096 0 0 - -\n"                                       /* 17 */
    "lane cart off 3600000\n"                                              /* 18 */
    "schema session 16\n"                                                  /* 19 */
    "source \n"                                                            /* 20 */
    "stopped 0 12000\n"                                                    /* 21 */
    "stopped 1 -\n";                                                       /* 22, and the sum is 23 */

static void sum_add(struct buffer *text)
{
    buffer_printf(text, "end %016" PRIx64 "\n", hash_bytes(text->data, text->size));
}

/* `good` with line `number` replaced (NULL: left out) and the right sum. */
static struct buffer with_line(size_t number, const char *line)
{
    struct buffer text = {0};
    size_t at = 1;
    for (const char *from = good; *from != '\0'; at++) {
        const char *end = strchr(from, '\n') + 1;
        if (at != number)
            buffer_put(&text, from, (size_t)(end - from));
        else if (line != NULL)
            buffer_printf(&text, "%s\n", line);
        from = end;
    }
    sum_add(&text);
    return text;
}

static struct manifest *read_all_of(const struct buffer *text, struct error *error)
{
    memset(error, 0, sizeof *error);
    char *exact = memory_new(text->size == 0 ? 1 : text->size); /* a byte too far is seen by the address sanitizer */
    memcpy(exact, text->data, text->size);
    struct manifest *manifest = manifest_read_text(exact, text->size, "/state/manifest-7", error);
    free(exact);
    return manifest;
}

static struct manifest *good_manifest(void)
{
    struct error error;
    struct buffer text = with_line(0, NULL);
    struct manifest *manifest = read_all_of(&text, &error);
    assert_string_equal(error.what, "");
    assert_non_null(manifest);
    buffer_free(&text);
    return manifest;
}

static void every_number_of_the_text_is_where_it_belongs(void **state)
{
    (void)state;
    struct manifest *m = good_manifest();
    assert_int_equal(m->generation, 7);
    assert_int_equal(m->checkpoint, 133);
    assert_int_equal(m->written_ms, 1795600800000);
    assert_int_equal(m->clock_ms, 1774522733451);
    assert_int_equal(m->owed_ms, 1774522730000);
    assert_string_equal(m->set, "9f3a");
    assert_string_equal(m->topic, "snowplow-enriched-good");
    assert_int_equal(m->partition_count, 2);
    assert_int_equal(m->partitions[0].next, 12345);
    assert_int_equal(m->partitions[0].largest_ms, 1774522733000);
    assert_true(m->partitions[1].next < 0);
    assert_int_equal(m->partitions[1].largest_ms, INT64_MIN);
    assert_int_equal(m->lane_count, 2);
    const struct manifest_lane *product = &m->lanes[0], *cart = &m->lanes[1];
    assert_string_equal(product->name, "product");
    assert_int_equal(product->condition, LANE_FULL);
    assert_int_equal(product->longest_ms, 86400000);
    assert_int_equal(product->schema.field_count, 2);
    assert_null(product->stopped);
    assert_int_equal(product->segment_count, 3);
    const struct manifest_segment *first = &product->segments[0], *last = &product->segments[2];
    assert_string_equal(first->name.lane, "product");
    assert_true(first->name.generation == 6 && first->name.worker == 0 && first->name.workers == 1 &&
                first->name.sequence == 12);
    assert_true(first->bytes == 8192 && first->owed_from == 4096 && first->entries == 55);
    assert_true(first->oldest_ms == 1774440000000 && first->newest_ms == 1774522733000);
    assert_true(last->name.worker == 1 && last->name.workers == 2 && last->entries == 0);
    assert_true(last->oldest_ms == INT64_MAX && last->newest_ms == INT64_MIN);
    assert_int_equal(cart->condition, LANE_OFF);
    assert_string_equal(cart->schema.source, "");
    assert_true(cart->stopped[0] == 12000 && cart->stopped[1] < 0);
    manifest_free(m);
    manifest_free(NULL);
}

static void assert_same_text(const struct manifest *manifest, const char *expected)
{
    struct buffer text = {0}, with_sum = {0};
    manifest_write_text(manifest, &text);
    buffer_put(&with_sum, expected, strlen(expected));
    sum_add(&with_sum);
    assert_int_equal(text.size, with_sum.size);
    assert_memory_equal(text.data, with_sum.data, text.size);
    buffer_free(&text);
    buffer_free(&with_sum);
}

static void text_and_back_is_the_same(void **state)
{
    (void)state;
    struct manifest *manifest = good_manifest();
    assert_same_text(manifest, good);
    manifest_free(manifest);
}

static void a_manifest_of_nothing_is_one(void **state)
{
    (void)state;
    static const char nothing[] = "shoplane state 1\ngeneration 1\ncheckpoint 0\nwritten 1970-01-01T00:00:00.000Z\n"
                                  "clock - owed -\nset -\ntopic\n";
    struct manifest empty = {.generation = 1, .clock_ms = INT64_MIN, .owed_ms = INT64_MIN};
    struct error error;
    struct buffer text = {0};
    assert_same_text(&empty, nothing);
    manifest_write_text(&empty, &text);
    struct manifest *again = read_all_of(&text, &error);
    assert_non_null(again);
    assert_string_equal(again->set, "");
    assert_string_equal(again->topic, "");
    assert_int_equal(again->clock_ms, INT64_MIN);
    assert_same_text(again, nothing);
    manifest_free(again);
    buffer_free(&text);
}

static void times_before_and_after_leap_days_are_read(void **state)
{
    (void)state;
    static const int64_t times[] = {0, 1, -1, 951782400000, 951868799999, 951868800000, 1709164800000, 4107542399999,
                                    253402300799999, -62167219200000, 1772323199999, -2203891200001};
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        struct manifest manifest = {.generation = 1, .written_ms = times[i], .clock_ms = -5, .owed_ms = -5};
        struct buffer text = {0};
        struct error error;
        manifest_write_text(&manifest, &text);
        struct manifest *again = read_all_of(&text, &error);
        assert_non_null(again);
        assert_int_equal(again->written_ms, times[i]);
        assert_int_equal(again->clock_ms, -5);
        manifest_free(again);
        buffer_free(&text);
    }
}

static void a_broken_line_is_refused_and_named(void **state)
{
    (void)state;
    static const struct {
        size_t replaced;
        const char *by;
        size_t named;
        const char *what;
    } broken[] = {
        {1, "shoplane state 2", 1, "newer version"},
        {1, "shoplane state 0", 1, "version is no number"},
        {1, "shoplane state one", 1, "version is no number"},
        {1, "shoplane store 1", 1, "does not begin"},
        {1, NULL, 1, "does not begin"},
        {2, NULL, 2, "generation"},
        {2, "generation 0", 2, "generation"},
        {2, "generation -7", 2, "generation"},
        {2, "generation 07", 2, "generation"},
        {2, "generation +7", 2, "generation"},
        {2, "generation 18446744073709551616", 2, "generation"},
        {2, "generation 7 ", 2, "generation"},
        {2, "generation 7 8", 2, "generation"},
        {2, "generation", 2, "generation"},
        {2, "", 2, "generation"},
        {3, NULL, 3, "checkpoint"},
        {3, "checkpoint 1e3", 3, "checkpoint"},
        {3, "checkpoint 99999999999999999999999", 3, "checkpoint"},
        {4, "written 2026-02-29T10:00:00.000Z", 4, "written"},
        {4, "written 2026-13-01T10:00:00.000Z", 4, "written"},
        {4, "written 2026-00-01T10:00:00.000Z", 4, "written"},
        {4, "written 2026-11-25T24:00:00.000Z", 4, "written"},
        {4, "written 2026-11-25T10:00:00Z", 4, "written"},
        {4, "written 2026-11-25T10:00:00.000", 4, "written"},
        {4, "written 2026-11-25T10:00:00.000Zz", 4, "written"},
        {4, "written -205-11-25T10:00:00.000Z", 4, "written"},
        {4, "written 2026-11--5T10:00:00.000Z", 4, "written"},
        {4, "written  026-11-25T10:00:00.000Z", 4, "written"},
        {4, NULL, 4, "written"},
        {5, "clock 1774522733451 owed 1774522733452", 5, "clock"},
        {5, "clock - owed 1774522730000", 5, "clock"},
        {5, "clock 9223372036854775808 owed 1", 5, "clock"},
        {5, "clock -0 owed -1", 5, "clock"},
        {5, "clock 1774522733451", 5, "clock"},
        {5, "clock 1774522733451 held 1774522730000", 5, "clock"},
        {6, "set", 6, "set"},
        {6, "set a b", 6, "set"},
        {6, "set a\tb", 6, "set"},
        {6, "set 0123456789012345678901234567890123456789012345678901234567890123", 6, "set"},
        {7, "topic two words", 7, "topic"},
        {7, "topic ", 7, "topic"},
        {7, NULL, 7, "topic"},
        {8, "partition 1 12345 1774522733000", 8, "partitions are not"},
        {8, NULL, 8, "partitions are not"},
        {8, "partition 0 -2 1774522733000", 8, "partition"},
        {8, "partition 0 9223372036854775808 1774522733000", 8, "partition"},
        {8, "partition 0 12345", 8, "partition"},
        {8, "partition 4294967296 12345 -", 8, "partition"},
        {9, "partition 0 5 5", 9, "partitions are not"}, /* a duplicate */
        {9, "partition 2 5 5", 9, "partitions are not"},
        {9, "petition 1 5 5", 9, "not expected"},
        {10, "lane Product full 86400000", 10, "lane"},
        {10, "lane ../product full 86400000", 10, "lane"},
        {10, "lane product half 86400000", 10, "neither full"},
        {10, "lane product full -1", 10, "lane"},
        {10, "lane product full", 10, "lane"},
        {10, "lane product filling 9223372036854775808", 10, "lane"},
        {10, NULL, 10, "not expected"},
        {10, "lane product off 86400000", 18, "stopped"},
        {11, NULL, 11, "shape of a record"},
        {11, "schema user 32 1", 11, "shape of a record"},
        {12, "field id text 16 4", 12, "field"},
        {13, "field price money 20 8", 13, "share a name or bytes"},
        {14, NULL, 14, "source"},
        {15, "segment 8 0 1 12 8192 4096 55 1774440000000 1774522733000", 15, "not those"}, /* of a later generation */
        {15, "segment 0 0 1 12 8192 4096 55 1774440000000 1774522733000", 15, "not those"},
        {15, "segment 6 1 1 12 8192 4096 55 1774440000000 1774522733000", 15, "not those"},
        {15, "segment 6 0 0 12 8192 4096 55 1774440000000 1774522733000", 15, "not those"},
        {15, "segment 6 0 1 12 8192 8193 55 1774440000000 1774522733000", 15, "not those"},
        {15, "segment 6 0 1 12 8192 4096 1025 1774440000000 1774522733000", 15, "not those"},
        {15, "segment 6 0 4294967296 12 8192 4096 55 1774440000000 1774522733000", 15, "not those"},
        {15, "segment 6 0 1 12 9223372036854775808 4096 55 1774440000000 1774522733000", 15, "not those"},
        {15, "segment 6 0 1 12 8192 4096 55 1774440000000", 15, "not those"},
        {15, "segment 6 0 1 12 8192 4096 55 1774440000000 1774522733000 1", 15, "not those"},
        {15, "segment 6 0 1 12 8192 4096 55 1774522733000 1774440000000", 15, "not those"},
        {15, "segment 6 0 1 12 8192 4096 55 - 1774440000000", 15, "not those"},
        {15, "segment 6 0 1 12 8192 4096 55 9223372036854775807 -", 15, "not those"},
        {15, "segment 7 2 3 0 8192 4096 55 - -", 16, "once each"},
        {17, "segment 7 0 2 0 4096 4096 3 - -", 17, "once each"}, /* a duplicate */
        {18, "lane product full 86400000", 18, "twice"},
        {18, "lane cart full 3600000", 21, "not expected"},
        {20, "source", 20, "source"},
        {21, NULL, 21, "stopped"},
        {21, "stopped 1 12000", 21, "stopped"},
        {22, "stopped 0 12000", 22, "stopped"}, /* a duplicate */
        {22, "stopped 1 -1", 22, "stopped"},
        {22, NULL, 22, "stopped"},
        {22, "stopped 1 -\nstopped 2 -", 23, "not expected"},
        {22, "stopped 1 -\n", 23, "not expected"},
    };
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        struct buffer text = with_line(broken[i].replaced, broken[i].by);
        struct error error;
        char found[64];
        assert_null(read_all_of(&text, &error));
        (void)snprintf(found, sizeof found, "/state/manifest-7:%zu", broken[i].named);
        if (strcmp(error.found, found) != 0 || strstr(error.what, broken[i].what) == NULL)
            fail_msg("line %zu as \"%s\": %s (%s)", broken[i].replaced, broken[i].by, error.what, error.found);
        buffer_free(&text);
    }
}

static void no_byte_can_be_changed(void **state)
{
    (void)state;
    struct buffer text = with_line(0, NULL);
    struct error error;
    for (size_t i = 0; i < text.size; i++) {
        text.data[i] = (char)(text.data[i] ^ 1);
        assert_null(read_all_of(&text, &error));
        assert_true(error.what[0] != '\0' && error.found[0] != '\0');
        text.data[i] = (char)(text.data[i] ^ 1);
    }
    buffer_free(&text);
}

static void no_end_can_be_missing(void **state)
{
    (void)state;
    struct buffer text = with_line(0, NULL);
    struct error error;
    size_t size = text.size;
    for (text.size = 0; text.size < size; text.size++)
        assert_null(read_all_of(&text, &error));
    assert_string_equal(error.what, "the manifest can't be used: it does not end with its sum: it was cut off");
    text.size = size;
    buffer_byte(&text, '\n'); /* nor can there be more */
    assert_null(read_all_of(&text, &error));
    text.size = size;
    text.data[40] = (char)(text.data[40] ^ 1);
    assert_null(read_all_of(&text, &error));
    assert_string_equal(error.what, "the manifest can't be used: its sum is wrong: it is damaged, or was changed by hand");
    assert_string_equal(error.found, "/state/manifest-7:23");
    buffer_free(&text);
}

/* ---- as files ---- */

struct fixture {
    char *path;
    int folder;
    struct manifest *manifest; /* of generation 7 */
    struct error passed_over, error;
};

static int set_up(void **state)
{
    struct fixture *f = memory_new(sizeof *f);
    f->path = state_temporary(&f->folder);
    f->manifest = good_manifest();
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    manifest_free(f->manifest);
    (void)close(f->folder);
    state_remove(f->path);
    free(f->path);
    free(f);
    return 0;
}

static void store(struct fixture *f, uint64_t generation, uint64_t checkpoint)
{
    f->manifest->generation = generation;
    f->manifest->checkpoint = checkpoint;
    assert_true(manifest_store(f->folder, f->manifest, true, &f->error));
}

static void assert_loads(struct fixture *f, uint64_t generation, uint64_t checkpoint)
{
    struct manifest *manifest = manifest_load(f->folder, f->path, &f->passed_over, &f->error);
    assert_string_equal(f->error.what, "");
    assert_non_null(manifest);
    assert_int_equal(manifest->generation, generation);
    assert_int_equal(manifest->checkpoint, checkpoint);
    manifest_free(manifest);
}

static void a_new_folder_has_none_and_no_error(void **state)
{
    struct fixture *f = *state;
    assert_null(manifest_load(f->folder, f->path, &f->passed_over, &f->error));
    assert_string_equal(f->error.what, "");
    assert_string_equal(f->passed_over.what, "");
    assert_int_equal(manifest_highest_generation(f->folder), 0);
}

static void segments_without_a_manifest_are_no_new_folder(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(mkdirat(f->folder, "journal", 0700), 0);
    state_file_write(f->folder, "journal/notes", "x", 1);
    state_file_write(f->folder, "manifest-3.new", "x", 1);
    assert_null(manifest_load(f->folder, f->path, &f->passed_over, &f->error));
    assert_string_equal(f->error.what, "");
    state_file_write(f->folder, "journal/product-0000000003-000-000002", "x", 1);
    assert_null(manifest_load(f->folder, f->path, &f->passed_over, &f->error));
    assert_string_equal(f->error.what,
                        "the manifest of the state is gone: there are journals, and nothing says what of them counts");
    assert_non_null(strstr(f->error.found, f->path));
    assert_non_null(strstr(f->error.found, "1 file in journal/, such as product-0000000003-000-000002"));
    assert_non_null(strstr(f->error.advice, "shoplane state restore"));
    store(f, 8, 0);
    assert_loads(f, 8, 0);
}

static void the_highest_generation_counts_and_its_last_checkpoint(void **state)
{
    struct fixture *f = *state;
    store(f, 7, 133);
    store(f, 7, 134);
    assert_loads(f, 7, 134);
    store(f, 10, 1);
    store(f, 7, 135); /* of a process that was overtaken */
    assert_loads(f, 10, 1);
    assert_string_equal(f->passed_over.what, "");
    assert_true(manifest_store(f->folder, f->manifest, false, &f->error));
    assert_int_equal(manifest_highest_generation(f->folder), 10);
}

static void a_damaged_one_is_passed_over_and_named(void **state)
{
    struct fixture *f = *state;
    char text[1024];
    store(f, 7, 133);
    store(f, 8, 1);
    store(f, 9, 2);
    state_flip(f->folder, "manifest-9", 100);
    assert_loads(f, 8, 1);
    assert_non_null(strstr(f->passed_over.what, "its sum is wrong"));
    (void)snprintf(text, sizeof text, "%s/manifest-9:23", f->path);
    assert_string_equal(f->passed_over.found, text);
    assert_string_equal(f->passed_over.advice, "generation 8, checkpoint 1, is used instead");

    state_file_write(f->folder, "manifest-8", "", 0);
    assert_loads(f, 7, 133);
    assert_non_null(strstr(f->passed_over.found, "manifest-9")); /* the newest is what was lost */

    state_flip(f->folder, "manifest-7", 100);
    assert_null(manifest_load(f->folder, f->path, &f->passed_over, &f->error));
    assert_non_null(strstr(f->error.what, "its sum is wrong"));
    assert_string_equal(f->error.found, text);
    assert_string_equal(f->passed_over.what, "");
    store(f, 9, 3); /* a new one heals it */
    assert_loads(f, 9, 3);
}

static void what_is_no_manifest_is_not_taken_for_one(void **state)
{
    struct fixture *f = *state;
    static const char *const others[] = {"manifest-08", "manifest-8.new", "manifest-8~", "manifest-0", "manifest--1",
                                         "manifest-18446744073709551616", "manifest-", "manifest"};
    store(f, 7, 133);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        state_file_write(f->folder, others[i], "x", 1);
    assert_loads(f, 7, 133);
    assert_string_equal(f->passed_over.what, "");

    assert_int_equal(symlinkat("manifest-7", f->folder, "manifest-8"), 0);
    assert_int_equal(mkdirat(f->folder, "manifest-9", 0700), 0);
    assert_loads(f, 7, 133);
    assert_non_null(strstr(f->passed_over.found, "manifest-9"));
}

static void a_manifest_under_another_number_is_refused(void **state)
{
    struct fixture *f = *state;
    store(f, 7, 133);
    assert_int_equal(renameat(f->folder, "manifest-7", f->folder, "manifest-8"), 0);
    assert_null(manifest_load(f->folder, f->path, &f->passed_over, &f->error));
    assert_string_equal(f->error.what, "the manifest can't be used: it is of generation 7");
}

static void what_could_not_be_read_back_is_not_stored(void **state)
{
    struct fixture *f = *state;
    store(f, 7, 133);
    f->manifest->owed_ms = f->manifest->clock_ms + 1;
    assert_false(manifest_store(f->folder, f->manifest, true, &f->error));
    assert_non_null(strstr(f->error.what, "clock"));
    assert_loads(f, 7, 133);
}

static void segments_and_unfinished_manifests_count_for_the_highest_generation(void **state)
{
    struct fixture *f = *state;
    store(f, 7, 133);
    state_file_write(f->folder, "manifest-9.new", "x", 1);
    assert_int_equal(manifest_highest_generation(f->folder), 9);
    assert_int_equal(mkdirat(f->folder, "journal", 0700), 0);
    int journal = openat(f->folder, "journal", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    state_file_write(journal, "product-0000000012-000-000000", "x", 1);
    state_file_write(journal, "product-0000000013-000-000000.old", "x", 1);
    (void)close(journal);
    assert_int_equal(manifest_highest_generation(f->folder), 12);
}

static void older_generations_are_forgotten(void **state)
{
    struct fixture *f = *state;
    store(f, 7, 133);
    store(f, 8, 1);
    store(f, 9, 1);
    state_file_write(f->folder, "manifest-6.new", "x", 1);
    state_file_write(f->folder, "manifest-9.new", "x", 1);
    state_file_write(f->folder, "manifest-7.kept", "x", 1);
    manifest_forget_before(f->folder, 9);
    assert_loads(f, 9, 1);
    static const struct {
        const char *name;
        bool there;
    } files[] = {{"manifest-7", false},     {"manifest-8", false},    {"manifest-9", true},
                 {"manifest-6.new", false}, {"manifest-9.new", true}, {"manifest-7.kept", true}};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        assert_int_equal(faccessat(f->folder, files[i].name, F_OK, 0) == 0, files[i].there);
}

int main(void)
{
#define ON_FILES(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_number_of_the_text_is_where_it_belongs),
        cmocka_unit_test(text_and_back_is_the_same),
        cmocka_unit_test(a_manifest_of_nothing_is_one),
        cmocka_unit_test(times_before_and_after_leap_days_are_read),
        cmocka_unit_test(a_broken_line_is_refused_and_named),
        cmocka_unit_test(no_byte_can_be_changed),
        cmocka_unit_test(no_end_can_be_missing),
        ON_FILES(a_new_folder_has_none_and_no_error),
        ON_FILES(segments_without_a_manifest_are_no_new_folder),
        ON_FILES(the_highest_generation_counts_and_its_last_checkpoint),
        ON_FILES(a_damaged_one_is_passed_over_and_named),
        ON_FILES(what_is_no_manifest_is_not_taken_for_one),
        ON_FILES(a_manifest_under_another_number_is_refused),
        ON_FILES(what_could_not_be_read_back_is_not_stored),
        ON_FILES(segments_and_unfinished_manifests_count_for_the_highest_generation),
        ON_FILES(older_generations_are_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
