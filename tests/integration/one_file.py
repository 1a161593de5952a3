#!/usr/bin/env python3
"""A lane and its metric parser in one file, the recipe wishlist: every command knows both, and a running host reloads them.

    one_file.py BUILD_DIR [--only WORD] [--keep FOLDER]
"""

import shutil
import subprocess

from audit import figures
from servers import ROOT, TOPIC, MockBroker, check, run_main, wait_for, write_config

LANES = """lanes = ( { lane = "wishlist"; windows = ( { name = "1h"; length = "1h"; emit = 0; } ); metrics = ( "wishlist" ); } );
"""
FILE = "examples/lanes/wishlist.so"


def told(servers, status, *words):
    done = subprocess.run([str(servers.build / "shoplane"), *map(str, words)], capture_output=True, text=True, timeout=120, check=False)
    check(done.returncode == status, f"{' '.join(map(str, words))}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def every_command_knows_both(servers):
    said = told(servers, 0, "plugins", "--folder", servers.build / "examples", "wishlist")
    check(said.startswith("lane wishlist 1.0.0 ") and "\n\nmetric parser wishlist 1.0.0 " in said and "not used" not in said, said)
    check(" bytes, good\n" in told(servers, 0, "plugin", "check", servers.build / FILE), "check")
    said = told(servers, 0, "plugin", "validate", "--rounds", 2, "--quiet", servers.build / FILE)
    check('lane "wishlist", 2 streams' in said and 'metric parser "wishlist" on lane "wishlist", 2 streams' in said and
          said.count(" VALID\n") == 2, said)


def it_is_installed_unless_another_is_in_the_way(servers):
    project, to = servers.fresh("project"), servers.fresh("installed")
    (project / "build/plugins/lanes").mkdir(parents=True)
    (to / "metrics").mkdir()
    shutil.copy(servers.build / FILE, project / "build/plugins/lanes/wishlist.so")
    shutil.copy(servers.build / "examples/metrics/audience.so", to / "metrics/wishlist.so")
    said = told(servers, 1, "plugin", "install", project, "--to", to)
    check('the metric parser "wishlist" in it would not be used' in said and "metrics/wishlist.so\n" in said, said)
    check(not (to / "lanes").exists(), "nothing was installed")
    (to / "metrics/wishlist.so").unlink()
    said = told(servers, 0, "plugin", "install", project, "--to", to)
    check('installed lane "wishlist" 1.0.0 to ' in said and 'installed metric parser "wishlist" 1.0.0 to ' in said, said)
    shutil.copy(servers.build / "plugins/metrics/orders.so", to / "metrics/wishlist.so")
    said = told(servers, 1, "plugins", "--folder", to, "wishlist")
    check('it calls itself "orders"' in said and "not used: metrics/wishlist.so comes first" in said, said)


def a_host_runs_and_reloads_it(servers):
    kept = servers.fresh("kept")
    told(servers, 0, "plugin", "test", "--plugins", servers.build / "examples", "--keep", kept,
         ROOT / "sdk/examples/wishlist/wishlist.case")
    events = next(kept.glob("*.tsv")).read_text().splitlines()
    redis, broker = servers.redis().start(), MockBroker(servers, {TOPIC: 1})
    state, config = servers.folder / "state", servers.folder / "one.conf"
    write_config(config, LANES, broker, redis, clock="event", disorder="0s", sink={"audit": "10ms"})
    config.write_text(f'plugins = "{servers.build}/examples";\n' + config.read_text() +
                      f'state: {{ folder = "{state}"; interval = "200ms"; }};\n')
    said = told(servers, 0, "check", "--config", config)
    check("lane wishlist 1.0.0" in said and "writes user:{id}:wishlist_size_1h" in said, said)
    host, producer, key = servers.run(config, "--report", 1), servers.producer(broker), "user:ann:wishlist_size_1h"
    producer.send(events[0])
    wait_for(lambda: redis.get(key) == "3", 20, lambda: f"ann's list:\n{host.tail()}")
    said = told(servers, 0, "explain", key, "--config", config)
    check(f"{key} is 3\n  by parser wishlist of lane wishlist, window 1h: 1 record," in said, said)
    wait_for(lambda: figures(host)[0] > 0, 20, lambda: f"it is audited:\n{host.tail()}")
    check(figures(host)[1] == 0, host.tail())
    told(servers, 0, "reload", "--config", config)
    wait_for(lambda: list(state.glob("sets/*/plugins/lanes/wishlist.so")), 20, "its file is kept in the set")
    check(not list(state.glob("sets/*/plugins/metrics/*")), "once")
    producer.send(*events[1:])
    wait_for(lambda: redis.get(key) == "2", 20, lambda: f"after the reload:\n{host.tail()}")
    check(host.end() == 0, host.tail())


if __name__ == "__main__":
    run_main(__doc__, [every_command_knows_both, it_is_installed_unless_another_is_in_the_way, a_host_runs_and_reloads_it])
