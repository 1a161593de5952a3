/* engine_state.c - whole engines on durable state: killed, stopped, and started again with other numbers of workers and other
 * lanes, they leave what one leaves that ran through. Seeds are printed; LIVES_SEED and LIVES_SEEDS in the environment run others. */
#include "lives.h"

static const struct window_settings rolling[] = {{.name = "1m", .length_ms = 60000, .ttl_s = 100000},
                                                 {.name = "10m", .length_ms = 600000, .emit_ms = 7000, .ttl_s = 100000},
                                                 {0}};
static const struct window_settings session[] = {{.name = "session",
                                                  .session = true,
                                                  .gap_ms = 120000,
                                                  .max_ms = 600000,
                                                  .lateness_ms = 30000,
                                                  .emit_ms = 5000,
                                                  .ttl_s = 100000},
                                                 {0}};
static const struct window_settings wide[] = {{.name = "3m", .length_ms = 180000, .emit_ms = 1000, .ttl_s = 100000}, {0}};
static const sl_lane more_visits = VISITS_LANE(SL_KEY_USER, "more");

/* The first two lanes of the three are always there. */
static struct lane_set *set_of(int lanes)
{
    struct lane_set *set = visits_set_new();
    visits_lane_add(set, rolling);
    visits_lane_add(set, session);
    if (lanes > 2) {
        visits_lane_add(set, wide);
        set->lanes[2].table = &more_visits;
    }
    plan_seal(set->plan);
    return set;
}

static uint64_t seed;
static uint64_t random_below(uint64_t bound)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (seed >> 33) % bound;
}

/* Out of order by less than the disorder that is allowed for, with copies; nothing is late. */
static void topic_make(struct topic *topic, int events)
{
    *topic = (struct topic){0};
    int64_t now_ms = LIVES_T;
    for (int i = 0; i < events; i++) {
        char user[16], visit[16], page[40] = "";
        now_ms += (int64_t)random_below(random_below(40) == 0 ? 90000 : 2500);
        int64_t time_ms = now_ms - (int64_t)random_below(4000);
        (void)snprintf(user, sizeof user, "u%d", (int)random_below(25));
        (void)snprintf(visit, sizeof visit, "s%d", i / 60 + (int)random_below(8));
        if (random_below(3) != 0)
            (void)snprintf(page, sizeof page, "%s %d", random_below(2) == 0 ? "p" : "a page of the shop", (int)random_below(9));
        unsigned id = (unsigned)i;
        int partition = (int)random_below(LIVES_PARTITIONS);
        topic_add(topic, partition, time_ms, page_view_line(time_ms, id, user, visit, page));
        if (random_below(15) == 0) /* again, with another time */
            topic_add(topic, (int)random_below(LIVES_PARTITIONS), time_ms,
                      page_view_line(now_ms - (int64_t)random_below(4000), id, user, visit, page));
    }
}

/* What one without state leaves, with this number of workers. */
static struct world *undisturbed(const struct topic *topic, const struct lane_set *set)
{
    struct world *world = world_new();
    struct life life = {.topic = topic, .set = set, .world = world, .workers = 1, .batch = 20, .every = INT64_MAX / 2, .stop_after = -1};
    life_live(&life);
    return world;
}

static bool lives_equal(uint64_t number, int lanes_then)
{
    struct topic topic;
    seed = number * 7919 + 1;
    topic_make(&topic, 250 + (int)random_below(250));
    struct lane_set *before = set_of(2), *then = set_of(lanes_then);
    struct world *should = undisturbed(&topic, then), *is = world_new();
    int descriptor;
    char *folder = state_temporary(&descriptor);
    (void)close(descriptor);
    for (int lives = 1 + (int)random_below(4), i = 0; i <= lives; i++) {
        bool last = i == lives;
        struct life life = {.topic = &topic,
                            .set = i == 0 ? before : then,
                            .world = is,
                            .folder = folder,
                            .workers = 1 + (int)random_below(4),
                            .batch = 1 + random_below(12),
                            .chaos = random_below(2) == 0 ? 0 : random_below(1000000) + 1,
                            .every = 5 + (int64_t)random_below(90),
                            .stop_after = last ? -1 : (int64_t)random_below(200)};
        bool killed = life_run(&life, last || random_below(4) == 0 ? -1 : (int64_t)random_below(500));
        assert_false(last && killed);
    }
    size_t differ = worlds_differ(is, should);
    if (differ != 0 || is->older != 0)
        (void)fprintf(stderr, "LIVES_SEED=%llu lanes %d: %zu keys differ, %llu older (%s)\n", (unsigned long long)number, lanes_then,
                      differ, (unsigned long long)is->older, is->older_key);
    bool good = differ == 0 && is->older == 0 && atomic_load(&should->key_count) > 100;
    world_free(should);
    world_free(is);
    state_remove(folder);
    free(folder);
    lane_set_free(before);
    lane_set_free(then);
    topic_free(&topic);
    return good;
}

static void lives_of(int lanes_then, uint64_t seeds)
{
    const char *one = getenv("LIVES_SEED"), *many = getenv("LIVES_SEEDS");
    size_t wrong = 0;
    uint64_t from = one == NULL ? 1 : strtoull(one, NULL, 10);
    uint64_t count = one != NULL ? 1 : many != NULL ? strtoull(many, NULL, 10) : seeds;
    for (uint64_t number = from; number < from + count; number++)
        wrong += !lives_equal(number, lanes_then);
    assert_int_equal(wrong, 0);
}

static void killed_and_started_again_it_leaves_the_same(void **state)
{
    (void)state;
    lives_of(2, 30);
}

static void a_lane_that_is_new_is_filled_whatever_happens_meanwhile(void **state)
{
    (void)state;
    lives_of(3, 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_and_started_again_it_leaves_the_same),
        cmocka_unit_test(a_lane_that_is_new_is_filled_whatever_happens_meanwhile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
