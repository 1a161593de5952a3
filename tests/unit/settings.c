/* settings.c - a plugin's parameters: defaults, what is set, and what can't be. */
#include "plugin/settings.h"

#include <math.h>
#include <stdio.h>

#include "wrong_plugins.h"

struct settings {
    bool flag;
    int64_t whole;
    double share;
    int64_t price;
    const char *word;
    int32_t choice;
};
static const char *const words[] = {"either", "url", "site_search", NULL};
static const sl_param params[] = {
    SL_PARAM_BOOL(struct settings, flag, true, "a flag"),
    SL_PARAM_I64(struct settings, whole, 7, -5, 1e16, "a number"),
    SL_PARAM_F64(struct settings, share, 0.25, 0, 1, "a share"),
    {.name = "price", .help = "a price", .type = SL_MONEY, .offset = offsetof(struct settings, price), .default_number = 2.5,
     .min = 0, .max = 100},
    SL_PARAM_TEXT(struct settings, word, "a default", "a word"),
    SL_PARAM_CHOICE(struct settings, choice, "url", words, "what counts"),
    {0},
};

static struct param_setting given = {.place = {"shop.conf", 12}};
static struct error_list errors;

static struct settings *fill(const char *name)
{
    given.name = name;
    error_list_free(&errors);
    struct param_settings all = {&given, name == NULL ? 0 : 1, {"shop.conf", 11}};
    return settings_fill(params, sizeof(struct settings), &all, "lane \"basket\"", &errors);
}

static struct settings *fill_int(const char *name, int64_t integer)
{
    given.type = PARAM_INT;
    given.integer = integer;
    given.number = (double)integer;
    return fill(name);
}

static struct settings *fill_float(const char *name, double number)
{
    static char written[32];
    (void)snprintf(written, sizeof written, "%.2f", number);
    given.type = PARAM_FLOAT;
    given.text = written;
    given.number = number;
    return fill(name);
}

static struct settings *fill_text(const char *name, const char *text)
{
    given.type = PARAM_TEXT;
    given.text = text;
    return fill(name);
}

static void taken(struct settings *settings, bool good)
{
    assert_int_equal(errors.count, 0);
    assert_true(good);
    free(settings);
}
#define TAKEN(call, condition)           \
    do {                                 \
        struct settings *s = (call);     \
        taken(s, (condition));           \
    } while (0)

static void refused(struct settings *settings, const char *value, const char *advice)
{
    free(settings);
    char what[100], found[100];
    (void)snprintf(what, sizeof what, "parameter \"%s\" of lane \"basket\" has a value it can't have", given.name);
    (void)snprintf(found, sizeof found, "shop.conf:12: %s = %s", given.name, value);
    assert_int_equal(errors.count, 1);
    error_is(&errors.items[0], what, found, advice);
}

static int tear_down(void **state)
{
    (void)state;
    error_list_free(&errors);
    return 0;
}

static void what_is_not_set_has_its_default(void **state)
{
    (void)state;
    TAKEN(fill(NULL), s->flag && s->whole == 7 && s->share == 0.25 && s->price == 2500000 &&
                          strcmp(s->word, "a default") == 0 && s->choice == 1);
    struct param_settings none = {0};
    assert_null(settings_fill(NULL, 0, &none, "lane \"basket\"", &errors));
    assert_int_equal(errors.count, 0);
}

static void what_fits_is_taken(void **state)
{
    (void)state;
    given.type = PARAM_BOOL;
    given.flag = false;
    TAKEN(fill("flag"), !s->flag);
    TAKEN(fill_int("whole", -5), s->whole == -5);
    TAKEN(fill_int("whole", 9007199254740993), s->whole == 9007199254740993); /* no double has this value */
    TAKEN(fill_int("share", 1), s->share == 1);
    TAKEN(fill_float("share", 0.75), s->share == 0.75);
    TAKEN(fill_float("price", 19.99), s->price == 19990000);
    TAKEN(fill_int("price", 100), s->price == 100000000);
    TAKEN(fill_text("word", ""), s->word[0] == '\0');
    TAKEN(fill_text("choice", "site_search"), s->choice == 2);
    TAKEN(fill_text("choice", "either"), s->choice == 0);
}

static void what_is_out_of_range_is_refused(void **state)
{
    (void)state;
    refused(fill_int("whole", -6), "-6", "-5 to 1e+16: a number");
    refused(fill_int("share", 2), "2", "0 to 1: a share");
    refused(fill_float("share", 1.5), "1.50", "0 to 1: a share");
    refused(fill_float("share", -0.1), "-0.10", "0 to 1: a share");
    refused(fill_float("share", (double)NAN), "nan", "0 to 1: a share");
    refused(fill_float("price", 100.01), "100.01", "0 to 100: a price");
}

static void what_has_the_wrong_type_is_refused(void **state)
{
    (void)state;
    refused(fill_float("whole", 3.0), "3.00", "a whole number from -5 to 1e+16: a number");
    refused(fill_text("whole", "3"), "\"3\"", "a whole number from -5 to 1e+16: a number");
    refused(fill_text("share", "1"), "\"1\"", "a decimal number from 0 to 1: a share");
    refused(fill_int("flag", 1), "1", "true or false: a flag");
    refused(fill_int("word", 1), "1", "a text in quotes: a word");
    refused(fill_text("choice", "urls"), "\"urls\"", "\"either\", \"url\", \"site_search\": what counts");
    refused(fill_int("choice", 1), "1", "\"either\", \"url\", \"site_search\": what counts");
    given.type = PARAM_OTHER;
    refused(fill("price"), "a group or list", "a decimal number from 0 to 100: a price");
    given.type = PARAM_BOOL;
    given.flag = true;
    refused(fill("whole"), "true", "a whole number from -5 to 1e+16: a number");
}

static void an_unknown_name_lists_what_there_is(void **state)
{
    (void)state;
    free(fill_int("wohle", 3));
    assert_int_equal(errors.count, 1);
    error_is(&errors.items[0], "lane \"basket\" has no parameter \"wohle\"", "shop.conf:12: wohle = 3",
             "it has: flag, whole, share, price, word, choice");
    error_list_free(&errors);
    struct param_settings all = {&given, 1, {"shop.conf", 11}};
    assert_null(settings_fill(NULL, 0, &all, "lane \"basket\"", &errors));
    assert_string_equal(errors.items[0].advice, "it has none");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_set_has_its_default),
        cmocka_unit_test(what_fits_is_taken),
        cmocka_unit_test(what_is_out_of_range_is_refused),
        cmocka_unit_test(what_has_the_wrong_type_is_refused),
        cmocka_unit_test(an_unknown_name_lists_what_there_is),
    };
    return cmocka_run_group_tests(tests, NULL, tear_down);
}
