/* engine_state.c - whole engines on durable state: killed, stopped, and started again with other numbers of workers and other
 * lanes, they leave what one leaves that ran through. A seed that fails is printed; LIVES_SEED and LIVES_SEEDS in the
 * environment run others. */
#include "lives.h"

static const struct window_settings rolling[] = {{.name = "1m", .length_ms = 60000, .ttl_s = 100000},
                                                 {.name = "10m", .length_ms = 600000, .emit_ms = 7000, .burst = 3, .ttl_s = 100000},
                                                 {0}};
static const struct window_settings session[] = {{.name = "session",
                                                  .session = true,
                                                  .gap_ms = 120000,
                                                  .max_ms = 600000,
                                                  .lateness_ms = 30000,
                                                  .emit_ms = 5000,
                                                  .burst = 1,
                                                  .ttl_s = 100000},
                                                 {0}};
static const struct window_settings wide[] = {{.name = "3m", .length_ms = 180000, .emit_ms = 1000, .burst = 1, .ttl_s = 100000}, {0}};
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
        set->lanes[2].name = more_visits.name;
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
    struct life life = {
        .topic = topic, .set = set, .world = world, .workers = 1, .batch = 20, .every = INT64_MAX / 2, .stop_after = -1};
    life_live(&life);
    return world;
}

static int truncate_at(int folder, const char *name, off_t size)
{
    int file = openat(folder, name, O_RDWR | O_CLOEXEC);
    struct stat status;
    int result = file < 0 || fstat(file, &status) != 0 ? -1 : size >= status.st_size ? 0 : ftruncate(file, size);
    (void)close(file);
    return result;
}

/* A bit of one segment flips, or its end is gone. */
static void damage_one(const char *path)
{
    struct state_folder folder;
    struct error error, passed_over;
    assert_true(state_folder_open(&folder, path, &error));
    struct manifest *manifest = manifest_load(folder.folder, folder.path, &passed_over, &error);
    size_t lane = random_below(2);
    if (manifest != NULL && manifest->lanes[lane].segment_count > 0) {
        char name[SEGMENT_NAME_MAX];
        const struct manifest_lane *from = &manifest->lanes[lane];
        const struct manifest_segment *segment = &from->segments[random_below(from->segment_count)];
        struct stat status;
        bool there = fstatat(folder.journal, segment_name_text(&segment->name, name), &status, 0) == 0;
        if (there && random_below(3) == 0)
            assert_int_equal(truncate_at(folder.journal, name, (off_t)random_below(segment->bytes)), 0);
        else if (there && status.st_size > 0) /* it may have been cut before */
            state_flip(folder.journal, name, random_below((uint64_t)status.st_size));
    }
    manifest_free(manifest);
    state_folder_close(&folder);
}

static bool lives_equal(uint64_t number, int lanes_then, bool damage, bool live)
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
                            .event_clock_off = live,
                            .stop_after = last ? -1 : (int64_t)random_below(200)};
        if (damage && i > 0 && random_below(2) == 0)
            damage_one(folder);
        bool killed = life_run(&life, last || random_below(4) == 0 ? -1 : (int64_t)random_below(500));
        assert_false(last && killed);
    }
    size_t differ = worlds_differ(is, should);
    if (differ != 0 || is->older != 0)
        (void)fprintf(stderr, "LIVES_SEED=%llu lanes %d: %zu keys differ, %llu older (%s)\n", (unsigned long long)number,
                      lanes_then, differ, (unsigned long long)is->older, is->older_key);
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

static void lives_of(int lanes_then, bool damage, bool live, uint64_t seeds)
{
    const char *one = getenv("LIVES_SEED"), *many = getenv("LIVES_SEEDS");
    size_t wrong = 0;
    uint64_t from = one == NULL ? 1 : strtoull(one, NULL, 10);
    uint64_t count = one != NULL ? 1 : many != NULL ? strtoull(many, NULL, 10) : seeds;
    for (uint64_t number = from; number < from + count; number++)
        wrong += !lives_equal(number, lanes_then, damage, live);
    assert_int_equal(wrong, 0);
}

static void killed_and_started_again_it_leaves_the_same(void **state)
{
    (void)state;
    lives_of(2, false, false, 20);
}

static void a_lane_that_is_new_is_filled_whatever_happens_meanwhile(void **state)
{
    (void)state;
    lives_of(3, false, false, 20);
}

static void with_the_live_clock_it_leaves_the_same_too(void **state)
{
    (void)state;
    lives_of(3, false, true, 10);
}

static void what_is_damaged_is_filled_again_whatever_happens_meanwhile(void **state)
{
    (void)state;
    lives_of(2, true, false, 20);
}

/* ---- one start after the other, in this process ---- */

struct story {
    struct topic topic;
    struct lane_set *set;
    struct world *is, *should;
    char *folder;
    struct life life;
};

static void story_begin(struct story *story)
{
    int descriptor;
    seed = 5;
    topic_make(&story->topic, 300);
    story->set = set_of(2);
    story->should = undisturbed(&story->topic, story->set);
    story->is = world_new();
    story->folder = state_temporary(&descriptor);
    (void)close(descriptor);
    story->life = (struct life){.topic = &story->topic,
                                .set = story->set,
                                .world = story->is,
                                .folder = story->folder,
                                .workers = 2,
                                .batch = 5,
                                .every = 40,
                                .stop_after = 200};
    life_live(&story->life);
    assert_true(story->is->kept);
}

static void story_end(struct story *story)
{
    world_free(story->is);
    world_free(story->should);
    state_remove(story->folder);
    free(story->folder);
    lane_set_free(story->set);
    topic_free(&story->topic);
}

static void flip(int folder, const char *name, uint64_t bytes) { state_flip(folder, name, bytes - 9); }

static void shorten(int folder, const char *name, uint64_t bytes)
{
    int file = openat(folder, name, O_WRONLY | O_CLOEXEC);
    assert_true(file >= 0);
    assert_int_equal(ftruncate(file, (off_t)bytes - 9), 0);
    (void)close(file);
}

static void lose(int folder, const char *name, uint64_t bytes)
{
    (void)bytes;
    assert_int_equal(unlinkat(folder, name, 0), 0);
}

/* Each segment of the first lane. */
static void damage_all(const char *path, void (*damage)(int folder, const char *name, uint64_t bytes))
{
    struct state_folder folder;
    struct error error, passed_over;
    assert_true(state_folder_open(&folder, path, &error));
    struct manifest *manifest = manifest_load(folder.folder, folder.path, &passed_over, &error);
    assert_non_null(manifest);
    for (size_t s = 0; s < manifest->lanes[0].segment_count; s++) {
        char name[SEGMENT_NAME_MAX];
        damage(folder.journal, segment_name_text(&manifest->lanes[0].segments[s].name, name), manifest->lanes[0].segments[s].bytes);
    }
    manifest_free(manifest);
    state_folder_close(&folder);
}

static void a_clean_stop_is_gone_on_from_by_more_workers(void **state)
{
    (void)state;
    struct story story;
    story_begin(&story);
    story.life.workers = 3;
    story.life.stop_after = -1;
    life_live(&story.life);
    assert_true(story.is->kept);
    assert_true(story.is->restored > 20);
    assert_int_equal(worlds_differ(story.is, story.should), 0);
    story_end(&story);
}

/* And the next start does not find the damage again, when Kafka may not have the events any more. */
static void damage_is_healed_from_the_topic(void **state)
{
    (void)state;
    struct story story;
    story_begin(&story);
    damage_all(story.folder, flip);
    story.life.stop_after = -1; /* who stops before it is full has it all before him again */
    life_live(&story.life);
    assert_true(story.is->kept);
    assert_string_equal(story.is->error, "");
    story.life.first_kept = 60;
    life_live(&story.life);
    assert_string_equal(story.is->error, "");
    assert_true(story.is->kept);
    assert_int_equal(worlds_differ(story.is, story.should), 0);
    story_end(&story);
}

static void damage_that_the_topic_can_not_heal_is_refused_until_its_loss_is_accepted(void **state)
{
    (void)state;
    struct story story;
    story_begin(&story);
    damage_all(story.folder, flip);
    story.life.first_kept = 60;
    story.life.stop_after = -1;
    for (int tries = 0; tries < 2; tries++) { /* the second time is as the first */
        life_live(&story.life);
        assert_false(story.is->kept);
        assert_non_null(strstr(story.is->error, "visits are damaged"));
    }
    story.life.accept_loss = true;
    life_live(&story.life);
    assert_string_equal(story.is->error, "");
    assert_true(story.is->kept);
    story.life.accept_loss = false; /* once is enough */
    life_live(&story.life);
    assert_string_equal(story.is->error, "");
    assert_true(story.is->kept);
    story_end(&story);
}

/* Whoever waits for a checkpoint while the workers end is told that there is none. */
/* How many records a start has that lacks what the topic does not have any more. */
static uint64_t restored_after(void (*damage)(int folder, const char *name, uint64_t bytes))
{
    struct story story;
    story_begin(&story);
    damage_all(story.folder, damage);
    story.life.first_kept = 60;
    story.life.stop_after = -1;
    story.life.accept_loss = true;
    life_live(&story.life);
    assert_true(story.is->kept);
    uint64_t restored = story.is->restored;
    story_end(&story);
    return restored;
}

static void of_what_became_shorter_the_whole_is_used(void **state)
{
    (void)state;
    assert_true(restored_after(shorten) > restored_after(lose) + 10);
}

static void nobody_waits_for_a_checkpoint_that_can_not_be_made(void **state)
{
    (void)state;
    struct story story;
    story_begin(&story);
    for (int i = 0; i < 10; i++) {
        story.life.stop_after = -1;
        story.life.every = 1000; /* asks for one when all is taken: the workers are ending */
        life_live(&story.life);
        assert_true(story.is->kept);
    }
    story_end(&story);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_and_started_again_it_leaves_the_same),
        cmocka_unit_test(a_lane_that_is_new_is_filled_whatever_happens_meanwhile),
        cmocka_unit_test(with_the_live_clock_it_leaves_the_same_too),
        cmocka_unit_test(what_is_damaged_is_filled_again_whatever_happens_meanwhile),
        cmocka_unit_test(a_clean_stop_is_gone_on_from_by_more_workers),
        cmocka_unit_test(damage_is_healed_from_the_topic),
        cmocka_unit_test(damage_that_the_topic_can_not_heal_is_refused_until_its_loss_is_accepted),
        cmocka_unit_test(of_what_became_shorter_the_whole_is_used),
        cmocka_unit_test(nobody_waits_for_a_checkpoint_that_can_not_be_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
