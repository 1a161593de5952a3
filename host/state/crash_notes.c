/* crash_notes.c - see crash_notes.h. */
#include "state/crash_notes.h"

#include "base/decimal.h"
#include "base/memory.h"
#include "state/text_file.h"
#include "state/text_line.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MOST (16 << 20)
#define LONG_FILE 400000 /* bytes: it is made shorter */
#define KEEP      100    /* crashes, then */

const char *crash_cause_text(int cause)
{
    switch (cause) {
    case SIGSEGV: return "Segmentation fault";
    case SIGBUS: return "Bus error";
    case SIGFPE: return "Floating point exception";
    case SIGILL: return "Illegal instruction";
    case SIGABRT: return "Aborted";
    case CRASH_EXIT: return "it ended the process";
    case CRASH_HANG: return "the call did not come back";
    case CRASH_THREAD: return "it ended the thread";
    default: return "a signal";
    }
}

/* ---- one line ---- */

struct line {
    char *text;
    size_t size;
};

static void put_byte(struct line *line, char byte)
{
    if (line->size < CRASH_LINE_MAX)
        line->text[line->size++] = byte;
}

static void put_word(struct line *line, const char *word)
{
    for (; *word != '\0'; word++)
        put_byte(line, *word);
    put_byte(line, ' ');
}

static void put_number(struct line *line, int64_t number)
{
    char digits[DECIMAL_MAX];
    size_t size = decimal_i64(number, digits);
    for (size_t i = 0; i < size; i++)
        put_byte(line, digits[i]);
    put_byte(line, ' ');
}

static void put_hex(struct line *line, uint64_t number, int digits)
{
    for (int i = digits - 1; i >= 0; i--)
        put_byte(line, "0123456789abcdef"[number >> (4 * i) & 15]);
}

size_t crash_note_line(const struct crash_note *note, char out[CRASH_LINE_MAX])
{
    struct line line = {out, 0};
    put_word(&line, "crash");
    put_number(&line, note->time_s);
    put_number(&line, note->cause);
    put_word(&line, note->function);
    put_word(&line, note->lane);
    put_word(&line, note->metric);
    put_hex(&line, note->build, 16);
    put_byte(&line, ' ');
    put_number(&line, note->partition);
    put_number(&line, note->offset);
    for (size_t i = 0; i < note->key_size; i++)
        put_hex(&line, (unsigned char)note->key[i], 2);
    if (note->key_size == 0)
        put_byte(&line, '-');
    put_byte(&line, '\n');
    return line.size;
}

static int hex_digit(char digit)
{
    return digit >= '0' && digit <= '9' ? digit - '0' : digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

static bool hex_bytes(const char *text, char *out, size_t *size)
{
    for (*size = 0; text[0] != '\0'; text += 2) {
        int high = hex_digit(text[0]), low = high < 0 ? -1 : hex_digit(text[1]);
        if (low < 0 || *size == CRASH_KEY_MAX)
            return false;
        out[(*size)++] = (char)(high * 16 + low);
    }
    return true;
}

static bool read_note(struct text_line line, struct crash_note *note)
{
    uint64_t cause;
    int64_t partition;
    char build[17], key[2 * CRASH_KEY_MAX + 1];
    *note = (struct crash_note){0};
    if (!text_line_word(&line, "crash") || !text_line_i64(&line, &note->time_s) ||
        !text_line_u64(&line, 1000, &cause) || !text_line_copy(&line, note->function, sizeof note->function) ||
        !text_line_copy(&line, note->lane, sizeof note->lane) ||
        !text_line_copy(&line, note->metric, sizeof note->metric) || !text_line_copy(&line, build, sizeof build) ||
        !text_line_i64(&line, &partition) || !text_line_i64(&line, &note->offset) ||
        !text_line_copy(&line, key, sizeof key) || !text_line_ended(&line) || strlen(build) != 16 ||
        build[strspn(build, "0123456789abcdef")] != '\0' || partition < -1 || partition > INT32_MAX)
        return false;
    note->cause = (int)cause;
    note->partition = (int32_t)partition;
    note->build = strtoull(build, NULL, 16);
    return strcmp(key, "-") == 0 || hex_bytes(key, note->key, &note->key_size);
}

/* ---- all of them ---- */

static void release(struct crash_notes *notes, const char *name)
{
    size_t kept = 0;
    for (size_t i = 0; i < notes->count; i++)
        if (strcmp(notes->items[i].lane, name) != 0 && strcmp(notes->items[i].metric, name) != 0)
            notes->items[kept++] = notes->items[i];
    notes->count = kept;
}

void crash_notes_read(int folder, struct crash_notes *notes)
{
    size_t size = 0, capacity = 0;
    struct text_line line;
    *notes = (struct crash_notes){0};
    char *text = text_file_read(folder, CRASH_FILE, FILE_MOST, &size);
    for (const char *at = text; text != NULL && text_line_take(&line, &at, text + size);) {
        struct crash_note note;
        struct text_line word = line;
        char name[64];
        int64_t time_s;
        if (read_note(line, &note)) {
            if (notes->count == capacity) {
                capacity = capacity == 0 ? 16 : capacity * 2;
                notes->items = memory_resize(notes->items, capacity * sizeof *notes->items);
            }
            notes->items[notes->count++] = note;
        } else if (text_line_word(&word, "release") && text_line_i64(&word, &time_s) &&
                   text_line_copy(&word, name, sizeof name) && text_line_ended(&word)) {
            release(notes, name);
        }
    }
    free(text);
}

void crash_notes_free(struct crash_notes *notes)
{
    free(notes->items);
    *notes = (struct crash_notes){0};
}

void crash_notes_trim(int folder)
{
    struct crash_notes notes;
    struct error error;
    struct stat status;
    if (fstatat(folder, CRASH_FILE, &status, AT_SYMLINK_NOFOLLOW) != 0 || status.st_size < LONG_FILE)
        return;
    crash_notes_read(folder, &notes);
    size_t first = notes.count > KEEP ? notes.count - KEEP : 0, size = 0;
    char *text = memory_new((notes.count - first) * CRASH_LINE_MAX + 1);
    for (size_t i = first; i < notes.count; i++)
        size += crash_note_line(&notes.items[i], text + size);
    (void)text_file_replace(folder, CRASH_FILE, text, size, false, &error);
    free(text);
    crash_notes_free(&notes);
}

int crash_notes_open(int folder, struct error *error)
{
    int file = openat(folder, CRASH_FILE,
                      O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600);
    if (file >= 0)
        return file;
    error_what(error, "what plugins crash at can't be noted: %s: %s", CRASH_FILE, strerror(errno));
    error_advice(error, "look at the disk, and who owns the state's folder");
    return -1;
}

bool crash_notes_release(int folder, const char *name, int64_t now_s, struct error *error)
{
    int file = crash_notes_open(folder, error);
    if (file < 0)
        return false;
    char line[128];
    int size = snprintf(line, sizeof line, "release %lld %s\n", (long long)now_s, name);
    bool good = size > 0 && (size_t)size < sizeof line && write(file, line, (size_t)size) == size;
    if (!good) {
        error_what(error, "the release can't be noted: %s: %s", CRASH_FILE, strerror(errno));
        error_advice(error, "make room in the file system of the state's folder");
    }
    (void)close(file);
    return good;
}

static bool is_of(const struct crash_note *note, const char *lane, const char *metric, uint64_t build)
{
    return note->build == build && strcmp(note->lane, lane) == 0 &&
           strcmp(note->metric, metric == NULL ? "-" : metric) == 0;
}

const struct crash_note *crash_notes_quarantine(const struct crash_notes *notes, const char *lane, const char *metric,
                                                uint64_t build)
{
    const struct crash_note *last = NULL;
    int64_t times_s[CRASH_QUARANTINE];
    size_t count = 0;
    for (const struct crash_note *note = notes->items; note < notes->items + notes->count; note++) {
        if (!is_of(note, lane, metric, build))
            continue;
        times_s[count++ % CRASH_QUARANTINE] = note->time_s; /* the next in this ring is the first of the latest few */
        if (count >= CRASH_QUARANTINE && note->time_s - times_s[count % CRASH_QUARANTINE] <= CRASH_WITHIN_S)
            last = note;
    }
    return last;
}

bool crash_note_same_place(const struct crash_note *a, const struct crash_note *b)
{
    if (!is_of(a, b->lane, b->metric, b->build) || strcmp(a->function, b->function) != 0)
        return false;
    if (a->partition >= 0 || b->partition >= 0)
        return a->partition == b->partition && a->offset == b->offset;
    return a->key_size > 0 && a->key_size == b->key_size && memcmp(a->key, b->key, a->key_size) == 0;
}

bool crash_notes_bar(const struct crash_notes *notes, size_t index)
{
    size_t before = 0;
    for (size_t i = 0; i < index; i++)
        before += crash_note_same_place(&notes->items[i], &notes->items[index]);
    return before + 1 == CRASH_AT_ONE_PLACE;
}
