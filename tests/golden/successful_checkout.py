#!/usr/bin/env python3
"""The real visit of the shared corpus against the golden files beside this script; successful_checkout.md derives them by hand.

    successful_checkout.py BUILD_DIR

The corpus is looked for in $SHOPLANE_SHARED, else in ../shared beside the repository. Exit status: 0 agree, 1 differ, 77 skipped
(with the reason) because the corpus is not there.
"""

import json
import os
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "tests" / "property"))

from compare import Run, first_difference, run_program, tell_difference  # noqa: E402

SKIPPED = 77


def main():
    if len(sys.argv) != 2:
        print(__doc__)
        return 2
    shared = pathlib.Path(os.environ.get("SHOPLANE_SHARED", ROOT.parent / "shared"))
    events = shared / "corpus" / "successful_checkout.jsonl"
    if not events.exists():
        print(f"successful_checkout: skipped: {events} is not there")
        return SKIPPED
    failed = False
    for golden in sorted(HERE.glob("successful_checkout.*.final.jsonl")):
        config = ROOT / "config" / (golden.name.split(".")[1] + ".conf")
        expected = [json.loads(line) for line in golden.read_text(encoding="utf-8").splitlines()]
        got, error = run_program(pathlib.Path(sys.argv[1]).resolve(), Run(config, [events], "final"))
        found = error or first_difference(expected, got)
        print(f"successful_checkout: {config.name}: {len(expected)} features: {'agree' if found is None else 'DIFFER'}")
        if found is not None:
            failed = True
            tell_difference(found, sys.stdout)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
