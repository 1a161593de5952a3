/* drive.c - see drive.h. What a worker's thread does between a batch and its sends (engine/worker.c), taken in turn. */
#include "testhost/drive.h"

#include "base/memory.h"
#include "base/text_handle.h"
#include "base/time.h"
#include "engine/emission.h"
#include "engine/extraction.h"
#include "engine/key_hash.h"
#include "engine/needs.h"
#include "engine/shard.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

struct pair {
    struct extraction extraction;
    struct shard shard;
    struct sink *sink;
};

struct drive {
    struct engine_settings settings;
    const struct state_plan *plan;
    struct source source;
    struct kept_features kept;
    FILE *letters; /* their texts go to letter_text, if somebody reads them */
    char *letter_text;
    size_t letter_size;
    size_t batch, in_batch;
    int turn; /* whose batch it is */
    int64_t largest_ms;
    struct drive_doubt *doubt; /* NULL: nobody asks */
    uint64_t doubts; /* keys that were looked at */
    struct pair *pairs;
    struct parcel parcels[DRIVE_WORKERS_MAX];
    struct parcel *outgoing[DRIVE_WORKERS_MAX];
};

/* Messages are handed over, not taken: of the source only its shape is asked for. */
static enum partition_state no_partition(struct source *source, int32_t partition, int64_t *idle_since_ms)
{
    (void)source, (void)partition;
    *idle_since_ms = 0;
    return PARTITION_READING;
}
static const struct source_class handed_over = {.name = "handed over", .partition = no_partition};

static void begin_shard(struct drive *drive, struct shard *shard, bool journaled, int worker)
{
    const struct lane_set *set = drive->settings.set;
    shard_init(shard, set, true, 0);
    for (size_t i = 0; journaled && i < set->lane_count; i++) {
        const struct journal_settings journal = {.folder = drive->plan->folder->journal,
                                                 .lane = set->lanes[i].name,
                                                 .generation = drive->plan->generation,
                                                 .worker = (uint32_t)worker,
                                                 .workers = (uint32_t)drive->settings.workers,
                                                 .schema = &drive->plan->lanes[i].schema,
                                                 .keep_ms = lane_keep_ms(&set->lanes[i])};
        journal_init(&shard->lanes[i].journal, &journal);
        shard->lanes[i].journaled = true;
    }
}

struct drive *drive_new(const struct drive_settings *settings)
{
    assert(settings->workers >= 1 && settings->workers <= DRIVE_WORKERS_MAX && settings->batch > 0);
    struct drive *drive = memory_new(sizeof *drive);
    drive->source = (struct source){.class = &handed_over, .workers = settings->workers, .partitions = 1, .ordered = true};
    drive->letters =
        settings->keep_letters ? open_memstream(&drive->letter_text, &drive->letter_size) : fopen("/dev/null", "w");
    assert(drive->letters != NULL);
    drive->settings = (struct engine_settings){.set = settings->set,
                                               .source = &drive->source,
                                               .letters = dead_letters_on(drive->letters),
                                               .workers = settings->workers,
                                               .clock = CLOCK_EVENT,
                                               .disorder_ms = settings->config->source.disorder_ms,
                                               .idle_ms = settings->config->source.idle_ms,
                                               .future_ms = settings->config->source.future_ms,
                                               .max_message_bytes = settings->config->source.max_message_bytes,
                                               .made_up = true,
                                               .to_end = true,
                                               .limits = settings->config->limits};
    drive->batch = settings->batch;
    drive->plan = settings->plan;
    drive->largest_ms = INT64_MIN;
    drive->pairs = memory_new((size_t)settings->workers * sizeof *drive->pairs);
    for (int i = 0; i < settings->workers; i++) {
        struct pair *pair = &drive->pairs[i];
        extraction_init(&pair->extraction, &drive->settings, i);
        begin_shard(drive, &pair->shard, settings->plan != NULL, i);
        pair->sink = pair->shard.sink = kept_features_sink(&drive->kept, shard_settled, &pair->shard);
        drive->outgoing[i] = &drive->parcels[i];
    }
    return drive;
}

void drive_free(struct drive *drive)
{
    for (int i = 0; i < drive->settings.workers; i++) {
        sink_free(drive->pairs[i].sink);
        shard_free(&drive->pairs[i].shard);
        extraction_free(&drive->pairs[i].extraction);
        buffer_free(&drive->parcels[i].entries);
    }
    dead_letters_close(drive->settings.letters, 0);
    (void)fclose(drive->letters);
    free(drive->letter_text);
    kept_features_free(&drive->kept);
    free(drive->pairs);
    free(drive);
}

/* ---- doubts ---- */

static void doubt_window(struct drive *drive, struct shard *shard, const struct log *log, size_t window)
{
    const struct set_lane *lane = &shard->set->lanes[log->lane];
    struct fold_finding findings[METRICS_MAX];
    bool live;
    size_t first = emission_first_record(shard, lane, log, window, &live);
    if (lane->session && log->count == 0)
        return; /* nobody folds it */
    struct needs_view seen;
    struct fold_others others = needs_others(&seen, shard, lane, text_view(&log->key), log, shard->clock_ms);
    fold_check(&shard->folder, lane, log, window, first, emission_fold_ms(shard, lane, log), &others, findings);
    for (size_t m = 0; m < lane->metric_count && !drive->doubt->any; m++) {
        if (findings[m].fault == FOLD_SOUND)
            continue;
        sl_view id = text_view(&log->key), suffix = lane->windows[window].suffixes[findings[m].feature];
        *drive->doubt = (struct drive_doubt){.any = true, .finding = findings[m], .lane = log->lane, .metric = m};
        (void)snprintf(drive->doubt->key, sizeof drive->doubt->key, "%s%.*s%.*s", lane->metrics[m].key_prefix, (int)id.size, id.data,
                       (int)suffix.size, suffix.data);
    }
}

static void doubt_log(struct drive *drive, struct shard *shard, const struct log *log)
{
    for (size_t w = 0; w < shard->set->lanes[log->lane].window_count && !drive->doubt->any; w++)
        doubt_window(drive, shard, log, w);
}

/* The key whose turn it is. */
static void doubt_one(struct drive *drive, struct shard *shard)
{
    size_t keys = shard_keys(shard);
    if (drive->doubt == NULL || drive->doubt->any || keys == 0 || shard->clock_ms == SHARD_BEGINNING_MS)
        return;
    size_t turn = drive->doubts++ % keys;
    for (size_t i = 0; i < shard->set->lane_count; i++) {
        size_t at = 0;
        for (const struct log *log; (log = key_table_next(&shard->tables[i], &at)) != NULL;)
            if (turn-- == 0) {
                doubt_log(drive, shard, log);
                return;
            }
    }
}

static void doubt_all(struct drive *drive, struct shard *shard)
{
    for (size_t i = 0; i < shard->set->lane_count && drive->doubt != NULL && shard->clock_ms != SHARD_BEGINNING_MS; i++) {
        size_t at = 0;
        for (const struct log *log; !drive->doubt->any && (log = key_table_next(&shard->tables[i], &at)) != NULL;)
            doubt_log(drive, shard, log);
    }
}

void drive_doubt(struct drive *drive, struct drive_doubt *doubt)
{
    *doubt = (struct drive_doubt){0};
    drive->doubt = doubt;
}

/* The batch that is open goes to the owners of its keys, as a worker's parcels do. */
static void close_batch(struct drive *drive)
{
    if (drive->in_batch == 0)
        return;
    const struct extraction *from = &drive->pairs[drive->turn].extraction;
    if (from->watermark.largest_ms > drive->largest_ms)
        drive->largest_ms = from->watermark.largest_ms;
    for (int i = 0; i < drive->settings.workers; i++) {
        struct parcel *parcel = drive->outgoing[i];
        parcel->clock_ms = watermark_now(&from->watermark);
        parcel->largest_ms = from->watermark.largest_ms;
        shard_apply(&drive->pairs[i].shard, parcel, WATERMARK_NO_LIMIT);
        (void)shard_send(&drive->pairs[i].shard, 0);
        doubt_one(drive, &drive->pairs[i].shard);
        buffer_reset(&parcel->entries);
        parcel->count = 0;
    }
    drive->in_batch = 0;
    drive->turn = (drive->turn + 1) % drive->settings.workers;
}

void drive_event(struct drive *drive, sl_view bytes, size_t step)
{
    struct message message = {.bytes = bytes, .stamp_ms = time_wall_ms()};
    drive->kept.step = step;
    extraction_take(&drive->pairs[drive->turn].extraction, &message, drive->outgoing);
    if (++drive->in_batch == drive->batch)
        close_batch(drive);
}

void drive_end(struct drive *drive, int64_t until_ms)
{
    close_batch(drive);
    drive->kept.step = KEPT_NO_STEP;
    for (int i = 0; i < drive->settings.workers; i++) {
        struct shard *shard = &drive->pairs[i].shard;
        shard->ending = true;
        if (drive->largest_ms != INT64_MIN)
            shard_advance(shard, drive->largest_ms);
        doubt_all(drive, shard);
        if (until_ms != INT64_MIN)
            shard_advance(shard, until_ms);
        shard_release(shard);
        while (shard->clock_ms != SHARD_BEGINNING_MS && (!shard_send(shard, 0) || shard->owed.count > 0))
            continue;
    }
}

void drive_write_again(struct drive *drive)
{
    kept_features_free(&drive->kept);
    drive->kept.step = KEPT_NO_STEP;
    for (int i = 0; i < drive->settings.workers; i++) {
        struct shard *shard = &drive->pairs[i].shard;
        shard_write_again(shard);
        while (shard->clock_ms != SHARD_BEGINNING_MS && (!shard_send(shard, 0) || shard->owed.count > 0))
            continue;
    }
}

/* ---- a restart ---- */

/* The records of one block of a journal, to whom they belong. */
static void take_block(struct shard *shard, size_t lane, const struct segment_block *block, const struct schema_copy *copy,
                       size_t record_size, bool owed)
{
    sl_key kind = shard->set->lanes[lane].table->key;
    _Alignas(8) char record[SCHEMA_RECORD_MAX];
    for (size_t at = 0; at < block->bytes;) {
        const struct journal_entry *entry = (const void *)(block->entries + at);
        enum journal_operation operation = journal_entry_operation(entry);
        const char *body = (const char *)(entry + 1);
        sl_view key = {body + (operation == JOURNAL_DROP ? 0 : record_size), journal_entry_key_size(entry)};
        at += entry->size;
        if (operation != JOURNAL_DROP)
            record_schema_move(copy, body, record);
        (void)shard_restore_operation(shard, lane, operation, key_hash(key, kind), key, record, body, owed);
    }
}

static bool take_segment(struct shard *shard, size_t lane, const struct state_plan *plan, const struct manifest_segment *segment,
                         struct error *error)
{
    char name[SEGMENT_NAME_MAX];
    struct segment_reader reader;
    struct segment_block block;
    struct schema_copy copy;
    if (!segment_open(&reader, plan->folder->journal, segment_name_text(&segment->name, name), segment->bytes, error))
        return false;
    bool good = record_schema_compare(&reader.schema, &plan->lanes[lane].schema, &copy, error) != SCHEMA_NEITHER;
    for (enum segment_read read; good && (read = segment_read(&reader, &block, error)) != SEGMENT_END;) {
        good = read == SEGMENT_BLOCK;
        if (good)
            take_block(shard, lane, &block, &copy, reader.schema.record_size, block.offset >= segment->owed_from);
    }
    segment_reader_free(&reader);
    return good;
}

/* One worker's shard is made anew, from what its journals have. */
static bool restart_shard(struct drive *drive, int worker, struct error *error)
{
    struct shard *shard = &drive->pairs[worker].shard, before = *shard;
    size_t lanes = drive->settings.set->lane_count;
    struct journal_cut *cuts = memory_new((lanes + 1) * sizeof *cuts);
    int64_t owed_ms;
    bool former_owed, good = shard_cut(shard, cuts, &owed_ms, &former_owed, error);
    int64_t clock_ms = shard->clock_ms;
    sink_free(shard->sink);
    shard_free(shard);
    begin_shard(drive, shard, false, worker);
    shard->counters = before.counters;
    drive->pairs[worker].sink = shard->sink = kept_features_sink(&drive->kept, shard_settled, shard);
    if (clock_ms != SHARD_BEGINNING_MS) {
        shard_restore(shard, owed_ms);
        for (size_t i = 0; i < lanes; i++) {
            for (size_t s = 0; good && s < cuts[i].segment_count; s++)
                good = take_segment(shard, i, drive->plan, &cuts[i].segments[s], error);
            shard_lane_full(shard, i, WAKE_RESTORED, 0);
        }
        shard_advance(shard, clock_ms);
    }
    for (size_t i = 0; i < lanes; i++)
        journal_cut_free(&cuts[i]);
    free(cuts);
    return good;
}

bool drive_restart(struct drive *drive, struct error *error)
{
    close_batch(drive);
    for (int i = 0; i < drive->settings.workers; i++)
        if (!restart_shard(drive, i, error))
            return false;
    return true;
}

/* ---- what came of it ---- */

const struct kept_features *drive_features(const struct drive *drive) { return &drive->kept; }

sl_view drive_letters(const struct drive *drive) { return (sl_view){drive->letter_text, drive->letter_size}; }

int64_t drive_clock_ms(const struct drive *drive)
{
    int64_t clock_ms = INT64_MIN;
    for (int i = 0; i < drive->settings.workers; i++)
        if (drive->pairs[i].shard.clock_ms != SHARD_BEGINNING_MS && drive->pairs[i].shard.clock_ms > clock_ms)
            clock_ms = drive->pairs[i].shard.clock_ms;
    return clock_ms;
}

void drive_count(const struct drive *drive, struct drive_counters *counters)
{
    *counters = (struct drive_counters){0};
    for (int i = 0; i < drive->settings.workers; i++) {
        const struct extraction *extraction = &drive->pairs[i].extraction;
        const struct shard_counters *shard = &drive->pairs[i].shard.counters;
        counters->events += extraction->events;
        counters->dead_letters += extraction->bad;
        counters->unkeyed += extraction->unkeyed;
        counters->records += shard->records;
        counters->duplicates += shard->duplicates;
        counters->late += shard->late;
        counters->folds += shard->folds;
    }
}

void drive_costs(const struct drive *drive, struct lane_cost *costs)
{
    for (int w = 0; w < drive->settings.workers; w++)
        for (size_t i = 0; i < drive->settings.set->lane_count; i++) {
            cost_sum(&costs[i], &drive->pairs[w].extraction.costs[i]);
            cost_sum(&costs[i], &drive->pairs[w].shard.folder.costs[i]);
        }
}
