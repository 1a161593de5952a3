#!/usr/bin/env python3
"""The slow truth: what Shoplane must write for these messages and settings, computed by brute force.

    model.py --config FILE [--until TIME] [--final | --final=all] FILE...

prints what `shoplane replay --sink jsonl` with the same arguments must print (of the writes: per key; between keys there is no
order). It follows DESIGN.md section 3 and FEATURES.md with `clock = "event"`, and shares no idea with the engine: no timer
wheel, no dirty flags, no hashes of values. At every moment at which something can change, the records of a window are
picked from all records of its key, sorted, folded and compared with what was written last.

How it goes:
 1. All messages become events; the clock after each is the largest event time so far less the disorder (`arrivals`).
    What became a dead letter does not move the clock. An event in a Kafka message moves it no further than the message's
    timestamp.
 2. Each key of each lane is independent of all others: its log is played through (`Log`), and each of its windows beside it
    (`WindowView`), from one moment at which something is due to the next. But where a parser needs values of another lane, the logs of
    one key in both go through time together (`Key`): at each moment all that leaves has left, and all of an event is there, before
    anything is folded.

Readings of the specification, where it leaves room; M marks a moment at which they can be told apart:

- The name of a rolling window ends the feature's name, that of a session does not, whichever key the lane has.
- At one moment, first records leave (or a session ends), then changed features are written, then TTLs are refreshed.
- A record has reached an age A of its lane at time + A, to the millisecond; of a session's records those of the newest run do,
  until it is over.
- A rolling window that never held a record is silent: a late event older than its length makes it write no zeros.
- A window is silent once it was folded empty. When a silent window gets a record its parsers count as never written from then on.
  One that goes empty and gets records again before its zeros were due is not silent in between.
- Changes of a window: a bucket of `burst` of them, refilled by one each `emit` from the first on that left it full. A write of all
  that changed at one moment is one change, a refresh none. The bucket outlives silence and the end of a session's log. What is
  written though there is none left (a log goes, the end) starts the interval anew.
- "Deleted if it was there": an absent feature is deleted if it was written, not deleted since, and its TTL has not run out.
- A session that is over: as long as its log is there, a change of it is written when it is due, and what still waits when the log
  goes is written at that moment. It is written whole, changed or not, with what would be left of the TTL had it been written when
  the session ended (of lateness at most is taken off, whole seconds rounded up); where nothing would be left, what is there is
  deleted. Nothing is refreshed.
- When a session's log is gone all its parsers count as never written. What they wrote is still there.
- Of a session that never pauses a run that is not the newest goes, whole, when its last record is more than max + gap + lateness
  behind the clock, and an event as old as that is late: M after a run went, what comes late just behind it begins a run.
- A log has the newest `key_records` records. One that is older than all of these is not taken, whether or not it is a copy of one.
- A long window, with 20 records or more (of a session: its log) of a log that has 36, is folded once there were as many changes as a quarter of what it
  has beyond 12, or a 16th of its length (a session: of the time from its first record to its last, at least an eighth of the gap)
  after it was last folded for a change. A change is a record that comes, or a moment at which some leave or reach an age. A log with
  fewer records forgets changes and folds.
- A refresh that fell due while a window was not live is made up for at the moment it is live again: else a feature that did not
  change would be gone from Redis while its session is live. Only where the TTL has run out meanwhile and a newer value waits for its
  emit interval there is nothing to refresh: the key is gone, and the old value is not brought back.
"""

import argparse
import json
import sys
import time

import configuration
from events import DeadLetter, format_time, parse_time, read_message, read_messages
from lanes import LANES


FIRST_STAMP = parse_time("2010-01-01 00:00:00")  # Kafka timestamps before there was any Kafka do not count
LONG = 36  # records
CHANGES_ABOVE, CHANGES_SHARE = 12, 4  # records beyond which each so many wait for a change more
LENGTH_SHARE, GAP_SHARE = 16, 8  # how long a change waits


class Write:
    """One line of the jsonl sink. `value` None: deleted."""

    __slots__ = ("key", "value", "ttl_s", "time_ms", "refresh")

    def __init__(self, key, value, ttl_s, time_ms, refresh):
        self.key, self.value, self.ttl_s, self.time_ms, self.refresh = key, value, ttl_s, time_ms, refresh

    def line(self):
        return {"key": self.key, "value": self.value, "ttl": self.ttl_s, "event_time": format_time(self.time_ms)}


class WrittenParser:
    """What one metric parser of one window of one key has written."""

    def __init__(self):
        self.values = None  # as written last; None: counts as never written
        self.touched_ms = None  # last write or refresh
        self.there = set()  # features that were written and not deleted since
        self.there_until_ms = 0  # when their TTL runs out
        self.gone = False  # ran out while a change waited for its turn

    def touch(self, clock, ttl_s, left_s):
        """Written or refreshed; `left_s` of the TTL are left."""
        self.touched_ms = clock - (ttl_s - left_s) * 1000
        self.there_until_ms = clock + left_s * 1000


class Bucket:
    """The changes that may go out: some at once, then one more in each interval."""

    def __init__(self, burst, interval_ms):
        self.burst, self.interval_ms = burst, interval_ms
        self.left = burst
        self.next_ms = None  # when there is one more; None: it is full

    def has_one(self, clock):
        while self.next_ms is not None and self.next_ms <= clock:
            self.left += 1
            self.next_ms = self.next_ms + self.interval_ms if self.left < self.burst else None
        return self.left > 0

    def take(self, clock):
        if not self.has_one(clock):
            self.next_ms = clock + self.interval_ms
        else:
            self.left -= 1
            self.next_ms = clock + self.interval_ms if self.next_ms is None else self.next_ms


class WindowView:
    """One window of one key: which records it holds, what was written of it, and when."""

    def __init__(self, lane, lane_settings, window, key_text, writes, group):
        self.lane, self.window, self.writes = lane, window, writes
        self.lane_name, self.group = lane_settings.name, group
        self.settings = {**lane.settings, **lane_settings.params}
        self.ages_ms = lane.ages_ms(self.settings)
        self.suffix = "" if window.session else "_" + window.name
        self.prefix = f"{lane.key}:{key_text}:"
        self.written = {name: WrittenParser() for name in lane_settings.metrics}
        self.bucket = Bucket(window.burst, window.emit_ms)
        self.touched = False  # a record came, left, or reached an age since it was last folded
        self.pace()
        self.seen = None  # stamps of what its parsers need of others
        self.silent = True  # empty, and that has been said (or there was nothing to say)

    # Which records count

    def records(self, log, clock):
        """The records of the window at this clock, in log order."""
        if not self.window.session:
            return [record for record in log if record["time_ms"] >= clock - self.window.length_ms]
        return self.newest_run(log)

    def newest_run(self, log):
        runs = self.runs(log)
        return runs[-1] if runs else []

    def runs(self, log):
        runs = []
        for record in log:
            time_ms = record["time_ms"]
            if (
                not runs
                or time_ms - runs[-1][-1]["time_ms"] > self.window.gap_ms
                or time_ms - runs[-1][0]["time_ms"] > self.window.max_ms
            ):
                runs.append([])
            runs[-1].append(record)
        return runs

    def is_live(self, log, clock):
        """May its TTLs be refreshed."""
        if self.window.session:
            return bool(log) and clock <= log[-1]["time_ms"] + self.window.gap_ms
        return bool(self.records(log, clock))

    def is_over(self, log, clock):
        return self.window.session and not self.is_live(log, clock)

    def lifetime_s(self, log, clock):
        """For how long what is written now is to live."""
        if not self.is_over(log, clock):
            return self.window.ttl_s
        over_ms = clock - (log[-1]["time_ms"] + self.window.gap_ms)
        return max(0, self.window.ttl_s - min(over_ms, self.window.lateness_ms) // 1000)

    def pace(self, folded_ms=None):
        """Of a long log: when the window was folded last, and how many changes there were since."""
        self.folded_ms, self.changes = folded_ms, 0

    def size(self, log, clock):
        return len(log) if self.window.session else len(self.records(log, clock))

    def notice(self, log, clock):
        """What its parsers need of other windows and lanes may have changed: that is no change of its own, for its pace."""
        needs = sorted({need for name in self.written for need in self.lane.parser(name).needs}, key=str)
        needed = [
            [(record["time_ms"], record["id"]) for record in self.needed(window or self.window.name, lane, log, clock)]
            for lane, window in needs
        ]
        if needed != self.seen and self.is_live(log, clock):
            self.touched = True
        self.seen = needed

    # When something can happen

    def longest_wait_ms(self, log):
        if not self.window.session:
            return self.window.length_ms // LENGTH_SHARE
        return max(self.window.gap_ms // GAP_SHARE, (log[-1]["time_ms"] - log[0]["time_ms"]) // LENGTH_SHARE)

    def is_due(self, log, clock):
        if not self.bucket.has_one(clock):
            return False
        if len(log) < LONG or self.size(log, clock) < CHANGES_ABOVE + CHANGES_SHARE * (max(self.changes, 1) + 1):
            return True
        return self.folded_ms is None or self.folded_ms + self.longest_wait_ms(log) <= clock

    def moments(self, log):
        """Every time at which this window may have something to do, given this log; past ones too."""
        if not self.window.session:
            yield from (record["time_ms"] + self.window.length_ms + 1 for record in log)
        yield from (record["time_ms"] + age_ms for record in log for age_ms in self.ages_ms)
        if self.bucket.next_ms is not None:
            yield self.bucket.next_ms
        if self.folded_ms is not None and log:
            yield self.folded_ms + self.longest_wait_ms(log)
        yield from (self.refresh_due(parser) for parser in self.written.values() if parser.touched_ms is not None)

    def refresh_due(self, parser):
        return parser.touched_ms + self.window.ttl_s * 750  # three quarters of the TTL, in milliseconds

    # What happens

    def inserted(self, log, clock, time_ms):
        """A record came, or moved to where another copy of it was: `time_ms` is the later; the log is as it is now."""
        if self.window.session or time_ms >= clock - self.window.length_ms:
            self.changed(log)
        if self.silent and self.records(log, clock):
            self.silent = False
            self.forget()

    def changed(self, log):
        self.touched = True
        if len(log) >= LONG:
            self.changes += 1

    def passes(self, before, log, clock):
        """The clock comes to this moment; the log before and after what is old has left it."""
        left = not self.window.session and any(r["time_ms"] + self.window.length_ms + 1 == clock for r in before)
        if left or self.is_age(log, clock):
            self.changed(before)
            return True
        return False

    def forget(self):
        for parser in self.written.values():
            parser.values = parser.touched_ms = None

    def act(self, log, clock, flush=False):
        """Write and refresh what is due at this clock."""
        if self.silent:
            return
        if self.touched and (flush or self.is_due(log, clock)):
            self.fold_and_write(log, clock)
        if self.is_live(log, clock):
            self.refresh(log, clock)

    def values_now(self, name, records, log, clock):
        parser = self.lane.parser(name)
        needed = [self.needed(window or self.window.name, lane, log, clock) for lane, window in parser.needs]
        if self.is_over(log, clock):
            clock = log[-1]["time_ms"] + self.window.gap_ms
        return dict(zip(parser.features, parser.values(records, self.settings, clock, needed)))

    def needed(self, window, lane, log, clock):
        """The records of a window of this lane, or of another one of the same key, as of the same clock."""
        if lane is None:
            return next(view for view in self.group[self.lane_name].windows if view.window.name == window).records(log, clock)
        if lane not in self.group:
            return []
        other = self.group[lane]
        records = [] if other.session and other.records and clock >= other.goes_at() else other.records
        return next(view for view in other.windows if view.window.name == window).records(records, clock)

    def is_age(self, log, clock):
        """Is this the moment at which one of its records reaches an age?"""
        moments = (record["time_ms"] + age_ms for age_ms in self.ages_ms for record in self.records(log, clock))
        return clock in moments and self.is_live(log, clock)

    def fold_and_write(self, log, clock):
        records = self.records(log, clock)
        over, left_s = self.is_over(log, clock), self.lifetime_s(log, clock)
        self.touched = False
        if len(log) >= LONG:
            self.pace(clock)
        change = False
        for name, written in self.written.items():
            values = self.values_now(name, records, log, clock)
            written.gone = False
            if values == written.values and not over:
                continue
            if left_s == 0:
                values = dict.fromkeys(values)
            there = written.there if clock < written.there_until_ms else set()
            for feature, value in values.items():
                if value is not None or feature in there:
                    self.write(feature, value, clock, left_s, refresh=False)
                    change = True
            written.values = values
            written.touch(clock, self.window.ttl_s, left_s)
            written.there = {feature for feature, value in values.items() if value is not None}
            if left_s == 0:
                written.values = written.touched_ms = None
        if change:
            self.bucket.take(clock)
        self.silent = not records

    def refresh(self, log, clock):
        for name, written in self.written.items():
            if written.gone or written.touched_ms is None or clock < self.refresh_due(written):
                continue
            run_out = clock >= written.there_until_ms
            if run_out and self.values_now(name, self.records(log, clock), log, clock) != written.values:
                written.gone = True  # nothing is there to be kept alive: it comes back with the next fold
                continue
            for feature, value in written.values.items():
                if value is not None:
                    self.write(feature, value, clock, self.window.ttl_s, refresh=True)
            written.touch(clock, self.window.ttl_s, self.window.ttl_s)

    def write(self, feature, value, clock, ttl_s, refresh):
        key = self.prefix + feature + self.suffix
        self.writes.append(Write(key, value, ttl_s or self.window.ttl_s, clock, refresh))


class Log:
    """One key of one lane: its records, and its windows beside them."""

    def __init__(self, lane_settings, key_text, key_records, writes, group):
        lane = LANES[lane_settings.name]
        self.key_records = key_records
        self.windows = [WindowView(lane, lane_settings, window, key_text, writes, group) for window in lane_settings.windows]
        self.session = next((window for window in lane_settings.windows if window.session), None)
        self.longest_ms = max(window.length_ms for window in lane_settings.windows)
        self.records = []
        self.clock = None

    def goes_at(self):
        """A session's log: the first moment at which it is gone."""
        return self.records[-1]["time_ms"] + self.session.gap_ms + self.session.lateness_ms + 1

    def is_gone(self):
        return self.session and self.records and self.clock >= self.goes_at()

    def run_keep_ms(self):
        """How long after its end a run is kept that is not the newest."""
        return self.session.max_ms + self.session.gap_ms + self.session.lateness_ms

    def runs(self):
        return self.windows[0].runs(self.records)

    def old_run_goes_at(self, runs):
        return runs[0][-1]["time_ms"] + self.run_keep_ms() + 1

    def drop_old(self, clock):
        if not self.session:
            self.records = [record for record in self.records if record["time_ms"] >= clock - self.longest_ms]
        elif self.records and clock >= self.goes_at():
            self.records = []
            for window in self.windows:
                window.silent = True
        elif self.records and clock > self.records[0]["time_ms"] + self.run_keep_ms():
            runs = self.runs()
            while len(runs) > 1 and clock >= self.old_run_goes_at(runs):
                del runs[0]
            self.records = sum(runs, [])

    def next_moment(self, clock):
        """When something is due, up to and including this clock; None: nothing is."""
        if self.clock is None:
            return None
        return min((moment for moment in self.moments() if self.clock < moment <= clock), default=None)

    def leave(self, clock):
        """The clock is there: what waits of a log that goes is written, and what is too old leaves."""
        before = self.records
        self.clock = clock
        if self.is_gone():
            self.act(flush=True)
        self.drop_old(clock)
        if any([window.passes(before, self.records, clock) for window in self.windows]):
            self.forget_paces(before)

    def moments(self):
        for window in self.windows:
            yield from window.moments(self.records)
        if self.session and self.records:
            yield self.goes_at()
            if len(self.records) >= LONG:  # only its pace shows it
                runs = self.runs()
                if len(runs) > 1:
                    yield self.old_run_goes_at(runs)

    def act(self, flush=False):
        for window in self.windows:
            window.act(self.records, self.clock, flush)

    def forget_paces(self, log):
        for window in self.windows if len(log) < LONG else ():
            window.pace()

    def is_late(self, time_ms):
        if self.session:
            no_longer = self.run_keep_ms() if self.records else self.session.gap_ms + self.session.lateness_ms
            return time_ms + no_longer < self.clock
        return time_ms < self.clock - self.longest_ms

    def insert(self, record):
        """Late and duplicate events touch nothing."""
        if self.is_late(record["time_ms"]):
            return
        stamp = (record["time_ms"], record["id"])
        if len(self.records) >= self.key_records and stamp < (self.records[0]["time_ms"], self.records[0]["id"]):
            return
        copy = next((other for other in self.records if other["id"] == record["id"]), None)
        changed_ms = record["time_ms"]
        if copy is not None:
            if copy["time_ms"] <= record["time_ms"]:
                return
            changed_ms = copy["time_ms"]
            self.records.remove(copy)
        self.records.append(record)
        self.records.sort(key=lambda record: (record["time_ms"], record["id"]))
        del self.records[: -self.key_records]
        self.forget_paces(self.records)
        for window in self.windows:
            window.inserted(self.records, self.clock, changed_ms)


class Key:
    """One key of the lanes that know each other's values (of any other lane, alone): their logs go through time together."""

    def __init__(self):
        self.logs = {}  # by the lane's name

    def advance(self, clock):
        """Do everything that is due up to and including this clock, each thing at its time, in all logs."""
        logs = list(self.logs.values())
        while True:
            moment = min((moment for log in logs if (moment := log.next_moment(clock)) is not None), default=None)
            if moment is None:
                break
            for log in logs:
                log.leave(moment)
            self.notice()
            for log in logs:
                log.act()
        for log in logs:
            log.clock = clock
            log.drop_old(clock)

    def notice(self):
        for log in self.logs.values():
            for window in log.windows:
                window.notice(log.records, log.clock)

    def insert(self, records):
        """All records of one event, (lane, record)."""
        for lane, record in records:
            self.logs[lane].insert(record)
        self.notice()
        for log in self.logs.values():
            log.act(flush=log.is_gone())


def arrivals(messages, settings, wall_clock_ms, stamps=None):
    """(clock, event, its records by lane) for each event in order of arrival; then what the clock ends at without `until`."""
    largest = None
    for number, message in enumerate(messages):
        stamp = wall_clock_ms if stamps is None or stamps[number] < FIRST_STAMP else stamps[number]
        try:
            event = read_message(message)
            if event.time_ms > stamp + settings.future_ms:
                raise DeadLetter("future")
            records = extract(event, settings)
        except DeadLetter:
            continue
        moved = event.time_ms if stamps is None else min(event.time_ms, stamp)
        largest = moved if largest is None else max(largest, moved)
        yield largest - settings.disorder_ms, records
    if largest is not None:
        yield largest, []


def extract(event, settings):
    """[(number of the lane, key, record)]: all lanes extract before any record is kept."""
    records = []
    for number, lane_settings in enumerate(settings.lanes):
        lane = LANES[lane_settings.name]
        if event.name not in lane.events:
            continue
        key_text = event.user if lane.key == "user" else event.session
        if not key_text:
            continue
        record = lane.extract(event, {**lane.settings, **lane_settings.params})
        if record is not None:
            records.append((number, key_text, {**record, "time_ms": event.time_ms, "id": event.id}))
    return records


def replay(messages, settings, until_ms=None, wall_clock_ms=None, stamps=None):
    """All writes, in order within each key, and the clock at the end (None: there was no event). `stamps`: the Kafka timestamp of
    each message; None: they are lines of files."""
    writes, keys, clock = [], {}, None
    wall_clock_ms = int(time.time() * 1000) if wall_clock_ms is None else wall_clock_ms
    together = lanes_together(settings)
    for clock, records in arrivals(messages, settings, wall_clock_ms, stamps):
        of_event = {}
        for number, key_text, record in records:
            lane_settings = settings.lanes[number]
            key = keys.setdefault((together[lane_settings.name], key_text), Key())
            of_event.setdefault(id(key), (key, []))[1].append((lane_settings, key_text, record))
        for key, some in of_event.values():
            key.advance(clock)
            for lane_settings, key_text, _ in some:
                if lane_settings.name not in key.logs:
                    log = Log(lane_settings, key_text, lane_settings.key_records or settings.key_records, writes, key.logs)
                    log.clock = clock
                    key.logs[lane_settings.name] = log
            key.insert([(lane_settings.name, record) for lane_settings, _, record in some])
    if clock is None:
        return [], None
    end = clock if until_ms is None else max(clock, until_ms)
    for key in keys.values():
        key.advance(end)
        for log in key.logs.values():
            log.act(flush=True)
    return writes, end


def lanes_together(settings):
    """By lane: what those have in common that need each other's values."""
    group = {lane.name: lane.name for lane in settings.lanes}
    for lane in settings.lanes:
        for metric in lane.metrics:
            for needed, _ in LANES[lane.name].parser(metric).needs:
                if needed is not None:
                    group = {name: group[lane.name] if old == group[needed] else old for name, old in group.items()}
    return group


def final_features(writes, end_ms, everything=False):
    """What a reader finds at the end: lines as `--final` prints them, in byte order of keys."""
    newest = {write.key: write for write in writes}
    lines = []
    for key in sorted(newest, key=str.encode):
        write = newest[key]
        left_ms = write.time_ms + write.ttl_s * 1000 - end_ms
        if write.value is not None and (everything or left_ms > 0):
            lines.append({"key": key, "value": write.value, "ttl": write.ttl_s if everything else -(-left_ms // 1000)})
    return lines


def print_lines(lines, out):
    for line in lines:
        print(json.dumps(line, ensure_ascii=False, separators=(",", ":")), file=out)


def main():
    parser = argparse.ArgumentParser(description="What Shoplane must write, by brute force.")
    parser.add_argument(
        "--config", required=True, help="Shoplane's configuration; its source, sink and workers don't matter"
    )
    parser.add_argument("--until", help="let the clock go on to this time, 2025-03-26T11:00:00Z")
    parser.add_argument(
        "--final", nargs="?", const="live", choices=("live", "all"), help="final features instead of all writes"
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="enriched TSV, or the accelerator's JSON")
    arguments = parser.parse_args()
    until_ms = parse_time(arguments.until) if arguments.until else None
    if arguments.until and until_ms is None:
        parser.error(f"--until {arguments.until}: not a time like 2025-03-26T11:00:00Z")
    writes, end_ms = replay(read_messages(arguments.files), configuration.read(arguments.config), until_ms)
    if arguments.final:
        print_lines(final_features(writes, end_ms, everything=arguments.final == "all"), sys.stdout)
    else:
        print_lines((write.line() for write in writes), sys.stdout)


if __name__ == "__main__":
    main()
