/* c11_threads.c - C11's threads by way of pthreads, for ThreadSanitizer: it follows pthread calls only, and aborts in a thread
 * or at a lock that it did not see made. Debian's librdkafka uses the C11 ones, and takes these instead of the C library's
 * because a program's own functions come first.
 *
 * Linked into every program with librdkafka where SHOPLANE_SANITIZE has "thread" (CMakeLists.txt). glibc's mtx_t and cnd_t
 * have the size and alignment of their pthread counterparts; that is asserted. */
#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <threads.h>
#include <time.h>

static_assert(sizeof(mtx_t) >= sizeof(pthread_mutex_t) && _Alignof(mtx_t) >= _Alignof(pthread_mutex_t), "mtx_t");
static_assert(sizeof(cnd_t) >= sizeof(pthread_cond_t) && _Alignof(cnd_t) >= _Alignof(pthread_cond_t), "cnd_t");
static_assert(sizeof(thrd_t) == sizeof(pthread_t) && sizeof(tss_t) == sizeof(pthread_key_t), "thrd_t, tss_t");

static pthread_mutex_t *mutex_of(mtx_t *mutex) { return (pthread_mutex_t *)(void *)mutex; }
static pthread_cond_t *condition_of(cnd_t *condition) { return (pthread_cond_t *)(void *)condition; }

static int result(int error)
{
    switch (error) {
    case 0: return thrd_success;
    case ENOMEM: return thrd_nomem;
    case ETIMEDOUT: return thrd_timedout;
    case EBUSY: return thrd_busy;
    default: return thrd_error;
    }
}

/* ---- mutexes ---- */

int mtx_init(mtx_t *mutex, int type)
{
    pthread_mutexattr_t attributes;
    (void)pthread_mutexattr_init(&attributes);
    (void)pthread_mutexattr_settype(&attributes, (type & mtx_recursive) != 0 ? PTHREAD_MUTEX_RECURSIVE
                                                                              : PTHREAD_MUTEX_NORMAL);
    int error = pthread_mutex_init(mutex_of(mutex), &attributes);
    (void)pthread_mutexattr_destroy(&attributes);
    return result(error);
}

int mtx_lock(mtx_t *mutex) { return result(pthread_mutex_lock(mutex_of(mutex))); }
int mtx_trylock(mtx_t *mutex) { return result(pthread_mutex_trylock(mutex_of(mutex))); }
int mtx_timedlock(mtx_t *restrict mutex, const struct timespec *restrict until)
{
    return result(pthread_mutex_timedlock(mutex_of(mutex), until));
}
int mtx_unlock(mtx_t *mutex) { return result(pthread_mutex_unlock(mutex_of(mutex))); }
void mtx_destroy(mtx_t *mutex) { (void)pthread_mutex_destroy(mutex_of(mutex)); }

/* ---- conditions ---- */

int cnd_init(cnd_t *condition) { return result(pthread_cond_init(condition_of(condition), NULL)); }
int cnd_signal(cnd_t *condition) { return result(pthread_cond_signal(condition_of(condition))); }
int cnd_broadcast(cnd_t *condition) { return result(pthread_cond_broadcast(condition_of(condition))); }
int cnd_wait(cnd_t *condition, mtx_t *mutex)
{
    return result(pthread_cond_wait(condition_of(condition), mutex_of(mutex)));
}
int cnd_timedwait(cnd_t *restrict condition, mtx_t *restrict mutex, const struct timespec *restrict until)
{
    return result(pthread_cond_timedwait(condition_of(condition), mutex_of(mutex), until));
}
void cnd_destroy(cnd_t *condition) { (void)pthread_cond_destroy(condition_of(condition)); }

/* ---- threads ---- */

struct start {
    thrd_start_t function;
    void *argument;
};

static void *run(void *memory)
{
    struct start start = *(struct start *)memory;
    free(memory);
    return (void *)(intptr_t)start.function(start.argument);
}

int thrd_create(thrd_t *thread, thrd_start_t function, void *argument)
{
    struct start *start = malloc(sizeof *start);
    if (start == NULL)
        return thrd_nomem;
    *start = (struct start){function, argument};
    int error = pthread_create((pthread_t *)thread, NULL, run, start);
    if (error != 0)
        free(start);
    return error == EAGAIN ? thrd_nomem : result(error);
}

int thrd_join(thrd_t thread, int *code)
{
    void *returned = NULL;
    int error = pthread_join((pthread_t)thread, &returned);
    if (error == 0 && code != NULL)
        *code = (int)(intptr_t)returned;
    return result(error);
}

int thrd_detach(thrd_t thread) { return result(pthread_detach((pthread_t)thread)); }
_Noreturn void thrd_exit(int code) { pthread_exit((void *)(intptr_t)code); }

/* ---- what belongs to a thread, and what happens once ---- */

int tss_create(tss_t *key, tss_dtor_t destroy) { return result(pthread_key_create((pthread_key_t *)key, destroy)); }
void *tss_get(tss_t key) { return pthread_getspecific((pthread_key_t)key); }
int tss_set(tss_t key, void *value) { return result(pthread_setspecific((pthread_key_t)key, value)); }
void tss_delete(tss_t key) { (void)pthread_key_delete((pthread_key_t)key); }

void call_once(once_flag *flag, void (*function)(void))
{
    static_assert(sizeof(once_flag) == sizeof(pthread_once_t), "once_flag");
    (void)pthread_once((pthread_once_t *)(void *)flag, function);
}

/* ---- what ThreadSanitizer can't see ---- */

const char *__tsan_default_suppressions(void);

/* librdkafka counts who still looks at a buffer by atomics, which are not seen in a library that is not instrumented; the last
 * one frees it. So what it frees and copies by itself is not looked at; its locks are, since they come by here. */
const char *__tsan_default_suppressions(void) { return "called_from_lib:librdkafka.so\n"; }
