/* ledger.c - see ledger.h. */
#include "engine/ledger.h"

#include "base/memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static struct ledger_mark *mark_at(struct ledger *ledger, size_t number)
{
    return &ledger->marks[(ledger->first + number) % LEDGER_MARKS];
}

void ledger_init(struct ledger *ledger, size_t lanes, int64_t clock_ms)
{
    *ledger = (struct ledger){.lanes = lanes, .count = 1};
    for (size_t i = 0; i < LEDGER_MARKS; i++)
        ledger->marks[i].positions = memory_new((lanes + 1) * sizeof(struct journal_position));
    ledger->marks[0].clock_ms = clock_ms;
}

void ledger_free(struct ledger *ledger)
{
    for (size_t i = 0; i < LEDGER_MARKS; i++)
        free(ledger->marks[i].positions);
}

uint8_t ledger_open(struct ledger *ledger)
{
    struct ledger_mark *mark = mark_at(ledger, ledger->count - 1);
    mark->open++;
    return (uint8_t)(mark - ledger->marks + 1);
}

void ledger_close(struct ledger *ledger, uint8_t since)
{
    assert(since != 0 && ledger->marks[since - 1].open > 0);
    ledger->marks[since - 1].open--;
}

static void forget_closed(struct ledger *ledger)
{
    while (ledger->count > 1 && mark_at(ledger, 0)->open == 0) {
        ledger->first = (ledger->first + 1) % LEDGER_MARKS;
        ledger->count--;
    }
}

void ledger_mark(struct ledger *ledger, int64_t clock_ms, const struct journal_position *positions)
{
    forget_closed(ledger);
    if (mark_at(ledger, ledger->count - 1)->open > 0) {
        if (ledger->count == LEDGER_MARKS)
            return;
        ledger->count++;
    }
    struct ledger_mark *mark = mark_at(ledger, ledger->count - 1);
    mark->clock_ms = clock_ms;
    mark->open = 0;
    memcpy(mark->positions, positions, ledger->lanes * sizeof *positions);
}

void ledger_begin_lane(struct ledger *ledger, size_t lane)
{
    for (size_t i = 0; i < ledger->count; i++)
        mark_at(ledger, i)->positions[lane] = (struct journal_position){0};
}

const struct ledger_mark *ledger_oldest(struct ledger *ledger)
{
    forget_closed(ledger);
    struct ledger_mark *oldest = mark_at(ledger, 0);
    return oldest->open > 0 ? oldest : NULL;
}
