/* signals.c - see signals.h. */
#include "cli/signals.h"

#include <signal.h>
#include <stdatomic.h>
#include <string.h>

volatile bool signals_stop;
static atomic_int stops, last;
static atomic_bool reload;

static void on_signal(int number)
{
    if (number == SIGHUP) {
        atomic_store(&reload, true);
        return;
    }
    signals_stop = true;
    atomic_store(&last, number);
    (void)atomic_fetch_add(&stops, 1);
}

void signals_install(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigset_t none;
    (void)sigemptyset(&action.sa_mask);
    (void)sigemptyset(&none);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        (void)sigaction(numbers[i], &action, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)sigprocmask(SIG_SETMASK, &none, NULL); /* whatever a former self had blocked when it became us */
}

int signals_stops(void) { return atomic_load(&stops); }

bool signals_take_reload(void) { return atomic_exchange(&reload, false); }

const char *signals_last(void) { return strsignal(atomic_load(&last)); }
