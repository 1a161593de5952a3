#!/usr/bin/env python3
"""`shoplane plugin test` can fail: for each kind of line, what it says where the line is wrong; and cases that mean nothing.

    plugin_test.py BUILD_DIR
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

BUILD = pathlib.Path(sys.argv[1]).resolve()

HEAD = """lane product windows 5m metrics product_views
at 12:00:00 product_view user=ann product.id=5 product.price=42.99
at 12:01:00 product_view user=ann product.id=6 product.price=10
"""
BY_3 = "    before    1\n    since     line 3: at 12:01:00 product_view user=ann product.id=6 product.price=10\n"
MAP_3 = BY_3.replace("before    1", 'before    {"5":1}')

# what follows HEAD, and what is said after "t.case:LINE: "
WRONG = [
    ("expect 12:01:00 user:ann:product_view_count_5m = 1",
     "4: user:ann:product_view_count_5m at 12:01:00\n    expected  1\n    found     2\n" + BY_3),
    ("expect 12:01:00 user:bob:product_view_count_5m = 1",
     "4: user:bob:product_view_count_5m at 12:01:00\n    expected  1\n    found     absent\n"),
    ("expect 12:01:00\n  absent user:ann:product_view_count_5m",
     "5: user:ann:product_view_count_5m at 12:01:00\n    expected  absent\n    found     2\n" + BY_3),
    ("expect end entries user:ann:return_view_count_5m = 1",
     "4: entries user:ann:return_view_count_5m at the end\n    expected  1\n    found     2\n" + MAP_3),
    ('expect 12:01:00 entry user:ann:return_view_count_5m "6" = 2',
     '4: user:ann:return_view_count_5m "6" at 12:01:00\n    expected  2\n    found     1\n' + MAP_3),
    ('expect 12:01:00 absent entry user:ann:return_view_count_5m "6"',
     '4: user:ann:return_view_count_5m "6" at 12:01:00\n    expected  absent\n    found     1\n' + MAP_3),
    ("expect 12:01:00 user:ann:product_view_count_5m = 2\n  nothing else",
     '5: user:ann:return_view_count_5m at 12:01:00\n    expected  absent\n    found     {"5":1,"6":1}\n' + MAP_3),
    ("expect 12:01:00 dead_letters = 1", "4: dead_letters at 12:01:00\n    expected  1\n    found     0\n"),
    ("expect 12:01:00 live ttl user:ann:product_view_count_5m = 899",
     "4: ttl user:ann:product_view_count_5m at 12:01:00\n    expected  899\n    found     895\n" + BY_3),
    ("expect 12:06:00.001 user:ann:product_view_count_5m = 1",
     "4: user:ann:product_view_count_5m at 12:06:00.001\n    expected  1\n    found     0\n    before    1\n"
     "    since     12:06:00.001, when the clock moved on behind line 3: at 12:01:00 product_view user=ann product.id=6 "
     "product.price=10\n"),
    ("expect 12:01:00 user:ann:product_view_count_5m",
     "4: user:ann:product_view_count_5m at 12:01:00\n    expected  KEY = VALUE, absent KEY or nothing else\n"
     "    found     this line\n"),
    ("expect 12:01:00 absent user:ann:prodct_view_count_5m",
     "4: user:ann:prodct_view_count_5m: no lane of this case makes such a feature\n    nearest   product_view_count_5m\n"),
    ("expect 12:01:00 absent session:s1:product_view_count_5m",
     "4: session:s1:product_view_count_5m: no lane of this case makes such a feature\n    nearest   product_view_count_5m\n"),
    ("expect 12:01:00 entries user:ann:qqqq_5m = 1",
     "4: user:ann:qqqq_5m: no lane of this case makes such a feature\n"
     "t.case:4: entries user:ann:qqqq_5m at 12:01:00\n    expected  1\n    found     absent\n"),
]

# whole cases, and what is said: what, file and line, advice
UNREADABLE = [
    ("", "a case needs a lane and an expectation", None, "lane NAME windows"),
    ("lane product windows 5m", "this line does not say what runs: product", 1, "lane NAME [PARAM=VALUE ...]"),
    ("lane product noon windows 5m metrics product_views", "this is no setting: noon", 1, "NAME=VALUE"),
    ("window", "this names no window: window", 1, "window 5m emit=10s"),
    (HEAD + "window 1h emit=1s\nexpect end nothing", "no lane has this window: 1h", None, "one that a `lane` line names"),
    ("at noon page_view", "this is no time of the day: noon", 1, "at 12:00:00 EVENT"),
    ("at 12:00:00 x5 page_view user=ann a=b", "this does not say how often: at 12:00:00 x5 page_view user=ann a=b", 1, "x100 every 1s"),
    ("at 12:00:00 purchase user=ann", "there is no such event: purchase", 1, "event NAME = iglu:"),
    ("at 12:00:00 product_veiw user=ann", "there is no such event: product_veiw", 1, "nearest: product_view; "),
    ("event wish = iglu:com.acme/wish/jsonschema/1-0-0\nat 12:00:00 wsh user=ann", "there is no such event: wsh", 2, "nearest: wish; "),
    ("at 12:00:00 page_view usr=ann", "there is no such column or entity: usr", 1, "nearest: user; "),
    ("at 12:00:00 page_view geo_contry=DE", "there is no such column or entity: geo_contry", 1, "nearest: geo_country; "),
    ("at 12:00:00 product_view prodct.id=5", "there is no such column or entity: prodct.id", 1, "nearest: product; "),
    ("at 12:00:00 product_view product[1].prize=5", "there is no such field: product[1].prize", 1, "nearest: price; product has id, name,"),
    ("at 12:00:00 list_view event.nane=Sale", "there is no such field: event.nane", 1, "nearest: name; the event has name"),
    ("at 12:00:00 site_search event.term=red", "there is no such field: event.term", 1, "nearest: terms; site_search has"),
    ("at 12:00:00 page_view ann", "this is no field=value: ann", 1, "user=ann"),
    ("at 12:00:00 page_view user=ann event.x=1", "this event has no data of its own: page_view", 1, "columns and entities"),
    ("at 12:00:00 page_view user=ann wishlist.size=1", "there is no such column or entity: wishlist.size", 1, "entity NAME = iglu:"),
    ('at 12:00:00 page_view user="ann\\q"', 'this is no JSON string: "ann\\q"', 1, "like this"),
    (HEAD + "expect 12:00:59 nothing", "the clock can't be before the newest event: 12:00:59", 4, "that event's time"),
    (HEAD + "expect soon nothing", "this is no time of the day: soon", 4, "expect end"),
    (HEAD + "expect 12:01:00", "this expects nothing of what is there: expect", 4, "KEY = VALUE, absent KEY"),
    (HEAD + "expect 12:01:00 nothing\nat 12:02:00 page_view user=ann",
     "nothing is expected after this event: at 12:02:00 page_view user=ann", 5, "an `expect` below it"),
    (HEAD + "user:ann:x = 1", "a line begins with a word that means nothing here: user:ann:x", 4, "lane, window, source"),
    ("entity wishlist = com.acme/wishlist", "this names no schema: wishlist = com.acme/wishlist", 1, "iglu:com.acme/wishlist"),
    ("entity product = iglu:com.acme/product/jsonschema/1-0-0", '"product" is there already', 1, "another short name"),
    ("event page_view = iglu:com.acme/page_view/jsonschema/1-0-0", '"page_view" is there already', 1, "another short name"),
]

failures = 0


def check(condition, name, said):
    global failures
    failures += not condition
    print(f"{'pass' if condition else 'FAIL'}  {name}" + ("" if condition else f"\n{said}"), flush=True)


def run(*words, folder):
    return run_in(folder, "--plugins", str(BUILD / "plugins"), *words)


def run_in(folder, *words):
    done = subprocess.run([str(BUILD / "shoplane"), "plugin", "test", *words], cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


BAD = str(BUILD / "tests/bad_plugins")
VIEW = "at 12:00:01 product_view user=ann product.id=5"
LONG = f"at 12:00:01 product_view user=ann product.id={'5' * 300}"
AFTER = "expect 12:00:02 user:ann:{0}_count_5m = 1\nexpect 12:00:03 user:ann:{0}_count_5m = 2\n"
REST = "    the rest of this case was not run\n"

# lane, parser, event, and what is said of a plugin that ends its process
ENDS = [
    ("crashes", "right_count", LONG, ":3: lane crashes ends the process in extract: Segmentation fault\n", "gdb -ex", REST),
    ("exits", "right_count", VIEW, ":3: lane exits ends the process in extract: with status 0\n", "no exit() in a plugin", REST),
    ("exits_open", "right_count", VIEW, ":1: lane exits_open ends the process in open: with status 0\n", "no exit() in a plugin", REST),
    ("hangs", "right_count", "at 12:00:01 product_view user=ann",
     ":3: lane hangs does not come back from extract within 1 s\n", "--timeout SECONDS", REST),
    ("right", "crashes_empty", VIEW, ":5: metric parser crashes_empty ends the process in compute: Floating point exception\n", "gdb -ex",
     ""),
]


def ends(folder):
    """A plugin that ends its process, or does not come back, fails its case, with the event; the others are run."""
    for lane, parser, event, *_ in ENDS:
        (folder / f"{lane}.case").write_text(f"lane {lane} windows 5m metrics {parser}\nat 12:00:00 page_view user=ann\n{event}\n"
                                             + (AFTER.format(parser) if parser == "right_count" else
                                                f"expect 12:00:02 user:ann:{parser}_count_5m = 0\n"
                                                f"expect 12:06:00 absent user:ann:{parser}_count_5m\n"))
    (folder / "zulu.case").write_text(HEAD + "expect end user:ann:product_view_count_5m = 2\n")
    status, output, errors = run_in(folder, "--timeout", "1", "--plugins", f"{BAD}:{BUILD / 'plugins'}")
    parts = output.split("FAIL  ")
    check(status == 1 and "Error" not in errors and "shoplane: error" not in errors
          and output.endswith("pass  zulu.case, 1 moment\n6 cases, 7 moments: 5 differ\n"), "the others go on", output + errors)
    check([part.split(".")[0] for part in parts] == ["", *sorted(end[0] for end in ENDS)], "in their order", output)
    for lane, _, event, said, advice, rest in ENDS:
        part = next((part for part in parts if part.startswith(f"{lane}.case")), "")
        check(f"\n{lane}.case{said}" in part and advice in part and rest in part and (":3:" not in said or f"    at        {event}\n" in part),
              f"{lane}: {said.strip()}", output + errors)
    status, output, errors = run_in(folder, "--timeout", "soon")
    check(status == 2 and "--timeout: seconds, from 1 on" in errors, "a timeout that is none", output + errors)


def letters(folder):
    """An event that becomes a dead letter is noted, unless the case speaks of dead letters."""
    bad = "at 12:01:01 product_view user=ann product.id:=[5]"
    note = f"t.case:4: note: this event went to the dead letters: product[0].id is not a text\n    at        {bad}\n"
    for more, noted in (("", note), ("  dead_letters = 1\n", "")):
        (folder / "t.case").write_text(HEAD + bad + "\nexpect end user:ann:product_view_count_5m = 2\n" + more)
        status, output, errors = run("t.case", folder=folder)
        check(status == 0 and output == f"pass  t.case, 1 moment\n{noted}1 case, 1 moment: all as expected\n", f"a dead letter {more}",
              output + errors)


def misspelt(folder):
    """Words of a lane that are probably misspelt are said once a run, where a case fails."""
    plugins = str(BUILD / "tests/wrong_plugins")
    text = "lane misspelt windows 5m metrics plain_count\nat 12:00:00 list_view user=ann\nexpect end {}\n"
    for name in "ab":
        (folder / f"{name}.case").write_text(text.format("user:ann:plain_count_5m = 7"))
    status, output, errors = run_in(folder, "--plugins", plugins)
    check(status == 1 and output.count('lane "misspelt"\n  warning  it wants "product_veiw"') == 1
          and output.count("reads product[0].prize") == 1, "misspelt, and it fails", output + errors)
    (folder / "b.case").unlink()
    (folder / "a.case").write_text(text.format("user:ann:plain_count_5m = 1"))
    status, output, errors = run_in(folder, "--plugins", plugins)
    check(status == 0 and "prize" not in output, "misspelt, and it holds", output + errors)


def project(folder):
    """Of a plugin's folder the plugins are its own: what is not built is not tested on what is installed."""
    (folder / "t.case").write_text(HEAD + "expect end user:ann:product_view_count_5m = 2\n")
    (folder / "product.c").write_text("")
    status, output, errors = run_in(folder)
    note = f'note: lane "product" is not built here: it comes from {BUILD / "plugins"}/lanes/product.so\n'
    check(status == 0 and output.startswith(note) and 'note: metric parser "product_views" is not built here' in output
          and output.endswith("all as expected\n"), "no CMakeLists.txt names it", output + errors)
    (folder / "CMakeLists.txt").write_text("# shoplane_add_plugin(metric product_views x.c)\nshoplane_add_plugin(\n  lane product product.c)\n")
    status, output, errors = run_in(folder)
    check(status == 2 and 'the lane "product" of this folder is not built' in errors and "no build/plugins/lanes/product.so" in errors
          and "build it: shoplane plugin build" in errors and "NOT RUN  t.case\n1 case, 0 moments: 1 could not be run\n" in output
          and "pass" not in output and "metric parser" not in errors, "it is not built", output + errors)
    status, output, errors = run("t.case", folder=folder)
    check(status == 0 and "note" not in output, "--plugins says which", output + errors)
    built = folder / "build/plugins/lanes/product.so"
    built.parent.mkdir(parents=True)
    built.write_bytes((BUILD / "plugins/lanes/product.so").read_bytes())
    os.utime(folder / "product.c", ns=(1, 1))
    status, output, errors = run_in(folder)
    check(status == 0 and "warning" not in output and 'lane "product"' not in output and 'note: metric parser "product_views"' in output,
          "it is built", output + errors)
    os.utime(built, ns=(0, 0))
    status, output, errors = run_in(folder, "t.case", "t.case")
    check(status == 0 and output.count("warning: build/plugins/lanes/product.so is older than product.c; build it: shoplane plugin build\n")
          == 1, "it is older than its source", output + errors)


for part in (ends, letters, misspelt, project):
    with tempfile.TemporaryDirectory() as name:
        part(pathlib.Path(name))


with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    for text, expected in WRONG:
        (folder / "t.case").write_text(HEAD + text + "\n")
        status, output, errors = run("t.case", folder=folder)
        whole = f"FAIL  t.case, 1 moment\nt.case:{expected}1 case, 1 moment: 1 differs\n"
        check(status == 1 and output == whole and errors == "", text, f"status {status}\n{output}{errors}\nexpected\n{whole}")
    for text, what, line, advice in UNREADABLE:
        (folder / "t.case").write_text(text + "\n")
        status, output, errors = run("t.case", folder=folder)
        good = status == 2 and f"shoplane: {what}\n" in errors and (f" t.case:{line}\n" if line else " t.case\n") in errors and advice in errors
        good = good and output == "NOT RUN  t.case\n1 case, 0 moments: 1 could not be run\n"
        check(good, f"{what}", f"status {status}\n{output}{errors}")
    # What can't be run is never said to pass, and it is the case's line that is named.
    for text, said in (("# a comment\nlane prodct windows 5m metrics product_views\nexpect end nothing", 't.case:2: no file '),
                       ("lane product windows 5x metrics product_views\nexpect end nothing", 't.case:1: length = "5x"')):
        (folder / "t.case").write_text(text + "\n")
        status, output, errors = run("t.case", folder=folder)
        check(status == 2 and output == "NOT RUN  t.case\n1 case, 0 moments: 1 could not be run\n" and said in errors,
              f"not run: {said}", f"status {status}\n{output}{errors}")
    (folder / "t.case").write_text(HEAD + "expect 12:01:00 user:ann:product_view_count_5m = 2\n")
    status, output, errors = run("--keep", str(folder / "t.case" / "in a file"), "t.case", folder=folder)
    check(status == 2 and output == "NOT RUN  t.case\n1 case, 1 moment: 1 could not be run\n" and "nothing can be kept" in errors,
          "what can't be kept", f"status {status}\n{output}{errors}")
    # A lane that nothing came to is told, with the reason.
    (folder / "t.case").write_text("lane product windows 5m metrics product_views\nat 12:00:00 page_view user=ann\n"
                                   "at 12:00:01 page_view user=ann\nexpect end nothing\n")
    status, output, errors = run("t.case", folder=folder)
    check(status == 0 and '\nt.case:1: note: lane "product" saw 0 of 2 events\n    it wants  product_view\n' in output,
          "a lane that saw nothing", f"status {status}\n{output}{errors}")
    (folder / "t.case").write_text("lane product windows 5m metrics product_views\nat 12:00:00 product_view product.id=5\n"
                                   "expect end nothing\n")
    status, output, errors = run("t.case", folder=folder)
    check(status == 0 and 'saw 0 of 1 event; 1 had no key for it\n' in output, "a lane whose events have no key",
          f"status {status}\n{output}{errors}")
    (folder / "t.case").write_text(HEAD.replace("product_views", "product_vews") + "expect end nothing\n")
    status, output, errors = run(folder=folder)
    check(status == 2 and "there is no metric parser \"product_vews\"" in errors and "1 could not be run" in output,
          "a parser that is not there", output + errors)
    (folder / "t.case").write_text("lane past_record windows 5m metrics right_count\nat 12:00:00 page_view user=ann\n"
                                   "at 12:00:01 product_view user=ann product.id=5\nexpect end user:ann:right_count_count_5m = 1\n")
    status, output, errors = run("--plugins", str(BUILD / "tests/bad_plugins"), folder=folder)
    check(status == 1 and "t.case:3: lane \"past_record\": extract writes behind the end of its record\n" in output
          and "    at        at 12:00:01 product_view user=ann product.id=5\n" in output, "a plugin that breaks its contract", output + errors)
    (folder / "t.case").write_text("lane careless_add windows 5m metrics right_count\nat 12:00:01 product_view user=ann product.id=5\n"
                                   "expect end user:ann:right_count_count_5m = 1\n")
    status, output, errors = run("--plugins", str(BUILD / "tests/bad_plugins"), folder=folder)
    check(status == 1 and "t.case:3: lane careless_add ends the host in add when its allocations fail\n" in output,
          "a plugin that does not look at malloc", output + errors)
    (folder / "t.case").write_text(HEAD + "expect 12:01:00 user:ann:product_view_count_5m = 2\n")
    kept = folder / "kept"
    status, output, errors = run("--keep", "kept", folder=folder)
    check(f'files = [ "{kept.resolve()}/t.case.tsv" ]' in (kept / "t.case.conf").read_text(), "the configuration names the events",
          (kept / "t.case.conf").read_text())
    check(status == 0 and output == "pass  t.case, 1 moment\n1 case, 1 moment: all as expected\n", "all is well", output + errors)
    replayed = subprocess.run([str(BUILD / "shoplane"), "replay", "--config", "t.case.conf", "--final=all", "--quiet", "t.case.tsv"],
                              cwd=kept, capture_output=True, text=True, check=False)
    check(replayed.returncode == 0 and '{"key":"user:ann:product_view_count_5m","value":"2"' in replayed.stdout,
          "what is kept can be replayed", replayed.stdout + replayed.stderr)
    # A number that is not finite is absent, counted, and said once.
    (folder / "t.case").write_text("lane careless_add windows 5m metrics not_a_number\nat 12:00:01 product_view user=ann product.id=5\n"
                                   "expect 13:00:00 user:ann:not_a_number_count_5m = 0\n  absent user:ann:not_a_number_mean_5m\n")
    run("--plugins", str(BUILD / "tests/bad_plugins"), "--keep", str(kept), folder=folder)
    replayed = subprocess.run([str(BUILD / "shoplane"), "replay", "--config", "t.case.conf", "--final=all", "--stats", "stats",
                               "--until", "2025-03-26T13:00:00Z", "t.case.tsv"], cwd=kept, capture_output=True, text=True, check=False)
    check(replayed.returncode == 0 and '"user:ann:not_a_number_count_5m","value":"0"' in replayed.stdout
          and "not_a_number_mean" not in replayed.stdout and json.loads((kept / "stats").read_text())["not_finite"] == 1
          and replayed.stderr.count("feature not_a_number_mean is not a finite number") == 1
          and "  NOT FINITE 1 features" in replayed.stderr, "what is not finite", replayed.stdout + replayed.stderr)
sys.exit(failures > 0)
