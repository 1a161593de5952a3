#!/bin/sh
# `shoplane parse` against the real Snowplow Python analytics SDK, on generated and broken events (parse_oracle.py).
#
#     parse_oracle.sh BUILD_FOLDER [SEED] [COUNT]
#
# SEED (or the variable SHOPLANE_SEED) repeats a run; without one the seed is the time, and is printed. COUNT: 30000. The
# SDK comes by pip into a virtualenv in the build folder, kept for the next run; where pip can't get it this is skipped.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$1" && pwd)
seed=${2:-${SHOPLANE_SEED:-$(date +%s)}}
count=${3:-30000}
sdk=$build/tests/snowplow_sdk
log=$build/tests/snowplow_sdk.log
mkdir -p "$build/tests"

if ! "$sdk/bin/python" -W ignore -c 'import snowplow_analytics_sdk.event_transformer' 2>/dev/null; then
    rm -rf "$sdk"
    if ! python3 -m venv "$sdk" >"$log" 2>&1; then
        echo "skipped: no virtualenv can be made with python3 (see $log)"
        exit 77
    fi
    if ! "$sdk/bin/python" -m pip install --quiet --disable-pip-version-check --retries 1 --timeout 20 \
        snowplow-analytics-sdk==0.2.3 >>"$log" 2>&1; then
        echo "skipped: pip can't get snowplow-analytics-sdk==0.2.3 (see $log)"
        exit 77
    fi
fi
if "$sdk/bin/python" -W ignore "$here/parse_oracle.py" "$build/shoplane" "$seed" "$count"; then
    exit 0
fi
echo "to repeat: $0 $1 $seed $count"
exit 1
