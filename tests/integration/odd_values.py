#!/usr/bin/env python3
"""What an event should not hold, in a replay: it is taken as FEATURES.md section 0 says, counted, and said.

    odd_values.py BUILD_DIR
"""

import json
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "property"))
from wire import Raw, to_tsv  # noqa: E402

BUILD = pathlib.Path(sys.argv[1]).resolve()
QUIET = {name: "" for name in ("domain_userid", "network_userid", "domain_sessionid", "client_session", "page_url", "useragent")} | {
    "list_name": None, "yauaa": None, "platform": "web", "products": [], "replacing_products": [],
    "cart": None, "step": None, "transaction": None, "refund": None,
}
failures = 0


def check(condition, what, said=""):
    global failures
    failures += not condition
    print(f"{'pass' if condition else 'FAIL'}  {what}" + ("" if condition else f"\n{said}"), flush=True)


def event(number, kind="product_view", user="ann", **more):
    time = f"2025-03-26 12:00:{number:02}.000"
    return to_tsv({**QUIET, "kind": kind, "id": f"e{number}", "user_id": user, "derived": time, "collector": time, **more})


def view(number, **product):
    return event(number, products=[product])


LANES = f"""plugins = "{BUILD / "plugins"}"; lanes = (
  {{ lane = "product"; windows = ( {{ name = "5m"; length = "5m"; }} ); metrics = ( "product_views", "viewed_price" ); }},
  {{ lane = "purchase"; windows = ( {{ name = "24h"; length = "24h"; }} ); metrics = ( "orders" ); }} );
"""


def replay(folder, lines, more=""):
    (folder / "events.tsv").write_text("".join(line + "\n" for line in lines))
    (folder / "bad").write_text("")
    (folder / "t.conf").write_text('source: { kind = "files"; files = [ "events.tsv" ]; }; sink: { kind = "null"; };\n'
                                   + ("" if "lanes" in more else LANES) + more)
    done = subprocess.run(
        [BUILD / "shoplane", "replay", "--config", folder / "t.conf", "--final", "--stats", folder / "stats", "--workers", "2", "--dead-letters", folder / "bad", folder / "events.tsv"],
        capture_output=True, text=True, check=False,
    )
    features = {line["key"]: line["value"] for line in map(json.loads, done.stdout.splitlines())}
    return done, features, json.loads((folder / "stats").read_text())


def amounts(folder):
    done, features, stats = replay(folder, [
        view(1, id="a", price=Raw("12000000")),
        view(2, id="b", price=Raw('"9,99 EUR"')),
        view(3, id="c", price=Raw('"7"')),
        view(4, id="d", price=Raw("100000000000")),
        view(5, id="e", price=Raw("null")),
        view(6, id="f", price=Raw('""')),
        event(7, "transaction", transaction={"transaction_id": "t", "revenue": Raw("-1")}),
        event(8, "transaction", transaction={"transaction_id": "u", "revenue": Raw("1")}),
    ])
    said = done.stdout + done.stderr
    lines = [line for line in done.stderr.splitlines() if "no amount of money" in line]
    check(done.returncode == 0 and stats["odd_amounts"] == 4 and stats["bad"] == 0, "events with an odd amount are counted", said)
    check("  amounts    4 events" in done.stderr, "and stand in the summary", said)
    check(len(lines) == 2 and 'product[0].price is "9,99 EUR",' in done.stderr and "transaction[0].revenue is -1," in done.stderr,
          "the first at each place is said, and no other", said)
    check(features.get("user:ann:price_range_viewed_5m") == "0-12000000" and features.get("user:ann:avg_viewed_price_5m") == "2000000"
          and features.get("user:ann:order_value_24h") == "1", "they are missing, and a phone in rupiah is not", said)


def texts(folder):
    done, features, stats = replay(folder, [
        view(1, id=5), view(2, id="5"), view(3, id=Raw("5.0")), view(4, id=True),
        view(5, id=[5]), view(6, id={"of": 5}),
    ])
    said = done.stdout + done.stderr
    check(features.get("user:ann:return_view_count_5m") == '{"5":2,"5.0":1,"true":1}' and stats["odd_amounts"] == 0,
          "a number or boolean is its text", said)
    check(stats["bad"] == 2 and "2 value" in done.stderr, "an object or a list spoils the event", said)


def lengths(folder):
    done, features, stats = replay(folder, [
        event(1, user="u" * 512, products=[{"id": "5"}]), event(2, user="u" * 513, products=[{"id": "5"}]),
        event(3, user="x" * 900_000, products=[{"id": "5"}]),
        view(4, id="i" * 4096), view(5, id="i" * 4097), view(6, id="i" * 90_000),
    ])
    said = (done.stdout + done.stderr)[:3000]
    check(stats["bad"] == 4 and "4 size" in done.stderr and len(done.stdout) < 20_000, "what is too long to keep is a dead letter", said)
    check(features.get(f"user:{'u' * 512}:product_view_count_5m") == "1"
          and features.get("user:ann:return_view_count_5m") == '{"%s":1}' % ("i" * 4096), "what is just short enough is not", said)
    letters = [json.loads(line)["data"] for line in (folder / "bad").read_text().splitlines()]
    check(all(word in str(letters) for word in ("user_id has 513 bytes, and an id at most 512", "user_id has 900000 bytes",
                                                "product[0].id has 4097 bytes, and a text that is kept at most 4096")),
          "which says what, and how long", str(letters)[:3000])
    done, features, stats = replay(folder, [view(1, id="i" * 100), view(2, id="i" * 101)], more="limits: { text_bytes = 100; };")
    check(stats["bad"] == 1 and features.get("user:ann:product_view_count_5m") == "1", "text_bytes is a setting", done.stderr)
    done, features, stats = replay(folder, [view(1, id="p" * 512), view(2, id="p" * 513)], more=(
        f'plugins = "{BUILD / "examples"}:{BUILD / "plugins"}"; lanes = (\n  {{ lane = "product_audience"; '
        'windows = ( { name = "1h"; length = "1h"; } ); metrics = ( "audience" ); } );'))
    check(stats["bad"] == 1 and stats["records"] == 1, "a lane's own key is no longer either", done.stderr[:3000])
    check("lane product_audience gives a record of it a key of 513 bytes, and a key has at most 512" in (folder / "bad").read_text(),
          "which says so, too")


with tempfile.TemporaryDirectory() as name:
    for scenario in (amounts, texts, lengths):
        scenario(pathlib.Path(name))
sys.exit(failures > 0)
