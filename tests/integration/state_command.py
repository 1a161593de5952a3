#!/usr/bin/env python3
"""`shoplane state` as a person meets it: what is there, is it whole, a backup while a host is at work, and back again.

    state_command.py BUILD_DIR [--only WORD] [--keep FOLDER]

The folders are made by BUILD_DIR/tests/state_maker (tests/unit/made_state.h says what is in them).
"""

import filecmp
import json
import os
import pathlib
import pty
import re
import shutil
import signal
import subprocess

from servers import check, run_main, shipped_lanes, wait_for

LIMIT_S = 60
PRODUCT_0, PRODUCT_1 = "product-0000000003-000-000000", "product-0000000003-001-000000"
SESSION_0 = "session-0000000003-000-000000"


def call(servers, *words):
    """(status, standard output, standard error) of `shoplane state WORDS`."""
    environment = {name: value for name, value in os.environ.items() if name != "SHOPLANE_CONFIG"}
    done = subprocess.run([servers.host, "state", *map(str, words)], stdin=subprocess.DEVNULL, capture_output=True, timeout=LIMIT_S,
                          check=False, env=environment, cwd=servers.folder)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def expect(servers, *words, status=0, out=(), err=()):
    """It ends with that status, and says all of these (patterns) on standard output and standard error; (out, err)."""
    found, said, complained = call(servers, *words)
    line = "shoplane state " + " ".join(map(str, words))
    check(found == status, f"{line}: status {found}, must be {status}\n{said}{complained}")
    for patterns, text in ((out, said), (err, complained)):
        for pattern in patterns:
            check(re.search(pattern, text, re.M), f'{line}: it does not say "{pattern}" but\n{text}')
    check(err or complained == "", f"{line}: it complains\n{complained}")
    return said, complained


def maker(servers, what, folder):
    return [servers.build / "tests" / "state_maker", what, folder]


def make(servers, name="state", what="make"):
    folder = servers.folder / name
    servers.command(maker(servers, what, folder))
    return folder


def at_work(servers, what, folder):
    """A process that has the lock of the folder, until its standard input is closed."""
    process = servers.start(maker(servers, what, folder), servers.fresh(what) / "log", stdin=subprocess.PIPE)
    process.wait_text("locked", 20)
    return process


def configuration(servers, folder=None):
    path = servers.folder / "shoplane.conf"
    path.write_text('source: { kind = "kafka"; brokers = "127.0.0.1:1"; topic = "t"; };\n' + shipped_lanes("shoplane.conf") +
                    ("" if folder is None else f'state: {{ folder = "{folder}"; }};\n'))
    return path


def flip(path, at):
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 1]))


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def same_state(one, other):
    """The manifests and journals of two folders, byte for byte."""
    parts = [[path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.name != "lock" and path.is_file()]
             for folder in (one, other)]
    check(parts[0] == parts[1], f"{one} has {parts[0]}, {other} has {parts[1]}")
    for part in parts[0]:
        check(filecmp.cmp(one / part, other / part, shallow=False), f"{part} differs")


def what_is_there(servers):
    folder = make(servers)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    said, _ = expect(servers, folder, out=[
        f"^{re.escape(str(folder))}$", r"checkpoint  17 of generation 3, 2026-03-26T10:58:55\.451Z, .* ago", "in use      by nobody$",
        "topic       t$", r"clock       2026-03-26T10:58:53\.451Z", r"Redis       has acknowledged all up to .*51\.951Z, 1\.5 s before",
        "plugins     9f3a$", r"^ +0 +100  2026-03-26T10:58:58\.451Z$", r"^ +1 +250  -$",
        r"^  product +full +user +1 490 +149  2026-03-25T10:58:53\.451Z  2026-03-26T10:58:53\.451Z  73 kB +2  960 B$",
        r"^  session +filling +session +300 +100  .* 17 kB +1 +-$", r"^  cart +off +user +10 +1  .* 736 B +1 +-$",
        "session was being filled", "cart is not in the configuration", "seen partition 0 up to offset 90$"])
    check("record" not in said.split("lane ")[0] and "field" not in said, f"schemas are shown unasked\n{said}")
    check(max(map(len, said.splitlines())) <= 132, "a line is too long")
    said, _ = expect(servers, folder, "--quick", "--schema", out=[
        r"entries", r"^  product +full +user +1 503 ", "lane product: records of 32 bytes for each user, kept for 1d$",
        r"^    price +money +16 +8$", "from events product_view; inputs id=product"])
    check("keys" not in said, f"--quick knows keys\n{said}")
    found = json.loads(expect(servers, folder, "--json")[0])
    check({name: found[name] for name in ("generation", "checkpoint", "topic", "clock", "set", "in_use", "owner")} == {
        "generation": 3, "checkpoint": 17, "topic": "t", "clock": "2026-03-26T10:58:53.451Z", "set": "9f3a", "in_use": False,
        "owner": None}, f"--json: {found}")
    check(found["partitions"] == [{"partition": 0, "next": 100, "newest": "2026-03-26T10:58:58.451Z"},
                                  {"partition": 1, "next": 250, "newest": None}], f"--json: {found['partitions']}")
    check(found["lanes"][0] == {"lane": "product", "condition": "full", "key": "user", "records": 1490, "keys": 149, "entries": 1503,
                                "oldest": "2026-03-25T10:58:53.451Z", "newest": "2026-03-26T10:58:53.451Z", "bytes": 72960,
                                "segments": 2, "owed_bytes": 960, "longest_ms": 86400000}, f"--json: {found['lanes'][0]}")
    check(found["lanes"][2]["stopped"] == [90, None] and found["age_ms"] > 0, f"--json: {found}")
    quick = json.loads(expect(servers, folder, "--json", "--quick", "--schema")[0])["lanes"][1]
    check("records" not in quick and quick["entries"] == 300 and quick["record_bytes"] == 32, f"--json --quick: {quick}")
    check(quick["fields"][0] == {"name": "price", "type": "money", "offset": 16, "bytes": 8}, f"--json --schema: {quick}")
    expect(servers, "--config", configuration(servers, folder), out=["checkpoint  17"])
    check(before == {path: path.stat().st_mtime_ns for path in folder.rglob("*")}, "looking changed the folder")
    holder = at_work(servers, "hold", folder)
    expect(servers, folder, "--quick", out=["in use      by shop-1:4711:abcd$"])
    found = json.loads(expect(servers, folder, "--json")[0])
    check(found["in_use"] and found["owner"] == "shop-1:4711:abcd", f"--json: {found}")
    holder.child.stdin.close()
    holder.wait(20)
    expect(servers, folder, "--quick", out=["in use      by nobody; the last was shop-1:4711:abcd$"])


def called_wrongly(servers):
    folder = make(servers)
    config = configuration(servers)
    for words in (["a", "b"], ["--folder", "a", "b"], ["--replace"], ["--verify", "--json"], ["backup"], ["restore"],
                  ["backup", "a", "b"], ["backup", "a", "--json"], ["--config", config, folder], ["backup", "a", "--replace"]):
        expect(servers, *words, status=2, err=["shoplane state: ", "do this  shoplane state --help"])
    expect(servers, "--config", config, status=2, err=["no folder for state", r"shoplane\.conf: no group state", "do this"])
    expect(servers, "--config", servers.folder / "none.conf", status=2, err=["none.conf", "do this"])
    expect(servers, servers.folder / "none", status=1, err=["No such file", re.escape(str(servers.folder / "none")), "do this"])
    empty = servers.folder / "empty"
    (empty / "journal").mkdir(parents=True)
    (folder / "manifest-3").unlink()
    for place, says in ((empty, ["there is no state in", "do this"]),
                        (folder, ["the manifest of the state is gone", "no file manifest-N, and 4 files in journal/", "restore"])):
        for words in ([], ["--verify"], ["--json"], ["backup", "copy"]):
            more = ["--folder", place] if words[:1] == ["backup"] else [place]
            expect(servers, *words, *more, status=1, err=says)
    check(len(names(folder / "journal")) == 4, f"journals are gone: {names(folder / 'journal')}")
    check(not (servers.folder / "copy").exists(), "a backup of nothing is there")


def damages_are_named(servers):
    folder = make(servers)
    journal = folder / "journal"
    expect(servers, folder, "--verify", out=[r"generation 3, checkpoint 17: 4 segments, 91 kB; 12 blocks with 1 813 entries are whole, "
                                             "and that is all of them"])
    (journal / "product-0000000003-000-000001").write_bytes(b"begun")
    (journal / "notes.txt").write_bytes(b"?")
    expect(servers, folder, "--verify", out=["not named by the manifest: journal/notes.txt, 1 B",
                                             "not named by the manifest: journal/product-0000000003-000-000001, 5 B"])
    flip(journal / PRODUCT_1, 1000)
    expect(servers, folder, "--verify", status=1, out=["^1 damage:"], err=[
        "lane product is not whole: .*sum of its entries", rf"found    {re.escape(str(journal))}/{PRODUCT_1} at byte \d+ of 24368",
        r"do this|lost with it: 200 entries with records of 2026-\S+ to 2026-\S+; 301 of the segment's 501 entries are there"])
    expect(servers, folder, status=1, out=["product"], err=["not whole"])
    flip(journal / PRODUCT_1, 1000)
    (journal / PRODUCT_0).rename(servers.folder / "kept")
    os.truncate(journal / SESSION_0, 17000)
    _, complained = expect(servers, folder, "--verify", status=1, out=["3 damages"], err=[
        rf"{PRODUCT_0}", "it is missing", "1002 entries with records of", "lost: its last 104 bytes", r"200 of the segment's 300 entries"])
    check(complained.count("not whole") == 3, complained)
    expect(servers, "backup", "copy", "--folder", folder, status=1, err=["it is missing", PRODUCT_0, "--verify"])
    (servers.folder / "kept").rename(journal / PRODUCT_0)
    expect(servers, "backup", "copy", "--folder", folder, status=1, err=["shorter than the manifest says", SESSION_0])
    check(not list(servers.folder.glob("copy*")), f"a damaged state left {names(servers.folder)}")

    folder = make(servers, "manifests")
    (folder / "manifest-9").write_text("shoplane state 1\ngeneration 9\n")
    expect(servers, folder, status=1, out=["of generation 3"], err=["manifest-9", "generation 3, checkpoint 17, is used instead"])
    expect(servers, folder, "--verify", status=1, out=["^1 damage:"], err=["manifest-9"])
    flip(folder / "manifest-3", 30)
    expect(servers, folder, "--verify", status=1, err=["manifest-9"])
    expect(servers, "backup", "copy", "--folder", folder, status=1, err=["manifest-9"])


def a_backup_and_back(servers):
    folder = make(servers)
    config, copy, new = configuration(servers, folder), servers.folder / "monday", servers.folder / "new"
    expect(servers, "backup", f"{copy}/", "--config", config, out=[
        rf"{copy}: generation 3, checkpoint 17 of 2026-03-26T10:58:55.451Z; 4 segments, 91 kB, every sum is right"])
    same_state(folder, copy)
    check(copy.stat().st_mode & 0o777 == 0o700 and (copy / "journal" / PRODUCT_0).stat().st_mode & 0o777 == 0o600, "modes of the copy")
    expect(servers, copy, "--verify", out=["that is all of them"])
    expect(servers, "backup", copy, "--folder", folder, status=1, err=["something at its place already", "do this"])
    expect(servers, "backup", servers.folder / "no" / "where", "--folder", folder, status=1, err=["No such file", "do this"])

    expect(servers, "restore", copy, "--folder", new, out=[f"{new}: generation 3, checkpoint 17"])  # nothing is there
    same_state(copy, new)
    empty = servers.folder / "empty"
    empty.mkdir(0o700)
    expect(servers, "restore", copy, "--folder", empty, out=[f"{empty}: generation 3"])  # a folder that was made for it
    same_state(copy, empty)
    expect(servers, "restore", copy, "--config", config, status=1, err=["nothing is restored: the folder holds state", "--replace"])
    flip(folder / "journal" / PRODUCT_0, 500)  # what it has now is of no use
    damaged = (folder / "journal" / PRODUCT_0).read_bytes()
    holder = at_work(servers, "hold", folder)
    for words in ([], ["--replace"]):
        expect(servers, "restore", copy, "--config", config, *words, status=1,
               err=["a process uses the folder", "by shop-1:4711:abcd", "stop it first"])
    holder.child.stdin.close()
    holder.wait(20)
    said, _ = expect(servers, "restore", copy, "--config", config, "--replace",
                     out=[rf"^{folder}\.before-\d{{8}}T\d{{6}}Z: what was in .* before$", f"^{folder}: generation 3"])
    same_state(copy, folder)
    former = pathlib.Path(said.split(": ")[0])
    check((former / "journal" / PRODUCT_0).read_bytes() == damaged, "the former state is not where it is said to be")

    flip(copy / "journal" / SESSION_0, 700)
    last = servers.folder / "last"
    for target in (last, folder):
        more = ["--replace"] if target == folder else []
        expect(servers, "restore", copy, "--folder", target, *more, status=1, err=["can't be copied", SESSION_0])
    check(not last.exists(), "a damaged backup was restored")
    expect(servers, folder, "--verify", out=["that is all of them"])
    expect(servers, "restore", servers.folder / "none", "--folder", last, status=1, err=["No such file"])
    check(not [name for name in names(servers.folder) if "partial" in name], f"left over: {names(servers.folder)}")


def a_backup_through_a_link(servers):
    """state.folder is a link to another disk: the state is replaced there, the link stays."""
    make(servers, "disk")
    link, copy = servers.folder / "link", servers.folder / "copy"
    link.symlink_to("disk")
    expect(servers, "backup", copy, "--folder", link, out=["every sum"])
    expect(servers, "restore", copy, "--folder", link, "--replace", out=["what was in", f"^{servers.folder / 'disk'}: generation 3"])
    check(link.is_symlink() and link.resolve() == servers.folder / "disk", "the link is gone")
    same_state(copy, link)


def backups_while_a_host_is_at_work(servers):
    """Each is whole, and one cut through both lanes; among many there is one that began again."""
    folder = make(servers)
    host = at_work(servers, "work", folder)
    host.wait_text("checkpoint 40", 30)  # the first segments are gone
    checkpoints, again = [], 0
    for number in range(1000):
        copy = servers.folder / f"copy-{number}"
        said, _ = expect(servers, "backup", copy, "--folder", folder, out=["generation 4, checkpoint \\d+ of"])
        again += "begun again" in said
        expect(servers, copy, "--verify", out=["that is all of them"])
        found = json.loads(expect(servers, copy, "--json")[0])
        product, cart = found["lanes"]
        check(product["entries"] == cart["entries"] and product["records"] == cart["records"], f"not of one moment: {found}")
        begun = (found["checkpoint"] - 1) // 5 + 1  # segments so far, each of five checkpoints; four at most are kept
        kept = found["checkpoint"] - max(0, begun - 4) * 5
        check(product["records"] == kept * 50, f"checkpoint {found['checkpoint']} has {product['records']} records")
        checkpoints.append(found["checkpoint"])
        shutil.rmtree(copy)
        expect(servers, folder, "--verify", out=["that is all of them"])  # of the folder itself, too
        if number >= 20 and again:
            break
    check(checkpoints == sorted(set(checkpoints)), f"checkpoints do not grow: {checkpoints}")
    check(host.running(), f"the host ended:\n{host.tail()}")
    check(again > 0, "no backup ever met a segment that had gone")
    host.child.stdin.close()
    check(host.wait(20) == 0, host.tail())
    print(f"      {len(checkpoints)} backups, {again} of them begun again, {checkpoints[-1]} checkpoints")


def interrupted(servers):
    """Ctrl-C in the middle: 130, and nothing is left; on a terminal progress is shown."""
    folder = make(servers, what="large")
    for words, number in (["backup", servers.folder / "copy", "--folder", folder], signal.SIGINT), \
                         (["restore", folder, "--folder", servers.folder / "new"], signal.SIGTERM):
        leader, follower = pty.openpty()
        child = subprocess.Popen([servers.host, "state", *map(str, words)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                 stderr=follower)
        os.close(follower)
        os.set_blocking(leader, False)
        shown = bytearray()

        def look():
            try:
                shown.extend(os.read(leader, 65536))
            except BlockingIOError:
                pass
            return b"copying" in shown
        try:
            wait_for(look, 20, lambda: f"progress is shown: {bytes(shown)}")
            check(any("partial" in name for name in names(servers.folder)), f"where does it copy to? {names(servers.folder)}")
            child.send_signal(number)
            wait_for(lambda: child.poll() is not None, 20, "it ends")
        finally:
            child.kill()
            child.wait()
            os.close(leader)
        check(re.search(rb"copying +\d+%  \S+ [kMG]?B of 4\.3 GB", shown), f"it shows {bytes(shown)}")
        check(child.returncode == 130, f"status {child.returncode}, must be 130")
        check(names(servers.folder) == ["state"], f"left over: {names(servers.folder)}")


if __name__ == "__main__":
    run_main(__doc__, [what_is_there, called_wrongly, damages_are_named, a_backup_and_back, a_backup_through_a_link,
                       backups_while_a_host_is_at_work, interrupted])
