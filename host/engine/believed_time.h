/* believed_time.h - what time it is, for partitions that have nothing to say: the wall clock, as far as it is believed.
 *
 * A wall clock may be wrong: it jumps an hour ahead and back while the process runs, or is ahead from the start until somebody
 * sets it. Were it believed, the clock of the features would jump with it, and since that never goes back, every window of five
 * minutes would be empty for an hour. So three times are compared, each as what it is ahead of the machine's running time (which
 * nobody sets, and which goes on while the machine sleeps):
 *
 *     wall    the wall clock now
 *     start   the wall clock when the first worker looked; raised to the earlier of the two others once they say more
 *     kafka   the newest Kafka timestamp of messages that came while their partition was read to its end: these are of now, and
 *             what they say ages with the running time. Of the last minute or two that had any, so that one producer whose
 *             clock was ahead does not count for ever.
 *
 * Believed is: while no message has come so, the earlier of wall and start; then the later of these two, but nothing later than
 * kafka. So a jump of the wall clock alone moves nothing, ahead or back; one that is right (a virtual machine that was paused) is
 * believed with the next message; and a start with a wrong wall clock is mended by the next message, before anything else that
 * follows from it. What can't be seen is a wall clock that is ahead from the start on while no message comes at all.
 *
 * Shared by all workers, or the idle partitions of one would not know what the messages of another say. Thread-safe; asked once
 * a batch, not once an event. */
#ifndef ENGINE_BELIEVED_TIME_H
#define ENGINE_BELIEVED_TIME_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* One moment, by both of the machine's clocks. */
struct moment {
    int64_t wall_ms;
    int64_t running_ms; /* since the machine was started */
};
struct moment moment_now(void);

struct believed_time {
    pthread_mutex_t lock;
    /* All as what they are ahead of running time; INT64_MIN: not known. */
    int64_t start_ms, kafka_ms, kafka_before_ms; /* kafka: of this minute, and of the one before it that had messages */
    int64_t minute_ms;                           /* running time when this one began */
    int64_t held_ms; /* by how much the wall clock was ahead of what was believed, when that was last asked; below 0: behind */
    bool said;       /* that they differ */
};

void believed_time_init(struct believed_time *time);
void believed_time_free(struct believed_time *time);

/* A message with this Kafka timestamp came. `live`: its partition had been read to its end before. */
void believed_time_heard(struct believed_time *time, int64_t running_ms, int64_t stamp_ms, bool live);

int64_t believed_time_now(struct believed_time *time, struct moment now);

/* held_ms, for figures. */
int64_t believed_time_held(struct believed_time *time);

#endif
