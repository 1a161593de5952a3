#!/usr/bin/env python3
"""A simulated shop's whole day through the program and through the model, with the configurations as they are shipped.

    golden_day.py BUILD_DIR [--rate N] [--seed N] [--keep FOLDER]

Where run.py draws nasty streams, this is what ordinary days look like: `BUILD_DIR/shoplane-demo generate` writes 24 hours of
visits, some events late, some twice, in both formats. Every write, and the final features at midnight, must be the model's.
Exit status: 0 all agree, 1 something differs, 77 skipped (with the reason) because the demo was not built.
"""

import argparse
import concurrent.futures
import os
import pathlib
import subprocess
import sys
import tempfile

import configuration
import model
from compare import Run, first_difference, run_program, tell_difference

ROOT = pathlib.Path(__file__).resolve().parents[2]
CONFIGURATIONS = ["live-shopper.conf", "shoplane.conf"]
SKIPPED = 77


def generate(build, arguments, form, folder):
    path = folder / f"day.{form}"
    subprocess.run(
        [
            str(build / "shoplane-demo"),
            "generate",
            "--duration",
            "24h",
            "--rate",
            str(arguments.rate),
            "--seed",
            str(arguments.seed),
            "--late",
            "3%",
            "--duplicates",
            "3%",
            "--format",
            form,
            "--output",
            str(path),
        ],
        check=True,
    )
    return path


def check(build, config, events):
    """[(what was compared, Difference or error or None)] of one configuration and one file."""
    writes, end_ms = model.replay(model.read_messages([events]), configuration.read(config))
    expected = {
        "writes": [write.line() for write in writes],
        "final": model.final_features(writes, end_ms),
        "final=all": model.final_features(writes, end_ms, everything=True),
    }
    results = []
    for output, lines in expected.items():
        got, error = run_program(build, Run(config, [events], output))
        name = f"{config.name}, {events.name}, {output}: {len(lines)} lines"
        results.append((name, error or first_difference(lines, got)))
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("build", type=pathlib.Path, metavar="BUILD_DIR")
    parser.add_argument("--rate", type=float, default=0.06, help="events a second; default 0.06, some 5 000 in a day")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=pathlib.Path, metavar="FOLDER", help="leave the generated days here")
    arguments = parser.parse_args()
    build = arguments.build.resolve()
    if not os.access(build / "shoplane-demo", os.X_OK):
        print(f"golden_day: skipped: {build / 'shoplane-demo'} was not built")
        return SKIPPED

    failed = False
    with tempfile.TemporaryDirectory() as temporary, concurrent.futures.ProcessPoolExecutor(os.cpu_count()) as pool:
        folder = arguments.keep or pathlib.Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        days = [generate(build, arguments, form, folder) for form in ("tsv", "json")]
        checks = [pool.submit(check, build, ROOT / "config" / name, day) for day in days for name in CONFIGURATIONS]
        for done in checks:
            for name, found in done.result():
                print(f"golden_day: {name}: {'agree' if found is None else 'DIFFER'}")
                if found is not None:
                    failed = True
                    tell_difference(found, sys.stdout)
    if failed:
        print(
            f"  repeat   {pathlib.Path(__file__).name} {build} --rate {arguments.rate} --seed {arguments.seed} --keep FOLDER"
        )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
