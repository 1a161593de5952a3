/* control.h - a socket in the state's folder, through which the running host answers questions.
 *
 * <state.folder>/control, a Unix stream socket of mode 0600; only the host's own user and root are heard. One question a
 * connection: words, each ended by a zero byte, and an empty one behind the last; at most CONTROL_QUESTION_MAX bytes, within
 * CONTROL_PATIENCE_MS. The answer is "ok\n" and a text for people (or JSON, where a word asked for it), or "error\n" and the three
 * parts of an error, a line each; then the connection ends.
 *
 * A thread of its own, one question after the other. A host whose socket can't be made runs without, and says so. */
#ifndef SERVE_CONTROL_H
#define SERVE_CONTROL_H

#include "base/buffer.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

#define CONTROL_SOCKET "control"
#define CONTROL_QUESTION_MAX 4096
#define CONTROL_WORDS_MAX 16
#define CONTROL_PATIENCE_MS 2000

/* What the host can be asked. `words` begins with the command's name. False: *error. Called on the control's thread. */
struct control_command {
    const char *name;
    bool (*answer)(void *context, const char *const *words, size_t count, struct buffer *out, struct error *error);
};

struct control;

/* `folder`: descriptor of the state's folder, `path` its name for messages. `commands` end with one that has no name; all three
 * outlive it. NULL: there is none, and why was logged. */
struct control *control_start(int folder, const char *path, const struct control_command *commands, void *context);
/* Waits for the answer that is being made, not for who reads it. Takes the socket away. */
void control_stop(struct control *control);

/* ---- the other side ---- */

enum control_result {
    CONTROL_ANSWERED, /* the text is in `out` */
    CONTROL_REFUSED,  /* the host says *error */
    CONTROL_NOBODY    /* no host answers there: *error says why */
};
/* `path`: of the state's folder. */
enum control_result control_ask(const char *path, const char *const *words, size_t count, struct buffer *out, struct error *error);

#endif
