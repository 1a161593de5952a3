/* state_survey.c - see state_survey.h. Keys are counted by their 64-bit hash, in an open table with one count of live
 * records each: two keys of one hash would be taken for one, which at a hundred million keys happens once in three
 * thousand surveys. */
#include "state/state_survey.h"

#include "base/hash.h"
#include "base/memory.h"
#include "base/time.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- counting keys --- */

struct key_count {
    uint64_t hash; /* 0: the place is free */
    uint64_t records;
};
struct key_counts {
    struct key_count *places;
    size_t capacity, used; /* a power of two */
};

static struct key_count *place_of(const struct key_counts *counts, uint64_t hash)
{
    size_t at = (size_t)hash & (counts->capacity - 1);
    while (counts->places[at].hash != 0 && counts->places[at].hash != hash)
        at = (at + 1) & (counts->capacity - 1);
    return &counts->places[at];
}

static struct key_count *count_of(struct key_counts *counts, const char *key, size_t size)
{
    if (counts->used * 4 >= counts->capacity * 3) {
        struct key_counts larger = {.capacity = counts->capacity == 0 ? 1024 : counts->capacity * 2, .used = counts->used};
        larger.places = memory_new(larger.capacity * sizeof *larger.places);
        for (size_t i = 0; i < counts->capacity; i++)
            if (counts->places[i].hash != 0)
                *place_of(&larger, counts->places[i].hash) = counts->places[i];
        free(counts->places);
        *counts = larger;
    }
    uint64_t hash = hash_place(key, size);
    struct key_count *count = place_of(counts, hash == 0 ? 1 : hash);
    if (count->hash == 0) {
        count->hash = hash == 0 ? 1 : hash;
        counts->used++;
    }
    return count;
}

/* --- one segment --- */

struct looking {
    const struct state_folder *state;
    const struct manifest *manifest;
    const struct state_progress *progress;
    struct survey *survey;
    uint64_t done, total;
};

static void count_entries(const struct segment_block *block, uint32_t record_size, int64_t edge_ms, struct key_counts *counts,
                          struct survey_lane *lane)
{
    const struct journal_entry *entry;
    for (size_t at = 0; at < block->bytes; at += entry->size) {
        entry = (const void *)(block->entries + at);
        const char *record = (const char *)(entry + 1);
        enum journal_operation operation = journal_entry_operation(entry);
        struct key_count *count =
            count_of(counts, operation == JOURNAL_DROP ? record : record + record_size, journal_entry_key_size(entry));
        if (operation == JOURNAL_DROP) {
            lane->records -= count->records;
            count->records = 0;
            continue;
        }
        if (operation == JOURNAL_TRIM) /* old runs of a session that never pauses: how many records went is not in the file */
            continue;
        sl_stamp stamp;
        memcpy(&stamp, record, sizeof stamp);
        if (stamp.time_ms < edge_ms)
            continue;
        if (operation == JOURNAL_INSERT || count->records == 0) { /* what it replaces may have been in a damaged block */
            count->records++;
            lane->records++;
        }
        lane->oldest_ms = stamp.time_ms < lane->oldest_ms ? stamp.time_ms : lane->oldest_ms;
        lane->newest_ms = stamp.time_ms > lane->newest_ms ? stamp.time_ms : lane->newest_ms;
    }
}

static bool look_on(struct looking *looking, uint64_t done)
{
    const struct state_progress *progress = looking->progress;
    return progress->show == NULL || progress->show(progress->context, done, looking->total);
}

static bool is_missing(const struct state_folder *state, const struct segment_name *name)
{
    char file[SEGMENT_NAME_MAX];
    struct stat status;
    return fstatat(state->journal, segment_name_text(name, file), &status, 0) != 0 && errno == ENOENT;
}

bool state_moved_on(const struct state_folder *state, const struct manifest *manifest, const struct segment_name *missing)
{
    struct error passed_over, error;
    if (!is_missing(state, missing))
        return false;
    struct manifest *now = manifest_load(state->folder, state->path, &passed_over, &error);
    bool newer = now != NULL && (now->generation > manifest->generation ||
                                 (now->generation == manifest->generation && now->checkpoint > manifest->checkpoint));
    manifest_free(now);
    return newer;
}

/* Note a damage of the segment, with the whole path of its file. `why->found` begins with "journal NAME". */
static struct error *note_damage(struct looking *looking, const struct manifest_segment *segment, const struct error *why)
{
    static const char journal[] = "journal ";
    const size_t size = sizeof journal - 1;
    struct error *damage = error_list_add(&looking->survey->damages);
    const char *found = strncmp(why->found, journal, size) == 0 ? why->found + size : why->found;
    error_what(damage, "a segment of lane %s is not whole: %.300s", segment->name.lane, why->what);
    error_found(damage, "%.200s/journal/%.250s", looking->state->path, found);
    error_advice(damage, "%s", why->advice);
    return damage;
}

/* The whole segment is of no use. */
static void lose_segment(struct looking *looking, const struct manifest_segment *segment, const struct error *why)
{
    char oldest[TIME_TEXT_MAX], newest[TIME_TEXT_MAX];
    struct error *damage = note_damage(looking, segment, why);
    (void)time_text(segment->oldest_ms, oldest);
    (void)time_text(segment->newest_ms, newest);
    if (segment->oldest_ms > segment->newest_ms)
        error_advice(damage, "lost with it: %llu entries without records", (unsigned long long)segment->entries);
    else
        error_advice(damage, "lost with it: %llu entries with records of %s to %s", (unsigned long long)segment->entries,
                     oldest, newest);
}

/* Of a file that is too short, what there is can be read. False: nothing can. */
static bool open_what_there_is(struct looking *looking, const struct manifest_segment *segment, struct segment_reader *reader)
{
    char file[SEGMENT_NAME_MAX];
    struct error error, again;
    (void)segment_name_text(&segment->name, file);
    if (segment_open(reader, looking->state->journal, file, segment->bytes, &error))
        return true;
    if (!segment_open(reader, looking->state->journal, file, UINT64_MAX, &again) || reader->length >= segment->bytes) {
        segment_reader_free(reader);
        lose_segment(looking, segment, &error);
        return false;
    }
    error_advice(&error, "lost: its last %llu bytes", (unsigned long long)(segment->bytes - reader->length));
    (void)note_damage(looking, segment, &error);
    return true;
}

static enum survey_result look_at_segment(struct looking *looking, const struct manifest_segment *segment, int64_t edge_ms,
                                          struct key_counts *counts, struct survey_lane *lane)
{
    struct error error;
    struct segment_reader reader;
    struct segment_block block;
    uint64_t before = looking->done, entries = 0;
    size_t damages = looking->survey->damages.count;
    looking->done += segment->bytes;
    if (!open_what_there_is(looking, segment, &reader)) {
        if (state_moved_on(looking->state, looking->manifest, &segment->name))
            return SURVEY_MOVED_ON;
        return look_on(looking, looking->done) ? SURVEY_DONE : SURVEY_STOPPED;
    }
    enum survey_result result = SURVEY_DONE;
    for (enum segment_read read; result == SURVEY_DONE && (read = segment_read(&reader, &block, &error)) != SEGMENT_END;) {
        if (read == SEGMENT_DAMAGED) {
            (void)note_damage(looking, segment, &error);
        } else {
            entries += block.count;
            lane->blocks++;
            count_entries(&block, reader.schema.record_size, edge_ms, counts, lane);
        }
        if (!look_on(looking, before + reader.at))
            result = SURVEY_STOPPED;
    }
    lane->entries += entries;
    if (result == SURVEY_DONE && entries != segment->entries) {
        struct error_list *list = &looking->survey->damages;
        if (list->count == damages) {
            error_what(&error, "it is another one than the manifest says, or the manifest is wrong");
            error_found(&error, "%.120s", segment_name_text(&segment->name, (char[SEGMENT_NAME_MAX]){0}));
            error_advice(&error, "perhaps nothing is lost");
            (void)note_damage(looking, segment, &error);
        }
        struct error *last = &list->items[list->count - 1];
        size_t used = strlen(last->advice);
        (void)snprintf(last->advice + used, sizeof last->advice - used, "; %llu of the segment's %llu entries are there",
                       (unsigned long long)entries, (unsigned long long)segment->entries);
    }
    segment_reader_free(&reader);
    return result;
}

/* --- all of them --- */

enum survey_result state_survey(const struct state_folder *state, const struct manifest *manifest,
                                const struct state_progress *progress, struct survey *survey)
{
    enum survey_result result = SURVEY_DONE;
    struct looking looking = {.state = state, .manifest = manifest, .progress = progress, .survey = survey};
    *survey = (struct survey){.lanes = memory_new((manifest->lane_count + 1) * sizeof *survey->lanes)};
    for (size_t l = 0; l < manifest->lane_count; l++)
        for (size_t s = 0; s < manifest->lanes[l].segment_count; s++)
            looking.total += manifest->lanes[l].segments[s].bytes;
    for (size_t l = 0; l < manifest->lane_count && result == SURVEY_DONE; l++) {
        const struct manifest_lane *lane = &manifest->lanes[l];
        struct survey_lane *found = &survey->lanes[l];
        struct key_counts counts = {0};
        int64_t edge_ms = manifest->clock_ms == INT64_MIN ? INT64_MIN : manifest->clock_ms - lane->longest_ms;
        found->oldest_ms = INT64_MAX;
        found->newest_ms = INT64_MIN;
        for (size_t s = 0; s < lane->segment_count && result == SURVEY_DONE; s++)
            result = look_at_segment(&looking, &lane->segments[s], edge_ms, &counts, found);
        for (size_t i = 0; i < counts.capacity; i++)
            found->keys += counts.places[i].records > 0;
        free(counts.places);
    }
    return result;
}

void survey_free(struct survey *survey)
{
    free(survey->lanes);
    error_list_free(&survey->damages);
    memset(survey, 0, sizeof *survey);
}

static bool is_named(const struct manifest *manifest, const char *file)
{
    struct segment_name name;
    return segment_name_parse(file, &name) && manifest_names(manifest, &name);
}

static int by_name(const void *a, const void *b)
{
    const struct unnamed_file *first = a, *second = b;
    return strcmp(first->name, second->name);
}

size_t state_unnamed(const struct state_folder *state, const struct manifest *manifest, struct unnamed_file **files)
{
    size_t count = 0;
    *files = NULL;
    int copy = openat(state->journal, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = copy < 0 ? NULL : fdopendir(copy);
    if (folder == NULL && copy >= 0)
        (void)close(copy);
    for (const struct dirent *item; folder != NULL && (item = readdir(folder)) != NULL;) {
        struct stat status;
        if (strcmp(item->d_name, ".") == 0 || strcmp(item->d_name, "..") == 0 || is_named(manifest, item->d_name) ||
            fstatat(state->journal, item->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        if ((count & (count - 1)) == 0)
            *files = memory_resize(*files, (count == 0 ? 1 : count * 2) * sizeof **files);
        struct unnamed_file *file = &(*files)[count++];
        (void)snprintf(file->name, sizeof file->name, "%s", item->d_name);
        file->bytes = (uint64_t)status.st_size;
    }
    if (folder != NULL)
        (void)closedir(folder);
    if (count > 1)
        qsort(*files, count, sizeof **files, by_name);
    return count;
}

bool state_holder(const struct state_folder *state, char holder[STATE_OWNER_MAX])
{
    holder[0] = '\0';
    int lock = openat(state->folder, "lock", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (lock < 0)
        return false;
    ssize_t size = pread(lock, holder, STATE_OWNER_MAX - 1, 0);
    holder[size < 0 ? 0 : size] = '\0';
    holder[strcspn(holder, "\n")] = '\0';
    for (char *at = holder; *at != '\0'; at++)
        *at = (unsigned char)*at < ' ' || *at == 0x7f ? ' ' : *at; /* it goes to a terminal */
    bool held = flock(lock, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    (void)close(lock);
    return held;
}
