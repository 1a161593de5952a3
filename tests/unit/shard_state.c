/* shard_state.c - shards that are cut, thrown away, and restored from their journals into another number of shards: in the end
 * they have written what one wrote that nothing happened to. Random streams on one thread, so a seed says all: SHARD_SEED and
 * SHARD_SEEDS in the environment run others. The sinks and the Redis behind them are those of lives.h. */
#include "lives.h"

#include "base/hash.h"
#include "base/text_handle.h"
#include "engine/restore.h"
#include "engine/worker.h"

#define SHARDS_MAX 4
#define ENTRIES    600
#define SECOND     1000

static const struct window_settings rolling[] = {{.name = "1m", .length_ms = 60 * SECOND, .ttl_s = 100000},
                                                 {.name = "10m",
                                                  .length_ms = 600 * SECOND,
                                                  .emit_ms = 7 * SECOND,
                                                  .burst = 1,
                                                  .ttl_s = 100000},
                                                 {0}};
static const struct window_settings session[] = {{.name = "session",
                                                  .session = true,
                                                  .gap_ms = 60 * SECOND,
                                                  .max_ms = 300 * SECOND,
                                                  .lateness_ms = 20 * SECOND,
                                                  .emit_ms = 5 * SECOND,
                                                  .burst = 1,
                                                  .ttl_s = 100000},
                                                 {0}};

static uint64_t seed;
static uint64_t random_below(uint64_t bound)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (seed >> 33) % bound;
}

/* ---- the stream ---- */

struct happening {
    size_t lane;
    char key[16], page[40];
    int64_t time_ms, clock_ms;
    uint64_t id;
};

/* Copies of events that were there long ago, or with another time; events that are late. */
static void stream_make(struct happening *stream)
{
    int64_t now_ms = LIVES_T;
    for (size_t i = 0; i < ENTRIES; i++) {
        struct happening *one = &stream[i];
        now_ms += (int64_t)random_below(random_below(30) == 0 ? 200 * SECOND : 4 * SECOND);
        *one = (struct happening){.lane = random_below(2), .clock_ms = now_ms - 5 * SECOND, .id = i * 77 + 1};
        /* Of sessions: before they are over. What comes later is not written, but would be known after a restart. */
        uint64_t latest = one->lane == 0 ? 500 * SECOND : 50 * SECOND;
        one->time_ms = now_ms - (int64_t)random_below(random_below(10) != 0 ? 9 * SECOND : latest);
        if (one->lane == 0)
            (void)snprintf(one->key, sizeof one->key, "u%d", (int)random_below(9));
        else
            (void)snprintf(one->key, sizeof one->key, "s%d", (int)(i / 100 + random_below(5)));
        (void)snprintf(one->page, sizeof one->page, "%s %d", random_below(2) == 0 ? "p" : "a page of the shop",
                       (int)random_below(9));
        size_t back = random_below(random_below(2) == 0 ? 20 : 200) + 1;
        if (random_below(6) == 0 && back <= i && stream[i - back].lane == one->lane &&
            (one->lane == 0 || stream[i - back].time_ms > now_ms - 50 * SECOND)) {
            memcpy(one->key, stream[i - back].key, sizeof one->key);
            one->id = stream[i - back].id;
            if (one->lane == 1 || random_below(2) == 0)
                one->time_ms = stream[i - back].time_ms - (one->lane == 1 ? (int64_t)random_below(2 * SECOND) : 0);
        }
    }
}

/* ---- shards, and the manifest that a checkpoint of them would store ---- */

struct house {
    struct engine_settings settings;
    struct worker workers[SHARDS_MAX];
    struct life life; /* for the sinks */
    int64_t monotonic_ms;
};

static struct lane_set *set;
static struct state_folder folder;

static void house_open(struct house *house, struct world *world, int shards, bool event_clock, uint64_t chaos,
                       struct state_plan *plan, struct topic_source *source)
{
    memset(house, 0, sizeof *house);
    house->life = (struct life){.world = world, .chaos = chaos};
    house->settings = (struct engine_settings){.set = set,
                                               .source = &source->source,
                                               .workers = shards,
                                               .clock = event_clock ? CLOCK_EVENT : CLOCK_LIVE,
                                               .open_sink = life_open_sink,
                                               .sink_context = &house->life,
                                               .state = plan};
    for (int i = 0; i < shards; i++) {
        worker_init(&house->workers[i], &house->settings, house->workers, i);
        restore_worker(&house->workers[i]);
        if (house->workers[i].shard.send_ms > house->monotonic_ms)
            house->monotonic_ms = house->workers[i].shard.send_ms;
    }
}

static void house_close(struct house *house)
{
    for (int i = 0; i < house->settings.workers; i++)
        worker_free(&house->workers[i]);
}

/* One event: to whom it belongs; all learn the clock. */
static void house_take(struct house *house, const struct happening *one)
{
    const struct set_lane *lane = &set->lanes[one->lane];
    struct parcel parcel = {.clock_ms = one->clock_ms};
    size_t key_size = strlen(one->key), page_size = strlen(one->page);
    uint64_t hash = hash_seeded(one->key, key_size, (uint64_t)lane->table->key);
    struct entry entry = {.key_hash = hash,
                          .clock_ms = one->clock_ms,
                          .key_size = (uint32_t)key_size,
                          .lane = (uint16_t)one->lane,
                          .record_size = sizeof(struct visit)};
    struct visit visit = {.at = {one->time_ms, one->id}};
    visit.page = page_size <= TEXT_INLINE_MAX ? text_inline(one->page, page_size)
                                              : text_long((uint64_t)page_size << 32 | (sizeof visit + key_size));
    struct buffer *out = &parcel.entries;
    buffer_put(out, &entry, sizeof entry);
    buffer_put(out, &visit, sizeof visit);
    buffer_put(out, one->key, key_size);
    if (page_size > TEXT_INLINE_MAX)
        buffer_put(out, one->page, page_size);
    while (out->size % 8 != 0)
        buffer_byte(out, 0);
    ((struct entry *)(void *)out->data)->size = (uint32_t)out->size;
    for (int i = 0; i < house->settings.workers; i++) {
        struct parcel none = {.clock_ms = one->clock_ms};
        bool owner = (hash >> 32) % (uint64_t)house->settings.workers == (uint64_t)i;
        shard_apply(&house->workers[i].shard, owner ? &parcel : &none, INT64_MAX);
    }
    buffer_free(out);
}

/* Events whose values a former house wrote are only read again. */
static void house_mute(struct house *house, bool muted)
{
    for (int i = 0; i < house->settings.workers; i++) {
        struct shard *shard = &house->workers[i].shard;
        if (shard->muted && !muted)
            shard_reread(shard);
        shard->muted = muted;
    }
}

static void house_send(struct house *house)
{
    house->monotonic_ms += (int64_t)random_below(3 * SECOND);
    for (int i = 0; i < house->settings.workers; i++) {
        (void)shard_send(&house->workers[i].shard, house->monotonic_ms);
        (void)sink_poll(house->workers[i].sink, 0);
    }
}

static void house_finish(struct house *house)
{
    for (int i = 0; i < house->settings.workers; i++) {
        struct shard *shard = &house->workers[i].shard;
        shard_release(shard);
        for (int tries = 0; !sink_poll(shard->sink, 0) || shard->owed.count > 0 || shard->touched.count > 0; tries++) {
            assert_true(tries < 10000);
            (void)shard_send(shard, house->monotonic_ms);
        }
        if (shard->event_clock)
            continue;
        /* Changes of a session that is over wait for their interval, in vain: then whatever was opened is closed. */
        do
            (void)shard_send(shard, house->monotonic_ms + 60 * SECOND);
        while (!sink_poll(shard->sink, 0) || shard->owed.count > 0);
        assert_null(ledger_oldest(&shard->ledger));
    }
}

/* Cut all shards: what a manifest would say. `before`: the last one's. */
static struct manifest *house_cut(struct house *house, const struct state_plan *plan, const struct manifest *before)
{
    struct manifest *manifest = memory_new(sizeof *manifest);
    struct journal_cut cuts[SHARDS_MAX][2];
    bool former_owed = false;
    *manifest = (struct manifest){.generation = plan->generation, .clock_ms = INT64_MIN, .owed_ms = INT64_MAX, .lane_count = 2};
    manifest->lanes = memory_new(2 * sizeof *manifest->lanes);
    memset(cuts, 0, sizeof cuts);
    for (int i = 0; i < house->settings.workers; i++) {
        struct shard *shard = &house->workers[i].shard;
        struct error error;
        int64_t owed_ms;
        bool owed;
        assert_true(shard_cut(shard, cuts[i], &owed_ms, &owed, &error));
        former_owed = former_owed || owed;
        manifest->clock_ms = shard->clock_ms > manifest->clock_ms ? shard->clock_ms : manifest->clock_ms;
        manifest->owed_ms = owed_ms < manifest->owed_ms ? owed_ms : manifest->owed_ms;
    }
    for (size_t l = 0; l < 2; l++) {
        struct manifest_lane *lane = &manifest->lanes[l];
        const struct manifest_lane *then = before == NULL ? NULL : &before->lanes[l];
        size_t most = then == NULL ? 0 : then->segment_count;
        for (int i = 0; i < house->settings.workers; i++)
            most += cuts[i][l].segment_count;
        (void)snprintf(lane->name, sizeof lane->name, "%s", set->lanes[l].table->name);
        lane->longest_ms = lane_keep_ms(&set->lanes[l]);
        record_schema_copy(&lane->schema, &plan->lanes[l].schema);
        lane->segments = memory_new((most + 1) * sizeof *lane->segments);
        for (size_t s = 0; then != NULL && s < then->segment_count; s++) {
            struct manifest_segment segment = then->segments[s];
            if (segment.name.generation == plan->generation)
                continue;
            segment.owed_from = former_owed ? segment.owed_from : segment.bytes;
            lane->segments[lane->segment_count++] = segment;
        }
        for (int i = 0; i < house->settings.workers; i++) {
            for (size_t s = 0; s < cuts[i][l].segment_count; s++)
                lane->segments[lane->segment_count++] = cuts[i][l].segments[s];
            for (size_t f = 0; f < cuts[i][l].file_count; f++)
                if (cuts[i][l].files[f].ended)
                    (void)close(cuts[i][l].files[f].file);
            free(cuts[i][l].segments);
        }
    }
    if (manifest->owed_ms == SHARD_BEGINNING_MS)
        manifest->owed_ms = INT64_MIN;
    if (manifest->clock_ms == SHARD_BEGINNING_MS)
        manifest->clock_ms = INT64_MIN;
    return manifest;
}

static void plan_make(struct state_plan *plan, const struct manifest *manifest)
{
    static uint64_t generation;
    state_plan_make(plan, set, manifest);
    plan->folder = &folder;
    plan->generation = ++generation;
}

static bool same_in_the_end(uint64_t number)
{
    struct happening *stream = memory_new(ENTRIES * sizeof *stream);
    struct topic none = {0};
    struct topic_source *source = topic_source_new(&none, 1, 1);
    struct world *should = world_new(), *is = world_new();
    struct house *house = memory_new(sizeof *house);
    struct manifest *manifest = NULL;
    struct state_plan plan;
    seed = number * 7919 + 3;
    bool event_clock = random_below(2) == 0;
    stream_make(stream);

    house_open(house, should, 1, event_clock, 0, NULL, source);
    for (size_t i = 0; i < ENTRIES; i++) {
        house_take(house, &stream[i]);
        house_send(house);
    }
    house_finish(house);
    house_close(house);

    size_t cut_at = 0, written = 0;
    for (int lives = 1 + (int)random_below(4), life = 0; life <= lives; life++) {
        size_t end = life == lives ? ENTRIES : cut_at + random_below(ENTRIES - cut_at), cut_every = 1 + random_below(120);
        plan_make(&plan, manifest);
        struct manifest *now = NULL;
        house_open(house, is, 1 + (int)random_below(SHARDS_MAX), event_clock, random_below(2) * (number + 1), &plan, source);
        size_t sent_every = 1 + random_below(20), at = cut_at;
        house_mute(house, at < written);
        for (; at < end || at < written; at++) {
            house_take(house, &stream[at]);
            house_mute(house, at + 1 < written);
            if (at % sent_every == 0)
                house_send(house);
            if (at % cut_every != cut_every - 1)
                continue;
            struct manifest *next = house_cut(house, &plan, now == NULL ? manifest : now);
            manifest_free(now);
            now = next;
            cut_at = at + 1;
        }
        written = at > written ? at : written;
        if (life == lives)
            house_finish(house);
        house_close(house);
        state_plan_free(&plan);
        if (now != NULL) {
            manifest_free(manifest);
            manifest = now;
        }
    }
    for (size_t l = 0; l < 2; l++)
        for (size_t s = 0; manifest != NULL && s < manifest->lanes[l].segment_count; s++) {
            char name[SEGMENT_NAME_MAX];
            (void)unlinkat(folder.journal, segment_name_text(&manifest->lanes[l].segments[s].name, name), 0);
        }
    size_t differ = worlds_differ(is, should);
    if (differ != 0)
        (void)fprintf(stderr, "SHARD_SEED=%llu (%s clock): %zu keys differ\n", (unsigned long long)number,
                      event_clock ? "event" : "live", differ);
    assert_true(atomic_load(&should->key_count) > 30);
    manifest_free(manifest);
    world_free(should);
    world_free(is);
    source_free(&source->source);
    free(house);
    free(stream);
    return differ == 0;
}

static void cut_thrown_away_and_restored_they_write_the_same(void **state)
{
    (void)state;
    const char *one = getenv("SHARD_SEED"), *many = getenv("SHARD_SEEDS");
    size_t wrong = 0;
    uint64_t from = one == NULL ? 1 : strtoull(one, NULL, 10);
    uint64_t count = one != NULL ? 1 : many != NULL ? strtoull(many, NULL, 10) : 200;
    for (uint64_t number = from; number < from + count; number++)
        wrong += !same_in_the_end(number);
    assert_int_equal(wrong, 0);
}

static char *path;

static int set_up(void **state)
{
    (void)state;
    struct error error;
    int descriptor;
    life_sink_class = kept_class;
    life_sink_class.write = life_write;
    life_sink_class.commit = life_commit;
    life_sink_class.fence = life_fence;
    set = visits_set_new();
    visits_lane_add(set, rolling);
    visits_lane_add(set, session);
    plan_seal(set->plan);
    path = state_temporary(&descriptor);
    (void)close(descriptor);
    return state_folder_open(&folder, path, &error) ? 0 : 1;
}

static int tear_down(void **state)
{
    (void)state;
    state_folder_close(&folder);
    state_remove(path);
    free(path);
    lane_set_free(set);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cut_thrown_away_and_restored_they_write_the_same),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
