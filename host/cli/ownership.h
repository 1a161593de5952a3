/* ownership.h - one process at a time: the lock of the state folder, and the lease in Redis.
 *
 * Whoever has neither stands by until the owner is gone. The lock goes with the process that holds it, so a standby on the
 * same folder takes over at once when it dies; the lease goes when it is not renewed, which covers another machine, and a
 * process that is stopped. Main thread. */
#ifndef CLI_OWNERSHIP_H
#define CLI_OWNERSHIP_H

#include "config/config.h"
#include "sink/lease.h"
#include "state/state_folder.h"

struct ownership {
    struct state_folder folder;
    bool has_folder;
    struct lease *lease; /* NULL: none is asked for */
    char owner[STATE_OWNER_MAX];
    bool stood_by;       /* somebody else was it before */
};

/* Take what the configuration asks for; stand by, saying so, as long as somebody else has it, and until *stop. False: the
 * folder can't be used (*error), or told to stop (error->what is empty). `inherited_lock`: descriptor of the lock that a former
 * self left to us, or 0; taken over, or closed. */
bool ownership_take(struct ownership *ownership, const struct config *config, int inherited_lock, const volatile bool *stop,
                    struct error *error);

/* The lease is for anybody, and at once our next self; the lock stays. */
void ownership_lease_up(struct ownership *ownership);

/* `give_up`: the next owner need not wait for the lease to run out. After the last write. */
void ownership_end(struct ownership *ownership, bool give_up);

#endif
