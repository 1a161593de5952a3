#!/usr/bin/env python3
"""Keys of a lane's own, many records of an event, and counters: live, killed and started again, nothing is lost and nothing counts
twice; and what stands behind them can be asked for.

    own_keys.py BUILD_DIR [--only WORD] [--keep FOLDER]
"""

import time

from explain import as_json, told
from live import BLANK, event
from servers import TOPIC, MockBroker, check, run_main, wait_for, write_config

from wire import to_tsv

LANES = """lanes = (
  { lane = "product_audience"; windows = ( { name = "1h"; length = "1h"; emit = "0s"; } ); metrics = ( "audience" ); },
  { lane = "category_audience"; windows = ( { name = "1h"; length = "1h"; emit = "0s"; } ); metrics = ( "audience" ); },
  { lane = "daily_views"; windows = ( { name = "1d"; length = "1d"; emit = "0s"; } ); metrics = ( "demand" ); } );
"""


def list_view(user, products, identity, at):
    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(at)) + ".000"
    return to_tsv({**BLANK, "kind": "list_view", "id": identity, "derived": stamp, "collector": stamp, "user_id": user,
                   "domain_sessionid": "", "products": [{"id": product, "price": 1, "category": category}
                                                        for product, category in products]})


def across_a_crash(servers):
    redis, broker = servers.redis().start(), MockBroker(servers, {TOPIC: 4})
    config = write_config(servers.folder / "own.conf", LANES, broker, redis, disorder="0s")
    with config.open("a") as file:
        file.write(f'plugins = "{servers.build}/examples:{servers.build}/plugins";\n'
                   f'state: {{ folder = "{servers.folder / "state"}"; interval = "200ms"; }};\n')
    host, producer = servers.run(config, "--workers", 2), servers.producer(broker)
    now = int(time.time())
    listed = list_view("cyd", [("1", "shoes"), ("2", "hats"), ("3", "shoes")], "4ba8f147-05cf-48c6-b218-000000000001", now - 60)
    # Two hours ago, before the clock has gone on: in their hour, which comes to rest then, and is one record after the restart.
    hour = now // 3600 * 3600 - 7200
    producer.send(*(event("product_view", user, product="5", at=hour + n) for n in range(100) for user in ("ann", "bob")))
    wait_for(lambda: redis.get("product:5:demand_1d") == "200", 20, lambda: f"the first views:\n{redis.features()}\n{host.tail()}")
    producer.send(event("product_view", "ann", product="5", at=now - 50), listed, listed)

    def there(views, shoes, demand):
        return (redis.get("product:5:views_1h"), redis.get("category:shoes:views_1h"), redis.get("product:5:demand_1d")) == (
            views, shoes, demand)
    wait_for(lambda: there("1", "3", "201"), 20, lambda: f"the first features:\n{redis.features()}\n{host.tail()}")

    def kept():
        answer = as_json(servers, "features", "category", "shoes", "--state", "--config", config)
        return answer["features"][0]["records"] == 3
    wait_for(kept_quietly(kept), 20, "a checkpoint has it")
    host.kill()
    host = servers.run(config, "--workers", 3, "--report", 1)
    producer.send(event("product_view", "dan", product="5", at=now - 40), listed)
    wait_for(lambda: there("2", "4", "202"), 20, lambda: f"the next features:\n{redis.features()}\n{host.tail()}")
    check(redis.get("category:hats:viewers_1h") == "1" and redis.get("product:5:viewers_1h") == "2", redis.features())
    answer = as_json(servers, "explain", "category", "shoes", "views", "--config", config)["features"][0]
    check(answer["records"] == 4 and [record["fields"]["user"] for record in answer["behind"]][:2] == ["cyd", "cyd"], answer)
    demand = as_json(servers, "features", "product", "5", "--config", config)["features"]
    records = next(feature["records"] for feature in demand if feature["key"] == "product:5:demand_1d")
    check(records == 3, f"the two hundred are one record now, and two of this hour or the last: {demand}")
    producer.send(event("product_view", "ann", product="5", at=hour + 5))
    host.wait_text(" [1-9][0-9]* for buckets at rest", 30)
    check(redis.get("product:5:demand_1d") == "202", "what comes for an hour at rest is not taken")
    check(host.end() == 0, host.tail())


def bounds_of_a_lane(servers):
    """A product is hot: its lane keeps as many records as it says, not as limits do, and what is cut is said. A bucket rests as
    long after its end as the lane says; what comes later is a figure of its own."""
    redis, broker = servers.redis().start(), MockBroker(servers, {TOPIC: 1})
    lanes = """lanes = (
  { lane = "product_audience"; key_records = 100; windows = ( { name = "1h"; length = "1h"; emit = "0s"; },
    { name = "1m"; length = "1m"; emit = "0s"; } ); metrics = ( "audience" ); },
  { lane = "product_audience"; as = "wide"; shadow_of = "product_audience"; prefix = "wide"; key_records = 1000;
    windows = ( { name = "1h"; length = "1h"; emit = "0s"; } ); metrics = ( "audience" ); },
  { lane = "daily_views"; rest = "3h"; key_records = 200; windows = ( { name = "1d"; length = "1d"; emit = "0s"; } ); metrics = ( "demand" ); } );
limits: { key_records = 120; };
"""
    config = write_config(servers.folder / "bounds.conf", lanes, broker, redis, disorder="0s")
    with config.open("a") as file:
        file.write(f'plugins = "{servers.build}/examples:{servers.build}/plugins";\n'
                   f'state: {{ folder = "{servers.folder / "bounds"}"; interval = "200ms"; }};\n')
    host, producer = servers.run(config, "--report", 1), servers.producer(broker)
    now = int(time.time())
    hour = now // 3600 * 3600
    producer.send(*(event("product_view", f"u{n}", product="5", at=now - 1000 + n) for n in range(150)))
    producer.send(event("product_view", "ann", product="5", at=now - 5))
    wait_for(lambda: redis.get("wide:product:5:views_1h") == "151", 20, lambda: f"all views:\n{redis.features()}\n{host.tail()}")
    wait_for(lambda: redis.get("product:5:views_1h") == "100", 20, lambda: f"the newest:\n{redis.features()}\n{host.tail()}")
    host.wait_text("lane product_audience: product:5 has 100 records, as many as a key may have", 20)
    host.wait_text("51 beyond key_records", 20)
    check("shopper" not in "".join(line for line in host.tail().splitlines() if "key may have" in line), host.tail())

    def cut(*where):
        answer = as_json(servers, "features", "product", "5", "--config", config, *where)["features"]
        return {f"{feature['lane']}:{feature['key']}" for feature in answer if feature.get("truncated")}
    wanted = {"product_audience:product:5:views_1h", "product_audience:product:5:viewers_1h"}
    check(wanted <= cut() and not any("1m" in key or "wide" in key for key in cut()), f"truncated: {cut()}")
    done = told(servers, 0, "explain", "product", "5", "views_1h", "--config", config)
    check("truncated: the key has had more records in this window; of lane product_audience it keeps the newest 100" in done, done)
    # Two hours back: at rest by the default of 10 minutes, not by this lane's 3 hours. Five hours back it is.
    producer.send(event("product_view", "ann", product="5", at=hour - 7200 + 5))
    wait_for(lambda: redis.get("product:5:demand_1d") == "152", 20, lambda: f"it counts:\n{redis.features()}\n{host.tail()}")
    producer.send(event("product_view", "ann", product="5", at=hour - 5 * 3600))
    host.wait_text(" for buckets at rest", 20)
    check("1 for buckets at rest" in host.tail() and redis.get("product:5:demand_1d") == "152", host.tail())
    wait_for(kept_quietly(lambda: wanted <= cut("--state")), 20, "the state tells it too")
    check(host.end() == 0, host.tail())


def kept_quietly(look):
    def quiet():
        try:
            return look()
        except Exception:  # pylint: disable=broad-except
            return False
    return quiet


if __name__ == "__main__":
    run_main(__doc__, [across_a_crash, bounds_of_a_lane])
