/* record_schema.c - what a record looks like survives as text, and is compared with what it looks like today. */
#include "state_fixture.h"

static void text_and_back_is_the_same(void **state)
{
    (void)state;
    struct record_schema schema = state_schema(), again, copy;
    struct buffer text = {0};
    struct error error;
    record_schema_write(&schema, &text);
    const char expected[] = "schema user 40\nfield id text 16 8\nfield price money 24 8\nfield sale bool 32 1\n"
                            "source events product_view; inputs id=product[0].id price=product[0].price; settings; version 0\n";
    assert_int_equal(text.size, sizeof expected - 1);
    assert_memory_equal(text.data, expected, text.size);
    buffer_literal(&text, "segment ...\n");

    const char *at = text.data;
    assert_true(record_schema_read(&again, &at, text.data + text.size, &error));
    assert_ptr_equal(at, text.data + sizeof expected - 1); /* at the line that is not of it */
    assert_schemas_equal(&schema, &again);
    record_schema_copy(&copy, &again);
    record_schema_free(&again);
    assert_schemas_equal(&schema, &copy);
    record_schema_free(&copy);
    record_schema_free(&schema);
    buffer_free(&text);
}

static void a_broken_line_is_refused_at_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t line; /* from 0 */
    } broken[] = {
        {"", 0},
        {"schema user 40", 0},
        {"schema user\nsource x\n", 0},
        {"schema User 40\nsource x\n", 0},
        {"schema sixteen_letters_ 40\nsource x\n", 0},
        {"schema user 8\nsource x\n", 0},
        {"schema user 42\nsource x\n", 0},
        {"schema user 72\nsource x\n", 0},
        {"schema user 040\nsource x\n", 0},
        {"schema user 40 \nsource x\n", 0},
        {"schema  user 40\nsource x\n", 0},
        {"schema user 40\n", 1},
        {"schema user 40\nsource x", 1},
        {"schema user 40\nsauce x\n", 1},
        {"schema user 40\nfield id text 16\nsource x\n", 1},
        {"schema user 40\nfield id text 16 8 8\nsource x\n", 1},
        {"schema user 40\nfield 1d text 16 8\nsource x\n", 1},
        {"schema user 40\nfield id texts 16 8\nsource x\n", 1},
        {"schema user 40\nfield id counts 16 8\nsource x\n", 1},
        {"schema user 40\nfield id text 16 4\nsource x\n", 1},
        {"schema user 40\nfield id text 8 8\nsource x\n", 1},  /* in the stamp */
        {"schema user 40\nfield id text 33 8\nsource x\n", 1}, /* behind the end */
        {"schema user 40\nfield id text -16 8\nsource x\n", 1},
        {"schema user 40\nfield id text 18446744073709551632 8\nsource x\n", 1},
        {"schema user 40\nfield id text 16 8\nfield id i64 24 8\nsource x\n", 2},
        {"schema user 40\nfield id text 16 8\nfield price i64 23 8\nsource x\n", 2},
    };
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        struct record_schema schema, empty;
        struct error error = {0};
        const char *at = broken[i].text, *end = at + strlen(at);
        assert_false(record_schema_read(&schema, &at, end, &error));
        assert_true(error.what[0] != '\0');
        memset(&empty, 0, sizeof empty);
        assert_memory_equal(&schema, &empty, sizeof empty);
        size_t line = 0;
        for (const char *byte = broken[i].text; byte < at; byte++)
            line += *byte == '\n';
        assert_int_equal(line, broken[i].line);
    }
    struct record_schema schema;
    struct error error;
    static const char zero[] = "schema user 16\nsource a\0b\n";
    const char *at = zero;
    assert_false(record_schema_read(&schema, &at, zero + sizeof zero - 1, &error));
}

static void more_fields_than_a_record_can_have_are_refused(void **state)
{
    (void)state;
    struct buffer text = {0};
    struct record_schema schema;
    struct error error;
    buffer_literal(&text, "schema user 64\n");
    for (int i = 0; i <= SCHEMA_FIELDS_MAX; i++)
        buffer_printf(&text, "field f%d u8 %d 1\n", i, 16 + i);
    buffer_literal(&text, "source x\n");
    const char *at = text.data;
    assert_false(record_schema_read(&schema, &at, text.data + text.size, &error));
    assert_string_equal(error.what, "a record has more than 32 fields");
    buffer_free(&text);
}

struct comparison {
    struct record_schema from, to;
    struct schema_copy copy;
    struct error error;
};

static int set_up(void **state)
{
    struct comparison *c = memory_new(sizeof *c);
    c->from = state_schema();
    c->to = state_schema();
    *state = c;
    return 0;
}

static int tear_down(void **state)
{
    struct comparison *c = *state;
    record_schema_free(&c->from);
    record_schema_free(&c->to);
    free(c);
    return 0;
}

static enum schema_fit compare(struct comparison *c)
{
    enum schema_fit fit = record_schema_compare(&c->from, &c->to, &c->copy, &c->error);
    assert_int_equal(fit, c->copy.fit);
    return fit;
}

static void source_is(struct comparison *c, const char *source)
{
    free(c->to.source);
    c->to.source = memory_text(source);
}

static void an_unchanged_record_is_kept_byte_for_byte(void **state)
{
    struct comparison *c = *state;
    char from[40], to[40];
    for (size_t i = 0; i < sizeof from; i++)
        from[i] = (char)i;
    assert_int_equal(compare(c), SCHEMA_SAME);
    assert_int_equal(c->copy.record_size, 40);
    record_schema_move(&c->copy, from, to);
    assert_memory_equal(from, to, 40);

    struct schema_field first = c->to.fields[0]; /* in which order they are declared is nothing to the bytes */
    c->to.fields[0] = c->to.fields[2];
    c->to.fields[2] = first;
    assert_int_equal(compare(c), SCHEMA_SAME);
}

static void a_record_is_copied_by_the_names_of_its_fields(void **state)
{
    struct comparison *c = *state;
    struct state_record from = {{1234, 99}, {77}, 42990000, true};
    struct {
        sl_stamp at;
        int64_t price;
        bool sale;
        char padding[7];
    } to, expected = {{1234, 99}, 42990000, true, {0}};
    c->to.record_size = 32;
    c->to.fields[0] = (struct schema_field){"price", SL_MONEY, 16, 8};
    c->to.fields[1] = (struct schema_field){"sale", SL_BOOL, 24, 1};
    c->to.field_count = 2;
    assert_int_equal(compare(c), SCHEMA_COPIED);
    assert_string_equal(c->error.what, "a record has 32 bytes instead of 40; field price moved from 24 to 16; "
                                       "field sale moved from 32 to 24; field id is dropped");
    memset(&to, 0xff, sizeof to);
    record_schema_move(&c->copy, &from, &to);
    assert_memory_equal(&to, &expected, sizeof to);
}

static void a_dropped_field_leaves_zeroes(void **state)
{
    struct comparison *c = *state;
    char from[40], to[40];
    memset(from, 1, sizeof from);
    c->to.field_count = 2;
    assert_int_equal(compare(c), SCHEMA_COPIED);
    assert_string_equal(c->error.what, "field sale is dropped");
    record_schema_move(&c->copy, from, to);
    assert_memory_equal(to, from, 32);
    assert_int_equal(to[32], 0);
}

static void an_i32_becomes_an_i64_with_its_sign(void **state)
{
    struct comparison *c = *state;
    char from[40] = {0}, to[40];
    int32_t narrow = -5;
    int64_t wide;
    c->from.fields[1] = (struct schema_field){"price", SL_I32, 24, 4};
    c->to.fields[1] = (struct schema_field){"price", SL_I64, 24, 8};
    memcpy(from + 24, &narrow, sizeof narrow);
    assert_int_equal(compare(c), SCHEMA_COPIED);
    assert_string_equal(c->error.what, "field price was i32 and is i64");
    record_schema_move(&c->copy, from, to);
    memcpy(&wide, to + 24, sizeof wide);
    assert_int_equal(wide, -5);
}

static void what_can_not_be_kept_says_why(void **state)
{
    struct comparison *c = *state;
    c->to.fields[1].type = SL_I64; /* money in micros is another number */
    assert_int_equal(compare(c), SCHEMA_NEITHER);
    assert_string_equal(c->error.what, "field price was money and is i64");
    c->from.fields[1].type = SL_I64; /* and no i64 is narrowed */
    c->to.fields[1] = (struct schema_field){"price", SL_I32, 24, 4};
    assert_int_equal(compare(c), SCHEMA_NEITHER);
    c->to.fields[1] = c->from.fields[1];
    assert_int_equal(compare(c), SCHEMA_SAME);

    (void)strcpy(c->to.fields[2].name, "bargain");
    assert_int_equal(compare(c), SCHEMA_NEITHER);
    assert_string_equal(c->error.what, "field bargain is new");
    (void)strcpy(c->to.fields[2].name, "sale");

    (void)strcpy(c->to.key, "session");
    assert_int_equal(compare(c), SCHEMA_NEITHER);
    assert_string_equal(c->error.what, "its key was user and is session");
}

static void another_source_names_the_part_that_changed(void **state)
{
    struct comparison *c = *state;
    source_is(c, "events product_view; inputs id=product[1].id price=product[0].price; settings; version 0");
    assert_int_equal(compare(c), SCHEMA_NEITHER);
    assert_string_equal(c->error.what, "what it takes from events was \"inputs id=product[0].id price=product[0].price\" "
                                       "and is \"inputs id=product[1].id price=product[0].price\"");
    source_is(c, "events product_view; inputs id=product[0].id price=product[0].price; settings; version 1");
    assert_int_equal(compare(c), SCHEMA_NEITHER);
    assert_string_equal(c->error.what, "what it takes from events was \"version 0\" and is \"version 1\"");
    source_is(c, "");
    assert_int_equal(compare(c), SCHEMA_NEITHER);
    assert_string_equal(c->error.what, "what it takes from events was \"events product_view\" and is \"\"");
    char *many = memory_new(5000);
    memset(many, 'x', 4999);
    source_is(c, many);
    free(many);
    assert_int_equal(compare(c), SCHEMA_NEITHER);
    assert_true(strlen(c->error.what) < 300);
}

int main(void)
{
#define COMPARING(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_and_back_is_the_same),
        cmocka_unit_test(a_broken_line_is_refused_at_its_place),
        cmocka_unit_test(more_fields_than_a_record_can_have_are_refused),
        COMPARING(an_unchanged_record_is_kept_byte_for_byte),
        COMPARING(a_record_is_copied_by_the_names_of_its_fields),
        COMPARING(a_dropped_field_leaves_zeroes),
        COMPARING(an_i32_becomes_an_i64_with_its_sign),
        COMPARING(what_can_not_be_kept_says_why),
        COMPARING(another_source_names_the_part_that_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
