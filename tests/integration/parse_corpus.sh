#!/bin/sh
# Every pair of the shared corpus (X.tsv, X.expected.jsonl): `shoplane parse` gives the expected JSON, and no dead letters.
#
#     parse_corpus.sh BUILD_FOLDER        SHOPLANE_SHARED: the shared folder, else ../shared beside the repository
#
# Some expected files come from an SDK that adds geo_location, which `shoplane parse` does not: that key is not compared.
set -eu
repository=$(cd "$(dirname "$0")/../.." && pwd)
program=$1/shoplane
corpus=${SHOPLANE_SHARED:-$repository/../shared}/corpus
if [ ! -d "$corpus" ]; then
    echo "skipped: no corpus at $corpus (set SHOPLANE_SHARED to the folder that has corpus/)"
    exit 77
fi
command -v python3 >/dev/null || { echo "skipped: no python3 to compare JSON with"; exit 77; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
pairs=0
for events in "$corpus"/*.tsv; do
    expected=${events%.tsv}.expected.jsonl
    [ -f "$expected" ] || continue
    "$program" parse --dead-letters "$work/letters" "$events" >"$work/found" 2>"$work/count" ||
        { cat "$work/count"; exit 1; }
    if [ -s "$work/letters" ]; then
        echo "dead letters from $events:"
        head -c 2000 "$work/letters"
        exit 1
    fi
    python3 - "$work/found" "$expected" <<'PYTHON'
import json, sys

found, expected = ([json.loads(line) for line in open(path, encoding="utf-8")] for path in sys.argv[1:])
for event in expected:
    event.pop("geo_location", None)
for number, (ours, theirs) in enumerate(zip(found, expected), 1):
    for key in {**ours, **theirs}:
        if json.dumps(ours.get(key), sort_keys=True) != json.dumps(theirs.get(key), sort_keys=True):
            sys.exit("%s:%d: %s is %r, expected %r" % (sys.argv[2], number, key, ours.get(key), theirs.get(key)))
if len(found) != len(expected):
    sys.exit("%s: %d events, expected %d" % (sys.argv[2], len(found), len(expected)))
print("%s: %d events agree" % (sys.argv[2].rsplit("/", 1)[1], len(found)))
PYTHON
    pairs=$((pairs + 1))
done
if [ "$pairs" -eq 0 ]; then
    echo "skipped: no pairs in $corpus"
    exit 77
fi
