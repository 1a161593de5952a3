/* questions.c - see questions.h. */
#include "serve/questions.h"

#include "base/memory.h"
#include "engine/explanation.h"
#include "engine/question.h"
#include "engine/worker.h"

#include <stdlib.h>
#include <string.h>

#define WORKER_MS 5000 /* for a worker's answer */

static bool busy(struct error *error)
{
    error_what(error, "the host is too busy to answer, or ends");
    error_advice(error, "ask again");
    return false;
}

struct explaining {
    const struct questions *questions;
    const struct explanation_question *question;
    struct buffer *out;
    struct error *error;
    bool found;
};

static void explain_there(struct worker *worker, void *context)
{
    struct explaining *explaining = context;
    explaining->found = explanation_make(&worker->shard, explaining->question, "the running host", explaining->out,
                                         explaining->error);
}

static bool explain(void *context, const char *const *words, size_t count, struct buffer *out, struct error *error)
{
    const struct questions *questions = context;
    sl_key kind;
    if (count != 5) {
        error_what(error, "a question of %zu words is none", count);
        return false;
    }
    struct explanation_question question = {
        .kind = words[1], .id = words[2], .feature = strcmp(words[3], "*") == 0 ? NULL : words[3], .json = strcmp(words[4], "json") == 0,
        .live = questions->live, .disorder_ms = questions->disorder_ms, .quarantine = questions->quarantine};
    if (!explanation_kind(questions->set, question.kind, &kind, error)) {
        explanation_say_quarantine(&question, error);
        return false;
    }
    struct explaining explaining = {questions, &question, out, error, false};
    int owner = engine_owner(questions->engine, (sl_view){question.id, strlen(question.id)}, kind);
    if (engine_ask(questions->engine, owner, explain_there, &explaining, WORKER_MS))
        return explaining.found;
    return busy(error);
}

static bool cost(void *context, const char *const *words, size_t count, struct buffer *out, struct error *error)
{
    const struct questions *questions = context;
    struct lane_cost *costs = memory_new((questions->set->lane_count + 1) * sizeof *costs);
    bool good = engine_costs(questions->engine, costs, WORKER_MS) || busy(error);
    if (good)
        cost_tell(questions->set, costs, count > 1 && strcmp(words[1], "json") == 0, out);
    free(costs);
    return good;
}

/* diff, json or text, and whose; "*": all. */
static bool diff(void *context, const char *const *words, size_t count, struct buffer *out, struct error *error)
{
    const struct questions *questions = context;
    struct shadows sum;
    size_t before = out->size;
    bool json = count > 1 && strcmp(words[1], "json") == 0;
    const char *only = count > 2 && strcmp(words[2], "*") != 0 ? words[2] : NULL;
    shadows_init(&sum, questions->set, NULL);
    bool good = engine_shadows(questions->engine, &sum, WORKER_MS) || busy(error);
    if (good)
        shadows_tell(questions->set, &sum, only, json, out);
    shadows_free(&sum, questions->set);
    if (!good || json || out->size > before)
        return good;
    error_what(error, only == NULL ? "nothing runs as a shadow" : "\"%s\" runs beside nothing, and nothing beside it", only);
    error_advice(error, "shadow_of = \"NAME\"; in the configuration's entry of a lane or a metric parser");
    return false;
}

static bool audit(void *context, const char *const *words, size_t count, struct buffer *out, struct error *error)
{
    const struct questions *questions = context;
    (void)words, (void)count;
    if (questions->audit != NULL) {
        audit_tell(questions->audit, out);
        return true;
    }
    error_what(error, "this host does not audit itself");
    error_advice(error, "sink: { kind = \"redis\"; audit = \"1s\"; };");
    return false;
}

const struct control_command questions_commands[] = {{"explain", explain}, {"audit", audit}, {"cost", cost}, {"diff", diff}, {0}};
