#!/usr/bin/env python3
"""Plugins built against every minor of the SDK that there was run in this host; and what layout.c promises is all of the headers.

    sdk_compat.py BUILD_DIR
"""

import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(sys.argv[1]).resolve()
COMPAT = ROOT / "sdk" / "compat"
FIRST = {"views": "1.0", "phones": "1.0", "vendors": "1.0", "spent": "1.0", "own_views": "1.2", "texts": "1.3", "waited": "1.3", "needs": "1.3", "visit_needs": "1.3"}  # case: the minor that has what it needs
LAST = {"vendors": "1.2"}  # case: the last minor of which it holds
MINORS = ("1.0", "1.1", "1.2", "1.3")
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


def number(minor):
    return [int(part) for part in minor.split(".")]


for minor in MINORS:
    plugins = BUILD / "compat" / minor
    files = sorted(plugins.glob("*/*.so"))
    status, output = shoplane("plugin", "check", *files)
    check(status == 0 and len(files) >= 2 and output.count(f": SDK {minor}, ") == len(files), f"SDK {minor}: the files say so", output)
    for case, first in FIRST.items():
        if number(minor) < number(first) or number(minor) > number(LAST.get(case, minor)):
            continue
        status, output = shoplane("plugin", "test", "--plugins", f"{plugins}:{BUILD / 'plugins'}", COMPAT / f"{case}.case")
        check(status == 0 and "all as expected" in output, f"SDK {minor}: {case}", output)
    with tempfile.NamedTemporaryFile("w", suffix=".case") as refused:
        refused.write("lane views weight=7 windows 5m metrics view_cells\nexpect 12:00:00 nothing\n")
        refused.flush()
        status, output = shoplane("plugin", "test", "--plugins", plugins, refused.name)
    check(status == 2 and 'lane "views" refuses its settings: seven is taken' in output, f"SDK {minor}: its open may refuse", output)
for name, what in (("texts", "made of texts"), ("waited", "that changes at ages")):
    status, output = shoplane("plugin", "validate", "--rounds", 2, "--quiet", BUILD / "compat" / MINORS[-1] / "lanes" / f"{name}.so")
    check(status == 0 and output.count(" VALID\n") == 2, f"what is {what} is the same in every order, batch and restart", output)
check(sorted(path.stem for path in COMPAT.glob("*.case")) == sorted(FIRST), "every case there is")
check(sorted(path.name for path in COMPAT.iterdir() if path.is_dir()) == list(MINORS[:-1]), "every minor but the present one is frozen")
present = re.search(r"#define SL_SDK_MINOR (\d+)", (ROOT / "sdk/include/shoplane/plugin.h").read_text())[1]
check(f"1.{present}" == MINORS[-1], "and that is the present one")
layout = (COMPAT / "layout.c").read_text()
everything = [pair for header in sorted((ROOT / "sdk/include/shoplane").glob("*.h")) for pair in members(header)]
missing = [f"{struct}.{member}" for struct, member in everything
           if not re.search(rf"MEMBER\((struct )?{struct}, {member},", layout)]
check(len(everything) > 60 and not missing, f"layout.c says where each of {len(everything)} members is", missing)
sys.exit(failures > 0)
