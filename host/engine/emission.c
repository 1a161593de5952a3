/* emission.c - see emission.h.
 *
 * A window is due when it is dirty, its bucket has a change left and its pace (pace.h) allows, or when a value it keeps alive has
 * a quarter of its TTL left. In the second case it may be dirty too: then what did not change is refreshed with its value, and of
 * what did only the TTL starts again, its new value waits for its turn. What was due while the sink could not take it is owed: it
 * goes as soon as the sink can, even if the session is over by then.
 *
 * A session that is over: the rule.
 *
 * As long as its log is there (until newest + gap + lateness) a change of its newest run is written when it is due, as if it were
 * not over: what waited for its interval, and what a late event brings. What still waits when the log goes is written then. But
 * nothing is refreshed any more; what is written is the whole view, changed or not; and it lives no longer than it would had it been
 * written when the session ended: for TTL - (clock - end). A late event that makes the session live again ends all that.
 *
 * So what is there follows from log and clock alone. Whole, since after a start nobody knows what of it was written when. And where the
 * sink takes what is owed only after the log would have gone, the time until then is not taken off the TTL: an outage is longer than
 * any session, and its last values are wanted all the same. */
#include "engine/emission.h"

#include "base/memory.h"
#include "engine/needs.h"
#include "engine/pace.h"
#include "engine/shard_logs.h"
#include "sink/patience.h"

#include <string.h>

/* A refresh is due when a quarter of the TTL is left. */
static int64_t refresh_ms(const struct window_settings *window) { return window->ttl_s * 750; }

/* When the window's bucket has a change left: an interval for each but one before it is full. */
static int64_t next_change_ms(const struct set_lane *lane, struct log *log, size_t w)
{
    const struct window_settings *window = &lane->windows[w].settings;
    return view_full_ms(log_view(log, lane, w)) - (window->burst - 1) * window->emit_ms;
}

/* A change was written: it leaves the bucket. What went out though there was none left empties it. */
static void take_change(const struct shard *shard, const struct set_lane *lane, struct log *log, size_t w)
{
    const struct window_settings *window = &lane->windows[w].settings;
    struct view *view = log_view(log, lane, w);
    int64_t full_ms = view_full_ms(view), empty_ms = shard->send_ms + window->burst * window->emit_ms;
    full_ms = (full_ms > shard->send_ms ? full_ms : shard->send_ms) + window->emit_ms;
    view_fill_at(view, full_ms < empty_ms ? full_ms : empty_ms);
}

/* May a change go out now? What still waits when a session's log goes waits no longer. */
static bool dirty_due(struct shard *shard, const struct set_lane *lane, struct log *log, size_t w)
{
    const struct view *view = log_view(log, lane, w);
    return view->dirty && ((next_change_ms(lane, log, w) <= shard->send_ms && pace_due(shard, lane, log, w)) ||
                           (lane->session && session_gone(shard, lane, log)));
}

/* When the dirty window will be due. */
static int64_t dirty_due_ms(struct shard *shard, const struct set_lane *lane, struct log *log, size_t w)
{
    int64_t change = next_change_ms(lane, log, w), pace = pace_due_ms(shard, lane, log, w);
    return change > pace ? change : pace;
}

/* When the first refresh of a live view is due; WHEEL_NEVER if it keeps nothing. */
static int64_t next_refresh(const struct set_lane *lane, const struct window_settings *window, const struct view *view)
{
    int64_t next = WHEEL_NEVER;
    if (view->live && view->unsure)
        return sent_when_ms(&view->sent[0]);
    for (size_t m = 0; view->live && m < lane->metric_count; m++) {
        const struct sent *sent = &view->sent[m];
        if (sent->hash != 0 && sent_present(sent) != 0 && sent_when_ms(sent) + refresh_ms(window) < next)
            next = sent_when_ms(sent) + refresh_ms(window);
    }
    return next;
}

/* ---- writing ---- */

enum write_kind { WRITE_VALUE, WRITE_REFRESH, WRITE_TTL };

/* What is written now follows from messages up to here: that goes first. */
static void write_fence(struct shard *shard)
{
    for (size_t i = 0; i < shard->unfenced_count; i++) {
        int32_t partition = shard->unfenced[i];
        sink_fence(shard->sink, partition, shard->applied[partition]);
        shard->listed[partition] = false;
    }
    shard->unfenced_count = 0;
    shard->fenced_clock_ms = shard->clock_ms;
    if (shard->clock_ms >= 0 && !shard->ending) /* it may be ahead of what messages tell */
        sink_fence(shard->sink, SINK_FENCE_CLOCK, shard->clock_ms);
}

static bool is_unfenced(const struct shard *shard)
{
    return shard->unfenced_count > 0 || (shard->applied != NULL && !shard->ending && shard->clock_ms != shard->fenced_clock_ms);
}

static void write_feature(struct shard *shard, const struct log *log, const struct lane_window *window,
                          const struct bound_metric *metric, size_t feature, enum write_kind kind, bool present, int64_t ttl_s)
{
    const struct folded_feature *folded = &shard->folder.features[feature];
    bool value = present && kind != WRITE_TTL;
    sl_view id = text_view(&log->key), suffix = window->suffixes[feature];
    buffer_reset(&shard->key);
    buffer_put(&shard->key, metric->key_prefix, metric->key_prefix_size);
    buffer_put(&shard->key, id.data, id.size);
    buffer_put(&shard->key, suffix.data, suffix.size);
    struct feature_write write = {
        .key = {shard->key.data, shard->key.size},
        .value = {value ? shard->folder.text.data + folded->offset : NULL, value ? folded->size : 0},
        .ttl_s = ttl_s > 0 ? ttl_s : window->settings.ttl_s,
        .time_ms = shard->clock_ms,
        .refresh = kind != WRITE_VALUE,
    };
    sink_write(shard->sink, &write);
}

static bool session_over(const struct set_lane *lane, const struct view *view) { return lane->session && !view->live; }

/* For how long what is written of a window now is to live; 0: its keys have run out already. */
static int64_t lifetime_s(const struct shard *shard, const struct set_lane *lane, struct log *log, size_t w)
{
    const struct window_settings *window = &lane->windows[w].settings;
    if (!session_over(lane, log_view(log, lane, w)))
        return window->ttl_s;
    int64_t over_ms = shard->clock_ms - session_end(lane, log);
    int64_t left_s = window->ttl_s - (over_ms < window->lateness_ms ? over_ms : window->lateness_ms) / 1000;
    return left_s > 0 ? left_s : 0;
}

/* Write one parser's features if they changed and `due`, or refresh them if it is time; a shadow's are only noted as if they had
 * been. Returns how many commands were given; *changed is set if one of them was more than a refresh. */
static size_t write_parser(struct shard *shard, const struct set_lane *lane, struct log *log, size_t w, size_t m,
                           size_t first_feature, bool due, bool *changed)
{
    const struct lane_window *window = &lane->windows[w];
    struct view *view = log_view(log, lane, w);
    struct sent *sent = &view->sent[m];
    const struct bound_metric *metric = &lane->metrics[m];
    bool same = sent->hash == shard->folder.hashes[m] && !session_over(lane, view);
    enum write_kind kind = same ? WRITE_REFRESH : due ? WRITE_VALUE : WRITE_TTL;
    if (kind != WRITE_VALUE && (!view->live || sent->hash == 0 || (!due && sent_present(sent) == 0) ||
                                sent_when_ms(sent) + refresh_ms(&window->settings) > shard->send_ms))
        return 0;
    bool expired = sent_when_ms(sent) + window->settings.ttl_s * 1000 <= shard->send_ms;
    if (kind == WRITE_TTL && expired) { /* nothing is there to be kept alive: all of it comes back when the change has its turn */
        sent_note(sent, sent_when_ms(sent), 0);
        return 0;
    }
    int64_t ttl_s = lifetime_s(shard, lane, log, w);
    unsigned there = expired ? 0 : sent_present(sent), present = 0;
    size_t written = 0;
    for (size_t f = 0; f < metric->feature_count; f++) {
        bool was = (there >> f & 1u) != 0;
        bool now = kind == WRITE_TTL ? was : ttl_s > 0 && shard->folder.features[first_feature + f].present;
        present |= (now ? 1u : 0u) << f;
        if (!now && !was)
            continue; /* absent, and was: nothing to delete */
        if (!metric->silent)
            write_feature(shard, log, window, metric, first_feature + f, kind, now, ttl_s);
        written++;
    }
    if (kind == WRITE_VALUE)
        sent->hash = ttl_s > 0 ? shard->folder.hashes[m] : 0;
    sent_note(sent, shard->send_ms - (window->settings.ttl_s - ttl_s) * 1000, present);
    *changed = *changed || (kind == WRITE_VALUE && written > 0);
    return metric->silent ? 0 : written;
}

size_t emission_first_record(const struct shard *shard, const struct set_lane *lane, const struct log *log, size_t w,
                             bool *live)
{
    const struct window_settings *window = &lane->windows[w].settings;
    if (!lane->session) {
        size_t first = log_from(log, lane, shard->clock_ms - window->length_ms);
        *live = first < log->count;
        return first;
    }
    *live = log->count > 0 && log_time(log, lane, log->count - 1) + window->gap_ms >= shard->clock_ms;
    return log_newest_run(log, lane);
}

int64_t emission_fold_ms(const struct shard *shard, const struct set_lane *lane, const struct log *log)
{
    if (!lane->session || log->count == 0)
        return shard->clock_ms;
    int64_t end_ms = log_time(log, lane, log->count - 1) + lane->windows[0].settings.gap_ms;
    return end_ms < shard->clock_ms ? end_ms : shard->clock_ms;
}

void emission_silence(const struct set_lane *lane, struct log *log, size_t window)
{
    for (size_t m = 0; m < lane->metric_count; m++)
        log_view(log, lane, window)->sent[m].hash = 0;
}

/* What a group at the sink is known by: the log, and above its address the window. */
#define TOKEN_WINDOW 48
static void *emission_token(struct log *log, size_t window)
{
    return (void *)((uintptr_t)log | (uintptr_t)window << TOKEN_WINDOW);
}

static void write_view(struct shard *shard, const struct set_lane *lane, struct log *log, size_t w)
{
    struct view *view = log_view(log, lane, w);
    bool live;
    size_t first = emission_first_record(shard, lane, log, w, &live);
    view->live = live;
    bool due = view->owed || dirty_due(shard, lane, log, w) ||
               (view->unsure && next_refresh(lane, &lane->windows[w].settings, view) <= shard->send_ms);
    view->dirty = view->dirty && !due;
    view->owed = false;
    view->unsure = view->unsure && !due;
    if (lane->session && (log->count == 0 || (shard->lanes[log->lane].filling && session_gone(shard, lane, log))))
        return; /* while a lane fills, its log holds sessions that had gone long ago */
    if (lane->pairs != 0)
        shadows_due(shard, log, w);
    if (!lane->silent && is_unfenced(shard))
        write_fence(shard);
    needs_fold(shard, &shard->folder, lane, text_view(&log->key), log, w, first, emission_fold_ms(shard, lane, log), shard->clock_ms);
    shard->counters.folds++;
    size_t written = 0, feature = 0;
    bool changed = false;
    for (size_t m = 0; m < lane->metric_count; m++) {
        if (needs_ready(shard, &lane->metrics[m]))
            written += write_parser(shard, lane, log, w, m, feature, due, &changed);
        feature += lane->metrics[m].feature_count;
    }
    if (due)
        pace_folded(shard, lane, log, w, log->count - first);
    if (changed)
        take_change(shard, lane, log, w);
    if (!view->live && !lane->session)
        emission_silence(lane, log, w);
    if (written == 0)
        return;
    log->pins++;
    sink_commit(shard->sink, emission_token(log, w));
}

/* ---- what is due, and when ---- */

static void queue_put(struct log_queue *queue, struct log *log)
{
    if (queue->first + queue->count == queue->capacity) {
        if (queue->first > queue->capacity / 2) {
            memmove(queue->logs, queue->logs + queue->first, queue->count * sizeof(struct log *));
            queue->first = 0;
        } else {
            queue->capacity = queue->capacity == 0 ? 1024 : queue->capacity * 2;
            queue->logs = memory_resize(queue->logs, queue->capacity * sizeof(struct log *));
        }
    }
    queue->logs[queue->first + queue->count++] = log;
}

static struct log *queue_take(struct log_queue *queue)
{
    struct log *log = queue->logs[queue->first++];
    if (--queue->count == 0)
        queue->first = 0;
    log->queue = QUEUE_NONE;
    return log;
}

static void enqueue(struct shard *shard, struct log *log, enum log_queue_kind kind)
{
    if (log->queue != QUEUE_NONE)
        return;
    log->queue = (uint8_t)kind;
    queue_put(kind == QUEUE_TOUCHED ? &shard->touched : &shard->owed, log);
}

/* Is anything of it still of use? If not yet to be forgotten, *until is when to look again (WHEEL_NEVER: not by time). */
static bool spent(const struct shard *shard, const struct set_lane *lane, struct log *log, int64_t *until)
{
    *until = WHEEL_NEVER;
    if (log->count > 0 || log->pins > 0 || log->queue != QUEUE_NONE)
        return false;
    int64_t last = INT64_MIN;
    for (size_t w = 0; w < lane->window_count; w++) {
        const struct window_settings *window = &lane->windows[w].settings;
        const struct view *view = log_view(log, lane, w);
        if (view->dirty || view->owed)
            return false;
        if (view_full_ms(view) > last)
            last = view_full_ms(view);
        /* A session that starts anew must delete what the last one left and it has not; so must a window, where what it left when it
         * went empty is of other lanes. */
        for (size_t m = 0; (lane->session || lane->has_needs) && m < lane->metric_count; m++)
            if (sent_present(&view->sent[m]) != 0 && sent_when_ms(&view->sent[m]) != SENT_UNKNOWN_MS &&
                sent_when_ms(&view->sent[m]) + window->ttl_s * 1000 > last)
                last = sent_when_ms(&view->sent[m]) + window->ttl_s * 1000;
    }
    if (last <= shard->send_ms)
        return true;
    *until = last;
    return false;
}

static void arm_send(struct shard *shard, const struct set_lane *lane, struct log *log, int64_t until)
{
    int64_t next = until;
    for (size_t w = 0; w < lane->window_count; w++) {
        const struct window_settings *window = &lane->windows[w].settings;
        const struct view *view = log_view(log, lane, w);
        int64_t due = WHEEL_NEVER;
        if (view->owed)
            continue; /* no timer: it goes when the sink can take it */
        if (view->dirty)
            due = dirty_due_ms(shard, lane, log, w);
        int64_t refresh = next_refresh(lane, window, view);
        if (refresh < due)
            due = refresh;
        if (due < next)
            next = due;
    }
    if (next != WHEEL_NEVER && next > shard->send_ms &&
        (!timer_armed(&log->send) || next < log->send.due_ms))
        wheel_arm(&shard->send, log, next);
}

/* May a group be written? With the event clock a sink that is only full is waited for: hours of the stream go by while it
 * catches up, and what was due then would be folded as of later. */
static bool sink_takes(struct shard *shard)
{
    if (shard->muted)
        return false;
    return shard->event_clock ? sink_patient(shard->sink, &shard->sink_away) : sink_ready(shard->sink);
}

/* Forget what was written of a window; but what may be there and should not must be deleted, however late. */
static void forget_sent(const struct set_lane *lane, struct view *view)
{
    for (size_t m = 0; m < lane->metric_count; m++) {
        view->sent[m].hash = 0;
        sent_note(&view->sent[m], SENT_UNKNOWN_MS, (1u << lane->metrics[m].feature_count) - 1u);
    }
}

void emission_doubt(const struct shard *shard, struct log *log)
{
    const struct set_lane *lane = &shard->set->lanes[log->lane];
    for (size_t w = 0; w < lane->window_count; w++) {
        struct view *view = log_view(log, lane, w);
        if (view->dirty || view->owed)
            forget_sent(lane, view);
    }
}

/* Write what is due and the sink takes; the rest is owed. */
static void serve(struct shard *shard, const struct set_lane *lane, struct log *log)
{
    for (size_t w = 0; w < lane->window_count; w++) {
        const struct window_settings *window = &lane->windows[w].settings;
        struct view *view = log_view(log, lane, w);
        if (!view->owed && !dirty_due(shard, lane, log, w) &&
            next_refresh(lane, window, view) > shard->send_ms)
            continue;
        if (lane->silent || (log->pins < UINT16_MAX && sink_takes(shard))) {
            write_view(shard, lane, log, w);
        } else {
            if (shard->event_clock && !view->owed) /* while it waits the clock may pass hours; Redis counts its own seconds */
                forget_sent(lane, view);
            view->owed = true;
            enqueue(shard, log, QUEUE_OWED);
        }
    }
}

/* After serving: the next timer, or the end. */
static void settle_down(struct shard *shard, const struct set_lane *lane, struct log *log)
{
    int64_t until;
    if (lane->session)
        shard_end_session(shard, lane, log);
    emission_account(shard, log);
    if (spent(shard, lane, log, &until))
        shard_forget(shard, log);
    else
        arm_send(shard, lane, log, until);
}

void emission_look(struct shard *shard, struct log *log)
{
    const struct set_lane *lane = &shard->set->lanes[log->lane];
    if (shard->lanes[log->lane].quiet)
        return;
    if (!shard->event_clock || shard->clock_ms == SHARD_BEGINNING_MS) {
        emission_account(shard, log);
        enqueue(shard, log, QUEUE_TOUCHED);
        return;
    }
    serve(shard, lane, log);
    settle_down(shard, lane, log);
}

void emission_look_when_whole(struct shard *shard, struct log *log)
{
    if (shard->lanes[log->lane].quiet)
        return;
    emission_account(shard, log);
    enqueue(shard, log, QUEUE_TOUCHED);
    shard->waiting = shard->event_clock;
}

static void serve_next(struct shard *shard, struct log_queue *queue)
{
    struct log *log = queue_take(queue);
    const struct set_lane *lane = &shard->set->lanes[log->lane];
    serve(shard, lane, log);
    settle_down(shard, lane, log);
}

void emission_begin(struct shard *shard)
{
    for (size_t left = shard->touched.count; left > 0; left--)
        serve_next(shard, &shard->touched);
}

bool emission_send_queued(struct shard *shard)
{
    if (shard->event_clock && shard->clock_ms == SHARD_BEGINNING_MS)
        return true; /* no worker knows the time yet */
    /* Only what is there now: a sink that loses at once what it is given would have it all back at the end of the queue. */
    for (size_t left = shard->touched.count; left > 0; left--)
        serve_next(shard, &shard->touched);
    for (size_t left = shard->owed.count; left > 0 && !shard->muted && sink_ready(shard->sink); left--)
        serve_next(shard, &shard->owed);
    return shard->owed.count == 0;
}

void emission_release(struct shard *shard, struct log *log)
{
    const struct set_lane *lane = &shard->set->lanes[log->lane];
    for (size_t w = 0; w < lane->window_count; w++) {
        struct view *view = log_view(log, lane, w);
        if (!view->dirty)
            continue;
        view->owed = true;
        enqueue(shard, log, QUEUE_OWED);
    }
    emission_account(shard, log);
}

void emission_write_again(struct shard *shard, struct log *log) { emission_write_windows_again(shard, log, UINT32_MAX); }

void emission_write_windows_again(struct shard *shard, struct log *log, uint32_t windows)
{
    const struct set_lane *lane = &shard->set->lanes[log->lane];
    for (size_t w = 0; w < lane->window_count; w++) {
        struct view *view = log_view(log, lane, w);
        if (log->count == 0 || (windows >> w & 1u) == 0)
            continue; /* where it has gone empty, or the session is over, a replica may not know it: that is written */
        forget_sent(lane, view);
        view->owed = true;
        enqueue(shard, log, QUEUE_OWED);
    }
    emission_account(shard, log);
}

void emission_wake(struct shard *shard, struct log *log, enum lane_wake wake, bool held, int64_t at_ms)
{
    const struct set_lane *lane = &shard->set->lanes[log->lane];
    bool owed = false;
    for (size_t w = 0; w < lane->window_count; w++) {
        struct view *view = log_view(log, lane, w);
        /* Of a lane that was filled Redis may have values of before: what has gone empty says so, too. */
        bool emptied = wake == WAKE_FILLED && !lane->session && held;
        bool over = session_over(lane, view) && log->count > 0; /* should it change, all of it is written */
        if (!view->live && !view->owed && !emptied && !over)
            continue;
        forget_sent(lane, view);
        if (over && !view->owed && wake != WAKE_FILLED)
            continue;
        if (wake == WAKE_FILLED) { /* what was written meanwhile may have been of a part of its records */
            view->dirty = true;
        } else if (!view->owed && (at_ms <= shard->send_ms || lane->metric_count == 0)) {
            view->owed = true;
        } else if (!view->owed) {
            view->unsure = true;
            sent_note(&view->sent[0], at_ms, (1u << lane->metrics[0].feature_count) - 1u);
        }
        owed = owed || view->owed;
    }
    enqueue(shard, log, owed ? QUEUE_OWED : QUEUE_TOUCHED);
    emission_account(shard, log);
}

void emission_account(struct shard *shard, struct log *log)
{
    const struct set_lane *lane = &shard->set->lanes[log->lane];
    bool open = log->pins > 0;
    for (size_t w = 0; w < lane->window_count && !open; w++) {
        const struct view *view = log_view(log, lane, w);
        open = view->dirty || view->owed;
    }
    if (open && log->since == 0) {
        log->since = ledger_open(&shard->ledger);
    } else if (!open && log->since != 0) {
        ledger_close(&shard->ledger, log->since);
        log->since = 0;
    }
}

void shard_settled(void *context, void *token, bool ok)
{
    struct shard *shard = context;
    if (token == NULL)
        return;
    size_t w = (uintptr_t)token >> TOKEN_WINDOW;
    struct log *log = (struct log *)((uintptr_t)token & (((uintptr_t)1 << TOKEN_WINDOW) - 1));
    const struct set_lane *lane = &shard->set->lanes[log->lane];
    log->pins--;
    if (!ok) {
        /* What is there now is not known: write all again. */
        struct view *view = log_view(log, lane, w);
        forget_sent(lane, view);
        view->owed = true;
        shard->counters.lost++;
        enqueue(shard, log, QUEUE_OWED);
    } else if (log->pins == 0 && (log->count == 0 || !log_view(log, lane, w)->live)) {
        enqueue(shard, log, QUEUE_TOUCHED); /* perhaps nothing of it is needed any more */
    }
    emission_account(shard, log);
}
