/* plugin_call.h - which function of which plugin a thread is in, and on what: so that a crash or a hang can be named.
 *
 * A thread keeps it for itself with a few stores a call. A signal handler on the same thread may read all of it; other threads
 * read only what is atomic, of threads that are listed (plugin_call_list), to see whether they get on. */
#ifndef PLUGIN_PLUGIN_CALL_H
#define PLUGIN_PLUGIN_CALL_H

#include <shoplane/types.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A plugin of the running set, as messages and crash notes call it. Lives as long as the set. */
struct plugin_id {
    const char *lane;   /* the lane's name in the configuration */
    const char *metric; /* of a metric parser: its name there; NULL: it is the lane itself */
    uint64_t build;     /* a hash of the bytes of its file */
};

enum plugin_function {
    PLUGIN_NO_CALL,
    PLUGIN_OPEN,
    PLUGIN_CLOSE,
    PLUGIN_EXTRACT, /* about a message: partition, offset; and perhaps its key */
    PLUGIN_COMBINE, /* these about a key */
    PLUGIN_ADD,
    PLUGIN_PUBLISH,
    PLUGIN_COMPUTE,
    PLUGIN_AGES
};
const char *plugin_function_word(enum plugin_function function); /* "extract" */

#define PLUGIN_CALL_FUNCTION 16 /* state: calls so far * this + the function, PLUGIN_NO_CALL between calls */

struct plugin_call {
    _Atomic uint64_t state;
    _Atomic uint64_t beats; /* rounds of the thread's own loop */
    const struct plugin_id *_Atomic plugin;
    sl_view key;
    int64_t offset;
    int32_t partition;
};

extern _Thread_local struct plugin_call plugin_call __attribute__((tls_model("initial-exec")));

/* Around a call, or a run of calls of one function. One begin after the other needs no end between them. */
static inline void plugin_call_begin(enum plugin_function function, const struct plugin_id *plugin)
{
    uint64_t before = atomic_load_explicit(&plugin_call.state, memory_order_relaxed);
    atomic_store_explicit(&plugin_call.plugin, plugin, memory_order_relaxed);
    atomic_store_explicit(&plugin_call.state, (before | (PLUGIN_CALL_FUNCTION - 1)) + 1 + (uint64_t)function,
                          memory_order_release);
}
static inline void plugin_call_end(void)
{
    uint64_t before = atomic_load_explicit(&plugin_call.state, memory_order_relaxed);
    atomic_store_explicit(&plugin_call.state, before & ~(uint64_t)(PLUGIN_CALL_FUNCTION - 1), memory_order_release);
}
static inline void plugin_call_beat(void)
{
    uint64_t before = atomic_load_explicit(&plugin_call.beats, memory_order_relaxed);
    atomic_store_explicit(&plugin_call.beats, before + 1, memory_order_relaxed);
}

/* The calling thread is listed from now on; `beats`: it has a loop that says so with each round. Before it ends: unlisted. */
void plugin_call_list(bool beats);
void plugin_call_unlist(void);

/* What the end of the calling thread inside a plugin is: abort(), unless somebody gave something better. Does not return. */
extern void (*plugin_call_thread_ended)(void);

struct listed_call {
    const struct plugin_call *call;
    pthread_t thread;
    uint64_t number; /* tells this listing from every other */
    bool beats;
};
/* What is listed, to be looked at by `look` one after the other; none is unlisted meanwhile. */
void plugin_call_each(void (*look)(void *context, const struct listed_call *listed), void *context);

#endif
