#!/bin/sh
# What `shoplane-demo generate` writes is valid: 131 columns, JSON, consistent times and ids, 2-4 KB in the middle; the JSON
# format tells of the same events; the same options give the same bytes.
#
#     generate_valid.sh BUILD_FOLDER
set -eu
program=$1/shoplane-demo
command -v python3 >/dev/null || { echo "skipped: no python3 to read JSON with"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$program" generate --duration 10m --rate 30 --seed 7 --output "$work/events.tsv"
"$program" generate --duration 10m --rate 30 --seed 7 | cmp - "$work/events.tsv"
"$program" generate --duration 10m --rate 30 --seed 7 --format json --output "$work/events.jsonl"
"$program" generate --duration 10m --rate 30 --seed 7 --dirty 10% --output "$work/dirty.tsv"

python3 - "$work" <<'PYTHON'
import collections, json, sys

def check(condition, number, what):
    if not condition:
        sys.exit("events.tsv:%d: %s" % (number, what))

work = sys.argv[1]
events = [line.decode() for line in open(work + "/events.tsv", "rb").read().split(b"\n")[:-1]]
kinds, collector_before, ids = collections.Counter(), "", []
for number, line in enumerate(events, 1):
    columns = line.split("\t")
    check(len(columns) == 131, number, "%d columns" % len(columns))
    etl, collector, derived = columns[2], columns[3], columns[124]
    check(collector_before <= collector, number, "before the line before it")
    check(derived <= collector <= etl, number, "derived %s, collector %s, etl %s" % (derived, collector, etl))
    collector_before = collector
    contexts, derived_contexts = (json.loads(columns[i])["data"] for i in (52, 122))
    unstruct = json.loads(columns[58])["data"] if columns[58] else None
    check((columns[5] == "unstruct") == (unstruct is not None), number, "event is %s" % columns[5])
    if unstruct:
        check(unstruct["schema"] == "iglu:%s/%s/jsonschema/%s" % (columns[125], columns[126], columns[128]), number,
              "event_name is not that of the event")
    for entity in contexts:
        if "/client_session/" in entity["schema"] and columns[123]:
            check(entity["data"]["sessionId"] == columns[123], number, "two session ids")
    server = columns[1] == "srv"
    check(server != any("/page/" in e["schema"] for e in contexts), number, "server and page")
    kinds[unstruct["data"].get("type", columns[126]) if unstruct else columns[126]] += 1
    ids.append(columns[6])

sizes = sorted(len(line.encode()) for line in events)
check(2000 <= sizes[len(sizes) // 2] <= 4096, 0, "half of the events are below %d bytes" % sizes[len(sizes) // 2])
for kind in ("page_view page_ping product_view list_view list_click add_to_cart remove_from_cart checkout_step transaction "
             "promo_view site_search link_click screen_view").split():
    check(kinds[kind] > 0, 0, "no " + kind)
check(len(set(ids)) < len(ids), 0, "no event came twice")
check(any(ord(c) > 127 for line in events for c in line), 0, "ASCII only")

with open(work + "/events.jsonl", encoding="utf-8") as lines:
    if [json.loads(line)["id"] for line in lines] != ids:
        sys.exit("events.jsonl tells of other events than events.tsv")

dirty = iter(open(work + "/dirty.tsv", "rb").read().split(b"\n")[:-1])
good = [line.encode() for line in events]
if not all(line in dirty for line in good):
    sys.exit("dirty.tsv lacks good lines")
print("%d events, median %d bytes" % (len(events), sizes[len(sizes) // 2]))
PYTHON
