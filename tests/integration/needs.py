#!/usr/bin/env python3
"""A parser that needs values of another window and another lane, the recipe hesitation: refused where they are not, right after kills.

    needs.py BUILD_DIR [--only WORD] [--keep FOLDER]
"""

import subprocess

from audit import figures
from servers import ROOT, TOPIC, MockBroker, check, run_main, wait_for, write_config

WINDOWS = '( { name = "5m"; length = "5m"; emit = 0; }, { name = "1h"; length = "1h"; emit = 0; } )'
LANES = f"""lanes = ( {{ lane = "product"; windows = {WINDOWS}; metrics = ( "hesitation" ); }},
{{ lane = "cart"; windows = {WINDOWS}; metrics = ( "cart_value" ); }} );
"""
REFUSED = (
    ("lane product windows 5m 1h metrics hesitation\n", 'a value "value: money" of lane "cart", which the configuration does not have',
     "of this kind of key there are product"),
    ("lane product windows 5m 1h metrics hesitation\nlane cart windows 1h metrics cart_value\n", 'which has no window "5m" there',
     "it has 1h"),
    ("lane product windows 5m metrics hesitation\nlane cart windows 5m metrics cart_value\n",
     'of lane "product", window "1h", which has no window "1h" there', "it has 5m"),
)


def told(servers, status, *words):
    done = subprocess.run([str(servers.build / "shoplane"), *map(str, words)], capture_output=True, text=True, timeout=120, check=False)
    check(done.returncode == status, f"{' '.join(map(str, words))}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def what_is_not_there_is_refused(servers):
    folder, plugins = servers.fresh("cases"), f"{servers.build}/examples:{servers.build}/plugins"
    for number, (text, what, list_) in enumerate(REFUSED):
        case = folder / f"{number}.case"
        case.write_text(text + "expect 12:00:00 nothing\n")
        said = told(servers, 2, "plugin", "test", "--plugins", plugins, case)
        check(what in said and list_ in said, said)
    said = told(servers, 0, "plugins", "--folder", servers.build / "examples", "hesitation")
    check("products                 i64     of the lane, window 1h" in said and "of lane cart\n" in said, said)
    told(servers, 0, "plugin", "validate", "--rounds", 2, "--quiet", "--plugins", plugins, "--lane", "product",
         servers.build / "examples/metrics/hesitation.so")


def values_survive_kills(servers):
    kept, plugins = servers.fresh("kept"), f"{servers.build}/examples:{servers.build}/plugins"
    told(servers, 0, "plugin", "test", "--plugins", plugins, "--keep", kept, ROOT / "sdk/examples/hesitation/hesitation.case")
    events = next(kept.glob("*.tsv")).read_text().splitlines()
    redis, broker = servers.redis().start(), MockBroker(servers, {TOPIC: 1})
    config = write_config(servers.folder / "needs.conf", LANES, broker, redis, clock="event", disorder="0s", sink={"audit": "10ms"})
    config.write_text(f'plugins = "{plugins}";\n' + config.read_text() +
                      f'state: {{ folder = "{servers.folder / "state"}"; interval = "100ms"; }};\n')
    cart, share = "user:ann:cart_while_viewing_5m", "user:ann:viewed_share_of_hour_5m"
    host, producer = servers.run(config, "--workers", 2, "--report", 1), servers.producer(broker)
    producer.send(*events[:2])
    wait_for(lambda: redis.get(share) == "0.5", 20, lambda: f"the share:\n{host.tail()}")
    host.kill()
    host = servers.run(config, "--workers", 1, "--report", 1)
    producer.send(events[2])  # of the cart alone
    wait_for(lambda: redis.get(cart) == "20", 20, lambda: f"the cart, where only lane cart has something new:\n{host.tail()}")
    host.kill()
    redis.ask("DEL", cart)
    host = servers.run(config, "--workers", 2, "--report", 1)
    wait_for(lambda: redis.get(cart) == "20" and redis.get(share) == "0.5", 40, lambda: f"all is written again:\n{host.tail()}")
    said = told(servers, 0, "explain", cart, "--config", config)
    check(f"{cart} is 20\n" in said, said)
    producer.send(*events[3:])
    wait_for(lambda: redis.get("user:bob:cart_value_5m") == "20", 20, lambda: f"the end of the case:\n{host.tail()}")
    wait_for(lambda: figures(host)[0] > 0, 20, lambda: f"it is audited:\n{host.tail()}")
    check(figures(host)[1] == 0 and redis.get(cart) is None and redis.get("user:bob:cart_while_viewing_5m") is None, host.tail())
    check(host.end() == 0, host.tail())
    said = told(servers, 0, "explain", "user:ann:cart_while_viewing_1h", "--config", config)
    check("cart_while_viewing_1h is 20\n" in said, said)


if __name__ == "__main__":
    run_main(__doc__, [what_is_not_there_is_refused, values_survive_kills])
