#!/usr/bin/env python3
"""Every command in README.md and OPERATIONS.md, as a stranger would type it, in a copy of the source; and what the page says it prints.

    readme.py BUILD_DIR

A block marked `sh` is run by bash, in the order of the pages, and must succeed. A block marked `text` that comes next is what it
prints, on either output: each of its lines must be there, in this order. A line "..." stands for any lines, "..." inside a line
for anything. In the output of up.sh, and in lines that tell a time taken, numbers may differ.

Three commands are not run as they stand: ./up.sh gets --seconds 10, tests/run.sh would run this test again and is only looked at,
and the build leaves the tests out. Of BUILD_DIR only the downloaded jars of Apache Kafka are used, and the recipes that random
streams go through. Links to files must lead to one.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("README.md", "OPERATIONS.md")  # the second builds on what the first one built
LIMIT_S = 900
NUMBER = re.compile(r"\d[\d.,]*")


def blocks(name):
    """(language, text, line) of every fenced block."""
    page = (ROOT / name).read_text(encoding="utf-8")
    language, lines, began = None, [], 0
    for number, line in enumerate(page.splitlines(), 1):
        if language is None and line.startswith("```"):
            language, lines, began = line[3:].strip(), [], number
        elif language is not None and line == "```":
            yield language, "\n".join(lines), began
            language = None
        elif language is not None:
            lines.append(line)
    if language is not None:
        raise SystemExit(f"{name}:{began}: this block has no end")


def as_run(commands):
    commands = re.sub(r"^\./up\.sh$", "./up.sh --seconds 10", commands, flags=re.M)
    commands = re.sub(r"^tests/run\.sh$", "test -x tests/run.sh && bash -n tests/run.sh", commands, flags=re.M)
    return re.sub(r"^(cmake --preset \w+)$", r"\1 -DSHOPLANE_TESTS=OFF", commands, flags=re.M)


def pattern(line, numbers_differ):
    """What a promised line may look like; blanks count as one."""
    if line.startswith("Kafka "):  # which of the two it is depends on the machine
        return re.compile(r"Kafka +(Apache Kafka, started for this at|the embedded broker at) .*")
    parts = []
    for part in line.strip().split("..."):
        if numbers_differ or re.search(r" in \d[\d.]* s\b", line):
            part = r"[\d.,]+".join(re.escape(piece) for piece in NUMBER.split(part))
        else:
            part = re.escape(part)
        parts.append(re.sub(r"(\\ )+", r"\\s+", part))
    return re.compile(".*".join(parts))


def missing(promised, output, numbers_differ):
    """The first promised line that the output has not, in its place; None: all are there."""
    printed = iter([line.strip() for line in output.splitlines() if line.strip()])
    skipping = False
    for line in promised.splitlines():
        if not line.strip():
            continue
        if line.strip() == "...":
            skipping = True
            continue
        expected = pattern(line, numbers_differ)
        for candidate in printed:
            if expected.fullmatch(candidate):
                break
            if not skipping:
                return f"{line}\n  instead  {candidate}"
        else:
            return line
        skipping = False
    rest = None if skipping else next(printed, None)
    return None if rest is None else f"(the end)\n  instead  {rest}"


def run(commands, folder, environment):
    with tempfile.TemporaryFile("w+", errors="replace") as output:
        status = subprocess.run(["bash", "-euo", "pipefail", "-c", as_run(commands)], cwd=folder, env=environment, timeout=LIMIT_S,
                                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, check=False).returncode
        output.seek(0)
        return status, output.read()


def links_lead_somewhere(name):
    page, good = (ROOT / name).read_text(encoding="utf-8"), True
    for target in re.findall(r"\]\(([^)#:]+)\)", page):
        if not (ROOT / target).exists():
            print(f"FAILED  {name}: there is no {target}")
            good = False
    return good


def follow(name, copy, environment):
    """Run the page's commands. False: it promises something else."""
    good, commands, output = True, None, None
    for language, text, line in blocks(name):
        if language == "sh":
            print(f"{name}:{line}: " + "; ".join(text.splitlines())[:100], flush=True)
            commands = text
            status, output = run(text, copy, environment)
            if status != 0:
                raise SystemExit(f"FAILED  {name}:{line}: status {status}\n{output}")  # what comes next stands on it
        elif language == "text" and commands is not None:
            lacks = missing(text, output, "up.sh" in commands)
            if lacks is not None:
                print(f"FAILED  {name}:{line}: it does not print\n  promised {lacks}\nbut in all:\n{output}")
                good = False
            commands = None
        else:
            print(f"FAILED  {name}:{line}: a block marked \"{language}\" here is nothing that could be tested")
            good = False
    return good


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    build = Path(sys.argv[1]).resolve()
    if not shutil.which("redis-server"):
        print("no redis-server here")
        return 77
    good = all([links_lead_somewhere(name) for name in PAGES])
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "shoplane"
        shutil.copytree(ROOT, copy, ignore=lambda folder, names: [
            name for name in names if name in (".git", "__pycache__") or (Path(folder) == ROOT and name.startswith("build"))])
        (copy / "build").mkdir()
        for name in ("kafka", "examples"):
            if (build / name).is_dir():
                (copy / "build" / name).symlink_to(build / name)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SHOPLANE_")}
        environment["TMPDIR"] = scratch
        for name in PAGES:
            good = follow(name, copy, environment) and good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
