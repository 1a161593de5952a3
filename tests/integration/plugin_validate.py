#!/usr/bin/env python3
"""`shoplane plugin validate`: what is right passes, and what breaks its contract is caught, each by its words.

    plugin_validate.py BUILD_DIR [--right]    --right: only what is right, the product's own plugins and the SDK's examples
"""

import pathlib
import re
import subprocess
import sys
import tempfile

BUILD = pathlib.Path(sys.argv[1]).resolve()
SOURCE = pathlib.Path(__file__).resolve().parents[2]
BAD = BUILD / "tests/bad_plugins"
WEIGHTS = SOURCE / "sdk/examples/propensity/propensity.weights"

# of tests/plugins/bad: checks and ids that must be found, and words of one of them
WRONG = {
    "lanes/past_record": ({"contract (record)"}, "extract writes behind the end of its record"),
    "lanes/past_aggregate": ({"contract (aggregate)"}, "add writes behind the end of its aggregate"),
    "lanes/past_values": ({"contract (values)"}, "publish writes behind the end of its values"),
    "lanes/changes_record": ({"contract (constant)"}, "add writes to the record that it is given"),
    "lanes/changes_settings": ({"contract (settings)"}, "extract changes its settings"),
    "lanes/variable": ({"variables (variable)"}, "a variable of the plugin's own changes between calls\n    found    calls\n"),
    "lanes/publishes_calls": ({"variables (variable)", "clock (stale)"}, "first mend the variable that changes, then validate"),
    "lanes/clock": ({"pure (impure)"}, "it calls time() after `open`"),
    "lanes/chance": ({"pure (impure)", "contract (again)", "batches (differs)"}, "it calls rand() after `open`"),
    "lanes/goes_by_clock": ({"clock (stale)"}, 'lane "goes_by_clock" goes by the clock between two ages'),
    "lanes/other_age": ({"clock (stale)"}, "and no record comes, goes or reaches an age in between"),
    "lanes/empty_by_clock": ({"clock (stale)"}, "name the age at which it changes (`ages` of the lane)"),
    "lanes/wrong_input": ({"contract (input)"}, "extract asks for input 2, and it has 2"),
    "lanes/keeps_event": ({"contract (kept)"}, "it reads an event after the call that gave it"),
    "lanes/keeps_records": ({"contract (kept)"}, "it asks for a record after the call that gave the list"),
    "lanes/record_before": ({"contract (record)"}, "extract_many writes to a record after the next was asked for"),
    "lanes/undeclared": ({"copied (differs)"}, "what is not declared is lost"),
    "lanes/text_as_number": ({"contract (text)"}, "add gives the host a text that is none"),
    "lanes/sorts_handles": ({"order (differs)"}, "in another order of arrival say different things of user:"),
    "lanes/first_come": ({"batches (differs)"}, "say different things of user:"),
    "lanes/counts_calls": ({"batches (differs)"}, "say different things of user:"),
    "lanes/crashes": ({"contract (crash)"}, "it ends the process: Segmentation fault"),
    "lanes/magic_word": ({"contract (crash)"}, "in extract of lane magic_word"), # the word is a constant of the file
    "lanes/hangs": ({"contract (hangs)"}, "it does not come back"),
    "lanes/exits": ({"contract (crash)"}, "it ends the process, with status 0"),
    "lanes/exits_open": ({"load (crash)"}, "in open of lane exits_open"),
    "lanes/beyond_table": ({"contract (slot)"}, "it calls what is behind the end of a table of the host"),
    "lanes/makes_bytes": ({"contract (made)"}, "add makes a text of what is not UTF-8"),
    "lanes/keeps_half": ({"contract (made)"}, "extract makes a text of what is not UTF-8"),
    "lanes/two_sizes": ({"contract (map)"}, "bytes in a map that has structs of"),
    "lanes/leaks": ({"leaks (leak)"}, "it does not free all that it allocates"),
    "lanes/leaks_open": ({"leaks (leak)"}, "`close` does not free all that `open` allocates"),
    "lanes/careless_open": ({"memory (crash)"}, "in open of lane careless_open"),
    "lanes/careless_add": ({"memory (crash)"}, "in add of lane careless_add"),
    "lanes/silent_open": ({"memory (silent)"}, "when its allocation number 1 fails"),
    "lanes/loses_views": ({"combine (differs)"}, "records that are combined and records that are not say different things"),
    "lanes/changes_text": ({"contract (combine)", "combine (differs)", "order (differs)"}, "combine changes stamp or texts of the record that stays"),
    "lanes/half_combined": ({"contract (combine)"}, "combine returns false and changes the record"),
    "lanes/refuses_default": ({"load (load)"}, "refuses its settings: most is too much"),
    "lanes/never": ({"reached (reached)"}, "no event led to a record: nothing of it was really tried"),
    "metrics/more_cells": ({"contract (cells)", "values (cells)"}, "compute writes more cells than it has features, 2"),
    "metrics/goes_by_clock": ({"clock (stale)"}, 'metric parser "goes_by_clock" goes by the clock between two ages'),
    "metrics/other_type": ({"contract (cells)"}, "declared i64, with what is f64"),
    "metrics/not_a_number": ({"values (cells)"}, "with what is not a finite number\n    do this  look for a division by 0 in its compute()"),
    "metrics/crashes_empty": ({"contract (crash)"}, "in compute of metric parser crashes_empty"),
    "metrics/changes_values": ({"contract (constant)"}, "compute writes to the values that it is given"),
    "metrics/adds_counts": ({"contract (again)"}, "says something else when it is asked again for the same values"),
}
# built with a sanitizer where the compiler can make such plugins for a program that has none
SANITIZED = {
    "lanes/undefined": ({"sanitizer (sanitizer)"}, "runtime error: shift exponent 132 is too large"),
    "lanes/past_block": ({"sanitizer (sanitizer)"}, "heap-buffer-overflow"),
}
# of single calls only: nothing else may be found there
PRECISE = {"past_record", "past_aggregate", "past_values", "changes_settings", "variable", "wrong_input", "undeclared", "sorts_handles",
           "two_sizes", "leaks", "leaks_open", "careless_open", "careless_add", "silent_open", "loses_views", "never", "crashes", "hangs", "exits",
           "exits_open", "goes_by_clock", "other_age", "changes_text", "magic_word"}

failures = []


def validate(*arguments, cwd=None):
    run = subprocess.run([BUILD / "shoplane", "plugin", "validate", *map(str, arguments)], capture_output=True, text=True, timeout=300,
                         cwd=cwd)
    return run.returncode, run.stdout, run.stderr


def expect(good, what, *more):
    if not good:
        failures.append(what)
        print("FAIL", what, *more, sep="\n  ")


def right():
    folders = f"{BUILD}/plugins:{BUILD}/examples"
    plugins = sorted((BUILD / "plugins").glob("*/*.so")) + sorted((BUILD / "examples").glob("*/*.so"))
    expect(len(plugins) >= 30, f"only {len(plugins)} plugins were built")
    for plugin in plugins:
        settings = ["--params", f'weights_file = "{WEIGHTS}";'] if plugin.stem == "propensity" else []
        status, out, err = validate("--rounds", 2 if "--right" in sys.argv else 4, "--plugins", folders, *settings, plugin)
        expect(status == 0 and ": VALID" in out, f"{plugin.parent.name}/{plugin.name} is not valid", out, err)
        bad = re.findall(r"^  BAD .*", out, re.M)
        expect(not bad, f"{plugin.name}: {bad}")
    # a lane that counts, one that does not: what there is nothing to look at is not said to be good
    _, out, _ = validate("--rounds", 1, BUILD / "plugins/lanes/product.so")
    expect(re.search(r"^  -    combine ", out, re.M) and re.search(r"^  good batches ", out, re.M), "product: rows", out)
    _, out, _ = validate("--rounds", 2, BUILD / "examples/lanes/daily_views.so")
    expect(re.search(r"^  good combine ", out, re.M), "daily_views: rows", out)


def wrong(name, ids, words):
    lane = ["--plugins", BAD, "--lane", "right"] if name.startswith("metrics/") else []
    status, out, err = validate("--timeout", 3, "--rounds", 3, "--events", 150, *lane, BAD / f"{name}.so")
    found = set(re.findall(r"^  (\w+ \(\w+\)): ", out, re.M))
    expect(status == 1 and ids <= found, f"{name}: status {status}, expected {ids}, found {found}", out, err)
    expect(words in out, f"{name}: \"{words}\" is not said", out)
    if name.split("/")[1] in PRECISE:
        expect(found == ids, f"{name}: also found {found - ids}", out)
    if "variables (variable)" in ids: # the cause of the rest, so it is first, and nothing else is to be done about the clock
        expect(re.search(r"^  (\w+) \(\w+\): ", out, re.M)[1] == "variables" and "`ages`" not in out, f"{name}: the variable first", out)
    for check in ids:
        expect(re.search(rf"^  BAD +{check.split()[0]} ", out, re.M), f"{name}: the row of {check}", out)
    return out


def small_streams(out):
    """What breaks it is a stream of one event, as lines of a case; and it can be seen again."""
    story = re.search(r"    events   1:\n      (at .*)\n    again    shoplane plugin validate --reproduce (\d+) --events 150 ", out)
    expect(story is not None, "undeclared: no stream of one event", out)
    with tempfile.TemporaryDirectory() as folder:
        case = pathlib.Path(folder) / "t.case"
        case.write_text(f"lane right windows 24h metrics right_count\n{story.group(1)}\nexpect end dead_letters = 0\n")
        run = subprocess.run([BUILD / "shoplane", "plugin", "test", "--plugins", BAD, case], capture_output=True, text=True)
        expect(run.returncode == 0, "the event is no line of a case", story.group(1), run.stdout, run.stderr)
        kept = pathlib.Path(folder) / "events.tsv"
        status, again, _ = validate("--reproduce", story.group(2), "--events", 150, "--keep", kept, BAD / "lanes/undeclared.so")
        expect(status == 1 and story.group(1) in again, "undeclared: it is not reproduced", again)
        lines = kept.read_text().splitlines()
        expect(len(lines) == 1 and lines[0].count("\t") == 130, "undeclared: what is kept is not the event", kept.read_text())
    _, once, _ = validate("--rounds", 2, "--events", 100, "--quiet", BAD / "lanes/sorts_handles.so")
    _, twice, _ = validate("--rounds", 2, "--events", 100, "--quiet", BAD / "lanes/sorts_handles.so")
    expect(once == twice, "the same seed, and another report", once, twice)


def recorded():
    """Events of a file find what no chance does; what is found names the line."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        lines = [f"at 12:{i:02}:00 product_view user=u{i % 3} product.id={'x' * 37 if i == 23 else i} product.price=1" for i in range(40)]
        (folder / "t.case").write_text("lane right windows 24h metrics right_count\n" + "\n".join(lines) + "\nexpect end dead_letters = 0\n")
        subprocess.run([BUILD / "shoplane", "plugin", "test", "--plugins", BAD, "--keep", ".", "t.case"], check=True, cwd=folder,
                       stdout=subprocess.DEVNULL)
        events = folder / "t.case.tsv"
        for number in ("100", "12"):
            status, out, err = validate("--events", number, "--events", events, "--rounds", 4, BAD / "lanes/odd_length.so")
            expect(status == 1 and f"\n    events   1:\n      # {events}:24\n" in out and f" --events {events} " in out,
                   f"recorded, {number} in a stream", out, err)
            expect(validate("--events", number, "--events", events, "--rounds", 4, BAD / "lanes/right.so")[0] == 0, "right, recorded")
        expect(validate("--rounds", 2, BAD / "lanes/odd_length.so")[0] == 0, "chance makes ids of 37 bytes")
        status, out, err = validate("--events", folder / "none.tsv", BAD / "lanes/right.so")
        expect(status == 2 and "the recorded events can't be read: No such file" in err, "no file of events", err)
        status, out, err = validate("--events", folder / "t.case", BAD / "lanes/right.so")
        expect(status == 2 and "there is no event in it that could be read" in err and "enriched TSV" in err, "no events", err)
        pages = folder / "pages.tsv"
        pages.write_text(events.read_text().replace("product_view", "list_view"))
        status, out, err = validate("--events", pages, BAD / "lanes/right.so")
        expect(status == 1 and "reached (reached)" in out and "record events whose names it lists" in out, "nothing for the lane", out, err)


def usage():
    with tempfile.TemporaryDirectory() as folder:
        status, _, err = validate(cwd=folder)
        expect(status == 2 and "there is no plugin in build/plugins" in err, "no file", err)
    status, _, err = validate("/nowhere/lanes/x.so")
    expect(status == 2 and "there is no plugin at /nowhere/lanes/x.so" in err and "do this" in err, "no such file", err)
    with tempfile.TemporaryDirectory() as folder:
        loose = pathlib.Path(folder) / "right.so"
        loose.write_bytes((BAD / "lanes/right.so").read_bytes())
        status, _, err = validate(loose)
        expect(status == 2 and "is told by its folder" in err and "lanes/NAME.so" in err, "neither lane nor metric", err)
    status, _, err = validate(BUILD / "tests/wrong_plugins/lanes/no_note.so")
    expect(status == 2 and "it does not say which Shoplane SDK" in err, "what would not be loaded", err)
    status, _, err = validate("--plugins", BAD, BAD / "metrics/needs_nobody.so")
    expect(status == 2 and "finds no lane to stand on" in err and 'a value "nobody: i64" that lane ' in err and "does not publish" in err,
           "no lane", err)
    status, _, err = validate("--rounds", "none", BAD / "lanes/right.so")
    expect(status == 2 and "--rounds takes a whole number" in err, "rounds", err)
    status, out, _ = validate("--params", "most = 5000;", BAD / "lanes/right.so")
    expect(status == 1 and "load (load)" in out and "most" in out, "settings that it can't have", out)


def shared_settings():
    """Without names each plugin takes the settings that it has a parameter for."""
    with tempfile.TemporaryDirectory() as folder:
        for kind, name in (("lanes", "right"), ("metrics", "right_count")):
            place = pathlib.Path(folder, "build/plugins", kind)
            place.mkdir(parents=True)
            (place / f"{name}.so").write_bytes((BAD / kind / f"{name}.so").read_bytes())
        few = ("--rounds", 1, "--events", 50)
        status, out, err = validate(*few, "--params", "most = 5;", cwd=folder)
        expect(status == 0 and out.count(": VALID") == 2 and 'on lane "right"' in out, "a setting of the lane", out, err)
        status, out, err = validate(*few, "--params", "most = 5000;", cwd=folder)
        expect(status >= 1 and out.count("load (load)") == 1 and "most" in out + err, "one that it can't have", out, err)
        status, out, err = validate(*few, "--params", "most = 5; mots = 6;", cwd=folder)
        expect(status == 2 and "no plugin of build/plugins has a parameter of this name\n  found    mots in --params" in err, "of nobody", out, err)
        status, out, err = validate(*few, "--params", "most = 5;", "build/plugins/metrics/right_count.so", cwd=folder)
        expect(status == 2 and "most" in err, "a name, and a setting that is another's", out, err)


right()
if "--right" not in sys.argv:
    outs = {name: wrong(name, *what) for name, what in WRONG.items()}
    for name, what in SANITIZED.items():
        if (BAD / f"{name}.so").exists():
            wrong(name, *what)
    small_streams(outs["lanes/undeclared"])
    for name in ("lanes/right", "lanes/right_counter", "lanes/right_ages", "lanes/right_old_age"):
        expect(validate(BAD / f"{name}.so")[0] == 0, f"{name} is not valid")
    expect(validate("--plugins", BAD, "--lane", "right", BAD / "metrics/right_count.so")[0] == 0, "right_count is not valid")
    recorded()
    usage()
    shared_settings()
print(f"{len(failures)} failed" if failures else "all as expected")
sys.exit(1 if failures else 0)
