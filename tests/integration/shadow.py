#!/usr/bin/env python3
"""Lanes and parsers that stand beside others: counted to the digit, nothing of a shadow in Redis, promoted and rolled back by a word.

    shadow.py BUILD_DIR [--only WORD] [--keep FOLDER]
"""

import json
import subprocess
import time

from live import event
from servers import TOPIC, MockBroker, check, run_main, wait_for, write_config

CASE = """lane category windows 1h metrics top_category category_views
at 12:00:00 list_view user=ann event.name=shoes
at 12:00:10 product_view user=ann product.category=shoes
at 12:00:20 product_view user=bob product.category=hats
at 12:00:30 list_view user=bob event.name=hats
expect end dead_letters = 0
"""


def told(servers, status, *words, cwd=None):
    done = subprocess.run([str(servers.build / "shoplane"), *map(str, words)], capture_output=True, text=True, timeout=60, check=False,
                          cwd=cwd)
    check(done.returncode == status, f"{' '.join(map(str, words))}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout, done.stderr


def events_of(servers, folder):
    """CASE as enriched TSV."""
    (folder / "t.case").write_text(CASE)
    told(servers, 0, "plugin", "test", "--plugins", servers.build / "plugins", "--keep", folder, folder / "t.case")
    return folder / "t.case.tsv"


def categories(more="", windows='{ name = "1h"; length = "1h"; emit = 0; }', metrics='"top_category", "category_views"'):
    return f'{{ lane = "category"; {more} windows = ( {windows} ); metrics = ( {metrics} ); }}'


LISTLESS = categories('as = "listless"; shadow_of = "category"; %s params = { count_lists = false; };')


def files_config(servers, path, *lanes):
    path.write_text(f'plugins = "{servers.build}/plugins";\nsource: {{ kind = "files"; clock = "event"; files = [ "t.tsv" ]; }};\n'
                    f'sink: {{ kind = "null"; }};\nlanes = (\n' + ",\n".join(lanes) + "\n);\n")
    return path


def counted_to_the_digit(servers):
    """By hand. ann's list: top "shoes" against nothing, 1 category against 0, 1 view against 0. ann's product: the same, the same,
    2 against 1. bob's product: all the same. bob's list: the same, the same, 2 against 1."""
    folder = servers.fresh("counted")
    events = events_of(servers, folder)
    config = files_config(servers, folder / "s.conf", categories(), LISTLESS % "")
    expected = {"top_category_1h": (4, 1, 1, 0, "", ""), "unique_categories_1h": (4, 1, 0, 0, 1, 1), "category_view_count_1h": (4, 3, 0, 0, 1, 1)}
    for options in (["--workers", 1, "--batch", 1], ["--workers", 3, "--batch", 2], ["--workers", 2, "--batch", 1000]):
        out, err = told(servers, 0, "replay", "--config", config, "--quiet", "--diff", *options, events)
        rows = {line.split()[0]: line.split()[1:] for line in err.splitlines() if "_1h " in line and "%" in line}
        for feature, (compared, differ, only_live, only_shadow, mean, most) in expected.items():
            words = [str(compared), str(differ), f"{100 * differ / compared:.2f}%", *(str(word) for word in (mean, most) if word != ""),
                     str(only_live), str(only_shadow)]
            check(rows.get(feature) == words, f"{options}: {feature} is {rows.get(feature)}, not {words}\n{err}")
        check("Z  user:ann:top_category_1h: shoes, shadow -\n" in err, err)
        check(err.startswith("lane category, and its shadow listless\n"), err)
        keys = [json.loads(line)["key"] for line in out.splitlines()]
        check(keys and all(key.startswith("user:") for key in keys), keys)
    out, _ = told(servers, 0, "replay", "--config", config, "--quiet", "--final", events)
    check('"user:ann:category_view_count_1h","value":"2"' in out.replace(" ", ""), out)
    promoted = files_config(servers, folder / "l.conf", categories(), LISTLESS % 'role = "live";')
    out, err = told(servers, 0, "replay", "--config", promoted, "--quiet", "--final", "--diff", events)
    check('"user:ann:category_view_count_1h","value":"1"' in out.replace(" ", ""), out)
    check(err.startswith("lane listless, and its shadow category\n") and "user:bob:category_view_count_1h: 1, shadow 2" in err, err)


def parsers_and_prefixes(servers):
    """A parser beside another of its lane; and what is written under a prefix."""
    folder = servers.fresh("parsers")
    events = events_of(servers, folder)
    config = files_config(servers, folder / "p.conf", categories(
        metrics='"top_category", "category_views", { metric = "category_views"; as = "again"; shadow_of = "category_views"; }'))
    out, err = told(servers, 0, "replay", "--config", config, "--quiet", "--diff", events)
    check("metric parser category_views, and its shadow again\n" in err and " 4 " in err and "%" in err and "user:" not in err, err)
    check(len(out.splitlines()) > 0 and "again" not in out, out)
    config = files_config(servers, folder / "x.conf", categories(), LISTLESS % 'prefix = "next";')
    out, _ = told(servers, 0, "replay", "--config", config, "--quiet", "--final", events)
    values = {line["key"]: line["value"] for line in map(json.loads, out.splitlines())}
    check(values["user:ann:category_view_count_1h"] == "2" and values["next:user:ann:category_view_count_1h"] == "1", values)
    text, _ = told(servers, 0, "check", "--config", config)
    check("lane listless is the shadow of category: 2 features are compared" in text or
          "lane listless is the shadow of category: 3 features are compared" in text, text)
    check("  writes next:user:{id}:category_view_count_1h" in text and "  an instance of lane category" in text, text)


def what_can_not_be_compared(servers):
    folder = servers.fresh("wrong")

    def refused(what, place, advice, *lanes):
        _, err = told(servers, 2, "check", "--config", files_config(servers, folder / "w.conf", *lanes))
        check(f"shoplane: {what}\n" in err and place in err and advice in err, f"expected: {what}\n{place}\n{advice}\ngot:\n{err}")
        check(err.count("shoplane: ") == 1, err)

    product = 'lane = "product"; windows = ( { name = "1h"; length = "1h"; } ); metrics = ( "product_views" );'
    pages = 'lane = "session"; windows = ( { name = "session"; gap = "30m"; } ); metrics = ( "session_pages" );'
    refused('"product" has no feature in common with "category"', "w.conf:6", "windows and features of the same names are compared",
            categories(), f'{{ {product} shadow_of = "category"; }}')
    refused('"session" has other keys than "category"', "w.conf:6", "lanes of the same key can be compared", categories(),
            f'{{ {pages} shadow_of = "category"; }}')
    refused('"listless" has other kinds of windows than "category"', "w.conf:6", "both a session window, or both rolling ones", categories(),
            categories('as = "listless"; shadow_of = "category";', windows='{ name = "session"; gap = "30m"; }'))
    refused("lanes.category.shadow_of names no lane that is here", "w.conf:6: shadow_of = \"categories\"", "the name of the lane it stands",
            categories(), categories('as = "next"; shadow_of = "categories";'))
    refused("lanes.category.shadow_of names the lane itself", "w.conf:6", 'as = "NAME";', categories(),
            categories('as = "next"; shadow_of = "next";'))
    refused("lanes.category.shadow_of names a lane that stands beside another one itself", "w.conf:7", 'shadow_of = "category";',
            categories(), LISTLESS % "", categories('as = "next"; shadow_of = "listless";'))
    refused("lanes.category.shadow_of names a lane whose place another one has taken", "w.conf:7", 'role = "live"; in one of the two only',
            categories(), LISTLESS % 'role = "live";', categories('as = "next"; shadow_of = "category"; role = "live";'))
    refused("lanes.category.lane is there already: no lane can be there twice", "w.conf:6", 'another name (as = "NAME";)', categories(),
            categories())
    refused("lanes.category.role goes with shadow_of only", "w.conf:5", 'add shadow_of = "NAME";', categories('role = "live";'))
    refused("lanes.category.role is none that Shoplane knows", "w.conf:6: role = \"main\"", 'one of "shadow" or "live"', categories(), LISTLESS % 'role = "main";')
    refused("lanes.category.prefix is what other keys begin with", "w.conf:6", 'prefix = "next";', categories(), LISTLESS % 'prefix = "user";')
    refused("lanes.category.prefix is too long", "w.conf:6", "at most 15 bytes", categories(), LISTLESS % 'prefix = "a_long_prefix_1234";')


TWINS = ",\n".join(
    f'{{ lane = "{lane}"; {more} windows = ( {windows} ); metrics = ( {metrics} ); }}'
    for lane, windows, metrics in (
        ("product", '{ name = "5m"; length = "5m"; emit = 0; }, { name = "1h"; length = "1h"; }', '"product_views", "viewed_price"'),
        ("category", '{ name = "1h"; length = "1h"; emit = "5s"; }', '"top_category", "category_views"'),
        ("session", '{ name = "session"; gap = "30m"; }', '"session_pages", "session_search", "shopper_devices"'))
    for more in ("", f'as = "twin_{lane}"; shadow_of = "{lane}";'))


def totals(pairs):
    return [sum(column[name] for pair in pairs for column in pair["features"]) for name in ("compared", "differ")]


def the_same_never_differs(servers):
    """A lane beside itself: whatever the batches, the workers and the clock, both have taken the same when they are compared."""
    folder = servers.fresh("twins")
    events = servers.generate("day.tsv", "--events", 6000)
    config = files_config(servers, folder / "t.conf", TWINS)
    compared = set()
    for options in (["--workers", 1, "--batch", 1], ["--workers", 3, "--batch", 7], ["--workers", 4, "--batch", 1000]):
        _, err = told(servers, 0, "replay", "--config", config, "--sink", "null", "--quiet", "--diff", *options, events)
        rows = [line.split() for line in err.splitlines() if "%" in line]
        check(len(rows) == 17 and all(row[2] == "0" for row in rows), err)
        compared.add(sum(int(row[1]) for row in rows))
    check(len(compared) == 1 and min(compared) > 20000, f"compared: {compared}")
    redis, broker = servers.redis().start(), MockBroker(servers, {TOPIC: 4})
    config = write_config(servers.folder / "live.conf", f"lanes = ( {TWINS} );\n", broker, redis, clock="live")
    with config.open("a") as file:
        file.write(f'state: {{ folder = "{servers.folder / "state"}"; interval = "200ms"; }};\n')
    host = servers.run(config, "--workers", 2)
    servers.produce(broker, events)

    def through():
        pairs = json.loads(told(servers, 0, "diff", "--config", config, "--json")[0])
        compared, differ = totals(pairs)
        check(differ == 0, pairs)
        return compared > 3000
    wait_for(through, 60, lambda: f"events are compared:\n{host.tail()}")
    time.sleep(3)  # sessions and windows go on by the clock
    through()
    check(host.end() == 0, host.tail())


def added_to_a_running_host(servers):
    """Its windows are filled from the topic first; until then nothing is compared, and from then on it knows as much as the other."""
    redis, broker = servers.redis().start(), MockBroker(servers, {TOPIC: 4})
    path = servers.folder / "added.conf"
    lane = 'windows = ( { name = "w"; length = "1h"; emit = "0s"; ttl = "2h"; } ); metrics = ( "product_views" );'

    def configure(more):
        write_config(path, f'lanes = ( {{ lane = "product"; {lane} }}{more} );\n', broker, redis, disorder="0s")
        with path.open("a") as file:
            file.write(f'state: {{ folder = "{servers.folder / "state"}"; interval = "200ms"; }};\n')
    configure("")
    host, producer = servers.run(path, "--workers", 2), servers.producer(broker)
    now = int(time.time())
    producer.send(*(event("product_view", f"u{n % 7}", "s", str(n % 11), at=now - 1800 + n) for n in range(500)))
    wait_for(lambda: redis.get("user:u3:product_view_count_w") == "11", 20, lambda: f"features:\n{host.tail()}")
    configure(f', {{ lane = "product"; as = "late"; shadow_of = "product"; {lane} }}')
    told(servers, 0, "reload", "--config", path)
    producer.send(*(event("product_view", f"u{n}", "s", "12", at=time.time()) for n in range(7)))
    wait_for(lambda: redis.get("user:u3:product_view_count_w") == "12", 20, lambda: f"features:\n{host.tail()}")

    def compared():
        found, differ = totals(json.loads(told(servers, 0, "diff", "--config", path, "--json")[0]))
        check(differ == 0, lambda: told(servers, 0, "diff", "--config", path)[0])
        return found >= 14  # two features of seven shoppers
    wait_for(compared, 20, lambda: f"all are compared:\n{host.tail()}")
    text, _ = told(servers, 0, "explain", "user:u3:product_view_count_w", "--config", path)
    check("of lane late, window w: 72 records, a shadow's, written nowhere" in text or "of lane late, window w: 73 records" in text, text)
    check(host.end() == 0, host.tail())


def promoted_by_a_word(servers):
    redis, broker = servers.redis().start(), MockBroker(servers, {TOPIC: 4})
    path, state = servers.folder / "shadow.conf", servers.folder / "state"
    key = "user:ann:product_view_count_w"

    def configure(more):
        """The shadow looks ten minutes back, the live lane an hour."""
        lane = 'windows = ( { name = "w"; length = "%s"; emit = "0s"; ttl = "2h"; } ); metrics = ( "product_views" );'
        write_config(path, f'lanes = ( {{ lane = "product"; {lane % "1h"} }},\n'
                           f'{{ lane = "product"; as = "short"; shadow_of = "product"; {more} {lane % "10m"} }} );\n', broker, redis,
                     disorder="0s")
        with path.open("a") as file:
            file.write(f'state: {{ folder = "{state}"; interval = "200ms"; }};\n')

    def diff(*words):
        return json.loads(told(servers, 0, "diff", "--config", path, "--json", *words)[0])

    configure("")
    host, producer = servers.run(path, "--workers", 2, "--report", 1), servers.producer(broker)
    now = int(time.time())
    producer.send(event("product_view", "ann", "s1", "5", at=now - 1800), event("product_view", "ann", "s1", "6", at=now),
                  event("product_view", "bob", "s2", "7", at=now))
    wait_for(lambda: redis.get(key) == "2" and redis.get("user:bob:product_view_count_w") == "1", 20, lambda: f"features:\n{host.tail()}")

    def differs():
        pairs = diff()
        check(len(pairs) == 1 and (pairs[0]["live"], pairs[0]["shadow"], pairs[0]["of"]) == ("product", "short", "lane"), pairs)
        column = next(column for column in pairs[0]["features"] if column["feature"] == "product_view_count_w")
        newest = [example for example in pairs[0]["examples"] if example["key"] == key]
        return column["differ"] >= 1 and column["compared"] > column["differ"] and newest and \
            (newest[0]["live"], newest[0]["shadow"]) == ("2", "1")
    wait_for(differs, 20, lambda: f"ann is an example: {diff()}")
    check(diff("short") == diff() and diff("other") == [], "the pair of a name")
    text, _ = told(servers, 0, "diff", "--config", path)
    check(text.startswith("lane product, and its shadow short\n") and f"{key}: 2, shadow 1" in text, text)
    host.wait_text(r"compared with shadows \(\d+ differ\)", 10)
    check(sorted(redis.keys()) == sorted(f"user:{user}:{feature}_w" for user in ("ann", "bob")
                                        for feature in ("product_view_count", "return_view_count")), redis.keys())
    text, _ = told(servers, 0, "explain", key, "--config", path)
    check("by parser product_views of lane product, window w: 2 records, written " in text and
          "of lane short, window w: 1 record, a shadow's, written nowhere" in text, text)
    check('"lane":"short"' in told(servers, 0, "cost", "--json", "--config", path)[0], "cost knows the shadow")

    def reload():
        told(servers, 0, "reload", "--config", path)
    configure('prefix = "next";')
    reload()
    wait_for(lambda: redis.get("next:" + key) == "1", 20, lambda: f"the prefix:\n{host.tail()}")
    check(redis.get(key) == "2", "the live feature stays")
    configure('role = "live"; prefix = "next";')
    reload()
    wait_for(lambda: redis.get(key) == "1", 20, lambda: f"the shadow is live, and knows what it has seen:\n{host.tail()}")
    check(diff()[0]["live"] == "short" and diff()[0]["shadow"] == "product", diff())
    producer.send(event("product_view", "ann", "s1", "8"))
    wait_for(lambda: redis.get(key) == "2", 20, lambda: f"and it goes on:\n{host.tail()}")
    configure('role = "shadow";')
    reload()
    wait_for(lambda: redis.get(key) == "3", 20, lambda: f"back, and the other has seen all:\n{host.tail()}")
    text, err = told(servers, 1, "diff", "nothing", "--config", path)
    check('"nothing" runs beside nothing, and nothing beside it' in err, err)
    check(host.end() == 0, host.tail())


if __name__ == "__main__":
    run_main(__doc__, [counted_to_the_digit, parsers_and_prefixes, what_can_not_be_compared, the_same_never_differs, added_to_a_running_host,
                       promoted_by_a_word])
