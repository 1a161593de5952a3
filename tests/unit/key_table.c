/* key_table.c - keys and their logs: found by text, told apart where hashes meet, while others come and go. */
#include "engine/key_table.h"

#include "base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
    struct slab slab;
    struct texts texts;
    struct key_table table;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    texts_init(&f->texts, &f->slab);
    key_table_init(&f->table);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    key_table_free(&f->table);
    texts_free(&f->texts);
    slab_free(&f->slab);
    free(f);
    return 0;
}

static struct log *log_of(struct fixture *f, uint64_t hash, const char *key)
{
    struct log *log = slab_take(&f->slab, sizeof *log);
    memset(log, 0, sizeof *log);
    log->hash = (uint32_t)hash;
    log->tag = (uint16_t)(hash >> 48);
    log->key = text_hold(&f->texts, key, strlen(key));
    return log;
}

static struct log *find(const struct fixture *f, uint64_t hash, const char *key)
{
    return key_table_find(&f->table, hash, (sl_view){key, strlen(key)});
}

static void a_key_is_found_by_its_text_where_hashes_are_equal(void **state)
{
    struct fixture *f = *state;
    const uint64_t hash = 0xabcdef0123456789u;
    static const char *const keys[] = {"ann", "bob", "a shopper with a long name", "a shopper with a long namE", "an"};
    struct log *logs[5];
    for (size_t i = 0; i < 5; i++) {
        assert_null(find(f, hash, keys[i]));
        logs[i] = log_of(f, hash, keys[i]);
        key_table_add(&f->table, logs[i]);
    }
    for (size_t i = 0; i < 5; i++)
        assert_ptr_equal(find(f, hash, keys[i]), logs[i]);
    assert_null(find(f, hash, "anna"));
    for (size_t gone = 0; gone < 5; gone++) { /* each hole in the chain is closed */
        key_table_remove(&f->table, logs[gone]);
        for (size_t i = 0; i < 5; i++)
            assert_ptr_equal(find(f, hash, keys[i]), i <= gone ? NULL : logs[i]);
    }
    assert_int_equal(f->table.count, 0);
}

static void neighbours_with_other_hashes_are_not_taken_for_it(void **state)
{
    struct fixture *f = *state;
    /* The same place and the same top 16 bits, but another hash in between. */
    struct log *log = log_of(f, 0xffff000000000400u, "ann");
    key_table_add(&f->table, log);
    assert_null(find(f, 0xffff000080000400u, "ann"));
    assert_null(find(f, 0x0fff000000000400u, "ann"));
    assert_ptr_equal(find(f, 0xffff000000000400u, "ann"), log);
    assert_ptr_equal(key_table_guess(&f->table, 0x0400), log); /* a guess is by place only */
    assert_null(key_table_guess(&f->table, 0x0401));
}

static void a_chain_goes_on_at_the_beginning(void **state)
{
    struct fixture *f = *state;
    struct log *logs[50];
    char key[8];
    for (size_t i = 0; i < 50; i++) { /* all of them want the last place */
        (void)snprintf(key, sizeof key, "%zu", i);
        logs[i] = log_of(f, UINT64_MAX - (i % 3 << 50), key);
        key_table_add(&f->table, logs[i]);
    }
    for (size_t i = 0; i < 50; i += 2)
        key_table_remove(&f->table, logs[i]);
    for (size_t i = 0; i < 50; i++) {
        (void)snprintf(key, sizeof key, "%zu", i);
        assert_ptr_equal(find(f, UINT64_MAX - (i % 3 << 50), key), i % 2 == 0 ? NULL : logs[i]);
    }
}

/* Thousands of keys come and go, through several growths; real hashes and such that have few values. */
static void the_table_agrees_with_an_array(void **state)
{
    struct fixture *f = *state;
    enum { KEYS = 5000 };
    static struct log *logs[KEYS];
    memset(logs, 0, sizeof logs);
    uint64_t seed = 21;
    size_t count = 0;
    for (int step = 0; step < 100000; step++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        size_t at = (size_t)(seed >> 33) % KEYS;
        char key[24];
        (void)snprintf(key, sizeof key, "shopper %zu.", at); /* the point ends the number: texts have no zero */
        uint64_t hash = at % 4 == 0 ? at / 40 : hash_bytes(key, strlen(key));
        assert_ptr_equal(find(f, hash, key), logs[at]);
        bool more = (seed >> 60) < (step < 60000 ? 12u : 4u);
        if (more && logs[at] == NULL) {
            logs[at] = log_of(f, hash, key);
            key_table_add(&f->table, logs[at]);
            count++;
        } else if (!more && logs[at] != NULL) {
            key_table_remove(&f->table, logs[at]);
            text_drop(&f->texts, logs[at]->key);
            slab_give(&f->slab, logs[at], sizeof(struct log));
            logs[at] = NULL;
            count--;
        }
        assert_int_equal(f->table.count, count);
    }
    size_t at = 0, walked = 0;
    for (struct log *log; (log = key_table_next(&f->table, &at)) != NULL; walked++) {
        sl_view key = text_view(&log->key);
        size_t number = strtoul(key.data + strlen("shopper "), NULL, 10);
        assert_ptr_equal(logs[number], log);
    }
    assert_int_equal(walked, count);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_key_is_found_by_its_text_where_hashes_are_equal),
        TEST(neighbours_with_other_hashes_are_not_taken_for_it),
        TEST(a_chain_goes_on_at_the_beginning),
        TEST(the_table_agrees_with_an_array),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
