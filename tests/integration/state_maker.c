/* state_maker.c - for state_command.py: folders of durable state, and a host at work on one.
 *
 *     state_maker make FOLDER     the state of tests/unit/made_state.h
 *     state_maker large FOLDER    the same, but lane session's segment goes on with 4 GB of nothing
 *     state_maker hold FOLDER     lock it, say so, and wait for the end of standard input
 *     state_maker work FOLDER     lock it, and do what a host does, as fast as it can, until the end of standard input: append
 *                                 50 records to each of two lanes, make a checkpoint; every fifth begin new segments and
 *                                 delete the oldest. "checkpoint N" is printed for each. */
#include "../unit/made_state.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#define LANES    2
#define SEGMENTS 4 /* a lane, at most */

struct lane_at_work {
    const char *name;
    struct segment_writer writer;
    struct manifest_segment segments[SEGMENTS]; /* the last is the writer's */
    size_t count;
    uint32_t sequence;
};

/* Sparse: it takes no room, but whoever copies it is busy for a while. */
static int make_large(const struct state_folder *state)
{
    const uint64_t bytes = UINT64_C(4) << 30;
    struct error error, passed_over;
    char file[SEGMENT_NAME_MAX];
    struct manifest *manifest = manifest_load(state->folder, state->path, &passed_over, &error);
    struct manifest_segment *segment = &manifest->lanes[1].segments[0];
    segment->bytes = segment->owed_from = bytes;
    int descriptor = openat(state->journal, segment_name_text(&segment->name, file), O_WRONLY | O_CLOEXEC);
    bool good = descriptor >= 0 && ftruncate(descriptor, (off_t)bytes) == 0 && close(descriptor) == 0 &&
                manifest_store(state->folder, manifest, false, &error);
    manifest_free(manifest);
    return good ? 0 : 1;
}

static bool input_ended(int timeout_ms)
{
    char byte;
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    return poll(&input, 1, timeout_ms) > 0 && read(STDIN_FILENO, &byte, 1) <= 0;
}

static void begin_segment(const struct state_folder *state, struct lane_at_work *lane, const struct record_schema *schema)
{
    struct segment_name name = made_name(lane->name, 4, 0, lane->sequence++);
    if (lane->count > 0)
        segment_writer_free(&lane->writer);
    if (lane->count == SEGMENTS)
        memmove(lane->segments, lane->segments + 1, (SEGMENTS - 1) * sizeof lane->segments[0]);
    else
        lane->count++;
    segment_writer_init(&lane->writer, state->journal, &name, schema);
}

static int work(const struct state_folder *state)
{
    struct lane_at_work lanes[LANES] = {{.name = "product"}, {.name = "cart"}};
    struct record_schema schema = made_schema("user");
    struct error error;
    char key[32];
    for (uint64_t checkpoint = 1; !input_ended(0); checkpoint++) {
        struct manifest *manifest = made_manifest(4, checkpoint, LANES);
        for (size_t l = 0; l < LANES; l++) {
            struct lane_at_work *lane = &lanes[l];
            if (checkpoint % 5 == 1)
                begin_segment(state, lane, &schema);
            for (uint64_t i = 0; i < 50; i++) {
                (void)snprintf(key, sizeof key, "user-%d", (int)i);
                made_put(&lane->writer, JOURNAL_INSERT, key, STATE_CLOCK_MS - (int64_t)i, checkpoint * 50 + i);
            }
            lane->segments[lane->count - 1] = made_segment(&lane->writer);
            manifest->lanes[l] = made_lane(lane->name, LANE_FULL, STATE_HOUR_MS, "user", lane->count);
            memcpy(manifest->lanes[l].segments, lane->segments, lane->count * sizeof lane->segments[0]);
        }
        if (!manifest_store(state->folder, manifest, false, &error)) {
            (void)fprintf(stderr, "%s\n%s\n", error.what, error.found);
            return 1;
        }
        if (checkpoint == 1)
            manifest_forget_before(state->folder, 4);
        (void)state_folder_sweep(state, manifest, 5);
        manifest_free(manifest);
        (void)printf("checkpoint %llu\n", (unsigned long long)checkpoint);
        (void)fflush(stdout);
    }
    for (size_t l = 0; l < LANES; l++)
        segment_writer_free(&lanes[l].writer);
    record_schema_free(&schema);
    return 0;
}

int main(int argc, char **argv)
{
    struct state_folder state;
    struct error error;
    char former[STATE_OWNER_MAX];
    if (argc != 3 || !state_folder_open(&state, argv[2], &error)) {
        (void)fprintf(stderr, "%s\n", argc != 3 ? "state_maker make|large|hold|work FOLDER" : error.what);
        return 2;
    }
    int status = 0;
    if (strcmp(argv[1], "make") == 0 || strcmp(argv[1], "large") == 0) {
        made_state(&state);
        status = argv[1][0] == 'l' ? make_large(&state) : 0;
    } else {
        if (!state_folder_lock(&state, "shop-1:4711:abcd", former))
            return 1;
        (void)printf("locked\n");
        (void)fflush(stdout);
        if (strcmp(argv[1], "work") == 0)
            status = work(&state);
        else
            while (!input_ended(-1))
                ;
    }
    state_folder_close(&state);
    return status;
}
