/* questions.c - see questions.h. */
#include "serve/questions.h"

#include "base/memory.h"
#include "engine/explanation.h"
#include "engine/question.h"
#include "engine/worker.h"

#include <stdlib.h>
#include <string.h>

#define WORKER_MS 5000 /* for a worker's answer */

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
    explaining->found = explanation_make(&worker->shard, explaining->questions->table_seed, explaining->question, "the running host",
                                         explaining->out, explaining->error);
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
        .kind = words[1], .id = words[2], .feature = strcmp(words[3], "*") == 0 ? NULL : words[3], .json = strcmp(words[4], "json") == 0};
    if (!explanation_kind(questions->set, question.kind, &kind, error))
        return false;
    struct explaining explaining = {questions, &question, out, error, false};
    int owner = engine_owner(questions->engine, (sl_view){question.id, strlen(question.id)}, kind);
    if (engine_ask(questions->engine, owner, explain_there, &explaining, WORKER_MS))
        return explaining.found;
    error_what(error, "the host is too busy to answer, or ends");
    error_advice(error, "ask again");
    return false;
}

static bool cost(void *context, const char *const *words, size_t count, struct buffer *out, struct error *error)
{
    const struct questions *questions = context;
    struct lane_cost *costs = memory_new((questions->set->lane_count + 1) * sizeof *costs);
    bool good = engine_costs(questions->engine, costs, WORKER_MS);
    if (good) {
        cost_tell(questions->set, costs, count > 1 && strcmp(words[1], "json") == 0, out);
    } else {
        error_what(error, "the host is too busy to answer, or ends");
        error_advice(error, "ask again");
    }
    free(costs);
    return good;
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

const struct control_command questions_commands[] = {{"explain", explain}, {"audit", audit}, {"cost", cost}, {0}};
