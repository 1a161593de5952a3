"""Runs the program, and compares what it printed with what it should have printed, key by key."""

import json
import subprocess
from dataclasses import dataclass, field

RUN_SECONDS = 120


@dataclass
class Run:
    """One run of `shoplane replay`."""

    config: object
    files: list
    output: str = "writes"  # or final, or final=all
    until: str = None

    def command(self, build):
        words = [str(build / "shoplane"), "replay"]
        words += ["--sink", "jsonl"] if self.output == "writes" else ["--sink", "null", "--" + self.output]
        words += ["--config", str(self.config)]
        if self.until is not None:
            words += ["--until", self.until]
        return words + [str(file) for file in self.files]


def run_program(build, run):
    """(lines that it printed, None), or ([], what went wrong)."""
    try:
        done = subprocess.run(run.command(build), capture_output=True, timeout=RUN_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return [], f"no end after {RUN_SECONDS} s"
    if done.returncode != 0:
        return [], f"exit status {done.returncode}\n{done.stderr.decode(errors='replace')[-3000:]}"
    try:
        return [json.loads(line) for line in done.stdout.splitlines()], None
    except ValueError as error:
        return [], f"a line that is not JSON: {error}"


def by_key(lines):
    """{key: its lines}. A refresh without a value (sink.h: a newer one waits) stands for the value that was written before."""
    keys = {}
    for line in lines:
        rest = {name: value for name, value in line.items() if name not in ("key", "refresh")}
        before = keys.setdefault(line["key"], [])
        if line.get("refresh"):
            rest["value"] = before[-1]["value"] if before else "refreshed before it was written"
        before.append(rest)
    return keys


@dataclass
class Difference:
    """The first line of a key on which the two sides disagree."""

    key: str
    number: int  # of the line among the key's
    wanted: list = field(repr=False)
    got: list = field(repr=False)

    def at(self):
        sides = [
            side[self.number]["event_time"]
            for side in (self.wanted, self.got)
            if self.number < len(side) and "event_time" in side[self.number]
        ]
        return min(sides, default=""), self.key


def first_difference(wanted_lines, got_lines):
    """By time, then key; None if both agree. Final features must come in the same order too."""
    wanted, got, found = by_key(wanted_lines), by_key(got_lines), []
    for key in wanted.keys() | got.keys():
        one, other = wanted.get(key, []), got.get(key, [])
        if one != other:
            number = next((n for n, (a, b) in enumerate(zip(one, other)) if a != b), min(len(one), len(other)))
            found.append(Difference(key, number, one, other))
    if found:
        return min(found, key=Difference.at)
    if wanted_lines and "event_time" not in wanted_lines[0] and wanted_lines != got_lines:
        return Difference("(the order of the lines)", 0, wanted_lines, got_lines)
    return None


def tell_difference(found, out):
    """For people: a Difference, or a text that says what went wrong."""
    if isinstance(found, str):
        print(f"  the program: {found}", file=out)
        return
    print(f"  {found.key}, line {found.number + 1} of its lines", file=out)
    for line in found.wanted[max(0, found.number - 2) : found.number]:
        print(f"    both         {json.dumps(line, ensure_ascii=False)}", file=out)
    for name, side in (("expected   ", found.wanted), ("the program", found.got)):
        for line in side[found.number : found.number + 2] or ["nothing more"]:
            print(f"    {name}  {line if isinstance(line, str) else json.dumps(line, ensure_ascii=False)}", file=out)
