#!/usr/bin/env python3
"""The author's guide, followed to the letter: every command in one shell, every file as it is listed, every output as promised.

    guide.py BUILD_DIR

In an empty folder, with what `cmake --install` puts under a prefix and nothing of the source tree. A block marked `sh` is typed; it
must succeed. A `text` block behind it is what it prints (readme.py says how it is compared). A comment `file: NAME` before a block
says that the block is that file, `excerpt: NAME` that it stands in that file of sdk/, word by word, `shown: WHY` that it is not typed here:
another test runs it.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from readme import missing

ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT / "sdk" / "GUIDE.md"
END = "@@the end of a block@@"


def parts(page):
    """(kind, name, text, line): kind is sh, text, file, excerpt or shown."""
    mark = None
    lines = iter(enumerate(page.splitlines(), 1))
    for number, line in lines:
        if match := re.fullmatch(r"<!-- (file|excerpt|shown): (.+) -->", line):
            mark = match[1], match[2]
        elif line.startswith("```"):
            text = []
            for _, inner in lines:
                if inner == "```":
                    break
                text.append(inner)
            yield (*(mark or (line[3:], None)), "\n".join(text), number)
            mark = None
        elif line.strip():
            if mark:
                sys.exit(f"GUIDE.md:{number}: a mark without a block")


class Shell:
    """One bash, typed into."""

    def __init__(self, folder, environment):
        self.bash = subprocess.Popen(["bash"], cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                     stderr=subprocess.STDOUT, text=True, start_new_session=True)
        self.type("set -euo pipefail")

    def type(self, commands):
        """What it printed; None in place of it and what it printed last, if a command failed."""
        self.bash.stdin.write(f"{commands}\necho '{END}'\n")
        self.bash.stdin.flush()
        printed = []
        for line in self.bash.stdout:
            if line.rstrip("\n") == END:
                return "".join(printed), True
            printed.append(line)
        return "".join(printed), False

    def folder(self):
        return Path(self.type("pwd")[0].strip())

    def end(self):
        try:
            os.killpg(self.bash.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.bash.wait()


def excerpts_stand(page):
    good = True
    for kind, name, text, line in parts(page):
        if kind == "excerpt" and text not in (ROOT / "sdk" / name).read_text(encoding="utf-8"):
            print(f"FAILED  GUIDE.md:{line}: that does not stand in {name}")
            good = False
    for target in re.findall(r"\]\(([^)#:]+)\)", page):
        if not (ROOT / "sdk" / target).exists():
            print(f"FAILED  GUIDE.md: there is no {target}")
            good = False
    return good


def follow(page, shell):
    output = None
    for kind, name, text, line in parts(page):
        if kind == "sh":
            print(f"GUIDE.md:{line}: " + "; ".join(text.splitlines())[:100], flush=True)
            output, good = shell.type(text)
            if not good:
                print(f"FAILED  GUIDE.md:{line}: a command failed\n{output}")
                return False
        elif kind == "file":
            (shell.folder() / name).write_text(text + "\n", encoding="utf-8")
        elif kind == "text":
            lacks = missing(text, output or "", False)
            if lacks is not None:
                print(f"FAILED  GUIDE.md:{line}: it does not print\n  promised {lacks}\nbut in all:\n{output}")
                return False
        elif kind not in ("excerpt", "shown"):
            print(f"FAILED  GUIDE.md:{line}: a block marked \"{kind}\" is nothing that could be tested")
            return False
    return True


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    if not shutil.which("redis-server"):
        print("no redis-server here")
        return 77
    build = Path(sys.argv[1]).resolve()
    page = GUIDE.read_text(encoding="utf-8")
    good = excerpts_stand(page)
    with tempfile.TemporaryDirectory() as scratch:
        prefix, folder = Path(scratch) / "prefix", Path(scratch) / "work"
        subprocess.run(["cmake", "--install", str(build), "--prefix", str(prefix)], check=True, stdout=subprocess.DEVNULL)
        folder.mkdir()
        shell = Shell(folder, {"PATH": f"{prefix}/bin:/usr/local/bin:/usr/bin:/bin", "HOME": scratch, "LC_ALL": "C.UTF-8"})
        try:
            good = follow(page, shell) and good
        finally:
            shell.end()
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
