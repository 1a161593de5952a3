#!/usr/bin/env python3
"""Random streams through the program and through the model: both must write the same, to the letter and the millisecond.

    run.py BUILD_DIR [--seed N] [--streams N] [--long]

Each stream (streams.py) is replayed by BUILD_DIR/shoplane with one worker and four, in batches of one and of 1 000, and what it
wrote is compared key by key - every value, TTL and time, in order - with the model (model.py); so are the final features.
A stream that fails is made as small as it gets, shown with its first difference and the command that repeats it, and left in
BUILD_DIR/property-failures. Exit status: 0 all agree, 1 something differs.
"""

import argparse
import concurrent.futures
import copy
import os
import pathlib
import sys
import tempfile
import time

import configuration
import model
from compare import Difference, Run, first_difference, run_program, tell_difference
from events import DeadLetter, format_time, read_message
from streams import Stream, random_stream

SHRINK_SECONDS = 30


class Way:
    """One way to run the program on a stream: how many workers, which batches, and what is asked for."""

    def __init__(self, workers, batch, output):
        self.workers, self.batch, self.output = workers, batch, output  # output: writes, final or final=all

    def __str__(self):
        return f"workers {self.workers}, batch {self.batch}, {self.output}"


ORDINARY_WAYS = [Way(1, 1, "writes"), Way(4, 1000, "writes"), Way(4, 1, "final"), Way(1, 1000, "final=all")]
ALL_WAYS = [
    Way(workers, batch, output)
    for workers in (1, 4)
    for batch in (1, 1000)
    for output in ("writes", "final", "final=all")
]


def write_files(build, folder, stream, way):
    (folder / "events").write_bytes(b"".join(message + b"\n" for message in stream.messages))
    text = configuration.write_text(stream.settings, way.workers, way.batch, [folder / "events"], f"{build}/plugins:{build}/examples")
    (folder / "shoplane.conf").write_text(text, encoding="utf-8")


def run_of(folder, stream, way):
    until = None if stream.until_ms is None else format_time(stream.until_ms)
    return Run(folder / "shoplane.conf", [folder / "events"], way.output, until)


def actual(build, stream, way):
    """(lines that the program printed, None), or ([], what went wrong)."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        write_files(build, folder, stream, way)
        return run_program(build, run_of(folder, stream, way))


def expected(stream, way):
    if stream.truth is None:
        stream.truth = model.replay(stream.messages, stream.settings, stream.until_ms)
    writes, end_ms = stream.truth
    if way.output == "writes":
        return [write.line() for write in writes]
    return model.final_features(writes, end_ms, everything=way.output == "final=all")


def trouble(build, stream, way):
    """What is wrong with this stream run this way: a text, a Difference, or None."""
    got, error = actual(build, stream, way)
    return error or first_difference(expected(stream, way), got)


# Making a failure small


def same_kind(one, other):
    return isinstance(one, Difference) == isinstance(other, Difference)


def smaller_settings(stream):
    """Streams that have one lane, window or metric parser less, or no --until."""
    for number, lane in enumerate(stream.settings.lanes):
        for drop in (
            "lane",
            *(("window", n) for n in range(len(lane.windows))),
            *(("metric", n) for n in range(len(lane.metrics))),
        ):
            settings = copy.deepcopy(stream.settings)
            if drop == "lane":
                del settings.lanes[number]
            elif drop[0] == "window":
                del settings.lanes[number].windows[drop[1]]
            else:
                del settings.lanes[number].metrics[drop[1]]
            if settings.lanes and all(lane.windows and lane.metrics for lane in settings.lanes):
                yield Stream(settings, stream.messages, stream.until_ms)
    if stream.until_ms is not None:
        yield Stream(stream.settings, stream.messages, None)


def fewer_messages(stream, size):
    """Streams without a piece of `size` messages."""
    for start in range(0, len(stream.messages), size):
        yield Stream(stream.settings, stream.messages[:start] + stream.messages[start + size :], stream.until_ms)


def shrink(build, stream, way, found):
    """The smallest stream found, in limited time, that still fails in the same manner; and what is wrong with it."""
    end = time.monotonic() + SHRINK_SECONDS
    size = max(1, len(stream.messages) // 2)
    while time.monotonic() < end:
        candidates = [fewer_messages(stream, size)] + ([smaller_settings(stream)] if size == 1 else [])
        better = None
        for candidate in (candidate for source in candidates for candidate in source):
            still = trouble(build, candidate, way)
            if still is not None and same_kind(still, found):
                better = candidate, still
                break
            if time.monotonic() > end:
                break
        if better:
            stream, found = better
        elif size == 1:
            break
        else:
            size = max(1, size // 2)
    return stream, found


# Showing it


def tell_events(stream):
    """The messages in order of arrival: the clock after each, its time, name, keys and what lanes keep of it."""
    largest = None
    for message in stream.messages:
        try:
            event = read_message(message)
            records = model.extract(event, stream.settings)
        except DeadLetter as letter:
            yield f"  (dead letter: {letter})"
            continue
        largest = event.time_ms if largest is None else max(largest, event.time_ms)
        kept = [
            f"{stream.settings.lanes[number].name} {key}: "
            + " ".join(
                f"{name}={value}"
                for name, value in record.items()
                if name not in ("time_ms", "id", "event") and value not in ("", None)
            )
            for number, key, record in records
        ]
        yield (
            f"  clock {format_time(largest - stream.settings.disorder_ms)}  {event.name} at {format_time(event.time_ms)}"
            f" id {event.event_id[:24]} (hash {event.id:016x})  {' | '.join(kept)}"
        )


def tell_failure(build, arguments, seed, stream, way, found, out):
    folder = build / "property-failures" / str(seed)
    folder.mkdir(parents=True, exist_ok=True)
    write_files(build, folder, stream, way)
    until = f" --until {format_time(stream.until_ms)}" if stream.until_ms is not None else ""
    here = pathlib.Path(__file__).parent
    final = "" if way.output == "writes" else f"--{way.output} "
    print(f"\nFAILED: seed {seed} ({way}); made small: {len(stream.messages)} messages{until}", file=out)
    print(configuration.write_text(stream.settings, way.workers, way.batch), file=out)
    print("\n".join(tell_events(stream)), file=out)
    tell_difference(found, out)
    print(f"  repeat   {' '.join(run_of(folder, stream, way).command(build))}", file=out)
    print(
        f"  truth    {here / 'model.py'} {final}--config {folder / 'shoplane.conf'}{until} {folder / 'events'}",
        file=out,
    )
    print(
        f"  seed     {here / 'run.py'} {build} --seed {seed} --streams 1{' --long' if arguments.long else ''}", file=out
    )


def run_seed(build, seed, long):
    """(seed, messages, way of the failure or None, what was wrong)"""
    stream = random_stream(seed, long)
    for way in ALL_WAYS if long else ORDINARY_WAYS:
        found = trouble(build, stream, way)
        if found is not None:
            return seed, len(stream.messages), way, found
    return seed, len(stream.messages), None, None


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("build", type=pathlib.Path, metavar="BUILD_DIR")
    parser.add_argument("--seed", type=int, default=1, help="of the first stream; the others count up")
    parser.add_argument("--streams", type=int, default=150)
    parser.add_argument("--long", action="store_true", help="streams ten times as long, run in every way")
    parser.add_argument("--stop-after", type=int, default=3, metavar="N", help="failures to make small and show")
    arguments = parser.parse_args()
    if arguments.streams < 1:
        parser.error(f"--streams {arguments.streams}: nothing would be tested")
    build = arguments.build.resolve()
    if not os.access(build / "shoplane", os.X_OK):
        parser.error(f"{build / 'shoplane'}: no such program")

    started, messages, failures = time.monotonic(), 0, []
    with concurrent.futures.ProcessPoolExecutor(max_workers=os.cpu_count()) as pool:
        seeds = range(arguments.seed, arguments.seed + arguments.streams)
        for seed, count, way, found in pool.map(run_seed, [build] * len(seeds), seeds, [arguments.long] * len(seeds)):
            messages += count
            if way is None:
                continue
            failures.append(seed)
            if len(failures) <= arguments.stop_after:
                stream, found = shrink(build, random_stream(seed, arguments.long), way, found)
                tell_failure(build, arguments, seed, stream, way, found, sys.stdout)
                sys.stdout.flush()
    print(
        f"property: {arguments.streams} streams from seed {arguments.seed}, {messages} messages, "
        f"{len(ALL_WAYS if arguments.long else ORDINARY_WAYS)} runs each, {time.monotonic() - started:.0f} s: "
        + (f"{len(failures)} FAILED, seeds {' '.join(map(str, failures[:40]))}" if failures else "all agree")
    )
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
