/* journal.c - see journal.h. */
#include "engine/journal.h"

#include "base/log.h"
#include "base/memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SEGMENTS_A_LIFE 16              /* a segment covers this part of how long records are kept */
#define PAUSE_MAX       8               /* cuts between renewals that come to nothing: each fills the disk once more */

static void begin_segment(struct journal *journal)
{
    struct segment_name name = {.generation = journal->settings.generation,
                                .worker = journal->settings.worker,
                                .workers = journal->settings.workers,
                                .sequence = journal->sequence};
    memcpy(name.lane, journal->settings.lane, strlen(journal->settings.lane) + 1);
    segment_writer_init(&journal->writer, journal->settings.folder, &name, journal->settings.schema);
    journal->begun_ms = INT64_MIN;
}

void journal_init(struct journal *journal, const struct journal_settings *settings)
{
    memset(journal, 0, sizeof *journal);
    assert(strlen(settings->lane) < sizeof((struct segment_name *)0)->lane);
    journal->settings = *settings;
    journal->broken = settings->held;
    begin_segment(journal);
}

void journal_free(struct journal *journal)
{
    segment_writer_free(&journal->writer);
    buffer_free(&journal->trim);
    free(journal->ended);
}

/* ---- what waits for the disk ---- */

static size_t waiting(const struct journal *journal) { return journal->writer.pending.size - journal->writer.pending_sent; }

/* What it has is of no use any more; it is to be written anew, in segments behind those that there are. */
static void give_up(struct journal *journal)
{
    segment_writer_free(&journal->writer);
    journal->given_up = ++journal->sequence;
    journal->ended_count = 0;
    journal->broken = true;
    begin_segment(journal);
}

static void give_waiting_up(struct journal *journal)
{
    char name[SEGMENT_NAME_MAX];
    log_warn("journal %s: %zu bytes wait for the disk, more than may: what came is written anew when the disk takes it",
             segment_name_text(&journal->writer.name, name), waiting(journal));
    give_up(journal);
}

/* Of a renewal that came to nothing: no manifest names it, and it takes room that is needed. */
static void delete_file(const struct journal *journal)
{
    char name[SEGMENT_NAME_MAX];
    if (journal->writer.file >= 0)
        (void)unlinkat(journal->settings.folder, segment_name_text(&journal->writer.name, name), 0);
}

/* There is not enough room for all of it. */
static void give_renewal_up(struct journal *journal, const struct error *error)
{
    delete_file(journal);
    give_up(journal);
    journal->pause = 1 << journal->tries < PAUSE_MAX ? 1 << journal->tries++ : PAUSE_MAX;
    journal->trouble = *error;
}

/* It could not be written: may it go on waiting? */
static void bound_waiting(struct journal *journal, const struct error *error)
{
    if (waiting(journal) <= JOURNAL_WAITING_MAX)
        return;
    if (journal->renewing)
        give_renewal_up(journal, error);
    else
        give_waiting_up(journal);
}

/* Between operations only: an entry that was put may still be taken back. A disk that takes nothing is tried a few times, and
 * once more before what waits is given up: checkpoints may be an hour apart. */
static void write_much(struct journal *journal)
{
    struct error error; /* said at the checkpoint, if it is still so */
    size_t bytes = waiting(journal);
    bool at_first = bytes >= JOURNAL_WRITE_BYTES && bytes < 2 * JOURNAL_WRITE_BYTES;
    if (bytes == journal->tried || (!at_first && bytes <= JOURNAL_WAITING_MAX))
        return;
    bool good = segment_write(&journal->writer, &error);
    journal->tried = waiting(journal);
    if (!good)
        bound_waiting(journal, &error);
}

/* ---- operations ---- */

size_t journal_put(struct journal *journal, struct entry *entry)
{
    const sl_stamp *stamp = entry_record(entry);
    write_much(journal);
    if (journal->broken)
        return 0;
    return segment_put(&journal->writer, JOURNAL_INSERT, stamp->time_ms, stamp, entry->size - sizeof *entry,
                       entry->key_size);
}

void journal_take_back(struct journal *journal, size_t put)
{
    if (!journal->broken)
        segment_take_back(&journal->writer, put);
}

void journal_replaced(struct journal *journal, size_t put)
{
    if (!journal->broken)
        segment_operation_set(&journal->writer, put, JOURNAL_REPLACE);
}

void journal_drop(struct journal *journal, sl_view key)
{
    write_much(journal);
    if (journal->broken)
        return;
    (void)segment_put(&journal->writer, JOURNAL_DROP, 0, key.data, key.size, (uint32_t)key.size);
}

void journal_trim(struct journal *journal, sl_view key, const sl_stamp *first, size_t record_size)
{
    write_much(journal);
    if (journal->broken)
        return;
    struct buffer *body = &journal->trim;
    buffer_reset(body);
    memset(buffer_add(body, record_size), 0, record_size);
    memcpy(body->data, first, sizeof *first);
    buffer_put(body, key.data, key.size);
    (void)segment_put(&journal->writer, JOURNAL_TRIM, first->time_ms, body->data, body->size, (uint32_t)key.size);
}

/* ---- checkpoints ---- */

static struct manifest_segment describe(const struct segment_writer *writer)
{
    return (struct manifest_segment){.name = writer->name,
                                     .bytes = segment_length(writer),
                                     .entries = writer->entries,
                                     .oldest_ms = writer->oldest_ms,
                                     .newest_ms = writer->newest_ms};
}

/* The segment has had its time: it is handed over, and the next one begins. */
static void end_segment(struct journal *journal, struct journal_cut *cut)
{
    journal->ended = memory_resize(journal->ended, (journal->ended_count + 1) * sizeof *journal->ended);
    journal->ended[journal->ended_count++] = describe(&journal->writer);
    cut->files[cut->file_count++] = (struct journal_file){journal->writer.file, true};
    journal->writer.file = -1;
    segment_writer_free(&journal->writer);
    journal->sequence++;
    begin_segment(journal);
}

static void list_segments(const struct journal *journal, const struct journal_position *acknowledged,
                          struct journal_cut *cut)
{
    cut->segments = memory_new((journal->ended_count + 1) * sizeof *cut->segments);
    for (size_t i = 0; i < journal->ended_count; i++)
        cut->segments[cut->segment_count++] = journal->ended[i];
    if (journal->writer.entries > 0)
        cut->segments[cut->segment_count++] = describe(&journal->writer);
    for (size_t i = 0; i < cut->segment_count; i++) {
        struct manifest_segment *segment = &cut->segments[i];
        uint32_t sequence = segment->name.sequence;
        bool all = acknowledged == NULL || sequence < acknowledged->sequence;
        segment->owed_from = all ? segment->bytes : sequence > acknowledged->sequence ? 0 : acknowledged->bytes;
        if (segment->owed_from > segment->bytes)
            segment->owed_from = segment->bytes;
    }
}

void journal_cut_reset(const struct journal *journal, struct journal_cut *cut)
{
    struct journal_cut fresh = {.given_up = journal->given_up, .whole = journal->whole};
    for (size_t i = 0; i < cut->file_count; i++)
        if (cut->files[i].ended) {
            assert(fresh.file_count == 0);
            fresh.files[fresh.file_count++] = cut->files[i];
        }
    free(cut->segments);
    *cut = fresh;
}

void journal_cut_free(struct journal_cut *cut)
{
    for (size_t i = 0; i < cut->file_count; i++)
        if (cut->files[i].ended)
            (void)close(cut->files[i].file);
    free(cut->segments);
}

bool journal_cut(struct journal *journal, int64_t clock_ms, const struct journal_position *acknowledged,
                 struct journal_cut *cut, struct error *error)
{
    journal_cut_reset(journal, cut);
    struct segment_writer *writer = &journal->writer;
    bool good = !journal_is_broken(journal);
    if (!good)
        error_what(error, "what was written of the journal is lost; it waits to be written anew");
    if (good) {
        segment_close_block(writer);
        if (writer->entries > 0)
            good = segment_write(writer, error);
        if (!good)
            bound_waiting(journal, error);
    }
    cut->complete = good;
    cut->given_up = journal->given_up;
    if (!good)
        return false;
    journal->renewing = false;
    journal->tries = 0;
    if (writer->entries > 0) {
        if (journal->begun_ms == INT64_MIN)
            journal->begun_ms = clock_ms;
        if (clock_ms - journal->begun_ms >= journal->settings.keep_ms / SEGMENTS_A_LIFE)
            end_segment(journal, cut);
        else
            cut->files[cut->file_count++] = (struct journal_file){writer->file, false};
    }
    cut->position = (struct journal_position){journal->sequence, segment_length(&journal->writer)};
    list_segments(journal, acknowledged, cut);
    return true;
}

bool journal_is_broken(const struct journal *journal)
{
    return journal->broken || atomic_load_explicit(&journal->lost, memory_order_relaxed);
}

bool journal_renew(struct journal *journal, struct error *error)
{
    if (journal->pause > 0) {
        journal->pause--;
        *error = journal->trouble;
        return false;
    }
    give_up(journal);
    if (!segment_write(&journal->writer, error)) {
        delete_file(journal);
        return false;
    }
    journal->broken = false;
    journal->renewing = journal->whole = true;
    atomic_store_explicit(&journal->lost, false, memory_order_relaxed);
    return true;
}

bool journal_keeps_up(struct journal *journal, struct error *error)
{
    if (journal->broken) { /* by what a log with very many records put */
        *error = journal->trouble;
        return false;
    }
    if (waiting(journal) < 2 * JOURNAL_WRITE_BYTES || segment_write(&journal->writer, error))
        return true;
    give_renewal_up(journal, error);
    return false;
}

void journal_lost(struct journal *journal) { atomic_store_explicit(&journal->lost, true, memory_order_relaxed); }

void journal_forget_before(struct journal *journal, int64_t time_ms)
{
    size_t count = 0;
    while (count < journal->ended_count && journal->ended[count].newest_ms < time_ms)
        count++;
    if (count == 0)
        return;
    journal->ended_count -= count;
    memmove(journal->ended, journal->ended + count, journal->ended_count * sizeof *journal->ended);
}
