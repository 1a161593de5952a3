#!/usr/bin/env python3
"""Plugins built against every minor of the SDK that there was run in this host; and what layout.c promises is all of the headers.

    sdk_compat.py BUILD_DIR
"""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(sys.argv[1]).resolve()
COMPAT = ROOT / "sdk" / "compat"
CASES = {"1.0": "user.case", "1.1": "user.case", "1.2": "own.case"}
failures = 0


def check(condition, what, said=""):
    global failures
    failures += not condition
    print(f"{'pass' if condition else 'FAIL'}  {what}" + ("" if condition else f"\n{said}"), flush=True)


def shoplane(*words):
    done = subprocess.run([str(BUILD / "shoplane"), *map(str, words)], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def members(header):
    """(struct, member) of every struct that is defined in a header."""
    text = re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.S)
    for match in re.finditer(r"struct (\w+) \{(.*?)\n\}", text, re.S):
        body = re.sub(r"union \{(.*?)\} \w+;", "", match[2], flags=re.S)
        for declaration in body.split(";"):
            if function := re.search(r"\(\*(\w+)\)\(", declaration):
                yield match[1], function[1]
                continue
            names = re.sub(r"\[[^\]]*\]", "", declaration).split(",")
            for name in names:
                if found := re.search(r"(\w+)\s*$", name):
                    yield match[1], found[1]


for minor, case in CASES.items():
    plugins = BUILD / "compat" / minor
    status, output = shoplane("plugin", "check", plugins / "lanes" / "views.so", plugins / "metrics" / "view_cells.so")
    check(status == 0 and output.count(f": SDK {minor}, ") == 2, f"SDK {minor}: the files say so", output)
    status, output = shoplane("plugin", "test", "--plugins", plugins, COMPAT / case)
    check(status == 0 and "all as expected" in output, f"SDK {minor}: its plugins run", output)
check(sorted(path.name for path in COMPAT.iterdir() if path.is_dir()) == sorted(CASES), "every minor there is")
present = re.search(r"#define SL_SDK_MINOR (\d+)", (ROOT / "sdk/include/shoplane/plugin.h").read_text())[1]
check(f"1.{present}" == max(CASES), "and the present one")
layout = (COMPAT / "layout.c").read_text()
everything = [pair for header in sorted((ROOT / "sdk/include/shoplane").glob("*.h")) for pair in members(header)]
missing = [f"{struct}.{member}" for struct, member in everything
           if not re.search(rf"MEMBER\((struct )?{struct}, {member},", layout)]
check(len(everything) > 60 and not missing, f"layout.c says where each of {len(everything)} members is", missing)
sys.exit(failures > 0)
