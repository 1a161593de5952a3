#!/usr/bin/env python3
"""Random streams out of Kafka, with events that are ahead of their message's timestamp, and through the model: the same features.

    kafka.py BUILD_DIR [--seed N] [--streams N]

Each stream of streams.py gets timestamps: mostly some time after the event, as from a producer with a right clock; but every few
events are ahead of their message, by a millisecond or by more than `future` takes, and some timestamps are from before there was
any Kafka. From one partition of a mock broker every write of `shoplane run --to-end` must be the model's, to the millisecond,
whichever way the workers are. Across four partitions the order of arrival is nobody's: there the features at the end must be the
model's, of rolling windows, which do not depend on it; whether a window that was empty all along got its zeros does.
"""

import argparse
import copy
import json
import pathlib
import random
import subprocess
import sys
import tempfile

import configuration
import model
from compare import first_difference, tell_difference
from events import DeadLetter, format_time, parse_time, read_message
from streams import DAY, START, random_stream

EMPTY = {None, "0", "false", "{}", "[]", "0-0"}
RUN_SECONDS = 60
BROKEN = parse_time("2090-01-01 00:00:00")  # what streams.py takes for a broken clock is later


class Broker:
    """tests/ingest/mock_broker.c"""

    def __init__(self, build):
        program = build / "tests" / "ingest_mock_broker"
        self.child = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      stderr=subprocess.DEVNULL)
        self.address = self.child.stdout.readline().decode().strip()

    def tell(self, *commands):
        """Lines, or a line and what follows it."""
        self.child.stdin.write(b"".join(commands))
        self.child.stdin.flush()
        for command in commands:
            answer = self.child.stdout.readline().decode().strip()
            if answer != "ok":
                raise RuntimeError(f"the mock broker, to {command[:60]}: {answer}")

    def end(self):
        self.child.stdin.close()
        self.child.wait()


def event_time(message):
    try:
        return read_message(message).time_ms
    except DeadLetter:
        return None


def stamps_of(stream, draw):
    """A timestamp for each message."""
    future, now, stamps = stream.settings.future_ms, START, []
    for message in stream.messages:
        time_ms = event_time(message)
        time_ms = now if time_ms is None or time_ms > BROKEN else time_ms
        kind = draw.random()
        if kind < 0.15:
            stamp = time_ms - draw.choice((1, 1000, 5000, 60_000, future - 1, future, future + 1, 3_600_000))
        elif kind < 0.18:
            stamp = draw.choice((0, 1, model.FIRST_STAMP - 1))
        else:
            now = max(now, time_ms)
            stamp = now + draw.choice((0, 1, draw.randrange(3000)))
        stamps.append(max(stamp, 0))
    return stamps


def without_order(stream):
    """What of the stream does not depend on the order of arrival; None: nothing."""
    settings = copy.deepcopy(stream.settings)
    settings.lanes = [lane for lane in settings.lanes if not any(window.session for window in lane.windows)]
    messages, seen = [], set()
    for message in stream.messages:
        try:
            event = read_message(message)
        except DeadLetter:
            continue
        # Of one day: a record that waits for years for the other partitions to come there is refreshed all the while.
        if event.event_id not in seen and START <= event.time_ms < START + DAY:
            messages.append(message)
        seen.add(event.event_id)
    if not settings.lanes or not messages or settings.key_records < 1000 or len(messages) > 1000:
        return None
    return type(stream)(settings, messages)


def run_program(build, broker, name, stream, stamps, partitions, workers, draw):
    """The lines that it wrote, or what went wrong."""
    broker.tell(f"topic {name} {partitions}\n".encode())
    sent = zip(stream.messages, stamps)
    broker.tell(*(f"send {name} {draw.randrange(partitions)} {stamp} {len(message)}\n".encode() + message for message, stamp in sent))
    broker.tell(b"flush\n")
    with tempfile.TemporaryDirectory() as folder:
        lines = pathlib.Path(folder) / "lines"
        lines.touch()
        config = pathlib.Path(folder) / "shoplane.conf"
        source = f'brokers = "{broker.address}"; topic = "{name}"; start = "earliest";'
        text = configuration.write_text(stream.settings, workers, 1000, [], f"{build}/plugins:{build}/examples")
        text = text.replace('kind = "files"; files = [  ];', f'kind = "kafka"; {source}')
        config.write_text(text + f'sink: {{ kind = "jsonl"; file = "{lines}"; }};\n', encoding="utf-8")
        command = [build / "shoplane", "run", "--to-end", "--report", "1", "--config", config]
        try:
            done = subprocess.run(command, capture_output=True, timeout=RUN_SECONDS, check=False)
        except subprocess.TimeoutExpired as expired:
            return [], f"no end after {RUN_SECONDS} s\n{(expired.stderr or b'').decode(errors='replace')[-3000:]}"
        if done.returncode != 0:
            return [], f"exit status {done.returncode}\n{done.stderr.decode(errors='replace')[-3000:]}"
        return [json.loads(line) for line in lines.read_text(encoding="utf-8").splitlines()], None


def last_values(lines):
    return {line["key"]: line["value"] for line in lines}


def in_order(build, broker, seed, stream, draw):
    """One partition: what is wrong, or None."""
    stamps = stamps_of(stream, draw)
    writes, _ = model.replay(stream.messages, stream.settings, stamps=stamps)
    wanted = [write.line() for write in writes]
    for workers in (1, 3):
        got, error = run_program(build, broker, f"one-{seed}-{workers}", stream, stamps, 1, workers, draw)
        found = error or first_difference(wanted, got)
        if found:
            return found
    return None


def out_of_order(build, broker, seed, stream, draw):
    """Four partitions: what is wrong, or None."""
    stamps = stamps_of(stream, draw)
    pairs = sorted(zip(stream.messages, stamps), key=lambda pair: event_time(pair[0]))  # so nothing is late
    writes, end_ms = model.replay([message for message, _ in pairs], stream.settings, stamps=[stamp for _, stamp in pairs])
    wanted = last_values(write.line() for write in writes)
    lines, error = run_program(build, broker, f"four-{seed}", stream, stamps, 4, draw.choice((1, 2, 4)), draw)
    if error:
        return error
    got = last_values(lines)
    wrong = [
        f"{key} is {got.get(key)}, must be {wanted.get(key)}"
        for key in sorted(wanted.keys() | got.keys())
        if got.get(key) != wanted.get(key) and not (got.get(key) in EMPTY and wanted.get(key) in EMPTY)
    ]
    end = "-" if end_ms is None else format_time(end_ms)
    return f"at the clock {end}: {'; '.join(wrong[:5])} ({len(wrong)} wrong)" if wrong else None


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("build", type=pathlib.Path, metavar="BUILD_DIR")
    parser.add_argument("--seed", type=int, default=1, help="of the first stream; the others count up")
    parser.add_argument("--streams", type=int, default=12)
    arguments = parser.parse_args()
    build = arguments.build.resolve()
    broker, failures, messages, unordered = Broker(build), [], 0, 0
    for seed in range(arguments.seed, arguments.seed + arguments.streams):
        draw, stream = random.Random(f"stamps {seed}"), random_stream(seed)
        messages += len(stream.messages)
        found = in_order(build, broker, seed, stream, draw)
        loose = without_order(stream) if found is None else None
        if loose is not None:
            unordered += 1
            found = out_of_order(build, broker, seed, loose, draw)
        if found is not None:
            failures.append(seed)
            print(f"FAILED: seed {seed}; repeat: {__file__} {build} --seed {seed} --streams 1")
            tell_difference(found, sys.stdout)
    broker.end()
    print(f"property from Kafka: {arguments.streams} streams from seed {arguments.seed}, {messages} messages, {unordered} of them across "
          f"four partitions too: " + (f"{len(failures)} FAILED, seeds {' '.join(map(str, failures))}" if failures else "all agree"))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
