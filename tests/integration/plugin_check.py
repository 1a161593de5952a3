#!/usr/bin/env python3
"""`shoplane plugin check` on plugins that are wrong in one thing each: every finding there is, to the letter; and the host
refuses what it refuses, by the same words.

    plugin_check.py BUILD_DIR
"""

import errno
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(sys.argv[1]).resolve()
WRONG = BUILD / "tests" / "wrong_plugins" / "lanes"

STATE = "keep state in records and aggregates only: which thread folds a key, and how often, is the host's business"
MARKERS = "end its source with SL_LANE_PLUGIN(...) or SL_METRIC_PLUGIN(...)"
PREPARE = ("no __attribute__((constructor)), no C++ objects outside of functions: what is to be prepared, `open` prepares")
VARIABLES = "make them const, or settings in `self`: all workers share them, and what a fold says must depend on its records alone"

VARIABLES_SAID = "it has * bytes of variables that live as long as the host"

# file: [(weight, id, what, found, advice)]; "*" in `what` stands for a number
FINDINGS = {
    "plain": [],
    "misspelt": [], # which only its table tells, to `shoplane plugins`
    "newer_minor": [("refused", "sdk", "it was built for SDK 1.99, this host speaks 1.3", "",
                     "rebuild it against shoplane 1.x headers, or install a shoplane that speaks SDK 1.99")],
    "other_major": [("refused", "sdk", "it was built for SDK 9.3, this host speaks 1.3", "",
                     "rebuild it against shoplane 1.x headers, or install a shoplane that speaks SDK 9.3")],
    "no_note": [("refused", "no_note", 'it does not say which Shoplane SDK it was built against (no ELF note "Shoplane")', "",
                 MARKERS + " of <shoplane/plugin.h>")],
    "two_plugins": [("refused", "notes", "it is 2 plugins in one file", "",
                     "one of these a shared object: SL_LANE_PLUGIN(...), SL_METRIC_PLUGIN(...), or SL_PLUGIN(...) for one of each")],
    "no_symbol": [("refused", "no_symbol", "it has no symbol shoplane_plugin_v1", "", MARKERS)],
    "symbol_kind": [("refused", "symbol_kind", "its symbol shoplane_plugin_v1 is not the SDK's table", "",
                     "let SL_LANE_PLUGIN(...) or SL_METRIC_PLUGIN(...) define it")],
    "exports": [("refused", "exports", "it exports 2 symbols beside shoplane_plugin_v1", "helper, table",
                 "compile it with -fvisibility=hidden: two plugins with functions of one name must not meet")],
    "imports_host": [("refused", "undefined", "it needs 1 symbol that nobody gives it", "memory_new",
                      "link it with -Wl,-z,defs to find what is missing; a plugin imports nothing from the host")],
    "constructor": [("refused", "constructor", "1 of its functions would run by itself when it is loaded", "", PREPARE),
                    ("warning", "variables", VARIABLES_SAID, "prepared", VARIABLES)],
    "destructor": [("refused", "destructor", "1 of its functions would run by itself when it is unloaded", "", PREPARE),
                   ("warning", "variables", VARIABLES_SAID, "left", VARIABLES)],
    "static_object": [("refused", "constructor", "1 of its functions would run by itself when it is loaded", "", PREPARE),
                      ("warning", "variables", VARIABLES_SAID, "_ZN12_GLOBAL__N_15drawnE, _ZN12_GLOBAL__N_1L4laneE", VARIABLES)],
    "search_path": [("refused", "search_path", 'it brings a search path for libraries: "/opt/shop/lib"', "",
                     "link it without -Wl,-rpath (CMake: set CMAKE_SKIP_RPATH)")],
    "host_library": [("refused", "host_library", "it links librdkafka.so.1, which is the host's own", "",
                      "take it out of the link: Kafka, Redis and the configuration are the host's business; what a plugin needs "
                      "comes through its functions' arguments")],
    "other_library": [("warning", "library", "it links libz.so.1, which must be on every machine it runs on", "",
                       "link it statically, or see that it is installed; it must neither start threads nor keep state between "
                       "calls")],
    "stack": [("refused", "stack", "it asks for an executable stack, for the whole host", "",
               "no functions inside functions, assembler files with .section .note.GNU-stack; link with -Wl,-z,noexecstack")],
    "thread_local": [("warning", "tls", "it has thread-local variables", "", STATE)],
    "static_tls": [("refused", "static_tls", "it wants thread-local memory from the start of the process, which may be used up", "",
                    "compile it with -fPIC and without -ftls-model=initial-exec; better: keep no such variables"),
                   ("warning", "tls", "it has thread-local variables", "", STATE)],
    "variables": [("warning", "variables", VARIABLES_SAID, "seen", VARIABLES)],
    "small_variable": [("warning", "variables", VARIABLES_SAID, "calls", VARIABLES)],
}
# What no compiler does by itself is tried on changed bytes: tests/unit/plugin_elf.c.
ELSEWHERE = {"no_elf", "machine", "sections", "code_writable", "text_relocations", "damaged"}

failures = 0


def check(condition, what, said=""):
    global failures
    failures += not condition
    print(f"{'pass' if condition else 'FAIL'}  {what}" + ("" if condition or not said else f"\n{said}"), flush=True)


def run(*words):
    done = subprocess.run([str(BUILD / "shoplane"), *map(str, words)], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def parse(output):
    findings, lines = [], output.splitlines()
    for line in lines[1:]:
        if match := re.fullmatch(r"  (refused|warning) (\w+): (.*)", line):
            findings.append([match[1], match[2], re.sub(r"it has \d+ bytes", "it has * bytes", match[3]), "", ""])
        elif match := re.fullmatch(r"    (found    |do this  )(.*)", line):
            findings[-1][3 if match[1].startswith("found") else 4] = match[2]
        else:
            raise AssertionError(f"what is this? {line}")
    return lines[0], [tuple(finding) for finding in findings]


def all_findings():
    for name, expected in FINDINGS.items():
        status, output, errors = run("plugin", "check", WRONG / f"{name}.so")
        first, found = parse(output)
        refused = any(weight == "refused" for weight, *_ in expected)
        word = "REFUSED" if refused else "good, with warnings" if expected else "good"
        good = found == expected and status == refused and first.endswith(f" bytes, {word}") and errors == ""
        check(good, name if good else f"{name}: status {status}\n{output}{errors}\nexpected {expected}")


def every_finding_is_here():
    sources = "".join((ROOT / "host" / "plugin" / file).read_text() for file in ("plugin_elf.c", "plugin_file.c"))
    known = set(re.findall(r'FINDING_(?:REFUSES|WARNS), "(\w+)"', sources)) | {"undefined", "constructor", "destructor"}
    known |= set(re.findall(r'find_writable\(findings, "(\w+)"', sources))
    here = {finding[1] for expected in FINDINGS.values() for finding in expected}
    files = {"file_writable", "folder_writable", "unreadable"}
    missing = known - here - ELSEWHERE - files
    check(not missing and len(known) > 15, f"every finding of the sources is tested: {sorted(missing) or len(known)}")


def access_lists(file, path):
    """A list that lets somebody write, as setfacl makes it: (tag, permissions, id)."""
    user_obj, user, group_obj, group, mask, other, nobody = 1, 2, 4, 8, 16, 32, 0xffffffff
    for entry, bits, refused in (((user, 6, 12345), 7, True), ((group, 7, 12345), 7, True), ((user, 7, 12345), 5, False),
                                 ((user, 5, 12345), 7, False), ((user, 7, os.geteuid()), 7, False)):
        entries = sorted([(user_obj, 7, nobody), entry, (group_obj, 5, nobody), (mask, bits, nobody), (other, 5, nobody)])
        packed = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *each) for each in entries)
        try:
            os.setxattr(path, "system.posix_acl_access", packed)
        except OSError as error:
            if error.errno != errno.ENOTSUP:
                raise
            print(f"      no access lists in {path.parent}: not tried", flush=True)
            return
        status, output, _ = run("plugin", "check", file)
        said = "and an access list" in output and "do this  look with getfacl" in output
        check(status == refused and said == refused, f"{path.name} with the list {entries}")
        os.removexattr(path, "system.posix_acl_access")
    path.chmod(0o644 if path == file else 0o755)


def who_may_write():
    with tempfile.TemporaryDirectory() as folder:
        lanes = pathlib.Path(folder, "shop", "parts", "plugins", "lanes")
        lanes.mkdir(parents=True)
        file = lanes / "plain.so"
        shutil.copy(WRONG / "plain.so", file)
        for path, name, mode, back in ((file, "file", 0o666, 0o644), (lanes, "folder", 0o777, 0o755),
                                       (lanes.parent, "folder", 0o777, 0o755), (lanes.parent, "folder", 0o1777, 0o755),
                                       (lanes.parent.parent, "folder", 0o777, 0o755), (pathlib.Path(folder), "folder", 0o777, 0o700)):
            file.chmod(0o644)
            path.chmod(mode)
            status, output, _ = run("plugin", "check", file)
            check(status == 1 and f"refused {name}_writable: others than you can write its {name} (mode {mode:04o}, owner " in
                  output and "do this  chown it to the user that runs shoplane (or root) and chmod go-w it" in output,
                  f"{path.name} that others can write")
            check(path == file or f"found    {path}\n" in output, f"{path.name} is named")
            path.chmod(back)
        lanes.parent.parent.chmod(0o1777)  # as /tmp: what is ours in it stays so
        check(run("plugin", "check", file)[0] == 0, "a folder above that is sticky")
        lanes.parent.parent.chmod(0o755)
        if os.geteuid() == 0:
            for path in (file, lanes, lanes.parent.parent):
                os.chown(path, 12345, 0)
                status, output, _ = run("plugin", "check", file)
                check(status == 1 and "owner 12345" in output, f"{path.name} that is another's")
                os.chown(path, 0, 0)
        for path in (file, lanes, lanes.parent.parent):
            access_lists(file, path)
        status, output, _ = run("plugin", "check", file, lanes / "none.so")
        check(status == 1 and output.splitlines()[0].endswith(", good") and output.splitlines()[1:] ==
              [f"{lanes / 'none.so'}: REFUSED", "  refused unreadable: No such file or directory"], "one of two is not there")


def misspelt_words():
    """Names that are nearly one of Snowplow's: warned of wherever the table is read, and refused nowhere."""
    said = ("  warning  it wants \"product_veiw\", an event that none of Snowplow's trackers sends\n    do this  nearest: product_view\n"
            "  warning  its input \"price\" reads product[0].prize, and Snowplow's schema product has no field \"prize\"\n"
            "    do this  nearest: price\n")
    status, output, _ = run("plugins", "--folder", WRONG.parent, "misspelt")
    check(status == 0 and output.count("warning") == 2 and said in output, "misspelt in `plugins`", output)
    _, output, errors = run("plugin", "validate", "--rounds", 1, "--events", 20, WRONG / "misspelt.so")
    check(said in output, "misspelt in `validate`", output + errors)
    with tempfile.TemporaryDirectory() as folder:
        config = pathlib.Path(folder, "t.conf")
        config.write_text(f'plugins = "{WRONG.parent}"; source: {{ kind = "files"; files = [ "x.tsv" ]; }}; sink: {{ kind = "null"; }};\n'
                          'lanes = ( { lane = "misspelt"; windows = ( { name = "5m"; length = "5m"; } ); metrics = ( "plain_count" ); } );\n')
        status, output, errors = run("check", "--config", config)
        check(status == 0 and said in output, "misspelt in `check`", output + errors)
    for name in ("product", "category", "cart", "purchase", "session"):
        _, output, _ = run("plugins", "--folder", BUILD / "plugins", name)
        check(f"lane {name} " in output and "warning" not in output, f"{name} is not misspelt")


def variables_of_stripped_files():
    """Without the names of its variables a file tells less, but not nothing."""
    with tempfile.TemporaryDirectory() as folder:
        for name in FINDINGS:
            if name not in ("plain", "variables", "small_variable"):
                continue
            file = pathlib.Path(folder, "plugins", "lanes", f"{name}.so")
            file.parent.mkdir(parents=True, exist_ok=True)
            subprocess.run(["strip", "-o", str(file), str(WRONG / file.name)], check=True)
            status, output, _ = run("plugin", "check", file)
            found = parse(output)[1]
            expected = [] if name == "plain" else [("warning", "variables", "it has variables that live as long as the host", "", VARIABLES)]
            check(status == 0 and found == expected, f"{name}, stripped" if found == expected else f"{name}, stripped\n{output}")


def the_host_refuses_by_the_same():
    for name, expected in FINDINGS.items():
        refusals = [finding for finding in expected if finding[0] == "refused"]
        status, output, errors = run("plugins", "--folder", WRONG.parent, name)
        if refusals:
            good = status == 1 and f'"{name}" not loaded: {refusals[0][2]}' in errors
        else:
            good = status == 0 and f"lane {name} " in output
        check(good, f"{name} at load" if good else f"{name} at load: status {status}\n{output}{errors}")


all_findings()
every_finding_is_here()
who_may_write()
misspelt_words()
variables_of_stripped_files()
the_host_refuses_by_the_same()
sys.exit(failures > 0)
