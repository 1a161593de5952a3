/* plugin_call.c - see plugin_call.h. */
#include "plugin/plugin_call.h"

#include "base/memory.h"

#include <stdlib.h>

_Thread_local struct plugin_call plugin_call __attribute__((tls_model("initial-exec")));

void (*plugin_call_thread_ended)(void) = abort;

static struct {
    pthread_mutex_t lock;
    struct listed_call *items;
    size_t count, capacity;
    uint64_t numbers;
} list = {.lock = PTHREAD_MUTEX_INITIALIZER};

const char *plugin_function_word(enum plugin_function function)
{
    static const char *const words[] = {
        [PLUGIN_NO_CALL] = "-",       [PLUGIN_OPEN] = "open",       [PLUGIN_CLOSE] = "close",
        [PLUGIN_EXTRACT] = "extract", [PLUGIN_COMBINE] = "combine", [PLUGIN_ADD] = "add",
        [PLUGIN_PUBLISH] = "publish", [PLUGIN_COMPUTE] = "compute",
        [PLUGIN_AGES] = "ages"};
    return words[function];
}

void plugin_call_list(bool beats)
{
    (void)pthread_mutex_lock(&list.lock);
    if (list.count == list.capacity) {
        list.capacity = list.capacity == 0 ? 16 : list.capacity * 2;
        list.items = memory_resize(list.items, list.capacity * sizeof *list.items);
    }
    list.items[list.count++] = (struct listed_call){&plugin_call, pthread_self(), ++list.numbers, beats};
    (void)pthread_mutex_unlock(&list.lock);
}

void plugin_call_unlist(void)
{
    (void)pthread_mutex_lock(&list.lock);
    for (size_t i = 0; i < list.count; i++)
        if (list.items[i].call == &plugin_call) {
            list.items[i] = list.items[--list.count];
            break;
        }
    if (list.count == 0) {
        free(list.items);
        list.items = NULL;
        list.capacity = 0;
    }
    (void)pthread_mutex_unlock(&list.lock);
}

void plugin_call_each(void (*look)(void *context, const struct listed_call *listed), void *context)
{
    (void)pthread_mutex_lock(&list.lock);
    for (size_t i = 0; i < list.count; i++)
        look(context, &list.items[i]);
    (void)pthread_mutex_unlock(&list.lock);
}
