#!/usr/bin/env python3
"""The commands as a person meets them: help, mistakes, exit statuses, pipes that close, disks that are full, Ctrl-C.

    commands.py BUILD_DIR [--only WORD] [--keep FOLDER]
"""

import json
import os
import re
import shutil
import signal
import stat
import subprocess

from servers import check, run_main, shipped_lanes, wait_for

COMMANDS = ("run", "replay", "parse", "check", "state", "plugins")
LIMIT_S = 60


def call(servers, *words, **more):
    """(status, standard output, standard error) of `shoplane WORDS`."""
    environment = {name: value for name, value in os.environ.items() if name not in ("SHOPLANE_CONFIG", "SHOPLANE_PLUGINS")}
    more.setdefault("stdin", None if "input" in more else subprocess.DEVNULL)
    more.setdefault("stdout", subprocess.PIPE)
    if more["stdin"] is None:
        del more["stdin"]
    done = subprocess.run([servers.host, *map(str, words)], stderr=subprocess.PIPE, timeout=LIMIT_S, check=False,
                          env=environment, **more)
    return done.returncode, (done.stdout or b"").decode(errors="replace"), done.stderr.decode(errors="replace")


def refused(servers, *words, status=2, says=(), **more):
    """It ends with that status, prints nothing on standard output, and says all of these (patterns)."""
    found, out, err = call(servers, *words, **more)
    line = "shoplane " + " ".join(map(str, words))
    check(found == status, f"{line}: status {found}, must be {status}\n{err}")
    check(out == "", f"{line}: it prints {out[:200]!r}")
    for pattern in says:
        check(re.search(pattern, err, re.M), f'{line}: it does not say "{pattern}" but\n{err}')
    return err


def configuration(servers, name="good.conf", **lines):
    """A configuration for replays; `lines`: groups in place of those here."""
    parts = {"source": 'source: { kind = "kafka"; brokers = "127.0.0.1:1"; topic = "t"; connect_timeout = "300ms"; };\n',
             "lanes": shipped_lanes("shoplane.conf"), "sink": 'sink: { kind = "redis"; socket = "/nowhere/redis.sock"; };\n',
             "dead_letters": 'dead_letters: { file = "/dev/null"; };\n', **lines}
    path = servers.folder / name
    path.write_text("".join(parts.values()))
    return path


def help_and_usage(servers):
    for words in (["--help"], ["-h"], ["help"], *([command, "--help"] for command in COMMANDS)):
        status, out, err = call(servers, *words)
        check(status == 0 and err == "", f"{words}: status {status}, and on standard error {err!r}")
        check(f"shoplane {words[0] if len(words) > 1 else 'COMMAND'}" in out, f"{words}: it says\n{out}")
        check(max(map(len, out.splitlines())) <= 132, f"{words}: a line of {max(map(len, out.splitlines()))} characters")
    status, out, _ = call(servers, "--version")
    check(status == 0 and re.fullmatch(r"shoplane \d+\.\d+\.\d+\S*\n", out), f"--version: {out!r}")
    refused(servers, says=["shoplane COMMAND"])
    refused(servers, "walk", says=['there is no command "walk"', "shoplane COMMAND"])
    for command in COMMANDS:
        refused(servers, command, "--no-such-option", says=["no-such-option", rf"do this  shoplane {command} --help"])
    refused(servers, "replay", says=["name at least one file"])
    refused(servers, "replay", "--final=some", "x", says=["--final takes nothing or =all"])
    refused(servers, "replay", "--workers", "0", "x", says=["whole number from 1 to 256"])
    refused(servers, "replay", "--workers", "many", "x", says=["whole number from 1 to 256"])
    refused(servers, "replay", "--until", "noon", "x", says=["--until takes a time"])
    refused(servers, "replay", "--sink", "kafka", "x", says=["jsonl, redis or null"])
    refused(servers, "replay", "--batch", says=["batch"])
    refused(servers, "run", "file.tsv", says=["takes no files"])
    refused(servers, "run", "--until", "2025-01-01T00:00:00Z", says=["--to-end"])
    refused(servers, "check", "file.conf", says=["--config"])


def files_that_can_not_be_read(servers):
    config, events = configuration(servers), servers.generate("events.tsv", "--events", 100)
    for command in ("run", "replay", "check"):
        more = [events] if command == "replay" else []
        refused(servers, command, "--config", servers.folder / "none.conf", *more,
                says=["none.conf", "No such file", "do this"])
        refused(servers, command, "--config", servers.folder, *more, says=[re.escape(str(servers.folder)), "do this"])
    refused(servers, "replay", "--config", config, servers.folder / "none.tsv", status=1, says=["none.tsv", "No such file"])
    refused(servers, "replay", "--config", config, servers.folder, status=1, says=["is a folder", "do this"])
    refused(servers, "replay", "--config", config, "--dead-letters", servers.folder / "no" / "letters", events, status=1,
            says=["no/letters", "No such file", "do this"])
    refused(servers, "parse", servers.folder / "none.tsv", status=1, says=["none.tsv", "No such file"])
    status, _, err = call(servers, "replay", "--config", config, "--sink", "null", "--stats", servers.folder / "no" / "stats", events)
    check(status == 1 and "no/stats" in err, f"--stats into nowhere: status {status}\n{err}")
    if os.geteuid() != 0:  # root reads everything
        config.chmod(0)
        refused(servers, "check", "--config", config, says=["Permission denied", "do this"])
        config.chmod(0o600)
    refused(servers, "run", "--config", configuration(servers), "--to-end", status=1, says=["127.0.0.1:1", "do this"])
    # a named configuration from the environment, and one that is found beside the program
    done = subprocess.run([servers.host, "check"], env={"SHOPLANE_CONFIG": str(servers.folder / "env.conf")}, capture_output=True,
                          check=False)
    check(done.returncode == 2 and b"env.conf" in done.stderr, f"SHOPLANE_CONFIG: {done.stderr}")


def mistakes_in_one_go(servers):
    """Good configurations pass; of a bad one every mistake is said at once, each with file and line."""
    for name in ("shoplane.conf", "live-shopper.conf"):
        path = servers.folder / name
        shutil.copy(servers.build.parent / "config" / name if (servers.build.parent / "config" / name).exists()
                    else configuration(servers), path)
        status, out, err = call(servers, "check", "--config", path)
        check(status == 0 and err == "", f"{name}: status {status}\n{err}")
        check(f"{path} is fine: 5 lanes" in out, f"{name}: it says\n{out}")
        for text in ("lane product", "window 5m: 300 s", "session window: gap", "writes user:{id}:product_view_count_5m",
                     "writes session:{sid}:session_bounce"):
            check(text in out, f'{name}: it does not say "{text}"\n{out}')
    bad = servers.folder / "bad.conf"
    bad.write_text('\n'.join([
        'wokers = 2;',                                                                       # 1: misspelt
        'source: { kind = "kafka"; brokers = "b:9092"; topic = "t"; batch = 0; };',          # 2: out of range
        'lanes = (',
        '  { lane = "product"; windows = ( { name = "5m"; length = "5 minutes"; } ); metrics = ( "product_views" ); },',  # 4: duration
        '  { lane = "cart"; windows = ( { name = "5m"; length = "5m"; ttl = "1s"; emit = "30s"; } );',  # 5: emit > ttl
        '    metrics = ( "cart_activity" ); }',
        ');',
        'sink: { kind = "redis"; host = "h"; socket = "s"; };',                              # 8: two ways
        'dead_letters: { file = 7; };', '']))                                                # 9: a number
    err = refused(servers, "check", "--config", bad, says=[r"\d+ errors"])
    for line in (1, 2, 4, 5, 8, 9):
        check(f"bad.conf:{line}:" in err, f"nothing is said of line {line}:\n{err}")
    check(err.count("do this") >= 6, f"advice is missing:\n{err}")
    bad.write_text('source: { kind = "kafka"; topic = "t" \nbrokers = ; };\n')
    refused(servers, "check", "--config", bad, says=[r"bad\.conf:2"])
    for lanes, says in (('lanes = ( { lane = "prodct"; windows = ( { name = "5m"; length = "5m"; } ); metrics = ( "product_views" ); } );',
                         "prodct"),
                        ('lanes = ( { lane = "product"; windows = ( { name = "5m"; length = "5m"; } ); metrics = ( "orders" ); } );',
                         "orders"),
                        ('lanes = ( { lane = "product"; params = { colour = 1; }; windows = ( { name = "5m"; length = "5m"; } ); '
                         'metrics = ( "product_views" ); } );', "colour")):
        refused(servers, "check", "--config", configuration(servers, "lanes.conf", lanes=lanes + "\n"), says=[says, "lanes.conf:2", "do this"])


def plugins_are_listed(servers):
    status, out, err = call(servers, "plugins")
    check(status == 0 and err == "", f"plugins: status {status}\n{err}")
    for text in ("lane product", "metric parser product_views", "key user", "key session", "product_view_count", "parameters",
                 "count_lists"):
        check(text in out, f'plugins: it does not say "{text}"')
    status, some, _ = call(servers, "plugins", "cart", "orders")
    check(status == 0 and "lane cart" in some and "metric parser orders" in some and "lane product" not in some, some)
    refused(servers, "plugins", "no_such", status=1, says=["no such plugins", "do this"])
    refused(servers, "plugins", "--folder", servers.folder / "none", status=1, says=["do this"])


def plugins_that_others_can_write(servers):
    """Files and folders that other users can write are refused: `check` says which, and what to do."""
    folder = servers.folder / "plugins"
    shutil.copytree(servers.build / "plugins", folder, ignore=lambda _, names: [name for name in names if name.startswith("CMake")
                                                                               or name == "cmake_install.cmake"])
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755)
    path = servers.folder / "own.conf"
    path.write_text(f'plugins = "{folder}";\n' + configuration(servers).read_text())
    status, out, err = call(servers, "check", "--config", path)
    check(status == 0 and f"plugins from {folder}" in out, f"of our own folder: status {status}\n{err}")
    for soft in (folder / "lanes" / "product.so", folder / "lanes", folder):
        soft.chmod(0o777)
        refused(servers, "check", "--config", path, says=["others than you can write", re.escape(str(soft)), "do this  .*chmod go-w"])
        soft.chmod(0o755)
        check(not soft.stat().st_mode & stat.S_IWOTH, "put back")
    (folder / "lanes" / "product.so").write_bytes(b"not an object")
    refused(servers, "check", "--config", path, says=["product", "do this"])


def pipes(servers):
    """`-` reads a pipe; a reader that goes away, or a disk that is full, ends it with status 1 and a reason."""
    config, events = configuration(servers), servers.generate("events.tsv", "--events", 4000)
    data = events.read_bytes()
    for command in (["replay", "--config", config, "--quiet"], ["parse"]):
        line = command[0]
        status, from_file, err = call(servers, *command, events)
        check(status == 0 and from_file, f"{line}: status {status}\n{err}")
        status, from_pipe, _ = call(servers, *command, "-", input=data)
        check(status == 0 and from_pipe == from_file, f"{line} -: the pipe gives something else than the file")
        status, from_cut, _ = call(servers, *command, "-", input=data.rstrip(b"\n"))
        check(status == 0 and from_cut == from_file, f"{line} -: a last line without newline gives something else")
        with open("/dev/full", "wb") as full:
            status, _, err = call(servers, *command, events, stdout=full)
        check(status == 1 and "standard output can't be written" in err and "No space left on device" in err,
              f"{line} > /dev/full: status {status}\n{err}")
        read, write = os.pipe()
        os.close(read)
        with os.fdopen(write, "wb") as closed:
            status, _, err = call(servers, *command, events, stdout=closed)
        check(status == 1 and "standard output can't be written" in err and "Broken pipe" in err,
              f"{line} into a closed pipe: status {status}\n{err}")
    for final in ("--final", "--final=all"):
        with open("/dev/full", "wb") as full:
            status, _, err = call(servers, "replay", "--config", config, final, events, stdout=full)
        check(status == 1 and "standard output can't be written" in err and "No space left" in err,
              f"replay {final} > /dev/full: status {status}\n{err}")
    for words in (["--help"], ["plugins"], ["check", "--config", config]):
        with open("/dev/full", "wb") as full:
            status, _, err = call(servers, *words, stdout=full)
        check(status == 1 and "No space left" in err, f"{words[0]} > /dev/full: status {status}, must be 1, and say why:\n{err}")


def repeatable(servers):
    """Each process has a secret of its own by which its tables are laid out; a replay's lines and their order do not depend on it."""
    config, events = configuration(servers), servers.generate("same.tsv", "--events", 3000, "--shoppers", 20)
    outputs = set()
    for _ in range(3):
        status, out, err = call(servers, "replay", "--config", config, "--quiet", "--workers", 1, events)
        check(status == 0 and out.count("\n") > 3000, f"replay: status {status}, {len(out)} bytes\n{err}")
        outputs.add(out)
    check(len(outputs) == 1, "three replays of one file wrote different lines, or in another order")


def interrupted(servers):
    """Ctrl-C in mid-replay: 130, and every line that was written is whole."""
    config, events = configuration(servers), servers.generate("events.tsv", "--events", 20000)
    for number in (signal.SIGINT, signal.SIGTERM):
        out = servers.folder / f"out-{number}.jsonl"
        read, write = os.pipe()
        with open(out, "wb") as file, open(servers.folder / "err", "wb") as err:
            child = subprocess.Popen([servers.host, "replay", "--config", config, "-"], stdin=read, stdout=file, stderr=err)
            os.close(read)
            with os.fdopen(write, "wb") as pipe:  # kept open: the end is not in sight
                pipe.write(events.read_bytes())
                pipe.flush()
                try:
                    wait_for(lambda: out.stat().st_size > 100000, 20, "it is in the middle of it")
                    child.send_signal(number)
                    wait_for(lambda: child.poll() is not None, 10, f"signal {number} ends it")
                finally:
                    child.kill()
                    child.wait()
        check(child.returncode == 130, f"signal {number}: status {child.returncode}, must be 130")
        text = out.read_text()
        check(text.endswith("\n"), "the last line is cut")
        for line in text.splitlines():
            check({"key", "ttl", "event_time"} <= set(json.loads(line)), f"a line is {line}")


if __name__ == "__main__":
    run_main(__doc__, [help_and_usage, files_that_can_not_be_read, mistakes_in_one_go, plugins_are_listed,
                       plugins_that_others_can_write, pipes, repeatable, interrupted])
