/* crash.c - see crash.h.
 *
 * What runs in a signal handler uses nothing but its stack, this thread's plugin_call and calls of the kernel. Another thread is
 * asked by a signal too: only the thread itself may read what it is at. */
#include "cli/crash.h"

#include "base/decimal.h"
#include "base/log.h"
#include "base/signal_stack.h"
#include "base/standard_error.h"
#include "cli/restart.h"
#include "state/crash_notes.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer) || \
    __has_feature(undefined_behavior_sanitizer)
#define SANITIZED 1
#endif
#endif

#define ANSWER_MS 1000
#define NOTE_S    10

static atomic_bool ending;
static atomic_int watching;                  /* the process that watches: not its children, of whom it hears; 0: nobody */
static atomic_flag taken = ATOMIC_FLAG_INIT; /* a thread is about to end the process */
static atomic_int notes = -1;                /* descriptor of the file of crash notes */

enum asking { ASK_NOTHING, ASK_PLACE, ASK_END, ASK_ANSWERED };
static struct {
    _Atomic enum asking state;
    char place[CRASH_PLACE_MAX];
} ask;

/* ---- texts, in a signal handler ---- */

struct text {
    char bytes[3 * CRASH_PLACE_MAX];
    size_t size;
};

static void put_byte(struct text *text, char byte)
{
    if (text->size < sizeof text->bytes - 1)
        text->bytes[text->size++] = byte >= 0 && (byte < 0x20 || byte == 0x7f) ? ' ' : byte;
}

static void put(struct text *text, const char *word)
{
    for (; *word != '\0'; word++)
        put_byte(text, *word);
}

static void put_number(struct text *text, int64_t number)
{
    char digits[DECIMAL_MAX];
    size_t size = decimal_i64(number, digits);
    for (size_t i = 0; i < size; i++)
        put_byte(text, digits[i]);
}

static bool in_plugin(const struct crash_note *note) { return note->function[0] != '-'; }

static void put_plugin(struct text *text, const struct crash_note *note)
{
    if (note->metric[0] != '-') {
        put(text, "metric parser ");
        put(text, note->metric);
        put(text, " of ");
    }
    put(text, "lane ");
    put(text, note->lane);
}

/* What follows the plugin and its function. */
static void put_place(struct text *text, const struct crash_note *note)
{
    if (note->partition >= 0) {
        put(text, ", partition ");
        put_number(text, note->partition);
        put(text, ", offset ");
        put_number(text, note->offset);
    }
    if (note->key_size > 0)
        put(text, ", key ");
    for (size_t i = 0; i < note->key_size && i < 200; i++)
        put_byte(text, note->key[i]);
}

/* ---- what a thread is at ---- */

static void copy_word(char *to, size_t room, const char *word)
{
    size_t size = strlen(word);
    if (size >= room)
        size = room - 1;
    memcpy(to, word, size);
    to[size] = '\0';
}

static enum plugin_function describe(const struct plugin_call *call, int cause, struct crash_note *note)
{
    uint64_t state = atomic_load_explicit(&call->state, memory_order_acquire);
    const struct plugin_id *plugin = atomic_load_explicit(&call->plugin, memory_order_relaxed);
    enum plugin_function function = (enum plugin_function)(state % PLUGIN_CALL_FUNCTION);
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_REALTIME, &now);
    memset(note, 0, sizeof *note);
    note->time_s = now.tv_sec;
    note->cause = cause;
    note->partition = -1;
    note->offset = -1;
    bool known = function != PLUGIN_NO_CALL && plugin != NULL && plugin->lane != NULL;
    copy_word(note->function, sizeof note->function, plugin_function_word(known ? function : PLUGIN_NO_CALL));
    copy_word(note->lane, sizeof note->lane, known ? plugin->lane : "-");
    copy_word(note->metric, sizeof note->metric, known && plugin->metric != NULL ? plugin->metric : "-");
    note->build = known ? plugin->build : 0;
    return known ? function : PLUGIN_NO_CALL;
}

/* Of the calling thread. */
static void describe_own(int cause, struct crash_note *note)
{
    enum plugin_function function = describe(&plugin_call, cause, note);
    if (function == PLUGIN_EXTRACT) {
        note->partition = plugin_call.partition;
        note->offset = plugin_call.offset;
    }
    if (function < PLUGIN_EXTRACT || plugin_call.key.data == NULL)
        return;
    note->key_size = plugin_call.key.size < sizeof note->key ? plugin_call.key.size : sizeof note->key;
    memcpy(note->key, plugin_call.key.data, note->key_size);
}

/* ---- the end ---- */

static void say(const struct crash_note *note, bool noted)
{
    struct text text = {.size = 0};
    put(&text, "shoplane: error: ");
    if (in_plugin(note)) {
        put_plugin(&text, note);
        put(&text, " ended the host in ");
        put(&text, note->function);
    } else {
        put(&text, "the host ended, in no plugin");
    }
    put(&text, ": ");
    put(&text, !in_plugin(note) && note->cause == CRASH_HANG ? "a worker stood still" : crash_cause_text(note->cause));
    put_place(&text, note);
    if (in_plugin(note) && noted)
        put(&text,
            "; noted in the state's folder: at one place twice, that is left out, three times in a day, the plugin is");
    if (in_plugin(note))
        put(&text, "; do this: shoplane plugin validate");
    text.bytes[text.size++] = '\n';
    standard_error_last_words(text.bytes, text.size);
}

/* On whatever thread it happens, with whatever it holds. */
static _Noreturn void end_with(struct crash_note *note)
{
    static _Thread_local bool mine;
    if (mine) /* here, of all places */
        (void)syscall(SYS_exit_group, CRASH_STATUS);
    while (atomic_flag_test_and_set(&taken))
        (void)poll(NULL, 0, 1000); /* another thread is at it */
    mine = true;
    (void)signal(SIGALRM, SIG_DFL);
    (void)alarm(NOTE_S); /* a disk that hangs keeps nothing alive */
    char line[CRASH_LINE_MAX];
    size_t size = crash_note_line(note, line);
    int file = atomic_load(&notes);
    bool noted = file >= 0 && write(file, line, size) == (ssize_t)size;
    say(note, noted);
    (void)alarm(0);
    restart_after_crash(note->cause);
    if (note->cause < CRASH_EXIT) {
        (void)signal(note->cause, SIG_DFL);
        (void)raise(note->cause);
    }
    for (;;)
        (void)syscall(SYS_exit_group, CRASH_STATUS);
}

static _Noreturn void end_by(int cause)
{
    struct crash_note note;
    describe_own(cause, &note);
    end_with(&note);
}

static bool is_watched(void) { return atomic_load(&watching) == (int)getpid() && !atomic_load(&ending); }

static void at_exit(void)
{
    if (is_watched())
        end_by(CRASH_EXIT);
}

static void thread_ended(void) { end_by(CRASH_THREAD); }

static void on_ask(int number)
{
    (void)number;
    int saved = errno;
    enum asking asked = atomic_load(&ask.state);
    if (asked == ASK_END)
        end_by(CRASH_HANG);
    if (asked == ASK_PLACE) {
        struct crash_note note;
        struct text text = {.size = 0};
        describe_own(0, &note);
        if (in_plugin(&note)) {
            put_plugin(&text, &note);
            put(&text, ", ");
            put(&text, note.function);
            put_place(&text, &note);
        }
        size_t size = text.size < sizeof ask.place ? text.size : sizeof ask.place - 1;
        memcpy(ask.place, text.bytes, size);
        ask.place[size] = '\0';
        atomic_store(&ask.state, ASK_ANSWERED);
    }
    errno = saved;
}

#ifndef SANITIZED

static void on_signal(int number)
{
    if (is_watched())
        end_by(number);
    (void)signal(number, SIG_DFL);
    (void)raise(number);
}

static void watch_signals(void)
{
    static const int numbers[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK | SA_NODEFER};
    (void)sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        (void)sigaction(numbers[i], &action, NULL);
}

/* A program's own functions come before the C library's: a plugin that calls these arrives here (exits.list exports them). */
_Noreturn void _exit(int status)
{
    if (is_watched())
        end_by(CRASH_EXIT);
    for (;;)
        (void)syscall(SYS_exit_group, status);
}

_Noreturn void _Exit(int status) { _exit(status); }

#else

static void watch_signals(void) {}

#endif

/* ---- for others ---- */

static int ask_signal(void) { return SIGRTMIN + 5; }

void crash_watch(void)
{
    struct sigaction action = {.sa_handler = on_ask, .sa_flags = SA_ONSTACK | SA_RESTART};
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(ask_signal(), &action, NULL);
    signal_stack_use();
    watch_signals();
    (void)atexit(at_exit);
    (void)at_quick_exit(at_exit);
    plugin_call_thread_ended = thread_ended;
    atomic_store(&watching, (int)getpid());
}

void crash_note_in(int folder)
{
    struct error error;
    int file = folder < 0 ? -1 : crash_notes_open(folder, &error);
    if (folder >= 0 && file < 0)
        log_problem(LOG_LEVEL_WARN, &error);
    int before = atomic_exchange(&notes, file);
    if (before >= 0)
        (void)close(before);
}

void crash_ending(void) { atomic_store(&ending, true); }

_Noreturn void crash_end_process(int status)
{
    crash_ending();
    _exit(status);
}

/* False: no answer. */
static bool send_ask(pthread_t thread, int what)
{
    struct timespec moment = {.tv_nsec = 1000000};
    atomic_store(&ask.state, what);
    if (pthread_kill(thread, ask_signal()) != 0)
        return false;
    for (int i = 0; i < ANSWER_MS; i++) {
        if (atomic_load(&ask.state) == ASK_ANSWERED)
            return true;
        (void)nanosleep(&moment, NULL);
    }
    return false;
}

bool crash_ask(const struct listed_call *listed, char place[CRASH_PLACE_MAX])
{
    bool answered = send_ask(listed->thread, ASK_PLACE);
    if (answered)
        memcpy(place, ask.place, CRASH_PLACE_MAX);
    enum asking late = ASK_PLACE; /* an answer that is on its way finds that nobody asks */
    (void)atomic_compare_exchange_strong(&ask.state, &late, ASK_NOTHING);
    return answered && place[0] != '\0';
}

_Noreturn void crash_hang(const struct listed_call *listed)
{
    struct crash_note note;
    (void)send_ask(listed->thread, ASK_END);
    (void)describe(listed->call, CRASH_HANG, &note);
    end_with(&note);
}
