/* What kind of device: by user agent, by ua_parser's families, by dvce_type; and the memo. */
#include "snowplow/device_class.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define VIEW(text) ((sl_view){(text), strlen(text)})

static void is(sl_view found, const char *expected)
{
    if (found.size != strlen(expected) || memcmp(found.data, expected, found.size) != 0)
        fail_msg("%.*s instead of %s", (int)found.size, found.data, expected);
}

static void user_agents_tell_the_device(void **state)
{
    (void)state;
    const struct {
        const char *agent, *expected;
    } cases[] = {
        {"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/134.0.0.0 "
         "Safari/537.36",
         "Desktop"},
        {"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36",
         "Desktop"},
        {"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "Desktop"},
        {"Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 "
         "Mobile/15E148 Safari/604.1",
         "Phone"},
        {"Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Mobile "
         "Safari/537.36",
         "Phone"},
        {"Mozilla/5.0 (Linux; Android 13; SM-X200) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36",
         "Tablet"},
        {"Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.6 "
         "Mobile/15E148 Safari/604.1",
         "Tablet"},
        {"Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 (KHTML, like Gecko) "
         "Chrome/124.0.0.0 Mobile Safari/537.36 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
         "Robot"},
        {"Shop/4.2 (Android 14; Pixel 8)", "Phone"},
        {"curl/8.5.0", "Robot"},
        {"something else", "Unknown"},
        {"", "Unknown"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        is(device_class_of_agent(VIEW(cases[i].agent)), cases[i].expected);
}

static void ua_parser_families_tell_the_device(void **state)
{
    (void)state;
    is(device_class_of_ua_parser(VIEW("Mac"), VIEW("Mac OS X"), VIEW("Chrome")), "Desktop");
    is(device_class_of_ua_parser(VIEW("Other"), VIEW("Windows XP"), VIEW("IE")), "Desktop");
    is(device_class_of_ua_parser(VIEW("Other"), VIEW("Ubuntu"), VIEW("Firefox")), "Desktop");
    is(device_class_of_ua_parser(VIEW("iPhone"), VIEW("iOS"), VIEW("Mobile Safari")), "Phone");
    is(device_class_of_ua_parser(VIEW("iPad"), VIEW("iOS"), VIEW("Mobile Safari")), "Tablet");
    is(device_class_of_ua_parser(VIEW("Pixel 8"), VIEW("Android"), VIEW("Chrome Mobile")), "Phone");
    is(device_class_of_ua_parser(VIEW("Samsung SM-T510"), VIEW("Android"), VIEW("Chrome")), "Tablet");
    is(device_class_of_ua_parser(VIEW("Spider"), VIEW("Other"), VIEW("Googlebot")), "Robot");
    is(device_class_of_ua_parser(VIEW("Other"), VIEW("Other"), VIEW("Other")), "");
}

static void the_memo_gives_back_what_it_was_given(void **state)
{
    (void)state;
    struct device_memo *memo = calloc(1, sizeof *memo);
    struct device_memo_key key = device_memo_key(VIEW("agent"), VIEW("Computer"), VIEW("{}"));
    assert_int_equal(device_memo_get(memo, key).size, 0);
    device_memo_put(memo, key, VIEW("Desktop"));
    is(device_memo_get(memo, key), "Desktop");
    free(memo);
}

static void the_memo_tells_apart_all_that_it_depends_on(void **state)
{
    (void)state;
    struct device_memo *memo = calloc(1, sizeof *memo);
    device_memo_put(memo, device_memo_key(VIEW("ab"), VIEW("c"), VIEW("{}")), VIEW("Desktop"));
    assert_int_equal(device_memo_get(memo, device_memo_key(VIEW("a"), VIEW("bc"), VIEW("{}"))).size, 0);
    assert_int_equal(device_memo_get(memo, device_memo_key(VIEW("ab"), VIEW("c{"), VIEW("}"))).size, 0);
    assert_int_equal(device_memo_get(memo, device_memo_key(VIEW("ab"), VIEW("c"), VIEW("{} "))).size, 0);
    assert_int_equal(device_memo_get(memo, device_memo_key(VIEW("ab"), VIEW("d"), VIEW("{}"))).size, 0);
    free(memo);
}

static void the_memo_does_not_keep_what_is_too_long_for_it(void **state)
{
    (void)state;
    struct device_memo *memo = calloc(1, sizeof *memo);
    struct device_memo_key key = device_memo_key(VIEW("agent"), VIEW(""), VIEW(""));
    char text[DEVICE_MEMO_TEXT + 1];
    memset(text, 'x', sizeof text);
    device_memo_put(memo, key, (sl_view){text, sizeof text});
    assert_int_equal(device_memo_get(memo, key).size, 0);
    device_memo_put(memo, key, (sl_view){text, sizeof text - 1});
    assert_int_equal(device_memo_get(memo, key).size, sizeof text - 1);
    free(memo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(user_agents_tell_the_device),
        cmocka_unit_test(ua_parser_families_tell_the_device),
        cmocka_unit_test(the_memo_gives_back_what_it_was_given),
        cmocka_unit_test(the_memo_tells_apart_all_that_it_depends_on),
        cmocka_unit_test(the_memo_does_not_keep_what_is_too_long_for_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
